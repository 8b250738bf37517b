#include "psisweep/threshold.h"

#include "psisweep/memory.h"
#include "psisweep/stat.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

static const double CONFIDENCE_TAIL = 0.025; /* of a two-sided 95 % interval */

/* The cells around the threshold, as indices of density; sweep->densities = there is none. */
struct crossing {
    size_t collapsed; /* of d_c */
    size_t above;     /* of d_u */
    size_t lowest;    /* the lowest one with a defined Psi */
    size_t finished;  /* finished ones, defined or not */
    size_t recrossings;
};

static struct crossing find_crossing(const struct psi_sweep *sweep, size_t arm, size_t seed,
                                     double level)
{
    size_t none = sweep->densities;
    struct crossing found = {none, none, none, 0, 0};
    size_t row = (arm * sweep->seeds + seed) * sweep->densities;
    for (size_t d = 0; d < sweep->densities; d++) {
        double psi = sweep->psi[row + d];
        found.finished += sweep->finished[row + d] != 0;
        if (!sweep->finished[row + d] || isnan(psi) || isnan(sweep->achieved[row + d]) ||
            isnan(sweep->effective[row + d]))
            continue;
        found.lowest = d;
        if (found.collapsed != none)
            found.recrossings += psi >= level;
        else if (psi < level)
            found.collapsed = d;
        else
            found.above = d;
    }
    return found;
}

static struct psi_interval interval_at(const struct psi_sweep *sweep, size_t arm, size_t seed,
                                       int effective, const struct crossing *found)
{
    size_t none = sweep->densities;
    const double *axis = (effective ? sweep->effective : sweep->achieved) +
                         (arm * sweep->seeds + seed) * sweep->densities;
    if (found->lowest == none)
        return (struct psi_interval){NAN, NAN, PSI_NO_DATA};
    if (found->collapsed == none)
        return (struct psi_interval){0, axis[found->lowest], PSI_BELOW_GRID};
    if (found->above == none)
        return (struct psi_interval){axis[found->collapsed], INFINITY, PSI_ABOVE_GRID};
    double collapsed = axis[found->collapsed], above = axis[found->above];
    return (struct psi_interval){fmin(collapsed, above), fmax(collapsed, above), PSI_BRACKETED};
}

struct psi_interval psi_threshold_seed(const struct psi_sweep *sweep, size_t arm, size_t seed,
                                       double level, int effective, size_t *recrossings)
{
    assert(arm < sweep->arms && seed < sweep->seeds);
    struct crossing found = find_crossing(sweep, arm, seed, level);
    if (recrossings)
        *recrossings = found.recrossings;
    return interval_at(sweep, arm, seed, effective, &found);
}

size_t psi_threshold_intervals(const struct psi_sweep *sweep, size_t arm, double level,
                               int effective, struct psi_interval *interval)
{
    size_t count = 0;
    for (size_t s = 0; s < sweep->seeds; s++) {
        struct psi_interval got = psi_threshold_seed(sweep, arm, s, level, effective, NULL);
        if (got.censoring != PSI_NO_DATA)
            interval[count++] = got;
    }
    return count;
}

/* sqrt(low high), which is 0 or infinity for an open interval, and NaN for one open both ways. */
static double geometric_midpoint(double low, double high)
{
    return sqrt(low) * sqrt(high);
}

/* Are there cells from first to last - 1 that could narrow an interval? */
static int any_open(const struct psi_sweep *sweep, size_t row, size_t first, size_t last)
{
    size_t open = 0;
    for (size_t d = first; d < last; d++)
        open += !sweep->skipped || !sweep->skipped[row + d];
    return open > 0;
}

/* Count a seed by its kind, and whether finishing or defining more cells would narrow it. */
static void count_seed(struct psi_pooled *pooled, const struct psi_interval *got,
                       const struct crossing *found, const struct psi_sweep *sweep, size_t row)
{
    pooled->recrossings += found->recrossings;
    if (got->censoring == PSI_BELOW_GRID) {
        pooled->below++;
        pooled->below_open += any_open(sweep, row, found->lowest + 1, sweep->densities);
        pooled->below_end = fmax(pooled->below_end, got->high);
    } else if (got->censoring == PSI_ABOVE_GRID) {
        pooled->above_end = pooled->above++ ? fmin(pooled->above_end, got->low) : got->low;
        pooled->above_open += any_open(sweep, row, 0, found->collapsed);
    } else {
        pooled->disconnected += got->low <= 0;
        pooled->gaps += any_open(sweep, row, found->above + 1, found->collapsed);
    }
}

/* Collect the intervals of the seeds with data and count what there is. Returns 1 when d_c and d_u
 * are at the same densities in all of them. interval (seeds) */
static int collect(const struct psi_sweep *sweep, size_t arm, struct psi_pooled *pooled,
                   struct psi_interval *interval)
{
    struct crossing first = {0};
    int same = 1;
    for (size_t s = 0; s < sweep->seeds; s++) {
        struct crossing found = find_crossing(sweep, arm, s, pooled->level);
        struct psi_interval got = interval_at(sweep, arm, s, pooled->effective, &found);
        if (got.censoring == PSI_NO_DATA) {
            pooled->missing++;
            pooled->undefined += found.finished > 0;
            continue;
        }
        if (pooled->seeds == 0)
            first = found;
        same = same && found.collapsed == first.collapsed && found.above == first.above;
        count_seed(pooled, &got, &found, sweep, (arm * sweep->seeds + s) * sweep->densities);
        interval[pooled->seeds++] = got;
    }
    return same;
}

