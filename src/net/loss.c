#include "psisweep/train.h"

#include <math.h>

/* One sample, a column of logits (classes, batch): -log softmax at the label, and with a non-NULL
 * dlogits the column (softmax - onehot) * scale. Shifted by the largest logit, so that nothing
 * overflows. */
static double column(const float *logits, size_t label, size_t classes, size_t stride, float scale,
                     float *dlogits)
{
    float largest = logits[0];
    for (size_t c = 1; c < classes; c++)
        largest = logits[c * stride] > largest ? logits[c * stride] : largest;
    float target = logits[label * stride] - largest; /* read first: dlogits may alias logits */
    float sum = 0;
    for (size_t c = 0; c < classes; c++) {
        float power = expf(logits[c * stride] - largest);
        sum += power;
        if (dlogits)
            dlogits[c * stride] = power;
    }
    if (dlogits) {
        for (size_t c = 0; c < classes; c++)
            dlogits[c * stride] *= scale / sum;
        dlogits[label * stride] -= scale;
    }
    return log(sum) - target;
}

double psi_softmax_cross_entropy(const float *logits, const uint8_t *label, size_t classes,
                                 size_t batch, float *dlogits)
{
    double loss = 0;
    for (size_t b = 0; b < batch; b++)
        loss += column(logits + b, label[b], classes, batch, 1 / (float)batch,
                       dlogits ? dlogits + b : NULL);
    return loss / (double)batch;
}
