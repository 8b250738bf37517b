#include "psisweep/sharpness.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { SEEDS = 12, DENSITIES = 25, CELLS = SEEDS * DENSITIES };

/* One arm at 8 densities a decade, three decades; all cells finished. */
struct fixture {
    struct psi_sweep sweep;
    double density[DENSITIES], achieved[CELLS], psi[CELLS];
    uint8_t finished[CELLS];
    struct psi_logistic fit[SEEDS];
};

static void open_fixture(struct fixture *f, size_t seeds)
{
    f->sweep = (struct psi_sweep){1,           seeds,  DENSITIES,   f->density, f->achieved,
                                  f->achieved, f->psi, f->finished, NULL};
    for (size_t cell = 0; cell < seeds * DENSITIES; cell++) {
        f->density[cell % DENSITIES] = f->achieved[cell] =
            pow(10, -0.125 * (double)(cell % DENSITIES));
        f->finished[cell] = 1;
    }
}

/* A clean logistic, centred at log10 d = -1.4375, the middle of a step. */
static void set_fall(struct fixture *f, size_t seed, double width)
{
    for (size_t d = 0; d < DENSITIES; d++) {
        double x = -0.125 * (double)d;
        f->psi[seed * DENSITIES + d] = 1 / (1 + pow(9, -2 * (x + 1.4375) / width));
    }
}

static struct psi_logistic fit(const struct fixture *f, size_t seed)
{
    struct psi_logistic got;
    struct psi_error err;
    assert_int_equal(psi_sharpness_seed(&f->sweep, 0, seed, &got, &err), PSI_OK);
    return got;
}

static struct psi_sharpness summary(struct fixture *f)
{
    struct psi_sharpness got;
    struct psi_error err;
    assert_int_equal(psi_sharpness_arm(&f->sweep, 0, f->fit, &got, &err), PSI_OK);
    return got;
}

static void test_states(void **state)
{
    (void)state;
    static struct fixture f;
    open_fixture(&f, 1);
    set_fall(&f, 0, 0.7);
    struct psi_logistic got = fit(&f, 0);
    assert_int_equal(got.fit, PSI_FIT_OK);
    assert_true(fabs(got.width - 0.7) < 1e-6 && fabs(got.center + 1.4375) < 1e-6);
    assert_true(fabs(got.lower) < 1e-6 && fabs(got.upper - 1) < 1e-6 && got.residual < 1e-7);
    assert_true(fabs(got.step - 0.125) < 1e-12 && got.cells == DENSITIES);
    set_fall(&f, 0, 0.02); /* between two cells: the step is all that is known */
    got = fit(&f, 0);
    assert_int_equal(got.fit, PSI_FIT_FLOORED);
    assert_true(got.fall < 0.125 && fabs(got.width - 0.125) < 1e-12);
    set_fall(&f, 0, 6); /* .9 lies beyond density 1 */
    got = fit(&f, 0);
    assert_int_equal(got.fit, PSI_FIT_CUT);
    assert_true(isnan(got.width) && isfinite(got.fall));
    for (size_t d = 0; d < DENSITIES; d++)
        f.psi[d] = 0.6;
    assert_int_equal(fit(&f, 0).fit, PSI_FIT_ONE_SIDED);
    for (size_t d = 0; d < DENSITIES; d++)
        f.psi[d] = 0.2;
    assert_int_equal(fit(&f, 0).fit, PSI_FIT_ONE_SIDED);
    set_fall(&f, 0, 0.7);
    for (size_t d = 0; d < DENSITIES; d++) /* five cells left, one more that is not defined */
        f.finished[d] = d >= 9 && d < 14;
    f.finished[20] = 1;
    f.psi[20] = NAN;
    got = fit(&f, 0);
    assert_int_equal(got.fit, PSI_FIT_FEW);
    assert_true(got.cells == 5 && isnan(got.width) && isnan(got.center));
    /* an adaptive grid's few cells would all lie on the steepest part of the fall */
    const uint8_t adaptive = 1;
    char words[PSI_SHARPNESS_TEXT];
    open_fixture(&f, 1);
    set_fall(&f, 0, 0.7);
    f.sweep.adaptive = &adaptive;
    got = fit(&f, 0);
    assert_int_equal(got.fit, PSI_FIT_ADAPTIVE);
    assert_true(isnan(got.width));
    struct psi_sharpness arm = summary(&f);
    psi_sharpness_words(&arm, words, sizeof words);
    assert_non_null(strstr(words, "no seed has a width of the fall (an adaptive grid has"));
}

/* A curve that is not monotone is fitted, not refused: its residual says so. */
static void test_not_monotone(void **state)
{
    (void)state;
    static struct fixture f;
    open_fixture(&f, 1);
    set_fall(&f, 0, 0.5);
    f.psi[4] = 0.3;
    f.psi[20] = 0.6;
    struct psi_logistic got = fit(&f, 0);
    assert_int_equal(got.fit, PSI_FIT_OK);
    assert_true(fabs(got.center + 1.4375) < 0.1 && got.residual > 0.1);
}

static void test_arm(void **state)
{
    (void)state;
    static struct fixture f;
    const double width[] = {0.4, 0.9, 0.5, 0.02, 6};
    open_fixture(&f, 5);
    for (size_t s = 0; s < 5; s++)
        set_fall(&f, s, width[s]);
    struct psi_sharpness got = summary(&f);
    assert_int_equal(got.seeds, 4);
    assert_int_equal(got.count[PSI_FIT_OK], 3);
    assert_int_equal(got.count[PSI_FIT_FLOORED], 1);
    assert_int_equal(got.count[PSI_FIT_CUT], 1);
    assert_true(fabs(got.median - 0.45) < 1e-6 && fabs(got.mean - (1.8 + 0.125) / 4) < 1e-6);
    assert_true(fabs(got.low - 0.125) < 1e-12 && fabs(got.high - 0.9) < 1e-6);
    char words[PSI_SHARPNESS_TEXT];
    psi_sharpness_words(&got, words, sizeof words);
    assert_non_null(strstr(words, "within 0.45 decades (median of 4 seeds, 0.12 to 0.9), 1 of "
                                  "them raised to the grid step, 1 without a fit; "));
}

