/* The farm over real ranks: farm SCENARIO, under mpirun. Every rank keeps its own log; logs meet
 * after the farm, and what is wrong is said on stderr and by the exit code. tests/mpi/farm.sh runs
 * all scenarios. */
#include "psisweep/clock.h"
#include "psisweep/farm.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

enum { SEEDS = 4, CELLS = 12, GRID = SEEDS * (1 + CELLS), BROKEN = 3, SHAKY = 5, LONE = 1 };

static volatile sig_atomic_t stop_asked; /* set by a signal handler, which is given no context */

/* An order: the task, and something that must arrive as it was sent. */
struct order {
    uint32_t task;
    char text[PSI_FARM_ORDER - sizeof(uint32_t)];
};

struct log {
    struct psi_peers *peers;
    int rank, size, wrong;
    int compute_max;      /* as of struct psi_farm */
    unsigned begun[GRID]; /* attempts on this rank */
    double begin[GRID], end[GRID];
    double seconds; /* of one task */
    enum psi_status (*fate)(struct log *log, uint32_t task, struct psi_error *err);
    int fatal;                   /* every failure is */
    int dying, dying_last, lost; /* ranks that die; rank 0: losses */
    uint32_t tasks;              /* of a round */
    /* rank 0 */
    unsigned reported[GRID], failures, ticks, finished;
    int rounds, planned;        /* how many there are to be, and were */
    enum psi_status plan_fails; /* after the last round */
    unsigned attempts;
    const struct psi_task *task;
    struct psi_schedule *schedule;
    struct order order[GRID];
};

static void expect(struct log *log, int ok, const char *what)
{
    if (ok)
        return;
    log->wrong = 1;
    fprintf(stderr, "rank %d of %d: not so: %s\n", log->rank, log->size, what);
}

static void order_fill(struct order *order, uint32_t task)
{
    order->task = task;
    memset(order->text, (int)('a' + task % 26), sizeof order->text);
}

static enum psi_status work(void *context, const void *order, const struct psi_progress *progress,
                            struct psi_outcome *outcome, struct psi_error *err)
{
    struct log *log = context;
    uint32_t task = ((const struct order *)order)->task;
    struct order sent;
    order_fill(&sent, task);
    expect(log, memcmp(&sent, order, sizeof sent) == 0, "an order arrives as it was sent");
    log->begun[task]++;
    log->begin[task] = psi_clock_monotonic();
    outcome->value[0] = task + 0.5;
    for (;;) {
        if (progress->call(progress->context))
            return psi_fail(err, PSI_STOPPED, "dropped");
        double left = log->begin[task] + log->seconds - psi_clock_monotonic();
        if (left <= 0.0)
            break;
        psi_clock_sleep(left < 0.001 ? left : 0.001);
    }
    enum psi_status status = log->fate ? log->fate(log, task, err) : PSI_OK;
    outcome->fatal = status && log->fatal;
    log->end[task] = psi_clock_monotonic();
    return status;
}

static void report(void *context, const struct psi_schedule_count *count, uint32_t task,
                   uint32_t worker, const struct psi_outcome *outcome)
{
    struct log *log = context;
    expect(log,
           count->done + count->failed + count->running + count->held + count->ready +
                   count->waiting ==
               log->tasks,
           "counts add up");
    if (!outcome) {
        log->ticks++;
        expect(log, task == PSI_NO_TASK, "a tick has no task");
        return;
    }
    expect(log, worker < (uint32_t)log->size, "the worker is one");
    expect(log, outcome->value[0] == task + 0.5, "an outcome arrives as it was sent");
    expect(log, outcome->seconds >= 0.0, "seconds are filled");
    log->failures += outcome->status != PSI_OK;
    log->reported[task] += outcome->status == PSI_OK;
}

/* A parent a seed, cells that wait for it, one chain among them. */
static void grid_fill(struct psi_task *task)
{
    for (uint32_t t = 0; t < GRID; t++) {
        uint32_t seed = t / (1 + CELLS), parent = seed * (1 + CELLS), cell = t - parent;
        uint32_t after = cell == 0 ? PSI_NO_TASK : cell <= CELLS / 2 ? parent : t - 1;
        task[t] = (struct psi_task){cell ? 1.0 : 3.0, after, seed, 0};
    }
}

/* Ranks dying .. dying_last die in the first task that they are given. */
static enum psi_status fate_die(struct log *log, uint32_t task, struct psi_error *err)
{
    (void)task;
    (void)err;
    if (log->rank >= log->dying && log->rank <= log->dying_last)
        raise(SIGKILL);
    return PSI_OK;
}

static void lost(void *context, int rank, uint32_t task, struct psi_outcome *outcome)
{
    struct log *log = context;
    expect(log, rank >= log->dying && rank <= log->dying_last, "who died is lost, no other");
    expect(log, task != PSI_NO_TASK && outcome->status == PSI_LOST, "with what it was doing");
    outcome->value[0] = task + 0.5;
    log->lost++;
}

/* The same tasks, round after round. */
static enum psi_status next(void *context, struct psi_farm_round *round, struct psi_error *err)
{
    struct log *log = context;
    expect(log, log->rank == 0, "rank 0 alone plans");
    expect(log, !log->schedule || psi_schedule_finished(log->schedule),
           "a round ends before the next is planned");
    psi_schedule_destroy(log->schedule);
    log->schedule = NULL;
    round->schedule = NULL;
    if (log->planned == log->rounds)
        return log->plan_fails ? psi_fail(err, log->plan_fails, "no plan") : PSI_OK;
    log->planned++;
    for (uint32_t t = 0; t < log->tasks; t++)
        order_fill(&log->order[t], t);
    if (psi_schedule_create(log->task, log->tasks, SEEDS,
                            psi_farm_workers(log->size, log->compute_max), log->attempts,
                            &log->schedule, err))
        MPI_Abort(MPI_COMM_WORLD, 1);
    *round = (struct psi_farm_round){log->schedule, log->order};
    return PSI_OK;
}

