/* What the tests of the claims read of a finished or half-finished sweep: plain arrays, borrowed.
 *
 * Cells are indexed (arm * seeds + seed) * densities + density, as in threshold.h; what a cell has
 * of each layer or rung follows innermost. A value counts only where its cell is finished.
 */
#ifndef PSISWEEP_MEASURED_H
#define PSISWEEP_MEASURED_H

#include <stddef.h>
#include <stdint.h>

struct psi_measured {
    size_t arms, seeds, densities, layers;
    const double *density;              /* (densities) nominal, descending */
    const uint8_t *finished;            /* (cells) */
    const double *psi_pruned, *psi;     /* (cells) before and after retraining; NaN = undefined */
    const double *achieved, *effective; /* (cells) density counted, and on a path */
    const double *bound;                /* (cells) most that Psi can be */
    const double *overlap;              /* (cells) of the network, after pruning; NaN = undefined */
    const double *overlap_fixed;        /* (cells, layers) S_5 after pruning */
    const double *layer_density;        /* (cells, layers) */
    const double *square_norm;          /* (cells, layers) |W|_F^2 after pruning */
    const uint64_t *degree_digest;      /* (cells, layers) */
    const double *dense_square_norm;    /* (seeds, layers) */

    size_t rungs;           /* of the rescue ladder; 0 = none, and then no arrays */
    const uint8_t *climbed; /* (cells) 1 = its ladder has ended */
    const uint8_t *tried;   /* (cells, rungs) 1 = done */
    const double *rung_psi; /* (cells, rungs) Psi on the validation split, mean over draws */
};

size_t psi_measured_at(const struct psi_measured *measured, size_t arm, size_t seed,
                       size_t density);

/* 1 = finished, and Psi is defined before and after retraining. */
int psi_measured_has(const struct psi_measured *measured, size_t cell);

/* 1 = the classes without a path alone force a collapse. Such cells are reported apart. */
int psi_measured_disconnected(const struct psi_measured *measured, size_t cell);

#endif
