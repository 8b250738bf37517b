/* Status codes and error text: the one way in which psisweep reports failure.
 *
 * A fallible function returns enum psi_status and takes a struct psi_error as its last argument.
 * On failure it has no side effect, and the text says in one line where, what was expected, what
 * was found and, where that helps, what to do. A diverged training run is a result, no error.
 */
#ifndef PSISWEEP_STATUS_H
#define PSISWEEP_STATUS_H

enum psi_status {
    PSI_OK = 0,
    PSI_USAGE,       /* a command line or a job file asks for what cannot be */
    PSI_DATA,        /* a file's content is not what its format promises */
    PSI_IO,          /* the system refused to read or write */
    PSI_MEMORY,      /* an allocation failed */
    PSI_NUMERIC,     /* a decomposition did not converge */
    PSI_ENVIRONMENT, /* this machine, launcher or another process stands in the way */
    PSI_STOPPED,     /* asked to stop by a signal or by another rank; nothing is lost */
    PSI_OVERTIME,    /* took longer than it may */
    PSI_LOST,        /* the process that was at it is gone */
    PSI_SIGABRT,     /* it died of this signal, of its own making */
    PSI_SIGBUS,
    PSI_SIGFPE,
    PSI_SIGILL,
    PSI_SIGSEGV,
    PSI_STATUSES
};

enum { PSI_ERROR_TEXT = 2048 };

struct psi_error {
    enum psi_status status;
    char
        text[PSI_ERROR_TEXT]; /* UTF-8, no trailing newline; one line unless it lists differences */
};

/* Fill err (may be NULL) and return status, so that a caller writes `return psi_fail(...)`. */
enum psi_status psi_fail(struct psi_error *err, enum psi_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Short lower-case names, as stored in results files ("ok", "usage", ...); NULL-ended. */
extern const char *const psi_status_names[PSI_STATUSES + 1];

#endif
