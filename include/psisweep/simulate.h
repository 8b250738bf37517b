/* The scheduler's policy driven by simulated ranks: how long a set of tasks takes on so many ranks.
 *
 * A discrete-event simulation around a real struct psi_schedule. A rank does the tasks it is given
 * in turn and says when each has ended. Rank 0 takes in what has come one message after the other,
 * `service` seconds for each, the decisions that follow from it included; where it computes too, it
 * looks for messages every `look` seconds of its own task, which they delay. A rank that holds no
 * second task waits until rank 0 has answered. Nothing fails, and no message takes time to travel.
 */
#ifndef PSISWEEP_SIMULATE_H
#define PSISWEEP_SIMULATE_H

#include "psisweep/schedule.h"
#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

struct psi_simulation {
    const struct psi_task *task; /* (tasks) what the policy is told */
    uint32_t tasks, groups;
    const double *seconds; /* (tasks) what each takes, > 0; NULL = its cost */
    uint32_t ranks;        /* >= 1 */
    int leader_computes;   /* rank 0 is a worker, too; else there are ranks - 1 workers */
    double service;        /* seconds of rank 0 a message, >= 0 */
    double look;           /* seconds between two looks of rank 0 while it computes, >= 0 */
    double move;  /* seconds by which a task is longer on a worker that changes its group */
    double start; /* seconds until the first task can begin, >= 0 */
};

struct psi_simulated {
    double makespan; /* from the launch to the end of the last task's service */
    double work;     /* seconds of all tasks not done before, moves left out */
    double critical; /* of the longest chain of them */
    double bound;    /* max(work / ranks, critical): no schedule is shorter */
    double busy;     /* work / (ranks * makespan) */
    double leader;   /* share of the makespan that rank 0 spends on messages */
    uint64_t events; /* messages */
    uint64_t moves;  /* how often a worker changed its group */
};

/* PSI_USAGE where psi_schedule_create refuses the tasks, or where no rank is left to work. */
enum psi_status psi_simulate(const struct psi_simulation *simulation, struct psi_simulated *out,
                             struct psi_error *err);

#endif
