/* What tasks are expected to cost, and what those that are done say about it. Only the order of
 * tasks and the times that are shown depend on it. Private to cli. */
#ifndef PSISWEEP_CLI_COST_H
#define PSISWEEP_CLI_COST_H

#include "psisweep/results.h"

/* Seconds, and what the model says the same tasks cost: their ratio is how far the model is off. */
struct psi_cost_sum {
    double seconds, expected;
};

struct psi_costs {
    const struct psi_job *job; /* borrowed */
    struct psi_cost_kind {
        struct psi_cost_sum all;
        struct psi_cost_sum *at; /* (densities) or, of dense parents, (1); a part of `sum` */
        double applied;          /* seconds a unit of the model, as last asked for */
    } * kind;                    /* (1 + 2 arms) owned: dense parents, cells, ladders */
    struct psi_cost_sum *sum;    /* owned */
    struct psi_cost_sum all;
};

/* Nothing known yet. costs is cleared by the caller, also after a failure. */
enum psi_status psi_costs_create(struct psi_costs *costs, const struct psi_job *job,
                                 struct psi_error *err);
void psi_costs_clear(struct psi_costs *costs);

/* Anew, and what the done records took; of the job of the results, which costs borrows. costs is
 * zeroed or was created before. */
enum psi_status psi_costs_read(struct psi_costs *costs, struct psi_results *results,
                               struct psi_error *err);
/* What the model says a task costs, in units of a dense epoch. */
double psi_costs_model(const struct psi_job *job, struct psi_record_at at);

/* Note what a task has taken. */
void psi_costs_note(struct psi_costs *costs, struct psi_record_at at, double seconds);

/* Has any task of this kind and density been noted? */
int psi_costs_known(const struct psi_costs *costs, struct psi_record_at at);

/* Seconds that a dense parent, a cell or a ladder is expected to take: as those of its kind and
 * density have, between such densities as a power law, beyond them as the model goes on; ladders as
 * their arm's cells, and where an arm has none as all tasks. Without any, in units of a dense
 * epoch.
 */
double psi_costs_seconds(struct psi_costs *costs, struct psi_record_at at);

/* The same as psi_costs_note. Returns 1 where its kind was far off: other costs are worth asking
 * for.
 */
int psi_costs_learn(struct psi_costs *costs, struct psi_record_at at, double seconds);

#endif
