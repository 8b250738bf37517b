/* Networks, data and vectors as tests/ref/criteria_torch.py has them, and its numbers. */
#ifndef PSISWEEP_TESTS_CRITERIA_FIXTURE_H
#define PSISWEEP_TESTS_CRITERIA_FIXTURE_H

#include "net_fixture.h"
#include "psisweep/hash.h"
#include "psisweep/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHARED_SAMPLES = 24, SHARED_CLASSES = 4, SHARED_FEATURES = 512 };

struct mask_case {
    int model, norm;
    const char *criterion;
    int scope;
    double density;
    size_t rounds;
    size_t count[5]; /* survivors by layer */
    uint64_t hash;   /* FNV-1a */
    const char *bits;
};

struct product_case {
    int model, norm;
    size_t trained, stride, values; /* every stride-th value, and the last 60 */
    const double *value;
};

struct shared {
    struct psi_dataset dataset;
    uint8_t pixel[SHARED_SAMPLES * SHARED_FEATURES], label[SHARED_SAMPLES];
};

/* In [-1, 1). */
static inline double shared_noise(size_t i)
{
    uint32_t h = (uint32_t)i * 0x9E3779B1u;
    h ^= h >> 15;
    h *= 0x85EBCA77u;
    h ^= h >> 13;
    return h / 2147483648.0 - 1;
}

static inline void shared_fill(struct shared *shared, int model)
{
    static const size_t image[][3] = {
        [PSI_MLP] = {1, 3, 4}, [PSI_LENET5] = {1, 16, 16}, [PSI_LENET5_CLASSIC] = {2, 16, 16}};
    const size_t *shape = image[model];
    size_t features = shape[0] * shape[1] * shape[2];
    for (size_t s = 0; s < SHARED_SAMPLES; s++) {
        shared->label[s] = (uint8_t)((7 * s + s * s / 3) % SHARED_CLASSES);
        for (size_t f = 0; f < features; f++)
            shared->pixel[s * features + f] =
                (uint8_t)((37 * s + 91 * f + 13 * s * f + f * f) % 256);
    }
    shared->dataset = (struct psi_dataset){.channels = shape[0],
                                           .height = shape[1],
                                           .width = shape[2],
                                           .features = features,
                                           .classes = SHARED_CLASSES,
                                           .train = {shared->pixel, shared->label, SHARED_SAMPLES},
                                           .mean = {128, 128},
                                           .deviation = {64, 64}};
}

/* Weights uniform of variance 2 / fan_in, biases and shifts near 0, gains near 1. */
static inline struct psi_network *shared_network(const struct shared *shared, int model, int norm,
                                                 size_t max_batch)
{
    const struct psi_model_spec spec = {
        .kind = model, .batchnorm = norm, .hidden_count = 2, .hidden = {10, 8}};
    struct psi_network *network = NULL;
    struct psi_error err = {0};
    assert_int_equal(
        psi_network_create(&spec, &shared->dataset, max_batch, psi_kernels_best(), &network, &err),
        PSI_OK);
    float *parameter = psi_network_parameter(network);
    struct psi_random random;
    psi_random_open(&random, 1, "states");
    psi_network_initialise(network, &random); /* gains are 1, all else beside weights is 0 */
    for (size_t i = 0; i < psi_network_matrices(network); i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, i);
        for (size_t k = matrix->offset; k < matrix->offset + matrix->rows * matrix->cols; k++)
            parameter[k] = (float)(shared_noise(k) * sqrt(6.0 / (double)matrix->cols));
    }
    for (size_t i = psi_network_weights(network); i < psi_network_trained(network); i++)
        parameter[i] = (float)((double)parameter[i] + 0.1 * shared_noise(i));
    return network;
}

static inline int criterion_named(const char *name)
{
    for (int row = 0; psi_criteria[row].name; row++)
        if (strcmp(psi_criteria[row].name, name) == 0)
            return row;
    fail_msg("no criterion %s", name);
    return -1;
}

#endif
