#include "denormal.h"
#include "layer.h"
#include "psisweep/memory.h"
#include "psisweep/train.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

struct psi_optimizer_state {
    struct psi_train_spec spec;
    size_t parameters;
    unsigned long long steps; /* taken so far */
    float *gradient;          /* (parameters) adam; NULL for sgd, which needs none */
    float *first;             /* (parameters) sgd: velocity; adam: mean of the gradient */
    float *second;            /* (parameters) adam: mean of its square; else NULL */
};

enum psi_status psi_optimizer_create(const struct psi_train_spec *spec, size_t parameters,
                                     struct psi_optimizer_state **out, struct psi_error *err)
{
    struct psi_optimizer_state *state = psi_allocate(1, sizeof *state, "optimizer", err);
    if (!state)
        return PSI_MEMORY;
    state->spec = *spec;
    state->parameters = parameters;
    state->first = psi_allocate(parameters, sizeof(float), "optimizer", err);
    if (!state->first)
        goto out;
    if (spec->optimizer == PSI_ADAM) {
        state->gradient = psi_allocate(parameters, sizeof(float), "optimizer", err);
        state->second = psi_allocate(parameters, sizeof(float), "optimizer", err);
        if (!state->gradient || !state->second)
            goto out;
    }
    *out = state;
    return PSI_OK;
out:
    psi_optimizer_destroy(state);
    return PSI_MEMORY;
}

void psi_optimizer_destroy(struct psi_optimizer_state *state)
{
    if (!state)
        return;
    free(state->second);
    free(state->first);
    free(state->gradient);
    free(state);
}

/* The gradient is accumulated straight into the velocity: v = momentum v + gradient. */
static void step_sgd(struct psi_optimizer_state *state, struct psi_network *network,
                     const uint8_t *mask, size_t batch, float *dlogits, double rate)
{
    float *w = network->parameter, *v = state->first;
    size_t weights = network->weights, rest = network->trained - weights;
    float decay = (float)state->spec.weight_decay;
    psi_network_backward(network, batch, dlogits, (float)state->spec.momentum, v);
    network->kernels->sgd(w, v, mask, weights, (float)rate, decay);
    network->kernels->sgd(w + weights, v + weights, NULL, rest, (float)rate, decay);
}

static void step_adam(struct psi_optimizer_state *state, struct psi_network *network,
                      const uint8_t *mask, size_t batch, float *dlogits, double rate)
{
    const struct psi_train_spec *spec = &state->spec;
    double t = (double)state->steps;
    struct psi_adam adam = {.beta1 = (float)spec->beta1,
                            .beta2 = (float)spec->beta2,
                            .rest1 = (float)(1 - spec->beta1),
                            .rest2 = (float)(1 - spec->beta2),
                            .epsilon = (float)spec->epsilon,
                            .rate = (float)(rate / (1 - pow(spec->beta1, t))),
                            .rescale = (float)(1 / sqrt(1 - pow(spec->beta2, t))),
                            .weight_decay = (float)spec->weight_decay};
    float *w = network->parameter, *g = state->gradient, *m = state->first, *v = state->second;
    size_t weights = network->weights, rest = network->trained - weights;
    psi_network_backward(network, batch, dlogits, 0, g);
    network->kernels->adam(w, g, m, v, mask, weights, &adam);
    network->kernels->adam(w + weights, g + weights, m + weights, v + weights, NULL, rest, &adam);
}

void psi_optimizer_step(struct psi_optimizer_state *state, struct psi_network *network,
                        const uint8_t *mask, size_t batch, float *dlogits, double rate)
{
    assert(state->parameters == network->parameters);
    unsigned long mode = psi_denormal_flush();
    state->steps++;
    if (state->spec.optimizer == PSI_ADAM)
        step_adam(state, network, mask, batch, dlogits, rate);
    else
        step_sgd(state, network, mask, batch, dlogits, rate);
    psi_denormal_restore(mode);
#ifdef PSI_DEBUG /* a scan of every weight costs as much as the step at high sparsity */
    assert(!mask || psi_mask_holds(mask, network->weights, network->parameter, state));
#endif
}

void psi_optimizer_mask(struct psi_optimizer_state *state, struct psi_network *network,
                        const uint8_t *mask)
{
    for (size_t i = 0; i < network->weights; i++) {
        if (mask[i])
            continue;
        network->parameter[i] = state->first[i] = 0;
        if (state->second)
            state->second[i] = 0;
    }
}

int psi_mask_holds(const uint8_t *mask, size_t weights, const float *parameter,
                   const struct psi_optimizer_state *state)
{
    for (size_t i = 0; i < weights; i++) {
        if (mask[i])
            continue;
        if (parameter[i] != 0)
            return 0;
        if (state && (state->first[i] != 0 || (state->second && state->second[i] != 0)))
            return 0;
    }
    return 1;
}
