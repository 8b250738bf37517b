/* Tables of psisweep issp: how they are held, and which there are. */
#include "issp.h"

#include "psisweep/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum psi_status psi_issp_table_create(struct psi_issp_table *table,
                                      const struct psi_table_column *column, size_t columns,
                                      size_t more, size_t rows, struct psi_error *err)
{
    table->columns = columns + more;
    table->column = psi_allocate(table->columns, sizeof *table->column, "table", err);
    table->label = psi_allocate(table->columns, sizeof *table->label, "table", err);
    table->cell = psi_allocate(rows * table->columns, sizeof *table->cell, "table", err);
    if (!table->column || !table->label || !table->cell)
        return PSI_MEMORY;
    assert(table->columns <= PSI_TABLE_COLUMNS);
    memcpy(table->column, column, columns * sizeof *column);
    return PSI_OK;
}

struct psi_table_cell *psi_issp_table_row(struct psi_issp_table *table)
{
    return table->cell + table->columns * table->rows++;
}

struct psi_table_cell psi_cell_text(const char *text)
{
    return (struct psi_table_cell){PSI_TABLE_TEXT, .text = text};
}

struct psi_table_cell psi_cell_real(double real)
{
    return (struct psi_table_cell){PSI_TABLE_REAL, .real = real};
}

struct psi_table_cell psi_cell_count(size_t count)
{
    return (struct psi_table_cell){PSI_TABLE_INTEGER, .integer = (int64_t)count};
}

static void table_clear(struct psi_issp_table *table)
{
    free(table->column);
    free(table->label);
    free(table->name);
    free(table->cell);
    *table = (struct psi_issp_table){.rows = 0};
}

static const struct {
    const char *key, *title;
    int detail;
    psi_issp_table_make *make;
} all[] = {
    {"ladder_arms", "Rescue ladder, collapsed cells with their classes connected", 0,
     psi_issp_ladder_arms},
    {"ladder_shares", "Recovered by rung, by budget (within it, same mask) and by way", 0,
     psi_issp_ladder_shares},
    {"ladder_disconnected", "Disconnected cells, apart: no training under their mask is tried", 0,
     psi_issp_ladder_apart},
    {"pairs", "Pairs that preserve and destroy the dominant modes", 0, psi_issp_pairs},
    {"pair_cells", NULL, 1, psi_issp_pair_cells},
    {"models", "Held-out error of Psi in the transition band, by model (M1 to M2 is claim C3)", 0,
     psi_issp_models},
    {"model_seeds", NULL, 1, psi_issp_model_seeds},
    {"model_criteria", "Held-out error, each criterion left out", 0, psi_issp_model_criteria},
    {"predictors", "Recovered (Psi >= .5) by one predictor, in the band (description)", 0,
     psi_issp_predictors},
    {"ablation",
     "Ablated modes: top minus control, in Psi, where both are nearest .5 (description)", 0,
     psi_issp_ablation},
    {"ablation_cells", NULL, 1, psi_issp_ablation_cells},
};
_Static_assert(sizeof all / sizeof *all <= PSI_ISSP_TABLES, "room for every table");

enum psi_status psi_issp_tables(const struct psi_issp_file *file,
                                struct psi_issp_table table[PSI_ISSP_TABLES], size_t *tables,
                                struct psi_error *err)
{
    *tables = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct psi_issp_table *t = &table[(*tables)++];
        *t = (struct psi_issp_table){
            .key = all[i].key, .title = all[i].title, .detail = all[i].detail};
        enum psi_status status = all[i].make(file, t, err);
        if (status)
            return status;
        if (t->rows == 0) {
            table_clear(t);
            --*tables;
        }
    }
    return PSI_OK;
}

void psi_issp_tables_clear(struct psi_issp_table table[PSI_ISSP_TABLES], size_t tables)
{
    for (size_t i = 0; i < tables; i++)
        table_clear(&table[i]);
}
