#include "psisweep/figure.h"
#include "psisweep/page.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct psi_figure_spec spec = {
    .name = "try",
    .title = "A <title>",
    .caption = "caption",
    .x = "x",
    .y = "y",
    .log_x = 1,
    .falling_x = 1,
    .panel = "arm",
    .series = "what",
    .point = {"density", "psi", "low", NULL, NULL},
};

static const char hostile[] = "'; system(\"touch pwned\") `id` $(id) @a \\\n!x\xff</script>";

static char *read_all(const char *dir, const char *name)
{
    char *path, *text = NULL;
    size_t size = 0;
    assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    ssize_t length = getdelim(&text, &size, '\0', file);
    assert_true(length > 0);
    fclose(file);
    free(path);
    return text;
}

static void remove_all(const char *dir)
{
    DIR *list = opendir(dir);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list));)
        if (entry->d_name[0] != '.')
            assert_return_code(unlinkat(dirfd(list), entry->d_name, 0), 0);
    closedir(list);
    assert_return_code(rmdir(dir), 0); /* nothing was left that begins with a dot */
}

static struct psi_figure *figure_of(const char *name)
{
    struct psi_figure *figure;
    struct psi_error err;
    assert_int_equal(psi_figure_create(&spec, &figure, &err), PSI_OK);
    psi_figure_panel(figure, name);
    psi_figure_series(figure, PSI_PLOT_SPAN, PSI_GREY, 0, "span");
    psi_figure_point(figure, NAN, NAN, 0.0, 0.1, NAN);
    psi_figure_series(figure, PSI_PLOT_LINE, 1, 0, name);
    for (int i = 0; i < 3; i++)
        psi_figure_point(figure, pow(10.0, -i), 1.0 / 3.0 - i, NAN, NAN, NAN);
    psi_figure_series(figure, PSI_PLOT_TEXT, PSI_INK, 0, name);
    psi_figure_point(figure, -1.0, 0.2, NAN, NAN, NAN);
    psi_figure_say(figure, "words on %s", name);
    return figure;
}

/* (noinline: GCC 12 takes what open_memstream makes for a pointer to the variable) */
__attribute__((noinline)) static char *render(const struct psi_figure *figure, const char *dir)
{
    char *text = NULL;
    size_t size = 0;
    struct psi_error err = {0};
    FILE *page = open_memstream(&text, &size);
    enum psi_status status = psi_figure_render(figure, dir, "1-", page, &err);
    fclose(page);
    if (status)
        fail_msg("%s", err.text);
    return text;
}

static void need_gnuplot(void)
{
    struct psi_error err;
    if (psi_gnuplot_find(&err)) {
        print_message("%s\n", err.text);
        skip();
    }
}

/* Between any two quotes of the script stands nothing but letters, digits, blanks, UTF-8 and
 * octal escapes. */
static void names_are_escaped(const char *script)
{
    int within = 0;
    for (const char *c = script; *c; c++) {
        if (*c == '"')
            within = !within;
        else if (within && *c == '\\')
            assert_true(strspn(c + 1, "01234567") >= 3);
        else if (within)
            assert_true((unsigned char)*c >= 0x80 || *c == ' ' || (*c >= '0' && *c <= '9') ||
                        ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z'));
    }
    assert_false(within);
}

static void figure_hostile_name(void **state)
{
    char dir[] = "/tmp/psisweep-figure-XXXXXX";
    (void)state;
    need_gnuplot();
    assert_non_null(mkdtemp(dir));
    struct psi_figure *figure = figure_of(hostile);
    char *page = render(figure, dir);
    char *script = read_all(dir, "1-try.gp"), *csv = read_all(dir, "1-try.csv");
    char *svg = read_all(dir, "1-try.svg");
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "</script"));
    assert_non_null(strstr(page, "aria-label=\"A &#60;title&#62;. words on &#39;; system("));
    assert_non_null(strstr(page, "href=\"1-try.csv\""));
    assert_non_null(strstr(page, "@a \\\\n!x\xef\xbf\xbd&#60;"));
    assert_non_null(strstr(svg, "<desc>words on &#39;; system("));
    names_are_escaped(script);
    /* RFC 4180: as it is, quotes doubled */
    assert_non_null(strstr(csv, "arm,what,density,psi,low\r\n"));
    assert_non_null(
        strstr(csv, "\"'; system(\"\"touch pwned\"\") `id` $(id) @a \\\n!x\xff</script>\","));
    assert_non_null(strstr(csv, ",0.1,-0.6666666666666667,\r\n"));
    psi_figure_destroy(figure);
    free(svg);
    free(csv);
    free(script);
    free(page);
    remove_all(dir);
}

