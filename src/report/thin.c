#include "figure.h"

#include "psisweep/memory.h"

#include <stdlib.h>
#include <string.h>

/* Is the k-th of n among `most` evenly chosen ones? Of up to twice as many all are. */
static int chosen(size_t k, size_t n, size_t most)
{
    return n <= 2 * most || (k + 1) * most / n > k * most / n;
}

/* A row of cells of one colour is one. */
static int joins(const struct point *before, const struct point *point)
{
    return before->at[PSI_Y] == point->at[PSI_Y] && before->at[PSI_LOW] == point->at[PSI_HIGH];
}

/* Does a series begin a label, as far as its neighbour tells? One of each is always drawn. */
static int opens(const struct psi_figure *f, size_t panel, size_t s)
{
    const char *label = f->series[s].label;
    const char *before = s > f->panel[panel].series ? f->series[s - 1].label : NULL;
    return !label || !before || strcmp(label, before) != 0;
}

static void count(const struct psi_figure *f, size_t panel, size_t *lines, size_t *points)
{
    *lines = *points = 0;
    for (size_t s = f->panel[panel].series; s < psi_panel_end(f, panel); s++) {
        size_t size = psi_series_end(f, s) - f->series[s].from;
        *lines += f->series[s].kind == PSI_PLOT_LINE && size > 0;
        *points += f->series[s].kind == PSI_PLOT_POINTS ? size : 0;
    }
}

static void thin_series(const struct psi_figure *f, size_t s, int opening, size_t *k, size_t n,
                        struct psi_figure *to)
{
    size_t first = to->points;
    to->series[to->serieses] = f->series[s];
    to->series[to->serieses++].from = first;
    for (size_t p = f->series[s].from; p < psi_series_end(f, s); p++) {
        int kind = f->series[s].kind;
        if (kind == PSI_PLOT_POINTS && !chosen((*k)++, n, PSI_POINTS_MOST) &&
            !(opening && p == f->series[s].from))
            continue;
        if (kind == PSI_PLOT_CELLS && to->points > first &&
            joins(&to->point[to->points - 1], &f->point[p]))
            to->point[to->points - 1].at[PSI_LOW] = f->point[p].at[PSI_LOW];
        else
            to->point[to->points++] = f->point[p];
    }
}

static void thin_panel(const struct psi_figure *f, size_t panel, struct psi_thinned *out)
{
    struct psi_figure *to = &out->figure;
    size_t lines, points, line = 0, point = 0;
    count(f, panel, &lines, &points);
    to->panel[panel] = f->panel[panel];
    to->panel[panel].series = to->serieses;
    for (size_t s = f->panel[panel].series; s < psi_panel_end(f, panel); s++) {
        int opening = opens(f, panel, s), kind = f->series[s].kind;
        size_t before = to->points;
        int is_line = kind == PSI_PLOT_LINE && psi_series_end(f, s) > f->series[s].from;
        if (is_line && !chosen(line++, lines, PSI_LINES_MOST) && !opening)
            continue;
        thin_series(f, s, opening, &point, points, to);
        out->lines_drawn += (size_t)is_line;
        out->points_drawn += kind == PSI_PLOT_POINTS ? to->points - before : 0;
    }
    out->lines += lines;
    out->points += points;
}

enum psi_status psi_figure_thin(const struct psi_figure *f, struct psi_thinned *out,
                                struct psi_error *err)
{
    *out = (struct psi_thinned){.figure = *f};
    struct psi_figure *to = &out->figure;
    to->serieses = to->points = 0;
    to->series = NULL;
    to->point = NULL;
    if (!(to->panel = psi_allocate(f->panels, sizeof *to->panel, "figure", err)) ||
        !(to->series = psi_allocate(f->serieses, sizeof *to->series, "figure", err)) ||
        !(to->point = psi_allocate(f->points, sizeof *to->point, "figure", err))) {
        psi_thinned_clear(out);
        return PSI_MEMORY;
    }
    for (size_t panel = 0; panel < f->panels; panel++)
        thin_panel(f, panel, out);
    return PSI_OK;
}

void psi_thinned_clear(struct psi_thinned *thinned)
{
    free(thinned->figure.point);
    free(thinned->figure.series);
    free(thinned->figure.panel);
}
