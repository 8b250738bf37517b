/* The few distribution functions that libm lacks, each with its source, checked against outside
 * values (tests/ref/stat_scipy.py). Relative accuracy 1e-12 of the smaller tail, sizes up to 1e6.
 */
#ifndef PSISWEEP_STAT_H
#define PSISWEEP_STAT_H

#include <stddef.h>

/* Regularised incomplete beta function I_x(a, b), a, b > 0, 0 <= x <= 1. */
double psi_beta_regularised(double a, double b, double x);

/* P(X >= successes), X ~ Binomial(trials, p), 0 <= p <= 1: the exact one-sided test. */
double psi_binomial_upper(size_t successes, size_t trials, double p);

/* P(T > t), T ~ Student's t with df >= 1 degrees of freedom; t may be infinite. */
double psi_student_upper(double t, double df);

/* Quantile of Student's t with df >= 1 degrees of freedom (any real), for a probability in
 * [1e-150, 1). */
double psi_student_quantile(double probability, double df);

#endif
