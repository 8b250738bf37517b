#include "psisweep/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

void *psi_allocate(size_t count, size_t size, const char *what, struct psi_error *err)
{
    size_t bytes;
    void *memory = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes) && bytes <= SIZE_MAX - ALIGNMENT) {
        /* aligned_alloc wants a multiple of the alignment */
        bytes = (bytes / ALIGNMENT + 1) * ALIGNMENT;
        memory = aligned_alloc(ALIGNMENT, bytes);
    }
    if (!memory) {
        psi_fail(err, PSI_MEMORY, "%s: no memory for %zu x %zu bytes", what, count, size);
        return NULL;
    }
    return memset(memory, 0, bytes);
}
