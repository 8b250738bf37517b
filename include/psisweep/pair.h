/* Claim C4: pairs of masks that preserve and destroy the dominant modes at equal degrees, effective
 * density and norm, fine-tuned and from re-initialised weights; and ablated modes beside controls.
 * Pure functions.
 */
#ifndef PSISWEEP_PAIR_H
#define PSISWEEP_PAIR_H

#include "psisweep/job.h"
#include "psisweep/measured.h"
#include <stddef.h>

/* The four arms of a pair, in this order. */
enum psi_pair_arm {
    PSI_PAIR_PRESERVE,
    PSI_PAIR_DESTROY,
    PSI_PAIR_PRESERVE_NEW, /* the same masks, re-initialised */
    PSI_PAIR_DESTROY_NEW,
    PSI_PAIR_ARMS
};
struct psi_pair {
    size_t arm[PSI_PAIR_ARMS]; /* indices; SIZE_MAX = the job has no such partner */
    size_t modes;              /* k that the swaps are about */
};
enum { PSI_PAIRS_MAX = PSI_ARMS_MAX / 2 };

/* The pairs of a job: fine-tuned arms that preserve and destroy the same number of modes of the
 * same arm's mask, each arm in one pair. Returns their number. */
size_t psi_pair_find(const struct psi_job *job, struct psi_pair pair[PSI_PAIRS_MAX]);

/* How well the two masks of one seed and density are matched. */
struct psi_pair_cell {
    int done;            /* both cells; else all else is 0 */
    int degrees_equal;   /* in every layer */
    int effective_equal; /* to the last weight */
    int norm_equal;      /* squared norm within 1 % in every layer */
    int apart;           /* S differs by .05 or more in every layer swapped (all but the last) */
    int testable;        /* all of these */
    double norm_ratio;   /* preserve over destroy, squared, in the layer where it is farthest from
                            1; NaN where a norm is 0 */
    double difference;   /* least of S preserved - S destroyed over the layers swapped; NaN = not
                            known: S is stored for PSI_FIXED_MODES modes */
};
struct psi_pair_cell psi_pair_compare(const struct psi_measured *measured,
                                      const struct psi_pair *pair, size_t seed, size_t density);

/* S preserved - S destroyed in one layer; NaN = not known. */
double psi_pair_difference(const struct psi_measured *measured, const struct psi_pair *pair,
                           size_t seed, size_t density, size_t layer);

/* One density of a pair, over seeds. */
struct psi_pair_row {
    size_t done;                                                        /* seeds with both masks */
    size_t degrees_equal, effective_equal, norm_equal, apart, testable; /* of them */
    size_t complete;           /* seeds with all four arms and their Psi defined */
    size_t complete_testable;  /* of them */
    double norm_ratio;         /* farthest from 1 over seeds */
    double psi[PSI_PAIR_ARMS]; /* mean over the seeds that have it; NaN without any */
};
void psi_pair_summarise(const struct psi_measured *measured, const struct psi_pair *pair,
                        size_t density, struct psi_pair_row *row);

/* What one seed says at one density: (preserve - destroy) fine-tuned, the same re-initialised, and
 * their difference, which is the contrast. NaN where an arm is not done or Psi not defined. */
enum psi_pair_effect { PSI_EFFECT_FINETUNED, PSI_EFFECT_NEW, PSI_EFFECT_CONTRAST, PSI_EFFECTS };
void psi_pair_effects(const struct psi_measured *measured, const struct psi_pair *pair, size_t seed,
                      size_t density, double effect[PSI_EFFECTS]);

/* Where the claim is judged: of the densities at which every complete seed is testable, those with
 * most complete seeds; of these the one whose mean Psi, over complete seeds and both fine-tuned
 * arms, is nearest .5 (the denser one, the earlier pair, at a tie). Returns 0 where there is none.
 */
struct psi_pair_choice {
    size_t pair, density, seeds;
    double psi; /* that mean */
};
int psi_pair_choose(const struct psi_measured *measured, const struct psi_pair *pair, size_t pairs,
                    struct psi_pair_choice *choice);

/* Ablation: an arm without its leading modes, and one of its controls with as many. */
struct psi_ablation_pair {
    size_t top, control; /* arms */
};
enum { PSI_ABLATION_PAIRS_MAX = PSI_ARMS_MAX * PSI_ARMS_MAX / 4 };

/* Arms that take out the top modes, each beside every control that is equal but for which modes
 * are taken out (and whether they are held out). Returns their number. */
size_t psi_ablation_find(const struct psi_job *job,
                         struct psi_ablation_pair pair[PSI_ABLATION_PAIRS_MAX]);

#endif
