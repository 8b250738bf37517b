/* The rounds of a sweep: rank 0 plans each when the one before has ended, the farm does it. */
#include "run.h"

#include "psisweep/clock.h"
#include "psisweep/memory.h"
#include "psisweep/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Those of the round's records that the file calls done. */
static enum psi_status count_done(struct psi_run *run, uint32_t *done, struct psi_error *err)
{
    static const char *const variable[] = {[PSI_OF_PARENT] = "dense_status",
                                           [PSI_OF_CELL] = "status",
                                           [PSI_OF_LADDER] = "ladder_status"};
    const struct psi_job *job = run->job;
    size_t cells = job->arms * job->seeds * job->densities;
    enum psi_status status = PSI_OK;
    uint8_t *state = psi_allocate(cells, 1, "states", err);
    if (!state)
        return PSI_MEMORY;
    *done = 0;
    for (int owner = 0; !status && owner < (int)(sizeof variable / sizeof *variable); owner++) {
        uint32_t first = 0;
        while (first < run->tasks && (int)run->record[first].owner != owner)
            first++;
        if (!variable[owner] || first == run->tasks)
            continue;
        status = psi_results_read(run->results, variable[owner], state, err);
        for (uint32_t i = first; !status && i < run->tasks; i++) {
            struct psi_record_at at = run->record[i];
            size_t cell = at.owner == PSI_OF_PARENT
                              ? at.seed
                              : psi_job_cell(job, at.arm, at.seed, at.density);
            *done += (int)at.owner == owner && state[cell] == PSI_DONE;
        }
    }
    free(state);
    return status;
}

/* What the ranks say is done, a file system of many nodes may show a little later: the next round
 * is planned from the file when it does. */
static enum psi_status round_settle(struct psi_run *run, const struct psi_schedule_count *count,
                                    struct psi_error *err)
{
    const double patience = 30.0;
    double since = psi_clock_monotonic();
    uint32_t done = 0;
    for (;;) {
        enum psi_status status = psi_results_sync(run->results, err);
        if (status || (status = count_done(run, &done, err)) || done >= count->done)
            return status;
        if (psi_clock_monotonic() > since + patience)
            return psi_fail(err, PSI_IO, "%s: %u records were done, only %u can be read back",
                            run->path, count->done, done);
        psi_clock_sleep(0.05);
    }
}

/* Let go of the round, counted. */
static void round_clear(struct psi_run *run)
{
    struct psi_schedule_count count;
    psi_progress_line_destroy(run->progress);
    run->progress = NULL;
    if (!run->schedule)
        return;
    psi_schedule_count(run->schedule, &count);
    run->total.done += count.done;
    run->total.failed += count.failed;
    run->total.running += run->tasks - count.done - count.failed;
    psi_schedule_destroy(run->schedule);
    run->schedule = NULL;
}

static enum psi_status round_next(void *context, struct psi_farm_round *round,
                                  struct psi_error *err)
{
    struct psi_run *run = context;
    struct psi_task *task = NULL;
    struct psi_schedule_count count;
    uint32_t tasks = 0;
    enum psi_status status = PSI_OK;
    round->schedule = NULL;
    if (run->schedule) {
        psi_schedule_count(run->schedule, &count);
        if (count.late > 0) {
            run->out_of_time = 1;
            return psi_fail(err, PSI_STOPPED, "out of time");
        }
        status = round_settle(run, &count, err);
    }
    round_clear(run);
    if (status || (status = psi_run_tasks(run, &task, &tasks, err)) || tasks == 0)
        goto out;
    if ((status = psi_schedule_create(task, tasks, (uint32_t)run->job->seeds,
                                      psi_farm_workers(run->size, 0), run->options->attempts,
                                      &run->schedule, err)))
        goto out;
    psi_schedule_count(run->schedule, &count);
    if ((status = psi_progress_line_create(run, count.cost_done, &run->progress, err)))
        goto out;
    psi_run_limit_look(run);
    *round = (struct psi_farm_round){run->schedule, run->record};
out:
    free(task);
    return status;
}

/* A rank is gone, maybe because of what it was doing: that attempt has failed, with the signal for
 * its cause where the rank could still say it. */
static void rank_lost(void *context, int rank, uint32_t task, struct psi_outcome *outcome)
{
    struct psi_run *run = context;
    struct psi_error err;
    struct psi_made made;
    enum psi_status cause = psi_run_crashed(run->worker, rank);
    if (cause != PSI_LOST) {
        snprintf(outcome->note, sizeof outcome->note, "rank %d died of %s", rank,
                 psi_status_names[cause]);
        outcome->status = (int)cause;
    }
    if (task == PSI_NO_TASK) {
        if (!run->options->quiet)
            fprintf(stderr, "psisweep: %s\n", outcome->note);
        return;
    }
    /* where it is done, the rank was lost between its last write and saying so */
    struct psi_record_at at = run->record[task];
    enum psi_status status = psi_results_made(run->results, at, &made, &err);
    if (!status && made.status != PSI_DONE)
        status = psi_results_fail(run->results, at, cause, &err);
    if (!status)
        return;
    outcome->fatal = 1;
    outcome->status = (int)status;
    snprintf(outcome->note, sizeof outcome->note, "%.*s", (int)sizeof outcome->note - 1, err.text);
}

/* Rank 0's last words. Returns the exit code. */
static int rounds_finish(void *context, enum psi_status status, const struct psi_error *err)
{
    struct psi_run *run = context;
    const struct psi_schedule_count *total = &run->total;
    char took[PSI_DURATION_TEXT];
    psi_cli_duration(floor(psi_clock_monotonic() - run->began), took);
    round_clear(run);
    if (!run->options->quiet || status) {
        fputs("psisweep: ", stderr);
        psi_text_print(run->name, stderr);
        fprintf(stderr, ": %u of %u records done, %u failed, in %s\n", total->done,
                total->done + total->failed + total->running, total->failed, took);
    }
    if (status == PSI_STOPPED) {
        fprintf(stderr, "psisweep: %s; the same command goes on from here\n",
                run->out_of_time ? "out of time" : "interrupted");
        return PSI_EXIT_RESUMABLE;
    }
    if (status)
        return psi_cli_complain(err);
    int code = psi_cli_print_thresholds(run->name, run->options->format);
    return code == 0 && total->failed ? PSI_EXIT_FAILED : code;
}

enum psi_status psi_run_rounds(struct psi_run *run, int *code, struct psi_error *err)
{
    const struct psi_farm farm = {.peers = run->peers,
                                  .order_size = sizeof(struct psi_record_at),
                                  .work = psi_run_work,
                                  .context = run,
                                  .next = round_next,
                                  .lost = rank_lost,
                                  .report = psi_progress_line_report,
                                  .finish = rounds_finish,
                                  .stop = run->stop,
                                  .lost_after = run->options->lost_after,
                                  .fail_fast = run->options->fail_fast};
    _Static_assert(sizeof(struct psi_record_at) <= PSI_FARM_ORDER, "an order is a record's place");
    return psi_farm_run(&farm, code, err);
}
