/* The part of OpenBLAS that the network uses, declared here because cblas.h lies elsewhere, and
 * says other things, on every system. 32-bit integers (the LP64 interface). */
#ifndef PSISWEEP_NET_BLAS_H
#define PSISWEEP_NET_BLAS_H

enum { PSI_ROW_MAJOR = 101, PSI_PLAIN = 111, PSI_TRANSPOSED = 112 };

/* c (m, n) = alpha op(a) (m, k) op(b) (k, n) + beta c */
void cblas_sgemm(int order, int op_a, int op_b, int m, int n, int k, float alpha, const float *a,
                 int lda, const float *b, int ldb, float beta, float *c, int ldc);

void openblas_set_num_threads(int threads);
char *openblas_get_corename(void);
char *openblas_get_config(void);

#endif
