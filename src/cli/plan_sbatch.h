/* psisweep plan --sbatch. Private to cli. */
#ifndef PSISWEEP_CLI_PLAN_SBATCH_H
#define PSISWEEP_CLI_PLAN_SBATCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* All text is data of whoever made the job: it may hold any byte but 0. */
struct psi_sbatch {
    const char *name;     /* of the job */
    const char *job_path; /* and what else run is given: */
    const char *output;   /* NULL = the usual results file */
    const char **override;
    size_t overrides;
    uint32_t ranks;
    double seconds; /* of the time limit */
};

/* jobs/psisweep.sbatch, as it was when this program was built, for one job: to be submitted without
 * arguments, from anywhere; it runs this program in the present working directory. */
void psi_sbatch_print(const struct psi_sbatch *batch, FILE *out);

#endif
