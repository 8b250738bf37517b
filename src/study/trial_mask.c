/* Which weights survive: an arm's mask, from its criterion, a chain, or another arm's mask. */
#include "trial_private.h"

#include "psisweep/causal.h"
#include "psisweep/memory.h"
#include "psisweep/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct psi_trial psi_trial_open(struct psi_study *study, size_t arm, size_t seed, size_t density,
                                const struct psi_trial_from *from,
                                const struct psi_progress *progress)
{
    const struct psi_job *job = study->job;
    struct psi_trial trial = {.study = study,
                              .from = from,
                              .progress = progress,
                              .arm = arm,
                              .seed = seed,
                              .density = density};
    snprintf(trial.key, sizeof trial.key, "arm=%s/seed=%u/density=%.9g", job->arm[arm].name,
             job->seed[seed], job->density[density]);
    return trial;
}

struct psi_trial psi_trial_other(const struct psi_trial *trial, size_t arm, size_t density)
{
    struct psi_trial other =
        psi_trial_open(trial->study, arm, trial->seed, density, trial->from, trial->progress);
    other.finished = trial->finished || arm != trial->arm;
    return other;
}

void psi_trial_initial(struct psi_trial *trial)
{
    const struct psi_job *job = trial->study->job;
    struct psi_random random;
    psi_random_open(&random, job->random_seed, "initialise/seed=%u", job->seed[trial->seed]);
    psi_network_initialise(trial->study->network, &random);
}

static enum psi_status source_ablate(struct psi_trial *trial, const struct psi_arm *arm,
                                     struct psi_error *err)
{
    struct psi_study *study = trial->study;
    float *parameter = psi_network_parameter(study->network);
    size_t modes = study->layout.extent[PSI_AXIS_MODE];
    for (size_t i = 0; i < psi_network_matrices(study->network); i++) {
        const struct psi_weight_matrix *m = psi_network_matrix(study->network, i);
        const double *value = trial->from->parent->singular_value + i * modes;
        struct psi_random random;
        struct psi_ablated ablated;
        double energy = 0.0; /* |W|_F^2 */
        psi_random_open(&random, study->job->random_seed, "ablate/%s/layer=%s", trial->key,
                        m->name);
        enum psi_status status =
            psi_ablate((enum psi_ablation)(arm->ablate - 1), arm->modes, parameter + m->offset,
                       m->rows, m->cols, &random, &ablated, err);
        if (status)
            return status;
        for (size_t k = 0; k < m->rows && k < m->cols; k++)
            energy += value[k] * value[k];
        if (trial->removed_energy)
            trial->removed_energy[i] = ablated.removed / energy;
        if (psi_progress_stop(trial->progress))
            return psi_fail(err, PSI_STOPPED, "asked to stop");
    }
    return PSI_OK;
}

enum psi_status psi_trial_source(struct psi_trial *trial, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    const struct psi_arm *a = &study->job->arm[trial->arm];
    const struct psi_slot *chain = trial->from->chain;
    const float *from = trial->from->parent->parameter;
    if (a->at == PSI_AT_INITIAL) {
        psi_trial_initial(trial);
        return PSI_OK;
    }
    if (a->schedule == PSI_ITERATIVE && chain && !trial->finished)
        from = chain->parameter;
    memcpy(psi_network_parameter(study->network), from,
           psi_network_parameters(study->network) * sizeof *from);
    return a->ablate ? source_ablate(trial, a, err) : PSI_OK;
}

/* What a chain has left at a density: weights that it prunes further down, or never. */
static void mask_of_chain(const struct psi_trial *trial, uint8_t *mask)
{
    const struct psi_slot *chain = trial->from->chain;
    size_t weights = psi_network_weights(trial->study->network);
    for (size_t i = 0; i < weights; i++)
        mask[i] = !chain || chain->removed[i] > trial->density;
}

