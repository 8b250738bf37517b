/* Convolution, stride 1, with bias and ReLU: y[o][p] = max(b[o] + sum over in, ky, kx of
 * w[o][in][ky][kx] x[in][p + (ky, kx) - pad], 0). Weights are a matrix (out, in * kernel * kernel).
 * The input's gradient is a convolution of dy with the weights turned around:
 * dx[in][q] = sum over o, ky, kx of w[o][in][ky][kx] dy[o][q - (ky, kx) + pad]. */
#include "layer.h"
#include "tangent.h"
#include "winograd.h"

#include <assert.h>
#include <string.h>

static struct psi_conv shape_of(const struct psi_layer *layer)
{
    return (struct psi_conv){.in = layer->in.channels,
                             .height = layer->in.height,
                             .width = layer->in.width,
                             .out = layer->out.channels,
                             .out_height = layer->out.height,
                             .out_width = layer->out.width,
                             .kernel = layer->kernel,
                             .pad = layer->pad};
}

/* The convolution that carries dy back to dx. */
static struct psi_conv turned(const struct psi_conv *conv)
{
    return (struct psi_conv){.in = conv->out,
                             .height = conv->out_height,
                             .width = conv->out_width,
                             .out = conv->in,
                             .out_height = conv->height,
                             .out_width = conv->width,
                             .kernel = conv->kernel,
                             .pad = conv->kernel - 1 - conv->pad};
}

/* Floats of packed weights. */
static size_t packed_size(const struct psi_conv *conv)
{
    size_t groups = (conv->out + PSI_GROUP - 1) / PSI_GROUP;
    return groups * PSI_GROUP * conv->in * conv->kernel * conv->kernel;
}

/* packed (groups, in, kernel, kernel, PSI_GROUP) from w, whose weight of output o and input c lies
 * at w + o * by_out + c * by_in; turn: windows turned by half a circle. Outputs past the last: 0.
 */
static void pack(const struct psi_conv *conv, const float *w, size_t by_out, size_t by_in, int turn,
                 float *packed)
{
    size_t window = conv->kernel * conv->kernel;
    for (size_t first = 0; first < conv->out; first += PSI_GROUP)
        for (size_t c = 0; c < conv->in; c++)
            for (size_t k = 0; k < window; k++)
                for (size_t o = first; o < first + PSI_GROUP; o++)
                    *packed++ =
                        o < conv->out ? w[o * by_out + c * by_in + (turn ? window - 1 - k : k)] : 0;
}

static void conv_plan(struct psi_layer *layer)
{
    size_t kernel = layer->kernel, pad = layer->pad;
    size_t height = layer->in.height + 2 * pad, width = layer->in.width + 2 * pad;
    assert(pad < kernel);
    layer->out = (struct psi_shape){.channels = layer->units};
    if (height >= kernel && width >= kernel) {
        layer->out.height = height - kernel + 1;
        layer->out.width = width - kernel + 1;
    }
    layer->fan_in = layer->in.channels * kernel * kernel;
    layer->fan_out = layer->units * kernel * kernel;
    layer->weights = layer->units * layer->fan_in;
    layer->biases = layer->unbiased ? 0 : layer->units;
    struct psi_conv conv = shape_of(layer), back = turned(&conv);
    size_t forth = packed_size(&conv), other = packed_size(&back);
    layer->work = PSI_TILE * (conv.in * height * width + psi_shape_features(&layer->out)) +
                  (forth > other ? forth : other);
    if (psi_winograd_work(&conv) > layer->work)
        layer->work = psi_winograd_work(&conv);
}

static size_t lanes_of(size_t batch, size_t first)
{
    return batch - first < PSI_TILE ? batch - first : PSI_TILE;
}

static void conv_forward(const struct psi_layer *layer, const struct psi_pass *pass,
                         const float *const *x, float *y)
{
    const struct psi_conv_kernels *kernels = pass->kernels->conv;
    const float *bias = layer->unbiased ? NULL : pass->parameter + layer->bias;
    const float *weight = pass->parameter + layer->weight;
    struct psi_conv conv = shape_of(layer);
    float *tile = pass->work, *packed = tile + PSI_TILE * psi_shape_features(&layer->in);
    for (size_t b = 0; b < pass->batch; b += PSI_TILE) {
        size_t lanes = lanes_of(pass->batch, b);
        if (psi_winograd_pays(&conv, lanes)) {
            psi_winograd_forward(kernels, &conv, x[0] + b, weight, bias, layer->relu, y + b,
                                 pass->batch, lanes, pass->work);
            continue;
        }
        pack(&conv, weight, layer->fan_in, conv.kernel * conv.kernel, 0, packed);
        kernels->tile(x[0] + b, conv.in, conv.height, conv.width, 0, pass->batch, lanes, tile);
        kernels->convolve(&conv, tile, packed, bias, layer->relu, 0, y + b, pass->batch, lanes);
    }
}

/* Of one tile, dy's ReLU done: the direct way. */
static void backward_tile(const struct psi_conv_kernels *kernels, const struct psi_conv *conv,
                          const float *x, const float *w, const float *dy, float decay,
                          float *gradient, int add, float *dx, size_t stride, size_t lanes,
                          float *work)
{
    struct psi_conv back = turned(conv);
    size_t pixels = conv->out_height * conv->out_width, window = conv->kernel * conv->kernel;
    size_t padded = (conv->height + 2 * conv->pad) * (conv->width + 2 * conv->pad);
    float *dy_tile = work, *x_tile = dy_tile + PSI_TILE * conv->out * pixels;
    float *packed = x_tile + PSI_TILE * conv->in * padded;
    kernels->tile(dy, conv->out, conv->out_height, conv->out_width, 0, stride, lanes, dy_tile);
    kernels->tile(x, conv->in, conv->height, conv->width, conv->pad, stride, lanes, x_tile);
    kernels->weight_gradient(conv, x_tile, dy_tile, decay, gradient);
    if (!dx)
        return;
    pack(&back, w, window, conv->in * window, 1, packed);
    kernels->convolve(&back, dy_tile, packed, NULL, 0, add, dx, stride, lanes);
}

