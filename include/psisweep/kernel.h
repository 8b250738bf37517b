/* Which machine code the arithmetic runs on, for choosing it and for the record.
 *
 * A level is one compilation of the kernels (src/net/kernel.h) for a family of processors. Results
 * of different levels agree within rounding, not in bits, and so do those of different OpenBLAS
 * core types: the ranks of a run settle on the lowest level that all of them have, and a results
 * file records both.
 */
#ifndef PSISWEEP_KERNEL_H
#define PSISWEEP_KERNEL_H

#include "psisweep/status.h"
#include <stdint.h>

enum psi_kernel_level { PSI_PORTABLE, PSI_AVX2, PSI_AVX512, PSI_KERNEL_LEVELS };

/* The highest level that this processor and this build have. */
int psi_kernels_best(void);

/* "portable", "avx2", "avx512". */
const char *psi_kernels_name(int level);

/* OpenBLAS's choice of core ("Cooperlake", "Haswell", ...) and its configuration string. */
const char *psi_blas_core(void);
const char *psi_blas_config(void);

/* A hash of what libm, OpenBLAS and the compiler make of a fixed calculation, in some 10 ms: where
 * two processes differ, so may their results in the last bit. */
uint64_t psi_numerics_probe(void);

/* One rank is one thread, whichever OpenBLAS was linked; and its buffer is allocated now: where
 * memory is refused, OpenBLAS asks again for ever and answers no signal. Here it is PSI_MEMORY. */
enum psi_status psi_blas_start(struct psi_error *err);

#endif
