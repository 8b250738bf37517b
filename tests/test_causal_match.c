/* How a pair is matched; and a pair from a trained network, where MNIST is at hand. */
#include "base_mask.h"
#include "causal_fixture.h"

#include <stdio.h>

static struct psi_error err;

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("found %.17g, expected %.17g within %g", found, expected, tolerance);
}

/* 2 x 2 inputs -> 4 -> 2. First matrix: I + diag(3, 2, 1, 0), but where entries are given. */
static struct causal by_hand(void)
{
    struct psi_model_spec spec = {.kind = PSI_MLP, .hidden_count = 1, .hidden = {4}};
    struct causal c = causal_make(&spec, 1, 2, 2);
    float *w = psi_network_parameter(c.network);
    assert_int_equal(c.weights, 24);
    for (size_t i = 0; i < 24; i++)
        w[i] = i < 16 ? 0.01F : 1;
    for (size_t i = 0; i < 4; i++)
        w[5 * i] = (float)(4 - i);
    memset(c.mask, 0, c.weights);
    memset(c.other, 0, c.weights);
    memset(c.mask + 16, 1, 8); /* the second matrix whole, in both masks */
    memset(c.other + 16, 1, 8);
    return c;
}

static struct psi_pair_match match_of(const struct causal *c, struct psi_layer_match *layer)
{
    struct psi_pair_match match;
    assert_int_equal(psi_pair_match(c->network, c->parameter, c->modes, c->k, c->mask, c->other,
                                    layer, &match, &err),
                     PSI_OK);
    return match;
}

static void test_match_by_hand(void **state)
{
    (void)state;
    struct causal c = by_hand();
    float *w = psi_network_parameter(c.network);
    struct psi_layer_match layer[2];
    w[1] = 4; /* (0, 1) and (1, 0): as large together as (0, 0) and (1, 1) */
    w[4] = 3;
    for (size_t i = 0; i < 4; i++)
        c.mask[5 * i] = 1;
    c.other[1] = c.other[4] = c.other[10] = c.other[15] = 1;
    causal_modes(&c, 1);
    c.k[1] = 0;
    struct psi_pair_match match = match_of(&c, layer);
    assert_true(match.degrees_equal && layer[0].degrees_equal && layer[1].degrees_equal);
    assert_true(layer[0].compared && !layer[1].compared);
    assert_near(match.effective_density[0], 12.0 / 24, 0);
    assert_near(match.effective_density[1], 12.0 / 24, 0);
    assert_near(match.norm_ratio, 1, 1e-12);
    assert_true(isnan(layer[1].overlap[0]) && isnan(layer[1].difference));
    /* A's leading mode is e0 e0', B's e0 e1' (4, above 3): S = |u_0| |v_0| and |u_0| |v_1| */
    const double *u = c.modes[0].left, *v = c.modes[0].right;
    assert_near(layer[0].overlap[0], fabs(u[0] * v[0]), 1e-12);
    assert_near(layer[0].overlap[1], fabs(u[0] * v[1]), 1e-12);
    assert_near(match.difference, layer[0].overlap[0] - layer[0].overlap[1], 0);
    assert_true(match.difference < .05 && !match.testable);
    causal_clear(&c);
}

