/* Pooling over windows of 2 x 2, stride 2: the largest, or the mean. An odd last row or column is
 * left out, as PyTorch's and Caffe's (floor) do. */
#include "tangent.h"

#include <string.h>

static void pool_plan(struct psi_layer *layer)
{
    layer->out = (struct psi_shape){.channels = layer->in.channels,
                                    .height = layer->in.height / 2,
                                    .width = layer->in.width / 2};
}

/* The first input of the window of output feature `out`; the others lie at + 1, + width and
 * + width + 1. */
static size_t window_of(const struct psi_layer *layer, size_t out)
{
    size_t x = out % layer->out.width, y = out / layer->out.width % layer->out.height;
    size_t c = out / layer->out.width / layer->out.height;
    return (c * layer->in.height + 2 * y) * layer->in.width + 2 * x;
}

/* y = max(y, x); a NaN goes through, so that it shows. */
static inline void rise_to(float *restrict y, const float *restrict x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float most = y[i], other = x[i];
        y[i] = (most >= other) | (most != most) ? most : other;
    }
}

/* y = max of the window */
static void maxpool_forward(const struct psi_layer *layer, const struct psi_pass *pass,
                            const float *const *x, float *y)
{
    size_t batch = pass->batch, below = layer->in.width * batch;
    for (size_t out = 0; out < psi_shape_features(&layer->out); out++, y += batch) {
        const float *from = x[0] + window_of(layer, out) * batch;
        memcpy(y, from, batch * sizeof *y);
        rise_to(y, from + batch, batch);
        rise_to(y, from + below, batch);
        rise_to(y, from + below + batch, batch);
    }
}

/* y = mean of the window */
static void avgpool_forward(const struct psi_layer *layer, const struct psi_pass *pass,
                            const float *const *x, float *y)
{
    size_t batch = pass->batch, below = layer->in.width * batch;
    for (size_t out = 0; out < psi_shape_features(&layer->out); out++, y += batch) {
        const float *a = x[0] + window_of(layer, out) * batch, *c = a + below;
        for (size_t i = 0; i < batch; i++)
            y[i] = 0.25f * ((a[i] + a[batch + i]) + (c[i] + c[batch + i]));
    }
}

/* Inputs in no window have no gradient. */
static void clear_rest(const struct psi_layer *layer, size_t batch, float *dx)
{
    const struct psi_shape *in = &layer->in, *out = &layer->out;
    for (size_t row = 0; row < in->channels * in->height; row++)
        for (size_t x = row % in->height < 2 * out->height ? 2 * out->width : 0; x < in->width; x++)
            memset(dx + (row * in->width + x) * batch, 0, batch * sizeof *dx);
}

/* dx = dy at the first of the window's inputs that is its largest, 0 at the others */
static void maxpool_backward(const struct psi_layer *layer, const struct psi_pass *pass,
                             const float *const *x, const float *y, float *dy, float decay,
                             float *gradient, const struct psi_input_gradient *dx)
{
    (void)decay;
    (void)gradient;
    if (!dx[0].dx)
        return;
    size_t batch = pass->batch;
    const size_t step[4] = {0, batch, layer->in.width * batch, (layer->in.width + 1) * batch};
    int add = dx[0].add;
    if (!add)
        clear_rest(layer, batch, dx[0].dx);
    for (size_t out = 0; out < psi_shape_features(&layer->out); out++, y += batch, dy += batch) {
        size_t window = window_of(layer, out) * batch;
        for (size_t k = 0; k < 4; k++) {
            const float *from = x[0] + window + step[k];
            float *to = dx[0].dx + window + step[k];
            for (size_t i = 0; i < batch; i++) {
                float own = from[i] == y[i] ? dy[i] : 0;
                to[i] = add ? to[i] + own : own;
                dy[i] -= own; /* given away */
            }
        }
    }
}

/* dx = dy / 4 */
static void avgpool_backward(const struct psi_layer *layer, const struct psi_pass *pass,
                             const float *const *x, const float *y, float *dy, float decay,
                             float *gradient, const struct psi_input_gradient *dx)
{
    (void)x;
    (void)y;
    (void)decay;
    (void)gradient;
    if (!dx[0].dx)
        return;
    size_t batch = pass->batch;
    const size_t step[4] = {0, batch, layer->in.width * batch, (layer->in.width + 1) * batch};
    int add = dx[0].add;
    if (!add)
        clear_rest(layer, batch, dx[0].dx);
    for (size_t out = 0; out < psi_shape_features(&layer->out); out++, dy += batch)
        for (size_t k = 0; k < 4; k++) {
            float *to = dx[0].dx + window_of(layer, out) * batch + step[k];
            for (size_t i = 0; i < batch; i++)
                to[i] = 0.25f * dy[i] + (add ? to[i] : 0);
        }
}

static void pool_reach_forward(const struct psi_layer *layer, const uint8_t *mask,
                               const uint8_t *const *from, uint8_t *to)
{
    (void)mask;
    size_t below = layer->in.width;
    for (size_t out = 0; out < psi_shape_features(&layer->out); out++) {
        const uint8_t *in = from[0] + window_of(layer, out);
        to[out] = in[0] | in[1] | in[below] | in[below + 1];
    }
}

static size_t pool_reach_backward(const struct psi_layer *layer, const uint8_t *mask,
                                  const uint8_t *useful, const uint8_t *const *reached,
                                  uint8_t *const *useful_input, uint8_t *on_path)
{
    (void)mask;
    (void)reached;
    (void)on_path;
    size_t below = layer->in.width;
    for (size_t out = 0; out < psi_shape_features(&layer->out); out++) {
        uint8_t *in = useful_input[0] + window_of(layer, out);
        in[0] |= useful[out];
        in[1] |= useful[out];
        in[below] |= useful[out];
        in[below + 1] |= useful[out];
    }
    return 0;
}

const struct psi_layer_type psi_layer_maxpool = {
    .name = "maxpool",
    .inputs = 1,
    .plan = pool_plan,
    .forward = maxpool_forward,
    .backward = maxpool_backward,
    .reach_forward = pool_reach_forward,
    .reach_backward = pool_reach_backward,
    .tangent = &psi_tangent_maxpool,
};

const struct psi_layer_type psi_layer_avgpool = {
    .name = "avgpool",
    .inputs = 1,
    .plan = pool_plan,
    .forward = avgpool_forward,
    .backward = avgpool_backward,
    .reach_forward = pool_reach_forward,
    .reach_backward = pool_reach_backward,
    .tangent = &psi_tangent_avgpool,
};
