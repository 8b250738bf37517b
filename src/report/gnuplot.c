/* What gnuplot reads: names only as strings of letters and escapes, numbers only in data blocks. */
#include "figure.h"
#include "text.h"

#include "psisweep/table.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MOST = 44, COLUMNS_MOST = 4 }; /* characters of a label; panels beside each other */

static const int point_type[PSI_MARKS] = {[PSI_DOT] = 7, [PSI_RING] = 6,  [PSI_CROSS] = 2,
                                          [PSI_UP] = 9,  [PSI_DOWN] = 11, [PSI_DIAMOND] = 13};

/* A byte of a string; *escaped: whether the one before stands as an escape, whose digits 5.4 reads
 * on for as long as there are any. */
static void put_byte(unsigned char byte, int *escaped, FILE *file)
{
    *escaped = !(isalpha(byte) || byte == ' ' || byte >= 0x80 || (isdigit(byte) && !*escaped));
    fprintf(file, *escaped ? "\\%03o" : "%c", byte);
}

/* A string of gnuplot's, in which nothing stands that it could read: of ASCII only letters, digits
 * and blanks, all else by its octal escape. (Single quotes, doubled within, are not told from the
 * end of the string in each place of 5.4.) Line breaks and controls show as for people. */
static void put_string(const char *text, FILE *file)
{
    const char *from = text;
    int width = 0, escaped = 0;
    fputc('"', file);
    for (uint32_t point; (point = psi_utf8_next(&text)) != 0 && width < TEXT_MOST; from = text) {
        char shown[8];
        width++;
        if (!psi_text_escape(point, shown))
            snprintf(shown, sizeof shown, "%.*s", (int)(text - from), from);
        for (const char *c = point == 0xfffd ? "\xef\xbf\xbd" : shown; *c; c++)
            put_byte((unsigned char)*c, &escaped, file);
    }
    fputs(*from ? "…\"" : "\"", file);
}

static void put_data(const struct psi_figure *f, FILE *file)
{
    for (size_t s = 0; s < f->serieses; s++) {
        fprintf(file, "$d%zu << EOD\n", s);
        for (size_t p = f->series[s].from; p < psi_series_end(f, s); p++) {
            for (int c = 0; c < PSI_POINT; c++)
                fprintf(file, isfinite(f->point[p].at[c]) ? "%.9g " : "NaN ", f->point[p].at[c]);
            fputc('\n', file);
        }
        fputs("EOD\n", file);
    }
}

struct range {
    double low, high;
};

static void widen(struct range *range, double value, int log)
{
    if (!isfinite(value) || (log && value <= 0.0))
        return;
    range->low = fmin(range->low, value);
    range->high = fmax(range->high, value);
}

/* A little air around the points, and never nothing. */
static struct range air(struct range range, int log)
{
    if (range.low > range.high)
        return log ? (struct range){0.1, 1.0} : (struct range){0.0, 1.0};
    double low = log ? log10(range.low) : range.low, high = log ? log10(range.high) : range.high;
    double size = log ? 1.0 : fmax(fabs(low), fabs(high)), all = high - low;
    double more = all > 1e-6 * size ? 0.04 * all : size > 1e-9 ? 0.5 * size : 0.5;
    low -= more, high += more;
    if (log) /* of what a double holds */
        low = fmax(low, -300.0), high = fmin(high, 300.0);
    return log ? (struct range){pow(10.0, low), pow(10.0, high)} : (struct range){low, high};
}

/* A span or a rule goes as far as there are points. */
static struct range range_x(const struct psi_figure *f)
{
    struct range range = {INFINITY, -INFINITY};
    for (size_t s = 0; s < f->serieses; s++) {
        int kind = f->series[s].kind;
        int bars = kind == PSI_PLOT_XBARS || kind == PSI_PLOT_CELLS;
        for (size_t p = f->series[s].from; p < psi_series_end(f, s); p++) {
            if (kind != PSI_PLOT_SPAN && kind != PSI_PLOT_RULE && kind != PSI_PLOT_TEXT)
                widen(&range, f->point[p].at[PSI_X], f->spec->log_x);
            for (int c = PSI_LOW; bars && c <= PSI_HIGH; c++)
                widen(&range, f->point[p].at[c], f->spec->log_x);
        }
    }
    return air(range, f->spec->log_x);
}

