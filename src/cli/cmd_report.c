/* psisweep report: one offline page, its figures, and their data. */
#include "report.h"

#include "psisweep/comm.h"
#include "psisweep/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct report_options {
    struct psi_cli_files files;
    const char *dir;
};

static const struct argp_option options[] = {
    {"output", 'o', "DIR", 0,
     "folder of the page; made where it is not there, refilled where it is", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct report_options *o = state->input;
    switch (key) {
    case 'o':
        o->dir = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
    case ARGP_KEY_END:
        if (o->files.paths == 0 || !o->dir || !*o->dir) {
            argp_error(state, "a results file and a folder are needed, as in: psisweep report "
                              "results/quickstart.h5 -o report");
            return EINVAL;
        }
        return 0;
    default:
        return psi_cli_files_option(key, state, &o->files);
    }
}

static const struct argp report_argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "FILE.h5... -o DIR",
    .doc = "One offline HTML page, DIR/index.html, with figures (SVG, PNG) and their data (CSV) "
           "beside it. Works while a sweep still runs; needs gnuplot.\n\n"
           "  psisweep report results/quickstart.h5 -o report\n"
           "  psisweep report results/width-*.h5 -o report\n"};

static enum psi_status make_folder(const char *dir, struct psi_error *err)
{
    struct stat what;
    if (mkdir(dir, 0777) == 0 ||
        (errno == EEXIST && stat(dir, &what) == 0 && S_ISDIR(what.st_mode)))
        return PSI_OK;
    return psi_fail(err, PSI_IO, "%s: cannot make this folder: %s", dir, strerror(errno));
}

static enum psi_status put_figure(const struct psi_report_row *row,
                                  const struct psi_fmin_file *file, const char *dir,
                                  const char *prefix, FILE *page, struct psi_error *err)
{
    struct psi_figure *figure;
    enum psi_status status = psi_figure_create(&row->spec, &figure, err);
    if (status)
        return status;
    if (!(status = row->fill(file, figure, err)))
        status = psi_figure_render(figure, dir, prefix, page, err);
    psi_figure_destroy(figure);
    return status;
}

static void put_thresholds(const struct psi_fmin_file *file, FILE *page)
{
    struct psi_fmin_rows rows;
    char words[PSI_THRESHOLD_TEXT], what[PSI_ARM_WORDS];
    psi_fmin_table(file, &rows);
    psi_html_table(&rows.table, page);
    fputs("<p class=\"lead\">F_min: below it a network does not recover half of its parent's "
          "performance (Psi &lt; .5) by retraining, for this model, data, criterion, scope and "
          "budget.</p>\n<details open><summary>In words</summary><ol class=\"words\">\n",
          page);
    for (size_t arm = 0; arm < file->job->arms; arm++) {
        psi_job_arm_words(file->job, arm, what);
        psi_threshold_words(&file->arm[arm].at[0][0].pooled, words, sizeof words);
        fputs("<li><bdi>", page);
        psi_html_text(what, page);
        fputs("</bdi>: ", page);
        psi_html_text(words, page);
        fputs("</li>\n", page);
    }
    fputs("</ol></details>\n", page);
}

static const struct {
    const char *title;
    const struct psi_report_row *row;
} groups[] = {
    {"How Psi falls", psi_report_psi},
    {"Cells, masks, spectra", psi_report_masks},
    {"Retraining, rescue, contrasts", psi_report_after},
};
enum { GROUPS = sizeof groups / sizeof *groups };

static const char lead[] =
    "<p class=\"lead\">When do pruned networks stop recovering? Psi = (accuracy − chance) / "
    "(accuracy "
    "of the dense parent − chance), after pruning and retraining; a cell with Psi below .5 has "
    "collapsed. These definitions, and that of F_min, are psisweep's own.</p>\n";

static void put_contents(const char *prefix, FILE *page)
{
    fprintf(page, "<nav><ul>\n<li><a href=\"#%sthresholds-table\">Thresholds</a></li>\n", prefix);
    fprintf(page, "<li><a href=\"#%sclaims\">The claims</a></li>\n", prefix);
    for (size_t g = 0; g < GROUPS; g++)
        for (const struct psi_report_row *row = groups[g].row; row->fill; row++)
            fprintf(page, "<li><a href=\"#%s%s\">%s</a></li>\n", prefix, row->spec.name,
                    row->spec.title);
    fprintf(page, "<li><a href=\"#%sprovenance\">Provenance</a></li>\n</ul></nav>\n", prefix);
}

