/* psisweep doctor, in parts: the machine, the place where results are to go, and the probes. */
#ifndef PSISWEEP_CLI_DOCTOR_H
#define PSISWEEP_CLI_DOCTOR_H

#include "cli.h"

#define PSI_DOCTOR_SCHEMA "psisweep-doctor-1"

enum psi_health { PSI_FINE, PSI_WARNING, PSI_PROBLEM };

enum { PSI_CHECKS = 48, PSI_CHECK_TEXT = 400, PSI_DOCTOR_PATH = 4096 };

struct psi_check {
    enum psi_health health;
    const char *name;
    const char *advice; /* NULL when fine */
    char found[PSI_CHECK_TEXT];
};

struct psi_doctor {
    char folder[PSI_DOCTOR_PATH]; /* resolved */
    struct psi_check check[PSI_CHECKS];
    int checks;
};

/* Note one check; advice is constant text, dropped when all is fine. */
void psi_doctor_say(struct psi_doctor *doctor, const char *name, enum psi_health health,
                    const char *advice, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

void psi_doctor_machine(struct psi_doctor *doctor);
/* Returns 1 where the probes can make their files there. */
int psi_doctor_place(struct psi_doctor *doctor);
/* A small results file through the store, read back by another process; locks. */
void psi_doctor_store(struct psi_doctor *doctor);
/* A sweep of two ranks under mpirun. */
void psi_doctor_sweep(struct psi_doctor *doctor);

/* Run a program for `seconds` at most; its last line of output, both streams, into said. Returns
 * its exit code, 128 + signal, or -1 where it cannot be started or took too long. */
int psi_doctor_run(const char *const *argument, unsigned seconds, char said[PSI_CHECK_TEXT]);

#endif
