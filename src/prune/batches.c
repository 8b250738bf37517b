/* Training samples for criteria that look at data. */
#include "score.h"
#include "psisweep/memory.h"
#include "psisweep/train.h"

#include <stdlib.h>

/* Samples a class that are enough where nobody says how many; and samples of a batch: few, for
 * exact second derivatives keep four arrays of doubles of every activation. */
enum { SAMPLES_A_CLASS = 10, BATCH = 25 };

static size_t batch_of(const struct psi_score_input *input)
{
    size_t most = psi_network_max_batch(input->network);
    return most < BATCH ? most : BATCH;
}

enum psi_status psi_batches_open(struct psi_batches *batches, const struct psi_score_input *input,
                                 struct psi_error *err)
{
    const struct psi_split *train = &input->dataset->train;
    size_t classes = psi_network_classes(input->network), samples = input->samples;
    if (samples == 0)
        samples = SAMPLES_A_CLASS * classes;
    *batches = (struct psi_batches){.input = input,
                                    .samples = samples < train->samples ? samples : train->samples};
    size_t batch = batch_of(input);
    batches->order = psi_allocate(train->samples, sizeof *batches->order, "samples", err);
    batches->label = psi_allocate(batch, sizeof *batches->label, "samples", err);
    batches->dlogits = psi_allocate(classes * batch, sizeof *batches->dlogits, "samples", err);
    batches->gradient = psi_allocate(psi_network_parameters(input->network),
                                     sizeof *batches->gradient, "gradients", err);
    if (!batches->order || !batches->label || !batches->dlogits || !batches->gradient) {
        psi_batches_close(batches);
        return PSI_MEMORY;
    }
    for (size_t i = 0; i < train->samples; i++)
        batches->order[i] = (uint32_t)i;
    psi_random_shuffle(input->random, batches->order, (uint32_t)train->samples);
    return PSI_OK;
}

void psi_batches_close(struct psi_batches *batches)
{
    free(batches->gradient);
    free(batches->dlogits);
    free(batches->label);
    free(batches->order);
    *batches = (struct psi_batches){0};
}

size_t psi_batches_next(struct psi_batches *batches)
{
    const struct psi_score_input *input = batches->input;
    const struct psi_split *train = &input->dataset->train;
    size_t batch = batch_of(input), left = batches->samples - batches->next;
    if (left == 0) {
        batches->next = 0;
        return 0;
    }
    batch = left < batch ? left : batch;
    const uint32_t *index = batches->order + batches->next;
    for (size_t b = 0; b < batch; b++)
        batches->label[b] = train->label[index[b]];
    psi_network_gather(input->network, input->dataset, train, index, batch);
    batches->next += batch;
    return batch;
}

void psi_batches_gradient(struct psi_batches *batches, size_t batch)
{
    struct psi_network *network = batches->input->network;
    const float *logits = psi_network_forward_training(network, batch);
    psi_softmax_cross_entropy(logits, batches->label, psi_network_classes(network), batch,
                              batches->dlogits);
    psi_network_backward(network, batch, batches->dlogits, 0, batches->gradient);
    float share = (float)batch / (float)batches->samples;
    for (size_t i = 0; i < psi_network_trained(network); i++)
        batches->gradient[i] *= share;
}

enum psi_status psi_batches_stop(const struct psi_batches *batches, struct psi_error *err)
{
    if (psi_progress_stop(batches->input->progress))
        return psi_fail(err, PSI_STOPPED, "scores of weights: asked to stop");
    return PSI_OK;
}
