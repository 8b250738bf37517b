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
    int donor;    /* its retrained weights are for a transplant */
    char key[PSI_TRIAL_KEY]; /* "arm=.../seed=.../density=...": names the trial's streams */
    double *removed_energy;  /* (layers) of the cell, where ablation puts its figures; or NULL */
    struct psi_network *compiled; /* for the mask; NULL where that gains nothing */
    struct psi_dataset *selected; /* the pixels it reads; NULL = the study's whole set */
};

/* A trial on study. removed_energy, compiled and the flags are the caller's to set. */
struct psi_trial psi_trial_open(struct psi_study *study, size_t arm, size_t seed, size_t density,
                                const struct psi_trial_from *from,
                                const struct psi_progress *progress);
/* The trial of another arm or density that this one depends on: same seed, own streams. */
struct psi_trial psi_trial_other(const struct psi_trial *trial, size_t arm, size_t density);

/* trial_mask.c. Put into the network the parameters that the arm's criterion scores and its
 * fine-tuning starts from. */
enum psi_status psi_trial_source(struct psi_trial *trial, struct psi_error *err);
/* The parameters that the dense parent's training started from. */
void psi_trial_initial(struct psi_trial *trial);
/* Draw the trial's mask into study->mask; a polynomial arm's comes out of its retraining, which is
 * done for it. Overwrites the network. */
enum psi_status psi_trial_mask(struct psi_trial *trial, struct psi_error *err);
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
    const struct psi_step_hook *hook;
    double *curve; /* (spec->epochs + 1) or NULL: validation accuracy */
};
/* Train under study->mask, from the network's parameters into them; then score on the test split */
enum psi_status psi_trial_retrain(struct psi_trial *trial, struct psi_retraining *how,
                                  int *diverged, struct psi_score *score, struct psi_error *err);
/* The dense training's parameters at an epoch that is on the rewind axis, or 0. */
void psi_trial_rewind(struct psi_trial *trial, double epoch);

/* trial_arm.c. Retrain and score as the arm says. The network holds the source, under study->mask
 * (for a polynomial arm all ones, and that is pruned under way). curve as of psi_retraining. */
enum psi_status psi_trial_retrain_arm(struct psi_trial *trial, double *curve, int *diverged,
                                      struct psi_score *score, struct psi_error *err);
/* psi_trial_retrain of an arm that holds its ablated modes out. */
enum psi_status psi_trial_retrain_held(struct psi_trial *trial, struct psi_retraining *how,
                                       int *diverged, struct psi_score *score,
                                       struct psi_error *err);
/* All of that from the beginning, as in the trial's own cell: leaves its mask and its weights. */
enum psi_status psi_trial_repeat(struct psi_trial *trial, struct psi_error *err);
/* Put the retrained weights of the same arm at density index `donor` under study->mask. (An arm
 * that transplants itself is fine-tuned there, or each cell would need all those above it.) */
enum psi_status psi_trial_transplant(struct psi_trial *trial, size_t donor, struct psi_error *err);

/* trial_spectra.c: singular values, ranks and overlap of the network's matrices as they stand. */
enum psi_status psi_trial_spectra(struct psi_trial *trial, enum psi_stage stage,
                                  struct psi_cell *cell, struct psi_error *err);

#endif
