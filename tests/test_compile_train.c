/* Training compiled networks: the same course as uncompiled, exact zeros, the same bits again. */
#include "compile_fixture.h"
#include "training_step.h"

enum { BATCH = 60, STEPS = 100 };

static struct psi_dataset *generate(int set, size_t train)
{
    struct psi_data_spec spec = {
        .set = set, .train = train, .test = 200, .validation = 100, .inputs = 40, .random_seed = 1};
    struct psi_dataset *dataset = NULL;
    assert_int_equal(psi_dataset_create(&spec, &dataset, NULL), PSI_OK);
    return dataset;
}

static const struct psi_train_spec sgd = {.optimizer = PSI_SGD,
                                          .rate = 0.02,
                                          .momentum = 0.9,
                                          .weight_decay = 1e-3,
                                          .batch = BATCH,
                                          .epochs = 2};
static const struct psi_train_spec adam = {.optimizer = PSI_ADAM,
                                           .rate = 0.0012,
                                           .weight_decay = 1e-3,
                                           .beta1 = 0.9,
                                           .beta2 = 0.999,
                                           .epsilon = 1e-8,
                                           .batch = BATCH,
                                           .epochs = 2};

/* Losses of the first 100 steps within 1e-3, side by side; then every parameter near the other's,
 * those of dropped units and of weights that lead nowhere too, which decay in both. */
static void check_course(int set, const struct psi_train_spec *spec, const double *density)
{
    struct psi_dataset *dataset = generate(set, 2400);
    struct psi_network *network =
        network_draw_level(dataset, BATCH, 2, (size_t[]){60, 30}, psi_kernels_best());
    uint8_t *mask = mask_draw(network, density, 8);
    struct psi_network *compiled = compile_bits(network, mask, 7);
    mask_apply(network, mask);
    size_t parameters = psi_network_parameters(network), weights = psi_network_weights(network);
    struct psi_optimizer_state *dense = NULL, *sparse = NULL;
    psi_optimizer_create(spec, parameters, &dense, NULL);
    psi_optimizer_create(spec, psi_network_parameters(compiled), &sparse, NULL);
    for (size_t s = 0; s < STEPS; s++) {
        size_t first = s * BATCH % (dataset->train.samples - BATCH);
        double expected = training_step(network, dense, dataset, mask, first, BATCH, spec->rate);
        double found = training_step(compiled, sparse, dataset, psi_network_mask(compiled), first,
                                     BATCH, spec->rate);
        if (!(fabs(found - expected) <= 1e-3 * expected))
            fail_msg("step %zu: loss %.9g found, %.9g expected", s, found, expected);
    }
    float *expected = malloc(parameters * sizeof(float));
    memcpy(expected, network->parameter, parameters * sizeof(float));
    psi_network_expand(compiled, network);
    for (size_t p = 0; p < parameters; p++) {
        float found = network->parameter[p];
        if (p < weights && !mask[p])
            assert_true(found == 0 && !signbit(found));
        else if (!(fabsf(found - expected[p]) <= 2e-3f))
            fail_msg("parameter %zu: %.9g found, %.9g expected", p, (double)found,
                     (double)expected[p]);
    }
    free(expected);
    psi_optimizer_destroy(sparse);
    psi_optimizer_destroy(dense);
    psi_network_destroy(compiled);
    free(mask);
    psi_network_destroy(network);
    psi_dataset_destroy(dataset);
}

static void test_course(void **state)
{
    (void)state;
    static const double density[][3] = {{0.3, 0.3, 0.5}, {0.05, 0.1, 0.3}, {0.005, 0.05, 0.2}};
    for (size_t d = 0; d < 3; d++) {
        check_course(PSI_PLANTED, &sgd, density[d]);
        check_course(PSI_PLANTED, &adam, density[d]);
    }
    check_course(PSI_GLYPHS, &sgd, density[1]);
    check_course(PSI_GLYPHS, &adam, density[1]);
}

/* A unit without a path to an output: its weights and bias come out of training by weight decay
 * alone, and to the bit as the uncompiled path has them. */
