/* Simulated sweeps with a known threshold, for tests and benches of the estimators.
 *
 * Psi of a seed is a logistic in log10 density, of a given 10-90 % width, centred at a draw from
 * N(-2, deviation^2), plus normal noise in every cell. The grid has 8 densities a decade and a
 * uniform phase; a refined one then has 24 a decade within 1/4 decade of the pooled centre, an
 * adaptive one (adaptive.h) has of those 24 what it asks for. */
#ifndef PSISWEEP_TESTS_SIMULATE_H
#define PSISWEEP_TESTS_SIMULATE_H

#include "psisweep/adaptive.h"
#include "psisweep/random.h"
#include "psisweep/sharpness.h"
#include "psisweep/threshold.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIMULATED_SEEDS = 10,
    SIMULATED_FACTOR = 3, /* steps that refinement makes of one */
    SIMULATED_STEPS = 32, /* of the grid, four decades */
    SIMULATED_DENSITIES = SIMULATED_FACTOR * SIMULATED_STEPS,
    SIMULATED_CELLS = SIMULATED_SEEDS * SIMULATED_DENSITIES,
    SIMULATED_BUDGET = 12 * SIMULATED_SEEDS /* the job's default */
};
enum { SIMULATED_GRID, SIMULATED_REFINED, SIMULATED_ADAPTIVE };
static const char *const simulated_axis[] = {"8 a decade", "refined", "adaptive"};
static const double SIMULATED_MEAN = -2;

struct simulated {
    double deviation; /* of log10 density over seeds */
    double width, noise;
    int refined;   /* SIMULATED_GRID, ... */
    double spread; /* of log10 width over seeds */
};

struct simulation {
    struct psi_sweep sweep;
    double density[SIMULATED_DENSITIES];
    double achieved[SIMULATED_CELLS], psi[SIMULATED_CELLS];
    uint8_t finished[SIMULATED_CELLS];
};

/* Simulations call nothing that may fail but for lack of memory. */
static inline void simulated_ok(enum psi_status status)
{
    if (status != PSI_OK)
        abort();
}

static inline void simulate_adaptive(struct simulation *s)
{
    static uint8_t state[SIMULATED_CELLS];
    size_t open;
    struct psi_adaptive adaptive = {.seeds = SIMULATED_SEEDS,
                                    .densities = SIMULATED_DENSITIES,
                                    .density = s->density,
                                    .factor = SIMULATED_FACTOR,
                                    .budget = SIMULATED_BUDGET,
                                    .psi = s->psi,
                                    .state = state};
    memset(state, PSI_ADAPTIVE_DONE, sizeof state);
    simulated_ok(psi_adaptive_next(&adaptive, s->finished, &open, NULL));
}

/* Draw a sweep, and refine it where that is asked for. */
static inline void simulate(struct simulation *s, const struct simulated *truth,
                            struct psi_random *random)
{
    double phase = psi_random_uniform(random), center = NAN, width = NAN;
    struct psi_pooled pooled;
    memset(s, 0, sizeof *s);
    s->sweep = (struct psi_sweep){.arms = 1,
                                  .seeds = SIMULATED_SEEDS,
                                  .densities = SIMULATED_DENSITIES,
                                  .density = s->density,
                                  .achieved = s->achieved,
                                  .effective = s->achieved,
                                  .psi = s->psi,
                                  .finished = s->finished};
    for (size_t cell = 0; cell < SIMULATED_CELLS; cell++) {
        size_t d = cell % SIMULATED_DENSITIES;
        if (d == 0) {
            center = SIMULATED_MEAN + truth->deviation * psi_random_normal(random);
            width = truth->width * pow(10, truth->spread * psi_random_normal(random));
        }
        double x = -(phase + (double)d / SIMULATED_FACTOR) / 8;
        s->density[d] = s->achieved[cell] = pow(10, x);
        s->psi[cell] =
            1 / (1 + pow(9, -2 * (x - center) / width)) + truth->noise * psi_random_normal(random);
        s->finished[cell] = d % SIMULATED_FACTOR == 0;
    }
    if (truth->refined == SIMULATED_ADAPTIVE)
        simulate_adaptive(s);
    if (truth->refined != SIMULATED_REFINED)
        return;
    simulated_ok(psi_threshold_pool(&s->sweep, 0, 0.5, 0, &pooled, NULL));
    for (size_t cell = 0; cell < SIMULATED_CELLS; cell++)
        if (fabs(log10(s->achieved[cell] / pooled.center)) <= 0.25)
            s->finished[cell] = 1;
}

