#include "psisweep/adaptive.h"

#include "psisweep/memory.h"
#include "psisweep/threshold.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the replay knows of a cell. */
enum { UNKNOWN, RECOVERED, COLLAPSED, UNUSABLE };

enum step { SEARCH, CHECK, NARROW, RECHECK, SETTLED };

/* A seed between rounds. The bracket's ends are indices of density: the highest collapsed cell and
 * the nearest recovered one above it; where there is none, a step of the grid beyond the axis. */
struct bracket {
    size_t seed;
    const uint8_t *seen; /* (densities) */
    ptrdiff_t above, collapsed;
    double width; /* decades */
    enum step step;
};

/* The rounds so far, replayed. Indices are signed, as a bracket's end may lie before the first. */
struct replay {
    const struct psi_adaptive *a;
    ptrdiff_t first, factor, end; /* of the axis; end: a step of the grid below its last */
    uint8_t *seen;                /* (seeds, densities) */
    uint8_t *asked;               /* (seeds, densities), the caller's */
    uint8_t *want;                /* (densities) room */
    struct bracket *bracket;      /* (seeds) */
    size_t left;                  /* of the budget */
    int blank;                    /* nothing is asked for yet */
    /* The cells of all seeds together fit best with a first collapsed density from .. to .. */
    ptrdiff_t window_from, window_to;
};

static ptrdiff_t round_up(ptrdiff_t value, ptrdiff_t by)
{
    return (value + by - 1) / by * by;
}

static void find_bracket(const struct replay *r, struct bracket *b)
{
    const struct psi_adaptive *a = r->a;
    ptrdiff_t last = (ptrdiff_t)a->densities - 1;
    b->above = r->first - r->factor;
    b->collapsed = r->end;
    for (ptrdiff_t d = r->first; d <= last && b->collapsed == r->end; d++) {
        if (b->seen[d] == COLLAPSED)
            b->collapsed = d;
        else if (b->seen[d] == RECOVERED)
            b->above = d;
    }
    b->width = log10(a->density[b->above < r->first ? r->first : b->above] /
                     a->density[b->collapsed > last ? last : b->collapsed]);
}

/* Is a cell unknown between the bracket's ends, of those that are `by` apart? */
static int any_between(const struct replay *r, const struct bracket *b, ptrdiff_t by)
{
    ptrdiff_t from = b->above < r->first ? r->first : b->above + 1;
    for (ptrdiff_t d = round_up(from, by); d < b->collapsed; d += by)
        if (b->seen[d] == UNKNOWN)
            return 1;
    return 0;
}

/* Mark in want (densities) the unknown cells, of those that are `by` apart, that a check still asks
 * for: above the collapsed end recovered ones, below it any, for a ladder `ladder` collapsed ones.
 * Unusable ones are passed over. Returns their number. */
static size_t check(const struct replay *r, const struct bracket *b, ptrdiff_t by, size_t ladder)
{
    ptrdiff_t end = (ptrdiff_t)r->a->densities, above = round_up(b->collapsed, by) - by;
    ptrdiff_t below = b->collapsed / by * by + by;
    size_t checks = 1, count = 0, got = 0, collapsed = b->collapsed % by == 0;
    memset(r->want, 0, r->a->densities);
    for (ptrdiff_t d = below; d < end; d += by)
        checks += b->seen[d] == RECOVERED;
    for (ptrdiff_t d = above < end ? above : end - 1; d >= r->first && got < 1 + checks; d -= by) {
        got += b->seen[d] != UNUSABLE;
        count += r->want[d] = b->seen[d] == UNKNOWN;
    }
    got = 0;
    for (ptrdiff_t d = below; d < end && (got < checks || collapsed < ladder); d += by) {
        got += b->seen[d] != UNUSABLE;
        collapsed += b->seen[d] == UNKNOWN || b->seen[d] == COLLAPSED;
        count += r->want[d] = b->seen[d] == UNKNOWN;
    }
    return count;
}

