/* Preserve and destroy by degree-preserving swaps. */
#include "base_mask.h"
#include "causal_fixture.h"
#include "../src/prune/swap.h"

static struct psi_error err;

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("found %.17g, expected %.17g within %g", found, expected, tolerance);
}

/* Noise, and a spike of rank 3 in every matrix. */
static void plant(const struct causal *c, double strength, struct psi_random *random)
{
    float *w = psi_network_parameter(c->network);
    for (size_t l = 0; l < c->layers; l++) {
        const struct psi_weight_matrix *m = psi_network_matrix(c->network, l);
        double u[3][512], v[3][4096];
        assert_true(m->rows <= 512 && m->cols <= 4096);
        for (size_t t = 0; t < 3; t++) {
            for (size_t r = 0; r < m->rows; r++)
                u[t][r] = psi_random_normal(random);
            for (size_t i = 0; i < m->cols; i++)
                v[t][i] = psi_random_normal(random);
        }
        for (size_t r = 0; r < m->rows; r++)
            for (size_t i = 0; i < m->cols; i++) {
                double spike = u[0][r] * v[0][i] + u[1][r] * v[1][i] + u[2][r] * v[2][i];
                w[m->offset + r * m->cols + i] =
                    (float)(strength * spike + psi_random_normal(random));
            }
    }
}

static double layer_norm(const struct causal *c, size_t layer, const uint8_t *mask)
{
    const struct psi_weight_matrix *m = psi_network_matrix(c->network, layer);
    double sum = 0;
    for (size_t i = m->offset; i < m->offset + m->rows * m->cols; i++)
        sum += mask[i] ? (double)c->parameter[i] * c->parameter[i] : 0;
    return sum;
}

/* Rows and columns of every layer have as many survivors in one mask as in the other. */
static void assert_same_degrees(const struct causal *c, const uint8_t *a, const uint8_t *b)
{
    for (size_t l = 0; l < c->layers; l++) {
        const struct psi_weight_matrix *m = psi_network_matrix(c->network, l);
        int *col = calloc(m->cols, sizeof *col);
        for (size_t r = 0; r < m->rows; r++) {
            int row = 0;
            for (size_t i = 0; i < m->cols; i++) {
                int surplus = a[m->offset + r * m->cols + i] - b[m->offset + r * m->cols + i];
                row += surplus;
                col[i] += surplus;
            }
            assert_int_equal(row, 0);
        }
        for (size_t i = 0; i < m->cols; i++)
            assert_int_equal(col[i], 0);
        free(col);
    }
}

/* Sum of the squares of all rows' and columns' squared norms. */
static double unevenness_of(const struct causal *c)
{
    const struct psi_weight_matrix *m = psi_network_matrix(c->network, 0);
    double sum = 0;
    for (int columns = 0; columns < 2; columns++)
        for (size_t a = 0; a < (columns ? m->cols : m->rows); a++) {
            double norm = 0;
            for (size_t b = 0; b < (columns ? m->rows : m->cols); b++) {
                size_t at = columns ? b * m->cols + a : a * m->cols + b;
                norm += c->mask[at] ? (double)c->parameter[at] * c->parameter[at] : 0;
            }
            sum += norm * norm;
        }
    return sum;
}

/* B = U' (W o M) V by its definition */
static double share_of(const struct causal *c, const struct psi_swapper *swapper, double *share)
{
    const struct psi_weight_matrix *m = psi_network_matrix(c->network, 0);
    double energy = 0;
    for (size_t s = 0; s < swapper->k; s++)
        for (size_t t = 0; t < swapper->k; t++) {
            double sum = 0;
            for (size_t r = 0; r < m->rows; r++)
                for (size_t i = 0; i < m->cols; i++)
                    if (c->mask[r * m->cols + i])
                        sum += c->parameter[r * m->cols + i] * c->modes[0].left[s * m->rows + r] *
                               c->modes[0].right[t * m->cols + i];
            share[s * swapper->k + t] = sum;
            energy += sum * sum;
        }
    return energy;
}

