/* The schema: every variable of a results file, in one table (src/study/record.c).
 *
 * A row says what a variable is called, over which axes it lies, its type, unit and meaning, and
 * where its value stands in memory: in a record of its owner, such as psi_parent (one a seed) or
 * psi_cell (one an arm, seed and density). The results file, the checksums, --from, and the tidy
 * CSV all walk these rows, so a new measured quantity is one struct member and one row.
 */
#ifndef PSISWEEP_RECORD_H
#define PSISWEEP_RECORD_H

#include "psisweep/job.h"
#include "psisweep/network.h"
#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

/* The axes, in file order. An array's axes beyond its owner's follow in the order of its row. */
enum psi_axis {
    PSI_AXIS_END, /* ends a row's list */
    PSI_AXIS_ARM,
    PSI_AXIS_SEED,
    PSI_AXIS_DENSITY,
    PSI_AXIS_STAGE,     /* after pruning, after retraining */
    PSI_AXIS_LAYER,     /* the prunable matrices */
    PSI_AXIS_MODE,      /* singular values, largest first; padded to the largest rank with NaN */
    PSI_AXIS_EPOCH,     /* 0 = before the first step */
    PSI_AXIS_PARAMETER, /* weights and biases of a dense parent, flat */
    PSI_AXIS_LAUNCH,
    /* Of length 0, and absent from the file with all that lies over them, where a job needs none:
     */
    PSI_AXIS_REWIND,       /* epochs of dense training whose weights are kept */
    PSI_AXIS_RUNG,         /* of the rescue ladder (ladder.h) */
    PSI_AXIS_RESCUE_EPOCH, /* 0 = before the first step of a rung */
    PSI_AXIS_CHAIN,        /* iterative arms */
    PSI_AXIS_SLOT,         /* where a chain's state is put in turn */
    PSI_AXIS_WEIGHT,       /* the prunable ones, flat */
    PSI_AXES
};
extern const char *const psi_axis_name[PSI_AXES];

enum psi_stage { PSI_PRUNED, PSI_RETRAINED, PSI_STAGES };
extern const char *const psi_stage_name[PSI_STAGES];

enum { PSI_LAUNCHES = 64, PSI_FIXED_MODES = 5, PSI_SLOTS = 2, PSI_REWINDS_MAX = PSI_ARMS_MAX + 1 };

/* Extent of every axis for one job and network. */
struct psi_layout {
    size_t extent[PSI_AXES];
};
struct psi_layout psi_layout_of(const struct psi_job *job, const struct psi_network *network);

/* The epochs on the rewind axis: distinct, ascending; returns their number. */
size_t psi_job_rewinds(const struct psi_job *job, double epoch[PSI_REWINDS_MAX]);

enum psi_type { PSI_U8, PSI_U16, PSI_I32, PSI_I64, PSI_U64, PSI_F32, PSI_F64 };
size_t psi_type_size(enum psi_type type);

enum psi_record_state {
    PSI_PENDING,
    PSI_RUNNING,
    PSI_DONE,
    PSI_FAILED,
    PSI_SKIPPED, /* not needed: an added density far from F_min */
    PSI_RECORD_STATES
};
extern const char *const psi_record_state_name[PSI_RECORD_STATES + 1]; /* NULL-ended */

/* How a record came to be: differs from run to run, and is left out of the checksum. */
struct psi_made {
    uint64_t checksum; /* over the deterministic variables, in table order */
    double seconds;
    int32_t attempt; /* times begun, over all launches */
    int32_t rank;
    int32_t launch;
    uint8_t failure; /* enum psi_status of the last failed attempt */
    uint8_t status;  /* enum psi_record_state; written last */
};

/* One dense parent. Arrays are owned: (layers), (layers, modes), (epochs), (parameters) or
 * (rewinds, parameters). A record of any owner begins with its psi_made. */
struct psi_parent {
    struct psi_made made;
    uint8_t diverged;
    int32_t predicted_classes;
    double accuracy, loss, validation_accuracy;
    double *curve;
    double *singular_value, *stable_rank, *effective_rank;
    double *permutation_edge, *marchenko_pastur_edge;
    int32_t *dominant_modes;
    float *parameter, *rewind_parameter;
};

/* One cell. Arrays are owned: (stages), (stages, layers), (stages, layers, modes), (layers) or
 * (epochs). */
