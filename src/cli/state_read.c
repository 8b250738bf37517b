/* What a results file says of its sweep, by the rule of `run` (rounds.h). */
#include "cost.h"
#include "rounds.h"
#include "state.h"
#include "sweep.h"

#include "psisweep/memory.h"
#include "psisweep/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const psi_state_kind_name[PSI_STATE_KINDS] = {"dense parents", "grid cells",
                                                          "added cells", "ladders"};

static enum psi_state_kind kind_of(const struct psi_job *job, struct psi_record_at at)
{
    if (at.owner == PSI_OF_PARENT)
        return PSI_STATE_PARENTS;
    if (at.owner == PSI_OF_LADDER)
        return PSI_STATE_LADDERS;
    return psi_job_on_grid(job, at.density) ? PSI_STATE_CELLS : PSI_STATE_ADDED;
}

/* A launch that is at work is the newest; what an older one began, it left. */
static enum psi_status is_running(struct psi_state *state, struct psi_record_at at, int *running,
                                  struct psi_error *err)
{
    struct psi_made made = {0};
    enum psi_status status = PSI_OK;
    if (state->lock != PSI_LOCK_FREE)
        status = psi_results_made(state->results, at, &made, err);
    *running = state->lock != PSI_LOCK_FREE && made.launch + 1 == (int32_t)state->launches;
    return status;
}

static void count_add(struct psi_state_count *count, const struct psi_state_count *one)
{
    count->wanted += one->wanted;
    count->done += one->done;
    count->running += one->running;
    count->failed += one->failed;
    count->pending += one->pending;
    count->seconds_done += one->seconds_done;
    count->seconds_left += one->seconds_left;
}

/* fate (of the round's wanted ones): what has come of each, where a failed one takes those that
 * wait for it with it. */
static enum psi_status count_wanted(struct psi_state *state, struct psi_costs *costs,
                                    const struct psi_round_plan *plan, uint32_t i, uint8_t *fate,
                                    struct psi_error *err)
{
    const struct psi_wanted *w = &plan->wanted[i];
    struct psi_state_count one = {.wanted = 1};
    double seconds = psi_costs_seconds(costs, w->at);
    int running = 0;
    enum psi_status status = PSI_OK;
    fate[i] = w->state;
    if (w->state != PSI_DONE && w->after != PSI_NO_TASK && fate[w->after] == PSI_FAILED)
        fate[i] = PSI_FAILED;
    if (w->state == PSI_RUNNING && (status = is_running(state, w->at, &running, err)))
        return status;
    one.done = fate[i] == PSI_DONE;
    one.failed = fate[i] == PSI_FAILED;
    one.running = fate[i] == PSI_RUNNING && running;
    one.pending = 1 - one.done - one.failed - one.running;
    *(one.done ? &one.seconds_done : &one.seconds_left) = one.failed ? 0.0 : seconds;
    count_add(&state->kind[kind_of(state->job, w->at)], &one);
    count_add(&state->total, &one);
    if (w->at.owner == PSI_OF_CELL)
        count_add(&state->arm[w->at.arm].cells, &one);
    else if (w->at.owner == PSI_OF_LADDER)
        count_add(&state->arm[w->at.arm].ladders, &one);
    if (w->state == PSI_FAILED) {
        struct psi_state_failure *failure = &state->failure[state->failures++];
        failure->at = w->at;
        status = psi_results_made(state->results, w->at, &failure->made, err);
    }
    return status;
}

/* *open = 1: it has something to do yet, so that the next rounds cannot be known. */
static enum psi_status count_round(struct psi_state *state, struct psi_costs *costs,
                                   enum psi_round round, int *open, struct psi_error *err)
{
    struct psi_round_plan plan;
    enum psi_status status = psi_round_plan(state->results, round, &plan, err);
    if (status)
        return status;
    size_t before = state->total.running + state->total.pending;
    size_t room = state->failures + plan.count;
    uint8_t *fate = psi_allocate(plan.count, 1, "states", err);
    struct psi_state_failure *failure = psi_allocate(room, sizeof *failure, "failed records", err);
    if (!fate || !failure) {
        status = PSI_MEMORY;
    } else {
        if (state->failures > 0)
            memcpy(failure, state->failure, state->failures * sizeof *failure);
        free(state->failure);
        state->failure = failure;
        failure = NULL;
    }
    for (uint32_t i = 0; !status && i < plan.count; i++)
        status = count_wanted(state, costs, &plan, i, fate, err);
    *open = plan.skips > 0 || state->total.running + state->total.pending > before;
    free(failure);
    free(fate);
    psi_round_plan_clear(&plan);
    return status;
}

