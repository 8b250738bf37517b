#include "psisweep/memory.h"
#include "psisweep/threshold.h"

#include <math.h>
#include <stdlib.h>

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Midpoints in log10 d. Returns what keeps them from having a spread. */
static int find_midpoints(const struct psi_interval *interval, size_t count, double *midpoint)
{
    int differ = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(interval[i].low > 0) || isinf(interval[i].high))
            return PSI_SPREAD_OPEN;
        midpoint[i] = 0.5 * (log10(interval[i].low) + log10(interval[i].high));
        differ |= midpoint[i] != midpoint[0];
    }
    return count < 2 ? PSI_SPREAD_FEW : differ ? PSI_SPREAD_OK : PSI_SPREAD_ZERO;
}

enum psi_status psi_threshold_bootstrap(const struct psi_interval *interval, size_t count,
                                        struct psi_random *random, struct psi_bootstrap *bootstrap,
                                        struct psi_error *err)
{
    /* of 1999 draws the 50th and the 1950th: (B + 1) p is whole */
    enum { LOW = (PSI_BOOTSTRAP_DRAWS + 1) / 40, HIGH = PSI_BOOTSTRAP_DRAWS + 1 - LOW };
    double *midpoint =
        psi_allocate(count + PSI_BOOTSTRAP_DRAWS, sizeof *midpoint, "bootstrap", err);
    if (!midpoint)
        return PSI_MEMORY;
    double *mean = midpoint + count;
    *bootstrap = (struct psi_bootstrap){
        .spread = find_midpoints(interval, count, midpoint), .mean = NAN, .low = NAN, .high = NAN};
    if (bootstrap->spread != PSI_SPREAD_OK)
        goto out;
    for (size_t draw = 0; draw < PSI_BOOTSTRAP_DRAWS; draw++) {
        for (size_t i = 0; i < count; i++)
            mean[draw] += midpoint[psi_random_below(random, (uint32_t)count)];
        mean[draw] /= (double)count;
    }
    qsort(mean, PSI_BOOTSTRAP_DRAWS, sizeof *mean, compare_doubles);
    bootstrap->mean = 0;
    for (size_t i = 0; i < count; i++)
        bootstrap->mean += midpoint[i] / (double)count;
    bootstrap->low = mean[LOW - 1];
    bootstrap->high = mean[HIGH - 1];
out:
    free(midpoint);
    return PSI_OK;
}
