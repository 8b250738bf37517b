/* What all sets have in common: splits, normalisation, chance, refusals. */
#include "idx_files.h"

#include <math.h>

/* Training and test images of one pixel each, so that sums can be done by hand. */
static void write_values(const struct data_folder *folder, const uint8_t *value, uint32_t train,
                         uint32_t test)
{
    static const char *const images[] = {TRAIN_IMAGES, TEST_IMAGES};
    static const char *const labels[] = {TRAIN_LABELS, TEST_LABELS};
    data_folder_empty(folder);
    for (int split = 0; split < 2; split++) {
        uint32_t count = split ? test : train;
        uint8_t image[64] = {0}, label[64] = {0};
        idx_put_u32(image, 0x0803);
        idx_put_u32(image + 4, count);
        idx_put_u32(image + 8, 1);
        idx_put_u32(image + 12, 1);
        idx_put_u32(label, 0x0801);
        idx_put_u32(label + 4, count);
        for (uint32_t i = 0; i < count; i++) {
            image[IMAGE_HEADER + i] = value[split * train + i];
            label[LABEL_HEADER + i] = (uint8_t)(i % 2);
        }
        data_write(folder, images[split], image, IMAGE_HEADER + count);
        data_write(folder, labels[split], label, LABEL_HEADER + count);
    }
}

static void test_normalisation(void **state)
{
    /* 0, 2, 4, 10: mean 4, variance (16 + 4 + 0 + 36) / 4 = 14; 255 and 100 must not count */
    static const uint8_t value[] = {0, 2, 4, 10, 255, 255, 100, 100};
    struct psi_data_spec spec = idx_spec_of(*state);
    write_values(*state, value, 6, 2);
    spec.validation = 2;
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_true(fabs(dataset->mean[0] - 4) < 1e-6);
    assert_true(fabs(dataset->deviation[0] - sqrt(14.0)) < 1e-6);
    assert_ptr_equal(dataset->train.pixel, dataset->pixel);
    assert_ptr_equal(dataset->validation.pixel, dataset->pixel + 4);
    assert_ptr_equal(dataset->test.pixel, dataset->pixel + 6);
    assert_ptr_equal(dataset->test.label, dataset->label + 6);
    psi_dataset_destroy(dataset);

    static const uint8_t constant[] = {7, 7, 7, 0};
    spec.validation = 0;
    write_values(*state, constant, 2, 2);
    dataset = data_expect_success(&spec);
    assert_true(dataset->mean[0] == 7 && dataset->deviation[0] == 1);
    psi_dataset_destroy(dataset);
}

static void test_chance(void **state)
{
    (void)state;
    static const uint8_t label[] = {3, 255, 3, 0, 255, 255, 1};
    struct psi_split split = {.label = label, .samples = 7};
    assert_true(fabs(psi_split_chance(&split) - 3.0 / 7) < 1e-15);
    split.samples = 0;
    assert_true(psi_split_chance(&split) == 0);
}

static void test_refusals(void **state)
{
    (void)state;
    struct psi_data_spec spec = {.set = PSI_GLYPHS, .train = 10, .test = 1, .validation = 10};
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, "validation", "10");
    spec.validation = SIZE_MAX;
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, "validation", "10");
    spec.validation = 9;
    psi_dataset_destroy(data_expect_success(&spec));
    spec.set = 99;
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, "set", "99");
    char empty[] = "";
    for (int set = PSI_MNIST; set <= PSI_CIFAR10; set++) {
        spec = (struct psi_data_spec){.set = set, .path = empty};
        DATA_EXPECT_FAILURE(&spec, PSI_USAGE, "path");
    }
    struct psi_dataset *none = NULL;
    spec = (struct psi_data_spec){.set = PSI_IDX, .path = NULL};
    assert_int_equal(psi_dataset_create(&spec, &none, NULL), PSI_USAGE); /* err may be NULL */
    psi_dataset_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalisation),
        cmocka_unit_test(test_chance),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
