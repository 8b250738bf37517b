#include "fmin.h"

#include "psisweep/memory.h"
#include "psisweep/prune.h"
#include "psisweep/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const scope_name[] = {
    [PSI_GLOBAL] = "global", [PSI_LAYER] = "layer", [PSI_ERK] = "erk", [PSI_LIKE] = "like"};
static const char *const method_name[] = {
    [PSI_POOL_NONE] = "none",           [PSI_POOL_ONE_SEED] = "one seed",
    [PSI_POOL_SAME_CELL] = "same cell", [PSI_POOL_STUDENT] = "student",
    [PSI_POOL_TURNBULL] = "turnbull",
};
static const char *const censoring_name[] = {
    [PSI_BRACKETED] = "bracketed",
    [PSI_BELOW_GRID] = "nothing collapsed",
    [PSI_ABOVE_GRID] = "everything collapsed",
    [PSI_NO_DATA] = "no data",
};

/* What kind of interval is it? Only two of them are 95 % intervals. */
static const char *interval_name(const struct psi_pooled *p)
{
    switch (p->method) {
    case PSI_POOL_ONE_SEED:
        return "one seed's step";
    case PSI_POOL_SAME_CELL:
        return "one grid step";
    case PSI_POOL_STUDENT:
        return "95 %, t";
    case PSI_POOL_TURNBULL: /* below 6 seeds the sign test has no 95 % interval */
        return p->seeds < 6 ? "range of seeds" : "95 %, sign test";
    default:
        return "-";
    }
}

/* "0.00267 [0.0025, 0.00286]", "< 0.000316" for what lies below the grid, "> 1" above it. */
static void interval_text(double low, double center, double high, char text[PSI_FMIN_TEXT])
{
    if (isnan(low) || isnan(high) || (low <= 0.0 && isinf(high)))
        snprintf(text, PSI_FMIN_TEXT, "not known");
    else if (low <= 0.0)
        snprintf(text, PSI_FMIN_TEXT, "< %.3g", high);
    else if (isinf(high))
        snprintf(text, PSI_FMIN_TEXT, "> %.3g", low);
    else if (!isfinite(center) || center <= 0.0)
        snprintf(text, PSI_FMIN_TEXT, "[%.3g, %.3g]", low, high);
    else
        snprintf(text, PSI_FMIN_TEXT, "%.3g [%.3g, %.3g]", center, low, high);
}

static void pooled_text(const struct psi_pooled *p, char text[PSI_FMIN_TEXT])
{
    int estimated = p->method == PSI_POOL_STUDENT || p->method == PSI_POOL_TURNBULL;
    interval_text(p->low, estimated ? p->center : NAN, p->high, text);
}

static void print_seeds(const struct psi_fmin_file *file, size_t arm)
{
    const struct psi_sweep *sweep = &file->sweep->sweep;
    for (size_t s = 0; s < sweep->seeds; s++) {
        char text[PSI_FMIN_TEXT];
        struct psi_interval i = psi_threshold_seed(sweep, arm, s, psi_fmin_level[0], 0, NULL);
        interval_text(i.low, NAN, i.high, text);
        printf("    seed %u: %s\n", file->job->seed[s],
               i.censoring == PSI_NO_DATA ? "no data" : text);
    }
}

void psi_fmin_table(const struct psi_fmin_file *file, struct psi_fmin_rows *rows)
{
    static const struct psi_table_column column[PSI_FMIN_COLUMNS] = {
        {.title = "arm", .kind = PSI_TABLE_TEXT},
        {.title = "F_min, density", .kind = PSI_TABLE_TEXT},
        {.title = "interval", .kind = PSI_TABLE_TEXT},
        {.title = "F_min, effective density", .kind = PSI_TABLE_TEXT},
        {.title = "Psi < .1", .kind = PSI_TABLE_TEXT},
        {.title = "Psi < .9", .kind = PSI_TABLE_TEXT},
        {.title = "seeds", .kind = PSI_TABLE_INTEGER},
    };
    for (size_t arm = 0; arm < file->job->arms; arm++) {
        const struct psi_fmin_arm *a = &file->arm[arm];
        struct psi_table_cell *cell = rows->cell[arm];
        char(*text)[PSI_FMIN_TEXT] = rows->text[arm];
        pooled_text(&a->pooled[0][0], text[0]);
        pooled_text(&a->pooled[0][1], text[1]);
        pooled_text(&a->pooled[1][0], text[2]);
        pooled_text(&a->pooled[2][0], text[3]);
        cell[0] = (struct psi_table_cell){PSI_TABLE_TEXT, .text = file->job->arm[arm].name};
        for (int i = 0; i < 4; i++)
            cell[i ? 2 + i : 1] = (struct psi_table_cell){PSI_TABLE_TEXT, .text = text[i]};
        cell[2] = (struct psi_table_cell){PSI_TABLE_TEXT, .text = interval_name(&a->pooled[0][0])};
        cell[6] =
            (struct psi_table_cell){PSI_TABLE_INTEGER, .integer = (int64_t)a->pooled[0][0].seeds};
    }
    rows->table = (struct psi_table){column, &rows->cell[0][0], PSI_FMIN_COLUMNS, file->job->arms};
}

