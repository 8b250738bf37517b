/* Batch normalisation (Ioffe & Szegedy 2015) of each channel, with ReLU:
 *   y = max(gain (x - mean) / sqrt(variance + epsilon) + shift, 0),
 * mean and variance over the batch and the pixels in training, running means of them in evaluation.
 * As torch.nn.BatchNorm2d: epsilon 1e-5, running = 0.9 running + 0.1 new, where the new variance is
 * the unbiased one. Gains and shifts lie among the biases, running means and variances among the
 * states, (channels) each. */
#include "tangent.h"

#include <math.h>

static const double epsilon = 1e-5, momentum = 0.1;

static void batchnorm_plan(struct psi_layer *layer)
{
    layer->out = layer->in;
    layer->biases = 2 * layer->in.channels;
    layer->states = 2 * layer->in.channels;
    layer->keeps = 2 * layer->in.channels; /* the batch's means, and 1 / sqrt(variance + epsilon) */
}

static void batchnorm_initialise(const struct psi_layer *layer, float *parameter)
{
    for (size_t c = 0; c < layer->in.channels; c++) {
        parameter[layer->bias + c] = 1;                       /* gains */
        parameter[layer->state + layer->in.channels + c] = 1; /* variances */
    }
}

/* A channel's values: so many rows of columns, of which the first `samples` count. */
struct channel {
    size_t rows, columns, samples;
};

static struct channel channel_of(const struct psi_layer *layer, const struct psi_pass *pass)
{
    return (struct channel){layer->in.height * layer->in.width, pass->batch, pass->samples};
}

/* Sums over a channel: of (x - a) and of (x - a) (z - b); in 16 parts so that it vectorises, and
 * row by row so that floats suffice. */
static void sums(const struct channel *channel, const float *x, float a, const float *z, float b,
                 double *sum, double *product)
{
    enum { PARTS = 16 };
    *sum = *product = 0;
    for (size_t row = 0; row < channel->rows; row++, x += channel->columns, z += channel->columns) {
        float part[PARTS] = {0}, part_product[PARTS] = {0};
        size_t i = 0;
        for (; i + PARTS <= channel->samples; i += PARTS)
            for (size_t lane = 0; lane < PARTS; lane++) {
                float d = x[i + lane] - a;
                part[lane] += d;
                part_product[lane] += d * (z[i + lane] - b);
            }
        for (size_t lane = 0; i < channel->samples; i++, lane++) {
            part[lane] += x[i] - a;
            part_product[lane] += (x[i] - a) * (z[i] - b);
        }
        for (size_t lane = 1; lane < PARTS; lane++) {
            part[0] += part[lane];
            part_product[0] += part_product[lane];
        }
        *sum += (double)part[0];
        *product += (double)part_product[0];
    }
}

/* The batch's statistics of channel c into what is kept, and the running ones moved towards them.
 */
static void take_statistics(const struct psi_layer *layer, const struct channel *channel,
                            const float *x, size_t c, float *state)
{
    size_t channels = layer->in.channels, count = channel->rows * channel->samples;
    double sum, square, n = (double)count;
    float origin = x[0]; /* any value near the mean keeps the difference of squares exact */
    sums(channel, x, origin, x, origin, &sum, &square);
    double mean = (double)origin + sum / n, variance = fmax(square / n - (sum / n) * (sum / n), 0);
    layer->kept[c] = (float)mean;
    layer->kept[channels + c] = (float)(1 / sqrt(variance + epsilon));
    float *running_mean = state + layer->state + c, *running_variance = running_mean + channels;
    double unbiased = count > 1 ? variance * n / (n - 1) : variance;
    *running_mean = (float)((1 - momentum) * (double)*running_mean + momentum * mean);
    *running_variance = (float)((1 - momentum) * (double)*running_variance + momentum * unbiased);
}

