/* The scheduler's state, shared by its files: schedule_create.c makes it, schedule.c runs it.
 */
#ifndef PSI_STUDY_SCHEDULE_STATE_H
#define PSI_STUDY_SCHEDULE_STATE_H

#include "psisweep/schedule.h"
#include "schedule_heap.h"
#include "schedule_ready.h"

#define PSI_NO_GROUP UINT32_MAX
#define PSI_NO_WORKER UINT32_MAX

enum psi_task_state {
    PSI_TASK_WAITING,
    PSI_TASK_READY,
    PSI_TASK_LATE,
    PSI_TASK_RUNNING,
    PSI_TASK_HELD,
    PSI_TASK_DONE,
    PSI_TASK_FAILED,
    PSI_TASK_STATES
};

struct psi_schedule_task {
    double cost;
    double length; /* cost + the longest length among those that wait for it */
    uint32_t group;
    uint32_t after;   /* the task it waits for, or PSI_NO_TASK */
    uint32_t child;   /* first of the tasks that wait for it, or PSI_NO_TASK */
    uint32_t sibling; /* next of those that wait for the same one, or PSI_NO_TASK */
    unsigned attempts;
    enum psi_task_state state;
    uint8_t suspect;
};

struct psi_schedule_worker {
    uint32_t task[PSI_HOLD_MAX]; /* in the order given; a lost worker's stay for late results */
    uint32_t holds;
    uint32_t group;          /* of the task last given to it, or PSI_NO_GROUP */
    uint32_t next, previous; /* in the line of the idle, or PSI_NO_WORKER */
    int lost;
};

struct psi_schedule {
    struct psi_schedule_task *task; /* (tasks) */
    uint32_t tasks;
    uint32_t by_state[PSI_TASK_STATES];
    double cost_all, cost_done, cost_failed, cost_ready;
    unsigned attempts;

    struct psi_ready ready;
    struct psi_heap best; /* groups with ready tasks, by the length of their longest */
    struct psi_heap_entry *group_entry; /* (groups) */
    uint32_t *group_place;              /* (groups) */
    uint32_t *scratch;                  /* (tasks) a stack of tasks to be given up */

    struct psi_schedule_worker *worker; /* (workers) */
    uint32_t workers;
    uint32_t alive;
    uint32_t suspects;                   /* neither done nor given up */
    uint32_t taken;                      /* tasks held by the living */
    uint32_t idle_head, idle_tail;       /* who holds nothing: first come, first served */
    struct psi_heap single;              /* who holds one task: the cheapest task on top */
    struct psi_heap_entry *single_entry; /* (workers) */
    uint32_t *single_place;              /* (workers) */
    double left;                         /* what a task may cost that is given out */
    uint64_t mixed;                      /* tasks given out while long and short ones are mixed */
    double mixed_cost;                   /* and what they cost */
    int stopped;
};

/* Lengths from costs; tasks on a cycle are left out. Returns how many were measured. */
uint32_t psi_schedule_measure(struct psi_schedule *schedule);

/* For create: a waiting task whose turn has come. */
void psi_schedule_make_ready(struct psi_schedule *schedule, uint32_t task);

/* For create: a living worker begins to wait for a task, or for a second one. */
void psi_schedule_await(struct psi_schedule *schedule, uint32_t worker);

#endif
