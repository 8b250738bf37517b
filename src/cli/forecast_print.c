/* psisweep plan: the forecast for people, and as JSON (schema PSI_PLAN_SCHEMA: README). */
#include "forecast.h"

#include "psisweep/table.h"

#include <math.h>
#include <stdio.h>

static double hours(double seconds)
{
    return seconds / 3600.0;
}

struct tally {
    uint32_t parents, cells, added, ladders, done;
    int assumed; /* bits of the owners of which some are */
};

static struct tally tally(const struct psi_forecast *f)
{
    struct tally t = {0};
    for (size_t r = 0; r < f->rounds; r++)
        for (uint32_t i = 0; i < f->round[r].tasks; i++) {
            struct psi_record_at at = f->round[r].at[i];
            int added = f->round[r].kind == PSI_ROUND_REFINE;
            t.assumed |= f->round[r].assumed << at.owner;
            t.parents += at.owner == PSI_OF_PARENT;
            t.cells += at.owner == PSI_OF_CELL && !added;
            t.added += at.owner == PSI_OF_CELL && added;
            t.ladders += at.owner == PSI_OF_LADDER;
            t.done += f->round[r].task[i].done;
        }
    return t;
}

static void print_grid(const struct psi_forecast *f)
{
    const struct psi_job *job = f->job;
    struct tally t = tally(f);
    size_t axis = 0;
    for (size_t d = 0; d < job->densities; d++)
        axis += (size_t)psi_job_on_grid(job, d);
    psi_text_print(job->name, stdout);
    printf(": %u dense parents, %u cells (%zu arms x %zu seeds x %zu densities%s)", t.parents,
           t.cells, job->arms, job->seeds, axis, job->adaptive ? ", adaptive" : "");
    if (t.added)
        printf(", %s%u added around F_min", t.assumed & 1 << PSI_OF_CELL ? "about " : "", t.added);
    if (t.ladders)
        printf(", %s%u ladders", t.assumed & 1 << PSI_OF_LADDER ? "at most " : "", t.ladders);
    putchar('\n');
    if (f->file) {
        fputs("file      ", stdout);
        psi_text_print(f->file, stdout);
        printf(" has %u of them\n", t.done);
    }
}

static void print_pilot(const struct psi_forecast *f)
{
    const struct psi_pilot *p = &f->pilot;
    printf("pilot     %.0f s of processor time on this machine:", p->seconds);
    printf(" a dense parent on %.0f %% of its samples", 100.0 * p->parent_share);
    if (p->cells)
        printf(", %zu cells on %.0f %% of theirs", p->cells, 100.0 * p->cell_share);
    if (f->file)
        fputs("; the file knows the rest", stdout);
    putchar('\n');
}

static void print_work(const struct psi_forecast *f)
{
    printf("work      %.3g core-hours: dense parents %.3g", hours(f->work), hours(f->parents));
    for (size_t a = 0; a < f->job->arms; a++) {
        fputs(", ", stdout);
        psi_text_print(f->job->arm[a].name, stdout);
        printf(" %.3g", hours(f->cells[a]));
    }
    putchar('\n');
    double ladders = 0.0;
    for (size_t a = 0; a < f->job->arms; a++)
        ladders += f->ladders[a];
    if (ladders > 0.0 && f->work_most > f->work)
        printf("ladders   at most %.3g core-hours more: every one that may be, climbed whole, "
               "where collapse begins at the middle of the axis\n",
               hours(ladders));
    else if (ladders > 0.0)
        printf("ladders   %.3g of these core-hours, every one climbed whole\n", hours(ladders));
}

static void print_points(const struct psi_forecast *f)
{
    static const struct psi_table_column column[] = {
        {.title = "ranks", .kind = PSI_TABLE_INTEGER},
        {.title = "wall time", .kind = PSI_TABLE_TEXT},
        {.title = "at most", .kind = PSI_TABLE_TEXT},
        {.title = "core-hours", .kind = PSI_TABLE_REAL},
        {.title = "efficiency", .unit = "%", .kind = PSI_TABLE_REAL},
        {.title = "rank 0's messages", .unit = "%", .kind = PSI_TABLE_REAL, .digits = 2},
    };
    enum { COLUMNS = sizeof column / sizeof *column };
    struct psi_table_cell cell[PSI_PLAN_POINTS * COLUMNS];
    char wall[PSI_PLAN_POINTS][PSI_DURATION_TEXT], most[PSI_PLAN_POINTS][PSI_DURATION_TEXT];
    for (size_t i = 0; i < f->points; i++) {
        const struct psi_plan_point *p = &f->point[i];
        psi_cli_duration(ceil(p->wall), wall[i]);
        psi_cli_duration(ceil(p->wall_most), most[i]);
        struct psi_table_cell *row = &cell[i * COLUMNS];
        row[0] = (struct psi_table_cell){PSI_TABLE_INTEGER, .integer = p->ranks};
        row[1] = (struct psi_table_cell){PSI_TABLE_TEXT, .text = wall[i]};
        row[2] = (struct psi_table_cell){PSI_TABLE_TEXT, .text = most[i]};
        if (p->wall_most <= p->wall)
            row[2].kind = PSI_TABLE_NONE;
        row[3] = (struct psi_table_cell){PSI_TABLE_REAL, .real = hours(p->core)};
        row[4] = (struct psi_table_cell){PSI_TABLE_REAL, .real = 100.0 * p->efficiency};
        row[5] = (struct psi_table_cell){PSI_TABLE_REAL, .real = 100.0 * p->leader};
    }
    struct psi_table table = {column, cell, COLUMNS, f->points};
    psi_table_print(&table, stdout);
    printf("Beyond %u ranks more is waste: less than %.0f %% of their time is spent on tasks.\n",
           f->enough, 100.0 * PSI_PLAN_EFFICIENCY);
}

