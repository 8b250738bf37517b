/* Exact derivatives of second order, and of first order where floats would end: passes in double
 * precision in which every number may carry its derivative along a direction v of the parameters
 * (Pearlmutter 1994, Fast exact multiplication by the Hessian). Plain loops; for scores of weights,
 * not for training. Finite differences will not do: between two points of a ReLU network lie kinks,
 * whose share does not shrink with the distance.
 *
 * As autograd's double backward: gates of ReLU and choices of max pooling are constant. */
#ifndef PSISWEEP_NET_TANGENT_H
#define PSISWEEP_NET_TANGENT_H

#include "layer.h"

/* An array and its derivative, which is NULL where it is not followed. */
struct psi_dual {
    double *value, *tangent;
};

struct psi_tangent_pass {
    struct psi_dual parameter; /* (parameters) */
    struct psi_dual gradient;  /* (parameters), added to */
    size_t batch;
    int linear; /* normalisation is the identity */
};

/* One for each layer type (psi_layer_type.tangent). */
struct psi_tangent_type {
    /* y = layer(x) */
    void (*forward)(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                    const struct psi_dual *x, const struct psi_dual *y);

    /* From dy (overwritten): gradients by parameters and, where dx has a value, by inputs, which
     * are added to. */
    void (*backward)(const struct psi_layer *layer, const struct psi_tangent_pass *pass,
                     const struct psi_dual *x, const struct psi_dual *y, const struct psi_dual *dy,
                     const struct psi_dual *dx);
};

extern const struct psi_tangent_type psi_tangent_linear; /* dense, conv */
extern const struct psi_tangent_type psi_tangent_maxpool;
extern const struct psi_tangent_type psi_tangent_avgpool;
extern const struct psi_tangent_type psi_tangent_batchnorm;

/* y = max(y, 0); and dy = 0 where that was. */
void psi_tangent_relu(const struct psi_dual *y, size_t count);
void psi_tangent_relu_backward(const struct psi_dual *y, const struct psi_dual *dy, size_t count);

#endif
