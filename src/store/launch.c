/* The launch table: who wrote to a results file, when, with what. */
#include "file.h"
#include "h5.h"

#include <hdf5_hl.h>
#include <math.h>
#include <string.h>

/* One row a field of struct psi_launch. */
static const struct launch_field {
    const char *name;
    size_t offset, size;
    char kind; /* 't'ext, 'i'nt32, 'd'ouble */
    const char *unit, *meaning;
} launch_fields[] = {
    {"launch_start", offsetof(struct psi_launch, start), 8, 'd',
     "seconds since 1970-01-01T00:00:00Z", "start of the launch"},
    {"launch_ranks", offsetof(struct psi_launch, ranks), 4, 'i', "1", "MPI ranks"},
    {"launch_host", offsetof(struct psi_launch, host), 64, 't', NULL, "host of rank 0"},
    {"launch_slurm_job", offsetof(struct psi_launch, slurm_job), 32, 't', NULL, "Slurm job"},
    {"launch_mpi", offsetof(struct psi_launch, mpi), 64, 't', NULL, "MPI library"},
    {"launch_hdf5", offsetof(struct psi_launch, hdf5), 32, 't', NULL, "HDF5 library"},
    {"launch_blas", offsetof(struct psi_launch, blas), 128, 't', NULL, "BLAS library"},
    {"launch_numerics", offsetof(struct psi_launch, numerics), 112, 't', NULL,
     "what the bits of this launch depend on"},
    {.name = NULL},
};

/* A copy, to be closed. */
static hid_t launch_type(const struct launch_field *field)
{
    if (field->kind != 't')
        return H5Tcopy(field->kind == 'i' ? H5T_NATIVE_INT32 : H5T_NATIVE_DOUBLE);
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, field->size);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

enum psi_status psi_results_create_launches(hid_t file, hid_t scale, struct psi_error *err)
{
    const double nan = NAN;
    const char zeros[128] = {0};
    for (const struct launch_field *f = launch_fields; f->name; f++) {
        hsize_t extent = PSI_LAUNCHES;
        hid_t type = launch_type(f);
        const void *fill = f->kind == 'd' ? (const void *)&nan : zeros;
        hid_t dataset = psi_h5_dataset(file, f->name, type, 1, &extent, fill);
        H5Tclose(type);
        int ok = dataset >= 0 && psi_h5_set_text(dataset, "long_name", f->meaning) &&
                 (!f->unit || psi_h5_set_text(dataset, "units", f->unit)) &&
                 H5DSattach_scale(dataset, scale, 0) >= 0;
        if (!psi_h5_close(dataset, ok))
            return psi_h5_fail(err, PSI_IO, f->name, "cannot create the variable");
    }
    return PSI_OK;
}

enum psi_status psi_results_launch(struct psi_results *r, const struct psi_launch *launch,
                                   int32_t *index, struct psi_error *err)
{
    int32_t ranks[PSI_LAUNCHES];
    hsize_t row = 0, one = 1;
    hid_t dataset = H5Dopen2(r->file, "launch_ranks", H5P_DEFAULT);
    int ok = dataset >= 0 && psi_h5_read(dataset, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, ranks);
    if (dataset >= 0)
        H5Dclose(dataset);
    while (ok && row < PSI_LAUNCHES - 1 && ranks[row] > 0)
        row++;

    hid_t memory = H5Screate_simple(1, &one, NULL);
    for (const struct launch_field *f = launch_fields; ok && f->name; f++) {
        hid_t type = launch_type(f);
        dataset = H5Dopen2(r->file, f->name, H5P_DEFAULT);
        hid_t space = dataset >= 0 ? H5Dget_space(dataset) : -1;
        ok = space >= 0 &&
             H5Sselect_hyperslab(space, H5S_SELECT_SET, &row, NULL, &one, NULL) >= 0 &&
             psi_h5_write(dataset, type, memory, space, (const char *)launch + f->offset);
        if (space >= 0)
            H5Sclose(space);
        if (dataset >= 0)
            H5Dclose(dataset);
        H5Tclose(type);
    }
    H5Sclose(memory);
    *index = (int32_t)row;
    return ok ? PSI_OK : psi_h5_fail(err, PSI_IO, r->path, "cannot record the launch");
}

enum psi_status psi_results_launches(struct psi_results *r, struct psi_launch launch[PSI_LAUNCHES],
                                     size_t *launches, struct psi_error *err)
{
    char column[PSI_LAUNCHES * sizeof launch->blas]; /* the widest field */
    int ok = 1;
    memset(launch, 0, PSI_LAUNCHES * sizeof *launch);
    for (const struct launch_field *f = launch_fields; ok && f->name; f++) {
        hid_t type = launch_type(f);
        hid_t dataset = H5Dopen2(r->file, f->name, H5P_DEFAULT);
        hid_t space = dataset >= 0 ? H5Dget_space(dataset) : -1;
        ok = space >= 0 && H5Sget_simple_extent_npoints(space) == PSI_LAUNCHES &&
             psi_h5_read(dataset, type, H5S_ALL, H5S_ALL, column);
        for (size_t i = 0; ok && i < PSI_LAUNCHES; i++)
            memcpy((char *)&launch[i] + f->offset, column + i * f->size, f->size);
        if (space >= 0)
            H5Sclose(space);
        if (dataset >= 0)
            H5Dclose(dataset);
        H5Tclose(type);
    }
    if (!ok)
        return psi_h5_fail(err, PSI_DATA, r->path, "cannot read the launches");
    for (*launches = 0; *launches < PSI_LAUNCHES && launch[*launches].ranks > 0; ++*launches)
        for (const struct launch_field *f = launch_fields; f->name; f++)
            if (f->kind == 't') /* damage may have taken the end of a text */
                ((char *)&launch[*launches] + f->offset)[f->size - 1] = '\0';
    return PSI_OK;
}

int psi_results_is_mixed(struct psi_results *r)
{
    char numerics[PSI_LAUNCHES][112];
    int mixed = 0;
    hid_t dataset = H5Dopen2(r->file, "launch_numerics", H5P_DEFAULT);
    if (dataset < 0)
        return 1;
    hid_t type = H5Dget_type(dataset);
    mixed = H5Tget_size(type) != sizeof numerics[0] ||
            !psi_h5_read(dataset, type, H5S_ALL, H5S_ALL, numerics);
    for (size_t i = 0; !mixed && i < PSI_LAUNCHES; i++)
        mixed = numerics[i][0] && strncmp(numerics[i], r->numerics, sizeof numerics[0]) != 0;
    H5Tclose(type);
    H5Dclose(dataset);
    return mixed;
}
