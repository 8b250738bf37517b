/* psisweep plan, in parts: what a sweep will cost, and the printers. */
#ifndef PSISWEEP_CLI_FORECAST_H
#define PSISWEEP_CLI_FORECAST_H

#include "cli.h"
#include "cost.h"
#include "pilot.h"
#include "psisweep/schedule.h"
#include "psisweep/trial.h"
#include "rounds.h"

#define PSI_PLAN_SCHEMA "psisweep-plan-1"

/* More ranks are called waste below this share of their time that is spent on tasks. */
#define PSI_PLAN_EFFICIENCY 0.7

enum { PSI_PLAN_POINTS = 64, PSI_PLAN_RANKS_MAX = 100000, PSI_PLAN_ROUNDS = 64 };

struct psi_plan_point {
    uint32_t ranks;
    double wall, wall_most; /* seconds; most: with every ladder that may be, climbed whole */
    double bound;           /* no schedule of the rounds takes less wall time */
    double core;            /* ranks * wall */
    double efficiency;      /* work / core */
    double leader;          /* share of the wall time that rank 0 spends on messages */
};

/* What one round has left to do. The added cells of an adaptive job come in many. */
struct psi_plan_round {
    enum psi_round kind;
    struct psi_record_at *at; /* (tasks) owned */
    struct psi_task *task;    /* (tasks) owned; costs in seconds */
    uint32_t tasks;
    int assumed; /* what it wants depends on results that are not there yet */
};

struct psi_forecast {
    const struct psi_job *job;  /* borrowed */
    const char *file;           /* the results file that is gone on with; NULL = a new one */
    size_t parameters, weights; /* of the network */
    uint64_t bytes;             /* of the results file */
    uint64_t memory;            /* of a rank, at most */
    double startup;             /* seconds until a rank can begin */
    struct psi_pilot pilot;
    struct psi_costs costs;
    struct psi_plan_round round[PSI_PLAN_ROUNDS];
    size_t rounds;
    double parents;          /* seconds of dense parents that are left */
    double *cells, *ladders; /* (arms) owned: seconds that are left; ladders at most */
    double work, work_most;  /* seconds; most as of a point */
    struct psi_plan_point point[PSI_PLAN_POINTS];
    size_t points;
    uint32_t enough; /* the largest number of ranks that is not waste */
};

/* Loads the data, times a pilot of about `pilot` seconds, simulates. file: NULL, or a results file:
 * where it is there, what is left of it. ranks (count): the points are of these alone; count = 0:
 * of the usual ones, which end where half the time is lost. What a failure leaves is released by
 * psi_forecast_clear. */
enum psi_status psi_forecast_make(const struct psi_job *job, const char *file, double pilot,
                                  const uint32_t *ranks, size_t count, struct psi_forecast *out,
                                  struct psi_error *err);
void psi_forecast_clear(struct psi_forecast *forecast);

/* forecast_rounds.c: what there is to do, from costs that are known by then. results: NULL where
 * nothing is done. */
enum psi_status psi_forecast_rounds(struct psi_forecast *forecast, struct psi_results *results,
                                    struct psi_error *err);

/* One number of ranks. */
enum psi_status psi_forecast_at(const struct psi_forecast *forecast, uint32_t ranks,
                                struct psi_plan_point *point, struct psi_error *err);

void psi_forecast_print(const struct psi_forecast *forecast);
void psi_forecast_print_json(const struct psi_forecast *forecast);

#endif
