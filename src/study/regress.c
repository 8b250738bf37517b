#include "psisweep/regress.h"
#include "psisweep/memory.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

/* LAPACK: minimum-norm least squares by the singular values of a, column-major. */
void dgelsd_(const int *m, const int *n, const int *nrhs, double *a, const int *lda, double *b,
             const int *ldb, double *s, const double *rcond, int *rank, double *work,
             const int *lwork, int *iwork, int *info);

/* Mean and root mean square deviation of values `stride` apart. */
static void moments(const double *x, size_t rows, size_t stride, double *mean, double *deviation)
{
    double sum = 0, square = 0;
    for (size_t i = 0; i < rows; i++)
        sum += x[i * stride];
    *mean = sum / (double)rows;
    for (size_t i = 0; i < rows; i++)
        square += (x[i * stride] - *mean) * (x[i * stride] - *mean);
    *deviation = sqrt(square / (double)rows);
}

/* A column whose deviation is rounding of its values does not vary. */
static int varies(double mean, double deviation)
{
    return deviation > 1e-12 * fabs(mean);
}

/* min |a z - b|, a (columns, rows) column by column; z is left in b (max(rows, columns)). */
static enum psi_status solve(double *a, double *b, size_t rows, size_t columns,
                             struct psi_error *err)
{
    assert(rows <= INT_MAX && columns <= INT_MAX);
    int m = (int)rows, n = (int)columns, one = 1, rank, info, lwork = -1, ask[64];
    int ldb = m > n ? m : n;
    double rcond = 1e-10, best[1], *s = NULL, *work = NULL;
    int *iwork = NULL;
    enum psi_status status = PSI_MEMORY;
    if (!(s = psi_allocate(columns, sizeof *s, "least squares", err)))
        return PSI_MEMORY;
    dgelsd_(&m, &n, &one, a, &m, b, &ldb, s, &rcond, &rank, best, &lwork, ask, &info);
    lwork = (int)best[0];
    if (!(work = psi_allocate((size_t)lwork, sizeof *work, "least squares", err)) ||
        !(iwork = psi_allocate((size_t)ask[0], sizeof *iwork, "least squares", err)))
        goto out;
    dgelsd_(&m, &n, &one, a, &m, b, &ldb, s, &rcond, &rank, work, &lwork, iwork, &info);
    status = info == 0 ? PSI_OK
                       : psi_fail(err, PSI_NUMERIC,
                                  "least squares of %zu rows and %zu columns: dgelsd says %d", rows,
                                  columns, info);
out:
    free(iwork);
    free(work);
    free(s);
    return status;
}

enum psi_status psi_regress_linear(const double *x, const double *y, size_t rows, size_t columns,
                                   double *coefficient, struct psi_error *err)
{
    assert(rows >= 1);
    size_t most = rows > columns ? rows : columns;
    double center, spread;
    double *a = psi_allocate(rows * columns, sizeof *a, "least squares", err);
    double *b = psi_allocate(most, sizeof *b, "least squares", err);
    double *scale = psi_allocate(columns, sizeof *scale, "least squares", err);
    enum psi_status status = a && b && scale ? PSI_OK : PSI_MEMORY;
    if (status)
        goto out;
    moments(y, rows, 1, &center, &spread);
    for (size_t i = 0; i < rows; i++)
        b[i] = y[i] - center;
    for (size_t c = 0; c < columns; c++) {
        double mean, deviation;
        moments(x + c, rows, columns, &mean, &deviation);
        scale[c] = varies(mean, deviation) ? deviation : INFINITY; /* its column is then 0 */
        for (size_t i = 0; i < rows; i++)
            a[c * rows + i] = (x[i * columns + c] - mean) / scale[c];
    }
    if (columns && (status = solve(a, b, rows, columns, err)))
        goto out;
    coefficient[columns] = center;
    for (size_t c = 0; c < columns; c++) {
        double mean, deviation;
        moments(x + c, rows, columns, &mean, &deviation);
        coefficient[c] = b[c] / scale[c];
        coefficient[columns] -= coefficient[c] * mean;
    }
out:
    free(scale);
    free(b);
    free(a);
    return status;
}

double psi_regress_predict(const double *coefficient, const double *x, size_t columns)
{
    double sum = coefficient[columns];
    for (size_t c = 0; c < columns; c++)
        sum += coefficient[c] * x[c];
    return sum;
}

/* log(1 + e^z) without overflow */
static double softplus(double z)
{
    return fmax(z, 0) + log1p(exp(-fabs(z)));
}

/* Penalised negative log-likelihood of slope b and constant a over z = (x - mean) / deviation. */
static double logistic_loss(const double *x, const uint8_t *outcome, size_t rows, double mean,
                            double deviation, const double at[2])
{
    double loss = 0.5 * at[0] * at[0];
    for (size_t i = 0; i < rows; i++) {
        double z = at[0] * (x[i] - mean) / deviation + at[1];
        loss += softplus(outcome[i] ? -z : z);
    }
    return loss;
}

/* The Newton step from `at`: gradient g and Hessian h of the loss, step = -h^-1 g. */
static void logistic_step(const double *x, const uint8_t *outcome, size_t rows, double mean,
                          double deviation, const double at[2], double step[2])
{
    double g[2] = {at[0], 0}, h[3] = {1, 0, 0}; /* h: bb, ba, aa */
    for (size_t i = 0; i < rows; i++) {
        double z = (x[i] - mean) / deviation;
        double p = 1 / (1 + exp(-(at[0] * z + at[1]))), w = p * (1 - p);
        g[0] += (p - outcome[i]) * z;
        g[1] += p - outcome[i];
        h[0] += w * z * z;
        h[1] += w * z;
        h[2] += w;
    }
    double determinant = h[0] * h[2] - h[1] * h[1];
    step[0] = -(h[2] * g[0] - h[1] * g[1]) / determinant;
    step[1] = -(h[0] * g[1] - h[1] * g[0]) / determinant;
}

void psi_regress_logistic(const double *x, const uint8_t *outcome, size_t rows, double *probability)
{
    double mean, deviation, at[2] = {0, 0};
    size_t successes = 0;
    for (size_t i = 0; i < rows; i++)
        successes += outcome[i] != 0;
    int fits = successes > 0 && successes < rows;
    if (fits) {
        moments(x, rows, 1, &mean, &deviation);
        if (!varies(mean, deviation))
            deviation = INFINITY; /* the constant alone */
    }
    for (int i = 0; fits && i < 100; i++) {
        double step[2], next[2], loss = logistic_loss(x, outcome, rows, mean, deviation, at);
        double size = 1;
        logistic_step(x, outcome, rows, mean, deviation, at, step);
        do { /* a full step may go too far at first */
            next[0] = at[0] + size * step[0];
            next[1] = at[1] + size * step[1];
            size /= 2;
        } while (size > 1e-9 && !(logistic_loss(x, outcome, rows, mean, deviation, next) <= loss));
        at[0] = next[0];
        at[1] = next[1];
        if (fabs(step[0]) + fabs(step[1]) < 1e-12)
            break;
    }
    for (size_t i = 0; i < rows; i++)
        probability[i] = fits ? 1 / (1 + exp(-(at[0] * (x[i] - mean) / deviation + at[1]))) : NAN;
}
