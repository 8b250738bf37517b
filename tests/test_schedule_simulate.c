/* The scheduler's policy at size: simulated workers with durations, failures, losses and late
 * results; how good the schedules are; how fast it decides. */
#include "psisweep/random.h"
#include "schedule_model.h"

#include <stdio.h>
#include <time.h>

/* A simulated second after second: each worker's first task ends at `ends`. */
struct simulation {
    struct psi_schedule *schedule;
    const struct psi_task *task;
    uint32_t workers;
    double now;
    double *ends;           /* (workers) INFINITY when idle */
    uint32_t (*queue)[2];   /* (workers, 2) */
    uint32_t *holds, *last; /* (workers) tasks held; group of the last one begun, for affinity */
    uint32_t switches;
};

static void simulation_begin_task(struct simulation *s, uint32_t w)
{
    const struct psi_task *task = &s->task[s->queue[w][0]];
    s->ends[w] = s->now + task->cost;
    s->switches += s->last[w] != task->group;
    s->last[w] = task->group;
}

static void simulation_hand_out(struct simulation *s)
{
    uint32_t w, t;
    while (psi_schedule_decide(s->schedule, &w, &t)) {
        s->queue[w][s->holds[w]++] = t;
        if (s->holds[w] == 1)
            simulation_begin_task(s, w);
    }
}

/* Run to the end without mishap; returns the makespan and how often a worker changed its group. */
static double simulate(const struct psi_task *task, uint32_t tasks, uint32_t groups,
                       uint32_t workers, uint32_t *switches)
{
    struct simulation s = {.task = task, .workers = workers};
    struct psi_error err;
    assert_int_equal(PSI_OK,
                     psi_schedule_create(task, tasks, groups, workers, 1, &s.schedule, &err));
    s.ends = malloc(workers * sizeof *s.ends);
    s.queue = malloc(workers * sizeof *s.queue);
    s.holds = calloc(workers, sizeof *s.holds);
    s.last = malloc(workers * sizeof *s.last);
    for (uint32_t w = 0; w < workers; w++) {
        s.ends[w] = INFINITY;
        s.last[w] = UINT32_MAX;
    }
    simulation_hand_out(&s);
    while (!psi_schedule_finished(s.schedule)) {
        uint32_t first = 0;
        for (uint32_t w = 1; w < workers; w++)
            if (s.ends[w] < s.ends[first])
                first = w;
        assert_true(isfinite(s.ends[first]));
        s.now = s.ends[first];
        assert_int_equal(1, psi_schedule_done(s.schedule, first, s.queue[first][0]));
        s.queue[first][0] = s.queue[first][1];
        s.ends[first] = INFINITY;
        if (--s.holds[first] > 0)
            simulation_begin_task(&s, first);
        simulation_hand_out(&s);
    }
    *switches = s.switches;
    psi_schedule_destroy(s.schedule);
    free(s.ends);
    free(s.queue);
    free(s.holds);
    free(s.last);
    return s.now;
}

/* No schedule is shorter than the work shared out evenly, nor than the longest chain. */
static double lower_bound(const struct psi_task *task, uint32_t tasks, uint32_t workers)
{
    double work = 0.0, longest = 0.0;
    for (uint32_t t = 0; t < tasks; t++) {
        double chain = 0.0;
        for (uint32_t u = t; u != PSI_NO_TASK; u = task[u].after)
            chain += task[u].cost;
        longest = fmax(longest, chain);
        work += task[t].cost;
    }
    return fmax(work / workers, longest);
}

enum { SEEDS = 10, ARMS = 3, DENSITIES = 24, GRID = SEEDS * (1 + ARMS * DENSITIES) };
#define PARENT_COST 20.0

/* A sweep's grid: a parent a seed, cells that wait for it and cost less the sparser they are; with
 * `chained` an arm's cells wait for each other, as iterative pruning does. */
static void grid_fill(struct psi_task *task, int chained)
{
    uint32_t n = 0;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        uint32_t parent = n;
        task[n++] = (struct psi_task){PARENT_COST, PSI_NO_TASK, seed, 0};
        for (int arm = 0; arm < ARMS; arm++)
            for (int d = 0; d < DENSITIES; d++, n++) {
                double cost = 0.5 + 10.0 * pow(10.0, -d / 8.0);
                task[n] = (struct psi_task){cost, chained && d ? n - 1 : parent, seed, 0};
            }
    }
}

