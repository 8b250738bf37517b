/* The verdict rule (README, Definitions): one contrast a claim, one value a seed, and a smallest
 * effect of interest delta, fixed before the data are seen.
 *
 * All functions are pure. Values are finite; whoever calls leaves out seeds without one, and may
 * turn a verdict into `undecided` where the claim asks for more than its contrast.
 */
#ifndef PSISWEEP_VERDICT_H
#define PSISWEEP_VERDICT_H

#include <stddef.h>
#include <stdint.h>

enum psi_verdict {
    PSI_VERDICT_UNDECIDED,
    PSI_VERDICT_SUPPORTED,
    PSI_VERDICT_REFUTED,
    PSI_VERDICTS
};
extern const char *const psi_verdict_name[PSI_VERDICTS + 1]; /* NULL-ended */

enum {
    PSI_VERDICT_SEEDS = 10, /* with fewer a claim is not tested: undecided */
    PSI_FLIP_EXACT = 20     /* seeds up to which all 2^n signs are tried */
};

struct psi_contrast {
    size_t seeds;           /* values */
    double mean, deviation; /* of the values; NaN without any, NaN with one */
    double low, high;       /* 95 % t interval of the mean: description, decides nothing */
    double delta;           /* smallest effect of interest */
    double p_up, p_down;    /* one-sided, against "the mean is at most (at least) delta" */
    double p_holm;          /* the smaller of the two, adjusted by Holm; NaN = not tested */
    int verdict;            /* enum psi_verdict */
};

/* One-sided t tests of the mean against delta; values that are all equal get 2^-n, the sign test's
 * p. value (seeds) */
struct psi_contrast psi_contrast_student(const double *value, size_t seeds, double delta);

/* One-sided sign-flip tests: under the null hypothesis value - delta is symmetric about 0. All 2^n
 * signs up to PSI_FLIP_EXACT seeds, beyond that 99,999 random ones and the data's own (stream
 * "sign-flip" of random_seed). value (seeds) */
struct psi_contrast psi_contrast_flip(const double *value, size_t seeds, double delta,
                                      uint64_t random_seed);

/* Judge all claims together: fill p_holm and verdict of each. The smaller p of each claim with
 * enough seeds goes into Holm's step-down procedure at .025. claim (claims) borrowed pointers */
void psi_verdict_judge(struct psi_contrast *const *claim, size_t claims);

#endif
