/* gnuplot's SVG, line by line, as its terminal writes it: one element a line, names only within
 * lines of <text>, which are copied as they are. */
#include "figure.h"

#include "psisweep/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
        end = line + 1;
        while (*end && *end != 'b' && *end != 'r')
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

enum psi_status psi_svg_inline(const char *path, double height, FILE *page, struct psi_error *err)
{
    FILE *file;
    char *line = NULL;
    size_t room = 0;
    int body = 0, whole = 0;
    enum psi_status status = read_file(path, &file, err);
    if (status)
        return status;
    fprintf(page, "<svg viewBox=\"0 0 %d %.0f\" aria-hidden=\"true\">\n", PSI_PANEL_WIDTH, height);
    while (getline(&line, &room, file) >= 0 && !whole) {
        whole = strncmp(line, "</svg>", 6) == 0;
        if (strncmp(line, "</defs>", 7) == 0) {
            fputs("<g>\n", page); /* the canvas, whose head was left out */
            body = 1;
        } else if (!body || whole) {
            continue;
        } else if (strstr(line, "<g id=\"gnuplot_plot_")) {
            fputs("<g>\n", page); /* without an id, and a title that would pop up */
        } else if (strstr(line, "<text")) {
            fputs(line, page);
        } else {
            put_coloured(line, page);
        }
    }
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
