/* Bounds on Psi that a mask alone forces: closed forms, brute force, and networks. */
#include "net_fixture.h"
#include "psisweep/bound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Ten classes of a tenth each, a parent of .98: a tenth of accuracy is .1 / .88 = .1136 of Psi. */
static void test_equal_classes(void **state)
{
    (void)state;
    uint8_t reachable[10];
    double share[10];
    memset(reachable, 1, sizeof reachable);
    for (int c = 0; c < 10; c++)
        share[c] = .1;
    assert_true(fabs(psi_unreachable_bound(reachable, share, 10, .98, .1) - .9 / .88) < 1e-12);
    for (int u = 1; u <= 10; u++) { /* in any place */
        reachable[(3 * u) % 10] = 0;
        double expected = (1 - .1 * (u - 1) - .1) / .88;
        assert_true(fabs(psi_unreachable_bound(reachable, share, 10, .98, .1) - expected) < 1e-12);
        assert_true((expected < .5) == (u >= 6)); /* where SCIENCE calls a cell disconnected */
    }
    assert_true(fabs(psi_unreachable_bound(reachable, share, 10, .98, .1)) < 1e-12);
    assert_true(isnan(psi_unreachable_bound(reachable, share, 10, .1, .1)));
    assert_true(isnan(psi_unreachable_bound(reachable, share, 10, .09, .1)));
    assert_true(isnan(psi_unreachable_bound(reachable, share, 10, NAN, .1)));
}

static void test_unequal_classes(void **state)
{
    (void)state;
    const uint8_t label[10] = {0, 0, 0, 0, 1, 1, 1, 2, 2, 3};
    const struct psi_split split = {NULL, label, 10}, empty = {NULL, label, 0};
    double share[5];
    psi_class_shares(&split, 5, share);
    const double counted[5] = {.4, .3, .2, .1, 0};
    for (int c = 0; c < 5; c++)
        assert_true(share[c] == counted[c]);
    /* of classes 1 and 3 class 1 can be answered by default: .1 is lost */
    assert_true(fabs(psi_unreachable_bound((uint8_t[]){1, 0, 1, 0, 1}, share, 5, .9, .4) -
                     (.9 - .4) / .5) < 1e-12);
    /* a class that never occurs costs nothing */
    assert_true(fabs(psi_unreachable_bound((uint8_t[]){1, 0, 1, 1, 0}, share, 5, .9, .4) -
                     (1 - .4) / .5) < 1e-12);
    psi_class_shares(&empty, 5, share);
    assert_true(isnan(share[0]) && isnan(share[4]));
}

/* The best accuracy by trying: unreachable logits are any of 0 .. 3, the same for all samples;
 * reachable ones any of 0 .. 4 anew for each sample; the answer is the first of the largest. */
static double by_trying(const uint8_t *reachable, const uint8_t *label, size_t samples)
{
    enum { CLASSES = 4, VALUES = 5, ALL = 625 };
    size_t best = 0;
    for (int constants = 0; constants < ALL; constants++) {
        size_t correct = 0;
        for (size_t s = 0; s < samples; s++) {
            int right = 0;
            for (int own = 0; own < ALL && !right; own++) {
                int logit[CLASSES], answer = 0, of_all = constants, of_own = own;
                for (int c = 0; c < CLASSES; c++, of_all /= VALUES, of_own /= VALUES)
                    logit[c] = reachable[c] ? of_own % VALUES : of_all % VALUES % 4;
                for (int c = 1; c < CLASSES; c++)
                    answer = logit[c] > logit[answer] ? c : answer;
                right = answer == label[s];
            }
            correct += (size_t)right;
        }
        best = correct > best ? correct : best;
    }
    return (double)best / (double)samples;
}

static void test_brute_force(void **state)
{
    (void)state;
    const uint8_t label[7] = {2, 0, 3, 2, 1, 2, 1};
    const struct psi_split split = {NULL, label, 7};
    double share[4];
    psi_class_shares(&split, 4, share);
    for (unsigned set = 0; set < 16; set++) {
        uint8_t reachable[4];
        for (unsigned c = 0; c < 4; c++)
            reachable[c] = set >> c & 1;
        /* a parent of accuracy 1 above chance 0: the bound is the accuracy */
        assert_true(fabs(psi_unreachable_bound(reachable, share, 4, 1, 0) -
                         by_trying(reachable, label, 7)) < 1e-12);
    }
}

