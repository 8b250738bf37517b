#include "file.h"
#include "h5.h"

#include "psisweep/memory.h"

#include <errno.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int psi_results_axes(const struct psi_variable *variable, unsigned char axis[PSI_DIMS_MAX])
{
    const struct psi_owner_row *owner = &psi_owners[variable->owner];
    int n = 0;
    for (size_t i = 0; i < sizeof owner->axis && owner->axis[i]; i++)
        axis[n++] = owner->axis[i];
    for (size_t i = 0; i < sizeof variable->axis && variable->axis[i]; i++)
        axis[n++] = variable->axis[i];
    return n;
}

/* Over an axis that not every job needs, or of an owner that needs one? */
static int is_optional(const struct psi_variable *variable, const unsigned char *axis, int n)
{
    if (psi_owners[variable->owner].needs)
        return 1;
    for (int i = 0; i < n; i++)
        if (axis[i] > PSI_AXIS_LAUNCH)
            return 1;
    return 0;
}

static enum psi_status open_variables(struct psi_results *r, struct psi_error *err)
{
    for (size_t v = 0; psi_variables[v].name; v++) {
        const struct psi_variable *variable = &psi_variables[v];
        unsigned char axis[PSI_DIMS_MAX];
        hsize_t extent[PSI_DIMS_MAX] = {0};
        int n = psi_results_axes(variable, axis);
        if (is_optional(variable, axis, n) && H5Lexists(r->file, variable->name, H5P_DEFAULT) == 0)
            continue;
        if ((r->dataset[v] = H5Dopen2(r->file, variable->name, H5P_DEFAULT)) < 0) {
            r->dataset[v] = 0;
            return psi_h5_fail(err, PSI_DATA, r->path, variable->name);
        }
        hid_t space = H5Dget_space(r->dataset[v]);
        int same = H5Sget_simple_extent_ndims(space) == n &&
                   H5Sget_simple_extent_dims(space, extent, NULL) == n;
        H5Sclose(space);
        for (int i = 0; same && i < n; i++) {
            /* the first variable that lies over an axis says how long it is */
            if (r->layout.extent[axis[i]] == 0)
                r->layout.extent[axis[i]] = extent[i];
            same = extent[i] > 0 && r->layout.extent[axis[i]] == extent[i];
        }
        if (!same)
            return psi_fail(err, PSI_DATA, "%s: variable %s does not have the shape of its axes",
                            r->path, variable->name);
    }
    r->layout.extent[PSI_AXIS_LAUNCH] = PSI_LAUNCHES;
    return PSI_OK;
}

/* A job that a file holds was valid when it was written: what is wrong with it now is the file's.
 */
static enum psi_status open_job(struct psi_results *r, const char *text, struct psi_error *err)
{
    struct psi_error why = {0};
    enum psi_status status = psi_job_parse(text, "its job", NULL, 0, &r->job, &why);
    if (status == PSI_USAGE)
        return psi_fail(err, PSI_DATA, "%.1000s: damaged, or of another version: %.1000s", r->path,
                        why.text);
    if (status)
        psi_fail(err, status, "%s", why.text);
    return status;
}

static enum psi_status open_facts(struct psi_results *r, struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    uint64_t samples = 0;
    char *schema = psi_h5_get_text(r->file, "schema");
    char *job = psi_h5_get_text(r->file, "job");
    r->numerics = psi_h5_get_text(r->file, "numerics");
    r->source = psi_h5_get_text(r->file, "source");
    if (!schema || strncmp(schema, "psisweep-results-", 17) != 0 || !job || !r->numerics ||
        !r->source ||
        !psi_h5_get_number(r->file, "chance_accuracy", H5T_NATIVE_DOUBLE, &r->chance_test) ||
        !psi_h5_get_number(r->file, "test_samples", H5T_NATIVE_UINT64, &samples) ||
        !psi_h5_get_number(r->file, "data_digest", H5T_NATIVE_UINT64, &r->data_digest))
        status = psi_fail(err, PSI_DATA, "%s: not a psisweep results file", r->path);
    else if (strcmp(schema, PSI_RESULTS_SCHEMA) != 0)
        status = psi_fail(err, PSI_DATA, "%s: schema %s; this program reads %s", r->path, schema,
                          PSI_RESULTS_SCHEMA);
    else
        status = open_job(r, job, err);
    r->test_samples = samples;
    free(job);
    free(schema);
    return status;
}

