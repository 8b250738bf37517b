#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/spectrum.h"
#include "spectrum_matrices.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct psi_error err;

static int ascending(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* The shuffles done again with the same stream, each through the full decomposition. */
static void assert_edge_is_order_statistic(size_t rows, size_t cols, size_t draws, size_t order)
{
    float w[70], shuffled[70];
    double top[200], value[10], edge = -1;
    uint32_t index[70];
    struct psi_random random;
    psi_random_open(&random, 2, "matrix");
    fill_normal(w, rows * cols, &random);
    for (uint32_t i = 0; i < rows * cols; i++)
        index[i] = i;
    psi_random_open(&random, 2, "edge");
    for (size_t d = 0; d < draws; d++) {
        psi_random_shuffle(&random, index, (uint32_t)(rows * cols));
        for (size_t i = 0; i < rows * cols; i++)
            shuffled[i] = w[index[i]];
        assert_int_equal(psi_singular_values(shuffled, rows, cols, value, &err), PSI_OK);
        top[d] = value[0];
    }
    qsort(top, draws, sizeof *top, ascending);
    psi_random_open(&random, 2, "edge");
    assert_int_equal(psi_permutation_edge(w, rows, cols, draws, &random, NULL, &edge, &err),
                     PSI_OK);
    assert_true(fabs(edge - top[order - 1]) <= 1e-13 * edge);
    if (order < draws)
        assert_true(top[order] - top[order - 1] > 1e-9);
}

static void test_permutation_edge_is_order_statistic(void **state)
{
    (void)state;
    assert_edge_is_order_statistic(10, 7, 1, 1);
    assert_edge_is_order_statistic(7, 10, 1, 1);
    assert_edge_is_order_statistic(10, 7, 99, 99);
    assert_edge_is_order_statistic(7, 10, 100, 99);
    assert_edge_is_order_statistic(10, 7, 101, 100);
    assert_edge_is_order_statistic(7, 10, 200, 198);
    assert_edge_is_order_statistic(1, 9, 5, 5);
    assert_edge_is_order_statistic(9, 1, 5, 5);
}

static void test_permutation_edge_of_constant(void **state)
{
    (void)state;
    float w[6 * 9] = {0};
    double edge = -1;
    struct psi_random random;
    psi_random_open(&random, 2, "edge");
    assert_int_equal(psi_permutation_edge(w, 6, 9, 9, &random, NULL, &edge, &err), PSI_OK);
    assert_true(edge == 0);
    for (size_t i = 0; i < 6 * 9; i++) /* whatever the shuffle, sigma = 2 sqrt(6 * 9) */
        w[i] = -2;
    assert_int_equal(psi_permutation_edge(w, 6, 9, 9, &random, NULL, &edge, &err), PSI_OK);
    assert_true(fabs(edge - 2 * sqrt(6 * 9)) < 1e-12);
}

static void test_marchenko_pastur_edge(void **state)
{
    (void)state;
    const float w[] = {
        5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1,
        5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1}; /* (4, 9), mean 3, deviation 2 */
    assert_true(fabs(psi_marchenko_pastur_edge(w, 4, 9) - 2 * (2 + 3)) < 1e-14);
}

/* Independent entries: shuffling changes nothing, so both edges stand where the largest singular
 * value is. A planted mode above them leaves them where its variance puts them. */
static void test_edges_of_noise_and_of_spike(void **state)
{
    (void)state;
    enum { ROWS = 100, COLS = 300 };
    static float w[ROWS * COLS];
    double edge, value[ROWS];
    struct psi_random random;
    psi_random_open(&random, 3, "noise");
    fill_normal(w, ROWS * COLS, &random);
    for (size_t i = 0; i < ROWS * COLS; i++)
        w[i] *= 0.05F;
    assert_int_equal(psi_singular_values(w, ROWS, COLS, value, &err), PSI_OK);
    assert_int_equal(psi_permutation_edge(w, ROWS, COLS, 20, &random, NULL, &edge, &err), PSI_OK);
    double closed = 0.05 * (sqrt(ROWS) + sqrt(COLS));
    assert_true(fabs(psi_marchenko_pastur_edge(w, ROWS, COLS) / closed - 1) < 0.01);
    assert_true(fabs(edge / closed - 1) < 0.03);
    assert_true(fabs(edge / value[0] - 1) < 0.06); /* one draw against the top of 20 */

    for (size_t i = 0; i < ROWS * COLS; i++) /* signs of a chequerboard: sigma = .05 sqrt(nm) */
        w[i] += (i / COLS + i % COLS) % 2 ? -0.05F : 0.05F;
    assert_int_equal(psi_singular_values(w, ROWS, COLS, value, &err), PSI_OK);
    assert_int_equal(psi_permutation_edge(w, ROWS, COLS, 20, &random, NULL, &edge, &err), PSI_OK);
    assert_true(fabs(edge / (sqrt(2) * closed) - 1) < 0.03); /* twice the variance */
    assert_true(value[0] > 3 * edge && value[1] < edge);
}

static void test_permutation_edge_leaves_matrix(void **state)
{
    (void)state;
    float w[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, kept[12];
    double first, second;
    struct psi_random random;
    memcpy(kept, w, sizeof w);
    psi_random_open(&random, 4, "edge");
    assert_int_equal(psi_permutation_edge(w, 3, 4, 5, &random, NULL, &first, &err), PSI_OK);
    assert_memory_equal(w, kept, sizeof w);
    psi_random_open(&random, 4, "edge");
    assert_int_equal(psi_permutation_edge(w, 3, 4, 5, &random, NULL, &second, &err), PSI_OK);
    assert_memory_equal(&first, &second, sizeof first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permutation_edge_is_order_statistic),
        cmocka_unit_test(test_permutation_edge_of_constant),
        cmocka_unit_test(test_marchenko_pastur_edge),
        cmocka_unit_test(test_edges_of_noise_and_of_spike),
        cmocka_unit_test(test_permutation_edge_leaves_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