enum { INPUTS = 12, UNITS = 24, CLASSES = 8, WEIGHTS = INPUTS * UNITS + UNITS * CLASSES };

static struct psi_dataset *planted(void)
{
    struct psi_data_spec spec = {
        .set = PSI_PLANTED, .inputs = INPUTS, .random_seed = 4, .train = 1500, .test = 1000};
    struct psi_dataset *dataset = NULL;
    assert_int_equal(psi_dataset_create(&spec, &dataset, NULL), PSI_OK);
    return dataset;
}

static double train(const struct psi_dataset *dataset, const uint8_t *mask, size_t *lost,
                    uint8_t *reachable)
{
    const size_t hidden[] = {UNITS};
    const struct psi_train_spec adam = {.optimizer = PSI_ADAM,
                                        .rate = .01,
                                        .schedule = PSI_COSINE,
                                        .beta1 = .9,
                                        .beta2 = .999,
                                        .epsilon = 1e-8,
                                        .batch = 50,
                                        .epochs = 12};
    struct psi_network *network = network_make(dataset, 50, PSI_HE, 1, hidden);
    struct psi_training training = {
        .spec = &adam, .dataset = dataset, .mask = mask, .random_name = "train"};
    uint8_t on_path[WEIGHTS];
    struct psi_score score;
    size_t count;
    int diverged = 0;
    network_draw(network, 1);
    assert_int_equal(psi_network_paths(network, mask, on_path, reachable, &count, NULL), PSI_OK);
    *lost = psi_planted_lost(network, dataset, on_path);
    assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
    psi_evaluate(network, dataset, &dataset->test, NULL, &score, NULL);
    psi_network_destroy(network);
    return score.accuracy;
}

/* Networks trained without `cut` of the needed inputs, one of them cut behind a unit that leads
 * nowhere, reach the bound and do not pass it by more than a test split of 1000 varies. */
static void test_planted(void **state)
{
    (void)state;
    struct psi_dataset *dataset = planted();
    uint8_t reachable[CLASSES];
    double chance = psi_split_chance(&dataset->test), dense = 0;
    for (size_t cut = 0; cut <= PSI_PLANTED_BITS; cut++) {
        uint8_t mask[WEIGHTS];
        size_t lost = 9;
        memset(mask, 1, sizeof mask);
        for (size_t u = 0; u < UNITS; u++)
            for (size_t bit = 0; bit < cut; bit++)
                mask[u * INPUTS + dataset->needed[bit]] = u == 5 && bit == 0;
        for (size_t c = 0; c < CLASSES && cut > 0; c++)
            mask[INPUTS * UNITS + c * UNITS + 5] = 0;
        double accuracy = train(dataset, mask, &lost, reachable);
        assert_int_equal(lost, cut);
        dense = cut == 0 ? accuracy : dense;
        double psi = (accuracy - chance) / (dense - chance);
        double bound = psi_planted_bound(lost, dense, chance), error = .05 / (dense - chance);
        assert_true(psi < bound + error && psi > bound - 1.5 * error);
        assert_true(fabs(bound - (pow(.5, (double)cut) - chance) / (dense - chance)) < 1e-12);
    }
    assert_true(dense > .97);
    assert_true(isnan(psi_planted_bound(1, .1, .125)));
    psi_dataset_destroy(dataset);
}

/* Outputs cut: trained networks come near the bound and stay below. */
static void test_outputs_cut(void **state)
{
    (void)state;
    struct psi_dataset *dataset = planted();
    double chance = psi_split_chance(&dataset->test), share[CLASSES], dense = 0;
    psi_class_shares(&dataset->test, CLASSES, share);
    for (size_t cut = 0; cut <= CLASSES; cut += 2) {
        uint8_t mask[WEIGHTS], reachable[CLASSES];
        size_t lost;
        memset(mask, 1, sizeof mask);
        memset(mask + INPUTS * UNITS, 0, cut * UNITS);
        double accuracy = train(dataset, mask, &lost, reachable);
        dense = cut == 0 ? accuracy : dense;
        double psi = (accuracy - chance) / (dense - chance);
        double bound = psi_unreachable_bound(reachable, share, CLASSES, dense, chance);
        assert_true(psi <= bound + 1e-12 && psi > bound - .06);
    }
    psi_dataset_destroy(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_classes), cmocka_unit_test(test_unequal_classes),
        cmocka_unit_test(test_brute_force),   cmocka_unit_test(test_planted),
        cmocka_unit_test(test_outputs_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
