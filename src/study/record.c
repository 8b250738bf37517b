#include "psisweep/record.h"
#include "psisweep/hash.h"
#include "psisweep/ladder.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const psi_axis_name[PSI_AXES] = {
    NULL,        "arm",    "seed",   "density", "stage",        "layer", "mode", "epoch",
    "parameter", "launch", "rewind", "rung",    "rescue_epoch", "chain", "slot", "weight"};

const struct psi_owner_row psi_owners[PSI_OWNERS] = {
    [PSI_OF_PARENT] = {"dense parent", sizeof(struct psi_parent), {PSI_AXIS_SEED}},
    [PSI_OF_CELL] = {"cell",
                     sizeof(struct psi_cell),
                     {PSI_AXIS_ARM, PSI_AXIS_SEED, PSI_AXIS_DENSITY}},
    [PSI_OF_RUNG] = {"rung",
                     sizeof(struct psi_rung_record),
                     {PSI_AXIS_ARM, PSI_AXIS_SEED, PSI_AXIS_DENSITY, PSI_AXIS_RUNG}},
    [PSI_OF_LADDER] = {"ladder",
                       sizeof(struct psi_ladder_record),
                       {PSI_AXIS_ARM, PSI_AXIS_SEED, PSI_AXIS_DENSITY},
                       PSI_AXIS_RUNG},
    [PSI_OF_SLOT] = {"chain",
                     sizeof(struct psi_slot),
                     {PSI_AXIS_CHAIN, PSI_AXIS_SEED, PSI_AXIS_SLOT}},
};

const char *const psi_stage_name[PSI_STAGES] = {"pruned", "retrained"};

const char *const psi_record_state_name[PSI_RECORD_STATES + 1] = {"pending", "running", "done",
                                                                  "failed",  "skipped", NULL};

const char *const psi_collapse_name[PSI_COLLAPSES + 1] = {
    "undecided", "disconnected", "optimisation", "structural", "capacity", NULL};

/* clang-format off */
#define PARENT(member) PSI_OF_PARENT, offsetof(struct psi_parent, member)
#define CELL(member)   PSI_OF_CELL,   offsetof(struct psi_cell, member)
#define RUNG(member)   PSI_OF_RUNG,   offsetof(struct psi_rung_record, member)
#define LADDER(member) PSI_OF_LADDER, offsetof(struct psi_ladder_record, member)
#define SLOT(member)   PSI_OF_SLOT,   offsetof(struct psi_slot, member)
#define STAGE PSI_AXIS_STAGE
#define LAYER PSI_AXIS_LAYER
#define MODE  PSI_AXIS_MODE
#define EPOCH PSI_AXIS_EPOCH