/* Colours of the drawing are the page's, so that they follow light and dark; those within a name
 * are a name. */
static void figure_colours(void **state)
{
    char dir[] = "/tmp/psisweep-figure-XXXXXX";
    (void)state;
    need_gnuplot();
    assert_non_null(mkdtemp(dir));
    struct psi_figure *figure = figure_of("rgb(213,94,0) black");
    char *page = render(figure, dir);
    assert_non_null(strstr(page, "var(--c1)"));
    assert_non_null(strstr(page, "<text>rgb(213,94,0) black</text>"));
    assert_null(strstr(page, "rgb(213,  94,   0)"));
    assert_null(strstr(page, "fill=\"black\""));
    assert_null(strstr(page, "http"));
    psi_figure_destroy(figure);
    free(page);
    remove_all(dir);
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;
    for (size_t at = 0; text[at]; at++)
        count += strncmp(text + at, what, strlen(what)) == 0;
    return count;
}

/* Of more than a reader can see some are drawn, of each label at least one; the CSV has all, and
 * the page says so. Dots and cells that look alike are one path. */
static void figure_thinned(void **state)
{
    enum { LINES = 200, POINTS = 5000, CELLS = 50 };
    char dir[] = "/tmp/psisweep-figure-XXXXXX";
    struct psi_figure *figure;
    struct psi_error err;
    (void)state;
    need_gnuplot();
    assert_non_null(mkdtemp(dir));
    assert_int_equal(psi_figure_create(&spec, &figure, &err), PSI_OK);
    psi_figure_panel(figure, "many");
    for (int i = 0; i < LINES; i++) {
        psi_figure_series(figure, PSI_PLOT_LINE, i == LINES - 1, 0,
                          i < LINES - 1 ? "one" : "other");
        psi_figure_point(figure, 0.1, i, NAN, NAN, NAN);
        psi_figure_point(figure, 1.0, i, NAN, NAN, NAN);
    }
    psi_figure_series(figure, PSI_PLOT_POINTS, 2, PSI_DOT, "dots");
    for (int i = 0; i < POINTS; i++)
        psi_figure_point(figure, 0.1 + 1e-4 * i, i % LINES, NAN, NAN, NAN);
    psi_figure_series(figure, PSI_PLOT_CELLS, 3, 0, "cells");
    for (int i = 0; i < CELLS; i++) /* two rows of cells that touch */
        psi_figure_point(figure, 0.5, i / (CELLS / 2), pow(0.9, i % (CELLS / 2) + 1),
                         pow(0.9, i % (CELLS / 2)), NAN);
    char *page = render(figure, dir), *csv = read_all(dir, "1-try.csv");
    assert_non_null(strstr(page, "Drawn are 26 of 200 lines, evenly chosen; the CSV has all."));
    assert_non_null(strstr(page, "Drawn are 1201 of 5000 points, evenly chosen; the CSV has all."));
    assert_int_equal(occurrences(csv, "\r\n"), 1 + 2 * LINES + POINTS + CELLS);
    assert_int_equal(occurrences(page, "<path stroke='var(--c0)'"), 25);
    assert_int_equal(occurrences(page, "<path stroke='var(--c1)'"), 1);
    assert_int_equal(occurrences(page, "h0M") + 1, 1201);
    assert_int_equal(occurrences(page, "<path stroke=\"none\" fill=\"var(--c3)\""), 1);
    assert_int_equal(occurrences(strstr(page, "fill=\"var(--c3)\" d"), "zM") + 1, 2);
    psi_figure_destroy(figure);
    free(csv);
    free(page);
    remove_all(dir);
}

static void figure_without_points(void **state)
{
    char dir[] = "/tmp/psisweep-figure-XXXXXX";
    struct psi_figure *figure;
    struct psi_error err;
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(psi_figure_create(&spec, &figure, &err), PSI_OK);
    psi_figure_panel(figure, "empty");
    psi_figure_series(figure, PSI_PLOT_LINE, 0, 0, "none");
    psi_figure_absent(figure, "as <nothing> is there");
    char *page = render(figure, dir);
    assert_non_null(strstr(page, "left out, as &#60;nothing&#62; is there"));
    assert_null(strstr(page, "<figure"));
    psi_figure_destroy(figure);
    free(page);
    remove_all(dir);
}

