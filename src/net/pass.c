#include "compile.h"
#include "denormal.h"

#include <assert.h>
#include <string.h>

float *psi_network_input(struct psi_network *network)
{
    network->packed.use = 0; /* the caller may write what he likes */
    if (network->compiled)
        network->compiled->loose = 1;
    return network->activation[0].value;
}

/* Sort the blocks of the input into live and dead ones and pack the live rows, where that pays: at
 * an eighth dead, what the products save is what packing costs. */
static void pack_input(struct psi_network *network, size_t batch)
{
    struct psi_packed_input *packed = &network->packed;
    struct psi_skip *skip = &packed->skip;
    size_t features = network->activation[0].features, blocks = features / PSI_BLOCK;
    packed->use = 0;
    if (packed->none || features % PSI_BLOCK)
        return;
    skip->live = skip->dead = 0;
    for (size_t i = 0; i < blocks; i++) {
        uint32_t any;
        memcpy(&any, packed->seen + PSI_BLOCK * i, sizeof any);
        skip->block[any ? skip->live++ : blocks - ++skip->dead] = (uint32_t)i;
    }
    if (8 * skip->dead < blocks)
        return;
    packed->use = 1;
    float *row = packed->x;
    for (size_t i = 0; i < skip->live; i++, row += PSI_BLOCK * batch)
        memcpy(row, network->activation[0].value + PSI_BLOCK * skip->block[i] * batch,
               PSI_BLOCK * batch * sizeof *row);
    for (size_t b = 0; b < batch; b++)
        row[b] = 1;
}

/* What x is where a pixel is 0, and how it grows with the pixel, unless scale is NULL. */
static void find_constants(const struct psi_gather *from, float *constant, float *scale)
{
    for (size_t channel = 0; channel < from->channels; channel++)
        for (size_t i = 0; i < from->plane; i++) {
            *constant++ = -from->mean[channel] * (1 / from->deviation[channel]);
            if (scale)
                *scale++ = 1 / from->deviation[channel];
        }
}

void psi_network_gather(struct psi_network *network, const struct psi_dataset *dataset,
                        const struct psi_split *split, const uint32_t *index, size_t batch)
{
    struct psi_compiled *compiled = network->compiled;
    struct psi_packed_input *packed = &network->packed;
    assert(batch >= 1 && batch <= network->max_batch);
    struct psi_gather from = {.pixel = split->pixel,
                              .index = index,
                              .channels = dataset->channels,
                              .plane = dataset->height * dataset->width,
                              .mean = dataset->mean,
                              .deviation = dataset->deviation};
    size_t columns = batch;
    if (compiled) {
        columns = psi_padded(batch);
        from.taken = compiled->taken;
        from.inputs = network->activation[0].features;
        from.selected = compiled->taken && dataset->features == from.inputs;
        compiled->loose = 0;
    }
    assert(dataset->features == (from.selected ? from.inputs : psi_network_features(network)));
    if (compiled && compiled->lit.inputs) {
        find_constants(&from, compiled->lit.constant, compiled->lit.scale);
        network->kernels->lit->list(split->pixel, index, batch, &compiled->lit);
        return;
    }
    network->kernels->gather(&from, batch, columns, network->activation[0].value,
                             packed->none ? NULL : packed->seen);
    if (!packed->none)
        find_constants(&from, packed->constant, NULL);
    pack_input(network, columns);
}

/* Columns of every activation of a pass. */
static size_t columns_of(const struct psi_network *network, size_t samples)
{
    assert(samples >= 1 && samples <= network->max_batch);
    return network->compiled ? psi_padded(samples) : samples;
}

/* to (rows, columns) from from (rows, samples), which it may begin at, filled up with what lies
 * `beyond` it, or where that is NULL with the row's last number. */
static void pad_rows(const float *from, size_t rows, size_t samples, size_t columns,
                     const float *beyond, float *to)
{
    for (size_t r = rows; r-- > 0;) {
        float *row = to + r * columns;
        memmove(row, from + r * samples, samples * sizeof *row);
        for (size_t b = samples; b < columns; b++)
            row[b] = beyond ? *beyond : row[samples - 1];
    }
}

