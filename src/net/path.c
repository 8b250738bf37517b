#include "layer.h"
#include "psisweep/memory.h"

#include <stdlib.h>
#include <string.h>

enum psi_status psi_network_paths(const struct psi_network *network, const uint8_t *mask,
                                  uint8_t *on_path, uint8_t *reachable, size_t *count,
                                  struct psi_error *err)
{
    /* A weight is on a path if an input reaches its tail and its head leads to an output. One flag
     * of each kind for every feature of every activation, activations one after another. */
    size_t features = 0;
    for (size_t a = 0; a <= network->layers; a++)
        features += network->activation[a].features;
    uint8_t *flag = psi_allocate(features, 2, "paths", err);
    uint8_t **start = psi_allocate(network->layers + 1, 2 * sizeof *start, "paths", err);
    enum psi_status status = PSI_MEMORY;
    if (!flag || !start)
        goto out;
    uint8_t **reached = start, **useful = start + network->layers + 1;
    reached[0] = flag;
    for (size_t a = 0; a <= network->layers; a++) {
        useful[a] = reached[a] + features;
        if (a < network->layers)
            reached[a + 1] = reached[a] + network->activation[a].features;
    }

    memset(reached[0], 1, network->activation[0].features);
    for (size_t i = 0; i < network->layers; i++) {
        const struct psi_layer *layer = &network->layer[i];
        const uint8_t *from[PSI_INPUTS_MAX] = {NULL};
        for (size_t k = 0; k < layer->type->inputs; k++)
            from[k] = reached[layer->input[k]];
        layer->type->reach_forward(layer, mask, from, reached[i + 1]);
    }

    size_t classes = network->activation[network->layers].features;
    memset(useful[network->layers], 1, classes);
    *count = 0;
    for (size_t i = network->layers; i-- > 0;) {
        const struct psi_layer *layer = &network->layer[i];
        const uint8_t *from[PSI_INPUTS_MAX] = {NULL};
        uint8_t *to[PSI_INPUTS_MAX] = {NULL};
        for (size_t k = 0; k < layer->type->inputs; k++) {
            from[k] = reached[layer->input[k]];
            to[k] = useful[layer->input[k]];
        }
        *count += layer->type->reach_backward(layer, mask, useful[i + 1], from, to, on_path);
    }
    if (reachable)
        memcpy(reachable, reached[network->layers], classes);
    status = PSI_OK;
out:
    free(start);
    free(flag);
    return status;
}
