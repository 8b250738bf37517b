#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/prune.h"
#include "psisweep/spectrum.h"
#include "spectrum_matrices.h"
#include "ref/spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct psi_error err;

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("found %.17g, expected %.17g within %g", found, expected, tolerance);
}

static struct psi_modes modes_of(const float *w, size_t rows, size_t cols, size_t k)
{
    struct psi_modes modes;
    assert_int_equal(psi_modes_compute(w, rows, cols, k, NULL, &modes, &err), PSI_OK);
    return modes;
}

static double overlap_of(const float *dense, const float *pruned, size_t rows, size_t cols,
                         size_t k)
{
    struct psi_modes a = modes_of(dense, rows, cols, k), b = modes_of(pruned, rows, cols, k);
    double overlap = psi_support_overlap(&a, &b, k);
    psi_modes_clear(&b);
    psi_modes_clear(&a);
    return overlap;
}

static void test_against_numpy(void **state)
{
    (void)state;
    float pattern[260], masked[260];
    double value[13];
    struct psi_modes dense, pruned;
    fill_pattern(pattern, masked);
    assert_int_equal(
        psi_modes_compute(pattern, PATTERN_ROWS, PATTERN_COLS, 13, value, &dense, &err), PSI_OK);
    pruned = modes_of(masked, PATTERN_ROWS, PATTERN_COLS, 13);
    assert_int_equal(pruned.k, 7); /* so above k = 7 the divisor counts modes that are missing */
    for (size_t k = 1; k <= 13; k++) {
        assert_near(psi_support_overlap(&dense, &pruned, k), ref_overlap[k - 1], 1e-13);
        assert_near(psi_retained_energy(&dense, value, masked, k), ref_retained_energy[k - 1],
                    1e-13);
    }
    psi_modes_clear(&pruned);
    psi_modes_clear(&dense);
}

static void test_overlap_closed_forms(void **state)
{
    (void)state;
    enum { ROWS = 6, COLS = 8 };
    float diagonal[ROWS * COLS] = {0}, apart[ROWS * COLS] = {0}, zero[ROWS * COLS] = {0};
    float first[ROWS * COLS] = {0}, left[ROWS * COLS] = {0}, normal[ROWS * COLS];
    for (size_t i = 0; i < 3; i++) {
        diagonal[i * COLS + i] = (float)(9 - i);
        apart[(i + 3) * COLS + i + 3] = (float)(9 - i); /* other rows, other columns */
        left[i * COLS + i + 3] = (float)(9 - i);        /* same rows, other columns */
    }
    first[0] = 1;
    struct psi_random random;
    psi_random_open(&random, 1, "overlap");
    fill_normal(normal, ROWS * COLS, &random);
    for (size_t k = 1; k <= 6; k++)
        assert_near(overlap_of(normal, normal, ROWS, COLS, k), 1, 1e-13);
    for (size_t k = 1; k <= 3; k++) {
        assert_near(overlap_of(diagonal, diagonal, ROWS, COLS, k), 1, 1e-13);
        assert_near(overlap_of(diagonal, apart, ROWS, COLS, k), 0, 1e-15);
        assert_near(overlap_of(diagonal, left, ROWS, COLS, k), 0, 1e-15);
        assert_near(overlap_of(diagonal, zero, ROWS, COLS, k), 0, 0);
        /* one mode left of k, and it is right: sqrt(1/k * 1/k) */
        assert_near(overlap_of(diagonal, first, ROWS, COLS, k), 1.0 / (double)k, 1e-15);
    }
}

/* Of two independent Gaussian matrices all four bases are independent and uniform, so
 * E S_k^2 = k/n * k/m, the square of chance. */
