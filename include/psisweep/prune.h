/* Pruning: criteria, scopes, masks.
 *
 * A mask is uint8_t[weights] over the prunable weights in flat order, 1 = survives. A criterion
 * gives every weight a score (double); the scope says among whom the highest survive. Exactly
 * density * n, rounded to the nearest and half up, survive of each pool of n (the whole network,
 * or one layer); density 1 keeps all. Ties: the lower flat index survives. NaN scores count as
 * lowest, below -infinity; -0 equals 0. A structured criterion removes whole units instead, so many
 * that what survives is nearest to density * n. Adding a criterion: one file and one row in the
 * table of src/prune/criterion.c.
 */
#ifndef PSISWEEP_PRUNE_H
#define PSISWEEP_PRUNE_H

#include "psisweep/dataset.h"
#include "psisweep/network.h"
#include "psisweep/progress.h"
#include "psisweep/random.h"
#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

enum psi_scope {
    PSI_GLOBAL, /* all weights are one pool */
    PSI_LAYER,  /* each layer is a pool, all of the same density */
    PSI_ERK,    /* each layer is a pool of its Erdos-Renyi-kernel density (Evci et al. 2020) */
    PSI_LIKE    /* each layer is a pool of a density given */
};

/* What a criterion looks at. Which parameters it is evaluated at, trained or initial ones, is the
 * caller's business. */
struct psi_score_input {
    struct psi_network *network;       /* parameters in place */
    struct psi_random *random;         /* the mask's own stream; NULL where nothing is drawn */
    const struct psi_dataset *dataset; /* its training split; NULL where no data is needed */
    size_t samples; /* training samples looked at, the first of a permutation drawn from random;
                       0 = ten a class (Wang, Zhang & Grosse 2020; for ten classes also the hundred
                       of Lee, Ajanthan & Torr 2019), or all where there are fewer. In
                       batches of up to 25, which matters to taylor and to normalisation */
    const struct psi_progress
        *progress; /* asked in every round and for every batch; NULL = nobody */
};

struct psi_criterion {
    const char *name;
    const char *help; /* one line */
    /* Fill score (weights) at the parameters in place, where pruned weights are 0; may change no
     * parameter but running statistics. */
    enum psi_status (*score)(const struct psi_score_input *input, double *score,
                             struct psi_error *err);
    size_t rounds;  /* in how many it is meant to prune */
    int data;       /* needs a dataset, and draws */
    int draws;      /* needs a random stream */
    int structured; /* scores rows: all weights of a row alike; whole units are removed. Scopes
                       global and layer alone */
};

/* The table, ended by a row whose name is NULL. */
extern const struct psi_criterion psi_criteria[];

struct psi_prune_spec {
    int criterion; /* row of psi_criteria */
    int scope;     /* enum psi_scope */
    double density;
    /* Scored and pruned so many times, each pool shrinking by the same factor in each: from all its
     * weights to density^(k/rounds) of them in round k. 0 = the criterion's own number. */
    size_t rounds;
    /* Not 0: scores are multiplied by exp(noise * Gumbel), one draw a weight (of a unit its first
     * survivor's counts), for base masks of preserve/destroy pairs. */
    double noise;
    /* 1 = density is that of what is left when weights on no path from an input to an output have
     * been dropped: the most survive that leave no more than it then. It may miss it by a few
     * weights, where a last one would bring others with it. PSI_GLOBAL, not structured. */
    int trimmed;
    const double *layer_density; /* PSI_LIKE: (matrices) of each layer, and density is not read */
    const uint8_t *within; /* NULL = all; a mask (weights) whose survivors alone may survive, may be
                              the mask that is written. Densities stay relative to all weights, and
                              the first round starts from what it holds */
};

/* Keep the `keep` highest of score[0..count-1], keep <= count; writes mask[0..count-1]. Linear in
 * count whatever the scores are, and without memory of its own. */
void psi_mask_select(const double *score, size_t count, size_t keep, uint8_t *mask);

/* Score and select. Parameters are afterwards as they were. PSI_USAGE for what cannot be: a density
 * outside of 0 to 1, more weights asked for than `within` has (of whole units then all stay), a
 * criterion without the data it needs. PSI_STOPPED when asked to. mask (weights) is left as it was
 * on failure.
 *
 * PSI_ERK: a layer's density is eps (n_in + n_out + k_h + k_w) / (n_in n_out k_h k_w), without the
 * kernel's terms in a dense layer; layers of more than 1 (or than `within` has) keep all, and eps
 * is such that density * n weights survive in all, exactly: what rounding down leaves goes to the
 * layers of the largest fractions. */
enum psi_status psi_prune(const struct psi_prune_spec *spec, const struct psi_score_input *input,
                          uint8_t *mask, struct psi_error *err);

size_t psi_mask_count(const uint8_t *mask, size_t count); /* survivors */
uint64_t psi_mask_digest(const uint8_t *mask, size_t count);

#endif
