#include "compile.h"
#include "sparse.h"
#include "sparse_conv.h"
#include "psisweep/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* OpenBLAS counts in int, and no product of two of these overflows a size. */
enum { COUNT_MAX = 1 << 20 };

static enum psi_status check(const struct psi_model_spec *spec, const struct psi_dataset *shape,
                             size_t max_batch, int kernel_level, struct psi_error *err)
{
    if (spec->kind < PSI_MLP || spec->kind > PSI_CONV6 || spec->hidden_count > PSI_HIDDEN_MAX)
        return psi_fail(err, PSI_USAGE, "network: at most %d hidden layers expected",
                        PSI_HIDDEN_MAX);
    for (size_t i = 0; spec->kind == PSI_MLP && i < spec->hidden_count; i++)
        if (spec->hidden[i] < 1 || spec->hidden[i] > COUNT_MAX)
            return psi_fail(err, PSI_USAGE,
                            "network: hidden layer %zu of 1 to %d units expected, "
                            "%zu found",
                            i + 1, COUNT_MAX, spec->hidden[i]);
    size_t features = shape->channels * shape->height * shape->width;
    if (features < 1 || features > COUNT_MAX || shape->classes < 1 ||
        shape->classes > PSI_CLASSES_MAX)
        return psi_fail(err, PSI_USAGE,
                        "network: 1 to %d inputs and 1 to %d classes expected, "
                        "%zu and %zu found",
                        COUNT_MAX, PSI_CLASSES_MAX, features, shape->classes);
    if (max_batch < 1 || max_batch > COUNT_MAX)
        return psi_fail(err, PSI_USAGE, "network: a batch of 1 to %d samples expected, %zu found",
                        COUNT_MAX, max_batch);
    if (!psi_kernels_get(kernel_level))
        return psi_fail(err, PSI_ENVIRONMENT,
                        "network: kernel level %d is not to be had here, "
                        "at most %s",
                        kernel_level, psi_kernels_name(psi_kernels_best()));
    return PSI_OK;
}

/* Plan every layer, and number its parameters: all weights first, then all biases, then statistics.
 * PSI_USAGE where an image is too small for its windows. */
static enum psi_status plan(struct psi_network *network, const struct psi_dataset *shape,
                            struct psi_error *err)
{
    struct psi_shape input = {shape->channels, shape->height, shape->width};
    network->activation[0].features = psi_shape_features(&input);
    for (size_t i = 0; i < network->layers; i++) {
        struct psi_layer *layer = &network->layer[i];
        size_t from = layer->input[0];
        layer->in = from == 0 ? input : network->layer[from - 1].out;
        layer->type->plan(layer);
        if (psi_shape_features(&layer->out) < 1 || psi_shape_features(&layer->out) > COUNT_MAX)
            return psi_fail(err, PSI_USAGE,
                            "network: layer %zu (%s) cannot be had of an image of %zu x %zu", i + 1,
                            layer->type->name, layer->in.height, layer->in.width);
        network->activation[i + 1].features = psi_shape_features(&layer->out);
        layer->weight = network->weights;
        network->weights += layer->weights;
        if (!layer->weights)
            continue;
        struct psi_weight_matrix *matrix = &network->matrix[network->matrices++];
        snprintf(matrix->name, sizeof matrix->name, "%s%zu", layer->type->name, network->matrices);
        matrix->offset = layer->weight;
        matrix->cols = layer->fan_in;
        matrix->rows = layer->weights / layer->fan_in;
        matrix->kernel = layer->kernel;
    }
    network->parameters = network->weights;
    for (size_t i = 0; i < network->layers; i++) {
        network->layer[i].bias = network->parameters;
        network->parameters += network->layer[i].biases;
    }
    network->trained = network->parameters;
    for (size_t i = 0; i < network->layers; i++) {
        network->layer[i].state = network->parameters;
        network->parameters += network->layer[i].states;
    }
    return PSI_OK;
}

static int allocate_arrays(struct psi_network *network, struct psi_error *err)
{
    network->parameter =
        psi_allocate(network->parameters, sizeof(float), "network parameters", err);
    size_t work = 0;
    for (size_t i = 0; i < network->layers; i++) {
        struct psi_layer *layer = &network->layer[i];
        layer->kept = psi_allocate(layer->keeps, sizeof(float), "activations", err);
        if (!layer->kept)
            return 0;
        work = layer->work > work ? layer->work : work;
    }
    network->work = psi_allocate(work, sizeof(float), "scratch of a pass", err);
    if (!network->parameter || !network->work)
        return 0;
    for (size_t i = 0; i <= network->layers; i++) {
        struct psi_activation *activation = &network->activation[i];
        size_t size = sizeof(float) * network->max_batch;
        activation->value = psi_allocate(activation->features, size, "activations", err);
        if (!activation->value)
            return 0;
        if (i == 0 || i == network->layers)
            continue;
        activation->gradient = psi_allocate(activation->features, size, "activations", err);
        if (!activation->gradient)
            return 0;
    }
    return 1;
}

