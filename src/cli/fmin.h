/* psisweep fmin, in parts: the estimates of all files, and the printers over them. */
#ifndef PSISWEEP_CLI_FMIN_H
#define PSISWEEP_CLI_FMIN_H

#include "cli.h"
#include "psisweep/results.h"
#include "psisweep/table.h"
#include "psisweep/threshold.h"
#include "sweep.h"

/* Collapse, and how much it matters where the line is drawn. */
enum { PSI_LEVELS = 3 };
extern const double psi_fmin_level[PSI_LEVELS];

enum { PSI_MEASURES = 2 }; /* density, effective density */
extern const char *const psi_fmin_measure[PSI_MEASURES];

struct psi_fmin_arm {
    struct psi_pooled pooled[PSI_LEVELS][PSI_MEASURES];
};

struct psi_fmin_file {
    struct psi_results *results;
    const struct psi_job *job; /* of results */
    struct psi_cli_sweep *sweep;
    struct psi_fmin_arm *arm; /* (arms) */
};

/* Open a results file and pool its thresholds; psi_fmin_close also after a failure. file zeroed. */
enum psi_status psi_fmin_open(const char *path, struct psi_fmin_file *file, struct psi_error *err);
void psi_fmin_close(struct psi_fmin_file *file);

/* The table for people: one row an arm. Points into itself and into file. */
enum { PSI_FMIN_COLUMNS = 7, PSI_FMIN_TEXT = 64 };
struct psi_fmin_rows {
    struct psi_table table;
    struct psi_table_cell cell[PSI_ARMS_MAX][PSI_FMIN_COLUMNS];
    char text[PSI_ARMS_MAX][4][PSI_FMIN_TEXT];
};
void psi_fmin_table(const struct psi_fmin_file *file, struct psi_fmin_rows *rows);

void psi_fmin_print_text(const struct psi_fmin_file *file, size_t files, int seeds);
void psi_fmin_print_json(const struct psi_fmin_file *file, size_t files);
enum psi_status psi_fmin_print_csv(const struct psi_fmin_file *file, size_t files,
                                   struct psi_error *err);

/* One row a cell, over all files: every variable of a cell without layers, modes or epochs. */
enum psi_status psi_cells_print(const struct psi_fmin_file *file, size_t files,
                                enum psi_format format, struct psi_error *err);

#endif