/* Cells between .2 and .8 where the mean over seeds is in the band: none in a two-peaked fall. */
static void test_band(void **state)
{
    (void)state;
    static struct fixture f;
    open_fixture(&f, 4);
    for (size_t cell = 0; cell < 4 * DENSITIES; cell++)
        f.psi[cell] = cell % DENSITIES < 8 + cell / DENSITIES ? 0.99 : 0.01;
    struct psi_sharpness got = summary(&f);
    assert_int_equal(got.band_cells, 3 * 4);
    assert_int_equal(got.intermediate, 0);
    f.psi[9] = 0.2;
    f.psi[DENSITIES + 9] = 0.8;
    f.psi[DENSITIES + 10] = 0.85;
    f.psi[2 * DENSITIES + 9] = NAN; /* neither in the mean nor counted */
    f.finished[3 * DENSITIES + 9] = 0;
    got = summary(&f);
    assert_int_equal(got.band_cells, 2 * 4 + 2);
    assert_int_equal(got.intermediate, 2);
}

static void make_fits(struct psi_logistic *out, uint32_t *seed, size_t seeds, double width,
                      double spread)
{
    for (size_t i = 0; i < seeds; i++) {
        out[i] = (struct psi_logistic){.fit = PSI_FIT_OK,
                                       .width = width * pow(10, spread * ((double)(i % 3) - 1))};
        seed[i] = (uint32_t)(2 * i);
    }
}

static struct psi_scaling compare(const struct psi_logistic *narrow, const uint32_t *narrow_seed,
                                  const struct psi_logistic *wide, const uint32_t *wide_seed)
{
    struct psi_scaling got;
    struct psi_error err;
    assert_int_equal(
        psi_sharpness_scaling(narrow, narrow_seed, SEEDS, wide, wide_seed, SEEDS, &got, &err),
        PSI_OK);
    assert_int_equal(psi_sharpness_judge(&got, 1, &err), PSI_OK);
    return got;
}

static void test_scaling(void **state)
{
    (void)state;
    struct psi_logistic narrow[SEEDS], wide[SEEDS];
    uint32_t narrow_seed[SEEDS], wide_seed[SEEDS];
    char words[PSI_SHARPNESS_TEXT];
    make_fits(narrow, narrow_seed, SEEDS, 0.8, 0.05);
    make_fits(wide, wide_seed, SEEDS, 0.4, 0);
    struct psi_scaling got = compare(narrow, narrow_seed, wide, wide_seed);
    assert_int_equal(got.contrast.seeds, SEEDS);
    assert_true(fabs(got.contrast.mean - log10(2)) < 1e-12);
    assert_true(fabs(got.contrast.deviation - 0.05 * sqrt(8.0 / 11)) < 1e-12);
    assert_int_equal(got.contrast.verdict, PSI_VERDICT_SUPPORTED);
    /* pairs by value: one seed only here, one only there, one without a width */
    narrow_seed[11] = 99;
    wide[0].fit = PSI_FIT_CUT;
    got = compare(narrow, narrow_seed, wide, wide_seed);
    assert_int_equal(got.contrast.seeds, 10);
    assert_int_equal(got.unpaired, 2);
    wide[1].fit = PSI_FIT_FAILED;
    got = compare(narrow, narrow_seed, wide, wide_seed);
    assert_int_equal(got.contrast.verdict, PSI_VERDICT_UNDECIDED);
    psi_scaling_words(&got, words, sizeof words);
    assert_non_null(strstr(words, "C1 undecided"));
    assert_non_null(strstr(words, "fewer than 10 seeds"));
}

/* A crossover is a verdict; but not where the widest falls within a grid step. */
static void test_crossover(void **state)
{
    (void)state;
    struct psi_logistic narrow[SEEDS], wide[SEEDS];
    uint32_t seed[SEEDS];
    char words[PSI_SHARPNESS_TEXT];
    make_fits(narrow, seed, SEEDS, 0.4, 0.05);
    make_fits(wide, seed, SEEDS, 0.4, 0);
    struct psi_scaling got = compare(narrow, seed, wide, seed);
    assert_int_equal(got.contrast.verdict, PSI_VERDICT_REFUTED);
    psi_scaling_words(&got, words, sizeof words);
    assert_non_null(strstr(words, "C1 refuted: the fall does not sharpen, it is a crossover"));
    wide[3].fit = PSI_FIT_FLOORED;
    got = compare(narrow, seed, wide, seed);
    assert_int_equal(got.unresolved, 1);
    assert_int_equal(got.contrast.verdict, PSI_VERDICT_UNDECIDED);
    psi_scaling_words(&got, words, sizeof words);
    assert_non_null(strstr(words, "within one grid step"));
    make_fits(narrow, seed, SEEDS, 0.8, 0.05); /* a lower bound is enough to support */
    got = compare(narrow, seed, wide, seed);
    assert_int_equal(got.contrast.verdict, PSI_VERDICT_SUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),  cmocka_unit_test(test_not_monotone),
        cmocka_unit_test(test_arm),     cmocka_unit_test(test_band),
        cmocka_unit_test(test_scaling), cmocka_unit_test(test_crossover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
