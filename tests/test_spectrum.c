#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/spectrum.h"
#include "spectrum_matrices.h"
#include "ref/spectrum.h"

#include <math.h>
#include <string.h>

enum { LIMIT = 64 };

static struct psi_error err;

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("found %.17g, expected %.17g within %g", found, expected, tolerance);
}

static void assert_values(const float *w, size_t rows, size_t cols, const double *expected)
{
    double value[LIMIT];
    size_t count = rows < cols ? rows : cols;
    assert_int_equal(psi_singular_values(w, rows, cols, value, &err), PSI_OK);
    for (size_t i = 0; i < count; i++) {
        assert_near(value[i], expected[i], 1e-14 * expected[0]);
        assert_true(value[i] >= 0 && (i == 0 || value[i] <= value[i - 1]));
    }
}

/* sum over modes of value[i] left[i] right[i]', against w; and that the modes are orthonormal */
static void assert_modes_rebuild(const float *w, size_t rows, size_t cols, size_t expected_rank)
{
    double value[LIMIT];
    struct psi_modes modes;
    assert_int_equal(psi_modes_compute(w, rows, cols, LIMIT, value, &modes, &err), PSI_OK);
    assert_int_equal(modes.k, expected_rank);
    assert_int_equal(modes.rows, rows);
    assert_int_equal(modes.cols, cols);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            double sum = 0;
            for (size_t i = 0; i < modes.k; i++)
                sum += value[i] * modes.left[i * rows + r] * modes.right[i * cols + c];
            assert_near(sum, w[r * cols + c], 1e-13 * value[0]);
        }
    for (size_t i = 0; i < modes.k; i++)
        for (size_t j = 0; j < modes.k; j++) {
            double left = 0, right = 0;
            for (size_t r = 0; r < rows; r++)
                left += modes.left[i * rows + r] * modes.left[j * rows + r];
            for (size_t c = 0; c < cols; c++)
                right += modes.right[i * cols + c] * modes.right[j * cols + c];
            assert_near(left, i == j, 1e-13);
            assert_near(right, i == j, 1e-13);
        }
    psi_modes_clear(&modes);
    assert_null(modes.left);
    assert_int_equal(modes.k, 0);
}

static void test_closed_forms(void **state)
{
    (void)state;
    const float diagonal[] = {0, -3, 0, 0, 0, 0, 0, 7, 2, 0, 0, 0};
    assert_values(diagonal, 3, 4, (const double[]){7, 3, 2});
    const float one[] = {-2.5F};
    assert_values(one, 1, 1, (const double[]){2.5});
    const float row[] = {3, 0, 4};
    assert_values(row, 1, 3, (const double[]){5});
    assert_values(row, 3, 1, (const double[]){5});

    float hadamard[64], outer[35]; /* (8, 8) of sigma sqrt 8; (7, 5) of |u| |v| */
    for (unsigned i = 0; i < 64; i++)
        hadamard[i] = __builtin_parity((i / 8) & (i % 8)) ? -1.0F : 1.0F;
    const double root = sqrt(8);
    assert_values(hadamard, 8, 8, (const double[]){root, root, root, root, root, root, root, root});
    for (int i = 0; i < 35; i++)
        outer[i] = (float)((i / 5 + 1) * (i % 5 - 2));
    assert_values(outer, 7, 5, (const double[]){sqrt(140 * 10), 0, 0, 0, 0});
}

static void test_against_numpy(void **state)
{
    (void)state;
    float hilbert[36], vandermonde[60], pattern[260], masked[260];
    for (int i = 0; i < 36; i++)
        hilbert[i] = (float)(1.0 / (i / 6 + i % 6 + 1));
    for (int i = 0; i < 12; i++) {
        double power = 1;
        for (int j = 0; j < 5; j++, power *= (i + 1) / 12.0)
            vandermonde[i * 5 + j] = (float)power;
    }
    fill_pattern(pattern, masked);
    assert_values(hilbert, 6, 6, ref_hilbert_values);
    assert_values(vandermonde, 12, 5, ref_vandermonde_values);
    assert_values(pattern, PATTERN_ROWS, PATTERN_COLS, ref_pattern_values);
    assert_values(masked, PATTERN_ROWS, PATTERN_COLS, ref_masked_values);
}

