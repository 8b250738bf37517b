/* Causal arms: masks made from masks, to ask what of a mask matters (README, Definitions).
 *
 * All are pure functions of their inputs and of a stream that the caller names. Masks are as in
 * prune.h, parameter (weights) is the dense trained network's, modes (matrices) are its matrices'
 * leading singular vectors. On failure a mask is left as it was.
 *
 * A preserve/destroy pair is two masks that a base mask was swapped into, one each way:
 *
 *     base = psi_prune() by magnitude with noise .35, trimmed (from the plain magnitude mask no
 *     other mask has equal norm)
 *     psi_mask_swap(network, parameter, modes, k, PSI_PRESERVE, &stream, a, err)   a = base before
 *     psi_mask_swap(network, parameter, modes, k, PSI_DESTROY, &other, b, err)     b = base before
 *     psi_pair_match(network, parameter, modes, k, a, b, layer, &match, err)
 */
#ifndef PSISWEEP_CAUSAL_H
#define PSISWEEP_CAUSAL_H

#include "psisweep/network.h"
#include "psisweep/random.h"
#include "psisweep/spectrum.h"
#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

/* Drop every weight that is on no path from an input to an output. All others stay on theirs, so
 * density is then effective density, a hidden unit has inputs if and only if it has outputs, and
 * trimming again changes nothing. Convolutions: a weight stays if at some position it is on a
 * path. */
enum psi_status psi_mask_trim(const struct psi_network *network, uint8_t *mask,
                              struct psi_error *err);

/* Within each layer every placement of its survivors becomes equally likely; their number stays. */
void psi_mask_shuffle(const struct psi_network *network, struct psi_random *random, uint8_t *mask);

enum psi_swap_goal { PSI_PRESERVE, PSI_DESTROY };

/* Raise (preserve) or lower (destroy) the share of the dense modes in each matrix but the last, by
 * swaps: survivors (i, j) and (p, q) give way to (i, q) and (p, j), which were pruned. That keeps
 * every row's and column's number of survivors, and each layer's squared norm is kept within .45 %,
 * so that a pair differs by less than 1 %. k (matrices): how many modes count, at most modes[i].k;
 * 0 leaves the layer as it is, and so is the last one, whatever its k.
 *
 * Annealed on |U_k' (W o M) V_k|_F^2, with a term for even norms of rows and columns that both
 * goals have; to preserve, sparse matrices are then polished on S_k itself. Some tenths of a second
 * for LeNet-300-100: 200 proposals a survivor, at least 300,000 a layer.
 *
 * Effective density: from a trimmed mask, a network of dense layers and unpadded convolutions keeps
 * it exactly. At a padded border a filter may lose the pixel that it is read at; a layer whose
 * swaps would do that is put back as it was, and so the promise holds for every network. */
enum psi_status psi_mask_swap(const struct psi_network *network, const float *parameter,
                              const struct psi_modes *modes, const size_t *k,
                              enum psi_swap_goal goal, struct psi_random *random, uint8_t *mask,
                              struct psi_error *err);

/* How two masks compare in one layer. */
struct psi_layer_match {
    int compared;      /* it takes part in swaps: k >= 1 and not the last */
    int degrees_equal; /* every row and every column has as many survivors in one as in the other */
    double norm_ratio; /* |W o A|_F^2 / |W o B|_F^2; 1 where both are 0 */
    double overlap[2]; /* S_k of A and B with the dense modes; NaN where k = 0 */
    double difference; /* of A's overlap over B's */
};

struct psi_pair_match {
    int degrees_equal;           /* in every layer */
    double effective_density[2]; /* of A and B */
    double norm_ratio;           /* the layer's that is farthest from 1 (by its logarithm) */
    double difference;           /* the least among the layers compared; NaN where there are none */
    int testable; /* degrees and effective density equal, every layer's norm ratio in .99 .. 1.01,
                     difference >= .05 */
};

/* A preserving mask A against a destroying one B. layer (matrices) is filled. */
enum psi_status psi_pair_match(const struct psi_network *network, const float *parameter,
                               const struct psi_modes *modes, const size_t *k, const uint8_t *a,
                               const uint8_t *b, struct psi_layer_match *layer,
                               struct psi_pair_match *match, struct psi_error *err);

#endif
