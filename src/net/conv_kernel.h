/* The kernel contract of convolutions, part of psi_kernels.
 *
 * Everything is done on tiles: 64 samples of a batch, innermost, so that one pixel of one channel
 * is a whole number of vectors whatever the instruction set, and borders, strides and odd numbers
 * of samples are a matter of copying alone. A tile is (channels, height, width, PSI_TILE), aligned
 * to 64 bytes; lanes without a sample hold zeros. Activations are (features, batch) as everywhere:
 * `stride` = batch, `lanes` = samples of it that belong to the tile.
 */
#ifndef PSISWEEP_NET_CONV_KERNEL_H
#define PSISWEEP_NET_CONV_KERNEL_H

#include "kernel_sparse.h" /* PSI_TILE, PSI_LANES */

#include <stddef.h>

enum {
    PSI_GROUP = 5 /* output channels computed together: 20, 50 and 65 are multiples of it */
};

/* Stride 1, square windows, `pad` zeros around: out_height = height + 2 pad - kernel + 1. */
struct psi_conv {
    size_t in, height, width;
    size_t out, out_height, out_width;
    size_t kernel, pad; /* pad < kernel */
};

/* A surviving weight, seen from a channel of a result: result[p] takes weight number `source` times
 * what lies at p + (y, x) in some channel of the source, `offset` features after pixel p of its
 * first channel. */
struct psi_tap {
    uint32_t source;
    int32_t offset;
    int16_t y, x;
};

struct psi_taps {
    size_t units, out_height, out_width; /* of the result */
    size_t height, width;                /* of the source */
    uint32_t *start;                     /* (units + 1) a channel's first tap; owned */
    struct psi_tap *tap;                 /* (start[units]) owned */
};

struct psi_conv_kernels {
    /* tile (channels, height + 2 pad, width + 2 pad, PSI_TILE) = x (channels, height, width,
     * stride), zeros around and in lanes past `lanes`. */
    void (*tile)(const float *x, size_t channels, size_t height, size_t width, size_t pad,
                 size_t stride, size_t lanes, float *tile);

    /* y (out, out_height, out_width, stride) = (add ? y : 0) + bias + sum over in, ky, kx of
     *   w[out][in][ky][kx] x[in][oy + ky - pad][ox + kx - pad],
     * then max(y, 0) if relu. x is a tile without pads; packed (groups, in, kernel, kernel,
     * PSI_GROUP) as psi_conv_pack makes it; bias (out) or NULL = 0. */
    void (*convolve)(const struct psi_conv *conv, const float *x, const float *packed,
                     const float *bias, int relu, int add, float *y, size_t stride, size_t lanes);

    /* gradient (out, in, kernel, kernel) = decay * gradient + sum over pixels and samples of
     *   dy[out][oy][ox] x[in][oy + ky - pad][ox + kx - pad];
     * x a tile with the conv's pads, dy a tile without. decay = 0 ignores what gradient held. */
    void (*weight_gradient)(const struct psi_conv *conv, const float *x, const float *dy,
                            float decay, float *gradient);

    /* What Winograd's F(2 x 2, 3 x 3) is made of (winograd.c): of the 2 x 2 outputs number (ty, tx)
     * and the 4 x 4 inputs that they read, for `lanes` samples, PSI_LANES or more. Matrices
     * of 16 places: v (16, in, step), m (16, out, step), PSI_TILE of step used. */
    void (*winograd_input)(const struct psi_conv *conv, const float *x, size_t stride, size_t lanes,
                           size_t ty, size_t tx, float *v, size_t step);
    void (*winograd_output)(const struct psi_conv *conv, const float *m, const float *bias,
                            int relu, size_t ty, size_t tx, float *y, size_t stride, size_t lanes);
    void (*winograd_output_back)(const struct psi_conv *conv, const float *dy, size_t stride,
                                 size_t lanes, size_t ty, size_t tx, float *m, size_t step);
    void (*winograd_input_back)(const struct psi_conv *conv, const float *v, size_t step, size_t ty,
                                size_t tx, int add, float *dx, size_t stride, size_t lanes);
    /* c (rows, PSI_TILE) = a (rows, depth) b (depth, step); a packed (groups, depth, PSI_GROUP). */
    void (*multiply)(size_t rows, size_t depth, const float *packed, const float *b, size_t step,
                     float *c);

    /* y (units, out_height, out_width, columns) = (add ? y : 0) + bias + sum over taps of
     * value[source] x, then max(y, 0) if relu; columns a multiple of PSI_LANES, bias may be NULL.
     */
    void (*sparse_convolve)(const struct psi_taps *taps, const float *value, const float *bias,
                            int relu, int add, const float *x, size_t columns, float *y);
    /* gradient[source] = decay * gradient + sum over pixels and columns of dy x, for each tap. */
    void (*sparse_sample)(const struct psi_taps *taps, const float *dy, const float *x,
                          size_t columns, float decay, float *gradient);
};

#endif
