/* The scheduler's rules as its header states them, by plain scans over plain arrays: slow, short,
 * and sharing nothing with src/study/schedule*.c. Costs must be small multiples of 1/8: sums of
 * them are then exact in any order. world_*() feeds both the same events and asserts that every
 * answer, decision and count is the same, and that the rules hold which need no model: nothing is
 * given before what it waits for is done, nor twice, nor after its end. */
#ifndef PSI_TESTS_SCHEDULE_MODEL_H
#define PSI_TESTS_SCHEDULE_MODEL_H

#include "psisweep/schedule.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum model_state { WAITING, READY, TAKEN, DONE, GIVEN_UP, LATE };

struct model_task {
    enum model_state state;
    unsigned failures;
    unsigned news; /* how often a `done` was news */
    unsigned holders;
    int suspect;
    double length;
};

struct model_worker {
    uint32_t slot[2], holds, group;
    uint64_t since; /* when its number of tasks last changed */
    int lost;
};

struct world {
    struct psi_schedule *schedule;
    const struct psi_task *given;
    struct model_task *task;
    struct model_worker *worker;
    uint32_t tasks, groups, workers, alive, ready;
    unsigned attempts;
    uint64_t clock;
    double left;              /* 0 = no limit */
    double mixed, mixed_cost; /* tasks given out while mixing, and their cost */
    int stopped;
};

static inline int model_ended(const struct world *world, uint32_t t)
{
    return world->task[t].state == DONE || world->task[t].state == GIVEN_UP;
}

static inline int model_parent_done(const struct world *world, uint32_t t)
{
    uint32_t after = world->given[t].after;
    return after == PSI_NO_TASK || world->task[after].state == DONE;
}

static inline void model_ready(struct world *world, uint32_t t)
{
    world->task[t].state = READY;
    world->ready++;
}

static inline void world_open(struct world *world, const struct psi_task *task, uint32_t tasks,
                              uint32_t groups, uint32_t workers, unsigned attempts)
{
    struct psi_error err;
    *world = (struct world){.given = task,
                            .tasks = tasks,
                            .groups = groups,
                            .workers = workers,
                            .alive = workers,
                            .attempts = attempts};
    assert_int_equal(PSI_OK, psi_schedule_create(task, tasks, groups, workers, attempts,
                                                 &world->schedule, &err));
    world->task = calloc(tasks + 1, sizeof *world->task);
    world->worker = calloc(workers, sizeof *world->worker);
    assert_true(world->task && world->worker);
    for (uint32_t w = 0; w < workers; w++) {
        world->worker[w].group = UINT32_MAX;
        world->worker[w].since = world->clock++;
    }
    for (uint32_t t = 0; t < tasks; t++) {
        world->task[t].state = task[t].done ? DONE : WAITING;
        world->task[t].suspect = task[t].suspect;
    }
    for (uint32_t t = 0; t < tasks; t++) {
        double length = 0.0;
        for (uint32_t u = t; u != PSI_NO_TASK; u = task[u].after) {
            length += task[u].cost;
            world->task[u].length = fmax(world->task[u].length, length);
            if (task[u].done)
                break; /* what waits for a done task lengthens nothing */
        }
        if (!task[t].done && model_parent_done(world, t))
            model_ready(world, t);
    }
}

static inline void world_close(struct world *world)
{
    psi_schedule_destroy(world->schedule);
    free(world->task);
    free(world->worker);
}

/* The longest ready task of a group (UINT32_MAX: of all; the group of the lowest number first). */
static inline uint32_t model_longest(const struct world *world, uint32_t group)
{
    uint32_t best = PSI_NO_TASK;
    for (uint32_t t = 0; t < world->tasks; t++) {
        if (world->task[t].state != READY ||
            (group != UINT32_MAX && world->given[t].group != group))
            continue;
        if (best == PSI_NO_TASK || world->task[t].length > world->task[best].length ||
            (world->task[t].length == world->task[best].length &&
             world->given[t].group < world->given[best].group))
            best = t;
    }
    return best;
}

/* The shortest one, of equally short ones the last. */
static inline uint32_t model_shortest(const struct world *world, uint32_t group)
{
    uint32_t best = PSI_NO_TASK;
    for (uint32_t t = 0; t < world->tasks; t++)
        if (world->task[t].state == READY && world->given[t].group == group &&
            (best == PSI_NO_TASK || world->task[t].length <= world->task[best].length))
            best = t;
    return best;
}

