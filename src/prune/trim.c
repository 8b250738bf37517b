#include "psisweep/causal.h"
#include "psisweep/memory.h"

#include <stdlib.h>
#include <string.h>

/* All weights of a path are on a path, so none goes with those that are on none: once is enough. */
enum psi_status psi_mask_trim(const struct psi_network *network, uint8_t *mask,
                              struct psi_error *err)
{
    size_t weights = psi_network_weights(network), count;
    uint8_t *on_path = psi_allocate(weights, 1, "weights on a path", err);
    if (!on_path)
        return PSI_MEMORY;
    enum psi_status status = psi_network_paths(network, mask, on_path, NULL, &count, err);
    if (!status)
        memcpy(mask, on_path, weights);
    free(on_path);
    return status;
}
