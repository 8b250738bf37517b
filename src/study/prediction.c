#include "psisweep/prediction.h"
#include "psisweep/memory.h"
#include "psisweep/regress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int psi_prediction_counts(const struct psi_arm *arm)
{
    return arm->schedule == PSI_ONE_SHOT && arm->at == PSI_AT_TRAINED &&
           arm->restart == PSI_FINETUNE && !arm->mask[0] && !arm->change && !arm->ablate;
}

/* The distinct criteria of arms that count, in the order of arms; returns their number. */
static size_t find_criteria(const struct psi_job *job, size_t *criterion_row)
{
    size_t criteria = 0;
    for (size_t a = 0; a < job->arms; a++) {
        size_t c = 0, row = (size_t)job->arm[a].criterion;
        if (!psi_prediction_counts(&job->arm[a]))
            continue;
        while (c < criteria && criterion_row[c] != row)
            c++;
        if (c == criteria)
            criterion_row[criteria++] = row;
    }
    return criteria;
}

/* The predictors of one cell into row (columns, zeroed); 0 where one is not defined. */
static int fill_row(const struct psi_measured *m, size_t cell, size_t seed, size_t criterion,
                    size_t overlap_column, double *row)
{
    size_t c = 0;
    row[c++] = log10(m->achieved[cell]);
    row[c++] = log10(m->effective[cell]);
    for (size_t l = 0; l < m->layers; l++)
        row[c++] = log10(m->layer_density[cell * m->layers + l]);
    for (size_t l = 0; l < m->layers; l++)
        row[c++] =
            sqrt(m->square_norm[cell * m->layers + l] / m->dense_square_norm[seed * m->layers + l]);
    row[c++] = m->psi_pruned[cell];
    c += PSI_SPLINE_TERMS; /* see fill_bends */
    row[c++] = m->overlap[cell];
    if (criterion > 0)
        row[overlap_column + criterion] = 1;
    for (size_t i = 0; i < c; i++)
        if (!isfinite(row[i]))
            return 0;
    return 1;
}

static void fill(const struct psi_job *job, const struct psi_measured *m, struct psi_prediction *p)
{
    struct psi_nested *n = &p->nested;
    for (size_t a = 0; a < job->arms; a++) {
        size_t criterion = 0;
        if (!psi_prediction_counts(&job->arm[a]))
            continue;
        while (p->criterion_row[criterion] != (size_t)job->arm[a].criterion)
            criterion++;
        for (size_t s = 0; s < m->seeds; s++) {
            for (size_t d = 0; d < m->densities; d++) {
                size_t cell = psi_measured_at(m, a, s, d), i = n->rows;
                if (!psi_measured_has(m, cell))
                    continue;
                int apart = psi_measured_disconnected(m, cell);
                int defined = fill_row(m, cell, s, criterion, n->width[PSI_MODEL_OVERLAP] - 1,
                                       p->predictor + i * n->columns);
                p->outcome[i] = m->psi[cell];
                p->fitted[i] = !apart && defined;
                p->seed[i] = s;
                p->criterion[i] = criterion;
                p->group[i] = p->arms * m->densities + d;
                p->disconnected += (size_t)apart;
                p->undefined += !apart && !defined;
                n->rows++;
            }
        }
        p->arms++;
    }
}

/* The spline's terms, its knots where Psi is in transition. */
static enum psi_status fill_bends(struct psi_prediction *p, struct psi_error *err)
{
    const struct psi_nested *n = &p->nested;
    double knot[PSI_SPLINE_KNOTS];
    size_t count = 0;
    double *value = psi_allocate(n->rows, sizeof *value, "spline", err);
    if (!value)
        return PSI_MEMORY;
    for (size_t i = 0; i < n->rows; i++)
        if (p->fitted[i] && p->outcome[i] > 0.05 && p->outcome[i] < 0.95)
            value[count++] = p->predictor[i * n->columns + 1];
    enum psi_status status = count ? psi_spline_knots(value, count, knot, err) : PSI_OK;
    for (size_t i = 0; !status && count && i < n->rows; i++) {
        double *row = p->predictor + i * n->columns;
        if (p->fitted[i])
            psi_spline_terms(row[1], knot, row + 2 * p->layers + 3);
    }
    free(value);
    return status;
}

