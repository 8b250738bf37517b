/* What can be done between the steps of training, and training that begins at a later step. */
#include "net_fixture.h"

#include <math.h>
#include <string.h>

static const size_t hidden[] = {20, 10};
enum { WEIGHTS = TOY_FEATURES * 20 + 20 * 10 + 10 * TOY_CLASSES };
enum { PARAMETERS = WEIGHTS + 20 + 10 + TOY_CLASSES };
enum { EPOCHS = 5, BATCH = 8, EACH = TOY_TRAIN / BATCH, STEPS = EPOCHS * EACH };

#define COMMON .schedule = PSI_COSINE, .warmup = .5, .batch = BATCH, .epochs = EPOCHS
#define ADAM .optimizer = PSI_ADAM, .rate = .01, .beta1 = .9, .beta2 = .999, .epsilon = 1e-8
static const struct psi_train_spec plain = {.optimizer = PSI_SGD, .rate = .05, COMMON};
static const struct psi_train_spec optimizers[] = {
    {.optimizer = PSI_SGD, .rate = .05, COMMON},
    {.optimizer = PSI_SGD, .rate = .05, .momentum = .9, COMMON},
    {.optimizer = PSI_SGD, .rate = .05, .momentum = .9, .weight_decay = .01, COMMON},
    {ADAM, COMMON},
    {ADAM, .weight_decay = .01, COMMON},
};
enum { OPTIMIZERS = sizeof optimizers / sizeof *optimizers };

static struct psi_network *fresh(const struct toy *toy)
{
    struct psi_network *network = network_make(&toy->dataset, 16, PSI_HE, 2, hidden);
    network_draw(network, 1);
    return network;
}

static struct psi_training training_of(const struct toy *toy, const struct psi_train_spec *spec,
                                       const struct psi_step_hook *hook)
{
    return (struct psi_training){.spec = spec,
                                 .dataset = &toy->dataset,
                                 .random_seed = 3,
                                 .random_name = "train/seed=1",
                                 .hook = hook};
}

/* Labels of step `step`'s batch, which is gathered: what the contract says of the order. */
static void gather_step(const struct toy *toy, struct psi_network *network, size_t step,
                        uint8_t *label)
{
    uint32_t order[TOY_TRAIN], *index = order + step % EACH * BATCH;
    struct psi_random random;
    psi_random_open(&random, 3, "train/seed=1/epoch=%zu", step / EACH);
    for (uint32_t i = 0; i < TOY_TRAIN; i++)
        order[i] = i;
    psi_random_shuffle(&random, order, TOY_TRAIN);
    for (int b = 0; b < BATCH; b++)
        label[b] = toy->label[index[b]];
    psi_network_gather(network, &toy->dataset, &toy->dataset.train, index, BATCH);
}

/* Keeps the parameters of every step. */
struct film {
    struct psi_network *network;
    size_t first, next, fail_at;
    float frame[STEPS + 1][PARAMETERS];
};
static enum psi_status film_step(void *context, size_t step, struct psi_optimizer_state *state,
                                 struct psi_error *err)
{
    struct film *film = context;
    assert_non_null(state);
    assert_int_equal(step, film->next++);
    memcpy(film->frame[step], psi_network_parameter(film->network), sizeof film->frame[step]);
    return step == film->fail_at ? psi_fail(err, PSI_NUMERIC, "hook: step %zu", step) : PSI_OK;
}

/* SGD without momentum has no state: from a snapshot of any step the rest is the same bits. */
static void test_tail_of_a_run(void **state)
{
    (void)state;
    static struct film film, tail;
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network = fresh(&toy);
    struct psi_step_hook hook = {film_step, &film};
    struct psi_training training = training_of(&toy, &plain, &hook);
    double curve[EPOCHS + 1], rest[EPOCHS + 1];
    int diverged;
    film = (struct film){.network = network, .fail_at = SIZE_MAX};
    training.curve = curve;
    memcpy(tail.frame[0], psi_network_parameter(network), sizeof tail.frame[0]);
    assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
    assert_int_equal(film.next, STEPS + 1);
    assert_memory_equal(film.frame[0], tail.frame[0], sizeof tail.frame[0]);
    assert_memory_equal(film.frame[STEPS], psi_network_parameter(network), sizeof film.frame[0]);

    const size_t first[] = {0, 1, EACH - 1, EACH, 2 * EACH + 3, STEPS - 1};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        tail = (struct film){.network = network, .next = first[i], .fail_at = SIZE_MAX};
        memcpy(psi_network_parameter(network), film.frame[first[i]], sizeof film.frame[0]);
        hook.context = &tail;
        training.first_step = first[i];
        training.curve = rest;
        for (int e = 0; e <= EPOCHS; e++)
            rest[e] = 5;
        struct psi_score before;
        psi_evaluate(network, &toy.dataset, &toy.dataset.validation, NULL, &before, NULL);
        assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
        assert_int_equal(diverged, 0);
        assert_int_equal(tail.next, STEPS + 1);
        for (size_t s = first[i]; s <= STEPS; s++)
            assert_memory_equal(tail.frame[s], film.frame[s], sizeof film.frame[s]);
        for (size_t e = 0; e <= EPOCHS; e++)
            if (e < first[i] / EACH)
                assert_true(isnan(rest[e]));
            else if (e == first[i] / EACH)
                assert_true(rest[e] == before.accuracy);
            else
                assert_true(rest[e] == curve[e]);
    }
    psi_network_destroy(network);
}