static void print_file(const struct psi_fmin_file *file, int seeds)
{
    struct psi_fmin_rows rows;
    psi_fmin_table(file, &rows);
    psi_text_print(psi_results_path(file->results), stdout);
    printf(": %zu of %zu cells done", file->sweep->done, file->sweep->wanted);
    printf(file->sweep->failed ? ", %zu failed\n" : "\n", file->sweep->failed);
    psi_table_print(&rows.table, stdout);
    for (size_t arm = 0; arm < file->job->arms; arm++) {
        char words[PSI_THRESHOLD_TEXT];
        char what[PSI_ARM_WORDS];
        psi_job_arm_words(file->job, arm, what);
        psi_threshold_words(&file->arm[arm].pooled[0][0], words, sizeof words);
        printf("  %zu. ", arm + 1);
        psi_text_print(what, stdout);
        printf(": %s\n", words);
        if (seeds)
            print_seeds(file, arm);
    }
}

void psi_fmin_print_text(const struct psi_fmin_file *file, size_t files, int seeds)
{
    for (size_t i = 0; i < files; i++) {
        if (i > 0)
            putchar('\n');
        print_file(&file[i], seeds);
    }
    printf("F_min: below it a network does not recover half of its parent's performance (Psi < .5) "
           "by retraining,\nfor this model, data, criterion, scope and budget.\n");
}

static void json_pooled(struct psi_json *json, const struct psi_pooled *p, double level,
                        const char *measure)
{
    char words[PSI_THRESHOLD_TEXT];
    psi_threshold_words(p, words, sizeof words);
    psi_json_object_begin(json);
    psi_json_key(json, "level"), psi_json_real(json, level);
    psi_json_key(json, "measure"), psi_json_string(json, measure);
    psi_json_key(json, "method"), psi_json_string(json, method_name[p->method]);
    psi_json_key(json, "interval"), psi_json_string(json, interval_name(p));
    psi_json_key(json, "low"), psi_json_real(json, p->low);
    psi_json_key(json, "center"), psi_json_real(json, p->center);
    psi_json_key(json, "high"), psi_json_real(json, p->high);
    psi_json_key(json, "seeds"), psi_json_integer(json, (int64_t)p->seeds);
    psi_json_key(json, "seeds_below_grid"), psi_json_integer(json, (int64_t)p->below);
    psi_json_key(json, "seeds_above_grid"), psi_json_integer(json, (int64_t)p->above);
    psi_json_key(json, "seeds_disconnected"), psi_json_integer(json, (int64_t)p->disconnected);
    psi_json_key(json, "seeds_missing"), psi_json_integer(json, (int64_t)p->missing);
    psi_json_key(json, "seeds_undefined"), psi_json_integer(json, (int64_t)p->undefined);
    psi_json_key(json, "seeds_unfinished");
    psi_json_integer(json, (int64_t)(p->below_open + p->above_open + p->gaps));
    psi_json_key(json, "recrossings"), psi_json_integer(json, (int64_t)p->recrossings);
    psi_json_key(json, "deviation_log10"), psi_json_real(json, p->deviation);
    psi_json_key(json, "words"), psi_json_string(json, words);
    psi_json_object_end(json);
}

static void json_seeds(struct psi_json *json, const struct psi_fmin_file *file, size_t arm)
{
    psi_json_array_begin(json);
    for (size_t s = 0; s < file->job->seeds; s++) {
        for (int m = 0; m < PSI_MEASURES; m++) {
            struct psi_interval i =
                psi_threshold_seed(&file->sweep->sweep, arm, s, psi_fmin_level[0], m, NULL);
            psi_json_object_begin(json);
            psi_json_key(json, "seed"), psi_json_integer(json, file->job->seed[s]);
            psi_json_key(json, "measure"), psi_json_string(json, psi_fmin_measure[m]);
            psi_json_key(json, "low"), psi_json_real(json, i.low);
            psi_json_key(json, "high"), psi_json_real(json, i.high);
            psi_json_key(json, "censoring"), psi_json_string(json, censoring_name[i.censoring]);
            psi_json_object_end(json);
        }
    }
    psi_json_array_end(json);
}

