/* Tables of the nested models, and of single predictors. */
#include "issp.h"

#include "psisweep/memory.h"
#include "psisweep/prune.h"
#include "psisweep/regress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const model_name[PSI_MODELS] = {
    [PSI_MODEL_DENSITY] = "M0 log density",
    [PSI_MODEL_STRUCTURE] = "M1 + effective and layer densities, norm, Psi before",
    [PSI_MODEL_OVERLAP] = "M2 + support overlap",
    [PSI_MODEL_CRITERION] = "M3 + criterion",
};

enum psi_status psi_issp_models(const struct psi_issp_file *file, struct psi_issp_table *table,
                                struct psi_error *err)
{
    static const struct psi_table_column column[] = {
        {.title = "model", .key = "model", .kind = PSI_TABLE_TEXT},
        {.title = "predictors", .key = "predictors", .kind = PSI_TABLE_INTEGER},
        {.title = "cells", .key = "cells", .kind = PSI_TABLE_INTEGER},
        {.title = "RMS error", .key = "error", .kind = PSI_TABLE_REAL},
        {.title = "held-out R2", .key = "r2", .kind = PSI_TABLE_REAL},
        {.title = "gain over the last", .key = "gain", .kind = PSI_TABLE_REAL},
    };
    const struct psi_nested *nested = &file->prediction.nested;
    struct psi_held_out sum = {.rows = 0};
    enum psi_status status =
        psi_issp_table_create(table, column, sizeof column / sizeof *column, 0, PSI_MODELS, err);
    for (size_t s = 0; s < nested->seeds; s++) {
        sum.rows += file->by_seed[s].rows;
        sum.total += file->by_seed[s].total;
        for (int m = 0; m < PSI_MODELS; m++)
            sum.error[m] += file->by_seed[s].error[m];
    }
    for (int m = 0; !status && sum.rows && m < PSI_MODELS; m++) {
        struct psi_table_cell *cell = psi_issp_table_row(table);
        cell[0] = psi_cell_text(model_name[m]);
        cell[1] = psi_cell_count(nested->width[m]);
        cell[2] = psi_cell_count(sum.rows);
        cell[3] = psi_cell_real(sqrt(sum.error[m] / (double)sum.rows));
        cell[4] = psi_cell_real(1 - sum.error[m] / sum.total);
        if (m > 0)
            cell[5] = psi_cell_real(psi_nested_gain(&sum, m - 1, m));
    }
    return status;
}

/* What was held out, from cell[1] on. */
static void held_cells(const struct psi_held_out *held, struct psi_table_cell *cell)
{
    cell[1] = psi_cell_count(held->rows);
    for (int m = 0; m < PSI_MODELS; m++)
        cell[2 + m] = psi_cell_real(sqrt(held->error[m] / (double)held->rows));
    cell[2 + PSI_MODELS] =
        psi_cell_real(psi_nested_gain(held, PSI_MODEL_STRUCTURE, PSI_MODEL_OVERLAP));
}

#define HELD_COLUMNS                                                          \
    {.title = "cells", .key = "cells", .kind = PSI_TABLE_INTEGER},            \
        {.title = "RMS error M0", .key = "error_m0", .kind = PSI_TABLE_REAL}, \
        {.title = "M1", .key = "error_m1", .kind = PSI_TABLE_REAL},           \
        {.title = "M2", .key = "error_m2", .kind = PSI_TABLE_REAL},           \
        {.title = "M3", .key = "error_m3", .kind = PSI_TABLE_REAL},           \
        {.title = "gain M1 to M2", .key = "gain", .kind = PSI_TABLE_REAL},

enum psi_status psi_issp_model_seeds(const struct psi_issp_file *file, struct psi_issp_table *table,
                                     struct psi_error *err)
{
    static const struct psi_table_column column[] = {
        {.title = "seed", .key = "seed", .kind = PSI_TABLE_INTEGER}, HELD_COLUMNS};
    size_t seeds = file->prediction.nested.seeds;
    enum psi_status status =
        psi_issp_table_create(table, column, sizeof column / sizeof *column, 0, seeds, err);
    for (size_t s = 0; !status && s < seeds; s++) {
        if (file->by_seed[s].rows == 0)
            continue;
        struct psi_table_cell *cell = psi_issp_table_row(table);
        cell[0] = psi_cell_count(file->job->seed[s]);
        held_cells(&file->by_seed[s], cell);
    }
    return status;
}

enum psi_status psi_issp_model_criteria(const struct psi_issp_file *file,
                                        struct psi_issp_table *table, struct psi_error *err)
{
    static const struct psi_table_column column[] = {
        {.title = "criterion", .key = "criterion", .kind = PSI_TABLE_TEXT}, HELD_COLUMNS};
    size_t criteria = file->prediction.nested.criteria;
    enum psi_status status =
        psi_issp_table_create(table, column, sizeof column / sizeof *column, 0, criteria, err);
    for (size_t c = 0; !status && c < criteria; c++) {
        if (file->by_criterion[c].rows == 0)
            continue;
        struct psi_table_cell *cell = psi_issp_table_row(table);
        cell[0] = psi_cell_text(psi_criteria[file->prediction.criterion_row[c]].name);
        held_cells(&file->by_criterion[c], cell);
    }
    return status;
}