static void test_overlap_by_chance(void **state)
{
    (void)state;
    enum { ROWS = 30, COLS = 24, K = 5, PAIRS = 400 };
    static float a[ROWS * COLS], b[ROWS * COLS];
    struct psi_random random;
    psi_random_open(&random, 1, "chance");
    double sum = 0, squares = 0;
    for (size_t i = 0; i < PAIRS; i++) {
        fill_normal(a, ROWS * COLS, &random);
        fill_normal(b, ROWS * COLS, &random);
        double square = pow(overlap_of(a, b, ROWS, COLS, K), 2);
        sum += square;
        squares += square * square;
    }
    double mean = sum / PAIRS, error = sqrt((squares / PAIRS - mean * mean) / PAIRS);
    double chance = psi_overlap_chance(K, ROWS, COLS);
    assert_near(chance, sqrt(5.0 / 30 * 5.0 / 24), 1e-15);
    assert_near(mean, chance * chance, 3 * error);
    assert_true(error < 0.03 * mean);
}

static void test_retained_energy_closed_forms(void **state)
{
    (void)state;
    enum { N = 40 };
    static float w[N * N], pruned[N * N];
    double value[N];
    struct psi_modes modes;
    struct psi_random random;
    psi_random_open(&random, 1, "energy");
    fill_normal(w, N * N, &random);
    assert_int_equal(psi_modes_compute(w, N, N, N, value, &modes, &err), PSI_OK);
    double whole = 0, kept = 0;
    for (size_t i = 0; i < N * N; i++) {
        pruned[i] = i % 3 ? 0 : w[i];
        whole += (double)w[i] * w[i];
        kept += (double)pruned[i] * pruned[i];
    }
    for (size_t k = 1; k <= N; k += 13)
        assert_near(psi_retained_energy(&modes, value, w, k), 1, 1e-13);
    /* all modes span everything: the share of the squared norm */
    assert_near(psi_retained_energy(&modes, value, pruned, N), kept / whole, 1e-13);
    for (size_t i = 0; i < N * N; i++)
        pruned[i] = -w[i] / 2;
    assert_near(psi_retained_energy(&modes, value, pruned, 3), 0.25, 1e-13);
    pruned[7] = INFINITY;
    assert_true(isnan(psi_retained_energy(&modes, value, pruned, 3)));
    psi_modes_clear(&modes);

    /* diag(3, 2, 1): what lies within the first two rows and columns counts, crosswise too */
    const float diagonal[] = {3, 0, 0, 0, 2, 0, 0, 0, 1}, crossed[] = {3, 2, 7, 0, 0, 7, 7, 7, 7};
    assert_int_equal(psi_modes_compute(diagonal, 3, 3, 2, value, &modes, &err), PSI_OK);
    assert_near(psi_retained_energy(&modes, value, crossed, 2), (9.0 + 4) / (9 + 4), 1e-15);
    assert_near(psi_retained_energy(&modes, value, crossed, 1), 1, 1e-15);
    assert_true(isnan(psi_retained_energy(&modes, value, crossed, 0)));
    psi_modes_clear(&modes);
}

/* The planted spike: theta u v' plus unit Gaussian noise, 784 x 300, of stable rank 15.9. A random
 * mask of density d scales the spike by d and the noise by sqrt(d), and adds noise of its own;
 * the mode survives above d* = rho / (1 + rho), rho = stable rank / sqrt(nm). The expected means
 * are the project's known facts, measured before this code existed. */
enum { SPIKE_ROWS = 784, SPIKE_COLS = 300, SPIKE_COUNT = SPIKE_ROWS * SPIKE_COLS };

struct spike {
    float w[SPIKE_COUNT], pruned[SPIKE_COUNT];
    double score[SPIKE_COUNT];
    uint8_t mask[SPIKE_COUNT];
};

/* With |W|_F^2 = nm + t and sigma_1^2 = (t + n)(t + m) / t (Benaych-Georges & Nadakuditi 2012),
 * t = theta^2 is the larger root of (s - 1) t^2 + (s (n + m) - nm) t + s nm = 0 for stable rank
 * s. */