static struct range range_y(const struct psi_figure *f, const struct panel *panel)
{
    struct range range = {INFINITY, -INFINITY};
    if (!isnan(panel->low))
        return (struct range){panel->low, panel->high};
    for (size_t s = panel->series; s < psi_panel_end(f, (size_t)(panel - f->panel)); s++) {
        int kind = f->series[s].kind, bars = kind == PSI_PLOT_YBARS || kind == PSI_PLOT_BAND;
        for (size_t p = f->series[s].from; p < psi_series_end(f, s); p++) {
            if (kind != PSI_PLOT_SPAN && kind != PSI_PLOT_BAND)
                widen(&range, f->point[p].at[PSI_Y], f->spec->log_y);
            for (int c = PSI_LOW; bars && c <= PSI_HIGH; c++)
                widen(&range, f->point[p].at[c], f->spec->log_y);
        }
    }
    return air(range, f->spec->log_y);
}

/* gnuplot marks whole decades only; a short axis would have none. */
static void put_log_tics(char axis, struct range range, FILE *file)
{
    int first = (int)floor(log10(range.low)), last = (int)ceil(log10(range.high));
    int dense = log10(range.high / range.low) < 1.5, step = 1 + (last - first) / 7;
    const char *comma = "";
    fprintf(file, "set %ctics (", axis);
    for (int e = first; e <= last; e += dense ? 1 : step) {
        for (int m = 1; m <= (dense ? 5 : 1); m += m == 1 ? 1 : 3) {
            fprintf(file, "%s'%g' %.9g", comma, m * pow(10.0, e), m * pow(10.0, e));
            comma = ", ";
        }
    }
    fputs(")\n", file);
}

static void put_axes(const struct psi_figure *f, const struct panel *panel, FILE *file)
{
    const struct psi_figure_spec *spec = f->spec;
    struct range x = range_x(f), y = range_y(f, panel);
    fputs("unset logscale\nunset label\nunset object\nunset arrow\nset border 3 lw .8\n"
          "set tics nomirror scale .6\nset xtics autofreq\nset ytics autofreq\nunset key\n",
          file);
    fprintf(file, "set xrange [%.9g:%.9g]\n", spec->falling_x ? x.high : x.low,
            spec->falling_x ? x.low : x.high);
    fprintf(file, "set yrange [%.9g:%.9g]\nset xlabel ", y.low, y.high);
    put_string(spec->x, file);
    fputs(" noenhanced\nset ylabel ", file);
    put_string(spec->y ? spec->y : "", file);
    fputs(" noenhanced\n", file);
    if (spec->log_x) {
        fputs("set logscale x\n", file);
        put_log_tics('x', x, file);
    }
    if (spec->log_y) {
        fputs("set logscale y\n", file);
        put_log_tics('y', y, file);
    }
    fputs(spec->y ? "set lmargin\n" : "set lmargin 7\nunset ytics\nset border 1\n", file);
}

static void put_span(const struct point *point, unsigned rgb, FILE *file)
{
    double low = point->at[PSI_LOW], high = point->at[PSI_HIGH];
    char from[32] = "graph 0", to[32] = "graph 1"; /* which way the axis runs does not matter */
    if (isnan(low) || isnan(high) || (low <= 0.0 && isinf(high)))
        return;
    /* with x falling to the right, graph 0 is the highest */
    snprintf(from, sizeof from, isinf(high) ? "graph 0" : "first %.9g", high);
    snprintf(to, sizeof to, low <= 0.0 ? "graph 1" : "first %.9g", low);
    fprintf(file,
            "set object rectangle from %s, graph 0 to %s, graph 1 behind fc rgb '#%06x' "
            "fs transparent solid .22 noborder\n",
            from, to, rgb);
}

static const char *dash(const struct series *series)
{
    return series->mark == PSI_RING ? "(2,4)" : "(6,4)";
}

