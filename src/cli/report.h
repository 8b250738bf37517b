/* psisweep report, in parts: each figure is a row, its spec and the function that fills it from
 * what fmin knows of a file and more that it reads. */
#ifndef PSISWEEP_CLI_REPORT_H
#define PSISWEEP_CLI_REPORT_H

#include "fmin.h"
#include "psisweep/figure.h"
#include "psisweep/page.h"

/* A half-finished file gives fewer points; one without any says why by psi_figure_absent. */
struct psi_report_row {
    struct psi_figure_spec spec;
    enum psi_status (*fill)(const struct psi_fmin_file *file, struct psi_figure *figure,
                            struct psi_error *err);
};
extern const struct psi_report_row psi_report_psi[];   /* how Psi falls; ended by fill NULL */
extern const struct psi_report_row psi_report_masks[]; /* what masks and spectra say */
extern const struct psi_report_row psi_report_after[]; /* retraining, rescue, contrasts */

/* Over all files: F_min and the width of the fall against the size of the network, and C1. */
extern const struct psi_figure_spec psi_report_width;
void psi_report_fill_width(const struct psi_fmin_file *file, size_t files,
                           struct psi_figure *figure);
enum psi_status psi_report_widths(const struct psi_fmin_file *file, size_t files, FILE *page,
                                  struct psi_error *err);

/* The verdicts on the claims, as psisweep issp gives them, and its tables; without C1 where it is
 * one of several files. */
enum psi_status psi_report_claims(const struct psi_fmin_file *file, int several, FILE *page,
                                  struct psi_error *err);

/* Job, launches, numerics. */
enum psi_status psi_report_provenance(const struct psi_fmin_file *file, FILE *page,
                                      struct psi_error *err);

/* A whole variable, owned by the caller; NULL without a failure where the file has none. */
enum psi_status psi_report_read(const struct psi_fmin_file *file, const char *name, void *values,
                                struct psi_error *err);

/* The finished seeds of one arm and density. */
struct psi_report_seeds {
    double mean, low, high; /* NaN without any */
    size_t seeds;
};
/* value: over cells, `stride` apart, NaN where undefined. */
struct psi_report_seeds psi_report_over_seeds(const struct psi_fmin_file *file, const double *value,
                                              size_t stride, size_t arm, size_t density);

/* The mean density that those seeds have come to: what a trimmed mask keeps is less than asked. */
double psi_report_achieved(const struct psi_fmin_file *file, size_t arm, size_t density);

/* Has an arm a finished cell with a defined Psi? */
int psi_report_arm_has(const struct psi_fmin_file *file, size_t arm);

/* A colour of the ramp for a density of the axis, and what the legend says of it. */
enum { PSI_REPORT_LABEL = 48 };
int psi_report_density_colour(const struct psi_job *job, size_t density,
                              char label[PSI_REPORT_LABEL]);

/* The same in every figure. */
static inline int psi_report_arm_colour(size_t arm)
{
    return (int)(arm % PSI_COLOURS);
}

#endif
