/* psisweep status: what it says to people, and as JSON (README, Watching a sweep). */
#include "fmin.h"
#include "issp.h"
#include "state.h"

#include "psisweep/clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LAUNCHES_SHOWN = 3, FAILURES_SHOWN = 10, TIME_TEXT = 32 };

static const char *moment_text(double seconds, char text[TIME_TEXT])
{
    time_t when = isfinite(seconds) ? (time_t)fmax(0.0, fmin(seconds, 1e11)) : 0;
    struct tm utc;
    if (!isfinite(seconds) || !gmtime_r(&when, &utc) ||
        strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        strcpy(text, "?");
    return text;
}

static const char *record_kind_name(const struct psi_state_failure *failure)
{
    return failure->at.owner == PSI_OF_PARENT   ? "dense parent"
           : failure->at.owner == PSI_OF_LADDER ? "ladder"
                                                : "cell";
}

static const char *cause_name(const struct psi_made *made)
{
    return made->failure < PSI_STATUSES ? psi_status_names[made->failure] : "not known";
}

/* --- text ------------------------------------------------------------------------------------ */

static void print_work(const struct psi_state *state)
{
    static const char *const word[] = {
        [PSI_LOCK_FREE] = "nobody is at work",
        [PSI_LOCK_LED] = "at work: ",
        [PSI_LOCK_LEADERLESS] = "ranks that have lost their leader are ending: ",
        [PSI_LOCK_UNKNOWN] = "whether a launch is at work cannot be told here (no access to the "
                             "lock files beside the file)"};
    printf("  %s", word[state->lock]);
    psi_text_print(state->who, stdout);
    if (state->lock == PSI_LOCK_FREE && state->verdict != PSI_STATE_COMPLETE)
        fputs(state->verdict == PSI_STATE_FAILED ? "; the same run command tries failed ones again"
                                                 : "; the same run command goes on from here",
              stdout);
    putchar('\n');
}

static void print_head(const struct psi_state *state)
{
    char left[PSI_DURATION_TEXT], all[PSI_DURATION_TEXT];
    double share = psi_state_share(state);
    psi_text_print(state->path, stdout);
    printf(": %s", psi_state_verdict_name(state));
    if (state->verdict == PSI_STATE_FAILED)
        printf(": all has been tried, %zu of %zu records failed", state->total.failed,
               state->total.wanted);
    if (state->verdict == PSI_STATE_INCOMPLETE && isfinite(share))
        printf(", %.3g %% of the work%s", 100.0 * share,
               state->decided < PSI_STATE_KINDS ? " known so far" : "");
    if (state->verdict == PSI_STATE_INCOMPLETE && state->timed)
        printf(", %s core time left", psi_cli_duration(state->total.seconds_left, all));
    if (isfinite(psi_state_left(state)))
        printf(", %s on %d ranks", psi_cli_duration(psi_state_left(state), left),
               state->launch[state->launches - 1].ranks);
    putchar('\n');
    print_work(state);
}

static void count_cells(const struct psi_state_count *count, struct psi_table_cell *cell)
{
    const size_t number[] = {count->wanted, count->done,    count->running,
                             count->failed, count->pending, count->skipped};
    for (size_t i = 0; i < sizeof number / sizeof *number; i++)
        cell[i] = psi_cell_count(number[i]);
}

static void print_kinds(const struct psi_state *state)
{
    static const struct psi_table_column column[] = {
        {"", NULL, NULL, PSI_TABLE_TEXT},           {"wanted", NULL, NULL, PSI_TABLE_INTEGER},
        {"done", NULL, NULL, PSI_TABLE_INTEGER},    {"running", NULL, NULL, PSI_TABLE_INTEGER},
        {"failed", NULL, NULL, PSI_TABLE_INTEGER},  {"pending", NULL, NULL, PSI_TABLE_INTEGER},
        {"skipped", NULL, NULL, PSI_TABLE_INTEGER}, {"", NULL, NULL, PSI_TABLE_TEXT}};
    struct psi_table_cell cell[PSI_STATE_KINDS][8] = {{{0}}};
    size_t rows = 0;
    for (int k = 0; k < PSI_STATE_KINDS; k++) {
        if ((k == PSI_STATE_ADDED && state->job->refine.factor < 2) ||
            (k == PSI_STATE_LADDERS && state->job->rescue.cells == 0))
            continue;
        cell[rows][0] = psi_cell_text(psi_state_kind_name[k]);
        if (k < state->decided)
            count_cells(&state->kind[k], &cell[rows][1]);
        cell[rows][7] = psi_cell_text(k < state->decided     ? ""
                                      : k == PSI_STATE_ADDED ? "when the grid is done"
                                                             : "when all cells are done");
        rows++;
    }
    struct psi_table table = {
        .column = column, .cell = cell[0], .columns = sizeof column / sizeof *column, .rows = rows};
    psi_table_print(&table, stdout);
}

static void print_arms(const struct psi_state *state)
{
    static const struct psi_table_column column[] = {
        {"arm", NULL, NULL, PSI_TABLE_TEXT},         {"cells", NULL, NULL, PSI_TABLE_INTEGER},
        {"done", NULL, NULL, PSI_TABLE_INTEGER},     {"running", NULL, NULL, PSI_TABLE_INTEGER},
        {"failed", NULL, NULL, PSI_TABLE_INTEGER},   {"pending", NULL, NULL, PSI_TABLE_INTEGER},
        {"skipped", NULL, NULL, PSI_TABLE_INTEGER},  {"ladders", NULL, NULL, PSI_TABLE_INTEGER},
        {"done", NULL, NULL, PSI_TABLE_INTEGER},     {"core time left", NULL, NULL, PSI_TABLE_TEXT},
        {"F_min so far", NULL, NULL, PSI_TABLE_TEXT}};
    enum { COLUMNS = sizeof column / sizeof *column };
    struct psi_table_cell cell[PSI_ARMS_MAX][COLUMNS] = {{{0}}};
    char text[PSI_ARMS_MAX][PSI_FMIN_TEXT], left[PSI_ARMS_MAX][PSI_DURATION_TEXT];
    for (size_t a = 0; a < state->job->arms; a++) {
        const struct psi_state_arm *arm = &state->arm[a];
        cell[a][0] = psi_cell_text(state->job->arm[a].name);
        count_cells(&arm->cells, &cell[a][1]);
        if (state->job->rescue.cells > 0 && state->decided > PSI_STATE_LADDERS) {
            cell[a][7] = psi_cell_count(arm->ladders.wanted);
            cell[a][8] = psi_cell_count(arm->ladders.done);
        }
        cell[a][9] = psi_cell_text(psi_cli_duration(
            state->timed ? arm->cells.seconds_left + arm->ladders.seconds_left : NAN, left[a]));
        psi_fmin_pooled_text(&arm->pooled, text[a]);
        cell[a][10] = psi_cell_text(text[a]);
    }
    struct psi_table table = {
        .column = column, .cell = cell[0], .columns = COLUMNS, .rows = state->job->arms};
    psi_table_print(&table, stdout);
}

static void print_launches(const struct psi_state *state)
{
    size_t first = state->launches > LAUNCHES_SHOWN ? state->launches - LAUNCHES_SHOWN : 0;
    for (size_t i = first; i < state->launches; i++) {
        const struct psi_launch *launch = &state->launch[i];
        char when[TIME_TEXT];
        printf("  launch %zu: %s, %d ranks, ", i, moment_text(launch->start, when), launch->ranks);
        psi_text_print(launch->host, stdout);
        if (*launch->slurm_job) {
            fputs(", Slurm job ", stdout);
            psi_text_print(launch->slurm_job, stdout);
        }
        putchar('\n');
    }
}

static void print_failures(const struct psi_state *state)
{
    for (size_t i = 0; i < state->failures && i < FAILURES_SHOWN; i++) {
        const struct psi_state_failure *failure = &state->failure[i];
        printf("  failed: %s, seed %u", record_kind_name(failure),
               state->job->seed[failure->at.seed]);
        if (failure->at.owner != PSI_OF_PARENT) {
            fputs(", ", stdout);
            psi_text_print(state->job->arm[failure->at.arm].name, stdout);
            printf(", density %.3g", state->job->density[failure->at.density]);
        }
        printf(": %s, after %d attempts\n", cause_name(&failure->made), failure->made.attempt);
    }
    if (state->failures > FAILURES_SHOWN)
        printf("  ... and %zu more (--json has all)\n", state->failures - FAILURES_SHOWN);
}

void psi_state_print_text(const struct psi_state *state)
{
    if (state->creating) {
        psi_state_print_line(state);
        return;
    }
    print_head(state);
    print_kinds(state);
    print_arms(state);
    print_launches(state);
    print_failures(state);
}

void psi_state_print_line(const struct psi_state *state)
{
    char now[TIME_TEXT], left[PSI_DURATION_TEXT];
    psi_text_print(state->path, stdout);
    if (state->creating) {
        printf(": %s%s", state->creating, *state->who ? ": " : "");
        psi_text_print(state->who, stdout);
        putchar('\n');
        return;
    }
    printf(": %s %s, %zu of %zu records done, %zu running, %zu failed, %s left",
           moment_text(psi_clock_wall(), now), psi_state_verdict_name(state), state->total.done,
           state->total.wanted, state->total.running, state->total.failed,
           psi_cli_duration(psi_state_left(state), left));
    for (size_t a = 0; a < state->job->arms; a++) {
        char text[PSI_FMIN_TEXT];
        psi_fmin_pooled_text(&state->arm[a].pooled, text);
        fputs(a ? ", " : "; F_min ", stdout);
        psi_text_print(state->job->arm[a].name, stdout);
        printf(" %s", text);
    }
    putchar('\n');
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void json_integer(struct psi_json *json, const char *key, size_t value)
{
    psi_json_key(json, key), psi_json_integer(json, (int64_t)value);
}

static void json_real(struct psi_json *json, const char *key, double value)
{
    psi_json_key(json, key), psi_json_real(json, value);
}

static void json_string(struct psi_json *json, const char *key, const char *value)
{
    psi_json_key(json, key), psi_json_string(json, value);
}

static void json_count(struct psi_json *json, const struct psi_state *state,
                       const struct psi_state_count *count)
{
    json_integer(json, "wanted", count->wanted);
    json_integer(json, "done", count->done);
    json_integer(json, "running", count->running);
    json_integer(json, "failed", count->failed);
    json_integer(json, "pending", count->pending);
    json_integer(json, "skipped", count->skipped);
    json_real(json, "core_seconds_left", state->timed ? count->seconds_left : NAN);
}

static void json_kinds(struct psi_json *json, const struct psi_state *state)
{
    psi_json_key(json, "kinds");
    psi_json_array_begin(json);
    for (int k = 0; k < PSI_STATE_KINDS; k++) {
        psi_json_object_begin(json);
        json_string(json, "kind", psi_state_kind_name[k]);
        json_integer(json, "decided", k < state->decided);
        json_count(json, state, &state->kind[k]);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
}

static void json_arms(struct psi_json *json, const struct psi_state *state)
{
    psi_json_key(json, "arms");
    psi_json_array_begin(json);
    for (size_t a = 0; a < state->job->arms; a++) {
        const struct psi_state_arm *arm = &state->arm[a];
        psi_json_object_begin(json);
        json_string(json, "arm", state->job->arm[a].name);
        json_count(json, state, &arm->cells);
        psi_json_key(json, "ladders");
        psi_json_object_begin(json);
        json_count(json, state, &arm->ladders);
        psi_json_object_end(json);
        json_real(json, "F_min_low", arm->pooled.low);
        json_real(json, "F_min", arm->pooled.center);
        json_real(json, "F_min_high", arm->pooled.high);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
}

static void json_launches(struct psi_json *json, const struct psi_state *state)
{
    psi_json_key(json, "launches");
    psi_json_array_begin(json);
    for (size_t i = 0; i < state->launches; i++) {
        const struct psi_launch *launch = &state->launch[i];
        psi_json_object_begin(json);
        json_integer(json, "launch", i);
        json_real(json, "start", launch->start);
        json_integer(json, "ranks", (size_t)launch->ranks);
        json_string(json, "host", launch->host);
        json_string(json, "slurm_job", *launch->slurm_job ? launch->slurm_job : NULL);
        json_string(json, "numerics", launch->numerics);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
}

static void json_failures(struct psi_json *json, const struct psi_state *state)
{
    psi_json_key(json, "failures");
    psi_json_array_begin(json);
    for (size_t i = 0; i < state->failures; i++) {
        const struct psi_state_failure *failure = &state->failure[i];
        int parent = failure->at.owner == PSI_OF_PARENT;
        psi_json_object_begin(json);
        json_string(json, "record", record_kind_name(failure));
        json_string(json, "arm", parent ? NULL : state->job->arm[failure->at.arm].name);
        json_integer(json, "seed", state->job->seed[failure->at.seed]);
        json_real(json, "density", parent ? NAN : state->job->density[failure->at.density]);
        json_string(json, "cause", cause_name(&failure->made));
        json_integer(json, "attempts", (size_t)failure->made.attempt);
        json_integer(json, "launch", (size_t)failure->made.launch);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
}

void psi_state_print_json(const struct psi_state *state)
{
    static const char *const work[] = {[PSI_LOCK_FREE] = "nobody",
                                       [PSI_LOCK_LED] = "launch",
                                       [PSI_LOCK_LEADERLESS] = "leaderless",
                                       [PSI_LOCK_UNKNOWN] = NULL};
    struct psi_json json = {.file = stdout};
    psi_json_object_begin(&json);
    json_string(&json, "schema", PSI_STATE_SCHEMA);
    json_string(&json, "file", state->path);
    json_string(&json, "state", state->creating ? "creating" : psi_state_verdict_name(state));
    json_integer(&json, "exit_code", (size_t)psi_state_exit_code(state));
    json_string(&json, "at_work", work[state->lock]);
    json_string(&json, "who", *state->who ? state->who : NULL);
    if (!state->creating) {
        json_string(&json, "job", state->job->name);
        json_real(&json, "share", psi_state_share(state));
        json_real(&json, "seconds_left", psi_state_left(state));
        json_count(&json, state, &state->total);
        json_kinds(&json, state);
        json_arms(&json, state);
        json_launches(&json, state);
        json_failures(&json, state);
    }
    psi_json_object_end(&json);
}