/* What is no plot of points. */
static void put_marks(const struct psi_figure *f, size_t s, FILE *file)
{
    const struct series *series = &f->series[s];
    unsigned rgb = psi_colour_light[series->colour];
    for (size_t p = series->from; p < psi_series_end(f, s); p++) {
        const struct point *point = &f->point[p];
        double x = point->at[PSI_X], y = point->at[PSI_Y];
        if (series->kind == PSI_PLOT_SPAN) {
            put_span(point, rgb, file);
        } else if (series->kind == PSI_PLOT_RULE && isfinite(y)) {
            fprintf(file,
                    "set arrow from graph 0, first %.9g to graph 1, first %.9g nohead "
                    "lw 1.4 dt %s lc rgb '#%06x'\n",
                    y, y, dash(series), rgb);
        } else if (series->kind == PSI_PLOT_TEXT) {
            fputs("set label ", file);
            put_string(series->label, file);
            fprintf(file, " at graph %s, first %.9g %s noenhanced%s\n", x < 0.0 ? "-.015" : ".0", y,
                    x < 0.0 ? "right" : "left", x < 0.0 ? "" : " offset 0,.75");
        }
    }
}

static void put_plot(const struct series *series, size_t s, FILE *file)
{
    unsigned rgb = psi_colour_light[series->colour];
    int mark = point_type[series->mark];
    fprintf(file, "$d%zu using ", s);
    switch (series->kind) {
    case PSI_PLOT_LINE:
        fprintf(file, "1:2 with lines lw 1.8 lc rgb '#%06x'", rgb);
        break;
    case PSI_PLOT_POINTS:
        fprintf(file, "1:2 with points pt %d ps %s lc rgb '#%06x'", mark,
                series->mark == PSI_DOT ? ".32" : ".6", rgb);
        break;
    case PSI_PLOT_BAND:
        fprintf(file, "1:3:4 with filledcurves fs transparent solid .2 noborder lc rgb '#%06x'",
                rgb);
        break;
    case PSI_PLOT_XBARS:
        fprintf(file, "1:2:3:4 with xerrorbars pt %d ps .5 lw 1.6 lc rgb '#%06x'", mark, rgb);
        break;
    case PSI_PLOT_YBARS:
        fprintf(file, "1:2:3:4 with yerrorbars pt %d ps .6 lw 1.4 lc rgb '#%06x'", mark, rgb);
        break;
    case PSI_PLOT_CELLS:
        fprintf(file,
                "1:2:3:4:($2-.42):($2+.42) with boxxyerror fs solid 1 noborder lc rgb '#%06x'",
                rgb);
        break;
    }
}

static int has_plot(const struct series *series)
{
    return series->kind != PSI_PLOT_SPAN && series->kind != PSI_PLOT_RULE &&
           series->kind != PSI_PLOT_TEXT;
}

static void put_panel(const struct psi_figure *f, size_t p, int titled, FILE *file)
{
    int own = titled && f->spec->own_legends;
    put_axes(f, &f->panel[p], file);
    fputs("set title ", file);
    put_string(titled ? f->panel[p].title : "", file);
    fputs(" noenhanced\n", file);
    if (own)
        fputs("set key noenhanced bmargin center horizontal Left reverse samplen 1.2\n", file);
    for (size_t s = f->panel[p].series; s < psi_panel_end(f, p); s++)
        put_marks(f, s, file);
    fputs("plot ", file);
    for (size_t s = f->panel[p].series; s < psi_panel_end(f, p); s++) {
        if (!has_plot(&f->series[s]) || f->series[s].from == psi_series_end(f, s))
            continue;
        put_plot(&f->series[s], s, file);
        fputs(own && f->series[s].label ? " title " : " notitle", file);
        if (own && f->series[s].label)
            put_string(f->series[s].label, file);
        fputs(", ", file);
    }
    fputs("NaN notitle\n", file);
}

static void put_key(const struct psi_figure *f, size_t s, FILE *file)
{
    const struct series *series = &f->series[s];
    unsigned rgb = psi_colour_light[psi_legend_colour(f, s)];
    if (series->kind == PSI_PLOT_POINTS || series->kind == PSI_PLOT_XBARS ||
        series->kind == PSI_PLOT_YBARS)
        fprintf(file, "NaN with points pt %d lc rgb '#%06x' title ", point_type[series->mark], rgb);
    else if (series->kind == PSI_PLOT_LINE)
        fprintf(file, "NaN with lines lw 2 lc rgb '#%06x' title ", rgb);
    else if (series->kind == PSI_PLOT_RULE)
        fprintf(file, "NaN with lines lw 1.2 dt %s lc rgb '#%06x' title ", dash(series), rgb);
    else
        fprintf(file, "NaN with boxes fs transparent solid %s noborder lc rgb '#%06x' title ",
                series->kind == PSI_PLOT_CELLS ? "1" : ".22", rgb);
    put_string(series->label, file);
    fputs(", ", file);
}

