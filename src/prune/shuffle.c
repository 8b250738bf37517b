#include "psisweep/causal.h"

#include <assert.h>

/* Fisher-Yates on the flags themselves: every order of them is equally likely, so every placement
 * of the survivors is. */
static void shuffle_flags(uint8_t *flag, size_t count, struct psi_random *random)
{
    assert(count <= UINT32_MAX);
    for (size_t i = count; i > 1; i--) {
        size_t j = psi_random_below(random, (uint32_t)i);
        uint8_t kept = flag[i - 1];
        flag[i - 1] = flag[j];
        flag[j] = kept;
    }
}

void psi_mask_shuffle(const struct psi_network *network, struct psi_random *random, uint8_t *mask)
{
    for (size_t i = 0; i < psi_network_matrices(network); i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, i);
        shuffle_flags(mask + matrix->offset, matrix->rows * matrix->cols, random);
    }
}
