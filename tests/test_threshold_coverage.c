/* Does the pooled 95 % interval hold the population's mean of log10 F_min as often as it says? */
#include "psisweep/random.h"
#include "psisweep/threshold.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

enum { SWEEPS = 400, SEEDS = 10, DENSITIES = 29, PER_DECADE = 8 };

/* Ten seeds with thresholds N(mean, deviation^2) in log10 density, on a grid of random phase; Psi
 * falls as a logistic of width .2 decades, without noise. */
static void draw_sweep(struct psi_random *random, double mean, double deviation, double *density,
                       double *achieved, double *psi)
{
    double phase = psi_random_uniform(random);
    for (size_t s = 0; s < SEEDS; s++) {
        double own = mean + deviation * psi_random_normal(random);
        for (size_t d = 0; d < DENSITIES; d++) {
            double log_density = -((double)d + phase) / PER_DECADE;
            density[d] = achieved[s * DENSITIES + d] = pow(10, log_density);
            psi[s * DENSITIES + d] = 1 / (1 + exp(-(log_density - own) / 0.2));
        }
    }
}

static void check_coverage(double deviation)
{
    const double mean = -2;
    double density[DENSITIES], achieved[SEEDS * DENSITIES], psi[SEEDS * DENSITIES];
    uint8_t finished[SEEDS * DENSITIES];
    for (size_t i = 0; i < SEEDS * DENSITIES; i++)
        finished[i] = 1;
    const struct psi_sweep sweep = {1,        SEEDS,    DENSITIES, density,
                                    achieved, achieved, psi,       finished};
    struct psi_random random;
    psi_random_open(&random, 7, "test/coverage/sd=%g", deviation);
    int held = 0, student = 0, same_cell = 0;
    double width = 0;
    for (int i = 0; i < SWEEPS; i++) {
        draw_sweep(&random, mean, deviation, density, achieved, psi);
        struct psi_error err;
        struct psi_pooled got;
        assert_int_equal(psi_threshold_pool(&sweep, 0, 0.5, 0, &got, &err), PSI_OK);
        student += got.method == PSI_POOL_STUDENT;
        same_cell += got.method == PSI_POOL_SAME_CELL;
        width += log10(got.high / got.low) / SWEEPS;
        held += got.low < pow(10, mean) && pow(10, mean) <= got.high;
    }
    double covered = (double)held / SWEEPS;
    print_message("seed SD %.2f decades: coverage %.1f %% of %d sweeps (t %d, same cell %d), mean "
                  "width %.3f decades\n",
                  deviation, 100 * covered, SWEEPS, student, same_cell, width);
    assert_true(covered >= 0.90);
    assert_int_equal(student + same_cell, SWEEPS);
    assert_true(width < 0.25); /* and not by saying nothing: two grid steps */
}

static void test_coverage(void **state)
{
    (void)state;
    check_coverage(0.05);
    check_coverage(0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_coverage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
