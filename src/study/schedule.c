#include "schedule_state.h"

/* A worker stays with its group while that group's longest ready task is at least this fraction of
 * the longest of all: what the group shares is then worth more than the better order. */
#define AFFINITY 0.5

/* --- tasks ----------------------------------------------------------------------------------- */

static int task_ended(const struct psi_schedule *s, uint32_t task)
{
    return s->task[task].state == PSI_TASK_DONE || s->task[task].state == PSI_TASK_FAILED;
}

static void task_become(struct psi_schedule *s, uint32_t task, enum psi_task_state state)
{
    s->by_state[s->task[task].state]--;
    s->by_state[state]++;
    s->task[task].state = state;
    if (s->task[task].suspect && task_ended(s, task)) {
        s->task[task].suspect = 0;
        s->suspects--;
    }
}

/* After a change among the group's ready tasks. */
static void group_rank(struct psi_schedule *s, uint32_t group)
{
    if (s->ready.group[group].ready > 0)
        psi_heap_set(&s->best, group, psi_ready_longest(&s->ready, group).length);
    else
        psi_heap_remove(&s->best, group);
}

void psi_schedule_make_ready(struct psi_schedule *s, uint32_t task)
{
    uint32_t group = s->task[task].group;
    task_become(s, task, PSI_TASK_READY);
    s->cost_ready += s->task[task].cost;
    psi_ready_add(&s->ready, group, task);
    group_rank(s, group);
}

static void task_unready(struct psi_schedule *s, uint32_t task)
{
    uint32_t group = s->task[task].group;
    psi_ready_remove(&s->ready, group, task);
    group_rank(s, group);
    /* No rounding is carried over from an empty heap to the next. */
    s->cost_ready = s->best.count > 0 ? s->cost_ready - s->task[task].cost : 0.0;
}

/* The task and all that wait for it. Those done in an earlier launch, and what waits for them, do
 * not. */
static void task_give_up(struct psi_schedule *s, uint32_t task)
{
    uint32_t *stack = s->scratch, height = 0;
    stack[height++] = task;
    while (height > 0) {
        uint32_t top = stack[--height];
        task_become(s, top, PSI_TASK_FAILED);
        s->cost_failed += s->task[top].cost;
        for (uint32_t c = s->task[top].child; c != PSI_NO_TASK; c = s->task[c].sibling)
            if (s->task[c].state == PSI_TASK_WAITING)
                stack[height++] = c;
    }
}

static void task_retry(struct psi_schedule *s, uint32_t task)
{
    if (++s->task[task].attempts < s->attempts)
        psi_schedule_make_ready(s, task);
    else
        task_give_up(s, task);
}

/* --- workers --------------------------------------------------------------------------------- */

void psi_schedule_await(struct psi_schedule *s, uint32_t worker)
{
    struct psi_schedule_worker *w = &s->worker[worker];
    if (w->holds == 1)
        psi_heap_set(&s->single, worker, -s->task[w->task[0]].cost);
    if (w->holds > 0)
        return;
    w->next = PSI_NO_WORKER;
    w->previous = s->idle_tail;
    if (s->idle_tail == PSI_NO_WORKER)
        s->idle_head = worker;
    else
        s->worker[s->idle_tail].next = worker;
    s->idle_tail = worker;
}

/* Before the number of tasks that a living worker holds changes. */
static void worker_unawait(struct psi_schedule *s, uint32_t worker)
{
    const struct psi_schedule_worker *w = &s->worker[worker];
    psi_heap_remove(&s->single, worker);
    if (w->holds > 0)
        return;
    if (w->previous == PSI_NO_WORKER)
        s->idle_head = w->next;
    else
        s->worker[w->previous].next = w->next;
    if (w->next == PSI_NO_WORKER)
        s->idle_tail = w->previous;
    else
        s->worker[w->next].previous = w->previous;
}

/* Index of the task among those the worker holds, or held when it was lost; PSI_HOLD_MAX if not. */
static uint32_t worker_find(const struct psi_schedule *s, uint32_t worker, uint32_t task)
{
    if (worker < s->workers)
        for (uint32_t i = 0; i < s->worker[worker].holds; i++)
            if (s->worker[worker].task[i] == task)
                return i;
    return PSI_HOLD_MAX;
}

/* The living worker no longer holds its task number `index`; the next moves up. */
static void worker_release(struct psi_schedule *s, uint32_t worker, uint32_t index)
{
    struct psi_schedule_worker *w = &s->worker[worker];
    worker_unawait(s, worker);
    w->holds--;
    s->taken--;
    if (index == 0 && w->holds > 0) {
        w->task[0] = w->task[1];
        if (s->task[w->task[0]].state == PSI_TASK_HELD)
            task_become(s, w->task[0], PSI_TASK_RUNNING);
    }
    psi_schedule_await(s, worker);
}

