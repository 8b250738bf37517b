#include "psisweep/table.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* RFC 4180, 2: quotes around what holds a comma, a quote or a line break; quotes doubled. */
static void put_field(const char *text, FILE *file)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static void put_cell(const struct psi_table_cell *cell, FILE *file)
{
    char number[PSI_REAL_TEXT];
    if (cell->kind == PSI_TABLE_TEXT && cell->text) {
        put_field(cell->text, file);
    } else if (cell->kind == PSI_TABLE_INTEGER) {
        fprintf(file, "%lld", (long long)cell->integer);
    } else if (cell->kind == PSI_TABLE_REAL && !isnan(cell->real)) {
        psi_real_text(cell->real, number);
        fputs(number, file);
    }
}

void psi_table_print_csv(const struct psi_table *table, FILE *file)
{
    for (size_t c = 0; c < table->columns; c++) {
        fputs(c ? "," : "", file);
        put_field(table->column[c].key, file);
    }
    fputs("\r\n", file);
    for (size_t row = 0; row < table->rows; row++) {
        for (size_t c = 0; c < table->columns; c++) {
            const struct psi_table_cell *cell = &table->cell[row * table->columns + c];
            assert(cell->kind == PSI_TABLE_NONE || cell->kind == table->column[c].kind);
            fputs(c ? "," : "", file);
            put_cell(cell, file);
        }
        fputs("\r\n", file);
    }
}
