#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/spectrum.h"
#include "spectrum_matrices.h"
#include "ref/ablate.h"

#include <math.h>
#include <string.h>

enum { ROWS = PATTERN_ROWS, COLS = PATTERN_COLS, SIZE = ROWS * COLS };

static struct psi_error err;

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("found %.17g, expected %.17g within %g", found, expected, tolerance);
}

static double squared_norm(const float *w, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)w[i] * w[i];
    return sum;
}

static void fill(float *w)
{
    float masked[SIZE];
    fill_pattern(w, masked);
}

static void assert_ablates_to(enum psi_ablation kind, const double *expected, const double *value)
{
    float w[SIZE], before[SIZE];
    double found[COLS];
    struct psi_ablated ablated;
    fill(w);
    memcpy(before, w, sizeof w);
    assert_int_equal(psi_ablate(kind, REF_ABLATED_MODES, w, ROWS, COLS, NULL, &ablated, &err),
                     PSI_OK);
    double subtracted = 0;
    for (size_t i = 0; i < SIZE; i++) {
        assert_near(w[i], expected[i], 1e-6); /* floats of at most 16 */
        subtracted += ((double)before[i] - w[i]) * ((double)before[i] - w[i]);
    }
    assert_int_equal(psi_singular_values(w, ROWS, COLS, found, &err), PSI_OK);
    for (size_t i = 0; i < COLS; i++)
        assert_near(found[i], value[i], 1e-5);
    assert_near(ablated.energy, ref_ablated_energy[0], 1e-9);
    assert_near(ablated.removed, ref_ablated_energy[0], 1e-3);
    assert_near(ablated.removed, squared_norm(before, SIZE) - squared_norm(w, SIZE), 1e-9);
    assert_near(ablated.subtracted, subtracted, 1e-9);
}

static void test_top_against_numpy(void **state)
{
    (void)state;
    assert_ablates_to(PSI_ABLATE_TOP, ref_ablated_top, ref_ablated_top_values);
}

static void test_bottom_against_numpy(void **state)
{
    (void)state;
    assert_ablates_to(PSI_ABLATE_BOTTOM, ref_ablated_bottom, ref_ablated_bottom_values);
}

/* What is left of random modes: the leading values as they were, of the others each whole, gone, or
 * (one of them) lowered; and over many streams each goes at times. */
static void test_random_takes_whole_modes(void **state)
{
    (void)state;
    enum { K = REF_ABLATED_MODES, STREAMS = 60 };
    float w[SIZE];
    double value[COLS];
    struct psi_modes dense;
    fill(w);
    assert_int_equal(psi_modes_compute(w, ROWS, COLS, COLS, value, &dense, &err), PSI_OK);
    unsigned gone[COLS] = {0};
    for (unsigned stream = 0; stream < STREAMS; stream++) {
        struct psi_random random;
        struct psi_ablated ablated;
        size_t partly = 0;
        psi_random_open(&random, stream, "ablate");
        fill(w);
        assert_int_equal(psi_ablate(PSI_ABLATE_RANDOM, K, w, ROWS, COLS, &random, &ablated, &err),
                         PSI_OK);
        assert_near(ablated.energy, ref_ablated_energy[0], 1e-9);
        assert_near(ablated.removed, ablated.energy, 1e-3);
        for (size_t t = 0; t < COLS; t++) {
            double left = 0; /* u_t' W v_t */
            for (size_t i = 0; i < SIZE; i++)
                left += w[i] * dense.left[t * ROWS + i / COLS] * dense.right[t * COLS + i % COLS];
            int whole = fabs(left - value[t]) < 1e-5, none = fabs(left) < 1e-5;
            assert_true(t >= K || whole);
            gone[t] += (unsigned)none;
            partly += !whole && !none;
        }
        assert_true(partly <= 1);
    }
    for (size_t t = K; t < COLS; t++)
        assert_true(gone[t] > 0 && gone[t] < STREAMS);
    psi_modes_clear(&dense);
}

