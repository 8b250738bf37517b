/* The experiment: train a dense parent; prune, retrain and measure one cell of the grid; try to
 * rescue one that has collapsed.
 *
 * A study holds what a rank needs for that: the job, the data set, one network as workspace. What
 * comes out is a record (record.h) that depends on the job and on the cell's names and values
 * alone, to the bit, for one kernel level and BLAS core type.
 */
#ifndef PSISWEEP_TRIAL_H
#define PSISWEEP_TRIAL_H

#include "psisweep/job.h"
#include "psisweep/ladder.h"
#include "psisweep/record.h"
#include "psisweep/spectrum.h"
#include "psisweep/status.h"
#include "psisweep/train.h"

struct psi_study {
    const struct psi_job *job; /* borrowed */
    struct psi_dataset *dataset;
    struct psi_network *network; /* workspace; overwritten by every trial */
    struct psi_layout layout;
    double chance_test, chance_validation; /* A0 of each split */
    double input_density;                  /* share of non-zero pixels in the training split */
    double *class_share;                   /* (classes) of the test split */
    uint8_t *mask;                         /* (weights) workspace */
};

/* Load the data and build the network for a job. kernel_level as in kernel.h. */
enum psi_status psi_study_create(const struct psi_job *job, int kernel_level,
                                 struct psi_study **out, struct psi_error *err);
void psi_study_destroy(struct psi_study *study);

/* Train the dense parent of grid seed number `seed` and fill its record (created for the study's
 * layout). PSI_STOPPED when progress asks for it. */
enum psi_status psi_trial_parent(struct psi_study *study, size_t seed,
                                 const struct psi_progress *progress, struct psi_parent *parent,
                                 struct psi_error *err);

/* The leading modes of a parent's matrices, which all its cells are compared with. They follow
 * from parent->parameter, so they are kept in memory and never in the file. */
struct psi_parent_modes {
    size_t layers;
    struct psi_modes *layer; /* (layers) */
};
/* Dominant modes of a layer that are compared: k, but at most spectra.modes. */
size_t psi_parent_modes_used(const struct psi_study *study, const struct psi_parent *parent,
                             size_t layer);

enum psi_status psi_parent_modes_create(struct psi_study *study, const struct psi_parent *parent,
                                        const struct psi_progress *progress,
                                        struct psi_parent_modes **out, struct psi_error *err);
void psi_parent_modes_destroy(struct psi_parent_modes *modes);

/* What the trials of one arm and seed start from. chain is the state of the iterative arm that the
 * arm's masks come from (psi_job_chain): for that arm's own cells after the density above, NULL at
 * the first; for another arm's cells, and for rungs, after this density or a lower one; NULL where
 * there is no such arm. All borrowed. */
struct psi_trial_from {
    const struct psi_parent *parent;
    const struct psi_parent_modes *modes;
    const struct psi_slot *chain;
};

/* Run one cell and fill its record. next: state of an iterative arm after it, filled; NULL or
 * ignored for others. */
enum psi_status psi_trial_cell(struct psi_study *study, size_t arm, size_t seed, size_t density,
                               const struct psi_trial_from *from,
                               const struct psi_progress *progress, struct psi_cell *cell,
                               struct psi_slot *next, struct psi_error *err);

/* Run one rung of the ladder of a collapsed cell and fill its record. donor: index of the nearest
 * higher density that recovered (for transplants), SIZE_MAX = there is none: then that rung is left
 * out, its record NaN. */
enum psi_status psi_trial_rung(struct psi_study *study, size_t arm, size_t seed, size_t density,
                               const struct psi_rung *rung, size_t donor,
                               const struct psi_trial_from *from,
                               const struct psi_progress *progress, struct psi_rung_record *record,
                               struct psi_error *err);

/* Steps of the dense training after which `epoch` of it is over, rounded. */
size_t psi_study_step(const struct psi_study *study, double epoch);

/* Psi = (accuracy - chance) / (dense_accuracy - chance); NaN when dense_accuracy is not above
 * chance by the exact one-sided binomial test at .01 on `samples`. */
double psi_normalise(double accuracy, double dense_accuracy, double chance, size_t samples);

#endif
