/* Networks: layers, parameters in one flat array, forward and backward passes.
 *
 * Activations are feature-major: x (features, batch), a feature's batch contiguous. Weight
 * matrices are (rows = outputs, cols = inputs), row-major; a convolution's is (out, in*kh*kw).
 * All parameters live in one flat float array: first every prunable weight, layer after layer,
 * then everything that is never pruned: biases (and the gains and shifts of normalisation), at last
 * running statistics, which have no gradient and which no optimiser steps. So a mask, a gradient
 * and an optimiser's state are arrays of the same indexing, a prunable weight has one flat index,
 * and a copy of the array is all there is to a trained network.
 *
 * A layer is a row of function pointers (src/net/layer.h); the network is a list of layers in
 * topological order, each naming the one or two earlier activations it reads. A model is a table
 * of layers (src/net/model.c).
 */
#ifndef PSISWEEP_NETWORK_H
#define PSISWEEP_NETWORK_H

#include "psisweep/dataset.h"
#include "psisweep/random.h"
#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

enum psi_model_kind {
    PSI_MLP,
    PSI_LENET5,         /* Caffe's: conv 20 and 50 of 5 x 5, max pooling, dense 500 */
    PSI_LENET5_CLASSIC, /* LeCun et al. 1998: conv 6 and 16 of 5 x 5, averages, dense 120, 84 */
    PSI_CONV2, /* Frankle & Carbin 2019: pairs of conv 3 x 3, max pooling, dense 256, 256 */
    PSI_CONV4,
    PSI_CONV6
};
enum psi_init { PSI_GLOROT, PSI_HE };
enum { PSI_HIDDEN_MAX = 16, PSI_LAYER_NAME = 32 };

struct psi_model_spec {
    int kind; /* enum psi_model_kind */
    int init; /* enum psi_init; weights normal, biases zero */
    size_t hidden_count;
    size_t hidden[PSI_HIDDEN_MAX]; /* mlp: units of each hidden layer, ReLU */
    int batchnorm; /* 1 = every convolution is followed by batch normalisation (Ioffe & Szegedy
                      2015), which takes the place of its bias */
};

/* One prunable weight matrix: parameter[offset + row * cols + col]. */
struct psi_weight_matrix {
    char name[PSI_LAYER_NAME]; /* "dense1", ... */
    size_t offset, rows, cols;
    size_t kernel; /* of a convolution: cols = in * kernel * kernel; dense: 0 */
};

struct psi_network;

/* Build for the shapes of a data set (only its channels, height, width, classes are read), at most
 * max_batch samples a pass, and kernels of one level (psisweep/kernel.h; PSI_ENVIRONMENT where this
 * processor lacks it). All memory of a pass is allocated here. Parameters are zero. */
enum psi_status psi_network_create(const struct psi_model_spec *spec,
                                   const struct psi_dataset *shape, size_t max_batch,
                                   int kernel_level, struct psi_network **out,
                                   struct psi_error *err);
void psi_network_destroy(struct psi_network *network);

size_t psi_network_max_batch(const struct psi_network *network);
size_t psi_network_features(const struct psi_network *network);
size_t psi_network_classes(const struct psi_network *network);
size_t psi_network_weights(const struct psi_network *network);    /* prunable ones */
size_t psi_network_trained(const struct psi_network *network);    /* all but statistics */
size_t psi_network_parameters(const struct psi_network *network); /* all */
float *psi_network_parameter(struct psi_network *network);        /* (parameters), borrowed */

/* The prunable matrices, in flat order; borrowed. */
size_t psi_network_matrices(const struct psi_network *network);
const struct psi_weight_matrix *psi_network_matrix(const struct psi_network *network, size_t i);

/* Draw all parameters anew. Glorot & Bengio 2010: normal of variance 2 / (fan_in + fan_out);
 * He et al. 2015: 2 / fan_in. Biases are set to zero; normalisation starts as the identity. */
void psi_network_initialise(struct psi_network *network, struct psi_random *random);

/* The same for training under a mask (weights): each surviving weight's variance is that of the
 * fans that survive about it, unit by unit as Evci et al. 2022 (Gradient Flow in Sparse Neural
 * Networks and How Lottery Tickets Win), for counts differ between units. He: 2 / fan_in, fan_in
 * the surviving weights of its own unit or filter, its matrix's row. Glorot: 2 / (fan_in +
 * fan_out), fan_out the surviving weights that read the same input or input channel. Pruned weights
 * are zero, so a unit without survivors gives its bias, 0. Every weight takes its number from the
 * stream, pruned or not, and a mask of ones gives the bits of psi_network_initialise. */