static void test_increments_equal_definition(void **state)
{
    (void)state;
    enum { K = 4 };
    struct causal c = causal_mlp(8);
    struct psi_random random;
    struct psi_swapper swapper;
    double share[K * K];
    psi_random_open(&random, 1, "increments");
    causal_modes(&c, K);
    causal_random_mask(&c, .15, &random, c.mask);
    assert_int_equal(psi_swapper_open(c.parameter, &c.modes[0], K, c.mask, &swapper, &err), PSI_OK);
    double energy = share_of(&c, &swapper, share), norm = layer_norm(&c, 0, c.mask);
    double uneven = unevenness_of(&c);
    size_t count = swapper.count, refused = 0;
    for (int made = 0; made < 200;) {
        struct psi_swap swap;
        if (!psi_swap_propose(&swapper, &random, &swap)) {
            refused++;
            continue;
        }
        psi_swap_apply(&swapper, &swap);
        made++;
        double now = share_of(&c, &swapper, share);
        for (size_t i = 0; i < K * K; i++)
            assert_near(swapper.share[i], share[i], 1e-12);
        assert_near(swap.energy, now - energy, 1e-12);
        assert_near(swap.squared_norm, layer_norm(&c, 0, c.mask) - norm, 1e-12);
        assert_near(swapper.squared_norm, layer_norm(&c, 0, c.mask), 1e-12);
        assert_near(swap.unevenness, unevenness_of(&c) - uneven, 1e-12);
        uneven = unevenness_of(&c);
        energy = now;
        norm = layer_norm(&c, 0, c.mask);
    }
    assert_true(refused > 0); /* pairs in one row or column, or with a place taken */
    assert_int_equal(psi_mask_count(c.mask, c.modes[0].rows * c.modes[0].cols), count);
    for (size_t s = 0; s < count; s++) /* the list and the mask agree */
        assert_int_equal(c.mask[swapper.row[s] * c.modes[0].cols + swapper.col[s]], 1);
    psi_swapper_clear(&swapper);
    causal_clear(&c);
}

static void swap(const struct causal *c, enum psi_swap_goal goal, uint64_t stream, uint8_t *mask)
{
    struct psi_random random;
    psi_random_open(&random, stream, "swap");
    memcpy(mask, c->base, c->weights);
    assert_int_equal(
        psi_mask_swap(c->network, c->parameter, c->modes, c->k, goal, &random, mask, &err), PSI_OK);
}

/* Over many weights, densities and modes: what a pair promises, to the last weight. */
static void test_pairs_are_matched(void **state)
{
    (void)state;
    struct causal c = causal_mlp(8);
    struct psi_random random;
    psi_random_open(&random, 1, "matched");
    size_t last = psi_network_matrix(c.network, c.layers - 1)->offset, moved = 0;
    for (uint64_t draw = 0; draw < 6; draw++) {
        plant(&c, psi_random_uniform(&random), &random);
        causal_modes(&c, 1 + psi_random_below(&random, 6));
        double density = pow(10, -2.2 * psi_random_uniform(&random));
        assert_int_equal(base_mask(c.network, c.parameter, density, &random, c.base, &err), PSI_OK);
        for (int goal = PSI_PRESERVE; goal <= PSI_DESTROY; goal++) {
            swap(&c, goal, draw, c.mask);
            assert_same_degrees(&c, c.mask, c.base);
            assert_int_equal(causal_on_path(&c, c.mask, NULL), psi_mask_count(c.base, c.weights));
            assert_memory_equal(c.mask + last, c.base + last, c.weights - last);
            for (size_t l = 0; l < c.layers; l++) {
                double norm = layer_norm(&c, l, c.base);
                assert_near(layer_norm(&c, l, c.mask), norm, .004501 * norm);
            }
            moved += memcmp(c.mask, c.base, c.weights) != 0;
            if (draw >= 2)
                continue;
            swap(&c, goal, draw, c.other);
            assert_memory_equal(c.mask, c.other, c.weights); /* same stream, same bits */
        }
    }
    assert_true(moved >= 9);
    causal_clear(&c);
}

/* Spikes in noise, at a density where the base has lost most of them. */
static void test_overlap_separates(void **state)
{
    (void)state;
    struct causal c = causal_mlp(16);
    for (uint64_t draw = 0; draw < 2; draw++) {
        struct psi_layer_match layer[CAUSAL_LAYERS];
        struct psi_pair_match match;
        struct psi_random random;
        psi_random_open(&random, draw, "separates");
        plant(&c, .4, &random);
        causal_modes(&c, 3);
        assert_int_equal(base_mask(c.network, c.parameter, .1, &random, c.base, &err), PSI_OK);
        swap(&c, PSI_PRESERVE, draw, c.mask);
        swap(&c, PSI_DESTROY, draw, c.other);
        assert_int_equal(psi_pair_match(c.network, c.parameter, c.modes, c.k, c.mask, c.other,
                                        layer, &match, &err),
                         PSI_OK);
        assert_true(layer[0].overlap[0] > .7 && layer[0].overlap[1] < .35);
        assert_true(match.testable); /* the small second layer too */
    }
    causal_clear(&c);
}