/* How often the 95 % intervals of log10 d hold the population's mean. */
struct coverage {
    double pooled, lognormal, bootstrap; /* shares; of the latter two where they are defined */
    double same, degenerate; /* shares pooled as one grid step; without a censored fit */
    double bias, width;      /* of the pooled centre and interval, decades */
    double cells, cost;      /* computed of each seed; their cost, 1 = a dense one's */
};

static inline struct coverage measure_coverage(const struct simulated *truth, size_t sweeps)
{
    static struct simulation s;
    struct coverage got = {0};
    struct psi_interval interval[SIMULATED_SEEDS];
    struct psi_random random;
    size_t fits = 0, boots = 0;
    double share = 1 / (double)sweeps, mean = SIMULATED_MEAN;
    psi_random_open(&random, 7, "calibration/sd=%g/width=%g/noise=%g/refined=%d", truth->deviation,
                    truth->width, truth->noise, truth->refined != SIMULATED_GRID);
    for (size_t i = 0; i < sweeps; i++) {
        struct psi_pooled p;
        struct psi_bootstrap b;
        simulate(&s, truth, &random);
        simulated_ok(psi_threshold_pool(&s.sweep, 0, 0.5, 0, &p, NULL));
        size_t count = psi_threshold_intervals(&s.sweep, 0, 0.5, 0, interval);
        struct psi_lognormal l = psi_threshold_lognormal(interval, count);
        simulated_ok(psi_threshold_bootstrap(interval, count, &random, &b, NULL));
        got.pooled += share * (log10(p.low) < mean && mean <= log10(p.high));
        got.same += share * (p.method == PSI_POOL_SAME_CELL);
        got.bias += share * (log10(p.center) - mean);
        got.width += share * log10(p.high / p.low);
        for (size_t cell = 0; cell < SIMULATED_CELLS; cell++) {
            got.cells += share / SIMULATED_SEEDS * s.finished[cell];
            got.cost += share / SIMULATED_SEEDS * s.finished[cell] *
                        fmin(1, 0.01 + 3 * s.achieved[cell]); /* as src/cli/run_cost.c has it */
        }
        fits += l.spread == PSI_SPREAD_OK;
        got.lognormal += l.low < mean && mean <= l.high;
        boots += b.spread == PSI_SPREAD_OK;
        got.bootstrap += b.low < mean && mean <= b.high;
    }
    got.degenerate = 1 - share * (double)fits;
    got.lognormal /= (double)fits;
    got.bootstrap /= (double)boots;
    return got;
}

/* Verdicts on C1 for a narrow and a wide network, and the widths that were found. */
struct scaling_tally {
    double verdict[PSI_VERDICTS]; /* shares */
    double delta, deviation;      /* means over simulations */
    double lost;                  /* pairs without a width, share of all */
};

static inline struct scaling_tally measure_scaling(const struct simulated *narrow,
                                                   const struct simulated *wide, size_t sweeps)
{
    static struct simulation s;
    static const uint32_t seed[SIMULATED_SEEDS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct scaling_tally tally = {{0}, 0, 0, 0};
    struct psi_logistic fit[2][SIMULATED_SEEDS];
    struct psi_random random;
    double share = 1 / (double)sweeps;
    psi_random_open(&random, 7, "calibration/%g/%g/sd=%g/noise=%g/refined=%d", narrow->width,
                    wide->width, narrow->deviation, narrow->noise, narrow->refined);
    for (size_t i = 0; i < sweeps; i++) {
        struct psi_scaling scaling;
        for (int which = 0; which < 2; which++) {
            simulate(&s, which ? wide : narrow, &random);
            for (size_t n = 0; n < SIMULATED_SEEDS; n++)
                simulated_ok(psi_sharpness_seed(&s.sweep, 0, n, &fit[which][n], NULL));
        }
        simulated_ok(psi_sharpness_scaling(fit[0], seed, SIMULATED_SEEDS, fit[1], seed,
                                           SIMULATED_SEEDS, &scaling, NULL));
        simulated_ok(psi_sharpness_judge(&scaling, 1, NULL));
        tally.verdict[scaling.contrast.verdict] += share;
        tally.delta += share * scaling.contrast.mean;
        tally.deviation += share * scaling.contrast.deviation;
        tally.lost += share * (double)scaling.unpaired / SIMULATED_SEEDS;
    }
    return tally;
}

#endif