/* The sections of one file. prefix: of the ids and files, where there are several. */
static enum psi_status put_file(const struct psi_fmin_file *file, const char *dir,
                                const char *prefix, FILE *page, struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    fprintf(page, "<h1 id=\"%sfile\"><bdi>", prefix);
    psi_html_text(file->job->name, page);
    fputs("</bdi></h1>\n<p class=\"lead\"><bdi>", page);
    psi_html_text(psi_results_path(file->results), page);
    fprintf(page, "</bdi>: %zu of %zu cells done", file->sweep->done, file->sweep->wanted);
    if (file->sweep->failed)
        fprintf(page, ", %zu failed", file->sweep->failed);
    fputs(file->sweep->done < file->sweep->wanted ? "; figures show what there is.</p>\n"
                                                  : ".</p>\n",
          page);
    if (!*prefix) /* one file: its name heads the page */
        fputs(lead, page);
    put_contents(prefix, page);
    psi_html_section(prefix, "thresholds-table", "Thresholds", page);
    put_thresholds(file, page);
    psi_html_section(prefix, "claims", *prefix ? "The claims but C1" : "The four claims", page);
    status = psi_report_claims(file, *prefix != '\0', page, err);
    for (size_t g = 0; g < GROUPS; g++) {
        psi_html_section("", "", groups[g].title, page);
        for (const struct psi_report_row *row = groups[g].row; !status && row->fill; row++)
            status = put_figure(row, file, dir, prefix, page, err);
    }
    psi_html_section(prefix, "provenance", "Provenance", page);
    return status ? status : psi_report_provenance(file, page, err);
}

static void put_files(const struct psi_fmin_file *file, size_t files, FILE *page)
{
    fputs("<h1>Several sweeps</h1>\n<nav><ul>\n", page);
    for (size_t i = 0; i < files; i++) {
        fprintf(page, "<li><a href=\"#%zu-file\"><bdi>", i + 1);
        psi_html_text(file[i].job->name, page);
        fputs("</bdi></a></li>\n", page);
    }
    fputs("</ul></nav>\n", page);
    fputs(lead, page);
}

static enum psi_status put_width(const struct psi_fmin_file *file, size_t files, const char *dir,
                                 FILE *page, struct psi_error *err)
{
    struct psi_figure *figure;
    enum psi_status status = psi_figure_create(&psi_report_width, &figure, err);
    if (status)
        return status;
    psi_report_fill_width(file, files, figure);
    status = psi_figure_render(figure, dir, "", page, err);
    psi_figure_destroy(figure);
    return status;
}

static enum psi_status put_page(const struct psi_fmin_file *file, size_t files, const char *dir,
                                FILE *page, struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    psi_html_begin(files == 1 ? file->job->name : "psisweep", page);
    if (files > 1)
        put_files(file, files, page);
    if (files > 1 && !(status = put_width(file, files, dir, page, err)))
        status = psi_report_widths(file, files, page, err);
    for (size_t i = 0; !status && i < files; i++) {
        char prefix[24] = "";
        if (files > 1)
            snprintf(prefix, sizeof prefix, "%zu-", i + 1);
        status = put_file(&file[i], dir, prefix, page, err);
    }
    psi_html_end(page);
    return status;
}

static int report(const struct report_options *o)
{
    struct psi_error err = {0};
    struct psi_output page = {NULL, NULL, NULL};
    struct psi_fmin_file *file = psi_allocate(o->files.paths, sizeof *file, "files", &err);
    enum psi_status status = file ? psi_gnuplot_find(&err) : PSI_MEMORY;
    for (size_t i = 0; !status && i < o->files.paths; i++)
        status = psi_fmin_open(o->files.path[i], &file[i], &err);
    if (!status && !(status = make_folder(o->dir, &err)) &&
        !(status = psi_output_open(o->dir, "index.html", &page, &err))) {
        status = put_page(file, o->files.paths, o->dir, page.file, &err);
        enum psi_status closed = psi_output_close(&page, !status, status ? NULL : &err);
        status = status ? status : closed;
    }
    for (size_t i = 0; file && i < o->files.paths; i++)
        psi_fmin_close(&file[i]);
    free(file);
    return status ? psi_cli_complain(&err) : PSI_EXIT_COMPLETE;
}

int psi_cli_report(int argc, char **argv)
{
    int code = PSI_EXIT_ENVIRONMENT;
    struct report_options o = {.dir = NULL};
    if (psi_cli_parse(&report_argp, "report", argc, argv, &o, &code))
        code = psi_comm_launch_rank() == 0 ? report(&o) : PSI_EXIT_COMPLETE;
    return code;
}