void psi_forecast_print(const struct psi_forecast *f)
{
    print_grid(f);
    printf("network   %zu parameters, %zu prunable weights\n", f->parameters, f->weights);
    printf("results   %llu bytes\n", (unsigned long long)f->bytes);
    printf("memory    %.0f MB a rank at most; one copy of the data a node is shared\n",
           1e-6 * (double)f->memory);
    print_pilot(f);
    if (f->work == 0.0 && f->work_most == 0.0) {
        puts("work      nothing is left to do");
        return;
    }
    print_work(f);
    print_points(f);
}

static void json_arms(struct psi_json *json, const struct psi_forecast *f)
{
    psi_json_array_begin(json);
    for (size_t a = 0; a < f->job->arms; a++) {
        psi_json_object_begin(json);
        psi_json_key(json, "arm"), psi_json_string(json, f->job->arm[a].name);
        psi_json_key(json, "seconds"), psi_json_real(json, f->cells[a]);
        psi_json_key(json, "ladder_seconds"), psi_json_real(json, f->ladders[a]);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
}

static void json_pilot(struct psi_json *json, const struct psi_pilot *p)
{
    psi_json_object_begin(json);
    psi_json_key(json, "seconds"), psi_json_real(json, p->seconds);
    psi_json_key(json, "parent_share"), psi_json_real(json, p->parent_share);
    psi_json_key(json, "cells"), psi_json_integer(json, (int64_t)p->cells);
    psi_json_key(json, "cell_share"), psi_json_real(json, p->cell_share);
    psi_json_object_end(json);
}

static void json_points(struct psi_json *json, const struct psi_forecast *f)
{
    psi_json_array_begin(json);
    for (size_t i = 0; i < f->points; i++) {
        const struct psi_plan_point *p = &f->point[i];
        psi_json_object_begin(json);
        psi_json_key(json, "ranks"), psi_json_integer(json, p->ranks);
        psi_json_key(json, "wall_seconds"), psi_json_real(json, p->wall);
        psi_json_key(json, "wall_seconds_most"), psi_json_real(json, p->wall_most);
        psi_json_key(json, "bound_seconds"), psi_json_real(json, p->bound);
        psi_json_key(json, "core_seconds"), psi_json_real(json, p->core);
        psi_json_key(json, "efficiency"), psi_json_real(json, p->efficiency);
        psi_json_key(json, "rank0_share"), psi_json_real(json, p->leader);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
}

void psi_forecast_print_json(const struct psi_forecast *f)
{
    struct psi_json json = {.file = stdout};
    struct tally t = tally(f);
    psi_json_object_begin(&json);
    psi_json_key(&json, "schema"), psi_json_string(&json, PSI_PLAN_SCHEMA);
    psi_json_key(&json, "job"), psi_json_string(&json, f->job->name);
    psi_json_key(&json, "file"), psi_json_string(&json, f->file);
    psi_json_key(&json, "parents"), psi_json_integer(&json, t.parents);
    psi_json_key(&json, "cells"), psi_json_integer(&json, t.cells);
    psi_json_key(&json, "added"), psi_json_integer(&json, t.added);
    psi_json_key(&json, "ladders"), psi_json_integer(&json, t.ladders);
    psi_json_key(&json, "done"), psi_json_integer(&json, t.done);
    psi_json_key(&json, "parameters"), psi_json_integer(&json, (int64_t)f->parameters);
    psi_json_key(&json, "weights"), psi_json_integer(&json, (int64_t)f->weights);
    psi_json_key(&json, "bytes"), psi_json_integer(&json, (int64_t)f->bytes);
    psi_json_key(&json, "memory_bytes"), psi_json_integer(&json, (int64_t)f->memory);
    psi_json_key(&json, "pilot"), json_pilot(&json, &f->pilot);
    psi_json_key(&json, "work_seconds"), psi_json_real(&json, f->work);
    psi_json_key(&json, "work_seconds_most"), psi_json_real(&json, f->work_most);
    psi_json_key(&json, "parent_seconds"), psi_json_real(&json, f->parents);
    psi_json_key(&json, "arms"), json_arms(&json, f);
    psi_json_key(&json, "ranks"), json_points(&json, f);
    psi_json_key(&json, "ranks_enough"), psi_json_integer(&json, f->enough);
    psi_json_object_end(&json);
}
