/* What there is to do in each round. */
#include "run.h"
#include "sweep.h"

#include "psisweep/comm.h"
#include "psisweep/ladder.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The list that a round's tasks are added to. */
struct plan {
    struct psi_run *run;
    struct psi_record_at *record;
    struct psi_task *task;
    uint32_t tasks;
    const uint8_t *parent_status, *status, *ladder_status;
};

static uint32_t add(struct plan *plan, struct psi_record_at at, uint32_t after, int done)
{
    uint32_t task = plan->tasks++;
    plan->record[task] = at;
    plan->task[task] = (struct psi_task){.cost = psi_run_cost(plan->run, at),
                                         .after = after,
                                         .group = (uint32_t)at.seed,
                                         .done = (uint8_t)done};
    return task;
}

/* The deepest density after which a chain's state is there, or -1. */
static enum psi_status chain_level(struct psi_run *run, size_t chain, size_t seed, int32_t *level,
                                   struct psi_error *err)
{
    *level = -1;
    for (size_t slot = 0; slot < PSI_SLOTS; slot++) {
        struct psi_record_at at = {
            .owner = PSI_OF_SLOT, .chain = chain, .seed = seed, .slot = slot};
        enum psi_status status = psi_results_get(run->results, at, &run->chain, err);
        if (status == PSI_DATA) /* its writer died: the other slot is whole */
            continue;
        if (status)
            return status;
        if (run->chain.made.status == PSI_DONE && run->chain.level > *level)
            *level = run->chain.level;
    }
    return PSI_OK;
}

/* Cells of one iterative arm and seed, each after the one above. Cells below the state that is kept
 * are computed again, for what comes after them needs it. */
static enum psi_status add_chain(struct plan *plan, size_t arm, size_t seed, uint32_t *task,
                                 struct psi_error *err)
{
    const struct psi_job *job = plan->run->job;
    size_t chain = psi_job_chain_number(job, arm);
    int32_t level;
    enum psi_status status = chain_level(plan->run, chain, seed, &level, err);
    uint32_t after = (uint32_t)seed;
    for (size_t d = 0; !status && d < job->densities; d += job->refine.factor) {
        size_t i = psi_job_cell(job, arm, seed, d);
        int done = plan->status[i] == PSI_DONE && (int32_t)d <= level;
        after = task[i] = add(
            plan,
            (struct psi_record_at){.owner = PSI_OF_CELL, .arm = arm, .seed = seed, .density = d},
            after, done);
    }
    return status;
}

static enum psi_status plan_grid(struct plan *plan, struct psi_error *err)
{
    const struct psi_job *job = plan->run->job;
    size_t cells = job->arms * job->seeds * job->densities;
    enum psi_status status = PSI_OK;
    uint32_t *task = psi_allocate(cells, sizeof *task, "tasks", err); /* of each cell */
    if (!task)
        return PSI_MEMORY;
    for (size_t s = 0; s < job->seeds; s++)
        add(plan, (struct psi_record_at){.owner = PSI_OF_PARENT, .seed = s}, PSI_NO_TASK,
            plan->parent_status[s] == PSI_DONE);
    for (size_t a = 0; a < job->arms; a++)
        for (size_t s = 0; !status && s < job->seeds && job->arm[a].schedule == PSI_ITERATIVE; s++)
            status = add_chain(plan, a, s, task, err);
    for (size_t a = 0; !status && a < job->arms; a++) {
        size_t chain = psi_job_chain(job, a);
        for (size_t s = 0; !status && s < job->seeds && chain != a; s++) {
            for (size_t d = 0; !status && d < job->densities; d += job->refine.factor) {
                struct psi_record_at at = {.owner = PSI_OF_CELL, .arm = a, .seed = s, .density = d};
                uint32_t after =
                    chain == SIZE_MAX ? (uint32_t)s : task[psi_job_cell(job, chain, s, d)];
                if (psi_job_runs(job, a, d))
                    add(plan, at, after, plan->status[psi_job_cell(job, a, s, d)] == PSI_DONE);
                else
                    status = psi_results_skip(plan->run->results, at, err);
            }
        }
    }
    free(task);
    return status;
}

/* Added densities within refine.around decades of the arm's pooled F_min; the others are skipped.
 */
static enum psi_status refine_arm(struct plan *plan, const struct psi_sweep *sweep, size_t arm,
                                  struct psi_error *err)
{
    struct psi_run *run = plan->run;
    const struct psi_job *job = run->job;
    struct psi_pooled pooled;
    enum psi_status status = psi_threshold_pool(sweep, arm, PSI_RECOVERED, 0, &pooled, err);
    int known = !status && psi_job_chain(job, arm) == SIZE_MAX && isfinite(pooled.center) &&
                pooled.center > 0.0;
    for (size_t d = 0; !status && d < job->densities; d++) {
        if (psi_job_on_grid(job, d))
            continue;
        int near = known && job->density[d] <= job->arm[arm].from &&
                   fabs(log10(job->density[d]) - log10(pooled.center)) <= job->refine.around;
        for (size_t s = 0; !status && s < job->seeds; s++) {
            struct psi_record_at at = {.owner = PSI_OF_CELL, .arm = arm, .seed = s, .density = d};
            int done = plan->status[psi_job_cell(job, arm, s, d)] == PSI_DONE;
            if (near && plan->parent_status[s] == PSI_DONE)
                add(plan, at, PSI_NO_TASK, done);
            else
                status = psi_results_skip(run->results, at, err);
        }
    }
    return status;
}

