/* What surrounds a launch: how long it may compute, and whether Slurm has started it as ranks of
 * one launch. Private to cli. */
#ifndef PSISWEEP_CLI_RUN_LIMIT_H
#define PSISWEEP_CLI_RUN_LIMIT_H

#include "psisweep/status.h"

/* Seconds of a time as sbatch's --time has it: MINUTES, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS,
 * UNLIMITED (INFINITY); or with a unit, 90s, 15m, 2h. PSI_USAGE. */
enum psi_status psi_limit_parse(const char *text, double *seconds, struct psi_error *err);

/* Slurm's limit of the job that this process is part of: seconds until then; INFINITY where there
 * is none, or no job; NAN where it cannot be found out. Runs squeue: to be called before MPI_Init,
 * as some networks forbid fork after it. */
double psi_slurm_left(void);

/* PSI_ENVIRONMENT where Slurm has started several tasks that know nothing of each other: each would
 * run the whole sweep, alone. size: of MPI_COMM_WORLD; 0 before MPI_Init, which Open MPI 4.1 does
 * not survive there. */
enum psi_status psi_slurm_check(int size, struct psi_error *err);
/* 1 on the one of them that should say so. */
int psi_slurm_speaks(void);

#endif
