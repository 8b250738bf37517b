/* A task whose needed inputs are known: three inputs carry one sign bit each, together the class;
 * all other inputs are independent noise of the same distribution. A mask that leaves m of the
 * three without a path to an output can reach an accuracy of 2^-m at most, whatever is trained. */
#include "data.h"
#include "psisweep/random.h"

#include <stdlib.h>

enum {
    PLANTED_TRAIN = 8000,
    PLANTED_TEST = 2000,
    PLANTED_INPUTS_MAX = 1 << 16,
    /* A pixel is 128 +- (32 .. 127): signs lie apart, and magnitudes carry nothing. */
    PLANTED_ZERO = 128,
    PLANTED_NEAREST = 32,
    PLANTED_FARTHEST = 127
};

/* PSI_PLANTED_BITS distinct inputs, ascending. */
static enum psi_status planted_choose(const struct psi_data_spec *spec, uint32_t *needed,
                                      struct psi_error *err)
{
    struct psi_random random;
    psi_random_open(&random, spec->random_seed, "planted/needed");
    uint32_t inputs = (uint32_t)spec->inputs;
    uint32_t *order = malloc(inputs * sizeof *order);
    if (!order)
        return psi_fail(err, PSI_MEMORY, "planted: no memory for %u inputs", inputs);
    for (uint32_t i = 0; i < inputs; i++)
        order[i] = i;
    psi_random_shuffle(&random, order, inputs);
    for (int i = 0; i < PSI_PLANTED_BITS; i++) {
        int j = i;
        for (; j > 0 && needed[j - 1] > order[i]; j--)
            needed[j] = needed[j - 1];
        needed[j] = order[i];
    }
    free(order);
    return PSI_OK;
}

/* Append `samples` samples of a split, each from its own stream. */
static enum psi_status planted_draw(const struct psi_data_spec *spec, const char *split,
                                    size_t samples, struct psi_samples *out, struct psi_error *err)
{
    size_t inputs = spec->inputs;
    enum psi_status status = psi_samples_reserve(out, samples, inputs, err);
    if (status != PSI_OK)
        return status;
    for (size_t i = 0; i < samples; i++) {
        struct psi_random random;
        psi_random_open(&random, spec->random_seed, "planted/%s/%zu", split, i);
        uint8_t *pixel = out->pixel.data + out->pixel.size; /* (inputs) */
        for (size_t k = 0; k < inputs; k++) {
            uint32_t bound = PLANTED_FARTHEST - PLANTED_NEAREST + 1;
            uint32_t draw = psi_random_below(&random, 2 * bound);
            int magnitude = (int)(PLANTED_NEAREST + draw / 2);
            pixel[k] = (uint8_t)(PLANTED_ZERO + (draw % 2 ? magnitude : -magnitude));
        }
        unsigned label = 0; /* sum over i of bit i * 2^(2 - i) */
        for (int k = 0; k < PSI_PLANTED_BITS; k++)
            label = 2 * label + (pixel[out->needed[k]] >= PLANTED_ZERO);
        out->label.data[out->label.size++] = (uint8_t)label;
        out->pixel.size += inputs;
    }
    return PSI_OK;
}

enum psi_status psi_planted_load(const struct psi_data_spec *spec, struct psi_samples *out,
                                 struct psi_error *err)
{
    if (spec->inputs < PSI_PLANTED_BITS || spec->inputs > PLANTED_INPUTS_MAX)
        return psi_fail(err, PSI_USAGE, "planted: inputs: expected %d .. %d, found %zu",
                        PSI_PLANTED_BITS, PLANTED_INPUTS_MAX, spec->inputs);
    out->channels = out->height = 1;
    out->width = spec->inputs;
    out->classes = 1 << PSI_PLANTED_BITS;
    out->train = spec->train ? spec->train : PLANTED_TRAIN;
    out->test = spec->test ? spec->test : PLANTED_TEST;
    enum psi_status status = planted_choose(spec, out->needed, err);
    if (status == PSI_OK)
        status = planted_draw(spec, "train", out->train, out, err);
    if (status == PSI_OK)
        status = planted_draw(spec, "test", out->test, out, err);
    return status;
}