static void test_modes_rebuild_matrix(void **state)
{
    (void)state;
    float pattern[260], masked[260], normal[40 * 37];
    fill_pattern(pattern, masked);
    assert_modes_rebuild(pattern, PATTERN_ROWS, PATTERN_COLS, 13);
    assert_modes_rebuild(masked, PATTERN_ROWS, PATTERN_COLS, 7); /* rank deficient */
    assert_modes_rebuild(pattern, 4, 65, 4);                     /* wide */
    assert_modes_rebuild(pattern, 52, 5, 5);                     /* tall */
    assert_modes_rebuild(pattern, 1, 1, 1);
    struct psi_random random;
    psi_random_open(&random, 1, "rebuild");
    fill_normal(normal, 40 * 37, &random);
    assert_modes_rebuild(normal, 40, 37, 37);
    assert_modes_rebuild(normal, 37, 40, 37);
}

static void test_modes_are_the_leading_ones(void **state)
{
    (void)state;
    const float w[] = {0, 0, 2, 0, 0, 0, -5, 0, 0, 3, 0, 0}; /* (3, 4) */
    struct psi_modes modes;
    assert_int_equal(psi_modes_compute(w, 3, 4, 2, NULL, &modes, &err), PSI_OK);
    assert_int_equal(modes.k, 2);
    /* rows 0 and 1 share column 2: one mode of sqrt(29); row 2 is the other, of 3 */
    double length = sqrt(29);
    assert_near(fabs(modes.right[2]), 1, 1e-15);
    assert_near(fabs(modes.left[0]), 2 / length, 1e-15);
    assert_near(fabs(modes.left[1]), 5 / length, 1e-15);
    assert_near(modes.left[2], 0, 1e-15);
    assert_near(fabs(modes.right[4 + 1]), 1, 1e-15);
    assert_near(fabs(modes.left[3 + 2]), 1, 1e-15);
    psi_modes_clear(&modes);
}

static void test_zero_matrix(void **state)
{
    (void)state;
    float w[12] = {0};
    assert_values(w, 3, 4, (const double[]){0, 0, 0});
    assert_modes_rebuild(w, 3, 4, 0);
    assert_true(psi_stable_rank((const double[]){0, 0}, 2) == 0);
    assert_true(psi_effective_rank((const double[]){0, 0}, 2) == 0);
}

static void test_non_finite(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t b = 0; b < 3; b++) {
        float w[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
        w[4 * b] = bad[b];
        double value[4] = {0, 0, 0, 99}, edge = 0;
        struct psi_modes modes;
        assert_int_equal(psi_modes_compute(w, 3, 4, 2, value, &modes, &err), PSI_OK);
        assert_int_equal(modes.k, 0);
        assert_true(isnan(value[0]) && isnan(value[1]) && isnan(value[2]) && value[3] == 99);
        psi_modes_clear(&modes);
        assert_int_equal(psi_singular_values(w, 3, 4, value, &err), PSI_OK);
        assert_true(isnan(value[0]) && isnan(psi_stable_rank(value, 3)));
        assert_true(isnan(psi_effective_rank(value, 3)));
        struct psi_random random;
        psi_random_open(&random, 1, "edge");
        assert_int_equal(psi_permutation_edge(w, 3, 4, 3, &random, NULL, &edge, &err), PSI_OK);
        assert_true(isnan(edge) && isnan(psi_marchenko_pastur_edge(w, 3, 4)));
    }
}

