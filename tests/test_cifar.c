/* CIFAR-10 binary files: batches in order, records, damage. */
#include "data_files.h"

#include <math.h>

enum { RECORD = 3073, PIXELS = 3072, RECORDS = 4 };

static uint8_t written_label(unsigned batch, size_t i)
{
    return (uint8_t)((batch + 3 * i) % 10);
}

/* Plane c of record i of a batch is constant, so that channels can be told apart. */
static uint8_t written_pixel(unsigned batch, size_t i, size_t plane)
{
    return (uint8_t)(40 * batch + 10 * i + plane);
}

static void make_batch(uint8_t file[RECORDS * RECORD], unsigned batch)
{
    for (size_t i = 0; i < RECORDS; i++) {
        file[i * RECORD] = written_label(batch, i);
        for (size_t k = 0; k < PIXELS; k++)
            file[i * RECORD + 1 + k] = written_pixel(batch, i, k / 1024);
    }
}

static void write_batch(const struct data_folder *folder, const char *name, unsigned batch)
{
    uint8_t file[RECORDS * RECORD];
    make_batch(file, batch);
    data_write(folder, name, file, sizeof file);
}

static void check_sample(const struct psi_split *split, size_t at, unsigned batch, size_t i)
{
    assert_int_equal(split->label[at], written_label(batch, i));
    for (size_t k = 0; k < PIXELS; k++)
        assert_int_equal(split->pixel[at * PIXELS + k], written_pixel(batch, i, k / 1024));
}

static void test_batches_in_order(void **state)
{
    struct data_folder *folder = *state;
    struct psi_data_spec spec = {.set = PSI_CIFAR10, .path = folder->path, .train = 8, .test = 4};
    data_folder_empty(folder);
    write_batch(folder, "data_batch_2.bin", 3);
    write_batch(folder, "data_batch_1.bin", 1);
    write_batch(folder, "test_batch_first_1000.bin", 0);
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_int_equal(dataset->channels, 3);
    assert_int_equal(dataset->height, 32);
    assert_int_equal(dataset->width, 32);
    assert_int_equal(dataset->features, PIXELS);
    assert_int_equal(dataset->classes, 10);
    assert_int_equal(dataset->train.samples, 8);
    assert_int_equal(dataset->test.samples, 4);
    for (size_t i = 0; i < RECORDS; i++) {
        check_sample(&dataset->train, i, 1, i);
        check_sample(&dataset->train, RECORDS + i, 3, i);
        check_sample(&dataset->test, i, 0, i);
    }
    /* values 40 + 10 i and 120 + 10 i, i = 0 .. 3, + plane: mean 95 + plane, variance
     * 40^2 + (15^2 + 5^2) / 2 */
    for (size_t plane = 0; plane < 3; plane++) {
        assert_true(fabs(dataset->mean[plane] - (95.0 + (double)plane)) < 1e-4);
        assert_true(fabs(dataset->deviation[plane] - sqrt(1725.0)) < 1e-4);
    }
    psi_dataset_destroy(dataset);

    write_batch(folder, "test_batch.bin", 5); /* the whole test set goes first */
    spec.train = 6;
    spec.test = 3;
    spec.validation = 2;
    dataset = data_expect_success(&spec);
    assert_int_equal(dataset->train.samples, 4);
    assert_int_equal(dataset->validation.samples, 2);
    assert_int_equal(dataset->test.samples, 3);
    check_sample(&dataset->validation, 1, 3, 1);
    check_sample(&dataset->test, 2, 5, 2);
    psi_dataset_destroy(dataset);
}

