#include "psisweep/memory.h"
#include "psisweep/prune.h"
#include "psisweep/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One running cell: what its steps share. */
struct trial {
    struct psi_study *study;
    const struct psi_parent *parent;
    const struct psi_parent_modes *modes;
    const struct psi_progress *progress;
    struct psi_cell *cell;
    struct psi_network *compiled; /* for the cell's mask; NULL where that gains nothing */
    struct psi_dataset *selected; /* the pixels it reads; NULL = the study's whole set */
    char key[PSI_NAME + 96];      /* "arm=.../seed=.../density=...": names the cell's streams */
};

static enum psi_status cell_mask(struct trial *trial, const struct psi_arm *arm, double density,
                                 struct psi_error *err)
{
    struct psi_study *study = trial->study;
    struct psi_network *network = study->network;
    struct psi_cell *cell = trial->cell;
    size_t weights = psi_network_weights(network);
    size_t on_path = 0;
    uint8_t reachable[PSI_CLASSES_MAX];
    struct psi_random random;
    enum psi_status status;

    psi_random_open(&random, study->job->random_seed, "mask/%s", trial->key);
    const struct psi_prune_spec spec = {
        .criterion = arm->criterion, .scope = arm->scope, .density = density};
    const struct psi_score_input input = {.network = network,
                                          .random = &random,
                                          .dataset = study->dataset,
                                          .progress = trial->progress};
    if ((status = psi_prune(&spec, &input, study->mask, err)))
        return status;
    if ((status = psi_network_paths(network, study->mask, NULL, reachable, &on_path, err)))
        return status;

    cell->mask_digest = psi_mask_digest(study->mask, weights);
    cell->weights_kept = (int64_t)psi_mask_count(study->mask, weights);
    cell->density_achieved = (double)cell->weights_kept / (double)weights;
    cell->density_effective = (double)on_path / (double)weights;
    cell->unreachable_classes = 0;
    for (size_t c = 0; c < psi_network_classes(network); c++)
        cell->unreachable_classes += !reachable[c];
    for (size_t i = 0; i < psi_network_matrices(network); i++) {
        const struct psi_weight_matrix *m = psi_network_matrix(network, i);
        size_t size = m->rows * m->cols;
        cell->layer_density[i] =
            (double)psi_mask_count(study->mask + m->offset, size) / (double)size;
    }
    float *w = psi_network_parameter(network);
    for (size_t i = 0; i < weights; i++) {
        if (!study->mask[i])
            w[i] = 0.0f;
    }
    return PSI_OK;
}

/* Compile for the mask; and copy the pixels that are read, where they are few enough that the time
 * it takes comes back within an epoch or two: rows lie in main memory at random, and the fewer
 * cache lines each has, the fewer are waited for. */
static enum psi_status cell_compile(struct trial *trial, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    enum psi_status status = psi_network_compile(study->network, study->mask, study->input_density,
                                                 &trial->compiled, err);
    if (status || !trial->compiled)
        return status;
    size_t count;
    const uint32_t *inputs = psi_network_inputs(trial->compiled, &count);
    if (inputs && 2 * count <= study->dataset->features)
        return psi_dataset_select(study->dataset, inputs, count, &trial->selected, err);
    return PSI_OK;
}

static const struct psi_dataset *cell_dataset(const struct trial *trial)
{
    return trial->selected ? trial->selected : trial->study->dataset;
}

/* The network that is trained and scored, and the mask of its parameters. */
static struct psi_network *cell_network(const struct trial *trial)
{
    return trial->compiled ? trial->compiled : trial->study->network;
}

static const uint8_t *cell_network_mask(const struct trial *trial)
{
    return trial->compiled ? psi_network_mask(trial->compiled) : trial->study->mask;
}

static enum psi_status cell_score(struct trial *trial, enum psi_stage stage, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    struct psi_score score;
    const struct psi_dataset *dataset = cell_dataset(trial);
    enum psi_status status =
        psi_evaluate(cell_network(trial), dataset, &dataset->test, trial->progress, &score, err);
    if (status)
        return status;
    if (stage == PSI_RETRAINED && !isfinite(score.loss))
        trial->cell->diverged = 1; /* in its very last step, where nothing else has looked */
    trial->cell->accuracy[stage] = score.accuracy;
    trial->cell->loss[stage] = score.loss;
    trial->cell->predicted_classes[stage] = (int32_t)score.predicted_classes;
    trial->cell->psi[stage] =
        psi_normalise(score.accuracy, trial->parent->accuracy, study->chance_test, score.samples);
    return PSI_OK;
}

/* Sum of (S_k - chance) / (1 - chance) over the layers where k means something: k >= 1 and
 * min(rows, cols) >= 2k, so that an overlap by chance stays well below 1. */
struct overlap_mean {
    double sum;
    size_t layers;
};

static double overlap_add(struct overlap_mean *mean, const struct psi_modes *dense,
                          const struct psi_modes *pruned, size_t k)
{
    if (k == 0)
        return NAN;
    double overlap = psi_support_overlap(dense, pruned, k);
    size_t rank = dense->rows < dense->cols ? dense->rows : dense->cols;
    if (rank >= 2 * k) {
        double chance = psi_overlap_chance(k, dense->rows, dense->cols);
        mean->sum += (overlap - chance) / (1.0 - chance);
        mean->layers++;
    }
    return overlap;
}

