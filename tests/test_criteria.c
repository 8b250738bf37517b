/* Criteria by hand, by closed forms and by what their papers promise. */
#include "criteria_fixture.h"

static struct psi_error err;

static struct psi_network *make_mlp(size_t inputs, size_t depth, const size_t *hidden,
                                    size_t classes)
{
    const struct psi_dataset shape = {
        .channels = 1, .height = 1, .width = inputs, .features = inputs, .classes = classes};
    return network_make(&shape, 1, PSI_GLOROT, depth, hidden);
}

static void fill(struct psi_network *network, const float *weight)
{
    float *parameter = psi_network_parameter(network);
    for (size_t i = 0; i < psi_network_parameters(network); i++)
        parameter[i] = i < psi_network_weights(network) ? weight[i] : 50; /* biases: no matter */
}

static void prune(struct psi_network *network, const char *name, int scope, size_t keep,
                  uint8_t *mask)
{
    const struct psi_score_input input = {.network = network};
    const struct psi_prune_spec spec = {.criterion = criterion_named(name),
                                        .scope = scope,
                                        .density =
                                            (double)keep / (double)psi_network_weights(network)};
    assert_int_equal(psi_prune(&spec, &input, mask, &err), PSI_OK);
}

/* 3-2-2: squares 9 4 1 4 1 1 | 1 4 4 16; scores 9/9 (4/17)(2x) (1/20)(3x) | 1/25 (4/24)(2x) 16/16
 */
static void test_lamp(void **state)
{
    (void)state;
    static const float weight[] = {-3, 2, 1, -2, 1, 1, -1, 2, -2, 4};
    static const uint8_t order[] = {0, 9, 1, 3, 7, 8, 2, 4, 5, 6}; /* ties: the lower index */
    struct psi_network *network = make_mlp(3, 1, (size_t[]){2}, 2);
    fill(network, weight);
    for (size_t keep = 0; keep <= 10; keep++) {
        uint8_t mask[10], expected[10] = {0};
        for (size_t i = 0; i < keep; i++)
            expected[order[i]] = 1;
        prune(network, "lamp", PSI_GLOBAL, keep, mask);
        assert_memory_equal(mask, expected, sizeof mask);
    }
    memset(psi_network_parameter(network), 0, sizeof weight); /* 0 of 0 is the lowest, no NaN */
    uint8_t mask[10];
    prune(network, "lamp", PSI_GLOBAL, 5, mask);
    assert_int_equal(psi_mask_count(mask, 10), 5);
    psi_network_destroy(network);
}

/* Two inputs, two classes, equal logits, so that dL/dlogits = +-.5: of input 0 the samples' labels
 * contradict each other, and the sum over samples is 0, not that of absolute values. Input 1 has
 * the smaller weights, and one label. */
static void test_snip_and_taylor(void **state)
{
    (void)state;
    static const uint8_t pixel[] = {1, 0, 1, 0, 0, 1, 0, 1}, label[] = {0, 1, 0, 0};
    static const float weight[] = {2, 1, 2, 1};
    const struct psi_dataset dataset = {.channels = 1,
                                        .height = 1,
                                        .width = 2,
                                        .features = 2,
                                        .classes = 2,
                                        .train = {pixel, label, 4},
                                        .deviation = {1}};
    struct psi_network *network = network_make(&dataset, 1, PSI_HE, 0, NULL);
    fill(network, weight);
    struct psi_random random;
    psi_random_open(&random, 1, "mask");
    const struct psi_score_input input = {
        .network = network, .random = &random, .dataset = &dataset};
    const uint8_t second[] = {0, 1, 0, 1}, first[] = {1, 0, 1, 0};
    uint8_t mask[4];
    struct psi_prune_spec spec = {.criterion = criterion_named("snip"), .density = .5};
    assert_int_equal(psi_prune(&spec, &input, mask, &err), PSI_OK);
    assert_memory_equal(mask, second, 4);
    spec.criterion = criterion_named("taylor");
    assert_int_equal(psi_prune(&spec, &input, mask, &err), PSI_OK);
    assert_memory_equal(mask, first, 4);
    psi_network_destroy(network);
}

/* Logistic regression on one sample x = (1, 2) at p = 1/2: with logits z, H z-block is p(1-p) [1
 * -1; -1 1], g = (-.5, -1; .5, 1), H g = x (x'g) of it = (-.5 (1 + 4) / 2, ...) = -1.25 (1, 2) for
 * class 0, + for class 1; w (H g) with w = (1, 1; 1, 1) is highest at class 1's second weight. */
