/* One rung of the rescue ladder. */
#include "trial_private.h"

#include "psisweep/dynamic.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* retrain's, stretched: the shape of its schedule stays. */
static struct psi_train_spec rung_spec(const struct psi_job *job, const struct psi_rung *rung)
{
    struct psi_train_spec spec = job->retrain;
    double budget = (double)rung->budget;
    spec.epochs *= rung->budget;
    spec.warmup *= budget;
    spec.step_epochs *= budget;
    spec.rate *= (double)rung->rate;
    return spec;
}

/* The pruned weights that a rung starts from, in the network, under study->mask. */
static enum psi_status rung_start(struct psi_trial *trial, const struct psi_rung *rung,
                                  size_t donor, const char *stream, struct psi_error *err)
{
    struct psi_study *study = trial->study;
    struct psi_random random;
    enum psi_status status = psi_trial_source(trial, err);
    if (status)
        return status;
    switch (rung->kind) {
    case PSI_RUNG_REINITIALISE:
        psi_random_open(&random, study->job->random_seed, "reinitialise/%s", stream);
        return psi_network_initialise_masked(study->network, study->mask, &random, err);
    case PSI_RUNG_REWIND:
        psi_trial_rewind(trial, study->job->rescue.rewind_epoch);
        break;
    case PSI_RUNG_TRANSPLANT:
        return psi_trial_transplant(trial, donor, err);
    default:
        break;
    }
    psi_trial_apply_mask(trial);
    return PSI_OK;
}

static enum psi_status rung_rewire(struct psi_trial *trial, struct psi_retraining *how,
                                   int *diverged, struct psi_score *score, struct psi_error *err)
{
    /* RigL's own: every 100 steps over three quarters of the training, from a share of .3 */
    enum { INTERVAL = 100 };
    struct psi_study *study = trial->study;
    struct psi_rewire *rewire = NULL;
    size_t steps = how->spec->epochs * (study->dataset->train.samples / how->spec->batch);
    struct psi_rewire_spec spec = {.interval = steps / 40 < INTERVAL ? steps / 40 + 1 : INTERVAL,
                                   .end = steps / 4 * 3,
                                   .fraction = 0.3,
                                   .batch = how->spec->batch};
    enum psi_status status = psi_rewire_create(&spec, study->network, study->dataset, study->mask,
                                               study->job->random_seed, how->stream, &rewire, err);
    if (status)
        return status;
    struct psi_step_hook hook = {.call = psi_rewire_step, .context = rewire};
    how->hook = &hook;
    status = psi_trial_retrain(trial, how, diverged, score, err);
    psi_rewire_destroy(rewire);
    return status;
}

/* One draw: adds what it reaches to the record. curve (spec->epochs + 1) is room. */
static enum psi_status rung_draw(struct psi_trial *trial, const struct psi_rung *rung, size_t draw,
                                 size_t donor, double *curve, struct psi_rung_record *record,
                                 struct psi_error *err)
{
    struct psi_study *study = trial->study;
    const struct psi_parent *parent = trial->from->parent;
    struct psi_train_spec spec = rung_spec(study->job, rung);
    size_t validation = study->dataset->validation.samples;
    double share = 1.0 / (double)rung->draws;
    char stream[PSI_TRIAL_KEY + PSI_RUNG_NAME + 48];
    struct psi_score score;
    int diverged = 0;
    enum psi_status status;

    snprintf(stream, sizeof stream, "rescue/%s/%s/draw=%zu", rung->name, trial->key, draw);
    if ((status = psi_trial_mask(trial, err)) ||
        (status = rung_start(trial, rung, donor, stream, err)))
        return status;
    if (rung->kind == PSI_RUNG_REGROW) /* from the pruned weights on, all may live */
        memset(study->mask, 1, psi_network_weights(study->network));
    struct psi_retraining how = {.spec = &spec, .stream = stream, .curve = curve};
    int held = study->job->arm[trial->arm].hold && !psi_rung_moves(rung);
    status = (rung->kind == PSI_RUNG_REWIRE ? rung_rewire
              : held                        ? psi_trial_retrain_held
                     : psi_trial_retrain)(trial, &how, &diverged, &score, err);
    if (status)
        return status;
    record->diverged = (uint8_t)(record->diverged + diverged);
    record->accuracy += share * score.accuracy;
    record->loss += share * score.loss;
    record->psi +=
        share * psi_normalise(score.accuracy, parent->accuracy, study->chance_test, score.samples);
    for (size_t e = 0; e <= spec.epochs; e++)
        record->curve[e] += share * psi_normalise(curve[e], parent->validation_accuracy,
                                                  study->chance_validation, validation);
    return PSI_OK;
}

enum psi_status psi_trial_rung(struct psi_study *study, size_t arm, size_t seed, size_t density,
                               const struct psi_rung *rung, size_t donor,
                               const struct psi_trial_from *from,
                               const struct psi_progress *progress, struct psi_rung_record *record,
                               struct psi_error *err)
{
    struct psi_trial trial = psi_trial_open(study, arm, seed, density, from, progress);
    size_t epochs = rung->budget * study->job->retrain.epochs;
    enum psi_status status = PSI_OK;

    trial.finished = 1;
    psi_record_reset(PSI_OF_RUNG, &study->layout, record);
    if (rung->kind == PSI_RUNG_TRANSPLANT && donor == SIZE_MAX)
        return PSI_OK;
    double *curve = psi_allocate(epochs + 1, sizeof *curve, "curve", err);
    if (!curve)
        return PSI_MEMORY;
    record->accuracy = record->loss = record->psi = 0.0;
    for (size_t e = 0; e <= epochs; e++)
        record->curve[e] = 0.0;
    for (size_t draw = 0; !status && draw < rung->draws; draw++)
        status = rung_draw(&trial, rung, draw, donor, curve, record, err);
    record->validation_psi = record->curve[epochs];
    psi_trial_discard(&trial);
    free(curve);
    return status;
}
