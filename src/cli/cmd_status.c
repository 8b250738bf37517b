/* psisweep status: how far a sweep is, from any process, while it runs or after. */
#include "state.h"

#include "psisweep/clock.h"
#include "psisweep/comm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct status_options {
    const char *path;
    double watch; /* seconds; 0 = once */
    enum psi_format format;
};

enum { KEY_WATCH = 256 };

static const struct argp_option options[] = {
    {"json", PSI_KEY_JSON, NULL, 0, "print JSON (schema " PSI_STATE_SCHEMA ")", 0},
    {"watch", KEY_WATCH, "SECONDS", OPTION_ARG_OPTIONAL,
     "look again every SECONDS (default 5) until all is done or given up: redrawn on a terminal, "
     "else a line each time",
     0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct status_options *o = state->input;
    char *end = NULL;
    switch (key) {
    case KEY_WATCH:
        o->watch = argument ? strtod(argument, &end) : 5.0;
        if ((argument && (end == argument || *end)) || !(o->watch >= 0.1 && o->watch <= 86400.0)) {
            argp_error(state, "--watch: expected .1 to 86400 seconds, found '%s'", argument);
            return EINVAL;
        }
        return 0;
    case ARGP_KEY_ARG:
        return psi_cli_one(state, "results file", argument, &o->path);
    case ARGP_KEY_END:
        if (!o->path) {
            argp_error(state,
                       "a results file is needed, as in: psisweep status results/quickstart.h5");
            return EINVAL;
        }
        return 0;
    default:
        return psi_cli_format_option(key, &o->format) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

static const struct argp status_argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "FILE.h5",
    .doc =
        "How far a sweep is: only reads, works while it runs, from any node.\n\n"
        "  psisweep status results/mnist-lenet300.h5\n"
        "  psisweep status results/mnist-lenet300.h5 --watch\n"
        "  psisweep status results/mnist-lenet300.h5 --json | jq .seconds_left\n\n"
        "Exit code: 0 complete, 3 all was tried but some failed, 4 the same run command goes on."};

/* Returns the exit code; *again = 1 while there is something to wait for. */
static int look(const struct status_options *o, int *again)
{
    struct psi_state state;
    struct psi_error err = {0};
    int code;
    *again = 0;
    if (psi_state_open(o->path, &state, &err)) {
        code = psi_cli_complain(&err);
    } else {
        int terminal = o->watch > 0.0 && isatty(STDOUT_FILENO);
        code = psi_state_exit_code(&state);
        *again = state.verdict == PSI_STATE_INCOMPLETE;
        if (o->format == PSI_JSON) {
            psi_state_print_json(&state);
        } else if (o->watch > 0.0 && !terminal) {
            psi_state_print_line(&state);
        } else {
            if (terminal)
                fputs("\033[H\033[2J", stdout);
            psi_state_print_text(&state);
        }
    }
    psi_state_close(&state);
    return code;
}

int psi_cli_status(int argc, char **argv)
{
    struct status_options o = {.format = PSI_TEXT};
    int code = PSI_EXIT_ENVIRONMENT, again;
    if (!psi_cli_parse(&status_argp, "status", argc, argv, &o, &code))
        return code;
    if (psi_comm_launch_rank() != 0)
        return PSI_EXIT_COMPLETE;
    code = look(&o, &again);
    while (o.watch > 0.0 && again && fflush(stdout) == 0 && !ferror(stdout)) {
        psi_clock_sleep(o.watch);
        code = look(&o, &again);
    }
    return code;
}