static void look(const struct replay *r, size_t seed, struct bracket *b)
{
    size_t lost = 0, usable = 0;
    *b = (struct bracket){.seed = seed, .seen = r->seen + seed * r->a->densities};
    find_bracket(r, b);
    for (size_t d = 0; d < r->a->densities; d++) {
        lost += b->seen[d] == UNUSABLE;
        usable += b->seen[d] == RECOVERED || b->seen[d] == COLLAPSED;
    }
    int closed = b->above >= r->first && b->collapsed < r->end;
    b->step = lost > usable + 1                             ? SETTLED
              : any_between(r, b, r->factor)                ? SEARCH
              : check(r, b, r->factor, r->a->collapsed) > 0 ? CHECK
              : closed && any_between(r, b, 1)              ? NARROW
              : closed && check(r, b, 1, 0) > 0             ? RECHECK
                                                            : SETTLED;
}

/* The splits of the axis, between cells of the grid, that the fewest cells contradict. */
static void find_window(struct replay *r)
{
    ptrdiff_t densities = (ptrdiff_t)r->a->densities, wrong = 0, least = 0;
    r->window_from = r->window_to = r->first;
    for (ptrdiff_t split = r->first; split < r->end;) {
        for (ptrdiff_t d = split; d < split + r->factor && d < densities; d++) {
            for (size_t s = 0; s < r->a->seeds; s++) {
                uint8_t seen = r->seen[s * r->a->densities + (size_t)d];
                wrong += (seen == COLLAPSED) - (seen == RECOVERED);
            }
        }
        split += r->factor;
        if (wrong < least)
            r->window_from = split;
        if (wrong <= least)
            r->window_to = split;
        least = wrong < least ? wrong : least;
    }
}

/* Where a density lies on the axis, one step of the grid beyond it at either end: in decades, but
 * before anything is known d^(-1/4), in which cells evenly apart are rarer where they cost more, as
 * a cell's cost goes about with d; and F_min is rarely there. */
static double place(const struct replay *r, ptrdiff_t d)
{
    ptrdiff_t end = r->end - r->factor, inside = d < r->first ? r->first : d > end ? end : d;
    double density = r->a->density[inside];
    double at = r->blank ? pow(density, -0.25) : -log10(density);
    if (inside == d)
        return at;
    if (r->first == end)
        return at + (inside > d ? -1 : 1);
    return 2 * at - place(r, inside + (inside > d ? r->factor : -r->factor));
}

/* The cell of the grid that parts the weight of all splits inside the bracket at a share. A split
 * weighs as the axis is long there, less with the square of its distance from the window in steps,
 * as seeds differ; alone: nothing outside the window. -1 = there is none. */
static ptrdiff_t part(const struct replay *r, const struct bracket *b, double share, int alone)
{
    ptrdiff_t from = b->above < r->first ? r->first : b->above / r->factor * r->factor + r->factor;
    ptrdiff_t best = -1;
    double total = 0, nearest = INFINITY;
    for (int pass = 0; pass < 2; pass++) {
        double target = share * total, before = place(r, b->above), sum = 0;
        for (ptrdiff_t d = from; d < b->collapsed + r->factor; d += r->factor) {
            ptrdiff_t split = d < b->collapsed ? d : b->collapsed;
            ptrdiff_t off = split < r->window_from ? r->window_from - split
                            : split > r->window_to ? split - r->window_to
                                                   : 0;
            double steps = 1 + (double)off / (double)r->factor, at = place(r, split);
            sum += alone && off > 0 ? 0 : (at - before) / (steps * steps);
            before = at;
            int inside = !alone || (off == 0 && split < r->window_to);
            if (pass == 1 && split < b->collapsed && inside && b->seen[split] == UNKNOWN &&
                fabs(sum - target) <= nearest) {
                nearest = fabs(sum - target);
                best = split;
            }
        }
        total = sum;
    }
    return best;
}

/* While the window is wide, the seeds that search part it among them. */
static ptrdiff_t search(const struct replay *r, const struct bracket *b, size_t number, size_t of)
{
    ptrdiff_t best = -1;
    if (r->window_to > r->window_from + r->factor)
        best = part(r, b, (double)(number + 1) / (double)(of + 1), 1);
    return best < 0 ? part(r, b, 0.5, 0) : best;
}

/* The unknown cell nearest to the middle of the bracket. */
static ptrdiff_t middle(const struct replay *r, const struct bracket *b)
{
    const double *density = r->a->density;
    double center = sqrt(density[b->above] * density[b->collapsed]), nearest = INFINITY;
    ptrdiff_t best = -1;
    for (ptrdiff_t d = b->above + 1; d < b->collapsed; d++) {
        double off = fabs(log10(density[d] / center));
        if (b->seen[d] == UNKNOWN && off < nearest) {
            nearest = off;
            best = d;
        }
    }
    return best;
}