static void test_dropped_units_decay(void **state)
{
    (void)state;
    struct psi_dataset *dataset = generate(PSI_PLANTED, 600);
    const struct psi_train_spec *specs[] = {&sgd, &adam};
    for (int s = 0; s < 2; s++) {
        struct psi_network *network =
            network_draw_level(dataset, BATCH, 1, (size_t[]){10}, psi_kernels_best());
        uint8_t *mask = mask_draw(network, (double[]){0.5, 0.5}, 2);
        for (size_t c = 0; c < dataset->classes; c++)
            mask[40 * 10 + c * 10 + 4] = 0; /* hidden unit 4 leads nowhere */
        struct psi_network *compiled = compile_bits(network, mask, 3);
        struct psi_training training = {.spec = specs[s],
                                        .dataset = dataset,
                                        .mask = mask,
                                        .random_seed = 1,
                                        .random_name = "t"};
        int diverged;
        float before = network->parameter[psi_network_weights(network) + 4];
        assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
        training.mask = psi_network_mask(compiled);
        assert_int_equal(psi_train(compiled, &training, &diverged, NULL), PSI_OK);
        struct psi_network *other =
            network_draw_level(dataset, BATCH, 1, (size_t[]){10}, psi_kernels_best());
        psi_network_expand(compiled, other);
        for (size_t i = 0; i < 40; i++)
            assert_true(other->parameter[4 * 40 + i] == network->parameter[4 * 40 + i]);
        float after = other->parameter[psi_network_weights(other) + 4];
        assert_true(after == network->parameter[psi_network_weights(other) + 4]);
        assert_true(fabsf(after) < fabsf(before));
        psi_network_destroy(other);
        psi_network_destroy(compiled);
        free(mask);
        psi_network_destroy(network);
    }
    psi_dataset_destroy(dataset);
}

/* psi_train and psi_evaluate: the same scores as uncompiled, the same bits when done again, and
 * whatever was trained before. */
static void test_whole(void **state)
{
    (void)state;
    struct psi_dataset *dataset = generate(PSI_PLANTED, 2000);
    struct psi_network *network =
        network_draw_level(dataset, 100, 2, (size_t[]){40, 20}, psi_kernels_best());
    uint8_t *mask = mask_draw(network, (double[]){0.2, 0.3, 0.5}, 8);
    struct psi_train_spec spec = adam;
    spec.rate = 0.01;
    spec.epochs = 4;
    spec.batch = 50;
    double curve[3][5];
    struct psi_score score[3];
    float *first = NULL;
    for (int run = 0; run < 3; run++) { /* compiled, compiled again, uncompiled */
        struct psi_network *compiled = run < 2 ? compile_bits(network, mask, 7) : NULL;
        struct psi_network *it = compiled ? compiled : network;
        struct psi_training training = {.spec = &spec,
                                        .dataset = dataset,
                                        .mask = compiled ? psi_network_mask(compiled) : mask,
                                        .random_seed = 1,
                                        .random_name = "t",
                                        .curve = curve[run]};
        int diverged = 1;
        assert_int_equal(psi_train(it, &training, &diverged, NULL), PSI_OK);
        assert_int_equal(diverged, 0);
        assert_int_equal(psi_evaluate(it, dataset, &dataset->test, NULL, &score[run], NULL),
                         PSI_OK);
        size_t bytes = psi_network_parameters(it) * sizeof(float);
        if (run == 0) {
            first = malloc(bytes);
            memcpy(first, it->parameter, bytes);
        } else if (run == 1) {
            assert_memory_equal(first, it->parameter, bytes);
            assert_memory_equal(curve[0], curve[1], sizeof curve[0]);
        }
        psi_network_destroy(compiled);
    }
    assert_true(curve[0][4] > 0.5); /* it learns */
    assert_true(curve[0][0] == curve[2][0]);
    assert_true(fabs(curve[0][4] - curve[2][4]) <= 0.03);
    assert_true(fabs(score[0].loss - score[2].loss) <= 0.02 * score[2].loss);
    free(first);
    free(mask);
    psi_network_destroy(network);
    psi_dataset_destroy(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_course),
        cmocka_unit_test(test_dropped_units_decay),
        cmocka_unit_test(test_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
