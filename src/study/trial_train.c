/* Training under a mask, and the dense training's earlier weights. */
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
    if (!how->hook)
        status = psi_trial_compile(trial, err);
    else
        psi_trial_discard(trial);
    if (status)
        return status;
    struct psi_training training = {.spec = how->spec,
                                    .dataset = trial_dataset(trial),
                                    .mask = trial->compiled ? psi_network_mask(trial->compiled)
                                                            : study->mask,
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
    if (!*diverged && !psi_mask_holds(study->mask, psi_network_weights(study->network),
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
