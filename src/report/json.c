#include "psisweep/table.h"

#include <assert.h>
#include <math.h>

/* What stands before a value: a comma, and in an array a line of its own. */
static void before_value(struct psi_json *json)
{
    if (json->depth == 0)
        return;
    unsigned top = json->depth - 1, arrays = 0;
    if (json->level[top].end == '}') {
        assert(json->level[top].key);
        json->level[top].key = 0;
        return;
    }
    for (unsigned i = 0; i < json->depth; i++)
        arrays += json->level[i].end == ']';
    fprintf(json->file, "%s\n%*s", json->level[top].used ? "," : "", (int)(2 * arrays), "");
    json->level[top].used = 1;
}

static void after_value(struct psi_json *json)
{
    if (json->depth == 0)
        fputc('\n', json->file);
}

static void begin(struct psi_json *json, char first, char end)
{
    before_value(json);
    assert(json->depth < PSI_JSON_DEPTH);
    json->level[json->depth].end = end;
    json->level[json->depth].used = 0;
    json->level[json->depth].key = 0;
    json->depth++;
    fputc(first, json->file);
}

static void end(struct psi_json *json, char end_char)
{
    assert(json->depth > 0);
    unsigned top = --json->depth, arrays = 0;
    assert(json->level[top].end == end_char && !json->level[top].key);
    for (unsigned i = 0; i < top; i++)
        arrays += json->level[i].end == ']';
    if (end_char == ']' && json->level[top].used)
        fprintf(json->file, "\n%*s", (int)(2 * arrays), "");
    fputc(end_char, json->file);
    after_value(json);
}

/* RFC 8259, 7. Beyond what it asks for, '<' is escaped, and DEL and the C1 controls are. */
static void put_string(const char *text, FILE *file)
{
    const char *from = text;
    fputc('"', file);
    for (uint32_t point; (point = psi_utf8_next(&text)) != 0; from = text) {
        if (point == '"' || point == '\\')
            fprintf(file, "\\%c", (char)point);
        else if (point == '\n')
            fputs("\\n", file);
        else if (point == '\t')
            fputs("\\t", file);
        else if (point < 0x20 || point == '<' || (point >= 0x7f && point < 0xa0))
            fprintf(file, "\\u%04x", (unsigned)point);
        else if (point == 0xfffd)
            fputs("\xef\xbf\xbd", file);
        else
            fwrite(from, 1, (size_t)(text - from), file);
    }
    fputc('"', file);
}

void psi_json_object_begin(struct psi_json *json)
{
    begin(json, '{', '}');
}

void psi_json_object_end(struct psi_json *json)
{
    end(json, '}');
}

void psi_json_array_begin(struct psi_json *json)
{
    begin(json, '[', ']');
}

void psi_json_array_end(struct psi_json *json)
{
    end(json, ']');
}

void psi_json_key(struct psi_json *json, const char *key)
{
    assert(json->depth > 0);
    unsigned top = json->depth - 1;
    assert(json->level[top].end == '}' && !json->level[top].key);
    if (json->level[top].used)
        fputs(", ", json->file);
    json->level[top].used = json->level[top].key = 1;
    put_string(key, json->file);
    fputs(": ", json->file);
}

void psi_json_string(struct psi_json *json, const char *text)
{
    before_value(json);
    if (text)
        put_string(text, json->file);
    else
        fputs("null", json->file);
    after_value(json);
}

void psi_json_real(struct psi_json *json, double real)
{
    char text[PSI_REAL_TEXT] = "null";
    if (isfinite(real))
        psi_real_text(real, text);
    before_value(json);
    fputs(text, json->file);
    after_value(json);
}

void psi_json_integer(struct psi_json *json, int64_t integer)
{
    before_value(json);
    fprintf(json->file, "%lld", (long long)integer);
    after_value(json);
}

void psi_json_table(struct psi_json *json, const struct psi_table *table)
{
    psi_json_array_begin(json);
    for (size_t row = 0; row < table->rows; row++) {
        psi_json_object_begin(json);
        for (size_t c = 0; c < table->columns; c++) {
            const struct psi_table_cell *cell = &table->cell[row * table->columns + c];
            assert(cell->kind == PSI_TABLE_NONE || cell->kind == table->column[c].kind);
            psi_json_key(json, table->column[c].key);
            if (cell->kind == PSI_TABLE_REAL)
                psi_json_real(json, cell->real);
            else if (cell->kind == PSI_TABLE_INTEGER)
                psi_json_integer(json, cell->integer);
            else
                psi_json_string(json, cell->kind == PSI_TABLE_TEXT ? cell->text : NULL);
        }
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
}

void psi_table_print_json(const struct psi_table *table, FILE *file)
{
    struct psi_json json = {.file = file};
    psi_json_table(&json, table);
}