enum { CODE = 40 };

static int finish(void *context, enum psi_status status, const struct psi_error *err)
{
    struct log *log = context;
    expect(log, status == PSI_OK || err->status == status, "the last words have the error");
    log->finished++;
    return CODE + (int)status;
}

/* To be called on all ranks: log->rounds rounds (1 unless set) of `tasks` tasks, loose or a grid;
 * returns the farm's status. */
static enum psi_status run(struct log *log, const struct psi_task *task, uint32_t tasks,
                           unsigned attempts, int fail_fast, struct psi_error *err)
{
    struct psi_task loose[GRID];
    struct psi_farm farm = {.peers = log->peers,
                            .order_size = sizeof(struct order),
                            .work = work,
                            .context = log,
                            .next = next,
                            .report = report,
                            .lost = lost,
                            .finish = finish,
                            .stop = &stop_asked,
                            .fail_fast = fail_fast,
                            .compute_max = log->compute_max};
    int code = -1;
    for (uint32_t t = 0; t < GRID; t++)
        loose[t] = (struct psi_task){1.0, PSI_NO_TASK, 0, 0};
    log->task = task ? task : loose;
    log->tasks = tasks;
    log->attempts = attempts;
    log->rounds = log->rounds ? log->rounds : 1;
    log->planned = 0;
    log->finished = 0;
    memset(log->begun, 0, sizeof log->begun);
    memset(log->begin, 0, sizeof log->begin);
    memset(log->end, 0, sizeof log->end);
    memset(log->reported, 0, sizeof log->reported);
    enum psi_status status = psi_farm_run(&farm, &code, err);
    int orphaned = log->fate == fate_die && log->dying == 0;
    expect(log, code == (orphaned ? -1 : CODE + (int)status), "all ranks have the exit code");
    expect(log, log->finished == (log->rank == 0), "last words are said once");
    if (log->schedule) {
        struct psi_schedule_count count;
        psi_schedule_count(log->schedule, &count);
        expect(log, psi_schedule_finished(log->schedule), "the schedule is finished");
        expect(log, count.running == 0 && count.held == 0, "nothing is held after the end");
    }
    psi_schedule_destroy(log->schedule);
    log->schedule = NULL;
    return status;
}

/* All ranks' logs, on rank 0; and nothing may be under way any more. */
static void gather(struct log *log)
{
    int there, root = log->rank == 0;
    psi_comm_agree(log->peers, PSI_OK, NULL);
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
    expect(log, !there, "no message is left over");
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

/* Ranks first .. last die; the others say that they are through, and leave without MPI. */
static void lose_ranks(struct log *log, int first, int last)
{
    struct psi_error err;
    log->dying = first;
    log->dying_last = last;
    log->fate = fate_die;
    log->seconds = 0.02;
    log->rounds = 2;
    enum psi_status status = run(log, NULL, GRID, 5, 0, &err);
    expect(log, status == (first == 0 ? PSI_STOPPED : PSI_OK), "the farm ends for the others");
    expect(log, log->peers->lost, "all know that some were lost");
    for (uint32_t t = 0; t < GRID && log->rank == 0; t++)
        expect(log, log->reported[t] == 2, "each task is done once a round");
    if (log->rank == 0)
        expect(log, log->lost == last - first + 1 && (int)log->failures == log->lost,
               "each loss is told, and a failed attempt");
    if (!log->wrong)
        printf("survived\n");
    fflush(stdout);
    _exit(log->wrong);
}

static void scenario_lost(struct log *log)
{
    lose_ranks(log, log->size - 1, log->size - 1);
}

static void scenario_lost_all_workers(struct log *log)
{
    lose_ranks(log, 1, log->size - 1);
}

static void scenario_lost_lead(struct log *log)
{
    lose_ranks(log, 0, 0);
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

static const struct {
    const char *name;
    void (*run)(struct log *log);
} scenarios[] = {
    {"grid", scenario_grid},           {"few", scenario_few},
    {"rounds", scenario_rounds},       {"fatal", scenario_fatal},
    {"retry", scenario_retry},         {"self_stop", scenario_self_stop},
    {"fail_fast", scenario_fail_fast}, {"stop_worker", scenario_stop_worker},
    {"stop_lead", scenario_stop_lead}, {"stop_idle", scenario_stop_idle},
    {"lost", scenario_lost},           {"lost_all_workers", scenario_lost_all_workers},
    {"lost_lead", scenario_lost_lead}, {"stop_all", scenario_stop_all},
    {"idle", scenario_idle},
};

int main(int argc, char **argv)
{
    struct log *log = calloc(1, sizeof *log);
    int wrong = 1;
    MPI_Init(&argc, &argv);
    if (!log)
        MPI_Abort(MPI_COMM_WORLD, 1);
    struct psi_error err;
    if (psi_peers_create(MPI_COMM_WORLD, &log->peers, &err))
        MPI_Abort(MPI_COMM_WORLD, 1);
    log->rank = log->peers->rank;
    log->size = log->peers->size;
    log->wrong = 1;
    log->compute_max = argc > 2 ? atoi(argv[2]) : 0;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        if (argc > 1 && !strcmp(argv[1], scenarios[i].name)) {
            log->wrong = 0;
            scenarios[i].run(log);
        }
    MPI_Allreduce(&log->wrong, &wrong, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    psi_peers_destroy(log->peers);
    free(log);
    MPI_Finalize();
    return wrong;
}
