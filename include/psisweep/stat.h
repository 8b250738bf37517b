/* The few distribution functions that libm lacks, each with its source, checked against SciPy. */
#ifndef PSISWEEP_STAT_H
#define PSISWEEP_STAT_H

#include <stddef.h>

/* P(X >= successes), X ~ Binomial(trials, p): the exact one-sided test. */
double psi_binomial_upper(size_t successes, size_t trials, double p);

/* Quantile of Student's t with df >= 1 degrees of freedom, 0 < probability < 1. */
double psi_student_quantile(double probability, double df);

#endif