/* What one seed asks for in this round, as far as the budget goes. */
static void ask(struct replay *r, const struct bracket *b, size_t number, size_t of)
{
    if (b->step == CHECK || b->step == RECHECK) {
        int again = b->step == RECHECK;
        check(r, b, again ? 1 : r->factor, again ? 0 : r->a->collapsed);
    } else {
        memset(r->want, 0, r->a->densities);
        r->want[b->step == SEARCH ? search(r, b, number, of) : middle(r, b)] = 1;
    }
    for (size_t d = 0; d < r->a->densities && r->left > 0; d++) {
        if (r->want[d]) {
            r->asked[b->seed * r->a->densities + d] = 1;
            r->left--;
        }
    }
}

static int compare_brackets(const void *left, const void *right)
{
    const struct bracket *a = left, *b = right;
    if (a->step != b->step)
        return (a->step > b->step) - (a->step < b->step);
    if (a->width != b->width)
        return (a->width < b->width) - (a->width > b->width);
    return (a->seed > b->seed) - (a->seed < b->seed);
}

/* All seeds decide at once, but the budget that is left when none searches or checks any more goes
 * to the widest brackets. */
static void ask_round(struct replay *r)
{
    struct bracket *bracket = r->bracket;
    size_t seeds = r->a->seeds, of = 0;
    r->blank = r->left == r->a->budget;
    find_window(r);
    for (size_t s = 0; s < seeds; s++) {
        look(r, s, &bracket[s]);
        of += bracket[s].step == SEARCH;
    }
    qsort(bracket, seeds, sizeof *bracket, compare_brackets);
    enum step last = bracket[0].step < CHECK ? CHECK : bracket[0].step;
    for (size_t i = 0; i < seeds && last != SETTLED && bracket[i].step <= last; i++)
        if (last != NARROW || bracket[i].width > 0.5 * bracket[0].width)
            ask(r, &bracket[i], i, of);
}

static uint8_t reveal(const struct psi_adaptive *a, size_t cell)
{
    if (a->state[cell] == PSI_ADAPTIVE_LOST || isnan(a->psi[cell]))
        return UNUSABLE;
    return a->psi[cell] < PSI_RECOVERED ? COLLAPSED : RECOVERED;
}

struct psi_adaptive psi_adaptive_of(const struct psi_job *job, size_t arm)
{
    struct psi_adaptive adaptive = {.seeds = job->seeds,
                                    .densities = job->densities,
                                    .density = job->density,
                                    .factor = job->refine.factor,
                                    .collapsed = job->arm[arm].rescue ? job->rescue.cells : 0,
                                    .budget = job->budget * job->seeds};
    while (adaptive.first < job->densities && !psi_job_has(job, arm, adaptive.first))
        adaptive.first += adaptive.factor;
    return adaptive;
}

enum psi_status psi_adaptive_next(const struct psi_adaptive *a, uint8_t *asked, size_t *open,
                                  struct psi_error *err)
{
    assert(a->seeds > 0 && a->first % a->factor == 0);
    size_t cells = a->seeds * a->densities, last = (a->densities - 1) / a->factor, before;
    struct replay r = {.a = a,
                       .first = (ptrdiff_t)a->first,
                       .factor = (ptrdiff_t)a->factor,
                       .end = (ptrdiff_t)((last + 1) * a->factor),
                       .asked = asked,
                       .left = a->budget};
    r.seen = psi_allocate(cells + a->densities, 1, "adaptive sweep", err);
    r.bracket = psi_allocate(a->seeds, sizeof *r.bracket, "adaptive sweep", err);
    enum psi_status status = r.seen && r.bracket ? PSI_OK : PSI_MEMORY;
    if (status)
        goto out;
    r.want = r.seen + cells;
    memset(asked, 0, cells);
    *open = 0;
    if (a->first >= a->densities)
        goto out;
    do {
        before = r.left;
        ask_round(&r);
        *open = 0;
        for (size_t i = 0; i < cells; i++)
            *open += asked[i] && a->state[i] == PSI_ADAPTIVE_OPEN;
        for (size_t i = 0; i < cells && *open == 0; i++)
            r.seen[i] = asked[i] ? reveal(a, i) : UNKNOWN;
    } while (*open == 0 && r.left < before);
out:
    free(r.bracket);
    free(r.seen);
    return status;
}
