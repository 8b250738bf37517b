#include "psisweep/memory.h"
#include "psisweep/regress.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum psi_status psi_spline_knots(const double *value, size_t rows, double knot[PSI_SPLINE_KNOTS],
                                 struct psi_error *err)
{
    static const double quantile[PSI_SPLINE_KNOTS] = {0.05, 0.35, 0.65, 0.95};
    assert(rows >= 1);
    double *sorted = psi_allocate(rows, sizeof *sorted, "spline", err);
    if (!sorted)
        return PSI_MEMORY;
    memcpy(sorted, value, rows * sizeof *sorted);
    qsort(sorted, rows, sizeof *sorted, ascending);
    for (int k = 0; k < PSI_SPLINE_KNOTS; k++) {
        double at = quantile[k] * (double)(rows - 1);
        size_t below = (size_t)at, above = below + (below + 1 < rows);
        knot[k] = sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
    }
    free(sorted);
    return PSI_OK;
}

static double cube(double x)
{
    return x > 0 ? x * x * x : 0;
}

/* With knots t_1 .. t_K, each but the last two gives
 *     ((x - t_j)+^3 - (x - t_K-1)+^3 (t_K - t_j)/(t_K - t_K-1)
 *                   + (x - t_K)+^3 (t_K-1 - t_j)/(t_K - t_K-1)) / (t_K - t_1)^2. */
void psi_spline_terms(double x, const double knot[PSI_SPLINE_KNOTS], double term[PSI_SPLINE_TERMS])
{
    double last = knot[PSI_SPLINE_KNOTS - 1], before = knot[PSI_SPLINE_KNOTS - 2];
    double step = last - before, range = last - knot[0];
    for (int j = 0; j < PSI_SPLINE_TERMS; j++) {
        double t = knot[j];
        term[j] = step > 0 ? (cube(x - t) - cube(x - before) * (last - t) / step +
                              cube(x - last) * (before - t) / step) /
                                 (range * range)
                           : 0;
    }
}
