#include "swap.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983), its constants measured on LeNet-300-100:
 * ROUNDS at falling temperature, of as many proposals as there are survivors, but not few. */
enum { ROUNDS = 200, PROPOSALS_MIN = 1500, SAMPLES = 2000 };
static const double hottest = .3; /* in units of what a random swap changes |B|^2 by */

/* What swaps are after: |B|^2 up or down; and rows and columns of even norm, for the leading modes
 * of a sparse matrix are else those of its heaviest rows and columns alone, whatever |B| is: at .56
 * % density the overlap gains a third by it. Both goals ask for it alike, so that a pair does not
 * differ in it. Factors are per what a random swap changes. */
struct aim {
    double energy, unevenness;
};
static const double evenness = 4;

/* What a deviation z of the squared norm costs: price z + 2 z^2, the augmented Lagrangian of the
 * constraint z = 0 (Hestenes 1969): price goes up while z is above 0, until swaps have no reason
 * left to move it. */
static double deviation_cost(double z, double price)
{
    return fabs(z) > 1 ? INFINITY : price * z + 2 * z * z;
}

/* Measured on swaps of the mask as it is; 0 where there are none or they change nothing. */
static int aim_set(struct psi_swapper *swapper, enum psi_swap_goal goal, struct psi_random *random,
                   struct aim *aim)
{
    double energy = 0, unevenness = 0, found = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct psi_swap swap;
        if (!psi_swap_propose(swapper, random, &swap))
            continue;
        energy += fabs(swap.energy);
        unevenness += fabs(swap.unevenness);
        found++;
    }
    aim->energy = (goal == PSI_PRESERVE ? 1 : -1) * found / energy;
    aim->unevenness = -evenness * found / unevenness;
    return energy > 0 && unevenness > 0;
}

/* Propose so often, take what Metropolis takes; returns how many were taken. */
static size_t anneal_round(struct psi_swapper *swapper, const struct aim *aim, double price,
                           double temperature, struct psi_random *random)
{
    size_t taken = 0, proposals = swapper->count > PROPOSALS_MIN ? swapper->count : PROPOSALS_MIN;
    for (size_t i = 0; i < proposals; i++) {
        struct psi_swap swap;
        if (!psi_swap_propose(swapper, random, &swap))
            continue;
        double better = aim->energy * swap.energy + aim->unevenness * swap.unevenness +
                        deviation_cost(psi_swap_deviation(swapper, 0), price) -
                        deviation_cost(psi_swap_deviation(swapper, swap.squared_norm), price);
        if (better < 0 && psi_random_uniform(random) >= exp(better / temperature))
            continue;
        psi_swap_apply(swapper, &swap);
        taken++;
    }
    return taken;
}

void psi_swap_anneal(struct psi_swapper *swapper, enum psi_swap_goal goal,
                     struct psi_random *random)
{
    struct aim aim;
    if (swapper->count == 0 || !(swapper->squared_norm > 0) ||
        !aim_set(swapper, goal, random, &aim))
        return;
    double price = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        double left = 1 - (double)round / ROUNDS;
        if (anneal_round(swapper, &aim, price, hottest * left * left, random) == 0)
            return;
        price += .4 * psi_swap_deviation(swapper, 0);
    }
}

/* Swap one layer; it is put back where that takes a weight off its path. */
static enum psi_status swap_layer(const struct psi_network *network, const float *parameter,
                                  size_t layer, const struct psi_modes *modes, size_t k,
                                  enum psi_swap_goal goal, struct psi_random *random, uint8_t *mask,
                                  struct psi_error *err)
{
    const struct psi_weight_matrix *matrix = psi_network_matrix(network, layer);
    size_t size = matrix->rows * matrix->cols, before, after;
    struct psi_swapper swapper = {0};
    enum psi_status status;
    uint8_t *base = psi_allocate(size, 1, "mask before swaps", err);
    if (!base)
        return PSI_MEMORY;
    memcpy(base, mask + matrix->offset, size);
    if ((status = psi_network_paths(network, mask, NULL, NULL, &before, err)))
        goto out;
    status = psi_swapper_open(parameter + matrix->offset, modes, k, mask + matrix->offset, &swapper,
                              err);
    if (status)
        goto out;
    psi_swap_anneal(&swapper, goal, random);
    if (goal == PSI_PRESERVE && (status = psi_swap_polish(&swapper, random, err)))
        goto out;
    status = psi_network_paths(network, mask, NULL, NULL, &after, err);
    if (!status && after != before)
        memcpy(mask + matrix->offset, base, size);
out:
    psi_swapper_clear(&swapper);
    free(base);
    return status;
}

/* Why a network of dense layers keeps its effective density: in a trimmed mask each hidden unit has
 * inputs if and only if it has outputs. The degrees of its row in one matrix and of its column in
 * the next one stay, so this is still so; then from any weight one can go on to an output and
 * back to an input without getting stuck, for the layers are finitely many. The same holds of
 * the channels of an unpadded convolution, each of whose weights is read at every pixel. */
enum psi_status psi_mask_swap(const struct psi_network *network, const float *parameter,
                              const struct psi_modes *modes, const size_t *k,
                              enum psi_swap_goal goal, struct psi_random *random, uint8_t *mask,
                              struct psi_error *err)
{
    size_t weights = psi_network_weights(network);
    enum psi_status status = PSI_OK;
    uint8_t *swapped = psi_allocate(weights, 1, "swapped mask", err);
    if (!swapped)
        return PSI_MEMORY;
    memcpy(swapped, mask, weights);
    for (size_t i = 0; !status && i + 1 < psi_network_matrices(network); i++)
        if (k[i] > 0)
            status = swap_layer(network, parameter, i, &modes[i], k[i], goal, random, swapped, err);
    if (!status)
        memcpy(mask, swapped, weights);
    free(swapped);
    return status;
}
