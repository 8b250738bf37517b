/* YAML nodes into the fields of a job, one reader for each type of key. Numbers are strict: the
 * whole text must be one, plain, in range. */
#include "job_private.h"

#include "psisweep/prune.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(size_t) == sizeof(uint64_t), "PSI_KEY_INTEGER serves both");

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

static int is_plain(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* A non-negative decimal integer in a closed range. A leading zero is refused: YAML 1.1 reads 010
 * as 8, YAML 1.2 as 10. */
static int to_integer(const yaml_node_t *node, const char *range, uint64_t *value)
{
    char *end;
    const char *text = (const char *)node->data.scalar.value;
    if (!is_plain(node) || digits(text) == 0 || text[digits(text)] || (text[0] == '0' && text[1])) {
        return 0;
    }
    uint64_t low = strtoull(range + 1, &end, 10), high = strtoull(end + 1, NULL, 10);
    errno = 0;
    *value = strtoull(text, NULL, 10);
    return errno == 0 && *value >= low && *value <= high;
}

/* Sign, digits with at most one point among them, exponent: no hexadecimal, nan or inf, which
 * strtod takes. */
static int is_decimal(const char *text)
{
    text += *text == '-' || *text == '+';
    size_t whole = digits(text), fraction = 0;
    text += whole;
    if (*text == '.') {
        fraction = digits(++text);
        text += fraction;
    }
    if (whole + fraction > 0 && (*text == 'e' || *text == 'E')) {
        text++;
        text += *text == '-' || *text == '+';
        size_t exponent = digits(text);
        return exponent > 0 && text[exponent] == '\0';
    }
    return whole + fraction > 0 && *text == '\0';
}

static int to_real(const yaml_node_t *node, const char *range, double *value)
{
    char *end;
    if (!is_plain(node) || !is_decimal((const char *)node->data.scalar.value)) {
        return 0;
    }
    double low = strtod(range + 1, &end), high = strtod(end + 1, &end);
    *value = strtod((const char *)node->data.scalar.value, NULL) + 0.0; /* -0 becomes 0 */
    return isfinite(*value) && (range[0] == '[' ? *value >= low : *value > low) &&
           (*end == ']' ? *value <= high : *value < high);
}

static enum psi_status read_text(struct psi_job_reader *reader, const struct psi_job_key *key,
                                 yaml_node_t *node, void *base)
{
    char *name = (char *)base + key->offset;
    const char *text = (const char *)node->data.scalar.value;
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.length > PSI_NAME ||
        (node->data.scalar.length < 1 && key->type == PSI_KEY_TEXT) ||
        strlen(text) != node->data.scalar.length) {
        return psi_job_mismatch(reader, key, node);
    }
    memset(name, 0, PSI_NAME + 1);
    memcpy(name, text, node->data.scalar.length);
    return PSI_OK;
}

static enum psi_status read_path(struct psi_job_reader *reader, const struct psi_job_key *key,
                                 yaml_node_t *node, void *base)
{
    char *copy = NULL, **path = (char **)((char *)base + key->offset);
    const char *text = (const char *)node->data.scalar.value;
    if (node->type != YAML_SCALAR_NODE || strlen(text) != node->data.scalar.length ||
        (!text[0] && is_plain(node))) {
        return psi_job_mismatch(reader, key, node);
    }
    if (text[0] && !(copy = strdup(text))) {
        return psi_fail(reader->err, PSI_MEMORY, "%s: no memory for a path", reader->where);
    }
    free(*path);
    *path = copy;
    return PSI_OK;
}

static enum psi_status read_integer(struct psi_job_reader *reader, const struct psi_job_key *key,
                                    yaml_node_t *node, void *base)
{
    uint64_t value;
    if (!to_integer(node, key->range, &value)) {
        return psi_job_mismatch(reader, key, node);
    }
    memcpy((char *)base + key->offset, &value, sizeof value);
    return PSI_OK;
}

static enum psi_status read_real(struct psi_job_reader *reader, const struct psi_job_key *key,
                                 yaml_node_t *node, void *base)
{
    double value;
    if (!to_real(node, key->range, &value)) {
        return psi_job_mismatch(reader, key, node);
    }
    memcpy((char *)base + key->offset, &value, sizeof value);
    return PSI_OK;
}

static enum psi_status read_choice(struct psi_job_reader *reader, const struct psi_job_key *key,
                                   yaml_node_t *node, void *base)
{
    int *choice = (int *)((char *)base + key->offset);
    for (size_t i = 0; node->type == YAML_SCALAR_NODE && psi_key_choice(key, i); i++) {
        if (strcmp(psi_key_choice(key, i), (const char *)node->data.scalar.value) == 0) {
            *choice = (int)i;
            return PSI_OK;
        }
    }
    return psi_job_mismatch(reader, key, node);
}

