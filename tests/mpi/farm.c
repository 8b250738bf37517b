/* The farm over real ranks that all live: farm SCENARIO, under mpirun. Logs meet after the farm.
 * tests/mpi/farm.sh runs all scenarios. */
#include "farm_rig.h"

#include <sys/resource.h>
#include <sys/time.h>

enum { BROKEN = 3, SHAKY = 5, LONE = 1 };

/* A parent a seed, cells that wait for it, one chain among them. */
static void grid_fill(struct psi_task *task)
{
    for (uint32_t t = 0; t < GRID; t++) {
        uint32_t seed = t / (1 + CELLS), parent = seed * (1 + CELLS), cell = t - parent;
        uint32_t after = cell == 0 ? PSI_NO_TASK : cell <= CELLS / 2 ? parent : t - 1;
        task[t] = (struct psi_task){cell ? 1.0 : 3.0, after, seed, 0};
    }
}

/* All ranks' logs, on rank 0; and nothing may be under way any more. */
static void gather(struct log *log)
{
    int there, root = log->rank == 0;
    psi_comm_agree(log->peers, PSI_OK, NULL);
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
    expect(log, !there, "no message is left over");
    psi_comm_agree(log->peers, PSI_OK, NULL); /* who runs ahead would send for the next farm */
    MPI_Reduce(root ? MPI_IN_PLACE : log->begun, log->begun, GRID, MPI_UNSIGNED, MPI_SUM, 0,
               MPI_COMM_WORLD);
    MPI_Reduce(root ? MPI_IN_PLACE : log->begin, log->begin, GRID, MPI_DOUBLE, MPI_MAX, 0,
               MPI_COMM_WORLD);
    MPI_Reduce(root ? MPI_IN_PLACE : log->end, log->end, GRID, MPI_DOUBLE, MPI_MAX, 0,
               MPI_COMM_WORLD);
}

/* --- scenarios: collective ------------------------------------------------------------------- */

/* Twice over the same communicator: each task done exactly once, after what it waits for. */
static void scenario_grid(struct log *log)
{
    struct psi_task task[GRID];
    struct psi_error err;
    grid_fill(task);
    log->seconds = 0.002;
    for (int round = 0; round < 2; round++) {
        expect(log, run(log, task, GRID, 1, 0, &err) == PSI_OK, "the farm ends well");
        gather(log);
        for (uint32_t t = 0; t < GRID && log->rank == 0; t++) {
            uint32_t after = task[t].after;
            expect(log, log->begun[t] == 1, "each task is begun exactly once");
            expect(log, log->reported[t] == 1, "each task is reported exactly once");
            expect(log, after == PSI_NO_TASK || log->begin[t] >= log->end[after],
                   "no task begins before what it waits for has ended");
        }
    }
}

/* Many small rounds in one farm, then a plan that fails or none. */
static void scenario_rounds(struct log *log)
{
    struct psi_error err;
    unsigned rounds = 50;
    log->rounds = (int)rounds;
    log->plan_fails = PSI_OK;
    for (int fails = 0; fails < 2; fails++) {
        log->plan_fails = fails ? PSI_IO : PSI_OK;
        expect(log, run(log, NULL, 5, 1, 0, &err) == log->plan_fails, "all have the plan's status");
        expect(log, !fails || strcmp(err.text, "no plan") == 0, "and its text");
        gather(log);
        for (uint32_t t = 0; t < 5 && log->rank == 0; t++) {
            expect(log, log->begun[t] == rounds, "each task is begun once a round");
            expect(log, log->reported[t] == rounds, "and reported");
        }
    }
}

static void scenario_few(struct log *log)
{
    struct psi_error err;
    for (uint32_t tasks = 0; tasks <= 2; tasks++) {
        expect(log, run(log, NULL, tasks, 1, 0, &err) == PSI_OK, "the farm ends well");
        gather(log);
        for (uint32_t t = 0; t < GRID && log->rank == 0; t++)
            expect(log, log->begun[t] == (t < tasks), "each task is begun exactly once");
    }
}

/* One task fails always, one on its first attempt on each rank. */
static enum psi_status fate_retry(struct log *log, uint32_t task, struct psi_error *err)
{
    if (task == BROKEN || (task == SHAKY && log->begun[task] == 1))
        return psi_fail(err, PSI_NUMERIC, "task %u does not converge", task);
    return PSI_OK;
}

static void scenario_retry(struct log *log)
{
    struct psi_task task[GRID];
    struct psi_error err;
    grid_fill(task);
    task[BROKEN + 1].after = BROKEN; /* given up with it */
    log->fate = fate_retry;
    unsigned attempts = (unsigned)log->size + 1;
    expect(log, run(log, task, GRID, attempts, 0, &err) == PSI_OK, "the farm ends well");
    gather(log);
    for (uint32_t t = 0; t < GRID && log->rank == 0; t++) {
        int never = t == BROKEN || t == BROKEN + 1;
        expect(log, log->reported[t] == (unsigned)!never, "all but the broken are done once");
        if (t != BROKEN && t != SHAKY)
            expect(log, log->begun[t] == (unsigned)!never, "sound tasks are begun once");
    }
    if (log->rank == 0) {
        expect(log, log->begun[BROKEN] == attempts, "the broken is begun so often, no more");
        expect(log, log->begun[SHAKY] >= 2, "the shaky is begun again");
        expect(log, log->failures == attempts + log->begun[SHAKY] - 1, "failures are reported");
    }
}

/* Work that says PSI_STOPPED though nobody asked has failed. */
static enum psi_status fate_self_stop(struct log *log, uint32_t task, struct psi_error *err)
{
    (void)log;
    (void)err;
    return task == BROKEN ? PSI_STOPPED : PSI_OK;
}

