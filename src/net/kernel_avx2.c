#include "kernel.h"

#ifdef __x86_64__

#include <immintrin.h>

#define KERNEL __attribute__((target("avx2,fma")))
#define WIDE 8
#define BROADCAST(s) ((vector)_mm256_set1_ps(s))
#define MULTIPLY_ADD(a, b, c) ((vector)_mm256_fmadd_ps(a, b, c))
/* of 16 registers */
#define VECTORS 2
#define ROWS 4
#define COLUMNS 3
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
