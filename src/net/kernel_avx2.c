#include "kernel.h"

#ifdef __x86_64__

#include <immintrin.h>

#define KERNEL __attribute__((target("avx2,fma")))
#define WIDTH 8
/* of 16 registers */
#define VECTORS 2
#define ROWS 4
#define COLUMNS 3

typedef float vec __attribute__((vector_size(32), aligned(4), may_alias));
typedef int whole __attribute__((vector_size(32), aligned(4), may_alias));

KERNEL static inline vec multiply_add(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

/* [a0+a2 b0+b2 a1+a3 b1+b3] of each half */
KERNEL static inline vec fold(vec a, vec b)
{
    return _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
}

/* The sums of each half of four: [a b c d]. */
KERNEL static inline __m256 fold_pairs(const vec *pair)
{
    __m256d ab = _mm256_castps_pd(pair[0]), cd = _mm256_castps_pd(pair[1]);
    return _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd)),
                         _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd)));
}

KERNEL static inline vec reduce_pairs(const vec *pair)
{
    __m256 low = fold_pairs(pair), high = fold_pairs(pair + 2);
    return _mm256_add_ps(_mm256_permute2f128_ps(low, high, 0x20),
                         _mm256_permute2f128_ps(low, high, 0x31));
}

KERNEL static inline vec low(vec a, vec b)
{
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20);
}

KERNEL static inline vec high(vec a, vec b)
{
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31);
}

KERNEL static inline __m256i first(size_t count)
{
    const __m256i number = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), number);
}

KERNEL static inline vec load_first(const float *from, size_t count)
{
    return _mm256_maskload_ps(from, first(count));
}

KERNEL static inline void store_first(float *to, vec value, size_t count)
{
    _mm256_maskstore_ps(to, first(count), value);
}

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
