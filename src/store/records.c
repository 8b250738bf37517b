/* Records in and out: the only writes after a file has been created. */
#include "file.h"
#include "h5.h"

#include <errno.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Transfer variable v of one record between the file and data: its slab is contiguous. A variable
 * that this layout has none of is as good as transferred. */
static int transfer(struct psi_results *r, size_t v, struct psi_record_at at, void *data, int write)
{
    const struct psi_variable *variable = &psi_variables[v];
    unsigned char axis[PSI_DIMS_MAX];
    hsize_t start[PSI_DIMS_MAX] = {0}, count[PSI_DIMS_MAX];
    int n = psi_results_axes(variable, axis), owner = n;
    if (psi_variable_count(variable, &r->layout) == 0)
        return 1;
    for (size_t i = 0; i < sizeof variable->axis && variable->axis[i]; i++)
        owner--;
    for (int i = 0; i < n; i++) {
        start[i] = i < owner ? *psi_results_place(&at, axis[i]) : 0;
        count[i] = i < owner ? 1 : r->layout.extent[axis[i]];
    }
    hid_t type = psi_h5_type(variable->type);
    hid_t memory = H5Screate_simple(n, count, NULL);
    hid_t space = H5Dget_space(r->dataset[v]);
    int ok = space >= 0 && memory >= 0 &&
             H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
             (write ? psi_h5_write(r->dataset[v], type, memory, space, data)
                    : psi_h5_read(r->dataset[v], type, memory, space, data));
    int cause = errno;
    H5Sclose(space);
    H5Sclose(memory);
    errno = cause;
    return ok;
}

size_t psi_results_variable(enum psi_owner owner, size_t offset)
{
    size_t v = 0;
    while (psi_variables[v].owner != owner || psi_variables[v].offset != offset)
        v++;
    return v;
}

/* Every record begins with its psi_made. */
#define MADE(owner, member) psi_results_variable(owner, offsetof(struct psi_made, member))

enum psi_status psi_results_fail_transfer(const struct psi_results *r, const char *verb,
                                          const char *what, struct psi_error *err)
{
    return psi_fail(err, PSI_IO, "%s: cannot %s %s%s%s", r->path, verb, what, errno ? ": " : "",
                    errno ? strerror(errno) : "");
}

enum psi_status psi_results_read(struct psi_results *r, const char *name, void *values,
                                 struct psi_error *err)
{
    for (size_t v = 0; psi_variables[v].name; v++) {
        if (strcmp(psi_variables[v].name, name) == 0 && r->dataset[v] > 0) {
            if (!psi_h5_read(r->dataset[v], psi_h5_type(psi_variables[v].type), H5S_ALL, H5S_ALL,
                             values))
                return psi_results_fail_transfer(r, "read", name, err);
            return PSI_OK;
        }
    }
    return psi_fail(err, PSI_USAGE, "%s: no variable named %s", r->path, name);
}

/* A file that was removed, replaced or cut while it is in use would take what is written next with
 * it, or tear it. */
static enum psi_status check_place(const struct psi_results *r, struct psi_error *err)
{
    struct stat now;
    if (stat(r->path, &now) != 0)
        return psi_fail(err, PSI_IO, "%s: is gone while in use: %s", r->path, strerror(errno));
    if (now.st_dev != r->device || now.st_ino != r->inode)
        return psi_fail(err, PSI_IO, "%s: was replaced by another file while in use", r->path);
    if (now.st_size != r->size)
        return psi_fail(err, PSI_IO,
                        "%s: was changed while in use: %lld bytes, expected %lld (see psisweep "
                        "verify)",
                        r->path, (long long)now.st_size, (long long)r->size);
    return PSI_OK;
}

static enum psi_status fail_checksum(const struct psi_results *r, struct psi_record_at at,
                                     struct psi_error *err)
{
    char cell[PSI_NAME + 64] = "";
    if (at.owner != PSI_OF_PARENT && at.owner != PSI_OF_SLOT)
        snprintf(cell, sizeof cell, " of arm %s at density %.3g", r->job->arm[at.arm].name,
                 r->job->density[at.density]);
    return psi_fail(
        err, PSI_DATA,
        "%s: the checksum of the %s%s (seed %u) does not fit what is stored: the file was "
        "changed or damaged (psisweep verify lists all that is, --repair has it computed again)",
        r->path, psi_owners[at.owner].name, cell, r->job->seed[at.seed]);
}

enum psi_status psi_results_get(struct psi_results *r, struct psi_record_at at, void *record,
                                struct psi_error *err)
{
    /* status first: a sweep may still run, and what it calls done was written before it */
    size_t status = MADE(at.owner, status);
    const struct psi_made *made = record;
    int ok = transfer(r, status, at, psi_variable_data(&psi_variables[status], record), 0);
    for (size_t v = 0; ok && psi_variables[v].name; v++) {
        const struct psi_variable *variable = &psi_variables[v];
        if (variable->owner == at.owner && v != status)
            ok = transfer(r, v, at, psi_variable_data(variable, record), 0);
    }
    if (!ok)
        return psi_results_fail_transfer(r, "read", "a record", err);
    if (made->status == PSI_DONE &&
        made->checksum != psi_record_checksum(at.owner, &r->layout, record))
        return fail_checksum(r, at, err);
    return PSI_OK;
}

