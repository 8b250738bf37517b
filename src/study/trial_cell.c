/* One cell: prune, measure, retrain, measure. */
#include "trial_private.h"

#include "psisweep/bound.h"
#include "psisweep/hash.h"
#include "psisweep/memory.h"
#include "psisweep/prune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Survivors of each row and of each column. */
static enum psi_status layer_degrees(const struct psi_weight_matrix *m, const uint8_t *mask,
                                     uint64_t *digest, struct psi_error *err)
{
    uint32_t *degree = psi_allocate(m->rows + m->cols, sizeof *degree, "degrees", err);
    if (!degree)
        return PSI_MEMORY;
    for (size_t i = 0; i < m->rows; i++) {
        for (size_t j = 0; j < m->cols; j++) {
            degree[i] += mask[i * m->cols + j];
            degree[m->rows + j] += mask[i * m->cols + j];
        }
    }
    *digest =
        psi_hash_end(psi_hash_add(PSI_HASH_START, degree, (m->rows + m->cols) * sizeof *degree));
    free(degree);
    return PSI_OK;
}

/* What the mask alone tells. */
static enum psi_status cell_mask(struct psi_trial *trial, struct psi_cell *cell,
                                 struct psi_error *err)
{
    struct psi_study *study = trial->study;
    struct psi_network *network = study->network;
    size_t weights = psi_network_weights(network), classes = psi_network_classes(network);
    size_t on_path = 0;
    uint8_t reachable[PSI_CLASSES_MAX];
    enum psi_status status =
        psi_network_paths(network, study->mask, NULL, reachable, &on_path, err);
    if (status)
        return status;
    cell->mask_digest = psi_mask_digest(study->mask, weights);
    cell->weights_kept = (int64_t)psi_mask_count(study->mask, weights);
    cell->density_achieved = (double)cell->weights_kept / (double)weights;
    cell->density_effective = (double)on_path / (double)weights;
    cell->unreachable_classes = 0;
    for (size_t c = 0; c < classes; c++)
        cell->unreachable_classes += !reachable[c];
    cell->psi_bound = psi_unreachable_bound(reachable, study->class_share, classes,
                                            trial->from->parent->accuracy, study->chance_test);
    for (size_t i = 0; i < psi_network_matrices(network); i++) {
        const struct psi_weight_matrix *m = psi_network_matrix(network, i);
        const uint8_t *mask = study->mask + m->offset;
        size_t size = m->rows * m->cols;
        cell->layer_density[i] = (double)psi_mask_count(mask, size) / (double)size;
        if ((status = layer_degrees(m, mask, &cell->degree_digest[i], err)))
            return status;
    }
    return PSI_OK;
}

static void cell_score(const struct psi_trial *trial, enum psi_stage stage,
                       const struct psi_score *score, struct psi_cell *cell)
{
    cell->accuracy[stage] = score->accuracy;
    cell->loss[stage] = score->loss;
    cell->predicted_classes[stage] = (int32_t)score->predicted_classes;
    cell->psi[stage] = psi_normalise(score->accuracy, trial->from->parent->accuracy,
                                     trial->study->chance_test, score->samples);
}

/* Right after pruning. Accuracy is that of the weights that were scored; the spectra are those of
 * the trained matrices under the mask, whatever retraining starts from. */
static enum psi_status cell_pruned(struct psi_trial *trial, struct psi_cell *cell,
                                   struct psi_error *err)
{
    struct psi_study *study = trial->study;
    const struct psi_arm *arm = &study->job->arm[trial->arm];
    struct psi_score score;
    enum psi_status status;
    int others = arm->at == PSI_AT_INITIAL || arm->schedule == PSI_ITERATIVE;

    if ((status = psi_trial_source(trial, err)))
        return status;
    psi_trial_apply_mask(trial);
    if ((status = psi_trial_compile(trial, err)) || (status = psi_trial_score(trial, &score, err)))
        return status;
    cell_score(trial, PSI_PRUNED, &score, cell);
    if (others) {
        memcpy(psi_network_parameter(study->network), trial->from->parent->parameter,
               psi_network_parameters(study->network) * sizeof(float));
        psi_trial_apply_mask(trial);
    }
    if ((status = psi_trial_spectra(trial, PSI_PRUNED, cell, err)))
        return status;
    if (others && !(status = psi_trial_source(trial, err)))
        psi_trial_apply_mask(trial);
    return status;
}

static enum psi_status cell_retrain(struct psi_trial *trial, struct psi_cell *cell,
                                    struct psi_error *err)
{
    const struct psi_study *study = trial->study;
    size_t validation = study->dataset->validation.samples;
    size_t epochs = psi_job_budget(study->job, &study->job->arm[trial->arm])->epochs;
    struct psi_score score;
    int diverged = 0;
    enum psi_status status =
        psi_trial_retrain_arm(trial, cell->validation_curve, &diverged, &score, err);
    if (status)
        return status;
    cell->diverged = (uint8_t)diverged;
    cell_score(trial, PSI_RETRAINED, &score, cell);
    for (size_t e = 0; e <= epochs; e++)
        cell->psi_curve[e] =
            psi_normalise(cell->validation_curve[e], trial->from->parent->validation_accuracy,
                          study->chance_validation, validation);
    return psi_trial_spectra(trial, PSI_RETRAINED, cell, err);
}

/* An iterative arm's state after this density. */
static void chain_advance(const struct psi_trial *trial, struct psi_slot *next)
{
    const struct psi_study *study = trial->study;
    const struct psi_slot *chain = trial->from->chain;
    size_t weights = psi_network_weights(study->network);
    next->level = (int32_t)trial->density;
    memcpy(next->parameter, psi_network_parameter(study->network),
           psi_network_parameters(study->network) * sizeof(float));
    for (size_t i = 0; i < weights; i++) {
        uint16_t before = chain ? chain->removed[i] : PSI_SURVIVES;
        next->removed[i] =
            before == PSI_SURVIVES && !study->mask[i] ? (uint16_t)trial->density : before;
    }
}

enum psi_status psi_trial_cell(struct psi_study *study, size_t arm, size_t seed, size_t density,
                               const struct psi_trial_from *from,
                               const struct psi_progress *progress, struct psi_cell *cell,
                               struct psi_slot *next, struct psi_error *err)
{
    const struct psi_arm *a = &study->job->arm[arm];
    struct psi_trial trial = psi_trial_open(study, arm, seed, density, from, progress);
    size_t weights = psi_network_weights(study->network);
    enum psi_status status = PSI_OK;

    trial.removed_energy = cell->removed_energy;
    psi_record_reset(PSI_OF_CELL, &study->layout, cell);
    if (a->schedule == PSI_POLYNOMIAL) {
        memset(study->mask, 1, weights);
        if ((status = psi_trial_source(&trial, err)) ||
            (status = cell_retrain(&trial, cell, err)) || (status = cell_mask(&trial, cell, err)) ||
            (status = cell_pruned(&trial, cell, err)))
            goto out;
    } else {
        if ((status = psi_trial_mask(&trial, err)) || (status = cell_mask(&trial, cell, err)) ||
            (status = cell_pruned(&trial, cell, err)) || (status = cell_retrain(&trial, cell, err)))
            goto out;
    }
    if (a->schedule == PSI_ITERATIVE)
        chain_advance(&trial, next);
out:
    psi_trial_discard(&trial);
    return status;
}