static double overlap_mean_value(const struct overlap_mean *mean)
{
    return mean->layers ? mean->sum / (double)mean->layers : NAN;
}

static enum psi_status cell_spectra(struct trial *trial, enum psi_stage stage,
                                    struct psi_error *err)
{
    struct psi_cell *cell = trial->cell;
    const struct psi_network *network = trial->study->network;
    const float *parameter = psi_network_parameter(trial->study->network);
    size_t layers = psi_network_matrices(network);
    size_t modes = trial->study->layout.extent[PSI_AXIS_MODE];
    struct overlap_mean dominant = {0}, fixed = {0};
    int defined = 1;

    for (size_t i = 0; i < layers; i++) {
        const struct psi_weight_matrix *m = psi_network_matrix(network, i);
        const struct psi_modes *dense = &trial->modes->layer[i];
        const double *dense_value = trial->parent->singular_value + i * modes;
        const float *w = parameter + m->offset;
        size_t at = (size_t)stage * layers + i; /* of (stages, layers) */
        double *value = cell->singular_value + at * modes;
        size_t rank = m->rows < m->cols ? m->rows : m->cols;
        size_t k = psi_parent_modes_used(trial->study, trial->parent, i);
        size_t five = dense->k < PSI_FIXED_MODES ? dense->k : PSI_FIXED_MODES;
        struct psi_modes pruned = {0};

        enum psi_status status =
            psi_modes_compute(w, m->rows, m->cols, dense->k, value, &pruned, err);
        if (status)
            return status;
        if (k > dense->k)
            k = dense->k;
        cell->stable_rank[at] = psi_stable_rank(value, rank);
        cell->effective_rank[at] = psi_effective_rank(value, rank);
        if (isnan(
                value[0])) { /* a diverged matrix has no modes to compare; zeros have, none kept */
            defined = 0;
        } else {
            cell->overlap[at] = overlap_add(&dominant, dense, &pruned, k);
            cell->overlap_fixed[at] = overlap_add(&fixed, dense, &pruned, five);
            cell->energy[at] = k ? psi_retained_energy(dense, dense_value, w, k) : NAN;
        }
        psi_modes_clear(&pruned);
        if (psi_progress_stop(trial->progress))
            return psi_fail(err, PSI_STOPPED, "asked to stop");
    }
    cell->overlap_network[stage] = defined ? overlap_mean_value(&dominant) : NAN;
    cell->overlap_fixed_network[stage] = defined ? overlap_mean_value(&fixed) : NAN;
    return PSI_OK;
}

static enum psi_status cell_retrain(struct trial *trial, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    const struct psi_job *job = study->job;
    struct psi_cell *cell = trial->cell;
    size_t validation = study->dataset->validation.samples;
    char name[sizeof trial->key + 16];
    int diverged = 0;

    snprintf(name, sizeof name, "retrain/%s", trial->key);
    struct psi_training training = {.spec = &job->retrain,
                                    .dataset = cell_dataset(trial),
                                    .mask = cell_network_mask(trial),
                                    .random_seed = job->random_seed,
                                    .random_name = name,
                                    .progress = trial->progress,
                                    .curve = cell->validation_curve};
    enum psi_status status = psi_train(cell_network(trial), &training, &diverged, err);
    if (status)
        return status;
    if (trial->compiled)
        psi_network_expand(trial->compiled, study->network);
    cell->diverged = (uint8_t)diverged;
    for (size_t e = 0; e <= job->retrain.epochs; e++)
        cell->psi_curve[e] =
            psi_normalise(cell->validation_curve[e], trial->parent->validation_accuracy,
                          study->chance_validation, validation);
    if (!diverged && !psi_mask_holds(study->mask, psi_network_weights(study->network),
                                     psi_network_parameter(study->network), NULL))
        return psi_fail(err, PSI_NUMERIC, "%s: a pruned weight came back to life", trial->key);
    return PSI_OK;
}

enum psi_status psi_trial_cell(struct psi_study *study, size_t arm, size_t seed, size_t density,
                               const struct psi_parent *parent,
                               const struct psi_parent_modes *modes,
                               const struct psi_progress *progress, struct psi_cell *cell,
                               struct psi_error *err)
{
    const struct psi_job *job = study->job;
    struct trial trial = {
        .study = study, .parent = parent, .modes = modes, .progress = progress, .cell = cell};
    enum psi_status status;

    snprintf(trial.key, sizeof trial.key, "arm=%s/seed=%u/density=%.9g", job->arm[arm].name,
             job->seed[seed], job->density[density]);
    psi_record_reset(PSI_OF_CELL, &study->layout, cell);
    memcpy(psi_network_parameter(study->network), parent->parameter,
           psi_network_parameters(study->network) * sizeof *parent->parameter);

    if ((status = cell_mask(&trial, &job->arm[arm], job->density[density], err)))
        goto out;
    if ((status = cell_compile(&trial, err)))
        goto out;
    if ((status = cell_score(&trial, PSI_PRUNED, err)))
        goto out;
    if ((status = cell_spectra(&trial, PSI_PRUNED, err)))
        goto out;
    if ((status = cell_retrain(&trial, err)))
        goto out;
    if ((status = cell_score(&trial, PSI_RETRAINED, err)))
        goto out;
    status = cell_spectra(&trial, PSI_RETRAINED, err);
out:
    psi_dataset_destroy(trial.selected);
    psi_network_destroy(trial.compiled);
    return status;
}
