/* Masks that change during training: step hooks (train.h) for the mask that training is given.
 *
 * Both work on a network with all its weights, not on a compiled one, whose mask is fixed.
 */
#ifndef PSISWEEP_DYNAMIC_H
#define PSISWEEP_DYNAMIC_H

#include "psisweep/dataset.h"
#include "psisweep/network.h"
#include "psisweep/status.h"
#include "psisweep/train.h"
#include <stddef.h>
#include <stdint.h>

/* Rewiring after RigL (Evci et al. 2020, Rigging the Lottery): every `interval` steps, in each
 * layer, the surviving weights smallest in magnitude are dropped and as many grow where the
 * gradient is largest in magnitude among the pruned ones, so each layer keeps its number of
 * weights. Those just dropped do not grow again at once.
 *
 * The gradient finds a lost input, and an output that has lost its last weight. It is 0 for weights
 * out of a unit that gives 0 for every sample, and into one that leads nowhere. Ties are broken by
 * chance, so such weights grow as in SET (Mocanu et al. 2018), and those that found nothing are
 * still 0 and the first to move on. A layer without a weight, and one so sparse that
 * fraction * weights rounds to 0, stays as it is. */
struct psi_rewire_spec {
    size_t interval; /* at least 1; never at step 0 */
    size_t end;      /* the last rewiring is before this step */
    double fraction; /* of a layer's weights, 0 to 1, rounded to the nearest number of weights, half
                        up: at step 0; falls to 0 at `end` by half a cosine */
    size_t batch;    /* samples of the gradient, drawn from the training split with replacement */
};

/* The share that moves if a rewiring is at this step. */
double psi_rewire_fraction(const struct psi_rewire_spec *spec, size_t step);

struct psi_rewire;

/* mask (weights), the training's own, is changed in place by psi_rewire_step. What is drawn at a
 * step comes from the stream "<name>/rewire=<step>". All pointers are borrowed. */
enum psi_status psi_rewire_create(const struct psi_rewire_spec *spec, struct psi_network *network,
                                  const struct psi_dataset *dataset, uint8_t *mask,
                                  uint64_t random_seed, const char *random_name,
                                  struct psi_rewire **out, struct psi_error *err);
void psi_rewire_destroy(struct psi_rewire *rewire);

/* A psi_step_hook's call; context is the struct psi_rewire. */
enum psi_status psi_rewire_step(void *context, size_t step, struct psi_optimizer_state *state,
                                struct psi_error *err);

/* Gradual pruning (Zhu & Gupta 2017, To prune, or not to prune): at steps begin, begin + interval,
 * ... and at `end` the mask is pruned to density
 *     d(t) = d + (1 - d) (1 - (t - begin) / (end - begin))^3,
 * of all weights at begin, so that most go early, while the network is still large. */
struct psi_gradual {
    size_t begin, end, interval; /* begin <= end, interval at least 1 */
    double density;              /* d */
    struct psi_network *network; /* borrowed, as all below */
    uint8_t *mask;               /* (weights) the training's own */
    /* Prune mask, in place and among its survivors, to a density of all weights. */
    enum psi_status (*select)(void *context, double density, uint8_t *mask, struct psi_error *err);
    void *context;
};

/* 1 where the mask is pruned at this step, and to which density. */
int psi_gradual_is_due(const struct psi_gradual *gradual, size_t step);
double psi_gradual_density(const struct psi_gradual *gradual, size_t step);

/* A psi_step_hook's call; context is the struct psi_gradual. */
enum psi_status psi_gradual_step(void *context, size_t step, struct psi_optimizer_state *state,
                                 struct psi_error *err);

#endif