static void pool_hull(struct psi_pooled *pooled, const struct psi_interval *interval)
{
    pooled->low = interval[0].low;
    pooled->high = interval[0].high;
    for (size_t i = 1; i < pooled->seeds; i++) {
        pooled->low = fmin(pooled->low, interval[i].low);
        pooled->high = fmax(pooled->high, interval[i].high);
    }
    pooled->center = geometric_midpoint(pooled->low, pooled->high);
}

/* mean -+ t(n-1) max(SD, step/sqrt(12)) / sqrt(n) of the midpoints of log10 d. step/sqrt(12) is the
 * SD of a uniform draw within a step: what an interval alone leaves open. */
static void pool_student(struct psi_pooled *pooled, const struct psi_interval *interval)
{
    double n = (double)pooled->seeds, mean = 0, step = 0, square = 0;
    for (size_t i = 0; i < pooled->seeds; i++) {
        double low = log10(interval[i].low), high = log10(interval[i].high);
        mean += 0.5 * (low + high) / n;
        step += (high - low) / n;
    }
    for (size_t i = 0; i < pooled->seeds; i++) {
        double off = 0.5 * (log10(interval[i].low) + log10(interval[i].high)) - mean;
        square += off * off;
    }
    pooled->deviation = sqrt(square / (n - 1));
    pooled->resolution = step / sqrt(12);
    double half = psi_student_quantile(1 - CONFIDENCE_TAIL, n - 1) *
                  fmax(pooled->deviation, pooled->resolution) / sqrt(n);
    pooled->center = pow(10, mean);
    pooled->low = pow(10, mean - half);
    pooled->high = fmin(pow(10, mean + half), 1); /* no density is above 1 */
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Order statistics of the sign test for the median: with r the largest rank such that
 * P(X <= r - 1) = P(X >= n - r + 1) is within the tail, X ~ Binomial(n, 1/2), the median lies
 * outside (x_r, x_(n-r+1)) at most twice that often; without such an r the range. Taking lower
 * ends for x_r and upper ends for the other can only widen it. room (n) */
static void pool_sign_test(struct psi_pooled *pooled, const struct psi_interval *interval,
                           double *room)
{
    size_t n = pooled->seeds, r = 1;
    while (psi_binomial_upper(n - r, n, 0.5) <= CONFIDENCE_TAIL)
        r++;
    for (size_t i = 0; i < n; i++)
        room[i] = interval[i].low;
    qsort(room, n, sizeof *room, compare_doubles);
    pooled->low = room[r - 1];
    for (size_t i = 0; i < n; i++)
        room[i] = interval[i].high;
    qsort(room, n, sizeof *room, compare_doubles);
    pooled->high = room[n - r];
}

static enum psi_status pool_turnbull(struct psi_pooled *pooled, const struct psi_interval *interval,
                                     struct psi_error *err)
{
    size_t supports;
    double *room = psi_allocate(3 * pooled->seeds, sizeof *room, "pooled threshold", err);
    if (!room)
        return PSI_MEMORY;
    double *low = room, *high = low + pooled->seeds, *mass = high + pooled->seeds;
    enum psi_status status = psi_turnbull(interval, pooled->seeds, low, high, mass, &supports, err);
    if (status != PSI_OK)
        goto out;
    double median_low, median_high;
    psi_turnbull_median(low, high, mass, supports, &median_low, &median_high);
    pooled->center = geometric_midpoint(median_low, median_high);
    pool_sign_test(pooled, interval, room);
out:
    free(room);
    return status;
}

enum psi_status psi_threshold_pool(const struct psi_sweep *sweep, size_t arm, double level,
                                   int effective, struct psi_pooled *pooled, struct psi_error *err)
{
    assert(arm < sweep->arms);
    struct psi_pooled result = {.effective = effective,
                                .level = level,
                                .low = NAN,
                                .high = NAN,
                                .center = NAN,
                                .deviation = NAN,
                                .resolution = NAN};
    struct psi_interval *interval =
        psi_allocate(sweep->seeds, sizeof *interval, "pooled threshold", err);
    if (!interval)
        return PSI_MEMORY;
    enum psi_status status = PSI_OK;
    int same = collect(sweep, arm, &result, interval);
    if (result.seeds == 0) {
        result.method = PSI_POOL_NONE;
    } else if (result.seeds == 1) {
        result.method = PSI_POOL_ONE_SEED;
        pool_hull(&result, interval);
    } else if (result.below + result.above + result.disconnected > 0) {
        result.method = PSI_POOL_TURNBULL;
        status = pool_turnbull(&result, interval, err);
    } else if (same) {
        result.method = PSI_POOL_SAME_CELL;
        pool_hull(&result, interval);
    } else {
        result.method = PSI_POOL_STUDENT;
        pool_student(&result, interval);
    }
    if (status == PSI_OK)
        *pooled = result;
    free(interval);
    return status;
}
