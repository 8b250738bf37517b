#include "psisweep/random.h"
#include "psisweep/threshold.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define REFERENCE "tests/ref/turnbull_scipy.txt"
enum { ROOM = 4096 };

struct npmle {
    double low[ROOM], high[ROOM], mass[ROOM];
    size_t supports;
};

static void fit(const struct psi_interval *interval, size_t count, struct npmle *npmle)
{
    struct psi_error err;
    assert_true(count <= ROOM);
    assert_int_equal(
        psi_turnbull(interval, count, npmle->low, npmle->high, npmle->mass, &npmle->supports, &err),
        PSI_OK);
}

/* Each case of the reference: the same supports, the same masses. */
static void test_reference(void **state)
{
    (void)state;
    static struct npmle npmle;
    static struct psi_interval interval[ROOM];
    FILE *file = fopen(REFERENCE, "r");
    assert_non_null(file); /* run from the project root */
    char name[32];
    size_t cases = 0, count, masses;
    double worst = 0;
    while (fscanf(file, " case %31s %zu %zu", name, &count, &masses) == 3) {
        assert_true(count <= ROOM);
        for (size_t i = 0; i < count; i++) {
            interval[i] = (struct psi_interval){0};
            assert_int_equal(fscanf(file, " interval %lf %lf", &interval[i].low, &interval[i].high),
                             2);
        }
        fit(interval, count, &npmle);
        assert_int_equal(npmle.supports, masses);
        for (size_t j = 0; j < masses; j++) {
            double low, high, mass;
            assert_int_equal(fscanf(file, " mass %lf %lf %lf", &low, &high, &mass), 3);
            assert_true(low == npmle.low[j] && high == npmle.high[j]);
            worst = fmax(worst, fabs(mass - npmle.mass[j]));
        }
        cases++;
    }
    fclose(file);
    print_message("largest difference in mass %.1e over %zu cases\n", worst, cases);
    assert_true(worst < 1e-8);
    assert_int_equal(cases, 14);
}

/* Without censoring: the empirical distribution, here of 1, 2, 2, 5 and of disjoint intervals. */
static void test_ecdf(void **state)
{
    (void)state;
    static struct npmle npmle;
    const struct psi_interval exact[] = {
        {2, 2, PSI_BRACKETED}, {5, 5, PSI_BRACKETED}, {1, 1, PSI_BRACKETED}, {2, 2, PSI_BRACKETED}};
    fit(exact, 4, &npmle);
    assert_int_equal(npmle.supports, 3);
    const double at[] = {1, 2, 5}, mass[] = {0.25, 0.5, 0.25};
    for (size_t j = 0; j < 3; j++) {
        assert_true(npmle.low[j] == at[j] && npmle.high[j] == at[j]);
        assert_true(fabs(npmle.mass[j] - mass[j]) < 1e-12);
    }
    const struct psi_interval apart[] = {
        {2, 3, PSI_BRACKETED}, {1, 2, PSI_BRACKETED}, {3, INFINITY, PSI_ABOVE_GRID}};
    fit(apart, 3, &npmle);
    assert_int_equal(npmle.supports, 3);
    for (size_t j = 0; j < 3; j++)
        assert_true(fabs(npmle.mass[j] - 1.0 / 3) < 1e-12);
}

/* (0, 2] and the exact 2: the point is within the half-open interval, so it takes all mass. (2, 3]
 * does not hold it. */
static void test_half_open(void **state)
{
    (void)state;
    static struct npmle npmle;
    const struct psi_interval interval[] = {
        {0, 2, PSI_BELOW_GRID}, {2, 2, PSI_BRACKETED}, {2, 3, PSI_BRACKETED}};
    fit(interval, 2, &npmle);
    assert_int_equal(npmle.supports, 1);
    assert_true(npmle.low[0] == 2 && npmle.high[0] == 2);
    fit(interval, 3, &npmle);
    assert_int_equal(npmle.supports, 2);
    assert_true(fabs(npmle.mass[0] - 2.0 / 3) < 1e-9);
}

/* Right censoring alone: Kaplan-Meier. Deaths at 1, 3, 4; censored at 2, 5: S = 4/5, 4/5 * 2/3,
 * 4/5 * 1/3. */
static void test_kaplan_meier(void **state)
{
    (void)state;
    static struct npmle npmle;
    const struct psi_interval interval[] = {{1, 1, PSI_BRACKETED},
                                            {2, INFINITY, PSI_ABOVE_GRID},
                                            {3, 3, PSI_BRACKETED},
                                            {4, 4, PSI_BRACKETED},
                                            {5, INFINITY, PSI_ABOVE_GRID}};
    fit(interval, 5, &npmle);
    assert_int_equal(npmle.supports, 4);
    const double mass[] = {1.0 / 5, 4.0 / 15, 4.0 / 15, 4.0 / 15};
    for (size_t j = 0; j < 4; j++)
        assert_true(fabs(npmle.mass[j] - mass[j]) < 1e-9);
    fit(interval, 0, &npmle);
    assert_int_equal(npmle.supports, 0);
}

/* Always a certified maximum: small integers make ties and degenerate cases frequent. The gradient
 * condition is checked here by brute force over supports. */
static void test_always_certified(void **state)
{
    (void)state;
    static struct npmle npmle;
    static struct psi_interval interval[ROOM];
    struct psi_random random;
    psi_random_open(&random, 1, "test/turnbull");
    for (int sweep = 0; sweep < 2000; sweep++) {
        size_t count = sweep < 1980 ? 2 + psi_random_below(&random, 14) : 200;
        uint32_t grid = sweep < 1980 ? 10 : 100;
        for (size_t i = 0; i < count; i++) {
            double low = psi_random_below(&random, grid), kind = psi_random_uniform(&random);
            double high = low + psi_random_below(&random, 4);
            interval[i] = kind < 0.2   ? (struct psi_interval){0, high + 1, PSI_BELOW_GRID}
                          : kind < 0.4 ? (struct psi_interval){low, INFINITY, PSI_ABOVE_GRID}
                                       : (struct psi_interval){low, high, PSI_BRACKETED};
        }
        fit(interval, count, &npmle);
        double total = 0, gradient[ROOM] = {0};
        for (size_t i = 0; i < count; i++) {
            double within = 0;
            int inside[ROOM];
            for (size_t j = 0; j < npmle.supports; j++) {
                /* a point at low is not within (low, high] */
                int left = interval[i].low < npmle.low[j] ||
                           (interval[i].low == npmle.low[j] &&
                            (interval[i].low == interval[i].high || npmle.low[j] < npmle.high[j]));
                inside[j] = left && npmle.high[j] <= interval[i].high;
                within += inside[j] ? npmle.mass[j] : 0;
            }
            for (size_t j = 0; j < npmle.supports; j++)
                gradient[j] += inside[j] ? 1 / within / (double)count : 0;
        }
        for (size_t j = 0; j < npmle.supports; j++) {
            total += npmle.mass[j];
            assert_true(gradient[j] < 1 + 1e-9);
            assert_true(npmle.mass[j] == 0 || gradient[j] > 1 - 1e-9);
        }
        assert_true(fabs(total - 1) < 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),        cmocka_unit_test(test_ecdf),
        cmocka_unit_test(test_half_open),        cmocka_unit_test(test_kaplan_meier),
        cmocka_unit_test(test_always_certified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
