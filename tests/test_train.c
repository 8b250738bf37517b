/* psi_train: learning, masks, divergence, progress, curves, the same bits again. */
#include "net_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t hidden[] = {20, 10};
enum { WEIGHTS = TOY_FEATURES * 20 + 20 * 10 + 10 * TOY_CLASSES };
enum { PARAMETERS = WEIGHTS + 20 + 10 + TOY_CLASSES, EPOCHS = 12, BATCH = 8 };

static const struct psi_train_spec sgd = {.optimizer = PSI_SGD,
                                          .rate = 0.05,
                                          .momentum = 0.9,
                                          .weight_decay = 0.01,
                                          .batch = BATCH,
                                          .epochs = EPOCHS};
static const struct psi_train_spec adam = {.optimizer = PSI_ADAM,
                                           .rate = 0.01,
                                           .schedule = PSI_COSINE,
                                           .warmup = 1,
                                           .beta1 = 0.9,
                                           .beta2 = 0.999,
                                           .epsilon = 1e-8,
                                           .weight_decay = 0.01,
                                           .batch = BATCH,
                                           .epochs = EPOCHS};

static struct psi_network *fresh(const struct toy *toy)
{
    struct psi_network *network = network_make(&toy->dataset, 16, PSI_HE, 2, hidden);
    assert_int_equal(psi_network_weights(network), WEIGHTS);
    assert_int_equal(psi_network_parameters(network), PARAMETERS);
    network_draw(network, 1);
    return network;
}

static struct psi_training training_of(const struct toy *toy, const struct psi_train_spec *spec)
{
    return (struct psi_training){
        .spec = spec, .dataset = &toy->dataset, .random_seed = 3, .random_name = "train/seed=1"};
}

static void test_learns(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    const struct psi_train_spec *specs[] = {&sgd, &adam};
    for (int i = 0; i < 2; i++) {
        struct psi_network *network = fresh(&toy);
        struct psi_training training = training_of(&toy, specs[i]);
        double curve[EPOCHS + 2];
        int diverged = -1;
        curve[EPOCHS + 1] = -5; /* must stay */
        training.curve = curve;
        assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
        assert_int_equal(diverged, 0);
        struct psi_score score;
        psi_evaluate(network, &toy.dataset, &toy.dataset.train, NULL, &score, NULL);
        assert_int_equal(score.correct, TOY_TRAIN);
        psi_evaluate(network, &toy.dataset, &toy.dataset.validation, NULL, &score, NULL);
        assert_true(curve[EPOCHS] == score.accuracy);
        assert_true(curve[0] < 0.7 && curve[EPOCHS] > 0.8);
        assert_true(curve[EPOCHS + 1] == -5);
        psi_network_destroy(network);
    }
}

/* psi_train is the sum of its documented parts: same order of samples, same rates, same bits. */
static void test_is_its_parts(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network = fresh(&toy), *other = fresh(&toy);
    struct psi_training training = training_of(&toy, &adam);
    int diverged;
    assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);

    struct psi_optimizer_state *optimizer = NULL;
    assert_int_equal(psi_optimizer_create(&adam, PARAMETERS, &optimizer, NULL), PSI_OK);
    enum { STEPS = TOY_TRAIN / BATCH }; /* 6, and 2 samples dropped */
    for (size_t step = 0; step < STEPS * EPOCHS; step++) {
        uint32_t order[TOY_TRAIN], *index = order + step % STEPS * BATCH;
        uint8_t label[BATCH];
        float dlogits[TOY_CLASSES * BATCH];
        struct psi_random random;
        psi_random_open(&random, 3, "train/seed=1/epoch=%zu", step / STEPS);
        for (uint32_t i = 0; i < TOY_TRAIN; i++)
            order[i] = i;
        psi_random_shuffle(&random, order, TOY_TRAIN);
        for (int b = 0; b < BATCH; b++)
            label[b] = toy.label[index[b]];
        psi_network_gather(other, &toy.dataset, &toy.dataset.train, index, BATCH);
        psi_softmax_cross_entropy(psi_network_forward(other, BATCH), label, TOY_CLASSES, BATCH,
                                  dlogits);
        psi_optimizer_step(optimizer, other, NULL, BATCH, dlogits,
                           psi_train_rate(&adam, STEPS, step));
    }
    assert_memory_equal(psi_network_parameter(network), psi_network_parameter(other),
                        PARAMETERS * sizeof(float));
    psi_optimizer_destroy(optimizer);
    psi_network_destroy(other);
    psi_network_destroy(network);
}

