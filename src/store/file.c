#include "file.h"
#include "h5.h"

#include "psisweep/child.h"
#include "psisweep/memory.h"

#include <errno.h>
#include <mpi.h>
#include <signal.h>
#include <stdint.h>
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

/* Of the table's type, whatever its byte order, and contiguous within the file? */
static int is_as_created(const struct psi_results *r, size_t v)
{
    hid_t type = H5Dget_type(r->dataset[v]), how = H5Dget_create_plist(r->dataset[v]);
    hid_t expected = H5Tcopy(psi_h5_type(psi_variables[v].type));
    haddr_t start = H5Dget_offset(r->dataset[v]);
    hsize_t size = H5Dget_storage_size(r->dataset[v]);
    hid_t space = H5Dget_space(r->dataset[v]);
    hssize_t elements = H5Sget_simple_extent_npoints(space);
    if (H5Tget_order(type) >= 0)
        H5Tset_order(expected, H5Tget_order(type));
    int same = H5Tequal(type, expected) > 0 && H5Pget_layout(how) == H5D_CONTIGUOUS &&
               H5Pget_external_count(how) == 0 && start != HADDR_UNDEF &&
               start <= (haddr_t)r->size && size <= (haddr_t)r->size - start && elements > 0 &&
               (hsize_t)elements <= size && (hsize_t)elements * H5Tget_size(expected) == size;
    H5Sclose(space);
    H5Tclose(expected);
    H5Pclose(how);
    H5Tclose(type);
    return same;
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
        int same = is_as_created(r, v) && H5Sget_simple_extent_ndims(space) == n &&
                   H5Sget_simple_extent_dims(space, extent, NULL) == n;
        H5Sclose(space);
        for (int i = 0; same && i < n; i++) {
            /* the first variable that lies over an axis says how long it is */
            if (r->layout.extent[axis[i]] == 0)
                r->layout.extent[axis[i]] = extent[i];
            same = extent[i] > 0 && r->layout.extent[axis[i]] == extent[i];
        }
        if (!same)
            return psi_fail(err, PSI_DATA,
                            "%s: variable %s does not have the type and shape that it should",
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
    errno = 0;
    char *schema = psi_h5_get_text(r->file, "schema");
    char *job = psi_h5_get_text(r->file, "job");
    r->numerics = psi_h5_get_text(r->file, "numerics");
    r->source = psi_h5_get_text(r->file, "source");
    if ((!schema || !job || !r->numerics || !r->source) && errno == ENOMEM)
        status = psi_fail(err, PSI_MEMORY, "%s: no memory for its attributes", r->path);
    else if (!schema || strncmp(schema, "psisweep-results-", 17) != 0 || !job || !r->numerics ||
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
static enum psi_status open_allowed(const char *path, enum psi_results_mode mode, struct stat *what,
                                    struct psi_error *err)
{
    if (stat(path, what) != 0 || eaccess(path, mode == PSI_RESULTS_READ ? R_OK : R_OK | W_OK) != 0)
        return psi_fail(err, PSI_IO, "%s: cannot open: %s", path, strerror(errno));
    if (!S_ISREG(what->st_mode))
        return psi_fail(err, PSI_IO, "%s: not a regular file", path);
    return PSI_OK;
}

static enum psi_status open_file(struct psi_results *r, enum psi_results_mode mode,
                                 struct psi_error *err)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (mode == PSI_RESULTS_WRITE)
        H5Pset_fapl_mpio(access, MPI_COMM_SELF, MPI_INFO_NULL);
    if (mode == PSI_RESULTS_REPAIR) /* what is written is what was changed, no block around it */
        H5Pset_sieve_buf_size(access, 1);
    r->file = H5Fopen(r->path, mode == PSI_RESULTS_READ ? H5F_ACC_RDONLY : H5F_ACC_RDWR, access);
    H5Pclose(access);
    if (r->file >= 0)
        return PSI_OK;
    r->file = 0;
    return mode == PSI_RESULTS_WRITE
               ? psi_h5_fail(err, PSI_IO, r->path,
                             "MPI-IO cannot open it (damaged, or /dev/shm and TMPDIR are not "
                             "writable)")
               : psi_h5_fail(err, PSI_DATA, r->path, "not an intact HDF5 file");
}

static enum psi_status open_grid(const struct psi_results *r, struct psi_error *err)
{
    const size_t *extent = r->layout.extent;
    size_t epochs = r->job->train.epochs > r->job->retrain.epochs ? r->job->train.epochs
                                                                  : r->job->retrain.epochs;
    return extent[PSI_AXIS_ARM] == r->job->arms && extent[PSI_AXIS_SEED] == r->job->seeds &&
                   extent[PSI_AXIS_DENSITY] == r->job->densities &&
                   extent[PSI_AXIS_STAGE] == PSI_STAGES && extent[PSI_AXIS_EPOCH] == 1 + epochs
               ? PSI_OK
               : psi_fail(err, PSI_DATA, "%s: the grid does not have the shape its job says",
                          r->path);
}

static enum psi_status open_here(const char *path, enum psi_results_mode mode,
                                 struct psi_results **out, struct psi_error *err)
{
    struct stat what;
    struct psi_results *r = NULL;
    enum psi_status status = open_allowed(path, mode, &what, err);
    if (status)
        return status;
    if (!(r = psi_allocate(1, sizeof *r, "results file", err)) || !(r->path = strdup(path))) {
        free(r);
        return psi_fail(err, PSI_MEMORY, "%s: no memory", path);
    }
    r->device = what.st_dev;
    r->inode = what.st_ino;
    r->size = what.st_size;
    if ((status = open_file(r, mode, err)) || (status = open_facts(r, err)) ||
        (status = open_variables(r, err)) || (status = open_grid(r, err))) {
        psi_results_close(r);
        return status;
    }
    r->mixed = psi_results_is_mixed(r);
    *out = r;
    return PSI_OK;
}

static void try_open(void *context, int out)
{
    struct psi_results *results = NULL;
    struct psi_error err;
    (void)out;
    if (open_here(context, PSI_RESULTS_READ, &results, &err) == PSI_OK)
        psi_results_close(results);
}

/* HDF5 can crash on damaged metadata: let it do so in another process first. (Not once MPI runs:
 * its transports need not survive a fork.) */
static enum psi_status open_try(const char *path, struct psi_error *err)
{
    enum { SECONDS = 120 };
    struct psi_child child;
    int running = 0;
    MPI_Initialized(&running);
    if (running)
        return PSI_OK;
    enum psi_status status =
        psi_child_start(try_open, (void *)(uintptr_t)path, SECONDS, &child, err);
    if (status)
        return status;
    int signal = psi_child_end(&child);
    return signal ? psi_fail(err, PSI_DATA, "%s: damaged: HDF5 %s", path,
                             signal == SIGALRM ? "does not come to an end of opening it"
                                               : "crashes on opening it")
                  : PSI_OK;
}

enum psi_status psi_results_open(const char *path, enum psi_results_mode mode,
                                 struct psi_results **out, struct psi_error *err)
{
    psi_h5_quiet();
    enum psi_status status = mode == PSI_RESULTS_READ ? open_try(path, err) : PSI_OK;
    return status ? status : open_here(path, mode, out, err);
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
