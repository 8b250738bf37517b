/* Many records at once: what the estimators read, and whether it is what was written. */
#include "file.h"
#include "h5.h"

#include "psisweep/hash.h"
#include "psisweep/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t *psi_results_place(struct psi_record_at *at, unsigned char axis)
{
    switch (axis) {
    case PSI_AXIS_ARM:
        return &at->arm;
    case PSI_AXIS_SEED:
        return &at->seed;
    case PSI_AXIS_DENSITY:
        return &at->density;
    case PSI_AXIS_RUNG:
        return &at->rung;
    case PSI_AXIS_CHAIN:
        return &at->chain;
    default:
        return &at->slot;
    }
}

struct psi_record_at psi_results_record_at(const struct psi_layout *layout, enum psi_owner owner,
                                           size_t number)
{
    const unsigned char *axis = psi_owners[owner].axis;
    struct psi_record_at at = {.owner = owner};
    size_t n = 0;
    while (n < sizeof psi_owners->axis && axis[n])
        n++;
    while (n-- > 0) {
        *psi_results_place(&at, axis[n]) = number % layout->extent[axis[n]];
        number /= layout->extent[axis[n]];
    }
    return at;
}

size_t psi_results_record_count(const struct psi_layout *layout, enum psi_owner owner)
{
    const struct psi_owner_row *row = &psi_owners[owner];
    size_t count = row->needs && layout->extent[row->needs] == 0 ? 0 : 1;
    for (size_t i = 0; i < sizeof row->axis && row->axis[i]; i++)
        count *= layout->extent[row->axis[i]];
    return count;
}

/* The largest box of whole records from `from` on, of `count` records at most: its corner and sides
 * along the owner's axes (axes). Returns how many records it holds. */
static size_t box_of(const size_t *extent, int axes, size_t from, size_t count, hsize_t *start,
                     hsize_t *side)
{
    size_t inner = 1; /* records in one step along axis k */
    int k = axes - 1;
    for (int i = axes - 1; i >= 0; i--) {
        start[i] = from % extent[i];
        side[i] = 1;
        from /= extent[i];
    }
    while (k > 0 && start[k] == 0 && inner * extent[k] <= count) {
        side[k] = extent[k];
        inner *= extent[k--];
    }
    side[k] = count / inner < extent[k] - start[k] ? count / inner : extent[k] - start[k];
    return inner * side[k];
}

static int read_some(struct psi_results *r, size_t v, size_t from, size_t count, char *values)
{
    const struct psi_variable *variable = &psi_variables[v];
    unsigned char axis[PSI_DIMS_MAX];
    size_t extent[PSI_DIMS_MAX], each = psi_variable_count(variable, &r->layout);
    hsize_t start[PSI_DIMS_MAX] = {0}, side[PSI_DIMS_MAX];
    int n = psi_results_axes(variable, axis), owner = n, ok = 1;
    for (size_t i = 0; i < sizeof variable->axis && variable->axis[i]; i++)
        owner--;
    for (int i = 0; i < n; i++)
        side[i] = extent[i] = r->layout.extent[axis[i]];
    hid_t type = psi_h5_type(variable->type), space = H5Dget_space(r->dataset[v]);
    while (ok && each > 0 && count > 0) {
        size_t records = box_of(extent, owner, from, count, start, side);
        hid_t memory = H5Screate_simple(n, side, NULL);
        ok = memory >= 0 && space >= 0 &&
             H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, side, NULL) >= 0 &&
             psi_h5_read(r->dataset[v], type, memory, space, values);
        int cause = errno;
        H5Sclose(memory);
        errno = cause;
        values += records * each * psi_type_size(variable->type);
        from += records;
        count -= records;
    }
    int cause = errno;
    H5Sclose(space);
    errno = cause;
    return ok;
}

enum psi_status psi_results_read_some(struct psi_results *r, const char *name, size_t from,
                                      size_t count, void *values, struct psi_error *err)
{
    for (size_t v = 0; psi_variables[v].name; v++)
        if (strcmp(psi_variables[v].name, name) == 0 && r->dataset[v] > 0)
            return read_some(r, v, from, count, values)
                       ? PSI_OK
                       : psi_results_fail_transfer(r, "read", name, err);
    return psi_fail(err, PSI_USAGE, "%s: no variable named %s", r->path, name);
}

