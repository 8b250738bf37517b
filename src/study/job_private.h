/* Private to src/study/job*.c: the key table, and the reader that carries YAML into a job.
 *
 * A table describes one C struct, row by row; a section's row points to the table of the struct
 * inside. Parser, defaults, --set, printed forms, difference and README walk the same rows, so a
 * new key is one row in job_keys.c (and, for a new kind of value, one row in job_value.c).
 */
#ifndef PSISWEEP_STUDY_JOB_PRIVATE_H
#define PSISWEEP_STUDY_JOB_PRIVATE_H

#include "psisweep/job.h"
#include <stddef.h>
#include <stdio.h>
#include <yaml.h>

enum psi_key_type {
    PSI_KEY_SECTION,  /* the struct that `keys` describes */
    PSI_KEY_ARMS,     /* struct psi_arm[], each described by `keys` */
    PSI_KEY_MAPPING,  /* the same, written on one line and given as a whole */
    PSI_KEY_TEXT,     /* char[PSI_NAME + 1], never empty */
    PSI_KEY_ARM_NAME, /* the same, of an arm of this job; may be empty */
    PSI_KEY_PATH,     /* char *, owned; NULL = "" */
    PSI_KEY_INTEGER,  /* size_t or uint64_t, which are one on every 64-bit system */
    PSI_KEY_REAL,     /* double */
    PSI_KEY_CHOICE,   /* int */
    PSI_KEY_INTEGERS, /* size_t[most], their number at `count` */
    PSI_KEY_DENSITY,  /* the job's density axis: a list, or the mapping that `keys` describes */
    PSI_KEY_SPARSITY, /* the same axis as 1 - density; never written */
    PSI_KEY_SEEDS     /* the job's seeds: a number of them, or a list */
};

struct psi_job_key {
    const char *name; /* last part of the path; NULL ends a table */
    enum psi_key_type type;
    size_t offset;      /* of the value in the struct that the table describes */
    size_t count, most; /* integers: offset of the number of entries, and the most there can be */
    const char *range;  /* of a number or of each number, "[1, 1024]", "(0, inf)": the text that is
                           shown is also what is checked */
    const char *unit;
    const char *fallback; /* default, as YAML; a section's is laid over those of its keys */
    const char *absent;   /* in words, what leaving the key out means where there is no default */
    const char
        *excludes; /* the other key of this mapping that says the same: exactly one is given */
    const char *const *choices;     /* names by value, NULL-ended; NULL = those of psi_criteria */
    const struct psi_job_key *keys; /* see psi_key_type */
    int extent; /* 1 = only a name or the grid's extent: a cell stays what it is */
    int place;  /* 1 = where something lies, not what it is: no difference between jobs */
    const char *help;
};

/* grid.density as a mapping. */
struct psi_job_axis {
    double from, to;
    size_t per_decade;
};

extern const char *const psi_job_truths[];         /* false, true */
extern const struct psi_job_key psi_job_keys[];    /* describes struct psi_job */
extern const struct psi_job_key psi_arm_keys[];    /* struct psi_arm */
extern const struct psi_job_key psi_rescue_keys[]; /* struct psi_rescue_spec */

/* The choice's name, NULL past the last. */
const char *psi_key_choice(const struct psi_job_key *key, size_t value);

/* Where a key of a section was last given, for what is found wrong later. */
struct psi_job_mark {
    const struct psi_job_key *key;
    const void *base;
    size_t line; /* 0 = by an override */
};

enum psi_job_origin { PSI_FROM_FILE, PSI_FROM_OVERRIDE, PSI_FROM_DEFAULT };
enum { PSI_KEYS_MAX = 128, PSI_LABEL = 160, PSI_WHERE = 160, PSI_FOUND = 64, PSI_ESCAPED = 12 };

struct psi_job_reader {
    struct psi_job *job;
    char where[PSI_WHERE]; /* the file in messages: one line, its end if it is long */
    enum psi_job_origin origin;
    yaml_document_t *document; /* whose nodes are being read */
    char label[PSI_LABEL];     /* the key being read: "train.epochs", "arms: entry 2: scope" */
    struct psi_job_mark mark[PSI_KEYS_MAX];
    size_t marks;
    struct psi_error *err;
};