static void worker_take(struct psi_schedule *s, uint32_t worker, uint32_t task)
{
    struct psi_schedule_worker *w = &s->worker[worker];
    worker_unawait(s, worker);
    task_become(s, task, w->holds == 0 ? PSI_TASK_RUNNING : PSI_TASK_HELD);
    w->task[w->holds++] = task;
    w->group = s->task[task].group;
    s->taken++;
    psi_schedule_await(s, worker);
}

/* Who gets the next task. A second task is given while ready tasks outnumber the workers and their
 * work, shared out evenly, outlasts the task that the worker runs: then the others are still busy
 * when the second one begins, and nobody could have begun it sooner. */
static uint32_t worker_next(const struct psi_schedule *s)
{
    uint32_t idle = s->idle_head;
    int spared = s->suspects > 0 && s->alive > 1; /* worker 0 */
    if (spared && idle == 0)
        idle = s->worker[0].next;
    if (idle != PSI_NO_WORKER)
        return idle;
    if (s->single.count > 0 && s->by_state[PSI_TASK_READY] > s->alive) {
        struct psi_heap_entry soonest = s->single.entry[0];
        if (s->alive * -soonest.key < s->cost_ready && !(spared && soonest.item == 0))
            return soonest.item;
    }
    return PSI_NO_WORKER;
}

/* What the worker still has to do first. */
static double worker_busy(const struct psi_schedule *s, uint32_t worker)
{
    const struct psi_schedule_worker *w = &s->worker[worker];
    return w->holds > 0 ? s->task[w->task[0]].cost : 0.0;
}

/* Longest first ends a large sweep with its shortest tasks everywhere at once, more than rank 0 can
 * serve. So while much is ready, long and short ones are mixed: what has been given out in this way
 * costs as much a task, on average, as what is left. */
static int mixes(const struct psi_schedule *s)
{
    return s->workers > PSI_MIX_WORKERS && s->by_state[PSI_TASK_READY] / PSI_MIX_DEPTH >= s->alive;
}

static int short_is_due(const struct psi_schedule *s)
{
    double ready = s->by_state[PSI_TASK_READY];
    return mixes(s) && s->mixed_cost * ready > s->cost_ready * (double)s->mixed;
}

/* The ready task that is the worker's turn. */
static uint32_t task_next(struct psi_schedule *s, uint32_t worker)
{
    struct psi_heap_entry longest = s->best.entry[0];
    uint32_t own = s->worker[worker].group, group = longest.item;
    int has_own = own != PSI_NO_GROUP && s->ready.group[own].ready > 0;
    int brief = short_is_due(s);
    if (has_own && (brief || psi_ready_longest(&s->ready, own).length >= AFFINITY * longest.key))
        group = own;
    return (brief ? psi_ready_shortest : psi_ready_longest)(&s->ready, group).task;
}

static void task_give(struct psi_schedule *s, uint32_t worker, uint32_t task)
{
    if (mixes(s)) {
        s->mixed++;
        s->mixed_cost += s->task[task].cost;
    }
    task_unready(s, task);
    worker_take(s, worker, task);
}

/* --- the interface --------------------------------------------------------------------------- */

int psi_schedule_decide(struct psi_schedule *s, uint32_t *worker, uint32_t *task)
{
    while (!s->stopped && s->by_state[PSI_TASK_READY] > 0) {
        uint32_t next = worker_next(s);
        if (next == PSI_NO_WORKER)
            return 0;
        uint32_t chosen = task_next(s, next);
        double cost = s->task[chosen].cost;
        if (cost <= s->left && cost + worker_busy(s, next) > s->left)
            return 0; /* in time for a worker that is free, not behind another task */
        if (cost <= s->left) {
            task_give(s, next, chosen);
            *worker = next;
            *task = chosen;
            return 1;
        }
        task_unready(s, chosen);
        task_become(s, chosen, PSI_TASK_LATE);
    }
    return 0;
}

int psi_schedule_done(struct psi_schedule *s, uint32_t worker, uint32_t task)
{
    uint32_t index = worker_find(s, worker, task);
    if (index == PSI_HOLD_MAX)
        return 0;
    if (!s->worker[worker].lost)
        worker_release(s, worker, index);
    /* Ended already: a lost worker's late result came while this one did the task again. */
    if (task_ended(s, task))
        return 0;
    if (s->task[task].state == PSI_TASK_READY)
        task_unready(s, task);
    task_become(s, task, PSI_TASK_DONE);
    s->cost_done += s->task[task].cost;
    for (uint32_t c = s->task[task].child; c != PSI_NO_TASK; c = s->task[c].sibling)
        if (s->task[c].state == PSI_TASK_WAITING)
            psi_schedule_make_ready(s, c);
    return 1;
}

