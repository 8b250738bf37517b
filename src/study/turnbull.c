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
    double *mass, *trial; /* (supports) */
    double *gradient;     /* (supports) */
    double *sum;          /* (supports + 1) */
};

enum { ROUND = 500, ROUNDS = 400 };

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

/* gradient_j = 1/n sum over intervals i that hold support j of 1/P_i. The maximum is where this is
 * at most 1 everywhere and 1 where there is mass. Returns by how much that is missed. */
static double find_gradient(const struct npmle *em, const double *mass)
{
    double *sum = em->sum, *gradient = em->gradient;
    sum[0] = 0;
    for (size_t j = 0; j < em->supports; j++) {
        sum[j + 1] = sum[j] + mass[j];
        gradient[j] = 0;
    }
    for (size_t i = 0; i < em->count; i++) {
        double within = sum[em->last[i] + 1] - sum[em->first[i]];
        if (within <= 0)
            return INFINITY;
        gradient[em->first[i]] += 1 / within / (double)em->count;
        if (em->last[i] + 1 < em->supports)
            gradient[em->last[i] + 1] -= 1 / within / (double)em->count;
    }
    double missed = 0;
    for (size_t j = 0; j < em->supports; j++) {
        gradient[j] += j ? gradient[j - 1] : 0;
        missed = fmax(missed, gradient[j] - 1);
        if (mass[j] > 0)
            missed = fmax(missed, 1 - gradient[j]);
    }
    return missed;
}

/* A round of EM steps (the self-consistency equation), mass_j <- mass_j gradient_j. Returns 1 when
 * mass is the maximum. */
static int iterate(const struct npmle *em, double *mass)
{
    for (int step = 0; step < ROUND; step++) {
        if (find_gradient(em, mass) <= 1e-10)
            return 1;
        for (size_t j = 0; j < em->supports; j++)
            mass[j] *= em->gradient[j];
    }
    return 0;
}

/* EM never takes a mass to 0, and comes near only as 1/steps where the gradient at 0 is 1 too. So
 * after each round the vanishing masses are set to 0 on trial (R. Gentleman and C. Geyer,
 * Biometrika 81, 1994): the gradient condition certifies a trial that is right, and EM goes on
 * from where it was if none is. */
static int maximise(const struct npmle *em)
{
    for (size_t j = 0; j < em->supports; j++)
        em->mass[j] = 1 / (double)em->supports;
    for (int round = 1; round <= ROUNDS; round++) {
        iterate(em, em->mass);
        if (!isfinite(find_gradient(em, em->mass)))
            return 0;
        double vanishing = 10.0 / ROUND / round;
        for (size_t j = 0; j < em->supports; j++) {
            int keep = em->mass[j] >= vanishing || em->gradient[j] >= 1 - 1e-8;
            em->trial[j] = keep ? em->mass[j] : 0;
        }
        if (iterate(em, em->trial)) {
            memcpy(em->mass, em->trial, em->supports * sizeof *em->mass);
            return 1;
        }
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
    size_t *run = psi_allocate(2 * count, sizeof *run, "Turnbull", err);
    double *room = psi_allocate(6 * count + 1, sizeof *room, "Turnbull", err);
    if (!end || !run || !room)
        goto out;
    em.first = run;
    em.last = run + count;
    low = room;
    high = low + count;
    em.mass = high + count;
    em.trial = em.mass + count;
    em.gradient = em.trial + count;
    em.sum = em.gradient + count;
    find_supports(&em, interval, end, low, high);
    if (!maximise(&em)) {
        status =
            psi_fail(err, PSI_NUMERIC, "Turnbull: no maximum after %d steps over %zu intervals",
                     ROUND * ROUNDS, count);
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
