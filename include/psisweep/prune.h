/* Pruning: criteria, scopes, masks.
 *
 * A mask is uint8_t[weights] over the prunable weights in flat order, 1 = survives. A criterion
 * gives every weight a score (double); the scope says among whom the highest survive. Exactly
 * density * n, rounded to the nearest and half up, survive of each pool of n (the whole network,
 * or one layer); density 1 keeps all. Ties: the lower flat index survives. NaN scores count as
 * lowest, below -infinity; -0 equals 0. Adding a criterion: one file and one row in the
 * table of src/prune/criterion.c.
 */
#ifndef PSISWEEP_PRUNE_H
#define PSISWEEP_PRUNE_H

#include "psisweep/network.h"
#include "psisweep/random.h"
#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

enum psi_scope { PSI_GLOBAL, PSI_LAYER };

/* What a criterion may look at. */
struct psi_score_input {
    struct psi_network *network; /* parameters in place; must be left as found */
    struct psi_random *random;   /* the mask's own stream */
};

struct psi_criterion {
    const char *name;
    const char *help; /* one line */
    /* Fill score (weights). */
    enum psi_status (*score)(const struct psi_score_input *input, double *score,
                             struct psi_error *err);
};

/* The table, ended by a row whose name is NULL. */
extern const struct psi_criterion psi_criteria[];

/* Keep the `keep` highest of score[0..count-1], keep <= count; writes mask[0..count-1]. Linear in
 * count whatever the scores are, and without memory of its own. */
void psi_mask_select(const double *score, size_t count, size_t keep, uint8_t *mask);

/* Score by criterion and select within scope at the given density (else than 0 <= density <= 1:
 * PSI_USAGE). mask is (weights); it is left as it was on failure. */
enum psi_status psi_prune(const struct psi_criterion *criterion, enum psi_scope scope,
                          double density, const struct psi_score_input *input, uint8_t *mask,
                          struct psi_error *err);

size_t psi_mask_count(const uint8_t *mask, size_t count); /* survivors */
uint64_t psi_mask_digest(const uint8_t *mask, size_t count);

#endif
