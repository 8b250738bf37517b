/* The dense layer on its lit path (kernel_lit.h): weights are (inputs, units), the input is lists
 * of lit pixels. */
#ifndef PSISWEEP_NET_LIT_H
#define PSISWEEP_NET_LIT_H

#include "kernel_lit.h"
#include "psisweep/status.h"

/* Room for batches of so many samples; 0 with err filled where there is none, to be cleared as
 * well. */
int psi_lit_allocate(struct psi_lit_input *lit, size_t inputs, size_t samples,
                     struct psi_error *err);
void psi_lit_clear(struct psi_lit_input *lit);

/* Fill it from any x (inputs, samples); the constants become 0. */
void psi_lit_list_values(struct psi_lit_input *lit, const float *x, size_t samples);

#endif