/* Rows and columns of zeros against the same ones filled with 1e-30, which are not stripped. */
static void test_stripping_is_exact(void **state)
{
    (void)state;
    enum { ROWS = 45, COLS = 31 };
    float zero[ROWS * COLS], tiny[ROWS * COLS];
    double value[COLS], unstripped[COLS];
    struct psi_random random;
    psi_random_open(&random, 1, "strip");
    for (size_t i = 0; i < ROWS * COLS; i++) {
        int empty = i / COLS % 3 == 1 || i / COLS < 4 || i % COLS % 4 == 2;
        zero[i] = empty ? 0.0F : (float)psi_random_normal(&random);
        tiny[i] = empty ? 1e-30F : zero[i];
    }
    assert_int_equal(psi_singular_values(zero, ROWS, COLS, value, &err), PSI_OK);
    assert_int_equal(psi_singular_values(tiny, ROWS, COLS, unstripped, &err), PSI_OK);
    for (size_t i = 0; i < COLS; i++)
        assert_near(value[i], unstripped[i], 1e-14 * value[0]);
    for (size_t i = 23; i < COLS; i++) /* 23 columns of 31 are occupied */
        assert_true(value[i] == 0);
    assert_true(value[22] > 1e-3);
    assert_modes_rebuild(zero, ROWS, COLS, 23);
}

static void test_same_bits(void **state)
{
    (void)state;
    float w[60 * 50];
    double first[50], second[50];
    struct psi_random random;
    psi_random_open(&random, 1, "bits");
    fill_normal(w, 60 * 50, &random);
    struct psi_modes a, b;
    assert_int_equal(psi_modes_compute(w, 60, 50, 9, first, &a, &err), PSI_OK);
    assert_int_equal(psi_modes_compute(w, 60, 50, 9, second, &b, &err), PSI_OK);
    assert_memory_equal(first, second, sizeof first);
    assert_memory_equal(a.left, b.left, 9 * 60 * sizeof *a.left);
    assert_memory_equal(a.right, b.right, 9 * 50 * sizeof *a.right);
    psi_modes_clear(&b);
    psi_modes_clear(&a);
}

static void test_ranks(void **state)
{
    (void)state;
    double flat[17], one[17] = {4};
    for (size_t i = 0; i < 17; i++)
        flat[i] = 1e-200; /* the square would vanish */
    assert_near(psi_stable_rank(flat, 17), 17, 1e-12);
    assert_near(psi_effective_rank(flat, 17), 17, 1e-12);
    assert_near(psi_stable_rank(one, 17), 1, 0);
    assert_near(psi_effective_rank(one, 17), 1, 0);
    assert_near(psi_stable_rank(NULL, 0), 0, 0);
    assert_near(psi_stable_rank(ref_pattern_values, 13), ref_pattern_stable_rank[0], 1e-13);
    assert_near(psi_effective_rank(ref_pattern_values, 13), ref_pattern_effective_rank[0], 1e-13);
    assert_near(psi_stable_rank(ref_hilbert_values, 6), ref_hilbert_stable_rank[0], 1e-13);
    assert_near(psi_effective_rank(ref_hilbert_values, 6), ref_hilbert_effective_rank[0], 1e-13);
    assert_near(psi_stable_rank(ref_masked_values, 13), ref_masked_stable_rank[0], 1e-13);
    assert_near(psi_effective_rank(ref_masked_values, 13), ref_masked_effective_rank[0], 1e-13);
    assert_near(psi_stable_rank(ref_vandermonde_values, 5), ref_vandermonde_stable_rank[0], 1e-13);
    assert_near(psi_effective_rank(ref_vandermonde_values, 5), ref_vandermonde_effective_rank[0],
                1e-13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_forms),
        cmocka_unit_test(test_against_numpy),
        cmocka_unit_test(test_modes_rebuild_matrix),
        cmocka_unit_test(test_modes_are_the_leading_ones),
        cmocka_unit_test(test_zero_matrix),
        cmocka_unit_test(test_non_finite),
        cmocka_unit_test(test_stripping_is_exact),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
