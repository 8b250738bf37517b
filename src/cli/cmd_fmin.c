/* psisweep fmin: collapse thresholds of results files, finished or not. */
#include "fmin.h"

#include "psisweep/comm.h"
#include "psisweep/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fmin_options {
    struct psi_cli_files files;
    int cells;
    struct psi_fmin_shown shown;
};

enum { KEY_CELLS = 256, KEY_SEEDS, KEY_METHODS };

static const struct argp_option options[] = {
    {"json", PSI_KEY_JSON, NULL, 0, "print JSON (schema " PSI_FMIN_SCHEMA ")", 0},
    {"csv", PSI_KEY_CSV, NULL, 0, "print CSV, one row an arm, level and measure", 0},
    {"seeds", KEY_SEEDS, NULL, 0, "also each seed's own interval (JSON always has them)", 0},
    {"methods", KEY_METHODS, "all", 0,
     "`all`: every estimator beside the pooled one (JSON and CSV always have them)", 0},
    {"cells", KEY_CELLS, NULL, 0, "instead, the tidy table of all cells (CSV, or with --json)", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct fmin_options *o = state->input;
    switch (key) {
    case KEY_SEEDS:
        o->shown.seeds = 1;
        return 0;
    case KEY_METHODS:
        o->shown.methods = strcmp(argument, "all") == 0;
        if (!o->shown.methods && strcmp(argument, "pooled") != 0) {
            argp_error(state, "--methods is `pooled` or `all`, not `%s`", argument);
            return EINVAL;
        }
        return 0;
    case KEY_CELLS:
        o->cells = 1;
        return 0;
    case ARGP_KEY_END:
        if (o->shown.seeds && (o->cells || o->files.format == PSI_CSV)) {
            argp_error(state, "--seeds goes with the text table; --json has the seeds always");
            return EINVAL;
        }
        return 0;
    default:
        return psi_cli_files_option(key, state, &o->files);
    }
}

static const struct argp fmin_argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "FILE.h5...",
    .doc = "Collapse thresholds F_min, with intervals. Works while a sweep still runs.\n\n"
           "  psisweep fmin results/quickstart.h5\n"
           "  psisweep fmin results/*.h5 --json | jq .\n"
           "  psisweep fmin results/width-*.h5     # C1: does the fall sharpen?\n"
           "  psisweep fmin results/quickstart.h5 --cells > cells.csv\n"};

static int fmin_print(const struct fmin_options *o)
{
    struct psi_error err = {0};
    enum psi_status status = PSI_OK;
    struct psi_fmin_file *file = psi_allocate(o->files.paths, sizeof *file, "files", &err);
    struct psi_fmin_scaling *scaling = psi_allocate(1, sizeof *scaling, "width scaling", &err);
    if (!file || !scaling) {
        free(file);
        free(scaling);
        return psi_cli_complain(&err);
    }
    for (size_t i = 0; !status && i < o->files.paths; i++)
        status = psi_fmin_open(o->files.path[i], &file[i], &err);
    if (!status && !o->cells)
        status = psi_fmin_compare(file, o->files.paths, scaling, &err);
    if (!status && o->cells)
        status = psi_cells_print(file, o->files.paths,
                                 o->files.format == PSI_TEXT ? PSI_CSV : o->files.format, &err);
    else if (!status && o->files.format == PSI_JSON)
        psi_fmin_print_json(file, o->files.paths, scaling);
    else if (!status && o->files.format == PSI_CSV)
        status = psi_fmin_print_csv(file, o->files.paths, scaling, &err);
    else if (!status)
        psi_fmin_print_text(file, o->files.paths, scaling, &o->shown);
    for (size_t i = 0; i < o->files.paths; i++)
        psi_fmin_close(&file[i]);
    free(scaling->also);
    free(scaling);
    free(file);
    return status ? psi_cli_complain(&err) : PSI_EXIT_COMPLETE;
}

int psi_cli_print_thresholds(const char *path, enum psi_format format)
{
    struct fmin_options o = {.files = {&path, 1, format}};
    return fmin_print(&o);
}

int psi_cli_fmin(int argc, char **argv)
{
    int code = PSI_EXIT_ENVIRONMENT;
    struct fmin_options o = {.files.format = PSI_TEXT};
    if (psi_cli_parse(&fmin_argp, "fmin", argc, argv, &o, &code))
        code = psi_comm_launch_rank() == 0 ? fmin_print(&o) : PSI_EXIT_COMPLETE;
    return code;
}