/* Entries of a list. */
static size_t entries(const yaml_node_t *node)
{
    return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

static yaml_node_t *entry(const struct psi_job_reader *reader, const yaml_node_t *list, size_t i)
{
    return yaml_document_get_node(reader->document, list->data.sequence.items.start[i]);
}

static enum psi_status fail_entry(struct psi_job_reader *reader, const struct psi_job_key *key,
                                  const yaml_node_t *node, size_t i)
{
    char found[PSI_FOUND];
    int real = key->type == PSI_KEY_DENSITY || key->type == PSI_KEY_SPARSITY;
    psi_job_enter(reader, ": entry %zu", i + 1);
    return psi_job_fail(reader, psi_job_line(node), "expected %s in %s, found %s",
                        real ? "a number" : "an integer", key->range, psi_job_found(node, found));
}

static enum psi_status read_integers(struct psi_job_reader *reader, const struct psi_job_key *key,
                                     yaml_node_t *node, void *base)
{
    size_t *value = (size_t *)((char *)base + key->offset);
    size_t *count = (size_t *)((char *)base + key->count);
    if (node->type != YAML_SEQUENCE_NODE || entries(node) > key->most) {
        return psi_job_mismatch(reader, key, node);
    }
    memset(value, 0, key->most * sizeof *value);
    *count = entries(node);
    for (size_t i = 0; i < *count; i++) {
        uint64_t number;
        if (!to_integer(entry(reader, node, i), key->range, &number)) {
            return fail_entry(reader, key, entry(reader, node, i), i);
        }
        value[i] = number;
    }
    return PSI_OK;
}

/* Densities are kept to 9 significant digits, so that 1 - 0.9 is 0.1, and a density typed by hand
 * is the one that a formula gives. */
double psi_job_canonical(double density)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", density);
    return strtod(text, NULL);
}

static int by_density(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y); /* descending */
}

/* from * 10^(-i / per_decade) while not below `to`; the last may miss it by rounding. */
static enum psi_status read_axis(struct psi_job_reader *reader, const struct psi_job_key *key,
                                 yaml_node_t *node)
{
    struct psi_job_axis axis;
    struct psi_job *job = reader->job;
    enum psi_status status = psi_job_read_mapping(reader, key->keys, node, &axis, 1);
    if (status) {
        return status;
    }
    if (axis.to > axis.from) {
        return psi_job_fail(reader, psi_job_line(node),
                            "expected \"to\" not above \"from\", found %g and %g", axis.to,
                            axis.from);
    }
    for (size_t i = 0;; i++) {
        double density = axis.from * pow(10, -(double)i / (double)axis.per_decade);
        if (density < axis.to * (1 - 1e-9)) {
            return PSI_OK;
        }
        if (i == PSI_DENSITIES_MAX) {
            return psi_job_fail(reader, psi_job_line(node),
                                "expected at most %d densities, found more", PSI_DENSITIES_MAX);
        }
        job->density[i] = psi_job_canonical(density);
        job->densities = i + 1;
    }
}

static enum psi_status read_densities(struct psi_job_reader *reader, const struct psi_job_key *key,
                                      yaml_node_t *node, void *base)
{
    struct psi_job *job = base;
    job->densities = 0;
    memset(job->density, 0, sizeof job->density);
    if (node->type == YAML_MAPPING_NODE && key->keys) {
        return read_axis(reader, key, node);
    }
    if (node->type != YAML_SEQUENCE_NODE || entries(node) < 1 ||
        entries(node) > PSI_DENSITIES_MAX) {
        return psi_job_mismatch(reader, key, node);
    }
    for (size_t i = 0; i < entries(node); i++) {
        double value;
        if (!to_real(entry(reader, node, i), key->range, &value)) {
            return fail_entry(reader, key, entry(reader, node, i), i);
        }
        job->density[i] = psi_job_canonical(key->type == PSI_KEY_SPARSITY ? 1 - value : value);
    }
    job->densities = entries(node);
    qsort(job->density, job->densities, sizeof *job->density, by_density);
    for (size_t i = 1; i < job->densities; i++) {
        if (job->density[i] == job->density[i - 1]) {
            return psi_job_fail(reader, psi_job_line(node),
                                "expected distinct values, found density %.9g twice",
                                job->density[i]);
        }
    }
    return PSI_OK;
}

static int by_seed(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y); /* ascending */
}

