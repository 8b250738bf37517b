#include "psisweep/threshold.h"

#include "psisweep/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* B. Turnbull, JRSS B 38, 1976: the likelihood prod_i P_i, P_i = the mass within interval i, only
 * depends on the masses of the innermost intervals, those that begin with a left end and stop with
 * the next right end. As the intervals are contiguous runs of these supports, sums over an
 * interval come from prefix sums. */
struct npmle {
    size_t count, supports;
    size_t *first, *last; /* (count) run of supports within each interval, inclusive */
    double *mass;         /* (supports) */
    double *gradient;     /* (supports) */
    double *cdf;          /* (supports + 1) cdf[k] = mass of the first k supports */
    double *slope, *curvature, *trial, *level; /* (supports + 1) room of a Newton step */
    size_t *block;                             /* (supports + 1) */
};

enum { STEPS = 20000 };

/* The end of an interval on the line: (low, high] begins just after low (side 1) and ends at high
 * (side 0); an exact observation begins just before (side -1). */
struct end {
    double at;
    int side, right;
    size_t owner;
};

static int compare_ends(const void *left, const void *right)
{
    const struct end *a = left, *b = right;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->side != b->side)
        return a->side < b->side ? -1 : 1;
    return 0;
}

/* Find the supports and the run of each interval. Every interval holds a support, as a right end
 * follows each left one. end (2 count); support_low, support_high (count) */
static void find_supports(struct npmle *em, const struct psi_interval *interval, struct end *end,
                          double *support_low, double *support_high)
{
    for (size_t i = 0; i < em->count; i++) {
        double low = interval[i].low, high = interval[i].high;
        end[2 * i] = (struct end){low, low == high ? -1 : 1, 0, i};
        end[2 * i + 1] = (struct end){high, 0, 1, i};
    }
    qsort(end, 2 * em->count, sizeof *end, compare_ends);
    for (size_t e = 0; e < 2 * em->count; e++) {
        if (!end[e].right) {
            em->first[end[e].owner] = em->supports;
            continue;
        }
        if (!end[e - 1].right) { /* the first end of all is a left one */
            support_low[em->supports] = end[e - 1].at;
            support_high[em->supports++] = end[e].at;
        }
        em->last[end[e].owner] = em->supports - 1;
    }
}

static void sum_masses(struct npmle *em)
{
    em->cdf[0] = 0;
    for (size_t j = 0; j < em->supports; j++)
        em->cdf[j + 1] = em->cdf[j] + em->mass[j];
}

/* gradient_j = 1/n sum over intervals i that hold support j of 1/P_i. The maximum is where this is
 * at most 1 everywhere and 1 where there is mass. Returns by how much that is missed. */
static double find_gradient(struct npmle *em)
{
    double *gradient = em->gradient, missed = 0;
    sum_masses(em);
    for (size_t j = 0; j < em->supports; j++)
        gradient[j] = 0;
    for (size_t i = 0; i < em->count; i++) {
        double within = em->cdf[em->last[i] + 1] - em->cdf[em->first[i]];
        if (within <= 0)
            return INFINITY;
        gradient[em->first[i]] += 1 / within / (double)em->count;
        if (em->last[i] + 1 < em->supports)
            gradient[em->last[i] + 1] -= 1 / within / (double)em->count;
    }
    for (size_t j = 0; j < em->supports; j++) {
        gradient[j] += j ? gradient[j - 1] : 0;
        missed = fmax(missed, gradient[j] - 1);
        if (em->mass[j] > 0)
            missed = fmax(missed, 1 - gradient[j]);
    }
    return missed;
}

static double log_likelihood(const struct npmle *em, const double *cdf)
{
    double total = 0;
    for (size_t i = 0; i < em->count; i++) {
        double within = cdf[em->last[i] + 1] - cdf[em->first[i]];
        if (!(within > 0))
            return -INFINITY;
        total += log(within);
    }
    return total;
}

/* The non-decreasing step function nearest to target (from 1 to supports - 1, weights curvature),
 * by pooling adjacent violators; clipped to [0, 1], between 0 and 1 at the ends. trial = result. */
static void make_monotone(struct npmle *em, const double *target)
{
    size_t m = em->supports, blocks = 0;
    double *level = em->level, *weight = em->curvature; /* weight of a block: over its first ones */
    for (size_t k = 1; k < m; k++) {
        double at = target[k], share = weight[k];
        size_t size = 1;
        for (; blocks > 0 && level[blocks - 1] >= at; blocks--) {
            double both = weight[blocks - 1] + share;
            at = (weight[blocks - 1] * level[blocks - 1] + share * at) / both;
            share = both;
            size += em->block[blocks - 1];
        }
        level[blocks] = at;
        weight[blocks] = share;
        em->block[blocks++] = size;
    }
    em->trial[0] = 0;
    em->trial[m] = 1;
    for (size_t b = 0, k = 1; b < blocks; b++)
        for (size_t c = 0; c < em->block[b]; c++)
            em->trial[k++] = fmin(1, fmax(0, level[b]));
}

