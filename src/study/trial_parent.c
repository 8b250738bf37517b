#include "psisweep/memory.h"
#include "psisweep/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void parent_curve_end(struct psi_study *study, struct psi_parent *parent)
{
    if (study->dataset->validation.samples)
        parent->validation_accuracy = parent->curve[study->job->train.epochs];
}

/* Singular values, ranks and edges of every dense matrix; k = values above the permutation edge. */
static enum psi_status parent_spectra(struct psi_study *study, uint32_t seed,
                                      const struct psi_progress *progress,
                                      struct psi_parent *parent, struct psi_error *err)
{
    enum { DRAWS = 99 };
    size_t modes = study->layout.extent[PSI_AXIS_MODE];
    for (size_t i = 0; i < psi_network_matrices(study->network); i++) {
        const struct psi_weight_matrix *m = psi_network_matrix(study->network, i);
        const float *w = parent->parameter + m->offset;
        double *value = parent->singular_value + i * modes; /* (modes), the first rank of them */
        size_t rank = m->rows < m->cols ? m->rows : m->cols;
        struct psi_random random;
        enum psi_status status;

        if ((status = psi_singular_values(w, m->rows, m->cols, value, err)))
            return status;
        parent->stable_rank[i] = psi_stable_rank(value, rank);
        parent->effective_rank[i] = psi_effective_rank(value, rank);
        parent->marchenko_pastur_edge[i] = psi_marchenko_pastur_edge(w, m->rows, m->cols);
        psi_random_open(&random, study->job->random_seed, "permutation/seed=%u/layer=%s", seed,
                        m->name);
        if ((status = psi_permutation_edge(w, m->rows, m->cols, DRAWS, &random, progress,
                                           &parent->permutation_edge[i], err)))
            return status;
        size_t k = 0;
        while (k < rank && value[k] > parent->permutation_edge[i])
            k++;
        parent->dominant_modes[i] = (int32_t)k;
    }
    return PSI_OK;
}

/* Keeps the parameters of the epochs on the rewind axis. */
struct snapshots {
    struct psi_study *study;
    const struct psi_network *compiled; /* what is trained, or NULL: the study's own */
    struct psi_parent *parent;
    double epoch[PSI_REWINDS_MAX];
    size_t count;
};

static enum psi_status snapshot(void *context, size_t step, struct psi_optimizer_state *state,
                                struct psi_error *err)
{
    const struct snapshots *s = context;
    struct psi_network *network = s->study->network;
    size_t parameters = psi_network_parameters(network);
    (void)state;
    (void)err;
    for (size_t i = 0; i < s->count; i++) {
        if (step != psi_study_step(s->study, s->epoch[i]))
            continue;
        if (s->compiled)
            psi_network_expand(s->compiled, network);
        memcpy(s->parent->rewind_parameter + i * parameters, psi_network_parameter(network),
               parameters * sizeof(float));
    }
    return PSI_OK;
}

/* Train the study's network, all weights kept and compiled where that is faster, and score it. */
static enum psi_status parent_train(struct psi_study *study, const struct psi_training *training,
                                    struct snapshots *kept, int *diverged, struct psi_score *score,
                                    struct psi_error *err)
{
    struct psi_network *compiled = NULL;
    memset(study->mask, 1, psi_network_weights(study->network));
    enum psi_status status =
        psi_network_compile(study->network, study->mask, study->input_density, &compiled, err);
    if (status != PSI_OK)
        return status;
    struct psi_network *network = compiled ? compiled : study->network;
    kept->compiled = compiled;
    status = psi_train(network, training, diverged, err);
    if (status == PSI_OK)
        status = psi_evaluate(network, study->dataset, &study->dataset->test, training->progress,
                              score, err);
    if (status == PSI_OK && compiled)
        psi_network_expand(compiled, study->network);
    psi_network_destroy(compiled);
    return status;
}

enum psi_status psi_trial_parent(struct psi_study *study, size_t seed,
                                 const struct psi_progress *progress, struct psi_parent *parent,
                                 struct psi_error *err)
{
    const struct psi_job *job = study->job;
    uint32_t value = job->seed[seed];
    struct psi_random random;
    struct psi_score score;
    enum psi_status status;
    int diverged = 0;
    char name[64];

    psi_record_reset(PSI_OF_PARENT, &study->layout, parent);
    psi_random_open(&random, job->random_seed, "initialise/seed=%u", value);
    psi_network_initialise(study->network, &random);
    snprintf(name, sizeof name, "train/seed=%u", value);
    struct snapshots kept = {.study = study, .parent = parent};
    kept.count = psi_job_rewinds(job, kept.epoch);
    struct psi_step_hook hook = {.call = snapshot, .context = &kept};
    struct psi_training training = {.spec = &job->train,
                                    .dataset = study->dataset,
                                    .random_seed = job->random_seed,
                                    .random_name = name,
                                    .progress = progress,
                                    .hook = kept.count ? &hook : NULL,
                                    .curve = parent->curve};
    if ((status = parent_train(study, &training, &kept, &diverged, &score, err)))
        return status;
    parent->diverged = diverged || !isfinite(score.loss);
    parent->accuracy = score.accuracy;
    parent->loss = score.loss;
    parent->predicted_classes = (int32_t)score.predicted_classes;
    parent_curve_end(study, parent);
    memcpy(parent->parameter, psi_network_parameter(study->network),
           psi_network_parameters(study->network) * sizeof *parent->parameter);
    return parent_spectra(study, value, progress, parent, err);
}

size_t psi_parent_modes_used(const struct psi_study *study, const struct psi_parent *parent,
                             size_t layer)
{
    size_t k = (size_t)parent->dominant_modes[layer];
    return k < study->job->modes ? k : study->job->modes;
}

enum psi_status psi_parent_modes_create(struct psi_study *study, const struct psi_parent *parent,
                                        const struct psi_progress *progress,
                                        struct psi_parent_modes **out, struct psi_error *err)
{
    size_t layers = psi_network_matrices(study->network);
    enum psi_status status = PSI_MEMORY;
    struct psi_parent_modes *modes = psi_allocate(1, sizeof *modes, "dense modes", err);
    if (!modes || !(modes->layer = psi_allocate(layers, sizeof *modes->layer, "dense modes", err)))
        goto out;
    modes->layers = layers;
    for (size_t i = 0; i < layers; i++) {
        const struct psi_weight_matrix *m = psi_network_matrix(study->network, i);
        size_t k = psi_parent_modes_used(study, parent, i);
        if (k < PSI_FIXED_MODES)
            k = PSI_FIXED_MODES;
        for (size_t a = 0; a < study->job->arms; a++) {
            const struct psi_arm *arm = &study->job->arm[a];
            int named = arm->change == PSI_CHANGE_PRESERVE || arm->change == PSI_CHANGE_DESTROY ||
                        arm->hold;
            if (named && k < arm->modes)
                k = arm->modes;
        }
        if ((status = psi_modes_compute(parent->parameter + m->offset, m->rows, m->cols, k, NULL,
                                        &modes->layer[i], err)))
            goto out;
        if (psi_progress_stop(progress)) {
            status = psi_fail(err, PSI_STOPPED, "asked to stop");
            goto out;
        }
    }
    *out = modes;
    return PSI_OK;
out:
    psi_parent_modes_destroy(modes);
    return status;
}

void psi_parent_modes_destroy(struct psi_parent_modes *modes)
{
    if (!modes)
        return;
    for (size_t i = 0; i < modes->layers; i++)
        psi_modes_clear(&modes->layer[i]);
    free(modes->layer);
    free(modes);
}
