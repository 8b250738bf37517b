/* Collapse thresholds: F_min of a seed is an interval; pooled, an interval too, or words.
 *
 * The definitions are this project's own (README, Definitions). All functions are pure; densities
 * are achieved ones (or effective ones where asked) and intervals are (low, high].
 */
#ifndef PSISWEEP_THRESHOLD_H
#define PSISWEEP_THRESHOLD_H

#include "psisweep/random.h"
#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

/* Psi from which a cell counts as recovered; below it, it has collapsed. */
#define PSI_RECOVERED 0.5

/* What the analysis reads of a finished or half-finished sweep: arrays over cells, index
 * (arm * seeds + seed) * densities + density. */
struct psi_sweep {
    size_t arms, seeds, densities;
    const double *density;   /* (densities) nominal, descending */
    const double *achieved;  /* (arms, seeds, densities) surviving fraction counted */
    const double *effective; /* (arms, seeds, densities) fraction on a path */
    const double *psi;       /* (arms, seeds, densities) Psi after retraining; NaN = undefined */
    const uint8_t *finished; /* (arms, seeds, densities) 1 = done */
    const uint8_t *skipped;  /* (arms, seeds, densities) 1 = not wanted, such as an added density
                                far from F_min; NULL = none */
    const uint8_t *adaptive; /* (arms) 1 = cells were run around F_min only, so that nothing is known
                                of the whole fall; NULL = none */
};

enum psi_censoring {
    PSI_BRACKETED,  /* low < F_min <= high */
    PSI_BELOW_GRID, /* nothing collapsed: F_min <= high, low = 0 (left-censored) */
    PSI_ABOVE_GRID, /* the highest finished one collapsed: F_min > low, high = infinity */
    PSI_NO_DATA     /* no finished cell with a defined Psi; low and high are NaN */
};

struct psi_interval {
    double low, high;
    int censoring; /* enum psi_censoring */
};

/* One seed of one arm at a Psi level (0.5 is collapse; 0.1 and 0.9 show the sensitivity). d_c =
 * the highest density whose cell is collapsed (Psi < level), d_u = the next higher finished one.
 * Cells that are unfinished or undefined (Psi or density NaN) widen the interval to the next
 * finished one.
 * effective: the interval of effective instead of achieved density, of the same two cells. Their
 * effective densities need not be ordered, nor distinct, as each mask is drawn by itself: low is
 * the smaller. A collapsed cell without any path has low = 0 and is still PSI_BRACKETED.
 * *recrossings (may be NULL) = cells below d_c that are not collapsed. */
struct psi_interval psi_threshold_seed(const struct psi_sweep *sweep, size_t arm, size_t seed,
                                       double level, int effective, size_t *recrossings);

/* The first of these that applies, in the order NONE, ONE_SEED, TURNBULL, SAME_CELL, STUDENT. */
enum psi_pooling {
    PSI_POOL_NONE,      /* no seed has data */
    PSI_POOL_ONE_SEED,  /* that seed's own interval; center its geometric midpoint */
    PSI_POOL_SAME_CELL, /* all seeds have d_c and d_u at the same nominal densities: the hull of
                           their intervals; center its geometric midpoint */
    PSI_POOL_STUDENT,   /* t(n-1) interval on the midpoints of log10 d; SD floored at step/sqrt(12),
                           step = mean width of the seeds' intervals in log10 d; not clipped to the
                           grid, but to 1; center = 10^mean */
    PSI_POOL_TURNBULL   /* some seed is open: censored, or with low = 0. The median of Turnbull's
                           NPMLE; low and high from the sign test at 95 %: the r-th smallest lower
                           and the r-th largest upper end, r the largest with
                           P(Binomial(n, 1/2) <= r - 1) <= .025. With n < 6 no r reaches 95 %: then
                           the smallest lower and largest upper end, the range over seeds */
};

struct psi_pooled {
    int method;          /* enum psi_pooling */
    int effective;       /* as asked: these are effective, not achieved densities */
    double level;        /* as asked */
    double low, high;    /* 95 % interval for the population's F_min (for ONE_SEED and SAME_CELL
                            the interval itself); 0 = below the grid, infinity = above it, NaN for
                            NONE */
    double center;       /* density; 0 or infinity = beyond the grid. TURNBULL: geometric midpoint
                            of the innermost interval where the CDF crosses 1/2; where it equals
                            1/2 between two of them, of the two together. NaN for NONE, and where
                            half of the seeds are beyond either end */
    double deviation;    /* SD over seeds of log10 density (midpoints), before flooring; NaN unless
                            STUDENT */
    double resolution;   /* step/sqrt(12), the floor; NaN unless STUDENT */
    size_t seeds;        /* seeds with data */
    size_t missing;      /* seeds without */
    size_t undefined;    /* of them with finished cells: their Psi is not defined */
    size_t below, above; /* of the seeds with data, censored */
    double below_end;    /* nothing collapsed down to this density in any of the `below` seeds:
                            the highest of their lowest densities; 0 if none is below */
    double above_end;    /* collapsed already here in each of the `above` seeds: the lowest of
                            their highest densities; 0 if none is above */
    size_t below_open;   /* of `below`, with cells further down that are not finished */
    size_t above_open;   /* of `above`, with cells further up that are not finished */
    size_t gaps;         /* bracketed, but with cells in between that are not finished */
    size_t disconnected; /* bracketed, but with low = 0 */
    size_t recrossings;  /* over all seeds */
};

