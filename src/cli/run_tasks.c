/* What a round wants (rounds.h), as the scheduler's tasks. */
#include "run.h"

#include "psisweep/memory.h"

#include <stdlib.h>

/* Is it new to this launch? The round around F_min is planned again and again: what has failed in
 * it is not begun anew each time. */
static int is_new(struct psi_run *run, struct psi_record_at at)
{
    if (run->round != PSI_ROUND_REFINE)
        return 1;
    uint8_t *listed = &run->listed[psi_job_cell(run->job, at.arm, at.seed, at.density)];
    int new = !*listed;
    *listed = 1;
    return new;
}

/* Has it killed who was at it, as far as the file tells? One attempt that never ended is no sign,
 * as a whole launch may have been killed; two are. */
static enum psi_status find_suspect(struct psi_run *run, const struct psi_wanted *wanted,
                                    uint8_t *suspect, struct psi_error *err)
{
    struct psi_made made;
    *suspect = 0;
    if (wanted->state != PSI_RUNNING && wanted->state != PSI_FAILED)
        return PSI_OK;
    enum psi_status status = psi_results_made(run->results, wanted->at, &made, err);
    if (!status)
        *suspect = wanted->state == PSI_RUNNING ? made.attempt >= 2 : made.failure >= PSI_LOST;
    return status;
}

/* Marks what the round skips; record and task are rooms for plan->count, *tasks of them are used.
 */
static enum psi_status make_tasks(struct psi_run *run, const struct psi_round_plan *plan,
                                  struct psi_record_at *record, struct psi_task *task,
                                  uint32_t *tasks, struct psi_error *err)
{
    enum psi_status status = psi_costs_read(&run->costs, run->results, err);
    for (uint32_t i = 0; !status && i < plan->skips; i++)
        status = psi_results_skip(run->results, plan->skip[i], err);
    for (uint32_t i = 0; !status && i < plan->count; i++) {
        const struct psi_wanted *wanted = &plan->wanted[i];
        if (!is_new(run, wanted->at)) /* where any is old, none waits for another */
            continue;
        uint8_t suspect;
        status = find_suspect(run, wanted, &suspect, err);
        record[*tasks] = wanted->at;
        task[(*tasks)++] = (struct psi_task){.cost = psi_costs_seconds(&run->costs, wanted->at),
                                             .after = wanted->after,
                                             .group = (uint32_t)wanted->at.seed,
                                             .done = wanted->state == PSI_DONE,
                                             .suspect = suspect};
    }
    return status;
}

enum psi_status psi_run_tasks(struct psi_run *run, struct psi_task **task, uint32_t *tasks,
                              struct psi_error *err)
{
    size_t room = run->job->seeds + run->job->arms * run->job->seeds * run->job->densities;
    struct psi_round_plan plan = {0};
    struct psi_task *made = psi_allocate(room, sizeof *made, "tasks", err);
    struct psi_record_at *record = psi_allocate(room, sizeof *record, "tasks", err);
    enum psi_status status = made && record ? PSI_OK : PSI_MEMORY;
    *tasks = 0;
    if (!status && !run->listed && !(run->listed = psi_allocate(room, 1, "tasks", err)))
        status = PSI_MEMORY;
    if (!status && !run->cost && !(run->cost = psi_allocate(room, sizeof *run->cost, "costs", err)))
        status = PSI_MEMORY;
    while (!status && *tasks == 0 && run->rounds < PSI_ROUNDS) {
        run->round = (enum psi_round)run->rounds;
        psi_round_plan_clear(&plan);
        if (!(status = psi_round_plan(run->results, run->round, &plan, err)))
            status = make_tasks(run, &plan, record, made, tasks, err);
        run->rounds += run->round != PSI_ROUND_REFINE || *tasks == 0;
    }
    if (!status) {
        free(run->record);
        run->record = record;
        run->tasks = *tasks;
        record = NULL;
        *task = made;
        made = NULL;
    }
    psi_round_plan_clear(&plan);
    free(record);
    free(made);
    return status;
}
