#include "psisweep/memory.h"
#include "psisweep/stat.h"
#include "psisweep/trial.h"

#include <math.h>
#include <stdlib.h>

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

    if ((status = psi_dataset_create(&job->data, &study->dataset, err)))
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
    if (!study->mask) {
        status = PSI_MEMORY;
        goto out;
    }
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
