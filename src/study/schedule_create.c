#include "psisweep/memory.h"
#include "schedule_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum psi_status tasks_check(const struct psi_task *task, uint32_t tasks, uint32_t groups,
                                   struct psi_error *err)
{
    if (tasks == PSI_NO_TASK)
        return psi_fail(err, PSI_USAGE, "schedule: too many tasks (%u)", tasks);
    for (uint32_t i = 0; i < tasks; i++) {
        if (!(task[i].cost > 0.0) || !isfinite(task[i].cost))
            return psi_fail(err, PSI_USAGE, "schedule: task %u costs %g, expected > 0", i,
                            task[i].cost);
        if (task[i].after != PSI_NO_TASK && task[i].after >= tasks)
            return psi_fail(err, PSI_USAGE, "schedule: task %u waits for %u, there are %u", i,
                            task[i].after, tasks);
        if (task[i].group >= groups)
            return psi_fail(err, PSI_USAGE, "schedule: task %u is of group %u, there are %u", i,
                            task[i].group, groups);
    }
    return PSI_OK;
}

static enum psi_status schedule_allocate(struct psi_schedule *s, const struct psi_task *task,
                                         uint32_t groups, struct psi_error *err)
{
    if (!(s->task = psi_allocate(s->tasks, sizeof *s->task, "schedule", err)) ||
        !(s->scratch = psi_allocate(s->tasks, sizeof *s->scratch, "schedule", err)) ||
        !(s->group_entry = psi_allocate(groups, sizeof *s->group_entry, "schedule", err)) ||
        !(s->group_place = psi_allocate(groups, sizeof *s->group_place, "schedule", err)) ||
        !(s->single_entry = psi_allocate(s->workers, sizeof *s->single_entry, "schedule", err)) ||
        !(s->single_place = psi_allocate(s->workers, sizeof *s->single_place, "schedule", err)) ||
        !(s->worker = psi_allocate(s->workers, sizeof *s->worker, "schedule", err)))
        return PSI_MEMORY;
    return psi_ready_create(&s->ready, task, s->tasks, groups, err);
}

/* Copy the tasks and link each into the list of the one it waits for, lowest number first. */
static void tasks_link(struct psi_schedule *s, const struct psi_task *task)
{
    for (uint32_t i = 0; i < s->tasks; i++)
        s->task[i] = (struct psi_schedule_task){
            .cost = task[i].cost,
            .group = task[i].group,
            .after = task[i].after,
            .child = PSI_NO_TASK,
            .sibling = PSI_NO_TASK,
            .state = task[i].done ? PSI_TASK_DONE : PSI_TASK_WAITING,
            .suspect = !task[i].done && task[i].suspect,
        };
    for (uint32_t i = s->tasks; i-- > 0;) {
        s->suspects += s->task[i].suspect;
        if (task[i].after == PSI_NO_TASK)
            continue;
        struct psi_schedule_task *before = &s->task[task[i].after];
        s->task[i].sibling = before->child;
        before->child = i;
    }
}

/* length = cost + max of the lengths that wait for it, over tasks not done, from the leaves down
 * to the roots: the reverse of an order in which each task follows the one it waits for. A task on
 * a cycle is in no such order. */
uint32_t psi_schedule_measure(struct psi_schedule *s)
{
    uint32_t *order = s->scratch, ordered = 0;
    for (uint32_t i = 0; i < s->tasks; i++) {
        s->task[i].length = s->task[i].cost;
        if (s->task[i].after == PSI_NO_TASK)
            order[ordered++] = i;
    }
    for (uint32_t i = 0; i < ordered; i++)
        for (uint32_t c = s->task[order[i]].child; c != PSI_NO_TASK; c = s->task[c].sibling)
            order[ordered++] = c;
    for (uint32_t i = ordered; i-- > 0;) {
        const struct psi_schedule_task *task = &s->task[order[i]];
        if (task->after == PSI_NO_TASK || task->state == PSI_TASK_DONE)
            continue;
        struct psi_schedule_task *before = &s->task[task->after];
        if (before->cost + task->length > before->length)
            before->length = before->cost + task->length;
    }
    for (uint32_t i = 0; i < s->tasks; i++)
        psi_ready_measure(&s->ready, i, s->task[i].length);
    psi_ready_sort(&s->ready);
    return ordered;
}

static void tasks_begin(struct psi_schedule *s, const struct psi_task *task)
{
    for (uint32_t i = 0; i < s->tasks; i++) {
        s->by_state[s->task[i].state]++;
        s->cost_all += s->task[i].cost;
        if (task[i].done)
            s->cost_done += s->task[i].cost;
    }
    for (uint32_t i = 0; i < s->tasks; i++)
        if (!task[i].done && (task[i].after == PSI_NO_TASK || task[task[i].after].done))
            psi_schedule_make_ready(s, i);
}

static void workers_begin(struct psi_schedule *s)
{
    memset(s->single_place, 0xff, s->workers * sizeof *s->single_place); /* PSI_HEAP_ABSENT */
    s->single = (struct psi_heap){.entry = s->single_entry, .place = s->single_place};
    s->idle_head = s->idle_tail = PSI_NO_WORKER;
    for (uint32_t w = 0; w < s->workers; w++) {
        s->worker[w].group = PSI_NO_GROUP;
        psi_schedule_await(s, w);
    }
    s->alive = s->workers;
}

enum psi_status psi_schedule_create(const struct psi_task *task, uint32_t tasks, uint32_t groups,
                                    uint32_t workers, unsigned attempts, struct psi_schedule **out,
                                    struct psi_error *err)
{
    if (workers < 1 || workers == PSI_NO_WORKER || attempts < 1)
        return psi_fail(err, PSI_USAGE, "schedule: %u workers and %u attempts, expected >= 1",
                        workers, attempts);
    enum psi_status status = tasks_check(task, tasks, groups, err);
    if (status)
        return status;
    struct psi_schedule *s = psi_allocate(1, sizeof *s, "schedule", err);
    if (!s)
        return PSI_MEMORY;
    s->tasks = tasks;
    s->workers = workers;
    s->attempts = attempts;
    s->left = INFINITY;
    if ((status = schedule_allocate(s, task, groups, err)))
        goto out;
    tasks_link(s, task);
    uint32_t measured = psi_schedule_measure(s);
    if (measured < tasks) {
        status = psi_fail(err, PSI_USAGE, "schedule: %u tasks wait for each other in a circle",
                          tasks - measured);
        goto out;
    }
    memset(s->group_place, 0xff, groups * sizeof *s->group_place); /* PSI_HEAP_ABSENT */
    s->best = (struct psi_heap){.entry = s->group_entry, .place = s->group_place};
    tasks_begin(s, task);
    workers_begin(s);
    *out = s;
    s = NULL;
out:
    psi_schedule_destroy(s);
    return status;
}

void psi_schedule_destroy(struct psi_schedule *s)
{
    if (!s)
        return;
    free(s->worker);
    free(s->single_place);
    free(s->single_entry);
    psi_ready_clear(&s->ready);
    free(s->group_place);
    free(s->group_entry);
    free(s->scratch);
    free(s->task);
    free(s);
}
