#include "psisweep/train.h"

#include <math.h>

enum { SAMPLES = 16 }; /* worked on together: the loops over them are vectors */

/* e^x for x <= 0, within 2 units in the last place: x = n ln 2 + r with |r| <= ln 2 / 2 (n rounded
 * by adding 1.5 * 2^23, ln 2 in two parts), e^r by its Taylor series to r^7, whose rest is below
 * 2^-27, and 2^n by the exponent's bits. 0 below -87, where floats end; NaN stays NaN. Plain
 * arithmetic, so that it vectorises, which expf does not. */
static inline float exponential(float x)
{
    const float round = 12582912.0f;
    float clipped = x < -87.0f ? -87.0f : x;
    float shifted = clipped * 1.44269504f + round, n = shifted - round;
    float r = (clipped - n * 0.693359375f) + n * 2.12194440e-4f;
    float sum = 1.0f / 5040;
    sum = sum * r + 1.0f / 720;
    sum = sum * r + 1.0f / 120;
    sum = sum * r + 1.0f / 24;
    sum = sum * r + 1.0f / 6;
    sum = sum * r + 0.5f;
    sum = sum * r + 1.0f;
    sum = sum * r + 1.0f;
    union {
        float value;
        uint32_t bits;
    } power = {shifted};
    power.bits = (power.bits << 23) + 0x3f800000u; /* n sits in the low bits of shifted */
    return x < -87.0f ? 0.0f : sum * power.value;
}

/* Up to SAMPLES samples, columns of logits (classes, stride): the sum of -log softmax at the
 * labels, and with a non-NULL dlogits the columns (softmax - onehot) * scale. Shifted by the
 * largest logit, so that nothing overflows. */
static double columns(const float *logits, const uint8_t *label, size_t classes, size_t stride,
                      size_t samples, float scale, float *dlogits)
{
    float largest[SAMPLES], sum[SAMPLES] = {0}, target[SAMPLES];
    double loss = 0;
    for (size_t s = 0; s < samples; s++)
        largest[s] = logits[s];
    for (size_t c = 1; c < classes; c++)
        for (size_t s = 0; s < samples; s++) {
            float logit = logits[c * stride + s];
            largest[s] = logit > largest[s] ? logit : largest[s];
        }
    for (size_t s = 0; s < samples; s++) /* read first: dlogits may alias logits */
        target[s] = logits[label[s] * stride + s] - largest[s];
    for (size_t c = 0; c < classes; c++) {
        float power[SAMPLES];
        for (size_t s = 0; s < samples; s++) {
            power[s] = exponential(logits[c * stride + s] - largest[s]);
            sum[s] += power[s];
        }
        for (size_t s = 0; dlogits && s < samples; s++)
            dlogits[c * stride + s] = power[s];
    }
    double product = 1; /* one logarithm for all: of at most SAMPLES sums from 1 to classes */
    for (size_t s = 0; s < samples; s++) {
        product *= (double)sum[s];
        loss -= (double)target[s];
    }
    loss += log(product);
    if (!dlogits)
        return loss;
    for (size_t s = 0; s < samples; s++)
        sum[s] = scale / sum[s];
    for (size_t c = 0; c < classes; c++)
        for (size_t s = 0; s < samples; s++)
            dlogits[c * stride + s] *= sum[s];
    for (size_t s = 0; s < samples; s++)
        dlogits[label[s] * stride + s] -= scale;
    return loss;
}

double psi_softmax_cross_entropy(const float *logits, const uint8_t *label, size_t classes,
                                 size_t batch, float *dlogits)
{
    double loss = 0;
    for (size_t b = 0; b < batch; b += SAMPLES)
        loss += columns(logits + b, label + b, classes, batch,
                        batch - b < SAMPLES ? batch - b : SAMPLES, 1 / (float)batch,
                        dlogits ? dlogits + b : NULL);
    return loss / (double)batch;
}