/* All modes but the leading ones together hold less: they go, and the figures say so. */
static void test_too_little_energy(void **state)
{
    (void)state;
    for (int kind = PSI_ABLATE_BOTTOM; kind <= PSI_ABLATE_RANDOM; kind++) {
        float w[16] = {[0] = 10, [5] = 2, [10] = 1}; /* diagonal 10, 2, 1, 0 */
        struct psi_random random;
        struct psi_ablated ablated;
        psi_random_open(&random, 1, "little");
        assert_int_equal(psi_ablate(kind, 1, w, 4, 4, &random, &ablated, &err), PSI_OK);
        assert_near(ablated.energy, 100, 1e-10);
        assert_near(ablated.removed, 5, 1e-6);
        assert_near(ablated.subtracted, 5, 1e-6);
        assert_near(w[0], 10, 1e-6);
        assert_near(squared_norm(w, 16), 100, 1e-5);
    }
}

/* The mode that energy runs out in keeps the rest of its own. */
static void test_last_mode_is_scaled(void **state)
{
    (void)state;
    float w[36] = {0};
    const float diagonal[6] = {3, 2.5F, 2, 2, 1, 1};
    for (size_t i = 0; i < 6; i++)
        w[7 * i] = diagonal[i];
    struct psi_ablated ablated;
    assert_int_equal(psi_ablate(PSI_ABLATE_BOTTOM, 1, w, 6, 6, NULL, &ablated, &err), PSI_OK);
    /* 9 = 1 + 1 + 4 + 3 of the other 4: one 2 goes, the other becomes 1 */
    double value[6];
    assert_int_equal(psi_singular_values(w, 6, 6, value, &err), PSI_OK);
    const double expected[6] = {3, 2.5, 1, 0, 0, 0};
    for (size_t i = 0; i < 6; i++)
        assert_near(value[i], expected[i], 1e-6);
    assert_near(ablated.removed, 9, 1e-5);
    assert_near(ablated.subtracted, 1 + 1 + 4 + 1, 1e-5);
}

/* What is subtracted has the singular values of the leading modes and nothing more, and points
 * anywhere: on average a share k/rows of each of its left vectors lies in k given directions. */
static void test_foreign_modes(void **state)
{
    (void)state;
    enum { K = 3, DRAWS = 300 };
    float w[SIZE], difference[SIZE];
    double value[COLS], other[COLS], inside = 0, first = 0;
    fill(w);
    assert_int_equal(psi_singular_values(w, ROWS, COLS, value, &err), PSI_OK);
    for (unsigned draw = 0; draw < DRAWS; draw++) {
        struct psi_random random;
        struct psi_ablated ablated;
        struct psi_modes modes;
        float before[SIZE];
        psi_random_open(&random, draw, "foreign");
        fill(w);
        memcpy(before, w, sizeof w);
        assert_int_equal(psi_ablate(PSI_ABLATE_FOREIGN, K, w, ROWS, COLS, &random, &ablated, &err),
                         PSI_OK);
        assert_near(ablated.subtracted, ablated.energy, 1e-3);
        for (size_t i = 0; i < SIZE; i++)
            difference[i] = before[i] - w[i];
        assert_int_equal(psi_modes_compute(difference, ROWS, COLS, K, other, &modes, &err), PSI_OK);
        for (size_t t = 0; t < COLS; t++)
            assert_near(other[t], t < K ? value[t] : 0, 2e-5);
        for (size_t t = 0; t < K; t++)
            for (size_t r = 0; r < 5; r++)
                inside += modes.left[t * ROWS + r] * modes.left[t * ROWS + r];
        first += difference[0];
        psi_modes_clear(&modes);
    }
    /* 900 vectors of share Beta(2.5, 7.5), sd .13: the mean is within 4 sd of 1/4 */
    assert_near(inside / (K * DRAWS), 5.0 / ROWS, .018);
    /* entries have mean 0 and variance energy / (rows cols), below 5.6^2 */
    assert_near(first / DRAWS, 0, 4 * 5.6 / sqrt(DRAWS));
}