/* Until the first parents are done no more workers than there are parents have work. */
static double grid_lower_bound(const struct psi_task *task, uint32_t workers)
{
    double work = 0.0, busy = workers < SEEDS ? workers : SEEDS;
    for (uint32_t t = 0; t < GRID; t++)
        work += task[t].cost;
    return fmax(lower_bound(task, GRID, workers),
                PARENT_COST + (work - busy * PARENT_COST) / workers);
}

static void test_makespan_of_grids(void **state)
{
    (void)state;
    static const uint32_t workers[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
    struct psi_task task[GRID];
    for (int chained = 0; chained < 2; chained++) {
        grid_fill(task, chained);
        for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
            uint32_t switches;
            double makespan = simulate(task, GRID, SEEDS, workers[i], &switches);
            double bound = grid_lower_bound(task, workers[i]);
            printf("  %s, %3u workers: makespan %.3f x the bound, %u changes of group\n",
                   chained ? "chains" : "cells ", workers[i], makespan / bound, switches);
            assert_true(makespan >= 0.999999 * bound);
            assert_true(makespan <= 1.1 * bound);
        }
    }
}

/* Many tasks of very different lengths: longest first fills the gaps. */
static void test_makespan_of_random_tasks(void **state)
{
    (void)state;
    enum { TASKS = 10000, GROUPS = 100, WORKERS = 64 };
    struct psi_task *task = calloc(TASKS, sizeof *task);
    struct psi_random random;
    psi_random_open(&random, 1, "test/schedule/makespan");
    for (uint32_t t = 0; t < TASKS; t++)
        task[t] = (struct psi_task){.cost = exp(psi_random_normal(&random)),
                                    .after = t > 0 && psi_random_below(&random, 2)
                                                 ? psi_random_below(&random, t)
                                                 : PSI_NO_TASK,
                                    .group = psi_random_below(&random, GROUPS)};
    uint32_t switches;
    double makespan = simulate(task, TASKS, GROUPS, WORKERS, &switches);
    double bound = lower_bound(task, TASKS, WORKERS);
    printf("  %d random tasks, %d workers: makespan %.4f x the bound\n", TASKS, WORKERS,
           makespan / bound);
    assert_true(makespan <= 1.05 * bound);
    free(task);
}

/* Equal tasks, as many in each group: without affinity nearly every task is a change of group. */
static void test_affinity_at_size(void **state)
{
    (void)state;
    enum { GROUPS = 8, EACH = 50, WORKERS = 4 };
    struct psi_task task[GROUPS * EACH];
    for (uint32_t t = 0; t < GROUPS * EACH; t++)
        task[t] = (struct psi_task){1.0, PSI_NO_TASK, t % GROUPS, 0};
    uint32_t switches;
    double makespan = simulate(task, GROUPS * EACH, GROUPS, WORKERS, &switches);
    printf("  %d equal tasks: %u changes of group\n", GROUPS * EACH, switches);
    assert_true(makespan == GROUPS * EACH / WORKERS);
    assert_true(switches <= GROUPS * WORKERS);
}

/* --- mishaps at random ----------------------------------------------------------------------- */

static uint32_t random_worker(struct psi_random *random, const struct world *world, int lost)
{
    uint32_t start = psi_random_below(random, world->workers);
    for (uint32_t i = 0; i < world->workers; i++) {
        uint32_t w = (start + i) % world->workers;
        if (world->worker[w].lost == lost && world->worker[w].holds > 0)
            return w;
    }
    return UINT32_MAX;
}

/* One event of a random kind; every tenth or so is a mishap. Whoever runs a task is as likely to
 * end it as any other: durations are exponential. */
static void random_event(struct psi_random *random, struct world *world)
{
    uint32_t die = psi_random_below(random, 1000);
    uint32_t w = random_worker(random, world, 0), gone = random_worker(random, world, 1);
    if (die < 3 && world->alive > 3)
        world_lost(world, psi_random_below(random, world->workers), 1);
    else if (die < 20)
        world_lost(world, w, 0);
    else if (die < 80)
        world_failed(world, w, world->worker[w].slot[0]);
    else if (die < 100 && gone != UINT32_MAX)
        world_done(world, gone, world->worker[gone].slot[die % world->worker[gone].holds]);
    else
        world_done(world, w, world->worker[w].slot[0]);
}