enum psi_status psi_results_made(struct psi_results *r, struct psi_record_at at,
                                 struct psi_made *made, struct psi_error *err)
{
    for (size_t v = 0; psi_variables[v].name; v++) {
        size_t offset = psi_variables[v].offset;
        if (psi_variables[v].owner == at.owner && offset < sizeof *made &&
            !transfer(r, v, at, (char *)made + offset, 0))
            return psi_results_fail_transfer(r, "read", "a record", err);
    }
    return PSI_OK;
}

enum psi_status psi_results_begin(struct psi_results *r, struct psi_record_at at,
                                  struct psi_made *made, struct psi_error *err)
{
    uint8_t running = PSI_RUNNING;
    enum psi_status status = check_place(r, err);
    if (status)
        return status;
    if (!transfer(r, MADE(at.owner, attempt), at, &made->attempt, 0))
        return psi_results_fail_transfer(r, "read", "a record", err);
    made->attempt++;
    if (!transfer(r, MADE(at.owner, attempt), at, &made->attempt, 1) ||
        !transfer(r, MADE(at.owner, rank), at, &made->rank, 1) ||
        !transfer(r, MADE(at.owner, launch), at, &made->launch, 1) ||
        !transfer(r, MADE(at.owner, status), at, &running, 1))
        return psi_results_fail_transfer(r, "write", "a record's state", err);
    return PSI_OK;
}

enum psi_status psi_results_sync(struct psi_results *r, struct psi_error *err)
{
    return psi_h5_sync(r->file) ? PSI_OK : psi_results_fail_transfer(r, "sync", "the file", err);
}

enum psi_status psi_results_put(struct psi_results *r, struct psi_record_at at, void *record,
                                struct psi_error *err)
{
    size_t status = MADE(at.owner, status);
    struct psi_made *made = record;
    enum psi_status placed = check_place(r, err);
    if (placed)
        return placed;
    made->checksum = psi_record_checksum(at.owner, &r->layout, record);
    made->failure = PSI_OK;
    /* where it overwrites a record that is done (a chain's slot), that one is no longer */
    made->status = PSI_RUNNING;
    if (!transfer(r, status, at, &made->status, 1))
        return psi_results_fail_transfer(r, "write", "status", err);
    for (size_t v = 0; psi_variables[v].name; v++) {
        const struct psi_variable *variable = &psi_variables[v];
        if (variable->owner == at.owner && v != status &&
            !transfer(r, v, at, psi_variable_data(variable, record), 1))
            return psi_results_fail_transfer(r, "write", variable->name, err);
    }
    /* MPI_File_sync below: what `done` vouches for is on the disk before `done` is */
    enum psi_status synced = psi_results_sync(r, err);
    if (synced)
        return synced;
    made->status = PSI_DONE;
    if (!transfer(r, status, at, &made->status, 1))
        return psi_results_fail_transfer(r, "write", "status", err);
    /* others wait for it, maybe on other nodes, or plan by it: let them see that it is there */
    return psi_results_sync(r, err);
}

enum psi_status psi_results_set_state(struct psi_results *r, struct psi_record_at at,
                                      enum psi_record_state state, struct psi_error *err)
{
    uint8_t status = (uint8_t)state;
    if (!transfer(r, MADE(at.owner, status), at, &status, 1))
        return psi_results_fail_transfer(r, "write", "status", err);
    return PSI_OK;
}

enum psi_status psi_results_skip(struct psi_results *r, struct psi_record_at at,
                                 struct psi_error *err)
{
    uint8_t state;
    size_t status = MADE(at.owner, status);
    if (!transfer(r, status, at, &state, 0))
        return psi_results_fail_transfer(r, "read", "a record", err);
    uint8_t skipped = PSI_SKIPPED;
    if (state != PSI_DONE && state != PSI_SKIPPED && !transfer(r, status, at, &skipped, 1))
        return psi_results_fail_transfer(r, "write", "status", err);
    return PSI_OK;
}

enum psi_status psi_results_fail(struct psi_results *r, struct psi_record_at at,
                                 enum psi_status cause, struct psi_error *err)
{
    uint8_t status = cause == PSI_STOPPED ? PSI_PENDING : PSI_FAILED;
    uint8_t failure = (uint8_t)cause;
    if (!transfer(r, MADE(at.owner, failure), at, &failure, 1) ||
        !transfer(r, MADE(at.owner, status), at, &status, 1))
        return psi_results_fail_transfer(r, "write", "a record's state", err);
    return PSI_OK;
}
