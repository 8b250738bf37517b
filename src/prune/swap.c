#include "swap.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983), its constants measured on LeNet-300-100:
 * ROUNDS at falling temperature, of as many proposals as there are survivors, but not few. */
enum { ROUNDS = 200, PROPOSALS_MIN = 1500, SAMPLES = 2000 };
static const double tolerance = .003; /* of the squared norm */
static const double hottest = .3;     /* in units of what a random swap changes |B|^2 by */

/* What a swap has to pay for leaving the squared norm, in units of its tolerance, z = -1 .. 1:
 * price z + 2 z^2, the augmented Lagrangian of the constraint z = 0 (Hestenes 1969): price goes up
 * while z is above 0, until swaps have no reason left to move it. */
struct balance {
    double norm, unit; /* of the start; tolerance * norm */
    double price;
};

static double balance_cost(const struct balance *balance, double squared_norm)
{
    double z = (squared_norm - balance->norm) / balance->unit;
    return fabs(z) > 1 ? INFINITY : balance->price * z + 2 * z * z;
}

/* Mean absolute change of |B|^2 by a swap of the mask as it is; 0 where there is none. */
static double energy_unit(struct psi_swapper *swapper, struct psi_random *random)
{
    double sum = 0;
    size_t found = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct psi_swap swap;
        if (!psi_swap_propose(swapper, random, &swap))
            continue;
        sum += fabs(swap.energy);
        found++;
    }
    return found ? sum / (double)found : 0;
}

/* Propose so often, take what Metropolis takes; returns how many were taken. */
static size_t anneal_round(struct psi_swapper *swapper, double gain, const struct balance *balance,
                           double temperature, struct psi_random *random)
{
    size_t taken = 0, proposals = swapper->count > PROPOSALS_MIN ? swapper->count : PROPOSALS_MIN;
    for (size_t i = 0; i < proposals; i++) {
        struct psi_swap swap;
        if (!psi_swap_propose(swapper, random, &swap))
            continue;
        double better = gain * swap.energy + balance_cost(balance, swapper->squared_norm) -
                        balance_cost(balance, swapper->squared_norm + swap.squared_norm);
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
    if (swapper->count == 0)
        return;
    double unit = energy_unit(swapper, random);
    if (!(unit > 0 && swapper->squared_norm > 0)) /* no swap, or nothing to weigh it by */
        return;
    struct balance balance = {.norm = swapper->squared_norm,
                              .unit = tolerance * swapper->squared_norm};
    double gain = (goal == PSI_PRESERVE ? 1 : -1) / unit;
    for (size_t round = 0; round < ROUNDS; round++) {
        double left = 1 - (double)round / ROUNDS;
        if (anneal_round(swapper, gain, &balance, hottest * left * left, random) == 0)
            return;
        balance.price += .4 * (swapper->squared_norm - balance.norm) / balance.unit;
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
