/* SynFlow (Tanaka, Kunin, Yamins & Ganguli 2020, Pruning neural networks without any data by
 * iteratively conserving synaptic flow, algorithm 1): score = |w| dR/d|w|, R = 1' |W_L| ...
 * |W_1| 1. A hidden unit's incoming scores add up to its outgoing ones; so each layer's add up to
 * R, and no layer goes empty before the others as long as little is pruned at a time: in 100
 * rounds. */
#include "score.h"

enum psi_status psi_score_synflow(const struct psi_score_input *input, double *score,
                                  struct psi_error *err)
{
    return psi_network_synaptic_flow(input->network, score, err);
}
