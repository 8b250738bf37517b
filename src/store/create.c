#include "file.h"
#include "h5.h"

#include "psisweep/hash.h"
#include "psisweep/version.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5_hl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* CF flag attributes: values 0, 1, ... and "pending running done failed". */
static int set_flags(hid_t dataset, const char *const *flag)
{
    uint8_t value[16];
    char meanings[256] = "";
    size_t count = 0;
    for (; flag[count]; count++) {
        value[count] = (uint8_t)count;
        strcat(meanings, count ? " " : "");
        strcat(meanings, flag[count]);
    }
    return psi_h5_set_numbers(dataset, "flag_values", H5T_NATIVE_UINT8, count, value) &&
           psi_h5_set_text(dataset, "flag_meanings", meanings);
}

static enum psi_status create_variables(hid_t file, const struct psi_layout *layout,
                                        const hid_t scale[PSI_AXES], struct psi_error *err)
{
    const double nan64 = NAN;
    const float nan32 = NAN;
    const uint64_t zero = 0;
    for (const struct psi_variable *v = psi_variables; v->name; v++) {
        unsigned char axis[PSI_DIMS_MAX];
        hsize_t extent[PSI_DIMS_MAX];
        int n = psi_results_axes(v, axis);
        if (psi_variable_count(v, layout) == 0)
            continue;
        for (int i = 0; i < n; i++)
            extent[i] = layout->extent[axis[i]];
        const void *fill = v->type == PSI_F64   ? (const void *)&nan64
                           : v->type == PSI_F32 ? (const void *)&nan32
                                                : (const void *)&zero;
        hid_t dataset = psi_h5_dataset(file, v->name, psi_h5_type(v->type), n, extent, fill);
        int ok = dataset >= 0 && psi_h5_set_text(dataset, "units", v->unit) &&
                 psi_h5_set_text(dataset, "long_name", v->meaning);
        if (ok && psi_owners[v->owner].axis[2] == PSI_AXIS_DENSITY)
            ok = psi_h5_set_text(dataset, "coordinates", "sparsity");
        if (ok && v->flag)
            ok = set_flags(dataset, v->flag);
        for (int i = 0; ok && i < n; i++)
            ok = H5DSattach_scale(dataset, scale[axis[i]], (unsigned)i) >= 0;
        if (!psi_h5_close(dataset, ok))
            return psi_h5_fail(err, PSI_IO, v->name, "cannot create the variable");
    }
    return PSI_OK;
}

/* Attributes hold only what never changes. */
static enum psi_status create_facts(hid_t file, const struct psi_results_facts *facts,
                                    struct psi_error *err)
{
    const struct psi_job *job = facts->job;
    uint64_t test = facts->test_samples, validation = facts->validation_samples;
    char hash[17];
    char *text = psi_job_text(job, err);
    if (!text)
        return PSI_MEMORY;
    snprintf(hash, sizeof hash, "%016llx",
             (unsigned long long)psi_hash_end(psi_hash_add(PSI_HASH_START, text, strlen(text))));
    int ok =
        psi_h5_set_text(file, "Conventions", "CF-1.9") &&
        psi_h5_set_text(file, "title", job->name) &&
        psi_h5_set_text(file, "schema", PSI_RESULTS_SCHEMA) &&
        psi_h5_set_text(file, "source", "psisweep " PSI_VERSION " (" PSI_COMMIT ")") &&
        psi_h5_set_text(file, "job", text) && psi_h5_set_text(file, "job_hash", hash) &&
        psi_h5_set_text(file, "job_source", job->source ? job->source : "") &&
        psi_h5_set_text(file, "random", PSI_RANDOM_NAME) &&
        psi_h5_set_text(file, "numerics", facts->numerics) &&
        psi_h5_set_numbers(file, "chance_accuracy", H5T_NATIVE_DOUBLE, 0, &facts->chance_test) &&
        psi_h5_set_numbers(file, "chance_accuracy_validation", H5T_NATIVE_DOUBLE, 0,
                           &facts->chance_validation) &&
        psi_h5_set_numbers(file, "data_digest", H5T_NATIVE_UINT64, 0, &facts->data_digest) &&
        psi_h5_set_numbers(file, "test_samples", H5T_NATIVE_UINT64, 0, &test) &&
        psi_h5_set_numbers(file, "validation_samples", H5T_NATIVE_UINT64, 0, &validation);
    free(text);
    return ok ? PSI_OK : psi_h5_fail(err, PSI_IO, "attributes", "cannot write");
}

static enum psi_status create_content(hid_t file, const struct psi_results_facts *facts,
                                      struct psi_error *err)
{
    hid_t scale[PSI_AXES] = {0};
    enum psi_status status = create_facts(file, facts, err);
    if (!status)
        status = psi_results_create_axes(file, facts, scale, err);
    if (!status)
        status = psi_results_create_known(file, facts, scale, err);
    if (!status)
        status = create_variables(file, &facts->layout, scale, err);
    if (!status)
        status = psi_results_create_launches(file, scale[PSI_AXIS_LAUNCH], err);
    if (!status && !psi_results_create_digest(file))
        status = psi_h5_fail(err, PSI_IO, "the digest of the description", "cannot create");
    for (int a = PSI_AXIS_ARM; a < PSI_AXES; a++) {
        if (scale[a] > 0 && !psi_h5_close(scale[a], 1) && !status)
            status = psi_h5_fail(err, PSI_IO, psi_axis_name[a], "cannot write the axis");
    }
    return status;
}

/* fsync a file or the folder that holds it: after this, a crash of the machine keeps it. */
int psi_results_sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    int ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