enum psi_status psi_prediction_create(const struct psi_job *job, const struct psi_measured *m,
                                      struct psi_prediction *p, struct psi_error *err)
{
    size_t arms = 0;
    for (size_t a = 0; a < job->arms; a++)
        arms += (size_t)psi_prediction_counts(&job->arm[a]);
    size_t rows = arms * m->seeds * m->densities, structure = 2 * m->layers + 3 + PSI_SPLINE_TERMS;
    *p = (struct psi_prediction){.layers = m->layers};
    if (!(p->criterion_row = psi_allocate(job->arms, sizeof *p->criterion_row, "criteria", err)))
        return PSI_MEMORY;
    size_t criteria = find_criteria(job, p->criterion_row);
    size_t columns = structure + 1 + (criteria ? criteria - 1 : 0);
    p->outcome = psi_allocate(rows, sizeof *p->outcome, "cells", err);
    p->predictor = psi_allocate(rows * columns, sizeof *p->predictor, "cells", err);
    p->fitted = psi_allocate(rows, sizeof *p->fitted, "cells", err);
    p->seed = psi_allocate(rows, sizeof *p->seed, "cells", err);
    p->criterion = psi_allocate(rows, sizeof *p->criterion, "cells", err);
    p->group = psi_allocate(rows, sizeof *p->group, "cells", err);
    if (!p->outcome || !p->predictor || !p->fitted || !p->seed || !p->criterion || !p->group) {
        psi_prediction_clear(p);
        return PSI_MEMORY;
    }
    p->nested = (struct psi_nested){.columns = columns,
                                    .width = {1, structure, structure + 1, columns},
                                    .outcome = p->outcome,
                                    .predictor = p->predictor,
                                    .fitted = p->fitted,
                                    .seed = p->seed,
                                    .criterion = p->criterion,
                                    .group = p->group,
                                    .seeds = m->seeds,
                                    .criteria = criteria,
                                    .groups = arms * m->densities};
    fill(job, m, p);
    enum psi_status status = fill_bends(p, err);
    if (status)
        psi_prediction_clear(p);
    return status;
}

void psi_prediction_clear(struct psi_prediction *p)
{
    free(p->group);
    free(p->criterion);
    free(p->seed);
    free(p->fitted);
    free(p->predictor);
    free(p->outcome);
    free(p->criterion_row);
    *p = (struct psi_prediction){.layers = 0};
}

int psi_prediction_is_bend(const struct psi_prediction *p, size_t column)
{
    size_t first = 2 * p->layers + 3;
    return column >= first && column < first + PSI_SPLINE_TERMS;
}

void psi_prediction_name(const struct psi_prediction *p, size_t column,
                         char name[PSI_PREDICTOR_NAME])
{
    size_t layers = p->layers;
    if (column == 0)
        snprintf(name, PSI_PREDICTOR_NAME, "log10 density");
    else if (column == 1)
        snprintf(name, PSI_PREDICTOR_NAME, "log10 effective density");
    else if (column < layers + 2)
        snprintf(name, PSI_PREDICTOR_NAME, "log10 density of layer %zu", column - 1);
    else if (column < 2 * layers + 2)
        snprintf(name, PSI_PREDICTOR_NAME, "norm kept in layer %zu", column - layers - 1);
    else if (column == 2 * layers + 2)
        snprintf(name, PSI_PREDICTOR_NAME, "Psi before retraining");
    else
        snprintf(name, PSI_PREDICTOR_NAME, "support overlap");
}
