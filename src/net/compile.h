/* Compiled networks: what is private to src/net about them. */
#ifndef PSISWEEP_NET_COMPILE_H
#define PSISWEEP_NET_COMPILE_H

#include "layer.h"
#include "lit.h"

struct psi_compiled {
    uint32_t *origin; /* (parameters) each one's index in the network compiled */
    uint8_t *mask;    /* (weights) or NULL = all survive */
    uint32_t *taken;  /* (features) inputs of the network compiled that are read, ascending; NULL =
                         all */
    size_t inputs;    /* of the network compiled */
    int loose;        /* the input at hand is (features, samples), its rows not yet padded */
    struct psi_lit_input lit; /* the input, where it is read by a layer on the lit path */
    float *logits;            /* (classes, max_batch) without the padding */
    float *dlogits;           /* (classes, max_batch padded) with it */
};

/* Columns of an activation of so many samples: whole vectors. */
static inline size_t psi_padded(size_t samples)
{
    return (samples + PSI_LANES - 1) / PSI_LANES * PSI_LANES;
}

/* How a layer is computed: dense ones can go every path, the lit one only if no other layer reads
 * the network's input; convolutions can be dense or sparse. */
enum psi_path { PSI_PATH_DENSE, PSI_PATH_SPARSE, PSI_PATH_LIT, PSI_PATHS };

/* Compile with path[i] (layers) telling which path each layer goes. */
enum psi_status psi_network_compile_as(const struct psi_network *network, const uint8_t *mask,
                                       const uint8_t *path, struct psi_network **out,
                                       struct psi_error *err);
void psi_compiled_destroy(struct psi_compiled *compiled);

/* The path table (path_table.c): the fastest path of a dense layer of (rows, cols) weights of which
 * a share `density` survives. input_density: share of non-zero pixels in the data where the layer,
 * and no other, reads those, else 1. Layers are classed by what they read and by their size. */
enum { PSI_PATH_INPUTS = 2, PSI_PATH_SIZES = 3 };
enum psi_path psi_path_of_dense(size_t rows, size_t cols, double density, double input_density,
                                int level);

/* The same for a convolution of so many input and output channels. Classed by what the sparse path
 * races: direct kernels or Winograd's. */
enum { PSI_PATH_DIRECT, PSI_PATH_WINOGRAD, PSI_PATH_CONVS };
int psi_path_conv_is_sparse(size_t kernel, size_t in, size_t out, double density, int level);

#endif
