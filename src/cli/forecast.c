#include "forecast.h"
#include "facts.h"
#include "run.h"

#include "psisweep/clock.h"
#include "psisweep/kernel.h"
#include "psisweep/memory.h"
#include "psisweep/simulate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Rank 0 on one core takes in a message and answers it in 21 us: 48,000 null cells a second on 8
 * ranks (tests/mpi/bench_null.c). */
#define SERVICE_SECONDS 21e-6

/* Open MPI in a rank, beside what a process has that only plans: 14 MB in the run of
 * results/bench.md, rounded up. */
enum { MPI_BYTES = 16 << 20 };

/* --- how long it takes --------------------------------------------------------------------------
 */

enum psi_status psi_forecast_at(const struct psi_forecast *f, uint32_t ranks,
                                struct psi_plan_point *point, struct psi_error *err)
{
    double events = 0.0;
    *point = (struct psi_plan_point){.ranks = ranks, .wall = f->startup, .wall_most = f->startup};
    for (size_t r = 0; r < f->rounds; r++) {
        const struct psi_plan_round *round = &f->round[r];
        struct psi_simulation simulation = {.task = round->task,
                                            .tasks = round->tasks,
                                            .groups = (uint32_t)f->job->seeds,
                                            .ranks = ranks,
                                            .leader_computes =
                                                psi_farm_workers((int)ranks, 0) == ranks,
                                            .service = SERVICE_SECONDS,
                                            .look = f->pilot.look,
                                            .move = f->pilot.modes};
        struct psi_simulated result;
        enum psi_status status = psi_simulate(&simulation, &result, err);
        if (status)
            return status;
        point->wall_most += result.makespan;
        if (round->kind == PSI_ROUND_RESCUE && round->assumed)
            continue;
        point->wall += result.makespan;
        point->bound += result.bound;
        events += (double)result.events;
    }
    point->core = ranks * point->wall;
    point->efficiency = point->core > 0.0 ? f->work / point->core : 0.0;
    point->leader = point->wall > 0.0 ? events * SERVICE_SECONDS / point->wall : 0.0;
    return PSI_OK;
}

/* The largest number of ranks that is not waste, to a twentieth, between one that is not and one
 * that is. */
static enum psi_status find_enough(struct psi_forecast *f, uint32_t good, uint32_t bad,
                                   struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    while (!status && bad - good > good / 20 && bad - good > 1) {
        uint32_t ranks = good + (bad - good) / 2;
        struct psi_plan_point point;
        status = psi_forecast_at(f, ranks, &point, err);
        if (!status)
            *(point.efficiency >= PSI_PLAN_EFFICIENCY ? &good : &bad) = ranks;
    }
    f->enough = good;
    return status;
}

static int by_ranks(const void *left, const void *right)
{
    const struct psi_plan_point *a = left, *b = right;
    return (a->ranks > b->ranks) - (a->ranks < b->ranks);
}

static enum psi_status add_point(struct psi_forecast *f, uint32_t ranks, struct psi_error *err)
{
    for (size_t i = 0; i < f->points; i++)
        if (f->point[i].ranks == ranks)
            return PSI_OK;
    return psi_forecast_at(f, ranks, &f->point[f->points++], err);
}

static enum psi_status points_make(struct psi_forecast *f, const uint32_t *ranks, size_t count,
                                   struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    uint32_t good = 1, bad = 0;
    for (uint32_t n = 1; !status && n <= PSI_PLAN_RANKS_MAX; n *= 2) {
        status = add_point(f, n, err);
        double efficiency = f->point[f->points - 1].efficiency;
        if (efficiency >= PSI_PLAN_EFFICIENCY)
            good = n;
        else if (!bad)
            bad = n;
        if (efficiency < 0.5)
            break;
    }
    if (!status)
        status = find_enough(f, good, bad ? bad : good + 1, err);
    if (count > 0) /* those that were asked for, alone */
        f->points = 0;
    for (size_t i = 0; !status && i < count; i++)
        status = add_point(f, ranks[i], err);
    qsort(f->point, f->points, sizeof *f->point, by_ranks);
    return status;
}

