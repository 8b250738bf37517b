/* psisweep run: one job file, any number of ranks, one results file, F_min at the end. */
#include "cli.h"
#include "run.h"
#include "run_limit.h"

#include "psisweep/clock.h"
#include "psisweep/comm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t run_stop; /* set by signals; a handler can reach nothing else */

static void on_signal(int signal)
{
    (void)signal;
    run_stop = 1;
}

enum {
    KEY_SET = 256,
    KEY_PRINT,
    KEY_KEYS,
    KEY_PATH,
    KEY_FROM,
    KEY_FAST,
    KEY_MIXED,
    KEY_ATTEMPTS,
    KEY_LOST,
    KEY_TIME,
    KEY_LIMIT
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "results file (default results/NAME.h5)", 0},
    {"set", KEY_SET, "KEY=VALUE", 0, "override a key of the job file; may be repeated", 0},
    {"print-config", KEY_PRINT, NULL, 0, "print the job with every key, its help and default", 0},
    {"print-keys", KEY_KEYS, NULL, 0, "print every key that a job file can have, as Markdown", 0},
    {"print-output", KEY_PATH, NULL, 0, "print the name of the results file", 0},
    {"time-limit", KEY_TIME, "TIME", 0,
     "end by then, resumable, and begin no cell that would not: minutes, MM:SS, HH:MM:SS or "
     "D-HH:MM:SS as for sbatch, or 90s (default: what Slurm leaves, less a minute)",
     0},
    {"from", KEY_FROM, "OLD.h5", 0, "take the cells that OLD.h5 has already, compute the rest", 0},
    {"attempts", KEY_ATTEMPTS, "N", 0, "give a cell up after N failed attempts (default 2)", 0},
    {"cell-limit", KEY_LIMIT, "SECONDS", 0,
     "an attempt that takes longer has failed (default: none does)", 0},
    {"lost-after", KEY_LOST, "SECONDS", 0,
     "a rank that says nothing for so long is lost, and its work goes to others (default 120); at "
     "the start all have as long to come together, but 20 at least, and one more a rank",
     0},
    {"fail-fast", KEY_FAST, NULL, 0, "stop at the first failed attempt instead of going on", 0},
    {"allow-mixed", KEY_MIXED, NULL, 0,
     "accept ranks or a file of another kernel level or BLAS core: results then depend on who "
     "computes what",
     0},
    {"json", PSI_KEY_JSON, NULL, 0, "print F_min at the end as JSON", 0},
    {"csv", PSI_KEY_CSV, NULL, 0, "print F_min at the end as CSV", 0},
    {"quiet", 'q', NULL, 0, "no progress on stderr", 0},
    {0},
};

static error_t parse_seconds(const char *name, const char *argument, double *seconds,
                             struct argp_state *state)
{
    char *end;
    *seconds = strtod(argument, &end);
    if (*argument && !*end && *seconds >= 1.0 && *seconds <= 1e9)
        return 0;
    argp_error(state, "%s: expected 1 to 1e9 seconds, found '%s'", name, argument);
    return EINVAL;
}

static error_t parse_time_limit(struct psi_run_options *o, const char *text,
                                struct argp_state *state)
{
    struct psi_error err;
    if (psi_limit_parse(text, &o->time_limit, &err)) {
        argp_error(state, "--time-limit: %s", err.text);
        return EINVAL;
    }
    if (!(o->time_limit > 0.0)) {
        argp_error(state, "--time-limit: expected more than 0, found '%s'", text);
        return EINVAL;
    }
    return 0;
}

