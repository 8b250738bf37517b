/* SNIP: connection sensitivity |dL/dm| of a mask m around the weights, which is |w dL/dw| (Lee,
 * Ajanthan & Torr 2019, SNIP: single-shot network pruning based on connection sensitivity).
 * L is the mean loss of all samples, so the sum over batches is taken before the absolute value. */
#include "score.h"

#include <math.h>
#include <string.h>

enum psi_status psi_score_snip(const struct psi_score_input *input, double *score,
                               struct psi_error *err)
{
    const float *weight = psi_network_parameter(input->network);
    size_t weights = psi_network_weights(input->network);
    struct psi_batches batches;
    enum psi_status status = psi_batches_open(&batches, input, err);
    if (status != PSI_OK)
        return status;
    memset(score, 0, weights * sizeof *score);
    for (size_t batch; status == PSI_OK && (batch = psi_batches_next(&batches)) > 0;) {
        psi_batches_gradient(&batches, batch);
        for (size_t i = 0; i < weights; i++)
            score[i] += (double)batches.gradient[i];
        status = psi_batches_stop(&batches, err);
    }
    for (size_t i = 0; i < weights; i++)
        score[i] = fabs((double)weight[i] * score[i]);
    psi_batches_close(&batches);
    return status;
}
