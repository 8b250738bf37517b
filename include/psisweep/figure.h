/* Figures: what is drawn, without a word on how; gnuplot draws it.
 *
 * A figure is panels of series of points, all of one meaning: the same axes, the same columns in
 * its CSV. From that one description come NAME.csv, NAME.gp, NAME.svg, NAME.png and the <figure>
 * element of the page, so no figure can be without its data or its alternative text.
 *
 * Filling a figure returns void: lack of memory is remembered and told by psi_figure_render. Text
 * is copied, may hold any bytes, and is never read by gnuplot as anything but a label.
 */
#ifndef PSISWEEP_FIGURE_H
#define PSISWEEP_FIGURE_H

#include "psisweep/status.h"
#include <stddef.h>
#include <stdio.h>

enum psi_plot {
    PSI_PLOT_LINE,   /* x, y; a NaN parts it */
    PSI_PLOT_POINTS, /* x, y */
    PSI_PLOT_BAND,   /* low to high at each x */
    PSI_PLOT_XBARS,  /* x, y, and a bar from low to high along x */
    PSI_PLOT_YBARS,  /* x, y, and a bar from low to high along y */
    PSI_PLOT_CELLS,  /* a filled cell from low to high along x, of height .84 around y */
    PSI_PLOT_SPAN,   /* all that lies between low and high along x; 0 and infinity = no end */
    PSI_PLOT_RULE,   /* a level line at y, dashed; dotted where the mark is PSI_RING */
    PSI_PLOT_TEXT    /* the label itself at y; x < 0: left of the axis, else above y */
};

/* Colours: 0 .. PSI_COLOURS - 1 tell series apart (Okabe & Ito's, without those that vanish on
 * white), then a ramp (viridis) for what has an order, then ink and a quiet grey. */
enum {
    PSI_COLOURS = 8,
    PSI_RAMP = PSI_COLOURS, /* the first of it */
    PSI_RAMP_STEPS = 10,
    PSI_INK = PSI_RAMP + PSI_RAMP_STEPS,
    PSI_GREY,
    PSI_ALL_COLOURS
};

enum psi_mark { PSI_DOT, PSI_RING, PSI_CROSS, PSI_UP, PSI_DOWN, PSI_DIAMOND, PSI_MARKS };

/* The columns of the CSV after panel and series. */
enum { PSI_X, PSI_Y, PSI_LOW, PSI_HIGH, PSI_VALUE, PSI_POINT };

struct psi_figure_spec {
    const char *name;             /* of its files */
    const char *title, *caption;  /* caption: what is shown, and how to read it */
    const char *x, *y;            /* axis labels; y NULL = none, and no numbers either */
    int log_x, log_y, falling_x;  /* falling: the largest x on the left */
    int own_legends;              /* each panel has its own, not the figure one */
    const char *panel, *series;   /* CSV columns, as those of the points */
    const char *tag;              /* one more text column, of psi_figure_tag; NULL = none */
    const char *point[PSI_POINT]; /* NULL = this column has no meaning here */
};

struct psi_figure;

/* *out is owned by the caller, spec and its text are borrowed for as long. */
enum psi_status psi_figure_create(const struct psi_figure_spec *spec, struct psi_figure **out,
                                  struct psi_error *err);
void psi_figure_destroy(struct psi_figure *figure);

/* Begin a panel; title may be "". */
void psi_figure_panel(struct psi_figure *figure, const char *title);
/* Of the panel begun last: the shown range of y (else that of its points), and its
 * height in pixels. */
void psi_figure_range(struct psi_figure *figure, double low, double high);
void psi_figure_height(struct psi_figure *figure, double height);
/* Begin a series in the panel begun last. Those that agree in kind, mark and label share a line of
 * the legend, in ink where their colours differ; a NULL label, or that of PSI_PLOT_TEXT, has none.
 */
void psi_figure_series(struct psi_figure *figure, enum psi_plot kind, int colour, int mark,
                       const char *label);
/* What the CSV says of the series begun last beside its label. */
void psi_figure_tag(struct psi_figure *figure, const char *tag);
/* Add to the series begun last; NaN where a value has no meaning. */
void psi_figure_point(struct psi_figure *figure, double x, double y, double low, double high,
                      double value);
/* Add to what the figure says in words to those who cannot see it. */
void psi_figure_say(struct psi_figure *figure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Why the figure is left out where it has no points. */
void psi_figure_absent(struct psi_figure *figure, const char *why);

/* PSI_ENVIRONMENT where gnuplot cannot be run. */
enum psi_status psi_gnuplot_find(struct psi_error *err);

/* Write the files of a figure into the folder dir, each whole or not at all, and its element to
 * the page. prefix stands before its files' names. A figure without points only says why. */
enum psi_status psi_figure_render(const struct psi_figure *figure, const char *dir,
                                  const char *prefix, FILE *page, struct psi_error *err);

#endif
