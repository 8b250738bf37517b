/* What each round wants. */
#include "rounds.h"
#include "sweep.h"

#include "psisweep/adaptive.h"
#include "psisweep/ladder.h"
#include "psisweep/memory.h"
#include "psisweep/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A round's plan in the making, and the states in the file that it is made from. */
struct plan {
    struct psi_results *results; /* NULL = there is none yet, and nothing is done */
    const struct psi_job *job;
    struct psi_round_plan *out;
    const uint8_t *parent_status, *status, *ladder_status;
};

static uint32_t add(struct plan *plan, struct psi_record_at at, uint32_t after, uint8_t state)
{
    uint32_t number = plan->out->count++;
    plan->out->wanted[number] = (struct psi_wanted){.at = at, .after = after, .state = state};
    return number;
}

static void skip_cell(struct plan *plan, struct psi_record_at at)
{
    uint8_t state = plan->status[psi_job_cell(plan->job, at.arm, at.seed, at.density)];
    if (state != PSI_DONE && state != PSI_SKIPPED)
        plan->out->skip[plan->out->skips++] = at;
}

/* The deepest density after which a chain's state is there, or -1. */
static enum psi_status chain_level(struct plan *plan, size_t chain, size_t seed, int32_t *level,
                                   struct psi_error *err)
{
    struct psi_slot state = {0};
    enum psi_status status =
        psi_record_create(PSI_OF_SLOT, psi_results_layout(plan->results), &state, err);
    *level = -1;
    for (size_t slot = 0; !status && slot < PSI_SLOTS; slot++) {
        struct psi_record_at at = {
            .owner = PSI_OF_SLOT, .chain = chain, .seed = seed, .slot = slot};
        status = psi_results_get(plan->results, at, &state, err);
        if (status == PSI_DATA) /* its writer died: the other slot is whole */
            status = PSI_OK;
        else if (!status && state.made.status == PSI_DONE && state.level > *level)
            *level = state.level;
    }
    psi_record_clear(PSI_OF_SLOT, &state);
    return status;
}

/* Cells of one iterative arm and seed, each after the one above. Cells below the state that is kept
 * are computed again, for what comes after them needs it. */
static enum psi_status add_chain(struct plan *plan, size_t arm, size_t seed, uint32_t *task,
                                 struct psi_error *err)
{
    const struct psi_job *job = plan->job;
    size_t chain = psi_job_chain_number(job, arm);
    int32_t level = -1;
    enum psi_status status = plan->results ? chain_level(plan, chain, seed, &level, err) : PSI_OK;
    uint32_t after = (uint32_t)seed;
    for (size_t d = 0; !status && d < job->densities; d += job->refine.factor) {
        size_t i = psi_job_cell(job, arm, seed, d);
        uint8_t state = plan->status[i];
        if (state == PSI_DONE && (int32_t)d > level)
            state = PSI_PENDING;
        after = task[i] = add(
            plan,
            (struct psi_record_at){.owner = PSI_OF_CELL, .arm = arm, .seed = seed, .density = d},
            after, state);
    }
    return status;
}

