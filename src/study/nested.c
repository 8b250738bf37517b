#include "psisweep/nested.h"
#include "psisweep/memory.h"
#include "psisweep/regress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double band_low = 0.05, band_high = 0.95;

/* Room for the rows that are fitted to. */
struct workspace {
    double *x, *y, *coefficient; /* (rows, columns), (rows), (columns + 1) */
    uint8_t *in;                 /* (rows) in the band */
    double *sum;                 /* (groups) */
    size_t *count;               /* (groups) */
};

static void workspace_clear(struct workspace *w)
{
    free(w->count);
    free(w->sum);
    free(w->in);
    free(w->coefficient);
    free(w->y);
    free(w->x);
}

static enum psi_status workspace_create(const struct psi_nested *n, struct workspace *w,
                                        struct psi_error *err)
{
    *w = (struct workspace){
        .x = psi_allocate(n->rows * n->columns, sizeof(double), "models", err),
        .y = psi_allocate(n->rows, sizeof(double), "models", err),
        .coefficient = psi_allocate(n->columns + 1, sizeof(double), "models", err),
        .in = psi_allocate(n->rows, 1, "models", err),
        .sum = psi_allocate(n->groups, sizeof(double), "models", err),
        .count = psi_allocate(n->groups, sizeof(size_t), "models", err),
    };
    if (w->x && w->y && w->coefficient && w->in && w->sum && w->count)
        return PSI_OK;
    workspace_clear(w);
    return PSI_MEMORY;
}

/* The band as the seeds other than one see it; without = n->seeds: all of them. */
static void find_band(const struct psi_nested *n, size_t without, struct workspace *w)
{
    memset(w->sum, 0, n->groups * sizeof *w->sum);
    memset(w->count, 0, n->groups * sizeof *w->count);
    for (size_t i = 0; i < n->rows; i++) {
        if (n->seed[i] == without)
            continue;
        w->sum[n->group[i]] += n->outcome[i];
        w->count[n->group[i]]++;
    }
    for (size_t i = 0; i < n->rows; i++) {
        double mean = w->sum[n->group[i]] / (double)w->count[n->group[i]]; /* NaN without any */
        w->in[i] = n->fitted[i] && mean > band_low && mean < band_high;
    }
}

/* Fit one model to the `rest` rows in y; its squared error on those of `unit`. */
static enum psi_status error_of(const struct psi_nested *n, const size_t *unit_of, size_t unit,
                                size_t width, struct workspace *w, double *error,
                                struct psi_error *err)
{
    size_t rest = 0;
    for (size_t i = 0; i < n->rows; i++) {
        if (!w->in[i] || unit_of[i] == unit)
            continue;
        memcpy(w->x + rest * width, n->predictor + i * n->columns, width * sizeof *w->x);
        w->y[rest++] = n->outcome[i];
    }
    enum psi_status status = psi_regress_linear(w->x, w->y, rest, width, w->coefficient, err);
    *error = 0;
    for (size_t i = 0; !status && i < n->rows; i++) {
        if (!w->in[i] || unit_of[i] != unit)
            continue;
        double off = n->outcome[i] -
                     psi_regress_predict(w->coefficient, n->predictor + i * n->columns, width);
        *error += off * off;
    }
    return status;
}

/* Leave each of some units out in turn. unit_of (rows) */
static enum psi_status leave_out(const struct psi_nested *n, const size_t *unit_of, size_t units,
                                 struct psi_held_out *held, struct psi_error *err)
{
    struct workspace w;
    enum psi_status status = workspace_create(n, &w, err);
    if (status)
        return status;
    for (size_t u = 0; !status && u < units; u++) {
        size_t rest = 0;
        held[u] = (struct psi_held_out){.rows = 0};
        find_band(n, unit_of == n->seed ? u : n->seeds, &w);
        for (size_t i = 0; i < n->rows; i++) {
            held[u].rows += w.in[i] && unit_of[i] == u;
            rest += w.in[i] && unit_of[i] != u;
        }
        if (rest <= n->columns + 1) /* the widest model would fit anything */
            held[u].rows = 0;
        if (held[u].rows == 0)
            continue;
        status = error_of(n, unit_of, u, 0, &w, &held[u].total, err);
        for (int m = 0; !status && m < PSI_MODELS; m++)
            status = error_of(n, unit_of, u, n->width[m], &w, &held[u].error[m], err);
    }
    workspace_clear(&w);
    return status;
}

enum psi_status psi_nested_by_seed(const struct psi_nested *nested, struct psi_held_out *held,
                                   struct psi_error *err)
{
    return leave_out(nested, nested->seed, nested->seeds, held, err);
}

enum psi_status psi_nested_by_criterion(const struct psi_nested *nested, struct psi_held_out *held,
                                        struct psi_error *err)
{
    return leave_out(nested, nested->criterion, nested->criteria, held, err);
}

enum psi_status psi_nested_band(const struct psi_nested *nested, uint8_t *in, struct psi_error *err)
{
    struct workspace w;
    enum psi_status status = workspace_create(nested, &w, err);
    if (status)
        return status;
    find_band(nested, nested->seeds, &w);
    memcpy(in, w.in, nested->rows);
    workspace_clear(&w);
    return PSI_OK;
}

double psi_nested_gain(const struct psi_held_out *held, enum psi_model from, enum psi_model to)
{
    return held->rows ? 1 - held->error[to] / held->error[from] : NAN;
}