/* state: the parameters in training, else NULL. */
static struct psi_pass open_pass(const struct psi_network *network, size_t batch, float *state)
{
    return (struct psi_pass){.kernels = network->kernels,
                             .parameter = network->parameter,
                             .batch = columns_of(network, batch),
                             .samples = batch,
                             .packed = network->packed.use ? &network->packed : NULL,
                             .lit = network->compiled ? &network->compiled->lit : NULL,
                             .work = network->work,
                             .state = state};
}

static const float *forward(struct psi_network *network, const struct psi_pass *pass)
{
    struct psi_compiled *compiled = network->compiled;
    const struct psi_activation *input = &network->activation[0];
    const struct psi_activation *output = &network->activation[network->layers];
    size_t samples = pass->samples, columns = pass->batch;
    if (compiled && compiled->loose) {
        if (compiled->lit.inputs)
            psi_lit_list_values(&compiled->lit, input->value, samples);
        pad_rows(input->value, input->features, samples, columns, NULL, input->value);
        compiled->loose = 0;
    }
    unsigned long mode = psi_denormal_flush();
    for (size_t i = 0; i < network->layers; i++) {
        const struct psi_layer *layer = &network->layer[i];
        const float *x[PSI_INPUTS_MAX] = {NULL};
        for (size_t k = 0; k < layer->type->inputs; k++)
            x[k] = network->activation[layer->input[k]].value;
        layer->type->forward(layer, pass, x, network->activation[i + 1].value);
    }
    psi_denormal_restore(mode);
    if (!compiled)
        return output->value;
    for (size_t c = 0; c < output->features; c++)
        memcpy(compiled->logits + c * samples, output->value + c * columns,
               samples * sizeof *output->value);
    return compiled->logits;
}

const float *psi_network_forward(struct psi_network *network, size_t batch)
{
    struct psi_pass pass = open_pass(network, batch, NULL);
    return forward(network, &pass);
}

const float *psi_network_forward_training(struct psi_network *network, size_t batch)
{
    struct psi_pass pass = open_pass(network, batch, network->parameter);
    return forward(network, &pass);
}

/* Has a layer after number `after`, or an input of it before number k, written activation a's
 * gradient already? */
static int is_written(const struct psi_network *network, size_t a, size_t after, size_t k)
{
    for (size_t i = after; i < network->layers; i++) {
        const struct psi_layer *layer = &network->layer[i];
        size_t inputs = i == after ? k : layer->type->inputs;
        for (size_t j = 0; j < inputs; j++)
            if (layer->input[j] == a)
                return 1;
    }
    return 0;
}

void psi_network_backward(struct psi_network *network, size_t batch, float *dlogits, float decay,
                          float *gradient)
{
    struct psi_compiled *compiled = network->compiled;
    struct psi_pass pass = open_pass(network, batch, network->parameter);
    if (compiled) { /* padding counts for nothing: it has no gradient */
        pad_rows(dlogits, psi_network_classes(network), batch, pass.batch, &(float){0},
                 compiled->dlogits);
        dlogits = compiled->dlogits;
    }
    unsigned long mode = psi_denormal_flush();
    for (size_t i = network->layers; i-- > 0;) {
        const struct psi_layer *layer = &network->layer[i];
        const float *x[PSI_INPUTS_MAX] = {NULL};
        struct psi_input_gradient dx[PSI_INPUTS_MAX] = {{NULL, 0}};
        for (size_t k = 0; k < layer->type->inputs; k++) {
            size_t a = layer->input[k];
            x[k] = network->activation[a].value;
            dx[k].dx = network->activation[a].gradient;
            dx[k].add = is_written(network, a, i, k);
        }
        const struct psi_activation *y = &network->activation[i + 1];
        float *dy = i + 1 == network->layers ? dlogits : y->gradient;
        layer->type->backward(layer, &pass, x, y->value, dy, decay, gradient, dx);
    }
    psi_denormal_restore(mode);
}
