#include "score.h"

#include <math.h>

/* score = |w|, the criterion of Han et al. 2015 (Learning both weights and connections). */
enum psi_status psi_score_magnitude(const struct psi_score_input *input, double *score,
                                    struct psi_error *err)
{
    (void)err;
    const float *weight = psi_network_parameter(input->network);
    size_t weights = psi_network_weights(input->network);
    for (size_t i = 0; i < weights; i++)
        score[i] = fabs((double)weight[i]);
    return PSI_OK;
}
