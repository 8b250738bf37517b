/* The layer contract and the network that is made of it.
 *
 * Activation 0 is the network's input, activation i + 1 is the output of layer i. A layer reads one
 * or two earlier activations (two: a residual sum). Arrays are (features, batch), feature-major and
 * compact: a feature's stride is the batch at hand, not the largest one; in a compiled network it
 * is rounded up to whole vectors.
 */
#ifndef PSISWEEP_NET_LAYER_H
#define PSISWEEP_NET_LAYER_H

#include "kernel.h"
#include "psisweep/network.h"

enum { PSI_INPUTS_MAX = 2 };

struct psi_shape {
    size_t channels, height, width;
};

struct psi_layer {
    const struct psi_layer_type *type;
    size_t input[PSI_INPUTS_MAX]; /* activations read, the first type->inputs of them */
    size_t units;                 /* dense: outputs; conv: output channels; given */
    size_t kernel, pad;           /* conv: window (kernel, kernel), zeros around; given */
    int relu;                     /* given */
    int unbiased;                 /* conv: without a bias; given */
    struct psi_shape in, out;     /* of its first input; of its output */
    size_t weight, weights;       /* prunable parameters: offset in the flat array, count */
    size_t bias, biases;          /* those never pruned */
    size_t state, states;         /* those without a gradient: running statistics */
    size_t fan_in, fan_out;       /* of one weight, for its initial variance */
    size_t keeps;                 /* floats it keeps from a forward to its backward pass ... */
    float *kept;                  /* (keeps) ... here; owned */
    size_t work;                  /* floats of the pass's scratch it uses */
    struct psi_sparse *sparse;    /* sparse: its patterns (sparse.h), owned; else NULL */
    struct psi_sparse_conv *sparse_conv; /* sparse conv: its taps (sparse_conv.h), owned */
};

/* The network's input once more, without what is constant in the batch. */
struct psi_packed_input {
    int none; /* no layer can read it */
    int use;  /* worth the packing, for the batch at hand */
    struct psi_skip skip;
    float *constant; /* (features) skip's */
    uint8_t *seen;   /* (features) of the gather */
    float *x;        /* (4 live + 1, batch): live rows, and the stand-in's ones */
    float *weight;   /* (units, features + 4) of a layer that reads it, or their gradient */
};

/* What every layer of a pass shares. */
struct psi_pass {
    const struct psi_kernels *kernels;
    const float *parameter; /* (parameters) */
    size_t batch; /* columns of every activation: in a compiled network the samples and up to 15
                     copies of the last one, whose dlogits are 0 */
    const struct psi_packed_input *packed; /* for layers that read activation 0; NULL = as it is */
    const struct psi_lit_input *lit;       /* activation 0 for a layer on the lit path */
    float *work;                           /* (largest layer's work) of no meaning between layers */
    float *state;   /* the parameters once more, for running statistics to be updated in a training
                       pass; NULL in evaluation, which reads them */
    size_t samples; /* the first of the columns: for what is not done sample by sample */
};

/* Where a backward pass leaves the gradient by one input: dx (features, batch), NULL where nobody
 * asks for it; add: dx += instead of dx =, as a later reader has written there before. */
struct psi_input_gradient {
    float *dx;
    int add;
};

struct psi_layer_type {
    const char *name;
    size_t inputs; /* 1 or 2 */

    /* From what was given and `in`, fill out, weights, biases, states, the fans, keeps and work. */
    void (*plan)(struct psi_layer *layer);

    /* Set biases and states, which are 0, to what they start from; NULL = 0. */
    void (*initialise)(const struct psi_layer *layer, float *parameter);

    /* y = layer(x). */
    void (*forward)(const struct psi_layer *layer, const struct psi_pass *pass,
                    const float *const *x, float *y);

    /* From dy (overwritten) the gradients by inputs and parameters; x and y as the last forward
     * pass had them. gradient (parameters): own = decay * own + d/dparameter; decay = 0 ignores
     * what it held. */
    void (*backward)(const struct psi_layer *layer, const struct psi_pass *pass,
                     const float *const *x, const float *y, float *dy, float decay, float *gradient,
                     const struct psi_input_gradient *dx);

    /* Paths under a mask (weights), one flag a feature. Forward: to[u] = some input that reaches u
     * by a surviving weight is itself reached. */
    void (*reach_forward)(const struct psi_layer *layer, const uint8_t *mask,
                          const uint8_t *const *from, uint8_t *to);

    /* Backward: useful (out) tells which outputs lead to an output of the network; raises the flags
     * (only raises: another reader may have) of inputs that do, marks own weights on a path in
     * on_path (weights, may be NULL) and returns their number. reached: as reach_forward's from. */
    size_t (*reach_backward)(const struct psi_layer *layer, const uint8_t *mask,
                             const uint8_t *useful, const uint8_t *const *reached,
                             uint8_t *const *useful_input, uint8_t *on_path);

    const struct psi_tangent_type *tangent; /* derivatives of second order (tangent.h); NULL for
                                               layers of compiled networks */
};

extern const struct psi_layer_type psi_layer_dense;
extern const struct psi_layer_type psi_layer_sparse;      /* dense, compiled for a mask */
extern const struct psi_layer_type psi_layer_lit;         /* dense, on lit pixels alone */
extern const struct psi_layer_type psi_layer_sparse_conv; /* conv, compiled for a mask */
extern const struct psi_layer_type psi_layer_conv;
extern const struct psi_layer_type psi_layer_maxpool;
extern const struct psi_layer_type psi_layer_avgpool;
extern const struct psi_layer_type psi_layer_batchnorm;

/* The layers of a model (model.c), as they are given before they are planned: writes their number,
 * and the layers themselves unless layer is NULL. */
void psi_model_layers(const struct psi_model_spec *spec, size_t classes, struct psi_layer *layer,
                      size_t *count);

struct psi_activation {
    size_t features;
    float *value, *gradient; /* (features, max_batch), owned; no gradient for the network's input
                                and for the logits */
};

struct psi_network {
    const struct psi_kernels *kernels;
    int init; /* enum psi_init */
    size_t max_batch, layers;
    size_t weights, trained, parameters; /* prunable ones; + biases: all that an optimiser steps;
                                            + states */
    struct psi_layer *layer;             /* (layers) */
    struct psi_weight_matrix *matrix;    /* (matrices) */
    size_t matrices;
    struct psi_activation *activation; /* (layers + 1) */
    float *parameter;                  /* (parameters) */
    float *work;                       /* see psi_pass */
    struct psi_packed_input packed;
    struct psi_compiled *compiled; /* of a compiled network (compile.h), owned; else NULL */
};

/* Memory of a network whose layers are planned; 0 with err filled where there is none. */
int psi_network_allocate(struct psi_network *network, struct psi_error *err);

static inline size_t psi_shape_features(const struct psi_shape *shape)
{
    return shape->channels * shape->height * shape->width;
}

#endif
