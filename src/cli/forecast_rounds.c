/* What a sweep has left to do, round by round. What follows from results that are not there yet is
 * assumed: that Psi falls to .5 around the middle of the density axis (in log) in every arm. */
#include "forecast.h"
#include "sweep.h"

#include "psisweep/adaptive.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double middle(const struct psi_job *job)
{
    return sqrt(job->density[0] * job->density[job->densities - 1]);
}

/* A fall of one decade from .9 to .1, and seeds that spread over a quarter of one, as LeNet-300-100
 * has them on MNIST. */
static double assumed_psi(const struct psi_job *job, size_t seed, size_t density)
{
    const double steepness = 2.0 * log(9.0), spread = 0.25;
    double share = ((double)seed + 0.5) / (double)job->seeds - 0.5;
    double above = log10(job->density[density] / middle(job)) - spread * share;
    return 1.0 / (1.0 + exp(-steepness * above));
}

static void assume(struct psi_round_plan *plan, struct psi_record_at at)
{
    plan->wanted[plan->count++] = (struct psi_wanted){.at = at, .after = PSI_NO_TASK};
}

static void assume_refine(const struct psi_job *job, size_t arm, struct psi_round_plan *plan)
{
    for (size_t d = 0; d < job->densities; d++)
        for (size_t s = 0; s < job->seeds; s++)
            if (!psi_job_on_grid(job, d) && psi_job_chain(job, arm) == SIZE_MAX &&
                job->density[d] <= job->arm[arm].from &&
                fabs(log10(job->density[d] / middle(job))) <= job->refine.around)
                assume(plan, (struct psi_record_at){
                                 .owner = PSI_OF_CELL, .arm = arm, .seed = s, .density = d});
}

/* The ladders of an arm: as many as may be, from the middle down. */
static void assume_rescue(const struct psi_job *job, size_t arm, struct psi_round_plan *plan)
{
    size_t cells = job->arm[arm].rescue ? job->rescue.cells : 0;
    for (size_t d = 0; cells > 0 && d < job->densities; d++) {
        if (!psi_job_has(job, arm, d) || job->density[d] > middle(job) * (1.0 + 1e-9))
            continue;
        cells--;
        for (size_t s = 0; s < job->seeds; s++)
            assume(plan, (struct psi_record_at){
                             .owner = PSI_OF_LADDER, .arm = arm, .seed = s, .density = d});
    }
}

static enum psi_status plan_create(const struct psi_job *job, struct psi_round_plan *plan,
                                   struct psi_error *err)
{
    size_t room = job->arms * job->seeds * job->densities;
    memset(plan, 0, sizeof *plan);
    plan->wanted = psi_allocate(room, sizeof *plan->wanted, "tasks", err);
    return plan->wanted ? PSI_OK : PSI_MEMORY;
}

/* Another round: the tasks of a plan with their costs. */
static enum psi_status add_round(struct psi_forecast *f, enum psi_round kind, int assumed,
                                 const struct psi_round_plan *plan, struct psi_error *err)
{
    struct psi_plan_round *round = &f->round[f->rounds++];
    double work = 0.0; /* seconds of what is not done */
    *round = (struct psi_plan_round){.kind = kind, .assumed = assumed, .tasks = plan->count};
    round->at = psi_allocate(plan->count, sizeof *round->at, "tasks", err);
    round->task = psi_allocate(plan->count, sizeof *round->task, "tasks", err);
    if (!round->at || !round->task)
        return PSI_MEMORY;
    for (uint32_t i = 0; i < plan->count; i++) {
        struct psi_record_at at = plan->wanted[i].at;
        double seconds = psi_costs_seconds(&f->costs, at);
        round->at[i] = at;
        round->task[i] = (struct psi_task){.cost = seconds,
                                           .after = plan->wanted[i].after,
                                           .group = (uint32_t)at.seed,
                                           .done = plan->wanted[i].state == PSI_DONE};
        if (round->task[i].done)
            continue;
        work += seconds;
        *(at.owner == PSI_OF_PARENT ? &f->parents
          : at.owner == PSI_OF_CELL ? &f->cells[at.arm]
                                    : &f->ladders[at.arm]) += seconds;
    }
    f->work_most += work;
    f->work += kind == PSI_ROUND_RESCUE && assumed ? 0.0 : work;
    return PSI_OK;
}

/* Of what an adaptive arm asks for, what is not there yet (first: all), by the assumed Psi; it is
 * there then. */