static error_t parse_attempts(const char *argument, unsigned *attempts, struct argp_state *state)
{
    char *end;
    long value = strtol(argument, &end, 10);
    *attempts = (unsigned)value;
    if (!*end && value >= 1 && value <= 1000)
        return 0;
    argp_error(state, "--attempts: expected 1 to 1000, found '%s'", argument);
    return EINVAL;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct psi_run_options *o = state->input;
    switch (key) {
    case 'o':
        o->output = argument;
        return 0;
    case 'q':
        o->quiet = 1;
        return 0;
    case KEY_SET:
        o->override[o->overrides++] = argument;
        return 0;
    case KEY_PRINT:
        o->print_config = 1;
        return 0;
    case KEY_KEYS:
        o->print_keys = 1;
        return 0;
    case KEY_PATH:
        o->print_output = 1;
        return 0;
    case KEY_TIME:
        return parse_time_limit(o, argument, state);
    case KEY_FROM:
        o->from = argument;
        return 0;
    case KEY_FAST:
        o->fail_fast = 1;
        return 0;
    case KEY_MIXED:
        o->allow_mixed = 1;
        return 0;
    case KEY_ATTEMPTS:
        return parse_attempts(argument, &o->attempts, state);
    case KEY_LOST:
        return parse_seconds("--lost-after", argument, &o->lost_after, state);
    case KEY_LIMIT:
        return parse_seconds("--cell-limit", argument, &o->cell_limit, state);
    case ARGP_KEY_ARG:
        return psi_cli_one(state, "job file", argument, &o->job_path);
    case ARGP_KEY_END:
        if (!o->job_path && !o->print_keys) {
            argp_error(state, "a job file is needed, as in: psisweep run jobs/quickstart.yaml");
            return EINVAL;
        }
        return 0;
    default:
        return psi_cli_format_option(key, &o->format) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

static const struct argp run_argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "JOB.yaml",
    .doc = "Sweep the grid of a job file into one results file. The same command again resumes.\n\n"
           "  psisweep run jobs/quickstart.yaml\n"
           "  mpirun -n 4 psisweep run jobs/mnist-lenet300.yaml\n"
           "  psisweep run jobs/quickstart.yaml --set train.epochs=3 -o /tmp/try.h5\n"
           "  psisweep run more-seeds.yaml --from results/quickstart.h5\n"};

static void catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGUSR1, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is then an error of the write, told as such */
    signal(SIGPIPE, SIG_IGN); /* nobody reads the progress any more: no reason to stop */
}

/* Read by the handlers of an alarm. */
static volatile sig_atomic_t leave_code, leave_speaks;

static void on_alarm(int signal)
{
    static const char words[] = "psisweep: the ranks do not come together: one was lost at the "
                                "start, or never came; the same command goes on from here\n";
    (void)signal;
    if (leave_speaks && write(STDERR_FILENO, words, sizeof words - 1) < 0)
        _exit(PSI_EXIT_ENVIRONMENT);
    _exit(leave_code);
}

/* A rank that dies within MPI_Init, or before all know who is there, leaves the others waiting for
 * ever, unless mpirun ends them. */
static enum psi_status run_enter(const struct psi_run_options *o, struct psi_peers **peers,
                                 struct psi_error *err)
{
    const double least = 20.0; /* a start takes some seconds, however little silence is borne */
    double patience = o->lost_after > 0.0 ? fmax(o->lost_after, least) : PSI_FARM_LOST_AFTER;
    int rank = psi_comm_launch_rank();
    leave_code = PSI_EXIT_ENVIRONMENT;
    leave_speaks = rank <= 1; /* one of two, if rank 0 is the one */
    signal(SIGALRM, on_alarm);
    /* and one a rank: thousands load their modules from one disk */
    alarm((unsigned)ceil(patience) + (unsigned)psi_comm_launch_size() + (rank > 0));
    MPI_Init(NULL, NULL);
    catch_signals(); /* after MPI_Init, which has handlers of its own */
    enum psi_status status = psi_peers_create(MPI_COMM_WORLD, peers, err);
    alarm(0);
    leave_speaks = 0;
    return status;
}

/* All is written, closed and said. Where a rank was lost, MPI_Finalize would wait for it for ever;
 * and one may be lost this late. */