static void test_grasp_sign(void **state)
{
    (void)state;
    static const uint8_t pixel[] = {1, 2}, label[] = {0};
    static const float weight[] = {1, 1, 1, 1};
    const struct psi_dataset dataset = {.channels = 1,
                                        .height = 1,
                                        .width = 2,
                                        .features = 2,
                                        .classes = 2,
                                        .train = {pixel, label, 1},
                                        .deviation = {1}};
    struct psi_network *network = network_make(&dataset, 1, PSI_HE, 0, NULL);
    fill(network, weight);
    psi_network_gather(network, &dataset, &dataset.train, NULL, 1);
    const double gradient[] = {-.5, -1, .5, 1, 0, 0}, expected[] = {-1.25, -2.5, 1.25, 2.5};
    double product[6];
    assert_int_equal(psi_network_hessian_vector(network, label, 1, gradient, product, &err),
                     PSI_OK);
    for (size_t i = 0; i < 4; i++)
        assert_true(fabs(product[i] - expected[i]) < 1e-14);
    struct psi_random random;
    psi_random_open(&random, 1, "mask");
    const struct psi_score_input input = {
        .network = network, .random = &random, .dataset = &dataset};
    static const uint8_t masks[][4] = {{0, 0, 0, 1}, {0, 0, 1, 1}, {1, 0, 1, 1}};
    for (size_t keep = 1; keep <= 3; keep++) {
        uint8_t mask[4];
        const struct psi_prune_spec spec = {.criterion = criterion_named("grasp"),
                                            .density = (double)keep / 4};
        assert_int_equal(psi_prune(&spec, &input, mask, &err), PSI_OK);
        assert_memory_equal(mask, masks[keep - 1], 4);
    }
    psi_network_destroy(network);
}

/* A weight's flow is the sum over the paths through it of the products of their weights. */
static void test_synaptic_flow_by_paths(void **state)
{
    (void)state;
    enum { A = 4, B = 3, C = 5, D = 2, FIRST = B * A, SECOND = C * B, THIRD = D * C };
    struct psi_network *network = make_mlp(A, 2, (size_t[]){B, C}, D);
    float weight[FIRST + SECOND + THIRD];
    double flow[FIRST + SECOND + THIRD], expected[FIRST + SECOND + THIRD] = {0};
    for (size_t i = 0; i < FIRST + SECOND + THIRD; i++)
        weight[i] = i % 4 == 1 ? 0 : (float)shared_noise(i);
    fill(network, weight);
    for (size_t path = 0; path < A * B * C * D; path++) {
        size_t a = path % A, b = path / A % B, c = path / A / B % C, d = path / A / B / C;
        size_t on[] = {b * A + a, FIRST + c * B + b, FIRST + SECOND + d * C + c};
        double product = fabs((double)weight[on[0]] * weight[on[1]] * (double)weight[on[2]]);
        for (size_t k = 0; k < 3; k++)
            expected[on[k]] += product;
    }
    assert_int_equal(psi_network_synaptic_flow(network, flow, &err), PSI_OK);
    for (size_t i = 0; i < FIRST + SECOND + THIRD; i++)
        assert_true(fabs(flow[i] - expected[i]) < 1e-6 * (expected[i] + 1e-9));
    psi_network_destroy(network);
}

/* Every layer's flows add up to the same (Tanaka et al. 2020, theorem 2), pooling or not; and
 * normalisation counts as nothing. */
static void test_synaptic_flow_is_conserved(void **state)
{
    (void)state;
    static struct shared shared;
    static const int model[] = {PSI_MLP, PSI_LENET5, PSI_LENET5_CLASSIC};
    for (size_t i = 0; i < sizeof model / sizeof *model; i++) {
        shared_fill(&shared, model[i]);
        double *flow[2];
        size_t weights = 0;
        for (int norm = 0; norm < 2; norm++) {
            struct psi_network *network = shared_network(&shared, model[i], norm, 2);
            weights = psi_network_weights(network);
            flow[norm] = malloc(weights * sizeof *flow[norm]);
            assert_int_equal(psi_network_synaptic_flow(network, flow[norm], &err), PSI_OK);
            double total = 0;
            for (size_t m = 0; m < psi_network_matrices(network); m++) {
                const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
                double sum = 0;
                for (size_t k = 0; k < matrix->rows * matrix->cols; k++)
                    sum += flow[norm][matrix->offset + k];
                total = m == 0 ? sum : total;
                assert_true(sum > 0 && fabs(sum - total) < 1e-12 * total);
            }
            psi_network_destroy(network);
        }
        assert_memory_equal(flow[0], flow[1], weights * sizeof **flow);
        free(flow[0]);
        free(flow[1]);
    }
}