/* Pool the seeds of one arm. Fails for lack of memory, or when Turnbull's estimate cannot be
 * computed (PSI_NUMERIC). */
enum psi_status psi_threshold_pool(const struct psi_sweep *sweep, size_t arm, double level,
                                   int effective, struct psi_pooled *pooled, struct psi_error *err);

/* Turnbull (1976) NPMLE for intervals (low, high], high = infinity allowed; low == high is an exact
 * observation. mass[i] >= 0 on the innermost interval (support_low[i], support_high[i]], ascending;
 * arrays of room count, *supports of them used. The result is certified: it meets the conditions of
 * the (unique) maximum to 1e-10. */
enum psi_status psi_turnbull(const struct psi_interval *interval, size_t count, double *support_low,
                             double *support_high, double *mass, size_t *supports,
                             struct psi_error *err);

/* The median of that estimate, as the interval (*low, *high] where the CDF is 1/2: one support, or
 * from the one that reaches 1/2 to the next one with mass. */
void psi_turnbull_median(const double *support_low, const double *support_high, const double *mass,
                         size_t supports, double *low, double *high);

/* The seeds' intervals of one arm, without those that have no data; returns how many there are.
 * interval (seeds) */
size_t psi_threshold_intervals(const struct psi_sweep *sweep, size_t arm, double level,
                               int effective, struct psi_interval *interval);

/* How a spread over seeds degenerates, if it does. */
enum psi_spread {
    PSI_SPREAD_OK,
    PSI_SPREAD_FEW,  /* fewer than two seeds */
    PSI_SPREAD_ZERO, /* all intervals meet in a point, to a tenth of a step: the likelihood grows as
                        the SD goes to 0 */
    PSI_SPREAD_OPEN, /* a seed is open (0 or infinity): for the likelihood, every one */
    PSI_SPREADS
};
extern const char *const psi_spread_words[PSI_SPREADS];

/* log10 F_min ~ N(mean, deviation^2) over seeds, each known to lie in its interval: maximum
 * likelihood, which is concave in (mean, 1)/deviation (J. Burridge, JRSS B 43, 1981), so that
 * Newton's method finds the only maximum. low and high: where the profile likelihood of the mean
 * has fallen by n/2 log(1 + t^2/(n-1)), t of 95 % at n - 1: the t interval for exact values, and
 * chi-squared's 1.92 for many seeds. All in log10 d; an end that the likelihood does not bound is
 * infinite, and all are NaN unless spread is PSI_SPREAD_OK. */
struct psi_lognormal {
    int spread; /* enum psi_spread */
    double mean, deviation, low, high, log_likelihood;
};
struct psi_lognormal psi_threshold_lognormal(const struct psi_interval *interval, size_t count);

/* Percentile bootstrap over seeds of the mean of log10 d at the intervals' midpoints: the 2.5 and
 * 97.5 % points of PSI_BOOTSTRAP_DRAWS resamplings. In log10 d; NaN unless PSI_SPREAD_OK. With ten
 * seeds it is too narrow (results/calibration.md): it stands beside the others. */
enum { PSI_BOOTSTRAP_DRAWS = 1999 };
struct psi_bootstrap {
    int spread; /* enum psi_spread; ZERO = all midpoints are equal */
    double mean, low, high;
};
enum psi_status psi_threshold_bootstrap(const struct psi_interval *interval, size_t count,
                                        struct psi_random *random, struct psi_bootstrap *bootstrap,
                                        struct psi_error *err);

enum { PSI_THRESHOLD_TEXT = 768 }; /* room for any sentence of psi_threshold_words */

/* One English sentence on a pooled threshold, never a bare number: the interval, the seeds, and
 * what censoring means here ("in 3 of 10 seeds nothing collapsed down to density 0.0003, so F_min
 * lies below the grid there"). Densities have 3 significant digits. No trailing newline. */
void psi_threshold_words(const struct psi_pooled *pooled, char *text, size_t size);

#endif