/* What gnuplot refuses: ranges without extent, and numbers that are none. */
static void figure_odd_numbers(void **state)
{
    static const double odd[][2] = {{1.0, 1.0},     {1.0, 1.0 + 1e-15}, {0.0, 0.0},
                                    {-1.0, 0.0},    {1e-300, 1e300},    {NAN, 1.0},
                                    {1.0, INFINITY}};
    char dir[] = "/tmp/psisweep-figure-XXXXXX";
    (void)state;
    need_gnuplot();
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct psi_figure *figure;
        struct psi_error err;
        assert_int_equal(psi_figure_create(&spec, &figure, &err), PSI_OK);
        psi_figure_panel(figure, "");
        psi_figure_series(figure, PSI_PLOT_POINTS, 0, PSI_CROSS, "odd");
        for (int k = 0; k < 2; k++)
            psi_figure_point(figure, odd[i][k], odd[i][k], odd[i][k], odd[i][k], odd[i][k]);
        free(render(figure, dir));
        psi_figure_destroy(figure);
    }
    remove_all(dir);
}

static void figure_no_folder(void **state)
{
    struct psi_error err = {0};
    char *text = NULL;
    size_t size = 0;
    (void)state;
    struct psi_figure *figure = figure_of("name");
    FILE *page = open_memstream(&text, &size);
    assert_int_equal(psi_figure_render(figure, "/tmp/no/such", "", page, &err), PSI_IO);
    assert_non_null(strstr(err.text, "/tmp/no/such"));
    fclose(page);
    free(text);
    psi_figure_destroy(figure);
}

static void html_claims(void **state)
{
    static const struct psi_html_claim claim[] = {
        {"C1", "sharp?", NAN, 0.1, NAN, NAN, "undecided", "one file <only>"},
        {"C4", "modes?", 0.1234, 0.05, 0.05, 0.2, "supported", "so it is"},
    };
    char *text = NULL;
    size_t size = 0;
    (void)state;
    FILE *file = open_memstream(&text, &size);
    psi_html_claims(claim, 2, file);
    fclose(file);
    assert_non_null(strstr(text, "undecided</span>: no Δ; smallest effect of interest δ = 0.1. one "
                                 "file &#60;only&#62;"));
    assert_non_null(strstr(text, "class=\"claim supported\""));
    assert_non_null(strstr(text, "Δ = 0.123, 95 % interval 0.05 to 0.2; smallest"));
    free(text);
}

static void html_lines(void **state)
{
    char *text = NULL;
    size_t size = 0;
    (void)state;
    FILE *file = open_memstream(&text, &size);
    psi_html_lines("a\n<b>\x1b", file);
    fclose(file);
    assert_string_equal(text, "a\n&#60;b&#62;\\x1b");
    free(text);
}

/* A file appears whole or not at all. */
static void output_whole_or_none(void **state)
{
    char dir[] = "/tmp/psisweep-figure-XXXXXX";
    struct psi_output output;
    struct psi_error err = {0};
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(psi_output_open(dir, "a", &output, &err), PSI_OK);
    fputs("first", output.file);
    assert_int_equal(psi_output_close(&output, 1, &err), PSI_OK);
    assert_int_equal(psi_output_open(dir, "a", &output, &err), PSI_OK);
    fputs("second", output.file);
    char *text = read_all(dir, "a");
    assert_string_equal(text, "first");
    free(text);
    assert_int_equal(psi_output_close(&output, 0, &err), PSI_OK);
    text = read_all(dir, "a");
    assert_string_equal(text, "first");
    free(text);
    remove_all(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figure_hostile_name),  cmocka_unit_test(figure_colours),
        cmocka_unit_test(figure_thinned),       cmocka_unit_test(figure_without_points),
        cmocka_unit_test(figure_odd_numbers),   cmocka_unit_test(figure_no_folder),
        cmocka_unit_test(html_claims),          cmocka_unit_test(html_lines),
        cmocka_unit_test(output_whole_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
