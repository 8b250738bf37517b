#include "psisweep/bound.h"
#include "psisweep/memory.h"
#include "psisweep/stat.h"
#include "psisweep/trial.h"

#include <math.h>
#include <stdlib.h>

/* Modes that an arm names are there in every layer it changes: all but the last for swaps, whose
 * output layer stays. */
static enum psi_status check_modes(const struct psi_study *study, struct psi_error *err)
{
    const struct psi_job *job = study->job;
    size_t layers = psi_network_matrices(study->network);
    for (size_t a = 0; a < job->arms; a++) {
        const struct psi_arm *arm = &job->arm[a];
        int swaps = arm->change == PSI_CHANGE_PRESERVE || arm->change == PSI_CHANGE_DESTROY;
        size_t changed = arm->ablate ? layers : swaps ? layers - 1 : 0;
        for (size_t i = 0; i < changed; i++) {
            const struct psi_weight_matrix *m = psi_network_matrix(study->network, i);
            size_t rank = m->rows < m->cols ? m->rows : m->cols;
            if (arm->modes > rank)
                return psi_fail(err, PSI_USAGE,
                                "arms: entry %zu (%s): modes: expected at most %zu, the rank of "
                                "layer %s, found %zu",
                                a + 1, arm->name, rank, m->name, arm->modes);
        }
    }
    return PSI_OK;
}

/* Rounded to steps, rewinding leaves one to train. */
static enum psi_status check_rewinds(const struct psi_study *study, struct psi_error *err)
{
    const struct psi_job *job = study->job;
    size_t steps = psi_study_step(study, (double)job->train.epochs);
    for (size_t a = 0; a < job->arms; a++) {
        const struct psi_arm *arm = &job->arm[a];
        if (psi_study_step(study, arm->rewind) >= steps)
            return psi_fail(err, PSI_USAGE,
                            "arms: entry %zu (%s): rewind: expected less than the %zu steps of "
                            "train, found %g epochs, which are %zu",
                            a + 1, arm->name, steps, arm->rewind,
                            psi_study_step(study, arm->rewind));
    }
    return PSI_OK;
}

size_t psi_study_step(const struct psi_study *study, double epoch)
{
    size_t steps = study->dataset->train.samples / study->job->train.batch; /* an epoch */
    return (size_t)llround(epoch * (double)steps);
}

enum psi_status psi_study_create(const struct psi_job *job, int kernel_level,
                                 struct psi_study **out, struct psi_error *err)
{
    /* Evaluation runs in chunks of the network's largest batch: wide enough for GEMM to reach its
     * rate, small enough that activations stay in the second-level cache. Those of convolutions are
     * larger, and their kernels want no more than a tile. */
    enum { DENSE_BATCH = 240, CONV_BATCH = 64 };
    size_t least = job->model.kind == PSI_MLP ? DENSE_BATCH : CONV_BATCH;
    enum psi_status status = PSI_OK;
    struct psi_study *study = psi_allocate(1, sizeof *study, "study", err);
    if (!study)
        return PSI_MEMORY;
    study->job = job;
    size_t batch = job->train.batch > job->retrain.batch ? job->train.batch : job->retrain.batch;
    if (batch < least)
        batch = least;

    struct psi_data_spec data = job->data;
    data.cache = psi_dataset_cache();
    if ((status = psi_dataset_create(&data, &study->dataset, err)))
        goto out;
    size_t samples = study->dataset->train.samples;
    for (int again = 0; again < 2; again++) {
        const struct psi_train_spec *spec = again ? &job->retrain : &job->train;
        if (spec->batch > samples) {
            status = psi_fail(err, PSI_USAGE,
                              "%strain.batch: expected at most the %zu training samples, found %zu",
                              again ? "re" : "", samples, spec->batch);
            goto out;
        }
    }
    if ((status = psi_network_create(&job->model, study->dataset, batch, kernel_level,
                                     &study->network, err)))
        goto out;
    study->mask = psi_allocate(psi_network_weights(study->network), 1, "mask", err);
    study->class_share = psi_allocate(study->dataset->classes, sizeof(double), "shares", err);
    if (!study->mask || !study->class_share) {
        status = PSI_MEMORY;
        goto out;
    }
    psi_class_shares(&study->dataset->test, study->dataset->classes, study->class_share);
    if ((status = check_modes(study, err)) || (status = check_rewinds(study, err)))
        goto out;
    study->layout = psi_layout_of(job, study->network);
    study->chance_test = psi_split_chance(&study->dataset->test);
    study->chance_validation =
        study->dataset->validation.samples ? psi_split_chance(&study->dataset->validation) : NAN;
    study->input_density = psi_split_density(study->dataset, &study->dataset->train);
    *out = study;
    return PSI_OK;
out:
    psi_study_destroy(study);
    return status;
}

void psi_study_destroy(struct psi_study *study)
{
    if (!study)
        return;
    free(study->class_share);
    free(study->mask);
    psi_network_destroy(study->network);
    psi_dataset_destroy(study->dataset);
    free(study);
}

double psi_normalise(double accuracy, double dense_accuracy, double chance, size_t samples)
{
    if (samples == 0 || isnan(dense_accuracy) || isnan(chance))
        return NAN;
    size_t correct = (size_t)llround(dense_accuracy * (double)samples);
    if (!(dense_accuracy > chance) || psi_binomial_upper(correct, samples, chance) > 0.01)
        return NAN;
    return (accuracy - chance) / (dense_accuracy - chance);
}
