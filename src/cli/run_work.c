#include "run.h"
#include "sweep.h"

#include "psisweep/clock.h"

#include <math.h>
#include <stdint.h>

/* The slot that keeps a seed's parent, or the one used longest ago, emptied. */
static struct psi_kept_parent *parent_slot(struct psi_run *run, size_t seed)
{
    struct psi_kept_parent *oldest = &run->kept[0];
    for (size_t i = 0; i < PSI_PARENTS_KEPT; i++) {
        if (run->kept[i].seed == seed) {
            run->kept[i].used = ++run->uses;
            return &run->kept[i];
        }
        if (run->kept[i].used < oldest->used)
            oldest = &run->kept[i];
    }
    psi_parent_modes_destroy(oldest->modes);
    oldest->modes = NULL;
    oldest->seed = SIZE_MAX;
    oldest->used = ++run->uses;
    return oldest;
}

/* What rank 0 says is done, a file system of many nodes may show a little later. Between two looks:
 * wait a little; PSI_IO when it has taken too long. */
static enum psi_status look_again(struct psi_run *run, double since, const char *what,
                                  uint32_t seed, const struct psi_progress *progress,
                                  struct psi_error *err)
{
    const double patience = 30.0;
    if (psi_clock_monotonic() > since + patience)
        return psi_fail(err, PSI_IO, "%s: %s of seed %u cannot be read back", run->path, what,
                        seed);
    if (psi_progress_stop(progress))
        return psi_fail(err, PSI_STOPPED, "asked to stop");
    psi_clock_sleep(0.01);
    return psi_results_sync(run->results, err);
}

static enum psi_status parent_read(struct psi_run *run, struct psi_record_at at,
                                   const struct psi_progress *progress, struct psi_parent *parent,
                                   struct psi_error *err)
{
    double since = psi_clock_monotonic();
    for (;;) {
        enum psi_status status = psi_results_get(run->results, at, parent, err);
        if (status || parent->made.status == PSI_DONE)
            return status;
        if ((status = look_again(run, since, "the dense parent", run->job->seed[at.seed], progress,
                                 err)))
            return status;
    }
}

/* One look for a chain's state after density `level` (deeper: or after a lower density), into
 * run->chain; *found = 1 if it is there. A slot that does not fit its checksum is being written. */
static enum psi_status chain_look(struct psi_run *run, struct psi_record_at at, size_t level,
                                  int deeper, int *found, struct psi_error *err)
{
    *found = 0;
    for (at.slot = 0; at.slot < PSI_SLOTS && !*found; at.slot++) {
        enum psi_status status = psi_results_get(run->results, at, &run->chain, err);
        if (status && status != PSI_DATA)
            return status;
        size_t reached = (size_t)run->chain.level;
        *found = !status && run->chain.made.status == PSI_DONE &&
                 (deeper ? reached >= level : reached == level);
    }
    return PSI_OK;
}

/* The state that an arm's masks come from: of its own chain after the density above, or (past) of
 * any after this one. *chain = NULL where there is none. */
static enum psi_status chain_read(struct psi_run *run, struct psi_record_at cell, int past,
                                  const struct psi_progress *progress,
                                  const struct psi_slot **chain, struct psi_error *err)
{
    const struct psi_job *job = run->job;
    size_t arm = psi_job_chain(job, cell.arm), level = cell.density;
    double since = psi_clock_monotonic();
    int found = 0;
    past |= arm != cell.arm;
    *chain = NULL;
    if (arm == SIZE_MAX || (!past && level == 0))
        return PSI_OK;
    if (!past)
        level -= job->refine.factor;
    struct psi_record_at at = {
        .owner = PSI_OF_SLOT, .chain = psi_job_chain_number(job, arm), .seed = cell.seed};
    while (!found) {
        enum psi_status status = chain_look(run, at, level, past, &found, err);
        if (!status && !found)
            status = look_again(run, since, "the state of an iterative arm", job->seed[cell.seed],
                                progress, err);
        if (status)
            return status;
    }
    *chain = &run->chain;
    return PSI_OK;
}

static enum psi_status parent_from_file(struct psi_run *run, size_t seed,
                                        const struct psi_progress *progress,
                                        struct psi_kept_parent **out, struct psi_error *err)
{
    struct psi_record_at at = {.owner = PSI_OF_PARENT, .seed = seed};
    struct psi_kept_parent *kept = parent_slot(run, seed);
    enum psi_status status;
    if (kept->seed != seed) {
        if ((status = parent_read(run, at, progress, &kept->parent, err)))
            return status;
        kept->seed = seed;
    }
    if (!kept->modes &&
        (status = psi_parent_modes_create(run->study, &kept->parent, progress, &kept->modes, err)))
        return status;
    *out = kept;
    return PSI_OK;
}

