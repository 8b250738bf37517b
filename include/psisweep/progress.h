/* How long work stays interruptible: whoever computes calls this between two pieces of work of a
 * few milliseconds. On rank 0 the scheduler answers its workers there. */
#ifndef PSISWEEP_PROGRESS_H
#define PSISWEEP_PROGRESS_H

#include <stddef.h>

/* A non-zero answer asks to stop: the function that got it returns PSI_STOPPED at once. */
struct psi_progress {
    int (*call)(void *context);
    void *context;
};

/* 1 when asked to stop. progress may be NULL. */
static inline int psi_progress_stop(const struct psi_progress *progress)
{
    return progress != NULL && progress->call(progress->context) != 0;
}

#endif