static void conv_backward(const struct psi_layer *layer, const struct psi_pass *pass,
                          const float *const *x, const float *y, float *dy, float decay,
                          float *gradient, const struct psi_input_gradient *dx)
{
    const struct psi_conv_kernels *kernels = pass->kernels->conv;
    struct psi_conv conv = shape_of(layer);
    size_t pixels = conv.out_height * conv.out_width;
    if (!layer->unbiased)
        pass->kernels->bias_relu_backward(dy, y, conv.out, pixels * pass->batch, layer->relu, decay,
                                          gradient + layer->bias);
    for (size_t b = 0; b < pass->batch; b += PSI_TILE) {
        size_t lanes = lanes_of(pass->batch, b);
        (psi_winograd_pays(&conv, lanes) ? psi_winograd_backward : backward_tile)(
            kernels, &conv, x[0] + b, pass->parameter + layer->weight, dy + b, b ? 1 : decay,
            gradient + layer->weight, dx[0].add, dx[0].dx ? dx[0].dx + b : NULL, pass->batch, lanes,
            pass->work);
    }
}

/* Which features of y a weight of a conv layer connects, and to which of x: output rows first.y ..
 * end.y - 1 and columns first.x .. end.x - 1, input row and column = the output's + shift. */
struct reach {
    size_t first_y, end_y, first_x, end_x;
    ptrdiff_t shift_y, shift_x;
};
static struct reach reach_of(const struct psi_layer *layer, size_t ky, size_t kx)
{
    /* 0 <= output + k - pad < size of the input */
    size_t pad = layer->pad, high = layer->in.height + pad - ky, wide = layer->in.width + pad - kx;
    const struct psi_shape *out = &layer->out;
    return (struct reach){.first_y = ky < pad ? pad - ky : 0,
                          .end_y = high < out->height ? high : out->height,
                          .first_x = kx < pad ? pad - kx : 0,
                          .end_x = wide < out->width ? wide : out->width,
                          .shift_y = (ptrdiff_t)ky - (ptrdiff_t)pad,
                          .shift_x = (ptrdiff_t)kx - (ptrdiff_t)pad};
}

/* One surviving weight's reach, row by row: its outputs at flag[0], its inputs at flag[1]. */
struct rows {
    size_t count, wide;
    size_t out, out_step, in, in_step; /* index of the first, from row to row */
};

static struct rows rows_of(const struct psi_layer *layer, size_t weight)
{
    size_t kernel = layer->kernel, column = weight % layer->fan_in;
    size_t o = weight / layer->fan_in, c = column / (kernel * kernel);
    struct reach reach = reach_of(layer, column / kernel % kernel, column % kernel);
    size_t in_y = reach.first_y + (size_t)reach.shift_y,
           in_x = reach.first_x + (size_t)reach.shift_x;
    struct rows rows = {.out_step = layer->out.width, .in_step = layer->in.width};
    if (reach.end_y > reach.first_y && reach.end_x > reach.first_x) {
        rows.count = reach.end_y - reach.first_y;
        rows.wide = reach.end_x - reach.first_x;
    }
    rows.out = (o * layer->out.height + reach.first_y) * layer->out.width + reach.first_x;
    rows.in = (c * layer->in.height + in_y) * layer->in.width + in_x;
    return rows;
}

static void conv_reach_forward(const struct psi_layer *layer, const uint8_t *mask,
                               const uint8_t *const *from, uint8_t *to)
{
    memset(to, 0, psi_shape_features(&layer->out));
    for (size_t w = 0; w < layer->weights; w++) {
        if (!mask[layer->weight + w])
            continue;
        struct rows rows = rows_of(layer, w);
        for (size_t i = 0; i < rows.count; i++) {
            const uint8_t *in = from[0] + rows.in + i * rows.in_step;
            uint8_t *out = to + rows.out + i * rows.out_step;
            for (size_t j = 0; j < rows.wide; j++)
                out[j] |= in[j];
        }
    }
}

static size_t conv_reach_backward(const struct psi_layer *layer, const uint8_t *mask,
                                  const uint8_t *useful, const uint8_t *const *reached,
                                  uint8_t *const *useful_input, uint8_t *on_path)
{
    size_t count = 0;
    for (size_t w = 0; w < layer->weights; w++) {
        uint8_t on = 0;
        struct rows rows = mask[layer->weight + w] ? rows_of(layer, w) : (struct rows){0};
        for (size_t i = 0; i < rows.count; i++) {
            const uint8_t *out = useful + rows.out + i * rows.out_step;
            const uint8_t *in = reached[0] + rows.in + i * rows.in_step;
            uint8_t *leads = useful_input[0] + rows.in + i * rows.in_step;
            for (size_t j = 0; j < rows.wide; j++) {
                leads[j] |= out[j];
                on |= in[j] & out[j];
            }
        }
        count += on;
        if (on_path)
            on_path[layer->weight + w] = on;
    }
    return count;
}

const struct psi_layer_type psi_layer_conv = {
    .name = "conv",
    .inputs = 1,
    .plan = conv_plan,
    .forward = conv_forward,
    .backward = conv_backward,
    .reach_forward = conv_reach_forward,
    .reach_backward = conv_reach_backward,
    .tangent = &psi_tangent_linear,
};
