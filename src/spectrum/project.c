#include "psisweep/spectrum.h"
#include "psisweep/memory.h"
#include "lapack.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

struct psi_projector {
    int rows, cols, k;
    float *left, *right; /* (k, rows), (k, cols), row-major as psi_modes has them */
    float *work;         /* (k, larger of rows and cols) */
};

static void narrow(const double *from, size_t count, float *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)from[i];
}

enum psi_status psi_projector_create(const struct psi_modes *modes, size_t k,
                                     struct psi_projector **out, struct psi_error *err)
{
    size_t rows = modes->rows, cols = modes->cols;
    assert(k <= modes->k && rows <= INT_MAX && cols <= INT_MAX);
    struct psi_projector *projector = psi_allocate(1, sizeof *projector, "projector", err);
    if (!projector)
        return PSI_MEMORY;
    projector->rows = (int)rows;
    projector->cols = (int)cols;
    projector->k = (int)k;
    projector->left = psi_allocate(k * rows, sizeof(float), "projector", err);
    projector->right = psi_allocate(k * cols, sizeof(float), "projector", err);
    projector->work =
        psi_allocate(k * (rows > cols ? rows : cols), sizeof(float), "projector", err);
    if (!projector->left || !projector->right || !projector->work) {
        psi_projector_destroy(projector);
        return PSI_MEMORY;
    }
    narrow(modes->left, k * rows, projector->left);
    narrow(modes->right, k * cols, projector->right);
    *out = projector;
    return PSI_OK;
}

void psi_projector_destroy(struct psi_projector *projector)
{
    if (!projector)
        return;
    free(projector->work);
    free(projector->right);
    free(projector->left);
    free(projector);
}

/* W -= U (U' W), then W -= (W V) V'. To the Fortran routine w is W' (cols, rows), left is U
 * (rows, k) and right is V (cols, k). */
void psi_project_out(struct psi_projector *projector, float *w)
{
    const int rows = projector->rows, cols = projector->cols, k = projector->k;
    const float one = 1, minus = -1, zero = 0;
    float *u = projector->left, *v = projector->right, *work = projector->work;
    if (k == 0)
        return;
    /* work (cols, k) = W' U; W' -= work U' */
    sgemm_("N", "N", &cols, &k, &rows, &one, w, &cols, u, &rows, &zero, work, &cols, 1, 1);
    sgemm_("N", "T", &cols, &rows, &k, &minus, work, &cols, u, &rows, &one, w, &cols, 1, 1);
    /* work (k, rows) = V' W'; W' -= V work */
    sgemm_("T", "N", &k, &rows, &cols, &one, v, &cols, w, &cols, &zero, work, &k, 1, 1);
    sgemm_("N", "N", &cols, &rows, &k, &minus, v, &cols, work, &k, &one, w, &cols, 1, 1);
}
