#include "kernel.h"

#ifdef __x86_64__

#include <immintrin.h>

#define KERNEL __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")))
#define WIDE 16
#define BROADCAST(s) ((vector)_mm512_set1_ps(s))
#define MULTIPLY_ADD(a, b, c) ((vector)_mm512_fmadd_ps(a, b, c))
/* of 32 registers */
#define VECTORS 4
#define ROWS 5
#define COLUMNS 5
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