static inline double model_cost_ready(const struct world *world)
{
    double cost = 0.0;
    for (uint32_t t = 0; t < world->tasks; t++)
        cost += world->task[t].state == READY ? world->given[t].cost : 0.0;
    return cost;
}

static inline int model_mixes(const struct world *world)
{
    return world->workers > PSI_MIX_WORKERS && world->ready >= PSI_MIX_DEPTH * world->alive;
}

/* Worker 0 gets nothing: it is not alone, and a suspect task has not ended. */
static inline int model_spares(const struct world *world)
{
    for (uint32_t t = 0; world->alive > 1 && t < world->tasks; t++)
        if (world->task[t].suspect && !model_ended(world, t))
            return 1;
    return 0;
}

/* Whoever has been idle longest; else who runs the cheapest task alone, if that costs less than a
 * worker's share of what is ready. */
static inline uint32_t model_next_worker(const struct world *world)
{
    uint32_t idle = UINT32_MAX, single = UINT32_MAX;
    for (uint32_t w = 0; w < world->workers; w++) {
        const struct model_worker *worker = &world->worker[w];
        if (worker->lost)
            continue;
        if (worker->holds == 0 && !(w == 0 && model_spares(world)) &&
            (idle == UINT32_MAX || worker->since < world->worker[idle].since))
            idle = w;
        if (worker->holds == 1 &&
            (single == UINT32_MAX ||
             world->given[worker->slot[0]].cost < world->given[world->worker[single].slot[0]].cost))
            single = w;
    }
    if (idle != UINT32_MAX || single == UINT32_MAX || world->ready <= world->alive)
        return idle;
    if (single == 0 && model_spares(world))
        return UINT32_MAX;
    double cost = world->given[world->worker[single].slot[0]].cost;
    return cost < model_cost_ready(world) / world->alive ? single : UINT32_MAX;
}

/* Marks the tasks late whose turn comes too late. */
static inline int model_decide(struct world *world, uint32_t *worker, uint32_t *task)
{
    for (;;) {
        uint32_t next = model_next_worker(world);
        if (world->stopped || world->ready == 0 || next == UINT32_MAX)
            return 0;
        const struct model_worker *w = &world->worker[next];
        *worker = next;
        *task = model_longest(world, UINT32_MAX);
        int brief = model_mixes(world) &&
                    world->mixed_cost * world->ready > model_cost_ready(world) * world->mixed;
        if (w->group != UINT32_MAX) {
            uint32_t own = model_longest(world, w->group);
            if (own != PSI_NO_TASK &&
                (brief || world->task[own].length >= 0.5 * world->task[*task].length))
                *task = own;
        }
        if (brief)
            *task = model_shortest(world, world->given[*task].group);
        double cost = world->given[*task].cost;
        double before = w->holds > 0 ? world->given[w->slot[0]].cost : 0.0;
        if (world->left == 0.0 || before + cost <= world->left)
            return 1;
        if (cost <= world->left)
            return 0;
        world->task[*task].state = LATE;
        world->ready--;
    }
}

/* Counts add up and agree with the model's; finished means what the header says. */
static inline void world_check(const struct world *world)
{
    struct psi_schedule_count got;
    uint32_t by_state[6] = {0}, running = 0, holding = 0;
    double cost_done = 0.0, cost_left = 0.0;
    for (uint32_t t = 0; t < world->tasks; t++) {
        by_state[world->task[t].state]++;
        cost_done += world->task[t].state == DONE ? world->given[t].cost : 0.0;
        cost_left += !model_ended(world, t) ? world->given[t].cost : 0.0;
    }
    for (uint32_t w = 0; w < world->workers; w++)
        if (!world->worker[w].lost && world->worker[w].holds > 0) {
            holding++;
            running += world->task[world->worker[w].slot[0]].state == TAKEN;
        }
    psi_schedule_count(world->schedule, &got);
    assert_int_equal(got.done, by_state[DONE]);
    assert_int_equal(got.failed, by_state[GIVEN_UP]);
    assert_int_equal(got.ready, by_state[READY]);
    assert_int_equal(got.late, by_state[LATE]);
    assert_int_equal(got.waiting, by_state[WAITING]);
    assert_int_equal(got.running, running);
    assert_int_equal(got.held, by_state[TAKEN] - running);
    assert_true(fabs(got.cost_done - cost_done) <= 1e-9 * cost_done);
    assert_true(fabs(got.cost_left - cost_left) <= 1e-9 * (cost_left + cost_done));
    assert_int_equal(
        psi_schedule_finished(world->schedule),
        by_state[DONE] + by_state[GIVEN_UP] == world->tasks ||
            (holding == 0 && (world->stopped || (by_state[LATE] > 0 && by_state[READY] == 0))));
}