/* One optimiser by its paper's formulas, in double, beside the one in training: w, and velocity or
 * m and v. Gradients are the tested network's own, at the parameters at hand (test_network checks
 * those). */
struct reference {
    const struct psi_train_spec *spec;
    const struct toy *toy;
    struct psi_network *trained, *twin;
    size_t first_step, every; /* a new mask every so many steps, 0 = never */
    uint8_t mask[WEIGHTS];
    float gradient[PARAMETERS]; /* of the step to come */
    double w[PARAMETERS], m[PARAMETERS], v[PARAMETERS];
    size_t grown;
};

static void reference_gradient(struct reference *r, size_t step)
{
    float dlogits[TOY_CLASSES * BATCH];
    uint8_t label[BATCH];
    memcpy(psi_network_parameter(r->twin), psi_network_parameter(r->trained), sizeof r->gradient);
    gather_step(r->toy, r->twin, step, label);
    psi_softmax_cross_entropy(psi_network_forward_training(r->twin, BATCH), label, TOY_CLASSES,
                              BATCH, dlogits);
    psi_network_backward(r->twin, BATCH, dlogits, 0, r->gradient);
}

static void reference_step(struct reference *r, size_t step)
{
    const struct psi_train_spec *spec = r->spec;
    double rate = psi_train_rate(spec, EACH, step), t = (double)(step - r->first_step) + 1;
    for (size_t i = 0; i < PARAMETERS; i++) {
        double g = r->gradient[i] + spec->weight_decay * r->w[i];
        if (spec->optimizer == PSI_ADAM) {
            r->m[i] = spec->beta1 * r->m[i] + (1 - spec->beta1) * g;
            r->v[i] = spec->beta2 * r->v[i] + (1 - spec->beta2) * g * g;
            r->w[i] -= rate * r->m[i] / (1 - pow(spec->beta1, t)) /
                       (sqrt(r->v[i] / (1 - pow(spec->beta2, t))) + spec->epsilon);
        } else {
            r->v[i] = spec->momentum * r->v[i] + g;
            r->w[i] -= rate * r->v[i];
        }
        if (i < WEIGHTS && !r->mask[i])
            r->w[i] = r->m[i] = r->v[i] = 0;
    }
}

/* Every third weight or so is pruned, whichever were before: some of those grow. */
static void reference_shake(struct reference *r, size_t step, struct psi_optimizer_state *state)
{
    struct psi_random random;
    psi_random_open(&random, 9, "mask/%zu", step);
    for (size_t i = 0; i < WEIGHTS; i++) {
        uint8_t kept = psi_random_below(&random, 3) != 0;
        if (kept && !r->mask[i]) {
            assert_true(r->w[i] == 0 && r->v[i] == 0);
            r->grown++;
        }
        r->mask[i] = kept;
        if (!kept)
            r->w[i] = r->m[i] = r->v[i] = 0;
    }
    psi_optimizer_mask(state, r->trained, r->mask);
    assert_true(psi_mask_holds(r->mask, WEIGHTS, psi_network_parameter(r->trained), state));
}

static enum psi_status reference_hook(void *context, size_t step, struct psi_optimizer_state *state,
                                      struct psi_error *err)
{
    struct reference *r = context;
    const float *w = psi_network_parameter(r->trained);
    (void)err;
    if (step == r->first_step)
        for (size_t i = 0; i < PARAMETERS; i++)
            r->w[i] = w[i];
    else
        reference_step(r, step - 1);
    assert_true(psi_mask_holds(r->mask, WEIGHTS, w, state));
    for (size_t i = 0; i < PARAMETERS; i++)
        if (!(fabs(w[i] - r->w[i]) < 1e-6 * (1 + fabs(r->w[i])))) /* some ulp a step */
            fail_msg("step %zu, parameter %zu: %.9g, expected %.9g", step, i, w[i], r->w[i]);
    if (r->every && step % r->every == 0)
        reference_shake(r, step, state);
    if (step < STEPS)
        reference_gradient(r, step);
    return PSI_OK;
}

/* Every optimiser steps as its formula says, under masks that change every 1 or 4 steps, or never,
 * from the schedule's first step or a later one; what grows starts from nothing. */