const struct psi_variable psi_variables[] = {
    {"dense_accuracy", PARENT(accuracy), PSI_F64, {0}, 1, "1", "test accuracy of the dense parent"},
    {"dense_loss", PARENT(loss), PSI_F64, {0}, 1, "1", "test cross-entropy of the dense parent, in nats"},
    {"dense_predicted_classes", PARENT(predicted_classes), PSI_I32, {0}, 1, "1", "distinct classes that the dense parent predicts on the test split"},
    {"dense_validation_accuracy", PARENT(validation_accuracy), PSI_F64, {0}, 1, "1", "validation accuracy of the dense parent"},
    {"dense_curve", PARENT(curve), PSI_F64, {EPOCH}, 1, "1", "validation accuracy of the dense parent while it trained"},
    {"dense_diverged", PARENT(diverged), PSI_U8, {0}, 1, "1", "1 = the dense parent's loss left the finite numbers"},
    {"dense_singular_value", PARENT(singular_value), PSI_F64, {LAYER, MODE}, 1, "1", "singular values of the dense weight matrices (equal to rounding to singular_value at density 1)"},
    {"dense_stable_rank", PARENT(stable_rank), PSI_F64, {LAYER}, 1, "1", "stable rank |W|_F^2 / sigma_1^2 of the dense weight matrices"},
    {"dense_effective_rank", PARENT(effective_rank), PSI_F64, {LAYER}, 1, "1", "effective rank exp(H(sigma^2 / sum sigma^2)) of the dense weight matrices"},
    {"permutation_edge", PARENT(permutation_edge), PSI_F64, {LAYER}, 1, "1", "99th percentile of the top singular value when the dense matrix's entries are shuffled"},
    {"marchenko_pastur_edge", PARENT(marchenko_pastur_edge), PSI_F64, {LAYER}, 1, "1", "Marchenko-Pastur edge of the dense weight matrices"},
    {"dominant_modes", PARENT(dominant_modes), PSI_I32, {LAYER}, 1, "1", "dominant modes k: dense singular values above the permutation edge"},
    {"dense_parameter", PARENT(parameter), PSI_F32, {PSI_AXIS_PARAMETER}, 1, "1", "trained parameters of the dense parent: the layers' weights (see layer_offset), then what is never pruned"},
    {"rewind_parameter", PARENT(rewind_parameter), PSI_F32, {PSI_AXIS_REWIND, PSI_AXIS_PARAMETER}, 1, "1", "parameters of the dense parent at earlier epochs of its training"},
    {"dense_seconds", PARENT(made.seconds), PSI_F64, {0}, 0, "s", "time that the dense parent took"},
    {"dense_attempt", PARENT(made.attempt), PSI_I32, {0}, 0, "1", "how often the dense parent was begun"},
    {"dense_rank", PARENT(made.rank), PSI_I32, {0}, 0, "1", "MPI rank that trained the dense parent"},
    {"dense_launch", PARENT(made.launch), PSI_I32, {0}, 0, "1", "launch that trained the dense parent"},
    {"dense_failure", PARENT(made.failure), PSI_U8, {0}, 0, "1", "cause of the last failed attempt", psi_status_names},
    {"dense_checksum", PARENT(made.checksum), PSI_U64, {0}, 0, "1", "checksum over the deterministic variables of the dense parent"},
    {"dense_status", PARENT(made.status), PSI_U8, {0}, 0, "1", "state of the dense parent", psi_record_state_name},

    {"psi", CELL(psi), PSI_F64, {STAGE}, 1, "1", "Psi = (accuracy - chance) / (dense accuracy - chance) on the test split"},
    {"accuracy", CELL(accuracy), PSI_F64, {STAGE}, 1, "1", "test accuracy"},
    {"loss", CELL(loss), PSI_F64, {STAGE}, 1, "1", "test cross-entropy, in nats"},
    {"predicted_classes", CELL(predicted_classes), PSI_I32, {STAGE}, 1, "1", "distinct classes predicted on the test split"},
    {"validation_curve", CELL(validation_curve), PSI_F64, {EPOCH}, 1, "1", "validation accuracy while retraining"},
    {"psi_curve", CELL(psi_curve), PSI_F64, {EPOCH}, 1, "1", "Psi on the validation split while retraining"},
    {"diverged", CELL(diverged), PSI_U8, {0}, 1, "1", "1 = the loss left the finite numbers while retraining"},
    {"density_achieved", CELL(density_achieved), PSI_F64, {0}, 1, "1", "surviving fraction of the prunable weights, counted"},
    {"density_effective", CELL(density_effective), PSI_F64, {0}, 1, "1", "fraction of the prunable weights on a path from an input to an output"},
    {"weights_kept", CELL(weights_kept), PSI_I64, {0}, 1, "1", "surviving prunable weights"},
    {"unreachable_classes", CELL(unreachable_classes), PSI_I32, {0}, 1, "1", "outputs without a path from any input"},
    {"psi_bound", CELL(psi_bound), PSI_F64, {0}, 1, "1", "most that Psi can be with these classes unreachable, the others recognised as by the dense parent"},
    {"layer_density", CELL(layer_density), PSI_F64, {LAYER}, 1, "1", "surviving fraction of each layer's weights"},
    {"degree_digest", CELL(degree_digest), PSI_U64, {LAYER}, 1, "1", "hash of how many weights survive in each row and column"},
    {"removed_energy", CELL(removed_energy), PSI_F64, {LAYER}, 1, "1", "share of |W|_F^2 that ablation has removed from the dense matrix; NaN without"},
    {"mask_digest", CELL(mask_digest), PSI_U64, {0}, 1, "1", "hash of the mask"},
    {"singular_value", CELL(singular_value), PSI_F64, {STAGE, LAYER, MODE}, 1, "1", "singular values of the weight matrices"},
    {"stable_rank", CELL(stable_rank), PSI_F64, {STAGE, LAYER}, 1, "1", "stable rank |W|_F^2 / sigma_1^2"},
    {"effective_rank", CELL(effective_rank), PSI_F64, {STAGE, LAYER}, 1, "1", "effective rank exp(H(sigma^2 / sum sigma^2))"},
    {"overlap", CELL(overlap), PSI_F64, {STAGE, LAYER}, 1, "1", "support overlap S_k with the dense parent's dominant modes, at most spectra.modes of them"},
    {"overlap_fixed", CELL(overlap_fixed), PSI_F64, {STAGE, LAYER}, 1, "1", "support overlap S_5 with the dense parent's five leading modes"},
    {"energy", CELL(energy), PSI_F64, {STAGE, LAYER}, 1, "1", "energy retained in the dense parent's dominant modes"},
    {"overlap_network", CELL(overlap_network), PSI_F64, {STAGE}, 1, "1", "mean over layers of (S_k - chance) / (1 - chance)"},
    {"overlap_fixed_network", CELL(overlap_fixed_network), PSI_F64, {STAGE}, 1, "1", "mean over layers of (S_5 - chance) / (1 - chance)"},
    {"seconds", CELL(made.seconds), PSI_F64, {0}, 0, "s", "time that the cell took"},
    {"attempt", CELL(made.attempt), PSI_I32, {0}, 0, "1", "how often the cell was begun"},
    {"rank", CELL(made.rank), PSI_I32, {0}, 0, "1", "MPI rank that ran the cell"},
    {"run_launch", CELL(made.launch), PSI_I32, {0}, 0, "1", "launch that ran the cell"},
    {"failure", CELL(made.failure), PSI_U8, {0}, 0, "1", "cause of the last failed attempt", psi_status_names},
    {"checksum", CELL(made.checksum), PSI_U64, {0}, 0, "1", "checksum over the deterministic variables of the cell"},
    {"status", CELL(made.status), PSI_U8, {0}, 0, "1", "state of the cell", psi_record_state_name},

    {"rescue_psi", RUNG(psi), PSI_F64, {0}, 1, "1", "Psi on the test split at the end of a rung of the rescue ladder, mean over its draws"},
    {"rescue_validation_psi", RUNG(validation_psi), PSI_F64, {0}, 1, "1", "the same on the validation split, which decides whether a cell is rescued"},
    {"rescue_accuracy", RUNG(accuracy), PSI_F64, {0}, 1, "1", "test accuracy at the end of a rung"},
    {"rescue_loss", RUNG(loss), PSI_F64, {0}, 1, "1", "test cross-entropy at the end of a rung, in nats"},
    {"rescue_diverged", RUNG(diverged), PSI_U8, {0}, 1, "1", "draws of a rung whose loss left the finite numbers"},
    {"rescue_curve", RUNG(curve), PSI_F64, {PSI_AXIS_RESCUE_EPOCH}, 1, "1", "Psi on the validation split during a rung"},
    {"rescue_seconds", RUNG(made.seconds), PSI_F64, {0}, 0, "s", "time that a rung took"},
    {"rescue_attempt", RUNG(made.attempt), PSI_I32, {0}, 0, "1", "how often a rung was begun"},
    {"rescue_rank", RUNG(made.rank), PSI_I32, {0}, 0, "1", "MPI rank that ran a rung"},
    {"rescue_launch", RUNG(made.launch), PSI_I32, {0}, 0, "1", "launch that ran a rung"},
    {"rescue_failure", RUNG(made.failure), PSI_U8, {0}, 0, "1", "cause of a rung's last failed attempt", psi_status_names},
    {"rescue_checksum", RUNG(made.checksum), PSI_U64, {0}, 0, "1", "checksum over the deterministic variables of a rung"},
    {"rescue_status", RUNG(made.status), PSI_U8, {0}, 0, "1", "state of a rung", psi_record_state_name},

    {"collapse_kind", LADDER(kind), PSI_U8, {0}, 1, "1", "why a cell has collapsed, as far as its ladder tells", psi_collapse_name},
    {"rescued_by", LADDER(rescued_by), PSI_I32, {0}, 1, "1", "first rung that recovers the cell; -1 = none"},
    {"ladder_seconds", LADDER(made.seconds), PSI_F64, {0}, 0, "s", "time that the ladder took in the launch that ended it"},
    {"ladder_attempt", LADDER(made.attempt), PSI_I32, {0}, 0, "1", "how often the ladder was begun"},
    {"ladder_rank", LADDER(made.rank), PSI_I32, {0}, 0, "1", "MPI rank that ended the ladder"},
    {"ladder_launch", LADDER(made.launch), PSI_I32, {0}, 0, "1", "launch that ended the ladder"},
    {"ladder_failure", LADDER(made.failure), PSI_U8, {0}, 0, "1", "cause of the ladder's last failed attempt", psi_status_names},
    {"ladder_checksum", LADDER(made.checksum), PSI_U64, {0}, 0, "1", "checksum over the deterministic variables of the ladder"},
    {"ladder_status", LADDER(made.status), PSI_U8, {0}, 0, "1", "state of the ladder", psi_record_state_name},

    {"chain_level", SLOT(level), PSI_I32, {0}, 1, "1", "index of the density after which an iterative arm's state was kept"},
    {"chain_parameter", SLOT(parameter), PSI_F32, {PSI_AXIS_PARAMETER}, 1, "1", "parameters of an iterative arm after that density's retraining"},
    {"chain_removed", SLOT(removed), PSI_U16, {PSI_AXIS_WEIGHT}, 1, "1", "index of the density that pruned a weight; 65535 = none so far"},
    {"chain_checksum", SLOT(made.checksum), PSI_U64, {0}, 0, "1", "checksum over the deterministic variables of the slot"},
    {"chain_status", SLOT(made.status), PSI_U8, {0}, 0, "1", "state of the slot", psi_record_state_name},
    {.name = NULL},
};
/* clang-format on */

