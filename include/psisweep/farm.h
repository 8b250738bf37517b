/* The farm: the message loop around the scheduler's policy. Rank 0 plans, schedules and computes,
 * every other rank computes. A task is what its order says: a few bytes that the farm carries from
 * rank 0 to whoever does it; what they mean, the callbacks know.
 *
 * Between the farm's begin and its end there is no collective call: rounds follow each other,
 * errors and the end travel as messages, each a fixed struct far below 4 KiB. Rank 0 answers
 * between two steps of its own task, through the progress callback that it passes to the work; an
 * idle rank polls patiently (clock.h). Above PSI_FARM_COMPUTE_MAX ranks, rank 0 only schedules.
 *
 * A rank that dies (under an mpirun that lets the others live) hangs nobody. Every rank says now
 * and then that it is alive, and rank 0 answers; who has been silent for `lost_after` seconds is
 * lost, and at once whose process on the same host is gone. Silence is counted only while one
 * listens. Tasks of a lost rank go to others; what it was doing is a failed attempt, as it may have
 * killed it. A rank that was only slow is told to drop all, but what it ends until then counts.
 * Without rank 0 the others leave. Nobody waits for a message to be taken: it may be for the dead.
 */
#ifndef PSISWEEP_FARM_H
#define PSISWEEP_FARM_H

#include "psisweep/comm.h"
#include "psisweep/schedule.h"
#include "psisweep/status.h"
#include "psisweep/train.h"
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PSI_FARM_COMPUTE_MAX = 256,
    PSI_FARM_NOTE = 512,
    PSI_FARM_ORDER = 64,
    PSI_FARM_LOST_AFTER = 120
};

/* What a task's work hands back to rank 0: fixed size. */
struct psi_outcome {
    int status;               /* enum psi_status; filled by the farm */
    int fatal;                /* 1: no retry mends this failure, and no other task either */
    double seconds;           /* filled by the farm */
    double value[4];          /* the work's own figures, for progress display */
    char note[PSI_FARM_NOTE]; /* error text of a failed task, cut to fit */
};

/* Tasks that can be planned together: a schedule for psi_farm_workers(size, compute_max) workers,
 * and the order of each of its tasks. */
struct psi_farm_round {
    struct psi_schedule *schedule;
    const void *order; /* (tasks) of order_size bytes each */
};

struct psi_farm {
    struct psi_peers *peers;
    size_t order_size; /* at most PSI_FARM_ORDER, the same on every rank */
    /* Do one task; call progress often (at least every 10 ms or so). order is aligned as a double
     * is. PSI_STOPPED means that it was dropped because progress (or *stop) said so; any other
     * non-zero status, and PSI_STOPPED that nobody asked for, is a failed attempt. */
    enum psi_status (*work)(void *context, const void *order, const struct psi_progress *progress,
                            struct psi_outcome *outcome, struct psi_error *err);
    void *context;
    /* Rank 0 only: the next round, when each task of the one before is done or given up; schedule =
     * NULL: there is nothing more to do. A round is borrowed until the next one is asked for or the
     * farm returns. An error stops the farm. */
    enum psi_status (*next)(void *context, struct psi_farm_round *round, struct psi_error *err);
    /* Rank 0 only, may be NULL: told of every finished attempt, and ticked about every 0.2 s with
     * outcome NULL and task PSI_NO_TASK. Called from within rank 0's own work, too: keep it short.
     */
    void (*report)(void *context, const struct psi_schedule_count *count, uint32_t task,
                   uint32_t worker, const struct psi_outcome *outcome);
    /* Rank 0 only, may be NULL: a rank is lost, and with it an attempt at the task, unless that is
     * PSI_NO_TASK. outcome has PSI_LOST and says so; status and note may be made more precise, and
     * fatal be set. Called from within rank 0's own work, too. */
    void (*lost)(void *context, int rank, uint32_t task, struct psi_outcome *outcome);
    /* Rank 0 only, may be NULL: last words, when nobody works any more. Returns the exit code that
     * psi_farm_run gives every rank (0 without this callback). */
    int (*finish)(void *context, enum psi_status status, const struct psi_error *err);
    const volatile sig_atomic_t *stop; /* set by signal handlers: every rank drops its task */
    int fail_fast;                     /* the first failed attempt stops the farm */
    int compute_max;   /* most ranks with which rank 0 computes too; 0 = the usual */
    double lost_after; /* seconds of silence; 0 = the usual */
};

/* To be called on every rank of farm->peers. Returns on every rank the same: PSI_OK when all tasks
 * are done or given up, PSI_STOPPED when asked to stop or when nobody is left to do them, else the
 * status (err: its text, cut to a note) of a fatal failure, of a fail-fast one or of planning.
 * *code: what finish said. PSI_STOPPED with *code untouched where rank 0 was lost. Sets peers->lost
 * when any rank was. Uses one message tag of the communicator; unless a rank was lost, no message
 * is left over at return. Ranks return at different moments.
 */
enum psi_status psi_farm_run(const struct psi_farm *farm, int *code, struct psi_error *err);

/* Workers among `size` ranks: size, or size - 1 where rank 0 only schedules. */
uint32_t psi_farm_workers(int size, int compute_max);

#endif