static void plant_spike(struct spike *spike, double stable_rank, struct psi_random *random)
{
    double u[SPIKE_ROWS], v[SPIKE_COLS], u2 = 0, v2 = 0, nm = SPIKE_COUNT;
    double b = stable_rank * (SPIKE_ROWS + SPIKE_COLS) - nm;
    double t =
        (-b + sqrt(b * b - 4 * (stable_rank - 1) * stable_rank * nm)) / (2 * (stable_rank - 1));
    for (size_t i = 0; i < SPIKE_ROWS; i++)
        u[i] = psi_random_normal(random), u2 += u[i] * u[i];
    for (size_t j = 0; j < SPIKE_COLS; j++)
        v[j] = psi_random_normal(random), v2 += v[j] * v[j];
    double scale = sqrt(t / (u2 * v2));
    for (size_t i = 0; i < SPIKE_COUNT; i++)
        spike->w[i] =
            (float)(scale * u[i / SPIKE_COLS] * v[i % SPIKE_COLS] + psi_random_normal(random));
}

static double overlap_under_random_mask(struct spike *spike, const struct psi_modes *dense,
                                        double density, struct psi_random *random)
{
    for (size_t i = 0; i < SPIKE_COUNT; i++)
        spike->score[i] = psi_random_uniform(random);
    psi_mask_select(spike->score, SPIKE_COUNT, (size_t)(density * SPIKE_COUNT), spike->mask);
    for (size_t i = 0; i < SPIKE_COUNT; i++)
        spike->pruned[i] = spike->mask[i] ? spike->w[i] : 0;
    struct psi_modes pruned = modes_of(spike->pruned, SPIKE_ROWS, SPIKE_COLS, 1);
    double overlap = psi_support_overlap(dense, &pruned, 1);
    psi_modes_clear(&pruned);
    return overlap;
}

static void test_planted_spike(void **state)
{
    (void)state;
    enum { MATRICES = 5, MASKS = 10 };
    if (getenv("PSI_VALGRIND")) {
        print_message("200 decompositions take an hour under valgrind\n");
        skip();
    }
    const double stable_rank = 15.9, rho = stable_rank / sqrt(SPIKE_COUNT),
                 critical = rho / (1 + rho), times[] = {0.25, 1, 2, 4},
                 expected[] = {0.006, 0.06, 0.36, 0.70};
    assert_near(critical, 0.032, 0.0005);
    double sum[4] = {0}, squares[4] = {0};
    struct spike *spike = malloc(sizeof *spike);
    assert_non_null(spike);
    struct psi_random random;
    psi_random_open(&random, 1, "planted spike");
    for (size_t matrix = 0; matrix < MATRICES; matrix++) {
        double value[SPIKE_COLS];
        struct psi_modes dense;
        plant_spike(spike, stable_rank, &random);
        assert_int_equal(
            psi_modes_compute(spike->w, SPIKE_ROWS, SPIKE_COLS, 1, value, &dense, &err), PSI_OK);
        /* u'Gv is standard normal beside theta = 121, so sigma_1^2 scatters by 1.7 % */
        assert_near(psi_stable_rank(value, SPIKE_COLS), stable_rank, 0.06 * stable_rank);
        for (size_t i = 0; i < 4; i++)
            for (size_t mask = 0; mask < MASKS; mask++) {
                double s = overlap_under_random_mask(spike, &dense, times[i] * critical, &random);
                sum[i] += s;
                squares[i] += s * s;
            }
        psi_modes_clear(&dense);
    }
    free(spike);
    for (size_t i = 0; i < 4; i++) {
        double count = MATRICES * MASKS, mean = sum[i] / count;
        print_message("S_1 at %.2f d*: %.3f, one mask scatters by %.3f\n", times[i], mean,
                      sqrt(squares[i] / count - mean * mean));
        assert_near(mean, expected[i], 0.04);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_numpy),
        cmocka_unit_test(test_overlap_closed_forms),
        cmocka_unit_test(test_overlap_by_chance),
        cmocka_unit_test(test_retained_energy_closed_forms),
        cmocka_unit_test(test_planted_spike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
