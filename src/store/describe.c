/* The description of a results file: all its bytes but those that a sweep writes, that is HDF5's
 * own metadata, attributes, axes and constants. It never changes after the creation, which leaves a
 * digest of it behind. */
#include "file.h"
#include "h5.h"

#include "psisweep/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGEST "description_digest"

enum { RANGES = PSI_VARIABLES_MAX + 32 };

struct layout {
    struct range {
        haddr_t start, end; /* in the file */
    } range[RANGES];        /* that a sweep writes, and the digest itself */
    int ranges;
    haddr_t digest; /* where it stands; HADDR_UNDEF = there is none */
};

static int is_written(const char *name)
{
    for (size_t v = 0; psi_variables[v].name; v++)
        if (strcmp(psi_variables[v].name, name) == 0)
            return 1;
    return strncmp(name, "launch_", 7) == 0 || strcmp(name, DIGEST) == 0;
}

static herr_t add_range(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
    struct layout *layout = context;
    (void)link;
    if (!is_written(name))
        return 0;
    hid_t dataset = H5Dopen2(group, name, H5P_DEFAULT);
    if (dataset < 0)
        return -1;
    struct range range = {.start = H5Dget_offset(dataset)};
    range.end = range.start + H5Dget_storage_size(dataset);
    H5Dclose(dataset);
    if (range.start == HADDR_UNDEF || range.end < range.start || layout->ranges == RANGES)
        return -1;
    if (strcmp(name, DIGEST) == 0)
        layout->digest = range.start;
    layout->range[layout->ranges++] = range;
    return 0;
}

static int by_start(const void *a, const void *b)
{
    haddr_t x = ((const struct range *)a)->start, y = ((const struct range *)b)->start;
    return (x > y) - (x < y);
}

/* In order, apart from each other and within the file? */
static int layout_read(hid_t file, haddr_t size, struct layout *layout)
{
    haddr_t end = 0;
    layout->ranges = 0;
    layout->digest = HADDR_UNDEF;
    if (H5Literate(file, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, add_range, layout) < 0)
        return 0;
    qsort(layout->range, (size_t)layout->ranges, sizeof *layout->range, by_start);
    for (int i = 0; i < layout->ranges; i++) {
        if (layout->range[i].start < end || layout->range[i].end > size)
            return 0;
        end = layout->range[i].end;
    }
    return 1;
}

/* 0, or an errno. */
static int hash_between(int fd, haddr_t start, haddr_t end, uint64_t *hash)
{
    char bytes[65536];
    while (start < end) {
        size_t want = end - start < sizeof bytes ? (size_t)(end - start) : sizeof bytes;
        ssize_t got = pread(fd, bytes, want, (off_t)start);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : EIO;
        *hash = psi_hash_add(*hash, bytes, (size_t)got);
        start += (haddr_t)got;
    }
    return 0;
}

static int hash_description(int fd, const struct layout *layout, haddr_t size, uint64_t *digest)
{
    uint64_t hash = PSI_HASH_START;
    haddr_t start = 0;
    int cause = 0;
    for (int i = 0; !cause && i < layout->ranges; i++) {
        cause = hash_between(fd, start, layout->range[i].start, &hash);
        start = layout->range[i].end;
    }
    if (!cause)
        cause = hash_between(fd, start, size, &hash);
    *digest = psi_hash_end(hash);
    return cause;
}

/* What the digest of an open file ought to be, and where it stands. */
static enum psi_status describe(hid_t file, const char *path, uint64_t *digest, haddr_t *place,
                                struct psi_error *err)
{
    struct layout layout;
    struct stat what;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &what) != 0) {
        int cause = errno;
        if (fd >= 0)
            close(fd);
        return psi_fail(err, PSI_IO, "%s: cannot open: %s", path, strerror(cause));
    }
    enum psi_status status = PSI_OK;
    if (!layout_read(file, (haddr_t)what.st_size, &layout)) {
        status = psi_fail(err, PSI_DATA, "%s: its variables do not lie where they should", path);
    } else {
        int cause = hash_description(fd, &layout, (haddr_t)what.st_size, digest);
        if (cause)
            status = psi_fail(err, PSI_IO, "%s: cannot read: %s", path, strerror(cause));
    }
    *place = layout.digest;
    close(fd);
    return status;
}

int psi_results_create_digest(hid_t file)
{
    const uint64_t zero = 0;
    hsize_t none;
    hid_t dataset = psi_h5_dataset(file, DIGEST, H5T_NATIVE_UINT64, 0, &none, &zero);
    int ok =
        dataset >= 0 && psi_h5_set_text(dataset, "units", "1") &&
        psi_h5_set_text(dataset, "long_name",
                        "hash of all bytes of this file that are as they were at its creation");
    return psi_h5_close(dataset, ok);
}

enum psi_status psi_results_seal(const char *path, struct psi_error *err)
{
    uint64_t digest;
    haddr_t place = HADDR_UNDEF;
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0)
        return psi_h5_fail(err, PSI_IO, path, "cannot read it back");
    enum psi_status status = describe(file, path, &digest, &place, err);
    H5Fclose(file);
    if (status)
        return status;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t wrote = -1;
    while (fd >= 0 && (wrote = pwrite(fd, &digest, sizeof digest, (off_t)place)) < 0 &&
           errno == EINTR)
        continue;
    int ok = wrote == sizeof digest, cause = wrote >= 0 ? EIO : errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        cause = errno;
        ok = 0;
    }
    return ok ? PSI_OK : psi_fail(err, PSI_IO, "%s: cannot write: %s", path, strerror(cause));
}

enum psi_status psi_results_description(struct psi_results *r, int *known, struct psi_error *err)
{
    uint64_t digest, stored = 0;
    haddr_t place;
    enum psi_status status = describe(r->file, r->path, &digest, &place, err);
    *known = !status && place != HADDR_UNDEF;
    if (!*known)
        return status;
    hid_t dataset = H5Dopen2(r->file, DIGEST, H5P_DEFAULT);
    hid_t one = H5Screate(H5S_SCALAR);
    int ok = dataset >= 0 && psi_h5_read(dataset, H5T_NATIVE_UINT64, one, one, &stored);
    H5Sclose(one);
    if (dataset >= 0)
        H5Dclose(dataset);
    if (!ok || stored != digest)
        return psi_fail(err, PSI_DATA,
                        "%s: its description (HDF5 metadata, attributes, axes) was changed or "
                        "damaged since its creation; take what is whole into a new file: run JOB "
                        "--from %s -o NEW.h5",
                        r->path, r->path);
    return PSI_OK;
}
