/* The scheduler's policy at size: simulated workers with durations, failures, losses and late
 * results; how good the schedules are; how fast it decides. */
#include "psisweep/random.h"
#include "psisweep/simulate.h"
#include "schedule_model.h"

#include <stdio.h>
#include <time.h>

/* Tasks that take what they cost, on workers that rank 0 answers at once. */
static struct psi_simulated simulate(const struct psi_task *task, uint32_t tasks, uint32_t groups,
                                     uint32_t workers)
{
    struct psi_simulation simulation = {
        .task = task, .tasks = tasks, .groups = groups, .ranks = workers, .leader_computes = 1};
    struct psi_simulated result;
    struct psi_error err;
    assert_int_equal(PSI_OK, psi_simulate(&simulation, &result, &err));
    return result;
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
static double grid_lower_bound(const struct psi_simulated *result, uint32_t workers)
{
    double busy = workers < SEEDS ? workers : SEEDS;
    return fmax(result->bound, PARENT_COST + (result->work - busy * PARENT_COST) / workers);
}

static void test_makespan_of_grids(void **state)
{
    (void)state;
    static const uint32_t workers[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
    struct psi_task task[GRID];
    for (int chained = 0; chained < 2; chained++) {
        grid_fill(task, chained);
        for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
            struct psi_simulated result = simulate(task, GRID, SEEDS, workers[i]);
            double ratio = result.makespan / grid_lower_bound(&result, workers[i]);
            printf("  %s, %3u workers: makespan %.3f x the bound, %ju changes of group\n",
                   chained ? "chains" : "cells ", workers[i], ratio, (uintmax_t)result.moves);
            assert_true(ratio >= 0.999999);
            assert_true(ratio <= 1.1);
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
    struct psi_simulated result = simulate(task, TASKS, GROUPS, WORKERS);
    printf("  %d random tasks, %d workers: makespan %.4f x the bound\n", TASKS, WORKERS,
           result.makespan / result.bound);
    assert_true(result.makespan <= 1.05 * result.bound);
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
    struct psi_simulated result = simulate(task, GROUPS * EACH, GROUPS, WORKERS);
    printf("  %d equal tasks: %ju changes of group\n", GROUPS * EACH, (uintmax_t)result.moves);
    assert_true(result.makespan == GROUPS * EACH / WORKERS);
    assert_true(result.moves <= GROUPS * WORKERS);
}

/* The grid that the scheduler is made for: 8 arms, 29 densities, half as many seeds as ranks, what
 * rank 0 needs for a message, and cells as long as those of LeNet-300-100 on MNIST (README) but for
 * a spread that the policy does not know of. The dense parent is longer than plan's pilot has it,
 * 5.2 to 5.5 s: it is what makes the bound hard to reach. Up to 5,000 seeds: 1,165,000 tasks. */
enum { SCALE_ARMS = 8, SCALE_DENSITIES = 29, SCALE_SEED_TASKS = 1 + SCALE_ARMS * SCALE_DENSITIES };

static double scale_cost(int d)
{
    static const double density[] = {1.0, 0.1, 0.01, 0.0003}, cost[] = {2.4, 0.74, 0.17, 0.02};
    double x = pow(10.0, -d / 8.0);
    int i = d < 8 ? 0 : d < 16 ? 1 : 2;
    return cost[i] *
           pow(cost[i + 1] / cost[i], log(x / density[i]) / log(density[i + 1] / density[i]));
}

static double scale_makespan(uint32_t ranks, uint32_t seeds, double service, double spread)
{
    const double parent = 6.3;
    uint32_t tasks = SCALE_SEED_TASKS * seeds, n = seeds;
    struct psi_task *task = malloc(tasks * sizeof *task);
    double *seconds = malloc(tasks * sizeof *seconds);
    struct psi_random random;
    struct psi_error err;
    psi_random_open(&random, 1, "test/schedule/scale");
    for (uint32_t s = 0; s < seeds; s++)
        task[s] = (struct psi_task){parent, PSI_NO_TASK, s, 0};
    for (int a = 0; a < SCALE_ARMS; a++)
        for (uint32_t s = 0; s < seeds; s++)
            for (int d = 0; d < SCALE_DENSITIES; d++)
                task[n++] = (struct psi_task){scale_cost(d), s, s, 0};
    for (uint32_t t = 0; t < tasks; t++)
        seconds[t] = task[t].cost * exp(spread * psi_random_normal(&random));
    struct psi_simulation simulation = {.task = task,
                                        .tasks = tasks,
                                        .groups = seeds,
                                        .seconds = seconds,
                                        .ranks = ranks,
                                        .service = service};
    struct psi_simulated result;
    clock_t start = clock();
    assert_int_equal(PSI_OK, psi_simulate(&simulation, &result, &err));
    printf("  %6u ranks, %u tasks, %2.0f us a message, spread %.1f: makespan %.1f s, %.4f x the "
           "bound, rank 0 busy %.0f %%; simulated in %.2f s\n",
           ranks, tasks, 1e6 * service, spread, result.makespan, result.makespan / result.bound,
           100.0 * result.leader, (double)(clock() - start) / CLOCKS_PER_SEC);
    free(seconds);
    free(task);
    return result.makespan / result.bound;
}

static void test_makespan_at_scale(void **state)
{
    (void)state;
    assert_true(scale_makespan(1000, 500, 20e-6, 0.0) <= 1.05);
    assert_true(scale_makespan(1000, 500, 20e-6, 0.2) <= 1.05);
    assert_true(scale_makespan(10000, 5000, 20e-6, 0.0) <= 1.10);
    if (!getenv("PSI_LONG"))
        return;
    assert_true(scale_makespan(10000, 5000, 20e-6, 0.2) <= 1.10);
    assert_true(scale_makespan(10000, 5000, 40e-6, 0.0) <= 1.10);
    scale_makespan(100000, 5000, 20e-6, 0.0); /* to its end; parents and rank 0 bound it */
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

/* `waiting` of 12 tasks wait for another. */
static void run_random(uint64_t seed, uint32_t tasks, uint32_t groups, uint32_t workers,
                       uint32_t waiting)
{
    struct psi_task *task = calloc(tasks, sizeof *task);
    struct psi_random random;
    struct world world;
    uint32_t w, t, step = 0;
    psi_random_open(&random, seed, "test/schedule/mishaps");
    for (t = 0; t < tasks; t++)
        task[t] = (struct psi_task){.cost = 0.125 * (1 + psi_random_below(&random, 160)),
                                    .after = t > 0 && psi_random_below(&random, 12) < waiting
                                                 ? psi_random_below(&random, t)
                                                 : PSI_NO_TASK,
                                    .group = psi_random_below(&random, groups),
                                    .done = psi_random_below(&random, 20) == 0,
                                    .suspect = psi_random_below(&random, 20) == 0};
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
        run_random(seed, 60 + 7 * (uint32_t)seed, 1 + (uint32_t)seed % 9, 4 + (uint32_t)seed % 5,
                   8);
    run_random(100, 10000, 100, 64, 8);
    run_random(101, 8000, 40, 540, 3); /* so many that long and short tasks are mixed */
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
        cmocka_unit_test(test_makespan_of_grids), cmocka_unit_test(test_makespan_of_random_tasks),
        cmocka_unit_test(test_affinity_at_size),  cmocka_unit_test(test_makespan_at_scale),
        cmocka_unit_test(test_mishaps_at_random), cmocka_unit_test(test_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
