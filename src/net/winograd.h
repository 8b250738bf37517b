/* Dense 3 x 3 convolutions by Winograd's F(2 x 2, 3 x 3): 16 multiplications for 4 outputs where
 * the sums themselves take 36. */
#ifndef PSISWEEP_NET_WINOGRAD_H
#define PSISWEEP_NET_WINOGRAD_H

#include "conv_kernel.h"

/* Whether it pays for a tile of `lanes` samples: a function of the shapes alone. */
int psi_winograd_pays(const struct psi_conv *conv, size_t lanes);

/* Floats of scratch. */
size_t psi_winograd_work(const struct psi_conv *conv);

/* As psi_conv_kernels' convolve, for x and y as they lie in memory. w (out, in, 3, 3). */
void psi_winograd_forward(const struct psi_conv_kernels *kernels, const struct psi_conv *conv,
                          const float *x, const float *w, const float *bias, int relu, float *y,
                          size_t stride, size_t lanes, float *work);

/* gradient = decay * gradient + that by w; dx = (add ? dx : 0) + that by x, unless dx is NULL. */
void psi_winograd_backward(const struct psi_conv_kernels *kernels, const struct psi_conv *conv,
                           const float *x, const float *w, const float *dy, float decay,
                           float *gradient, int add, float *dx, size_t stride, size_t lanes,
                           float *work);

#endif
