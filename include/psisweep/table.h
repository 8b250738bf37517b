/* Plain output: one table, three printers, and an incremental JSON writer.
 *
 * Knows nothing of what is in a table. Everything here writes to a FILE and returns void: the
 * caller asks ferror() once, at the end. Nothing is allocated or kept; tables and their text are
 * borrowed. Numbers are written as in the C locale.
 */
#ifndef PSISWEEP_TABLE_H
#define PSISWEEP_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum psi_table_kind {
    PSI_TABLE_NONE, /* nothing to say: "-" for people, null in JSON, empty in CSV */
    PSI_TABLE_TEXT,
    PSI_TABLE_REAL,
    PSI_TABLE_INTEGER
};

struct psi_table_cell {
    int kind; /* enum psi_table_kind: its column's, or none */
    union {
        const char *text; /* any bytes; NULL counts as none */
        double real;      /* NaN counts as none, infinities do in JSON */
        int64_t integer;
    };
};

struct psi_table_column {
    const char *title; /* for people */
    const char *unit;  /* shown behind the title in brackets; NULL = none */
    const char *key;   /* of JSON objects and of the CSV header */
    int kind;          /* enum psi_table_kind but none; numbers are right-aligned for people */
    int digits;        /* significant digits of a real for people; 0 = 3. Files get all of them */
};

enum { PSI_TABLE_COLUMNS = 64 }; /* at most */

struct psi_table {
    const struct psi_table_column *column; /* (columns) */
    const struct psi_table_cell *cell;     /* (rows, columns) */
    size_t columns, rows;
};

/* For people: a header, then aligned rows, without colour or trailing blanks. Widths count code
 * points. Control characters are shown escaped (\n, \x1b, \u009b), so that a name cannot drive the
 * terminal; invalid UTF-8 as U+FFFD. */
void psi_table_print(const struct psi_table *table, FILE *file);

/* Text for people: control characters escaped as above. */
void psi_text_print(const char *text, FILE *file);

/* An array of objects, one row a line, then a newline. */
void psi_table_print_json(const struct psi_table *table, FILE *file);

/* RFC 4180: a header of keys, CRLF, quotes where needed. Text is written byte by byte as it is. */
void psi_table_print_csv(const struct psi_table *table, FILE *file);

/* Incremental JSON. Zeroed except for file, then begin, values, end:
 *     struct psi_json json = {.file = stdout};
 *     psi_json_object_begin(&json);
 *     psi_json_key(&json, "schema");
 *     psi_json_string(&json, "psisweep-fmin-1");
 *     psi_json_object_end(&json);
 * In an object every value has a key before it. Members share a line, elements of an array have
 * one each, and the outermost value ends with a newline. Nesting is asserted: at most
 * PSI_JSON_DEPTH, ends match begins. */
enum { PSI_JSON_DEPTH = 32 };

struct psi_json {
    FILE *file;
    unsigned depth;
    struct {
        char end; /* '}' or ']' */
        int used; /* has a member already */
        int key;  /* a key waits for its value */
    } level[PSI_JSON_DEPTH];
};

void psi_json_object_begin(struct psi_json *json);
void psi_json_object_end(struct psi_json *json);
void psi_json_array_begin(struct psi_json *json);
void psi_json_array_end(struct psi_json *json);
void psi_json_key(struct psi_json *json, const char *key);
/* NULL is null. Invalid UTF-8 becomes U+FFFD; control characters and '<' are escaped, so that a
 * document may stand within an HTML script element. */
void psi_json_string(struct psi_json *json, const char *text);
/* The shortest digits that read back to the same double; NaN and infinities are null. */
void psi_json_real(struct psi_json *json, double real);
void psi_json_integer(struct psi_json *json, int64_t integer);
/* The table as an array of objects, a value like any other. */
void psi_json_table(struct psi_json *json, const struct psi_table *table);

/* The next code point of text, which is moved behind it; 0 at the end, where it stays. What is not
 * UTF-8 gives U+FFFD once for each maximal part that begins a character (Unicode 15, 3.9). */
uint32_t psi_utf8_next(const char **text);

enum { PSI_REAL_TEXT = 32 };

/* The shortest digits that read back to the same double ("nan", "inf", "-inf" for the others). */
void psi_real_text(double real, char text[PSI_REAL_TEXT]);

#endif
