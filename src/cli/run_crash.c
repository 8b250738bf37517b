/* What a rank still says while it dies. */
#include "run.h"

#include <signal.h>

/* A handler is given no context. */
static const struct psi_lock *crash_lock;
static int crash_rank;

static const struct {
    int signal;
    enum psi_status cause;
} crashes[] = {{SIGABRT, PSI_SIGABRT},
               {SIGBUS, PSI_SIGBUS},
               {SIGFPE, PSI_SIGFPE},
               {SIGILL, PSI_SIGILL},
               {SIGSEGV, PSI_SIGSEGV}};
enum { CRASHES = sizeof crashes / sizeof *crashes };
static struct sigaction crash_before[CRASHES]; /* Open MPI's, which print where it was */

static void on_crash(int signal)
{
    for (int i = 0; i < CRASHES; i++) {
        if (crashes[i].signal != signal)
            continue;
        psi_lock_note(crash_lock, crash_rank, (unsigned char)crashes[i].cause);
        sigaction(signal, &crash_before[i], NULL);
    }
    raise(signal); /* taken when this handler returns */
}

void psi_run_crash_begin(const struct psi_lock *worker, int rank)
{
    crash_lock = worker;
    crash_rank = rank;
    psi_lock_note(worker, rank, 0);
    for (int i = 0; i < CRASHES; i++)
        sigaction(crashes[i].signal, &(struct sigaction){.sa_handler = on_crash}, &crash_before[i]);
}

void psi_run_crash_end(void)
{
    for (int i = 0; crash_lock && i < CRASHES; i++)
        sigaction(crashes[i].signal, &crash_before[i], NULL);
    crash_lock = NULL;
}

enum psi_status psi_run_crashed(const struct psi_lock *worker, int rank)
{
    unsigned char cause = psi_lock_noted(worker, rank);
    for (int i = 0; i < CRASHES; i++)
        if (crashes[i].cause == cause)
            return cause;
    return PSI_LOST;
}
