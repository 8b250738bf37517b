/* Collapse thresholds: F_min of a seed is an interval; pooled, an interval too, or words.
 *
 * The definitions are this project's own (README, Definitions). All functions are pure; densities
 * are achieved ones (or effective ones where asked) and intervals are (low, high].
 */
#ifndef PSISWEEP_THRESHOLD_H
#define PSISWEEP_THRESHOLD_H

#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

/* What the analysis reads of a finished or half-finished sweep: arrays over cells, index
 * (arm * seeds + seed) * densities + density. */
struct psi_sweep {
    size_t arms, seeds, densities;
    const double *density;   /* (densities) nominal, descending */
    const double *achieved;  /* (arms, seeds, densities) surviving fraction counted */
    const double *effective; /* (arms, seeds, densities) fraction on a path */
    const double *psi;       /* (arms, seeds, densities) Psi after retraining; NaN = undefined */
    const uint8_t *finished; /* (arms, seeds, densities) 1 = done */
};

enum psi_censoring {
    PSI_BRACKETED,     /* low < F_min <= high */
    PSI_BELOW_GRID,    /* nothing collapsed: F_min <= high, low = 0 (left-censored) */
    PSI_ABOVE_GRID,    /* the highest finished one collapsed: F_min > low, high = infinity */
    PSI_NO_DATA        /* no finished cell with a defined Psi */
};

struct psi_interval {
    double low, high;
    int censoring; /* enum psi_censoring */
};

/* One seed of one arm at a Psi level (0.5 is collapse; 0.1 and 0.9 show the sensitivity). d_c =
 * the highest density whose cell is collapsed (Psi < level), d_u = the next higher finished one.
 * Cells that are unfinished or undefined widen the interval to the next finished one.
 * effective: the interval of effective instead of achieved density, of the same two cells.
 * *recrossings (may be NULL) = cells below d_c that are not collapsed. */
struct psi_interval psi_threshold_seed(const struct psi_sweep *sweep, size_t arm, size_t seed,
                                       double level, int effective, size_t *recrossings);

enum psi_pooling {
    PSI_POOL_NONE,       /* no seed has data */
    PSI_POOL_ONE_SEED,   /* that seed's own interval */
    PSI_POOL_SAME_CELL,  /* all seeds share one grid interval: that interval */
    PSI_POOL_STUDENT,    /* t(n-1) interval on the midpoints of log10 d, SD floored at step/sqrt12 */
    PSI_POOL_TURNBULL    /* some seed censored: Turnbull's median and a sign-test interval */
};

struct psi_pooled {
    int method;           /* enum psi_pooling */
    double low, high;     /* 95 % interval for the population's F_min; 0 = below the grid and
                             infinity = above it */
    double center;        /* density; NaN where the method gives none; 0 or infinity = beyond grid */
    double deviation;     /* SD over seeds of log10 density (midpoints); NaN unless STUDENT */
    size_t seeds;         /* seeds with data */
    size_t below, above;  /* of them censored */
    size_t recrossings;   /* over all seeds */
};

/* Pool the seeds of one arm. scratch-free; seeds <= PSI_SEEDS_MAX. */
enum psi_status psi_threshold_pool(const struct psi_sweep *sweep, size_t arm, double level,
                                   int effective, struct psi_pooled *pooled, struct psi_error *err);

/* Turnbull (1976) NPMLE for intervals (low, high]: mass[i] on the innermost interval
 * (support_low[i], support_high[i]]; arrays of room count, *supports of them used. EM to 1e-10. */
enum psi_status psi_turnbull(const struct psi_interval *interval, size_t count,
                             double *support_low, double *support_high, double *mass,
                             size_t *supports, struct psi_error *err);

/* One English sentence on a pooled threshold, never a bare number: the interval, the seeds, and
 * what censoring means here ("3 of 10 seeds did not collapse on this grid: ..."). */
void psi_threshold_words(const struct psi_pooled *pooled, char *text, size_t size);

#endif