/* Room for the input without its constants, psi_packed_input, if some layer reads that. */
static int allocate_packed(struct psi_network *network, struct psi_error *err)
{
    struct psi_packed_input *packed = &network->packed;
    size_t features = network->activation[0].features, units = 0;
    for (size_t i = 0; i < network->layers; i++)
        if (network->layer[i].type == &psi_layer_dense && network->layer[i].input[0] == 0 &&
            network->layer[i].units > units)
            units = network->layer[i].units;
    size_t row = units ? sizeof(float) * network->max_batch : 0;
    packed->none = !units;
    packed->skip.block = psi_allocate(features, sizeof *packed->skip.block, "packed input", err);
    packed->constant = psi_allocate(features, sizeof *packed->constant, "packed input", err);
    packed->seen = psi_allocate(features, sizeof *packed->seen, "packed input", err);
    packed->x = psi_allocate(features + 1, row, "packed input", err);
    packed->weight =
        psi_allocate((features + PSI_BLOCK) * units, sizeof(float), "packed input", err);
    packed->skip.constant = packed->constant;
    return packed->skip.block && packed->constant && packed->seen && packed->x && packed->weight;
}

int psi_network_allocate(struct psi_network *network, struct psi_error *err)
{
    return allocate_arrays(network, err) && allocate_packed(network, err);
}

enum psi_status psi_network_create(const struct psi_model_spec *spec,
                                   const struct psi_dataset *shape, size_t max_batch,
                                   int kernel_level, struct psi_network **out,
                                   struct psi_error *err)
{
    enum psi_status status = check(spec, shape, max_batch, kernel_level, err);
    if (status != PSI_OK)
        return status;
    struct psi_network *network = psi_allocate(1, sizeof *network, "network", err);
    if (!network)
        return PSI_MEMORY;
    network->kernels = psi_kernels_get(kernel_level);
    network->init = spec->init;
    network->max_batch = max_batch;
    psi_model_layers(spec, shape->classes, NULL, &network->layers);
    network->layer = psi_allocate(network->layers, sizeof *network->layer, "layers", err);
    network->matrix = psi_allocate(network->layers, sizeof *network->matrix, "layers", err);
    network->activation =
        psi_allocate(network->layers + 1, sizeof *network->activation, "layers", err);
    status = PSI_MEMORY;
    if (!network->layer || !network->matrix || !network->activation)
        goto out;
    psi_model_layers(spec, shape->classes, network->layer, &network->layers);
    if ((status = plan(network, shape, err)) != PSI_OK)
        goto out;
    status = PSI_MEMORY;
    if (!psi_network_allocate(network, err))
        goto out;
    *out = network;
    return PSI_OK;
out:
    psi_network_destroy(network);
    return status;
}

void psi_network_destroy(struct psi_network *network)
{
    if (!network)
        return;
    for (size_t i = 0; network->activation && i <= network->layers; i++) {
        free(network->activation[i].gradient);
        free(network->activation[i].value);
    }
    for (size_t i = 0; network->layer && i < network->layers; i++) {
        psi_sparse_destroy(network->layer[i].sparse);
        psi_sparse_conv_destroy(network->layer[i].sparse_conv);
        free(network->layer[i].kept);
    }
    psi_compiled_destroy(network->compiled);
    free(network->packed.weight);
    free(network->packed.x);
    free(network->packed.seen);
    free(network->packed.constant);
    free(network->packed.skip.block);
    free(network->work);
    free(network->parameter);
    free(network->activation);
    free(network->matrix);
    free(network->layer);
    free(network);
}

size_t psi_network_max_batch(const struct psi_network *network)
{
    return network->max_batch;
}

size_t psi_network_features(const struct psi_network *network)
{
    return network->compiled ? network->compiled->inputs : network->activation[0].features;
}

size_t psi_network_classes(const struct psi_network *network)
{
    return network->activation[network->layers].features;
}

size_t psi_network_weights(const struct psi_network *network)
{
    return network->weights;
}

size_t psi_network_trained(const struct psi_network *network)
{
    return network->trained;
}

size_t psi_network_parameters(const struct psi_network *network)
{
    return network->parameters;
}

float *psi_network_parameter(struct psi_network *network)
{
    return network->parameter;
}

size_t psi_network_matrices(const struct psi_network *network)
{
    return network->matrices;
}

const struct psi_weight_matrix *psi_network_matrix(const struct psi_network *network, size_t i)
{
    assert(i < network->matrices);
    return &network->matrix[i];
}
