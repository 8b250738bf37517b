/* The base mask of preserve/destroy pairs, for tests: magnitude with noise .35, trimmed. */
#ifndef TESTS_BASE_MASK_H
#define TESTS_BASE_MASK_H

#include "psisweep/prune.h"

#include <string.h>

static enum psi_status base_mask(struct psi_network *network, const float *parameter,
                                 double density, struct psi_random *random, uint8_t *mask,
                                 struct psi_error *err)
{
    struct psi_score_input input = {.network = network, .random = random};
    struct psi_prune_spec spec = {.density = density, .noise = .35, .trimmed = 1};
    while (strcmp(psi_criteria[spec.criterion].name, "magnitude") != 0)
        spec.criterion++;
    memcpy(psi_network_parameter(network), parameter,
           psi_network_weights(network) * sizeof *parameter);
    return psi_prune(&spec, &input, mask, err);
}

#endif
