/* Patterns of surviving entries in the order that suits the caches (kernel_sparse.h). */
#ifndef PSISWEEP_NET_PATTERN_H
#define PSISWEEP_NET_PATTERN_H

#include "kernel_sparse.h"
#include "psisweep/status.h"

/* What a pattern is made from: entries in any order. */
struct psi_entries {
    size_t rows, cols, count;
    const uint32_t *row, *column; /* (count) */
    const uint8_t *wanted;        /* (rows) 1 = has a segment even without entries; NULL = none */
};

/* Fill *out, all of it owned by the caller; source[k] is the number of entry k among those given.
 */
enum psi_status psi_pattern_create(const struct psi_entries *from, struct psi_pattern *out,
                                   struct psi_error *err);
void psi_pattern_clear(struct psi_pattern *pattern);

#endif
