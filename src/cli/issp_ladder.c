/* Tables of the rescue ladder. */
#include "issp.h"

#include "psisweep/rescue.h"

#include <stdio.h>

/* One arm, or all of them (PSI_ALL). */
static void arm_row(const struct psi_issp_file *file, size_t arm, const char *name,
                    struct psi_issp_table *table)
{
    struct psi_rescue_count c, apart;
    psi_rescue_count(file->rung, &file->measured, arm, PSI_ALL, &c, &apart);
    if (c.cells == 0)
        return;
    struct psi_share left = psi_share_of(c.cells - c.recovered, c.cells);
    const struct psi_table_cell row[] = {
        psi_cell_text(name),
        psi_cell_count(c.cells),
        psi_cell_count(left.count),
        psi_cell_real((double)left.count / (double)left.of),
        psi_cell_real(left.low),
        psi_cell_real(left.high),
        psi_cell_count(c.kind[PSI_OPTIMISATION]),
        psi_cell_count(c.kind[PSI_STRUCTURAL]),
        psi_cell_count(c.kind[PSI_CAPACITY]),
        psi_cell_count(c.kind[PSI_UNDECIDED]),
        psi_cell_count(c.rewire_tried),
        psi_cell_count(c.rewired),
        psi_cell_count(c.regrow_tried),
        psi_cell_count(c.regrown),
    };
    struct psi_table_cell *cell = psi_issp_table_row(table);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        cell[i] = row[i];
}

enum psi_status psi_issp_ladder_arms(const struct psi_issp_file *file, struct psi_issp_table *table,
                                     struct psi_error *err)
{
    static const struct psi_table_column column[] = {
        {.title = "arm", .key = "arm", .kind = PSI_TABLE_TEXT},
        {.title = "cells", .key = "cells", .kind = PSI_TABLE_INTEGER},
        {.title = "not recovered", .key = "not_recovered", .kind = PSI_TABLE_INTEGER},
        {.title = "share", .key = "share", .kind = PSI_TABLE_REAL},
        {.title = "low", .key = "share_low", .kind = PSI_TABLE_REAL},
        {.title = "high", .key = "share_high", .kind = PSI_TABLE_REAL},
        {.title = "optimisation", .key = "optimisation", .kind = PSI_TABLE_INTEGER},
        {.title = "structural", .key = "structural", .kind = PSI_TABLE_INTEGER},
        {.title = "capacity", .key = "capacity", .kind = PSI_TABLE_INTEGER},
        {.title = "undecided", .key = "undecided", .kind = PSI_TABLE_INTEGER},
        {.title = "rewire tried", .key = "rewire_tried", .kind = PSI_TABLE_INTEGER},
        {.title = "recovers", .key = "rewire_recovers", .kind = PSI_TABLE_INTEGER},
        {.title = "regrow tried", .key = "regrow_tried", .kind = PSI_TABLE_INTEGER},
        {.title = "recovers", .key = "regrow_recovers", .kind = PSI_TABLE_INTEGER},
    };
    enum psi_status status = psi_issp_table_create(table, column, sizeof column / sizeof *column, 0,
                                                   file->job->arms + 1, err);
    for (size_t a = 0; !status && a < file->job->arms; a++)
        arm_row(file, a, file->job->arm[a].name, table);
    if (!status)
        arm_row(file, PSI_ALL, NULL, table);
    return status;
}

enum psi_status psi_issp_ladder_apart(const struct psi_issp_file *file,
                                      struct psi_issp_table *table, struct psi_error *err)
{
    static const struct psi_table_column column[] = {
        {.title = "arm", .key = "arm", .kind = PSI_TABLE_TEXT},
        {.title = "cells", .key = "cells", .kind = PSI_TABLE_INTEGER},
        {.title = "rewire tried", .key = "rewire_tried", .kind = PSI_TABLE_INTEGER},
        {.title = "recovers", .key = "rewire_recovers", .kind = PSI_TABLE_INTEGER},
        {.title = "regrow tried", .key = "regrow_tried", .kind = PSI_TABLE_INTEGER},
        {.title = "recovers", .key = "regrow_recovers", .kind = PSI_TABLE_INTEGER},
    };
    enum psi_status status = psi_issp_table_create(table, column, sizeof column / sizeof *column, 0,
                                                   file->job->arms, err);
    for (size_t a = 0; !status && a < file->job->arms; a++) {
        struct psi_rescue_count connected, c;
        psi_rescue_count(file->rung, &file->measured, a, PSI_ALL, &connected, &c);
        if (c.cells == 0)
            continue;
        struct psi_table_cell *cell = psi_issp_table_row(table);
        cell[0] = psi_cell_text(file->job->arm[a].name);
        cell[1] = psi_cell_count(c.cells);
        cell[2] = psi_cell_count(c.rewire_tried);
        cell[3] = psi_cell_count(c.rewired);
        cell[4] = psi_cell_count(c.regrow_tried);
        cell[5] = psi_cell_count(c.regrown);
    }
    return status;
}

