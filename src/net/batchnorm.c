/* Batch normalisation (Ioffe & Szegedy 2015) of each channel, with ReLU:
 *   y = max(gain (x - mean) / sqrt(variance + epsilon) + shift, 0),
 * mean and variance over the batch and the pixels in training, running means of them in evaluation.
 * As torch.nn.BatchNorm2d: epsilon 1e-5, running = 0.9 running + 0.1 new, where the new variance is
 * the unbiased one. Gains and shifts lie among the biases, running means and variances among the
 * states, (channels) each. */
#include "layer.h"

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

/* Sums over a row, in 16 parts and blocks so that it vectorises and floats suffice: of (x - a) and
 * of (x - a) (z - b). */
static void row_sums(const float *x, float a, const float *z, float b, size_t count, double *sum,
                     double *product)
{
    enum { LANES = 16, BLOCK = 1024 };
    *sum = *product = 0;
    for (size_t first = 0; first < count; first += BLOCK) {
        size_t end = count - first < BLOCK ? count : first + BLOCK, i = first;
        float part[LANES] = {0}, part_product[LANES] = {0};
        for (; i + LANES <= end; i += LANES)
            for (size_t lane = 0; lane < LANES; lane++) {
                float d = x[i + lane] - a;
                part[lane] += d;
                part_product[lane] += d * (z[i + lane] - b);
            }
        for (size_t lane = 0; i < end; i++, lane++) {
            part[lane] += x[i] - a;
            part_product[lane] += (x[i] - a) * (z[i] - b);
        }
        for (size_t lane = 0; lane < LANES; lane++) {
            *sum += (double)part[lane];
            *product += (double)part_product[lane];
        }
    }
}

/* The batch's statistics of channel c into what is kept, and the running ones moved towards them.
 */
static void take_statistics(const struct psi_layer *layer, const float *x, size_t count, size_t c,
                            float *state)
{
    size_t channels = layer->in.channels;
    double sum, square, n = (double)count;
    float origin = x[0]; /* any value near the mean keeps the difference of squares exact */
    row_sums(x, origin, x, origin, count, &sum, &square);
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
    size_t channels = layer->in.channels, count = layer->in.height * layer->in.width * pass->batch;
    const float *gain = pass->parameter + layer->bias, *shift = gain + channels;
    const float *running = pass->parameter + layer->state;
    for (size_t c = 0; c < channels; c++, y += count) {
        const float *row = x[0] + c * count;
        float mean = running[c], scale;
        if (pass->state) {
            take_statistics(layer, row, count, c, pass->state);
            mean = layer->kept[c];
            scale = gain[c] * layer->kept[channels + c];
        } else {
            scale = gain[c] * (float)(1 / sqrt((double)running[channels + c] + epsilon));
        }
        float offset = shift[c];
        for (size_t i = 0; i < count; i++) {
            float value = (row[i] - mean) * scale + offset;
            y[i] = layer->relu && value < 0 ? 0 : value;
        }
    }
}

/* With z = (x - mean) / sqrt(variance + epsilon), all over the n values of a channel:
 * dgain = sum dy z; dshift = sum dy; dx = gain / sqrt(variance + epsilon)
 * (dy - dshift / n - z dgain / n) (Ioffe & Szegedy 2015, section 3). */
static void batchnorm_backward(const struct psi_layer *layer, const struct psi_pass *pass,
                               const float *const *x, const float *y, float *dy, float decay,
                               float *gradient, const struct psi_input_gradient *dx)
{
    size_t channels = layer->in.channels, count = layer->in.height * layer->in.width * pass->batch;
    const float *gain = pass->parameter + layer->bias;
    float *own = gradient + layer->bias;
    for (size_t c = 0; c < channels; c++, dy += count, y += count) {
        const float *row = x[0] + c * count;
        float mean = layer->kept[c], inverse = layer->kept[channels + c];
        for (size_t i = 0; layer->relu && i < count; i++)
            dy[i] = y[i] > 0 ? dy[i] : 0;
        double dshift, dgain;
        row_sums(dy, 0, row, mean, count, &dshift, &dgain);
        dgain *= (double)inverse;
        own[c] = (float)dgain + (decay == 0 ? 0 : decay * own[c]);
        own[channels + c] = (float)dshift + (decay == 0 ? 0 : decay * own[channels + c]);
        if (!dx[0].dx)
            continue;
        float scale = gain[c] * inverse, level = (float)(dshift / (double)count);
        float slope = (float)(dgain / (double)count) * inverse;
        float *to = dx[0].dx + c * count;
        for (size_t i = 0; i < count; i++) {
            float value = scale * (dy[i] - level - (row[i] - mean) * slope);
            to[i] = dx[0].add ? to[i] + value : value;
        }
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
};
