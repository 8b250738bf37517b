#include "psisweep/memory.h"
#include "psisweep/sharpness.h"

#include <assert.h>
#include <math.h>
#include <nlopt.h>
#include <stdlib.h>
#include <string.h>

const char *const psi_fit_name[PSI_FITS + 1] = {
    [PSI_FIT_OK] = "fitted",
    [PSI_FIT_FLOORED] = "within one grid step",
    [PSI_FIT_FEW] = "too few cells",
    [PSI_FIT_ONE_SIDED] = "one side of the fall only",
    [PSI_FIT_CUT] = "grid ends within the fall",
    [PSI_FIT_FAILED] = "no minimum found",
    [PSI_FIT_ADAPTIVE] = "an adaptive grid has cells around F_min only",
};

enum { LOWER, UPPER, CENTER, LOG_FALL, PARAMETERS };
static const double LEAST[2] = {-0.1, 0.5}, MOST[2] = {0.5, 1.2}; /* of lower and upper */

/* x (cells) = log10 d, ascending; psi (cells) */
struct curve {
    size_t cells;
    double *x, *psi;
};

static double share_at(double x, double center, double fall)
{
    return 1 / (1 + exp(-2 * log(9) * (x - center) / fall));
}

/* Sum of squared residuals and, unless NULL, its gradient; for NLopt. */
static double squares(unsigned parameters, const double *p, double *gradient, void *data)
{
    const struct curve *curve = data;
    double fall = exp(p[LOG_FALL]), sum = 0;
    for (unsigned i = 0; gradient && i < parameters; i++)
        gradient[i] = 0;
    for (size_t i = 0; i < curve->cells; i++) {
        double share = share_at(curve->x[i], p[CENTER], fall);
        double off = p[LOWER] + (p[UPPER] - p[LOWER]) * share - curve->psi[i];
        sum += off * off;
        if (!gradient)
            continue;
        /* d share / d center = -share (1 - share) 2 ln 9 / fall; by log fall, times (x - center) */
        double steep = -2 * off * (p[UPPER] - p[LOWER]) * share * (1 - share) * 2 * log(9) / fall;
        gradient[LOWER] += 2 * off * (1 - share);
        gradient[UPPER] += 2 * off * share;
        gradient[CENTER] += steep;
        gradient[LOG_FALL] += steep * (curve->x[i] - p[CENTER]);
    }
    return sum;
}

/* The best asymptotes for a center and fall: linear least squares, clipped to their bounds. Returns
 * the sum of squares, from the same sums. */
static double try_start(const struct curve *curve, double p[PARAMETERS])
{
    double n = (double)curve->cells, s = 0, ss = 0, y = 0, sy = 0, yy = 0;
    double fall = exp(p[LOG_FALL]);
    for (size_t i = 0; i < curve->cells; i++) {
        double share = share_at(curve->x[i], p[CENTER], fall), psi = curve->psi[i];
        s += share / n;
        ss += share * share / n;
        y += psi / n;
        sy += share * psi / n;
        yy += psi * psi / n;
    }
    double spread = ss - s * s;
    double height = spread > 1e-12 ? (sy - s * y) / spread : 1;
    double lower = p[LOWER] = fmin(MOST[0], fmax(LEAST[0], y - height * s));
    p[UPPER] = fmin(MOST[1], fmax(LEAST[1], lower + height));
    height = p[UPPER] - lower;
    return n * (yy + lower * (lower - 2 * y) + height * (height * ss + 2 * lower * s - 2 * sy));
}

/* The best of a mesh of centers and falls: near the global minimum, whatever the curve's shape. */
static void find_start(const struct curve *curve, const double *least, const double *most,
                       double best[PARAMETERS])
{
    enum { CENTERS = 24, FALLS = 8 };
    double lowest = INFINITY;
    for (int c = 0; c < CENTERS; c++) {
        for (int f = 0; f < FALLS; f++) {
            double p[PARAMETERS];
            p[CENTER] = least[CENTER] + (most[CENTER] - least[CENTER]) * (c + 0.5) / CENTERS;
            p[LOG_FALL] = least[LOG_FALL] + (most[LOG_FALL] - least[LOG_FALL]) * (f + 0.5) / FALLS;
            double sum = try_start(curve, p);
            if (!(sum < lowest))
                continue;
            lowest = sum;
            for (int i = 0; i < PARAMETERS; i++)
                best[i] = p[i];
        }
    }
}

/* One of NLopt's algorithms from p, which it moves only when it converges: *sum is then the least
 * sum of squares, else NaN. */
static enum psi_status solve(nlopt_algorithm algorithm, struct curve *curve, const double *least,
                             const double *most, double p[PARAMETERS], double *sum,
                             struct psi_error *err)
{
    double found[PARAMETERS];
    memcpy(found, p, sizeof found);
    nlopt_opt solver = nlopt_create(algorithm, PARAMETERS);
    nlopt_result result = NLOPT_OUT_OF_MEMORY;
    if (solver) {
        nlopt_set_lower_bounds(solver, least);
        nlopt_set_upper_bounds(solver, most);
        nlopt_set_min_objective(solver, squares, curve);
        nlopt_set_xtol_rel(solver, 1e-12);
        nlopt_set_maxeval(solver, 5000);
        result = nlopt_optimize(solver, found, sum);
        nlopt_destroy(solver);
    }
    if (result == NLOPT_OUT_OF_MEMORY)
        return psi_fail(err, PSI_MEMORY, "no memory for the logistic's optimiser");
    /* limited by rounding is where an exact fit ends */
    if ((result < 0 && result != NLOPT_ROUNDOFF_LIMITED) || result == NLOPT_MAXEVAL_REACHED)
        *sum = NAN;
    else
        memcpy(p, found, sizeof found);
    return PSI_OK;
}

