/* The scheduler's policy: what create refuses, single rules by hand, and every order of events on
 * small grids. */
#include "schedule_model.h"

#include <stdio.h>

static enum psi_status create_status(const struct psi_task *task, uint32_t tasks, uint32_t groups,
                                     uint32_t workers, unsigned attempts)
{
    struct psi_schedule *schedule = NULL;
    struct psi_error err;
    enum psi_status status =
        psi_schedule_create(task, tasks, groups, workers, attempts, &schedule, &err);
    assert_int_equal(status == PSI_OK, schedule != NULL);
    psi_schedule_destroy(schedule);
    return status;
}

static void test_refuses(void **state)
{
    (void)state;
    struct psi_task good[] = {{1.0, PSI_NO_TASK, 0, 0}, {1.0, 0, 1, 0}, {1.0, 1, 1, 0}};
    assert_int_equal(create_status(good, 3, 2, 1, 1), PSI_OK);
    assert_int_equal(create_status(good, 0, 0, 1, 1), PSI_OK);
    assert_int_equal(create_status(good, 3, 2, 0, 1), PSI_USAGE);
    assert_int_equal(create_status(good, 3, 2, 1, 0), PSI_USAGE);
    assert_int_equal(create_status(good, 3, 1, 1, 1), PSI_USAGE);     /* no group 1 */
    assert_int_equal(create_status(good + 1, 2, 2, 1, 1), PSI_USAGE); /* waits for itself */
    struct psi_task circle[] = {{1.0, 2, 0, 0}, {1.0, 0, 0, 0}, {1.0, 1, 0, 0}};
    assert_int_equal(create_status(circle, 3, 1, 1, 1), PSI_USAGE);
    struct psi_task beyond[] = {{1.0, 1, 0, 0}};
    assert_int_equal(create_status(beyond, 1, 1, 1, 1), PSI_USAGE);
    for (int i = 0; i < 4; i++) {
        struct psi_task cost[] = {{(double[]){0.0, -1.0, NAN, INFINITY}[i], PSI_NO_TASK, 0, 0}};
        assert_int_equal(create_status(cost, 1, 1, 1, 1), PSI_USAGE);
    }
    psi_schedule_destroy(NULL);
}

/* A chain of three short tasks (path 3) precedes a longer single task (2); the second worker gets
 * that; nothing is prefetched while no more tasks are ready than there are workers. */
static void test_longest_path_first(void **state)
{
    (void)state;
    struct psi_task task[] = {
        {2.0, PSI_NO_TASK, 0, 0}, {1.0, PSI_NO_TASK, 1, 0}, {1.0, 1, 1, 0}, {1.0, 2, 1, 0}};
    struct world world;
    uint32_t w, t;
    world_open(&world, task, 4, 2, 2, 1);
    assert_true(world_give(&world, &w, &t) && w == 0 && t == 1);
    assert_true(world_give(&world, &w, &t) && w == 1 && t == 0);
    assert_false(world_give(&world, &w, &t));
    world_done(&world, 0, 1);
    assert_true(world_give(&world, &w, &t) && w == 0 && t == 2);
    world_check(&world);
    world_close(&world);
}

/* Costs turn out to be others: what is ready is given out by them, lengths of paths included, and
 * the sums follow; what is done keeps what it cost. */
static void test_recost(void **state)
{
    (void)state;
    struct psi_task task[] = {{9.0, PSI_NO_TASK, 0, 0},
                              {1.0, PSI_NO_TASK, 1, 0},
                              {1.0, 1, 1, 0},
                              {4.0, PSI_NO_TASK, 2, 0}};
    struct psi_schedule *schedule = NULL;
    struct psi_schedule_count count;
    struct psi_error err;
    uint32_t w, t;
    assert_int_equal(psi_schedule_create(task, 4, 3, 1, 1, &schedule, &err), PSI_OK);
    assert_true(psi_schedule_decide(schedule, &w, &t) && t == 0);
    assert_true(psi_schedule_done(schedule, 0, 0));
    psi_schedule_recost(schedule, (double[]){1000.0, 2.0, 7.0, 8.0});
    psi_schedule_count(schedule, &count);
    assert_true(count.cost_done == 9.0 && count.cost_left == 17.0);
    assert_true(psi_schedule_decide(schedule, &w, &t) && t == 1); /* 2 + 7 > 8; by 4 > 1 + 1 not */
    assert_true(psi_schedule_done(schedule, 0, 1));
    psi_schedule_recost(schedule, (double[]){1.0, 1.0, 1.0, 8.0});
    assert_true(psi_schedule_decide(schedule, &w, &t) && t == 3);
    assert_true(psi_schedule_done(schedule, 0, 3));
    assert_true(psi_schedule_decide(schedule, &w, &t) && t == 2);
    assert_true(psi_schedule_done(schedule, 0, 2) && psi_schedule_finished(schedule));
    psi_schedule_count(schedule, &count);
    assert_true(count.cost_left == 0.0);
    psi_schedule_destroy(schedule);
}

