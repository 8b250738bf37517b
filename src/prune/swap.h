/* Degree-preserving swaps in the mask of one matrix, and what each does to the dense modes. */
#ifndef PSISWEEP_PRUNE_SWAP_H
#define PSISWEEP_PRUNE_SWAP_H

#include "psisweep/causal.h"
#include "psisweep/prune.h"

struct psi_swapper {
    size_t rows, cols, k;
    const float *w;       /* (rows, cols) dense; borrowed */
    uint8_t *mask;        /* (rows, cols); borrowed, and changed by psi_swap_apply */
    size_t count;         /* survivors */
    uint32_t *row, *col;  /* (count) where they are, in no order */
    double *left, *right; /* (rows, k), (cols, k): a unit's share in each mode is contiguous */
    double *share;        /* (k, k) B = U' (W o M) V */
    double *change;       /* (2, k) of the swap proposed last */
    double *row_norm;     /* (rows) squared norm of each row of W o M ... */
    double *col_norm;     /* (cols) ... and of each column */
    double squared_norm;  /* |W o M|_F^2 */
    double base_norm;     /* what that was at first */
};

/* Survivors number `first` (i, j) and `second` (p, q) give way to (i, q) and (p, j). */
struct psi_swap {
    size_t first, second;
    double energy;       /* by which |B|_F^2 grows */
    double squared_norm; /* by which |W o M|_F^2 grows */
    double unevenness;   /* by which the sum of the squares of row_norm and col_norm grows */
};

/* Begin with the first k modes of a matrix, 1 <= k <= modes->k. swapper is filled; release it with
 * psi_swapper_clear, on failure too. */
enum psi_status psi_swapper_open(const float *w, const struct psi_modes *modes, size_t k,
                                 uint8_t *mask, struct psi_swapper *swapper, struct psi_error *err);
void psi_swapper_clear(struct psi_swapper *swapper);

/* Two survivors drawn at random, and what their swap would change, in O(k^2); 0 where a place that
 * they would take is not free. count >= 1. */
int psi_swap_propose(struct psi_swapper *swapper, struct psi_random *random, struct psi_swap *swap);

/* Make the swap proposed last. */
void psi_swap_apply(struct psi_swapper *swapper, const struct psi_swap *swap);

/* How far the squared norm is from the base's, in units of the tolerance, if it grew so much. */
double psi_swap_deviation(const struct psi_swapper *swapper, double growth);

/* Swap towards the goal until nothing is gained any more. The deviation stays within -1 .. 1, here
 * and below. */
void psi_swap_anneal(struct psi_swapper *swapper, enum psi_swap_goal goal,
                     struct psi_random *random);

/* Then raise the overlap S_k itself by single swaps, where the matrix is so sparse that its modes
 * are cheap: |B|^2 and S part there. */
enum psi_status psi_swap_polish(struct psi_swapper *swapper, struct psi_random *random,
                                struct psi_error *err);

#endif
