/* Tables of the causal arms: pairs of masks, and ablated modes beside their controls. */
#include "issp.h"

#include "psisweep/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *arm_name(const struct psi_issp_file *file, size_t arm)
{
    return arm == SIZE_MAX ? NULL : file->job->arm[arm].name;
}

/* Mean over seeds of how far apart S is in a layer. */
static double difference_mean(const struct psi_issp_file *file, const struct psi_pair *pair,
                              size_t density, size_t layer)
{
    const struct psi_measured *m = &file->measured;
    double sum = 0;
    size_t count = 0;
    for (size_t s = 0; s < m->seeds; s++) {
        if (!psi_pair_compare(m, pair, s, density).done)
            continue;
        sum += psi_pair_difference(m, pair, s, density, layer);
        count++;
    }
    return sum / (double)count;
}

/* value (seeds) of one effect, where it is defined; returns how many. */
static size_t effects_of(const struct psi_issp_file *file, const struct psi_pair *pair,
                         size_t density, int which, double *value)
{
    size_t count = 0;
    for (size_t s = 0; s < file->measured.seeds; s++) {
        double effect[PSI_EFFECTS];
        psi_pair_effects(&file->measured, pair, s, density, effect);
        if (isfinite(effect[which]))
            value[count++] = effect[which];
    }
    return count;
}

static void pair_row(const struct psi_issp_file *file, const struct psi_pair *pair, size_t density,
                     double *value, size_t columns, struct psi_issp_table *table)
{
    struct psi_pair_row row;
    psi_pair_summarise(&file->measured, pair, density, &row);
    if (row.done == 0)
        return;
    struct psi_table_cell *cell = psi_issp_table_row(table);
    size_t c = 0;
    cell[c++] = psi_cell_text(arm_name(file, pair->arm[PSI_PAIR_PRESERVE]));
    cell[c++] = psi_cell_text(arm_name(file, pair->arm[PSI_PAIR_DESTROY]));
    cell[c++] = psi_cell_real(file->job->density[density]);
    cell[c++] = psi_cell_count(row.done);
    cell[c++] = psi_cell_count(row.degrees_equal);
    cell[c++] = psi_cell_count(row.effective_equal);
    cell[c++] = psi_cell_count(row.norm_equal);
    cell[c++] = psi_cell_real(row.norm_ratio);
    cell[c++] = psi_cell_count(row.apart);
    cell[c++] = psi_cell_count(row.testable);
    for (int which = 0; which < PSI_PAIR_ARMS; which++)
        cell[c++] = psi_cell_real(row.psi[which]);
    for (int which = 0; which < PSI_EFFECTS; which++) {
        size_t count = effects_of(file, pair, density, which, value);
        struct psi_contrast contrast = psi_contrast_student(value, count, 0);
        cell[c++] = psi_cell_real(contrast.mean);
        if (which == PSI_EFFECT_CONTRAST) {
            cell[c++] = psi_cell_real(contrast.low);
            cell[c++] = psi_cell_real(contrast.high);
        }
    }
    for (size_t l = 0; c < columns; l++)
        cell[c++] = psi_cell_real(difference_mean(file, pair, density, l));
}