static enum psi_status read_seeds(struct psi_job_reader *reader, const struct psi_job_key *key,
                                  yaml_node_t *node, void *base)
{
    struct psi_job *job = base;
    uint64_t number = 0;
    int list = node->type == YAML_SEQUENCE_NODE;
    size_t seeds = list ? entries(node) : to_integer(node, key->range, &number) ? number : 0;
    if (seeds < 1 || seeds > PSI_SEEDS_MAX) {
        return psi_job_mismatch(reader, key, node);
    }
    uint32_t *seed = malloc(seeds * sizeof *seed);
    if (!seed) {
        return psi_fail(reader->err, PSI_MEMORY, "%s: no memory for seeds", reader->where);
    }
    free(job->seed);
    job->seed = seed;
    job->seeds = seeds;
    for (size_t i = 0; i < seeds; i++) {
        number = i;
        if (list && !to_integer(entry(reader, node, i), key->range, &number)) {
            return fail_entry(reader, key, entry(reader, node, i), i);
        }
        seed[i] = (uint32_t)number;
    }
    qsort(seed, seeds, sizeof *seed, by_seed);
    for (size_t i = 1; i < seeds; i++) {
        if (seed[i] == seed[i - 1]) {
            return psi_job_fail(reader, psi_job_line(node),
                                "expected distinct values, found %u twice", seed[i]);
        }
    }
    return PSI_OK;
}

static enum psi_status read_arm(struct psi_job_reader *reader, const struct psi_job_key *key,
                                yaml_node_t *node, struct psi_arm *arm)
{
    memset(arm, 0, sizeof *arm);
    enum psi_status status = psi_job_read_mapping(reader, key->keys, node, arm, 1);
    if (!status && !arm->name[0]) {
        snprintf(arm->name, sizeof arm->name, "%s", psi_criteria[arm->criterion].name);
    }
    return status;
}

static enum psi_status read_arms(struct psi_job_reader *reader, const struct psi_job_key *key,
                                 yaml_node_t *node, void *base)
{
    struct psi_job *job = base;
    enum psi_status status = PSI_OK;
    if (node->type != YAML_SEQUENCE_NODE || entries(node) < 1 || entries(node) > PSI_ARMS_MAX) {
        return psi_job_mismatch(reader, key, node);
    }
    for (size_t i = 0; !status && i < entries(node); i++) {
        size_t outer = psi_job_enter(reader, ": entry %zu", i + 1);
        status = read_arm(reader, key, entry(reader, node, i), &job->arm[i]);
        for (size_t j = 0; !status && j < i; j++) {
            if (strcmp(job->arm[j].name, job->arm[i].name) == 0) {
                status = psi_job_fail(reader, psi_job_line(entry(reader, node, i)),
                                      "expected a name of its own, found that of entry %zu "
                                      "(a name left out is the criterion's)",
                                      j + 1);
            }
        }
        psi_job_leave(reader, outer);
    }
    job->arms = entries(node);
    for (size_t i = 0; !status && i < 2 * job->arms; i++) { /* all are resolved, then checked */
        size_t arm = i % job->arms, line = psi_job_line(entry(reader, node, arm));
        size_t outer = psi_job_enter(reader, ": entry %zu", arm + 1);
        status = (i < job->arms ? psi_job_resolve_arm : psi_job_check_arm)(reader, arm, line);
        psi_job_leave(reader, outer);
    }
    return status;
}

static enum psi_status read_mapping(struct psi_job_reader *reader, const struct psi_job_key *key,
                                    yaml_node_t *node, void *base)
{
    return psi_job_read_mapping(reader, key->keys, node, (char *)base + key->offset, 1);
}

static enum psi_status read_section(struct psi_job_reader *reader, const struct psi_job_key *key,
                                    yaml_node_t *node, void *base)
{
    return psi_job_read_mapping(reader, key->keys, node, (char *)base + key->offset, 0);
}

enum psi_status psi_job_read_value(struct psi_job_reader *reader, const struct psi_job_key *key,
                                   yaml_node_t *node, void *base)
{
    static enum psi_status (*const readers[])(struct psi_job_reader *, const struct psi_job_key *,
                                              yaml_node_t *, void *) = {
        [PSI_KEY_SECTION] = read_section,   [PSI_KEY_ARMS] = read_arms,
        [PSI_KEY_MAPPING] = read_mapping,   [PSI_KEY_ARM_NAME] = read_text,
        [PSI_KEY_TEXT] = read_text,         [PSI_KEY_PATH] = read_path,
        [PSI_KEY_INTEGER] = read_integer,   [PSI_KEY_REAL] = read_real,
        [PSI_KEY_CHOICE] = read_choice,     [PSI_KEY_INTEGERS] = read_integers,
        [PSI_KEY_DENSITY] = read_densities, [PSI_KEY_SPARSITY] = read_densities,
        [PSI_KEY_SEEDS] = read_seeds,
    };
    return readers[key->type](reader, key, node, base);
}