/* One worker, two groups: it stays in its group down to half of the longest path, then steals. */
static void test_affinity(void **state)
{
    (void)state;
    static const uint32_t order[] = {0, 1, 3, 4, 2};
    struct psi_task task[] = {{8.0, PSI_NO_TASK, 0, 0},
                              {3.5, PSI_NO_TASK, 0, 0},
                              {3.25, PSI_NO_TASK, 0, 0},
                              {7.0, PSI_NO_TASK, 1, 0},
                              {6.0, PSI_NO_TASK, 1, 0}};
    struct world world;
    uint32_t w, t;
    world_open(&world, task, 5, 2, 1, 1);
    /* Two at once while more are ready than workers: tasks are given in this order. */
    for (uint32_t given = 0, ended = 0; ended < 5; ended++) {
        while (world_give(&world, &w, &t))
            assert_int_equal(t, order[given++]);
        assert_int_equal(given, ended < 3 ? ended + 2 : 5 - (ended == 3));
        world_done(&world, 0, order[ended]);
    }
    assert_true(psi_schedule_finished(world.schedule));
    world_close(&world);
}

/* Tasks done earlier count, free what waits for them and add nothing to the paths above them; what
 * waits for a task given up is given up, but not what waits for one already done. */
static void test_resume_and_give_up(void **state)
{
    (void)state;
    struct psi_task task[] = {{1.0, PSI_NO_TASK, 0, 0}, {1.0, 0, 0, 1}, {9.0, 1, 0, 0},
                              {1.0, 0, 0, 0},           {1.0, 3, 0, 0}, {2.5, PSI_NO_TASK, 0, 0}};
    struct world world;
    struct psi_schedule_count count;
    uint32_t w, t;
    world_open(&world, task, 6, 1, 1, 2);
    world_check(&world);
    assert_true(world_give(&world, &w, &t) && t == 2);
    assert_false(world_give(&world, &w, &t)); /* 2 ready > 1 worker, but they cost less than 9 */
    world_done(&world, 0, 2);
    assert_true(world_give(&world, &w, &t) && t == 0); /* 1 + 1 + 1 > 2.5 */
    world_failed(&world, 0, 0);
    assert_true(world_give(&world, &w, &t) && t == 0);
    assert_true(world_give(&world, &w, &t) == 0);
    world_failed(&world, 0, 0);
    psi_schedule_count(world.schedule, &count);
    assert_int_equal(count.failed, 3);
    assert_int_equal(count.done, 2);
    assert_int_equal(count.ready, 1);
    assert_true(world_give(&world, &w, &t) && t == 5);
    world_done(&world, 0, 5);
    psi_schedule_count(world.schedule, &count);
    assert_true(count.cost_left == 0.0);
    assert_true(psi_schedule_finished(world.schedule));
    world_close(&world);
}

/* Too long for what is left: set aside, and shorter tasks of any group are given instead; a second
 * one only if it fits behind the first. Once told to cost less, a late task has its turn. */
static void test_limit(void **state)
{
    (void)state;
    struct psi_task task[] = {{8.0, PSI_NO_TASK, 0, 0}, {3.0, PSI_NO_TASK, 0, 0},
                              {2.0, PSI_NO_TASK, 1, 0}, {2.0, PSI_NO_TASK, 1, 0},
                              {1.0, 0, 0, 0},           {2.0, PSI_NO_TASK, 1, 0}};
    struct world world;
    struct psi_schedule_count count;
    uint32_t w, t;
    world_open(&world, task, 6, 2, 1, 1);
    world_limit(&world, 4.0);
    assert_true(world_give(&world, &w, &t) && t == 1);
    assert_false(world_give(&world, &w, &t)); /* 3 ready > 1 worker, 3 < 6, but 3 + 2 > 4 */
    world_check(&world);
    world_done(&world, 0, 1);
    assert_true(world_give(&world, &w, &t) && t == 2);
    assert_true(world_give(&world, &w, &t) && t == 3); /* 2 + 2 fit */
    world_check(&world);
    world_limit(&world, 1.5);
    world_done(&world, 0, 2);
    world_done(&world, 0, 3);
    assert_false(world_give(&world, &w, &t));
    world_check(&world);
    psi_schedule_count(world.schedule, &count);
    assert_true(count.late == 2 && count.waiting == 1 && count.cost_left == 11.0);
    assert_true(psi_schedule_finished(world.schedule));
    psi_schedule_recost(world.schedule, (double[]){1.0, 3.0, 2.0, 2.0, 1.0, 2.0});
    assert_false(psi_schedule_finished(world.schedule));
    assert_true(psi_schedule_decide(world.schedule, &w, &t) && t == 0);
    world_close(&world);
}

