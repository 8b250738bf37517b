/* What a results file says once, from a study. Private to cli. */
#ifndef PSISWEEP_CLI_FACTS_H
#define PSISWEEP_CLI_FACTS_H

#include "psisweep/results.h"
#include "psisweep/trial.h"

/* "avx512 SkylakeX 01234567": kernels of a level, BLAS core, probe. */
enum { PSI_NUMERICS = 96 };
void psi_cli_numerics(int kernel_level, char numerics[PSI_NUMERICS]);

/* Both are borrowed. */
struct psi_results_facts psi_cli_facts(const struct psi_study *study, const char *numerics);

#endif
