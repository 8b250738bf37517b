#include "kernel.h"

#ifdef __x86_64__

#include <immintrin.h>

#define KERNEL __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")))
#define WIDTH 16
/* of 32 registers */
#define VECTORS 4
#define ROWS 5
#define COLUMNS 5

typedef float vec __attribute__((vector_size(64), aligned(4), may_alias));
typedef int whole __attribute__((vector_size(64), aligned(4), may_alias));

KERNEL static inline vec multiply_add(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* [a0+a2 b0+b2 a1+a3 b1+b3] of each quarter */
KERNEL static inline vec fold(vec a, vec b)
{
    return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
}

/* The sums of each quarter of four: [a b c d]. */
KERNEL static inline __m512 fold_pairs(const vec *pair)
{
    __m512d ab = _mm512_castps_pd(pair[0]), cd = _mm512_castps_pd(pair[1]);
    return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd)),
                         _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)));
}

/* Quarters 0+2 and 1+3 of a, then of b. */
KERNEL static inline __m512 fold_quarters(__m512 a, __m512 b)
{
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
}

KERNEL static inline vec reduce_pairs(const vec *pair)
{
    __m512 low = fold_quarters(fold_pairs(pair), fold_pairs(pair + 2));
    __m512 high = fold_quarters(fold_pairs(pair + 4), fold_pairs(pair + 6));
    return _mm512_add_ps(_mm512_shuffle_f32x4(low, high, 0x88),
                         _mm512_shuffle_f32x4(low, high, 0xdd));
}

KERNEL static inline vec low(vec a, vec b)
{
    const __m512i from = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    return _mm512_permutex2var_ps(a, from, b);
}

KERNEL static inline vec high(vec a, vec b)
{
    const __m512i from =
        _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    return _mm512_permutex2var_ps(a, from, b);
}

KERNEL static inline vec load_first(const float *from, size_t count)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
}

KERNEL static inline void store_first(float *to, vec value, size_t count)
{
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), value);
}

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
