/* Do the 95 % intervals and the verdicts on C1 hold what they say? Over simulated sweeps of a fixed
 * stream; `make bench-calibration` asks the same at more settings (results/calibration.md). */
#include "simulate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

enum { SWEEPS = 400, PAIRS = 150 };

/* Coverage of SWEEPS sweeps has an SD of 1.1 %: bounds lie two of them outside what is asked. */
static void test_coverage(void **state)
{
    (void)state;
    static const struct {
        struct simulated truth;
        double least, widest; /* coverage; interval, decades: not held by saying nothing */
    } rows[] = {
        {{0.02, 0.2, 0, 0}, 0.93 - 0.022, 0.12},    {{0.02, 0.5, 0.05, 0}, 0.93 - 0.022, 0.12},
        {{0.05, 0.2, 0.05, 0}, 0.93 - 0.022, 0.12}, {{0.1, 0.5, 0.05, 0}, 0.93 - 0.022, 0.18},
        {{0.2, 1, 0.05, 0}, 0.93 - 0.022, 0.32},    {{0.02, 0.2, 0.05, 1}, 0.93 - 0.022, 0.05},
        {{0.05, 0.5, 0.05, 1}, 0.93 - 0.022, 0.1},  {{0.1, 0.02, 0, 1}, 0.93 - 0.022, 0.18},
        {{0.02, 1, 0.05, 1}, 0.88 - 0.033, 0.08}, /* the last collapsed cell is too high here */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct coverage c = measure_coverage(&rows[i].truth, SWEEPS);
        print_message("seed SD %.2f, width %.2f, noise %.2f, %s: pooled %.1f %% (bias %+.4f, width "
                      "%.3f), censored fit %.1f %% of %.0f %%, bootstrap %.1f %%\n",
                      rows[i].truth.deviation, rows[i].truth.width, rows[i].truth.noise,
                      simulated_axis[rows[i].truth.refined], 100 * c.pooled, c.bias, c.width,
                      100 * c.lognormal, 100 * (1 - c.degenerate), 100 * c.bootstrap);
        assert_true(c.pooled >= rows[i].least);
        assert_true(rows[i].truth.deviation < 0.05 || c.pooled <= 0.98 + 0.015);
        assert_true(c.width <= rows[i].widest);
        assert_true(isnan(c.lognormal) || c.lognormal >= rows[i].least);
        assert_true(c.bootstrap < c.pooled); /* why it only stands beside it */
    }
}

/* An adaptive sweep is as good as the refined grid that it leaves most of, for a small part of it.
 */
static void test_adaptive(void **state)
{
    (void)state;
    static const struct simulated truths[] = {
        {0.02, 0.2, 0, 0}, {0.05, 0.5, 0.05, 0}, {0.1, 1, 0, 0}, {0.2, 0.2, 0.05, 0}};
    for (size_t i = 0; i < sizeof truths / sizeof *truths; i++) {
        struct simulated truth = truths[i];
        struct coverage grid = measure_coverage(&truth, SWEEPS);
        truth.refined = SIMULATED_REFINED;
        struct coverage refined = measure_coverage(&truth, SWEEPS);
        truth.refined = SIMULATED_ADAPTIVE;
        struct coverage c = measure_coverage(&truth, SWEEPS);
        print_message(
            "seed SD %.2f, width %.2f, noise %.2f, adaptive: pooled %.1f %% (bias %+.4f, "
            "width %.3f of %.3f refined), %.1f cells a seed, %.1f %% of the grid's cost\n",
            truth.deviation, truth.width, truth.noise, 100 * c.pooled, c.bias, c.width,
            refined.width, c.cells, 100 * c.cost / grid.cost);
        assert_true(c.pooled >= 0.93 - 0.022 && c.pooled <= 0.98 + 0.015);
        assert_true(c.width <= 1.02 * refined.width && c.width <= 1.02 * grid.width);
        assert_true(fabs(c.bias) <= fabs(refined.bias) + 0.002);
        assert_true(c.cost <= 0.08 * grid.cost);
    }
}

static struct scaling_tally tally(double narrow, double wide, double noise, int refined)
{
    const struct simulated n = {0.05, narrow, noise, refined, 0.05};
    const struct simulated w = {0.05, wide, noise, refined, 0.05};
    struct scaling_tally t = measure_scaling(&n, &w, PAIRS);
    print_message("widths %.2f to %.2f, noise %.2f, %s: Delta %.3f (SD %.3f), %.1f %% supported, "
                  "%.1f %% refuted\n",
                  narrow, wide, noise, simulated_axis[refined], t.delta, t.deviation,
                  100 * t.verdict[PSI_VERDICT_SUPPORTED], 100 * t.verdict[PSI_VERDICT_REFUTED]);
    assert_true(fabs(t.delta - log10(narrow / wide)) < 0.02);
    return t;
}

static void test_scaling(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        double noise = i % 2 ? 0.05 : 0;
        struct scaling_tally none = tally(0.4, 0.4, noise, i / 2);
        struct scaling_tally sharper = tally(0.8, 0.2, noise, i / 2);
        assert_true(none.verdict[PSI_VERDICT_SUPPORTED] <= 0.05);
        assert_true(none.verdict[PSI_VERDICT_REFUTED] >= 0.5); /* C1 can lose */
        assert_true(sharper.verdict[PSI_VERDICT_SUPPORTED] >= 0.9);
    }
    /* at Delta = delta either verdict is false: 2.5 % each */
    struct scaling_tally edge = tally(0.4, 0.4 * pow(10, -0.1), 0.05, 1);
    assert_true(edge.verdict[PSI_VERDICT_SUPPORTED] <= 0.06);
    assert_true(edge.verdict[PSI_VERDICT_REFUTED] <= 0.06);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_coverage),
                                       cmocka_unit_test(test_adaptive),
                                       cmocka_unit_test(test_scaling)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