static void run_random(uint64_t seed, uint32_t tasks, uint32_t groups, uint32_t workers)
{
    struct psi_task *task = calloc(tasks, sizeof *task);
    struct psi_random random;
    struct world world;
    uint32_t w, t, step = 0;
    psi_random_open(&random, seed, "test/schedule/mishaps");
    for (t = 0; t < tasks; t++)
        task[t] = (struct psi_task){.cost = 0.125 * (1 + psi_random_below(&random, 160)),
                                    .after = t > 0 && psi_random_below(&random, 3)
                                                 ? psi_random_below(&random, t)
                                                 : PSI_NO_TASK,
                                    .group = psi_random_below(&random, groups),
                                    .done = psi_random_below(&random, 20) == 0};
    world_open(&world, task, tasks, groups, workers, 3);
    for (;;) {
        while (world_give(&world, &w, &t))
            continue;
        if (step++ % 64 == 0)
            world_check(&world);
        if (psi_schedule_finished(world.schedule))
            break;
        random_event(&random, &world);
        assert_true(step < 10 * tasks); /* somebody always works, and it ends */
    }
    world_check(&world);
    uint32_t given_up = 0;
    for (t = 0; t < tasks; t++) {
        assert_true(model_ended(&world, t));
        assert_int_equal(world.task[t].news + task[t].done, world.task[t].state == DONE);
        given_up += world.task[t].state == GIVEN_UP;
    }
    if (tasks >= 10000)
        printf("  %u tasks, %u workers: %u events, %u workers lost, %u tasks given up\n", tasks,
               workers, step, workers - world.alive, given_up);
    world_close(&world);
    free(task);
}

static void test_mishaps_at_random(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++)
        run_random(seed, 60 + 7 * (uint32_t)seed, 1 + (uint32_t)seed % 9, 4 + (uint32_t)seed % 5);
    run_random(100, 10000, 100, 64);
}

/* Speed is printed, not asserted: each event with the decisions that follow from it. */
static void test_speed(void **state)
{
    (void)state;
    enum { TASKS = 2000000, GROUPS = 1000, WORKERS = 100000 };
    struct psi_task *task = malloc(TASKS * sizeof *task);
    uint32_t(*running)[2] = malloc((TASKS + 1) * sizeof *running), begun = 0;
    struct psi_schedule *schedule;
    struct psi_random random;
    struct psi_error err;
    psi_random_open(&random, 1, "test/schedule/speed");
    for (uint32_t t = 0; t < TASKS; t++)
        task[t] = (struct psi_task){1.0 + psi_random_uniform(&random),
                                    t < GROUPS ? PSI_NO_TASK : t % GROUPS, t % GROUPS, 0};
    clock_t start = clock(); /* processor time: other processes do not count */
    assert_int_equal(PSI_OK, psi_schedule_create(task, TASKS, GROUPS, WORKERS, 2, &schedule, &err));
    clock_t created = clock();
    for (uint32_t ended = 0; ended < TASKS; ended++) {
        while (psi_schedule_decide(schedule, &running[begun][0], &running[begun][1]))
            begun++;
        assert_int_equal(1, psi_schedule_done(schedule, running[ended][0], running[ended][1]));
    }
    double seconds = (double)(clock() - created) / CLOCKS_PER_SEC;
    assert_true(psi_schedule_finished(schedule));
    printf("  %d tasks, %d workers: create %.2f s, %.2f million events/s\n", TASKS, WORKERS,
           (double)(created - start) / CLOCKS_PER_SEC, TASKS / seconds * 1e-6);
    psi_schedule_destroy(schedule);
    free(running);
    free(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_makespan_of_grids),
        cmocka_unit_test(test_makespan_of_random_tasks),
        cmocka_unit_test(test_affinity_at_size),
        cmocka_unit_test(test_mishaps_at_random),
        cmocka_unit_test(test_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
