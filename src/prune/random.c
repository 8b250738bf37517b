#include "score.h"

/* Independent uniform scores: every mask of the same count is equally likely. */
enum psi_status psi_score_random(const struct psi_score_input *input, double *score,
                                 struct psi_error *err)
{
    (void)err;
    size_t weights = psi_network_weights(input->network);
    for (size_t i = 0; i < weights; i++)
        score[i] = psi_random_uniform(input->random);
    return PSI_OK;
}
