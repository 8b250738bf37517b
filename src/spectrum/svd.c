#include "psisweep/spectrum.h"
#include "psisweep/memory.h"
#include "lapack.h"

#include <assert.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The occupied rows and columns of a matrix, and what dgesdd makes of them. */
struct decomposition {
    size_t rows, cols, values; /* occupied ones; values = min(rows, cols) */
    size_t *row, *col;         /* (rows), (cols): their indices in the matrix, ascending */
    double *matrix;            /* (rows, cols), row-major; overwritten by dgesdd */
    double *value;             /* (values), descending */
    double *u, *vt;            /* vectors if asked for, see decompose */
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int is_finite(const float *w, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(w[i]))
            return 0;
    return 1;
}

static void decomposition_clear(struct decomposition *d)
{
    free(d->vt);
    free(d->u);
    free(d->value);
    free(d->matrix);
    free(d->col);
    free(d->row);
}

/* Find the occupied rows and columns of w (rows, cols) and copy them; d is cleared by the caller.
 */
static enum psi_status strip(const float *w, size_t rows, size_t cols, struct decomposition *d,
                             struct psi_error *err)
{
    d->row = psi_allocate(rows, sizeof *d->row, "rows of a matrix", err);
    d->col = psi_allocate(cols, sizeof *d->col, "columns of a matrix", err);
    if (!d->row || !d->col)
        return PSI_MEMORY;
    for (size_t r = 0; r < rows; r++) {
        size_t occupied = 0;
        for (size_t c = 0; c < cols; c++) {
            int nonzero = w[r * cols + c] != 0;
            occupied |= (size_t)nonzero;
            d->col[c] |= (size_t)nonzero; /* a flag until all rows are seen */
        }
        if (occupied)
            d->row[d->rows++] = r;
    }
    for (size_t c = 0; c < cols; c++)
        if (d->col[c])
            d->col[d->cols++] = c;
    d->values = smaller(d->rows, d->cols);

    d->matrix = psi_allocate(d->rows * d->cols, sizeof *d->matrix, "matrix to decompose", err);
    d->value = psi_allocate(d->values, sizeof *d->value, "singular values", err);
    if (!d->matrix || !d->value)
        return PSI_MEMORY;
    for (size_t r = 0; r < d->rows; r++)
        for (size_t c = 0; c < d->cols; c++)
            d->matrix[r * d->cols + c] = w[d->row[r] * cols + d->col[c]];
    return PSI_OK;
}

/* matrix = W (rows, cols) row-major is W' (cols, rows) to LAPACK, and W' = u s vt is
 * W = vt' s u': so u (cols, values), column-major, holds the right vectors of W, vector i at
 * u[i * cols ...], and vt (values, rows), column-major, the left ones, entry r of vector i at
 * vt[r * values + i]. */
static enum psi_status decompose(struct decomposition *d, int vectors, struct psi_error *err)
{
    int m = (int)d->cols, n = (int)d->rows, values = (int)d->values, info = 0;
    const char *job = vectors ? "S" : "N";
    double *work = NULL, wanted = 0;
    enum psi_status status = PSI_MEMORY;
    int *iwork = psi_allocate(8 * d->values, sizeof *iwork, "workspace of dgesdd", err);
    if (!iwork)
        goto out;
    if (vectors) {
        d->u = psi_allocate(d->cols * d->values, sizeof *d->u, "singular vectors", err);
        d->vt = psi_allocate(d->values * d->rows, sizeof *d->vt, "singular vectors", err);
        if (!d->u || !d->vt)
            goto out;
    }
    int lwork = -1;
    dgesdd_(job, &m, &n, d->matrix, &m, d->value, d->u, &m, d->vt, &values, &wanted, &lwork, iwork,
            &info, 1);
    lwork = (int)wanted;
    work = psi_allocate((size_t)lwork, sizeof *work, "workspace of dgesdd", err);
    if (!work)
        goto out;
    dgesdd_(job, &m, &n, d->matrix, &m, d->value, d->u, &m, d->vt, &values, work, &lwork, iwork,
            &info, 1);
    assert(info >= 0);
    status = info == 0 ? PSI_OK
                       : psi_fail(err, PSI_NUMERIC,
                                  "singular values of a %d x %d matrix: dgesdd did not converge "
                                  "(info %d)",
                                  n, m, info);
out:
    free(work);
    free(iwork);
    return status;
}

/* How many values are above max(rows, cols) eps largest (LINPACK's rule, also NumPy's). */
static size_t numerical_rank(const struct decomposition *d, size_t rows, size_t cols)
{
    double size = (double)(rows > cols ? rows : cols);
    size_t rank = 0;
    while (rank < d->values && d->value[rank] > size * DBL_EPSILON * d->value[0])
        rank++;
    return rank;
}

/* Spread the leading vectors over the rows and columns that they were stripped of. */
static enum psi_status scatter(const struct decomposition *d, struct psi_modes *modes,
                               struct psi_error *err)
{
    modes->left = psi_allocate(modes->k * modes->rows, sizeof(double), "left modes", err);
    modes->right = psi_allocate(modes->k * modes->cols, sizeof(double), "right modes", err);
    if (!modes->left || !modes->right) {
        psi_modes_clear(modes);
        return PSI_MEMORY;
    }
    for (size_t i = 0; i < modes->k; i++) {
        for (size_t r = 0; r < d->rows; r++)
            modes->left[i * modes->rows + d->row[r]] = d->vt[r * d->values + i];
        for (size_t c = 0; c < d->cols; c++)
            modes->right[i * modes->cols + d->col[c]] = d->u[i * d->cols + c];
    }
    return PSI_OK;
}

enum psi_status psi_modes_compute(const float *w, size_t rows, size_t cols, size_t k, double *value,
                                  struct psi_modes *modes, struct psi_error *err)
{
    struct decomposition d = {0};
    struct psi_modes found = {.rows = rows, .cols = cols};
    size_t values = smaller(rows, cols);
    enum psi_status status = PSI_OK;
    if (rows > INT_MAX || cols > INT_MAX)
        return psi_fail(err, PSI_USAGE, "a %zu x %zu matrix is too large for LAPACK", rows, cols);

    int finite = is_finite(w, rows * cols);
    if (finite) {
        status = strip(w, rows, cols, &d, err);
        if (!status && d.values > 0)
            status = decompose(&d, k > 0, err);
        if (status)
            goto out;
        found.k = smaller(k, numerical_rank(&d, rows, cols));
    }
    if (found.k > 0)
        status = scatter(&d, &found, err);
    if (status)
        goto out;
    *modes = found;
    for (size_t i = 0; value && i < values; i++)
        value[i] = !finite ? NAN : i < d.values ? d.value[i] : 0.0;
out:
    decomposition_clear(&d);
    return status;
}

void psi_modes_clear(struct psi_modes *modes)
{
    free(modes->right);
    free(modes->left);
    memset(modes, 0, sizeof *modes);
}

enum psi_status psi_singular_values(const float *w, size_t rows, size_t cols, double *value,
                                    struct psi_error *err)
{
    struct psi_modes none;
    return psi_modes_compute(w, rows, cols, 0, value, &none, err);
}
