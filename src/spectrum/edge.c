#include "psisweep/spectrum.h"
#include "psisweep/memory.h"
#include "lapack.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for shuffled copies of a (rows, cols) matrix and the top singular value of each. */
struct shuffler {
    int rows, cols, small; /* small = min(rows, cols) */
    uint32_t *bits;        /* (rows, cols): the entries as they are stored, in shuffled order */
    double *matrix;        /* (rows, cols), row-major */
    double *gram;          /* (small, small), lower triangle */
    double *eigenvalue;    /* (small) */
    double *work;
    int *iwork;
    int lwork, liwork;
};

static void shuffler_clear(struct shuffler *s)
{
    free(s->iwork);
    free(s->work);
    free(s->eigenvalue);
    free(s->gram);
    free(s->matrix);
    free(s->bits);
}

/* The largest eigenvalue of gram, or with lwork = -1 the sizes of the workspaces wanted. */
static int top_eigenvalue(struct shuffler *s, double *work, int lwork, int *iwork, int liwork)
{
    double unused = 0;
    int found, support[2], one = 1, info;
    dsyevr_("N", "I", "L", &s->small, s->gram, &s->small, &unused, &unused, &s->small, &s->small,
            &unused, &found, s->eigenvalue, &unused, &one, support, work, &lwork, iwork, &liwork,
            &info, 1, 1, 1);
    assert(info >= 0);
    return info;
}

static enum psi_status shuffler_open(struct shuffler *s, const float *w, size_t rows, size_t cols,
                                     struct psi_error *err)
{
    static const char what[] = "permutation edge";
    size_t count = rows * cols, small = rows < cols ? rows : cols;
    s->rows = (int)rows;
    s->cols = (int)cols;
    s->small = (int)small;
    s->bits = psi_allocate(count, sizeof *s->bits, what, err);
    s->matrix = psi_allocate(count, sizeof *s->matrix, what, err);
    s->gram = psi_allocate(small * small, sizeof *s->gram, what, err);
    s->eigenvalue = psi_allocate(small, sizeof *s->eigenvalue, what, err);
    if (!s->bits || !s->matrix || !s->gram || !s->eigenvalue)
        return PSI_MEMORY;
    double wanted;
    top_eigenvalue(s, &wanted, -1, &s->liwork, -1);
    s->lwork = (int)wanted;
    s->work = psi_allocate((size_t)s->lwork, sizeof *s->work, what, err);
    s->iwork = psi_allocate((size_t)s->liwork, sizeof *s->iwork, what, err);
    if (!s->work || !s->iwork)
        return PSI_MEMORY;
    _Static_assert(sizeof *s->bits == sizeof *w, "an entry fits the shuffled word");
    memcpy(s->bits, w, count * sizeof *w);
    return PSI_OK;
}

/* sigma_1 of one more shuffle, as sqrt(lambda_1(M M')): the square costs the small values their
 * digits, not the largest, and takes a third of dgesdd's time. */
static enum psi_status shuffle_once(struct shuffler *s, struct psi_random *random, double *top,
                                    struct psi_error *err)
{
    size_t count = (size_t)s->rows * (size_t)s->cols;
    psi_random_shuffle(random, s->bits, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        float entry;
        memcpy(&entry, s->bits + i, sizeof entry);
        s->matrix[i] = entry;
    }
    /* matrix is M' (cols, rows) to BLAS: M M' is its "T", M' M its "N" product */
    const char *product = s->rows <= s->cols ? "T" : "N";
    const int *inner = s->rows <= s->cols ? &s->cols : &s->rows;
    double one = 1, zero = 0;
    dsyrk_("L", product, &s->small, inner, &one, s->matrix, &s->cols, &zero, s->gram, &s->small, 1,
           1);
    int info = top_eigenvalue(s, s->work, s->lwork, s->iwork, s->liwork);
    if (info > 0)
        return psi_fail(err, PSI_NUMERIC,
                        "permutation edge of a %d x %d matrix: dsyevr did not converge (info %d)",
                        s->rows, s->cols, info);
    *top = sqrt(fmax(s->eigenvalue[0], 0));
    return PSI_OK;
}

static int ascending(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

enum psi_status psi_permutation_edge(const float *w, size_t rows, size_t cols, size_t draws,
                                     struct psi_random *random, const struct psi_progress *progress,
                                     double *edge, struct psi_error *err)
{
    assert(rows >= 1 && cols >= 1 && draws >= 1);
    if (rows > INT_MAX || cols > INT_MAX || rows > UINT32_MAX / cols)
        return psi_fail(err, PSI_USAGE, "permutation edge: a %zu x %zu matrix is too large", rows,
                        cols);
    for (size_t i = 0; i < rows * cols; i++)
        if (!isfinite(w[i])) {
            *edge = NAN;
            return PSI_OK;
        }
    struct shuffler shuffler = {0};
    enum psi_status status = PSI_MEMORY;
    double *top = psi_allocate(draws, sizeof *top, "permutation edge", err);
    if (!top)
        goto out;
    status = shuffler_open(&shuffler, w, rows, cols, err);
    for (size_t i = 0; !status && i < draws; i++)
        status = psi_progress_stop(progress) ? psi_fail(err, PSI_STOPPED, "asked to stop")
                                             : shuffle_once(&shuffler, random, top + i, err);
    if (status)
        goto out;
    qsort(top, draws, sizeof *top, ascending);
    *edge = top[(99 * draws + 99) / 100 - 1]; /* the ceil(.99 draws)-th */
out:
    shuffler_clear(&shuffler);
    free(top);
    return status;
}

/* sigma (sqrt(rows) + sqrt(cols)): where the largest singular value of independent entries of
 * mean 0 ends up (Marchenko & Pastur 1967, Geman 1980) */
double psi_marchenko_pastur_edge(const float *w, size_t rows, size_t cols)
{
    double count = (double)rows * (double)cols, sum = 0, squares = 0;
    for (size_t i = 0; i < rows * cols; i++)
        sum += w[i];
    double mean = sum / count;
    for (size_t i = 0; i < rows * cols; i++)
        squares += (w[i] - mean) * (w[i] - mean);
    return sqrt(squares / count) * (sqrt((double)rows) + sqrt((double)cols));
}
