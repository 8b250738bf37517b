/* How many tasks that do nothing the farm hands out a second: bench_null [TASKS], under mpirun. And
 * what the progress callback costs a task that calls it once a millisecond of computing. */
#include "psisweep/clock.h"
#include "psisweep/farm.h"

#include <stdio.h>
#include <stdlib.h>

struct bench {
    double seconds; /* of computing in a task, 0 for none */
    double inside;  /* seconds spent in progress */
    unsigned calls;
};

static enum psi_status work(void *context, uint32_t task, const struct psi_progress *progress,
                            struct psi_outcome *outcome, struct psi_error *err)
{
    struct bench *bench = context;
    (void)task;
    (void)outcome;
    (void)err;
    double start = psi_clock_monotonic(), step = start;
    while (bench->seconds > 0.0 && step - start < bench->seconds) {
        double before = psi_clock_monotonic();
        if (before - step < 0.001)
            continue;
        if (progress->call(progress->context))
            return PSI_STOPPED;
        step = psi_clock_monotonic();
        bench->inside += step - before;
        bench->calls++;
    }
    return PSI_OK;
}

/* Collective: seconds that `tasks` equal tasks take. */
static double run(struct bench *bench, uint32_t tasks, int rank, int size)
{
    struct psi_farm farm = {.comm = MPI_COMM_WORLD, .work = work, .context = bench};
    struct psi_schedule *schedule = NULL;
    struct psi_error err;
    struct psi_task *task = malloc((tasks + 1) * sizeof *task);
    for (uint32_t t = 0; t < tasks; t++)
        task[t] = (struct psi_task){1.0, PSI_NO_TASK, t % 16, 0};
    if (rank == 0 &&
        psi_schedule_create(task, tasks, 16, psi_farm_workers(size), 1, &schedule, &err))
        MPI_Abort(MPI_COMM_WORLD, 1);
    psi_farm_barrier(MPI_COMM_WORLD);
    double start = psi_clock_monotonic();
    if (psi_farm_run(&farm, schedule, &err))
        MPI_Abort(MPI_COMM_WORLD, 1);
    double seconds = psi_clock_monotonic() - start;
    psi_schedule_destroy(schedule);
    free(task);
    return seconds;
}

int main(int argc, char **argv)
{
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    uint32_t tasks = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 40000;
    struct bench null = {0}, busy = {.seconds = 0.5};
    double seconds = run(&null, tasks, rank, size);
    if (rank == 0)
        printf("  %d ranks: %.0f null cells/s\n", size, tasks / seconds);
    run(&busy, (uint32_t)size, rank, size);
    if (rank == 0 && busy.calls > 0)
        printf("  progress on rank 0: %.2f us a call\n", 1e6 * busy.inside / busy.calls);
    MPI_Finalize();
    return 0;
}
