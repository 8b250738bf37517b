/* What psisweep fmin says to people. */
#include "fmin.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "0.00267 [0.0025, 0.00286]", "< 0.000316" for what lies below the grid, "> 1" above it. */
static void interval_text(double low, double center, double high, char text[PSI_FMIN_TEXT])
{
    if (isnan(low) || isnan(high) || (low <= 0.0 && isinf(high)))
        snprintf(text, PSI_FMIN_TEXT, "not known");
    else if (low <= 0.0)
        snprintf(text, PSI_FMIN_TEXT, "< %.3g", high);
    else if (isinf(high))
        snprintf(text, PSI_FMIN_TEXT, "> %.3g", low);
    else if (!isfinite(center) || center <= 0.0)
        snprintf(text, PSI_FMIN_TEXT, "[%.3g, %.3g]", low, high);
    else
        snprintf(text, PSI_FMIN_TEXT, "%.3g [%.3g, %.3g]", center, low, high);
}

void psi_fmin_pooled_text(const struct psi_pooled *p, char text[PSI_FMIN_TEXT])
{
    int estimated = p->method == PSI_POOL_STUDENT || p->method == PSI_POOL_TURNBULL;
    interval_text(p->low, estimated ? p->center : NAN, p->high, text);
}

static void print_seeds(const struct psi_fmin_file *file, size_t arm)
{
    const struct psi_sweep *sweep = &file->sweep->sweep;
    for (size_t s = 0; s < sweep->seeds; s++) {
        char text[PSI_FMIN_TEXT];
        struct psi_interval i = psi_threshold_seed(sweep, arm, s, psi_fmin_level[0], 0, NULL);
        interval_text(i.low, NAN, i.high, text);
        printf("    seed %u: %s\n", file->job->seed[s],
               i.censoring == PSI_NO_DATA ? "no data" : text);
    }
}

static void print_words(const struct psi_fmin_file *file, int seeds)
{
    for (size_t arm = 0; arm < file->job->arms; arm++) {
        char words[PSI_THRESHOLD_TEXT], what[PSI_ARM_WORDS], fall[PSI_SHARPNESS_TEXT];
        psi_job_arm_words(file->job, arm, what);
        psi_threshold_words(&file->arm[arm].at[0][0].pooled, words, sizeof words);
        psi_sharpness_words(&file->arm[arm].sharpness, fall, sizeof fall);
        printf("  %zu. ", arm + 1);
        psi_text_print(what, stdout);
        printf(": %s\n     %s.\n", words, fall);
        if (seeds)
            print_seeds(file, arm);
    }
}

static struct psi_table_cell text_cell(const char *text)
{
    return (struct psi_table_cell){PSI_TABLE_TEXT, .text = text};
}

void psi_fmin_table(const struct psi_fmin_file *file, struct psi_fmin_rows *rows)
{
    static const struct psi_table_column column[PSI_FMIN_COLUMNS] = {
        {.title = "arm", .kind = PSI_TABLE_TEXT},
        {.title = "F_min, density", .kind = PSI_TABLE_TEXT},
        {.title = "interval", .kind = PSI_TABLE_TEXT},
        {.title = "F_min, effective density", .kind = PSI_TABLE_TEXT},
        {.title = "Psi < .1", .kind = PSI_TABLE_TEXT},
        {.title = "Psi < .9", .kind = PSI_TABLE_TEXT},
        {.title = "seeds", .kind = PSI_TABLE_INTEGER},
    };
    for (size_t arm = 0; arm < file->job->arms; arm++) {
        const struct psi_fmin_arm *a = &file->arm[arm];
        const struct psi_pooled *main = &a->at[0][0].pooled;
        struct psi_table_cell *cell = rows->cell[arm];
        char(*text)[PSI_FMIN_TEXT] = rows->text[arm];
        psi_fmin_pooled_text(main, text[0]);
        psi_fmin_pooled_text(&a->at[0][1].pooled, text[1]);
        psi_fmin_pooled_text(&a->at[1][0].pooled, text[2]);
        psi_fmin_pooled_text(&a->at[2][0].pooled, text[3]);
        cell[0] = text_cell(file->job->arm[arm].name);
        cell[2] = text_cell(psi_fmin_interval_name(main));
        for (int i = 0; i < 4; i++)
            cell[i ? 2 + i : 1] = text_cell(text[i]);
        cell[6] = (struct psi_table_cell){PSI_TABLE_INTEGER, .integer = (int64_t)main->seeds};
    }
    rows->table = (struct psi_table){column, &rows->cell[0][0], PSI_FMIN_COLUMNS, file->job->arms};
}

static void print_file(const struct psi_fmin_file *file)
{
    struct psi_fmin_rows rows;
    psi_fmin_table(file, &rows);
    psi_text_print(psi_results_path(file->results), stdout);
    printf(": %zu of %zu cells done", file->sweep->done, file->sweep->wanted);
    printf(file->sweep->failed ? ", %zu failed\n" : "\n", file->sweep->failed);
    psi_table_print(&rows.table, stdout);
}

