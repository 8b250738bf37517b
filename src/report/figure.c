#include "figure.h"

#include "psisweep/memory.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Okabe & Ito (2008), yellow and black replaced by violet and grey; viridis (Smith & van der Walt
 * 2015) in ten steps, without its palest end on white and its darkest on black. */
const unsigned psi_colour_light[PSI_ALL_COLOURS] = {
    0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x6a4c9c,
    0x555555, 0x440154, 0x482475, 0x414487, 0x355f8d, 0x2a788e, 0x21918c,
    0x22a884, 0x44bf70, 0x7ad151, 0xbddf26, 0x1b1f24, 0x8b949e};
const unsigned psi_colour_dark[PSI_ALL_COLOURS] = {
    0x409ce6, 0xff8648, 0x2fc79a, 0xe79fc6, 0xf2b53c, 0x9adcff, 0xb49be0,
    0xb4bac1, 0x6a4fa0, 0x5b62b5, 0x4c7cbd, 0x3f93b8, 0x35a8aa, 0x3cbb90,
    0x5fca74, 0x92d955, 0xc6e02e, 0xfde725, 0xe6e8eb, 0x7d8590};

enum psi_status psi_figure_create(const struct psi_figure_spec *spec, struct psi_figure **out,
                                  struct psi_error *err)
{
    struct psi_figure *f = psi_allocate(1, sizeof *f, "figure", err);
    if (!f)
        return PSI_MEMORY;
    f->spec = spec;
    if (!(f->say = open_memstream(&f->words, &f->words_size))) {
        free(f);
        return psi_fail(err, PSI_MEMORY, "no memory for a figure");
    }
    *out = f;
    return PSI_OK;
}

void psi_figure_destroy(struct psi_figure *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->panels; i++)
        free(f->panel[i].title);
    for (size_t i = 0; i < f->serieses; i++) {
        free(f->series[i].label);
        free(f->series[i].tag);
    }
    fclose(f->say);
    free(f->words);
    free(f->absent);
    free(f->point);
    free(f->series);
    free(f->panel);
    free(f);
}

/* Room for one more element behind `used`, in powers of two. NULL, remembered, without memory. */
static void *grow(struct psi_figure *f, void *array, size_t used, size_t size)
{
    void *larger = array;
    if (f->failed)
        return NULL;
    if ((used & (used - 1)) == 0)
        larger = realloc(array, (used ? 2 * used : 1) * size);
    f->failed = !larger;
    return larger;
}

static char *copy(struct psi_figure *f, const char *text)
{
    char *new = text ? strdup(text) : NULL;
    f->failed |= text && !new;
    return new;
}

void psi_figure_panel(struct psi_figure *f, const char *title)
{
    struct panel *panel = grow(f, f->panel, f->panels, sizeof *panel);
    if (!panel)
        return;
    f->panel = panel;
    panel[f->panels++] = (struct panel){copy(f, title), NAN, NAN, 215.0, f->serieses};
}

void psi_figure_range(struct psi_figure *f, double low, double high)
{
    if (f->failed)
        return;
    f->panel[f->panels - 1].low = low;
    f->panel[f->panels - 1].high = high;
}

void psi_figure_height(struct psi_figure *f, double height)
{
    if (!f->failed)
        f->panel[f->panels - 1].height = height;
}

void psi_figure_series(struct psi_figure *f, enum psi_plot kind, int colour, int mark,
                       const char *label)
{
    struct series *series = grow(f, f->series, f->serieses, sizeof *series);
    if (!series)
        return;
    assert(f->panels > 0);
    f->series = series;
    series[f->serieses++] =
        (struct series){(int)kind, colour, mark, copy(f, label), NULL, f->panels - 1, f->points};
}

void psi_figure_tag(struct psi_figure *f, const char *tag)
{
    if (!f->failed)
        f->series[f->serieses - 1].tag = copy(f, tag);
}

void psi_figure_point(struct psi_figure *f, double x, double y, double low, double high,
                      double value)
{
    struct point *point = grow(f, f->point, f->points, sizeof *point);
    if (!point)
        return;
    assert(f->serieses > 0);
    f->point = point;
    point[f->points++] = (struct point){{x, y, low, high, value}};
}

void psi_figure_say(struct psi_figure *f, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(f->say, format, arguments);
    va_end(arguments);
}

void psi_figure_absent(struct psi_figure *f, const char *why)
{
    free(f->absent);
    f->absent = copy(f, why);
}

size_t psi_panel_end(const struct psi_figure *f, size_t panel)
{
    return panel + 1 < f->panels ? f->panel[panel + 1].series : f->serieses;
}

size_t psi_series_end(const struct psi_figure *f, size_t series)
{
    return series + 1 < f->serieses ? f->series[series + 1].from : f->points;
}

/* Do two series share a line of the legend? */
static int alike(const struct psi_figure *f, size_t i, size_t k)
{
    const struct series *a = &f->series[i], *b = &f->series[k];
    return a->label && b->label && a->kind == b->kind && a->mark == b->mark &&
           strcmp(a->label, b->label) == 0 && a->from != psi_series_end(f, i) &&
           b->from != psi_series_end(f, k);
}

static int on_ramp(int colour)
{
    return colour >= PSI_RAMP && colour < PSI_RAMP + PSI_RAMP_STEPS;
}

size_t psi_legend_list(const struct psi_figure *f, size_t from, size_t to, size_t *list)
{
    size_t count = 0, ramp = 0;
    for (size_t s = from; s < to; s++) {
        size_t i = 0, at = count;
        while (i < count && !alike(f, list[i], s))
            i++;
        if (i < count || f->series[s].kind == PSI_PLOT_TEXT || !alike(f, s, s))
            continue;
        if (on_ramp(f->series[s].colour)) {
            for (at = ramp++; at > 0 && f->series[list[at - 1]].colour > f->series[s].colour; at--)
                continue;
            memmove(list + at + 1, list + at, (count - at) * sizeof *list);
        }
        list[at] = s;
        count++;
    }
    return count;
}

int psi_legend_colour(const struct psi_figure *f, size_t s)
{
    for (size_t i = 0; i < f->serieses; i++)
        if (alike(f, i, s) && f->series[i].colour != f->series[s].colour)
            return PSI_INK;
    return f->series[s].colour;
}
