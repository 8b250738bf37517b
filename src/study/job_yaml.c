/* YAML documents under the key table: loading, mappings, and the one line that says what is wrong.
 *
 * Depth is bounded by the tables, not by the document: a cyclic alias or deep nesting meets a value
 * of the wrong kind.
 */
#include "job_private.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum psi_status psi_job_fail(struct psi_job_reader *reader, size_t line, const char *format, ...)
{
    char message[PSI_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const char *label = reader->label, *colon = label[0] ? ": " : "";
    if (reader->origin == PSI_FROM_OVERRIDE) {
        return psi_fail(reader->err, PSI_USAGE, "--set%s%s: %s", label[0] ? " " : "", label,
                        message);
    }
    if (line) {
        return psi_fail(reader->err, PSI_USAGE, "%s:%zu: %s%s%s", reader->where, line, label, colon,
                        message);
    }
    return psi_fail(reader->err, PSI_USAGE, "%s: %s%s%s", reader->where, label, colon, message);
}

size_t psi_job_line(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

const char *psi_job_found(const yaml_node_t *node, char found[PSI_FOUND])
{
    const char *text = (const char *)node->data.scalar.value;
    size_t length = node->data.scalar.length;
    if (node->type != YAML_SCALAR_NODE) {
        return node->type == YAML_SEQUENCE_NODE ? "a list" : "a mapping";
    }
    if (length == 0 && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        return "nothing";
    }
    char shown[PSI_FOUND - sizeof "\"\"..."];
    size_t taken = psi_job_escape_all(text, length, shown, sizeof shown);
    snprintf(found, PSI_FOUND, "\"%s\"%s", shown, taken < length ? "..." : "");
    return found;
}

enum psi_status psi_job_mismatch(struct psi_job_reader *reader, const struct psi_job_key *key,
                                 const yaml_node_t *node)
{
    char found[PSI_FOUND], *expected = NULL;
    size_t size;
    FILE *file = open_memstream(&expected, &size);
    if (file) {
        psi_job_write_expected(file, key);
        fclose(file);
    }
    enum psi_status status =
        psi_job_fail(reader, psi_job_line(node), "expected %s, found %s",
                     expected ? expected : "another value", psi_job_found(node, found));
    free(expected);
    return status;
}

size_t psi_job_enter(struct psi_job_reader *reader, const char *format, ...)
{
    size_t length = strlen(reader->label);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->label + length, sizeof reader->label - length, format, arguments);
    va_end(arguments);
    return length;
}

void psi_job_leave(struct psi_job_reader *reader, size_t length)
{
    reader->label[length] = '\0';
}

/* What libyaml found wrong, in one line with its place. */
static enum psi_status fail_syntax(struct psi_job_reader *reader, const yaml_parser_t *parser,
                                   const char *text)
{
    const char *problem = parser->problem ? parser->problem : "not YAML";
    /* where it copies a token's text, libyaml does not say why it stops */
    if (parser->error == YAML_MEMORY_ERROR || parser->error == YAML_NO_ERROR) {
        return psi_fail(reader->err, PSI_MEMORY, "%s: no memory to read YAML", reader->where);
    }
    if (parser->error == YAML_READER_ERROR) { /* such errors have an offset in bytes, no mark */
        size_t line = 1;
        for (size_t i = 0; i < parser->problem_offset && text[i]; i++) {
            line += text[i] == '\n';
        }
        return psi_job_fail(reader, line, "expected printable UTF-8 text, found byte 0x%02X (%s)",
                            (unsigned char)text[parser->problem_offset], problem);
    }
    const yaml_mark_t *mark = &parser->problem_mark;
    return psi_job_fail(reader, mark->line + 1, "expected YAML, at column %zu %s%s%s",
                        mark->column + 1, problem, parser->context ? " " : "",
                        parser->context ? parser->context : "");
}

/* UTF-8 and nothing else: left to itself, libyaml reads UTF-16 too. */
static enum psi_status start(struct psi_job_reader *reader, yaml_parser_t *parser, const char *text)
{
    if (!yaml_parser_initialize(parser)) {
        return psi_fail(reader->err, PSI_MEMORY, "%s: no memory to read YAML", reader->where);
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)text, strlen(text));
    return PSI_OK;
}

