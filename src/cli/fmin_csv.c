/* psisweep fmin --csv: one row an arm, level and measure. */
#include "fmin.h"

#include "psisweep/memory.h"
#include "psisweep/prune.h"
#include "psisweep/table.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

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
    {.key = "censored_fit_low", .kind = PSI_TABLE_REAL},
    {.key = "censored_fit_center", .kind = PSI_TABLE_REAL},
    {.key = "censored_fit_high", .kind = PSI_TABLE_REAL},
    {.key = "censored_fit_deviation_log10", .kind = PSI_TABLE_REAL},
    {.key = "turnbull_median_low", .kind = PSI_TABLE_REAL},
    {.key = "turnbull_median_high", .kind = PSI_TABLE_REAL},
    {.key = "bootstrap_low", .kind = PSI_TABLE_REAL},
    {.key = "bootstrap_high", .kind = PSI_TABLE_REAL},
    {.key = "width_median", .kind = PSI_TABLE_REAL},
    {.key = "width_low", .kind = PSI_TABLE_REAL},
    {.key = "width_high", .kind = PSI_TABLE_REAL},
    {.key = "width_seeds", .kind = PSI_TABLE_INTEGER},
    {.key = "band_cells", .kind = PSI_TABLE_INTEGER},
    {.key = "intermediate_cells", .kind = PSI_TABLE_INTEGER},
    {.key = "c1_verdict", .kind = PSI_TABLE_TEXT},
    {.key = "c1_mean", .kind = PSI_TABLE_REAL},
    {.key = "c1_low", .kind = PSI_TABLE_REAL},
    {.key = "c1_high", .kind = PSI_TABLE_REAL},
    {.key = "c1_p_above", .kind = PSI_TABLE_REAL},
    {.key = "c1_p_below", .kind = PSI_TABLE_REAL},
    {.key = "c1_p_holm", .kind = PSI_TABLE_REAL},
};
enum { CSV_COLUMNS = sizeof csv_column / sizeof *csv_column };

/* Empty where the arm is not compared. */
static void csv_claim(const struct psi_contrast *c, struct psi_table_cell *cell)
{
    cell[0].text = c ? psi_verdict_name[c->verdict] : NULL;
    cell[1].real = c ? c->mean : NAN;
    cell[2].real = c ? c->low : NAN;
    cell[3].real = c ? c->high : NAN;
    cell[4].real = c ? c->p_up : NAN;
    cell[5].real = c ? c->p_down : NAN;
    cell[6].real = c ? c->p_holm : NAN;
}

static void csv_row(const struct psi_fmin_file *file, const struct psi_fmin_scaling *scaling,
                    size_t arm, int level, int measure, struct psi_table_cell cell[CSV_COLUMNS])
{
    const struct psi_arm *a = &file->job->arm[arm];
    const struct psi_fmin_estimate *e = &file->arm[arm].at[level][measure];
    const struct psi_sharpness *s = &file->arm[arm].sharpness;
    const struct psi_pooled *p = &e->pooled;
    size_t claim = psi_fmin_claim(scaling, file, arm);
    for (int i = 0; i < CSV_COLUMNS; i++)
        cell[i].kind = csv_column[i].kind;
    cell[0].text = psi_results_path(file->results);
    cell[1].text = a->name;
    cell[2].text = psi_criteria[a->criterion].name;
    cell[3].text = psi_fmin_scope_name[a->scope];
    cell[4].real = psi_fmin_level[level];
    cell[5].text = psi_fmin_measure[measure];
    cell[6].text = psi_fmin_method_name[p->method];
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
    cell[18].real = pow(10, e->lognormal.low);
    cell[19].real = pow(10, e->lognormal.mean);
    cell[20].real = pow(10, e->lognormal.high);
    cell[21].real = e->lognormal.deviation;
    cell[22].real = e->curve.median_low;
    cell[23].real = e->curve.median_high;
    cell[24].real = pow(10, e->bootstrap.low);
    cell[25].real = pow(10, e->bootstrap.high);
    cell[26].real = s->median;
    cell[27].real = s->low;
    cell[28].real = s->high;
    cell[29].integer = (int64_t)s->seeds;
    cell[30].integer = (int64_t)s->band_cells;
    cell[31].integer = (int64_t)s->intermediate;
    csv_claim(claim == SIZE_MAX ? NULL : &scaling->claim[claim].contrast, &cell[32]);
}

enum psi_status psi_fmin_print_csv(const struct psi_fmin_file *file, size_t files,
                                   const struct psi_fmin_scaling *scaling, struct psi_error *err)
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
                    csv_row(&file[i], scaling, arm, l, m, cell[row++]);
            }
        }
    }
    struct psi_table table = {csv_column, &cell[0][0], CSV_COLUMNS, row};
    psi_table_print_csv(&table, stdout);
    free(cell);
    return PSI_OK;
}
