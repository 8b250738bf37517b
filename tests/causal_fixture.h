/* Networks and masks for the tests of causal arms. */
#ifndef PSISWEEP_TESTS_CAUSAL_FIXTURE_H
#define PSISWEEP_TESTS_CAUSAL_FIXTURE_H

#include "net_fixture.h"
#include "psisweep/causal.h"
#include "psisweep/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CAUSAL_LAYERS = 9 }; /* at most */

struct causal {
    struct psi_network *network;
    size_t weights, layers;
    const float *parameter;
    struct psi_modes modes[CAUSAL_LAYERS];
    size_t k[CAUSAL_LAYERS];
    uint8_t *base, *mask, *other; /* (weights) */
};

/* Modes of the parameters as they are now, k of each layer. */
static inline void causal_modes(struct causal *causal, size_t k)
{
    for (size_t i = 0; i < causal->layers; i++) {
        const struct psi_weight_matrix *m = psi_network_matrix(causal->network, i);
        psi_modes_clear(&causal->modes[i]);
        assert_int_equal(psi_modes_compute(causal->parameter + m->offset, m->rows, m->cols, k, NULL,
                                           &causal->modes[i], NULL),
                         PSI_OK);
        causal->k[i] = causal->modes[i].k;
    }
}

static inline struct causal causal_make(const struct psi_model_spec *spec, size_t channels,
                                        size_t side, size_t classes)
{
    struct psi_dataset shape = {
        .channels = channels, .height = side, .width = side, .classes = classes};
    struct causal causal = {0};
    assert_int_equal(psi_network_create(spec, &shape, 1, psi_kernels_best(), &causal.network, NULL),
                     PSI_OK);
    causal.weights = psi_network_weights(causal.network);
    causal.layers = psi_network_matrices(causal.network);
    assert_true(causal.layers <= CAUSAL_LAYERS);
    causal.parameter = psi_network_parameter(causal.network);
    causal.base = calloc(causal.weights, 1);
    causal.mask = calloc(causal.weights, 1);
    causal.other = calloc(causal.weights, 1);
    network_draw(causal.network, 1);
    return causal;
}

/* 1 x side x side -> 40 -> 30 -> 10 */
static inline struct causal causal_mlp(size_t side)
{
    struct psi_model_spec spec = {
        .kind = PSI_MLP, .init = PSI_GLOROT, .hidden_count = 2, .hidden = {40, 30}};
    return causal_make(&spec, 1, side, 10);
}

static inline void causal_clear(struct causal *causal)
{
    for (size_t i = 0; i < causal->layers; i++)
        psi_modes_clear(&causal->modes[i]);
    free(causal->other);
    free(causal->mask);
    free(causal->base);
    psi_network_destroy(causal->network);
}

/* Every weight survives with the same chance, independently. */
static inline void causal_random_mask(const struct causal *causal, double density,
                                      struct psi_random *random, uint8_t *mask)
{
    for (size_t i = 0; i < causal->weights; i++)
        mask[i] = psi_random_uniform(random) < density;
}

static inline size_t causal_on_path(const struct causal *causal, const uint8_t *mask,
                                    uint8_t *on_path)
{
    size_t count;
    assert_int_equal(psi_network_paths(causal->network, mask, on_path, NULL, &count, NULL), PSI_OK);
    return count;
}

#endif
