/* Jobs: defaults, then the file, then each override are laid over one another, then checked. */
#include "job_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void psi_job_destroy(struct psi_job *job)
{
    if (job) {
        free(job->data.path);
        free(job->seed);
        free(job->source);
        free(job);
    }
}

/* The row of a path such as "train.epochs" and the struct that it lies in; the label becomes the
 * path, as far as it is known. */
static enum psi_status locate(struct psi_job_reader *reader, const char *path, size_t length,
                              const struct psi_job_key **key, void **base)
{
    *base = reader->job;
    psi_job_leave(reader, 0);
    const char *dot = memchr(path, '.', length);
    size_t first = dot ? (size_t)(dot - path) : length;
    enum psi_status status = psi_job_find(reader, psi_job_keys, path, first, 0, key);
    if (status) {
        return status;
    }
    psi_job_enter(reader, "%s", (*key)->name);
    if (!dot) {
        return PSI_OK;
    }
    if ((*key)->type != PSI_KEY_SECTION) {
        return psi_job_fail(reader, 0, "has no keys inside that can be set alone");
    }
    *base = (char *)*base + (*key)->offset;
    psi_job_enter(reader, ".");
    status = psi_job_find(reader, (*key)->keys, dot + 1, length - first - 1, 0, key);
    if (!status) {
        psi_job_enter(reader, "%s", (*key)->name);
    }
    return status;
}

static enum psi_status read_override(struct psi_job_reader *reader, const char *text)
{
    const struct psi_job_key *key;
    void *base;
    yaml_document_t document;
    char shown[PSI_FOUND];
    const char *equals = strchr(text, '=');
    reader->origin = PSI_FROM_OVERRIDE;
    psi_job_leave(reader, 0);
    if (!equals) {
        psi_job_escape_all(text, strlen(text), shown, sizeof shown);
        return psi_job_fail(reader, 0, "expected key=value, found \"%s\"", shown);
    }
    enum psi_status status = locate(reader, text, (size_t)(equals - text), &key, &base);
    if (!status && strlen(equals) > PSI_JOB_BYTES) {
        status = psi_job_fail(reader, 0, "expected at most %d bytes, found more", PSI_JOB_BYTES);
    }
    if (!status) { /* "data.path=" empties the path */
        int empty = equals[1] == '\0' && (key->type == PSI_KEY_PATH || key->type == PSI_KEY_TEXT);
        status = psi_job_load(reader, empty ? "\"\"" : equals + 1, &document);
    }
    if (status) {
        return status;
    }
    reader->document = &document;
    status = psi_job_read_value(reader, key, yaml_document_get_root_node(&document), base);
    if (!status && key->type != PSI_KEY_SECTION) {
        psi_job_note(reader, key, base, 0);
    }
    yaml_document_delete(&document);
    return status;
}

static enum psi_status read_source(struct psi_job_reader *reader, const char *text)
{
    yaml_document_t document;
    reader->origin = PSI_FROM_FILE;
    if (strlen(text) > PSI_JOB_BYTES) {
        return psi_job_fail(reader, 0, "expected at most %d bytes, found more", PSI_JOB_BYTES);
    }
    if (!(reader->job->source = strdup(text))) {
        return psi_fail(reader->err, PSI_MEMORY, "%s: no memory for a job", reader->where);
    }
    enum psi_status status = psi_job_load(reader, text, &document);
    if (!status) {
        reader->document = &document;
        status = psi_job_read_mapping(reader, psi_job_keys, yaml_document_get_root_node(&document),
                                      reader->job, 0);
        yaml_document_delete(&document);
    }
    return status;
}

enum psi_status psi_job_fail_at(struct psi_job_reader *reader, const char *path, const char *format,
                                ...)
{
    char message[PSI_LABEL];
    const struct psi_job_key *key;
    void *base;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    enum psi_status status = locate(reader, path, strlen(path), &key, &base);
    if (status) {
        return status;
    }
    const struct psi_job_mark *mark = psi_job_marked(reader, key, base);
    reader->origin = mark && mark->line == 0 ? PSI_FROM_OVERRIDE : PSI_FROM_FILE;
    return psi_job_fail(reader, mark ? mark->line : 0, "%s", message);
}

