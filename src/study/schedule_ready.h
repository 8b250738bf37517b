/* The ready tasks of every group, in order of length: marks along an order that is sorted once. To
 * mark, to take away, to find the longest or the shortest costs a few operations on words. Private
 * to the scheduler. */
#ifndef PSI_STUDY_SCHEDULE_READY_H
#define PSI_STUDY_SCHEDULE_READY_H

#include "psisweep/schedule.h"
#include "psisweep/status.h"
#include <stdint.h>

struct psi_ready_place {
    double length;
    uint32_t task;
};

struct psi_ready_group {
    uint64_t first;     /* place of its longest task; a multiple of 64 */
    uint32_t tasks;     /* in all */
    uint32_t ready;     /* marked */
    uint64_t low, high; /* no word before low has a mark, none after high */
};

struct psi_ready {
    struct psi_ready_group *group; /* (groups) */
    struct psi_ready_place *order; /* group by group, the longest first, ties to the lowest task */
    uint64_t *place;               /* (tasks) where each is in the order */
    uint64_t *mark;                /* one bit a place */
    uint32_t groups;
};

/* Groups are in range. To be measured and sorted before use. */
enum psi_status psi_ready_create(struct psi_ready *ready, const struct psi_task *task,
                                 uint32_t tasks, uint32_t groups, struct psi_error *err);
void psi_ready_clear(struct psi_ready *ready);

/* Give a task its length; before the order is sorted anew, which takes all marks away. */
void psi_ready_measure(struct psi_ready *ready, uint32_t task, double length);
void psi_ready_sort(struct psi_ready *ready);

void psi_ready_add(struct psi_ready *ready, uint32_t group, uint32_t task);
void psi_ready_remove(struct psi_ready *ready, uint32_t group, uint32_t task);

/* Of a group that has a ready task. */
struct psi_ready_place psi_ready_longest(struct psi_ready *ready, uint32_t group);
struct psi_ready_place psi_ready_shortest(struct psi_ready *ready, uint32_t group);

#endif