/* Iterative convex minorant (Groeneboom & Wellner 1992; Jongbloed, JCGS 7, 1998): a Newton step on
 * the distribution function with the Hessian's diagonal, made monotone, and halved until the
 * likelihood does not fall. */
static void newton_step(struct npmle *em)
{
    enum { HALVINGS = 40 };
    size_t m = em->supports;
    sum_masses(em);
    for (size_t k = 0; k <= m; k++)
        em->slope[k] = em->curvature[k] = 0;
    for (size_t i = 0; i < em->count; i++) {
        size_t a = em->first[i], b = em->last[i] + 1;
        double p = 1 / (em->cdf[b] - em->cdf[a]);
        em->slope[b] += p;
        em->slope[a] -= p;
        em->curvature[b] += p * p;
        em->curvature[a] += p * p;
    }
    for (size_t k = 1; k < m; k++) { /* no end lies at k: it follows its neighbours */
        int used = em->curvature[k] > 0;
        em->slope[k] = em->cdf[k] + (used ? em->slope[k] / em->curvature[k] : 0);
        em->curvature[k] = used ? em->curvature[k] : 1e-300;
    }
    make_monotone(em, em->slope);
    double now = log_likelihood(em, em->cdf), step = 1;
    for (int halved = 0; halved < HALVINGS; halved++, step /= 2) {
        for (size_t k = 0; k <= m; k++)
            em->level[k] = em->cdf[k] + step * (em->trial[k] - em->cdf[k]);
        if (log_likelihood(em, em->level) >= now) {
            for (size_t j = 0; j < m; j++)
                em->mass[j] = fmax(0, em->level[j + 1] - em->level[j]);
            return;
        }
    }
}

/* Newton steps in turn with EM steps (mass_j *= gradient_j), as either alone may stall. 1 when the
 * conditions of the maximum are met. */
static int maximise(struct npmle *em)
{
    for (size_t j = 0; j < em->supports; j++)
        em->mass[j] = 1 / (double)em->supports;
    for (int step = 0; step < STEPS; step++) {
        newton_step(em);
        if (find_gradient(em) <= 1e-10)
            return 1;
        for (size_t j = 0; j < em->supports; j++)
            em->mass[j] *= em->gradient[j];
    }
    return 0;
}

enum psi_status psi_turnbull(const struct psi_interval *interval, size_t count, double *support_low,
                             double *support_high, double *mass, size_t *supports,
                             struct psi_error *err)
{
    enum psi_status status = PSI_MEMORY;
    struct npmle em = {.count = count};
    double *low = NULL, *high = NULL;
    struct end *end = psi_allocate(2 * count, sizeof *end, "Turnbull", err);
    size_t *run = psi_allocate(3 * count + 1, sizeof *run, "Turnbull", err);
    double *room = psi_allocate(9 * (count + 1), sizeof *room, "Turnbull", err);
    if (!end || !run || !room)
        goto out;
    em.first = run;
    em.last = run + count;
    em.block = run + 2 * count;
    double **const part[] = {&low,      &high,         &em.mass,  &em.gradient, &em.cdf,
                             &em.slope, &em.curvature, &em.trial, &em.level};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        *part[i] = room + i * (count + 1);
    find_supports(&em, interval, end, low, high);
    if (!maximise(&em)) {
        status = psi_fail(err, PSI_NUMERIC,
                          "Turnbull: no maximum after %d steps over %zu intervals", STEPS, count);
        goto out;
    }
    memcpy(support_low, low, em.supports * sizeof *low);
    memcpy(support_high, high, em.supports * sizeof *high);
    memcpy(mass, em.mass, em.supports * sizeof *mass);
    *supports = em.supports;
    status = PSI_OK;
out:
    free(room);
    free(run);
    free(end);
    return status;
}

void psi_turnbull_median(const double *support_low, const double *support_high, const double *mass,
                         size_t supports, double *low, double *high)
{
    const double rounding = 1e-7; /* masses are good to about 1e-10 */
    double cdf = 0;
    *low = *high = NAN;
    for (size_t j = 0; j < supports && cdf <= 0.5 + rounding; j++) {
        cdf += mass[j];
        if (isnan(*low) && cdf >= 0.5 - rounding)
            *low = support_low[j];
        *high = support_high[j];
    }
}
