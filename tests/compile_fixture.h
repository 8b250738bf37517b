/* Masked networks and what they are compiled into, for the tests of the sparse path. */
#ifndef PSISWEEP_TESTS_COMPILE_FIXTURE_H
#define PSISWEEP_TESTS_COMPILE_FIXTURE_H

#include "net_fixture.h"
#include "../src/net/compile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples of noise, some pixels 0; one label each. */
struct noise_set {
    struct psi_dataset dataset;
    uint8_t *pixel, *label;
};

static inline void noise_open(struct noise_set *set, size_t channels, size_t height, size_t width,
                              size_t classes, size_t samples)
{
    size_t features = channels * height * width;
    struct psi_random random;
    psi_random_open(&random, 6, "noise");
    set->pixel = malloc(samples * features);
    set->label = malloc(samples);
    for (size_t i = 0; i < samples * features; i++)
        set->pixel[i] =
            (uint8_t)(psi_random_below(&random, 3) ? psi_random_below(&random, 256) : 0);
    for (size_t s = 0; s < samples; s++)
        set->label[s] = (uint8_t)psi_random_below(&random, (uint32_t)classes);
    set->dataset = (struct psi_dataset){.channels = channels,
                                        .height = height,
                                        .width = width,
                                        .features = features,
                                        .classes = classes,
                                        .train = {set->pixel, set->label, samples},
                                        .mean = {64, 90, 100},
                                        .deviation = {80, 60, 70}};
}

static inline void noise_close(struct noise_set *set)
{
    free(set->label);
    free(set->pixel);
}

/* A drawn network on kernels of one level, biases too. */
static inline struct psi_network *network_draw_level(const struct psi_dataset *shape,
                                                     size_t max_batch, size_t depth,
                                                     const size_t *hidden, int level)
{
    struct psi_model_spec spec = {.kind = PSI_MLP, .init = PSI_HE, .hidden_count = depth};
    for (size_t i = 0; i < depth; i++)
        spec.hidden[i] = hidden[i];
    struct psi_network *network = NULL;
    assert_int_equal(psi_network_create(&spec, shape, max_batch, level, &network, NULL), PSI_OK);
    network_draw(network, 5);
    float *parameter = psi_network_parameter(network);
    for (size_t i = psi_network_weights(network); i < psi_network_parameters(network); i++)
        parameter[i] = 0.3f * sinf((float)i);
    return network;
}

/* Each weight survives with chance density; density[i] of layer i. */
static inline uint8_t *mask_draw(const struct psi_network *network, const double *density,
                                 uint64_t seed)
{
    struct psi_random random;
    psi_random_open(&random, seed, "mask");
    uint8_t *mask = calloc(psi_network_weights(network), 1);
    for (size_t m = 0; m < psi_network_matrices(network); m++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
        for (size_t i = 0; i < matrix->rows * matrix->cols; i++)
            mask[matrix->offset + i] = psi_random_uniform(&random) < density[m];
    }
    return mask;
}

static inline void mask_apply(struct psi_network *network, const uint8_t *mask)
{
    float *w = psi_network_parameter(network);
    for (size_t i = 0; i < psi_network_weights(network); i++)
        w[i] = mask[i] ? w[i] : 0;
}

/* Layers on the sparse path as the bits of a number say. */
static inline struct psi_network *compile_bits(const struct psi_network *network,
                                               const uint8_t *mask, unsigned bits)
{
    uint8_t sparse[PSI_HIDDEN_MAX + 1];
    for (unsigned i = 0; i < PSI_HIDDEN_MAX + 1; i++)
        sparse[i] = bits >> i & 1;
    struct psi_network *compiled = NULL;
    assert_int_equal(psi_network_compile_as(network, mask, sparse, &compiled, NULL), PSI_OK);
    return compiled;
}

/* The same with the first layer on the lit path. */
static inline struct psi_network *compile_lit(const struct psi_network *network,
                                              const uint8_t *mask, unsigned bits)
{
    uint8_t path[PSI_HIDDEN_MAX + 1];
    for (unsigned i = 0; i < PSI_HIDDEN_MAX + 1; i++)
        path[i] = i ? bits >> i & 1 : PSI_PATH_LIT;
    struct psi_network *compiled = NULL;
    assert_int_equal(psi_network_compile_as(network, mask, path, &compiled, NULL), PSI_OK);
    return compiled;
}

#endif
