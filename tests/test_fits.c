/* Interval-censored fits, logistics and bootstrap against outside values and closed forms. */
#include "psisweep/sharpness.h"
#include "psisweep/threshold.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define REFERENCE "tests/ref/fits_scipy.txt"
enum { ROOM = 256 };

/* The reference gives log10 d, so that reading an interval back costs a rounding. */
static double normal_error(FILE *file, const char *name, size_t count)
{
    struct psi_interval interval[ROOM];
    for (size_t i = 0; i < count; i++) {
        double low, high;
        assert_int_equal(fscanf(file, "%lf %lf", &low, &high), 2);
        interval[i] = (struct psi_interval){pow(10, low), pow(10, high), PSI_BRACKETED};
    }
    struct psi_lognormal fit = psi_threshold_lognormal(interval, count);
    assert_int_equal(fit.spread, PSI_SPREAD_OK);
    const double ours[5] = {fit.mean, fit.deviation, fit.log_likelihood, fit.low, fit.high};
    double worst = 0, exact;
    assert_int_equal(fscanf(file, " expect"), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fscanf(file, "%lf", &exact), 1);
        worst = fmax(worst, isinf(exact) ? !(ours[i] == exact) : fabs(ours[i] - exact));
    }
    print_message("normal %s: largest difference %.1e\n", name, worst);
    return worst;
}

static struct psi_logistic fit_curve(const double *x, const double *psi, size_t count)
{
    double density[ROOM];
    uint8_t finished[ROOM];
    for (size_t i = 0; i < count; i++) {
        density[i] = pow(10, x[i]);
        finished[i] = 1;
    }
    const struct psi_sweep sweep = {1, 1, count, density, density, density, psi, finished, NULL};
    struct psi_logistic fit;
    struct psi_error err;
    assert_int_equal(psi_sharpness_seed(&sweep, 0, 0, &fit, &err), PSI_OK);
    return fit;
}

static double logistic_error(FILE *file, const char *name, size_t count)
{
    double x[ROOM], psi[ROOM], worst = 0, exact;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(fscanf(file, "%lf %lf", &x[i], &psi[i]), 2);
    struct psi_logistic fit = fit_curve(x, psi, count);
    assert_int_equal(fit.fit, PSI_FIT_OK);
    const double ours[5] = {fit.lower, fit.upper, fit.center, fit.fall, fit.residual};
    assert_int_equal(fscanf(file, " expect"), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fscanf(file, "%lf", &exact), 1);
        worst = fmax(worst, fabs(ours[i] - exact));
    }
    print_message("logistic %s: largest difference %.1e\n", name, worst);
    return worst;
}

static void test_scipy(void **state)
{
    (void)state;
    FILE *file = fopen(REFERENCE, "r");
    assert_non_null(file); /* run from the project root */
    char kind[16], name[16];
    size_t count, normals = 0, logistics = 0;
    double worst = 0;
    while (fscanf(file, "%15s %15s %zu", kind, name, &count) == 3) {
        assert_true(count <= ROOM);
        int normal = !strcmp(kind, "normal");
        worst = fmax(worst, (normal ? normal_error : logistic_error)(file, name, count));
        ++*(normal ? &normals : &logistics);
    }
    fclose(file);
    assert_int_equal(normals, 9);
    assert_int_equal(logistics, 7);
    assert_true(worst < 1e-6);
}

static struct psi_interval between(double low, double high)
{
    return (struct psi_interval){pow(10, low), pow(10, high), PSI_BRACKETED};
}

/* Exact values: mean, SD over n, and the t interval. */
static void test_exact(void **state)
{
    (void)state;
    const double x[] = {-2.1, -1.9, -2.0, -2.3, -1.8};
    struct psi_interval interval[5];
    for (size_t i = 0; i < 5; i++)
        interval[i] = between(x[i], x[i]);
    struct psi_lognormal fit = psi_threshold_lognormal(interval, 5);
    double sd = sqrt((0.0064 + 0.0144 + 0.0004 + 0.0784 + 0.0484) / 5);
    double half = 2.7764451051977987 * sd * sqrt(5.0 / 4) / sqrt(5); /* t of 4 */
    assert_true(fabs(fit.mean + 2.02) < 1e-9 && fabs(fit.deviation - sd) < 1e-9);
    assert_true(fabs(fit.low + 2.02 + half) < 1e-9 && fabs(fit.high + 2.02 - half) < 1e-9);
}