/* Draw one decision, check it, carry it out; 0 when there is none. */
static inline int world_give(struct world *world, uint32_t *worker, uint32_t *task)
{
    uint32_t expected_worker = 0, expected_task = 0;
    int expected = model_decide(world, &expected_worker, &expected_task);
    assert_int_equal(psi_schedule_decide(world->schedule, worker, task), expected);
    if (!expected)
        return 0;
    assert_int_equal(*worker, expected_worker);
    assert_int_equal(*task, expected_task);

    struct model_task *t = &world->task[*task];
    struct model_worker *w = &world->worker[*worker];
    assert_true(model_parent_done(world, *task));
    assert_int_equal(t->state, READY);
    assert_int_equal(t->holders, 0);
    assert_true(t->failures < world->attempts);
    if (model_mixes(world)) {
        world->mixed++;
        world->mixed_cost += world->given[*task].cost;
    }
    t->state = TAKEN;
    t->holders = 1;
    world->ready--;
    w->slot[w->holds++] = *task;
    w->group = world->given[*task].group;
    w->since = world->clock++;
    return 1;
}

static inline int model_holds(const struct model_worker *w, uint32_t task)
{
    return (w->holds > 0 && w->slot[0] == task) || (w->holds > 1 && w->slot[1] == task);
}

static inline void model_release(struct world *world, uint32_t worker, uint32_t task)
{
    struct model_worker *w = &world->worker[worker];
    if (w->slot[0] == task)
        w->slot[0] = w->slot[1];
    w->holds--;
    w->since = world->clock++;
    world->task[task].holders--;
}

static inline void model_failure(struct world *world, uint32_t task)
{
    if (++world->task[task].failures < world->attempts) {
        model_ready(world, task);
        return;
    }
    world->task[task].state = GIVEN_UP;
    for (int more = 1; more;) {
        more = 0;
        for (uint32_t t = 0; t < world->tasks; t++)
            if (world->task[t].state == WAITING && world->given[t].after != PSI_NO_TASK &&
                world->task[world->given[t].after].state == GIVEN_UP) {
                world->task[t].state = GIVEN_UP;
                more = 1;
            }
    }
}

static inline void world_done(struct world *world, uint32_t worker, uint32_t task)
{
    struct model_worker *w = &world->worker[worker];
    int held = model_holds(w, task), news = held && !model_ended(world, task);
    if (held && !w->lost)
        model_release(world, worker, task);
    assert_int_equal(psi_schedule_done(world->schedule, worker, task), news);
    if (!news)
        return;
    world->ready -= world->task[task].state == READY;
    world->task[task].state = DONE;
    assert_int_equal(++world->task[task].news, 1);
    for (uint32_t t = 0; t < world->tasks; t++)
        if (world->given[t].after == task && world->task[t].state == WAITING)
            model_ready(world, t);
}

static inline void world_failed(struct world *world, uint32_t worker, uint32_t task)
{
    struct model_worker *w = &world->worker[worker];
    int held = model_holds(w, task) && !w->lost, news = held && !model_ended(world, task);
    if (held)
        model_release(world, worker, task);
    assert_int_equal(psi_schedule_failed(world->schedule, worker, task), news);
    if (news)
        model_failure(world, task);
}

/* Lost for good, or only its tasks put down. */
static inline void world_lost(struct world *world, uint32_t worker, int for_good)
{
    struct model_worker *w = &world->worker[worker];
    int news = !w->lost && (for_good || w->holds > 0);
    assert_int_equal(for_good ? psi_schedule_lost(world->schedule, worker)
                              : psi_schedule_dropped(world->schedule, worker),
                     news);
    if (!news)
        return;
    for (uint32_t i = 0; i < w->holds; i++) {
        world->task[w->slot[i]].holders--;
        if (model_ended(world, w->slot[i]))
            continue;
        world->task[w->slot[i]].suspect |= for_good && i == 0;
        if (for_good && i == 0)
            model_failure(world, w->slot[i]);
        else
            model_ready(world, w->slot[i]);
    }
    w->since = world->clock++;
    w->lost = for_good;
    world->alive -= (uint32_t)for_good;
    if (!for_good)
        w->holds = 0;
}

static inline void world_limit(struct world *world, double left)
{
    world->left = left;
    psi_schedule_limit(world->schedule, left);
}

static inline void world_stop(struct world *world)
{
    world->stopped = 1;
    psi_schedule_stop(world->schedule);
}

#endif
