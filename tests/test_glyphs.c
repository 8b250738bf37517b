/* Drawn digits: the same for the same seed, one set the beginning of a larger one, and a task of
 * MNIST's kind. What a network reaches on them is told in src/data/glyphs.c. */
#include "data_files.h"

#include <math.h>

enum { FEATURES = 784, SIDE = 28 };

static struct psi_data_spec spec_of(uint64_t random_seed, size_t train, size_t test)
{
    return (struct psi_data_spec){
        .set = PSI_GLYPHS, .random_seed = random_seed, .train = train, .test = test};
}

static void test_default_sizes(void **state)
{
    (void)state;
    struct psi_data_spec spec = spec_of(1, 0, 0);
    spec.validation = 1000;
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_int_equal(dataset->train.samples, 11000);
    assert_int_equal(dataset->validation.samples, 1000);
    assert_int_equal(dataset->test.samples, 2000);
    assert_int_equal(dataset->channels, 1);
    assert_int_equal(dataset->height, SIDE);
    assert_int_equal(dataset->width, SIDE);
    assert_int_equal(dataset->classes, 10);
    assert_true(fabs(psi_split_chance(&dataset->train) - 0.1) < 1e-12);
    assert_true(fabs(psi_split_chance(&dataset->test) - 0.1) < 1e-12);
    psi_dataset_destroy(dataset);
}

static void test_streams(void **state)
{
    (void)state;
    struct psi_data_spec spec = spec_of(1, 200, 100);
    struct psi_dataset *large = data_expect_success(&spec);
    struct psi_dataset *again = data_expect_success(&spec);
    assert_memory_equal(again->pixel, large->pixel, 300 * FEATURES);
    assert_memory_equal(again->label, large->label, 300);
    spec = spec_of(1, 37, 13); /* not multiples of ten */
    struct psi_dataset *small = data_expect_success(&spec);
    assert_memory_equal(small->train.pixel, large->train.pixel, 37 * FEATURES);
    assert_memory_equal(small->train.label, large->train.label, 37);
    assert_memory_equal(small->test.pixel, large->test.pixel, 13 * FEATURES);
    assert_memory_equal(small->test.label, large->test.label, 13);
    spec = spec_of(2, 200, 100);
    struct psi_dataset *other = data_expect_success(&spec);
    assert_memory_not_equal(other->label, large->label, 200);
    /* no picture occurs twice, not in the other split and not under another seed */
    for (size_t i = 0; i < 300; i++)
        for (size_t j = 0; j < 300; j++) {
            if (j > i)
                assert_memory_not_equal(large->pixel + i * FEATURES, large->pixel + j * FEATURES,
                                        FEATURES);
            assert_memory_not_equal(large->pixel + i * FEATURES, other->pixel + j * FEATURES,
                                    FEATURES);
        }
    psi_dataset_destroy(other);
    psi_dataset_destroy(small);
    psi_dataset_destroy(again);
    psi_dataset_destroy(large);
}

/* Each ten samples hold each digit once, and not always in the same order. */
static void test_balance(void **state)
{
    (void)state;
    struct psi_data_spec spec = spec_of(5, 1000, 10);
    struct psi_dataset *dataset = data_expect_success(&spec);
    size_t first[10] = {0};
    for (size_t i = 0; i < 1000; i += 10) {
        unsigned seen = 0;
        for (size_t k = i; k < i + 10; k++)
            seen |= 1u << dataset->train.label[k];
        assert_int_equal(seen, 0x3ff);
        first[dataset->train.label[i]]++;
    }
    for (int digit = 0; digit < 10; digit++)
        assert_true(first[digit] > 0 && first[digit] < 30); /* 10 +- 3 */
    psi_dataset_destroy(dataset);
}

/* MNIST has 80.9 % zero pixels, a mean of 33 and a deviation of 79. */
static void test_pictures_are_like_mnist(void **state)
{
    (void)state;
    struct psi_data_spec spec = spec_of(3, 2000, 10);
    struct psi_dataset *dataset = data_expect_success(&spec);
    size_t zeros = 0, edge = 0, ink = 0;
    for (size_t i = 0; i < 2000; i++) {
        size_t here = 0;
        for (size_t k = 0; k < FEATURES; k++) {
            size_t x = k % SIDE, y = k / SIDE;
            int inked = dataset->train.pixel[i * FEATURES + k] > 0;
            here += (size_t)inked;
            edge += (size_t)(inked && (x == 0 || y == 0 || x == SIDE - 1 || y == SIDE - 1));
        }
        assert_true(here >= 20 && here <= 400); /* a thin 1, a thick 8 */
        ink += here;
        zeros += FEATURES - here;
    }
    assert_true(fabs((double)zeros / (2000.0 * FEATURES) - 0.809) < 0.03);
    assert_true((double)edge / (double)ink < 0.01); /* digits lie within the picture */
    assert_true(dataset->mean[0] > 20 && dataset->mean[0] < 40);
    assert_true(dataset->deviation[0] > 55 && dataset->deviation[0] < 85);
    psi_dataset_destroy(dataset);
}

/* Nearest class mean: 82 % on MNIST. Here too it must be far from chance and far from done. */
static void test_nearest_mean(void **state)
{
    (void)state;
    struct psi_data_spec spec = spec_of(7, 4000, 1000);
    struct psi_dataset *dataset = data_expect_success(&spec);
    static double mean[10][FEATURES];
    memset(mean, 0, sizeof mean);
    for (size_t i = 0; i < 4000; i++)
        for (size_t k = 0; k < FEATURES; k++)
            mean[dataset->train.label[i]][k] += dataset->train.pixel[i * FEATURES + k] / 400.0;
    size_t right = 0;
    for (size_t i = 0; i < 1000; i++) {
        double nearest = INFINITY;
        int guess = -1;
        for (int digit = 0; digit < 10; digit++) {
            double distance = 0;
            for (size_t k = 0; k < FEATURES; k++) {
                double difference = dataset->test.pixel[i * FEATURES + k] - mean[digit][k];
                distance += difference * difference;
            }
            if (distance < nearest) {
                nearest = distance;
                guess = digit;
            }
        }
        right += guess == dataset->test.label[i];
    }
    print_message("nearest class mean: %.3f\n", (double)right / 1000);
    assert_true(right > 700 && right < 930);
    psi_dataset_destroy(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_sizes), cmocka_unit_test(test_streams),
        cmocka_unit_test(test_balance),       cmocka_unit_test(test_pictures_are_like_mnist),
        cmocka_unit_test(test_nearest_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
