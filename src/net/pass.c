#include "denormal.h"
#include "layer.h"

#include <assert.h>
#include <string.h>

float *psi_network_input(struct psi_network *network)
{
    network->packed.use = 0; /* the caller may write what he likes */
    return network->activation[0].value;
}

/* Sort the blocks of the input into live and dead ones and pack the live rows, where that pays: at
 * an eighth dead, what the products save is what packing costs. */
static void pack_input(struct psi_network *network, size_t batch)
{
    struct psi_packed_input *packed = &network->packed;
    struct psi_skip *skip = &packed->skip;
    size_t features = network->activation[0].features, blocks = features / PSI_BLOCK;
    packed->use = 0;
    if (packed->none || features % PSI_BLOCK)
        return;
    skip->live = skip->dead = 0;
    for (size_t i = 0; i < blocks; i++) {
        uint32_t any;
        memcpy(&any, packed->seen + PSI_BLOCK * i, sizeof any);
        skip->block[any ? skip->live++ : blocks - ++skip->dead] = (uint32_t)i;
    }
    if (8 * skip->dead < blocks)
        return;
    packed->use = 1;
    float *row = packed->x;
    for (size_t i = 0; i < skip->live; i++, row += PSI_BLOCK * batch)
        memcpy(row, network->activation[0].value + PSI_BLOCK * skip->block[i] * batch,
               PSI_BLOCK * batch * sizeof *row);
    for (size_t b = 0; b < batch; b++)
        row[b] = 1;
}

void psi_network_gather(struct psi_network *network, const struct psi_dataset *dataset,
                        const struct psi_split *split, const uint32_t *index, size_t batch)
{
    assert(batch <= network->max_batch);
    assert(dataset->features == network->activation[0].features);
    struct psi_gather from = {.pixel = split->pixel,
                              .index = index,
                              .channels = dataset->channels,
                              .plane = dataset->height * dataset->width,
                              .mean = dataset->mean,
                              .deviation = dataset->deviation};
    float *constant = network->packed.constant;
    for (size_t channel = 0; channel < from.channels; channel++)
        for (size_t i = 0; i < from.plane; i++)
            *constant++ = -dataset->mean[channel] * (1 / dataset->deviation[channel]);
    network->kernels->gather(&from, batch, network->activation[0].value, network->packed.seen);
    pack_input(network, batch);
}

/* state: the parameters in training, else NULL. */
static struct psi_pass open_pass(const struct psi_network *network, size_t batch, float *state)
{
    assert(batch >= 1 && batch <= network->max_batch);
    return (struct psi_pass){.kernels = network->kernels,
                             .parameter = network->parameter,
                             .batch = batch,
                             .packed = network->packed.use ? &network->packed : NULL,
                             .work = network->work,
                             .state = state};
}

static const float *forward(struct psi_network *network, const struct psi_pass *pass)
{
    unsigned long mode = psi_denormal_flush();
    for (size_t i = 0; i < network->layers; i++) {
        const struct psi_layer *layer = &network->layer[i];
        const float *x[PSI_INPUTS_MAX] = {NULL};
        for (size_t k = 0; k < layer->type->inputs; k++)
            x[k] = network->activation[layer->input[k]].value;
        layer->type->forward(layer, pass, x, network->activation[i + 1].value);
    }
    psi_denormal_restore(mode);
    return network->activation[network->layers].value;
}

const float *psi_network_forward(struct psi_network *network, size_t batch)
{
    struct psi_pass pass = open_pass(network, batch, NULL);
    return forward(network, &pass);
}

const float *psi_network_forward_training(struct psi_network *network, size_t batch)
{
    struct psi_pass pass = open_pass(network, batch, network->parameter);
    return forward(network, &pass);
}

/* Has a layer after number `after`, or an input of it before number k, written activation a's
 * gradient already? */
static int is_written(const struct psi_network *network, size_t a, size_t after, size_t k)
{
    for (size_t i = after; i < network->layers; i++) {
        const struct psi_layer *layer = &network->layer[i];
        size_t inputs = i == after ? k : layer->type->inputs;
        for (size_t j = 0; j < inputs; j++)
            if (layer->input[j] == a)
                return 1;
    }
    return 0;
}

void psi_network_backward(struct psi_network *network, size_t batch, float *dlogits, float decay,
                          float *gradient)
{
    struct psi_pass pass = open_pass(network, batch, network->parameter);
    unsigned long mode = psi_denormal_flush();
    for (size_t i = network->layers; i-- > 0;) {
        const struct psi_layer *layer = &network->layer[i];
        const float *x[PSI_INPUTS_MAX] = {NULL};
        struct psi_input_gradient dx[PSI_INPUTS_MAX] = {{NULL, 0}};
        for (size_t k = 0; k < layer->type->inputs; k++) {
            size_t a = layer->input[k];
            x[k] = network->activation[a].value;
            dx[k].dx = network->activation[a].gradient;
            dx[k].add = is_written(network, a, i, k);
        }
        const struct psi_activation *y = &network->activation[i + 1];
        float *dy = i + 1 == network->layers ? dlogits : y->gradient;
        layer->type->backward(layer, &pass, x, y->value, dy, decay, gradient, dx);
    }
    psi_denormal_restore(mode);
}
