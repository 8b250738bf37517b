#include "swap.h"
#include "psisweep/memory.h"

#include <assert.h>
#include <stdlib.h>

/* vector (k, size) -> unit (size, k) */
static void transpose(const double *vector, size_t k, size_t size, double *unit)
{
    for (size_t t = 0; t < k; t++)
        for (size_t i = 0; i < size; i++)
            unit[i * k + t] = vector[t * size + i];
}

static double dot(const double *a, const double *b, size_t k)
{
    double sum = 0;
    for (size_t t = 0; t < k; t++)
        sum += a[t] * b[t];
    return sum;
}

/* B += u v' */
static void add_outer(double *share, const double *u, const double *v, size_t k)
{
    for (size_t s = 0; s < k; s++)
        for (size_t t = 0; t < k; t++)
            share[s * k + t] += u[s] * v[t];
}

/* List the survivors, and sum up what they are. */
static void take_survivors(struct psi_swapper *swapper)
{
    size_t k = swapper->k, next = 0;
    for (size_t i = 0; i < swapper->rows; i++)
        for (size_t j = 0; j < swapper->cols; j++) {
            if (!swapper->mask[i * swapper->cols + j])
                continue;
            double w = swapper->w[i * swapper->cols + j];
            for (size_t t = 0; t < k; t++)
                swapper->change[t] = w * swapper->right[j * k + t];
            add_outer(swapper->share, swapper->left + i * k, swapper->change, k);
            swapper->squared_norm += w * w;
            swapper->row_norm[i] += w * w;
            swapper->col_norm[j] += w * w;
            swapper->row[next] = (uint32_t)i;
            swapper->col[next++] = (uint32_t)j;
        }
}

enum psi_status psi_swapper_open(const float *w, const struct psi_modes *modes, size_t k,
                                 uint8_t *mask, struct psi_swapper *swapper, struct psi_error *err)
{
    size_t rows = modes->rows, cols = modes->cols, count = psi_mask_count(mask, rows * cols);
    assert(k >= 1 && k <= modes->k && rows * cols <= UINT32_MAX);
    *swapper = (struct psi_swapper){
        .rows = rows, .cols = cols, .k = k, .w = w, .mask = mask, .count = count};
    const char *what = "swaps of a mask";
    swapper->row = psi_allocate(count, sizeof *swapper->row, what, err);
    swapper->col = psi_allocate(count, sizeof *swapper->col, what, err);
    swapper->left = psi_allocate(rows * k, sizeof *swapper->left, what, err);
    swapper->right = psi_allocate(cols * k, sizeof *swapper->right, what, err);
    swapper->share = psi_allocate(k * k, sizeof *swapper->share, what, err);
    swapper->change = psi_allocate(2 * k, sizeof *swapper->change, what, err);
    swapper->row_norm = psi_allocate(rows, sizeof *swapper->row_norm, what, err);
    swapper->col_norm = psi_allocate(cols, sizeof *swapper->col_norm, what, err);
    if (!swapper->row || !swapper->col || !swapper->left || !swapper->right || !swapper->share ||
        !swapper->change || !swapper->row_norm || !swapper->col_norm)
        return PSI_MEMORY;
    transpose(modes->left, k, rows, swapper->left);
    transpose(modes->right, k, cols, swapper->right);
    take_survivors(swapper);
    swapper->base_norm = swapper->squared_norm;
    return PSI_OK;
}

void psi_swapper_clear(struct psi_swapper *swapper)
{
    free(swapper->col_norm);
    free(swapper->row_norm);
    free(swapper->change);
    free(swapper->share);
    free(swapper->right);
    free(swapper->left);
    free(swapper->col);
    free(swapper->row);
}

/* The rows i, p and columns j, q of a swap, and the weights where they cross. */
struct corners {
    size_t i, j, p, q;
    double w_ij, w_iq, w_pj, w_pq;
};

static struct corners corners_of(const struct psi_swapper *swapper, const struct psi_swap *swap)
{
    struct corners at = {.i = swapper->row[swap->first],
                         .j = swapper->col[swap->first],
                         .p = swapper->row[swap->second],
                         .q = swapper->col[swap->second]};
    const float *row_i = swapper->w + at.i * swapper->cols,
                *row_p = swapper->w + at.p * swapper->cols;
    at.w_ij = row_i[at.j];
    at.w_iq = row_i[at.q];
    at.w_pj = row_p[at.j];
    at.w_pq = row_p[at.q];
    return at;
}

