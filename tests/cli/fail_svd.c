/* Preloaded by tests: LAPACK's dgesdd_ that does not converge from its PSI_FAIL_SVD-th call on
 * (workspace queries not counted), so that cells fail as they would on a real such matrix. */
#include <dlfcn.h>
#include <stdlib.h>

typedef void dgesdd(const char *, const int *, const int *, double *, const int *, double *,
                    double *, const int *, double *, const int *, double *, const int *, int *,
                    int *, size_t);

dgesdd dgesdd_;

void dgesdd_(const char *job, const int *m, const int *n, double *a, const int *lda, double *s,
             double *u, const int *ldu, double *vt, const int *ldvt, double *work,
             const int *lwork, int *iwork, int *info, size_t job_length)
{
    static int calls;
    const char *from = getenv("PSI_FAIL_SVD");
    if (*lwork != -1 && from && ++calls >= atoi(from)) {
        *info = 1;
        return;
    }
    dgesdd *real = (dgesdd *)dlsym(RTLD_NEXT, "dgesdd_");
    real(job, m, n, a, lda, s, u, ldu, vt, ldvt, work, lwork, iwork, info, job_length);
}