/* What the system says of a file is told better than by HDF5. */
static enum psi_status open_allowed(const char *path, enum psi_results_mode mode,
                                    struct psi_error *err)
{
    struct stat what;
    if (stat(path, &what) != 0 ||
        eaccess(path, mode == PSI_RESULTS_WRITE ? R_OK | W_OK : R_OK) != 0)
        return psi_fail(err, PSI_IO, "%s: cannot open: %s", path, strerror(errno));
    if (!S_ISREG(what.st_mode))
        return psi_fail(err, PSI_IO, "%s: not a regular file", path);
    return PSI_OK;
}

enum psi_status psi_results_open(const char *path, enum psi_results_mode mode,
                                 struct psi_results **out, struct psi_error *err)
{
    enum psi_status status = PSI_MEMORY;
    hid_t access = H5P_DEFAULT;
    struct psi_results *r = psi_allocate(1, sizeof *r, "results file", err);
    psi_h5_quiet();
    if (!r)
        goto out;
    if ((status = open_allowed(path, mode, err)))
        goto out;
    status = PSI_MEMORY;
    if (!(r->path = strdup(path))) {
        psi_fail(err, PSI_MEMORY, "%s: no memory", path);
        goto out;
    }
    if (mode == PSI_RESULTS_WRITE) {
        access = H5Pcreate(H5P_FILE_ACCESS);
        H5Pset_fapl_mpio(access, MPI_COMM_SELF, MPI_INFO_NULL);
    }
    r->file = H5Fopen(path, mode == PSI_RESULTS_WRITE ? H5F_ACC_RDWR : H5F_ACC_RDONLY, access);
    if (access != H5P_DEFAULT)
        H5Pclose(access);
    if (r->file < 0) {
        r->file = 0;
        status = mode == PSI_RESULTS_WRITE
                     ? psi_h5_fail(err, PSI_IO, path,
                                   "MPI-IO cannot open it (damaged, or /dev/shm and TMPDIR are not "
                                   "writable)")
                     : psi_h5_fail(err, PSI_DATA, path, "not an intact HDF5 file");
        goto out;
    }
    if ((status = open_facts(r, err)) || (status = open_variables(r, err)))
        goto out;
    if (r->layout.extent[PSI_AXIS_ARM] != r->job->arms ||
        r->layout.extent[PSI_AXIS_SEED] != r->job->seeds ||
        r->layout.extent[PSI_AXIS_DENSITY] != r->job->densities ||
        r->layout.extent[PSI_AXIS_STAGE] != PSI_STAGES ||
        r->layout.extent[PSI_AXIS_EPOCH] != 1 + (r->job->train.epochs > r->job->retrain.epochs
                                                     ? r->job->train.epochs
                                                     : r->job->retrain.epochs)) {
        status = psi_fail(err, PSI_DATA, "%s: the grid does not have the shape its job says", path);
        goto out;
    }
    r->mixed = psi_results_is_mixed(r);
    *out = r;
    return PSI_OK;
out:
    psi_results_close(r);
    return status;
}

void psi_results_close(struct psi_results *r)
{
    if (!r)
        return;
    for (size_t v = 0; v < PSI_VARIABLES_MAX; v++) {
        if (r->dataset[v] > 0)
            H5Dclose(r->dataset[v]);
    }
    if (r->file > 0)
        H5Fclose(r->file);
    psi_job_destroy(r->job);
    free(r->numerics);
    free(r->source);
    free(r->path);
    free(r);
}

const char *psi_results_path(const struct psi_results *results)
{
    return results->path;
}

const struct psi_job *psi_results_job(const struct psi_results *results)
{
    return results->job;
}

const struct psi_layout *psi_results_layout(const struct psi_results *results)
{
    return &results->layout;
}

const char *psi_results_numerics(const struct psi_results *results)
{
    return results->mixed ? "mixed" : results->numerics;
}

const char *psi_results_source(const struct psi_results *results)
{
    return results->source;
}

size_t psi_results_test_samples(const struct psi_results *results)
{
    return results->test_samples;
}

double psi_results_chance(const struct psi_results *results)
{
    return results->chance_test;
}

uint64_t psi_results_data_digest(const struct psi_results *results)
{
    return results->data_digest;
}
