#include "blas.h"
#include "tangent.h"

static void dense_plan(struct psi_layer *layer)
{
    layer->out = (struct psi_shape){.channels = layer->units, .height = 1, .width = 1};
    layer->fan_in = psi_shape_features(&layer->in);
    layer->fan_out = layer->units;
    layer->weights = layer->fan_in * layer->fan_out;
    layer->biases = layer->units;
}

/* Y = W X by the packed input: its live rows and the stand-in. */
static void multiply_packed(const struct psi_layer *layer, const struct psi_pass *pass, float *y)
{
    const struct psi_packed_input *packed = pass->packed;
    int out = (int)layer->units, batch = (int)pass->batch;
    int live = PSI_BLOCK * (int)packed->skip.live;
    pass->kernels->pack(&packed->skip, pass->parameter + layer->weight, layer->units,
                        packed->weight);
    cblas_sgemm(PSI_ROW_MAJOR, PSI_PLAIN, PSI_PLAIN, out, batch, live + 1, 1, packed->weight,
                live + PSI_BLOCK, packed->x, batch, 0, y, batch);
}

/* G = decay G + dY X' by the packed input. */
static void accumulate_packed(const struct psi_layer *layer, const struct psi_pass *pass,
                              const float *dy, float decay, float *gradient)
{
    const struct psi_packed_input *packed = pass->packed;
    int out = (int)layer->units, batch = (int)pass->batch;
    int live = PSI_BLOCK * (int)packed->skip.live;
    cblas_sgemm(PSI_ROW_MAJOR, PSI_PLAIN, PSI_TRANSPOSED, out, live + 1, batch, 1, dy, batch,
                packed->x, batch, 0, packed->weight, live + PSI_BLOCK);
    pass->kernels->unpack(&packed->skip, packed->weight, layer->units, decay, gradient);
}

/* Y (out, batch) = W (out, in) X (in, batch) + b (out), then max(Y, 0) */
static void dense_forward(const struct psi_layer *layer, const struct psi_pass *pass,
                          const float *const *x, float *y)
{
    int in = (int)layer->fan_in, out = (int)layer->fan_out, batch = (int)pass->batch;
    const float *weight = pass->parameter + layer->weight;
    if (pass->packed && layer->input[0] == 0)
        multiply_packed(layer, pass, y);
    else
        cblas_sgemm(PSI_ROW_MAJOR, PSI_PLAIN, PSI_PLAIN, out, batch, in, 1, weight, in, x[0], batch,
                    0, y, batch);
    pass->kernels->bias_relu(y, pass->parameter + layer->bias, layer->units, pass->batch,
                             layer->relu);
}

/* dY = dY where Y > 0; db = sum of dY over the batch; dX = W' dY; dW = dY X' */
static void dense_backward(const struct psi_layer *layer, const struct psi_pass *pass,
                           const float *const *x, const float *y, float *dy, float decay,
                           float *gradient, const struct psi_input_gradient *dx)
{
    int in = (int)layer->fan_in, out = (int)layer->fan_out, batch = (int)pass->batch;
    const float *weight = pass->parameter + layer->weight;
    pass->kernels->bias_relu_backward(dy, y, layer->units, pass->batch, layer->relu, decay,
                                      gradient + layer->bias);
    if (dx[0].dx)
        cblas_sgemm(PSI_ROW_MAJOR, PSI_TRANSPOSED, PSI_PLAIN, in, batch, out, 1, weight, in, dy,
                    batch, dx[0].add ? 1 : 0, dx[0].dx, batch);
    if (pass->packed && layer->input[0] == 0)
        accumulate_packed(layer, pass, dy, decay, gradient + layer->weight);
    else
        cblas_sgemm(PSI_ROW_MAJOR, PSI_PLAIN, PSI_TRANSPOSED, out, in, batch, 1, dy, batch, x[0],
                    batch, decay, gradient + layer->weight, in);
}

static void dense_reach_forward(const struct psi_layer *layer, const uint8_t *mask,
                                const uint8_t *const *from, uint8_t *to)
{
    const uint8_t *row = mask + layer->weight;
    for (size_t u = 0; u < layer->units; u++, row += layer->fan_in) {
        uint8_t any = 0;
        for (size_t i = 0; i < layer->fan_in; i++)
            any |= row[i] & from[0][i];
        to[u] = any;
    }
}

static size_t dense_reach_backward(const struct psi_layer *layer, const uint8_t *mask,
                                   const uint8_t *useful, const uint8_t *const *reached,
                                   uint8_t *const *useful_input, uint8_t *on_path)
{
    size_t count = 0;
    for (size_t u = 0; u < layer->units; u++) {
        size_t first = layer->weight + u * layer->fan_in;
        for (size_t i = 0; i < layer->fan_in; i++) {
            uint8_t leads = mask[first + i] & useful[u];
            uint8_t on = leads & reached[0][i];
            useful_input[0][i] |= leads;
            count += on;
            if (on_path)
                on_path[first + i] = on;
        }
    }
    return count;
}

const struct psi_layer_type psi_layer_dense = {
    .name = "dense",
    .inputs = 1,
    .plan = dense_plan,
    .forward = dense_forward,
    .backward = dense_backward,
    .reach_forward = dense_reach_forward,
    .reach_backward = dense_reach_backward,
    .tangent = &psi_tangent_linear,
};
