/* What tasks are expected to cost, and what those that are done say about it. Only the order of
 * tasks and the times that are shown depend on it. Private to cli. */
#ifndef PSISWEEP_CLI_COST_H
#define PSISWEEP_CLI_COST_H

#include "psisweep/results.h"

struct psi_costs {
    const struct psi_job *job; /* of the results */
    struct psi_cost_kind {
        double seconds, expected; /* of those done, in seconds and as the model says */
        double applied;           /* seconds a unit of the model, as last asked for */
    } * kind;                     /* (1 + 2 arms) owned: dense parents, cells, ladders */
    double seconds, expected;     /* of all kinds */
};

/* What the done records took. costs is zeroed or was read before; cleared by the caller, also after
 * a failure. */
enum psi_status psi_costs_read(struct psi_costs *costs, struct psi_results *results,
                               struct psi_error *err);
void psi_costs_clear(struct psi_costs *costs);

/* Seconds that a dense parent, a cell or a ladder is expected to take; without any that is done, in
 * units of a dense epoch. */
double psi_costs_seconds(struct psi_costs *costs, struct psi_record_at at);

/* Note what one has taken. Returns 1 where its kind was far off: other costs are worth asking for.
 */
int psi_costs_learn(struct psi_costs *costs, struct psi_record_at at, double seconds);

#endif
