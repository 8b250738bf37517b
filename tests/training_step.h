/* One training step by hand, for tests. */
#ifndef TESTS_TRAINING_STEP_H
#define TESTS_TRAINING_STEP_H

#include "psisweep/train.h"

enum { TRAINING_BATCH_MAX = 128 };

/* On samples first .. first+batch-1 of the training split. Returns the loss. */
static inline double training_step(struct psi_network *network,
                                   struct psi_optimizer_state *optimizer,
                                   const struct psi_dataset *dataset, const uint8_t *mask,
                                   size_t first, size_t batch, double rate)
{
    float dlogits[PSI_CLASSES_MAX * TRAINING_BATCH_MAX];
    struct psi_split part = {dataset->train.pixel + first * dataset->features,
                             dataset->train.label + first, batch};
    psi_network_gather(network, dataset, &part, NULL, batch);
    const float *logits = psi_network_forward(network, batch);
    double loss = psi_softmax_cross_entropy(logits, part.label, dataset->classes, batch, dlogits);
    psi_optimizer_step(optimizer, network, mask, batch, dlogits, rate);
    return loss;
}

#endif
