#include "compile.h"
#include "psisweep/memory.h"
#include "sparse.h"
#include "sparse_conv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A compilation at work. */
struct work {
    const struct psi_network *from;
    const uint8_t *mask, *path;
    struct psi_network *to;
    uint8_t *flag;        /* what wanted points into */
    uint8_t **wanted;     /* (layers + 1) of (features): must be computed */
    uint32_t *feature_of; /* (inputs) where each input read lies in the compiled network's */
};

/* Backwards from the outputs. Only the sparse path of dense layers can leave features out: a layer
 * of another kind computes all of its own, from all that it reads. So dropped units are those
 * without a path to an output, and a unit without inputs stays, for it emits relu(bias). */
static void find_wanted(struct work *work)
{
    const struct psi_network *from = work->from;
    memset(work->wanted[from->layers], 1, from->activation[from->layers].features);
    for (size_t i = from->layers; i-- > 0;) {
        const struct psi_layer *layer = &from->layer[i];
        uint8_t *out = work->wanted[i + 1], *in = work->wanted[layer->input[0]];
        if (work->path[i] != PSI_PATH_SPARSE || layer->type != &psi_layer_dense) {
            memset(out, 1, from->activation[i + 1].features);
            for (size_t k = 0; k < layer->type->inputs; k++)
                memset(work->wanted[layer->input[k]], 1,
                       from->activation[layer->input[k]].features);
            continue;
        }
        const uint8_t *row = work->mask + layer->weight;
        for (size_t u = 0; u < layer->units; u++, row += layer->fan_in)
            for (size_t c = 0; c < layer->fan_in && out[u]; c++)
                in[c] |= row[c];
    }
}

static enum psi_status take_inputs(struct work *work, struct psi_error *err)
{
    struct psi_compiled *compiled = work->to->compiled;
    size_t taken = 0;
    compiled->inputs = work->from->activation[0].features;
    for (size_t f = 0; f < compiled->inputs; f++)
        taken += work->wanted[0][f];
    work->to->activation[0].features = taken;
    if (taken == compiled->inputs)
        return PSI_OK;
    compiled->taken = psi_allocate(taken, sizeof *compiled->taken, "compiled network", err);
    work->feature_of =
        psi_allocate(compiled->inputs, sizeof *work->feature_of, "compiled network", err);
    if (!compiled->taken || !work->feature_of)
        return PSI_MEMORY;
    taken = 0;
    for (size_t f = 0; f < compiled->inputs; f++)
        if (work->wanted[0][f]) {
            work->feature_of[f] = (uint32_t)taken;
            compiled->taken[taken++] = (uint32_t)f;
        }
    return PSI_OK;
}

/* Layers as they were, but for the number and place of their parameters. */
static void number_parameters(struct work *work)
{
    const struct psi_network *from = work->from;
    struct psi_network *to = work->to;
    for (size_t i = 0; i < from->layers; i++) {
        struct psi_layer *layer = &to->layer[i];
        *layer = from->layer[i];
        layer->kept = NULL;
        for (size_t w = 0; work->path[i] == PSI_PATH_SPARSE && w < from->layer[i].weights; w++)
            layer->weights -= !work->mask[from->layer[i].weight + w];
        layer->weight = to->weights;
        to->weights += layer->weights;
        to->activation[i + 1].features = from->activation[i + 1].features;
    }
    for (size_t i = 0; i < from->layers; i++) {
        to->layer[i].bias += to->weights - from->weights;
        to->layer[i].state += to->weights - from->weights;
    }
    to->trained = to->weights + from->trained - from->weights;
    to->parameters = to->weights + from->parameters - from->weights;
}

/* Inputs take the lit path's form, and the layer's weights go (inputs, units). */
static enum psi_status compile_lit(struct work *work, const struct psi_layer *old,
                                   struct psi_layer *layer, uint32_t *origin, struct psi_error *err)
{
    struct psi_network *to = work->to;
    assert(old->type == &psi_layer_dense && old->input[0] == 0 && !to->compiled->lit.inputs);
    layer->type = &psi_layer_lit;
    layer->work = psi_lit_work(to->max_batch);
    for (size_t c = 0; c < old->fan_in; c++)
        for (size_t u = 0; u < old->units; u++)
            *origin++ = (uint32_t)(old->weight + u * old->fan_in + c);
    return psi_lit_allocate(&to->compiled->lit, old->fan_in, to->max_batch, err) ? PSI_OK
                                                                                 : PSI_MEMORY;
}

