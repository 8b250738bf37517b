/* Regression and association, small and plain: least squares of any rank, a penalised logistic of
 * one predictor, ranks, AUC, Brier, partial Spearman. Pure functions; numbers are finite.
 */
#ifndef PSISWEEP_REGRESS_H
#define PSISWEEP_REGRESS_H

#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

/* Least squares of y (rows) on x (rows, columns) and a constant. Columns are standardised first,
 * one that does not vary counts for nothing, and where columns depend on each other the solution of
 * least norm is taken (LAPACK dgelsd; singular values below 1e-10 of the largest are 0).
 * coefficient (columns + 1) is for x as given, the constant last. rows >= 1. */
enum psi_status psi_regress_linear(const double *x, const double *y, size_t rows, size_t columns,
                                   double *coefficient, struct psi_error *err);
double psi_regress_predict(const double *coefficient, const double *x, size_t columns);

/* A restricted cubic spline (F. Harrell, Regression Modeling Strategies, 2001, 2.4.5): a smooth
 * bend between the outer knots, a line beyond them, so that it may be read outside the data. Knots
 * lie at the .05, .35, .65 and .95 quantiles (linear between order statistics) of value (rows >=
 * 1); the terms are what joins x itself in a regression, in x's unit, and 0 where knots fall
 * together. */
enum { PSI_SPLINE_KNOTS = 4, PSI_SPLINE_TERMS = PSI_SPLINE_KNOTS - 2 };
enum psi_status psi_spline_knots(const double *value, size_t rows, double knot[PSI_SPLINE_KNOTS],
                                 struct psi_error *err);
void psi_spline_terms(double x, const double knot[PSI_SPLINE_KNOTS], double term[PSI_SPLINE_TERMS]);

/* P(outcome) of each row by a logistic in one predictor, fitted to these rows: the predictor is
 * standardised and its slope b penalised by b^2/2 (as scikit-learn does by default), so that the
 * fit exists where classes are apart. NaN where there is one class only. probability (rows) */
void psi_regress_logistic(const double *x, const uint8_t *outcome, size_t rows,
                          double *probability);

/* Mean squared difference of probability and outcome (G. Brier, Mon. Weather Rev. 78, 1950). */
double psi_brier(const double *probability, const uint8_t *outcome, size_t rows);

/* P(score of a success > score of a failure) + P(equal)/2; NaN where there is one class only. */
enum psi_status psi_auc(const double *score, const uint8_t *outcome, size_t rows, double *auc,
                        struct psi_error *err);

/* Ranks from 1; equal values share the mean of theirs. rank (rows) */
enum psi_status psi_ranks(const double *value, size_t rows, double *rank, struct psi_error *err);

/* Spearman's correlation of x and y given controls (rows, columns): that of what is left of their
 * ranks after regression on the ranks of the controls. columns = 0: Spearman's own. NaN where
 * nothing is left. */
enum psi_status psi_partial_spearman(const double *x, const double *y, const double *control,
                                     size_t rows, size_t columns, double *correlation,
                                     struct psi_error *err);

#endif
