/* The simulation of the scheduler's policy against closed forms. */
#include "psisweep/simulate.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { TASKS = 60 };

static struct psi_simulated run(struct psi_simulation simulation)
{
    struct psi_simulated result;
    struct psi_error err;
    assert_int_equal(PSI_OK, psi_simulate(&simulation, &result, &err));
    assert_true(result.makespan >= (1.0 - 1e-12) * result.bound);
    return result;
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9 * (1.0 + fabs(expected))))
        fail_msg("expected %.12g, found %.12g", expected, found);
}

/* n tasks of c seconds on p ranks: ceil(n / p) rounds. */
static void test_identical(void **state)
{
    (void)state;
    struct psi_task task[TASKS];
    for (uint32_t t = 0; t < TASKS; t++)
        task[t] = (struct psi_task){2.0, PSI_NO_TASK, 0, 0};
    for (uint32_t ranks = 1; ranks <= TASKS + 1; ranks++) {
        struct psi_simulated r = run((struct psi_simulation){
            .task = task, .tasks = TASKS, .groups = 1, .ranks = ranks, .leader_computes = 1});
        near(r.makespan, 2.0 * ceil((double)TASKS / ranks));
        near(r.work, 2.0 * TASKS);
        near(r.critical, 2.0);
        near(r.bound, fmax(2.0 * TASKS / ranks, 2.0));
        near(r.busy, r.work / (ranks * r.makespan));
        assert_int_equal(r.events, TASKS);
    }
}

/* A rank that only schedules is one fewer to work, and counts in the bound all the same. */
static void test_leader_apart(void **state)
{
    (void)state;
    struct psi_task task[TASKS];
    for (uint32_t t = 0; t < TASKS; t++)
        task[t] = (struct psi_task){1.0, PSI_NO_TASK, 0, 0};
    struct psi_simulated r =
        run((struct psi_simulation){.task = task, .tasks = TASKS, .groups = 1, .ranks = 4});
    near(r.makespan, TASKS / 3);
    near(r.bound, TASKS / 4);
}

/* Chains run one after the other whatever the ranks; the bound knows; `start` delays them, and what
 * is done already takes no time. */
static void test_chains(void **state)
{
    (void)state;
    struct psi_task task[TASKS];
    double seconds[TASKS], longest = 0.0;
    for (int chain = 0; chain < 3; chain++) {
        double length = 0.0;
        for (int i = 0; i < 20; i++) {
            uint32_t t = (uint32_t)(20 * chain + i);
            /* a task may wait for one of a higher number */
            task[t] = (struct psi_task){1.0, i < 19 ? t + 1 : PSI_NO_TASK, (uint32_t)chain, 0};
            seconds[t] = 0.5 + 0.25 * chain + 0.125 * (i % 3);
            length += seconds[t];
        }
        longest = fmax(longest, length);
    }
    struct psi_simulation simulation = {.task = task,
                                        .tasks = TASKS,
                                        .groups = 3,
                                        .seconds = seconds,
                                        .ranks = 3,
                                        .leader_computes = 1,
                                        .start = 5.0};
    struct psi_simulated r = run(simulation);
    near(r.critical, longest);
    near(r.makespan, 5.0 + longest);
    for (int chain = 0; chain < 3; chain++)
        task[20 * chain + 19].done = 1;
    near(run(simulation).makespan, 5.0 + longest - seconds[59]);
}

/* One rank: the sum, however often it looks, and its own messages on top. */
static void test_one_rank(void **state)
{
    (void)state;
    struct psi_task task[TASKS];
    double sum = 0.0;
    for (uint32_t t = 0; t < TASKS; t++) {
        task[t] = (struct psi_task){1.0 + t % 7, t % 5 ? t - t % 5 : PSI_NO_TASK, t % 4, 0};
        sum += task[t].cost;
    }
    struct psi_simulation simulation = {
        .task = task, .tasks = TASKS, .groups = 4, .ranks = 1, .leader_computes = 1, .look = 0.01};
    near(run(simulation).makespan, sum);
    near(run(simulation).busy, 1.0);
    simulation.move = 0.5;
    struct psi_simulated r = run(simulation);
    assert_true(r.moves >= 4);
    near(r.makespan, sum + 0.5 * (double)r.moves);
}

/* Rank 0 that needs longer for a message than a worker for a task is what bounds the sweep: n
 * messages one after the other, after the first task. */
static void test_service_bounds(void **state)
{
    (void)state;
    struct psi_task task[TASKS];
    for (uint32_t t = 0; t < TASKS; t++)
        task[t] = (struct psi_task){1.0, PSI_NO_TASK, 0, 0};
    struct psi_simulated r = run((struct psi_simulation){
        .task = task, .tasks = TASKS, .groups = 1, .ranks = 31, .service = 0.5});
    near(r.makespan, 1.0 + 0.5 * TASKS);
    near(r.leader, 0.5 * TASKS / r.makespan);
}

/* Two ranks, rank 0 computes a long task and looks every 4 s; the other's tasks of 1 s depend on
 * each other, so each is given at a look only, and each message makes rank 0's own task longer. */
static void test_late_answers(void **state)
{
    (void)state;
    struct psi_task task[4] = {
        {100.0, PSI_NO_TASK, 0, 0}, {1.0, PSI_NO_TASK, 1, 0}, {1.0, 1, 1, 0}, {1.0, 2, 1, 0}};
    struct psi_simulation simulation = {
        .task = task, .tasks = 4, .groups = 2, .ranks = 2, .leader_computes = 1, .look = 4.0};
    near(run(simulation).makespan, 100.0);
    simulation.service = 0.125; /* the last message: rank 0's own */
    near(run(simulation).makespan, 100.0 + 4 * 0.125);
    /* given at 4.125 and 8.125, ended at 9.125, seen at 12 */
    task[0].cost = 10.0;
    near(run(simulation).makespan, 10.0 + 2 * 0.125 + 2 * 0.125);
}

static void test_refuses(void **state)
{
    (void)state;
    struct psi_task task = {1.0, PSI_NO_TASK, 0, 0};
    struct psi_simulated result;
    struct psi_error err;
    struct psi_simulation simulation = {.task = &task, .tasks = 1, .groups = 1, .ranks = 1};
    assert_int_equal(PSI_USAGE, psi_simulate(&simulation, &result, &err));
    simulation.ranks = 0;
    assert_int_equal(PSI_USAGE, psi_simulate(&simulation, &result, &err));
    simulation.ranks = 2;
    task.after = 7;
    assert_int_equal(PSI_USAGE, psi_simulate(&simulation, &result, &err));
    simulation.tasks = 0;
    assert_int_equal(PSI_OK, psi_simulate(&simulation, &result, &err));
    near(result.makespan, 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identical),      cmocka_unit_test(test_leader_apart),
        cmocka_unit_test(test_chains),         cmocka_unit_test(test_one_rank),
        cmocka_unit_test(test_service_bounds), cmocka_unit_test(test_late_answers),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
