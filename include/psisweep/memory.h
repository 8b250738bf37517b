/* Allocation for numbers: zeroed, aligned to 64 bytes (a cache line, an AVX-512 vector), checked
 * for overflow. The same alignment everywhere also keeps vectorised sums the same bits. */
#ifndef PSISWEEP_MEMORY_H
#define PSISWEEP_MEMORY_H

#include "psisweep/status.h"
#include <stddef.h>

/* Zeroed room for count * size bytes, owned by the caller, released with free(). NULL with err
 * filled (PSI_MEMORY, naming what) where there is none. count * size == 0 gives a valid pointer. */
void *psi_allocate(size_t count, size_t size, const char *what, struct psi_error *err);

#endif
