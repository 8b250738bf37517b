/* Compiled networks against the networks they are compiled from: logits, losses, gradients. */
#include "compile_fixture.h"

enum { CLASSES = 5, SAMPLES = 240 };

/* The same numbers from both within rounding, whichever layers go the sparse path. */
static void check_pass(const struct psi_dataset *dataset, struct psi_network *network,
                       const uint8_t *mask, unsigned bits, size_t batch)
{
    struct psi_network *compiled = compile_bits(network, mask, bits);
    size_t parameters = psi_network_parameters(network), kept = psi_network_parameters(compiled);
    const uint32_t *origin = compiled->compiled->origin;
    size_t classes = psi_network_classes(network);
    float *expected = malloc(parameters * sizeof(float)), *found = malloc(kept * sizeof(float));
    float *dlogits = malloc(2 * classes * batch * sizeof(float));
    float *dcompiled = dlogits + classes * batch;
    uint32_t index[SAMPLES];
    mask_apply(network, mask);
    for (size_t b = 0; b < batch; b++)
        index[b] = (uint32_t)(7 * b % dataset->train.samples);
    uint8_t label[SAMPLES];
    for (size_t b = 0; b < batch; b++)
        label[b] = dataset->train.label[index[b]];
    for (int decayed = 0; decayed < 2; decayed++) {
        float decay = decayed ? 0.7f : 0;
        psi_network_gather(network, dataset, &dataset->train, index, batch);
        psi_network_gather(compiled, dataset, &dataset->train, index, batch);
        const float *dense = psi_network_forward(network, batch);
        const float *sparse = psi_network_forward(compiled, batch);
        for (size_t i = 0; i < classes * batch; i++)
            if (!(fabsf(dense[i] - sparse[i]) <= 1e-5f * (1 + fabsf(dense[i]))))
                fail_msg("logit %zu: %.9g found, %.9g expected", i, (double)sparse[i],
                         (double)dense[i]);
        double loss = psi_softmax_cross_entropy(dense, label, classes, batch, dlogits);
        double also = psi_softmax_cross_entropy(sparse, label, classes, batch, dcompiled);
        assert_true(fabs(loss - also) <= 1e-5 * loss);
        for (size_t p = 0; p < parameters; p++)
            expected[p] = decayed ? sinf((float)p) : NAN;
        for (size_t p = 0; p < kept; p++)
            found[p] = decayed ? sinf((float)origin[p]) : NAN;
        psi_network_backward(network, batch, dlogits, decay, expected);
        psi_network_backward(compiled, batch, dcompiled, decay, found);
        for (size_t p = 0; p < kept; p++)
            if (!(fabsf(found[p] - expected[origin[p]]) <= 1e-5f * (1 + fabsf(found[p]))))
                fail_msg("gradient %u: %.9g found, %.9g expected", origin[p], (double)found[p],
                         (double)expected[origin[p]]);
    }
    free(dlogits);
    free(found);
    free(expected);
    psi_network_destroy(compiled);
}

/* Parameters: survivors of sparse layers alone, all else; written back exactly. */
static void check_parameters(const struct psi_network *network, const uint8_t *mask, unsigned bits)
{
    struct psi_network *compiled = compile_bits(network, mask, bits);
    size_t weights = 0, all = psi_network_weights(network), survivors = 0;
    for (size_t m = 0; m < psi_network_matrices(network); m++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
        size_t size = matrix->rows * matrix->cols, kept = 0;
        for (size_t i = 0; i < size; i++)
            kept += mask[matrix->offset + i];
        weights += bits >> m & 1 ? kept : size;
        survivors += kept;
    }
    assert_int_equal(psi_network_weights(compiled), weights);
    size_t parameters = psi_network_parameters(network);
    assert_int_equal(psi_network_parameters(compiled), weights + parameters - all);
    const uint8_t *own = psi_network_mask(compiled);
    for (size_t w = 0; w < weights; w++)
        survivors -= own ? own[w] : 1;
    assert_int_equal(survivors, 0);
    float *before = malloc(parameters * sizeof(float));
    memcpy(before, network->parameter, parameters * sizeof(float));
    for (size_t p = 0; p < parameters; p++)
        network->parameter[p] = NAN;
    psi_network_expand(compiled, (struct psi_network *)network);
    for (size_t p = 0; p < parameters; p++)
        assert_true(network->parameter[p] == (p < all && !mask[p] ? 0 : before[p]));
    memcpy(network->parameter, before, parameters * sizeof(float));
    free(before);
    psi_network_destroy(compiled);
}