/* Where the likelihood has no maximum it says why. */
static void test_degenerate(void **state)
{
    (void)state;
    const struct psi_interval same[] = {between(-2, -1.9), between(-2, -1.9), between(-2, -1.9)};
    const struct psi_interval touch[] = {between(-2, -1.9), between(-1.9, -1.8), between(-2, -1.9)};
    const struct psi_interval apart[] = {between(-2, -1.9), between(-1.8, -1.7)};
    const struct psi_interval open[] = {{0, 0.01, PSI_BELOW_GRID}, {0.1, INFINITY, PSI_ABOVE_GRID}};
    const struct psi_interval half_open[] = {
        {0, 0.01, PSI_BELOW_GRID}, between(-1.8, -1.7), between(-1.6, -1.5)};
    assert_int_equal(psi_threshold_lognormal(same, 3).spread, PSI_SPREAD_ZERO);
    assert_int_equal(psi_threshold_lognormal(touch, 3).spread, PSI_SPREAD_ZERO);
    const struct psi_interval nearly[] = {between(-2, -1.9), between(-1.895, -1.8)};
    assert_int_equal(psi_threshold_lognormal(nearly, 2).spread, PSI_SPREAD_ZERO);
    assert_int_equal(psi_threshold_lognormal(apart, 2).spread, PSI_SPREAD_OK);
    assert_int_equal(psi_threshold_lognormal(open, 2).spread, PSI_SPREAD_OPEN);
    assert_int_equal(psi_threshold_lognormal(half_open, 3).spread, PSI_SPREAD_OK);
    assert_int_equal(psi_threshold_lognormal(same, 1).spread, PSI_SPREAD_FEW);
    assert_int_equal(psi_threshold_lognormal(NULL, 0).spread, PSI_SPREAD_FEW);
    assert_true(isnan(psi_threshold_lognormal(same, 3).mean));
    /* apart, by symmetry: centred between the two, the ends as far to either side */
    struct psi_lognormal fit = psi_threshold_lognormal(apart, 2);
    assert_true(fabs(fit.mean + 1.85) < 1e-9 && fabs(fit.low + fit.high + 3.7) < 1e-6);
}

/* Far tails: a seed 60 SD of the others away still gives a maximum. */
static void test_outlier(void **state)
{
    (void)state;
    struct psi_interval interval[10];
    for (size_t i = 0; i < 10; i++)
        interval[i] = between(-2 + 0.01 * (double)(i % 3), -1.99 + 0.01 * (double)(i % 3));
    interval[9] = between(-1, -0.99);
    struct psi_lognormal fit = psi_threshold_lognormal(interval, 10);
    assert_int_equal(fit.spread, PSI_SPREAD_OK);
    assert_true(fabs(fit.mean + 1.8866) < 0.002 && fabs(fit.deviation - 0.297) < 0.003);
    assert_true(fit.low < fit.mean && fit.mean < fit.high && isfinite(fit.high));
}

static void test_bootstrap(void **state)
{
    (void)state;
    struct psi_interval interval[200];
    struct psi_bootstrap got, again;
    struct psi_error err;
    struct psi_random random;
    for (size_t i = 0; i < 200; i++)
        interval[i] = between(-2 + 0.01 * (double)i, -2 + 0.01 * (double)i);
    psi_random_open(&random, 3, "test/bootstrap");
    assert_int_equal(psi_threshold_bootstrap(interval, 200, &random, &got, &err), PSI_OK);
    /* the mean of 200 of a uniform distribution: normal, SD 2/sqrt(12 * 200) */
    double half = 1.959964 * 2 / sqrt(12 * 200.0);
    assert_true(fabs(got.mean + 1.005) < 1e-9);
    assert_true(fabs(got.low - got.mean + half) < 0.07 * half);
    assert_true(fabs(got.high - got.mean - half) < 0.07 * half);
    psi_random_open(&random, 3, "test/bootstrap");
    assert_int_equal(psi_threshold_bootstrap(interval, 200, &random, &again, &err), PSI_OK);
    assert_true(again.low == got.low && again.high == got.high);
    interval[5].high = INFINITY;
    assert_int_equal(psi_threshold_bootstrap(interval, 200, &random, &got, &err), PSI_OK);
    assert_true(got.spread == PSI_SPREAD_OPEN && isnan(got.low));
    assert_int_equal(psi_threshold_bootstrap(interval, 1, &random, &got, &err), PSI_OK);
    assert_true(got.spread == PSI_SPREAD_FEW);
    interval[1] = interval[0];
    assert_int_equal(psi_threshold_bootstrap(interval, 2, &random, &got, &err), PSI_OK);
    assert_true(got.spread == PSI_SPREAD_ZERO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scipy),      cmocka_unit_test(test_exact),
        cmocka_unit_test(test_degenerate), cmocka_unit_test(test_outlier),
        cmocka_unit_test(test_bootstrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
