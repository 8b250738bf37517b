/* Private to src/data: one copy of a data set a node (psi_dataset_cache says where and how).
 *
 * No function here fails: what cannot be shared is not shared. The folder is the user's own and
 * closed to others; an exclusive flock on it is held by the one process that makes a copy, so a
 * hundred ranks that start at once read and write one, and what a killed one left is known as such.
 * Every process that maps a copy holds a shared flock on it. */
#ifndef PSI_DATA_CACHE_H
#define PSI_DATA_CACHE_H

#include "psisweep/dataset.h"
#include <stdint.h>

struct psi_cache {
    int folder; /* -1: nothing is shared */
    int locked; /* the copy is ours to make */
    uint64_t key;
    char name[32]; /* of the copy in the folder */
};

/* Find out what names the copy of this set. */
void psi_cache_open(struct psi_cache *cache, const struct psi_data_spec *spec);
void psi_cache_close(struct psi_cache *cache);

/* The set as a sound shared copy, owned by the caller; NULL where there is none. Waits for a
 * process that is making it, but not for ever. */
struct psi_dataset *psi_cache_find(struct psi_cache *cache);

/* Make this set, just read, the shared copy. Returns what to use from now on: the copy, in which
 * case the set given is destroyed, or the set given. */
struct psi_dataset *psi_cache_keep(struct psi_cache *cache, const struct psi_data_spec *spec,
                                   struct psi_dataset *dataset);

/* End the mapping that a data set's storage lies in. */
void psi_cache_unmap(struct psi_cache_map *map);

#endif