static enum psi_status count_rounds(struct psi_state *state, struct psi_error *err)
{
    static const int decides[PSI_ROUNDS] = {[PSI_ROUND_GRID] = PSI_STATE_ADDED,
                                            [PSI_ROUND_REFINE] = PSI_STATE_LADDERS,
                                            [PSI_ROUND_RESCUE] = PSI_STATE_KINDS};
    struct psi_costs costs = {0};
    int open = 0;
    enum psi_status status = psi_costs_read(&costs, state->results, err);
    state->timed = costs.all.seconds > 0.0;
    for (int round = 0; !status && !open && round < PSI_ROUNDS; round++) {
        status = count_round(state, &costs, (enum psi_round)round, &open, err);
        state->decided = decides[round];
    }
    /* a launch that is at work tries failed ones again */
    if (open || (state->total.failed > 0 && state->lock == PSI_LOCK_LED))
        state->verdict = PSI_STATE_INCOMPLETE;
    else
        state->verdict = state->total.failed > 0 ? PSI_STATE_FAILED : PSI_STATE_COMPLETE;
    psi_costs_clear(&costs);
    return status;
}

static enum psi_status read_arms(struct psi_state *state, struct psi_error *err)
{
    const struct psi_job *job = state->job;
    struct psi_cli_sweep *sweep = NULL;
    enum psi_status status = psi_cli_sweep_create(state->results, &sweep, err);
    for (size_t i = 0; !status && i < sweep->cells; i++) {
        int skipped = sweep->status[i] == PSI_SKIPPED;
        struct psi_record_at at = {.owner = PSI_OF_CELL, .density = i % job->densities};
        state->kind[kind_of(job, at)].skipped += skipped;
        state->arm[i / job->densities / job->seeds].cells.skipped += skipped;
        state->total.skipped += skipped;
    }
    for (size_t a = 0; !status && a < job->arms; a++) {
        struct psi_pooled *pooled = &state->arm[a].pooled;
        status = psi_threshold_pool(&sweep->sweep, a, PSI_RECOVERED, 0, pooled, err);
        if (status == PSI_NUMERIC) { /* not known, which is no reason to tell nothing else */
            *pooled = (struct psi_pooled){.low = NAN, .center = NAN, .high = NAN};
            status = PSI_OK;
        }
    }
    psi_cli_sweep_destroy(sweep);
    return status;
}

/* There is no file: is one about to be? */
static const char *find_creation(const struct psi_state *state, const char *resolved)
{
    char temporary[8192];
    struct stat what;
    int begun =
        psi_results_temporary(resolved, temporary, sizeof temporary) && stat(temporary, &what) == 0;
    if (state->lock == PSI_LOCK_LED || state->lock == PSI_LOCK_LEADERLESS)
        return begun ? "is being created" : "is about to be created";
    return begun ? "a launch died while it created the file; the same run command starts anew"
                 : NULL;
}

enum psi_status psi_state_open(const char *path, struct psi_state *state, struct psi_error *err)
{
    char resolved[4096];
    struct stat what;
    memset(state, 0, sizeof *state);
    state->path = path;
    enum psi_status status = psi_results_resolve(path, resolved, sizeof resolved, err);
    if (status)
        return status;
    state->lock = psi_lock_look(resolved, state->who);
    if (stat(resolved, &what) != 0 || what.st_size == 0) {
        state->verdict = PSI_STATE_INCOMPLETE;
        state->creating = find_creation(state, resolved);
        if (state->creating)
            return PSI_OK;
    }
    if ((status = psi_results_open(resolved, PSI_RESULTS_READ, &state->results, err)))
        return status;
    state->job = psi_results_job(state->results);
    if (!(state->arm = psi_allocate(state->job->arms, sizeof *state->arm, "arms", err)))
        return PSI_MEMORY;
    if ((status = psi_results_launches(state->results, state->launch, &state->launches, err)) ||
        (status = count_rounds(state, err)))
        return status;
    return read_arms(state, err);
}

void psi_state_close(struct psi_state *state)
{
    psi_results_close(state->results);
    free(state->failure);
    free(state->arm);
}

double psi_state_left(const struct psi_state *state)
{
    int32_t ranks = state->launches > 0 ? state->launch[state->launches - 1].ranks : 0;
    return state->lock == PSI_LOCK_LED && state->timed && ranks > 0
               ? state->total.seconds_left / ranks
               : NAN;
}

double psi_state_share(const struct psi_state *state)
{
    double all = state->total.seconds_done + state->total.seconds_left;
    return all > 0.0 ? state->total.seconds_done / all : NAN;
}

const char *psi_state_verdict_name(const struct psi_state *state)
{
    static const char *const name[] = {[PSI_STATE_COMPLETE] = "complete",
                                       [PSI_STATE_FAILED] = "failed",
                                       [PSI_STATE_INCOMPLETE] = "incomplete"};
    return name[state->verdict];
}

int psi_state_exit_code(const struct psi_state *state)
{
    static const int code[] = {[PSI_STATE_COMPLETE] = PSI_EXIT_COMPLETE,
                               [PSI_STATE_FAILED] = PSI_EXIT_FAILED,
                               [PSI_STATE_INCOMPLETE] = PSI_EXIT_RESUMABLE};
    return code[state->verdict];
}
