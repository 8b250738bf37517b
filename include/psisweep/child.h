/* Work that may kill the process it runs in, such as a library's on damaged input: done in a child.
 */
#ifndef PSISWEEP_CHILD_H
#define PSISWEEP_CHILD_H

#include "psisweep/status.h"

struct psi_child {
    int pid;
    int out; /* what work writes into `out` is read here, to its end */
};

/* Fork; the child is silent on stderr, leaves no core file, does work(context, out) and ends, or is
 * ended after `seconds`. Not for a process that has called MPI_Init. */
enum psi_status psi_child_start(void (*work)(void *context, int out), void *context,
                                unsigned seconds, struct psi_child *child, struct psi_error *err);

/* Wait for it. 0, or the signal that ended it (SIGALRM: it took too long). */
int psi_child_end(struct psi_child *child);

#endif
