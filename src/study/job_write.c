/* Fields of a job as YAML, and what a key takes in words. */
#include "job_private.h"

#include <stdlib.h>
#include <string.h>

/* The code point of the UTF-8 character that text begins with and its bytes, or 0 bytes. The input
 * has been through libyaml, which checks it, or is a file's name, of which nothing is known. */
static uint32_t decode(const unsigned char *text, size_t length, size_t *bytes)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = text[0] < 0x80   ? 1
               : text[0] < 0xC2 ? 0
               : text[0] < 0xE0 ? 2
               : text[0] < 0xF0 ? 3
               : text[0] < 0xF5 ? 4
                                : 0;
    *bytes = 0;
    if (n == 0 || n > length) {
        return 0;
    }
    uint32_t point = n == 1 ? text[0] : text[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
        point = point << 6 | (text[i] & 0x3F);
    }
    if (point < least[n] || (point >= 0xD800 && point <= 0xDFFF) || point > 0x10FFFF) {
        return 0;
    }
    *bytes = n;
    return point;
}

/* What libyaml's reader takes as it stands within double quotes and folds nowhere (line and
 * paragraph separator and the byte order mark are left out). */
static int is_printable(uint32_t point)
{
    return (point >= 0x20 && point <= 0x7E) ||
           (point >= 0xA0 && point <= 0xD7FF && point != 0x2028 && point != 0x2029) ||
           (point >= 0xE000 && point <= 0xFFFD && point != 0xFEFF) || point >= 0x10000;
}

size_t psi_job_escape(const char *text, size_t length, char out[PSI_ESCAPED])
{
    size_t bytes;
    uint32_t point = decode((const unsigned char *)text, length, &bytes);
    if (bytes == 0) {
        snprintf(out, PSI_ESCAPED, "\\x%02X", (unsigned char)text[0]);
        return 1;
    }
    if (point == '"' || point == '\\') {
        snprintf(out, PSI_ESCAPED, "\\%c", (int)point);
    } else if (point == '\n' || point == '\t') {
        snprintf(out, PSI_ESCAPED, "\\%c", point == '\n' ? 'n' : 't');
    } else if (is_printable(point)) {
        memcpy(out, text, bytes);
        out[bytes] = '\0';
    } else {
        snprintf(out, PSI_ESCAPED, "\\u%04X", (unsigned)point);
    }
    return bytes;
}

size_t psi_job_escape_all(const char *text, size_t length, char *out, size_t size)
{
    char escaped[PSI_ESCAPED];
    size_t taken = 0, used = 0;
    while (taken < length) {
        size_t bytes = psi_job_escape(text + taken, length - taken, escaped);
        if (used + strlen(escaped) >= size) {
            break;
        }
        memcpy(out + used, escaped, strlen(escaped));
        used += strlen(escaped);
        taken += bytes;
    }
    out[used] = '\0';
    return taken;
}

static void write_text(FILE *file, const char *text)
{
    char escaped[PSI_ESCAPED];
    size_t length = strlen(text);
    fputc('"', file);
    for (size_t i = 0; i < length;) {
        i += psi_job_escape(text + i, length - i, escaped);
        fputs(escaped, file);
    }
    fputc('"', file);
}

/* The shortest of three lengths that reads back as the same double. */
static void write_real(FILE *file, double value)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    fputs(text, file);
}

static void write_seeds(FILE *file, const struct psi_job *job)
{
    /* distinct and ascending: 0 .. seeds-1 if and only if the last is seeds-1 */
    if (job->seeds > 0 && job->seed[job->seeds - 1] == job->seeds - 1) {
        fprintf(file, "%zu", job->seeds);
        return;
    }
    for (size_t i = 0; i < job->seeds; i++) {
        fprintf(file, "%s%u", i ? ", " : "[", job->seed[i]);
    }
    fputs("]", file);
}

static void write_densities(FILE *file, const struct psi_job *job)
{
    for (size_t i = 0; i < job->densities; i += job->refine.factor) {
        fputs(i ? ", " : "[", file);
        write_real(file, job->density[i]);
    }
    fputs("]", file);
}