static enum psi_status compile_layer(struct work *work, size_t i, struct psi_error *err)
{
    const struct psi_layer *old = &work->from->layer[i];
    struct psi_layer *layer = &work->to->layer[i];
    uint32_t *origin = work->to->compiled->origin + layer->weight;
    if (work->path[i] == PSI_PATH_LIT)
        return compile_lit(work, old, layer, origin, err);
    if (work->path[i] == PSI_PATH_DENSE) {
        for (size_t w = 0; w < old->weights; w++)
            origin[w] = (uint32_t)(old->weight + w);
        return PSI_OK;
    }
    if (old->type == &psi_layer_conv) {
        layer->type = &psi_layer_sparse_conv;
        layer->work = 0;
        return psi_sparse_conv_create(old, work->mask, old->input[0] != 0, &layer->sparse_conv,
                                      origin, err);
    }
    struct psi_sparse_spec spec = {.dense = old,
                                   .mask = work->mask,
                                   .wanted = work->wanted[i + 1],
                                   .wanted_in = old->input[0] ? work->wanted[old->input[0]] : NULL,
                                   .inputs = work->to->activation[old->input[0]].features,
                                   .feature_of = old->input[0] ? NULL : work->feature_of};
    layer->type = &psi_layer_sparse;
    return psi_sparse_create(&spec, &layer->sparse, origin, err);
}

/* Everything about parameters: where each comes from, its value, whether it survives. */
static enum psi_status compile_parameters(struct work *work, struct psi_error *err)
{
    const struct psi_network *from = work->from;
    struct psi_network *to = work->to;
    struct psi_compiled *compiled = to->compiled;
    enum psi_status status = PSI_OK;
    compiled->origin =
        psi_allocate(to->parameters, sizeof *compiled->origin, "compiled network", err);
    compiled->mask = psi_allocate(to->weights, 1, "compiled network", err);
    if (!compiled->origin || !compiled->mask)
        return PSI_MEMORY;
    for (size_t i = 0; i < from->layers && status == PSI_OK; i++)
        status = compile_layer(work, i, err);
    if (status != PSI_OK)
        return status;
    for (size_t p = to->weights; p < to->parameters; p++)
        compiled->origin[p] = (uint32_t)(p - to->weights + from->weights);
    for (size_t w = 0; w < to->weights; w++)
        compiled->mask[w] = work->mask[compiled->origin[w]];
    if (!psi_network_allocate(to, err))
        return PSI_MEMORY;
    for (size_t p = 0; p < to->parameters; p++)
        to->parameter[p] = from->parameter[compiled->origin[p]];
    uint8_t all = 1;
    for (size_t w = 0; w < to->weights; w++) {
        to->parameter[w] = compiled->mask[w] ? to->parameter[w] : 0;
        all &= compiled->mask[w];
    }
    if (all) { /* nothing is left to mask */
        free(compiled->mask);
        compiled->mask = NULL;
    }
    return PSI_OK;
}

static enum psi_status compile(struct work *work, struct psi_error *err)
{
    const struct psi_network *from = work->from;
    struct psi_network *to = work->to;
    size_t features = 0, classes = from->activation[from->layers].features;
    for (size_t a = 0; a <= from->layers; a++)
        features += from->activation[a].features;
    work->flag = psi_allocate(features, 1, "compiled network", err);
    work->wanted = psi_allocate(from->layers + 1, sizeof *work->wanted, "compiled network", err);
    to->compiled = psi_allocate(1, sizeof *to->compiled, "compiled network", err);
    to->layer = psi_allocate(from->layers, sizeof *to->layer, "compiled network", err);
    to->activation =
        psi_allocate(from->layers + 1, sizeof *to->activation, "compiled network", err);
    if (!work->flag || !work->wanted || !to->compiled || !to->layer || !to->activation)
        return PSI_MEMORY;
    to->layers = from->layers; /* from here on it can be destroyed layer by layer */
    to->compiled->logits =
        psi_allocate(classes * to->max_batch, sizeof(float), "compiled network", err);
    to->compiled->dlogits =
        psi_allocate(classes * to->max_batch, sizeof(float), "compiled network", err);
    if (!to->compiled->logits || !to->compiled->dlogits)
        return PSI_MEMORY;
    work->wanted[0] = work->flag;
    for (size_t a = 0; a < from->layers; a++)
        work->wanted[a + 1] = work->wanted[a] + from->activation[a].features;
    find_wanted(work);
    enum psi_status status = take_inputs(work, err);
    if (status != PSI_OK)
        return status;
    number_parameters(work);
    return compile_parameters(work, err);
}

