/* From a figure to its files and its element of the page. */
#include "figure.h"

#include "psisweep/memory.h"
#include "psisweep/page.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_key(const struct psi_figure *f, size_t s, FILE *page)
{
    static const char *const shape[PSI_MARKS] = {
        [PSI_DOT] = "<circle cx='11' cy='6' r='3.5' fill='C'/>",
        [PSI_RING] = "<circle cx='11' cy='6' r='3.5' fill='none' stroke='C' stroke-width='1.5'/>",
        [PSI_CROSS] = "<path d='M7 2l8 8m0-8l-8 8' stroke='C' stroke-width='1.5'/>",
        [PSI_UP] = "<path d='M11 1l5 9h-10z' fill='C'/>",
        [PSI_DOWN] = "<path d='M11 11l5-9h-10z' fill='C'/>",
        [PSI_DIAMOND] = "<path d='M11 0l6 6-6 6-6-6z' fill='C'/>",
    };
    const struct series *series = &f->series[s];
    const char *text = "<rect width='22' height='12' fill='C' opacity='.3'/>";
    if (series->kind == PSI_PLOT_LINE)
        text = "<path d='M0 6h22' stroke='C' stroke-width='2.5'/>";
    else if (series->kind == PSI_PLOT_RULE && series->mark == PSI_RING)
        text = "<path d='M0 6h22' stroke='C' stroke-width='2' stroke-dasharray='2 4'/>";
    else if (series->kind == PSI_PLOT_RULE)
        text = "<path d='M0 6h22' stroke='C' stroke-width='1.5' stroke-dasharray='6 4'/>";
    else if (series->kind == PSI_PLOT_CELLS)
        text = "<rect width='22' height='12' fill='C'/>";
    else if (series->kind == PSI_PLOT_POINTS || series->kind == PSI_PLOT_XBARS ||
             series->kind == PSI_PLOT_YBARS)
        text = shape[series->mark];
    fputs("<li><svg viewBox='0 0 22 12' aria-hidden='true'>", page);
    for (; *text; text++) {
        if (*text == 'C')
            fprintf(page, "var(--c%d)", psi_legend_colour(f, s));
        else
            fputc(*text, page);
    }
    fputs("</svg> <bdi>", page);
    psi_html_text(series->label, page);
    fputs("</bdi></li>\n", page);
}

static void put_legend(const struct psi_figure *f, size_t from, size_t to, FILE *page)
{
    size_t *list = calloc(to - from + 1, sizeof *list);
    size_t count = list ? psi_legend_list(f, from, to, list) : 0;
    if (count)
        fputs("<ul class=\"legend\">\n", page);
    for (size_t i = 0; i < count; i++)
        put_key(f, list[i], page);
    if (count)
        fputs("</ul>\n", page);
    free(list);
}

enum { CSV_COLUMNS = 3 + PSI_POINT };

/* Columns of the CSV; which[c] = which member of a point, for those behind the text. */
static size_t csv_columns(const struct psi_figure_spec *spec, struct psi_table_column *column,
                          int which[CSV_COLUMNS])
{
    const char *const text[] = {spec->panel, spec->series, spec->tag};
    size_t columns = 0;
    for (size_t i = 0; i < 3; i++)
        if (text[i])
            column[columns++] = (struct psi_table_column){.key = text[i], .kind = PSI_TABLE_TEXT};
    for (int c = 0; c < PSI_POINT; c++) {
        if (!spec->point[c])
            continue;
        which[columns] = c;
        column[columns++] =
            (struct psi_table_column){.key = spec->point[c], .kind = PSI_TABLE_REAL};
    }
    return columns;
}

/* One row a point. */
static enum psi_status write_csv(const struct psi_figure *f, const char *dir, const char *name,
                                 struct psi_error *err)
{
    struct psi_table_column column[CSV_COLUMNS];
    struct psi_output out;
    int which[CSV_COLUMNS] = {0};
    size_t columns = csv_columns(f->spec, column, which), at = 0;
    struct psi_table_cell *cell = psi_allocate(f->points * columns, sizeof *cell, "CSV", err);
    if (!cell)
        return PSI_MEMORY;
    for (size_t s = 0; s < f->serieses; s++) {
        const struct series *series = &f->series[s];
        const char *const text[] = {f->panel[series->panel].title, series->label, series->tag};
        for (size_t p = series->from; p < psi_series_end(f, s); p++) {
            for (size_t c = 0; c < columns; c++, at++) {
                cell[at].kind = column[c].kind;
                if (column[c].kind == PSI_TABLE_TEXT)
                    cell[at].text = text[c];
                else
                    cell[at].real = f->point[p].at[which[c]];
            }
        }
    }
    enum psi_status status = psi_output_open(dir, name, &out, err);
    if (!status) {
        psi_table_print_csv(&(struct psi_table){column, cell, columns, f->points}, out.file);
        status = psi_output_close(&out, 1, err);
    }
    free(cell);
    return status;
}

