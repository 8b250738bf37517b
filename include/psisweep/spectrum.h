/* Singular spectra of weight matrices: values, dominant modes, overlap, edges. All in float64 by
 * LAPACK dgesdd (the permutation edge, which needs one value a draw, by dsyrk and dsyevr);
 * definitions are this project's own (README, Definitions) where no paper is cited.
 *
 * Matrices are given as float (rows, cols), row-major, and are not changed. Zero rows and columns
 * are stripped before decomposing (exact: they carry no singular value but zero).
 */
#ifndef PSISWEEP_SPECTRUM_H
#define PSISWEEP_SPECTRUM_H

#include "psisweep/progress.h"
#include "psisweep/random.h"
#include "psisweep/status.h"
#include <stddef.h>

/* All min(rows, cols) singular values, descending, into value. Non-finite entries in w give NaN
 * everywhere and PSI_OK (a diverged network is a result). */
enum psi_status psi_singular_values(const float *w, size_t rows, size_t cols, double *value,
                                    struct psi_error *err);

/* Leading singular vectors. left (k, rows), right (k, cols): mode i is row i of each. */
struct psi_modes {
    size_t rows, cols;
    size_t k; /* vectors held: min(asked, rank); null vectors are arbitrary and never held */
    double *left, *right;
};

/* The leading min(k, rank) modes of w, and all values into value (may be NULL; min(rows, cols)).
 * Rank counts values above max(rows, cols) * eps * largest. A matrix of zeros or with non-finite
 * entries has no modes (k = 0). modes is filled; release with psi_modes_clear. */
enum psi_status psi_modes_compute(const float *w, size_t rows, size_t cols, size_t k, double *value,
                                  struct psi_modes *modes, struct psi_error *err);
void psi_modes_clear(struct psi_modes *modes);

/* Support overlap S_k of the first k dense modes with the first min(k, rank) modes of the pruned
 * matrix: sqrt(|U'Uh|_F^2 / k * |V'Vh|_F^2 / k); the divisor stays k.
 * 1 <= k <= dense->k, 0 <= S <= 1. */
double psi_support_overlap(const struct psi_modes *dense, const struct psi_modes *pruned, size_t k);

/* What S_k is by chance: sqrt(k/rows * k/cols). */
double psi_overlap_chance(size_t k, size_t rows, size_t cols);

/* Retained energy: |U_k' W V_k|_F^2 / |Sigma_k|^2 with U, V, Sigma of the dense matrix (its values
 * dense_value), W the pruned one (rows, cols). k <= dense->k. NaN where the dense energy is
 * 0 or w is not finite. */
double psi_retained_energy(const struct psi_modes *dense, const double *dense_value, const float *w,
                           size_t k);

/* |W|_F^2 / sigma_1^2, and exp(H(sigma^2 / sum sigma^2)) (Roy & Vetterli 2007, on squares); 0 for
 * a zero matrix, NaN for non-finite values. */
double psi_stable_rank(const double *value, size_t count);
double psi_effective_rank(const double *value, size_t count);

/* 99th percentile of the top singular value over `draws` shuffles of all entries of w (Buja &
 * Eyuboglu 1992's parallel analysis): the ceil(.99 * draws)-th smallest, 99 draws -> the largest.
 * draws >= 1. Non-finite entries in w give NaN and PSI_OK.
 * progress (may be NULL) is called between draws; PSI_STOPPED when it asks for that. */
enum psi_status psi_permutation_edge(const float *w, size_t rows, size_t cols, size_t draws,
                                     struct psi_random *random, const struct psi_progress *progress,
                                     double *edge, struct psi_error *err);

/* Marchenko-Pastur edge sigma (sqrt(rows) + sqrt(cols)), sigma = root mean square deviation of
 * the entries from their mean. */
double psi_marchenko_pastur_edge(const float *w, size_t rows, size_t cols);

/* Mode ablation: a matrix without its k leading modes, and three controls. (None of equal energy
 * and equal rank: the k leading modes are the only k that hold so much.) */
enum psi_ablation {
    PSI_ABLATE_TOP,    /* W - U_k Sigma_k V_k' */
    PSI_ABLATE_BOTTOM, /* the other modes from the smallest on, as many as hold equal energy ... */
    PSI_ABLATE_RANDOM, /* ... or in random order; the last one is scaled so that it is equal */
    PSI_ABLATE_FOREIGN /* W - P Sigma_k Q', P and Q random orthonormal (uniform): the same is
                          subtracted, but it is not W's own */
};
extern const char *const psi_ablation_names[]; /* "top", ...; NULL-ended */

struct psi_ablated {
    double energy;  /* of the k leading modes, sum of sigma^2 */
    double removed; /* |W|_F^2 - |W'|_F^2: equals energy, but: bottom and random remove less where
                       all modes but the leading ones hold less; foreign adds about as much */
    double subtracted; /* |W - W'|_F^2 */
};

/* Ablate w (rows, cols) in place. More modes than the rank: PSI_USAGE. A matrix that is not finite
 * stays as it is, figures NaN. random may be NULL for top and bottom. */
enum psi_status psi_ablate(enum psi_ablation kind, size_t k, float *w, size_t rows, size_t cols,
                           struct psi_random *random, struct psi_ablated *ablated,
                           struct psi_error *err);

/* Hold the first k of some modes out of a matrix that is trained: after every step
 * W <- (I - U U') W (I - V V'), in single precision. A mask must be applied again afterwards, and
 * lets a little back in. */
struct psi_projector;
enum psi_status psi_projector_create(const struct psi_modes *modes, size_t k,
                                     struct psi_projector **out, struct psi_error *err);
void psi_projector_destroy(struct psi_projector *projector);
void psi_project_out(struct psi_projector *projector, float *w); /* w (rows, cols) of the modes */

#endif
