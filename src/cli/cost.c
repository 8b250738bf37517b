#include "cost.h"

#include "psisweep/ladder.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>

/* --- the model, in units of a dense epoch ------------------------------------------------------
 */

/* A cell costs less the less survives: measured, 2.4 s at density 1, .74 at .1, .17 at .01, .02 at
 * .0003 (LeNet-300-100 on MNIST, 5 epochs). */
static double epoch_cost(double density)
{
    double share = 0.01 + 3.0 * density;
    return share < 1.0 ? share : 1.0;
}

static double cell_cost(const struct psi_job *job, size_t arm, size_t density)
{
    const struct psi_arm *a = &job->arm[arm];
    double epochs = (double)psi_job_budget(job, a)->epochs;
    if (a->restart == PSI_RATE_REWIND || a->restart == PSI_REWIND)
        epochs -= a->rewind;
    if (a->schedule == PSI_POLYNOMIAL || a->hold)
        return epochs + 1.0; /* on the whole matrices */
    double cost = (epochs + 1.0) * epoch_cost(job->density[density]);
    return a->restart == PSI_TRANSPLANT ? 2.5 * cost : cost;
}

static double ladder_cost(const struct psi_job *job, size_t density)
{
    struct psi_rung rung[PSI_RUNGS_MAX];
    double cost = 0.0;
    size_t rungs = psi_ladder_rungs(job, rung);
    for (size_t i = 0; i < rungs; i++)
        cost += (double)(rung[i].budget * rung[i].draws * job->retrain.epochs) *
                (psi_rung_moves(&rung[i]) ? 1.0 : epoch_cost(job->density[density]));
    return cost;
}

static double model_cost(const struct psi_job *job, struct psi_record_at at)
{
    if (at.owner == PSI_OF_PARENT)
        return (double)job->train.epochs + 2.0;
    return at.owner == PSI_OF_LADDER ? ladder_cost(job, at.density)
                                     : cell_cost(job, at.arm, at.density);
}

/* --- what is known of it ------------------------------------------------------------------------
 */

/* Kinds of tasks that are off by one factor each: dense parents, cells of an arm, its ladders. */
static struct psi_cost_kind *kind_of(const struct psi_costs *costs, struct psi_record_at at)
{
    size_t arms = costs->job->arms;
    return &costs->kind[at.owner == PSI_OF_PARENT ? 0
                        : at.owner == PSI_OF_CELL ? 1 + at.arm
                                                  : 1 + arms + at.arm];
}

static void kind_add(struct psi_costs *costs, struct psi_record_at at, double seconds)
{
    struct psi_cost_kind *kind = kind_of(costs, at);
    double expected = model_cost(costs->job, at);
    kind->seconds += seconds;
    kind->expected += expected;
    costs->seconds += seconds;
    costs->expected += expected;
}

/* Seconds a unit of the model: of the kind, if any is done, else of all. */
static double kind_rate(const struct psi_costs *costs, const struct psi_cost_kind *kind)
{
    if (kind->expected > 0.0 && kind->seconds > 0.0)
        return kind->seconds / kind->expected;
    return costs->expected > 0.0 && costs->seconds > 0.0 ? costs->seconds / costs->expected : 1.0;
}

double psi_costs_seconds(struct psi_costs *costs, struct psi_record_at at)
{
    struct psi_cost_kind *kind = kind_of(costs, at);
    kind->applied = kind_rate(costs, kind);
    return model_cost(costs->job, at) * kind->applied;
}

int psi_costs_learn(struct psi_costs *costs, struct psi_record_at at, double seconds)
{
    const double off = 1.3; /* a factor that is worth another order */
    struct psi_cost_kind *kind = kind_of(costs, at);
    kind_add(costs, at, seconds);
    double rate = kind_rate(costs, kind);
    return rate >= off * kind->applied || kind->applied >= off * rate;
}

static enum psi_status read_owner(struct psi_costs *costs, struct psi_results *results,
                                  enum psi_owner owner, const char *status, const char *seconds,
                                  struct psi_error *err)
{
    const struct psi_job *job = costs->job;
    size_t densities = owner == PSI_OF_PARENT ? 1 : job->densities;
    size_t arms = owner == PSI_OF_PARENT ? 1 : job->arms, count = arms * job->seeds * densities;
    enum psi_status result = PSI_MEMORY;
    uint8_t *state = psi_allocate(count, 1, "costs", err);
    double *took = psi_allocate(count, sizeof *took, "costs", err);
    if (!state || !took)
        goto out;
    if ((result = psi_results_read(results, status, state, err)) ||
        (result = psi_results_read(results, seconds, took, err)))
        goto out;
    for (size_t i = 0; i < count; i++) {
        struct psi_record_at at = {.owner = owner,
                                   .arm = i / densities / job->seeds,
                                   .seed = i / densities % job->seeds,
                                   .density = i % densities};
        if (state[i] == PSI_DONE && took[i] > 0.0)
            kind_add(costs, at, took[i]);
    }
out:
    free(took);
    free(state);
    return result;
}

enum psi_status psi_costs_read(struct psi_costs *costs, struct psi_results *results,
                               struct psi_error *err)
{
    const struct psi_job *job = psi_results_job(results);
    enum psi_status status;
    free(costs->kind);
    *costs = (struct psi_costs){.job = job};
    if (!(costs->kind = psi_allocate(1 + 2 * job->arms, sizeof *costs->kind, "costs", err)))
        return PSI_MEMORY;
    if ((status =
             read_owner(costs, results, PSI_OF_PARENT, "dense_status", "dense_seconds", err)) ||
        (status = read_owner(costs, results, PSI_OF_CELL, "status", "seconds", err)))
        return status;
    return job->rescue.cells > 0
               ? read_owner(costs, results, PSI_OF_LADDER, "ladder_status", "ladder_seconds", err)
               : PSI_OK;
}

void psi_costs_clear(struct psi_costs *costs)
{
    free(costs->kind);
    *costs = (struct psi_costs){0};
}
