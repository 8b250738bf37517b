#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/kernel.h"
#include "psisweep/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct psi_error err;

/* An MLP; only its weights and their masks matter here. */
static struct psi_network *make_network(size_t inputs, size_t first, size_t second, size_t classes)
{
    const struct psi_model_spec spec = {
        .kind = PSI_MLP, .hidden_count = 2, .hidden = {first, second}};
    const struct psi_dataset shape = {
        .channels = 1, .height = 1, .width = inputs, .features = inputs, .classes = classes};
    struct psi_network *network = NULL;
    assert_int_equal(psi_network_create(&spec, &shape, 1, PSI_PORTABLE, &network, &err), PSI_OK);
    return network;
}

static int criterion_named(const char *name)
{
    for (int row = 0; psi_criteria[row].name; row++)
        if (strcmp(psi_criteria[row].name, name) == 0)
            return row;
    fail_msg("no criterion %s", name);
    return -1;
}

static void prune(struct psi_network *network, const char *name, enum psi_scope scope,
                  double density, struct psi_random *random, uint8_t *mask)
{
    const struct psi_score_input input = {.network = network, .random = random};
    const struct psi_prune_spec spec = {
        .criterion = criterion_named(name), .scope = scope, .density = density};
    assert_int_equal(psi_prune(&spec, &input, mask, &err), PSI_OK);
}

static void test_table(void **state)
{
    (void)state;
    size_t rows = 0;
    for (; psi_criteria[rows].name; rows++) {
        assert_true(psi_criteria[rows].help && psi_criteria[rows].score &&
                    psi_criteria[rows].rounds);
        for (size_t other = 0; other < rows; other++)
            assert_string_not_equal(psi_criteria[rows].name, psi_criteria[other].name);
    }
    assert_true(rows >= 2);
}

/* 2-3-1-2: weights (3, 2), (1, 3), (2, 1) in flat order, then 6 biases. */
enum { SMALL = 11 };
static const float small_weight[SMALL] = {.1F, -.9F, .2F, .3F, -.3F, 0, 5, -6, .3F, -.2F, .8F};

static struct psi_network *make_small(void)
{
    struct psi_network *network = make_network(2, 3, 1, 2);
    assert_int_equal(psi_network_weights(network), SMALL);
    float *parameter = psi_network_parameter(network);
    memcpy(parameter, small_weight, sizeof small_weight);
    for (size_t i = SMALL; i < psi_network_parameters(network); i++)
        parameter[i] = 100; /* biases must not take part */
    return network;
}

static void test_magnitude_global(void **state)
{
    (void)state;
    struct psi_network *network = make_small();
    uint8_t mask[SMALL + 1];
    mask[SMALL] = 7;
    const uint8_t four[SMALL] = {0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1};
    const uint8_t six[SMALL] = {0, 1, 0, 1, 1, 0, 1, 1, 0, 0, 1}; /* of three .3 the first two */
    prune(network, "magnitude", PSI_GLOBAL, 4.0 / SMALL, NULL, mask);
    assert_memory_equal(mask, four, SMALL);
    prune(network, "magnitude", PSI_GLOBAL, 6.0 / SMALL, NULL, mask);
    assert_memory_equal(mask, six, SMALL);
    assert_memory_equal(psi_network_parameter(network), small_weight, sizeof small_weight);

    psi_network_parameter(network)[7] = NAN; /* was the largest, now the lowest of all */
    prune(network, "magnitude", PSI_GLOBAL, 10.0 / SMALL, NULL, mask);
    assert_true(mask[7] == 0 && psi_mask_count(mask, SMALL) == 10 && mask[SMALL] == 7);
    psi_network_destroy(network);
}