/* A strip of nothing but the legend. */
static void put_legend(const struct psi_figure *f, const size_t *list, size_t keys, size_t columns,
                       FILE *file)
{
    fprintf(file,
            "unset logscale\nunset label\nunset object\nunset arrow\nunset border\nunset tics\n"
            "unset xlabel\nunset ylabel\nset title ''\n"
            "set key noenhanced center center Left reverse horizontal maxcols %zu\n"
            "plot [0:1] [0:1] ",
            columns);
    for (size_t i = 0; i < keys; i++)
        put_key(f, list[i], file);
    fputs("NaN notitle\nset tics\n", file);
}

/* Room below a panel for its own legend: one line a label at worst, as gnuplot gives up columns
 * where long names do not fit beside each other. */
static double legend_room(const struct psi_figure *f, size_t p)
{
    size_t labels = 0;
    for (size_t s = f->panel[p].series; s < psi_panel_end(f, p); s++)
        labels += has_plot(&f->series[s]) && f->series[s].label;
    return f->spec->own_legends ? 36.0 + 24.0 * (double)labels : 24.0;
}

/* scale: pixels to each of an SVG's */
static void put_whole(const struct psi_figure *f, const char *terminal, double scale,
                      const char *name, const char *suffix, FILE *file)
{
    size_t *list = calloc(f->serieses + 1, sizeof *list), columns = 1;
    size_t keys = list && !f->spec->own_legends ? psi_legend_list(f, 0, f->serieses, list) : 0;
    double height = 0.0;
    while (columns * columns < f->panels && columns < COLUMNS_MOST)
        columns++;
    for (size_t p = 0; p < f->panels; p++)
        height = fmax(height, f->panel[p].height + legend_room(f, p));
    double rows = ceil((double)f->panels / (double)columns);
    double strip = keys ? 24.0 + 18.0 * ceil((double)keys / (double)columns) : 0.0;
    double whole = rows * height + strip, wide = 1.0 / (double)columns;
    fprintf(file, "set term %s size %.0f,%.0f background '#ffffff'\nset output '%s.%s'\n", terminal,
            scale * (double)(columns * PSI_PANEL_WIDTH), scale * whole, name, suffix);
    fputs("set multiplot\n", file);
    for (size_t p = 0; p < f->panels; p++) {
        fprintf(file, "set size %.6f,%.6f\nset origin %.6f,%.6f\n", wide, height / whole,
                (double)(p % columns) * wide, 1.0 - (double)(p / columns + 1) * height / whole);
        put_panel(f, p, 1, file);
    }
    if (keys > 0) {
        fprintf(file, "set size 1,%.6f\nset origin 0,0\n", strip / whole);
        put_legend(f, list, keys, columns, file);
    }
    fputs("unset multiplot\nset output\nset size 1,1\nset origin 0,0\n", file);
    free(list);
}

void psi_gnuplot_script(const struct psi_figure *f, const char *name, FILE *file)
{
    static const char svg[] = "svg noenhanced dynamic font 'sans-serif,12'";
    fprintf(file,
            "# gnuplot %s.gp draws %s.svg, %s.png, and each panel by itself.\n"
            "reset\nset encoding utf8\nset datafile missing 'NaN'\n",
            name, name, name);
    put_data(f, file);
    put_whole(f, svg, 1.0, name, "svg", file);
    put_whole(f, "pngcairo noenhanced font 'sans-serif,9' fontscale 2 linewidth 2 pointscale 2",
              2.0, name, "png", file);
    for (size_t p = 0; p < f->panels; p++) {
        fprintf(file, "set term %s size %d,%.0f\nset output '%s-%zu.svg'\n", svg, PSI_PANEL_WIDTH,
                f->panel[p].height, name, p);
        put_panel(f, p, 0, file);
        fputs("set output\n", file);
    }
}
