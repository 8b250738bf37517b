/* How many tasks that do nothing the farm hands out a second: bench_null [TASKS], under mpirun.
 * Once with rank 0 doing such tasks too (it then does most: its own cost no message), once with
 * rank 0 busy on a task of its own and answering from within, as in a sweep. */
#include "psisweep/clock.h"
#include "psisweep/farm.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct bench {
    int lead, busy;     /* this is rank 0; it keeps its first task until the others end theirs */
    uint32_t left;      /* rank 0: neither done nor with itself */
    uint32_t begun;     /* on this rank */
    double calls, cost; /* of progress on rank 0: number, processor seconds */
    struct psi_farm_round round; /* the only one */
};

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One step of 0.1 ms of computing, then progress, and so on while there is work for the others. */
static enum psi_status work(void *context, const void *order, const struct psi_progress *progress,
                            struct psi_outcome *outcome, struct psi_error *err)
{
    struct bench *bench = context;
    (void)order;
    (void)outcome;
    (void)err;
    bench->begun++;
    while (bench->lead && bench->busy && bench->left > 0) {
        double end = psi_clock_monotonic() + 0.0001;
        while (psi_clock_monotonic() < end)
            continue;
        double before = processor_seconds();
        if (progress->call(progress->context))
            return PSI_STOPPED;
        bench->cost += processor_seconds() - before;
        bench->calls++;
    }
    return PSI_OK;
}

static void report(void *context, const struct psi_schedule_count *count, uint32_t task,
                   uint32_t worker, const struct psi_outcome *outcome)
{
    struct bench *bench = context;
    uint32_t own = 2; /* rank 0 holds its own and one more */
    uint32_t left = count->running + count->held + count->ready;
    (void)task;
    (void)worker;
    (void)outcome;
    bench->left = left > own ? left - own : 0;
}

static enum psi_status next(void *context, struct psi_farm_round *round, struct psi_error *err)
{
    struct bench *bench = context;
    (void)err;
    *round = bench->round;
    bench->round.schedule = NULL;
    return PSI_OK;
}

/* Collective: equal tasks of no work, with an order of the usual size; prints on rank 0. */
static void run(int busy, uint32_t tasks, struct psi_peers *peers)
{
    int rank = peers->rank, size = peers->size;
    struct bench bench = {.lead = rank == 0, .busy = busy, .left = tasks};
    struct psi_farm farm = {.peers = peers,
                            .order_size = PSI_FARM_ORDER,
                            .work = work,
                            .context = &bench,
                            .next = next,
                            .report = report};
    struct psi_schedule *schedule = NULL;
    struct psi_error err;
    int code;
    struct psi_task *task = malloc((tasks + 1) * sizeof *task);
    char *order = calloc(tasks + 1, PSI_FARM_ORDER);
    for (uint32_t t = 0; task && t < tasks; t++)
        task[t] = (struct psi_task){1.0, PSI_NO_TASK, t % 16, 0};
    if (!task || !order ||
        (rank == 0 &&
         psi_schedule_create(task, tasks, 16, psi_farm_workers(size, 0), 1, &schedule, &err)))
        MPI_Abort(MPI_COMM_WORLD, 1);
    bench.round = (struct psi_farm_round){schedule, order};
    psi_comm_agree(peers, PSI_OK, NULL);
    double start = psi_clock_monotonic();
    if (psi_farm_run(&farm, &code, &err))
        MPI_Abort(MPI_COMM_WORLD, 1);
    double seconds = psi_clock_monotonic() - start;
    if (rank == 0)
        printf("  %d ranks, rank 0 %s: %.0f null cells/s, %.1f %% of them on rank 0\n", size,
               busy ? "busy" : "free", tasks / seconds, 100.0 * bench.begun / tasks);
    if (rank == 0 && bench.calls > 0)
        printf("  progress on rank 0: %.1f us of processor time a call\n",
               1e6 * bench.cost / bench.calls);
    psi_schedule_destroy(schedule);
    free(order);
    free(task);
}

int main(int argc, char **argv)
{
    struct psi_peers *peers;
    struct psi_error err;
    MPI_Init(&argc, &argv);
    if (psi_peers_create(MPI_COMM_WORLD, &peers, &err))
        MPI_Abort(MPI_COMM_WORLD, 1);
    uint32_t tasks = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 50000;
    run(0, tasks, peers);
    if (peers->size > 1)
        run(1, tasks, peers);
    psi_peers_destroy(peers);
    MPI_Finalize();
    return 0;
}
