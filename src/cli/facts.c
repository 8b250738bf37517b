#include "facts.h"

#include "psisweep/kernel.h"

#include <stdio.h>

void psi_cli_numerics(int kernel_level, char numerics[PSI_NUMERICS])
{
    snprintf(numerics, PSI_NUMERICS, "%s %s %08x", psi_kernels_name(kernel_level), psi_blas_core(),
             (unsigned)psi_numerics_probe());
}

struct psi_results_facts psi_cli_facts(const struct psi_study *study, const char *numerics)
{
    return (struct psi_results_facts){
        .job = study->job,
        .network = study->network,
        .layout = study->layout,
        .chance_test = study->chance_test,
        .chance_validation = study->chance_validation,
        .test_samples = study->dataset->test.samples,
        .validation_samples = study->dataset->validation.samples,
        .data_digest = study->dataset->digest,
        .numerics = numerics,
    };
}