/* A PNG ends with its IEND chunk (PNG 1.2, 11.2.5). */
static int png_is_whole(const char *path)
{
    static const char end[] = "IEND\xae\x42\x60\x82";
    char last[8] = "";
    FILE *file = fopen(path, "re");
    int whole = file && fseek(file, -8, SEEK_END) == 0 && fread(last, 1, 8, file) == 8 &&
                memcmp(last, end, 8) == 0;
    if (file)
        fclose(file);
    return whole;
}

struct names { /* of one figure's files; all owned */
    char *stem, *csv, *gp, *svg, *png, *work;
};

static void names_clear(struct names *n)
{
    free(n->stem);
    free(n->csv);
    free(n->gp);
    free(n->svg);
    free(n->png);
    free(n->work);
}

static enum psi_status names_create(const char *dir, const char *prefix, const char *name,
                                    struct names *n, struct psi_error *err)
{
    *n = (struct names){NULL};
    if (asprintf(&n->stem, "%s%s", prefix, name) < 0) {
        n->stem = NULL;
        return psi_fail(err, PSI_MEMORY, "no memory for a name");
    }
    if (asprintf(&n->csv, "%s.csv", n->stem) < 0 || asprintf(&n->gp, "%s.gp", n->stem) < 0 ||
        asprintf(&n->svg, "%s.svg", n->stem) < 0 || asprintf(&n->png, "%s.png", n->stem) < 0 ||
        !(n->work = psi_report_path(dir, ".drawing-XXXXXX", "", NULL))) {
        names_clear(n);
        return psi_fail(err, PSI_MEMORY, "no memory for a name");
    }
    return PSI_OK;
}

/* Draw in a folder of its own, so that nobody meets a picture that is not whole. */
static enum psi_status draw(const struct psi_figure *f, const char *dir, const struct names *n,
                            struct psi_error *err)
{
    struct psi_output out;
    enum psi_status status = psi_output_open(n->work, n->gp, &out, err);
    if (status)
        return status;
    psi_gnuplot_script(f, n->stem, out.file);
    if ((status = psi_output_close(&out, 1, err)) ||
        (status = psi_gnuplot_run(n->work, n->stem, err)))
        return status;

    char *from = psi_report_path(n->work, n->svg, "", err);
    if (!from || (status = psi_output_open(dir, n->svg, &out, err))) {
        free(from);
        return from ? status : PSI_MEMORY;
    }
    status = psi_svg_copy(f, from, out.file, err);
    enum psi_status closed = psi_output_close(&out, !status, err);
    free(from);
    return status ? status : closed;
}

static enum psi_status move(const char *from_dir, const char *dir, const char *name,
                            struct psi_error *err)
{
    char *from = psi_report_path(from_dir, name, "", err),
         *to = psi_report_path(dir, name, "", err);
    enum psi_status status = from && to ? PSI_OK : PSI_MEMORY;
    if (!status && rename(from, to) != 0)
        status = psi_fail(err, PSI_IO, "%s: cannot write: %s", to, strerror(errno));
    free(from);
    free(to);
    return status;
}

static enum psi_status take(const struct psi_figure *f, const char *dir, const struct names *n,
                            FILE *page, struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    char *png = psi_report_path(n->work, n->png, "", err);
    if (!png)
        return PSI_MEMORY;
    if (!png_is_whole(png))
        status =
            psi_fail(err, PSI_IO, "%s/%s: gnuplot has not written all of it (is the disk full?)",
                     dir, n->png);
    free(png);
    if (status || (status = move(n->work, dir, n->png, err)) ||
        (status = move(n->work, dir, n->gp, err)))
        return status;
    for (size_t p = 0; !status && p < f->panels; p++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s-%zu.svg", n->work, n->stem, p) < 0)
            return psi_fail(err, PSI_MEMORY, "no memory for a name");
        fputs("<div class=\"panel\">", page);
        if (*f->panel[p].title) {
            fputs("<p><bdi>", page);
            psi_html_text(f->panel[p].title, page);
            fputs("</bdi></p>\n", page);
        }
        status = psi_svg_inline(path, f->panel[p].height, page, err);
        if (f->spec->own_legends)
            put_legend(f, f->panel[p].series, psi_panel_end(f, p), page);
        fputs("</div>\n", page);
        free(path);
    }
    return status;
}

