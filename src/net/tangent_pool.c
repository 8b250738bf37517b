/* Pooling of 2 x 2, as in pool.c: linear, with the largest input's place held constant. */
#include "tangent.h"

/* Input feature k = 0 .. 3 of the window of output feature `out`. */
static size_t window_input(const struct psi_layer *layer, size_t out, size_t k)
{
    size_t x = out % layer->out.width, y = out / layer->out.width % layer->out.height;
    size_t c = out / layer->out.width / layer->out.height;
    return (c * layer->in.height + 2 * y + k / 2) * layer->in.width + 2 * x + k % 2;
}

/* Index into x of the window's largest input in one sample, the first of equal ones. */
static size_t largest(const struct psi_layer *layer, const double *x, size_t batch, size_t out,
                      size_t b)
{
    size_t most = window_input(layer, out, 0) * batch + b;
    for (size_t k = 1; k < 4; k++) {
        size_t other = window_input(layer, out, k) * batch + b;
        if (x[other] > x[most])
            most = other;
    }
    return most;
}

static void maxpool_forward(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                            const struct psi_dual *x, const struct psi_dual *y)
{
    size_t batch = pass->batch;
    for (size_t i = 0; i < psi_shape_features(&layer->out) * batch; i++) {
        size_t from = largest(layer, x->value, batch, i / batch, i % batch);
        y->value[i] = x->value[from];
        if (y->tangent)
            y->tangent[i] = x->tangent ? x->tangent[from] : 0;
    }
}

static void maxpool_backward(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                             const struct psi_dual *x, const struct psi_dual *y,
                             const struct psi_dual *dy, const struct psi_dual *dx)
{
    (void)y;
    size_t batch = pass->batch;
    for (size_t i = 0; dx->value && i < psi_shape_features(&layer->out) * batch; i++) {
        size_t to = largest(layer, x->value, batch, i / batch, i % batch);
        dx->value[to] += dy->value[i];
        if (dx->tangent)
            dx->tangent[to] += dy->tangent[i];
    }
}

/* y (out, batch) = mean of the windows of x (in, batch) */
static void average(const struct psi_layer *layer, size_t batch, const double *x, double *y)
{
    for (size_t i = 0; y && i < psi_shape_features(&layer->out) * batch; i++) {
        y[i] = 0;
        for (size_t k = 0; x && k < 4; k++)
            y[i] += 0.25 * x[window_input(layer, i / batch, k) * batch + i % batch];
    }
}

static void average_backward(const struct psi_layer *layer, size_t batch, const double *dy,
                             double *dx)
{
    for (size_t i = 0; dx && i < psi_shape_features(&layer->out) * batch; i++)
        for (size_t k = 0; k < 4; k++)
            dx[window_input(layer, i / batch, k) * batch + i % batch] += 0.25 * dy[i];
}

static void avgpool_forward(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                            const struct psi_dual *x, const struct psi_dual *y)
{
    average(layer, pass->batch, x->value, y->value);
    average(layer, pass->batch, x->tangent, y->tangent);
}

static void avgpool_backward(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                             const struct psi_dual *x, const struct psi_dual *y,
                             const struct psi_dual *dy, const struct psi_dual *dx)
{
    (void)x;
    (void)y;
    average_backward(layer, pass->batch, dy->value, dx->value);
    average_backward(layer, pass->batch, dy->tangent, dx->tangent);
}

const struct psi_tangent_type psi_tangent_maxpool = {maxpool_forward, maxpool_backward};
const struct psi_tangent_type psi_tangent_avgpool = {avgpool_forward, avgpool_backward};
