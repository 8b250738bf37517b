#include "psisweep/random.h"
#include "psisweep/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define REFERENCE "tests/ref/verdict_scipy.txt"
enum { ROOM = 64 };

static double relative(double ours, double exact)
{
    return fabs(ours - exact) / fmax(1e-12, fabs(exact));
}

static void test_scipy(void **state)
{
    (void)state;
    FILE *file = fopen(REFERENCE, "r");
    assert_non_null(file); /* run from the project root */
    size_t n, cases = 0;
    double delta, value[ROOM], expect[8], worst = 0;
    assert_int_equal(fscanf(file, "%*[^\n]"), 0);
    while (fscanf(file, " case %zu %lf", &n, &delta) == 2) {
        assert_true(n <= ROOM);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(fscanf(file, "%lf", &value[i]), 1);
        assert_int_equal(fscanf(file, " expect"), 0);
        for (size_t i = 0; i < 8; i++)
            assert_int_equal(fscanf(file, "%lf", &expect[i]), 1);
        struct psi_contrast t = psi_contrast_student(value, n, delta);
        struct psi_contrast flip = psi_contrast_flip(value, n, delta, 1);
        const double ours[8] = {t.mean, t.deviation, t.low,     t.high,
                                t.p_up, t.p_down,    flip.p_up, flip.p_down};
        for (size_t i = 0; i < 8; i++)
            worst = fmax(worst, relative(ours[i], expect[i]));
        assert_true(flip.mean == t.mean && flip.low == t.low && flip.high == t.high);
        cases++;
    }
    fclose(file);
    print_message("largest relative difference %.1e over %zu cases\n", worst, cases);
    assert_int_equal(cases, 7);
    assert_true(worst < 1e-9);
}

/* Beyond PSI_FLIP_EXACT random signs stand for all: near what all of them give for symmetric data,
 * and near the normal tail. */
static void test_random_flips(void **state)
{
    (void)state;
    double value[40];
    for (size_t i = 0; i < 40; i++)
        value[i] = i % 2 ? 1 : -1;
    struct psi_contrast none = psi_contrast_flip(value, 40, 0, 7);
    assert_true(fabs(none.p_up - 0.5627) < 0.006); /* P(Binomial(40, 1/2) >= 20) */
    for (size_t i = 0; i < 12; i++)
        value[2 * i] = 1; /* sum 24: P(Binomial(40, 1/2) >= 32) = 9.1e-5 */
    struct psi_contrast some = psi_contrast_flip(value, 40, 0, 7);
    assert_true(some.p_up >= 1e-5 && some.p_up < 3e-4 && some.p_down > 0.9998);
    struct psi_contrast again = psi_contrast_flip(value, 40, 0, 7);
    assert_true(again.p_up == some.p_up); /* the stream is fixed */
}

static struct psi_contrast claim(size_t seeds, double p_up, double p_down)
{
    return (struct psi_contrast){.seeds = seeds, .p_up = p_up, .p_down = p_down};
}

/* Holm by hand: .006 * 4 passes at .025, .009 * 3 fails, so .01 * 2 does not pass either. */
static void test_holm(void **state)
{
    (void)state;
    struct psi_contrast c[] = {claim(10, 0.9, 0.006), claim(10, 0.009, 0.9), claim(10, 0.01, 0.9),
                               claim(10, 0.3, 0.7), claim(9, 1e-9, 1)};
    struct psi_contrast *all[] = {&c[0], &c[1], &c[2], &c[3], &c[4]};
    psi_verdict_judge(all, 5);
    const double adjusted[] = {0.024, 0.027, 0.027, 0.3};
    for (size_t i = 0; i < 4; i++)
        assert_true(fabs(c[i].p_holm - adjusted[i]) < 1e-12);
    assert_int_equal(c[0].verdict, PSI_VERDICT_REFUTED);
    for (size_t i = 1; i < 5; i++)
        assert_int_equal(c[i].verdict, PSI_VERDICT_UNDECIDED);
    assert_true(isnan(c[4].p_holm)); /* nine seeds are not tested, and cost the others nothing */
    psi_verdict_judge(all + 1, 2);
    assert_int_equal(c[1].verdict, PSI_VERDICT_SUPPORTED);
    assert_int_equal(c[2].verdict, PSI_VERDICT_SUPPORTED);
    assert_true(c[1].p_holm == 0.018 && c[2].p_holm == 0.018);
}

static void test_few(void **state)
{
    (void)state;
    const double one[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct psi_contrast c = psi_contrast_student(one, 0, 0.1), *p = &c;
    assert_true(isnan(c.mean) && c.p_up == 1 && c.p_down == 1);
    c = psi_contrast_student(one, 1, 0.1);
    assert_true(c.mean == 1 && isnan(c.low) && c.p_up == 1);
    psi_verdict_judge(&p, 1);
    assert_int_equal(c.verdict, PSI_VERDICT_UNDECIDED);
    /* without spread the signs alone speak, and a mean of exactly delta says nothing */
    c = psi_contrast_student(one, 10, 0.8);
    assert_true(c.p_up == 1.0 / 1024 && c.p_down == 1 && c.low == 1 && c.high == 1);
    psi_verdict_judge(&p, 1);
    assert_int_equal(c.verdict, PSI_VERDICT_SUPPORTED);
    c = psi_contrast_student(one, 10, 1);
    psi_verdict_judge(&p, 1);
    assert_int_equal(c.verdict, PSI_VERDICT_UNDECIDED);
}

/* Under a mean of exactly delta either verdict comes in at most 2.5 % of samples. */
static void test_level(void **state)
{
    (void)state;
    enum { SAMPLES = 4000 };
    struct psi_random random;
    psi_random_open(&random, 7, "test/verdict");
    int count[2][PSI_VERDICTS] = {{0}};
    for (int sample = 0; sample < SAMPLES; sample++) {
        double value[10];
        for (size_t i = 0; i < 10; i++)
            value[i] = 0.1 + 0.3 * psi_random_normal(&random);
        struct psi_contrast t = psi_contrast_student(value, 10, 0.1);
        struct psi_contrast flip = psi_contrast_flip(value, 10, 0.1, 1);
        struct psi_contrast *one = &t, *other = &flip;
        psi_verdict_judge(&one, 1);
        psi_verdict_judge(&other, 1);
        count[0][t.verdict]++;
        count[1][flip.verdict]++;
    }
    for (int test = 0; test < 2; test++) {
        print_message("of %d samples: %d supported, %d refuted\n", SAMPLES,
                      count[test][PSI_VERDICT_SUPPORTED], count[test][PSI_VERDICT_REFUTED]);
        for (int v = PSI_VERDICT_SUPPORTED; v <= PSI_VERDICT_REFUTED; v++) /* 100 -+ 3 sd */
            assert_in_range(count[test][v], 70, 130);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scipy), cmocka_unit_test(test_random_flips),
        cmocka_unit_test(test_holm),  cmocka_unit_test(test_few),
        cmocka_unit_test(test_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
