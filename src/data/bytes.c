#include "data.h"
#include "psisweep/hash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHUNK = 1 << 20, /* bytes asked for at a time, so at most this much beyond what arrived */
    INFLATE_MOST =
        1032,         /* deflate's largest ratio: 258 bytes in 2 bits (zlib, "Technical Details") */
    SHOWN_PATH = 240, /* leaves half of an error text to what went wrong */
    READ_BUFFER = 1 << 17 /* zlib's default of 8 kB makes many small reads */
};

enum psi_status psi_bytes_reserve(struct psi_bytes *bytes, size_t more, struct psi_error *err)
{
    size_t need;
    if (__builtin_add_overflow(bytes->size, more, &need) || need > PTRDIFF_MAX / 2)
        return psi_fail(err, PSI_MEMORY, "data set: no memory for %zu more bytes", more);
    if (need <= bytes->room)
        return PSI_OK;
    size_t room = need > 2 * bytes->room ? need : 2 * bytes->room;
    uint8_t *data = realloc(bytes->data, room);
    if (!data)
        return psi_fail(err, PSI_MEMORY, "data set: no memory for %zu bytes", room);
    bytes->data = data;
    bytes->room = room;
    return PSI_OK;
}

/* Set path (PATH_MAX) to folder/name, or to folder/name.gz where only that exists. Returns 1 where
 * one exists, 0 where none does, -1 where the path is too long. */
static int reader_find(char *path, const char *folder, const char *name)
{
    static const char *const ending[] = {"", ".gz"};
    for (int i = 0; i < 2; i++) {
        int length = snprintf(path, PATH_MAX, "%s/%s%s", folder, name, ending[i]);
        if (length < 0 || length >= PATH_MAX)
            return -1;
        if (access(path, F_OK) == 0)
            return 1;
    }
    path[strlen(path) - strlen(ending[1])] = '\0';
    return 0;
}

int psi_reader_exists(const char *folder, const char *name)
{
    char path[PATH_MAX];
    return reader_find(path, folder, name) > 0;
}

/* Returns 0 where it cannot be read, or is no regular file: a pipe would wait, and be used up. */
static int file_hash(const char *path, uint64_t *hash)
{
    struct stat status;
    ssize_t got = -1;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return 0;
    uint8_t *chunk = malloc(READ_BUFFER);
    if (chunk && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        uint64_t size = (uint64_t)status.st_size;
        *hash = psi_hash_add(*hash, &size, sizeof size);
        while ((got = read(fd, chunk, READ_BUFFER)) > 0 || (got < 0 && errno == EINTR))
            *hash = psi_hash_add(*hash, chunk, got > 0 ? (size_t)got : 0);
    }
    free(chunk);
    close(fd);
    return got == 0;
}

int psi_files_hash(const char *folder, const char *const *names, uint64_t *hash)
{
    for (; *names; names++) {
        char path[PATH_MAX];
        int found = reader_find(path, folder, *names);
        *hash = psi_hash_add(*hash, *names, strlen(*names) + 1);
        *hash = psi_hash_add(*hash, &found, sizeof found);
        if (found < 0 || (found && !file_hash(path, hash)))
            return 0;
    }
    return 1;
}

enum psi_status psi_reader_open(struct psi_reader *reader, const char *folder, const char *name,
                                struct psi_error *err)
{
    if (reader_find(reader->path, folder, name) < 0)
        return psi_fail(err, PSI_USAGE, "%s: the path of its folder is too long (%d bytes at most)",
                        name, PATH_MAX - 1);
    size_t length = strlen(reader->path);
    reader->shown = length > SHOWN_PATH ? reader->path + length - SHOWN_PATH : reader->path;

