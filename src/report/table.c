#include "psisweep/table.h"
#include "text.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a well-formed character by its first byte, and the range of its second one: Unicode 15,
 * table 3-7. It rules out overlong forms, surrogates and what is beyond U+10FFFF. */
static int utf8_length(unsigned char first, unsigned char *low, unsigned char *high)
{
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

uint32_t psi_utf8_next(const char **text)
{
    const unsigned char *byte = (const unsigned char *)*text;
    unsigned char low, high;
    int length = utf8_length(byte[0], &low, &high);
    if (byte[0] == 0)
        return 0;
    uint32_t point = length < 2 ? byte[0] : byte[0] & (0x7fu >> length);
    int used = 1;
    for (; used < length && byte[used] >= low && byte[used] <= high; used++) {
        point = point << 6 | (byte[used] & 0x3f);
        low = 0x80;
        high = 0xbf;
    }
    *text += used;
    return used == length ? point : 0xfffd;
}

void psi_real_text(double real, char text[PSI_REAL_TEXT])
{
    if (isnan(real)) {
        strcpy(text, "nan"); /* printf may give it a sign */
        return;
    }
    /* %g drops trailing zeros, and 15 digits bring back whatever has so few (DBL_DIG), so that
     * shorter ones need no trial; but for the subnormal */
    for (int digits = fabs(real) < DBL_MIN ? 1 : DBL_DIG; digits <= 17; digits++) {
        snprintf(text, PSI_REAL_TEXT, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            return;
    }
}

int psi_text_escape(uint32_t point, char escape[8])
{
    escape[0] = '\0';
    if (point == '\n' || point == '\r' || point == '\t')
        snprintf(escape, 8, "\\%c", point == '\n' ? 'n' : point == '\r' ? 'r' : 't');
    else if (point < 0x20 || point == 0x7f)
        snprintf(escape, 8, "\\x%02x", (unsigned)point);
    else if ((point >= 0x80 && point < 0xa0) || point == 0xfffe || point == 0xffff)
        snprintf(escape, 8, "\\u%04x", (unsigned)point);
    return escape[0] != '\0';
}

/* Write text for people and return how many columns it takes; file NULL = only measure. */
static int put_text(const char *text, FILE *file)
{
    int width = 0;
    const char *from = text;
    for (uint32_t point; (point = psi_utf8_next(&text)) != 0; from = text) {
        char escape[8];
        width += psi_text_escape(point, escape) ? (int)strlen(escape) : 1;
        if (!file)
            continue;
        if (escape[0])
            fputs(escape, file);
        else if (point == 0xfffd)
            fputs("\xef\xbf\xbd", file);
        else
            fwrite(from, 1, (size_t)(text - from), file);
    }
    return width;
}

void psi_text_print(const char *text, FILE *file)
{
    put_text(text, file);
}

static int put_header(const struct psi_table_column *column, FILE *file)
{
    int width = put_text(column->title, file);
    if (!column->unit)
        return width;
    width += put_text(" [", file) + put_text(column->unit, file) + put_text("]", file);
    return width;
}

static int put_cell(const struct psi_table_column *column, const struct psi_table_cell *cell,
                    FILE *file)
{
    char number[PSI_REAL_TEXT];
    const char *text = "-";
    assert(cell->kind == PSI_TABLE_NONE || cell->kind == column->kind);
    if (cell->kind == PSI_TABLE_TEXT && cell->text) {
        text = cell->text;
    } else if (cell->kind == PSI_TABLE_INTEGER) {
        snprintf(number, sizeof number, "%lld", (long long)cell->integer);
        text = number;
    } else if (cell->kind == PSI_TABLE_REAL && !isnan(cell->real)) {
        snprintf(number, sizeof number, "%.*g", column->digits ? column->digits : 3, cell->real);
        text = number;
    }
    return put_text(text, file);
}

/* row == table->rows is the header. */
static int put(const struct psi_table *table, size_t row, size_t c, FILE *file)
{
    const struct psi_table_column *column = &table->column[c];
    return row == table->rows ? put_header(column, file)
                              : put_cell(column, &table->cell[row * table->columns + c], file);
}

/* Blanks are owed, and paid only before more text: none trail. */
static void print_row(const struct psi_table *table, size_t row, const int *widest, FILE *file)
{
    int owed = 0;
    for (size_t c = 0; c < table->columns; c++) {
        int width = put(table, row, c, NULL);
        int left = table->column[c].kind == PSI_TABLE_TEXT;
        owed += left ? 0 : widest[c] - width;
        if (width > 0) {
            fprintf(file, "%*s", owed, "");
            owed = 0;
        }
        put(table, row, c, file);
        owed += (left ? widest[c] - width : 0) + 2;
    }
    fputc('\n', file);
}

void psi_table_print(const struct psi_table *table, FILE *file)
{
    int widest[PSI_TABLE_COLUMNS] = {0};
    assert(table->columns <= PSI_TABLE_COLUMNS);
    for (size_t row = 0; row <= table->rows; row++) {
        for (size_t c = 0; c < table->columns; c++) {
            int width = put(table, row, c, NULL);
            widest[c] = width > widest[c] ? width : widest[c];
        }
    }
    print_row(table, table->rows, widest, file);
    for (size_t row = 0; row < table->rows; row++)
        print_row(table, row, widest, file);
}
