/* Networks whose first layer is on the lit path: the results of GEMM, the same course of training,
 * chosen where pixels are dark and nowhere else. */
#include "compile_fixture.h"
#include "training_step.h"

enum { BATCH = 60, STEPS = 100 };

/* Logits and gradients of the compiled network and of the one it came from, for any number of
 * samples, gathered in order, by index, and written by the caller. */
static void check_results(struct psi_network *network, struct psi_network *compiled,
                          const struct noise_set *set, size_t samples, int how)
{
    const struct psi_dataset *dataset = &set->dataset;
    size_t classes = dataset->classes, parameters = psi_network_parameters(network);
    struct psi_network *each[2] = {network, compiled};
    float *logits[2], *gradient[2];
    uint32_t index[BATCH];
    for (size_t s = 0; s < samples; s++)
        index[s] = (uint32_t)(s * 7 % dataset->train.samples);
    for (int i = 0; i < 2; i++) {
        logits[i] = malloc(classes * samples * sizeof(float));
        gradient[i] = calloc(parameters, sizeof(float));
        float *dlogits = malloc(classes * samples * sizeof(float));
        if (how < 2)
            psi_network_gather(each[i], dataset, &dataset->train, how ? index : NULL, samples);
        else
            for (size_t k = 0; k < dataset->features * samples; k++)
                psi_network_input(each[i])[k] = k % 5 ? 0 : sinf((float)k);
        memcpy(logits[i], psi_network_forward(each[i], samples), classes * samples * sizeof(float));
        for (size_t k = 0; k < classes * samples; k++)
            dlogits[k] = cosf((float)k);
        psi_network_backward(each[i], samples, dlogits, 0, gradient[i]);
        free(dlogits);
    }
    for (size_t k = 0; k < classes * samples; k++)
        assert_true(fabsf(logits[0][k] - logits[1][k]) <= 2e-5f * (1 + fabsf(logits[0][k])));
    for (size_t p = 0; p < psi_network_parameters(compiled); p++) {
        float expected = gradient[0][compiled->compiled->origin[p]];
        if (!(fabsf(gradient[1][p] - expected) <= 1e-4f * (1 + fabsf(expected))))
            fail_msg("gradient %zu: %.9g found, %.9g expected", p, (double)gradient[1][p],
                     (double)expected);
    }
    for (int i = 0; i < 2; i++) {
        free(gradient[i]);
        free(logits[i]);
    }
}

static void test_results(void **state)
{
    (void)state;
    struct noise_set set;
    noise_open(&set, 3, 5, 9, 10, 100); /* 135 inputs: tiles across channels */
    for (int level = 0; level <= psi_kernels_best(); level++)
        for (size_t hidden = 10; hidden <= 100; hidden += 45) {
            struct psi_network *network =
                network_draw_level(&set.dataset, BATCH, 2, (size_t[]){hidden, 20}, level);
            uint8_t *mask = mask_draw(network, (double[]){1, 0.6, 1}, 1);
            mask_apply(network, mask);
            for (unsigned bits = 0; bits < 3; bits += 2) {
                struct psi_network *compiled = compile_lit(network, mask, bits);
                for (int how = 0; how < 3; how++) {
                    check_results(network, compiled, &set, BATCH, how);
                    check_results(network, compiled, &set, 17, how);
                    check_results(network, compiled, &set, 1, how);
                }
                psi_network_destroy(compiled);
            }
            free(mask);
            psi_network_destroy(network);
        }
    noise_close(&set);
}

/* Losses of the first 100 steps within 1e-3 of GEMM's, masked weights exactly 0 after them. Adam's
 * first steps are rate * g / (|g| + epsilon): where a gradient is about epsilon its rounding shows,
 * so that the more weights, the sooner courses part. */