/* libyaml takes time that grows with the square of the depth (5 s for 48 KiB of "["), so depth is
 * limited before it loads a document. What does not scan is left for the loader to tell. */
static enum psi_status check_depth(struct psi_job_reader *reader, const char *text)
{
    enum { DEEPEST = 64 }; /* a job needs 4 */
    yaml_parser_t parser;
    yaml_token_t token;
    int depth = 0, end = 0;
    enum psi_status status = start(reader, &parser, text);
    if (status) {
        return status;
    }
    while (!status && !end && yaml_parser_scan(&parser, &token)) {
        end = token.type == YAML_STREAM_END_TOKEN;
        depth += token.type == YAML_FLOW_SEQUENCE_START_TOKEN ||
                 token.type == YAML_FLOW_MAPPING_START_TOKEN ||
                 token.type == YAML_BLOCK_SEQUENCE_START_TOKEN ||
                 token.type == YAML_BLOCK_MAPPING_START_TOKEN;
        depth -= token.type == YAML_FLOW_SEQUENCE_END_TOKEN ||
                 token.type == YAML_FLOW_MAPPING_END_TOKEN || token.type == YAML_BLOCK_END_TOKEN;
        if (depth > DEEPEST) {
            status =
                psi_job_fail(reader, token.start_mark.line + 1,
                             "expected lists and mappings at most %d deep, found more", DEEPEST);
        }
        yaml_token_delete(&token);
    }
    yaml_parser_delete(&parser);
    return status;
}

enum psi_status psi_job_load(struct psi_job_reader *reader, const char *text,
                             yaml_document_t *document)
{
    yaml_parser_t parser;
    yaml_document_t second;
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3; /* a byte order mark, which libyaml takes only where it may guess UTF-16 */
    }
    enum psi_status status = check_depth(reader, text);
    if (!status) {
        status = start(reader, &parser, text);
    }
    if (status) {
        return status;
    }
    if (!yaml_parser_load(&parser, document)) {
        status = fail_syntax(reader, &parser, text);
        goto out;
    }
    if (!yaml_document_get_root_node(document)) {
        status = psi_job_fail(reader, 0, "expected YAML, found nothing");
    } else if (!yaml_parser_load(&parser, &second)) {
        status = fail_syntax(reader, &parser, text);
    } else {
        if (yaml_document_get_root_node(&second)) {
            status = psi_job_fail(reader, second.start_mark.line + 1,
                                  "expected one YAML document, found another");
        }
        yaml_document_delete(&second);
    }
    if (status) {
        yaml_document_delete(document);
    }
out:
    yaml_parser_delete(&parser);
    return status;
}

static int same_text(const yaml_node_t *node, const char *text)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == strlen(text) &&
           memcmp(node->data.scalar.value, text, node->data.scalar.length) == 0;
}

/* The pair of mapping whose key is text, before `end` (NULL = anywhere); NULL if there is none. */
static const yaml_node_pair_t *find_pair(struct psi_job_reader *reader, const yaml_node_t *mapping,
                                         const char *text, const yaml_node_pair_t *end)
{
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (end = end ? end : mapping->data.mapping.pairs.top; pair < end; pair++) {
        if (same_text(yaml_document_get_node(reader->document, pair->key), text)) {
            return pair;
        }
    }
    return NULL;
}

struct psi_job_mark *psi_job_marked(struct psi_job_reader *reader, const struct psi_job_key *key,
                                    const void *base)
{
    for (size_t i = 0; i < reader->marks; i++) {
        if (reader->mark[i].key == key && reader->mark[i].base == base) {
            return &reader->mark[i];
        }
    }
    return NULL;
}

