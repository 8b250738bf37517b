/* psisweep fmin, in parts: the estimates of all files, and the printers over them. */
#ifndef PSISWEEP_CLI_FMIN_H
#define PSISWEEP_CLI_FMIN_H

#include "cli.h"
#include "psisweep/results.h"
#include "psisweep/sharpness.h"
#include "psisweep/table.h"
#include "psisweep/threshold.h"
#include "sweep.h"

#define PSI_FMIN_SCHEMA "psisweep-fmin-2"

/* Collapse, and how much it matters where the line is drawn. */
enum { PSI_LEVELS = 3 };
extern const double psi_fmin_level[PSI_LEVELS];

enum { PSI_MEASURES = 2 }; /* density, effective density */
extern const char *const psi_fmin_measure[PSI_MEASURES];

/* Turnbull's curve over seeds; arrays (steps) owned. */
struct psi_fmin_curve {
    size_t steps;
    double *low, *high, *mass;
    double median_low, median_high;
};

/* Every estimator of one threshold. */
struct psi_fmin_estimate {
    struct psi_pooled pooled;
    struct psi_lognormal lognormal;
    struct psi_bootstrap bootstrap;
    struct psi_fmin_curve curve;
};

struct psi_fmin_arm {
    struct psi_fmin_estimate at[PSI_LEVELS][PSI_MEASURES];
    struct psi_sharpness sharpness;
    struct psi_logistic *fit; /* (seeds) owned */
};

struct psi_fmin_file {
    struct psi_results *results;
    const struct psi_job *job; /* of results */
    struct psi_cli_sweep *sweep;
    struct psi_fmin_arm *arm;        /* (arms) */
    size_t hidden_units, parameters; /* of the network; no hidden units are known of convolutions */
};

/* C1 over several files: the narrowest network against the widest, arms paired by name. */
struct psi_fmin_scaling {
    const struct psi_fmin_file *narrow, *wide;
    int by_hidden; /* their sizes are hidden units, else parameters */
    double ratio;  /* of their sizes */
    char why[256]; /* not compared, because ...; "" = compared */
    char *also;    /* what else differs between the jobs, one line a key; owned */
    size_t arms;
    struct {
        size_t narrow, wide;
    } arm[PSI_ARMS_MAX];
    struct psi_scaling claim[PSI_ARMS_MAX]; /* judged together */
};

enum psi_status psi_fmin_open(const char *path, struct psi_fmin_file *file, struct psi_error *err);
void psi_fmin_close(struct psi_fmin_file *file); /* one that failed to open, too */

enum psi_status psi_fmin_compare(const struct psi_fmin_file *file, size_t files,
                                 struct psi_fmin_scaling *scaling, struct psi_error *err);

/* Position of a file's arm among a comparison's; SIZE_MAX = not compared. */
size_t psi_fmin_claim(const struct psi_fmin_scaling *scaling, const struct psi_fmin_file *file,
                      size_t arm);

/* Size of a network in a comparison. */
size_t psi_fmin_size(const struct psi_fmin_scaling *scaling, const struct psi_fmin_file *file);

extern const char *const psi_fmin_scope_name[];  /* by enum psi_scope */
extern const char *const psi_fmin_method_name[]; /* by enum psi_pooling */

/* What kind of interval is it? Only two of them are 95 % intervals. */
const char *psi_fmin_interval_name(const struct psi_pooled *pooled);

/* "0.00267 [0.0025, 0.00286]", "< 0.000316", "> 1", "[0.03, 0.1]", "not known". */
enum { PSI_FMIN_TEXT = 64 };
void psi_fmin_pooled_text(const struct psi_pooled *pooled, char text[PSI_FMIN_TEXT]);

/* The table for people: one row an arm. Points into itself and into file. */
enum { PSI_FMIN_COLUMNS = 7 };
struct psi_fmin_rows {
    struct psi_table table;
    struct psi_table_cell cell[PSI_ARMS_MAX][PSI_FMIN_COLUMNS];
    char text[PSI_ARMS_MAX][4][PSI_FMIN_TEXT];
};
void psi_fmin_table(const struct psi_fmin_file *file, struct psi_fmin_rows *rows);

struct psi_fmin_shown {
    int seeds;   /* each seed's own interval */
    int methods; /* every estimator */
};
void psi_fmin_print_text(const struct psi_fmin_file *file, size_t files,
                         const struct psi_fmin_scaling *scaling,
                         const struct psi_fmin_shown *shown);
void psi_fmin_print_json(const struct psi_fmin_file *file, size_t files,
                         const struct psi_fmin_scaling *scaling);
enum psi_status psi_fmin_print_csv(const struct psi_fmin_file *file, size_t files,
                                   const struct psi_fmin_scaling *scaling, struct psi_error *err);

/* One row a cell, over all files: every variable of a cell without layers, modes or epochs. */
enum psi_status psi_cells_print(const struct psi_fmin_file *file, size_t files,
                                enum psi_format format, struct psi_error *err);

#endif
