/* The scheduler learns what tasks really cost. */
#include "run.h"

void psi_run_cost_learn(struct psi_run *run, uint32_t task, double seconds)
{
    if (!psi_costs_learn(&run->costs, run->record[task], seconds))
        return;
    for (uint32_t i = 0; i < run->tasks; i++)
        run->cost[i] = psi_costs_seconds(&run->costs, run->record[i]);
    psi_schedule_recost(run->schedule, run->cost);
}
