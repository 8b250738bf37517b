#include "h5.h"

#include "psisweep/hash.h"
#include "psisweep/results.h"

#include <errno.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

hid_t psi_h5_type(enum psi_type type)
{
    switch (type) {
    case PSI_U8:
        return H5T_NATIVE_UINT8;
    case PSI_U16:
        return H5T_NATIVE_UINT16;
    case PSI_I32:
        return H5T_NATIVE_INT32;
    case PSI_I64:
        return H5T_NATIVE_INT64;
    case PSI_U64:
        return H5T_NATIVE_UINT64;
    case PSI_F32:
        return H5T_NATIVE_FLOAT;
    case PSI_F64:
        break;
    }
    return H5T_NATIVE_DOUBLE;
}

hid_t psi_h5_dataset(hid_t file, const char *name, hid_t type, int dims, const hsize_t *extent,
                     const void *fill)
{
    hid_t space = dims ? H5Screate_simple(dims, extent, NULL) : H5Screate(H5S_SCALAR);
    hid_t how = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(how, H5D_CONTIGUOUS);
    H5Pset_obj_track_times(how, 0);
    H5Pset_alloc_time(how, fill ? H5D_ALLOC_TIME_EARLY : H5D_ALLOC_TIME_LATE);
    H5Pset_fill_time(how, fill ? H5D_FILL_TIME_ALLOC : H5D_FILL_TIME_NEVER);
    /* text keeps HDF5's own fill of zeros: netCDF takes a fill value of text for a pointer */
    if (fill && H5Tget_class(type) != H5T_STRING)
        H5Pset_fill_value(how, type, fill);
    hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    H5Pclose(how);
    H5Sclose(space);
    return dataset;
}

int psi_h5_close(hid_t dataset, int whole)
{
    return dataset >= 0 && H5Dclose(dataset) >= 0 && whole;
}

int psi_h5_set_text(hid_t object, const char *name, const char *text)
{
    size_t length = strlen(text);
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, length ? length : 1);
    H5Tset_cset(type, H5T_CSET_UTF8);
    int ok = psi_h5_set_numbers(object, name, type, 0, text);
    H5Tclose(type);
    return ok;
}

int psi_h5_set_numbers(hid_t object, const char *name, hid_t type, hsize_t count,
                       const void *values)
{
    hid_t space = count ? H5Screate_simple(1, &count, NULL) : H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int ok = attribute >= 0 && H5Awrite(attribute, type, values) >= 0;
    if (attribute >= 0 && H5Aclose(attribute) < 0)
        ok = 0;
    H5Sclose(space);
    return ok;
}

static int is_one_value(hid_t attribute)
{
    hid_t space = H5Aget_space(attribute);
    int one = H5Sget_simple_extent_npoints(space) == 1;
    H5Sclose(space);
    return one;
}

char *psi_h5_get_text(hid_t object, const char *name)
{
    if (H5Aexists(object, name) <= 0)
        return NULL;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0)
        return NULL;
    char *text = NULL;
    hid_t type = H5Aget_type(attribute);
    if (is_one_value(attribute) && H5Tget_class(type) == H5T_STRING &&
        H5Tis_variable_str(type) == 0 && (text = calloc(H5Tget_size(type) + 1, 1)) &&
        H5Aread(attribute, type, text) < 0) {
        free(text);
        text = NULL;
    }
    H5Tclose(type);
    H5Aclose(attribute);
    return text;
}

int psi_h5_get_number(hid_t object, const char *name, hid_t type, void *value)
{
    if (H5Aexists(object, name) <= 0)
        return 0;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0)
        return 0;
    int ok = is_one_value(attribute) && H5Aread(attribute, type, value) >= 0;
    H5Aclose(attribute);
    return ok;
}

static herr_t keep_description(unsigned n, const H5E_error2_t *error, void *context)
{
    (void)n;
    *(const char **)context = error->desc;
    return 0;
}

enum psi_status psi_h5_fail(struct psi_error *err, enum psi_status status, const char *path,
                            const char *what)
{
    const char *reason = NULL; /* walking down from the call, the last entry is the innermost */
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_description, &reason);
    /* a driver's reason is a list, with the system's words in it */
    const char *words = reason ? strstr(reason, "error message = '") : NULL;
    reason = words ? strchr(words, '\'') + 1 : reason;
    int length = reason ? (int)strcspn(reason, words ? "'" : "\n") : 0;
    return psi_fail(err, status, "%s: %s%s%.*s", path, what, reason ? ": " : "", length,
                    reason ? reason : "");
}

void psi_results_library(void)
{
    H5dont_atexit();
    H5open();
    setenv("OMPI_MCA_sharedfp", "individual", 0);
}

/* Below MPI-IO, Open MPI does not go on after a short write or a short read, and takes a failed
 * read for the end of the file, which HDF5 fills with zeros and calls read. errno tells the failed
 * ones; of the short ones nobody tells, so that everything is read until two readings agree. */
enum { TRIES = 4 };

int psi_h5_write(hid_t dataset, hid_t type, hid_t memory, hid_t space, const void *data)
{
    for (int i = 0; i < TRIES; i++) {
        errno = 0;
        if (H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, data) >= 0)
            return 1;
    }
    return 0;
}

static size_t bytes_of(hid_t dataset, hid_t type, hid_t memory)
{
    hid_t whole = memory == H5S_ALL ? H5Dget_space(dataset) : H5Scopy(memory);
    hssize_t points = H5Sget_simple_extent_npoints(whole);
    H5Sclose(whole);
    return points > 0 ? (size_t)points * H5Tget_size(type) : 0;
}

int psi_h5_read(hid_t dataset, hid_t type, hid_t memory, hid_t space, void *data)
{
    size_t bytes = bytes_of(dataset, type, memory);
    uint64_t before = 0; /* hash of the reading before, if there was one */
    int with_mpi = 0;    /* else HDF5 reads for itself, and goes on after a short read */
    MPI_Initialized(&with_mpi);
    for (int i = 0; i < TRIES; i++) {
        errno = 0;
        if (H5Dread(dataset, type, memory, space, H5P_DEFAULT, data) < 0 || errno != 0)
            continue;
        uint64_t hash = with_mpi ? psi_hash_add(PSI_HASH_START, data, bytes) : before;
        if (hash == before)
            return 1;
        before = hash;
    }
    return 0;
}

int psi_h5_sync(hid_t file)
{
    for (int i = 0; i < TRIES; i++) {
        errno = 0;
        if (H5Fflush(file, H5F_SCOPE_LOCAL) >= 0)
            return 1;
        if (errno != EINTR) /* what could not be written is dropped: another fsync would succeed */
            return 0;
    }
    return 0;
}

void psi_h5_quiet(void)
{
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}