static enum psi_status plan_grid(struct plan *plan, struct psi_error *err)
{
    const struct psi_job *job = plan->job;
    size_t cells = job->arms * job->seeds * job->densities;
    enum psi_status status = PSI_OK;
    uint32_t *task = psi_allocate(cells, sizeof *task, "tasks", err); /* of each cell */
    if (!task)
        return PSI_MEMORY;
    for (size_t s = 0; s < job->seeds; s++)
        add(plan, (struct psi_record_at){.owner = PSI_OF_PARENT, .seed = s}, PSI_NO_TASK,
            plan->parent_status[s]);
    for (size_t a = 0; a < job->arms; a++)
        for (size_t s = 0; !status && s < job->seeds && job->arm[a].schedule == PSI_ITERATIVE; s++)
            status = add_chain(plan, a, s, task, err);
    for (size_t a = 0; !status && a < job->arms; a++) {
        size_t chain = psi_job_chain(job, a);
        for (size_t s = 0; s < job->seeds && chain != a; s++) {
            for (size_t d = 0; d < job->densities; d += job->refine.factor) {
                struct psi_record_at at = {.owner = PSI_OF_CELL, .arm = a, .seed = s, .density = d};
                if (psi_job_runs(job, a, d))
                    add(plan, at,
                        chain == SIZE_MAX ? (uint32_t)s : task[psi_job_cell(job, chain, s, d)],
                        plan->status[psi_job_cell(job, a, s, d)]);
                else if (!psi_job_adapts(job, a))
                    skip_cell(plan, at);
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
    const struct psi_job *job = plan->job;
    struct psi_pooled pooled;
    enum psi_status status = psi_threshold_pool(sweep, arm, PSI_RECOVERED, 0, &pooled, err);
    if (status)
        return status;
    int known =
        psi_job_chain(job, arm) == SIZE_MAX && isfinite(pooled.center) && pooled.center > 0.0;
    for (size_t d = 0; d < job->densities; d++) {
        if (psi_job_on_grid(job, d))
            continue;
        int near = known && job->density[d] <= job->arm[arm].from &&
                   fabs(log10(job->density[d]) - log10(pooled.center)) <= job->refine.around;
        for (size_t s = 0; s < job->seeds; s++) {
            struct psi_record_at at = {.owner = PSI_OF_CELL, .arm = arm, .seed = s, .density = d};
            if (near && plan->parent_status[s] == PSI_DONE)
                add(plan, at, PSI_NO_TASK, plan->status[psi_job_cell(job, arm, s, d)]);
            else
                skip_cell(plan, at);
        }
    }
    return PSI_OK;
}

/* What an adaptive arm has asked for so far; when that is all, the rest is skipped. A cell that has
 * failed tells nothing, until it is tried again with success. */
static enum psi_status adapt_arm(struct plan *plan, const double *psi, size_t arm,
                                 struct psi_error *err)
{
    const struct psi_job *job = plan->job;
    size_t cells = job->seeds * job->densities, begin = psi_job_cell(job, arm, 0, 0), open;
    uint8_t *state = psi_allocate(2 * cells, 1, "adaptive sweep", err);
    if (!state)
        return PSI_MEMORY;
    uint8_t *asked = state + cells;
    struct psi_adaptive adaptive = psi_adaptive_of(job, arm);
    adaptive.psi = psi + begin;
    adaptive.state = state;
    for (size_t i = 0; i < cells; i++) {
        uint8_t is = plan->status[begin + i], parent = plan->parent_status[i / job->densities];
        state[i] = is == PSI_DONE                             ? PSI_ADAPTIVE_DONE
                   : is == PSI_FAILED || parent == PSI_FAILED ? PSI_ADAPTIVE_LOST
                                                              : PSI_ADAPTIVE_OPEN;
    }
    enum psi_status status = psi_adaptive_next(&adaptive, asked, &open, err);
    for (size_t i = 0; !status && i < cells; i++) {
        size_t seed = i / job->densities;
        struct psi_record_at at = {
            .owner = PSI_OF_CELL, .arm = arm, .seed = seed, .density = i % job->densities};
        if (asked[i] && plan->parent_status[seed] == PSI_DONE)
            add(plan, at, PSI_NO_TASK, plan->status[begin + i]);
        else if (open == 0)
            skip_cell(plan, at);
    }
    free(state);
    return status;
}

/* Where F_min is, the grid alone tells: added densities that an interrupted launch has done already
 * do not change which ones are added. And it is sought on the nominal axis, which is the one that
 * is refined: a trimmed mask's achieved density may lie far below. */
static enum psi_status plan_refine(struct plan *plan, struct psi_cli_sweep *sweep,
                                   struct psi_error *err)
{
    const struct psi_job *job = plan->job;
    enum psi_status status = PSI_OK;
    for (size_t i = 0; i < sweep->cells; i++) {
        sweep->finished[i] &= psi_job_on_grid(job, i % job->densities) != 0;
        sweep->achieved[i] = job->density[i % job->densities];
    }
    for (size_t a = 0; !status && a < job->arms; a++) {
        if (psi_job_adapts(job, a))
            status = adapt_arm(plan, sweep->psi, a, err);
        else if (job->refine.factor > 1)
            status = refine_arm(plan, &sweep->sweep, a, err);
    }
    return status;
}

static void plan_rescue(struct plan *plan, const struct psi_sweep *sweep)
{
    const struct psi_job *job = plan->job;
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
                    PSI_NO_TASK, plan->ladder_status[first + density[i]]);
        }
    }
}

