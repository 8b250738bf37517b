/* What the parts of the results file share. Private to store. */
#ifndef PSISWEEP_STORE_FILE_H
#define PSISWEEP_STORE_FILE_H

#include "psisweep/results.h"
#include <hdf5.h>
#include <sys/types.h>

enum { PSI_VARIABLES_MAX = 128, PSI_DIMS_MAX = 6 };

struct psi_results {
    char *path;
    dev_t device; /* which file it was when it was opened */
    ino_t inode;
    off_t size;
    char *numerics; /* of the creation */
    char *source;
    int mixed;
    hid_t file;
    struct psi_job *job;
    struct psi_layout layout;
    double chance_test;
    size_t test_samples;
    uint64_t data_digest;
    hid_t dataset[PSI_VARIABLES_MAX]; /* parallel to psi_variables; 0 = not open */
};

/* Axes of a variable, its owner's first; returns their number. */
int psi_results_axes(const struct psi_variable *variable, unsigned char axis[PSI_DIMS_MAX]);

/* Row of the table that holds this member of an owner's records. */
size_t psi_results_variable(enum psi_owner owner, size_t offset);

/* How many records an owner has in a file, and which of them is the number-th, in file order. */
size_t psi_results_record_count(const struct psi_layout *layout, enum psi_owner owner);
struct psi_record_at psi_results_record_at(const struct psi_layout *layout, enum psi_owner owner,
                                           size_t number);

/* Where `at` stands along one of its owner's axes. */
size_t *psi_results_place(struct psi_record_at *at, unsigned char axis);

/* PSI_IO, with errno's reason: HDF5's own does not survive the closing of what failed. verb: "read"
 * or "write". */
enum psi_status psi_results_fail_transfer(const struct psi_results *r, const char *verb,
                                          const char *what, struct psi_error *err);

/* Has a launch written with other numerics than r->numerics? */
int psi_results_is_mixed(struct psi_results *r);

/* The parts of psi_results_create. scale: the dimension scale of each axis, filled by the first
 * and closed by the caller. */
enum psi_status psi_results_create_axes(hid_t file, const struct psi_results_facts *facts,
                                        hid_t scale[PSI_AXES], struct psi_error *err);
enum psi_status psi_results_create_known(hid_t file, const struct psi_results_facts *facts,
                                         const hid_t scale[PSI_AXES], struct psi_error *err);
enum psi_status psi_results_create_launches(hid_t file, hid_t scale, struct psi_error *err);
/* Of the description (describe.c): room for it, and, once the file is closed, its value. */
int psi_results_create_digest(hid_t file);
enum psi_status psi_results_seal(const char *path, struct psi_error *err);

/* The bytes of this file, or the entries of this folder, are on the disk. Returns 0 where not. */
int psi_results_sync_path(const char *path);

/* Write the state of a record alone. */
enum psi_status psi_results_set_state(struct psi_results *r, struct psi_record_at at,
                                      enum psi_record_state state, struct psi_error *err);

#endif
