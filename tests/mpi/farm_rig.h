/* The farm over real ranks, for its tests: tasks that sleep, an order that must arrive as it was
 * sent, and on each rank a log of what it did. What is wrong is said on stderr and by the exit
 * code.
 */
#ifndef PSI_TESTS_MPI_FARM_RIG_H
#define PSI_TESTS_MPI_FARM_RIG_H

#include "psisweep/clock.h"
#include "psisweep/farm.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

enum { SEEDS = 4, CELLS = 12, GRID = SEEDS * (1 + CELLS) };

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
    int fatal;             /* every failure is */
    int dying, dying_last; /* ranks that die */
    int orphaned;          /* rank 0 is among them */
    void (*lost_rank)(void *context, int rank, uint32_t task, struct psi_outcome *outcome);
    uint32_t tasks; /* of a round */
    /* rank 0 */
    unsigned reported[GRID], failures, ticks, finished, lost;
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
                            .lost = log->lost_rank,
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
    expect(log, code == (log->orphaned ? -1 : CODE + (int)status), "all ranks have the exit code");
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

struct scenario {
    const char *name;
    void (*run)(struct log *log);
};

/* main of a program PROGRAM SCENARIO [COMPUTE_MAX] under mpirun: the scenario's exit code. */
static int rig_main(int argc, char **argv, const struct scenario *scenarios, size_t count)
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
    for (size_t i = 0; i < count; i++)
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

#endif