static void test_damage(void **state)
{
    struct data_folder *folder = *state;
    struct psi_data_spec spec = {.set = PSI_CIFAR10, .path = folder->path};
    uint8_t file[RECORDS * RECORD];
    make_batch(file, 1);
    data_folder_empty(folder);
    DATA_EXPECT_FAILURE(&spec, PSI_IO, "data_batch_1.bin", "no such file");
    write_batch(folder, "data_batch_2.bin", 2);
    DATA_EXPECT_FAILURE(&spec, PSI_IO, "data_batch_1.bin", "no such file");
    write_batch(folder, "data_batch_1.bin", 1);
    spec.train = 2 * RECORDS;
    DATA_EXPECT_FAILURE(&spec, PSI_IO, "test_batch.bin", "no such file");
    write_batch(folder, "test_batch.bin", 1);
    psi_dataset_destroy(data_expect_success(&spec));

    data_write(folder, "data_batch_2.bin", file, sizeof file - 1);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, "data_batch_2.bin", "size", "multiple of 3073",
                        "3072 bytes after record 3");
    data_write(folder, "data_batch_2.bin", file, RECORD + 1);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, "data_batch_2.bin", "size", "multiple of 3073",
                        "1 bytes after record 1");
    data_write(folder, "data_batch_2.bin", file, 0);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, "data_batch_2.bin", "size", "found 0");
    file[2 * RECORD] = 10;
    data_write(folder, "data_batch_2.bin", file, sizeof file);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, "data_batch_2.bin", "label of record 2", "found 10");
    spec.train = RECORDS + 2; /* the damaged record is not among those used */
    psi_dataset_destroy(data_expect_success(&spec));
    write_batch(folder, "data_batch_2.bin", 2);
    data_write(folder, "test_batch.bin", file, 5);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, "test_batch.bin", "size", "multiple of 3073");
}

static void test_asking_for_too_much(void **state)
{
    struct data_folder *folder = *state;
    struct psi_data_spec spec = {.set = PSI_CIFAR10, .path = folder->path, .train = RECORDS + 1};
    data_folder_empty(folder);
    write_batch(folder, "data_batch_1.bin", 1);
    write_batch(folder, "test_batch.bin", 2);
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, folder->path, "training", "5", "there are 4");
    spec.train = 4;
    spec.test = 9;
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, folder->path, "test", "9", "there are 4");
    /* all of the set is asked for, and a part of it is there */
    spec.train = spec.test = 0;
    DATA_EXPECT_FAILURE(&spec, PSI_IO, "data_batch_2.bin", "no such file", "data.train");
    data_folder_empty(folder);
    for (char n = '1'; n <= '5'; n++) {
        char name[] = "data_batch_N.bin";
        name[11] = n;
        write_batch(folder, name, 1);
    }
    write_batch(folder, "test_batch_first_1000.bin", 2);
    DATA_EXPECT_FAILURE(&spec, PSI_IO, "test_batch.bin", "no such file");
    spec.test = 1001;
    DATA_EXPECT_FAILURE(&spec, PSI_IO, "test_batch.bin", "no such file");
    write_batch(folder, "test_batch.bin", 2);
    spec.test = 0;
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_int_equal(dataset->train.samples, 5 * RECORDS);
    psi_dataset_destroy(dataset);
}

/* The first batch and the first 1000 test images of CIFAR-10; figures by NumPy and zlib from the
 * files of MD5 5dd7e06a14cb22eb9f671a540d1b7c25 and 371f65da31ad652f5e24b3699a3e6515. */
static void test_real_cifar(void **state)
{
    (void)state;
    static const size_t train[10] = {1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981};
    static const double mean[3] = {125.83175029296875, 123.2606662109375, 114.03068681640625};
    static const double deviation[3] = {63.143397759467256, 62.36920597307968, 66.9658051412931};
    struct psi_data_spec spec = {
        .set = PSI_CIFAR10, .path = "../shared/data/cifar-10", .train = 10000, .test = 1000};
    if (access(spec.path, R_OK) != 0) {
        print_message("%s is not there: skipped\n", spec.path);
        skip();
    }
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_int_equal(crc32(0, dataset->train.pixel, 10000 * PIXELS), 0x4342fec4);
    assert_int_equal(crc32(0, dataset->train.label, 10000), 0x8ee293b3);
    assert_int_equal(crc32(0, dataset->test.pixel, 1000 * PIXELS), 0xaa079e9d);
    assert_int_equal(crc32(0, dataset->test.label, 1000), 0xfbf5f6e0);
    size_t count[10] = {0};
    for (size_t i = 0; i < 10000; i++)
        count[dataset->train.label[i]]++;
    assert_memory_equal(count, train, sizeof train);
    for (int plane = 0; plane < 3; plane++) {
        assert_true(fabs(dataset->mean[plane] - mean[plane]) < 1e-4);
        assert_true(fabs(dataset->deviation[plane] - deviation[plane]) < 1e-4);
    }
    assert_true(fabs(psi_split_chance(&dataset->test) - 0.112) < 1e-12);
    psi_dataset_destroy(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_in_order),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_asking_for_too_much),
        cmocka_unit_test(test_real_cifar),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
