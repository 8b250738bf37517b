#include "psisweep/spectrum.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>

const char *const psi_ablation_names[] = {"top", "bottom", "random", "foreign", NULL};

static double dot(const double *a, const double *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Orthonormal rows (k, size), k <= size, uniform (Haar): Gaussian ones by Gram-Schmidt, which is
 * the QR decomposition with a positive diagonal (Mezzadri 2007). Each is orthogonalised twice,
 * which is enough (Giraud et al. 2005). */
static void draw_orthonormal(double *row, size_t k, size_t size, struct psi_random *random)
{
    for (size_t i = 0; i < k; i++) {
        double *x = row + i * size;
        for (size_t c = 0; c < size; c++)
            x[c] = psi_random_normal(random);
        for (size_t pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < i; j++) {
                const double *y = row + j * size;
                double along = dot(x, y, size);
                for (size_t c = 0; c < size; c++)
                    x[c] -= along * y[c];
            }
        double length = sqrt(dot(x, x, size));
        for (size_t c = 0; c < size; c++)
            x[c] /= length;
    }
}

/* loss (rank): how much each singular value is lowered by, taken in `order` of the modes (count)
 * until their energy is used up; the last mode keeps sqrt(sigma^2 - what is missing). */
static void lower_in_order(const double *value, const uint32_t *order, size_t count, double energy,
                           double *loss)
{
    for (size_t i = 0; i < count && energy > 0; i++) {
        double sigma = value[order[i]], own = sigma * sigma;
        loss[order[i]] = own <= energy ? sigma : sigma - sqrt(own - energy);
        energy -= own;
    }
}

/* The modes k .. rank-1 from the last on, or in random order. */
static enum psi_status lower_others(enum psi_ablation kind, const double *value, size_t k,
                                    size_t rank, struct psi_random *random, double *loss,
                                    struct psi_error *err)
{
    size_t others = rank - k;
    uint32_t *order = psi_allocate(others, sizeof *order, "order of modes", err);
    if (!order)
        return PSI_MEMORY;
    for (size_t i = 0; i < others; i++)
        order[i] = (uint32_t)(rank - 1 - i);
    if (kind == PSI_ABLATE_RANDOM)
        psi_random_shuffle(random, order, (uint32_t)others);
    lower_in_order(value, order, others, dot(value, value, k), loss);
    free(order);
    return PSI_OK;
}

/* w -= sum_i loss_i left_i right_i', in double precision row by row; line (cols) is workspace */
static void subtract(const struct psi_modes *modes, const double *loss, size_t count, float *w,
                     double *line, struct psi_ablated *ablated)
{
    for (size_t r = 0; r < modes->rows; r++) {
        for (size_t c = 0; c < modes->cols; c++)
            line[c] = 0;
        for (size_t i = 0; i < count; i++) {
            double factor = loss[i] * modes->left[i * modes->rows + r];
            const double *right = modes->right + i * modes->cols;
            if (factor == 0)
                continue;
            for (size_t c = 0; c < modes->cols; c++)
                line[c] += factor * right[c];
        }
        for (size_t c = 0; c < modes->cols; c++) {
            double before = w[r * modes->cols + c], after = (float)(before - line[c]);
            w[r * modes->cols + c] = (float)after;
            ablated->removed += before * before - after * after;
            ablated->subtracted += (before - after) * (before - after);
        }
    }
}

/* modes (all there are) and value of w; lower them as asked. */
static enum psi_status ablate_modes(enum psi_ablation kind, size_t k, struct psi_modes *modes,
                                    const double *value, float *w, struct psi_random *random,
                                    struct psi_ablated *ablated, struct psi_error *err)
{
    enum psi_status status = PSI_MEMORY;
    double *line = NULL;
    double *loss = psi_allocate(modes->k, sizeof *loss, "ablated modes", err);
    if (!loss)
        goto out;
    line = psi_allocate(modes->cols, sizeof *line, "ablated row", err);
    if (!line)
        goto out;
    status = PSI_OK;
    if (kind == PSI_ABLATE_BOTTOM || kind == PSI_ABLATE_RANDOM)
        status = lower_others(kind, value, k, modes->k, random, loss, err);
    else
        for (size_t i = 0; i < k; i++)
            loss[i] = value[i];
    if (status)
        goto out;
    if (kind == PSI_ABLATE_FOREIGN) {
        draw_orthonormal(modes->left, k, modes->rows, random);
        draw_orthonormal(modes->right, k, modes->cols, random);
    }
    *ablated = (struct psi_ablated){.energy = dot(value, value, k)};
    subtract(modes, loss, modes->k, w, line, ablated);
out:
    free(line);
    free(loss);
    return status;
}

enum psi_status psi_ablate(enum psi_ablation kind, size_t k, float *w, size_t rows, size_t cols,
                           struct psi_random *random, struct psi_ablated *ablated,
                           struct psi_error *err)
{
    size_t values = rows < cols ? rows : cols;
    struct psi_modes modes = {0};
    double *value = psi_allocate(values, sizeof *value, "singular values", err);
    if (!value)
        return PSI_MEMORY;
    enum psi_status status = psi_modes_compute(w, rows, cols, values, value, &modes, err);
    if (status)
        goto out;
    if (values > 0 && isnan(value[0]))
        *ablated = (struct psi_ablated){NAN, NAN, NAN};
    else if (k > modes.k)
        status = psi_fail(err, PSI_USAGE, "%zu modes to ablate, but a %zu x %zu matrix of rank %zu",
                          k, rows, cols, modes.k);
    else
        status = ablate_modes(kind, k, &modes, value, w, random, ablated, err);
out:
    psi_modes_clear(&modes);
    free(value);
    return status;
}
