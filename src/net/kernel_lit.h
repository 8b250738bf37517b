/* The part of the kernel contract for a dense layer that reads pixels of which most are 0.
 *
 * With c the constant that pixel 0 becomes, x = c + l, and l is 0 but where a pixel is lit:
 *   W x = W c + sum over the sample's lit pixels p of l_p w_p,     w_p (units) the weights of p;
 *   dW_p = c_p sum over the batch of dy + sum over the samples in which p is lit of l_p dy.
 * So the multiply-adds are those of the lit pixels alone, of each sample by itself. Weights are
 * (inputs, units), for neighbouring units are what is worked on at once. Sums run in the order of
 * pixels, and of samples.
 */
#ifndef PSISWEEP_NET_KERNEL_LIT_H
#define PSISWEEP_NET_KERNEL_LIT_H

#include "kernel_sparse.h"

#include <stddef.h>
#include <stdint.h>

/* Units whose sums registers hold, 5 AVX-512 or 10 AVX2 of them, and pixels whose weights for these
 * fit the first-level cache: 20 KB. Panels of 64 to 160 and tiles of 48 to 64 are within 5 %. */
enum { PSI_LIT_PANEL = 5 * PSI_LANES, PSI_LIT_TILE = 64 };

struct psi_lit_entry {
    uint32_t at;
    float value; /* l */
};

/* The lit pixels of a batch, in two orders. Arrays have room for all pixels of the largest batch;
 * owned. */
struct psi_lit_input {
    size_t inputs, samples;
    float *constant, *scale;         /* (inputs) c; l = scale * pixel */
    uint32_t *sample_end;            /* (tiles, samples) where a sample's entries of a tile end */
    struct psi_lit_entry *by_sample; /* tile after tile, then sample after sample; at = pixel of
                                        the tile */
    uint32_t *pixel_end;             /* (inputs) where a pixel's entries end */
    struct psi_lit_entry *by_pixel;  /* at = sample */
};

struct psi_lit_kernels {
    /* Fill the lists from samples index (samples) of pixel (.., inputs), or from the first ones
     * where index is NULL. */
    void (*list)(const uint8_t *pixel, const uint32_t *index, size_t samples,
                 struct psi_lit_input *input);

    /* y (units, batch) = W x + bias (units), then max(y, 0) if relu; w (inputs, units). batch is a
     * multiple of PSI_LANES: columns behind the samples are as of a sample without lit pixels.
     * work: psi_lit_work(batch) floats. */
    void (*multiply)(const struct psi_lit_input *input, const float *w, const float *bias,
                     size_t units, int relu, size_t batch, float *work, float *y);

    /* gradient (inputs, units) = decay * gradient + x dy'; decay = 0 ignores what it held.
     * dy (units, batch), 0 behind the samples. */
    void (*accumulate)(const struct psi_lit_input *input, const float *dy, size_t units,
                       size_t batch, float decay, float *work, float *gradient);
};

/* Of a panel: what its sums begin with, a tile of weights, the sums or dy of the batch. */
static inline size_t psi_lit_work(size_t batch)
{
    return (1 + PSI_LIT_TILE + batch) * PSI_LIT_PANEL;
}

#endif
