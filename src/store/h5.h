/* The few HDF5 idioms that the results file is made of. Private to store. */
#ifndef PSISWEEP_STORE_H5_H
#define PSISWEEP_STORE_H5_H

#include "psisweep/record.h"
#include <hdf5.h>

hid_t psi_h5_type(enum psi_type type);

/* A contiguous dataset. With fill it is allocated and filled now, so that the file never grows
 * later; without, it is never allocated. */
hid_t psi_h5_dataset(hid_t file, const char *name, hid_t type, int dims, const hsize_t *extent,
                     const void *fill);

/* Close a dataset (below 0: none) that is whole so far. 1 when it was, and is: what HDF5 still
 * holds is written here. */
int psi_h5_close(hid_t dataset, int whole);

/* Attributes. set: count 0 = scalar. Return 1 when written. */
int psi_h5_set_text(hid_t object, const char *name, const char *text);
int psi_h5_set_numbers(hid_t object, const char *name, hid_t type, hsize_t count,
                       const void *values);

/* Text is owned by the caller, NULL when there is none (or no memory: errno ENOMEM); a number: 1
 * when there was one. */
char *psi_h5_get_text(hid_t object, const char *name);
int psi_h5_get_number(hid_t object, const char *name, hid_t type, void *value);

/* Fill err with `what` on `path` and HDF5's own innermost reason; returns status. */
enum psi_status psi_h5_fail(struct psi_error *err, enum psi_status status, const char *path,
                            const char *what);

/* HDF5's messages go into struct psi_error, never to stderr. Its own file locks are left off: the
 * locks of results.h do that work, and reading a file while it is written is meant. */
void psi_h5_quiet(void);

/* H5Dwrite, H5Dread and H5Fflush, tried again where they were interrupted or cut short. data has the
 * extent of memory (H5S_ALL: of the dataset). 1, or 0 with the system's cause in errno (0 = not
 * known). */
int psi_h5_write(hid_t dataset, hid_t type, hid_t memory, hid_t space, const void *data);
int psi_h5_read(hid_t dataset, hid_t type, hid_t memory, hid_t space, void *data);
int psi_h5_sync(hid_t file);

#endif
