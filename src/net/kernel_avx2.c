#include "kernel.h"

#ifdef __x86_64__

#define KERNEL __attribute__((target("avx2,fma")))
#include "kernel_body.h"

const struct psi_kernels *psi_kernels_avx2(void)
{
    int has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return has ? &kernels : NULL;
}

#else

const struct psi_kernels *psi_kernels_avx2(void)
{
    return NULL;
}

#endif
