#include "psisweep/sharpness.h"

#include "psisweep/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static int has_width(const struct psi_logistic *fit)
{
    return fit->fit == PSI_FIT_OK || fit->fit == PSI_FIT_FLOORED;
}

/* The transition band is where .05 < mean Psi over seeds < .95; a two-peaked fall has few cells
 * between .2 and .8 in it. */
static void count_band(const struct psi_sweep *sweep, size_t arm, struct psi_sharpness *out)
{
    for (size_t d = 0; d < sweep->densities; d++) {
        size_t cells = 0, between = 0;
        double sum = 0;
        for (size_t s = 0; s < sweep->seeds; s++) {
            size_t cell = (arm * sweep->seeds + s) * sweep->densities + d;
            double psi = sweep->psi[cell];
            if (!sweep->finished[cell] || isnan(psi))
                continue;
            cells++;
            sum += psi;
            between += psi >= 0.2 && psi <= 0.8;
        }
        double mean = cells ? sum / (double)cells : NAN;
        if (mean > 0.05 && mean < 0.95) {
            out->band_cells += cells;
            out->intermediate += between;
        }
    }
}

enum psi_status psi_sharpness_arm(const struct psi_sweep *sweep, size_t arm,
                                  struct psi_logistic *fit, struct psi_sharpness *sharpness,
                                  struct psi_error *err)
{
    struct psi_sharpness result = {.median = NAN, .mean = NAN, .low = NAN, .high = NAN};
    enum psi_status status = PSI_OK;
    double *width = psi_allocate(sweep->seeds, sizeof *width, "widths", err);
    if (!width)
        return PSI_MEMORY;
    for (size_t s = 0; s < sweep->seeds; s++) {
        if ((status = psi_sharpness_seed(sweep, arm, s, &fit[s], err)))
            goto out;
        result.count[fit[s].fit]++;
        if (has_width(&fit[s]))
            width[result.seeds++] = fit[s].width;
    }
    count_band(sweep, arm, &result);
    size_t n = result.seeds;
    if (n > 0) {
        qsort(width, n, sizeof *width, compare_doubles);
        result.median = 0.5 * (width[(n - 1) / 2] + width[n / 2]);
        result.low = width[0];
        result.high = width[n - 1];
        result.mean = 0;
        for (size_t i = 0; i < n; i++)
            result.mean += width[i] / (double)n;
    }
    *sharpness = result;
out:
    free(width);
    return status;
}

enum psi_status psi_sharpness_scaling(const struct psi_logistic *narrow_fit,
                                      const uint32_t *narrow_seed, size_t narrow_seeds,
                                      const struct psi_logistic *wide_fit,
                                      const uint32_t *wide_seed, size_t wide_seeds,
                                      struct psi_scaling *scaling, struct psi_error *err)
{
    double *delta = psi_allocate(narrow_seeds, sizeof *delta, "width scaling", err);
    if (!delta)
        return PSI_MEMORY;
    size_t pairs = 0, unresolved = 0;
    for (size_t n = 0, w = 0; n < narrow_seeds && w < wide_seeds;) { /* both ascending */
        if (narrow_seed[n] != wide_seed[w]) {
            ++*(narrow_seed[n] < wide_seed[w] ? &n : &w);
            continue;
        }
        if (has_width(&narrow_fit[n]) && has_width(&wide_fit[w])) {
            unresolved += wide_fit[w].fit == PSI_FIT_FLOORED;
            delta[pairs++] = log10(narrow_fit[n].width / wide_fit[w].width);
        }
        n++;
        w++;
    }
    *scaling = (struct psi_scaling){
        .contrast = psi_contrast_student(delta, pairs, PSI_SCALING_DELTA),
        .unpaired = (narrow_seeds > wide_seeds ? narrow_seeds : wide_seeds) - pairs,
        .unresolved = unresolved};
    free(delta);
    return PSI_OK;
}

enum psi_status psi_sharpness_judge(struct psi_scaling *scaling, size_t claims,
                                    struct psi_error *err)
{
    struct psi_contrast **claim = psi_allocate(claims, sizeof *claim, "verdicts", err);
    if (!claim)
        return PSI_MEMORY;
    for (size_t i = 0; i < claims; i++)
        claim[i] = &scaling[i].contrast;
    psi_verdict_judge(claim, claims);
    for (size_t i = 0; i < claims; i++)
        if (claim[i]->verdict == PSI_VERDICT_REFUTED && scaling[i].unresolved > 0)
            claim[i]->verdict = PSI_VERDICT_UNDECIDED;
    free(claim);
    return PSI_OK;
}