static enum psi_status plan_create(struct plan *plan, struct psi_error *err)
{
    const struct psi_job *job = plan->job;
    size_t cells = job->arms * job->seeds * job->densities, room = job->seeds + cells;
    if (room >= PSI_NO_TASK)
        return psi_fail(err, PSI_USAGE, "the grid has over %u cells", PSI_NO_TASK - 1);
    plan->out->wanted = psi_allocate(room, sizeof *plan->out->wanted, "tasks", err);
    plan->out->skip = psi_allocate(cells, sizeof *plan->out->skip, "tasks", err);
    return plan->out->wanted && plan->out->skip ? PSI_OK : PSI_MEMORY;
}

enum psi_status psi_round_plan(struct psi_results *results, enum psi_round round,
                               struct psi_round_plan *out, struct psi_error *err)
{
    const struct psi_job *job = psi_results_job(results);
    struct plan plan = {.results = results, .job = job, .out = out};
    struct psi_cli_sweep *sweep = NULL;
    uint8_t *ladder = psi_allocate(job->arms * job->seeds * job->densities, 1, "states", err);
    uint8_t *parent = psi_allocate(job->seeds, 1, "states", err);
    enum psi_status status = ladder && parent ? PSI_OK : PSI_MEMORY;
    memset(out, 0, sizeof *out);
    if (!status)
        status = psi_results_read(results, "dense_status", parent, err);
    if (!status && job->rescue.cells > 0)
        status = psi_results_read(results, "ladder_status", ladder, err);
    if (!status)
        status = psi_cli_sweep_create(results, &sweep, err);
    if (status || (status = plan_create(&plan, err)))
        goto out;
    plan.parent_status = parent;
    plan.status = sweep->status;
    plan.ladder_status = ladder;
    if (round == PSI_ROUND_GRID)
        status = plan_grid(&plan, err);
    else if (round == PSI_ROUND_REFINE)
        status = plan_refine(&plan, sweep, err);
    else
        plan_rescue(&plan, &sweep->sweep);
out:
    if (status)
        psi_round_plan_clear(out);
    psi_cli_sweep_destroy(sweep);
    free(parent);
    free(ladder);
    return status;
}

enum psi_status psi_round_plan_new(const struct psi_job *job, struct psi_round_plan *out,
                                   struct psi_error *err)
{
    struct plan plan = {.job = job, .out = out};
    uint8_t *pending =
        psi_allocate(job->seeds + job->arms * job->seeds * job->densities, 1, "states", err);
    enum psi_status status = pending ? PSI_OK : PSI_MEMORY;
    memset(out, 0, sizeof *out);
    plan.parent_status = plan.status = pending; /* PSI_PENDING is 0 */
    if (!status && !(status = plan_create(&plan, err)))
        status = plan_grid(&plan, err);
    if (status)
        psi_round_plan_clear(out);
    free(pending);
    return status;
}

void psi_round_plan_clear(struct psi_round_plan *plan)
{
    free(plan->wanted);
    free(plan->skip);
    memset(plan, 0, sizeof *plan);
}