/* One estimator of one measure: its interval, or "-" where it has none. */
static void method_text(const struct psi_fmin_estimate *e, int method, char text[PSI_FMIN_TEXT])
{
    const struct psi_lognormal *l = &e->lognormal;
    const struct psi_bootstrap *b = &e->bootstrap;
    snprintf(text, PSI_FMIN_TEXT, "-");
    if (method == 0)
        psi_fmin_pooled_text(&e->pooled, text);
    else if (method == 1 && l->spread == PSI_SPREAD_OK)
        interval_text(pow(10, l->low), pow(10, l->mean), pow(10, l->high), text);
    else if (method == 2 && e->curve.steps)
        interval_text(e->curve.median_low, NAN, e->curve.median_high, text);
    else if (method == 3 && b->spread == PSI_SPREAD_OK)
        interval_text(pow(10, b->low), pow(10, b->mean), pow(10, b->high), text);
}

static void print_methods(const struct psi_fmin_file *file)
{
    static const struct psi_table_column column[] = {
        {.title = "arm", .kind = PSI_TABLE_TEXT},
        {.title = "estimator", .kind = PSI_TABLE_TEXT},
        {.title = "F_min, density", .kind = PSI_TABLE_TEXT},
        {.title = "F_min, effective density", .kind = PSI_TABLE_TEXT},
        {.title = "remark", .kind = PSI_TABLE_TEXT},
    };
    enum { COLUMNS = sizeof column / sizeof *column, METHODS = 4 };
    static const char *const name[METHODS] = {"pooled", "censored fit", "Turnbull", "bootstrap"};
    struct psi_table_cell cell[PSI_ARMS_MAX * METHODS][COLUMNS];
    char text[PSI_ARMS_MAX * METHODS][PSI_MEASURES][PSI_FMIN_TEXT];
    for (size_t row = 0; row < file->job->arms * METHODS; row++) {
        const struct psi_fmin_arm *a = &file->arm[row / METHODS];
        const struct psi_fmin_estimate *e = &a->at[0][0];
        int method = row % METHODS;
        const char *remark[METHODS] = {
            psi_fmin_interval_name(&e->pooled),
            e->lognormal.spread ? psi_spread_words[e->lognormal.spread] : "95 %, profile",
            "step that holds the median",
            e->bootstrap.spread ? psi_spread_words[e->bootstrap.spread] : "95 %, over seeds"};
        cell[row][0] = text_cell(method ? "" : file->job->arm[row / METHODS].name);
        cell[row][1] = text_cell(name[method]);
        for (int m = 0; m < PSI_MEASURES; m++) {
            method_text(&a->at[0][m], method, text[row][m]);
            cell[row][2 + m] = text_cell(text[row][m]);
        }
        cell[row][4] = text_cell(remark[method]);
    }
    struct psi_table table = {column, &cell[0][0], COLUMNS, file->job->arms * METHODS};
    psi_table_print(&table, stdout);
}

/* The median width of an arm in every file that has it, by size: does the fall sharpen? */
static void print_widths(const struct psi_fmin_file *file, size_t files,
                         const struct psi_fmin_scaling *s, const char *arm)
{
    printf("    median width in decades by %s:", s->by_hidden ? "hidden units" : "parameters");
    size_t after = 0;
    for (size_t shown = 0; shown < files; shown++) { /* ascending sizes */
        size_t next = SIZE_MAX;
        for (size_t i = 0; i < files; i++) {
            size_t size = psi_fmin_size(s, &file[i]);
            if (size > after && size < next)
                next = size;
        }
        for (size_t i = 0; i < files; i++) {
            for (size_t a = 0; psi_fmin_size(s, &file[i]) == next && a < file[i].job->arms; a++)
                if (strcmp(file[i].job->arm[a].name, arm) == 0)
                    printf("  %zu: %.3g", next, file[i].arm[a].sharpness.median);
        }
        after = next;
    }
    printf("\n");
}

static void print_scaling(const struct psi_fmin_file *file, size_t files,
                          const struct psi_fmin_scaling *s)
{
    printf("\nC1, does the fall sharpen as the network widens? ");
    if (s->why[0]) {
        printf("Not asked: %s.\n", s->why);
        return;
    }
    psi_text_print(psi_results_path(s->narrow->results), stdout);
    printf(" to ");
    psi_text_print(psi_results_path(s->wide->results), stdout);
    printf(", x%.3g in %s\n", s->ratio, s->by_hidden ? "hidden units" : "parameters");
    if (s->also[0])
        printf("  their jobs differ in more than width:\n");
    for (const char *line = s->also; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        char text[512]; /* as much of a line as people read; names in it are escaped */
        snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
        printf("    ");
        psi_text_print(text, stdout);
        putchar('\n');
    }
    for (size_t i = 0; i < s->arms; i++) {
        char words[PSI_SHARPNESS_TEXT];
        const char *name = s->narrow->job->arm[s->arm[i].narrow].name;
        psi_scaling_words(&s->claim[i], words, sizeof words);
        printf("  ");
        psi_text_print(name, stdout);
        printf(": %s\n", words);
        print_widths(file, files, s, name);
    }
}

void psi_fmin_print_text(const struct psi_fmin_file *file, size_t files,
                         const struct psi_fmin_scaling *scaling, const struct psi_fmin_shown *shown)
{
    for (size_t i = 0; i < files; i++) {
        if (i > 0)
            putchar('\n');
        print_file(&file[i]);
        print_words(&file[i], shown->seeds);
        if (shown->methods)
            print_methods(&file[i]);
    }
    if (files > 1)
        print_scaling(file, files, scaling);
    printf("F_min: below it a network does not recover half of its parent's performance (Psi < .5) "
           "by retraining,\nfor this model, data, criterion, scope and budget.\n");
}