void psi_job_note(struct psi_job_reader *reader, const struct psi_job_key *key, const void *base,
                  size_t line)
{
    struct psi_job_mark *mark = psi_job_marked(reader, key, base);
    if (reader->origin == PSI_FROM_DEFAULT || (!mark && reader->marks == PSI_KEYS_MAX)) {
        return;
    }
    mark = mark ? mark : &reader->mark[reader->marks++];
    *mark = (struct psi_job_mark){key, base, reader->origin == PSI_FROM_OVERRIDE ? 0 : line};
}

/* One pair of a mapping; the label is already that of its key. */
static enum psi_status read_pair(struct psi_job_reader *reader, const struct psi_job_key *key,
                                 yaml_node_t *mapping, const yaml_node_pair_t *pair, void *base,
                                 int whole)
{
    yaml_node_t *value = yaml_document_get_node(reader->document, pair->value);
    size_t line = psi_job_line(yaml_document_get_node(reader->document, pair->key));
    const yaml_node_pair_t *first = find_pair(reader, mapping, key->name, pair);
    if (first) {
        return psi_job_fail(reader, line, "expected once, found again (first on line %zu)",
                            psi_job_line(yaml_document_get_node(reader->document, first->key)));
    }
    if (key->excludes && find_pair(reader, mapping, key->excludes, NULL)) {
        return psi_job_fail(reader, line, "expected exactly one of %s and %s, found both",
                            key->name, key->excludes);
    }
    enum psi_status status = psi_job_read_value(reader, key, value, base);
    if (!status && !whole) {
        psi_job_note(reader, key, base, line);
    }
    return status;
}

enum psi_status psi_job_read_mapping(struct psi_job_reader *reader, const struct psi_job_key *keys,
                                     yaml_node_t *node, void *base, int whole)
{
    char found[PSI_FOUND];
    const struct psi_job_key *key = NULL;
    enum psi_status status = PSI_OK;
    if (node->type != YAML_MAPPING_NODE) {
        return psi_job_fail(reader, psi_job_line(node), "expected keys with values, found %s",
                            psi_job_found(node, found));
    }
    if (whole) {
        status = psi_job_read_defaults(reader, keys, base);
    }
    const char *separator = whole ? ": " : reader->label[0] ? "." : "";
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; !status && pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(reader->document, pair->key);
        size_t outer = psi_job_enter(reader, "%s", separator);
        if (name->type != YAML_SCALAR_NODE) {
            psi_job_leave(reader, outer);
            return psi_job_fail(reader, psi_job_line(name), "expected a key, found %s",
                                psi_job_found(name, found));
        }
        status = psi_job_find(reader, keys, (const char *)name->data.scalar.value,
                              name->data.scalar.length, psi_job_line(name), &key);
        if (!status) {
            psi_job_enter(reader, "%s", key->name);
            status = read_pair(reader, key, node, pair, base, whole);
        }
        psi_job_leave(reader, outer);
    }
    for (key = keys; whole && !status && key->name; key++) {
        if (!key->fallback && !key->absent && !find_pair(reader, node, key->name, NULL)) {
            psi_job_enter(reader, "%s%s", separator, key->name);
            status = psi_job_fail(reader, psi_job_line(node), "required, but not given");
        }
    }
    return status;
}

enum psi_status psi_job_read_defaults(struct psi_job_reader *reader, const struct psi_job_key *keys,
                                      void *base)
{
    yaml_document_t document, *outer = reader->document;
    enum psi_job_origin origin = reader->origin;
    enum psi_status status = PSI_OK;
    for (const struct psi_job_key *key = keys; !status && key->name; key++) {
        if (key->type == PSI_KEY_SECTION) {
            status = psi_job_read_defaults(reader, key->keys, (char *)base + key->offset);
        }
        if (status || !key->fallback) {
            continue;
        }
        reader->origin = PSI_FROM_DEFAULT;
        status = psi_job_load(reader, key->fallback, &document);
        if (!status) {
            reader->document = &document;
            status = psi_job_read_value(reader, key, yaml_document_get_root_node(&document), base);
            yaml_document_delete(&document);
        }
        reader->document = outer;
        reader->origin = origin;
    }
    return status;
}
