/* psisweep: dispatch to the commands. */
#include "cli.h"
#include "psisweep/clock.h"
#include "psisweep/comm.h"
#include "psisweep/version.h"

#include <fcntl.h>
#include <malloc.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"run", psi_cli_run, "sweep the grid of a job file into a results file, or resume it"},
    {"status", psi_cli_status, "how far a sweep is, live, from any node"},
    {"plan", psi_cli_plan, "what a sweep will cost, and on how many ranks"},
    {"fmin", psi_cli_fmin, "collapse thresholds of results files, with intervals"},
    {"issp", psi_cli_issp, "the four claims, each supported, refuted or undecided"},
    {"verify", psi_cli_verify, "every checksum of a results file; --repair"},
    {"doctor", psi_cli_doctor, "is this machine, MPI and file system as a sweep needs it?"},
    {"report", psi_cli_report, "one offline page with figures and their data"},
};

static void usage(FILE *file)
{
    fprintf(file, "Usage: psisweep COMMAND [OPTION...] FILE...\n"
                  "Finds where neural networks stop recovering from pruning.\n\n"
                  "  psisweep run jobs/quickstart.yaml\n"
                  "  mpirun -n 4 psisweep run jobs/mnist-lenet300.yaml\n"
                  "  psisweep fmin results/mnist-lenet300.h5\n"
                  "  psisweep report results/mnist-lenet300.h5 -o report\n\n"
                  "Commands (each has --help):\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(file, "  %-8s %s\n", commands[i].name, commands[i].help);
    fprintf(file, "\nExit codes: 0 complete, 2 usage or job file, 3 some cells failed,\n"
                  "4 interrupted and resumable, 5 input or output, 6 environment.\n");
}

static int dispatch(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        usage(stdout);
        return PSI_EXIT_COMPLETE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("psisweep %s (%s)\n", PSI_VERSION, PSI_COMMIT);
        return PSI_EXIT_COMPLETE;
    }
    if (*name)
        fprintf(stderr, "psisweep: no command '%s'\n\n", name);
    usage(stderr);
    return PSI_EXIT_USAGE;
}

/* When the first rank leaves with an error mpirun ends all others, heard or not: let that be rank
 * 0, which says what is wrong. Ranks that have met end in MPI_Finalize together. */
static void let_rank_0_speak(void)
{
    const double seconds = 5.0; /* never slept through: mpirun ends it */
    int met = 0;
    MPI_Finalized(&met);
    if (!met && psi_comm_launch_rank() > 0)
        psi_clock_sleep(seconds);
}

int main(int argc, char **argv)
{
    enum { LARGE = 4 << 20 };
    static char line[BUFSIZ];
    int fd; /* a closed standard stream would become the number of the next file opened */
    while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
        continue;
    if (fd >= 0)
        close(fd);
    /* copies of a data set, one a cell, come and go: each goes back whole, and leaves no hole */
    mallopt(M_MMAP_THRESHOLD, LARGE);
    setvbuf(stderr, line, _IOLBF, sizeof line); /* mpirun puts its own words between two writes */
    int code = dispatch(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == PSI_EXIT_COMPLETE) {
        fprintf(stderr, "psisweep: standard output: cannot write\n");
        code = PSI_EXIT_IO;
    }
    if (code != PSI_EXIT_COMPLETE)
        let_rank_0_speak();
    return code;
}