static int run_leave(int code, int lost)
{
    enum { FINALIZE_SECONDS = 60 };
    fflush(NULL);
    if (lost)
        _exit(code);
    leave_code = code;
    signal(SIGALRM, on_alarm);
    alarm(FINALIZE_SECONDS);
    MPI_Finalize();
    alarm(0);
    return code;
}

/* Without rank 0, the first of those that are left speaks for all. */
static int speaks(const struct psi_peers *peers)
{
    for (int rank = 1; rank < peers->rank; rank++)
        if (!psi_peers_gone(peers, rank))
            return 0;
    return 1;
}

static int run_launched(const struct psi_run_options *o, struct psi_job *job)
{
    const double moment = 1.0; /* seconds; by then the others have noticed, too, and who speaks */
    struct psi_error err = {0};
    struct psi_run run = {
        .options = o, .job = job, .stop = &run_stop, .began = psi_clock_monotonic()};
    int code = -1;
    enum psi_status status = psi_slurm_check(0, &err);
    if (status)
        return psi_slurm_speaks() ? psi_cli_complain(&err) : psi_cli_exit_code(status);
    if (psi_comm_launch_rank() == 0)
        run.end = psi_run_limit_end(o, run.began);
    psi_results_library();
    if (run_enter(o, &run.peers, &err))
        MPI_Abort(MPI_COMM_WORLD, psi_cli_complain(&err));
    run.rank = run.peers->rank;
    run.size = run.peers->size;
    if (!(status = psi_slurm_check(run.size, &err)))
        status = psi_run_setup(&run, &err);
    if (status)
        code = run.rank == 0 || (psi_peers_gone(run.peers, 0) && speaks(run.peers))
                   ? psi_cli_complain(&err)
                   : psi_cli_exit_code(status);
    int lost = run.peers->lost;
    if (status && lost) { /* a collective call that is never completed may still write */
        psi_clock_sleep(moment);
        return run_leave(code, lost);
    }
    if (!status)
        psi_run_rounds(&run, &code, &err);
    if (code < 0) {
        code = PSI_EXIT_RESUMABLE;
        if (speaks(run.peers))
            fprintf(stderr, "psisweep: rank 0 was lost; the same command goes on from here\n");
    }
    lost = run.peers->lost;
    psi_run_teardown(&run);
    return run_leave(code, lost);
}

int psi_cli_run(int argc, char **argv)
{
    struct psi_error err = {0};
    struct psi_job *job = NULL;
    int code = PSI_EXIT_ENVIRONMENT;
    struct psi_run_options o = {.attempts = 2, .format = PSI_TEXT};
    o.override = calloc((size_t)argc, sizeof *o.override);
    if (!o.override) {
        psi_fail(&err, PSI_MEMORY, "no memory for the command line");
        return psi_cli_complain(&err);
    }
    if (psi_cli_parse(&run_argp, "run", argc, argv, &o, &code)) {
        if (o.print_keys) {
            code = PSI_EXIT_COMPLETE;
            if (psi_comm_launch_rank() == 0)
                psi_job_print_keys(stdout);
        } else if (psi_job_read(o.job_path, o.override, o.overrides, &job, &err)) {
            code = psi_cli_exit_code(err.status);
            /* other hosts, other files and other memory */
            if (psi_comm_launch_rank() == 0 || err.status == PSI_IO || err.status == PSI_MEMORY)
                psi_cli_complain(&err);
        } else if (o.print_config) {
            code = PSI_EXIT_COMPLETE;
            if (psi_comm_launch_rank() == 0)
                psi_job_print(job, stdout);
        } else if (o.print_output) {
            char path[4096];
            code = PSI_EXIT_COMPLETE;
            psi_run_path(&o, job, path, sizeof path);
            if (psi_comm_launch_rank() == 0)
                puts(path);
        } else {
            code = run_launched(&o, job);
        }
    }
    psi_job_destroy(job);
    free(o.override);
    return code;
}
