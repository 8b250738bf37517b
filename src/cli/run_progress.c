/* Rank 0's progress on stderr: one redrawn line on a terminal, else a line now and then. */
#include "run.h"

#include "psisweep/clock.h"
#include "psisweep/memory.h"
#include "psisweep/table.h"
#include "psisweep/threshold.h"
#include "sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct psi_progress_line {
    int terminal;
    double start, shown;  /* monotonic seconds */
    double cost_at_start; /* done before this launch */
    int begun;
    struct psi_cli_sweep *so_far;
};

enum psi_status psi_progress_line_create(struct psi_run *run, double cost_done,
                                         struct psi_progress_line **out, struct psi_error *err)
{
    struct psi_progress_line *line = psi_allocate(1, sizeof *line, "progress", err);
    if (!line)
        return PSI_MEMORY;
    enum psi_status status = psi_cli_sweep_create(run->results, &line->so_far, err);
    if (status) {
        psi_progress_line_destroy(line);
        return status;
    }
    line->cost_at_start = cost_done;
    line->terminal = isatty(STDERR_FILENO);
    line->start = line->shown = psi_clock_monotonic();
    *out = line;
    return PSI_OK;
}

void psi_progress_line_destroy(struct psi_progress_line *line)
{
    if (!line)
        return;
    if (line->terminal && line->begun)
        fputc('\n', stderr);
    psi_cli_sweep_destroy(line->so_far);
    free(line);
}

static void note_cell(struct psi_run *run, uint32_t task, const struct psi_outcome *outcome)
{
    struct psi_cli_sweep *sweep = run->progress->so_far;
    const struct psi_job *job = run->job;
    struct psi_record_at at = run->record[task];
    if (at.owner != PSI_OF_CELL)
        return;
    size_t cell = psi_job_cell(job, at.arm, at.seed, at.density);
    sweep->psi[cell] = outcome->value[0];
    sweep->achieved[cell] = outcome->value[1];
    sweep->effective[cell] = outcome->value[2];
    sweep->finished[cell] = 1;
}

/* "magnitude .0026, random .031": the pooled thresholds so far, of arms that have one. */
static void thresholds_so_far(const struct psi_run *run, char *text, size_t size)
{
    const struct psi_sweep *sweep = &run->progress->so_far->sweep;
    size_t used = 0;
    text[0] = '\0';
    for (size_t arm = 0; arm < sweep->arms && used + 40 < size; arm++) {
        struct psi_pooled pooled;
        if (psi_threshold_pool(sweep, arm, PSI_RECOVERED, 0, &pooled, NULL) ||
            !isfinite(pooled.center) || pooled.center <= 0.0)
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%.24s %.2g", used ? ", " : "; F_min ",
                                 run->job->arm[arm].name, pooled.center);
        if (used >= size)
            used = size - 1;
    }
}

static void show(const struct psi_run *run, const struct psi_schedule_count *count)
{
    struct psi_progress_line *line = run->progress;
    static const char *const label[PSI_ROUNDS] = {
        [PSI_ROUND_GRID] = "", [PSI_ROUND_REFINE] = "refine: ", [PSI_ROUND_RESCUE] = "rescue: "};
    char left[PSI_DURATION_TEXT], thresholds[200] = "";
    double now = psi_clock_monotonic(), gained = count->cost_done - line->cost_at_start;
    psi_cli_duration(gained > 0.0 ? (now - line->start) * count->cost_left / gained : NAN, left);
    thresholds_so_far(run, thresholds, sizeof thresholds);
    fprintf(stderr, "%s%s%u/%u done, %u failed, %u running, %s left",
            line->terminal ? "\r" : "psisweep: ", label[run->round], count->done, run->tasks,
            count->failed, count->running, left);
    psi_text_print(thresholds, stderr); /* names are data: none may move the cursor */
    fputs(line->terminal ? "\033[K" : "\n", stderr);
    fflush(stderr);
    line->shown = now;
    line->begun = 1;
}

static void say_failure(const struct psi_run *run, uint32_t task, const struct psi_outcome *outcome)
{
    struct psi_record_at at = run->record[task];
    fprintf(stderr, "%spsisweep: attempt failed: ", run->progress->terminal ? "\r\033[K" : "");
    fputs(at.owner == PSI_OF_LADDER ? "ladder of " : "", stderr);
    if (at.owner == PSI_OF_PARENT) {
        fprintf(stderr, "dense parent of seed %u: ", run->job->seed[at.seed]);
    } else {
        psi_text_print(run->job->arm[at.arm].name, stderr);
        fprintf(stderr, ", seed %u, density %.3g: ", run->job->seed[at.seed],
                run->job->density[at.density]);
    }
    psi_text_print(outcome->note, stderr);
    fputc('\n', stderr);
}

void psi_progress_line_report(void *context, const struct psi_schedule_count *count, uint32_t task,
                              uint32_t worker, const struct psi_outcome *outcome)
{
    enum { TERMINAL_TENTHS = 2, LOG_TENTHS = 50 };
    struct psi_run *run = context;
    struct psi_progress_line *line = run->progress;
    (void)worker;
    if (outcome && outcome->status == PSI_OK) {
        note_cell(run, task, outcome);
        psi_run_cost_learn(run, task, outcome->seconds);
    }
    psi_run_limit_look(run);
    if (run->options->quiet)
        return;
    if (outcome && outcome->status != PSI_OK && outcome->status != PSI_STOPPED)
        say_failure(run, task, outcome);
    double every = 0.1 * (line->terminal ? TERMINAL_TENTHS : LOG_TENTHS);
    if (psi_clock_monotonic() - line->shown >= every)
        show(run, count);
}
