#include "pattern.h"
#include "psisweep/memory.h"

#include <stdlib.h>

/* A panel's x is PANEL columns of a tile: 36 KB, as much as a first-level cache and a bit, for not
 * all of it is met again. A panel costs each of its rows a load and a store of y and a mispredicted
 * branch; an x from the second-level cache costs some 15 % more than one from the first. So columns
 * go into panels, fullest columns first, as long as a panel's rows have SHORT entries on average;
 * the rest is the last panel. Measured on LeNet-300-100 at 80 to 98 % sparsity; anything from 96, 5
 * to 200, 8 is within 5 % of the best. */
enum { PANEL = 144, SHORT = 6 };

struct builder {
    const struct psi_entries *from;
    size_t panels;
    uint32_t *filled; /* (cols) entries of each column */
    uint32_t *order;  /* (cols) columns, fullest first */
    uint32_t *panel;  /* (cols) each column's panel */
    uint32_t *length; /* (panels, rows) entries of each segment, then where its next one goes */
};

/* Counting sort by `filled`, most first, ties in order. */
static enum psi_status order_columns(struct builder *b, struct psi_error *err)
{
    const struct psi_entries *from = b->from;
    uint32_t *start = psi_allocate(from->rows + 2, sizeof *start, "pattern", err);
    if (!start)
        return PSI_MEMORY;
    for (size_t i = 0; i < from->count; i++)
        b->filled[from->column[i]]++;
    for (size_t c = 0; c < from->cols; c++)
        start[from->rows - b->filled[c] + 1]++;
    for (size_t n = 1; n <= from->rows; n++)
        start[n] += start[n - 1];
    for (size_t c = 0; c < from->cols; c++)
        b->order[start[from->rows - b->filled[c]]++] = (uint32_t)c;
    free(start);
    return PSI_OK;
}

static void choose_panels(struct builder *b)
{
    const struct psi_entries *from = b->from;
    size_t left = from->count, panel = 0;
    for (size_t c = 0; c < from->cols; panel++) {
        size_t entries = 0, end = c;
        while (end < from->cols && end < c + PANEL)
            entries += b->filled[b->order[end++]];
        left -= entries;
        if (left < SHORT * from->rows) /* too few to be a panel of their own */
            end = from->cols;
        for (; c < end; c++)
            b->panel[b->order[c]] = (uint32_t)panel;
    }
    b->panels = panel ? panel : 1;
}

/* Longest first: then a segment mostly ends where the one before did, which processors predict. */
static int by_length(const void *left, const void *right)
{
    const struct psi_segment *a = left, *b = right;
    if (a->end != b->end)
        return a->end < b->end ? 1 : -1;
    return a->row < b->row ? -1 : 1;
}

/* Count, sort and place the segments; length becomes where each one's entries start. */
static void lay_segments(struct builder *b, struct psi_pattern *out)
{
    size_t rows = b->from->rows;
    uint32_t at = 0;
    for (size_t p = 0; p < b->panels; p++) {
        size_t first = out->segments;
        uint32_t *length = b->length + p * rows;
        for (size_t r = 0; r < rows; r++)
            if (length[r] || (p == 0 && b->from->wanted && b->from->wanted[r]))
                out->segment[out->segments++] = (struct psi_segment){(uint32_t)r, length[r], 0, 0};
        qsort(out->segment + first, out->segments - first, sizeof *out->segment, by_length);
        for (size_t s = first; s < out->segments; s++) {
            length[out->segment[s].row] = at;
            at += out->segment[s].end;
            out->segment[s].end = at;
        }
    }
}

static enum psi_status mark_ends(const struct builder *b, struct psi_pattern *out,
                                 struct psi_error *err)
{
    uint8_t *seen = psi_allocate(b->from->rows, 2, "pattern", err);
    if (!seen)
        return PSI_MEMORY;
    uint8_t *seen_back = seen + b->from->rows;
    for (size_t s = 0; s < out->segments; s++) {
        struct psi_segment *front = &out->segment[s];
        struct psi_segment *back = &out->segment[out->segments - 1 - s];
        front->first = !seen[front->row];
        back->last = !seen_back[back->row];
        seen[front->row] = seen_back[back->row] = 1;
    }
    free(seen);
    return PSI_OK;
}

static enum psi_status build(struct builder *b, struct psi_pattern *out, struct psi_error *err)
{
    const struct psi_entries *from = b->from;
    enum psi_status status = order_columns(b, err);
    if (status != PSI_OK)
        return status;
    choose_panels(b);
    b->length = psi_allocate(b->panels * from->rows, sizeof *b->length, "pattern", err);
    if (!b->length)
        return PSI_MEMORY;
    size_t segments = from->rows; /* those that are wanted */
    for (size_t i = 0; i < from->count; i++)
        segments += b->length[b->panel[from->column[i]] * from->rows + from->row[i]]++ == 0;
    out->segment = psi_allocate(segments, sizeof *out->segment, "pattern", err);
    out->column = psi_allocate(from->count, sizeof *out->column, "pattern", err);
    out->source = psi_allocate(from->count, sizeof *out->source, "pattern", err);
    if (!out->segment || !out->column || !out->source)
        return PSI_MEMORY;
    out->entries = from->count;
    lay_segments(b, out);
    for (size_t i = 0; i < from->count; i++) {
        uint32_t k = b->length[b->panel[from->column[i]] * from->rows + from->row[i]]++;
        out->column[k] = from->column[i];
        out->source[k] = (uint32_t)i;
    }
    return mark_ends(b, out, err);
}

enum psi_status psi_pattern_create(const struct psi_entries *from, struct psi_pattern *out,
                                   struct psi_error *err)
{
    struct builder b = {.from = from};
    struct psi_pattern made = {0};
    enum psi_status status = PSI_MEMORY;
    b.filled = psi_allocate(from->cols, sizeof *b.filled, "pattern", err);
    b.order = psi_allocate(from->cols, sizeof *b.order, "pattern", err);
    b.panel = psi_allocate(from->cols, sizeof *b.panel, "pattern", err);
    if (b.filled && b.order && b.panel)
        status = build(&b, &made, err);
    free(b.length);
    free(b.panel);
    free(b.order);
    free(b.filled);
    if (status == PSI_OK)
        *out = made;
    else
        psi_pattern_clear(&made);
    return status;
}

void psi_pattern_clear(struct psi_pattern *pattern)
{
    free(pattern->source);
    free(pattern->column);
    free(pattern->segment);
    *pattern = (struct psi_pattern){0};
}
