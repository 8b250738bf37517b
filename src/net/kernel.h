/* The kernel contract: what training needs besides GEMM, one row of function pointers a backend.
 *
 * Every backend is src/net/kernel_body.h compiled for its own instruction set; its file alone knows
 * whether this build and this processor have it. A kernel allocates nothing and cannot fail.
 */
#ifndef PSISWEEP_NET_KERNEL_H
#define PSISWEEP_NET_KERNEL_H

#include "conv_kernel.h"
#include "kernel_lit.h"
#include "kernel_sparse.h"
#include "psisweep/kernel.h"

#include <stddef.h>
#include <stdint.h>

/* Where the rows of a batch lie, and how they become floats. */
struct psi_gather {
    const uint8_t *pixel;   /* (samples, channels * plane) */
    const uint32_t *index;  /* (batch) rows to take, or NULL = the first `batch` rows in order */
    size_t channels, plane; /* plane = height * width */
    const float *mean, *deviation; /* (channels) */
    const uint32_t *taken; /* (inputs) features to take, ascending; NULL = all channels * plane */
    size_t inputs;
    int selected; /* rows are (inputs): the taken features and no others */
};

/* Inputs that are pixel 0 in a whole batch (a third of MNIST's) are constants, x = constant: their
 * share of W x is one number a unit. So they are left out of the products, in blocks of 4, and one
 * stand-in input of value 1 and weight sum(constant * w) takes their place. */
enum { PSI_BLOCK = 4 };
struct psi_skip {
    size_t live, dead;     /* blocks */
    uint32_t *block;       /* (live + dead) numbers of the live blocks, then of the dead ones */
    const float *constant; /* (features) what x is where the pixel is 0 */
};

/* One Adam step's constants, bias corrections folded in (Kingma & Ba 2015, end of section 2). */
struct psi_adam {
    float beta1, beta2, epsilon;
    float rest1, rest2; /* 1 - beta, taken in double: in float, little of 1 - .9999999 is left */
    float rate;         /* rate / (1 - beta1^t) */
    float rescale;      /* 1 / sqrt(1 - beta2^t) */
    float weight_decay;
};

struct psi_kernels {
    /* x (inputs, stride): x[f][b] = (pixel[index[b]][f] - mean) / deviation of f's channel; samples
     * batch .. stride-1, at most 15, are the last one once more. seen (features; NULL = not
     * wanted): 0 where pixel f is 0 in the whole batch. */
    void (*gather)(const struct psi_gather *from, size_t batch, size_t stride, float *x,
                   uint8_t *seen);

    /* packed (units, 4 live + 4): the live columns of w (units, features), the stand-in's weight,
     * three columns of no meaning. */
    void (*pack)(const struct psi_skip *skip, const float *w, size_t units, float *packed);

    /* gradient (units, features) = decay * gradient + what packed, the gradient by packed weights,
     * says of them: constant * the stand-in's for dead columns. decay = 0 ignores what it held. */
    void (*unpack)(const struct psi_skip *skip, const float *packed, size_t units, float decay,
                   float *gradient);

    /* y (units, batch) = y + bias (units), then max(y, 0) if relu. */
    void (*bias_relu)(float *y, const float *bias, size_t units, size_t batch, int relu);

    /* dy (units, batch): set to 0 where y is not above 0, if relu; then
     * gradient (units) = decay * gradient + row sums of dy; decay = 0 ignores what it held. */
    void (*bias_relu_backward)(float *dy, const float *y, size_t units, size_t batch, int relu,
                               float decay, float *gradient);

    /* v = v + weight_decay w; w = w - rate v; both 0 where mask is 0. mask NULL = dense. */
    void (*sgd)(float *w, float *v, const uint8_t *mask, size_t count, float rate,
                float weight_decay);

    /* g = gradient + weight_decay w; m = beta1 m + rest1 g; v = beta2 v + rest2 g^2;
     * w = w - rate m / (rescale sqrt(v) + epsilon); w, m, v 0 where mask is 0. */
    void (*adam)(float *w, const float *gradient, float *m, float *v, const uint8_t *mask,
                 size_t count, const struct psi_adam *adam);

    const struct psi_conv_kernels *conv;
    const struct psi_sparse_kernels *sparse;
    const struct psi_lit_kernels *lit;
};

/* The kernels of a level; NULL where this processor or this build lacks them. */
const struct psi_kernels *psi_kernels_get(int level);

/* One function a backend file; NULL as above. */
const struct psi_kernels *psi_kernels_portable(void);
const struct psi_kernels *psi_kernels_avx2(void);
const struct psi_kernels *psi_kernels_avx512(void);

#endif
