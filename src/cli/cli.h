/* What the commands share. Private to cli; only cli prints and exits. */
#ifndef PSISWEEP_CLI_H
#define PSISWEEP_CLI_H

#include "psisweep/status.h"
#include <argp.h>
#include <errno.h>
#include <stddef.h>

/* Exit codes, the same for every command. */
enum {
    PSI_EXIT_COMPLETE = 0,
    PSI_EXIT_USAGE = 2,      /* command line or job file */
    PSI_EXIT_FAILED = 3,     /* finished, but some cells failed */
    PSI_EXIT_RESUMABLE = 4,  /* interrupted; the same command goes on */
    PSI_EXIT_IO = 5,         /* a file cannot be read or written, or is not what it should be */
    PSI_EXIT_ENVIRONMENT = 6 /* machine, launcher, another process, memory */
};
int psi_cli_exit_code(enum psi_status status);

/* Print "psisweep: text" on stderr and return the exit code of err->status. */
int psi_cli_complain(const struct psi_error *err);

/* argp_parse with this program's manners: `command` names it in messages, one rank of a launch
 * speaks, --help goes to stdout. Returns 1 to go on, else *code is the exit code. */
int psi_cli_parse(const struct argp *argp, const char *command, int argc, char **argv, void *input,
                  int *code);

enum psi_format { PSI_TEXT, PSI_JSON, PSI_CSV };

/* --json and --csv, of every command that prints: the keys of their argp options, and what each
 * does. Returns 1 when the key was one of them. */
enum { PSI_KEY_JSON = 1024, PSI_KEY_CSV };
int psi_cli_format_option(int key, enum psi_format *format);

/* The argument of a command that takes one such; a second is an error. what names it. */
error_t psi_cli_one(struct argp_state *state, const char *what, const char *argument,
                    const char **one);

/* The results files of a command that takes any number of them, at least one, and its format. */
struct psi_cli_files {
    const char *const *path; /* (paths) in argv */
    size_t paths;
    enum psi_format format;
};
error_t psi_cli_files_option(int key, struct argp_state *state, struct psi_cli_files *files);

/* "1:02:03" to the nearest second; "?" where not finite. Returns text. */
enum { PSI_DURATION_TEXT = 32 };
const char *psi_cli_duration(double seconds, char text[PSI_DURATION_TEXT]);

/* Thresholds of a results file to stdout. Returns an exit code. */
int psi_cli_print_thresholds(const char *path, enum psi_format format);

int psi_cli_run(int argc, char **argv);
int psi_cli_plan(int argc, char **argv);
int psi_cli_fmin(int argc, char **argv);
int psi_cli_issp(int argc, char **argv);
int psi_cli_report(int argc, char **argv);
int psi_cli_status(int argc, char **argv);
int psi_cli_verify(int argc, char **argv);
int psi_cli_doctor(int argc, char **argv);

#endif
