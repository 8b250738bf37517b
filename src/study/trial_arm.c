/* Retraining as an arm says: what it starts from, what changes under way. */
#include "trial_private.h"

#include "psisweep/dynamic.h"
#include "psisweep/memory.h"
#include "psisweep/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum psi_status gradual_select(void *context, double density, uint8_t *mask,
                                      struct psi_error *err)
{
    struct psi_trial *trial = context;
    struct psi_study *study = trial->study;
    const struct psi_arm *arm = &study->job->arm[trial->arm];
    struct psi_random random;
    psi_random_open(&random, study->job->random_seed, "mask/%s/density=%.9g", trial->key, density);
    struct psi_score_input input = {.network = study->network,
                                    .random = &random,
                                    .dataset = study->dataset,
                                    .samples = arm->samples,
                                    .progress = trial->progress};
    struct psi_prune_spec spec = {.criterion = arm->criterion,
                                  .scope = arm->scope,
                                  .density = density,
                                  .rounds = arm->rounds,
                                  .noise = arm->noise,
                                  .within = mask};
    return psi_prune(&spec, &input, mask, err);
}

/* What was ablated stays out: one projector a layer, NULL of a diverged one. */
struct hold {
    struct psi_trial *trial;
    struct psi_projector **projector; /* (layers) */
};

static enum psi_status hold_step(void *context, size_t step, struct psi_optimizer_state *state,
                                 struct psi_error *err)
{
    const struct hold *hold = context;
    struct psi_network *network = hold->trial->study->network;
    (void)step;
    (void)state;
    (void)err;
    for (size_t i = 0; i < psi_network_matrices(network); i++)
        if (hold->projector[i])
            psi_project_out(hold->projector[i], psi_network_parameter(network) +
                                                    psi_network_matrix(network, i)->offset);
    psi_trial_apply_mask(hold->trial);
    return PSI_OK;
}

enum psi_status psi_trial_retrain_held(struct psi_trial *trial, struct psi_retraining *how,
                                       int *diverged, struct psi_score *score,
                                       struct psi_error *err)
{
    struct psi_study *study = trial->study;
    size_t layers = psi_network_matrices(study->network);
    struct hold hold = {.trial = trial};
    struct psi_step_hook hook = {.call = hold_step, .context = &hold};
    enum psi_status status = PSI_OK;
    hold.projector = psi_allocate(layers, sizeof(struct psi_projector *), "projectors", err);
    if (!hold.projector)
        return PSI_MEMORY;
    for (size_t i = 0; !status && i < layers; i++) {
        const struct psi_modes *modes = &trial->from->modes->layer[i];
        size_t k = study->job->arm[trial->arm].modes < modes->k ? study->job->arm[trial->arm].modes
                                                                : modes->k;
        if (k > 0)
            status = psi_projector_create(modes, k, &hold.projector[i], err);
    }
    how->hook = &hook;
    if (!status)
        status = psi_trial_retrain(trial, how, diverged, score, err);
    for (size_t i = 0; i < layers; i++)
        psi_projector_destroy(hold.projector[i]);
    free(hold.projector);
    return status;
}

/* A polynomial arm's mask is whole when its retraining is. */
static enum psi_status retrain_gradual(struct psi_trial *trial, struct psi_retraining *how,
                                       int *diverged, struct psi_score *score,
                                       struct psi_error *err)
{
    struct psi_study *study = trial->study;
    const struct psi_arm *arm = &study->job->arm[trial->arm];
    size_t steps = how->spec->epochs * (study->dataset->train.samples / how->spec->batch);
    size_t left = steps - how->first_step;
    struct psi_gradual gradual = {.begin = how->first_step,
                                  .end = how->first_step + (size_t)((double)left * arm->until),
                                  .interval = arm->interval,
                                  .density = study->job->density[trial->density],
                                  .network = study->network,
                                  .mask = study->mask,
                                  .select = gradual_select,
                                  .context = trial};
    struct psi_step_hook hook = {.call = psi_gradual_step, .context = &gradual};
    how->hook = &hook;
    return psi_trial_retrain(trial, how, diverged, score, err);
}

/* Put what `restart` begins with into the network, under study->mask: parameters, and the step of
 * the dense training where it goes on. The network holds the source, masked. */
static enum psi_status restart(struct psi_trial *trial, size_t *first_step, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    const struct psi_arm *arm = &study->job->arm[trial->arm];
    struct psi_random random;
    *first_step = 0;
    switch (arm->restart) {
    case PSI_RATE_REWIND:
        *first_step = psi_study_step(study, arm->rewind);
        return PSI_OK;
    case PSI_REWIND:
        *first_step = psi_study_step(study, arm->rewind);
        psi_trial_rewind(trial, arm->rewind);
        psi_trial_apply_mask(trial);
        return PSI_OK;
    case PSI_REINITIALISE:
        psi_random_open(&random, study->job->random_seed, "reinitialise/%s", trial->key);
        return psi_network_initialise_masked(study->network, study->mask, &random, err);
    case PSI_TRANSPLANT: { /* from the grid's own next higher density */
        size_t step = study->job->refine.factor;
        size_t above = trial->density - (trial->density % step ? trial->density % step : step);
        return trial->density && !trial->donor ? psi_trial_transplant(trial, above, err) : PSI_OK;
    }
    default:
        return PSI_OK;
    }
}

enum psi_status psi_trial_retrain_arm(struct psi_trial *trial, double *curve, int *diverged,
                                      struct psi_score *score, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    const struct psi_arm *arm = &study->job->arm[trial->arm];
    char stream[PSI_TRIAL_KEY + 16];
    snprintf(stream, sizeof stream, "retrain/%s", trial->key);
    struct psi_retraining how = {
        .spec = psi_job_budget(study->job, arm), .stream = stream, .curve = curve};
    enum psi_status status = restart(trial, &how.first_step, err);
    if (status)
        return status;
    return (arm->schedule == PSI_POLYNOMIAL ? retrain_gradual
            : arm->hold                     ? psi_trial_retrain_held
                                            : psi_trial_retrain)(trial, &how, diverged, score, err);
}

enum psi_status psi_trial_repeat(struct psi_trial *trial, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    struct psi_score score;
    int diverged = 0;
    enum psi_status status = PSI_OK;
    if (study->job->arm[trial->arm].schedule == PSI_POLYNOMIAL)
        memset(study->mask, 1, psi_network_weights(study->network));
    else
        status = psi_trial_mask(trial, err);
    if (!status)
        status = psi_trial_source(trial, err);
    if (!status) {
        psi_trial_apply_mask(trial);
        status = psi_trial_retrain_arm(trial, NULL, &diverged, &score, err);
    }
    psi_trial_discard(trial);
    return status;
}

enum psi_status psi_trial_transplant(struct psi_trial *trial, size_t donor, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    size_t weights = psi_network_weights(study->network);
    struct psi_trial other = psi_trial_other(trial, trial->arm, donor);
    uint8_t *mask = psi_allocate(weights, 1, "mask", err);
    if (!mask)
        return PSI_MEMORY;
    memcpy(mask, study->mask, weights);
    other.donor = 1;
    enum psi_status status = psi_trial_repeat(&other, err);
    memcpy(study->mask, mask, weights);
    free(mask);
    psi_trial_apply_mask(trial);
    return status;
}