static void test_same_bits(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    float kept[PARAMETERS];
    for (int i = 0; i < 3; i++) {
        struct psi_network *network = fresh(&toy);
        struct psi_training training = training_of(&toy, &sgd);
        int diverged;
        training.random_name = i == 2 ? "train/seed=2" : "train/seed=1";
        assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
        const float *parameter = psi_network_parameter(network);
        if (i == 1)
            assert_memory_equal(parameter, kept, sizeof kept);
        if (i == 2)
            assert_memory_not_equal(parameter, kept, sizeof kept);
        memcpy(kept, parameter, sizeof kept);
        psi_network_destroy(network);
    }
}

/* Looks into the network between two steps. */
struct watch {
    const float *parameter;
    const uint8_t *mask;
    int calls, stop_at;
};

static int watch_mask(void *context)
{
    struct watch *watch = context;
    assert_true(psi_mask_holds(watch->mask, WEIGHTS, watch->parameter, NULL));
    return ++watch->calls == watch->stop_at;
}

static void test_mask_holds(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    uint8_t mask[WEIGHTS];
    for (int i = 0; i < WEIGHTS; i++)
        mask[i] = i * 7 % 11 < 5;
    const struct psi_train_spec *specs[] = {&sgd, &adam};
    for (int i = 0; i < 2; i++) {
        struct psi_network *network = fresh(&toy);
        float *parameter = psi_network_parameter(network);
        struct psi_training training = training_of(&toy, specs[i]);
        struct watch watch = {.parameter = parameter, .mask = mask};
        struct psi_progress progress = {watch_mask, &watch};
        int diverged;
        training.mask = mask;
        training.progress = &progress;
        assert_false(psi_mask_holds(mask, WEIGHTS, parameter, NULL));
        assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
        assert_int_equal(watch.calls, EPOCHS * (TOY_TRAIN / BATCH));
        assert_true(psi_mask_holds(mask, WEIGHTS, parameter, NULL));
        int zero = 0;
        for (int k = 0; k < WEIGHTS; k++)
            zero += mask[k] && parameter[k] == 0;
        assert_true(zero == 0); /* survivors live */
        struct psi_score score;
        psi_evaluate(network, &toy.dataset, &toy.dataset.train, NULL, &score, NULL);
        assert_true(score.accuracy > 0.9);
        psi_network_destroy(network);
    }
}

/* The optimiser's state too, step by step; and psi_mask_holds sees a violation of either. */
static void test_state_is_masked(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    uint8_t mask[WEIGHTS], all[WEIGHTS];
    memset(all, 1, sizeof all);
    for (int i = 0; i < WEIGHTS; i++)
        mask[i] = i % 3 == 0;
    const struct psi_train_spec *specs[] = {&sgd, &adam};
    for (int i = 0; i < 2; i++) {
        struct psi_network *network = fresh(&toy);
        struct psi_optimizer_state *optimizer = NULL;
        assert_int_equal(psi_optimizer_create(specs[i], PARAMETERS, &optimizer, NULL), PSI_OK);
        float dlogits[TOY_CLASSES * BATCH], *parameter = psi_network_parameter(network);
        psi_network_gather(network, &toy.dataset, &toy.dataset.train, NULL, BATCH);
        for (int step = 0; step < 8; step++) {
            const uint8_t *now = step < 3 ? all : mask; /* pruned while the state is warm */
            psi_softmax_cross_entropy(psi_network_forward(network, BATCH), toy.label, TOY_CLASSES,
                                      BATCH, dlogits);
            psi_optimizer_step(optimizer, network, now, BATCH, dlogits, 0.01);
            assert_true(psi_mask_holds(now, WEIGHTS, parameter, optimizer));
            if (step < 3)
                assert_false(psi_mask_holds(mask, WEIGHTS, parameter, optimizer));
        }
        parameter[1] = 1e-20f;
        assert_false(psi_mask_holds(mask, WEIGHTS, parameter, optimizer));
        parameter[1] = 0;
        assert_true(psi_mask_holds(mask, WEIGHTS, parameter, optimizer));
        psi_optimizer_step(optimizer, network, NULL, BATCH, dlogits, 0); /* weights stay */
        for (int k = 0; k < WEIGHTS; k++)
            parameter[k] = mask[k] ? parameter[k] : 0;
        assert_true(psi_mask_holds(mask, WEIGHTS, parameter, NULL));
        assert_false(psi_mask_holds(mask, WEIGHTS, parameter, optimizer));
        psi_optimizer_destroy(optimizer);
        psi_network_destroy(network);
    }
    psi_optimizer_destroy(NULL);
}

