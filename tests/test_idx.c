/* IDX files: what is read is what was written; sizes and limits are checked. */
#include "idx_files.h"

#include <math.h>
#include <sys/stat.h>

static void test_reads_what_was_written(void **state)
{
    for (int gz = 0; gz < 2; gz++) {
        idx_write_set(*state, gz);
        struct psi_data_spec spec = idx_spec_of(*state);
        struct psi_dataset *dataset = data_expect_success(&spec);
        assert_int_equal(dataset->channels, 1);
        assert_int_equal(dataset->height, HEIGHT);
        assert_int_equal(dataset->width, WIDTH);
        assert_int_equal(dataset->features, FEATURES);
        assert_int_equal(dataset->classes, CLASSES);
        idx_check_split(&dataset->train, 0, TRAIN);
        idx_check_split(&dataset->validation, TRAIN, 0);
        idx_check_split(&dataset->test, TRAIN, TEST);
        psi_dataset_destroy(dataset);

        spec.train = 7;
        spec.validation = 3;
        spec.test = 2;
        dataset = data_expect_success(&spec);
        idx_check_split(&dataset->train, 0, 4);
        idx_check_split(&dataset->validation, 4, 3);
        idx_check_split(&dataset->test, TRAIN, 2);
        psi_dataset_destroy(dataset);
    }
}

static void test_missing(void **state)
{
    static const char *const names[] = {TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS};
    struct psi_data_spec spec = idx_spec_of(*state);
    for (size_t i = 0; i < 4; i++) {
        char path[PATH_MAX];
        idx_write_set(*state, 0);
        data_folder_file(*state, names[i], path);
        assert_int_equal(remove(path), 0);
        DATA_EXPECT_FAILURE(&spec, PSI_IO, names[i], "no such file");
        assert_int_equal(mkdir(path, 0700), 0);
        DATA_EXPECT_FAILURE(&spec, PSI_IO, names[i], "directory");
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0); /* must not wait for a writer */
        DATA_EXPECT_FAILURE(&spec, PSI_IO, names[i], "special file");
    }
    spec.path = "/nowhere/at/all";
    DATA_EXPECT_FAILURE(&spec, PSI_IO, "/nowhere/at/all/" TRAIN_IMAGES, "no such file");
    spec.path = NULL;
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, "path");
    char *endless = malloc(2 * PATH_MAX);
    assert_non_null(endless);
    memset(endless, 'a', 2 * PATH_MAX);
    endless[2 * PATH_MAX - 1] = '\0';
    spec.path = endless;
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, TRAIN_IMAGES, "too long");
    endless[1000] = '\0'; /* the end of a long path is what tells files apart */
    DATA_EXPECT_FAILURE(&spec, PSI_IO, "aaa/" TRAIN_IMAGES);
    free(endless);
}

static void test_asking_for_too_much(void **state)
{
    idx_write_set(*state, 1);
    struct psi_data_spec spec = idx_spec_of(*state);
    spec.train = TRAIN + 1;
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, TRAIN_IMAGES, "13", "there are 12");
    spec.train = TRAIN;
    spec.test = TEST + 1;
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, TEST_IMAGES, "6", "there are 5");
    spec.test = TEST;
    spec.validation = TRAIN;
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, "validation", "12");
    spec.validation = TRAIN - 1;
    psi_dataset_destroy(data_expect_success(&spec));
}

/* Damage behind the samples that are used is not looked for. */
static void test_reads_no_further_than_needed(void **state)
{
    uint8_t file[FILE_MOST];
    idx_write_set(*state, 1);
    size_t size;
    idx_make_images(file, 0, TRAIN);
    uint8_t *packed = data_read(*state, TRAIN_IMAGES ".gz", &size);
    data_write(*state, TRAIN_IMAGES ".gz", packed, size - 8); /* without checksum and length */
    free(packed);
    struct psi_data_spec spec = idx_spec_of(*state);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, TRAIN_IMAGES ".gz", "cut off");
    spec.train = TRAIN - 1;
    struct psi_dataset *dataset = data_expect_success(&spec);
    idx_check_split(&dataset->train, 0, TRAIN - 1);
    psi_dataset_destroy(dataset);
}

