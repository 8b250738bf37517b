#include "run.h"

#include "psisweep/clock.h"

#include <stdint.h>
#include <stdio.h>

struct psi_record_at psi_run_record_of(const struct psi_job *job, uint32_t task)
{
    struct psi_record_at at = {.owner = PSI_OF_PARENT, .seed = task};
    if (task >= job->seeds) {
        size_t cell = task - job->seeds; /* of (arms, seeds, densities) */
        at.owner = PSI_OF_CELL;
        at.density = cell % job->densities;
        at.seed = cell / job->densities % job->seeds;
        at.arm = cell / job->densities / job->seeds;
    }
    return at;
}

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

/* Rank 0 says that the parent is done; a file system of many nodes may show it a little later. */
static enum psi_status parent_read(struct psi_run *run, struct psi_record_at at,
                                   const struct psi_progress *progress, struct psi_parent *parent,
                                   struct psi_error *err)
{
    const double patience = 30.0;
    double until = psi_clock_monotonic() + patience;
    for (;;) {
        enum psi_status status = psi_results_get(run->results, at, parent, err);
        if (status || parent->made.status == PSI_DONE)
            return status;
        if (psi_clock_monotonic() > until)
            return psi_fail(err, PSI_IO, "%s: the dense parent of seed %u cannot be read back",
                            run->path, run->job->seed[at.seed]);
        if (psi_progress_stop(progress))
            return psi_fail(err, PSI_STOPPED, "asked to stop");
        psi_clock_sleep(0.01);
        if ((status = psi_results_sync(run->results, err)))
            return status;
    }
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
    if ((status = psi_results_put(run->results, at, &kept->parent, err)))
        return status;
    kept->seed = at.seed;
    return PSI_OK;
}

static enum psi_status work_cell(struct psi_run *run, struct psi_record_at at, double start,
                                 struct psi_made made, const struct psi_progress *progress,
                                 struct psi_outcome *outcome, struct psi_error *err)
{
    struct psi_kept_parent *kept = NULL;
    struct psi_cell *cell = &run->cell;
    enum psi_status status = parent_from_file(run, at.seed, progress, &kept, err);
    if (status)
        return status;
    if ((status = psi_trial_cell(run->study, at.arm, at.seed, at.density, &kept->parent,
                                 kept->modes, progress, cell, err)))
        return status;
    made.seconds = psi_clock_monotonic() - start;
    cell->made = made;
    outcome->value[0] = cell->psi[PSI_RETRAINED];
    outcome->value[1] = cell->density_achieved;
    outcome->value[2] = cell->density_effective;
    return psi_results_put(run->results, at, cell, err);
}

/* A results file that cannot be written is no cell's fault, and trying another cell would not mend
 * it: stop every rank and say why. */
static enum psi_status work_fatal(struct psi_run *run, const struct psi_error *err)
{
    run->fatal = *err;
    *run->stop = 1;
    return err->status;
}

enum psi_status psi_run_work(void *context, uint32_t task, const struct psi_progress *progress,
                             struct psi_outcome *outcome, struct psi_error *err)
{
    struct psi_run *run = context;
    struct psi_record_at at = psi_run_record_of(run->job, task);
    struct psi_made made = {.rank = run->rank, .launch = run->launch};
    struct psi_error ignored;
    double start = psi_clock_monotonic();
    enum psi_status status;

    if ((status = psi_results_begin(run->results, at, &made, err)))
        return work_fatal(run, err);
    status = (at.owner == PSI_OF_PARENT ? work_parent : work_cell)(run, at, start, made, progress,
                                                                   outcome, err);
    if (status == PSI_IO || status == PSI_DATA)
        return work_fatal(run, err);
    if (status && psi_results_fail(run->results, at, status, &ignored))
        return work_fatal(run, &ignored);
    return status;
}