enum psi_status psi_network_initialise_masked(struct psi_network *network, const uint8_t *mask,
                                              struct psi_random *random, struct psi_error *err);

/* Where a batch lies: x (features, batch), owned by the network, filled by the caller, who asks
 * anew for each batch ... */
float *psi_network_input(struct psi_network *network);

/* ... or from a split of the data set it was built for: normalised samples index (batch), or the
 * first `batch` ones where index is NULL. */
void psi_network_gather(struct psi_network *network, const struct psi_dataset *dataset,
                        const struct psi_split *split, const uint32_t *index, size_t batch);

/* Logits (classes, batch) for the batch in the input; borrowed until the next forward pass. */
const float *psi_network_forward(struct psi_network *network, size_t batch);

/* The same in training: normalisation takes the batch's own statistics, and moves the running ones
 * towards them. One and the same for a network without normalisation. */
const float *psi_network_forward_training(struct psi_network *network, size_t batch);

/* Back-propagate dlogits (classes, batch; overwritten) of the last forward pass in training and
 * set, for each parameter that has one, gradient[i] = decay * gradient[i] + dLoss/dparameter[i];
 * gradient is (parameters).
 * decay = 0 gives the plain gradient whatever gradient held before; decay = momentum
 * accumulates straight into the velocity (one GEMM, beta = momentum). */
void psi_network_backward(struct psi_network *network, size_t batch, float *dlogits, float decay,
                          float *gradient);

/* product = H v, exactly and in double precision, H the Hessian of the mean cross-entropy of the
 * batch in the input, label (batch), normalisation as in training, by all trained parameters; v and
 * product (trained). ReLU and max pooling count as linear around where they are, as in autograd's
 * double backward. Not for a compiled network. */
enum psi_status psi_network_hessian_vector(const struct psi_network *network, const uint8_t *label,
                                           size_t batch, const double *v, double *product,
                                           struct psi_error *err);

/* flow[i] = |w_i| dR/d|w_i| of each weight, R the sum of all outputs of the network of absolute
 * weights, without biases and normalisation, for an input of ones (Tanaka et al. 2020), in double
 * precision: it is a product over all layers. Not for a compiled network. */
enum psi_status psi_network_synaptic_flow(const struct psi_network *network, double *flow,
                                          struct psi_error *err);

/* Path connectivity under a mask (weights; 1 = survives). Units, not values: biases are ignored. A
 * unit is a feature, so a convolution's one pixel of a channel, and its weight is on a path if at
 * some position it connects a reached input with an output that leads on.
 * on_path (weights, may be NULL): 1 for each weight on at least one path from an input to an
 * output. reachable (classes, may be NULL): 1 for each output that some input reaches.
 * Returns the number of weights on a path. */
enum psi_status psi_network_paths(const struct psi_network *network, const uint8_t *mask,
                                  uint8_t *on_path, uint8_t *reachable, size_t *count,
                                  struct psi_error *err);

/* Another network that is this one under a mask (weights), made to be fast: its parameters are of
 * some layers all weights as before, of others (the sparse path) the surviving ones alone, in an
 * order of its own; then all that is not pruned. A first dense layer may go the lit path, with all
 * its weights: x = constant + lit part, where the constant, what pixel 0 becomes, takes one sum a
 * unit and the lit part products at non-zero pixels alone. What neither leads to an output nor is
 * led to by the data is not computed, which changes no logit and no gradient: pixels nobody reads,
 * units without a path to an output; a unit without inputs stays, for it emits relu(bias). Forward,
 * backward, optimisers, psi_train and psi_evaluate take it as any other, with psi_network_mask() as
 * its mask; it has no matrices, is not initialised, and paths and masks are asked of the network
 * it came from, whose parameters it starts with and to which it owes nothing later. Results agree
 * with that one's within rounding.
 *
 * Which path a layer goes is a function of its shape and density, the kernel level, and
 * input_density, the share of non-zero pixels in the training data. *out = NULL where no layer
 * gains by it. */
enum psi_status psi_network_compile(const struct psi_network *network, const uint8_t *mask,
                                    double input_density, struct psi_network **out,
                                    struct psi_error *err);

/* Write a compiled network's parameters back where they came from; pruned weights are set to 0. */
void psi_network_expand(const struct psi_network *compiled, struct psi_network *network);

/* Of a compiled network, borrowed: which of its weights survive (weights), NULL = all; which
 * inputs are the rows of psi_network_input, ascending, NULL = all, and how many. Batches may be
 * gathered from the whole data set or from a psi_dataset_select of these inputs. */
const uint8_t *psi_network_mask(const struct psi_network *compiled);
const uint32_t *psi_network_inputs(const struct psi_network *compiled, size_t *count);

#endif