/* Sequential quadratic programming (D. Kraft 1988; NLopt's SLSQP); where it gives up, as it may in
 * the flat valley of a fall between two cells, subspace simplexes (T. Rowan 1990; Sbplx). */
static enum psi_status minimise(struct curve *curve, double narrowest, double p[PARAMETERS],
                                double *sum, struct psi_error *err)
{
    double first = curve->x[0], last = curve->x[curve->cells - 1];
    const double least[PARAMETERS] = {LEAST[0], LEAST[1], first, log(narrowest)};
    const double most[PARAMETERS] = {MOST[0], MOST[1], last, log(4 * (last - first))};
    find_start(curve, least, most, p);
    enum psi_status status = solve(NLOPT_LD_SLSQP, curve, least, most, p, sum, err);
    if (status == PSI_OK && isnan(*sum))
        status = solve(NLOPT_LN_SBPLX, curve, least, most, p, sum, err);
    return status;
}

struct point {
    double x, psi;
};

static int compare_points(const void *left, const void *right)
{
    double a = ((const struct point *)left)->x, b = ((const struct point *)right)->x;
    return (a > b) - (a < b);
}

/* The finished cells with a defined Psi, in order of achieved density. Returns how many are
 * collapsed. */
static size_t collect(const struct psi_sweep *sweep, size_t row, struct point *point,
                      struct curve *curve)
{
    size_t collapsed = 0;
    for (size_t d = 0; d < sweep->densities; d++) {
        double psi = sweep->psi[row + d], density = sweep->achieved[row + d];
        if (!sweep->finished[row + d] || isnan(psi) || !(density > 0))
            continue;
        point[curve->cells++] = (struct point){log10(density), psi};
        collapsed += psi < PSI_RECOVERED;
    }
    qsort(point, curve->cells, sizeof *point, compare_points);
    for (size_t i = 0; i < curve->cells; i++) {
        curve->x[i] = point[i].x;
        curve->psi[i] = point[i].psi;
    }
    return collapsed;
}

/* The gap between the neighbours of x. */
static double gap_around(const struct curve *curve, double x)
{
    size_t i = 1;
    while (i + 1 < curve->cells && curve->x[i] < x)
        i++;
    return curve->x[i] - curve->x[i - 1];
}

static void describe(struct psi_logistic *out, const struct curve *curve,
                     const double p[PARAMETERS], double sum)
{
    out->lower = p[LOWER];
    out->upper = p[UPPER];
    out->center = p[CENTER];
    out->fall = exp(p[LOG_FALL]);
    out->residual = sqrt(sum / (double)curve->cells);
    out->step = gap_around(curve, out->center);
    double low = out->center - out->fall / 2, high = out->center + out->fall / 2;
    int cut = low < curve->x[0] || high > curve->x[curve->cells - 1];
    out->fit = out->fall < out->step ? PSI_FIT_FLOORED : cut ? PSI_FIT_CUT : PSI_FIT_OK;
    if (out->fit != PSI_FIT_CUT)
        out->width = fmax(out->fall, out->step);
}

enum psi_status psi_sharpness_seed(const struct psi_sweep *sweep, size_t arm, size_t seed,
                                   struct psi_logistic *logistic, struct psi_error *err)
{
    assert(arm < sweep->arms && seed < sweep->seeds);
    struct psi_logistic result = {PSI_FIT_FEW, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0};
    enum psi_status status = PSI_MEMORY;
    struct curve curve = {0};
    struct point *point = psi_allocate(sweep->densities, sizeof *point, "logistic", err);
    if (!point || !(curve.x = psi_allocate(2 * sweep->densities, sizeof *curve.x, "logistic", err)))
        goto out;
    curve.psi = curve.x + sweep->densities;
    size_t collapsed =
        collect(sweep, (arm * sweep->seeds + seed) * sweep->densities, point, &curve);
    result.cells = curve.cells;
    status = PSI_OK;
    if (sweep->adaptive && sweep->adaptive[arm]) {
        result.fit = PSI_FIT_ADAPTIVE;
    } else if (curve.cells >= PSI_FIT_CELLS && curve.x[0] < curve.x[curve.cells - 1]) {
        double p[PARAMETERS], sum;
        result.fit = PSI_FIT_ONE_SIDED;
        if (collapsed == 0 || collapsed == curve.cells)
            goto out;
        /* a tenth of the mean step looks like a jump from anywhere */
        double step = (curve.x[curve.cells - 1] - curve.x[0]) / (double)(curve.cells - 1);
        if ((status = minimise(&curve, step / 10, p, &sum, err)))
            goto out;
        result.fit = PSI_FIT_FAILED;
        if (!isnan(sum))
            describe(&result, &curve, p, sum);
    }
out:
    if (status == PSI_OK)
        *logistic = result;
    free(curve.x);
    free(point);
    return status;
}
