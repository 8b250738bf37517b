/* What differs between two jobs, key by key as written, and arm by arm by name. */
#include "job_private.h"

#include <stdlib.h>
#include <string.h>

/* A value as written; owned by the caller, NULL when out of memory. */
static char *value_text(const struct psi_job_key *key, const void *base)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (file) {
        psi_job_write_value(file, key, base);
    }
    if (!file || fclose(file) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* One line if key's value differs. 0, or -1 when out of memory. */
static int value_differs(FILE *file, const char *prefix, const struct psi_job_key *key,
                         const void *from, const void *to)
{
    char *old = value_text(key, from), *new = value_text(key, to);
    int failed = !old || !new;
    if (!failed && strcmp(old, new) != 0) {
        fprintf(file, "%s%s: %s -> %s\n", prefix, key->name, old, new);
    }
    free(old);
    free(new);
    return failed ? -1 : 0;
}

static const struct psi_arm *find_arm(const struct psi_job *job, const char *name)
{
    for (size_t i = 0; i < job->arms; i++) {
        if (strcmp(job->arm[i].name, name) == 0) {
            return &job->arm[i];
        }
    }
    return NULL;
}

/* The arm as it stands in a line's beginning: `arms "name"` with what follows. */
static void write_arm(FILE *file, const struct psi_job_key *keys, const struct psi_arm *arm,
                      const char *rest)
{
    fputs("arms ", file);
    psi_job_write_value(file, keys, arm); /* the first key is the name */
    fputs(rest, file);
}

static int arms_differ(FILE *file, const struct psi_job_key *keys, const struct psi_job *from,
                       const struct psi_job *to, int cells_only)
{
    int same = from->arms == to->arms, moved = 0, failed = 0;
    for (size_t i = 0; i < from->arms; i++) {
        const struct psi_arm *old = &from->arm[i], *new = find_arm(to, old->name);
        moved |= i < to->arms && strcmp(old->name, to->arm[i].name) != 0;
        if (!new) {
            same = 0;
            if (!cells_only) {
                write_arm(file, keys, old, ": removed\n");
            }
            continue;
        }
        char *name = value_text(keys, old), *prefix = NULL;
        failed |= !name || asprintf(&prefix, "arms %s ", name) < 0;
        for (const struct psi_job_key *key = keys; !failed && key->name; key++) {
            failed |= value_differs(file, prefix, key, old, new) != 0;
        }
        free(prefix);
        free(name);
    }
    for (size_t i = 0; i < to->arms && !cells_only; i++) {
        if (!find_arm(from, to->arm[i].name)) {
            write_arm(file, keys, &to->arm[i], ": added\n");
        }
    }
    if (same && moved && !cells_only) {
        fputs("arms: the same in another order\n", file);
    }
    return failed ? -1 : 0;
}

static int keys_differ(FILE *file, const char *prefix, const struct psi_job_key *keys,
                       const void *from, const void *to, int cells_only)
{
    char inner[PSI_LABEL];
    int failed = 0;
    for (const struct psi_job_key *key = keys; !failed && key->name; key++) {
        if (key->type == PSI_KEY_SECTION) {
            snprintf(inner, sizeof inner, "%s.", key->name);
            failed = keys_differ(file, inner, key->keys, (const char *)from + key->offset,
                                 (const char *)to + key->offset, cells_only);
        } else if (key->type == PSI_KEY_ARMS) {
            failed = arms_differ(file, key->keys, from, to, cells_only);
        } else if (!key->place && !(cells_only && key->extent)) {
            failed = value_differs(file, prefix, key, from, to);
        }
    }
    return failed;
}

char *psi_job_difference(const struct psi_job *from, const struct psi_job *to, int cells_only,
                         struct psi_error *err)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    int failed = !file || keys_differ(file, "", psi_job_keys, from, to, cells_only) != 0;
    if ((file && fclose(file) != 0) || failed) {
        free(text);
        psi_fail(err, PSI_MEMORY, "no memory for the difference of two jobs");
        return NULL;
    }
    return text;
}