/* job.c: a job with only defaults in it, for what is shown of them. */
struct psi_job *psi_job_defaults(struct psi_error *err);

/* job_yaml.c: documents, mappings, messages. */

/* Fail with "file:line: key: ..." or "--set key: ...". line 0 leaves the line out. */
enum psi_status psi_job_fail(struct psi_job_reader *reader, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "expected <what the key takes>, found <node>" */
enum psi_status psi_job_mismatch(struct psi_job_reader *reader, const struct psi_job_key *key,
                                 const yaml_node_t *node);
size_t psi_job_line(const yaml_node_t *node);
/* A node in a few words, one line: `"text"`, "a list"; returns found. */
const char *psi_job_found(const yaml_node_t *node, char found[PSI_FOUND]);

/* Append to the label; returns what psi_job_leave takes to undo it. */
size_t psi_job_enter(struct psi_job_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void psi_job_leave(struct psi_job_reader *reader, size_t length);

/* The one document of text, with a root; the caller deletes it. */
enum psi_status psi_job_load(struct psi_job_reader *reader, const char *text,
                             yaml_document_t *document);
/* Read a mapping into base. whole: the mapping stands alone (an arm), so that required keys must be
 * in it and defaults are filled in first; else it is laid over what base holds, and noted in the
 * marks. */
enum psi_status psi_job_read_mapping(struct psi_job_reader *reader, const struct psi_job_key *keys,
                                     yaml_node_t *node, void *base, int whole);
/* Set every key of the table that has a default. */
enum psi_status psi_job_read_defaults(struct psi_job_reader *reader, const struct psi_job_key *keys,
                                      void *base);
/* The last mark of key in base, or NULL. */
struct psi_job_mark *psi_job_marked(struct psi_job_reader *reader, const struct psi_job_key *key,
                                    const void *base);
/* Note where key was given (not for defaults). */
void psi_job_note(struct psi_job_reader *reader, const struct psi_job_key *key, const void *base,
                  size_t line);

/* job_check.c: what no row alone can tell. Of an arm, whose label is set and which stands on a
 * line: find those it refers to; then, when all have, does it make sense? */
enum psi_status psi_job_resolve_arm(struct psi_job_reader *reader, size_t arm, size_t line);
enum psi_status psi_job_check_arm(struct psi_job_reader *reader, size_t arm, size_t line);
enum psi_status psi_job_check_together(struct psi_job_reader *reader);
/* Put the added densities between those of the grid. */
enum psi_status psi_job_refine(struct psi_job_reader *reader);

/* job.c: fail at a key that has been read, on the line that gave it. */
enum psi_status psi_job_fail_at(struct psi_job_reader *reader, const char *path, const char *format,
                                ...) __attribute__((format(printf, 3, 4)));

/* job_value.c: a density as it is kept. */
double psi_job_canonical(double density);

/* job_find.c: the row called name[0..length-1], or a failure that tells the nearest one. */
enum psi_status psi_job_find(struct psi_job_reader *reader, const struct psi_job_key *keys,
                             const char *name, size_t length, size_t line,
                             const struct psi_job_key **out);

/* job_value.c: a node into its field. base is the struct that key's table describes. */
enum psi_status psi_job_read_value(struct psi_job_reader *reader, const struct psi_job_key *key,
                                   yaml_node_t *node, void *base);

/* job_write.c: a field as YAML, and what a key takes in words ("an integer in [1, 1024]"). */
void psi_job_write_value(FILE *file, const struct psi_job_key *key, const void *base);
void psi_job_write_expected(FILE *file, const struct psi_job_key *key);
/* The first character of text (length > 0) as it stands in double-quoted YAML on one line, NUL-
 * terminated; returns the bytes of text that it took. Bytes that are no UTF-8 come as "\xNN". */
size_t psi_job_escape(const char *text, size_t length, char out[PSI_ESCAPED]);
/* Escape as much of text as fits into out (size); returns the bytes of text that it took. */
size_t psi_job_escape_all(const char *text, size_t length, char *out, size_t size);

#endif
