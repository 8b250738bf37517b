#include "psisweep/spectrum.h"

#include <assert.h>
#include <math.h>

/* Partial sums of a scalar product: independent, so that it runs on vector registers without
 * leave to reorder sums, and in a fixed order, so that its bits depend on nothing else. */
enum { LANES = 16 };

static double sum_lanes(const double *lane)
{
    double sum = 0;
    for (size_t l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

/* sum_i a_i b_i */
static double dot(const double *a, const double *b, size_t count)
{
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += a[i + l] * b[i + l];
    for (size_t l = 0; i + l < count; l++)
        lane[l] += a[i + l] * b[i + l];
    return sum_lanes(lane);
}

static double dot_float(const float *a, const double *b, size_t count)
{
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += (double)a[i + l] * b[i + l];
    for (size_t l = 0; i + l < count; l++)
        lane[l] += (double)a[i + l] * b[i + l];
    return sum_lanes(lane);
}

/* |A B'|_F^2 = sum_ij (a_i . b_j)^2 of a (a_count, size) and b (b_count, size) */
static double shared_energy(const double *a, size_t a_count, const double *b, size_t b_count,
                            size_t size)
{
    double sum = 0;
    for (size_t i = 0; i < a_count; i++)
        for (size_t j = 0; j < b_count; j++) {
            double product = dot(a + i * size, b + j * size, size);
            sum += product * product;
        }
    return sum;
}

/* S_k = sqrt(|U'Uh|_F^2 / k * |V'Vh|_F^2 / k) */
double psi_support_overlap(const struct psi_modes *dense, const struct psi_modes *pruned, size_t k)
{
    assert(k >= 1 && k <= dense->k);
    assert(dense->rows == pruned->rows && dense->cols == pruned->cols);
    size_t held = k < pruned->k ? k : pruned->k;
    double left = shared_energy(dense->left, k, pruned->left, held, dense->rows);
    double right = shared_energy(dense->right, k, pruned->right, held, dense->cols);
    /* each is at most 1 but for rounding */
    return fmin(sqrt(left / (double)k * (right / (double)k)), 1.0);
}

/* A fixed k-dimensional subspace of R^n holds k/n of the length of a random direction in the mean,
 * so E|U'Uh|_F^2 / k = k/n. */
double psi_overlap_chance(size_t k, size_t rows, size_t cols)
{
    return (double)k / sqrt((double)rows * (double)cols);
}

/* |U' W v|^2 for one right vector v (cols) and the first k rows of left */
static double energy_through(const struct psi_modes *dense, const float *w, const double *v,
                             size_t k)
{
    enum { BLOCK = 32 }; /* left vectors at a time: no memory of its own, W v once for usual k */
    double energy = 0;
    for (size_t first = 0; first < k; first += BLOCK) {
        size_t count = k - first < BLOCK ? k - first : BLOCK;
        double projection[BLOCK] = {0};
        for (size_t r = 0; r < dense->rows; r++) {
            double image = dot_float(w + r * dense->cols, v, dense->cols);
            for (size_t i = 0; i < count; i++)
                projection[i] += dense->left[(first + i) * dense->rows + r] * image;
        }
        energy += dot(projection, projection, count);
    }
    return energy;
}

/* |U_k' W V_k|_F^2 / sum_{i<k} sigma_i^2 */
double psi_retained_energy(const struct psi_modes *dense, const double *dense_value, const float *w,
                           size_t k)
{
    assert(k <= dense->k);
    double retained = 0;
    for (size_t i = 0; i < k; i++)
        retained += energy_through(dense, w, dense->right + i * dense->cols, k);
    double energy = dot(dense_value, dense_value, k);
    return energy > 0 && isfinite(retained) ? retained / energy : NAN;
}