/* The cells of the band, column by column. */
struct band {
    size_t rows;
    uint8_t *in, *recovered;
    double *value, *outcome, *probability, *control; /* (rows) each; control (rows, 2) */
};

static void band_clear(struct band *band)
{
    free(band->control);
    free(band->probability);
    free(band->outcome);
    free(band->value);
    free(band->recovered);
    free(band->in);
}

static enum psi_status band_create(const struct psi_nested *n, struct band *band,
                                   struct psi_error *err)
{
    *band = (struct band){
        .in = psi_allocate(n->rows, 1, "band", err),
        .recovered = psi_allocate(n->rows, 1, "band", err),
        .value = psi_allocate(n->rows, sizeof(double), "band", err),
        .outcome = psi_allocate(n->rows, sizeof(double), "band", err),
        .probability = psi_allocate(n->rows, sizeof(double), "band", err),
        .control = psi_allocate(2 * n->rows, sizeof(double), "band", err),
    };
    if (!band->in || !band->recovered || !band->value || !band->outcome || !band->probability ||
        !band->control)
        return PSI_MEMORY;
    enum psi_status status = psi_nested_band(n, band->in, err);
    for (size_t i = 0; !status && i < n->rows; i++) {
        if (!band->in[i])
            continue;
        band->recovered[band->rows] = n->outcome[i] >= PSI_RECOVERED;
        band->control[2 * band->rows] = n->predictor[i * n->columns];
        band->control[2 * band->rows + 1] = n->predictor[i * n->columns + 1];
        band->outcome[band->rows++] = n->outcome[i];
    }
    return status;
}

/* One predictor: density and effective density themselves have no partial correlation. */
static enum psi_status predictor_row(const struct psi_nested *n, struct band *band, size_t column,
                                     struct psi_table_cell *cell, struct psi_error *err)
{
    double auc = NAN, plain = NAN, partial = NAN;
    size_t rows = 0;
    for (size_t i = 0; i < n->rows; i++)
        if (band->in[i])
            band->value[rows++] = n->predictor[i * n->columns + column];
    psi_regress_logistic(band->value, band->recovered, rows, band->probability);
    enum psi_status status = psi_auc(band->value, band->recovered, rows, &auc, err);
    if (!status)
        status = psi_partial_spearman(band->value, band->outcome, NULL, rows, 0, &plain, err);
    if (!status && column > 1)
        status =
            psi_partial_spearman(band->value, band->outcome, band->control, rows, 2, &partial, err);
    cell[1] = psi_cell_count(rows);
    cell[2] = psi_cell_real(auc);
    cell[3] = psi_cell_real(psi_brier(band->probability, band->recovered, rows));
    cell[4] = psi_cell_real(plain);
    cell[5] = psi_cell_real(partial);
    return status;
}

enum psi_status psi_issp_predictors(const struct psi_issp_file *file, struct psi_issp_table *table,
                                    struct psi_error *err)
{
    static const struct psi_table_column column[] = {
        {.title = "predictor", .key = "predictor", .kind = PSI_TABLE_TEXT},
        {.title = "cells", .key = "cells", .kind = PSI_TABLE_INTEGER},
        {.title = "AUC", .key = "auc", .kind = PSI_TABLE_REAL},
        {.title = "Brier", .key = "brier", .kind = PSI_TABLE_REAL},
        {.title = "Spearman with Psi", .key = "spearman", .kind = PSI_TABLE_REAL},
        {.title = "given density and effective density",
         .key = "spearman_partial",
         .kind = PSI_TABLE_REAL},
    };
    const struct psi_nested *n = &file->prediction.nested;
    size_t predictors = n->width[PSI_MODEL_OVERLAP];
    struct band band;
    enum psi_status status = band_create(n, &band, err);
    if (!status)
        status = psi_issp_table_create(table, column, sizeof column / sizeof *column, 0, predictors,
                                       err);
    if (!status)
        table->name = psi_allocate(predictors, sizeof *table->name, "table", err);
    if (!status && !table->name)
        status = PSI_MEMORY;
    for (size_t c = 0; !status && band.rows && c < predictors; c++) {
        if (psi_prediction_is_bend(&file->prediction, c))
            continue;
        struct psi_table_cell *cell = psi_issp_table_row(table);
        psi_prediction_name(&file->prediction, c, table->name[c]);
        cell[0] = psi_cell_text(table->name[c]);
        status = predictor_row(n, &band, c, cell, err);
    }
    band_clear(&band);
    return status;
}
