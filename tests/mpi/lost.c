/* The farm over ranks of which some die: lost SCENARIO, under mpirun --enable-recovery. Each one
 * that comes through prints so, as mpirun's exit code says nothing. tests/mpi/farm.sh runs all
 * scenarios. */
#include "farm_rig.h"

#include <unistd.h>

/* Ranks dying .. dying_last die in the first task that they are given. */
static enum psi_status fate_die(struct log *log, uint32_t task, struct psi_error *err)
{
    (void)task;
    (void)err;
    if (log->rank >= log->dying && log->rank <= log->dying_last)
        raise(SIGKILL);
    return PSI_OK;
}

static void lost_rank(void *context, int rank, uint32_t task, struct psi_outcome *outcome)
{
    struct log *log = context;
    expect(log, rank >= log->dying && rank <= log->dying_last, "who died is lost, no other");
    expect(log, task != PSI_NO_TASK && outcome->status == PSI_LOST, "with what it was doing");
    outcome->value[0] = task + 0.5;
    log->lost++;
}

/* Ranks first .. last die; the others say that they are through, and leave without MPI. */
static void lose_ranks(struct log *log, int first, int last)
{
    struct psi_error err;
    log->orphaned = first == 0;
    log->lost_rank = lost_rank;
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
        expect(log, (int)log->lost == last - first + 1 && log->failures == log->lost,
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

static const struct scenario scenarios[] = {
    {"lost", scenario_lost},
    {"lost_all_workers", scenario_lost_all_workers},
    {"lost_lead", scenario_lost_lead},
};

int main(int argc, char **argv)
{
    return rig_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
