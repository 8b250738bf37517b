/* Masks of every criterion, to the last weight, and Hessian-vector products against PyTorch's:
 * ref/criteria_torch.py. */
#include "criteria_fixture.h"

enum erk_model { ERK_LENET300, ERK_LENET5, ERK_CONV6 };
struct erk_case {
    enum erk_model model;
    double density, layer[9];
};

#include "ref/criteria_torch.h"

static struct psi_error err;

static void check_mask(const struct mask_case *expected, const struct psi_network *network,
                       const uint8_t *mask)
{
    size_t weights = psi_network_weights(network);
    for (size_t i = 0; expected->bits && i < weights; i++)
        if (mask[i] != (expected->bits[i] == '1'))
            fail_msg("%s, scope %d, density %g: weight %zu", expected->criterion, expected->scope,
                     expected->density, i);
    for (size_t i = 0; i < psi_network_matrices(network); i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, i);
        size_t count = psi_mask_count(mask + matrix->offset, matrix->rows * matrix->cols);
        if (count != expected->count[i])
            fail_msg("%s, scope %d, density %g: %zu in layer %zu, PyTorch %zu", expected->criterion,
                     expected->scope, expected->density, count, i, expected->count[i]);
    }
    if (psi_hash_add(PSI_HASH_START, mask, weights) != expected->hash)
        fail_msg("%s, scope %d, density %g: not the same weights", expected->criterion,
                 expected->scope, expected->density);
}

/* Taylor's batches are of one sample there; others' sums are over all, in batches of whatever size,
 * but for batch normalisation. */
static void test_masks(void **state)
{
    (void)state;
    static struct shared shared;
    for (size_t i = 0; i < sizeof mask_cases / sizeof *mask_cases; i++) {
        const struct mask_case *expected = &mask_cases[i];
        int single = strcmp(expected->criterion, "taylor") == 0;
        shared_fill(&shared, expected->model);
        struct psi_network *network = shared_network(&shared, expected->model, expected->norm,
                                                     single           ? 1
                                                     : expected->norm ? SHARED_SAMPLES
                                                                      : 7);
        size_t size = psi_network_parameters(network) * sizeof(float);
        float *kept = malloc(size);
        uint8_t *mask = malloc(psi_network_weights(network));
        memcpy(kept, psi_network_parameter(network), size);
        struct psi_random random;
        psi_random_open(&random, 1, "mask");
        const struct psi_score_input input = {.network = network,
                                              .random = &random,
                                              .dataset = &shared.dataset,
                                              .samples = SHARED_SAMPLES};
        const struct psi_prune_spec spec = {.criterion = criterion_named(expected->criterion),
                                            .scope = expected->scope,
                                            .density = expected->density,
                                            .rounds = expected->rounds};
        assert_int_equal(psi_prune(&spec, &input, mask, &err), PSI_OK);
        check_mask(expected, network, mask);
        assert_memory_equal(psi_network_parameter(network), kept, size);
        free(mask);
        free(kept);
        psi_network_destroy(network);
    }
}

static void test_hessian_vector(void **state)
{
    (void)state;
    static struct shared shared;
    for (size_t i = 0; i < sizeof product_cases / sizeof *product_cases; i++) {
        const struct product_case *expected = &product_cases[i];
        shared_fill(&shared, expected->model);
        struct psi_network *network =
            shared_network(&shared, expected->model, expected->norm, SHARED_SAMPLES);
        size_t trained = psi_network_trained(network);
        assert_int_equal(trained, expected->trained);
        double *v = malloc(trained * sizeof *v), *product = malloc(trained * sizeof *product);
        double largest = 0;
        for (size_t k = 0; k < trained; k++)
            v[k] = shared_noise(7 * k + 3);
        psi_network_gather(network, &shared.dataset, &shared.dataset.train, NULL, SHARED_SAMPLES);
        assert_int_equal(
            psi_network_hessian_vector(network, shared.label, SHARED_SAMPLES, v, product, &err),
            PSI_OK);
        for (size_t k = 0; k < expected->values; k++)
            largest = fmax(largest, fabs(expected->value[k]));
        for (size_t k = 0; k < expected->values; k++) {
            size_t first = expected->values - 60;
            size_t at = k < first ? k * expected->stride : trained - 60 + (k - first);
            if (!(fabs(product[at] - expected->value[k]) <= 1e-11 * largest))
                fail_msg("model %d, norm %d, parameter %zu: %.15g, PyTorch %.15g", expected->model,
                         expected->norm, at, product[at], expected->value[k]);
        }
        free(product);
        free(v);
        psi_network_destroy(network);
    }
}

static struct psi_network *erk_network(enum erk_model model)
{
    const struct psi_model_spec spec[] = {
        [ERK_LENET300] = {.kind = PSI_MLP, .hidden_count = 2, .hidden = {300, 100}},
        [ERK_LENET5] = {.kind = PSI_LENET5},
        [ERK_CONV6] = {.kind = PSI_CONV6}};
    struct psi_dataset shape = {
        .channels = 1, .height = 28, .width = 28, .features = 784, .classes = 10};
    if (model == ERK_CONV6)
        shape.channels = 3, shape.height = shape.width = 32, shape.features = 3072;
    struct psi_network *network = NULL;
    assert_int_equal(psi_network_create(&spec[model], &shape, 1, PSI_PORTABLE, &network, &err),
                     PSI_OK);
    return network;
}

/* Within one weight of the fraction in each layer, and exact in all. */
static void test_erk(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof erk_cases / sizeof *erk_cases; i++) {
        const struct erk_case *expected = &erk_cases[i];
        struct psi_network *network = erk_network(expected->model);
        size_t weights = psi_network_weights(network);
        uint8_t *mask = malloc(weights);
        const struct psi_score_input input = {.network = network};
        const struct psi_prune_spec spec = {.scope = PSI_ERK, .density = expected->density};
        assert_int_equal(psi_prune(&spec, &input, mask, &err), PSI_OK);
        assert_int_equal(psi_mask_count(mask, weights),
                         lround(expected->density * (double)weights));
        for (size_t m = 0; m < psi_network_matrices(network); m++) {
            const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
            size_t count = matrix->rows * matrix->cols;
            double found = (double)psi_mask_count(mask + matrix->offset, count);
            if (!(fabs(found - expected->layer[m] * (double)count) < 1 + 1e-6))
                fail_msg("model %d, density %g, layer %zu: %g of %zu, RigL %g", expected->model,
                         expected->density, m, found, count, expected->layer[m] * (double)count);
        }
        free(mask);
        psi_network_destroy(network);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_hessian_vector),
        cmocka_unit_test(test_erk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