/* Records compared at a time, in arrays of so many; values: room for one variable of all of them.
 */
struct batch {
    size_t room;
    uint64_t *hash, *checksum;
    uint8_t *state;
    char *values;
    void *record;
};

static enum psi_status batch_create(const struct psi_results *r, enum psi_owner owner,
                                    struct batch *batch, struct psi_error *err)
{
    enum { BYTES = 1 << 20 }; /* of one variable: some of the second-level cache */
    size_t most = 1, count = psi_results_record_count(&r->layout, owner);
    for (const struct psi_variable *v = psi_variables; v->name; v++) {
        size_t bytes = psi_variable_count(v, &r->layout) * psi_type_size(v->type);
        most = v->owner == owner && bytes > most ? bytes : most;
    }
    batch->room = BYTES / most > 0 ? BYTES / most : 1;
    batch->room = batch->room < count ? batch->room : count;
    if (!(batch->hash = psi_allocate(batch->room, sizeof *batch->hash, "checksums", err)) ||
        !(batch->checksum = psi_allocate(batch->room, sizeof *batch->checksum, "checksums", err)) ||
        !(batch->state = psi_allocate(batch->room, 1, "checksums", err)) ||
        !(batch->values = psi_allocate(batch->room, most, "checksums", err)) ||
        !(batch->record = psi_allocate(1, psi_owners[owner].size, "checksums", err)))
        return PSI_MEMORY;
    return psi_record_create(owner, &r->layout, batch->record, err);
}

static void batch_destroy(struct batch *batch, enum psi_owner owner)
{
    if (batch->record)
        psi_record_clear(owner, batch->record);
    free(batch->record);
    free(batch->values);
    free(batch->state);
    free(batch->checksum);
    free(batch->hash);
}

/* Hash records from .. from+count-1; the state is read first: what it calls done was written
 * before it. */
static enum psi_status batch_read(struct psi_results *r, enum psi_owner owner, size_t from,
                                  size_t count, struct batch *batch, struct psi_error *err)
{
    for (size_t i = 0; i < count; i++)
        batch->hash[i] = PSI_HASH_START;
    size_t state = psi_results_variable(owner, offsetof(struct psi_made, status));
    size_t checksum = psi_results_variable(owner, offsetof(struct psi_made, checksum));
    if (!read_some(r, state, from, count, (char *)batch->state) ||
        !read_some(r, checksum, from, count, (char *)batch->checksum))
        return psi_results_fail_transfer(r, "read", "checksums", err);
    for (size_t v = 0; psi_variables[v].name; v++) {
        const struct psi_variable *variable = &psi_variables[v];
        if (variable->owner != owner || !variable->deterministic)
            continue;
        if (!read_some(r, v, from, count, batch->values))
            return psi_results_fail_transfer(r, "read", variable->name, err);
        psi_hash_add_each(batch->hash, count, batch->values,
                          psi_variable_count(variable, &r->layout) * psi_type_size(variable->type));
    }
    return PSI_OK;
}

enum psi_status psi_results_check(struct psi_results *r, enum psi_owner owner,
                                  struct psi_error *err)
{
    struct batch batch = {.room = 0};
    size_t records = psi_results_record_count(&r->layout, owner);
    if (records == 0)
        return PSI_OK;
    enum psi_status status = batch_create(r, owner, &batch, err);
    for (size_t from = 0; !status && from < records; from += batch.room) {
        size_t count = records - from < batch.room ? records - from : batch.room;
        status = batch_read(r, owner, from, count, &batch, err);
        for (size_t i = 0; !status && i < count; i++)
            /* one that does not fit is looked at alone: a sweep may be writing it anew */
            if (batch.state[i] == PSI_DONE && psi_hash_end(batch.hash[i]) != batch.checksum[i])
                status = psi_results_get(r, psi_results_record_at(&r->layout, owner, from + i),
                                         batch.record, err);
    }
    batch_destroy(&batch, owner);
    return status;
}
