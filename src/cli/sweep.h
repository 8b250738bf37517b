/* A results file as the estimators read it. Private to cli. */
#ifndef PSISWEEP_CLI_SWEEP_H
#define PSISWEEP_CLI_SWEEP_H

#include "psisweep/results.h"
#include "psisweep/threshold.h"

/* Owns what sweep points into, but for the densities, which are the results file's job's. */
struct psi_cli_sweep {
    struct psi_sweep sweep;
    double *psi, *achieved, *effective; /* (arms, seeds, densities) */
    uint8_t *finished, *skipped;
    uint8_t adaptive[PSI_ARMS_MAX];
    uint8_t *status;             /* as the file said when it was opened */
    size_t cells;                /* of the file */
    size_t wanted, done, failed; /* wanted: all that are not skipped */
};

/* Is what a file says of itself, and of each done record of these owners (first to last), what was
 * written? PSI_DATA where not. */
enum psi_status psi_cli_check(struct psi_results *results, enum psi_owner first,
                              enum psi_owner last, struct psi_error *err);

/* Read what is done so far. *out is owned by the caller and lives no longer than results. */
enum psi_status psi_cli_sweep_create(struct psi_results *results, struct psi_cli_sweep **out,
                                     struct psi_error *err);
void psi_cli_sweep_destroy(struct psi_cli_sweep *sweep);

#endif
