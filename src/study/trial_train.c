/* From a mask to a retrained network: what it starts from, and the training itself. */
#include "trial_private.h"

#include "psisweep/memory.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Compile for the mask; and copy the pixels that are read, where they are few enough that the time
 * it takes comes back within an epoch or two: rows lie in main memory at random, and the fewer
 * cache lines each has, the fewer are waited for. */
enum psi_status psi_trial_compile(struct psi_trial *trial, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    psi_trial_discard(trial);
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

void psi_trial_discard(struct psi_trial *trial)
{
    psi_dataset_destroy(trial->selected);
    psi_network_destroy(trial->compiled);
    trial->selected = NULL;
    trial->compiled = NULL;
}

static const struct psi_dataset *trial_dataset(const struct psi_trial *trial)
{
    return trial->selected ? trial->selected : trial->study->dataset;
}

/* The network that is trained and scored. */
static struct psi_network *trial_network(const struct psi_trial *trial)
{
    return trial->compiled ? trial->compiled : trial->study->network;
}

enum psi_status psi_trial_score(struct psi_trial *trial, struct psi_score *score,
                                struct psi_error *err)
{
    const struct psi_dataset *dataset = trial_dataset(trial);
    return psi_evaluate(trial_network(trial), dataset, &dataset->test, trial->progress, score, err);
}

enum psi_status psi_trial_retrain(struct psi_trial *trial, struct psi_retraining *how,
                                  int *diverged, struct psi_score *score, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    enum psi_status status = PSI_OK;
    if (how->mask && !how->hook)
        status = psi_trial_compile(trial, err);
    else
        psi_trial_discard(trial);
    if (status)
        return status;
    struct psi_training training = {.spec = how->spec,
                                    .dataset = trial_dataset(trial),
                                    .mask = trial->compiled ? psi_network_mask(trial->compiled)
                                                            : how->mask,
                                    .first_step = how->first_step,
                                    .random_seed = study->job->random_seed,
                                    .random_name = how->stream,
                                    .progress = trial->progress,
                                    .hook = how->hook,
                                    .curve = how->curve};
    if ((status = psi_train(trial_network(trial), &training, diverged, err)))
        return status;
    if (trial->compiled)
        psi_network_expand(trial->compiled, study->network);
    if (how->mask && !*diverged &&
        !psi_mask_holds(how->mask, psi_network_weights(study->network),
                        psi_network_parameter(study->network), NULL))
        return psi_fail(err, PSI_NUMERIC, "%s: a pruned weight came back to life", trial->key);
    if ((status = psi_trial_score(trial, score, err)))
        return status;
    if (!isfinite(score->loss))
        *diverged = 1; /* in its very last step, where nothing else has looked */
    return PSI_OK;
}

void psi_trial_rewind(struct psi_trial *trial, double epoch)
{
    const struct psi_study *study = trial->study;
    double kept[PSI_REWINDS_MAX];
    size_t parameters = psi_network_parameters(study->network);
    size_t count = psi_job_rewinds(study->job, kept), i = 0;
    if (epoch == 0.0) {
        psi_trial_initial(trial);
        return;
    }
    while (i < count && kept[i] != epoch)
        i++;
    assert(i < count);
    memcpy(psi_network_parameter(study->network),
           trial->from->parent->rewind_parameter + i * parameters, parameters * sizeof(float));
}

/* Retrain the same arm at another density as its own fine-tuned cell would be, and leave the
 * weights in the network. study->mask is kept. */
enum psi_status psi_trial_transplant(struct psi_trial *trial, size_t donor, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    size_t weights = psi_network_weights(study->network);
    char key[PSI_TRIAL_KEY], stream[PSI_TRIAL_KEY + 16];
    struct psi_score score;
    int diverged;
    enum psi_status status;
    uint8_t *mask = psi_allocate(weights, 1, "mask", err);
    if (!mask)
        return PSI_MEMORY;
    memcpy(mask, study->mask, weights);
    if ((status = psi_trial_mask(trial, trial->arm, donor, err)) ||
        (status = psi_trial_source(trial, trial->arm, err)))
        goto out;
    psi_trial_apply_mask(trial);
    psi_trial_key(trial, trial->arm, donor, key);
    snprintf(stream, sizeof stream, "retrain/%s", key);
    struct psi_retraining how = {
        .spec = &study->job->retrain, .stream = stream, .mask = study->mask};
    status = psi_trial_retrain(trial, &how, &diverged, &score, err);
out:
    psi_trial_discard(trial);
    memcpy(study->mask, mask, weights);
    free(mask);
    if (!status)
        psi_trial_apply_mask(trial);
    return status;
}

enum psi_status psi_trial_restart(struct psi_trial *trial, const struct psi_arm *arm,
                                  size_t *first_step, struct psi_error *err)
{
    struct psi_study *study = trial->study;
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
    case PSI_TRANSPLANT: {
        size_t step = study->job->refine.factor;
        size_t above = trial->density - (trial->density % step ? trial->density % step : step);
        return trial->density ? psi_trial_transplant(trial, above, err) : PSI_OK;
    }
    default:
        return PSI_OK;
    }
}
