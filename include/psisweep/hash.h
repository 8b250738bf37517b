/* One 64-bit hash for stream names, checksums and digests: FNV-1a over bytes, finished by the
 * mixer of SplitMix64 (Steele et al. 2014). Not cryptographic: it finds torn data, not forgery. */
#ifndef PSISWEEP_HASH_H
#define PSISWEEP_HASH_H

#include <stddef.h>
#include <stdint.h>

#define PSI_HASH_START UINT64_C(0xcbf29ce484222325)

/* Feed bytes into a running hash; begin with PSI_HASH_START. */
uint64_t psi_hash_add(uint64_t hash, const void *bytes, size_t size);

/* The same for count running hashes at once, each fed the next size bytes: one hash alone waits for
 * its own multiplications. */
void psi_hash_add_each(uint64_t *hash, size_t count, const void *bytes, size_t size);

/* Finish a running hash. */
uint64_t psi_hash_end(uint64_t hash);

#endif