/* --- all of it -----------------------------------------------------------------------------------
 */

/* The pilot did what a rank does; a rank keeps more dense parents. */
static uint64_t memory_of(const struct psi_study *study)
{
    struct rusage usage;
    uint64_t parent = (1 + study->layout.extent[PSI_AXIS_REWIND]) *
                      study->layout.extent[PSI_AXIS_PARAMETER] * sizeof(float);
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024 + (PSI_PARENTS_KEPT - 1) * parent + MPI_BYTES;
}

static enum psi_status open_file(const struct psi_job *job, const char *file,
                                 struct psi_results **results, struct psi_error *err)
{
    struct stat what;
    *results = NULL;
    if (!file || (stat(file, &what) != 0 && errno == ENOENT) ||
        (stat(file, &what) == 0 && S_ISREG(what.st_mode) && what.st_size == 0))
        return PSI_OK;
    enum psi_status status = psi_results_open(file, PSI_RESULTS_READ, results, err);
    if (status)
        return status;
    char *difference = psi_job_difference(psi_results_job(*results), job, 0, err);
    if (!difference)
        return PSI_MEMORY;
    if (*difference)
        status = psi_fail(err, PSI_USAGE, "%s belongs to another job. Differences:\n%s", file,
                          difference);
    free(difference);
    return status;
}

/* Costs from what the file has, and from the pilot what it has not. */
static enum psi_status costs_make(struct psi_forecast *f, struct psi_results *results, double pilot,
                                  struct psi_error *err)
{
    char numerics[PSI_NUMERICS];
    struct psi_study *study = NULL;
    int level = psi_kernels_best();
    double start = psi_clock_processor();
    enum psi_status status = psi_blas_start(err);
    if (status)
        return status;
    psi_cli_numerics(level, numerics);
    if ((status = psi_study_create(f->job, level, &study, err)))
        return status;
    f->startup = psi_clock_processor() - start;
    f->parameters = psi_network_parameters(study->network);
    f->weights = psi_network_weights(study->network);
    struct psi_results_facts facts = psi_cli_facts(study, numerics);
    status = psi_results_size(&facts, &f->bytes, err);
    if (!status)
        status = results ? psi_costs_read(&f->costs, results, err)
                         : psi_costs_create(&f->costs, f->job, err);
    if (!status)
        f->costs.job = f->job; /* the same, and it lives longer than the results do */
    if (!status)
        status = psi_pilot_run(study, pilot, &f->costs, &f->pilot, err);
    f->memory = memory_of(study);
    psi_study_destroy(study);
    return status;
}

enum psi_status psi_forecast_make(const struct psi_job *job, const char *file, double pilot,
                                  const uint32_t *ranks, size_t count, struct psi_forecast *f,
                                  struct psi_error *err)
{
    struct psi_results *results = NULL;
    *f = (struct psi_forecast){.job = job};
    enum psi_status status = open_file(job, file, &results, err);
    if (status)
        goto out;
    f->file = results ? file : NULL;
    f->cells = psi_allocate(job->arms, sizeof *f->cells, "forecast", err);
    f->ladders = psi_allocate(job->arms, sizeof *f->ladders, "forecast", err);
    if (!f->cells || !f->ladders) {
        status = PSI_MEMORY;
        goto out;
    }
    if (!(status = costs_make(f, results, pilot, err)) &&
        !(status = psi_forecast_rounds(f, results, err)))
        status = points_make(f, ranks, count, err);
out:
    psi_results_close(results);
    return status;
}

void psi_forecast_clear(struct psi_forecast *f)
{
    for (size_t r = 0; r < f->rounds; r++) {
        free(f->round[r].task);
        free(f->round[r].at);
    }
    free(f->ladders);
    free(f->cells);
    psi_costs_clear(&f->costs);
}
