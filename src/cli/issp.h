/* psisweep issp, in parts: what is read of a file, the claims judged on it, tables, printers. */
#ifndef PSISWEEP_CLI_ISSP_H
#define PSISWEEP_CLI_ISSP_H

#include "cli.h"
#include "psisweep/ladder.h"
#include "psisweep/measured.h"
#include "psisweep/pair.h"
#include "psisweep/prediction.h"
#include "psisweep/results.h"
#include "psisweep/table.h"
#include "psisweep/verdict.h"
#include "sweep.h"

enum psi_claim { PSI_C1, PSI_C2, PSI_C3, PSI_C4, PSI_CLAIMS };

enum { PSI_CLAIM_WORDS = 1024 };

struct psi_issp_claim {
    struct psi_contrast contrast;
    size_t *seed;                /* (contrast.seeds) index of the seed each value is of; owned */
    double *value;               /* (contrast.seeds); owned */
    int tested;                  /* 1 = went into the verdict rule */
    const char *missing;         /* what it says nothing without; NULL = nothing is */
    char words[PSI_CLAIM_WORDS]; /* one plain sentence */
};

/* The arrays behind a psi_measured; owned. */
struct psi_issp_arrays {
    double *psi_pruned, *bound, *overlap, *overlap_fixed, *layer_density, *square_norm;
    double *dense_square_norm, *rung_psi;
    uint64_t *degree_digest;
    uint8_t *climbed, *tried;
};

struct psi_issp_file {
    struct psi_results *results;
    const struct psi_job *job; /* of results */
    struct psi_cli_sweep *sweep;
    struct psi_issp_arrays array;
    struct psi_measured measured; /* borrows from sweep and array */
    struct psi_rung rung[PSI_RUNGS_MAX];
    struct psi_pair pair[PSI_PAIRS_MAX];
    size_t pairs;
    struct psi_pair_choice choice;     /* where C4 is judged; seeds = 0: nowhere */
    struct psi_prediction prediction;  /* of C3 */
    struct psi_held_out *by_seed;      /* (seeds); owned */
    struct psi_held_out *by_criterion; /* (prediction.nested.criteria); owned */
    struct psi_issp_claim claim[PSI_CLAIMS];
};

/* Open and read a file. What a failure leaves is released by psi_issp_close. */
enum psi_status psi_issp_open(const char *path, struct psi_issp_file *file, struct psi_error *err);
void psi_issp_close(struct psi_issp_file *file);

/* Judge the claims. */
enum psi_status psi_issp_judge(struct psi_issp_file *file, struct psi_error *err);

/* Each claim's name, question and smallest effect of interest. */
struct psi_claim_row {
    const char *name, *title, *contrast;
    double delta;
};
extern const struct psi_claim_row psi_claims[PSI_CLAIMS];

/* A table that owns its columns and cells; their text is the file's or constant. */
enum { PSI_ISSP_LABEL = 32 };
struct psi_issp_table {
    const char *key, *title;
    int detail; /* for JSON only */
    size_t columns, rows;
    struct psi_table_column *column;
    char (*label)[PSI_ISSP_LABEL];    /* titles and keys that depend on the job */
    char (*name)[PSI_PREDICTOR_NAME]; /* of rows, where they are not the file's */
    struct psi_table_cell *cell;
};
enum { PSI_ISSP_TABLES = 16 };

/* All tables of a file; those without rows are left out. Returns their number through *tables; what
 * a failure leaves is released by psi_issp_tables_clear. */
enum psi_status psi_issp_tables(const struct psi_issp_file *file,
                                struct psi_issp_table table[PSI_ISSP_TABLES], size_t *tables,
                                struct psi_error *err);
void psi_issp_tables_clear(struct psi_issp_table table[PSI_ISSP_TABLES], size_t tables);

/* The parts that psi_issp_tables is made of: each fills a table, of no rows where the job has
 * nothing of the kind. */
typedef enum psi_status psi_issp_table_make(const struct psi_issp_file *file,
                                            struct psi_issp_table *table, struct psi_error *err);
psi_issp_table_make psi_issp_ladder_arms, psi_issp_ladder_apart, psi_issp_ladder_shares;
psi_issp_table_make psi_issp_pairs, psi_issp_pair_cells;
psi_issp_table_make psi_issp_ablation, psi_issp_ablation_cells;
psi_issp_table_make psi_issp_models, psi_issp_model_seeds, psi_issp_model_criteria;
psi_issp_table_make psi_issp_predictors;

/* Room for rows of columns that are as given and then `more` unlabelled ones. */
enum psi_status psi_issp_table_create(struct psi_issp_table *table,
                                      const struct psi_table_column *column, size_t columns,
                                      size_t more, size_t rows, struct psi_error *err);
/* Begin the next row: its cells, all of them none. */
struct psi_table_cell *psi_issp_table_row(struct psi_issp_table *table);
struct psi_table_cell psi_cell_text(const char *text);
struct psi_table_cell psi_cell_real(double real);
struct psi_table_cell psi_cell_count(size_t count);

/* C1 over several files, two or more; from a file alone nothing can be said on it. */
struct psi_issp_widths;
enum psi_status psi_issp_widths_create(const char *const *path, size_t files,
                                       struct psi_issp_widths **out, struct psi_error *err);
void psi_issp_widths_destroy(struct psi_issp_widths *widths);
void psi_issp_widths_text(const struct psi_issp_widths *widths);
void psi_issp_widths_json(struct psi_json *json, const struct psi_issp_widths *widths);

enum psi_status psi_issp_print_text(const struct psi_issp_file *file, struct psi_error *err);
enum psi_status psi_issp_print_json(struct psi_json *json, const struct psi_issp_file *file,
                                    struct psi_error *err);

#endif