static void check_course(const struct psi_dataset *dataset, const size_t *hidden, int optimizer,
                         double density)
{
    struct psi_train_spec spec = {.optimizer = optimizer,
                                  .rate = optimizer == PSI_ADAM ? 0.0012 : 0.02,
                                  .momentum = 0.9,
                                  .weight_decay = 1e-3,
                                  .beta1 = 0.9,
                                  .beta2 = 0.999,
                                  .epsilon = 1e-8,
                                  .batch = BATCH};
    struct psi_network *network = network_draw_level(dataset, BATCH, 2, hidden, psi_kernels_best());
    uint8_t *mask = mask_draw(network, (double[]){density, density, 1}, 8);
    mask_apply(network, mask);
    struct psi_network *compiled = compile_lit(network, mask, 0);
    assert_true((psi_network_mask(compiled) == NULL) == (density == 1));
    size_t parameters = psi_network_parameters(network);
    assert_int_equal(psi_network_parameters(compiled), parameters);
    struct psi_optimizer_state *state[2] = {NULL};
    for (int i = 0; i < 2; i++)
        psi_optimizer_create(&spec, parameters, &state[i], NULL);
    for (size_t s = 0; s < STEPS; s++) {
        size_t first = s * BATCH % (dataset->train.samples - BATCH);
        double expected = training_step(network, state[0], dataset, mask, first, BATCH, spec.rate);
        double found = training_step(compiled, state[1], dataset, psi_network_mask(compiled), first,
                                     BATCH, spec.rate);
        if (!(fabs(found - expected) <= 1e-3 * expected))
            fail_msg("step %zu: loss %.9g found, %.9g expected", s, found, expected);
    }
    psi_network_expand(compiled, network);
    for (size_t w = 0; w < psi_network_weights(network); w++)
        assert_true(mask[w] || network->parameter[w] == 0);
    for (int i = 0; i < 2; i++)
        psi_optimizer_destroy(state[i]);
    psi_network_destroy(compiled);
    free(mask);
    psi_network_destroy(network);
}

static void test_course(void **state)
{
    (void)state;
    struct psi_data_spec spec = {
        .set = PSI_GLYPHS, .train = 2400, .test = 100, .validation = 100, .random_seed = 1};
    struct psi_dataset *dataset = NULL;
    assert_int_equal(psi_dataset_create(&spec, &dataset, NULL), PSI_OK);
    for (int optimizer = PSI_SGD; optimizer <= PSI_ADAM; optimizer++) {
        check_course(dataset, (size_t[]){60, 30}, optimizer, 1);
        check_course(dataset, (size_t[]){60, 30}, optimizer, 0.9);
    }
    psi_dataset_destroy(dataset);
}

static void test_course_on_mnist(void **state)
{
    (void)state;
    struct psi_data_spec spec = {.set = PSI_MNIST, .path = "../shared/data/mnist"};
    struct psi_dataset *dataset = NULL;
    if (psi_dataset_create(&spec, &dataset, NULL) != PSI_OK) {
        print_message("no MNIST in ../shared/data, left out\n");
        skip();
    }
    check_course(dataset, (size_t[]){300, 100}, PSI_SGD, 1);
    check_course(dataset, (size_t[]){300, 100}, PSI_ADAM, 1);
    psi_dataset_destroy(dataset);
}

static void test_choice(void **state)
{
    (void)state;
    struct noise_set set;
    noise_open(&set, 1, 28, 28, 10, 10);
    struct psi_network *network =
        network_draw_level(&set.dataset, BATCH, 2, (size_t[]){300, 100}, psi_kernels_best());
    struct psi_network *compiled = network;
    uint8_t *mask = mask_draw(network, (double[]){1, 1, 1}, 1);
    assert_int_equal(psi_network_compile(network, mask, 0.6, &compiled, NULL), PSI_OK);
    assert_null(compiled);
    assert_int_equal(psi_network_compile(network, mask, 0.19, &compiled, NULL), PSI_OK);
    assert_true(compiled->layer[0].type == &psi_layer_lit);
    assert_true(compiled->layer[1].type == &psi_layer_dense);
    size_t inputs;
    assert_null(psi_network_inputs(compiled, &inputs));
    assert_int_equal(inputs, 784);
    psi_network_destroy(compiled);
    free(mask);
    mask = mask_draw(network, (double[]){0.01, 1, 1}, 1);
    assert_int_equal(psi_network_compile(network, mask, 0.19, &compiled, NULL), PSI_OK);
    assert_true(compiled->layer[0].type == &psi_layer_sparse);
    psi_network_destroy(compiled);
    free(mask);
    psi_network_destroy(network);
    noise_close(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_course),
        cmocka_unit_test(test_course_on_mnist),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
