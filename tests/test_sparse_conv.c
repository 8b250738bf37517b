/* Convolutions on their sparse path: compiled networks against those they are compiled from, in
 * training mode. */
#include "compile_fixture.h"

enum { CLASSES = 4, SAMPLES = 100 };

static void close_to(const char *what, size_t i, float found, float expected)
{
    if (!(fabsf(found - expected) <= 1e-4f * (1 + fabsf(expected))))
        fail_msg("%s %zu: %.9g found, %.9g expected", what, i, (double)found, (double)expected);
}

static void compare(const struct psi_dataset *dataset, struct psi_network *network,
                    struct psi_network *compiled, size_t batch)
{
    size_t parameters = psi_network_parameters(network), kept = psi_network_parameters(compiled);
    const uint32_t *origin = compiled->compiled->origin;
    float *expected = malloc(parameters * sizeof(float)), *found = malloc(kept * sizeof(float));
    float dlogits[CLASSES * SAMPLES], dcompiled[CLASSES * SAMPLES];
    const uint8_t *label = dataset->train.label;
    for (int decayed = 0; decayed < 2; decayed++) {
        float decay = decayed ? 0.7f : 0;
        psi_network_gather(network, dataset, &dataset->train, NULL, batch);
        psi_network_gather(compiled, dataset, &dataset->train, NULL, batch);
        const float *dense = psi_network_forward_training(network, batch);
        const float *sparse = psi_network_forward_training(compiled, batch);
        for (size_t i = 0; i < CLASSES * batch; i++)
            close_to("logit", i, sparse[i], dense[i]);
        psi_softmax_cross_entropy(dense, label, CLASSES, batch, dlogits);
        psi_softmax_cross_entropy(dense, label, CLASSES, batch, dcompiled);
        for (size_t p = 0; p < parameters; p++)
            expected[p] = decayed ? sinf((float)p) : NAN;
        for (size_t p = 0; p < kept; p++)
            found[p] = decayed ? sinf((float)origin[p]) : NAN;
        psi_network_backward(network, batch, dlogits, decay, expected);
        psi_network_backward(compiled, batch, dcompiled, decay, found);
        for (size_t p = 0; p < psi_network_trained(compiled); p++)
            close_to("gradient", origin[p], found[p], expected[origin[p]]);
        for (size_t p = psi_network_trained(compiled); p < kept; p++)
            close_to("statistic", origin[p], compiled->parameter[p], network->parameter[origin[p]]);
    }
    free(found);
    free(expected);
}

/* Which layers: 0 = all that can, 1 = the first, 2 = all but the first. */
static struct psi_network *compile_some(const struct psi_network *network, const uint8_t *mask,
                                        int which)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < network->layers; i++)
        if (network->layer[i].weights && (which == 0 || (which == 1) == (i == 0)))
            bits |= 1u << i;
    return compile_bits(network, mask, bits);
}

static void check(int kind, int batchnorm, size_t channels, size_t height, size_t width,
                  const double *density)
{
    static const size_t batches[] = {60, 16, 100, 1};
    struct psi_model_spec spec = {.kind = kind, .init = PSI_HE, .batchnorm = batchnorm};
    struct noise_set set;
    noise_open(&set, channels, height, width, CLASSES, SAMPLES);
    for (int level = 0; level < PSI_KERNEL_LEVELS; level++) {
        struct psi_network *network = NULL;
        if (!psi_kernels_get(level))
            continue;
        assert_int_equal(psi_network_create(&spec, &set.dataset, SAMPLES, level, &network, NULL),
                         PSI_OK);
        network_draw(network, 5);
        for (size_t i = psi_network_weights(network); i < psi_network_trained(network); i++)
            network->parameter[i] += 0.3f * sinf((float)i);
        uint8_t *mask = mask_draw(network, density, 3);
        mask_apply(network, mask);
        for (int which = 0; which < 3; which++) {
            struct psi_network *compiled = compile_some(network, mask, which);
            /* one sample has no variance to normalise by */
            for (size_t b = 0; b < (batchnorm ? 3 : 4); b++)
                compare(&set.dataset, network, compiled, batches[b]);
            psi_network_destroy(compiled);
        }
        free(mask);
        psi_network_destroy(network);
    }
    noise_close(&set);
}

static void test_no_border(void **state)
{
    (void)state;
    check(PSI_LENET5, 0, 1, 16, 17, (double[]){0.5, 0.03, 0.02, 0.3});
    check(PSI_LENET5, 0, 2, 16, 16, (double[]){0, 0.03, 0.02, 0.3});
    check(PSI_LENET5, 0, 1, 16, 16, (double[]){1, 0, 0.02, 0.3});
}

static void test_border(void **state)
{
    (void)state;
    check(PSI_LENET5_CLASSIC, 0, 1, 12, 13, (double[]){0.3, 0.2, 0.2, 0.2, 0.5});
    check(PSI_CONV2, 0, 3, 5, 6, (double[]){0.1, 0.05, 0.1, 0.1, 0.1});
    check(PSI_CONV2, 0, 1, 2, 2, (double[]){0.1, 0.05, 0.1, 0.1, 0.1});
}

static void test_batchnorm(void **state)
{
    (void)state;
    check(PSI_LENET5_CLASSIC, 1, 1, 12, 13, (double[]){0.3, 0.2, 0.2, 0.2, 0.5});
    check(PSI_CONV2, 1, 3, 5, 6, (double[]){0.2, 0.1, 0.1, 0.1, 0.1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_border),
        cmocka_unit_test(test_border),
        cmocka_unit_test(test_batchnorm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
