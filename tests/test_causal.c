/* Masks from masks: trimmed, drawn, shuffled. */
#include "base_mask.h"
#include "causal_fixture.h"

static struct psi_error err;

static void test_trim_is_on_path_and_idempotent(void **state)
{
    (void)state;
    struct psi_model_spec conv = {.kind = PSI_LENET5_CLASSIC};
    struct causal nets[] = {causal_mlp(8), causal_make(&conv, 1, 28, 10)};
    for (size_t n = 0; n < 2; n++) {
        struct causal *c = &nets[n];
        struct psi_random random;
        psi_random_open(&random, n, "trim");
        for (int draw = 0; draw < 40; draw++) {
            causal_random_mask(c, .3 * psi_random_uniform(&random), &random, c->base);
            memcpy(c->mask, c->base, c->weights);
            assert_int_equal(psi_mask_trim(c->network, c->mask, &err), PSI_OK);
            size_t on = causal_on_path(c, c->base, c->other);
            assert_memory_equal(c->mask, c->other, c->weights);
            assert_int_equal(psi_mask_count(c->mask, c->weights), on);
            assert_int_equal(causal_on_path(c, c->mask, NULL), on);
            assert_int_equal(psi_mask_trim(c->network, c->mask, &err), PSI_OK);
            assert_memory_equal(c->mask, c->other, c->weights);
        }
        causal_clear(c);
    }
}

/* From the degrees alone: in a trimmed mask a hidden unit has inputs if and only if it has outputs.
 */
static void test_trimmed_units_have_both_or_none(void **state)
{
    (void)state;
    struct causal c = causal_mlp(8);
    struct psi_random random;
    psi_random_open(&random, 1, "units");
    size_t with = 0, without = 0;
    for (int draw = 0; draw < 50; draw++) {
        causal_random_mask(&c, .04, &random, c.mask);
        assert_int_equal(psi_mask_trim(c.network, c.mask, &err), PSI_OK);
        for (size_t l = 0; l + 1 < c.layers; l++) {
            const struct psi_weight_matrix *m = psi_network_matrix(c.network, l);
            const struct psi_weight_matrix *next = psi_network_matrix(c.network, l + 1);
            for (size_t u = 0; u < m->rows; u++) {
                size_t outputs = 0;
                size_t inputs = psi_mask_count(c.mask + m->offset + u * m->cols, m->cols);
                for (size_t r = 0; r < next->rows; r++)
                    outputs += c.mask[next->offset + r * next->cols + u];
                assert_int_equal(inputs > 0, outputs > 0);
                *(inputs ? &with : &without) += 1;
            }
        }
    }
    assert_true(with > 100 && without > 100); /* both kinds have been seen */
    causal_clear(&c);
}

static void test_draw(void **state)
{
    (void)state;
    struct causal c = causal_mlp(10);
    const double density[] = {0, .003, .01, .05, .2, .7, 1};
    for (size_t d = 0; d < sizeof density / sizeof *density; d++) {
        struct psi_random random, again;
        psi_random_open(&random, 3, "draw/%g", density[d]);
        again = random;
        assert_int_equal(base_mask(c.network, c.parameter, density[d], &random, c.mask, &err),
                         PSI_OK);
        size_t count = psi_mask_count(c.mask, c.weights);
        size_t asked = (size_t)floor(density[d] * (double)c.weights + .5);
        assert_true(count <= asked && (double)count >= .8 * (double)asked - 3);
        assert_int_equal(causal_on_path(&c, c.mask, NULL), count);
        assert_int_equal(base_mask(c.network, c.parameter, density[d], &again, c.other, &err),
                         PSI_OK);
        assert_memory_equal(c.mask, c.other, c.weights);
    }
    uint8_t kept = c.mask[0];
    struct psi_random random;
    psi_random_open(&random, 1, "bad");
    assert_int_equal(base_mask(c.network, c.parameter, 1.5, &random, c.mask, &err), PSI_USAGE);
    assert_int_equal(base_mask(c.network, c.parameter, NAN, &random, c.mask, &err), PSI_USAGE);
    assert_int_equal(c.mask[0], kept);
    causal_clear(&c);
}

/* One matrix (no hidden layer: nothing is trimmed), two magnitudes 1 and e^.35: of scores
 * |w| e^(.35 G) the larger kind is drawn first with the odds of Gumbel's maximum, e : 1 (Luce 1959;
 * Yellott 1977). */
