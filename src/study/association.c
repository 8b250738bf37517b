#include "psisweep/memory.h"
#include "psisweep/regress.h"

#include <math.h>
#include <stdlib.h>

double psi_brier(const double *probability, const uint8_t *outcome, size_t rows)
{
    double sum = 0;
    for (size_t i = 0; i < rows; i++) {
        double off = probability[i] - (outcome[i] != 0);
        sum += off * off;
    }
    return rows ? sum / (double)rows : NAN;
}

struct ranked {
    double value;
    size_t row;
};

static int by_value(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;
    return (x > y) - (x < y);
}

enum psi_status psi_ranks(const double *value, size_t rows, double *rank, struct psi_error *err)
{
    struct ranked *order = psi_allocate(rows, sizeof *order, "ranks", err);
    if (!order)
        return PSI_MEMORY;
    for (size_t i = 0; i < rows; i++)
        order[i] = (struct ranked){value[i], i};
    qsort(order, rows, sizeof *order, by_value);
    for (size_t from = 0, to; from < rows; from = to) {
        for (to = from + 1; to < rows && order[to].value == order[from].value;)
            to++;
        for (size_t i = from; i < to; i++)
            rank[order[i].row] = 0.5 * (double)(from + 1 + to);
    }
    free(order);
    return PSI_OK;
}

/* Mann and Whitney: AUC = (R - n1 (n1 + 1)/2) / (n1 n0), R the successes' sum of ranks. */
enum psi_status psi_auc(const double *score, const uint8_t *outcome, size_t rows, double *auc,
                        struct psi_error *err)
{
    double sum = 0, successes = 0;
    double *rank = psi_allocate(rows, sizeof *rank, "ranks", err);
    enum psi_status status = rank ? psi_ranks(score, rows, rank, err) : PSI_MEMORY;
    for (size_t i = 0; !status && i < rows; i++) {
        sum += outcome[i] ? rank[i] : 0;
        successes += outcome[i] != 0;
    }
    double pairs = successes * ((double)rows - successes);
    if (!status)
        *auc = pairs > 0 ? (sum - successes * (successes + 1) / 2) / pairs : NAN;
    free(rank);
    return status;
}

/* Replace y by what its regression on x leaves. coefficient (columns + 1) is room. */
static enum psi_status residuals(const double *x, double *y, size_t rows, size_t columns,
                                 double *coefficient, struct psi_error *err)
{
    enum psi_status status = psi_regress_linear(x, y, rows, columns, coefficient, err);
    for (size_t i = 0; !status && i < rows; i++)
        y[i] -= psi_regress_predict(coefficient, x + i * columns, columns);
    return status;
}

/* Ranks of the controls' columns, (rows, columns). */
static enum psi_status rank_controls(const double *control, size_t rows, size_t columns,
                                     double *value, double *rank, double *ranks,
                                     struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    for (size_t c = 0; !status && c < columns; c++) {
        for (size_t i = 0; i < rows; i++)
            value[i] = control[i * columns + c];
        status = psi_ranks(value, rows, rank, err);
        for (size_t i = 0; !status && i < rows; i++)
            ranks[i * columns + c] = rank[i];
    }
    return status;
}

enum psi_status psi_partial_spearman(const double *x, const double *y, const double *control,
                                     size_t rows, size_t columns, double *correlation,
                                     struct psi_error *err)
{
    double *a = psi_allocate(rows, sizeof *a, "ranks", err);
    double *b = psi_allocate(rows, sizeof *b, "ranks", err);
    double *ranks = psi_allocate(rows * columns, sizeof *ranks, "ranks", err);
    double *coefficient = psi_allocate(columns + 1, sizeof *coefficient, "ranks", err);
    enum psi_status status = a && b && ranks && coefficient ? PSI_OK : PSI_MEMORY;
    double xx = 0, yy = 0, xy = 0;
    *correlation = NAN;
    if (status || rows == 0 || (status = rank_controls(control, rows, columns, a, b, ranks, err)) ||
        (status = psi_ranks(x, rows, a, err)) || (status = psi_ranks(y, rows, b, err)) ||
        (status = residuals(ranks, a, rows, columns, coefficient, err)) ||
        (status = residuals(ranks, b, rows, columns, coefficient, err)))
        goto out;
    for (size_t i = 0; i < rows; i++) {
        xx += a[i] * a[i];
        yy += b[i] * b[i];
        xy += a[i] * b[i];
    }
    double rounding = 1e-18 * pow((double)rows, 3); /* ranks' squares add up to rows^3/12 */
    if (xx > rounding && yy > rounding)
        *correlation = xy / sqrt(xx * yy);
out:
    free(coefficient);
    free(ranks);
    free(b);
    free(a);
    return status;
}
