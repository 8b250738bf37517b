/* What the parts of a trial share. Private to src/study/trial_*.c. */
#ifndef PSISWEEP_STUDY_TRIAL_PRIVATE_H
#define PSISWEEP_STUDY_TRIAL_PRIVATE_H

#include "psisweep/trial.h"

enum { PSI_TRIAL_KEY = PSI_NAME + 96 };

/* One running trial. The study's network and mask are its workspace. */
struct psi_trial {
    struct psi_study *study;
    const struct psi_trial_from *from;
    const struct psi_progress *progress;
    size_t arm, seed, density;
    int finished; /* from->chain is past this density, even where the arm is that chain */
    char key[PSI_TRIAL_KEY]; /* "arm=.../seed=.../density=...": names the trial's streams */
    double *removed_energy;  /* (layers) of the cell, where ablation puts its figures; or NULL */
    struct psi_network *compiled; /* for the mask; NULL where that gains nothing */
    struct psi_dataset *selected; /* the pixels it reads; NULL = the study's whole set */
};

/* "arm=.../seed=.../density=...", naming the streams of an arm's cell. */
void psi_trial_key(const struct psi_trial *trial, size_t arm, size_t density,
                   char key[PSI_TRIAL_KEY]);

/* trial_mask.c. Put into the network the parameters that an arm's criterion scores and its
 * fine-tuning starts from. */
enum psi_status psi_trial_source(struct psi_trial *trial, size_t arm, struct psi_error *err);
/* The parameters that the dense parent's training started from. */
void psi_trial_initial(struct psi_trial *trial);
/* Draw an arm's mask of the trial's seed at a density into study->mask. Overwrites the network. */
enum psi_status psi_trial_mask(struct psi_trial *trial, size_t arm, size_t density,
                               struct psi_error *err);
/* Zero what study->mask prunes. */
void psi_trial_apply_mask(struct psi_trial *trial);

/* trial_train.c. The network that is trained and scored, compiled for study->mask where that gains;
 * from the parameters as they stand. */
enum psi_status psi_trial_compile(struct psi_trial *trial, struct psi_error *err);
void psi_trial_discard(struct psi_trial *trial); /* the compiled one */
/* That network on the test split. */
enum psi_status psi_trial_score(struct psi_trial *trial, struct psi_score *score,
                                struct psi_error *err);

/* How one retraining goes. hook: see psi_training; with one, the network is not compiled, as the
 * mask or the parameters change under way. */
struct psi_retraining {
    const struct psi_train_spec *spec;
    size_t first_step;
    const char *stream;
    const uint8_t *mask; /* NULL = all weights */
    const struct psi_step_hook *hook;
    double *curve; /* (spec->epochs + 1) or NULL: validation accuracy */
};
/* Train from the network's parameters, into them; then score on the test split. */
enum psi_status psi_trial_retrain(struct psi_trial *trial, struct psi_retraining *how,
                                  int *diverged, struct psi_score *score, struct psi_error *err);
/* Put what `restart` begins with into the network, under study->mask: parameters, and the step of
 * the dense training where it goes on. The network holds the source, masked. */
enum psi_status psi_trial_restart(struct psi_trial *trial, const struct psi_arm *arm,
                                  size_t *first_step, struct psi_error *err);
/* The dense training's parameters at an epoch that is on the rewind axis, or 0. */
void psi_trial_rewind(struct psi_trial *trial, double epoch);
/* Put the retrained weights of the same arm at density index `donor` under study->mask. */
enum psi_status psi_trial_transplant(struct psi_trial *trial, size_t donor, struct psi_error *err);

/* trial_spectra.c: singular values, ranks and overlap of the network's matrices as they stand. */
enum psi_status psi_trial_spectra(struct psi_trial *trial, enum psi_stage stage,
                                  struct psi_cell *cell, struct psi_error *err);

#endif