    /* Looked at before it is opened: opening a pipe would wait for a writer. */
    struct stat status;
    if (stat(reader->path, &status) != 0) {
        if (errno == ENOENT)
            return psi_fail(err, PSI_IO, "%s: no such file, plain or .gz", reader->shown);
        return psi_fail(err, PSI_IO, "%s: %s", reader->shown, strerror(errno));
    }
    if (!S_ISREG(status.st_mode))
        return psi_fail(err, PSI_IO, "%s: expected a regular file, found a %s", reader->shown,
                        S_ISDIR(status.st_mode) ? "directory" : "special file");
    reader->stored = (size_t)status.st_size;
    errno = 0;
    reader->file = gzopen(reader->path, "rb");
    if (!reader->file)
        return psi_fail(err, errno && errno != ENOMEM ? PSI_IO : PSI_MEMORY, "%s: cannot open: %s",
                        reader->shown, strerror(errno ? errno : ENOMEM));
    gzbuffer(reader->file, READ_BUFFER);
    return PSI_OK;
}

void psi_reader_close(struct psi_reader *reader)
{
    gzclose_r(reader->file);
}

size_t psi_reader_most(struct psi_reader *reader)
{
    size_t most;
    if (gzdirect(reader->file))
        return reader->stored;
    return __builtin_mul_overflow(reader->stored, INFLATE_MOST, &most) ? SIZE_MAX : most;
}

enum psi_status psi_reader_get(struct psi_reader *reader, const char *field, void *to, size_t size,
                               size_t *got, struct psi_error *err)
{
    assert(size <= INT_MAX);
    long before = gztell(reader->file);
    int count = gzread(reader->file, to, (unsigned)size);
    if (count == (int)size) {
        *got = size;
        return PSI_OK;
    }
    int code;
    const char *cause = gzerror(reader->file, &code);
    if (code == Z_ERRNO)
        return psi_fail(err, PSI_IO, "%s: %s: cannot read: %s", reader->shown, field,
                        strerror(errno));
    if (code == Z_MEM_ERROR)
        return psi_fail(err, PSI_MEMORY, "%s: %s: no memory to inflate", reader->shown, field);
    if (code == Z_BUF_ERROR)
        return psi_fail(err, PSI_DATA,
                        "%s: %s: expected %zu bytes at offset %ld, found a gzip stream"
                        " that is cut off after %d of them",
                        reader->shown, field, size, before, count);
    if (count < 0) {
        /* zlib puts "path: " before its own words */
        size_t prefix = strlen(reader->path) + 2;
        return psi_fail(err, PSI_DATA,
                        "%s: %s: expected a sound gzip stream, found damage after"
                        " offset %ld: %s",
                        reader->shown, field, before,
                        strlen(cause) > prefix ? cause + prefix : cause);
    }
    *got = (size_t)count;
    return PSI_OK;
}

enum psi_status psi_reader_append(struct psi_reader *reader, const char *field, size_t size,
                                  struct psi_bytes *to, struct psi_error *err)
{
    size_t start = to->size;
    while (to->size - start < size) {
        size_t left = size - (to->size - start), got = 0;
        size_t ask = left < CHUNK ? left : CHUNK;
        enum psi_status status = psi_bytes_reserve(to, ask, err);
        if (status == PSI_OK)
            status = psi_reader_get(reader, field, to->data + to->size, ask, &got, err);
        if (status != PSI_OK)
            return status;
        to->size += got;
        if (got < ask)
            return psi_fail(err, PSI_DATA, "%s: %s: expected %zu bytes, found %zu", reader->shown,
                            field, size, to->size - start);
    }
    return PSI_OK;
}

enum psi_status psi_reader_end(struct psi_reader *reader, struct psi_error *err)
{
    long length = gztell(reader->file);
    uint8_t byte;
    size_t got = 0;
    enum psi_status status = psi_reader_get(reader, "end of file", &byte, 1, &got, err);
    if (status == PSI_OK && got > 0)
        return psi_fail(err, PSI_DATA, "%s: size: expected %ld bytes, found more", reader->shown,
                        length);
    return status;
}
