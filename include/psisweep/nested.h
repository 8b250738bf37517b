/* Nested linear models judged on what they have not seen: a seed, or a criterion, is left out, each
 * model is fitted to the rest, and its squared error on what was left out counts. Pure functions.
 */
#ifndef PSISWEEP_NESTED_H
#define PSISWEEP_NESTED_H

#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

/* A model is the first so many columns of one table of predictors. */
enum psi_model {
    PSI_MODEL_DENSITY,   /* M0: log density */
    PSI_MODEL_STRUCTURE, /* M1: + effective and layer densities, retained norm, Psi before */
    PSI_MODEL_OVERLAP,   /* M2: + support overlap */
    PSI_MODEL_CRITERION, /* M3: + which criterion it is */
    PSI_MODELS
};

struct psi_nested {
    size_t rows, columns;
    size_t width[PSI_MODELS]; /* columns of each model */
    const double *outcome;    /* (rows) */
    const double *predictor;  /* (rows, columns) */
    const uint8_t *fitted;    /* (rows) 0 = counts for the band alone; predictors may be NaN */
    const size_t *seed;       /* (rows) below seeds */
    const size_t *criterion;  /* (rows) below criteria */
    const size_t *group;      /* (rows) below groups: cells that differ in their seed alone */
    size_t seeds, criteria, groups;
};

/* What was left out: the cells of one seed or criterion that are in the transition band. */
struct psi_held_out {
    size_t rows;              /* 0: none, or too few others to fit to, and then no errors */
    double total;             /* squared deviation from the others' mean */
    double error[PSI_MODELS]; /* squared error */
};

/* The band: groups whose mean outcome is in (.05, .95). That of a seed left out is taken from the
 * other seeds. held (seeds) or (criteria). */
enum psi_status psi_nested_by_seed(const struct psi_nested *nested, struct psi_held_out *held,
                                   struct psi_error *err);
enum psi_status psi_nested_by_criterion(const struct psi_nested *nested, struct psi_held_out *held,
                                        struct psi_error *err);

/* 1 = in the band of all seeds. in (rows) */
enum psi_status psi_nested_band(const struct psi_nested *nested, uint8_t *in,
                                struct psi_error *err);

/* Relative fall of the squared error from one model to another; NaN where nothing was held out. */
double psi_nested_gain(const struct psi_held_out *held, enum psi_model from, enum psi_model to);

#endif
