#include "cli.h"
#include "psisweep/comm.h"
#include "psisweep/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int psi_cli_exit_code(enum psi_status status)
{
    switch (status) {
    case PSI_OK:
        return PSI_EXIT_COMPLETE;
    case PSI_USAGE:
        return PSI_EXIT_USAGE;
    case PSI_DATA:
    case PSI_IO:
        return PSI_EXIT_IO;
    case PSI_STOPPED:
        return PSI_EXIT_RESUMABLE;
    case PSI_NUMERIC: /* an attempt, under --fail-fast */
    case PSI_OVERTIME:
    case PSI_LOST:
    case PSI_SIGABRT:
    case PSI_SIGBUS:
    case PSI_SIGFPE:
    case PSI_SIGILL:
    case PSI_SIGSEGV:
        return PSI_EXIT_FAILED;
    default:
        return PSI_EXIT_ENVIRONMENT;
    }
}

int psi_cli_complain(const struct psi_error *err)
{
    fflush(stdout);
    fputs("psisweep: ", stderr);
    for (const char *line = err->text, *end; *line;
         line = end) { /* differences stand a line each */
        char part[PSI_ERROR_TEXT];
        end = line + strcspn(line, "\n");
        snprintf(part, sizeof part, "%.*s", (int)(end - line), line);
        psi_text_print(part, stderr);
        fputc('\n', stderr);
        end += *end == '\n';
    }
    return psi_cli_exit_code(err->status);
}

int psi_cli_parse(const struct argp *argp, const char *command, int argc, char **argv, void *input,
                  int *code)
{
    char name[64];
    snprintf(name, sizeof name, "psisweep %s", command);
    argv[0] = name;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        int usage = strcmp(argv[i], "--usage") == 0;
        if (usage || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            unsigned what = usage ? ARGP_HELP_USAGE : ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK;
            if (psi_comm_launch_rank() == 0)
                argp_help(argp, stdout, what, name);
            *code = PSI_EXIT_COMPLETE;
            return 0;
        }
    }
    unsigned flags = ARGP_NO_EXIT | ARGP_NO_HELP;
    if (psi_comm_launch_rank() != 0)
        flags |= ARGP_NO_ERRS;
    *code = PSI_EXIT_USAGE;
    return argp_parse(argp, argc, argv, flags, NULL, input) == 0;
}

int psi_cli_format_option(int key, enum psi_format *format)
{
    if (key != PSI_KEY_JSON && key != PSI_KEY_CSV)
        return 0;
    *format = key == PSI_KEY_JSON ? PSI_JSON : PSI_CSV;
    return 1;
}

error_t psi_cli_one(struct argp_state *state, const char *what, const char *argument,
                    const char **one)
{
    if (*one) {
        argp_error(state, "one %s, found a second: '%s'", what, argument);
        return EINVAL;
    }
    *one = argument;
    return 0;
}

error_t psi_cli_files_option(int key, struct argp_state *state, struct psi_cli_files *files)
{
    switch (key) {
    case ARGP_KEY_ARGS: /* all that is left: argp has put the options before */
        files->path = (const char *const *)(state->argv + state->next);
        files->paths = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "a results file is needed, as in: %s results/quickstart.h5", state->name);
        return EINVAL;
    default:
        return psi_cli_format_option(key, &files->format) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

const char *psi_cli_duration(double seconds, char text[PSI_DURATION_TEXT])
{
    const double most = 1e15; /* so that it is a number of seconds, and has room */
    if (isfinite(seconds)) {
        long s = lround(fmax(0.0, fmin(seconds, most)));
        snprintf(text, PSI_DURATION_TEXT, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    } else {
        strcpy(text, "?");
    }
    return text;
}