/* Results from nowhere change nothing. */
static void test_untrue_events(void **state)
{
    (void)state;
    struct psi_task task[] = {{1.0, PSI_NO_TASK, 0, 0}, {1.0, 0, 0, 0}};
    struct world world;
    uint32_t w, t;
    world_open(&world, task, 2, 1, 2, 1);
    assert_true(world_give(&world, &w, &t) && w == 0 && t == 0);
    assert_int_equal(psi_schedule_done(world.schedule, 1, 0), 0);
    assert_int_equal(psi_schedule_done(world.schedule, 0, 1), 0);
    assert_int_equal(psi_schedule_done(world.schedule, 0, 77), 0);
    assert_int_equal(psi_schedule_done(world.schedule, 77, 0), 0);
    assert_int_equal(psi_schedule_failed(world.schedule, 1, 0), 0);
    assert_int_equal(psi_schedule_failed(world.schedule, 77, 77), 0);
    assert_int_equal(psi_schedule_lost(world.schedule, 77), 0);
    assert_int_equal(psi_schedule_dropped(world.schedule, 1), 0);
    world_check(&world);
    world_done(&world, 0, 0);
    world_done(&world, 0, 0);
    world_check(&world);
    world_close(&world);
}

/* --- every order of events ------------------------------------------------------------------- */

/* A depth-first search by replay: a run asks choose() at every fork; odometer_next() moves the last
 * fork that has a branch left, and the run is done again from the start. */
struct odometer {
    unsigned choice[128], options[128];
    unsigned depth, at;
};

static unsigned choose(struct odometer *odometer, unsigned options)
{
    assert_true(odometer->at < 128 && options > 0);
    if (odometer->at == odometer->depth)
        odometer->choice[odometer->depth++] = 0;
    odometer->options[odometer->at] = options;
    return odometer->choice[odometer->at++];
}

static int odometer_next(struct odometer *odometer)
{
    odometer->at = 0;
    while (odometer->depth > 0 &&
           odometer->choice[odometer->depth - 1] + 1 == odometer->options[odometer->depth - 1])
        odometer->depth--;
    if (odometer->depth == 0)
        return 0;
    odometer->choice[odometer->depth - 1]++;
    return 1;
}

struct event {
    enum {
        EVENT_DONE,
        EVENT_FAILED,
        EVENT_LOST,
        EVENT_DROPPED,
        EVENT_LATE,
        EVENT_LATE_FAILED,
        EVENT_LIMIT,
        EVENT_STOP
    } kind;
    uint32_t worker, task;
};

/* All that can happen next; mishaps are everything but a task done by who runs it. */
static unsigned events_possible(const struct world *world, unsigned mishaps, struct event *event)
{
    unsigned n = 0;
    for (uint32_t w = 0; w < world->workers; w++) {
        const struct model_worker *worker = &world->worker[w];
        if (!worker->lost && worker->holds > 0)
            event[n++] = (struct event){EVENT_DONE, w, worker->slot[0]};
        if (mishaps == 0)
            continue;
        if (!worker->lost && worker->holds > 0) {
            event[n++] = (struct event){EVENT_FAILED, w, worker->slot[0]};
            event[n++] = (struct event){EVENT_DROPPED, w, 0};
        }
        if (!worker->lost)
            event[n++] = (struct event){EVENT_LOST, w, 0};
        for (uint32_t i = 0; worker->lost && i < worker->holds; i++) {
            event[n++] = (struct event){EVENT_LATE, w, worker->slot[i]};
            event[n++] = (struct event){EVENT_LATE_FAILED, w, worker->slot[i]};
        }
    }
    if (mishaps > 0 && world->left == 0.0 && n > 0)
        event[n++] = (struct event){EVENT_LIMIT, 0, 0};
    if (mishaps > 0 && !world->stopped && n > 0)
        event[n++] = (struct event){EVENT_STOP, 0, 0};
    return n;
}