static void test_magnitude_by_layer(void **state)
{
    (void)state;
    struct psi_network *network = make_small();
    uint8_t mask[SMALL + 1];
    mask[SMALL] = 7;
    /* .25 of 6, 3, 2 is 1.5, .75, .5: 2, 1 and 1, halves going up */
    const uint8_t quarter[SMALL] = {0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1};
    prune(network, "magnitude", PSI_LAYER, 0.25, NULL, mask);
    assert_memory_equal(mask, quarter, SMALL);
    /* .24: 1.44, .72, .48 */
    const uint8_t below[SMALL] = {0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    prune(network, "magnitude", PSI_LAYER, 0.24, NULL, mask);
    assert_memory_equal(mask, below, SMALL);
    assert_int_equal(mask[SMALL], 7);
    psi_network_destroy(network);
}

static void test_counts_at_every_density(void **state)
{
    (void)state;
    struct psi_network *network = make_network(28, 30, 20, 10);
    size_t weights = psi_network_weights(network);
    assert_int_equal(weights, 28 * 30 + 30 * 20 + 20 * 10);
    uint8_t *mask = malloc(weights);
    struct psi_random random;
    psi_random_open(&random, 1, "counts");
    psi_network_initialise(network, &random);
    for (const struct psi_criterion *row = psi_criteria; row->name; row++)
        for (int i = 0; i <= 28 && !row->data && !row->structured; i++) {
            double density = pow(10, -i / 8.0);
            prune(network, row->name, PSI_GLOBAL, density, &random, mask);
            assert_int_equal(psi_mask_count(mask, weights), lround(density * (double)weights));
            prune(network, row->name, PSI_LAYER, density, &random, mask);
            for (size_t m = 0; m < psi_network_matrices(network); m++) {
                const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
                size_t count = matrix->rows * matrix->cols;
                assert_int_equal(psi_mask_count(mask + matrix->offset, count),
                                 lround(density * (double)count));
            }
        }
    for (int scope = PSI_GLOBAL; scope <= PSI_LAYER; scope++) {
        prune(network, "magnitude", scope, 0, NULL, mask);
        assert_int_equal(psi_mask_count(mask, weights), 0);
        prune(network, "magnitude", scope, 1, NULL, mask);
        assert_int_equal(psi_mask_count(mask, weights), weights);
    }
    free(mask);
    psi_network_destroy(network);
}

static void test_bad_density(void **state)
{
    (void)state;
    struct psi_network *network = make_small();
    const struct psi_score_input input = {.network = network};
    const double bad[] = {-1e-9, 1.0000001, NAN, INFINITY};
    uint8_t mask[SMALL], kept[SMALL];
    memset(mask, 7, SMALL);
    memset(kept, 7, SMALL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (struct psi_error){0};
        const struct psi_prune_spec spec = {.density = bad[i]};
        assert_int_equal(psi_prune(&spec, &input, mask, &err), PSI_USAGE);
        assert_int_equal(err.status, PSI_USAGE);
        assert_non_null(strstr(err.text, "density"));
        assert_memory_equal(mask, kept, SMALL);
    }
    psi_network_destroy(network);
}

/* One stream, one mask; and over many every weight survives equally often, whatever its size. */
static void test_random_masks(void **state)
{
    (void)state;
    enum { DRAWS = 3000 };
    struct psi_network *network = make_small();
    uint8_t mask[SMALL], again[SMALL];
    size_t survived[SMALL] = {0};
    for (unsigned draw = 0; draw < DRAWS; draw++) {
        struct psi_random random;
        psi_random_open(&random, 1, "mask/draw=%u", draw);
        prune(network, "random", PSI_GLOBAL, 4.0 / SMALL, &random, mask);
        psi_random_open(&random, 1, "mask/draw=%u", draw);
        prune(network, "random", PSI_GLOBAL, 4.0 / SMALL, &random, again);
        assert_memory_equal(mask, again, SMALL);
        for (size_t i = 0; i < SMALL; i++)
            survived[i] += mask[i];
    }
    double p = 4.0 / SMALL, error = sqrt(p * (1 - p) / DRAWS);
    for (size_t i = 0; i < SMALL; i++)
        assert_true(fabs((double)survived[i] / DRAWS - p) < 3.5 * error);
    psi_network_destroy(network);
}

/* Known facts: LeNet-300-100 under exact-count global random masks of density 1/c, means with their
 * standard errors and probabilities as rounded. tests/ref/random_masks.py finds them another way.
 */
struct known {
    unsigned c, draws; /* ours; fewer where one draw scatters little beside its mean */
    double on_path, error, unreachable, unreachable_rounding, nothing, nothing_rounding;
};

static const struct known known_facts[] = {
    {10, 100, 25531, 9, .005, .005, 0, 0},
    {20, 150, 10851, 12, .06, .005, 0, 0},
    {50, 250, 1572, 4.4, .76, .005, 0, 0},
    {100, 300, 252.3, 1.0, .993, .0005, .0004, .00005},
    {200, 400, 39.6, .25, 1, .0005, .022, .0005},
    {500, 400, 3.60, .03, 1, 0, .469, .0005},
};

static void assert_share(unsigned c, const char *what, double share, double known, double rounding,
                         double draws, double known_draws)
{
    double tolerance = 3 * sqrt(known * (1 - known) * (1 / draws + 1 / known_draws)) + rounding;
    if (!(fabs(share - known) <= tolerance))
        fail_msg("c = %u: P(%s) %.4f, expected %.4f within %.4f", c, what, share, known, tolerance);
}

static void assert_known(struct psi_network *network, uint8_t *mask, const struct known *known)
{
    double sum = 0, squares = 0, unreachable = 0, nothing = 0, draws = known->draws;
    for (unsigned draw = 0; draw < known->draws; draw++) {
        struct psi_random random;
        uint8_t reachable[10];
        size_t count;
        psi_random_open(&random, 1, "mask/c=%u/draw=%u", known->c, draw);
        prune(network, "random", PSI_GLOBAL, 1.0 / known->c, &random, mask);
        assert_int_equal(psi_mask_count(mask, 266200), 266200 / known->c);
        assert_int_equal(psi_network_paths(network, mask, NULL, reachable, &count, &err), PSI_OK);
        sum += (double)count;
        squares += (double)count * (double)count;
        unreachable += memchr(reachable, 0, sizeof reachable) != NULL;
        nothing += count == 0;
    }
    double mean = sum / draws, variance = squares / draws - mean * mean;
    double both = sqrt(variance / draws + known->error * known->error);
    print_message("c = %u: %.1f +- %.1f on a path; P %.3f, %.3f\n", known->c, mean,
                  sqrt(variance / draws), unreachable / draws, nothing / draws);
    if (!(fabs(mean - known->on_path) <= 3 * both))
        fail_msg("c = %u: %g on a path, expected %g within 3 x %g", known->c, mean, known->on_path,
                 both);
    /* how many draws the known figures rest on follows from their error */
    double known_draws = variance / (known->error * known->error);
    assert_share(known->c, "a class is unreachable", unreachable / draws, known->unreachable,
                 known->unreachable_rounding, draws, known_draws);
    assert_share(known->c, "nothing is connected", nothing / draws, known->nothing,
                 known->nothing_rounding, draws, known_draws);
}

static void test_known_random_masks(void **state)
{
    (void)state;
    struct psi_network *network = make_network(784, 300, 100, 10);
    size_t weights = psi_network_weights(network);
    assert_int_equal(weights, 266200);
    uint8_t *mask = malloc(weights);
    assert_non_null(mask);
    for (size_t i = 0; i < sizeof known_facts / sizeof *known_facts; i++)
        assert_known(network, mask, known_facts + i);
    free(mask);
    psi_network_destroy(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_magnitude_global),
        cmocka_unit_test(test_magnitude_by_layer),
        cmocka_unit_test(test_counts_at_every_density),
        cmocka_unit_test(test_bad_density),
        cmocka_unit_test(test_random_masks),
        cmocka_unit_test(test_known_random_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
