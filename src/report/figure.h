/* A figure in memory. Private to report. */
#ifndef PSISWEEP_REPORT_FIGURE_H
#define PSISWEEP_REPORT_FIGURE_H

#include "psisweep/figure.h"

struct panel {
    char *title;
    double low, high; /* of y; NaN = that of its points */
    double height;
    size_t series; /* the first of it */
};

struct series {
    int kind, colour, mark;
    char *label, *tag;  /* NULL = none */
    size_t panel, from; /* the first point */
};

struct point {
    double at[PSI_POINT];
};

struct psi_figure {
    const struct psi_figure_spec *spec;
    struct panel *panel;
    struct series *series;
    struct point *point;
    size_t panels, serieses, points; /* used */
    char *words, *absent;
    size_t words_size;
    FILE *say; /* into words */
    int failed;
};

/* One past the last series of a panel, and the last point of a series. */
size_t psi_panel_end(const struct psi_figure *figure, size_t panel);
size_t psi_series_end(const struct psi_figure *figure, size_t series);

/* What is drawn of a figure: where a panel has more than twice so many lines or points, which no
 * reader can tell apart, so many, evenly chosen, and cells that touch as one. The copy borrows all
 * text. */
enum { PSI_LINES_MOST = 25, PSI_POINTS_MOST = 1200 };
struct psi_thinned {
    struct psi_figure figure;
    size_t lines, lines_drawn, points, points_drawn;
};
enum psi_status psi_figure_thin(const struct psi_figure *figure, struct psi_thinned *out,
                                struct psi_error *err);
void psi_thinned_clear(struct psi_thinned *thinned);

/* Colours as they are on white, 0xRRGGBB; and a page's own, on dark. */
extern const unsigned psi_colour_light[PSI_ALL_COLOURS], psi_colour_dark[PSI_ALL_COLOURS];

/* The series that the legend of those from .. to - 1 names, into list: one of those that look the
 * same, what is on the ramp first and in its order. Returns their number. */
size_t psi_legend_list(const struct psi_figure *figure, size_t from, size_t to, size_t *list);
/* Its colour there: its own, or ink where others that look the same have others. */
int psi_legend_colour(const struct psi_figure *figure, size_t series);

enum { PSI_PANEL_WIDTH = 330 };

/* The script that draws all panels in one picture, name.svg and name.png, and each by itself, into
 * name-0.svg and so on: shapes only, titles and legend are the page's. */
void psi_gnuplot_script(const struct psi_figure *figure, const char *name, FILE *file);
/* Run name.gp in the folder. */
enum psi_status psi_gnuplot_run(const char *dir, const char *name, struct psi_error *err);

/* Copy gnuplot's SVG of one panel to a page: without its head, its colours those of the page. */
enum psi_status psi_svg_inline(const char *path, double height, FILE *page, struct psi_error *err);
/* Copy a picture, with its title and words in place of gnuplot's. */
enum psi_status psi_svg_copy(const struct psi_figure *figure, const char *path, FILE *to,
                             struct psi_error *err);

/* "FOLDER/NAMESUFFIX", owned by the caller. */
char *psi_report_path(const char *dir, const char *name, const char *suffix, struct psi_error *err);

#endif
