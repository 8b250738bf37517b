/* How sharply Psi falls with density: a four-parameter logistic in log10 d for each seed, its
 * 10-90 % width, and what becomes of it when the network widens (claim C1).
 *
 * The definitions are this project's own (README, Definitions). A logistic in log d is a Hill power
 * law in d, so a good fit says nothing on which law holds. Densities are achieved ones.
 */
#ifndef PSISWEEP_SHARPNESS_H
#define PSISWEEP_SHARPNESS_H

#include "psisweep/status.h"
#include "psisweep/threshold.h"
#include "psisweep/verdict.h"
#include <stddef.h>
#include <stdint.h>

enum psi_fit {
    PSI_FIT_OK,
    PSI_FIT_FLOORED,   /* falls within one grid step: width is that step, an upper bound */
    PSI_FIT_FEW,       /* fewer than PSI_FIT_CELLS finished cells with a defined Psi */
    PSI_FIT_ONE_SIDED, /* no cell is collapsed, or every one */
    PSI_FIT_CUT,       /* the measured densities end within the fall */
    PSI_FIT_FAILED,    /* the optimiser found no minimum */
    PSI_FIT_ADAPTIVE,  /* cells were run around F_min only: asymptotes would be made up */
    PSI_FITS
};
extern const char *const psi_fit_name[PSI_FITS + 1]; /* NULL-ended */
enum { PSI_FIT_CELLS = 6 };

/* Psi = lower + (upper - lower)/(1 + 9^(-2 (x - center)/fall)), x = log10 d: from .1 to .9 of the
 * way between the asymptotes within `fall` decades. Least squares with -.1 <= lower <= .5 <= upper
 * <= 1.2, as Psi is 0 for a constant answer and 1 for the dense parent, give or take noise: without
 * a bound an asymptote that the grid does not reach drifts off, and the width with it. All are NaN
 * where there is no fit. */
struct psi_logistic {
    int fit; /* enum psi_fit */
    double lower, upper, center, fall;
    double width;    /* fall, at least step; NaN unless OK or FLOORED */
    double step;     /* decades between the measured densities around center */
    double residual; /* root mean square */
    size_t cells;
};
/* Fails for lack of memory alone; what cannot be fitted says so in `fit`. */
enum psi_status psi_sharpness_seed(const struct psi_sweep *sweep, size_t arm, size_t seed,
                                   struct psi_logistic *logistic, struct psi_error *err);

/* One arm. Widths in decades, over the seeds that have one; NaN where none has. */
struct psi_sharpness {
    size_t seeds;                    /* with a width */
    size_t count[PSI_FITS];          /* seeds by their fit */
    double median, mean, low, high;  /* of the widths; low and high are the extremes */
    size_t band_cells, intermediate; /* cells at densities with .05 < mean Psi < .95 over seeds, and
                                        of them those with .2 <= Psi <= .8 */
};
/* fit (seeds) is filled too. */
enum psi_status psi_sharpness_arm(const struct psi_sweep *sweep, size_t arm,
                                  struct psi_logistic *fit, struct psi_sharpness *sharpness,
                                  struct psi_error *err);

enum { PSI_SHARPNESS_TEXT = 512 };
/* A clause on an arm: "falls from 90 to 10 % within 0.62 decades (median of 10 seeds, ...)". */
void psi_sharpness_words(const struct psi_sharpness *sharpness, char *text, size_t size);

/* C1: Delta of a seed = log10 of the width in the narrowest network over that in the widest. */
#define PSI_SCALING_DELTA 0.1
#define PSI_SCALING_APART 4.0 /* the widest is so many times the narrowest, at least */
struct psi_scaling {
    struct psi_contrast contrast; /* by t; to be judged */
    size_t unpaired;              /* seeds of either that the other has not, or without a width */
    size_t unresolved;            /* pairs whose widest network falls within one grid step: Delta is
                                     a lower bound there, which can support but not refute */
};
/* Pair seeds by value. *_fit and *_seed (*_seeds). Fails for lack of memory. */
enum psi_status psi_sharpness_scaling(const struct psi_logistic *narrow_fit,
                                      const uint32_t *narrow_seed, size_t narrow_seeds,
                                      const struct psi_logistic *wide_fit,
                                      const uint32_t *wide_seed, size_t wide_seeds,
                                      struct psi_scaling *scaling, struct psi_error *err);

/* psi_verdict_judge over the claims of several arms; then a refutation that rests on unresolved
 * widths is taken back. scaling (claims) */
enum psi_status psi_sharpness_judge(struct psi_scaling *scaling, size_t claims,
                                    struct psi_error *err);

/* One sentence: the verdict, what it rests on, and what a refutation means ("crossover"). */
void psi_scaling_words(const struct psi_scaling *scaling, char *text, size_t size);

#endif
