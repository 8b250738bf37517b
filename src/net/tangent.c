#include "tangent.h"
#include "psisweep/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

void psi_tangent_relu(const struct psi_dual *y, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (y->value[i] > 0)
            continue;
        y->value[i] = 0;
        if (y->tangent)
            y->tangent[i] = 0;
    }
}

void psi_tangent_relu_backward(const struct psi_dual *y, const struct psi_dual *dy, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (y->value[i] > 0)
            continue;
        dy->value[i] = 0;
        if (dy->tangent)
            dy->tangent[i] = 0;
    }
}

/* Of every activation (features, batch) the values and the gradient, the input's only value. */
struct tape {
    const struct psi_network *network;
    struct psi_tangent_pass pass;
    struct psi_dual *activation, *gradient; /* (layers + 1) */
};

static int allocate_dual(struct psi_dual *dual, size_t count, int tangent, struct psi_error *err)
{
    dual->value = psi_allocate(count, sizeof *dual->value, "exact derivatives", err);
    if (tangent)
        dual->tangent = psi_allocate(count, sizeof *dual->tangent, "exact derivatives", err);
    return dual->value && (!tangent || dual->tangent);
}

static void free_duals(struct psi_dual *dual, size_t count)
{
    for (size_t i = 0; dual && i < count; i++) {
        free(dual[i].value);
        free(dual[i].tangent);
    }
    free(dual);
}

static void tape_close(struct tape *tape)
{
    free_duals(tape->activation, tape->network->layers + 1);
    free_duals(tape->gradient, tape->network->layers + 1);
    free(tape->pass.parameter.value);
}

/* Room for a pass, tangents included where that is asked for; parameters are the network's. */
static enum psi_status tape_open(struct tape *tape, const struct psi_network *network, size_t batch,
                                 int tangent, struct psi_error *err)
{
    assert(!network->compiled && batch >= 1 && batch <= network->max_batch);
    size_t layers = network->layers;
    *tape = (struct tape){.network = network, .pass = {.batch = batch}};
    struct psi_dual *parameter = &tape->pass.parameter;
    tape->activation = psi_allocate(layers + 1, sizeof *tape->activation, "derivatives", err);
    tape->gradient = psi_allocate(layers + 1, sizeof *tape->gradient, "derivatives", err);
    if (!tape->activation || !tape->gradient ||
        !allocate_dual(parameter, network->parameters, 0, err))
        goto out;
    for (size_t i = 0; i <= layers; i++) {
        size_t count = network->activation[i].features * batch;
        if (!allocate_dual(&tape->activation[i], count, tangent && i > 0, err) ||
            (i > 0 && !allocate_dual(&tape->gradient[i], count, tangent, err)))
            goto out;
    }
    for (size_t i = 0; i < network->parameters; i++)
        parameter->value[i] = (double)network->parameter[i];
    return PSI_OK;
out:
    tape_close(tape);
    return PSI_MEMORY;
}

/* What a layer reads: its inputs' entries of `all`. */
static void inputs_of(const struct psi_layer *layer, const struct psi_dual *all,
                      struct psi_dual *input)
{
    for (size_t k = 0; k < layer->type->inputs; k++)
        input[k] = all[layer->input[k]];
}

static void tape_forward(struct tape *tape)
{
    for (size_t i = 0; i < tape->network->layers; i++) {
        const struct psi_layer *layer = &tape->network->layer[i];
        struct psi_dual x[PSI_INPUTS_MAX];
        inputs_of(layer, tape->activation, x);
        layer->type->tangent->forward(layer, &tape->pass, x, &tape->activation[i + 1]);
    }
}

static void tape_backward(struct tape *tape)
{
    for (size_t i = tape->network->layers; i-- > 0;) {
        const struct psi_layer *layer = &tape->network->layer[i];
        struct psi_dual x[PSI_INPUTS_MAX], dx[PSI_INPUTS_MAX];
        inputs_of(layer, tape->activation, x);
        inputs_of(layer, tape->gradient, dx);
        layer->type->tangent->backward(layer, &tape->pass, x, &tape->activation[i + 1],
                                       &tape->gradient[i + 1], dx);
    }
}

/* Mean cross-entropy of p = softmax(z), z (classes, batch), label (batch):
 *   dz = (p - onehot) / batch      dz' = p (z' - sum of p z') / batch */
static void cross_entropy(const struct psi_dual *z, const uint8_t *label, size_t classes,
                          size_t batch, const struct psi_dual *dz)
{
    for (size_t b = 0; b < batch; b++) {
        double most = -INFINITY, sum = 0, mean = 0;
        for (size_t i = b; i < classes * batch; i += batch)
            most = fmax(most, z->value[i]);
        for (size_t i = b; i < classes * batch; i += batch)
            sum += exp(z->value[i] - most);
        for (size_t i = b; i < classes * batch; i += batch)
            mean += exp(z->value[i] - most) / sum * z->tangent[i];
        for (size_t i = b; i < classes * batch; i += batch) {
            double p = exp(z->value[i] - most) / sum;
            dz->value[i] = (p - (i / batch == label[b])) / (double)batch;
            dz->tangent[i] = p * (z->tangent[i] - mean) / (double)batch;
        }
    }
}

enum psi_status psi_network_hessian_vector(const struct psi_network *network, const uint8_t *label,
                                           size_t batch, const double *v, double *product,
                                           struct psi_error *err)
{
    struct tape tape;
    enum psi_status status = tape_open(&tape, network, batch, 1, err);
    if (status != PSI_OK)
        return status;
    const struct psi_activation *input = &network->activation[0];
    for (size_t i = 0; i < input->features * batch; i++)
        tape.activation[0].value[i] = (double)input->value[i];
    tape.pass.parameter.tangent = (double *)v; /* read only */
    tape.pass.gradient.tangent = product;
    for (size_t i = 0; i < network->trained; i++)
        product[i] = 0;
    tape_forward(&tape);
    size_t last = network->layers;
    cross_entropy(&tape.activation[last], label, psi_network_classes(network), batch,
                  &tape.gradient[last]);
    tape_backward(&tape);
    tape_close(&tape);
    return PSI_OK;
}

enum psi_status psi_network_synaptic_flow(const struct psi_network *network, double *flow,
                                          struct psi_error *err)
{
    struct tape tape;
    enum psi_status status = tape_open(&tape, network, 1, 0, err);
    if (status != PSI_OK)
        return status;
    double *parameter = tape.pass.parameter.value, *gradient = NULL;
    gradient = psi_allocate(network->parameters, sizeof *gradient, "synaptic flow", err);
    if (!gradient) {
        status = PSI_MEMORY;
        goto out;
    }
    tape.pass.linear = 1;
    tape.pass.gradient.value = gradient;
    for (size_t i = 0; i < network->parameters; i++)
        parameter[i] = i < network->weights ? fabs(parameter[i]) : 0;
    for (size_t i = 0; i < network->activation[0].features; i++)
        tape.activation[0].value[i] = 1;
    tape_forward(&tape);
    for (size_t i = 0; i < psi_network_classes(network); i++)
        tape.gradient[network->layers].value[i] = 1;
    tape_backward(&tape);
    for (size_t i = 0; i < network->weights; i++)
        flow[i] = parameter[i] * gradient[i];
out:
    free(gradient);
    tape_close(&tape);
    return status;
}