/* Where F_min is, the grid alone tells: added densities that an interrupted launch has done already
 * do not change which ones are added. And it is sought on the nominal axis, which is the one that
 * is refined: a trimmed mask's achieved density may lie far below. */
static enum psi_status plan_refine(struct plan *plan, struct psi_cli_sweep *sweep,
                                   struct psi_error *err)
{
    const struct psi_job *job = plan->run->job;
    enum psi_status status = PSI_OK;
    for (size_t i = 0; i < sweep->cells; i++) {
        sweep->finished[i] &= psi_job_on_grid(job, i % job->densities) != 0;
        sweep->achieved[i] = job->density[i % job->densities];
    }
    for (size_t a = 0; !status && a < job->arms && job->refine.factor > 1; a++)
        status = refine_arm(plan, &sweep->sweep, a, err);
    return status;
}

static void plan_rescue(struct plan *plan, const struct psi_sweep *sweep)
{
    const struct psi_job *job = plan->run->job;
    size_t density[PSI_DENSITIES_MAX];
    uint8_t done[PSI_DENSITIES_MAX];
    for (size_t a = 0; a < job->arms && job->rescue.cells > 0; a++) {
        if (!job->arm[a].rescue)
            continue;
        for (size_t s = 0; s < job->seeds; s++) {
            size_t first = psi_job_cell(job, a, s, 0);
            for (size_t d = 0; d < job->densities; d++)
                done[d] = plan->status[first + d] == PSI_DONE && psi_job_on_grid(job, d);
            size_t count = psi_ladder_cells(job, sweep->psi + first, done, density);
            for (size_t i = 0; i < count; i++)
                add(plan,
                    (struct psi_record_at){
                        .owner = PSI_OF_LADDER, .arm = a, .seed = s, .density = density[i]},
                    PSI_NO_TASK, plan->ladder_status[first + density[i]] == PSI_DONE);
        }
    }
}

static enum psi_status plan_round(struct plan *plan, struct psi_error *err)
{
    struct psi_run *run = plan->run;
    const struct psi_job *job = run->job;
    size_t cells = job->arms * job->seeds * job->densities;
    struct psi_cli_sweep *sweep = NULL;
    uint8_t *ladder = psi_allocate(cells, 1, "states", err);
    uint8_t *parent = psi_allocate(job->seeds, 1, "states", err);
    enum psi_status status = ladder && parent ? PSI_OK : PSI_MEMORY;
    if (!status)
        status = psi_results_read(run->results, "dense_status", parent, err);
    if (!status && job->rescue.cells > 0)
        status = psi_results_read(run->results, "ladder_status", ladder, err);
    if (!status)
        status = psi_cli_sweep_create(run->results, &sweep, err);
    if (status)
        goto out;
    plan->parent_status = parent;
    plan->status = sweep->status;
    plan->ladder_status = ladder;
    if ((status = psi_run_cost_read(run, err)))
        goto out;
    if (run->round == PSI_ROUND_GRID)
        status = plan_grid(plan, err);
    else if (run->round == PSI_ROUND_REFINE)
        status = plan_refine(plan, sweep, err);
    else
        plan_rescue(plan, &sweep->sweep);
out:
    psi_cli_sweep_destroy(sweep);
    free(parent);
    free(ladder);
    return status;
}

static enum psi_status plan_create(struct plan *plan, struct psi_error *err)
{
    const struct psi_job *job = plan->run->job;
    size_t room = job->seeds + job->arms * job->seeds * job->densities;
    if (room >= PSI_NO_TASK)
        return psi_fail(err, PSI_USAGE, "the grid has over %u cells", PSI_NO_TASK - 1);
    if (!plan->run->cost &&
        !(plan->run->cost = psi_allocate(room, sizeof *plan->run->cost, "costs", err)))
        return PSI_MEMORY;
    plan->record = psi_allocate(room, sizeof *plan->record, "tasks", err);
    plan->task = psi_allocate(room, sizeof *plan->task, "tasks", err);
    return plan->record && plan->task ? PSI_OK : PSI_MEMORY;
}

enum psi_status psi_run_tasks(struct psi_run *run, struct psi_task **task, uint32_t *tasks,
                              struct psi_error *err)
{
    struct plan plan = {.run = run};
    enum psi_status status = plan_create(&plan, err);
    if (!status && run->rank == 0)
        status = plan_round(&plan, err);
    status = psi_comm_agree(run->comm, status, err);
    if (!status) {
        MPI_Bcast(&plan.tasks, 1, MPI_UINT32_T, 0, run->comm);
        MPI_Bcast(plan.record, (int)(plan.tasks * sizeof *plan.record), MPI_BYTE, 0, run->comm);
        free(run->record);
        run->record = plan.record;
        run->tasks = plan.tasks;
        plan.record = NULL;
        *task = plan.task;
        plan.task = NULL;
        *tasks = plan.tasks;
    }
    free(plan.task);
    free(plan.record);
    return status;
}
