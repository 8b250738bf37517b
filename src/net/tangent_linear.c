/* Dense layers and convolutions, a dense layer being a convolution of one pixel. With L bilinear,
 *   y = L(w, x) + b          y' = L(w', x) + L(w, x') + b'
 *   dx = L_x(w, dy)          dx' = L_x(w', dy) + L_x(w, dy')
 *   dw = L_w(x, dy)          dw' = L_w(x', dy) + L_w(x, dy')
 */
#include "tangent.h"

enum operation {
    APPLY,  /* y += L(w, x) */
    RETURN, /* x += L_x(w, y) */
    COLLECT /* w += L_w(x, y) */
};

static inline double dot(const double *x, const double *y, size_t count)
{
    enum { PARTS = 4 };
    double part[PARTS] = {0};
    size_t i = 0;
    for (; i + PARTS <= count; i += PARTS)
        for (size_t k = 0; k < PARTS; k++)
            part[k] += x[i + k] * y[i + k];
    for (; i < count; i++)
        part[0] += x[i] * y[i];
    return (part[0] + part[1]) + (part[2] + part[3]);
}

static inline void operate(enum operation operation, double *w, double *restrict x,
                           double *restrict y, size_t count)
{
    if (operation == COLLECT) {
        *w += dot(x, y, count);
        return;
    }
    if (*w == 0) /* pruned ones are many */
        return;
    for (size_t i = 0; operation == APPLY && i < count; i++)
        y[i] += *w * x[i];
    for (size_t i = 0; operation == RETURN && i < count; i++)
        x[i] += *w * y[i];
}

/* The outputs first .. end - 1 of a line of `out` that read, at position k of a window, an input of
 * a line of `in`. */
struct range {
    size_t first, end;
};
static struct range range_of(size_t in, size_t out, size_t pad, size_t k)
{
    struct range range = {k < pad ? pad - k : 0, in + pad > k ? in + pad - k : 0};
    range.end = range.end < out ? range.end : out;
    range.first = range.first < range.end ? range.first : range.end;
    return range;
}

/* Of a dense layer and one sample, where rows of w (out, in) are what is long. */
static void sweep_vector(enum operation operation, const struct psi_layer *layer, double *w,
                         double *restrict x, double *restrict y)
{
    size_t inputs = layer->fan_in;
    for (size_t o = 0; o < layer->units; o++, w += inputs) {
        if (operation == APPLY)
            y[o] += dot(w, x, inputs);
        for (size_t c = 0; operation == RETURN && c < inputs; c++)
            x[c] += w[c] * y[o];
        for (size_t c = 0; operation == COLLECT && c < inputs; c++)
            w[c] += x[c] * y[o];
    }
}

/* One of the three over all of w (out, in, kernel, kernel), x (in, height, width, batch) and
 * y (out, height, width, batch), if they are there. A row of an image is contiguous, pixels and
 * samples. */
static inline void sweep(enum operation operation, const struct psi_layer *layer, size_t batch,
                         double *w, double *x, double *y)
{
    int dense = layer->kernel == 0;
    size_t kernel = dense ? 1 : layer->kernel, pad = layer->pad;
    size_t inputs = dense ? layer->fan_in : layer->in.channels;
    size_t height = dense ? 1 : layer->in.height, width = dense ? 1 : layer->in.width;
    const struct psi_shape *out = &layer->out;
    if (!w || !x || !y)
        return;
    if (dense && batch == 1) {
        sweep_vector(operation, layer, w, x, y);
        return;
    }
    for (size_t k = 0; k < kernel * kernel; k++) {
        struct range rows = range_of(height, out->height, pad, k / kernel);
        struct range columns = range_of(width, out->width, pad, k % kernel);
        size_t count = (columns.end - columns.first) * batch;
        for (size_t o = 0; o < out->channels; o++)
            for (size_t c = 0; c < inputs; c++)
                for (size_t row = rows.first; row < rows.end; row++) {
                    size_t from = (c * height + row + k / kernel - pad) * width + columns.first +
                                  k % kernel - pad;
                    size_t to = (o * out->height + row) * out->width + columns.first;
                    operate(operation, &w[(o * inputs + c) * kernel * kernel + k], x + from * batch,
                            y + to * batch, count);
                }
    }
}

static void apply(const struct psi_layer *layer, size_t batch, double *w, double *x, double *y)
{
    sweep(APPLY, layer, batch, w, x, y);
}

static void return_to(const struct psi_layer *layer, size_t batch, double *w, double *x, double *y)
{
    sweep(RETURN, layer, batch, w, x, y);
}

static void collect(const struct psi_layer *layer, size_t batch, double *w, double *x, double *y)
{
    sweep(COLLECT, layer, batch, w, x, y);
}

static double *at(double *array, size_t offset)
{
    return array ? array + offset : NULL;
}

/* y (channels, values) = b (channels), or 0; if it is there */
static void begin(const struct psi_layer *layer, size_t values, const double *bias, double *y)
{
    for (size_t i = 0; y && i < layer->out.channels * values; i++)
        y[i] = layer->biases && bias ? bias[i / values] : 0;
}

static void linear_forward(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                           const struct psi_dual *x, const struct psi_dual *y)
{
    size_t batch = pass->batch, values = layer->out.height * layer->out.width * batch;
    double *w = pass->parameter.value + layer->weight;
    begin(layer, values, pass->parameter.value + layer->bias, y->value);
    begin(layer, values, at(pass->parameter.tangent, layer->bias), y->tangent);
    apply(layer, batch, w, x->value, y->value);
    apply(layer, batch, at(pass->parameter.tangent, layer->weight), x->value, y->tangent);
    apply(layer, batch, w, x->tangent, y->tangent);
    if (layer->relu)
        psi_tangent_relu(y, layer->out.channels * values);
}

static void collect_bias(const struct psi_layer *layer, size_t values, const double *dy,
                         double *gradient)
{
    for (size_t i = 0; dy && gradient && i < layer->biases * values; i++)
        gradient[i / values] += dy[i];
}

static void linear_backward(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                            const struct psi_dual *x, const struct psi_dual *y,
                            const struct psi_dual *dy, const struct psi_dual *dx)
{
    size_t batch = pass->batch, values = layer->out.height * layer->out.width * batch;
    double *w = pass->parameter.value + layer->weight;
    double *gradient = at(pass->gradient.value, layer->weight);
    double *product = at(pass->gradient.tangent, layer->weight);
    if (layer->relu)
        psi_tangent_relu_backward(y, dy, layer->out.channels * values);
    collect_bias(layer, values, dy->value, at(pass->gradient.value, layer->bias));
    collect_bias(layer, values, dy->tangent, at(pass->gradient.tangent, layer->bias));
    collect(layer, batch, gradient, x->value, dy->value);
    collect(layer, batch, product, x->tangent, dy->value);
    collect(layer, batch, product, x->value, dy->tangent);
    return_to(layer, batch, w, dx->value, dy->value);
    return_to(layer, batch, at(pass->parameter.tangent, layer->weight), dx->tangent, dy->value);
    return_to(layer, batch, w, dx->tangent, dy->tangent);
}

const struct psi_tangent_type psi_tangent_linear = {linear_forward, linear_backward};
