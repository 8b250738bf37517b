#include "psisweep/train.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>

double psi_train_rate(const struct psi_train_spec *spec, size_t steps_per_epoch, size_t step)
{
    const double pi = 3.14159265358979323846;
    double epoch = (double)steps_per_epoch;
    double warmup = round(spec->warmup * epoch), t = (double)step - warmup;
    if (t < 0)
        return spec->rate * ((double)step + 1) / warmup;
    switch (spec->schedule) {
    case PSI_STEP: /* the 1e-9 forgives the rounding of a fractional step_epochs */
        return spec->rate * pow(spec->step_factor, floor(t / (spec->step_epochs * epoch) + 1e-9));
    case PSI_COSINE:
        return spec->rate * 0.5 * (1 + cos(pi * t / ((double)spec->epochs * epoch - warmup)));
    default:
        return spec->rate;
    }
}

/* A run's working memory: allocated once, then only filled. */
struct run {
    const struct psi_training *training;
    struct psi_network *network;
    struct psi_optimizer_state *optimizer;
    size_t steps_per_epoch;
    uint32_t *order; /* (training samples) of this epoch */
    uint8_t *label;  /* (batch) */
    float *dlogits;  /* (classes, batch) */
};

static void shuffle(struct run *run, size_t epoch)
{
    const struct psi_training *training = run->training;
    uint32_t samples = (uint32_t)training->dataset->train.samples;
    struct psi_random random;
    psi_random_open(&random, training->random_seed, "%s/epoch=%zu", training->random_name, epoch);
    for (uint32_t i = 0; i < samples; i++)
        run->order[i] = i;
    psi_random_shuffle(&random, run->order, samples);
}

/* Gather, forward, loss, backward, update; 0 if the loss is not finite, and then no update. */
static int take_step(struct run *run, size_t epoch, size_t step)
{
    const struct psi_training *training = run->training;
    const struct psi_split *split = &training->dataset->train;
    size_t batch = training->spec->batch;
    const uint32_t *index = run->order + step * batch;
    for (size_t b = 0; b < batch; b++)
        run->label[b] = split->label[index[b]];
    psi_network_gather(run->network, training->dataset, split, index, batch);
    if (step + 1 < run->steps_per_epoch)
        psi_dataset_prefetch(training->dataset, split, index + batch, batch);
    const float *logits = psi_network_forward_training(run->network, batch);
    double loss = psi_softmax_cross_entropy(logits, run->label, psi_network_classes(run->network),
                                            batch, run->dlogits);
    if (!isfinite(loss))
        return 0;
    double rate =
        psi_train_rate(training->spec, run->steps_per_epoch, epoch * run->steps_per_epoch + step);
    psi_optimizer_step(run->optimizer, run->network, training->mask, batch, run->dlogits, rate);
    return 1;
}

/* Point `epoch` of the curve; *finite = 0 where the validation loss is not. */
static enum psi_status add_point(struct run *run, size_t epoch, int *finite, struct psi_error *err)
{
    const struct psi_training *training = run->training;
    const struct psi_dataset *dataset = training->dataset;
    struct psi_score score;
    if (!training->curve || dataset->validation.samples == 0)
        return PSI_OK;
    enum psi_status status =
        psi_evaluate(run->network, dataset, &dataset->validation, training->progress, &score, err);
    if (status != PSI_OK)
        return status;
    *finite = isfinite(score.loss);
    if (*finite)
        training->curve[epoch] = score.accuracy;
    return PSI_OK;
}

static enum psi_status call_hook(struct run *run, size_t step, struct psi_error *err)
{
    const struct psi_step_hook *hook = run->training->hook;
    return hook ? hook->call(hook->context, step, run->optimizer, err) : PSI_OK;
}

/* Steps first .. of an epoch. */
static enum psi_status train_epoch(struct run *run, size_t epoch, size_t first, int *finite,
                                   struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    shuffle(run, epoch);
    for (size_t step = first; status == PSI_OK && step < run->steps_per_epoch; step++) {
        if (psi_progress_stop(run->training->progress))
            return psi_fail(err, PSI_STOPPED, "training: asked to stop in epoch %zu", epoch);
        *finite = take_step(run, epoch, step);
        if (!*finite)
            return PSI_OK;
        status = call_hook(run, epoch * run->steps_per_epoch + step + 1, err);
    }
    return status;
}

static enum psi_status train_epochs(struct run *run, int *diverged, struct psi_error *err)
{
    size_t first_step = run->training->first_step, epoch = first_step / run->steps_per_epoch;
    size_t first = first_step % run->steps_per_epoch;
    int finite = 1;
    enum psi_status status = call_hook(run, first_step, err);
    if (status == PSI_OK)
        status = add_point(run, epoch, &finite, err);
    for (; status == PSI_OK && finite && epoch < run->training->spec->epochs; epoch++, first = 0) {
        status = train_epoch(run, epoch, first, &finite, err);
        if (status == PSI_OK && finite)
            status = add_point(run, epoch + 1, &finite, err);
    }
    *diverged = !finite;
    return status;
}

static enum psi_status check(const struct psi_network *network, const struct psi_training *training,
                             struct psi_error *err)
{
    size_t batch = training->spec->batch, samples = training->dataset->train.samples;
    if (batch < 1 || batch > psi_network_max_batch(network))
        return psi_fail(err, PSI_USAGE, "training: batch of 1 to %zu expected, %zu found",
                        psi_network_max_batch(network), batch);
    if (samples < batch || samples > UINT32_MAX)
        return psi_fail(err, PSI_USAGE,
                        "training: a batch is %zu samples, the training split has %zu", batch,
                        samples);
    size_t steps = training->spec->epochs * (samples / batch);
    if (training->first_step && training->first_step >= steps)
        return psi_fail(err, PSI_USAGE, "training: a first step of 0 to %zu expected, %zu found",
                        steps ? steps - 1 : 0, training->first_step);
    return PSI_OK;
}

enum psi_status psi_train(struct psi_network *network, const struct psi_training *training,
                          int *diverged, struct psi_error *err)
{
    const struct psi_train_spec *spec = training->spec;
    enum psi_status status = check(network, training, err);
    if (status != PSI_OK)
        return status;
    struct run run = {.training = training, .network = network};
    run.steps_per_epoch = training->dataset->train.samples / spec->batch;
    status = psi_optimizer_create(spec, psi_network_parameters(network), &run.optimizer, err);
    if (status != PSI_OK)
        return status;
    status = PSI_MEMORY;
    run.order = psi_allocate(training->dataset->train.samples, sizeof *run.order, "training", err);
    run.label = psi_allocate(spec->batch, sizeof *run.label, "training", err);
    run.dlogits = psi_allocate(psi_network_classes(network) * spec->batch, sizeof *run.dlogits,
                               "training", err);
    if (!run.order || !run.label || !run.dlogits)
        goto out;

    float *weight = psi_network_parameter(network);
    for (size_t i = 0; training->mask && i < psi_network_weights(network); i++)
        weight[i] = training->mask[i] ? weight[i] : 0;
    for (size_t i = 0; training->curve && i <= spec->epochs; i++)
        training->curve[i] = NAN;
    status = train_epochs(&run, diverged, err);
out:
    free(run.dlogits);
    free(run.label);
    free(run.order);
    psi_optimizer_destroy(run.optimizer);
    return status;
}
