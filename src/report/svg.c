/* gnuplot's SVG, line by line, as its terminal writes it: one element a line, names only within
 * lines of <text>, which are copied as they are. */
#include "figure.h"

#include "psisweep/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What gnuplot says of every group though it is so anyway. */
static size_t needless(const char *line)
{
    static const char text[] = " stroke-linecap=\"butt\" stroke-linejoin=\"miter\"";
    return strncmp(line, text, sizeof text - 1) == 0 ? sizeof text - 1 : 0;
}

/* Copy a line with gnuplot's colours replaced by the page's, which follow light and dark. */
static void put_coloured(const char *line, FILE *page)
{
    for (const char *end; *line; line = end) {
        unsigned r, g, b;
        int length = 0, colour = 0;
        if (strncmp(line, "black", 5) == 0) {
            fputs("currentColor", page);
            end = line + 5;
            continue;
        }
        if (sscanf(line, "rgb(%u,%u,%u)%n", &r, &g, &b, &length) == 3 && length > 0) {
            while (colour < PSI_ALL_COLOURS && psi_colour_light[colour] != (r << 16 | g << 8 | b))
                colour++;
            if (colour < PSI_ALL_COLOURS)
                fprintf(page, "var(--c%d)", colour);
            else
                fwrite(line, 1, (size_t)length, page);
            end = line + length;
            continue;
        }
        line += needless(line);
        end = line + 1;
        while (*end && *end != 'b' && *end != 'r' && !needless(end))
            end++;
        fwrite(line, 1, (size_t)(end - line), page);
    }
}

static enum psi_status read_file(const char *path, FILE **file, struct psi_error *err)
{
    *file = fopen(path, "re");
    return *file
               ? PSI_OK
               : psi_fail(err, PSI_IO, "%s: gnuplot has not written it: %s", path, strerror(errno));
}

static enum psi_status finish(FILE *file, char *line, int whole, const char *path,
                              struct psi_error *err)
{
    int bad = ferror(file);
    free(line);
    fclose(file);
    if (bad || !whole)
        return psi_fail(err, PSI_IO, "%s: gnuplot has not written all of it (is the disk full?)",
                        path);
    return PSI_OK;
}

/* gnuplot writes an element for every dot and every cell: those that follow each other and look
 * alike become one path. look: all but the place of the element; empty = no path is open. held: the
 * beginning of a group, until there is something in it; empty = there is none. */
struct run {
    char look[64], held[256];
};

static void begin_held(struct run *run, FILE *page)
{
    put_coloured(run->held, page);
    run->held[0] = '\0';
}

static void end_run(struct run *run, FILE *page)
{
    if (run->look[0])
        fputs("\"/>\n", page);
    run->look[0] = '\0';
}

/* Go on with a path that looks so, or begin it; attributes are printed with the look's colour. */
static void join_run(struct run *run, const char *look, const char *attributes, const char *colour,
                     FILE *page)
{
    if (strcmp(run->look, look) == 0)
        return;
    end_run(run, page);
    begin_held(run, page);
    snprintf(run->look, sizeof run->look, "%s", look);
    fprintf(page, "<path %s=\"", attributes);
    put_coloured(colour, page);
    fputs("\" d=\"", page);
}

/* A line that is a dot or a cell, into the run; 0 = it is none. */
static int put_in_run(const char *line, struct run *run, FILE *page)
{
    char x[16], y[16], colour[32], look[64], attributes[64], points[96];
    double scale;
    int end = 0;
    if (sscanf(line,
               " <use xlink:href='#gpPt6' transform='translate(%15[0-9.-],%15[0-9.-]) "
               "scale(%lf)' color='%31[^']'/> %n",
               x, y, &scale, colour, &end) == 4 &&
        end && !line[end]) {
        /* a dot is a line of no length with round ends; 1.1 is gnuplot's radius of it */
        snprintf(attributes, sizeof attributes,
                 "stroke-linecap=\"round\" stroke-width=\"%.3g\" stroke", 2.2 * scale);
        snprintf(look, sizeof look, "dot %.4g %s", scale, colour);
        join_run(run, look, attributes, colour, page);
        fprintf(page, "M%s,%sh0", x, y);
        return 1;
    }
    if (sscanf(line, " <polygon fill = '%31[^']' points = '%95[0-9., -]'/> %n", colour, points,
               &end) == 2 &&
        end && !line[end]) {
        snprintf(look, sizeof look, "cell %s", colour);
        join_run(run, look, "stroke=\"none\" fill", colour, page);
        fprintf(page, "M%sz", points);
        return 1;
    }
    return 0;
}

static void put_line(const char *line, struct run *run, FILE *page)
{
    end_run(run, page);
    if (run->held[0] && strcmp(line, "</g>\n") == 0) {
        run->held[0] = '\0'; /* a group of nothing */
        return;
    }
    begin_held(run, page);
    if (strncmp(line, "<g fill", 7) == 0 && strlen(line) < sizeof run->held)
        strcpy(run->held, line);
    else if (strstr(line, "<g id=\"gnuplot_plot_"))
        fputs("<g>\n", page); /* without an id, and a title that would pop up */
    else if (strstr(line, "<text"))
        fputs(line, page);
    else
        put_coloured(line, page);
}

enum psi_status psi_svg_inline(const char *path, double height, FILE *page, struct psi_error *err)
{
    FILE *file;
    char *line = NULL;
    size_t room = 0;
    int body = 0, whole = 0;
    struct run run = {"", ""};
    enum psi_status status = read_file(path, &file, err);
    if (status)
        return status;
    fprintf(page, "<svg viewBox=\"0 0 %d %.0f\" aria-hidden=\"true\">\n", PSI_PANEL_WIDTH, height);
    while (getline(&line, &room, file) >= 0 && !whole) {
        whole = strncmp(line, "</svg>", 6) == 0;
        if (strncmp(line, "</defs>", 7) == 0) {
            fputs("<g>\n", page); /* the canvas, whose head was left out */
            body = 1;
        } else if (body && !whole && !put_in_run(line, &run, page)) {
            put_line(line, &run, page);
        }
    }
    end_run(&run, page);
    begin_held(&run, page);
    fputs("</svg>\n", page);
    return finish(file, line, whole, path, err);
}

enum psi_status psi_svg_copy(const struct psi_figure *f, const char *path, FILE *to,
                             struct psi_error *err)
{
    FILE *file;
    char *line = NULL;
    size_t room = 0;
    int whole = 0;
    enum psi_status status = read_file(path, &file, err);
    if (status)
        return status;
    while (getline(&line, &room, file) >= 0) {
        whole |= strncmp(line, "</svg>", 6) == 0;
        if (strncmp(line, "<title>Gnuplot", 14) == 0) {
            fputs("<title>", to);
            psi_html_text(f->spec->title, to);
            fputs("</title>\n", to);
        } else if (strncmp(line, "<desc>", 6) == 0) {
            fputs("<desc>", to);
            psi_html_text(f->words, to);
            fputs("</desc>\n", to);
        } else {
            fputs(line, to);
        }
    }
    return finish(file, line, whole, path, err);
}