static int by_epoch(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

size_t psi_job_rewinds(const struct psi_job *job, double epoch[PSI_REWINDS_MAX])
{
    size_t all = 0, distinct = 0;
    for (size_t i = 0; i < job->arms; i++)
        if (job->arm[i].restart == PSI_REWIND && job->arm[i].rewind > 0.0)
            epoch[all++] = job->arm[i].rewind;
    if (job->rescue.cells && job->rescue.rewind.count && job->rescue.rewind_epoch > 0.0)
        epoch[all++] = job->rescue.rewind_epoch;
    qsort(epoch, all, sizeof *epoch, by_epoch);
    for (size_t i = 0; i < all; i++)
        if (i == 0 || epoch[i] > epoch[distinct - 1])
            epoch[distinct++] = epoch[i];
    return distinct;
}

/* The axes that a job may not need. */
static void layout_optional(const struct psi_job *job, const struct psi_network *network,
                            size_t *extent)
{
    double epoch[PSI_REWINDS_MAX];
    struct psi_rung rung[PSI_RUNGS_MAX];
    size_t rungs = psi_ladder_rungs(job, rung), longest = 0;
    for (size_t i = 0; i < rungs; i++)
        longest = rung[i].budget > longest ? rung[i].budget : longest;
    extent[PSI_AXIS_REWIND] = psi_job_rewinds(job, epoch);
    extent[PSI_AXIS_RUNG] = rungs;
    extent[PSI_AXIS_RESCUE_EPOCH] = rungs ? longest * job->retrain.epochs + 1 : 0;
    for (size_t i = 0; i < job->arms; i++)
        extent[PSI_AXIS_CHAIN] += job->arm[i].schedule == PSI_ITERATIVE;
    if (extent[PSI_AXIS_CHAIN]) {
        extent[PSI_AXIS_SLOT] = PSI_SLOTS;
        extent[PSI_AXIS_WEIGHT] = psi_network_weights(network);
    }
}

struct psi_layout psi_layout_of(const struct psi_job *job, const struct psi_network *network)
{
    struct psi_layout layout = {{0}};
    size_t *extent = layout.extent;
    size_t epochs =
        job->train.epochs > job->retrain.epochs ? job->train.epochs : job->retrain.epochs;
    extent[PSI_AXIS_ARM] = job->arms;
    extent[PSI_AXIS_SEED] = job->seeds;
    extent[PSI_AXIS_DENSITY] = job->densities;
    extent[PSI_AXIS_STAGE] = PSI_STAGES;
    extent[PSI_AXIS_LAYER] = psi_network_matrices(network);
    for (size_t i = 0; i < extent[PSI_AXIS_LAYER]; i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, i);
        size_t rank = matrix->rows < matrix->cols ? matrix->rows : matrix->cols;
        if (extent[PSI_AXIS_MODE] < rank)
            extent[PSI_AXIS_MODE] = rank;
    }
    extent[PSI_AXIS_EPOCH] = epochs + 1;
    extent[PSI_AXIS_PARAMETER] = psi_network_parameters(network);
    extent[PSI_AXIS_LAUNCH] = PSI_LAUNCHES;
    layout_optional(job, network, extent);
    return layout;
}

