#include "kernel.h"

#ifdef __x86_64__

#define KERNEL __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")))
#include "kernel_body.h"

const struct psi_kernels *psi_kernels_avx512(void)
{
    int has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
              psi_kernels_avx2() != NULL;
    return has ? &kernels : NULL;
}

#else

const struct psi_kernels *psi_kernels_avx512(void)
{
    return NULL;
}

#endif
