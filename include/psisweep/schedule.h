/* The scheduler's policy: a state machine without MPI. Events in, decisions out.
 *
 * Tasks form a forest: each waits for at most one other. Ready tasks go to workers longest
 * remaining path first, with affinity: a worker is given tasks of the group (seed) it last worked
 * on while that group's best is at least half as long as the longest ready one; an idle worker
 * steals from any group. A worker may hold one task beyond the one it runs, so that a slow answer
 * costs nothing, but only while there are more ready tasks than workers and their cost a worker
 * exceeds that of the task it runs: so a task is never held while others run out of work.
 *
 * Longest first leaves the shortest tasks of a large sweep for its end, when more of them end in a
 * second than rank 0 can answer. So with more than PSI_MIX_WORKERS workers, and while at least
 * PSI_MIX_DEPTH tasks a worker are ready, long and short tasks are mixed: where those given out in
 * this way cost more on average than the ready ones do, the next is the shortest of the worker's
 * own group (where that has none ready, of the group with the longest task), else it is as above.
 *
 * A task that may have killed a worker is suspect. While one is neither done nor given up, worker
 * 0, which may be who schedules, is given nothing, unless it is the only one alive.
 *
 * The same object drives real ranks, simulated ranks and its own exhaustive tests. Given the same
 * events in the same order it makes the same decisions. No call fails after create.
 */
#ifndef PSISWEEP_SCHEDULE_H
#define PSISWEEP_SCHEDULE_H

#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

#define PSI_NO_TASK UINT32_MAX

enum { PSI_HOLD_MAX = 2 }; /* tasks a worker holds at most: the one it runs and the next */

/* Rank 0 serves some 50,000 messages a second: 512 workers keep it half busy with tasks of 20 ms,
 * which are among the shortest there are. At depth 8 what is left at the end still shares out
 * evenly.
 */
enum { PSI_MIX_WORKERS = 512, PSI_MIX_DEPTH = 8 };

struct psi_task {
    double cost;     /* expected seconds, or any unit, > 0; decisions depend on ratios only */
    uint32_t after;  /* the task that must be done first, or PSI_NO_TASK */
    uint32_t group;  /* affinity: tasks of one group share something a worker keeps */
    uint8_t done;    /* already done in an earlier launch */
    uint8_t suspect; /* it may have killed the worker that was at it in an earlier launch */
};

struct psi_schedule;

/* attempts: how often a task is begun at most before it is given up (>= 1). Tasks that wait for a
 * given-up task are given up with it. A cycle or a bad `after` or group is PSI_USAGE. The task
 * array is copied. */
enum psi_status psi_schedule_create(const struct psi_task *task, uint32_t tasks, uint32_t groups,
                                    uint32_t workers, unsigned attempts, struct psi_schedule **out,
                                    struct psi_error *err);
void psi_schedule_destroy(struct psi_schedule *schedule);

/* Decision: give `*task` to `*worker`. Returns 0 when nothing can be given now. Call until 0 after
 * every event. Idle workers are served in the order in which they became free; then a second task
 * goes to the worker that runs the cheapest. */
int psi_schedule_decide(struct psi_schedule *schedule, uint32_t *worker, uint32_t *task);

/* Events. Each returns 1 when it was news, 0 when it was late or never true (a result for a task
 * that is already done or given up, from a worker that does not hold it and was not lost with it):
 * ignoring those is safe. A late `done` of a task that a lost worker held and nobody has redone yet
 * counts as done: the cell is in the file. */
int psi_schedule_done(struct psi_schedule *schedule, uint32_t worker, uint32_t task);
int psi_schedule_failed(struct psi_schedule *schedule, uint32_t worker, uint32_t task);
/* The task that a living worker is running as far as is known, or PSI_NO_TASK. */
uint32_t psi_schedule_running(const struct psi_schedule *schedule, uint32_t worker);
/* The worker is gone; its tasks become ready again without counting as a failed attempt unless it
 * was running one (the first it holds), which may have killed it and is suspect from here on. */
int psi_schedule_lost(struct psi_schedule *schedule, uint32_t worker);
/* The worker is alive and has put down all it holds, unfinished; no attempt is counted. */
int psi_schedule_dropped(struct psi_schedule *schedule, uint32_t worker);
/* Other costs (tasks), > 0, are expected than at creation; those of done tasks are not read. What
 * is given out from here on follows them. */
void psi_schedule_recost(struct psi_schedule *schedule, const double *cost);
/* No task is given out that costs more than `left` (in the unit of costs; unlimited at creation),
 * nor as a second one unless it fits behind the first. A ready task whose turn comes and that costs
 * more is late: set aside until other costs are told. When nothing else is left the schedule is
 * finished.
 */
void psi_schedule_limit(struct psi_schedule *schedule, double left);
/* No further task is given out. */
void psi_schedule_stop(struct psi_schedule *schedule);

struct psi_schedule_count {
    /* Sum = tasks. done: in earlier launches too; failed: given up; running: the first that a
     * worker holds; held: prefetched behind it; late: see psi_schedule_limit; waiting: for
     * another task. */
    uint32_t done, failed, running, held, ready, late, waiting;
    double cost_done, cost_left; /* left: neither done nor given up */
};
void psi_schedule_count(const struct psi_schedule *schedule, struct psi_schedule_count *count);

/* 1 when every task is done or given up, or when no worker holds any and the schedule is stopped or
 * has none but late tasks, and what waits for them. */
int psi_schedule_finished(const struct psi_schedule *schedule);

#endif
