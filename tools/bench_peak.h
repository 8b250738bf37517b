/* What one core can do at most, in 1e9 floating-point operations a second: fused multiply-adds on
 * registers alone, in as many independent chains as hide their latency. */
#include "psisweep/clock.h"
#include "psisweep/kernel.h"

#include <math.h>

#ifdef __x86_64__

#include <immintrin.h>

enum { PEAK_CHAINS = 12, PEAK_TURNS = 20000 };

__attribute__((target("avx512f"))) static float peak_avx512(void)
{
    __m512 a[PEAK_CHAINS], factor = _mm512_set1_ps(0.5f), term = _mm512_set1_ps(1);
    for (int i = 0; i < PEAK_CHAINS; i++)
        a[i] = _mm512_set1_ps((float)i);
    for (int turn = 0; turn < PEAK_TURNS; turn++)
        for (int i = 0; i < PEAK_CHAINS; i++)
            a[i] = _mm512_fmadd_ps(a[i], factor, term);
    float sum = 0;
    for (int i = 0; i < PEAK_CHAINS; i++)
        sum += _mm512_reduce_add_ps(a[i]);
    return sum;
}

__attribute__((target("avx2,fma"))) static float peak_avx2(void)
{
    __m256 a[PEAK_CHAINS], factor = _mm256_set1_ps(0.5f), term = _mm256_set1_ps(1);
    for (int i = 0; i < PEAK_CHAINS; i++)
        a[i] = _mm256_set1_ps((float)i);
    for (int turn = 0; turn < PEAK_TURNS; turn++)
        for (int i = 0; i < PEAK_CHAINS; i++)
            a[i] = _mm256_fmadd_ps(a[i], factor, term);
    float sum = 0;
    for (int i = 0; i < PEAK_CHAINS; i++)
        sum += a[i][0];
    return sum;
}

static double measure_peak(void)
{
    int level = psi_kernels_best();
    if (level == PSI_PORTABLE)
        return NAN;
    int floats = level == PSI_AVX512 ? 16 : 8;
    double least = INFINITY;
    volatile float kept = 0;
    for (int round = 0; round < 50; round++) {
        double start = psi_clock_monotonic();
        kept += level == PSI_AVX512 ? peak_avx512() : peak_avx2();
        least = fmin(least, psi_clock_monotonic() - start);
    }
    return 2e-9 * floats * PEAK_CHAINS * PEAK_TURNS / least;
}

#else

static double measure_peak(void)
{
    return NAN;
}

#endif