/* Every key that has no default was given, by the file or by an override. */
static enum psi_status check_required(struct psi_job_reader *reader, const char *prefix,
                                      const struct psi_job_key *keys, const void *base)
{
    char path[PSI_LABEL];
    enum psi_status status = PSI_OK;
    for (const struct psi_job_key *key = keys; !status && key->name; key++) {
        if (key->type == PSI_KEY_SECTION) {
            snprintf(path, sizeof path, "%s.", key->name);
            status = check_required(reader, path, key->keys, (const char *)base + key->offset);
            continue;
        }
        snprintf(path, sizeof path, "%s%s", prefix, key->name);
        const struct psi_job_key *other = key->excludes ? keys : key;
        while (key->excludes && strcmp(other->name, key->excludes) != 0) {
            other++;
        }
        if (key->fallback || psi_job_marked(reader, key, base) ||
            psi_job_marked(reader, other, base)) {
            continue;
        }
        status = other == key ? psi_job_fail_at(reader, path, "required, but not given")
                              : psi_job_fail_at(reader, path,
                                                "expected exactly one of %s and %s, found neither",
                                                key->name, other->name);
    }
    return status;
}

/* The resolved text, too, must be one that psi_job_parse takes. */
static enum psi_status check_size(struct psi_job_reader *reader)
{
    char *text = psi_job_text(reader->job, reader->err);
    if (!text) {
        return PSI_MEMORY;
    }
    size_t length = strlen(text);
    free(text);
    reader->origin = PSI_FROM_FILE;
    psi_job_leave(reader, 0);
    return length <= PSI_JOB_BYTES
               ? PSI_OK
               : psi_job_fail(reader, 0,
                              "expected a job of at most %d bytes with all its keys "
                              "written out, found %zu: list fewer seeds",
                              PSI_JOB_BYTES, length);
}

/* The end of the name if it is long, from a character's beginning. */
static void show_where(struct psi_job_reader *reader, const char *where)
{
    enum { SHOWN = 120 };
    size_t length = strlen(where), from = length > SHOWN ? length - SHOWN : 0;
    while (from > 0 && ((unsigned char)where[from] & 0xC0) == 0x80) {
        from++;
    }
    snprintf(reader->where, sizeof reader->where, "%s", from ? "..." : "");
    size_t used = strlen(reader->where);
    psi_job_escape_all(where + from, length - from, reader->where + used,
                       sizeof reader->where - used);
}

struct psi_job *psi_job_defaults(struct psi_error *err)
{
    struct psi_job_reader reader = {.where = "defaults", .err = err};
    reader.job = calloc(1, sizeof *reader.job);
    if (!reader.job) {
        psi_fail(err, PSI_MEMORY, "no memory for a job");
    } else if (psi_job_read_defaults(&reader, psi_job_keys, reader.job)) {
        psi_job_destroy(reader.job);
        return NULL;
    }
    return reader.job;
}

enum psi_status psi_job_parse(const char *text, const char *where, const char *const *override,
                              size_t overrides, struct psi_job **out, struct psi_error *err)
{
    struct psi_job_reader reader = {.err = err};
    show_where(&reader, where);
    struct psi_job *job = reader.job = psi_job_defaults(err);
    if (!job) {
        return PSI_MEMORY;
    }
    enum psi_status status = read_source(&reader, text);
    for (size_t i = 0; !status && i < overrides; i++) {
        status = read_override(&reader, override[i]);
    }
    if (!status) {
        status = check_required(&reader, "", psi_job_keys, job);
    }
    if (!status) {
        status = psi_job_check_together(&reader);
    }
    if (!status) {
        status = psi_job_refine(&reader);
    }
    if (!status) {
        job->data.random_seed = job->random_seed;
        status = check_size(&reader);
    }
    if (status) {
        psi_job_destroy(job);
        return status;
    }
    *out = job;
    return PSI_OK;
}

enum psi_status psi_job_read(const char *path, const char *const *override, size_t overrides,
                             struct psi_job **out, struct psi_error *err)
{
    struct psi_job_reader reader = {.err = err};
    enum psi_status status = PSI_OK;
    size_t line = 1;
    show_where(&reader, path);
    char *text = malloc(PSI_JOB_BYTES + 2);
    FILE *file = fopen(path, "rb");
    if (!text) {
        status = psi_fail(err, PSI_MEMORY, "%s: no memory for a job file", reader.where);
        goto out;
    }
    /* a directory opens, but cannot be read */
    size_t length = file ? fread(text, 1, PSI_JOB_BYTES + 1, file) : 0;
    if (!file || ferror(file)) {
        status = psi_fail(err, PSI_IO, "%s: cannot read the job file: %s", reader.where,
                          strerror(errno));
        goto out;
    }
    text[length] = '\0';
    if (strlen(text) < length) {
        for (const char *c = text; *c; c++) {
            line += *c == '\n';
        }
        status = psi_job_fail(&reader, line, "expected printable UTF-8 text, found byte 0x00");
        goto out;
    }
    status = psi_job_parse(text, path, override, overrides, out, err);
out:
    if (file) {
        fclose(file);
    }
    free(text);
    return status;
}