/* Rename, but over nothing that another hand has put there meanwhile, an empty file apart. */
static int put_in_place(const char *temporary, const char *path)
{
    struct stat there;
    if (link(temporary, path) == 0)
        return unlink(temporary) == 0;
    if (errno == EEXIST && (stat(path, &there) != 0 || there.st_size > 0))
        return 0;                        /* errno stands */
    return rename(temporary, path) == 0; /* an empty file, or no hard links on this file system */
}

static int sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash ? (int)(slash - path) + 1 : 0;
    snprintf(folder, sizeof folder, "%.*s.", length, path);
    return psi_results_sync_path(folder);
}

/* Of all variables' elements. */
static uint64_t variables_bytes(const struct psi_layout *layout)
{
    uint64_t bytes = 0;
    for (const struct psi_variable *v = psi_variables; v->name; v++) {
        bytes += (uint64_t)psi_results_record_count(layout, v->owner) *
                 psi_variable_count(v, layout) * psi_type_size(v->type);
    }
    return bytes;
}

/* Is there room? Asked before HDF5 is: where its close fails for want of space, it keeps the file
 * open and crashes when MPI ends. */
static enum psi_status reserve(const char *path, const struct psi_layout *layout,
                               struct psi_error *err)
{
    const uint64_t metadata = 1 << 20, bytes = metadata + variables_bytes(layout);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int cause = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)bytes);
    if (fd >= 0 && close(fd) != 0 && !cause)
        cause = errno;
    return cause ? psi_fail(err, PSI_IO, "%s: cannot make a file of %.1f MB: %s", path,
                            1e-6 * (double)bytes, strerror(cause))
                 : PSI_OK;
}

/* through_link: HDF5's usual driver wants to know where a link leads, which for a file in memory is
 * nowhere; this one lays out the same bytes. */
static enum psi_status create_file(const char *path, int through_link,
                                   const struct psi_results_facts *facts, struct psi_error *err)
{
    hid_t how = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
    if (through_link)
        H5Pset_fapl_stdio(access);
    H5Pset_link_creation_order(how, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    H5Pset_obj_track_times(how, 0); /* of the root: equal sweeps have equal descriptions */
    /* not EARLIEST: its headers have no checksums, and one that a failed read has filled with zeros
     * (h5.c) would be taken for damage to mend, and written back. Not LATEST: superblock 3 marks a
     * file as open for writing, and a killed run would leave that mark behind */
    H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, how, access);
    H5Pclose(access);
    H5Pclose(how);
    if (file < 0)
        return psi_fail(err, PSI_IO, "%s: cannot create: %s", path, strerror(errno));
    struct psi_error why;
    enum psi_status status = create_content(file, facts, &why);
    if (status)
        psi_fail(err, status, "%.1000s: %.1000s", path, why.text);
    if (H5Fclose(file) < 0 && !status)
        status = psi_h5_fail(err, PSI_IO, path, "cannot write (is the disk full?)");
    return status;
}

int psi_results_temporary(const char *path, char *temporary, size_t size)
{
    int length = snprintf(temporary, size, "%s.tmp", path);
    return length >= 0 && (size_t)length < size;
}

enum psi_status psi_results_create(const char *path, const struct psi_results_facts *facts,
                                   struct psi_error *err)
{
    char temporary[PATH_MAX];
    if (!psi_results_temporary(path, temporary, sizeof temporary))
        return psi_fail(err, PSI_USAGE, "%s: path too long", path);
    psi_h5_quiet();
    enum psi_status status = reserve(temporary, &facts->layout, err);
    if (!status)
        status = create_file(temporary, 0, facts, err);
    if (!status)
        status = psi_results_seal(temporary, err);
    if (!status &&
        (!psi_results_sync_path(temporary) || !put_in_place(temporary, path) || !sync_folder(path)))
        status = psi_fail(err, PSI_IO, "%s: cannot put the new file in place: %s", path,
                          strerror(errno));
    if (status)
        unlink(temporary);
    return status;
}

void psi_results_tidy(const char *path)
{
    char temporary[PATH_MAX];
    struct stat file, other;
    if (psi_results_temporary(path, temporary, sizeof temporary) && stat(path, &file) == 0 &&
        lstat(temporary, &other) == 0 && file.st_dev == other.st_dev && file.st_ino == other.st_ino)
        unlink(temporary);
}

enum psi_status psi_results_size(const struct psi_results_facts *facts, uint64_t *bytes,
                                 struct psi_error *err)
{
    const uint64_t most = 64 << 20; /* of memory for it */
    struct psi_job job = *facts->job;
    struct psi_results_facts part = *facts;
    uint64_t all = variables_bytes(&facts->layout);
    char path[64];
    struct stat what;
    part.job = &job;
    while (variables_bytes(&part.layout) > most && job.seeds > 1)
        part.layout.extent[PSI_AXIS_SEED] = job.seeds = (job.seeds + 1) / 2;
    psi_h5_quiet();
    int fd = memfd_create("psisweep results", MFD_CLOEXEC);
    if (fd < 0)
        return psi_fail(err, PSI_ENVIRONMENT, "cannot create a file in memory: %s",
                        strerror(errno));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum psi_status status = create_file(path, 1, &part, err);
    if (!status && fstat(fd, &what) != 0)
        status = psi_fail(err, PSI_ENVIRONMENT, "a file in memory: %s", strerror(errno));
    close(fd);
    if (!status)
        *bytes = (uint64_t)what.st_size + all - variables_bytes(&part.layout);
    return status;
}
