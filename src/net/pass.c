#include "denormal.h"
#include "layer.h"

#include <assert.h>

float *psi_network_input(struct psi_network *network)
{
    return network->activation[0].value;
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
    network->kernels->gather(&from, batch, network->activation[0].value);
}

const float *psi_network_forward(struct psi_network *network, size_t batch)
{
    assert(batch >= 1 && batch <= network->max_batch);
    unsigned long mode = psi_denormal_flush();
    struct psi_pass pass = {network->kernels, network->parameter, batch};
    for (size_t i = 0; i < network->layers; i++) {
        const struct psi_layer *layer = &network->layer[i];
        const float *x[PSI_INPUTS_MAX] = {NULL};
        for (size_t k = 0; k < layer->type->inputs; k++)
            x[k] = network->activation[layer->input[k]].value;
        layer->type->forward(layer, &pass, x, network->activation[i + 1].value);
    }
    psi_denormal_restore(mode);
    return network->activation[network->layers].value;
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
    assert(batch >= 1 && batch <= network->max_batch);
    unsigned long mode = psi_denormal_flush();
    struct psi_pass pass = {network->kernels, network->parameter, batch};
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
