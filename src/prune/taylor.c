/* First-order Taylor: what removing a weight changes the loss by, |w dL/dw|, batch by batch, summed
 * (Molchanov et al. 2019, Importance estimation for neural network pruning, in absolute
 * values as Molchanov et al. 2017 have it). Unlike in SNIP's, what raises the loss of one batch
 * does not make up for what lowers that of another. Movement pruning (Sanh, Wolf & Rush 2020) sums
 * -w dL/dw over the steps of a training run; this is the magnitude of its terms at one point. */
#include "score.h"

#include <math.h>
#include <string.h>

enum psi_status psi_score_taylor(const struct psi_score_input *input, double *score,
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
            score[i] += fabs((double)weight[i] * (double)batches.gradient[i]);
        status = psi_batches_stop(&batches, err);
    }
    psi_batches_close(&batches);
    return status;
}