static void test_bad_and_degenerate_input(void **state)
{
    (void)state;
    float w[SIZE], before[SIZE], masked[SIZE];
    struct psi_ablated ablated = {1, 2, 3};
    fill_pattern(before, masked); /* masked has rank 7 */
    memcpy(w, masked, sizeof w);
    assert_int_equal(psi_ablate(PSI_ABLATE_TOP, 8, w, ROWS, COLS, NULL, &ablated, &err), PSI_USAGE);
    assert_non_null(strstr(err.text, "8 modes"));
    assert_non_null(strstr(err.text, "rank 7"));
    assert_memory_equal(w, masked, sizeof w);
    assert_true(ablated.energy == 1);

    assert_int_equal(psi_ablate(PSI_ABLATE_TOP, 7, w, ROWS, COLS, NULL, &ablated, &err), PSI_OK);
    assert_near(squared_norm(w, SIZE), 0, 1e-9);
    assert_int_equal(psi_ablate(PSI_ABLATE_TOP, 0, before, ROWS, COLS, NULL, &ablated, &err),
                     PSI_OK);
    assert_true(ablated.energy == 0 && ablated.removed == 0 && ablated.subtracted == 0);

    w[3] = NAN;
    assert_int_equal(psi_ablate(PSI_ABLATE_TOP, 2, w, ROWS, COLS, NULL, &ablated, &err), PSI_OK);
    assert_true(isnan(ablated.energy) && isnan(ablated.removed) && isnan(w[3]));
}

static void test_projector(void **state)
{
    (void)state;
    enum { K = REF_ABLATED_MODES };
    float w[SIZE], other[SIZE];
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLS; j++)
            other[i * COLS + j] = (float)((i * 7 + j * 5 + i * j * 3) % 19 - 9);
    struct psi_modes modes;
    struct psi_projector *projector = NULL;
    assert_int_equal(psi_modes_compute(other, ROWS, COLS, 6, NULL, &modes, &err), PSI_OK);
    assert_int_equal(psi_projector_create(&modes, K, &projector, &err), PSI_OK);
    fill(w);
    for (int again = 0; again < 2; again++) { /* a second time changes nothing */
        psi_project_out(projector, w);
        for (size_t i = 0; i < SIZE; i++)
            assert_near(w[i], ref_projected_out[i], 2e-5);
    }
    for (size_t t = 0; t < K; t++) {
        for (size_t c = 0; c < COLS; c++) {
            double along = 0;
            for (size_t r = 0; r < ROWS; r++)
                along += modes.left[t * ROWS + r] * w[r * COLS + c];
            assert_near(along, 0, 2e-5);
        }
        for (size_t r = 0; r < ROWS; r++) {
            double along = 0;
            for (size_t c = 0; c < COLS; c++)
                along += modes.right[t * COLS + c] * w[r * COLS + c];
            assert_near(along, 0, 2e-5);
        }
    }
    psi_projector_destroy(projector);
    psi_projector_destroy(NULL);

    assert_int_equal(psi_projector_create(&modes, 0, &projector, &err), PSI_OK);
    fill(w);
    fill(other);
    psi_project_out(projector, w);
    assert_memory_equal(w, other, sizeof w);
    psi_projector_destroy(projector);
    psi_modes_clear(&modes);
}

static void test_same_bits(void **state)
{
    (void)state;
    for (int kind = PSI_ABLATE_TOP; kind <= PSI_ABLATE_FOREIGN; kind++) {
        float w[2][SIZE];
        for (size_t i = 0; i < 2; i++) {
            struct psi_random random;
            struct psi_ablated ablated;
            psi_random_open(&random, 5, "same");
            fill(w[i]);
            assert_int_equal(psi_ablate(kind, 3, w[i], ROWS, COLS, &random, &ablated, &err),
                             PSI_OK);
        }
        assert_memory_equal(w[0], w[1], sizeof w[0]);
        assert_non_null(psi_ablation_names[kind]);
    }
    assert_null(psi_ablation_names[PSI_ABLATE_FOREIGN + 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_top_against_numpy),
        cmocka_unit_test(test_bottom_against_numpy),
        cmocka_unit_test(test_random_takes_whole_modes),
        cmocka_unit_test(test_too_little_energy),
        cmocka_unit_test(test_last_mode_is_scaled),
        cmocka_unit_test(test_foreign_modes),
        cmocka_unit_test(test_bad_and_degenerate_input),
        cmocka_unit_test(test_projector),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
