/* The Fortran routines used, declared here because LAPACKE comes with another BLAS on Debian.
 *
 * Matrices are column-major: a row-major (rows, cols) array passed as it is, with leading
 * dimension cols, is the transpose. Every character argument has a hidden length at the end of the
 * list (gfortran's convention), which some ABIs need and the others ignore.
 */
#ifndef PSISWEEP_SPECTRUM_LAPACK_H
#define PSISWEEP_SPECTRUM_LAPACK_H

#include <stddef.h>

/* a (m, n; overwritten) = u diag(s) vt. jobz "N": s only; "S": u (m, min), vt (min, n) as well.
 * lwork -1: only the size wanted, into work[0]. iwork (8 * min). info > 0: no convergence. */
void dgesdd_(const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s,
             double *u, const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork,
             int *iwork, int *info, size_t jobz_length);

/* c (n, n; triangle uplo) = alpha a a' + beta c, a (n, k); trans "T": a' a, a (k, n). */
void dsyrk_(const char *uplo, const char *trans, const int *n, const int *k, const double *alpha,
            const double *a, const int *lda, const double *beta, double *c, const int *ldc,
            size_t uplo_length, size_t trans_length);

/* Eigenvalues il..iu (ascending, from 1) of the symmetric a (n, n; triangle uplo; overwritten)
 * with jobz "N", range "I". work (lwork), iwork (liwork), sized as by a query with -1. */
void dsyevr_(const char *jobz, const char *range, const char *uplo, const int *n, double *a,
             const int *lda, const double *vl, const double *vu, const int *il, const int *iu,
             const double *abstol, int *m, double *w, double *z, const int *ldz, int *isuppz,
             double *work, const int *lwork, int *iwork, const int *liwork, int *info,
             size_t jobz_length, size_t range_length, size_t uplo_length);

/* c (m, n) = alpha op(a) op(b) + beta c, op "N": as it is, "T": transposed; k the inner size. */
void sgemm_(const char *transa, const char *transb, const int *m, const int *n, const int *k,
            const float *alpha, const float *a, const int *lda, const float *b, const int *ldb,
            const float *beta, float *c, const int *ldc, size_t transa_length,
            size_t transb_length);

#endif