static enum psi_status adapt(const struct psi_job *job, size_t arm, int first,
                             struct psi_round_plan *plan, double *psi, uint8_t *state,
                             uint8_t *asked, struct psi_error *err)
{
    size_t begin = psi_job_cell(job, arm, 0, 0), open = 0;
    struct psi_adaptive adaptive = psi_adaptive_of(job, arm);
    adaptive.psi = psi + begin;
    adaptive.state = state + begin;
    enum psi_status status = psi_adaptive_next(&adaptive, asked, &open, err);
    for (size_t i = 0; !status && (open > 0 || first) && i < job->seeds * job->densities; i++) {
        struct psi_record_at at = {.owner = PSI_OF_CELL,
                                   .arm = arm,
                                   .seed = i / job->densities,
                                   .density = i % job->densities};
        if (!asked[i] || (state[begin + i] != PSI_ADAPTIVE_OPEN && !first))
            continue;
        assume(plan, at);
        if (state[begin + i] == PSI_ADAPTIVE_DONE) {
            plan->wanted[plan->count - 1].state = PSI_DONE;
            continue;
        }
        state[begin + i] = PSI_ADAPTIVE_DONE;
        psi[begin + i] = assumed_psi(job, at.seed, at.density);
    }
    return status;
}

static enum psi_status adaptive_rounds(struct psi_forecast *f, double *psi, uint8_t *state,
                                       uint8_t *asked, struct psi_error *err)
{
    const struct psi_job *job = f->job;
    enum psi_status status = PSI_OK;
    int more = 1;
    for (int first = 1; !status && more && f->rounds + 1 < PSI_PLAN_ROUNDS; first = 0) {
        struct psi_round_plan plan;
        status = plan_create(job, &plan, err);
        for (size_t a = 0; !status && a < job->arms; a++)
            if (psi_job_adapts(job, a))
                status = adapt(job, a, first, &plan, psi, state, asked, err);
        more = plan.count > 0;
        if (!status && more)
            status = add_round(f, PSI_ROUND_REFINE, 1, &plan, err);
        psi_round_plan_clear(&plan);
    }
    return status;
}

/* The cells of an adaptive job: those that the file has, then what is asked for beyond them. */
static enum psi_status adaptive_make(struct psi_forecast *f, struct psi_results *results,
                                     struct psi_error *err)
{
    size_t cells = f->job->arms * f->job->seeds * f->job->densities;
    struct psi_cli_sweep *sweep = NULL;
    double *psi = psi_allocate(cells, sizeof *psi, "forecast", err);
    uint8_t *state = psi_allocate(cells, 1, "forecast", err); /* PSI_ADAPTIVE_OPEN is 0 */
    uint8_t *asked = psi_allocate(f->job->seeds * f->job->densities, 1, "forecast", err);
    enum psi_status status = psi && state && asked ? PSI_OK : PSI_MEMORY;
    if (!status && results)
        status = psi_cli_sweep_create(results, &sweep, err);
    for (size_t i = 0; !status && sweep && i < cells; i++)
        if (sweep->finished[i]) {
            psi[i] = sweep->psi[i];
            state[i] = PSI_ADAPTIVE_DONE;
        }
    if (!status)
        status = adaptive_rounds(f, psi, state, asked, err);
    psi_cli_sweep_destroy(sweep);
    free(asked);
    free(state);
    free(psi);
    return status;
}

/* One round of the file, or (results NULL) of a sweep that is not begun or not so far. */
static enum psi_status plan_make(struct psi_forecast *f, struct psi_results *results,
                                 enum psi_round kind, struct psi_round_plan *plan,
                                 struct psi_error *err)
{
    if (results)
        return psi_round_plan(results, kind, plan, err);
    if (kind == PSI_ROUND_GRID)
        return psi_round_plan_new(f->job, plan, err);
    enum psi_status status = plan_create(f->job, plan, err);
    for (size_t a = 0; !status && a < f->job->arms; a++)
        (kind == PSI_ROUND_REFINE ? assume_refine : assume_rescue)(f->job, a, plan);
    return status;
}

enum psi_status psi_forecast_rounds(struct psi_forecast *f, struct psi_results *results,
                                    struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    int open = 0; /* a round before has something left, so that the file does not tell this one */
    for (int kind = 0; !status && kind < PSI_ROUNDS; kind++) {
        struct psi_round_plan plan = {0};
        int assumed = kind != PSI_ROUND_GRID && (open || !results);
        if (kind == PSI_ROUND_REFINE && f->job->adaptive)
            status = adaptive_make(f, results, err);
        else if (!(status =
                       plan_make(f, assumed ? NULL : results, (enum psi_round)kind, &plan, err)))
            status = add_round(f, (enum psi_round)kind, assumed, &plan, err);
        psi_round_plan_clear(&plan);
        open |= f->work_most > 0.0;
    }
    return status;
}