int psi_schedule_failed(struct psi_schedule *s, uint32_t worker, uint32_t task)
{
    uint32_t index = worker_find(s, worker, task);
    if (index == PSI_HOLD_MAX || s->worker[worker].lost)
        return 0;
    worker_release(s, worker, index);
    if (task_ended(s, task))
        return 0;
    task_retry(s, task);
    return 1;
}

uint32_t psi_schedule_running(const struct psi_schedule *s, uint32_t worker)
{
    const struct psi_schedule_worker *w = &s->worker[worker];
    return w->lost || w->holds == 0 || task_ended(s, w->task[0]) ? PSI_NO_TASK : w->task[0];
}

int psi_schedule_lost(struct psi_schedule *s, uint32_t worker)
{
    if (worker >= s->workers || s->worker[worker].lost)
        return 0;
    struct psi_schedule_worker *w = &s->worker[worker];
    worker_unawait(s, worker);
    w->lost = 1;
    s->alive--;
    s->taken -= w->holds;
    for (uint32_t i = 0; i < w->holds; i++) {
        struct psi_schedule_task *task = &s->task[w->task[i]];
        if (task->state == PSI_TASK_RUNNING) {
            s->suspects += !task->suspect;
            task->suspect = 1;
            task_retry(s, w->task[i]);
        } else if (task->state == PSI_TASK_HELD) {
            psi_schedule_make_ready(s, w->task[i]);
        }
    }
    return 1;
}

int psi_schedule_dropped(struct psi_schedule *s, uint32_t worker)
{
    if (worker >= s->workers || s->worker[worker].lost || s->worker[worker].holds == 0)
        return 0;
    struct psi_schedule_worker *w = &s->worker[worker];
    worker_unawait(s, worker);
    for (uint32_t i = 0; i < w->holds; i++)
        if (!task_ended(s, w->task[i]))
            psi_schedule_make_ready(s, w->task[i]);
    s->taken -= w->holds;
    w->holds = 0;
    psi_schedule_await(s, worker);
    return 1;
}

void psi_schedule_recost(struct psi_schedule *s, const double *cost)
{
    s->cost_all = s->cost_ready = s->cost_failed = 0.0;
    for (uint32_t i = 0; i < s->tasks; i++) {
        if (s->task[i].state != PSI_TASK_DONE)
            s->task[i].cost = cost[i];
        s->cost_all += s->task[i].cost;
        if (s->task[i].state == PSI_TASK_READY)
            s->cost_ready += s->task[i].cost;
        if (s->task[i].state == PSI_TASK_FAILED)
            s->cost_failed += s->task[i].cost;
    }
    psi_schedule_measure(s);
    s->mixed_cost = 0.0;
    s->mixed = 0;
    for (uint32_t i = 0; i < s->tasks; i++)
        if (s->task[i].state == PSI_TASK_READY)
            psi_ready_add(&s->ready, s->task[i].group, i);
    for (uint32_t g = 0; g < s->ready.groups; g++)
        group_rank(s, g);
    for (uint32_t i = 0; i < s->tasks; i++)
        if (s->task[i].state == PSI_TASK_LATE)
            psi_schedule_make_ready(s, i);
    for (uint32_t w = 0; w < s->workers; w++)
        if (!s->worker[w].lost && s->worker[w].holds == 1)
            psi_heap_set(&s->single, w, -s->task[s->worker[w].task[0]].cost);
}

void psi_schedule_limit(struct psi_schedule *s, double left)
{
    s->left = left;
}

void psi_schedule_stop(struct psi_schedule *s)
{
    s->stopped = 1;
}

void psi_schedule_count(const struct psi_schedule *s, struct psi_schedule_count *count)
{
    *count = (struct psi_schedule_count){
        .done = s->by_state[PSI_TASK_DONE],
        .failed = s->by_state[PSI_TASK_FAILED],
        .running = s->by_state[PSI_TASK_RUNNING],
        .held = s->by_state[PSI_TASK_HELD],
        .ready = s->by_state[PSI_TASK_READY],
        .late = s->by_state[PSI_TASK_LATE],
        .waiting = s->by_state[PSI_TASK_WAITING],
        .cost_done = s->cost_done,
    };
    /* Sums in different orders differ by rounding: at the end nothing must be left. */
    double left = s->cost_all - s->cost_done - s->cost_failed;
    if (count->done + count->failed < s->tasks && left > 0.0)
        count->cost_left = left;
}

int psi_schedule_finished(const struct psi_schedule *s)
{
    uint32_t ended = s->by_state[PSI_TASK_DONE] + s->by_state[PSI_TASK_FAILED];
    int only_late = s->by_state[PSI_TASK_LATE] > 0 && s->by_state[PSI_TASK_READY] == 0;
    return ended == s->tasks || (s->taken == 0 && (s->stopped || only_late));
}
