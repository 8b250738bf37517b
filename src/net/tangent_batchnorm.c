/* Batch normalisation in training with ReLU, as in batchnorm.c: with mean m and variance s over the
 * n values of a channel, and <.> for a mean over them,
 *   r = (s + epsilon)^-1/2      r' = -r^3 <(x - m) (x' - m')>
 *   z = (x - m) r               z' = (x' - m') r + (x - m) r'
 *   y = gain z + shift          y' = gain' z + gain z' + shift'
 * and backward, with a = <dy>, b = <dy z>, and of them a' = <dy'>, b' = <dy' z + dy z'>,
 *   q = dy - a - z b            q' = dy' - a' - z' b - z b'
 *   dx = gain r q               dx' = (gain' r + gain r') q + gain r q'
 *   dgain = n b, dshift = n a   dgain' = n b', dshift' = n a'
 */
#include "tangent.h"

#include <math.h>

static const double epsilon = 1e-5; /* batchnorm.c's */

struct channel {
    size_t first, count; /* of its values in an activation */
    double gain, gain_tangent, shift, shift_tangent;
    double mean, mean_tangent, r, r_tangent;
};

static double number_of(const double *array, size_t i)
{
    return array ? array[i] : 0;
}

static struct channel channel_of(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                                 const struct psi_dual *x, size_t c)
{
    size_t gain = layer->bias + c, shift = gain + layer->in.channels;
    size_t count = layer->in.height * layer->in.width * pass->batch;
    struct channel channel = {.first = c * count,
                              .count = count,
                              .gain = pass->parameter.value[gain],
                              .gain_tangent = number_of(pass->parameter.tangent, gain),
                              .shift = pass->parameter.value[shift],
                              .shift_tangent = number_of(pass->parameter.tangent, shift)};
    double n = (double)count, variance = 0, covariance = 0;
    for (size_t i = channel.first; i < channel.first + count; i++) {
        channel.mean += x->value[i] / n;
        channel.mean_tangent += number_of(x->tangent, i) / n;
    }
    for (size_t i = channel.first; i < channel.first + count; i++) {
        double d = x->value[i] - channel.mean;
        variance += d * d / n;
        covariance += d * (number_of(x->tangent, i) - channel.mean_tangent) / n;
    }
    channel.r = 1 / sqrt(variance + epsilon);
    channel.r_tangent = -channel.r * channel.r * channel.r * covariance;
    return channel;
}

static double normal(const struct channel *channel, const struct psi_dual *x, size_t i)
{
    return (x->value[i] - channel->mean) * channel->r;
}

static double normal_tangent(const struct channel *channel, const struct psi_dual *x, size_t i)
{
    return (number_of(x->tangent, i) - channel->mean_tangent) * channel->r +
           (x->value[i] - channel->mean) * channel->r_tangent;
}

static void batchnorm_forward(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                              const struct psi_dual *x, const struct psi_dual *y)
{
    size_t values = psi_shape_features(&layer->out) * pass->batch;
    for (size_t c = 0; !pass->linear && c < layer->in.channels; c++) {
        struct channel own = channel_of(layer, pass, x, c);
        for (size_t i = own.first; i < own.first + own.count; i++) {
            double z = normal(&own, x, i);
            y->value[i] = own.gain * z + own.shift;
            if (y->tangent)
                y->tangent[i] = own.gain_tangent * z + own.gain * normal_tangent(&own, x, i) +
                                own.shift_tangent;
        }
    }
    for (size_t i = 0; pass->linear && i < values; i++) {
        y->value[i] = x->value[i];
        if (y->tangent)
            y->tangent[i] = number_of(x->tangent, i);
    }
    if (layer->relu)
        psi_tangent_relu(y, values);
}

/* The gradients' sums of a channel, n a and n b and their derivatives, go where they belong. */
static void add_sums(const struct psi_tangent_pass *pass, size_t gain, size_t shift, double n,
                     double a, double b, double a_tangent, double b_tangent)
{
    if (pass->gradient.value) {
        pass->gradient.value[gain] += n * b;
        pass->gradient.value[shift] += n * a;
    }
    if (pass->gradient.tangent) {
        pass->gradient.tangent[gain] += n * b_tangent;
        pass->gradient.tangent[shift] += n * a_tangent;
    }
}

static void channel_backward(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                             const struct psi_dual *x, const struct psi_dual *dy, size_t c,
                             const struct psi_dual *dx)
{
    struct channel own = channel_of(layer, pass, x, c);
    double n = (double)own.count, a = 0, b = 0, a_tangent = 0, b_tangent = 0;
    size_t end = own.first + own.count;
    for (size_t i = own.first; i < end; i++) {
        double z = normal(&own, x, i), z_tangent = normal_tangent(&own, x, i);
        a += dy->value[i] / n;
        b += dy->value[i] * z / n;
        a_tangent += number_of(dy->tangent, i) / n;
        b_tangent += (number_of(dy->tangent, i) * z + dy->value[i] * z_tangent) / n;
    }
    add_sums(pass, layer->bias + c, layer->bias + layer->in.channels + c, n, a, b, a_tangent,
             b_tangent);
    for (size_t i = own.first; dx->value && i < end; i++) {
        double z = normal(&own, x, i), q = dy->value[i] - a - z * b;
        dx->value[i] += own.gain * own.r * q;
        if (!dx->tangent)
            continue;
        double z_tangent = normal_tangent(&own, x, i);
        double q_tangent = dy->tangent[i] - a_tangent - z_tangent * b - z * b_tangent;
        dx->tangent[i] += (own.gain_tangent * own.r + own.gain * own.r_tangent) * q +
                          own.gain * own.r * q_tangent;
    }
}

static void batchnorm_backward(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                               const struct psi_dual *x, const struct psi_dual *y,
                               const struct psi_dual *dy, const struct psi_dual *dx)
{
    size_t values = psi_shape_features(&layer->out) * pass->batch;
    if (layer->relu)
        psi_tangent_relu_backward(y, dy, values);
    for (size_t c = 0; !pass->linear && c < layer->in.channels; c++)
        channel_backward(layer, pass, x, dy, c, dx);
    for (size_t i = 0; pass->linear && dx->value && i < values; i++) {
        dx->value[i] += dy->value[i];
        if (dx->tangent)
            dx->tangent[i] += dy->tangent[i];
    }
}

const struct psi_tangent_type psi_tangent_batchnorm = {batchnorm_forward, batchnorm_backward};