enum psi_status psi_issp_pairs(const struct psi_issp_file *file, struct psi_issp_table *table,
                               struct psi_error *err)
{
    static const struct psi_table_column column[] = {
        {.title = "preserve", .key = "preserve", .kind = PSI_TABLE_TEXT},
        {.title = "destroy", .key = "destroy", .kind = PSI_TABLE_TEXT},
        {.title = "density", .key = "density", .kind = PSI_TABLE_REAL},
        {.title = "seeds", .key = "seeds", .kind = PSI_TABLE_INTEGER},
        {.title = "degrees =", .key = "degrees_equal", .kind = PSI_TABLE_INTEGER},
        {.title = "effective =", .key = "effective_equal", .kind = PSI_TABLE_INTEGER},
        {.title = "norm 1 %", .key = "norm_equal", .kind = PSI_TABLE_INTEGER},
        {.title = "farthest", .key = "norm_ratio", .kind = PSI_TABLE_REAL, .digits = 4},
        {.title = "dS >= .05", .key = "apart", .kind = PSI_TABLE_INTEGER},
        {.title = "testable", .key = "testable", .kind = PSI_TABLE_INTEGER},
        {.title = "Psi preserve", .key = "psi_preserve", .kind = PSI_TABLE_REAL},
        {.title = "destroy", .key = "psi_destroy", .kind = PSI_TABLE_REAL},
        {.title = "preserve new", .key = "psi_preserve_new", .kind = PSI_TABLE_REAL},
        {.title = "destroy new", .key = "psi_destroy_new", .kind = PSI_TABLE_REAL},
        {.title = "p-d", .key = "effect_finetuned", .kind = PSI_TABLE_REAL, .digits = 2},
        {.title = "p-d new", .key = "effect_new", .kind = PSI_TABLE_REAL, .digits = 2},
        {.title = "contrast", .key = "contrast", .kind = PSI_TABLE_REAL, .digits = 2},
        {.title = "low", .key = "contrast_low", .kind = PSI_TABLE_REAL, .digits = 2},
        {.title = "high", .key = "contrast_high", .kind = PSI_TABLE_REAL, .digits = 2},
    };
    enum { COLUMNS = sizeof column / sizeof *column };
    const struct psi_measured *m = &file->measured;
    size_t swapped = m->layers - 1; /* the last layer stays */
    if (swapped > PSI_TABLE_COLUMNS - COLUMNS)
        swapped = PSI_TABLE_COLUMNS - COLUMNS;
    double *value = psi_allocate(m->seeds, sizeof *value, "effects", err);
    if (!value)
        return PSI_MEMORY;
    enum psi_status status =
        psi_issp_table_create(table, column, COLUMNS, swapped, file->pairs * m->densities, err);
    for (size_t l = 0; !status && l < swapped; l++) {
        char *label = table->label[COLUMNS + l];
        snprintf(label, PSI_ISSP_LABEL, "dS_layer_%zu", l + 1);
        table->column[COLUMNS + l] = (struct psi_table_column){
            .title = label, .key = label, .kind = PSI_TABLE_REAL, .digits = 2};
    }
    for (size_t p = 0; !status && p < file->pairs; p++)
        for (size_t d = 0; d < m->densities; d++)
            pair_row(file, &file->pair[p], d, value, COLUMNS + swapped, table);
    free(value);
    return status;
}

enum psi_status psi_issp_pair_cells(const struct psi_issp_file *file, struct psi_issp_table *table,
                                    struct psi_error *err)
{
    static const struct psi_table_column column[] = {
        {.title = "preserve", .key = "preserve", .kind = PSI_TABLE_TEXT},
        {.title = "seed", .key = "seed", .kind = PSI_TABLE_INTEGER},
        {.title = "density", .key = "density", .kind = PSI_TABLE_REAL},
        {.title = "degrees equal", .key = "degrees_equal", .kind = PSI_TABLE_INTEGER},
        {.title = "effective equal", .key = "effective_equal", .kind = PSI_TABLE_INTEGER},
        {.title = "norm ratio", .key = "norm_ratio", .kind = PSI_TABLE_REAL},
        {.title = "least dS", .key = "difference", .kind = PSI_TABLE_REAL},
        {.title = "testable", .key = "testable", .kind = PSI_TABLE_INTEGER},
        {.title = "p-d", .key = "effect_finetuned", .kind = PSI_TABLE_REAL},
        {.title = "p-d new", .key = "effect_new", .kind = PSI_TABLE_REAL},
        {.title = "contrast", .key = "contrast", .kind = PSI_TABLE_REAL},
    };
    const struct psi_measured *m = &file->measured;
    size_t rows = file->pairs * m->densities * m->seeds;
    enum psi_status status =
        psi_issp_table_create(table, column, sizeof column / sizeof *column, 0, rows, err);
    for (size_t i = 0; !status && i < rows; i++) {
        const struct psi_pair *pair = &file->pair[i / m->densities / m->seeds];
        size_t density = i / m->seeds % m->densities, seed = i % m->seeds;
        struct psi_pair_cell match = psi_pair_compare(m, pair, seed, density);
        double effect[PSI_EFFECTS];
        if (!match.done)
            continue;
        psi_pair_effects(m, pair, seed, density, effect);
        struct psi_table_cell *cell = psi_issp_table_row(table);
        cell[0] = psi_cell_text(arm_name(file, pair->arm[PSI_PAIR_PRESERVE]));
        cell[1] = psi_cell_count(file->job->seed[seed]);
        cell[2] = psi_cell_real(file->job->density[density]);
        cell[3] = psi_cell_count((size_t)match.degrees_equal);
        cell[4] = psi_cell_count((size_t)match.effective_equal);
        cell[5] = psi_cell_real(match.norm_ratio);
        cell[6] = psi_cell_real(match.difference);
        cell[7] = psi_cell_count((size_t)match.testable);
        for (int which = 0; which < PSI_EFFECTS; which++)
            cell[8 + which] = psi_cell_real(effect[which]);
    }
    return status;
}