/* Remove the folder and whatever is left in it: names of ours only. */
static void sweep_away(const struct psi_figure *f, const struct names *n)
{
    const char *const name[] = {n->gp, n->svg, n->png};
    char *path;
    for (size_t i = 0; i < 3; i++) {
        if ((path = psi_report_path(n->work, name[i], "", NULL)))
            remove(path);
        free(path);
    }
    for (size_t p = 0; p < f->panels; p++) {
        if (asprintf(&path, "%s/%s-%zu.svg", n->work, n->stem, p) < 0)
            continue;
        remove(path);
        free(path);
    }
    rmdir(n->work);
}

static void put_head(const struct psi_figure *f, const char *stem, FILE *page)
{
    fprintf(page, "<figure id=\"%s\">\n<h3>", stem);
    psi_html_text(f->spec->title, page);
    fputs("</h3>\n", page);
    if (!f->spec->own_legends)
        put_legend(f, 0, f->serieses, page);
    fprintf(page, "<div class=\"panels %s\" role=\"img\" aria-label=\"",
            f->panels > 2   ? "many"
            : f->panels > 1 ? "some"
                            : "one");
    psi_html_text(f->spec->title, page);
    fputs(". ", page);
    psi_html_text(f->words, page);
    fputs("\">\n", page);
}

static void put_drawn(size_t drawn, size_t all, const char *what, FILE *page)
{
    if (drawn < all)
        fprintf(page, " Drawn are %zu of %zu %s, evenly chosen; the CSV has all.", drawn, all,
                what);
}

static void put_tail(const struct psi_thinned *t, const char *stem, FILE *page)
{
    fputs("</div>\n<figcaption>", page);
    psi_html_text(t->figure.spec->caption, page);
    put_drawn(t->lines_drawn, t->lines, "lines", page);
    put_drawn(t->points_drawn, t->points, "points", page);
    fprintf(
        page,
        " <span class=\"files\"><a href=\"%s.csv\">data (CSV)</a> <a href=\"%s.svg\">SVG</a> <a "
        "href=\"%s.png\">PNG</a></span></figcaption>\n</figure>\n",
        stem, stem, stem);
}

static void put_absent(const struct psi_figure *f, const char *stem, FILE *page)
{
    fprintf(page, "<p class=\"absent\" id=\"%s\"><b>", stem);
    psi_html_text(f->spec->title, page);
    fputs("</b>: left out, ", page);
    psi_html_text(f->absent ? f->absent : "as no cell has data for it yet", page);
    fputs(".</p>\n", page);
}

/* An older run's files of a figure that has no points now. */
static void forget(const char *dir, const struct names *n)
{
    const char *const name[] = {n->csv, n->gp, n->svg, n->png};
    for (size_t i = 0; i < 4; i++) {
        char *path = psi_report_path(dir, name[i], "", NULL);
        if (path)
            remove(path);
        free(path);
    }
}

/* The files and the element of a figure that has points. */
static enum psi_status put_drawing(const struct psi_figure *f, const char *dir,
                                   const struct names *n, FILE *page, struct psi_error *err)
{
    struct psi_thinned thinned;
    enum psi_status status = psi_figure_thin(f, &thinned, err);
    if (status)
        return status;
    put_head(f, n->stem, page);
    if (!(status = write_csv(f, dir, n->csv, err)) &&
        !(status = draw(&thinned.figure, dir, n, err)))
        status = take(&thinned.figure, dir, n, page, err);
    put_tail(&thinned, n->stem, page);
    psi_thinned_clear(&thinned);
    return status;
}

enum psi_status psi_figure_render(const struct psi_figure *f, const char *dir, const char *prefix,
                                  FILE *page, struct psi_error *err)
{
    struct names n;
    enum psi_status status;
    fflush(f->say);
    if (f->failed || ferror(f->say))
        return psi_fail(err, PSI_MEMORY, "no memory for figure %s", f->spec->name);
    if ((status = names_create(dir, prefix, f->spec->name, &n, err)))
        return status;
    if (f->points == 0) {
        put_absent(f, n.stem, page);
        forget(dir, &n);
    } else if (!mkdtemp(n.work)) {
        status = psi_fail(err, PSI_IO, "%s: cannot write: %s", dir, strerror(errno));
    } else {
        status = put_drawing(f, dir, &n, page, err);
        sweep_away(f, &n);
    }
    names_clear(&n);
    return status;
}
