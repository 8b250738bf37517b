/* Pruning during training: when, to which density, and what training makes of it. */
#include "net_fixture.h"
#include "psisweep/dynamic.h"
#include "psisweep/prune.h"

#include <math.h>
#include <string.h>

static const size_t hidden[] = {20, 10};
enum { WEIGHTS = TOY_FEATURES * 20 + 20 * 10 + 10 * TOY_CLASSES };
enum { EPOCHS = 10, BATCH = 8, STEPS = EPOCHS * (TOY_TRAIN / BATCH) };

/* begin 10, end 50, density .1: at a quarter, half and three quarters of the way
 * .1 + .9 * (27, 8, 1) / 64. */
static void test_densities(void **state)
{
    (void)state;
    struct psi_gradual gradual = {.begin = 10, .end = 50, .interval = 10, .density = 0.1};
    const struct {
        size_t step;
        int due;
        double density;
    } expected[] = {
        {0, 0, 1},
        {9, 0, 1},
        {10, 1, 1},
        {20, 1, 0.4796875},
        {25, 0, 0.31972656250},
        {30, 1, 0.2125},
        {40, 1, 0.1140625},
        {49, 0, 0.1000140625},
        {50, 1, 0.1},
        {51, 0, 0.1},
        {60, 0, 0.1},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(psi_gradual_is_due(&gradual, expected[i].step), expected[i].due);
        assert_true(fabs(psi_gradual_density(&gradual, expected[i].step) - expected[i].density) <
                    1e-12);
    }
    /* the end is due though no multiple of the interval */
    gradual.interval = 15;
    size_t due = 0, sum = 0;
    for (size_t step = 0; step < 100; step++)
        if (psi_gradual_is_due(&gradual, step)) {
            due++;
            sum += step;
        }
    assert_true(due == 4 && sum == 10 + 25 + 40 + 50);
    /* begin = end: in one shot */
    gradual.begin = 50;
    for (size_t step = 0; step < 100; step++) {
        assert_int_equal(psi_gradual_is_due(&gradual, step), step == 50);
        assert_true(psi_gradual_density(&gradual, step) == (step < 50 ? 1 : 0.1));
    }
}

/* Magnitude among the survivors, and a record of what was asked for. */
struct selection {
    struct psi_network *network;
    struct psi_gradual *gradual;
    double density[STEPS + 1];
    size_t calls, step;
};

static enum psi_status by_magnitude(void *context, double density, uint8_t *mask,
                                    struct psi_error *err)
{
    struct selection *selection = context;
    const float *weight = psi_network_parameter(selection->network);
    double score[WEIGHTS];
    selection->density[selection->calls++] = density;
    if (selection->calls == 8)
        return psi_fail(err, PSI_NUMERIC, "selection: enough");
    for (size_t i = 0; i < WEIGHTS; i++)
        score[i] = mask[i] ? fabs((double)weight[i]) : -1;
    psi_mask_select(score, WEIGHTS, (size_t)floor(density * WEIGHTS + .5), mask);
    return PSI_OK;
}

/* Calls the hook, and looks at what it did. */
static enum psi_status watched(void *context, size_t step, struct psi_optimizer_state *state,
                               struct psi_error *err)
{
    struct selection *selection = context;
    struct psi_gradual *gradual = selection->gradual;
    const float *weight = psi_network_parameter(selection->network);
    uint8_t before[WEIGHTS];
    selection->step = step;
    memcpy(before, gradual->mask, WEIGHTS);
    assert_true(psi_mask_holds(before, WEIGHTS, weight, state)); /* a step was taken */
    enum psi_status status = psi_gradual_step(gradual, step, state, err);
    if (!psi_gradual_is_due(gradual, step) || status != PSI_OK) {
        assert_memory_equal(before, gradual->mask, WEIGHTS);
        return status;
    }
    assert_true(psi_mask_holds(gradual->mask, WEIGHTS, weight, state));
    for (size_t i = 0; i < WEIGHTS; i++)
        assert_true(gradual->mask[i] <= before[i]);
    assert_int_equal(psi_mask_count(gradual->mask, WEIGHTS),
                     lround(psi_gradual_density(gradual, step) * WEIGHTS));
    return PSI_OK;
}

static void train(const struct psi_train_spec *spec, size_t interval, size_t first_step,
                  enum psi_status expected, struct selection *selection)
{
    struct toy toy;
    uint8_t mask[WEIGHTS];
    struct psi_gradual gradual = {.begin = 6,
                                  .end = 41,
                                  .interval = interval,
                                  .density = .2,
                                  .mask = mask,
                                  .select = by_magnitude,
                                  .context = selection};
    struct psi_step_hook hook = {watched, selection};
    struct psi_error err = {0};
    int diverged = 0;
    toy_fill(&toy);
    memset(mask, 1, sizeof mask);
    struct psi_network *network = network_make(&toy.dataset, 16, PSI_HE, 2, hidden);
    network_draw(network, 1);
    gradual.network = network;
    *selection = (struct selection){.network = network, .gradual = &gradual};
    struct psi_training training = {.spec = spec,
                                    .dataset = &toy.dataset,
                                    .mask = mask,
                                    .first_step = first_step,
                                    .random_name = "train",
                                    .hook = &hook};
    assert_int_equal(psi_train(network, &training, &diverged, &err), expected);
    if (expected == PSI_OK) {
        struct psi_score score;
        assert_int_equal(selection->step, STEPS);
        assert_int_equal(psi_mask_count(mask, WEIGHTS), lround(.2 * WEIGHTS));
        psi_evaluate(network, &toy.dataset, &toy.dataset.train, NULL, &score, NULL);
        assert_true(score.accuracy > .9); /* it learnt meanwhile */
    }
    psi_network_destroy(network);
}

static const struct psi_train_spec sgd = {
    .optimizer = PSI_SGD, .rate = .05, .momentum = .9, .batch = BATCH, .epochs = EPOCHS};
static const struct psi_train_spec adam = {.optimizer = PSI_ADAM,
                                           .rate = .01,
                                           .beta1 = .9,
                                           .beta2 = .999,
                                           .epsilon = 1e-8,
                                           .weight_decay = .001,
                                           .batch = BATCH,
                                           .epochs = EPOCHS};

static void test_in_training(void **state)
{
    (void)state;
    static struct selection selection;
    const struct psi_train_spec *specs[] = {&sgd, &adam};
    for (int i = 0; i < 2; i++) {
        train(specs[i], 7, 0, PSI_OK, &selection);
        assert_int_equal(selection.calls, 6); /* 6, 13, 20, 27, 34, 41 */
        for (size_t k = 0; k < 6; k++)
            assert_true(fabs(selection.density[k] - (.2 + .8 * pow(1 - (double)k / 5, 3))) < 1e-12);
    }
    /* a run that begins at step 20, which is due, has missed two prunings */
    train(&sgd, 7, 20, PSI_OK, &selection);
    assert_int_equal(selection.calls, 4);
    assert_true(fabs(selection.density[0] - (.2 + .8 * pow(.6, 3))) < 1e-12);
}

static void test_failure_is_passed_on(void **state)
{
    (void)state;
    static struct selection selection;
    train(&sgd, 1, 0, PSI_NUMERIC, &selection);
    assert_int_equal(selection.step, 13); /* the eighth pruning */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_densities),
        cmocka_unit_test(test_in_training),
        cmocka_unit_test(test_failure_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
