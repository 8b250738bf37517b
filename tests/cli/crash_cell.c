/* Preloaded by tests: LAPACK's dgesdd_ that raises PSI_CRASH_SIGNAL when it is given a matrix whose
 * Frobenius norm is the one in PSI_CRASH_NORM (to 1e-9 of it): so one cell, whoever does it, kills
 * the process that is at it. PSI_CRASH_LOG, a file, gets the norms of all calls. */
#include <dlfcn.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

typedef void dgesdd(const char *, const int *, const int *, double *, const int *, double *,
                    double *, const int *, double *, const int *, double *, const int *, int *,
                    int *, size_t);

dgesdd dgesdd_;

static double frobenius(int m, int n, const double *a, int lda)
{
    double sum = 0.0;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++)
            sum += a[(size_t)j * (size_t)lda + (size_t)i] * a[(size_t)j * (size_t)lda + (size_t)i];
    return sqrt(sum);
}

void dgesdd_(const char *job, const int *m, const int *n, double *a, const int *lda, double *s,
             double *u, const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork,
             int *iwork, int *info, size_t job_length)
{
    const char *fatal = getenv("PSI_CRASH_NORM"), *log = getenv("PSI_CRASH_LOG");
    if (*lwork != -1) {
        double norm = frobenius(*m, *n, a, *lda), marked = fatal ? atof(fatal) : 0.0;
        FILE *file = log ? fopen(log, "a") : NULL;
        if (file) {
            fprintf(file, "%.17g\n", norm);
            fclose(file);
        }
        if (fatal && fabs(norm - marked) <= 1e-9 * marked)
            raise(atoi(getenv("PSI_CRASH_SIGNAL")));
    }
    dgesdd *real = (dgesdd *)dlsym(RTLD_NEXT, "dgesdd_");
    real(job, m, n, a, lda, s, u, ldu, vt, ldvt, work, lwork, iwork, info, job_length);
}