size_t psi_type_size(enum psi_type type)
{
    static const size_t size[] = {[PSI_U8] = 1,  [PSI_U16] = 2, [PSI_I32] = 4, [PSI_I64] = 8,
                                  [PSI_U64] = 8, [PSI_F32] = 4, [PSI_F64] = 8};
    return size[type];
}

size_t psi_variable_count(const struct psi_variable *variable, const struct psi_layout *layout)
{
    const struct psi_owner_row *owner = &psi_owners[variable->owner];
    size_t count = 1;
    for (size_t i = 0; i < sizeof owner->axis && owner->axis[i]; i++)
        if (layout->extent[owner->axis[i]] == 0)
            return 0;
    if (owner->needs && layout->extent[owner->needs] == 0)
        return 0;
    for (size_t i = 0; i < sizeof variable->axis && variable->axis[i]; i++)
        count *= layout->extent[variable->axis[i]];
    return count;
}

void *psi_variable_data(const struct psi_variable *variable, void *record)
{
    char *member = (char *)record + variable->offset;
    return variable->axis[0] ? *(void **)member : (void *)member;
}

enum psi_status psi_record_create(enum psi_owner owner, const struct psi_layout *layout,
                                  void *record, struct psi_error *err)
{
    memset(record, 0, psi_owners[owner].size);
    for (const struct psi_variable *v = psi_variables; v->name; v++) {
        if (v->owner != owner || !v->axis[0])
            continue;
        size_t count = psi_variable_count(v, layout);
        if (count == 0)
            continue;
        void *array = psi_allocate(count, psi_type_size(v->type), v->name, err);
        if (!array) {
            psi_record_clear(owner, record);
            return PSI_MEMORY;
        }
        *(void **)((char *)record + v->offset) = array;
    }
    psi_record_reset(owner, layout, record);
    return PSI_OK;
}