static void check(const struct psi_dataset *dataset, size_t depth, const size_t *hidden, int level,
                  const double *density, size_t batch)
{
    struct psi_network *network = network_draw_level(dataset, SAMPLES, depth, hidden, level);
    uint8_t *mask = mask_draw(network, density, batch);
    unsigned all = (1u << (depth + 1)) - 1;
    for (unsigned bits = 0; bits <= all; bits++) {
        check_parameters(network, mask, bits);
        check_pass(dataset, network, mask, bits, batch);
    }
    free(mask);
    psi_network_destroy(network);
}

/* Every level, densities and batches crossed; 252 inputs, so that there are panels. */
static void test_random_masks(void **state)
{
    (void)state;
    static const size_t batches[] = {1, 7, 60, 64, 65, 130, 240};
    static const double density[][3] = {{0.5, 0.5, 0.5},  {0.1, 0.3, 0.8}, {0.02, 0.1, 0.3},
                                        {0.003, 0.02, 1}, {0.2, 0, 0.3},   {0, 0.3, 0.3},
                                        {0.3, 0.3, 0},    {1, 1, 1}};
    struct noise_set set;
    noise_open(&set, 2, 9, 14, CLASSES, 300);
    size_t trial = 0;
    for (size_t d = 0; d < sizeof density / sizeof *density; d++)
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
            int level = (int)(trial++ % PSI_KERNEL_LEVELS);
            if (psi_kernels_get(level))
                check(&set.dataset, 2, (size_t[]){24, 17}, level, density[d], batches[b]);
        }
    for (int level = 0; level < PSI_KERNEL_LEVELS; level++)
        if (psi_kernels_get(level)) {
            check(&set.dataset, 0, NULL, level, (double[]){0.1}, 13);
            check(&set.dataset, 1, (size_t[]){70}, level, (double[]){0.4, 0.2}, 33);
            check(&set.dataset, 3, (size_t[]){9, 8, 7}, level, (double[]){0.05, 0.2, 0.2, 0.3}, 9);
        }
    noise_close(&set);
}

/* 3 inputs -> 4 -> 3 -> 2. Hidden 0 of the first layer has no inputs but leads on, 1 leads nowhere,
 * 2 leads only to a dead end, 3 is on a path; output 1 is reached by nothing but a bias. */
static void test_by_hand(void **state)
{
    (void)state;
    static const uint8_t mask[12 + 12 + 6] = {
        0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, /* (4, 3) */
        1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, /* (3, 4): unit 1 is the dead end, unit 2 empty */
        1, 0, 1, 0, 0, 0,                   /* (2, 3) */
    };
    struct noise_set set;
    noise_open(&set, 1, 1, 3, 2, 40);
    struct psi_network *network =
        network_draw_level(&set.dataset, 40, 2, (size_t[]){4, 3}, psi_kernels_best());
    for (unsigned bits = 0; bits < 8; bits++) {
        check_parameters(network, mask, bits);
        check_pass(&set.dataset, network, mask, bits, 40);
        check_pass(&set.dataset, network, mask, bits, 3);
    }
    struct psi_network *compiled = compile_bits(network, mask, 7);
    size_t count;
    const uint32_t *inputs = psi_network_inputs(compiled, &count); /* what leads to hidden 3 */
    assert_int_equal(count, 1);
    assert_int_equal(inputs[0], 0);
    assert_int_equal(psi_network_features(compiled), 3);
    assert_int_equal(psi_network_weights(compiled), 5 + 3 + 2); /* survivors, dead ends too */
    psi_network_destroy(compiled);
    compiled = compile_bits(network, mask, 6); /* GEMM reads them all */
    assert_null(psi_network_inputs(compiled, &count));
    assert_int_equal(count, 3);
    psi_network_destroy(compiled);
    psi_network_destroy(network);
    noise_close(&set);
}