static void test_divergence(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    struct psi_train_spec spec = sgd;
    spec.rate = 1e20;
    struct psi_network *network = fresh(&toy);
    struct psi_training training = training_of(&toy, &spec);
    double curve[EPOCHS + 1];
    int diverged = 0;
    training.curve = curve;
    assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
    assert_int_equal(diverged, 1);
    assert_false(isnan(curve[0]));
    for (int i = 1; i <= EPOCHS; i++)
        assert_true(isnan(curve[i]));
    /* from a network that is broken already not a step is taken */
    float *parameter = psi_network_parameter(network);
    network_draw(network, 1);
    parameter[PARAMETERS - 1] = NAN;
    float before[PARAMETERS];
    memcpy(before, parameter, sizeof before);
    training.curve = NULL;
    diverged = 0;
    assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
    assert_int_equal(diverged, 1);
    assert_memory_equal(parameter, before, sizeof before);
    psi_network_destroy(network);
}

static void test_progress_stops(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    uint8_t mask[WEIGHTS];
    memset(mask, 1, sizeof mask);
    struct psi_network *network = fresh(&toy);
    struct watch watch = {.parameter = psi_network_parameter(network), .mask = mask, .stop_at = 20};
    struct psi_progress progress = {watch_mask, &watch};
    struct psi_training training = training_of(&toy, &sgd);
    struct psi_error err = {0};
    int diverged = 0;
    training.progress = &progress;
    assert_int_equal(psi_train(network, &training, &diverged, &err), PSI_STOPPED);
    assert_int_equal(err.status, PSI_STOPPED);
    assert_int_equal(watch.calls, 20);
    psi_network_destroy(network);
}

static void test_refuses_and_edges(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network = fresh(&toy);
    struct psi_train_spec spec = sgd;
    struct psi_training training = training_of(&toy, &spec);
    struct psi_error err = {0};
    int diverged = 0;
    spec.batch = 17; /* the network takes 16 */
    assert_int_equal(psi_train(network, &training, &diverged, &err), PSI_USAGE);
    spec.batch = 0;
    assert_int_equal(psi_train(network, &training, &diverged, &err), PSI_USAGE);
    spec.batch = 16;
    toy.dataset.train.samples = 15;
    assert_int_equal(psi_train(network, &training, &diverged, &err), PSI_USAGE);
    assert_non_null(strstr(err.text, "15"));
    /* no validation split: no curve; no epochs: nothing but the mask */
    toy.dataset.train.samples = 16;
    toy.dataset.validation.samples = 0;
    spec.epochs = 1;
    double curve[2] = {5, 5};
    training.curve = curve;
    assert_int_equal(psi_train(network, &training, &diverged, &err), PSI_OK);
    assert_true(isnan(curve[0]) && isnan(curve[1]));
    uint8_t mask[WEIGHTS] = {0};
    spec.epochs = 0;
    training.mask = mask;
    assert_int_equal(psi_train(network, &training, &diverged, &err), PSI_OK);
    assert_true(psi_mask_holds(mask, WEIGHTS, psi_network_parameter(network), NULL));
    psi_network_destroy(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),          cmocka_unit_test(test_is_its_parts),
        cmocka_unit_test(test_same_bits),       cmocka_unit_test(test_mask_holds),
        cmocka_unit_test(test_state_is_masked), cmocka_unit_test(test_divergence),
        cmocka_unit_test(test_progress_stops),  cmocka_unit_test(test_refuses_and_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