static void event_happen(struct world *world, const struct event *event)
{
    if (event->kind == EVENT_DONE || event->kind == EVENT_LATE)
        world_done(world, event->worker, event->task);
    else if (event->kind == EVENT_FAILED || event->kind == EVENT_LATE_FAILED)
        world_failed(world, event->worker, event->task);
    else if (event->kind == EVENT_LIMIT)
        world_limit(world, 1.75);
    else if (event->kind == EVENT_STOP)
        world_stop(world);
    else
        world_lost(world, event->worker, event->kind == EVENT_LOST);
}

/* Ended, or set aside as too long for the time left, or waiting for such a one. */
static int over(const struct world *world, uint32_t t)
{
    while (world->task[t].state == WAITING && world->given[t].after != PSI_NO_TASK)
        t = world->given[t].after;
    return model_ended(world, t) ||
           (world->task[t].state == LATE && world->given[t].cost > world->left);
}

static void explore_one(const struct psi_task *task, uint32_t tasks, uint32_t workers,
                        unsigned attempts, unsigned mishaps, struct odometer *odometer)
{
    struct world world;
    struct event event[32];
    uint32_t w, t;
    unsigned possible, steps = 0;
    world_open(&world, task, tasks, 2, workers, attempts);
    for (;;) {
        while (world_give(&world, &w, &t))
            continue;
        world_check(&world);
        if (!(possible = events_possible(&world, mishaps, event)))
            break;
        const struct event *next = &event[choose(odometer, possible)];
        mishaps -= next->kind != EVENT_DONE;
        event_happen(&world, next);
        assert_true(++steps <= 2 * tasks + 16);
    }
    /* Nobody holds anything and nothing is given. That is the end, unless all workers are lost. */
    if (world.alive > 0)
        assert_true(psi_schedule_finished(world.schedule));
    for (t = 0; t < tasks && world.alive > 0 && !world.stopped; t++)
        assert_true(over(&world, t));
    for (t = 0; t < tasks; t++)
        assert_int_equal(world.task[t].news + task[t].done, world.task[t].state == DONE);
    world_close(&world);
}

static void explore(const char *name, const struct psi_task *task, uint32_t tasks, uint32_t workers,
                    unsigned attempts, unsigned mishaps)
{
    struct odometer odometer = {.depth = 0};
    unsigned long runs = 0;
    do {
        explore_one(task, tasks, workers, attempts, mishaps, &odometer);
        runs++;
    } while (odometer_next(&odometer));
    printf("  %s: %u tasks, %u workers, %u mishaps: %lu orders\n", name, tasks, workers, mishaps,
           runs);
}

/* Two parents and their cells, as a sweep's: groups are seeds. */
static const struct psi_task seeds[] = {{3.0, PSI_NO_TASK, 0, 0}, {1.0, 0, 0, 0}, {2.0, 0, 0, 0},
                                        {2.5, PSI_NO_TASK, 1, 0}, {1.0, 3, 1, 0}, {1.5, 3, 1, 0}};
/* An iterative arm: a chain, beside loose cells; task 1 was done earlier. */
static const struct psi_task chain[] = {{1.0, PSI_NO_TASK, 0, 0}, {1.0, 0, 0, 1},
                                        {1.0, 1, 0, 0},           {0.25, PSI_NO_TASK, 1, 0},
                                        {0.125, 3, 1, 0},         {2.0, 2, 0, 0}};
/* Nothing waits: prefetching from the start. */
static const struct psi_task loose[] = {{1.0, PSI_NO_TASK, 0, 0}, {2.0, PSI_NO_TASK, 1, 0},
                                        {3.0, PSI_NO_TASK, 0, 0}, {1.5, PSI_NO_TASK, 1, 0},
                                        {1.0, PSI_NO_TASK, 0, 0}, {1.0, PSI_NO_TASK, 1, 0}};

static void test_every_order(void **state)
{
    (void)state;
    explore("seeds", seeds, 6, 2, 2, 0);
    explore("seeds", seeds, 6, 2, 2, 3);
    explore("seeds", seeds, 6, 3, 2, 2);
    explore("seeds", seeds, 5, 3, 1, 3);
    explore("seeds", seeds, 3, 2, 2, 5);
    explore("chain", chain, 6, 2, 2, 3);
    explore("chain", chain, 6, 3, 1, 3);
    explore("loose", loose, 6, 2, 2, 3);
    explore("loose", loose, 5, 3, 1, 2);
    explore("loose", loose, 4, 2, 3, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_longest_path_first),
        cmocka_unit_test(test_recost),
        cmocka_unit_test(test_affinity),
        cmocka_unit_test(test_resume_and_give_up),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_untrue_events),
        cmocka_unit_test(test_every_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
