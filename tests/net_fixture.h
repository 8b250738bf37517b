/* Small data sets and networks for the tests of the net module, made by hand. */
#ifndef PSISWEEP_TESTS_NET_FIXTURE_H
#define PSISWEEP_TESTS_NET_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/kernel.h"
#include "psisweep/network.h"
#include "psisweep/train.h"

enum { TOY_TRAIN = 50, TOY_VALIDATION = 13, TOY_TEST = 17 };
enum { TOY_SAMPLES = TOY_TRAIN + TOY_VALIDATION + TOY_TEST };
enum { TOY_CHANNELS = 2, TOY_PLANE = 6, TOY_FEATURES = TOY_CHANNELS * TOY_PLANE, TOY_CLASSES = 3 };

struct toy {
    struct psi_dataset dataset;
    uint8_t pixel[TOY_SAMPLES * TOY_FEATURES], label[TOY_SAMPLES];
};

/* Noise, but for one pixel a class, which is bright where the label says so. */
static inline void toy_fill(struct toy *toy)
{
    struct psi_random random;
    psi_random_open(&random, 1, "toy");
    for (size_t s = 0; s < TOY_SAMPLES; s++) {
        uint8_t *row = toy->pixel + s * TOY_FEATURES;
        toy->label[s] = (uint8_t)psi_random_below(&random, TOY_CLASSES);
        for (size_t f = 0; f < TOY_FEATURES; f++)
            row[f] = (uint8_t)psi_random_below(&random, 120);
        row[4 * toy->label[s]] = 255;
    }
    const uint8_t *pixel = toy->pixel, *label = toy->label;
    toy->dataset = (struct psi_dataset){
        .channels = TOY_CHANNELS,
        .height = 2,
        .width = TOY_PLANE / 2,
        .features = TOY_FEATURES,
        .classes = TOY_CLASSES,
        .train = {pixel, label, TOY_TRAIN},
        .validation = {pixel + TOY_TRAIN * TOY_FEATURES, label + TOY_TRAIN, TOY_VALIDATION},
        .test = {pixel + (TOY_SAMPLES - TOY_TEST) * TOY_FEATURES, label + TOY_SAMPLES - TOY_TEST,
                 TOY_TEST},
        .mean = {64, 70},
        .deviation = {50, 55},
    };
}

static inline struct psi_network *network_make(const struct psi_dataset *shape, size_t max_batch,
                                               int init, size_t depth, const size_t *hidden)
{
    struct psi_model_spec spec = {.kind = PSI_MLP, .init = init, .hidden_count = depth};
    for (size_t i = 0; i < depth; i++)
        spec.hidden[i] = hidden[i];
    struct psi_network *network = NULL;
    struct psi_error err = {0};
    assert_int_equal(
        psi_network_create(&spec, shape, max_batch, psi_kernels_best(), &network, &err), PSI_OK);
    return network;
}

static inline void network_draw(struct psi_network *network, uint64_t seed)
{
    struct psi_random random;
    psi_random_open(&random, seed, "initialise");
    psi_network_initialise(network, &random);
}

#endif
