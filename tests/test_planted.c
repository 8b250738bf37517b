/* The planted task: its class is what the needed inputs say, and nothing else says anything. */
#include "data_files.h"

#include <math.h>

enum { INPUTS = 64 };

static struct psi_data_spec spec_of(uint64_t random_seed)
{
    return (struct psi_data_spec){.set = PSI_PLANTED, .inputs = INPUTS, .random_seed = random_seed};
}

static void test_label_is_the_needed_bits(void **state)
{
    (void)state;
    struct psi_data_spec spec = spec_of(1);
    struct psi_dataset *dataset = data_expect_success(&spec);
    const uint32_t *needed = dataset->needed;
    assert_int_equal(dataset->train.samples, 8000);
    assert_int_equal(dataset->test.samples, 2000);
    assert_int_equal(dataset->channels * dataset->height, 1);
    assert_int_equal(dataset->width, INPUTS);
    assert_int_equal(dataset->classes, 8);
    assert_true(needed[0] < needed[1] && needed[1] < needed[2] && needed[2] < INPUTS);
    const struct psi_split *splits[] = {&dataset->train, &dataset->test};
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < splits[s]->samples; i++) {
            const uint8_t *pixel = splits[s]->pixel + i * INPUTS;
            int label = 4 * (pixel[needed[0]] >= 128) + 2 * (pixel[needed[1]] >= 128) +
                        (pixel[needed[2]] >= 128);
            assert_int_equal(splits[s]->label[i], label);
        }
    psi_dataset_destroy(dataset);
}

/* Magnitudes are uniform on 32 .. 127 and signs are fair, so the deviation is
 * sqrt(79.5^2 + (96^2 - 1) / 12) = 84.19 about 128. */
static void test_distribution(void **state)
{
    (void)state;
    struct psi_data_spec spec = spec_of(2);
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_true(fabs(dataset->mean[0] - 128.0) < 5 * 84.19 / sqrt(8000.0 * INPUTS));
    assert_true(fabs(dataset->deviation[0] - 84.19) < 0.2);
    size_t value[256] = {0}, class[8] = {0};
    for (size_t i = 0; i < 8000; i++)
        class[dataset->train.label[i]]++;
    for (size_t i = 0; i < 8000 * INPUTS; i++)
        value[dataset->train.pixel[i]]++;
    double chi = 0;
    for (int k = 0; k < 8; k++)
        chi += ((double)class[k] - 1000) * ((double)class[k] - 1000) / 1000;
    assert_true(chi < 29.9); /* chi-square, 7 degrees of freedom: p = 1e-4 */
    chi = 0;
    for (int v = 0; v < 256; v++) {
        int magnitude = abs(v - 128);
        double expected = 8000.0 * INPUTS / 192;
        if (magnitude >= 32 && magnitude <= 127)
            chi += ((double)value[v] - expected) * ((double)value[v] - expected) / expected;
        else
            assert_int_equal(value[v], 0);
    }
    assert_true(chi > 130 && chi < 273); /* 191 degrees of freedom: p = 1e-4 on either side */
    assert_true(fabs(psi_split_chance(&dataset->train) - 0.125) < 0.02);
    psi_dataset_destroy(dataset);
}

/* Correlation of every other input with every bit of the label: 61 x 3 normal scores, the largest
 * of which stays under 4.5 but once in 800 data sets. */
static void test_other_inputs_say_nothing(void **state)
{
    (void)state;
    struct psi_data_spec spec = spec_of(3);
    struct psi_dataset *dataset = data_expect_success(&spec);
    const struct psi_split *split = &dataset->train;
    for (uint32_t k = 0; k < INPUTS; k++)
        for (int bit = 0; bit < 3; bit++) {
            double sum = 0;
            for (size_t i = 0; i < split->samples; i++) {
                int sign = split->label[i] >> (2 - bit) & 1 ? 1 : -1;
                sum += sign * (split->pixel[i * INPUTS + k] - 128) / 84.19;
            }
            double score = fabs(sum) / sqrt((double)split->samples);
            if (k == dataset->needed[bit]) /* E|x| / sd = 79.5 / 84.19 */
                assert_true(fabs(score / sqrt((double)split->samples) - 79.5 / 84.19) < 0.02);
            else
                assert_true(score < 4.5);
        }
    psi_dataset_destroy(dataset);
}

static void test_streams(void **state)
{
    (void)state;
    struct psi_data_spec spec = spec_of(4);
    struct psi_dataset *large = data_expect_success(&spec);
    spec.train = 100;
    spec.test = 50;
    spec.validation = 10;
    struct psi_dataset *small = data_expect_success(&spec);
    assert_memory_equal(small->needed, large->needed, sizeof small->needed);
    assert_int_equal(small->train.samples, 90);
    assert_int_equal(small->validation.samples, 10);
    assert_memory_equal(small->train.pixel, large->train.pixel, 100 * INPUTS);
    assert_memory_equal(small->train.label, large->train.label, 100);
    assert_memory_equal(small->test.pixel, large->test.pixel, 50 * INPUTS);
    assert_memory_not_equal(small->test.pixel, small->train.pixel, 50 * INPUTS);
    psi_dataset_destroy(small);
    psi_dataset_destroy(large);

    /* over 200 jobs every input is needed now and then, 200 * 3 / 8 = 75 times of 8 */
    size_t count[8] = {0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct psi_data_spec tiny = {
            .set = PSI_PLANTED, .inputs = 8, .random_seed = seed, .train = 1, .test = 1};
        struct psi_dataset *dataset = data_expect_success(&tiny);
        for (int bit = 0; bit < 3; bit++)
            count[dataset->needed[bit]]++;
        psi_dataset_destroy(dataset);
    }
    for (int k = 0; k < 8; k++)
        assert_true(count[k] > 45 && count[k] < 105); /* deviation 6.8 */
}

static void test_inputs_are_checked(void **state)
{
    (void)state;
    struct psi_data_spec spec = spec_of(1);
    spec.inputs = 2;
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, "inputs", "3 ..", "found 2");
    spec.inputs = SIZE_MAX;
    DATA_EXPECT_FAILURE(&spec, PSI_USAGE, "inputs", "3 ..");
    spec.inputs = 3;
    spec.train = SIZE_MAX;
    DATA_EXPECT_FAILURE(&spec, PSI_MEMORY, "no memory");
    spec.train = 20;
    struct psi_dataset *dataset = data_expect_success(&spec);
    for (uint32_t bit = 0; bit < 3; bit++)
        assert_int_equal(dataset->needed[bit], bit);
    psi_dataset_destroy(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_is_the_needed_bits), cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_other_inputs_say_nothing), cmocka_unit_test(test_streams),
        cmocka_unit_test(test_inputs_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