static void write_integers(FILE *file, const size_t *value, size_t count)
{
    fputc('[', file);
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "%s%zu", i ? ", " : "", value[i]);
    }
    fputc(']', file);
}

static void write_mapping(FILE *file, const struct psi_job_key *keys, const void *base)
{
    for (const struct psi_job_key *key = keys; key->name; key++) {
        fprintf(file, "%s%s: ", key == keys ? "{" : ", ", key->name);
        psi_job_write_value(file, key, base);
    }
    fputc('}', file);
}

void psi_job_write_value(FILE *file, const struct psi_job_key *key, const void *base)
{
    const void *field = (const char *)base + key->offset;
    const char *path;
    switch (key->type) {
    case PSI_KEY_TEXT:
    case PSI_KEY_ARM_NAME:
        write_text(file, field);
        break;
    case PSI_KEY_PATH:
        path = *(char *const *)field;
        write_text(file, path ? path : "");
        break;
    case PSI_KEY_INTEGER:
        fprintf(file, "%zu", *(const size_t *)field);
        break;
    case PSI_KEY_REAL:
        write_real(file, *(const double *)field);
        break;
    case PSI_KEY_CHOICE:
        fputs(psi_key_choice(key, *(const unsigned *)field), file);
        break;
    case PSI_KEY_INTEGERS:
        write_integers(file, field, *(const size_t *)((const char *)base + key->count));
        break;
    case PSI_KEY_DENSITY:
        write_densities(file, base);
        break;
    case PSI_KEY_SEEDS:
        write_seeds(file, base);
        break;
    case PSI_KEY_MAPPING:
        write_mapping(file, key->keys, field);
        break;
    case PSI_KEY_SECTION: /* have no value on one line */
    case PSI_KEY_ARMS:
    case PSI_KEY_SPARSITY:
        break;
    }
}

/* "{from, to, per_decade}" */
static void write_names(FILE *file, const struct psi_job_key *keys)
{
    for (const struct psi_job_key *key = keys; key && key->name; key++) {
        fprintf(file, "%s%s%s", key == keys ? "{" : ", ", key->name, key[1].name ? "" : "}");
    }
}

void psi_job_write_expected(FILE *file, const struct psi_job_key *key)
{
    switch (key->type) {
    case PSI_KEY_SECTION:
        fputs("keys with values", file);
        break;
    case PSI_KEY_ARMS:
        fprintf(file, "a list of 1 to %d arms", PSI_ARMS_MAX);
        break;
    case PSI_KEY_TEXT:
        fprintf(file, "text of 1 to %d bytes", PSI_NAME);
        break;
    case PSI_KEY_PATH:
        fputs("a path", file);
        break;
    case PSI_KEY_INTEGER:
        fprintf(file, "an integer in %s", key->range);
        break;
    case PSI_KEY_REAL:
        fprintf(file, "a number in %s", key->range);
        break;
    case PSI_KEY_CHOICE:
        fputs(psi_key_choice(key, 1) ? "one of " : "", file);
        for (size_t i = 0; psi_key_choice(key, i); i++) {
            fprintf(file, "%s%s", i ? ", " : "", psi_key_choice(key, i));
        }
        break;
    case PSI_KEY_INTEGERS:
        fprintf(file, "a list of 0 to %zu integers in %s", key->most, key->range);
        break;
    case PSI_KEY_DENSITY:
    case PSI_KEY_SPARSITY:
        fprintf(file, "a list of 1 to %d numbers in %s", PSI_DENSITIES_MAX, key->range);
        fputs(key->keys ? ", or " : "", file);
        write_names(file, key->keys);
        break;
    case PSI_KEY_MAPPING:
        write_names(file, key->keys);
        break;
    case PSI_KEY_ARM_NAME:
        fputs("the name of an arm", file);
        break;
    case PSI_KEY_SEEDS:
        fprintf(file, "an integer in [1, %d], or a list of distinct integers in %s", PSI_SEEDS_MAX,
                key->range);
        break;
    }
}
