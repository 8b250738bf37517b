/* SynFlow (Tanaka, Kunin, Yamins & Ganguli 2020, Pruning neural networks without any data by
 * iteratively conserving synaptic flow, algorithm 1): score = |w| dR/d|w|, R = 1' |W_L| ...
 * |W_1| 1. A hidden unit's incoming scores add up to its outgoing ones; so each layer's add up to
 * R, and no layer goes empty before the others as long as little is pruned at a time: in 100
 * rounds. */
#include "score.h"

/* A unit left with one input and one output gives both the same score, and so does a whole path.
 * For these to be ties whatever order sums are taken in, scores are rounded to 32 bits (of 53, by
 * Veltkamp's splitting). */
static double rounded(double score)
{
    const double split = 2097153; /* 2^21 + 1 */
    double wide = split * score;
    return wide - (wide - score);
}

enum psi_status psi_score_synflow(const struct psi_score_input *input, double *score,
                                  struct psi_error *err)
{
    enum psi_status status = psi_network_synaptic_flow(input->network, score, err);
    for (size_t i = 0; status == PSI_OK && i < psi_network_weights(input->network); i++)
        score[i] = rounded(score[i]);
    return status;
}