static void share_row(const char *by, const char *what, size_t budget, int moves,
                      struct psi_share share, struct psi_issp_table *table)
{
    if (share.of == 0)
        return;
    struct psi_table_cell *cell = psi_issp_table_row(table);
    cell[0] = psi_cell_text(by);
    cell[1] = psi_cell_text(what);
    if (budget)
        cell[2] = psi_cell_count(budget);
    cell[3] = psi_cell_text(moves ? "moves" : "same mask");
    cell[4] = psi_cell_count(share.of);
    cell[5] = psi_cell_count(share.count);
    cell[6] = psi_cell_real((double)share.count / (double)share.of);
    cell[7] = psi_cell_real(share.low);
    cell[8] = psi_cell_real(share.high);
}

/* Within each budget that a rung under the same mask has. */
static void budget_rows(const struct psi_issp_file *file, struct psi_issp_table *table)
{
    const struct psi_rung *rung = file->rung;
    size_t rungs = file->measured.rungs, last = 0;
    for (;;) {
        uint8_t member[PSI_RUNGS_MAX] = {0};
        size_t next = SIZE_MAX;
        for (size_t r = 0; r < rungs; r++)
            if (!psi_rung_moves(&rung[r]) && rung[r].budget > last && rung[r].budget < next)
                next = rung[r].budget;
        if (next == SIZE_MAX)
            return;
        for (size_t r = 0; r < rungs; r++)
            member[r] = !psi_rung_moves(&rung[r]) && rung[r].budget <= next;
        share_row("budget", NULL, next, 0, psi_rescue_share(&file->measured, member), table);
        last = next;
    }
}

enum psi_status psi_issp_ladder_shares(const struct psi_issp_file *file,
                                       struct psi_issp_table *table, struct psi_error *err)
{
    static const struct psi_table_column column[] = {
        {.title = "by", .key = "by", .kind = PSI_TABLE_TEXT},
        {.title = "rung or way", .key = "what", .kind = PSI_TABLE_TEXT},
        {.title = "budget", .key = "budget", .kind = PSI_TABLE_INTEGER},
        {.title = "mask", .key = "mask", .kind = PSI_TABLE_TEXT},
        {.title = "tried", .key = "tried", .kind = PSI_TABLE_INTEGER},
        {.title = "recovered", .key = "recovered", .kind = PSI_TABLE_INTEGER},
        {.title = "share", .key = "share", .kind = PSI_TABLE_REAL},
        {.title = "low", .key = "share_low", .kind = PSI_TABLE_REAL},
        {.title = "high", .key = "share_high", .kind = PSI_TABLE_REAL},
    };
    size_t rungs = file->measured.rungs;
    enum psi_status status = psi_issp_table_create(table, column, sizeof column / sizeof *column, 0,
                                                   2 * rungs + PSI_RUNG_KINDS, err);
    if (status || !rungs)
        return status;
    for (size_t r = 0; r < rungs; r++) {
        uint8_t member[PSI_RUNGS_MAX] = {0};
        member[r] = 1;
        share_row("rung", file->rung[r].name, file->rung[r].budget, psi_rung_moves(&file->rung[r]),
                  psi_rescue_share(&file->measured, member), table);
    }
    budget_rows(file, table);
    for (int kind = 0; kind < PSI_RUNG_KINDS; kind++) {
        uint8_t member[PSI_RUNGS_MAX] = {0};
        for (size_t r = 0; r < rungs; r++)
            member[r] = file->rung[r].kind == kind;
        share_row("way", psi_rung_kind_name[kind], 0, kind >= PSI_RUNG_REWIRE,
                  psi_rescue_share(&file->measured, member), table);
    }
    return status;
}
