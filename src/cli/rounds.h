/* A sweep goes in rounds, and what each wants follows from the job and from what the results file
 * holds when the round begins: so a resumed sweep comes to the same, and `status` says by the rule
 * of `run` whether a sweep is complete. Private to cli. */
#ifndef PSISWEEP_CLI_ROUNDS_H
#define PSISWEEP_CLI_ROUNDS_H

#include "psisweep/results.h"

/* Each begins when all of the one before is done or given up, as it depends on it. */
enum psi_round {
    PSI_ROUND_GRID,   /* dense parents, and the cells of the grid */
    PSI_ROUND_REFINE, /* cells around each arm's F_min: of added densities, or all of an adaptive
                         arm's, which are planned anew until nothing new is wanted */
    PSI_ROUND_RESCUE, /* ladders of collapsed cells */
    PSI_ROUNDS
};

struct psi_wanted {
    struct psi_record_at at;
    uint32_t after; /* index of the wanted one that must be done first, or PSI_NO_TASK */
    uint8_t state;  /* enum psi_record_state, of the file; a done cell of an iterative arm whose
                       state is lost is pending again */
};

/* What one round wants; arrays owned. */
struct psi_round_plan {
    struct psi_wanted *wanted; /* an earlier one never comes after a later one */
    uint32_t count;
    struct psi_record_at *skip; /* not wanted, and the file does not say so yet */
    uint32_t skips;
};

/* Reads only, and works while a sweep runs. */
enum psi_status psi_round_plan(struct psi_results *results, enum psi_round round,
                               struct psi_round_plan *plan, struct psi_error *err);
/* The grid's round of a sweep that has not begun. */
enum psi_status psi_round_plan_new(const struct psi_job *job, struct psi_round_plan *plan,
                                   struct psi_error *err);
void psi_round_plan_clear(struct psi_round_plan *plan);

#endif