static void json_file(struct psi_json *json, const struct psi_fmin_file *file)
{
    psi_json_object_begin(json);
    psi_json_key(json, "file"), psi_json_string(json, psi_results_path(file->results));
    psi_json_key(json, "job"), psi_json_string(json, file->job->name);
    psi_json_key(json, "cells"), psi_json_integer(json, (int64_t)file->sweep->wanted);
    psi_json_key(json, "done"), psi_json_integer(json, (int64_t)file->sweep->done);
    psi_json_key(json, "failed"), psi_json_integer(json, (int64_t)file->sweep->failed);
    psi_json_key(json, "arms");
    psi_json_array_begin(json);
    for (size_t arm = 0; arm < file->job->arms; arm++) {
        const struct psi_arm *a = &file->job->arm[arm];
        psi_json_object_begin(json);
        psi_json_key(json, "arm"), psi_json_string(json, a->name);
        psi_json_key(json, "criterion");
        psi_json_string(json, psi_criteria[a->criterion].name);
        psi_json_key(json, "scope"), psi_json_string(json, scope_name[a->scope]);
        psi_json_key(json, "thresholds");
        psi_json_array_begin(json);
        for (int l = 0; l < PSI_LEVELS; l++) {
            for (int m = 0; m < PSI_MEASURES; m++)
                json_pooled(json, &file->arm[arm].pooled[l][m], psi_fmin_level[l],
                            psi_fmin_measure[m]);
        }
        psi_json_array_end(json);
        psi_json_key(json, "seeds"), json_seeds(json, file, arm);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
    psi_json_object_end(json);
}

void psi_fmin_print_json(const struct psi_fmin_file *file, size_t files)
{
    struct psi_json json = {.file = stdout};
    psi_json_object_begin(&json);
    psi_json_key(&json, "schema"), psi_json_string(&json, "psisweep-fmin-1");
    psi_json_key(&json, "files");
    psi_json_array_begin(&json);
    for (size_t i = 0; i < files; i++)
        json_file(&json, &file[i]);
    psi_json_array_end(&json);
    psi_json_object_end(&json);
}

static const struct psi_table_column csv_column[] = {
    {.key = "file", .kind = PSI_TABLE_TEXT},
    {.key = "arm", .kind = PSI_TABLE_TEXT},
    {.key = "criterion", .kind = PSI_TABLE_TEXT},
    {.key = "scope", .kind = PSI_TABLE_TEXT},
    {.key = "level", .kind = PSI_TABLE_REAL},
    {.key = "measure", .kind = PSI_TABLE_TEXT},
    {.key = "method", .kind = PSI_TABLE_TEXT},
    {.key = "low", .kind = PSI_TABLE_REAL},
    {.key = "center", .kind = PSI_TABLE_REAL},
    {.key = "high", .kind = PSI_TABLE_REAL},
    {.key = "seeds", .kind = PSI_TABLE_INTEGER},
    {.key = "seeds_below_grid", .kind = PSI_TABLE_INTEGER},
    {.key = "seeds_above_grid", .kind = PSI_TABLE_INTEGER},
    {.key = "seeds_disconnected", .kind = PSI_TABLE_INTEGER},
    {.key = "seeds_missing", .kind = PSI_TABLE_INTEGER},
    {.key = "seeds_unfinished", .kind = PSI_TABLE_INTEGER},
    {.key = "recrossings", .kind = PSI_TABLE_INTEGER},
    {.key = "deviation_log10", .kind = PSI_TABLE_REAL},
};
enum { CSV_COLUMNS = sizeof csv_column / sizeof *csv_column };

static void csv_row(const struct psi_fmin_file *file, size_t arm, int level, int measure,
                    struct psi_table_cell cell[CSV_COLUMNS])
{
    const struct psi_arm *a = &file->job->arm[arm];
    const struct psi_pooled *p = &file->arm[arm].pooled[level][measure];
    for (int i = 0; i < CSV_COLUMNS; i++)
        cell[i].kind = csv_column[i].kind;
    cell[0].text = psi_results_path(file->results);
    cell[1].text = a->name;
    cell[2].text = psi_criteria[a->criterion].name;
    cell[3].text = scope_name[a->scope];
    cell[4].real = psi_fmin_level[level];
    cell[5].text = psi_fmin_measure[measure];
    cell[6].text = method_name[p->method];
    cell[7].real = p->low;
    cell[8].real = p->center;
    cell[9].real = p->high;
    cell[10].integer = (int64_t)p->seeds;
    cell[11].integer = (int64_t)p->below;
    cell[12].integer = (int64_t)p->above;
    cell[13].integer = (int64_t)p->disconnected;
    cell[14].integer = (int64_t)p->missing;
    cell[15].integer = (int64_t)(p->below_open + p->above_open + p->gaps);
    cell[16].integer = (int64_t)p->recrossings;
    cell[17].real = p->deviation;
}

enum psi_status psi_fmin_print_csv(const struct psi_fmin_file *file, size_t files,
                                   struct psi_error *err)
{
    size_t arms = 0, row = 0;
    for (size_t i = 0; i < files; i++)
        arms += file[i].job->arms;
    struct psi_table_cell(*cell)[CSV_COLUMNS] =
        psi_allocate(arms * PSI_LEVELS * PSI_MEASURES, sizeof *cell, "table", err);
    if (!cell)
        return PSI_MEMORY;
    for (size_t i = 0; i < files; i++) {
        for (size_t arm = 0; arm < file[i].job->arms; arm++) {
            for (int l = 0; l < PSI_LEVELS; l++) {
                for (int m = 0; m < PSI_MEASURES; m++)
                    csv_row(&file[i], arm, l, m, cell[row++]);
            }
        }
    }
    struct psi_table table = {csv_column, &cell[0][0], CSV_COLUMNS, row};
    psi_table_print_csv(&table, stdout);
    free(cell);
    return PSI_OK;
}