/* Rank 0 is asked once more before anything is written: it may have thought this rank lost, and
 * somebody else may be at the same record, or past it. */
static enum psi_status put(struct psi_run *run, struct psi_record_at at, void *record,
                           const struct psi_progress *progress, struct psi_error *err)
{
    if (psi_progress_stop(progress))
        return psi_fail(err, PSI_STOPPED, "asked to stop");
    return psi_results_put(run->results, at, record, err);
}

static enum psi_status work_parent(struct psi_run *run, struct psi_record_at at, double start,
                                   struct psi_made made, const struct psi_progress *progress,
                                   struct psi_outcome *outcome, struct psi_error *err)
{
    struct psi_kept_parent *kept = parent_slot(run, at.seed);
    kept->seed = SIZE_MAX; /* until it is whole */
    enum psi_status status = psi_trial_parent(run->study, at.seed, progress, &kept->parent, err);
    if (status)
        return status;
    made.seconds = psi_clock_monotonic() - start;
    kept->parent.made = made;
    outcome->value[0] = kept->parent.accuracy;
    if ((status = put(run, at, &kept->parent, progress, err)))
        return status;
    kept->seed = at.seed;
    return PSI_OK;
}

static enum psi_status work_cell(struct psi_run *run, struct psi_record_at at, double start,
                                 struct psi_made made, const struct psi_progress *progress,
                                 struct psi_outcome *outcome, struct psi_error *err)
{
    const struct psi_job *job = run->job;
    struct psi_kept_parent *kept = NULL;
    struct psi_cell *cell = &run->cell;
    struct psi_trial_from from;
    enum psi_status status = parent_from_file(run, at.seed, progress, &kept, err);
    if (status || (status = chain_read(run, at, 0, progress, &from.chain, err)))
        return status;
    from.parent = &kept->parent;
    from.modes = kept->modes;
    if ((status = psi_trial_cell(run->study, at.arm, at.seed, at.density, &from, progress, cell,
                                 &run->next, err)))
        return status;
    made.seconds = psi_clock_monotonic() - start;
    cell->made = made;
    outcome->value[0] = cell->psi[PSI_RETRAINED];
    outcome->value[1] = cell->density_achieved;
    outcome->value[2] = cell->density_effective;
    if (job->arm[at.arm].schedule == PSI_ITERATIVE) { /* before the cell is called done */
        struct psi_record_at slot = {.owner = PSI_OF_SLOT,
                                     .chain = psi_job_chain_number(job, at.arm),
                                     .seed = at.seed,
                                     .slot = at.density / job->refine.factor % PSI_SLOTS};
        if ((status = put(run, slot, &run->next, progress, err)))
            return status;
    }
    return put(run, at, cell, progress, err);
}

/* The nearest higher density of the arm and seed that recovered; SIZE_MAX = none. */
static enum psi_status ladder_donor(struct psi_run *run, struct psi_record_at at, size_t *donor,
                                    struct psi_error *err)
{
    struct psi_cli_sweep *sweep = NULL;
    enum psi_status status = psi_cli_sweep_create(run->results, &sweep, err);
    if (status)
        return status;
    size_t first = psi_job_cell(run->job, at.arm, at.seed, 0);
    *donor = psi_ladder_donor(run->job, sweep->psi + first, sweep->finished + first, at.density);
    psi_cli_sweep_destroy(sweep);
    return PSI_OK;
}

/* Rung by rung until one recovers; those done in an earlier launch are taken from the file. */
static enum psi_status ladder_climb(struct psi_run *run, struct psi_record_at at,
                                    const struct psi_trial_from *from, struct psi_made made,
                                    const struct psi_progress *progress,
                                    struct psi_ladder_record *ladder, struct psi_error *err)
{
    struct psi_rung rung[PSI_RUNGS_MAX];
    double validation_psi[PSI_RUNGS_MAX];
    uint8_t tried[PSI_RUNGS_MAX] = {0};
    double bound = run->cell.psi_bound;
    size_t rungs = psi_ladder_rungs(run->job, rung), donor;
    enum psi_status status = ladder_donor(run, at, &donor, err);
    ladder->rescued_by = -1;
    at.owner = PSI_OF_RUNG;
    for (size_t i = 0; !status && i < rungs; i++) {
        at.rung = i;
        /* what no parameters can do under this mask is not tried */
        if (ladder->rescued_by >= 0 || !psi_rung_may_recover(&rung[i], bound)) {
            status = psi_results_skip(run->results, at, err);
            continue;
        }
        if ((status = psi_results_get(run->results, at, &run->rung, err)))
            break;
        if (run->rung.made.status != PSI_DONE) {
            double start = psi_clock_monotonic();
            if ((status = psi_results_begin(run->results, at, &made, err)) ||
                (status = psi_trial_rung(run->study, at.arm, at.seed, at.density, &rung[i], donor,
                                         from, progress, &run->rung, err)))
                break;
            made.seconds = psi_clock_monotonic() - start;
            run->rung.made = made;
            if ((status = put(run, at, &run->rung, progress, err)))
                break;
        }
        tried[i] = 1;
        validation_psi[i] = run->rung.validation_psi;
        ladder->kind = (uint8_t)psi_ladder_kind(rung, rungs, validation_psi, tried, bound,
                                                &ladder->rescued_by);
    }
    if (!status) /* once more, for a ladder none of whose rungs was tried */
        ladder->kind = (uint8_t)psi_ladder_kind(rung, rungs, validation_psi, tried, bound,
                                                &ladder->rescued_by);
    return status;
}

