/* The experiment: train a dense parent, then prune, retrain and measure one cell of the grid.
 *
 * A study holds what a rank needs for that: the job, the data set, one network as workspace. What
 * comes out is a record (record.h) that depends on the job and on the cell's names and values
 * alone, to the bit, for one kernel level and BLAS core type.
 */
#ifndef PSISWEEP_TRIAL_H
#define PSISWEEP_TRIAL_H

#include "psisweep/job.h"
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

/* Run one cell from its parent and fill its record. */
enum psi_status psi_trial_cell(struct psi_study *study, size_t arm, size_t seed, size_t density,
                               const struct psi_parent *parent,
                               const struct psi_parent_modes *modes,
                               const struct psi_progress *progress, struct psi_cell *cell,
                               struct psi_error *err);

/* Psi = (accuracy - chance) / (dense_accuracy - chance); NaN when dense_accuracy is not above
 * chance by the exact one-sided binomial test at .01 on `samples`. */
double psi_normalise(double accuracy, double dense_accuracy, double chance, size_t samples);

#endif