/* u' B a */
static double through(const double *share, const double *u, const double *a, size_t k)
{
    double sum = 0;
    for (size_t s = 0; s < k; s++)
        sum += u[s] * dot(share + s * k, a, k);
    return sum;
}

/* The swap adds D = u_i a' + u_p b' to B, a = w_iq v_q - w_ij v_j, b = w_pj v_j - w_pq v_q, and so
 * to |B|^2: 2 <B, D> + |D|^2 = 2 (u_i' B a + u_p' B b)
 *                              + |u_i|^2 |a|^2 + |u_p|^2 |b|^2 + 2 (u_i . u_p) (a . b). */
static double energy_change(const struct psi_swapper *swapper, const struct corners *at)
{
    size_t k = swapper->k;
    const double *u_i = swapper->left + at->i * k, *u_p = swapper->left + at->p * k;
    const double *v_j = swapper->right + at->j * k, *v_q = swapper->right + at->q * k;
    double *a = swapper->change, *b = swapper->change + k;
    for (size_t t = 0; t < k; t++) {
        a[t] = at->w_iq * v_q[t] - at->w_ij * v_j[t];
        b[t] = at->w_pj * v_j[t] - at->w_pq * v_q[t];
    }
    return 2 * (through(swapper->share, u_i, a, k) + through(swapper->share, u_p, b, k)) +
           dot(u_i, u_i, k) * dot(a, a, k) + dot(u_p, u_p, k) * dot(b, b, k) +
           2 * dot(u_i, u_p, k) * dot(a, b, k);
}

/* (norm + d)^2 - norm^2 */
static double square_change(double norm, double d)
{
    return d * (2 * norm + d);
}

int psi_swap_propose(struct psi_swapper *swapper, struct psi_random *random, struct psi_swap *swap)
{
    swap->first = psi_random_below(random, (uint32_t)swapper->count);
    swap->second = psi_random_below(random, (uint32_t)swapper->count);
    struct corners at = corners_of(swapper, swap);
    const uint8_t *mask = swapper->mask;
    if (at.i == at.p || at.j == at.q || mask[at.i * swapper->cols + at.q] ||
        mask[at.p * swapper->cols + at.j])
        return 0;

    double ij = at.w_ij * at.w_ij, iq = at.w_iq * at.w_iq, pj = at.w_pj * at.w_pj,
           pq = at.w_pq * at.w_pq;
    swap->energy = energy_change(swapper, &at);
    swap->squared_norm = iq + pj - ij - pq;
    swap->unevenness = square_change(swapper->row_norm[at.i], iq - ij) +
                       square_change(swapper->row_norm[at.p], pj - pq) +
                       square_change(swapper->col_norm[at.j], pj - ij) +
                       square_change(swapper->col_norm[at.q], iq - pq);
    return 1;
}

void psi_swap_apply(struct psi_swapper *swapper, const struct psi_swap *swap)
{
    size_t k = swapper->k, cols = swapper->cols;
    struct corners at = corners_of(swapper, swap);
    swapper->mask[at.i * cols + at.j] = swapper->mask[at.p * cols + at.q] = 0;
    swapper->mask[at.i * cols + at.q] = swapper->mask[at.p * cols + at.j] = 1;
    swapper->col[swap->first] = (uint32_t)at.q;
    swapper->col[swap->second] = (uint32_t)at.j;
    add_outer(swapper->share, swapper->left + at.i * k, swapper->change, k);
    add_outer(swapper->share, swapper->left + at.p * k, swapper->change + k, k);
    double ij = at.w_ij * at.w_ij, iq = at.w_iq * at.w_iq, pj = at.w_pj * at.w_pj,
           pq = at.w_pq * at.w_pq;
    swapper->row_norm[at.i] += iq - ij;
    swapper->row_norm[at.p] += pj - pq;
    swapper->col_norm[at.j] += pj - ij;
    swapper->col_norm[at.q] += iq - pq;
    swapper->squared_norm += swap->squared_norm;
}

double psi_swap_deviation(const struct psi_swapper *swapper, double growth)
{
    static const double tolerance = .0045; /* of the base's squared norm */
    return (swapper->squared_norm + growth - swapper->base_norm) / (tolerance * swapper->base_norm);
}
