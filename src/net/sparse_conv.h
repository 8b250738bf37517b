/* The convolution on its sparse path: parameters are the surviving weights alone, in flat order. */
#ifndef PSISWEEP_NET_SPARSE_CONV_H
#define PSISWEEP_NET_SPARSE_CONV_H

#include "layer.h"

struct psi_sparse_conv {
    struct psi_taps forward; /* of each output channel, from the inputs */
    struct psi_taps
        backward; /* of each input channel, from the outputs; nothing where nobody asks */
};

/* From a conv layer and a mask (weights of the whole network). origin: room for as many numbers as
 * weights of the layer survive; filled with their flat indices. backward: whether dx is asked for.
 */
enum psi_status psi_sparse_conv_create(const struct psi_layer *conv, const uint8_t *mask,
                                       int backward, struct psi_sparse_conv **out, uint32_t *origin,
                                       struct psi_error *err);
void psi_sparse_conv_destroy(struct psi_sparse_conv *sparse);

#endif