static void batchnorm_forward(const struct psi_layer *layer, const struct psi_pass *pass,
                              const float *const *x, float *y)
{
    struct channel channel = channel_of(layer, pass);
    size_t channels = layer->in.channels, values = channel.rows * channel.columns;
    const float *gain = pass->parameter + layer->bias, *shift = gain + channels;
    const float *running = pass->parameter + layer->state;
    for (size_t c = 0; c < channels; c++, y += values) {
        const float *row = x[0] + c * values;
        float mean = running[c], scale;
        if (pass->state) {
            take_statistics(layer, &channel, row, c, pass->state);
            mean = layer->kept[c];
            scale = gain[c] * layer->kept[channels + c];
        } else {
            scale = gain[c] * (float)(1 / sqrt((double)running[channels + c] + epsilon));
        }
        float offset = shift[c];
        for (size_t i = 0; i < values; i++) {
            float value = (row[i] - mean) * scale + offset;
            y[i] = layer->relu && value < 0 ? 0 : value;
        }
    }
}

/* dx = scale (dy - level - (x - mean) slope), 0 past the samples */
static void input_gradient(const struct channel *channel, const float *x, const float *dy,
                           float mean, float scale, float level, float slope, int add, float *dx)
{
    for (size_t row = 0; row < channel->rows; row++) {
        size_t i = row * channel->columns, end = i + channel->samples;
        for (; i < end; i++) {
            float value = scale * (dy[i] - level - (x[i] - mean) * slope);
            dx[i] = add ? dx[i] + value : value;
        }
        for (; i < (row + 1) * channel->columns; i++)
            dx[i] = 0;
    }
}

/* With z = (x - mean) / sqrt(variance + epsilon), all over the n values of a channel:
 * dgain = sum dy z; dshift = sum dy; dx = gain / sqrt(variance + epsilon)
 * (dy - dshift / n - z dgain / n) (Ioffe & Szegedy 2015, section 3). */
static void batchnorm_backward(const struct psi_layer *layer, const struct psi_pass *pass,
                               const float *const *x, const float *y, float *dy, float decay,
                               float *gradient, const struct psi_input_gradient *dx)
{
    struct channel channel = channel_of(layer, pass);
    size_t channels = layer->in.channels, values = channel.rows * channel.columns;
    const float *gain = pass->parameter + layer->bias;
    double n = (double)(channel.rows * channel.samples);
    float *own = gradient + layer->bias;
    for (size_t c = 0; c < channels; c++, dy += values, y += values) {
        const float *row = x[0] + c * values;
        float mean = layer->kept[c], inverse = layer->kept[channels + c];
        for (size_t i = 0; layer->relu && i < values; i++)
            dy[i] = y[i] > 0 ? dy[i] : 0;
        double dshift, dgain;
        sums(&channel, dy, 0, row, mean, &dshift, &dgain);
        dgain *= (double)inverse;
        own[c] = (float)dgain + (decay == 0 ? 0 : decay * own[c]);
        own[channels + c] = (float)dshift + (decay == 0 ? 0 : decay * own[channels + c]);
        if (dx[0].dx)
            input_gradient(&channel, row, dy, mean, gain[c] * inverse, (float)(dshift / n),
                           (float)(dgain / n) * inverse, dx[0].add, dx[0].dx + c * values);
    }
}

/* A channel's path goes through pixel by pixel; its statistics are values, not units. */
static void batchnorm_reach_forward(const struct psi_layer *layer, const uint8_t *mask,
                                    const uint8_t *const *from, uint8_t *to)
{
    (void)mask;
    for (size_t i = 0; i < psi_shape_features(&layer->in); i++)
        to[i] = from[0][i];
}

static size_t batchnorm_reach_backward(const struct psi_layer *layer, const uint8_t *mask,
                                       const uint8_t *useful, const uint8_t *const *reached,
                                       uint8_t *const *useful_input, uint8_t *on_path)
{
    (void)mask;
    (void)reached;
    (void)on_path;
    for (size_t i = 0; i < psi_shape_features(&layer->in); i++)
        useful_input[0][i] |= useful[i];
    return 0;
}

const struct psi_layer_type psi_layer_batchnorm = {
    .name = "batchnorm",
    .inputs = 1,
    .plan = batchnorm_plan,
    .initialise = batchnorm_initialise,
    .forward = batchnorm_forward,
    .backward = batchnorm_backward,
    .reach_forward = batchnorm_reach_forward,
    .reach_backward = batchnorm_reach_backward,
    .tangent = &psi_tangent_batchnorm,
};