enum psi_status psi_network_compile_as(const struct psi_network *network, const uint8_t *mask,
                                       const uint8_t *path, struct psi_network **out,
                                       struct psi_error *err)
{
    assert(!network->compiled);
    if (network->parameters > UINT32_MAX)
        return psi_fail(err, PSI_USAGE, "network: at most %u parameters can be compiled, found %zu",
                        UINT32_MAX, network->parameters);
    struct psi_network *to = psi_allocate(1, sizeof *to, "compiled network", err);
    if (!to)
        return PSI_MEMORY;
    to->kernels = network->kernels;
    to->init = network->init;
    to->max_batch = psi_padded(network->max_batch);
    struct work work = {.from = network, .mask = mask, .path = path, .to = to};
    enum psi_status status = compile(&work, err);
    free(work.feature_of);
    free(work.wanted);
    free(work.flag);
    if (status == PSI_OK)
        *out = to;
    else
        psi_network_destroy(to);
    return status;
}

static int reads_input_alone(const struct psi_network *network, size_t i)
{
    size_t readers = 0;
    for (size_t j = 0; j < network->layers; j++)
        for (size_t k = 0; k < network->layer[j].type->inputs; k++)
            readers += network->layer[j].input[k] == 0;
    return network->layer[i].input[0] == 0 && readers == 1;
}

static uint8_t path_of_layer(const struct psi_network *network, size_t i, const uint8_t *mask,
                             double input_density, int level)
{
    const struct psi_layer *layer = &network->layer[i];
    size_t kept = 0;
    for (size_t w = 0; w < layer->weights; w++)
        kept += mask[layer->weight + w];
    double density = (double)kept / (double)layer->weights;
    if (layer->type == &psi_layer_dense)
        return (uint8_t)psi_path_of_dense(layer->units, layer->fan_in, density,
                                          reads_input_alone(network, i) ? input_density : 1, level);
    if (layer->type == &psi_layer_conv &&
        psi_path_conv_is_sparse(layer->kernel, layer->in.channels, layer->units, density, level))
        return PSI_PATH_SPARSE;
    return PSI_PATH_DENSE;
}

enum psi_status psi_network_compile(const struct psi_network *network, const uint8_t *mask,
                                    double input_density, struct psi_network **out,
                                    struct psi_error *err)
{
    size_t gains = 0;
    int level = 0;
    while (psi_kernels_get(level) != network->kernels)
        level++;
    uint8_t *path = psi_allocate(network->layers, 1, "compiled network", err);
    if (!path)
        return PSI_MEMORY;
    for (size_t i = 0; i < network->layers; i++) {
        path[i] = path_of_layer(network, i, mask, input_density, level);
        gains += path[i] != PSI_PATH_DENSE;
    }
    enum psi_status status = PSI_OK;
    *out = NULL;
    if (gains)
        status = psi_network_compile_as(network, mask, path, out, err);
    free(path);
    return status;
}

void psi_network_expand(const struct psi_network *compiled, struct psi_network *network)
{
    memset(network->parameter, 0, network->weights * sizeof(float));
    for (size_t p = 0; p < compiled->parameters; p++)
        network->parameter[compiled->compiled->origin[p]] = compiled->parameter[p];
}

const uint8_t *psi_network_mask(const struct psi_network *compiled)
{
    return compiled->compiled->mask;
}

const uint32_t *psi_network_inputs(const struct psi_network *compiled, size_t *count)
{
    *count = compiled->activation[0].features;
    return compiled->compiled->taken;
}

void psi_compiled_destroy(struct psi_compiled *compiled)
{
    if (!compiled)
        return;
    psi_lit_clear(&compiled->lit);
    free(compiled->dlogits);
    free(compiled->logits);
    free(compiled->taken);
    free(compiled->mask);
    free(compiled->origin);
    free(compiled);
}