/* Top minus control over seeds at one stage; *psi = mean Psi of both arms. difference (seeds) */
static struct psi_contrast ablation_contrast(const struct psi_issp_file *file,
                                             struct psi_ablation_pair pair, size_t density,
                                             int stage, double *difference, double *psi)
{
    const struct psi_measured *m = &file->measured;
    const double *values = stage == PSI_PRUNED ? m->psi_pruned : m->psi;
    size_t count = 0;
    *psi = 0;
    for (size_t s = 0; s < m->seeds; s++) {
        size_t top = psi_measured_at(m, pair.top, s, density);
        size_t control = psi_measured_at(m, pair.control, s, density);
        if (!psi_measured_has(m, top) || !psi_measured_has(m, control))
            continue;
        difference[count++] = values[top] - values[control];
        *psi += 0.5 * (values[top] + values[control]);
    }
    *psi /= (double)count; /* NaN without any */
    return psi_contrast_student(difference, count, 0);
}

static void ablation_row(const struct psi_issp_file *file, struct psi_ablation_pair pair,
                         size_t density, int stage, double psi, struct psi_contrast c,
                         struct psi_issp_table *table)
{
    struct psi_table_cell *cell = psi_issp_table_row(table);
    cell[0] = psi_cell_text(file->job->arm[pair.top].name);
    cell[1] = psi_cell_text(file->job->arm[pair.control].name);
    cell[2] = psi_cell_text(psi_stage_name[stage]);
    cell[3] = psi_cell_real(file->job->density[density]);
    cell[4] = psi_cell_count(c.seeds);
    cell[5] = psi_cell_real(psi);
    cell[6] = psi_cell_real(c.mean);
    cell[7] = psi_cell_real(c.low);
    cell[8] = psi_cell_real(c.high);
}

/* Every density, or only the one where both arms' mean Psi is nearest .5. */
static enum psi_status ablation_table(const struct psi_issp_file *file, int every,
                                      struct psi_issp_table *table, struct psi_error *err)
{
    static const struct psi_table_column column[] = {
        {.title = "top", .key = "top", .kind = PSI_TABLE_TEXT},
        {.title = "control", .key = "control", .kind = PSI_TABLE_TEXT},
        {.title = "stage", .key = "stage", .kind = PSI_TABLE_TEXT},
        {.title = "density", .key = "density", .kind = PSI_TABLE_REAL},
        {.title = "seeds", .key = "seeds", .kind = PSI_TABLE_INTEGER},
        {.title = "Psi of both", .key = "psi", .kind = PSI_TABLE_REAL, .digits = 2},
        {.title = "top - control", .key = "contrast", .kind = PSI_TABLE_REAL, .digits = 2},
        {.title = "low", .key = "contrast_low", .kind = PSI_TABLE_REAL, .digits = 2},
        {.title = "high", .key = "contrast_high", .kind = PSI_TABLE_REAL, .digits = 2},
    };
    const struct psi_measured *m = &file->measured;
    struct psi_ablation_pair *pair =
        psi_allocate(PSI_ABLATION_PAIRS_MAX, sizeof *pair, "ablated arms", err);
    double *difference = psi_allocate(m->seeds, sizeof *difference, "ablated arms", err);
    enum psi_status status = pair && difference ? PSI_OK : PSI_MEMORY;
    size_t pairs = status ? 0 : psi_ablation_find(file->job, pair);
    if (!status)
        status = psi_issp_table_create(table, column, sizeof column / sizeof *column, 0,
                                       pairs * PSI_STAGES * m->densities, err);
    for (size_t i = 0; !status && i < pairs * PSI_STAGES; i++) {
        int stage = (int)(i % PSI_STAGES);
        struct psi_ablation_pair p = pair[i / PSI_STAGES];
        struct psi_contrast nearest = {.seeds = 0};
        size_t at = 0;
        double best = NAN, psi;
        for (size_t d = 0; d < m->densities; d++) {
            struct psi_contrast c = ablation_contrast(file, p, d, stage, difference, &psi);
            if (c.seeds && every)
                ablation_row(file, p, d, stage, psi, c, table);
            if (c.seeds && !(fabs(psi - 0.5) >= fabs(best - 0.5))) {
                nearest = c;
                best = psi;
                at = d;
            }
        }
        if (nearest.seeds && !every)
            ablation_row(file, p, at, stage, best, nearest, table);
    }
    free(difference);
    free(pair);
    return status;
}

enum psi_status psi_issp_ablation(const struct psi_issp_file *file, struct psi_issp_table *table,
                                  struct psi_error *err)
{
    return ablation_table(file, 0, table, err);
}

enum psi_status psi_issp_ablation_cells(const struct psi_issp_file *file,
                                        struct psi_issp_table *table, struct psi_error *err)
{
    return ablation_table(file, 1, table, err);
}
