/* The dense layer on its sparse path: parameters are the surviving weights alone, in the order in
 * which the kernels meet them, then those whose unit is not computed. */
#ifndef PSISWEEP_NET_SPARSE_H
#define PSISWEEP_NET_SPARSE_H

#include "layer.h"
#include "pattern.h"

struct psi_sparse {
    struct psi_pattern forward;  /* W (units, inputs) */
    struct psi_pattern backward; /* W' (inputs, units); empty where nobody asks for dx */
    size_t rows;                 /* units computed ... */
    uint32_t *row;               /* (units) ... and which, the others behind them */
};

/* What a layer is compiled from. */
struct psi_sparse_spec {
    const struct psi_layer *dense;
    const uint8_t *mask;        /* (weights) of the whole network */
    const uint8_t *wanted;      /* (units) rows to compute */
    const uint8_t *wanted_in;   /* (fan_in) features whose gradient is asked for; NULL = none */
    size_t inputs;              /* features of what the compiled layer reads ... */
    const uint32_t *feature_of; /* (fan_in) ... and which each one was; NULL = the same */
};

/* origin: room for as many numbers as weights of the layer survive; filled with their flat indices
 * in the network of spec->dense, in the order of the parameters here. */
enum psi_status psi_sparse_create(const struct psi_sparse_spec *spec, struct psi_sparse **out,
                                  uint32_t *origin, struct psi_error *err);
void psi_sparse_destroy(struct psi_sparse *sparse);

#endif