/* Each demand of a testable pair broken alone. */
static void test_testable(void **state)
{
    (void)state;
    struct causal c = by_hand();
    float *w = psi_network_parameter(c.network);
    struct psi_layer_match layer[2];
    for (size_t i = 0; i < 4; i++)
        c.mask[5 * i] = 1;
    c.other[1] = c.other[4] = c.other[10] = c.other[15] = 1;
    causal_modes(&c, 1); /* e0 e0' or nearly so */
    w[1] = 4; /* in what follows these are not the modes of w: all that counts is where */
    w[4] = 3;
    assert_true(match_of(&c, layer).testable);

    w[4] = 3.03F; /* squared norm 30 + .18: within 1 % */
    assert_true(match_of(&c, layer).testable);
    w[4] = 3.06F; /* 30 + .36: beyond */
    struct psi_pair_match match = match_of(&c, layer);
    assert_near(match.norm_ratio, 30 / 30.3636, 1e-6);
    assert_true(!match.testable && match.degrees_equal);
    w[4] = 3;

    c.other[15] = 0; /* row 3 and column 3 lose their weight */
    c.other[14] = 1; /* and row 3 gets another: columns differ, rows do not */
    match = match_of(&c, layer);
    assert_true(!match.degrees_equal && !match.testable && !layer[0].degrees_equal);
    c.other[14] = 0;
    c.other[11] = 1; /* now rows differ, columns do not */
    assert_true(!match_of(&c, layer).degrees_equal);
    c.other[11] = 0;
    c.other[15] = 1;

    c.k[0] = 0; /* nothing to compare */
    match = match_of(&c, layer);
    assert_true(isnan(match.difference) && !match.testable);
    c.k[0] = 1;

    c.mask[16 + 3] = 0; /* degrees of the second matrix, and a path */
    match = match_of(&c, layer);
    assert_true(!match.testable && layer[0].degrees_equal && !layer[1].degrees_equal);
    c.mask[16 + 7] = 0; /* both weights of hidden unit 3: its input is on no path */
    match = match_of(&c, layer);
    assert_near(match.effective_density[0], 9.0 / 24, 0);
    causal_clear(&c);
}

/* LeNet-300-100 after one epoch: mechanics, and that a pair separates where it is easy. */
static void test_mnist(void **state)
{
    (void)state;
    struct psi_data_spec data = {.set = PSI_MNIST, .path = "../shared/data/mnist"};
    struct psi_dataset *dataset;
    if (psi_dataset_create(&data, &dataset, &err)) {
        printf("  no MNIST here: skipped\n");
        skip();
    }
    struct psi_model_spec spec = {
        .kind = PSI_MLP, .init = PSI_GLOROT, .hidden_count = 2, .hidden = {300, 100}};
    struct psi_network *trained;
    assert_int_equal(psi_network_create(&spec, dataset, 60, psi_kernels_best(), &trained, &err),
                     PSI_OK);
    network_draw(trained, 1);
    struct psi_train_spec train = {.optimizer = PSI_SGD, .rate = .1, .batch = 60, .epochs = 1};
    struct psi_training training = {
        .spec = &train, .dataset = dataset, .random_seed = 1, .random_name = "train"};
    int diverged;
    assert_int_equal(psi_train(trained, &training, &diverged, &err), PSI_OK);

    struct causal c = causal_make(&spec, 1, 28, 10);
    memcpy(psi_network_parameter(c.network), psi_network_parameter(trained),
           c.weights * sizeof(float));
    causal_modes(&c, 5);
    const double density[] = {.032, .0056};
    const double least[] = {.3, .05};
    for (size_t d = 0; d < 2; d++) {
        struct psi_layer_match layer[CAUSAL_LAYERS];
        struct psi_random random;
        psi_random_open(&random, 1, "mnist/density=%g", density[d]);
        assert_int_equal(base_mask(c.network, c.parameter, density[d], &random, c.base, &err),
                         PSI_OK);
        memcpy(c.mask, c.base, c.weights);
        memcpy(c.other, c.base, c.weights);
        assert_int_equal(psi_mask_swap(c.network, c.parameter, c.modes, c.k, PSI_PRESERVE, &random,
                                       c.mask, &err),
                         PSI_OK);
        assert_int_equal(psi_mask_swap(c.network, c.parameter, c.modes, c.k, PSI_DESTROY, &random,
                                       c.other, &err),
                         PSI_OK);
        struct psi_pair_match match = match_of(&c, layer);
        printf("  density %g: S %.3f / %.3f and %.3f / %.3f\n", density[d], layer[0].overlap[0],
               layer[0].overlap[1], layer[1].overlap[0], layer[1].overlap[1]);
        assert_true(match.testable);
        assert_true(match.difference > least[d]);
        assert_true(match.effective_density[0] == match.effective_density[1]);
    }
    causal_clear(&c);
    psi_network_destroy(trained);
    psi_dataset_destroy(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match_by_hand),
        cmocka_unit_test(test_testable),
        cmocka_unit_test(test_mnist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
