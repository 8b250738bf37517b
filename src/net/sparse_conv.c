#include "sparse_conv.h"
#include "psisweep/memory.h"

#include <stdlib.h>

/* y[o][p] = max(b[o] + sum over survivors w x[in][p + shift], 0) */
static void sparse_conv_forward(const struct psi_layer *layer, const struct psi_pass *pass,
                                const float *const *x, float *y)
{
    const float *bias = layer->unbiased ? NULL : pass->parameter + layer->bias;
    pass->kernels->conv->sparse_convolve(&layer->sparse_conv->forward,
                                         pass->parameter + layer->weight, bias, layer->relu, 0,
                                         x[0], pass->batch, y);
}

/* dy = dy where y > 0; db = sum of dy; dw = sum over pixels of dy[o][p] x[in][p + shift];
 * dx[in][q] = sum over survivors w dy[o][q - shift] */
static void sparse_conv_backward(const struct psi_layer *layer, const struct psi_pass *pass,
                                 const float *const *x, const float *y, float *dy, float decay,
                                 float *gradient, const struct psi_input_gradient *dx)
{
    const struct psi_conv_kernels *kernels = pass->kernels->conv;
    const struct psi_sparse_conv *sparse = layer->sparse_conv;
    size_t pixels = layer->out.height * layer->out.width;
    if (!layer->unbiased)
        pass->kernels->bias_relu_backward(dy, y, layer->out.channels, pixels * pass->batch,
                                          layer->relu, decay, gradient + layer->bias);
    kernels->sparse_sample(&sparse->forward, dy, x[0], pass->batch, decay,
                           gradient + layer->weight);
    if (dx[0].dx)
        kernels->sparse_convolve(&sparse->backward, pass->parameter + layer->weight, NULL, 0,
                                 dx[0].add, dy, pass->batch, dx[0].dx);
}

const struct psi_layer_type psi_layer_sparse_conv = {
    .name = "sparse conv",
    .inputs = 1,
    .forward = sparse_conv_forward,
    .backward = sparse_conv_backward,
};

static enum psi_status taps_create(const struct psi_shape *in, const struct psi_shape *out,
                                   size_t count, struct psi_taps *taps, struct psi_error *err)
{
    *taps = (struct psi_taps){.units = out->channels,
                              .height = in->height,
                              .width = in->width,
                              .out_height = out->height,
                              .out_width = out->width};
    taps->start = psi_allocate(taps->units + 1, sizeof *taps->start, "sparse layer", err);
    taps->tap = psi_allocate(count, sizeof *taps->tap, "sparse layer", err);
    return taps->start && taps->tap ? PSI_OK : PSI_MEMORY;
}

/* Weight w of the layer as a tap of its output channel, or (back) of its input channel. */
static struct psi_tap tap_of(const struct psi_layer *conv, size_t w, uint32_t source, int back)
{
    size_t kernel = conv->kernel, column = w % conv->fan_in;
    int y = (int)(column / kernel % kernel) - (int)conv->pad;
    int x = (int)(column % kernel) - (int)conv->pad;
    int channel = (int)(back ? w / conv->fan_in : column / kernel / kernel);
    const struct psi_shape *from = back ? &conv->out : &conv->in;
    if (back) {
        y = -y;
        x = -x;
    }
    return (struct psi_tap){.source = source,
                            .offset = (channel * (int)from->height + y) * (int)from->width + x,
                            .y = (int16_t)y,
                            .x = (int16_t)x};
}

/* Taps by output channel, in flat order. */
static void fill_forward(const struct psi_layer *conv, const uint8_t *mask, struct psi_taps *taps,
                         uint32_t *origin)
{
    uint32_t k = 0;
    for (size_t w = 0; w < conv->weights; w++) {
        if (w % conv->fan_in == 0)
            taps->start[w / conv->fan_in] = k;
        if (!mask[conv->weight + w])
            continue;
        taps->tap[k] = tap_of(conv, w, k, 0);
        origin[k++] = (uint32_t)(conv->weight + w);
    }
    taps->start[taps->units] = k;
}

/* The same taps by input channel. */
static void fill_backward(const struct psi_layer *conv, const uint32_t *origin, size_t count,
                          struct psi_taps *taps)
{
    size_t window = conv->kernel * conv->kernel;
    for (size_t k = 0; k < count; k++)
        taps->start[(origin[k] - conv->weight) % conv->fan_in / window + 1]++;
    for (size_t c = 0; c < taps->units; c++)
        taps->start[c + 1] += taps->start[c];
    for (size_t k = count;
         k-- > 0;) { /* from the end of each channel's; starts move to where ... */
        size_t w = origin[k] - conv->weight;
        uint32_t at = --taps->start[w % conv->fan_in / window + 1];
        taps->tap[at] = tap_of(conv, w, (uint32_t)k, 1);
    }
    for (size_t c = 0; c < taps->units; c++) /* ... the channel after begins */
        taps->start[c] = taps->start[c + 1];
    taps->start[taps->units] = (uint32_t)count;
}

enum psi_status psi_sparse_conv_create(const struct psi_layer *conv, const uint8_t *mask,
                                       int backward, struct psi_sparse_conv **out, uint32_t *origin,
                                       struct psi_error *err)
{
    size_t count = 0;
    for (size_t w = 0; w < conv->weights; w++)
        count += mask[conv->weight + w];
    struct psi_sparse_conv *sparse = psi_allocate(1, sizeof *sparse, "sparse layer", err);
    if (!sparse)
        return PSI_MEMORY;
    enum psi_status status = taps_create(&conv->in, &conv->out, count, &sparse->forward, err);
    if (status == PSI_OK && backward)
        status = taps_create(&conv->out, &conv->in, count, &sparse->backward, err);
    if (status != PSI_OK) {
        psi_sparse_conv_destroy(sparse);
        return status;
    }
    fill_forward(conv, mask, &sparse->forward, origin);
    if (backward)
        fill_backward(conv, origin, count, &sparse->backward);
    *out = sparse;
    return PSI_OK;
}

void psi_sparse_conv_destroy(struct psi_sparse_conv *sparse)
{
    if (!sparse)
        return;
    free(sparse->backward.tap);
    free(sparse->backward.start);
    free(sparse->forward.tap);
    free(sparse->forward.start);
    free(sparse);
}
