/* psisweep fmin: collapse thresholds of results files, finished or not. */
#include "fmin.h"

#include "psisweep/comm.h"
#include "psisweep/memory.h"

#include <stdio.h>
#include <stdlib.h>

const double psi_fmin_level[PSI_LEVELS] = {0.5, 0.1, 0.9};
const char *const psi_fmin_measure[PSI_MEASURES] = {"density", "effective density"};

struct fmin_options {
    const char **path;
    size_t paths;
    enum psi_format format;
    int cells, seeds;
};

enum { KEY_CELLS = 256, KEY_SEEDS };

static const struct argp_option options[] = {
    {"json", PSI_KEY_JSON, NULL, 0, "print JSON (schema psisweep-fmin-1)", 0},
    {"csv", PSI_KEY_CSV, NULL, 0, "print CSV, one row an arm, level and measure", 0},
    {"seeds", KEY_SEEDS, NULL, 0, "also each seed's own interval (JSON always has them)", 0},
    {"cells", KEY_CELLS, NULL, 0, "instead, the tidy table of all cells (CSV, or with --json)", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct fmin_options *o = state->input;
    switch (key) {
    case KEY_SEEDS:
        o->seeds = 1;
        return 0;
    case KEY_CELLS:
        o->cells = 1;
        return 0;
    case ARGP_KEY_ARG:
        o->path[o->paths++] = argument;
        return 0;
    case ARGP_KEY_END:
        if (o->paths == 0) {
            argp_error(state,
                       "a results file is needed, as in: psisweep fmin results/quickstart.h5");
            return EINVAL;
        }
        if (o->seeds && (o->cells || o->format == PSI_CSV)) {
            argp_error(state, "--seeds goes with the text table; --json has the seeds always");
            return EINVAL;
        }
        return 0;
    default:
        return psi_cli_format_option(key, &o->format) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

static const struct argp fmin_argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "FILE.h5...",
    .doc = "Collapse thresholds F_min, with intervals. Works while a sweep still runs.\n\n"
           "  psisweep fmin results/quickstart.h5\n"
           "  psisweep fmin results/*.h5 --json | jq .\n"
           "  psisweep fmin results/quickstart.h5 --cells > cells.csv\n"};

enum psi_status psi_fmin_open(const char *path, struct psi_fmin_file *file, struct psi_error *err)
{
    enum psi_status status = psi_results_open(path, PSI_RESULTS_READ, &file->results, err);
    if (status)
        return status;
    file->job = psi_results_job(file->results);
    if ((status = psi_cli_sweep_create(file->results, &file->sweep, err)))
        return status;
    if (!(file->arm = psi_allocate(file->job->arms, sizeof *file->arm, "thresholds", err)))
        return PSI_MEMORY;
    for (size_t arm = 0; arm < file->job->arms; arm++) {
        for (int l = 0; l < PSI_LEVELS; l++) {
            for (int m = 0; m < PSI_MEASURES; m++) {
                if ((status = psi_threshold_pool(&file->sweep->sweep, arm, psi_fmin_level[l], m,
                                                 &file->arm[arm].pooled[l][m], err)))
                    return status;
            }
        }
    }
    return PSI_OK;
}

void psi_fmin_close(struct psi_fmin_file *file)
{
    free(file->arm);
    psi_cli_sweep_destroy(file->sweep);
    psi_results_close(file->results);
}

static int fmin_print(const struct fmin_options *o)
{
    struct psi_error err = {0};
    enum psi_status status = PSI_OK;
    struct psi_fmin_file *file = psi_allocate(o->paths, sizeof *file, "files", &err);
    if (!file)
        return psi_cli_complain(&err);
    for (size_t i = 0; !status && i < o->paths; i++)
        status = psi_fmin_open(o->path[i], &file[i], &err);
    if (!status && o->cells)
        status = psi_cells_print(file, o->paths, o->format == PSI_TEXT ? PSI_CSV : o->format, &err);
    else if (!status && o->format == PSI_JSON)
        psi_fmin_print_json(file, o->paths);
    else if (!status && o->format == PSI_CSV)
        status = psi_fmin_print_csv(file, o->paths, &err);
    else if (!status)
        psi_fmin_print_text(file, o->paths, o->seeds);
    for (size_t i = 0; i < o->paths; i++)
        psi_fmin_close(&file[i]);
    free(file);
    return status ? psi_cli_complain(&err) : PSI_EXIT_COMPLETE;
}

int psi_cli_print_thresholds(const char *path, enum psi_format format)
{
    struct fmin_options o = {.path = &path, .paths = 1, .format = format};
    return fmin_print(&o);
}

int psi_cli_fmin(int argc, char **argv)
{
    int code = PSI_EXIT_ENVIRONMENT;
    struct fmin_options o = {.format = PSI_TEXT};
    o.path = calloc((size_t)argc + 1, sizeof *o.path);
    if (o.path && psi_cli_parse(&fmin_argp, "fmin", argc, argv, &o, &code))
        code = psi_comm_launch_rank() == 0 ? fmin_print(&o) : PSI_EXIT_COMPLETE;
    free(o.path);
    return code;
}
