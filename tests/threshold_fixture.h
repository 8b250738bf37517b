/* Sweeps for the tests of thresholds. */
#ifndef TESTS_THRESHOLD_FIXTURE_H
#define TESTS_THRESHOLD_FIXTURE_H

#include "psisweep/threshold.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* A sweep of one arm that owns its cells. Densities are 10^-d unless a test says otherwise, all
 * cells finished, achieved = nominal, effective = half of it. */
enum { SEEDS = 32, DENSITIES = 32, CELLS = SEEDS * DENSITIES };

struct fixture {
    struct psi_sweep sweep;
    double density[DENSITIES], achieved[CELLS], effective[CELLS], psi[CELLS];
    uint8_t finished[CELLS];
};

static inline void open_fixture(struct fixture *f, size_t seeds, size_t densities)
{
    assert_true(seeds <= SEEDS && densities <= DENSITIES);
    f->sweep = (struct psi_sweep){1,           seeds,        densities, f->density,
                                  f->achieved, f->effective, f->psi,    f->finished};
    for (size_t d = 0; d < densities; d++) {
        f->density[d] = pow(10, -(double)d);
        for (size_t s = 0; s < seeds; s++) {
            size_t cell = s * densities + d;
            f->achieved[cell] = f->density[d];
            f->effective[cell] = f->density[d] / 2;
            f->psi[cell] = 1;
            f->finished[cell] = 1;
        }
    }
}

/* Psi of one seed, one letter a density: '#' recovered, '.' collapsed, 'n' undefined, ' ' not run
 */
static inline void set_seed(struct fixture *f, size_t seed, const char *cells)
{
    assert_int_equal(strlen(cells), f->sweep.densities);
    for (size_t d = 0; cells[d]; d++) {
        size_t cell = seed * f->sweep.densities + d;
        f->psi[cell] = cells[d] == '#' ? 0.97 : cells[d] == '.' ? 0.05 : NAN;
        f->finished[cell] = cells[d] != ' ';
    }
}

static inline void assert_near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= relative * fabs(expected)))
        fail_msg("%.17g, expected %.17g", value, expected);
}

static inline struct psi_pooled pool(const struct fixture *f, int effective)
{
    struct psi_error err;
    struct psi_pooled pooled;
    assert_int_equal(psi_threshold_pool(&f->sweep, 0, 0.5, effective, &pooled, &err), PSI_OK);
    return pooled;
}

static inline void assert_words(const struct psi_pooled *pooled, const char *expected)
{
    char text[PSI_THRESHOLD_TEXT];
    psi_threshold_words(pooled, text, sizeof text);
    assert_string_equal(text, expected);
}

#endif
