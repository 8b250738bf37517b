/* Convolution, pooling and normalisation once more, in double precision by the plainest loops there
 * are: what the layers of src/net are checked against. */
#ifndef PSISWEEP_TESTS_LAYER_REFERENCE_H
#define PSISWEEP_TESTS_LAYER_REFERENCE_H

#include "../src/net/layer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* column (in * kernel * kernel, pixels * batch) of x (features, batch): im2col, Chellapilla, Puri &
 * Simard 2006. */
static inline void reference_im2col(const struct psi_layer *layer, const double *x, size_t batch,
                                    double *column)
{
    size_t k = layer->kernel, rows = layer->in.channels * k * k;
    for (size_t row = 0; row < rows; row++)
        for (size_t oy = 0; oy < layer->out.height; oy++)
            for (size_t ox = 0; ox < layer->out.width; ox++)
                for (size_t b = 0; b < batch; b++) {
                    long iy = (long)(oy + row / k % k) - (long)layer->pad;
                    long ix = (long)(ox + row % k) - (long)layer->pad;
                    int inside = iy >= 0 && iy < (long)layer->in.height && ix >= 0 &&
                                 ix < (long)layer->in.width;
                    size_t at = (row / k / k * layer->in.height + (size_t)iy) * layer->in.width +
                                (size_t)ix;
                    *column++ = inside ? x[at * batch + b] : 0;
                }
}

/* y (out, pixels * batch) = W (out, rows) column + b */
static inline void reference_conv(const struct psi_layer *layer, const double *parameter,
                                  const double *x, size_t batch, double *y)
{
    size_t wide = layer->out.height * layer->out.width * batch;
    double *column = malloc(layer->fan_in * wide * sizeof *column);
    assert(column);
    reference_im2col(layer, x, batch, column);
    for (size_t o = 0; o < layer->out.channels; o++)
        for (size_t i = 0; i < wide; i++) {
            double sum = layer->unbiased ? 0 : parameter[layer->bias + o];
            for (size_t r = 0; r < layer->fan_in; r++)
                sum += parameter[layer->weight + o * layer->fan_in + r] * column[r * wide + i];
            y[o * wide + i] = sum;
        }
    free(column);
}

static inline void reference_pool(const struct psi_layer *layer, const double *x, size_t batch,
                                  double *y)
{
    int largest = layer->type == &psi_layer_maxpool;
    for (size_t c = 0; c < layer->out.channels; c++)
        for (size_t oy = 0; oy < layer->out.height; oy++)
            for (size_t ox = 0; ox < layer->out.width; ox++)
                for (size_t b = 0; b < batch; b++) {
                    double most = -INFINITY, sum = 0;
                    for (size_t k = 0; k < 4; k++) {
                        size_t iy = 2 * oy + k / 2, ix = 2 * ox + k % 2;
                        double v =
                            x[((c * layer->in.height + iy) * layer->in.width + ix) * batch + b];
                        most = fmax(most, v);
                        sum += v;
                    }
                    *y++ = largest ? most : sum / 4;
                }
}

/* Training: statistics of the batch itself. */
static inline void reference_batchnorm(const struct psi_layer *layer, const double *parameter,
                                       const double *x, size_t batch, double *y)
{
    size_t channels = layer->in.channels, count = layer->in.height * layer->in.width * batch;
    for (size_t c = 0; c < channels; c++, x += count, y += count) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < count; i++)
            mean += x[i] / (double)count;
        for (size_t i = 0; i < count; i++)
            variance += (x[i] - mean) * (x[i] - mean) / (double)count;
        for (size_t i = 0; i < count; i++)
            y[i] = parameter[layer->bias + c] * (x[i] - mean) / sqrt(variance + 1e-5) +
                   parameter[layer->bias + channels + c];
    }
}

static inline void reference_forward(const struct psi_layer *layer, const double *parameter,
                                     const double *x, size_t batch, double *y)
{
    if (layer->type == &psi_layer_conv)
        reference_conv(layer, parameter, x, batch, y);
    else if (layer->type == &psi_layer_batchnorm)
        reference_batchnorm(layer, parameter, x, batch, y);
    else
        reference_pool(layer, x, batch, y);
    for (size_t i = 0; layer->relu && i < psi_shape_features(&layer->out) * batch; i++)
        y[i] = fmax(y[i], 0);
}

#endif