static void scenario_self_stop(struct log *log)
{
    struct psi_error err;
    log->fate = fate_self_stop;
    expect(log, run(log, NULL, GRID, 2, 0, &err) == PSI_OK, "the farm ends well");
    gather(log);
    if (log->rank == 0)
        expect(log, log->begun[BROKEN] == 2 && log->failures == 2, "it is tried twice");
}

/* The text is longer than a note and has a two-byte character across its end. */
static enum psi_status fate_fail_fast(struct log *log, uint32_t task, struct psi_error *err)
{
    (void)log;
    char text[PSI_FARM_NOTE + 2];
    memset(text, 'x', sizeof text);
    memcpy(text + PSI_FARM_NOTE - 2, "\u00e9", 3);
    return task == 0 ? psi_fail(err, PSI_DATA, "%s", text) : PSI_OK;
}

static void scenario_fail_fast(struct log *log)
{
    struct psi_error err;
    double start = psi_clock_monotonic();
    log->fate = fate_fail_fast;
    log->seconds = log->size == 1 ? 0.1 : 0.5 + 10.0 * (log->rank != 0); /* rank 0 has task 0 */
    expect(log, run(log, NULL, GRID, 3, 1, &err) == PSI_DATA, "all return the failure's status");
    expect(log,
           err.status == PSI_DATA && strspn(err.text, "x") == PSI_FARM_NOTE - 2 &&
               strlen(err.text) == PSI_FARM_NOTE - 2,
           "all have its text, cut between characters");
    expect(log, psi_clock_monotonic() - start < 4.0, "it ends at once");
    gather(log);
}

/* What no retry mends stops all, without fail-fast. */
static void scenario_fatal(struct log *log)
{
    struct psi_error err;
    double start = psi_clock_monotonic();
    log->fate = fate_retry;
    log->fatal = 1;
    expect(log, run(log, NULL, GRID, 3, 0, &err) == PSI_NUMERIC, "all return the fatal status");
    expect(log, strstr(err.text, "does not converge") != NULL, "all have its text");
    expect(log, psi_clock_monotonic() - start < 4.0, "it ends at once");
    gather(log);
}

static void handler(int signal_number)
{
    if (signal_number == SIGALRM)
        raise(SIGTERM);
    else
        stop_asked = 1;
}

enum { EVERY_RANK = -1 };

/* One rank (or every one) gets SIGTERM after 0.3 s; there are `tasks` long tasks. */
static void stop_rank(struct log *log, int rank, uint32_t tasks)
{
    struct psi_error err;
    struct itimerval timer = {.it_value = {.tv_usec = 300000}};
    double start = psi_clock_monotonic();
    signal(SIGTERM, handler);
    signal(SIGALRM, handler);
    log->seconds = 20.0;
    if (log->rank == rank || rank == EVERY_RANK)
        setitimer(ITIMER_REAL, &timer, NULL);
    expect(log, run(log, NULL, tasks, 1, 0, &err) == PSI_STOPPED, "all are stopped");
    double seconds = psi_clock_monotonic() - start;
    expect(log, err.status == PSI_STOPPED, "all say so");
    expect(log, seconds > 0.25 && seconds < 4.0, "at the signal");
    gather(log);
    if (log->rank == 0)
        expect(log, log->failures == 0, "a dropped task has not failed");
}

static void scenario_stop_worker(struct log *log)
{
    stop_rank(log, log->size - 1, GRID);
}

static void scenario_stop_lead(struct log *log)
{
    stop_rank(log, 0, GRID);
}

static void scenario_stop_idle(struct log *log)
{
    stop_rank(log, log->size - 1, LONE);
}

/* As mpirun forwards a signal that it gets itself. */
static void scenario_stop_all(struct log *log)
{
    stop_rank(log, EVERY_RANK, GRID);
}

static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* One task of two seconds on rank 0, asleep: what do the others use meanwhile? Then the barrier. */
static void scenario_idle(struct log *log)
{
    struct psi_error err;
    double start = psi_clock_monotonic(), used = processor_seconds(), share[2], most[2];
    log->seconds = 2.0;
    expect(log, run(log, NULL, LONE, 1, 0, &err) == PSI_OK, "the farm ends well");
    share[0] = (processor_seconds() - used) / (psi_clock_monotonic() - start);
    if (log->rank == 0)
        expect(log, log->ticks >= 5, "rank 0 is ticked while it works");

    psi_comm_agree(log->peers, PSI_OK, NULL);
    start = psi_clock_monotonic();
    used = processor_seconds();
    if (log->rank == 0)
        psi_clock_sleep(1.0);
    psi_comm_agree(log->peers, PSI_OK, NULL);
    share[1] = (processor_seconds() - used) / (psi_clock_monotonic() - start);
    expect(log, psi_clock_monotonic() - start > 0.9, "nobody passes before all have come");
    MPI_Reduce(share, most, 2, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    if (log->rank != 0)
        return;
    printf("  idle ranks use at most %.1f %% of a core in the farm, %.1f %% in the barrier\n",
           100.0 * most[0], 100.0 * most[1]);
    expect(log, most[0] < 0.2 && most[1] < 0.2, "an idle rank leaves the core alone");
}

static const struct scenario scenarios[] = {
    {"grid", scenario_grid},           {"few", scenario_few},
    {"rounds", scenario_rounds},       {"fatal", scenario_fatal},
    {"retry", scenario_retry},         {"self_stop", scenario_self_stop},
    {"fail_fast", scenario_fail_fast}, {"stop_worker", scenario_stop_worker},
    {"stop_lead", scenario_stop_lead}, {"stop_idle", scenario_stop_idle},
    {"stop_all", scenario_stop_all},   {"idle", scenario_idle},
};

int main(int argc, char **argv)
{
    return rig_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