struct psi_cell {
    struct psi_made made;
    uint8_t diverged;
    uint64_t mask_digest;
    int64_t weights_kept;
    int32_t unreachable_classes;
    double density_achieved, density_effective, psi_bound;
    double *layer_density, *removed_energy;
    uint64_t *degree_digest;
    double *psi, *accuracy, *loss;
    int32_t *predicted_classes;
    double *validation_curve, *psi_curve;
    double *singular_value, *stable_rank, *effective_rank;
    double *overlap, *overlap_fixed, *energy;
    double *overlap_network, *overlap_fixed_network;
};

/* One rung of the ladder of one cell; means over its draws. curve (rescue epochs). */
struct psi_rung_record {
    struct psi_made made;
    uint8_t diverged; /* of the draws, how many */
    double psi, accuracy, loss, validation_psi;
    double *curve;
};

/* Why a cell has collapsed, as far as its ladder tells. */
enum psi_collapse {
    PSI_UNDECIDED,    /* no fixed-mask rung recovers, and no rewiring was asked for */
    PSI_DISCONNECTED, /* too many classes without a path: psi_bound is below .5 */
    PSI_OPTIMISATION, /* a rung under the same mask recovers */
    PSI_STRUCTURAL,   /* none does, but moving the connections at the same density does */
    PSI_CAPACITY,     /* nor does that */
    PSI_COLLAPSES
};
extern const char *const psi_collapse_name[PSI_COLLAPSES + 1]; /* NULL-ended */

/* What came of one cell's ladder. */
struct psi_ladder_record {
    struct psi_made made;
    uint8_t kind;       /* enum psi_collapse */
    int32_t rescued_by; /* the first rung, along its axis, that recovers; -1 = none */
};

/* State of an iterative arm and seed after one density: two slots are written in turn, so that one
 * is whole at any instant. */
struct psi_slot {
    struct psi_made made;
    int32_t level;     /* index of the density, along its axis */
    float *parameter;  /* (parameters) after that density's retraining */
    uint16_t *removed; /* (weights) index of the density that pruned it; PSI_SURVIVES = none yet */
};
enum { PSI_SURVIVES = UINT16_MAX };

enum psi_owner { PSI_OF_PARENT, PSI_OF_CELL, PSI_OF_RUNG, PSI_OF_LADDER, PSI_OF_SLOT, PSI_OWNERS };

struct psi_owner_row {
    const char *name;
    size_t size;           /* of its struct */
    unsigned char axis[4]; /* over which its records lie, ended by PSI_AXIS_END unless full */
    unsigned char needs;   /* an axis without which there is none of them, or PSI_AXIS_END */
};
extern const struct psi_owner_row psi_owners[PSI_OWNERS];

struct psi_variable {
    const char *name;
    enum psi_owner owner;
    size_t offset; /* of the value in the record, or of its pointer where axis[0] is set */
    enum psi_type type;
    unsigned char axis[3];   /* beyond the owner's, ended by PSI_AXIS_END unless full */
    int deterministic;       /* part of the checksum: equal for any number of ranks, any order */
    const char *unit;        /* "1" where there is none */
    const char *meaning;     /* long_name */
    const char *const *flag; /* names of the values 0, 1, ..., NULL-ended; or NULL */
};

/* The table, ended by a row whose name is NULL. `status` is the last row of each owner. */
extern const struct psi_variable psi_variables[];

/* Elements of a variable in one record; 0 = this layout has none of it. */
size_t psi_variable_count(const struct psi_variable *variable, const struct psi_layout *layout);

/* Where a variable's elements stand in a record (its owner's struct). */
void *psi_variable_data(const struct psi_variable *variable, void *record);

/* Allocate a record's arrays and set all floating-point values to NaN, all others to 0. record
 * points to the owner's struct. On failure nothing is left allocated. */
enum psi_status psi_record_create(enum psi_owner owner, const struct psi_layout *layout,
                                  void *record, struct psi_error *err);
void psi_record_reset(enum psi_owner owner, const struct psi_layout *layout, void *record);
void psi_record_clear(enum psi_owner owner, void *record);

/* Checksum over the deterministic variables. */
uint64_t psi_record_checksum(enum psi_owner owner, const struct psi_layout *layout,
                             const void *record);

#endif