/* What is written by hand where psi_network_input says gives what the gather gives. */
static void test_input(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network =
        network_draw_level(&toy.dataset, 30, 1, (size_t[]){9}, psi_kernels_best());
    uint8_t *mask = mask_draw(network, (double[]){0.1, 0.5}, 3);
    for (unsigned bits = 0; bits < 4; bits++) {
        struct psi_network *compiled = compile_bits(network, mask, bits);
        size_t features;
        const uint32_t *inputs = psi_network_inputs(compiled, &features);
        static const size_t batches[] = {1, 13, 16, 30};
        for (size_t k = 0; k < 4; k++) {
            size_t batch = batches[k];
            float logits[TOY_CLASSES * 30], *x;
            psi_network_gather(compiled, &toy.dataset, &toy.dataset.train, NULL, batch);
            memcpy(logits, psi_network_forward(compiled, batch),
                   TOY_CLASSES * batch * sizeof(float));
            x = psi_network_input(compiled);
            for (size_t f = 0; f < features; f++)
                for (size_t b = 0; b < batch; b++) {
                    size_t pixel = inputs ? inputs[f] : f, channel = pixel / TOY_PLANE;
                    x[f * batch + b] =
                        ((float)toy.pixel[b * TOY_FEATURES + pixel] - toy.dataset.mean[channel]) *
                        (1 / toy.dataset.deviation[channel]);
                }
            for (int again = 0; again < 2; again++) { /* the input stays */
                const float *found = psi_network_forward(compiled, batch);
                for (size_t i = 0; i < TOY_CLASSES * batch; i++)
                    assert_true(fabsf(found[i] - logits[i]) <= 1e-5f * (1 + fabsf(logits[i])));
            }
        }
        psi_network_destroy(compiled);
    }
    free(mask);
    psi_network_destroy(network);
}

/* Gathered from a copy of the pixels that are read, a batch is the same to the bit; in two
 * channels, from every split, and where nothing is read at all. */
static void test_selected_pixels(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network =
        network_draw_level(&toy.dataset, 30, 1, (size_t[]){9}, psi_kernels_best());
    for (int way = 0; way < 3; way++) {
        uint8_t *mask = mask_draw(network, (double[]){way < 2 ? 0.05 : 0, 0.8}, (uint64_t)way);
        struct psi_network *compiled = compile_bits(network, mask, 3);
        struct psi_dataset *selected = NULL;
        size_t count;
        const uint32_t *inputs = psi_network_inputs(compiled, &count);
        assert_true(count < TOY_FEATURES);
        assert_int_equal(psi_dataset_select(&toy.dataset, inputs, count, &selected, NULL), PSI_OK);
        const struct psi_split *whole[] = {&toy.dataset.train, &toy.dataset.validation,
                                           &toy.dataset.test};
        const struct psi_split *part[] = {&selected->train, &selected->validation, &selected->test};
        const uint32_t index[] = {3, 12, 0, 0, 9, 1, 5};
        for (int i = 0; i < 3; i++) {
            float logits[TOY_CLASSES * 7];
            assert_int_equal(part[i]->samples, whole[i]->samples);
            assert_true(part[i]->label == whole[i]->label);
            psi_network_gather(compiled, &toy.dataset, whole[i], index, 7);
            memcpy(logits, psi_network_forward(compiled, 7), sizeof logits);
            psi_network_gather(compiled, selected, part[i], index, 7);
            assert_memory_equal(psi_network_forward(compiled, 7), logits, sizeof logits);
        }
        psi_dataset_destroy(selected);
        psi_network_destroy(compiled);
        free(mask);
    }
    psi_network_destroy(network);
}

/* The table decides: nothing to gain without pruning, everything at 1 %. */
static void test_choice(void **state)
{
    (void)state;
    struct noise_set set;
    noise_open(&set, 1, 20, 20, 10, 10);
    struct psi_network *network =
        network_draw_level(&set.dataset, 60, 2, (size_t[]){100, 50}, psi_kernels_best());
    struct psi_network *compiled = network;
    uint8_t *mask = mask_draw(network, (double[]){1, 1, 1}, 1);
    assert_int_equal(psi_network_compile(network, mask, 1, &compiled, NULL), PSI_OK);
    assert_null(compiled);
    free(mask);
    mask = mask_draw(network, (double[]){0.01, 0.01, 0.01}, 1);
    assert_int_equal(psi_network_compile(network, mask, 1, &compiled, NULL), PSI_OK);
    size_t kept = 0;
    for (size_t i = 0; i < psi_network_weights(network); i++)
        kept += mask[i];
    assert_int_equal(psi_network_weights(compiled), kept);
    psi_network_destroy(compiled);
    free(mask);
    mask = mask_draw(network, (double[]){1, 0.05, 1}, 1); /* each layer for itself */
    assert_int_equal(psi_network_compile(network, mask, 1, &compiled, NULL), PSI_OK);
    assert_true(compiled->layer[0].type == &psi_layer_dense);
    assert_true(compiled->layer[1].type == &psi_layer_sparse);
    psi_network_destroy(compiled);
    free(mask);
    psi_network_destroy(network);
    noise_close(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_masks), cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_input),        cmocka_unit_test(test_selected_pixels),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
