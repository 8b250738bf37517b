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

double psi_costs_model(const struct psi_job *job, struct psi_record_at at)
{
    if (at.owner == PSI_OF_PARENT)
        return (double)job->train.epochs + 2.0;
    return at.owner == PSI_OF_LADDER ? ladder_cost(job, at.density)
                                     : cell_cost(job, at.arm, at.density);
}

/* --- what is known of it ------------------------------------------------------------------------
 */

/* Kinds of tasks that are off by factors of their own: dense parents, cells of an arm, its ladders.
 */
static struct psi_cost_kind *kind_of(const struct psi_costs *costs, struct psi_record_at at)
{
    size_t arms = costs->job->arms;
    return &costs->kind[at.owner == PSI_OF_PARENT ? 0
                        : at.owner == PSI_OF_CELL ? 1 + at.arm
                                                  : 1 + arms + at.arm];
}

static size_t density_of(struct psi_record_at at)
{
    return at.owner == PSI_OF_PARENT ? 0 : at.density;
}

static void sum_add(struct psi_cost_sum *sum, double seconds, double expected)
{
    sum->seconds += seconds;
    sum->expected += expected;
}

static int sum_known(const struct psi_cost_sum *sum)
{
    return sum->expected > 0.0 && sum->seconds > 0.0;
}

void psi_costs_note(struct psi_costs *costs, struct psi_record_at at, double seconds)
{
    struct psi_cost_kind *kind = kind_of(costs, at);
    double expected = psi_costs_model(costs->job, at);
    sum_add(&kind->all, seconds, expected);
    sum_add(&kind->at[density_of(at)], seconds, expected);
    sum_add(&costs->all, seconds, expected);
}

int psi_costs_known(const struct psi_costs *costs, struct psi_record_at at)
{
    return sum_known(&kind_of(costs, at)->at[density_of(at)]);
}

/* Seconds a unit of the model, of one kind: those of the nearest densities that are known, between
 * two of them linear in log against log. */
static double kind_rate(const struct psi_costs *costs, const struct psi_cost_kind *kind,
                        size_t density)
{
    const struct psi_job *job = costs->job;
    size_t above = density, below = density;
    while (above > 0 && !sum_known(&kind->at[above]))
        above--;
    while (below + 1 < job->densities && !sum_known(&kind->at[below]))
        below++;
    const struct psi_cost_sum *a = &kind->at[above], *b = &kind->at[below];
    if (above == below || !sum_known(b))
        return a->seconds / a->expected;
    if (!sum_known(a))
        return b->seconds / b->expected;
    double share = log(job->density[density] / job->density[above]) /
                   log(job->density[below] / job->density[above]);
    double from = log(a->seconds / a->expected), to = log(b->seconds / b->expected);
    return exp(from + share * (to - from));
}

static double rate_of(const struct psi_costs *costs, struct psi_record_at at)
{
    const struct psi_cost_kind *kind = kind_of(costs, at);
    if (at.owner == PSI_OF_LADDER && !sum_known(&kind->all)) {
        at.owner = PSI_OF_CELL;
        kind = kind_of(costs, at);
    }
    if (sum_known(&kind->all))
        return at.owner == PSI_OF_PARENT ? kind->all.seconds / kind->all.expected
                                         : kind_rate(costs, kind, at.density);
    return sum_known(&costs->all) ? costs->all.seconds / costs->all.expected : 1.0;
}

double psi_costs_seconds(struct psi_costs *costs, struct psi_record_at at)
{
    struct psi_cost_kind *kind = kind_of(costs, at);
    if (sum_known(&kind->all))
        kind->applied = kind->all.seconds / kind->all.expected;
    else
        kind->applied = rate_of(costs, at);
    return psi_costs_model(costs->job, at) * rate_of(costs, at);
}

int psi_costs_learn(struct psi_costs *costs, struct psi_record_at at, double seconds)
{
    const double off = 1.3; /* a factor that is worth another order */
    struct psi_cost_kind *kind = kind_of(costs, at);
    psi_costs_note(costs, at, seconds);
    double rate = kind->all.seconds / kind->all.expected;
    return rate >= off * kind->applied || kind->applied >= off * rate;
}

enum psi_status psi_costs_create(struct psi_costs *costs, const struct psi_job *job,
                                 struct psi_error *err)
{
    size_t kinds = 1 + 2 * job->arms;
    psi_costs_clear(costs);
    costs->job = job;
    costs->kind = psi_allocate(kinds, sizeof *costs->kind, "costs", err);
    costs->sum = psi_allocate(kinds * job->densities, sizeof *costs->sum, "costs", err);
    if (!costs->kind || !costs->sum)
        return PSI_MEMORY;
    for (size_t k = 0; k < kinds; k++)
        costs->kind[k].at = costs->sum + k * job->densities;
    return PSI_OK;
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
            psi_costs_note(costs, at, took[i]);
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
    enum psi_status status = psi_costs_create(costs, job, err);
    if (status ||
        (status =
             read_owner(costs, results, PSI_OF_PARENT, "dense_status", "dense_seconds", err)) ||
        (status = read_owner(costs, results, PSI_OF_CELL, "status", "seconds", err)))
        return status;
    return job->rescue.cells > 0
               ? read_owner(costs, results, PSI_OF_LADDER, "ladder_status", "ladder_seconds", err)
               : PSI_OK;
}

void psi_costs_clear(struct psi_costs *costs)
{
    free(costs->sum);
    free(costs->kind);
    *costs = (struct psi_costs){0};
}
