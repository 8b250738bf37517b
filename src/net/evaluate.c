#include "psisweep/train.h"

#include <math.h>

/* Count the batch's right answers and mark the classes answered. A sample whose logits are not all
 * numbers has no answer. */
static size_t count_correct(const float *logits, const uint8_t *label, size_t classes, size_t batch,
                            uint8_t *answered)
{
    size_t correct = 0;
    for (size_t b = 0; b < batch; b++) {
        size_t best = 0;
        int numbers = !isnan(logits[b]);
        for (size_t c = 1; c < classes; c++) {
            numbers &= !isnan(logits[c * batch + b]);
            if (logits[c * batch + b] > logits[best * batch + b])
                best = c;
        }
        if (!numbers)
            continue;
        answered[best] = 1;
        correct += best == label[b];
    }
    return correct;
}

enum psi_status psi_evaluate(struct psi_network *network, const struct psi_dataset *dataset,
                             const struct psi_split *split, const struct psi_progress *progress,
                             struct psi_score *score, struct psi_error *err)
{
    size_t classes = psi_network_classes(network), chunk = psi_network_max_batch(network);
    uint8_t answered[PSI_CLASSES_MAX] = {0};
    size_t correct = 0, predicted = 0;
    double loss = 0;
    for (size_t done = 0; done < split->samples; done += chunk) {
        if (done > 0 && psi_progress_stop(progress))
            return psi_fail(err, PSI_STOPPED, "evaluation: asked to stop");
        size_t batch = split->samples - done < chunk ? split->samples - done : chunk;
        struct psi_split part = {.pixel = split->pixel + done * dataset->features,
                                 .label = split->label + done,
                                 .samples = batch};
        psi_network_gather(network, dataset, &part, NULL, batch);
        const float *logits = psi_network_forward(network, batch);
        correct += count_correct(logits, part.label, classes, batch, answered);
        loss += (double)batch * psi_softmax_cross_entropy(logits, part.label, classes, batch, NULL);
    }
    for (size_t c = 0; c < classes; c++)
        predicted += answered[c];
    double samples = (double)split->samples; /* none: both means are NaN */
    *score = (struct psi_score){.samples = split->samples,
                                .correct = correct,
                                .accuracy = (double)correct / samples,
                                .loss = loss / samples,
                                .predicted_classes = predicted};
    return PSI_OK;
}