static void test_classes(void **state)
{
    uint8_t file[FILE_MOST];
    struct psi_data_spec spec = idx_spec_of(*state);
    idx_write_set(*state, 0);
    size_t size = idx_make_labels(file, TRAIN, TEST);
    file[LABEL_HEADER + 3] = 255;
    data_write(*state, TEST_LABELS, file, size);
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_int_equal(dataset->classes, 256);
    psi_dataset_destroy(dataset);

    spec.train = spec.test = 1; /* sample 0 and sample 12: both of class 0 */
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, "labels", "2 classes");
}

static void test_mnist_checks(void **state)
{
    struct psi_data_spec spec = idx_spec_of(*state);
    spec.set = PSI_MNIST;
    idx_write_set(*state, 0);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, TRAIN_IMAGES, "height x width", "28 x 28", "found 3 x 4");

    enum { SIZE = IMAGE_HEADER + 2 * 784 };
    uint8_t image[SIZE] = {0}, label[LABEL_HEADER + 2] = {0};
    idx_put_u32(image, 0x0803);
    idx_put_u32(image + 4, 2);
    idx_put_u32(image + 8, 28);
    idx_put_u32(image + 12, 28);
    idx_put_u32(label, 0x0801);
    idx_put_u32(label + 4, 2);
    label[LABEL_HEADER + 1] = 9;
    data_write(*state, TRAIN_IMAGES, image, SIZE);
    data_write(*state, TEST_IMAGES, image, SIZE);
    data_write(*state, TRAIN_LABELS, label, sizeof label);
    data_write(*state, TEST_LABELS, label, sizeof label);
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_int_equal(dataset->classes, 10);
    psi_dataset_destroy(dataset);
    label[LABEL_HEADER + 1] = 10;
    data_write(*state, TEST_LABELS, label, sizeof label);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, TEST_LABELS, "label 1", "expected 0 .. 9", "found 10");
}

/* Counts of each digit, CRC-32 of the bytes behind the headers, mean and deviation: NumPy's and
 * zlib's, from the files whose MD5 sums are those commonly published (6bbc9ace..., 2646ac64...). */
static void test_real_mnist(void **state)
{
    (void)state;
    static const size_t train[10] = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
    static const size_t test[10] = {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009};
    struct psi_data_spec spec = {.set = PSI_MNIST, .path = "../shared/data/mnist"};
    if (access(spec.path, R_OK) != 0) {
        print_message("%s is not there: skipped\n", spec.path);
        skip();
    }
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_int_equal(dataset->train.samples, 60000);
    assert_int_equal(dataset->test.samples, 10000);
    assert_int_equal(dataset->features, 784);
    assert_int_equal(dataset->classes, 10);
    assert_int_equal(crc32(0, dataset->train.pixel, 47040000), 0xf3639b56);
    assert_int_equal(crc32(0, dataset->train.label, 60000), 0xba07e8ef);
    assert_int_equal(crc32(0, dataset->test.pixel, 7840000), 0xe4ca5f57);
    assert_int_equal(crc32(0, dataset->test.label, 10000), 0xee8604d9);
    size_t count[2][10] = {0};
    for (size_t i = 0; i < 60000; i++)
        count[0][dataset->train.label[i]]++;
    for (size_t i = 0; i < 10000; i++)
        count[1][dataset->test.label[i]]++;
    assert_memory_equal(count[0], train, sizeof train);
    assert_memory_equal(count[1], test, sizeof test);
    assert_true(fabs(dataset->mean[0] - 33.318421449829934) < 1e-4);
    assert_true(fabs(dataset->deviation[0] - 78.56748998339798) < 1e-4);
    assert_true(fabs(psi_split_chance(&dataset->test) - 0.1135) < 1e-12);
    psi_dataset_destroy(dataset);

    spec.validation = 5000;
    dataset = data_expect_success(&spec);
    assert_int_equal(dataset->validation.samples, 5000);
    assert_true(fabs(dataset->mean[0] - 33.332771405380335) < 1e-4);
    assert_true(fabs(dataset->deviation[0] - 78.5901436214457) < 1e-4);
    psi_dataset_destroy(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_was_written),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_asking_for_too_much),
        cmocka_unit_test(test_reads_no_further_than_needed),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_mnist_checks),
        cmocka_unit_test(test_real_mnist),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
