/* The tidy table of all cells, column by column from the schema. */
#include "fmin.h"

#include "psisweep/memory.h"
#include "psisweep/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 5, KEY_TEXT = 64 }; /* file, arm, seed, density, sparsity; then the variables */

/* Columns and the variable and element that each shows. */
struct cells {
    struct psi_table_column column[PSI_TABLE_COLUMNS];
    const struct psi_variable *variable[PSI_TABLE_COLUMNS];
    size_t element[PSI_TABLE_COLUMNS];
    char key[PSI_TABLE_COLUMNS][KEY_TEXT];
    size_t columns;
};

static void add_column(struct cells *cells, const struct psi_variable *variable, size_t element,
                       const char *suffix)
{
    size_t c = cells->columns++;
    int real = variable->type == PSI_F64 || variable->type == PSI_F32;
    snprintf(cells->key[c], KEY_TEXT, "%s%s%s", variable->name, *suffix ? "_" : "", suffix);
    cells->column[c].key = cells->key[c];
    cells->column[c].kind = variable->flag ? PSI_TABLE_TEXT
                            : real         ? PSI_TABLE_REAL
                                           : PSI_TABLE_INTEGER;
    cells->variable[c] = variable;
    cells->element[c] = element;
}

/* Every variable of a cell that has one value, or one a stage; hashes are left out. */
static void choose_columns(struct cells *cells)
{
    static const struct psi_table_column fixed[KEYS] = {
        {.key = "file", .kind = PSI_TABLE_TEXT},     {.key = "arm", .kind = PSI_TABLE_TEXT},
        {.key = "seed", .kind = PSI_TABLE_INTEGER},  {.key = "density", .kind = PSI_TABLE_REAL},
        {.key = "sparsity", .kind = PSI_TABLE_REAL},
    };
    memcpy(cells->column, fixed, sizeof fixed);
    cells->columns = KEYS;
    for (const struct psi_variable *v = psi_variables; v->name; v++) {
        if (v->owner != PSI_OF_CELL || v->type == PSI_U64)
            continue;
        if (!v->axis[0])
            add_column(cells, v, 0, "");
        else if (v->axis[0] == PSI_AXIS_STAGE && !v->axis[1])
            for (size_t stage = 0; stage < PSI_STAGES; stage++)
                add_column(cells, v, stage, psi_stage_name[stage]);
    }
}

/* The name of a flag's value; a damaged file may hold one that has none. */
static const char *flag_name(const char *const *flag, size_t value)
{
    while (*flag && value-- > 0)
        flag++;
    return *flag ? *flag : "unknown";
}

static void set_cell(struct psi_table_cell *cell, const struct psi_variable *variable,
                     const void *values, size_t at)
{
    int real = variable->type == PSI_F64 || variable->type == PSI_F32;
    cell->kind = real ? PSI_TABLE_REAL : PSI_TABLE_INTEGER;
    switch (variable->type) {
    case PSI_U8:
        cell->integer = ((const uint8_t *)values)[at];
        break;
    case PSI_U16:
        cell->integer = ((const uint16_t *)values)[at];
        break;
    case PSI_I32:
        cell->integer = ((const int32_t *)values)[at];
        break;
    case PSI_I64:
        cell->integer = ((const int64_t *)values)[at];
        break;
    case PSI_F32:
        cell->real = ((const float *)values)[at];
        break;
    case PSI_F64:
        cell->real = ((const double *)values)[at];
        break;
    case PSI_U64:
        break;
    }
    if (variable->flag) {
        cell->kind = PSI_TABLE_TEXT;
        cell->text = flag_name(variable->flag, (size_t)cell->integer);
    }
}

static void fill_keys(const struct cells *cells, const struct psi_fmin_file *file,
                      struct psi_table_cell *cell)
{
    const struct psi_job *job = file->job;
    for (size_t i = 0; i < file->sweep->cells; i++) {
        struct psi_table_cell *row = cell + i * cells->columns;
        for (size_t c = 0; c < KEYS; c++)
            row[c].kind = cells->column[c].kind;
        row[0].text = psi_results_path(file->results);
        row[1].text = job->arm[i / job->densities / job->seeds].name;
        row[2].integer = job->seed[i / job->densities % job->seeds];
        row[3].real = job->density[i % job->densities];
        row[4].real = 1.0 - row[3].real;
    }
}

static enum psi_status fill_file(const struct cells *cells, const struct psi_fmin_file *file,
                                 struct psi_table_cell *cell, struct psi_error *err)
{
    double *values = psi_allocate(file->sweep->cells * PSI_STAGES, sizeof *values, "cells", err);
    enum psi_status status = values ? PSI_OK : PSI_MEMORY;
    fill_keys(cells, file, cell);
    for (size_t c = KEYS; !status && c < cells->columns; c++) {
        const struct psi_variable *v = cells->variable[c];
        size_t each = psi_variable_count(v, psi_results_layout(file->results));
        /* a sweep may still run: the status is the one that was read before all else, and what is
         * measured of a cell shows only where that says done */
        int is_status = v->offset == offsetof(struct psi_cell, made.status);
        const void *from = is_status ? (const void *)file->sweep->status : values;
        if (cells->element[c] == 0 && !is_status)
            status = psi_results_read(file->results, v->name, values, err);
        for (size_t i = 0; !status && i < file->sweep->cells; i++) {
            if (file->sweep->finished[i] || !v->deterministic)
                set_cell(&cell[i * cells->columns + c], v, from, i * each + cells->element[c]);
        }
    }
    free(values);
    return status;
}

enum psi_status psi_cells_print(const struct psi_fmin_file *file, size_t files,
                                enum psi_format format, struct psi_error *err)
{
    struct cells cells = {.columns = 0};
    size_t rows = 0, at = 0;
    enum psi_status status = PSI_OK;
    choose_columns(&cells);
    for (size_t i = 0; i < files; i++)
        rows += file[i].sweep->cells;
    struct psi_table_cell *cell = psi_allocate(rows * cells.columns, sizeof *cell, "cells", err);
    if (!cell)
        return PSI_MEMORY;
    for (size_t i = 0; !status && i < files; i++) {
        status = fill_file(&cells, &file[i], cell + at * cells.columns, err);
        at += file[i].sweep->cells;
    }
    struct psi_table table = {cells.column, cell, cells.columns, rows};
    if (!status)
        (format == PSI_JSON ? psi_table_print_json : psi_table_print_csv)(&table, stdout);
    free(cell);
    return status;
}