static void test_draw_follows_gumbel(void **state)
{
    (void)state;
    struct psi_model_spec spec = {.kind = PSI_MLP};
    struct causal c = causal_make(&spec, 1, 2, 1); /* 4 weights */
    float *w = psi_network_parameter(c.network);
    w[0] = -expf(.35F);
    w[1] = w[2] = w[3] = 1;
    size_t first = 0, draws = 4000;
    for (size_t d = 0; d < draws; d++) {
        struct psi_random random;
        psi_random_open(&random, d, "gumbel");
        assert_int_equal(base_mask(c.network, w, .25, &random, c.mask, &err), PSI_OK);
        assert_int_equal(psi_mask_count(c.mask, 4), 1);
        first += c.mask[0];
    }
    double p = 2.718281828459045 / (2.718281828459045 + 3), n = (double)draws;
    assert_true(fabs((double)first - n * p) < 4 * sqrt(n * p * (1 - p)));
    causal_clear(&c);
}

static void test_shuffle_keeps_counts(void **state)
{
    (void)state;
    struct causal c = causal_mlp(8);
    struct psi_random random, again;
    psi_random_open(&random, 1, "shuffle");
    causal_random_mask(&c, .1, &random, c.base);
    memcpy(c.mask, c.base, c.weights);
    memcpy(c.other, c.base, c.weights);
    again = random;
    psi_mask_shuffle(c.network, &random, c.mask);
    psi_mask_shuffle(c.network, &again, c.other);
    assert_memory_equal(c.mask, c.other, c.weights);
    assert_memory_not_equal(c.mask, c.base, c.weights);
    for (size_t l = 0; l < c.layers; l++) {
        const struct psi_weight_matrix *m = psi_network_matrix(c.network, l);
        assert_int_equal(psi_mask_count(c.mask + m->offset, m->rows * m->cols),
                         psi_mask_count(c.base + m->offset, m->rows * m->cols));
    }
    causal_clear(&c);
}

/* 2 of 6 weights in 15 placements, from the same mask each time: chi-square of 14 degrees of
 * freedom stays below 36.1 with .999. Then 1 of 4 in the second layer, independent of it. */
static void test_shuffle_is_uniform(void **state)
{
    (void)state;
    enum { DRAWS = 15000 };
    struct psi_model_spec spec = {.kind = PSI_MLP, .hidden_count = 1, .hidden = {2}};
    struct psi_dataset shape = {.channels = 1, .height = 1, .width = 3, .classes = 2};
    struct psi_network *network;
    assert_int_equal(psi_network_create(&spec, &shape, 1, psi_kernels_best(), &network, &err),
                     PSI_OK);
    assert_int_equal(psi_network_weights(network), 10);
    struct psi_random random;
    psi_random_open(&random, 1, "uniform");
    double seen[64] = {0}, joint[6][4] = {{0}}, chi = 0, chi_joint = 0;
    for (size_t d = 0; d < DRAWS; d++) {
        uint8_t mask[10] = {1, 0, 0, 0, 1, 0, 0, 1, 0, 0};
        psi_mask_shuffle(network, &random, mask);
        unsigned code = 0;
        for (unsigned i = 0; i < 6; i++)
            code |= (unsigned)mask[i] << i;
        seen[code]++;
        size_t low = 0, second = 6;
        while (!mask[low])
            low++;
        while (!mask[second])
            second++;
        joint[low][second - 6]++;
    }
    for (unsigned code = 0; code < 64; code++) {
        double expected = __builtin_popcount(code) == 2 ? DRAWS / 15.0 : 0;
        if (expected == 0)
            assert_true(seen[code] == 0);
        else
            chi += (seen[code] - expected) * (seen[code] - expected) / expected;
    }
    assert_true(chi < 36.1);
    /* the lowest survivor is at `low` in 5 - low placements of 15; 5 x 4 cells, 19 degrees */
    for (size_t low = 0; low < 5; low++)
        for (size_t s = 0; s < 4; s++) {
            double expected = DRAWS * (double)(5 - low) / 15 / 4;
            chi_joint += (joint[low][s] - expected) * (joint[low][s] - expected) / expected;
        }
    assert_true(chi_joint < 43.8);
    psi_network_destroy(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trim_is_on_path_and_idempotent),
        cmocka_unit_test(test_trimmed_units_have_both_or_none),
        cmocka_unit_test(test_draw),
        cmocka_unit_test(test_draw_follows_gumbel),
        cmocka_unit_test(test_shuffle_keeps_counts),
        cmocka_unit_test(test_shuffle_is_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
