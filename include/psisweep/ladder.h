/* The rescue ladder: what is tried, in which order, on a collapsed cell.
 *
 * Rungs under the cell's own mask come first, cheapest first; then those that move its connections.
 * The first that brings Psi on the validation split to .5 ends the ladder. Definitions are this
 * project's own (README, Definitions).
 */
#ifndef PSISWEEP_LADDER_H
#define PSISWEEP_LADDER_H

#include "psisweep/job.h"
#include <stddef.h>
#include <stdint.h>

enum psi_rung_kind {
    PSI_RUNG_FINETUNE,
    PSI_RUNG_REINITIALISE,
    PSI_RUNG_REWIND,
    PSI_RUNG_TRANSPLANT,
    PSI_RUNG_REWIRE, /* from here on not under the same mask */
    PSI_RUNG_REGROW,
    PSI_RUNG_KINDS
};
extern const char *const psi_rung_kind_name[PSI_RUNG_KINDS]; /* "finetune", ... */

enum { PSI_RUNG_NAME = 48, PSI_RUNGS_MAX = PSI_BUDGETS_MAX * (PSI_BUDGETS_MAX + 5) };

struct psi_rung {
    int kind;      /* enum psi_rung_kind */
    size_t budget; /* times the epochs of retrain */
    size_t rate;   /* times its learning rate */
    size_t draws;
    char name[PSI_RUNG_NAME]; /* "finetune x4 rate x3" */
};

/* The rungs of a job in the order in which they are tried; returns their number, 0 without a
 * ladder. */
size_t psi_ladder_rungs(const struct psi_job *job, struct psi_rung rung[PSI_RUNGS_MAX]);

int psi_rung_moves(const struct psi_rung *rung); /* 1 = not under the cell's mask */

/* Which collapsed cells of one arm and seed the ladder is tried on: the first job->rescue.cells
 * ones from F_min down. psi (densities), done (densities, 1 = finished); writes density indices,
 * returns their number. */
size_t psi_ladder_cells(const struct psi_job *job, const double *psi, const uint8_t *done,
                        size_t *density);

/* Whose retrained weights are transplanted: the nearest density above (a lower index) of the grid's
 * own that recovered; SIZE_MAX = none. psi, done as above. */
size_t psi_ladder_donor(const struct psi_job *job, const double *psi, const uint8_t *done,
                        size_t density);

/* 0 where no parameters can recover under the mask (psi_bound), so that the rung is not tried. */
int psi_rung_may_recover(const struct psi_rung *rung, double bound);

/* The kind of collapse, from what each rung has reached: validation_psi (rungs; NaN, after a
 * divergence, is no recovery) where tried (rungs) is 1; bound: psi_bound of the cell. *rescued_by =
 * the first rung that recovers, or -1. Returns an enum psi_collapse. */
int psi_ladder_kind(const struct psi_rung *rung, size_t rungs, const double *validation_psi,
                    const uint8_t *tried, double bound, int32_t *rescued_by);

#endif