static void test_changing_masks(void **state)
{
    (void)state;
    static struct reference r;
    struct toy toy;
    toy_fill(&toy);
    const size_t every[] = {0, 1, 4}, first[] = {0, EACH + 2, 0};
    for (int o = 0; o < OPTIMIZERS; o++)
        for (int i = 0; i < 3; i++) {
            r = (struct reference){.spec = &optimizers[o],
                                   .toy = &toy,
                                   .trained = fresh(&toy),
                                   .twin = fresh(&toy),
                                   .first_step = first[i],
                                   .every = every[i]};
            memset(r.mask, 1, sizeof r.mask);
            struct psi_step_hook hook = {reference_hook, &r};
            struct psi_training training = training_of(&toy, r.spec, &hook);
            int diverged = 1;
            training.mask = r.mask;
            training.first_step = first[i];
            assert_int_equal(psi_train(r.trained, &training, &diverged, NULL), PSI_OK);
            assert_int_equal(diverged, 0);
            assert_true(psi_mask_holds(r.mask, WEIGHTS, psi_network_parameter(r.trained), NULL));
            assert_true(every[i] ? r.grown > WEIGHTS : r.grown == 0);
            psi_network_destroy(r.twin);
            psi_network_destroy(r.trained);
        }
}

/* A constraint: whatever was learnt, the answer is class 1. */
static enum psi_status stubborn(void *context, size_t step, struct psi_optimizer_state *state,
                                struct psi_error *err)
{
    float *parameter = psi_network_parameter(context);
    (void)step, (void)state, (void)err;
    memset(parameter + WEIGHTS - 10 * TOY_CLASSES, 0, 10 * TOY_CLASSES * sizeof *parameter);
    for (int c = 0; c < TOY_CLASSES; c++)
        parameter[PARAMETERS - TOY_CLASSES + c] = c == 1;
    return PSI_OK;
}

/* It holds at every evaluation, the first and the last too. */
static void test_hook_comes_before_evaluation(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    double share = 0;
    for (int i = 0; i < TOY_VALIDATION; i++)
        share += (toy.label[TOY_TRAIN + i] == 1) / (double)TOY_VALIDATION;
    for (size_t first = 0; first < STEPS; first += EACH - 1) {
        struct psi_network *network = fresh(&toy);
        struct psi_step_hook hook = {stubborn, network};
        struct psi_training training = training_of(&toy, &optimizers[4], &hook);
        double curve[EPOCHS + 1];
        int diverged;
        training.curve = curve;
        training.first_step = first;
        assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
        for (size_t e = first / EACH; e <= EPOCHS; e++)
            assert_true(fabs(curve[e] - share) < 1e-12);
        psi_network_destroy(network);
    }
}

static void test_hook_ends_training(void **state)
{
    (void)state;
    static struct film film;
    struct toy toy;
    toy_fill(&toy);
    const size_t at[] = {0, 1, EACH, STEPS};
    for (int i = 0; i < 4; i++) {
        struct psi_network *network = fresh(&toy);
        struct psi_step_hook hook = {film_step, &film};
        struct psi_training training = training_of(&toy, &plain, &hook);
        struct psi_error err = {0};
        int diverged = -1;
        film = (struct film){.network = network, .fail_at = at[i]};
        assert_int_equal(psi_train(network, &training, &diverged, &err), PSI_NUMERIC);
        assert_non_null(strstr(err.text, "hook"));
        assert_int_equal(film.next, at[i] + 1);
        assert_memory_equal(film.frame[at[i]], psi_network_parameter(network),
                            sizeof film.frame[0]);
        psi_network_destroy(network);
    }
}

/* The hook sees no step that was not taken. */
static void test_divergence(void **state)
{
    (void)state;
    static struct film film;
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network = fresh(&toy);
    struct psi_step_hook hook = {film_step, &film};
    struct psi_training training = training_of(&toy, &plain, &hook);
    int diverged = 0;
    film = (struct film){.network = network, .fail_at = SIZE_MAX};
    psi_network_parameter(network)[PARAMETERS - 1] = NAN;
    assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
    assert_int_equal(diverged, 1);
    assert_int_equal(film.next, 1);
    psi_network_destroy(network);
}

static void test_first_step_is_checked(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network = fresh(&toy);
    struct psi_train_spec spec = plain;
    struct psi_training training = training_of(&toy, &spec, NULL);
    struct psi_error err = {0};
    int diverged;
    training.first_step = STEPS;
    assert_int_equal(psi_train(network, &training, &diverged, &err), PSI_USAGE);
    assert_non_null(strstr(err.text, "0 to 29 expected, 30 found"));
    training.first_step = SIZE_MAX;
    assert_int_equal(psi_train(network, &training, &diverged, &err), PSI_USAGE);
    spec.epochs = 0;
    training.first_step = 1;
    assert_int_equal(psi_train(network, &training, &diverged, &err), PSI_USAGE);
    training.first_step = 0;
    assert_int_equal(psi_train(network, &training, &diverged, &err), PSI_OK);
    psi_network_destroy(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tail_of_a_run),
        cmocka_unit_test(test_changing_masks),
        cmocka_unit_test(test_hook_comes_before_evaluation),
        cmocka_unit_test(test_hook_ends_training),
        cmocka_unit_test(test_divergence),
        cmocka_unit_test(test_first_step_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
