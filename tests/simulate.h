/* Simulated sweeps with a known threshold, for tests and benches of the estimators.
 *
 * Psi of a seed is a logistic in log10 density, of a given 10-90 % width, centred at a draw from
 * N(mean, deviation^2), plus normal noise in every cell. The grid has 8 densities a decade and a
 * uniform phase; a refined one then has 24 a decade within 1/4 decade of the pooled centre. */
#ifndef PSISWEEP_TESTS_SIMULATE_H
#define PSISWEEP_TESTS_SIMULATE_H

#include "psisweep/random.h"
#include "psisweep/threshold.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    SIMULATED_SEEDS = 10,
    SIMULATED_FACTOR = 3, /* steps that refinement makes of one */
    SIMULATED_STEPS = 32, /* of the grid, four decades */
    SIMULATED_DENSITIES = SIMULATED_FACTOR * SIMULATED_STEPS,
    SIMULATED_CELLS = SIMULATED_SEEDS * SIMULATED_DENSITIES
};

struct simulated {
    double mean, deviation; /* of log10 density over seeds */
    double width, noise;
};

struct simulation {
    struct psi_sweep sweep;
    double density[SIMULATED_DENSITIES];
    double achieved[SIMULATED_CELLS], psi[SIMULATED_CELLS];
    uint8_t finished[SIMULATED_CELLS];
};

/* Draw a sweep whose added densities are not finished yet. The same stream gives the same sweep. */
static inline void simulate(struct simulation *s, const struct simulated *truth,
                            struct psi_random *random)
{
    double phase = psi_random_uniform(random);
    memset(s, 0, sizeof *s);
    s->sweep = (struct psi_sweep){.arms = 1,
                                  .seeds = SIMULATED_SEEDS,
                                  .densities = SIMULATED_DENSITIES,
                                  .density = s->density,
                                  .achieved = s->achieved,
                                  .effective = s->achieved,
                                  .psi = s->psi,
                                  .finished = s->finished};
    for (size_t seed = 0; seed < SIMULATED_SEEDS; seed++) {
        double center = truth->mean + truth->deviation * psi_random_normal(random);
        for (size_t d = 0; d < SIMULATED_DENSITIES; d++) {
            size_t cell = seed * SIMULATED_DENSITIES + d;
            double x = -(phase + (double)d / SIMULATED_FACTOR) / 8;
            double slope = 2 * log(9) / truth->width; /* from .1 to .9 within the width */
            s->density[d] = s->achieved[cell] = pow(10, x);
            s->psi[cell] = 1 / (1 + exp(-(x - center) * slope)) +
                           truth->noise * psi_random_normal(random);
            s->finished[cell] = d % SIMULATED_FACTOR == 0;
        }
    }
}

/* Finish the added densities near the center that the pooled threshold has so far. */
static inline void simulate_refinement(struct simulation *s, double center)
{
    for (size_t cell = 0; cell < SIMULATED_CELLS; cell++)
        if (fabs(log10(s->achieved[cell] / center)) <= 0.25)
            s->finished[cell] = 1;
}

#endif