void psi_record_reset(enum psi_owner owner, const struct psi_layout *layout, void *record)
{
    for (const struct psi_variable *v = psi_variables; v->name; v++) {
        if (v->owner != owner)
            continue;
        size_t count = psi_variable_count(v, layout);
        void *data = psi_variable_data(v, record);
        if (count > 0)
            memset(data, 0, count * psi_type_size(v->type));
        for (size_t i = 0; i < count; i++) {
            if (v->type == PSI_F64)
                ((double *)data)[i] = NAN;
            else if (v->type == PSI_F32)
                ((float *)data)[i] = NAN;
        }
    }
}

void psi_record_clear(enum psi_owner owner, void *record)
{
    for (const struct psi_variable *v = psi_variables; v->name; v++) {
        if (v->owner == owner && v->axis[0])
            free(psi_variable_data(v, record));
    }
    memset(record, 0, psi_owners[owner].size);
}

uint64_t psi_record_checksum(enum psi_owner owner, const struct psi_layout *layout,
                             const void *record)
{
    uint64_t hash = PSI_HASH_START;
    for (const struct psi_variable *v = psi_variables; v->name; v++) {
        if (v->owner == owner && v->deterministic)
            hash = psi_hash_add(hash, psi_variable_data(v, (void *)record),
                                psi_variable_count(v, layout) * psi_type_size(v->type));
    }
    return psi_hash_end(hash);
}