static enum psi_status work_ladder(struct psi_run *run, struct psi_record_at at, double start,
                                   struct psi_made made, const struct psi_progress *progress,
                                   struct psi_outcome *outcome, struct psi_error *err)
{
    struct psi_kept_parent *kept = NULL;
    struct psi_ladder_record ladder = {.made = made};
    struct psi_trial_from from;
    struct psi_record_at cell = at;
    cell.owner = PSI_OF_CELL;
    enum psi_status status = parent_from_file(run, at.seed, progress, &kept, err);
    if (status || (status = chain_read(run, cell, 1, progress, &from.chain, err)) ||
        (status = psi_results_get(run->results, cell, &run->cell, err)))
        return status;
    from.parent = &kept->parent;
    from.modes = kept->modes;
    if ((status = ladder_climb(run, at, &from, made, progress, &ladder, err)))
        return status;
    ladder.made.seconds = psi_clock_monotonic() - start;
    outcome->value[0] = ladder.kind;
    return put(run, at, &ladder, progress, err);
}

/* A results file that cannot be written is no cell's fault, and trying another cell would not mend
 * it: every rank stops, and rank 0 says why. */
static enum psi_status work_fatal(struct psi_outcome *outcome, enum psi_status status)
{
    outcome->fatal = 1;
    return status;
}

/* The farm's progress, and --cell-limit. */
struct limited {
    const struct psi_progress *farm;
    double until; /* monotonic seconds */
    int over;
};

static int limited_progress(void *context)
{
    struct limited *limited = context;
    if (psi_progress_stop(limited->farm))
        return 1;
    limited->over |= psi_clock_monotonic() > limited->until;
    return limited->over;
}

static enum psi_status work_limited(struct psi_run *run, struct psi_record_at at,
                                    struct psi_made made, const struct psi_progress *progress,
                                    struct psi_outcome *outcome, struct psi_error *err)
{
    double start = psi_clock_monotonic(), limit = run->options->cell_limit;
    struct limited limited = {progress, limit > 0.0 ? start + limit : INFINITY, 0};
    const struct psi_progress own = {limited_progress, &limited};
    enum psi_status status =
        (at.owner == PSI_OF_PARENT ? work_parent
         : at.owner == PSI_OF_CELL ? work_cell
                                   : work_ladder)(run, at, start, made, &own, outcome, err);
    if (status == PSI_STOPPED && limited.over)
        return psi_fail(err, PSI_OVERTIME, "took longer than %g s (--cell-limit)", limit);
    return status;
}

/* Say what an attempt came to, unless somebody else has been at the record since: they were told to
 * when this rank was thought lost. */
static enum psi_status work_failed(struct psi_run *run, struct psi_record_at at,
                                   enum psi_status cause, struct psi_error *err)
{
    struct psi_made made;
    enum psi_status status = psi_results_made(run->results, at, &made, err);
    if (status || made.status != PSI_RUNNING || made.rank != run->rank ||
        made.launch != run->launch)
        return status;
    return psi_results_fail(run->results, at, cause, err);
}

enum psi_status psi_run_work(void *context, const void *order, const struct psi_progress *progress,
                             struct psi_outcome *outcome, struct psi_error *err)
{
    struct psi_run *run = context;
    struct psi_record_at at = *(const struct psi_record_at *)order;
    struct psi_made made = {.rank = run->rank, .launch = run->launch};
    struct psi_error cause;
    enum psi_status status;

    if ((status = psi_results_begin(run->results, at, &made, err)))
        return work_fatal(outcome, status);
    status = work_limited(run, at, made, progress, outcome, err);
    if (status == PSI_IO || status == PSI_DATA)
        return work_fatal(outcome, status);
    if (status && work_failed(run, at, status, &cause)) {
        *err = cause;
        return work_fatal(outcome, cause.status);
    }
    return status;
}
