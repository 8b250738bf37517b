/* psisweep plan: what a sweep will cost, from a timed pilot, and on how many ranks. */
#include "forecast.h"
#include "plan_sbatch.h"

#include "psisweep/comm.h"

#include <stdio.h>
#include <stdlib.h>

struct plan_options {
    const char *job_path;
    const char *file;
    const char **override;
    size_t overrides;
    uint32_t ranks[PSI_PLAN_POINTS];
    size_t count; /* of ranks */
    double pilot; /* seconds */
    int sbatch;
    enum psi_format format;
};

enum { KEY_SET = 256, KEY_RANKS, KEY_PILOT, KEY_SBATCH };

static const struct argp_option options[] = {
    {"ranks", KEY_RANKS, "N,N,...", 0, "forecasts for these numbers of ranks alone", 0},
    {"output", 'o', "FILE", 0, "a results file begun earlier: what is left of it", 0},
    {"set", KEY_SET, "KEY=VALUE", 0, "override a key of the job file; may be repeated", 0},
    {"pilot", KEY_PILOT, "SECONDS", 0,
     "processor time for the pilot (default 40; of large networks the least may take longer)", 0},
    {"sbatch", KEY_SBATCH, NULL, 0,
     "print a batch script for Slurm, for the first of --ranks, else for as many as are no waste",
     0},
    {"json", PSI_KEY_JSON, NULL, 0, "print JSON (schema " PSI_PLAN_SCHEMA ")", 0},
    {0},
};

/* "1,8,64". Returns 0 where it is not that. */
static int parse_ranks(struct plan_options *o, const char *text)
{
    for (o->count = 0;; text++) {
        char *end;
        if (*text < '0' || *text > '9' || o->count == PSI_PLAN_POINTS)
            return 0;
        unsigned long n = strtoul(text, &end, 10);
        if (n < 1 || n > PSI_PLAN_RANKS_MAX)
            return 0;
        o->ranks[o->count++] = (uint32_t)n;
        text = end;
        if (*text == '\0')
            return 1;
        if (*text != ',')
            return 0;
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct plan_options *o = state->input;
    char *end;
    switch (key) {
    case KEY_RANKS:
        if (parse_ranks(o, argument))
            return 0;
        argp_error(state, "--ranks: expected numbers from 1 to %d as in 1,8,64, found '%s'",
                   PSI_PLAN_RANKS_MAX, argument);
        return EINVAL;
    case KEY_PILOT:
        o->pilot = strtod(argument, &end);
        if (end != argument && !*end && o->pilot > 0.0 && o->pilot <= 86400.0)
            return 0;
        argp_error(state, "--pilot: expected more than 0 to 86400 seconds, found '%s'", argument);
        return EINVAL;
    case KEY_SBATCH:
        o->sbatch = 1;
        return 0;
    case KEY_SET:
        o->override[o->overrides++] = argument;
        return 0;
    case 'o':
        o->file = argument;
        return 0;
    case ARGP_KEY_ARG:
        return psi_cli_one(state, "job file", argument, &o->job_path);
    case ARGP_KEY_END:
        if (!o->job_path) {
            argp_error(state, "a job file is needed, as in: psisweep plan jobs/quickstart.yaml");
            return EINVAL;
        }
        return 0;
    default:
        return psi_cli_format_option(key, &o->format) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

static const struct argp plan_argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "JOB.yaml",
    .doc =
        "What a sweep will cost: a small sample of it is timed on this machine, and the "
        "scheduler is driven by simulated ranks. Needs no mpirun.\n\n"
        "  psisweep plan jobs/mnist-lenet300.yaml\n"
        "  psisweep plan jobs/mnist-lenet300.yaml --ranks 2,16,128\n"
        "  psisweep plan jobs/mnist-lenet300.yaml -o results/mnist-lenet300.h5\n"
        "  psisweep plan jobs/mnist-lenet300.yaml --sbatch > mnist.sbatch && sbatch mnist.sbatch\n"
        "  psisweep plan jobs/mnist-lenet300.yaml --json | jq .ranks_enough\n"};

static enum psi_status print_sbatch(const struct plan_options *o, const struct psi_job *job,
                                    const struct psi_forecast *forecast, struct psi_error *err)
{
    struct psi_plan_point point;
    uint32_t ranks = o->count > 0 ? o->ranks[0] : forecast->enough;
    enum psi_status status = psi_forecast_at(forecast, ranks, &point, err);
    if (status)
        return status;
    const struct psi_sbatch batch = {.name = job->name,
                                     .job_path = o->job_path,
                                     .output = o->file,
                                     .override = o->override,
                                     .overrides = o->overrides,
                                     .ranks = ranks,
                                     .seconds = point.wall_most};
    psi_sbatch_print(&batch, stdout);
    return PSI_OK;
}

static int plan(const struct plan_options *o)
{
    struct psi_error err = {0};
    struct psi_job *job = NULL;
    struct psi_forecast forecast = {0};
    enum psi_status status = psi_job_read(o->job_path, o->override, o->overrides, &job, &err);
    if (!status)
        status = psi_forecast_make(job, o->file, o->pilot, o->ranks, o->count, &forecast, &err);
    if (!status && o->sbatch)
        status = print_sbatch(o, job, &forecast, &err);
    else if (!status && o->format == PSI_JSON)
        psi_forecast_print_json(&forecast);
    else if (!status)
        psi_forecast_print(&forecast);
    psi_forecast_clear(&forecast);
    psi_job_destroy(job);
    return status ? psi_cli_complain(&err) : PSI_EXIT_COMPLETE;
}

int psi_cli_plan(int argc, char **argv)
{
    struct plan_options o = {.pilot = 40.0, .format = PSI_TEXT};
    int code = PSI_EXIT_ENVIRONMENT;
    o.override = calloc((size_t)argc, sizeof *o.override);
    if (o.override && psi_cli_parse(&plan_argp, "plan", argc, argv, &o, &code))
        code = psi_comm_launch_rank() == 0 ? plan(&o) : PSI_EXIT_COMPLETE;
    free(o.override);
    return code;
}