/* k = 0 leaves a layer alone; what the last layer's k is does not matter. */
static void test_layers_left_alone(void **state)
{
    (void)state;
    struct causal c = causal_mlp(8);
    struct psi_random random;
    psi_random_open(&random, 1, "alone");
    plant(&c, .5, &random);
    causal_modes(&c, 3);
    assert_int_equal(base_mask(c.network, c.parameter, .1, &random, c.base, &err), PSI_OK);
    size_t second = psi_network_matrix(c.network, 1)->offset;
    c.k[0] = 0;
    swap(&c, PSI_PRESERVE, 1, c.mask);
    assert_memory_equal(c.mask, c.base, second);
    assert_memory_not_equal(c.mask + second, c.base + second, c.weights - second);
    c.k[2] = 0;
    swap(&c, PSI_PRESERVE, 1, c.other);
    assert_memory_equal(c.mask, c.other, c.weights);
    c.k[1] = 0;
    swap(&c, PSI_PRESERVE, 1, c.mask);
    assert_memory_equal(c.mask, c.base, c.weights);
    causal_clear(&c);
}

static void test_masks_without_swaps(void **state)
{
    (void)state;
    struct causal c = causal_mlp(8);
    causal_modes(&c, 3);
    for (int full = 0; full < 2; full++) {
        memset(c.base, full, c.weights);
        swap(&c, PSI_PRESERVE, 1, c.mask);
        assert_memory_equal(c.mask, c.base, c.weights);
    }
    memset(c.base, 0, c.weights);
    c.base[17] = 1;
    swap(&c, PSI_DESTROY, 1, c.mask);
    assert_memory_equal(c.mask, c.base, c.weights);
    memset(psi_network_parameter(c.network), 0, c.weights * sizeof(float)); /* nothing to weigh */
    for (size_t i = 0; i < c.weights; i += 7)
        c.base[i] = 1;
    swap(&c, PSI_DESTROY, 1, c.mask);
    assert_memory_equal(c.mask, c.base, c.weights);
    causal_clear(&c);
}

/* Convolutions: degrees of the (out, in kh kw) matrix; effective density too, whether or not the
 * images are so small that a swap can take a filter's pixels away. */
static void test_convolutions(void **state)
{
    (void)state;
    struct psi_model_spec unpadded = {.kind = PSI_LENET5_CLASSIC}, padded = {.kind = PSI_CONV2};
    struct causal nets[] = {causal_make(&unpadded, 1, 28, 10), causal_make(&padded, 3, 4, 10)};
    for (size_t n = 0; n < 2; n++) {
        struct causal *c = &nets[n];
        struct psi_random random;
        size_t put_back = 0, swapped = 0;
        psi_random_open(&random, n, "convolutions");
        causal_modes(c, 3);
        for (uint64_t draw = 0; draw < 4; draw++) {
            causal_random_mask(c, draw < 2 ? .01 : .05, &random, c->base);
            assert_int_equal(psi_mask_trim(c->network, c->base, &err), PSI_OK);
            swap(c, draw % 2 ? PSI_PRESERVE : PSI_DESTROY, draw, c->mask);
            assert_same_degrees(c, c->mask, c->base);
            assert_int_equal(causal_on_path(c, c->mask, NULL), psi_mask_count(c->base, c->weights));
            for (size_t l = 0; l + 1 < c->layers; l++) {
                const struct psi_weight_matrix *m = psi_network_matrix(c->network, l);
                int same = !memcmp(c->mask + m->offset, c->base + m->offset, m->rows * m->cols);
                size_t count = psi_mask_count(c->base + m->offset, m->rows * m->cols);
                put_back += same && count >= 20;
                swapped += !same;
            }
        }
        assert_true(swapped > 0);
        assert_true(n == 0 ? put_back == 0 : put_back > 0);
        causal_clear(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_increments_equal_definition),
        cmocka_unit_test(test_pairs_are_matched),
        cmocka_unit_test(test_overlap_separates),
        cmocka_unit_test(test_layers_left_alone),
        cmocka_unit_test(test_masks_without_swaps),
        cmocka_unit_test(test_convolutions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
