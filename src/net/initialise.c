/* What parameters are before training: of a dense network, and of one that trains from scratch
 * under a mask. */
#include "layer.h"
#include "psisweep/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void psi_network_initialise(struct psi_network *network, struct psi_random *random)
{
    for (size_t i = 0; i < network->layers; i++) {
        const struct psi_layer *layer = &network->layer[i];
        float *weight = network->parameter + layer->weight;
        double fans = network->init == PSI_GLOROT ? (double)(layer->fan_in + layer->fan_out)
                                                  : (double)layer->fan_in;
        for (size_t w = 0; w < layer->weights; w++)
            weight[w] = (float)(sqrt(2 / fans) * psi_random_normal(random));
    }
    memset(network->parameter + network->weights, 0,
           (network->parameters - network->weights) * sizeof(float));
    for (size_t i = 0; i < network->layers; i++)
        if (network->layer[i].type->initialise)
            network->layer[i].type->initialise(&network->layer[i], network->parameter);
}

/* reads (input channels) = surviving weights that read each of them; of a dense layer every input
 * is one. */
static void count_fan_out(const struct psi_layer *layer, const uint8_t *mask, size_t window,
                          size_t *reads)
{
    memset(reads, 0, layer->fan_in / window * sizeof *reads);
    for (size_t w = 0; w < layer->weights; w++)
        reads[w % layer->fan_in / window] += mask[w];
}

/* w *= sqrt(fans / surviving fans), for weights (units, fan_in) drawn with variance 2 / fans. */
static void rescale(const struct psi_layer *layer, const uint8_t *mask, int init, size_t *reads,
                    float *weight)
{
    size_t window = layer->kernel ? layer->kernel * layer->kernel : 1;
    count_fan_out(layer, mask, window, reads);
    for (size_t first = 0; first < layer->weights; first += layer->fan_in) {
        size_t fan_in = 0;
        for (size_t i = 0; i < layer->fan_in; i++)
            fan_in += mask[first + i];
        for (size_t i = 0; i < layer->fan_in; i++) {
            size_t w = first + i;
            size_t fan_out = init == PSI_GLOROT ? reads[i / window] : 0;
            size_t all = layer->fan_in + (init == PSI_GLOROT ? layer->fan_out : 0);
            double grow = sqrt((double)all / (double)(fan_in + fan_out));
            weight[w] = mask[w] ? (float)(grow * weight[w]) : 0;
        }
    }
}

enum psi_status psi_network_initialise_masked(struct psi_network *network, const uint8_t *mask,
                                              struct psi_random *random, struct psi_error *err)
{
    assert(!network->compiled);
    size_t inputs = 0;
    for (size_t i = 0; i < network->layers; i++)
        inputs = network->layer[i].fan_in > inputs ? network->layer[i].fan_in : inputs;
    size_t *reads = psi_allocate(inputs, sizeof *reads, "initial weights", err);
    if (!reads)
        return PSI_MEMORY;
    psi_network_initialise(network, random);
    for (size_t i = 0; i < network->layers; i++) {
        const struct psi_layer *layer = &network->layer[i];
        if (layer->weights)
            rescale(layer, mask + layer->weight, network->init, reads,
                    network->parameter + layer->weight);
    }
    free(reads);
    return PSI_OK;
}
