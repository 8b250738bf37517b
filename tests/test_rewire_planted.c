/* What rewiring is for: a mask that lacks what the task needs finds it, at the same number of
 * weights. */
#include "net_fixture.h"
#include "psisweep/dynamic.h"
#include "psisweep/prune.h"

#include <string.h>

enum { INPUTS = 12, UNITS = 24, BITS = 8, PLANTED = INPUTS * UNITS + UNITS * BITS };

/* Test accuracy after training under the mask, which is rewired if told to. */
static double train_planted(const struct psi_dataset *dataset, uint8_t *mask, int rewires)
{
    const size_t units[] = {UNITS};
    const struct psi_train_spec adam = {.optimizer = PSI_ADAM,
                                        .rate = .01,
                                        .beta1 = .9,
                                        .beta2 = .999,
                                        .epsilon = 1e-8,
                                        .batch = 50,
                                        .epochs = 20};
    const struct psi_rewire_spec spec = {.interval = 20, .end = 450, .fraction = .3, .batch = 50};
    struct psi_network *network = network_make(dataset, 50, PSI_HE, 1, units);
    struct psi_random random;
    struct psi_rewire *rewire = NULL;
    psi_random_open(&random, 2, "initialise");
    assert_int_equal(psi_network_initialise_masked(network, mask, &random, NULL), PSI_OK);
    assert_int_equal(psi_rewire_create(&spec, network, dataset, mask, 1, "rewire", &rewire, NULL),
                     PSI_OK);
    struct psi_step_hook hook = {psi_rewire_step, rewire};
    struct psi_training training = {.spec = &adam,
                                    .dataset = dataset,
                                    .mask = mask,
                                    .random_name = "train",
                                    .hook = rewires ? &hook : NULL};
    struct psi_score score;
    int diverged = 1;
    assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
    psi_evaluate(network, dataset, &dataset->test, NULL, &score, NULL);
    psi_rewire_destroy(rewire);
    psi_network_destroy(network);
    return score.accuracy;
}

/* Without a needed input, without two outputs' weights, or both: under the mask as it is accuracy
 * is held down by what is missing; rewiring finds it at the same number of weights. */
static void test_finds_what_was_cut(void **state)
{
    (void)state;
    const struct psi_data_spec spec = {
        .set = PSI_PLANTED, .inputs = INPUTS, .random_seed = 4, .train = 1500, .test = 1000};
    struct psi_dataset *dataset = NULL;
    assert_int_equal(psi_dataset_create(&spec, &dataset, NULL), PSI_OK);
    for (int cut = 0; cut < 4; cut++) {
        int input = cut & 1, outputs = cut & 2;
        uint8_t mask[PLANTED], fixed[PLANTED];
        struct psi_random random;
        psi_random_open(&random, 1, "mask");
        for (size_t i = 0; i < PLANTED; i++) {
            size_t column = i % INPUTS, row = (i - INPUTS * UNITS) / UNITS;
            int first = i < INPUTS * UNITS;
            mask[i] = psi_random_below(&random, first ? 3 : 2) == 0;
            if ((input && first && column == dataset->needed[1]) ||
                (outputs && !first && (row == 2 || row == 5)))
                mask[i] = 0;
        }
        memcpy(fixed, mask, sizeof mask);
        double still = train_planted(dataset, fixed, 0), moved = train_planted(dataset, mask, 1);
        /* one bit halves what can be known, two outputs cost one class of eight */
        double highest = (input ? .5 : 1) * (outputs ? .875 : 1);
        assert_true(still < highest + .06 && still > highest - .1);
        assert_true(moved > .95);
        for (int layer = 0; layer < 2; layer++) {
            size_t at = layer ? INPUTS * UNITS : 0, size = layer ? UNITS * BITS : INPUTS * UNITS;
            assert_int_equal(psi_mask_count(mask + at, size), psi_mask_count(fixed + at, size));
        }
    }
    psi_dataset_destroy(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_finds_what_was_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