static size_t emptiest(const struct psi_network *network, const uint8_t *mask)
{
    size_t least = SIZE_MAX;
    for (size_t m = 0; m < psi_network_matrices(network); m++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
        size_t count = psi_mask_count(mask + matrix->offset, matrix->rows * matrix->cols);
        least = count < least ? count : least;
    }
    return least;
}

/* LeNet-300-100 as drawn. Maximal compression leaves one weight a layer, three in all; a method's
 * critical compression, up to which no layer is empty, should be that (Tanaka et al. 2020, theorem
 * 3), and of SynFlow it is: what is left is one path. In one round it is not. */
static void test_synflow_to_maximal_compression(void **state)
{
    (void)state;
    static const size_t kept[] = {2662, 27, 5, 3};
    struct psi_network *network = make_mlp(784, 2, (size_t[]){300, 100}, 10);
    network_draw(network, 3);
    size_t weights = psi_network_weights(network), on_path;
    uint8_t *mask = malloc(weights);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        prune(network, "synflow", PSI_GLOBAL, kept[i], mask);
        assert_int_equal(psi_mask_count(mask, weights), kept[i]);
        assert_true(emptiest(network, mask) >= 1);
        assert_int_equal(psi_network_paths(network, mask, NULL, NULL, &on_path, &err), PSI_OK);
        assert_true(on_path >= 3);
    }
    const struct psi_score_input input = {.network = network};
    const struct psi_prune_spec spec = {
        .criterion = criterion_named("synflow"), .density = 27.0 / 266200, .rounds = 1};
    assert_int_equal(psi_prune(&spec, &input, mask, &err), PSI_OK);
    assert_int_equal(emptiest(network, mask), 0);
    free(mask);
    psi_network_destroy(network);
}

/* Global magnitude empties a layer once as many weights are kept as are larger than its largest. */
static void test_magnitude_empties_a_layer(void **state)
{
    (void)state;
    struct psi_network *network = make_mlp(784, 2, (size_t[]){300, 100}, 10);
    network_draw(network, 3);
    size_t weights = psi_network_weights(network), critical = 0;
    const float *w = psi_network_parameter(network);
    for (size_t m = 0; m < 3; m++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
        float largest = 0;
        for (size_t k = 0; k < matrix->rows * matrix->cols; k++)
            largest = fmaxf(largest, fabsf(w[matrix->offset + k]));
        size_t larger = 0;
        for (size_t i = 0; i < weights; i++)
            larger += fabsf(w[i]) > largest;
        critical = larger > critical ? larger : critical;
    }
    assert_true(critical > 100);
    uint8_t *mask = malloc(weights);
    prune(network, "magnitude", PSI_GLOBAL, critical + 1, mask);
    assert_int_equal(emptiest(network, mask), 1);
    prune(network, "magnitude", PSI_GLOBAL, critical, mask);
    assert_int_equal(emptiest(network, mask), 0);
    free(mask);
    psi_network_destroy(network);
}

/* 2-3-2-2: norms of units 5, 1, 2 and 3, 6.03, over their root mean squares 3.16 and 4.77: 1.58,
 * .316, .632 and .630, 1.27. So of 16 weights 12 are left without the second unit, 8 without the
 * fourth, then 5 without the third, 2 without the fifth. */
static void test_unit_norm(void **state)
{
    (void)state;
    static const float weight[] = {3, 4, 1, 0, 0, -2, 1, 2, 2, 4, 4, -2.1F, 9, 9, 9, 9};
    static const uint8_t expected[][16] = {
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
        {1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1},
        {1, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1},
        {1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1},
        {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    };
    static const struct {
        size_t keep, row;
    } asked[] = {{16, 0}, {15, 0}, {14, 0}, {13, 1}, {12, 1}, {11, 1}, {10, 1},
                 {9, 2},  {8, 2},  {7, 2},  {6, 3},  {5, 3},  {4, 3},  {3, 4}};
    struct psi_network *network = make_mlp(2, 2, (size_t[]){3, 2}, 2);
    fill(network, weight);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        uint8_t mask[16];
        prune(network, "unit-norm", PSI_GLOBAL, asked[i].keep, mask);
        if (memcmp(mask, expected[asked[i].row], sizeof mask) != 0)
            fail_msg("%zu asked for: %zu, not row %zu", asked[i].keep, psi_mask_count(mask, 16),
                     asked[i].row);
    }
    psi_network_destroy(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lamp),
        cmocka_unit_test(test_snip_and_taylor),
        cmocka_unit_test(test_grasp_sign),
        cmocka_unit_test(test_synaptic_flow_by_paths),
        cmocka_unit_test(test_synaptic_flow_is_conserved),
        cmocka_unit_test(test_synflow_to_maximal_compression),
        cmocka_unit_test(test_magnitude_empties_a_layer),
        cmocka_unit_test(test_unit_norm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