/* By the arm's criterion. layer_density: of the arm that this one is like, or NULL. */
static enum psi_status mask_prune(struct psi_trial *trial, const double *layer_density,
                                  struct psi_error *err)
{
    struct psi_study *study = trial->study;
    const struct psi_arm *a = &study->job->arm[trial->arm];
    struct psi_random random;
    enum psi_status status = psi_trial_source(trial, err);
    if (status)
        return status;
    psi_random_open(&random, study->job->random_seed, "mask/%s", trial->key);
    struct psi_score_input input = {.network = study->network,
                                    .random = &random,
                                    .dataset = study->dataset,
                                    .samples = a->samples,
                                    .progress = trial->progress};
    struct psi_prune_spec spec = {.criterion = a->criterion,
                                  .scope = a->scope,
                                  .density = study->job->density[trial->density],
                                  .rounds = a->rounds,
                                  .noise = a->noise,
                                  .trimmed = a->change == PSI_CHANGE_TRIM &&
                                             a->scope == PSI_GLOBAL &&
                                             !psi_criteria[a->criterion].structured,
                                  .layer_density = layer_density};
    if (a->schedule == PSI_ITERATIVE) {
        mask_of_chain(trial, study->mask); /* what the density above has left */
        spec.within = study->mask;
    }
    return psi_prune(&spec, &input, study->mask, err);
}

static enum psi_status mask_like(struct psi_trial *trial, struct psi_error *err)
{
    const struct psi_study *study = trial->study;
    struct psi_trial like =
        psi_trial_other(trial, study->job->arm[trial->arm].like_arm, trial->density);
    size_t layers = psi_network_matrices(study->network);
    double *share = psi_allocate(layers, sizeof *share, "layer densities", err);
    if (!share)
        return PSI_MEMORY;
    enum psi_status status = psi_trial_mask(&like, err);
    for (size_t i = 0; i < layers; i++) {
        const struct psi_weight_matrix *m = psi_network_matrix(study->network, i);
        size_t size = m->rows * m->cols;
        share[i] = (double)psi_mask_count(study->mask + m->offset, size) / (double)size;
    }
    if (!status)
        status = mask_prune(trial, share, err);
    free(share);
    return status;
}

/* Swaps that raise or lower the dense modes' share. */
static enum psi_status mask_swap(struct psi_trial *trial, const struct psi_arm *arm,
                                 struct psi_random *random, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    size_t layers = psi_network_matrices(study->network);
    enum psi_swap_goal goal = arm->change == PSI_CHANGE_PRESERVE ? PSI_PRESERVE : PSI_DESTROY;
    size_t *k = psi_allocate(layers, sizeof *k, "modes of layers", err);
    if (!k)
        return PSI_MEMORY;
    const struct psi_modes *modes = trial->from->modes->layer;
    for (size_t i = 0; i < layers; i++) /* a diverged matrix has none */
        k[i] = arm->modes < modes[i].k ? arm->modes : modes[i].k;
    enum psi_status status = psi_mask_trim(study->network, study->mask, err);
    if (!status)
        status = psi_mask_swap(study->network, trial->from->parent->parameter, modes, k, goal,
                               random, study->mask, err);
    free(k);
    return status;
}

static enum psi_status mask_change(struct psi_trial *trial, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    const struct psi_arm *a = &study->job->arm[trial->arm];
    struct psi_random random;
    psi_random_open(&random, study->job->random_seed, "change/%s", trial->key);
    switch (a->change) {
    case PSI_CHANGE_TRIM:
        return psi_mask_trim(study->network, study->mask, err);
    case PSI_CHANGE_SHUFFLE:
        psi_mask_shuffle(study->network, &random, study->mask);
        return PSI_OK;
    case PSI_CHANGE_PRESERVE:
    case PSI_CHANGE_DESTROY:
        return mask_swap(trial, a, &random, err);
    default:
        return PSI_OK;
    }
}

enum psi_status psi_trial_mask(struct psi_trial *trial, struct psi_error *err)
{
    const struct psi_arm *arm = &trial->study->job->arm[trial->arm];
    enum psi_status status = PSI_OK;
    if (arm->schedule == PSI_POLYNOMIAL) {
        status = psi_trial_repeat(trial, err);
    } else if (arm->schedule == PSI_ITERATIVE && trial->finished) {
        mask_of_chain(trial, trial->study->mask);
    } else if (arm->mask_arm != SIZE_MAX) {
        struct psi_trial other = psi_trial_other(trial, arm->mask_arm, trial->density);
        status = psi_trial_mask(&other, err);
    } else if (arm->like_arm != SIZE_MAX) {
        status = mask_like(trial, err);
    } else {
        status = mask_prune(trial, NULL, err);
    }
    return status ? status : mask_change(trial, err);
}

void psi_trial_apply_mask(struct psi_trial *trial)
{
    float *w = psi_network_parameter(trial->study->network);
    for (size_t i = 0; i < psi_network_weights(trial->study->network); i++)
        if (!trial->study->mask[i])
            w[i] = 0.0f;
}
