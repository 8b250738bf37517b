#include "sparse.h"
#include "psisweep/memory.h"

#include <stdlib.h>
#include <string.h>

/* Y = W X + b, then max(Y, 0), of the rows computed */
static void sparse_forward(const struct psi_layer *layer, const struct psi_pass *pass,
                           const float *const *x, float *y)
{
    pass->kernels->sparse->multiply(&layer->sparse->forward, pass->parameter + layer->weight,
                                    pass->parameter + layer->bias, layer->relu, x[0], pass->batch,
                                    y);
}

/* What nothing flows back to: gradient = decay * gradient + 0. */
static void fade(float *gradient, float decay)
{
    *gradient = decay == 0 ? 0 : decay * *gradient;
}

/* dY = dY where Y > 0; db = sum of dY over the batch; dX = W' dY; dW = dY X' at the survivors */
static void sparse_backward(const struct psi_layer *layer, const struct psi_pass *pass,
                            const float *const *x, const float *y, float *dy, float decay,
                            float *gradient, const struct psi_input_gradient *dx)
{
    const struct psi_sparse *sparse = layer->sparse;
    const struct psi_sparse_kernels *kernels = pass->kernels->sparse;
    float *of_bias = gradient + layer->bias, *of_weight = gradient + layer->weight;
    kernels->bias_relu_backward(sparse->row, sparse->rows, dy, y, pass->batch, layer->relu, decay,
                                of_bias);
    if (dx[0].dx)
        kernels->multiply_transposed(&sparse->backward, pass->parameter + layer->weight, dx[0].add,
                                     dy, pass->batch, dx[0].dx);
    kernels->sample(&sparse->forward, dy, x[0], pass->batch, decay, of_weight);
    for (size_t k = sparse->forward.entries; k < layer->weights; k++)
        fade(of_weight + k, decay);
    for (size_t i = sparse->rows; i < layer->units; i++)
        fade(of_bias + sparse->row[i], decay);
}

const struct psi_layer_type psi_layer_sparse = {
    .name = "sparse",
    .inputs = 1,
    .forward = sparse_forward,
    .backward = sparse_backward,
};

/* The survivors of rows that are computed, in flat order, and behind them the others. */
struct survivors {
    size_t computed, all;
    uint32_t *row, *column, *flat; /* (all); row is what is owned */
};

static enum psi_status list_survivors(const struct psi_sparse_spec *spec, struct survivors *list,
                                      struct psi_error *err)
{
    const struct psi_layer *dense = spec->dense;
    const uint8_t *mask = spec->mask + dense->weight;
    for (size_t u = 0, i = 0; u < dense->units; u++)
        for (size_t c = 0; c < dense->fan_in; c++, i++) {
            list->all += mask[i];
            list->computed += mask[i] & spec->wanted[u];
        }
    list->row = psi_allocate(list->all, 3 * sizeof *list->row, "sparse layer", err);
    if (!list->row)
        return PSI_MEMORY;
    list->column = list->row + list->all;
    list->flat = list->column + list->all;
    size_t next[2] = {list->computed, 0}; /* where the next of a row not computed goes; computed */
    for (size_t u = 0, i = 0; u < dense->units; u++)
        for (size_t c = 0; c < dense->fan_in; c++, i++) {
            if (!mask[i])
                continue;
            size_t k = next[spec->wanted[u]]++;
            list->row[k] = (uint32_t)u;
            list->column[k] = spec->feature_of ? spec->feature_of[c] : (uint32_t)c;
            list->flat[k] = (uint32_t)(dense->weight + i);
        }
    return PSI_OK;
}

/* The transposed pattern, its entries numbered as the forward one's. */
static enum psi_status transpose(const struct psi_sparse_spec *spec, struct psi_sparse *sparse,
                                 struct survivors *list, struct psi_error *err)
{
    const struct psi_layer *dense = spec->dense;
    const struct psi_pattern *forward = &sparse->forward;
    uint32_t *row = psi_allocate(forward->entries, sizeof *row, "sparse layer", err);
    if (!row)
        return PSI_MEMORY;
    for (size_t k = 0; k < forward->entries; k++)
        row[k] = list->row[forward->source[k]];
    struct psi_entries from = {.rows = dense->fan_in,
                               .cols = dense->units,
                               .count = forward->entries,
                               .row = forward->column,
                               .column = row,
                               .wanted = spec->wanted_in};
    enum psi_status status = psi_pattern_create(&from, &sparse->backward, err);
    free(row);
    return status;
}

static enum psi_status build(const struct psi_sparse_spec *spec, struct psi_sparse *sparse,
                             struct survivors *list, uint32_t *origin, struct psi_error *err)
{
    const struct psi_layer *dense = spec->dense;
    struct psi_entries from = {.rows = dense->units,
                               .cols = spec->inputs,
                               .count = list->computed,
                               .row = list->row,
                               .column = list->column,
                               .wanted = spec->wanted};
    enum psi_status status = psi_pattern_create(&from, &sparse->forward, err);
    if (status == PSI_OK && spec->wanted_in)
        status = transpose(spec, sparse, list, err);
    if (status != PSI_OK)
        return status;
    for (size_t k = 0; k < list->all; k++)
        origin[k] = list->flat[k < list->computed ? sparse->forward.source[k] : k];
    free(sparse->forward.source); /* parameters lie in the order of the entries */
    sparse->forward.source = NULL;
    sparse->row = psi_allocate(dense->units, sizeof *sparse->row, "sparse layer", err);
    if (!sparse->row)
        return PSI_MEMORY;
    size_t others = dense->units;
    for (size_t u = 0; u < dense->units; u++)
        sparse->row[spec->wanted[u] ? sparse->rows++ : --others] = (uint32_t)u;
    return PSI_OK;
}

enum psi_status psi_sparse_create(const struct psi_sparse_spec *spec, struct psi_sparse **out,
                                  uint32_t *origin, struct psi_error *err)
{
    struct survivors list = {0};
    enum psi_status status = PSI_MEMORY;
    struct psi_sparse *sparse = psi_allocate(1, sizeof *sparse, "sparse layer", err);
    if (!sparse)
        return status;
    status = list_survivors(spec, &list, err);
    if (status == PSI_OK)
        status = build(spec, sparse, &list, origin, err);
    free(list.row);
    if (status == PSI_OK)
        *out = sparse;
    else
        psi_sparse_destroy(sparse);
    return status;
}

void psi_sparse_destroy(struct psi_sparse *sparse)
{
    if (!sparse)
        return;
    psi_pattern_clear(&sparse->backward);
    psi_pattern_clear(&sparse->forward);
    free(sparse->row);
    free(sparse);
}
