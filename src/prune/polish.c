#include "swap.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>

/* How many overlaps are evaluated: as many as cost some tenths of a second, by r c min(r, c)
 * operations each; and none where that is too few to get anywhere, which are large matrices, whose
 * overlap annealing has raised enough. */
enum { EVALUATIONS_MAX = 1500, EVALUATIONS_MIN = 100, PROPOSALS_EACH = 50 };
static const double operations = 4e8;

/* The matrix under its mask without empty rows and columns; which ones those are no swap changes.
 */
struct compact {
    size_t rows, cols;
    uint32_t *row, *col;    /* (all rows), (all cols): each one's place here from 1 on, 0 = empty */
    float *pruned;          /* (rows, cols) */
    struct psi_modes dense; /* the dense modes' entries there: all that overlaps are made of */
};

static void compact_clear(struct compact *compact)
{
    psi_modes_clear(&compact->dense);
    free(compact->pruned);
    free(compact->col);
    free(compact->row);
}

/* index (size) holds how many survivors each unit has, and then its place, counted from 1. */
static size_t number_occupied(uint32_t *index, size_t size)
{
    uint32_t next = 0;
    for (size_t i = 0; i < size; i++)
        if (index[i] > 0)
            index[i] = next++ + 1;
    return next;
}

/* unit (size, k) -> vector (k, occupied) */
static void gather_modes(const double *unit, size_t k, const uint32_t *index, size_t size,
                         double *vector, size_t occupied)
{
    for (size_t i = 0; i < size; i++)
        for (size_t t = 0; index[i] > 0 && t < k; t++)
            vector[t * occupied + index[i] - 1] = unit[i * k + t];
}

static enum psi_status compact_open(const struct psi_swapper *swapper, struct compact *compact,
                                    struct psi_error *err)
{
    const char *what = "occupied part of a matrix";
    size_t k = swapper->k;
    compact->row = psi_allocate(swapper->rows, sizeof *compact->row, what, err);
    compact->col = psi_allocate(swapper->cols, sizeof *compact->col, what, err);
    if (!compact->row || !compact->col)
        return PSI_MEMORY;
    for (size_t s = 0; s < swapper->count; s++) {
        compact->row[swapper->row[s]]++;
        compact->col[swapper->col[s]]++;
    }
    size_t rows = compact->rows = number_occupied(compact->row, swapper->rows);
    size_t cols = compact->cols = number_occupied(compact->col, swapper->cols);
    compact->pruned = psi_allocate(rows * cols, sizeof(float), what, err);
    compact->dense = (struct psi_modes){.rows = rows, .cols = cols, .k = k};
    compact->dense.left = psi_allocate(k * rows, sizeof(double), what, err);
    compact->dense.right = psi_allocate(k * cols, sizeof(double), what, err);
    if (!compact->pruned || !compact->dense.left || !compact->dense.right)
        return PSI_MEMORY;
    gather_modes(swapper->left, k, compact->row, swapper->rows, compact->dense.left, rows);
    gather_modes(swapper->right, k, compact->col, swapper->cols, compact->dense.right, cols);
    return PSI_OK;
}

static float *compact_entry(const struct compact *compact, size_t row, size_t col)
{
    return compact->pruned + (compact->row[row] - 1) * compact->cols + compact->col[col] - 1;
}

/* Write the two survivors of a swap, or zeros, where they are, or crossed: where they would go. */
static void compact_set(const struct compact *compact, const struct psi_swapper *swapper,
                        const struct psi_swap *swap, int present, int crossed)
{
    const size_t survivor[2] = {swap->first, swap->second};
    for (size_t s = 0; s < 2; s++) {
        size_t row = swapper->row[survivor[s]], col = swapper->col[survivor[crossed ? 1 - s : s]];
        *compact_entry(compact, row, col) = present ? swapper->w[row * swapper->cols + col] : 0;
    }
}

static enum psi_status overlap_now(const struct compact *compact, size_t k, double *overlap,
                                   struct psi_error *err)
{
    struct psi_modes found;
    enum psi_status status =
        psi_modes_compute(compact->pruned, compact->rows, compact->cols, k, NULL, &found, err);
    if (status)
        return status;
    *overlap = psi_support_overlap(&compact->dense, &found, k);
    psi_modes_clear(&found);
    return PSI_OK;
}

static size_t evaluations(const struct compact *compact)
{
    double rows = (double)compact->rows, cols = (double)compact->cols;
    double affordable = operations / (rows * cols * fmin(rows, cols));
    if (affordable < EVALUATIONS_MIN)
        return 0;
    return affordable < EVALUATIONS_MAX ? (size_t)affordable : EVALUATIONS_MAX;
}

/* Try swaps that the norm allows, keep those that raise the overlap. */
static enum psi_status climb(struct psi_swapper *swapper, const struct compact *compact,
                             struct psi_random *random, struct psi_error *err)
{
    double best, overlap;
    size_t left = evaluations(compact);
    if (left == 0)
        return PSI_OK;
    enum psi_status status = overlap_now(compact, swapper->k, &best, err);
    for (size_t tries = PROPOSALS_EACH * left; !status && left > 0 && tries > 0; tries--) {
        struct psi_swap swap;
        if (!psi_swap_propose(swapper, random, &swap) ||
            fabs(psi_swap_deviation(swapper, swap.squared_norm)) > 1)
            continue;
        compact_set(compact, swapper, &swap, 0, 0);
        compact_set(compact, swapper, &swap, 1, 1);
        status = overlap_now(compact, swapper->k, &overlap, err);
        if (!status && overlap > best) {
            best = overlap;
            psi_swap_apply(swapper, &swap);
        } else {
            compact_set(compact, swapper, &swap, 0, 1);
            compact_set(compact, swapper, &swap, 1, 0);
        }
        left--;
    }
    return status;
}

enum psi_status psi_swap_polish(struct psi_swapper *swapper, struct psi_random *random,
                                struct psi_error *err)
{
    struct compact compact = {0};
    if (swapper->count == 0)
        return PSI_OK;
    enum psi_status status = compact_open(swapper, &compact, err);
    if (status)
        goto out;
    for (size_t s = 0; s < swapper->count; s++) {
        size_t row = swapper->row[s], col = swapper->col[s];
        *compact_entry(&compact, row, col) = swapper->w[row * swapper->cols + col];
    }
    status = climb(swapper, &compact, random, err);
out:
    compact_clear(&compact);
    return status;
}
