/* The time spent in OpenBLAS's sgemm, call by call where the steps make them: bench is linked with
 * --wrap=cblas_sgemm, which brings the library's calls here. */
#include "../src/net/blas.h"
#include "psisweep/clock.h"

static double
    bench_gemm_seconds; /* since it was last set to 0; a wrapped call carries no context */

void __real_cblas_sgemm(int order, int op_a, int op_b, int m, int n, int k, float alpha,
                        const float *a, int lda, const float *b, int ldb, float beta, float *c,
                        int ldc);
void __wrap_cblas_sgemm(int order, int op_a, int op_b, int m, int n, int k, float alpha,
                        const float *a, int lda, const float *b, int ldb, float beta, float *c,
                        int ldc);

void __wrap_cblas_sgemm(int order, int op_a, int op_b, int m, int n, int k, float alpha,
                        const float *a, int lda, const float *b, int ldb, float beta, float *c,
                        int ldc)
{
    double start = psi_clock_monotonic();
    __real_cblas_sgemm(order, op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    bench_gemm_seconds += psi_clock_monotonic() - start;
}
