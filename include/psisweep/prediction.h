/* Claim C3: the table that its nested models are fitted to, made from a sweep.
 *
 * One row a cell of the one-shot arms that prune the trained network by a criterion and fine-tune
 * it, whose mask is not another arm's, nor changed, and that ablate nothing.
 */
#ifndef PSISWEEP_PREDICTION_H
#define PSISWEEP_PREDICTION_H

#include "psisweep/job.h"
#include "psisweep/measured.h"
#include "psisweep/nested.h"
#include "psisweep/status.h"
#include <stddef.h>

/* The columns, with L layers:
 *     0                 log10 density
 *     1                 log10 effective density
 *     2 .. L+1          log10 density of each layer
 *     L+2 .. 2L+1       |W| after pruning over dense |W|, each layer
 *     2L+2              Psi before retraining
 *     2L+3, 2L+4        bends of log10 effective density: terms of a restricted cubic spline. Psi
 *                       falls along an S, and without them whatever else bends would seem to tell
 *                       something (tests/test_nested_power.c)
 *     2L+5              support overlap of the network, after pruning
 *     2L+6 ..           one for each criterion but the first, 1 where it is that one
 */
struct psi_prediction {
    struct psi_nested nested; /* borrows from here */
    size_t layers;
    size_t *criterion_row; /* (nested.criteria) row of psi_criteria */
    size_t arms;           /* that count */
    size_t disconnected;   /* finished cells left out: disconnected; */
    size_t undefined;      /* a predictor is not defined */
    double *outcome, *predictor;
    uint8_t *fitted;
    size_t *seed, *criterion, *group;
};

/* 1 = cells of this arm are rows. */
int psi_prediction_counts(const struct psi_arm *arm);

enum psi_status psi_prediction_create(const struct psi_job *job,
                                      const struct psi_measured *measured,
                                      struct psi_prediction *prediction, struct psi_error *err);
void psi_prediction_clear(struct psi_prediction *prediction);

/* 1 = a term of the spline, which has no meaning by itself. */
int psi_prediction_is_bend(const struct psi_prediction *prediction, size_t column);

enum { PSI_PREDICTOR_NAME = 48 };
/* "log10 density of layer 2"; column < width[PSI_MODEL_OVERLAP], no bend */
void psi_prediction_name(const struct psi_prediction *prediction, size_t column,
                         char name[PSI_PREDICTOR_NAME]);

#endif
