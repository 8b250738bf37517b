/* The job resolved, as canonical YAML and with comments, and the key table as Markdown. */
#include "job_private.h"

#include <stdlib.h>
#include <string.h>

/* defaults: the struct that key's table describes, holding defaults; NULL for the tables of lists,
 * where a key's default is the row's own. */
static void write_default(FILE *file, const struct psi_job_key *key, const void *defaults)
{
    if (key->fallback && defaults) {
        psi_job_write_value(file, key, defaults);
    } else if (key->fallback || key->absent) {
        fputs(key->fallback ? key->fallback : key->absent, file);
    } else if (key->excludes) {
        fprintf(file, "required, or %s", key->excludes);
    } else {
        fputs("required", file);
    }
}

static void write_takes(FILE *file, const struct psi_job_key *key)
{
    psi_job_write_expected(file, key);
    if (key->unit) {
        fprintf(file, ", %s", key->unit);
    }
}

/* "# help (what it takes; default)", then the same of the keys inside an arm or an axis. */
static void write_comment(FILE *file, const struct psi_job_key *key, const char *indent,
                          const void *defaults)
{
    if (key->type == PSI_KEY_SECTION) {
        fprintf(file, "\n# %s\n", key->help);
        return;
    }
    fprintf(file, "%s%s# %s: %s (", key->type == PSI_KEY_ARMS ? "\n" : "", indent, key->name,
            key->help);
    write_takes(file, key);
    fputs(key->fallback || key->absent ? "; default " : "; ", file);
    write_default(file, key, defaults);
    fputs(")\n", file);
    for (const struct psi_job_key *inner = key->keys; inner && inner->name; inner++) {
        fprintf(file, "%s  ", indent);
        write_comment(file, inner, "", NULL);
    }
}

static void write_arms(FILE *file, const struct psi_job_key *keys, const struct psi_job *job)
{
    fputs("arms:\n", file);
    for (size_t i = 0; i < job->arms; i++) {
        for (const struct psi_job_key *key = keys; key->name; key++) {
            fprintf(file, "  %s %s: ", key == keys ? "-" : " ", key->name);
            psi_job_write_value(file, key, &job->arm[i]);
            fputc('\n', file);
        }
    }
}

/* With comments if defaults is not NULL. */
static void write_keys(FILE *file, const struct psi_job_key *keys, const char *indent,
                       const void *base, const void *defaults)
{
    for (const struct psi_job_key *key = keys; key->name; key++) {
        if (defaults) {
            write_comment(file, key, indent, defaults);
        }
        if (key->type == PSI_KEY_SECTION) {
            fprintf(file, "%s:\n", key->name);
            write_keys(file, key->keys, "  ", (const char *)base + key->offset,
                       defaults ? (const char *)defaults + key->offset : NULL);
        } else if (key->type == PSI_KEY_ARMS) {
            write_arms(file, key->keys, base);
        } else if (key->type != PSI_KEY_SPARSITY) { /* density says it */
            fprintf(file, "%s%s: ", indent, key->name);
            psi_job_write_value(file, key, base);
            fputc('\n', file);
        }
    }
}

char *psi_job_text(const struct psi_job *job, struct psi_error *err)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (file) {
        write_keys(file, psi_job_keys, "", job, NULL);
    }
    if (!file || fclose(file) != 0) {
        free(text);
        psi_fail(err, PSI_MEMORY, "no memory for the text of a job");
        return NULL;
    }
    return text;
}

void psi_job_print(const struct psi_job *job, FILE *file)
{
    struct psi_job *defaults = psi_job_defaults(NULL);
    write_keys(file, psi_job_keys, "", job, defaults); /* out of memory: no comments */
    psi_job_destroy(defaults);
}

static void print_rows(FILE *file, const struct psi_job_key *keys, const char *prefix,
                       const void *defaults)
{
    char inner[PSI_LABEL];
    for (const struct psi_job_key *key = keys; key->name; key++) {
        int section = key->type == PSI_KEY_SECTION;
        if (!section) {
            fprintf(file, "| `%s%s` | ", prefix, key->name);
            write_takes(file, key);
            fputs(" | ", file);
            write_default(file, key, defaults);
            fprintf(file, " | %s |\n", key->help);
        }
        if (key->keys) {
            snprintf(inner, sizeof inner, "%s%s%s.", prefix, key->name,
                     key->type == PSI_KEY_ARMS ? "[]" : "");
            print_rows(file, key->keys, inner,
                       section && defaults ? (const char *)defaults + key->offset : NULL);
        }
    }
}

void psi_job_print_keys(FILE *file)
{
    struct psi_job *defaults = psi_job_defaults(NULL);
    fputs("| key | takes | default | meaning |\n| --- | --- | --- | --- |\n", file);
    print_rows(file, psi_job_keys, "", defaults);
    psi_job_destroy(defaults);
}

/* Value of an arm's key in the words, where it is not the default; text without its quotes. */
static void add_word(FILE *file, const struct psi_job_key *key, const struct psi_arm *arm,
                     const struct psi_arm *defaults, int named)
{
    char value[2][PSI_NAME + 8];
    for (size_t i = 0; i < 2; i++) {
        FILE *to = fmemopen(value[i], sizeof value[i], "w");
        if (!to) {
            return;
        }
        psi_job_write_value(to, key, i ? defaults : arm);
        fclose(to);
    }
    if (strcmp(value[0], value[1]) != 0) {
        fprintf(file, named ? ", %s %s" : ", %s%s", named ? key->name : "", value[0]);
    }
}

void psi_job_arm_words(const struct psi_job *job, size_t arm, char words[PSI_ARM_WORDS])
{
    const struct psi_arm *a = &job->arm[arm];
    struct psi_arm defaults = {.mask_arm = SIZE_MAX, .like_arm = SIZE_MAX};
    struct psi_job_reader reader = {.where = "defaults"};
    FILE *file = fmemopen(words, PSI_ARM_WORDS, "w");
    words[0] = '\0';
    if (!file || psi_job_read_defaults(&reader, psi_arm_keys, &defaults)) {
        goto out;
    }
    for (const struct psi_job_key *key = psi_arm_keys; key->name; key++) {
        int drawn = key->offset >= offsetof(struct psi_arm, criterion) &&
                    key->offset < offsetof(struct psi_arm, mask);
        if (key->extent || (drawn && a->mask[0])) {
            continue;
        }
        if (key->offset == offsetof(struct psi_arm, criterion)) {
            psi_job_write_value(file, key, a);
        } else if (key->offset == offsetof(struct psi_arm, scope)) {
            fputs(", ", file);
            psi_job_write_value(file, key, a);
        } else if (key->offset == offsetof(struct psi_arm, mask) && a->mask[0]) {
            fprintf(file, "mask of %s", a->mask);
        } else {
            int clear = key->offset == offsetof(struct psi_arm, schedule) ||
                        key->offset == offsetof(struct psi_arm, change) ||
                        key->offset == offsetof(struct psi_arm, restart);
            add_word(file, key, a, &defaults, !clear);
        }
    }
out:
    if (file) {
        fclose(file);
    }
}
