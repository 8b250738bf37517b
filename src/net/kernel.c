#include "kernel.h"
#include "blas.h"

#include <assert.h>

static const struct {
    const char *name;
    const struct psi_kernels *(*get)(void);
} backend[PSI_KERNEL_LEVELS] = {
    [PSI_PORTABLE] = {"portable", psi_kernels_portable},
    [PSI_AVX2] = {"avx2", psi_kernels_avx2},
    [PSI_AVX512] = {"avx512", psi_kernels_avx512},
};

const struct psi_kernels *psi_kernels_get(int level)
{
    return level >= 0 && level < PSI_KERNEL_LEVELS ? backend[level].get() : NULL;
}

int psi_kernels_best(void)
{
    int level = PSI_KERNEL_LEVELS - 1;
    while (!psi_kernels_get(level))
        level--; /* ends at portable, which is always there */
    return level;
}

const char *psi_kernels_name(int level)
{
    assert(level >= 0 && level < PSI_KERNEL_LEVELS);
    return backend[level].name;
}

const char *psi_blas_core(void)
{
    return openblas_get_corename();
}

const char *psi_blas_config(void)
{
    return openblas_get_config();
}
