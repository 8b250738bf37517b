#include "cache.h"
#include "data.h"
#include "psisweep/clock.h"
#include "psisweep/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CACHE_START = 4096,  /* where the pixels begin: a page of their own after the header */
    CACHE_MODE = S_IRUSR /* of a copy */
};

/* Seconds to wait for a process that is making a copy; then a set is read for oneself. */
static const double cache_patience = 30;

static const char cache_magic[8] = "psidata1"; /* another format, or digest: another number */
static const char cache_part[] = "part";       /* a copy that is being written */
static const char cache_ending[] = ".data";

/* What the file begins with; then, from CACHE_START on, pixels and labels. Native byte order: it is
 * read where it was written. */
struct cache_header {
    char magic[sizeof cache_magic];
    uint64_t key;
    uint64_t channels, height, width, classes;
    uint64_t train, validation, test; /* samples */
    uint64_t digest;
    float mean[PSI_CHANNELS_MAX], deviation[PSI_CHANNELS_MAX];
    uint64_t check; /* hash of all of the above */
};

struct psi_cache_map {
    void *at;
    size_t size;
    int fd; /* keeps the shared lock */
};

static uint64_t header_check(const struct cache_header *header)
{
    return psi_hash_end(psi_hash_add(PSI_HASH_START, header, offsetof(struct cache_header, check)));
}

const char *psi_dataset_cache(void)
{
    const char *folder = getenv("PSISWEEP_CACHE");
    if (folder)
        return *folder ? folder : NULL;
    folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

/* Returns 0 where the set has no source files, or one cannot be read. */
static int cache_key(const struct psi_data_spec *spec, uint64_t *key)
{
    const char *const *files = spec->set == PSI_CIFAR10                         ? psi_cifar_files
                               : spec->set == PSI_MNIST || spec->set == PSI_IDX ? psi_idx_files
                                                                                : NULL;
    if (!files || !spec->path)
        return 0;
    const uint64_t used[] = {(uint64_t)spec->set, spec->train, spec->test, spec->validation};
    uint64_t hash = psi_hash_add(PSI_HASH_START, cache_magic, sizeof cache_magic);
    hash = psi_hash_add(hash, used, sizeof used);
    if (!psi_files_hash(spec->path, files, &hash))
        return 0;
    *key = psi_hash_end(hash);
    return 1;
}

/* The user's own folder in `path`, made where it is missing; -1 where others could reach into it:
 * nothing below it needs to be feared then. */
static int cache_folder(const char *path)
{
    char name[32];
    struct stat status;
    int base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (base < 0)
        return -1;
    snprintf(name, sizeof name, "psisweep-%lu", (unsigned long)geteuid());
    mkdirat(base, name, S_IRWXU); /* where it fails, opening does */
    int folder = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    close(base);
    if (folder >= 0 && fstat(folder, &status) == 0 && status.st_uid == geteuid() &&
        !(status.st_mode & (S_IRWXG | S_IRWXO)))
        return folder;
    if (folder >= 0)
        close(folder);
    return -1;
}

void psi_cache_open(struct psi_cache *cache, const struct psi_data_spec *spec)
{
    *cache = (struct psi_cache){.folder = -1};
    if (!spec->cache || !cache_key(spec, &cache->key))
        return;
    cache->folder = cache_folder(spec->cache);
    snprintf(cache->name, sizeof cache->name, "%016llx%s", (unsigned long long)cache->key,
             cache_ending);
}

void psi_cache_close(struct psi_cache *cache)
{
    if (cache->folder >= 0)
        close(cache->folder); /* and with it the lock */
}

/* Header of an open file, and the size that the file must have. Returns 0 where it is not one. */
static int cache_read_header(int fd, uint64_t key, struct cache_header *header, size_t *size)
{
    struct stat status;
    size_t samples, features, row, bytes;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
        (status.st_mode & ALLPERMS) != CACHE_MODE ||
        pread(fd, header, sizeof *header, 0) != (ssize_t)sizeof *header ||
        memcmp(header->magic, cache_magic, sizeof cache_magic) != 0 ||
        header->check != header_check(header) || header->key != key)
        return 0;
    if (__builtin_mul_overflow(header->height, header->width, &row) ||
        __builtin_mul_overflow(header->channels, row, &features) ||
        __builtin_add_overflow(header->train, header->validation, &samples) ||
        __builtin_add_overflow(header->test, samples, &samples) ||
        __builtin_mul_overflow(samples, features + 1, &bytes) ||
        __builtin_add_overflow(bytes, CACHE_START, size))
        return 0;
    return (uint64_t)status.st_size == *size && header->channels <= PSI_CHANNELS_MAX;
}

static void dataset_from_header(struct psi_dataset *dataset, const struct cache_header *header)
{
    dataset->channels = header->channels;
    dataset->height = header->height;
    dataset->width = header->width;
    dataset->features = header->channels * header->height * header->width;
    dataset->classes = header->classes;
    dataset->train.samples = header->train;
    dataset->validation.samples = header->validation;
    dataset->test.samples = header->test;
    memcpy(dataset->mean, header->mean, sizeof dataset->mean);
    memcpy(dataset->deviation, header->deviation, sizeof dataset->deviation);
    dataset->digest = header->digest;
}

void psi_cache_unmap(struct psi_cache_map *map)
{
    munmap(map->at, map->size);
    close(map->fd);
    free(map);
}

/* The copy as it is now; NULL where there is none or it is not sound. */
static struct psi_dataset *cache_map(const struct psi_cache *cache)
{
    struct cache_header header;
    size_t size;
    int fd = openat(cache->folder, cache->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct psi_dataset *dataset = calloc(1, sizeof *dataset);
    struct psi_cache_map *map = malloc(sizeof *map);
    void *at = MAP_FAILED;
    if (dataset && map && flock(fd, LOCK_SH | LOCK_NB) == 0 &&
        cache_read_header(fd, cache->key, &header, &size))
        at = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED) {
        close(fd);
        free(map);
        free(dataset);
        return NULL;
    }
    *map = (struct psi_cache_map){.at = at, .size = size, .fd = fd};
    dataset->map = map;
    dataset_from_header(dataset, &header);
    size_t samples = header.train + header.validation + header.test;
    uint8_t *pixel = (uint8_t *)at + CACHE_START;
    psi_dataset_place(dataset, pixel, pixel + samples * dataset->features);
    if (psi_dataset_hash(dataset) == dataset->digest)
        return dataset;
    psi_dataset_destroy(dataset);
    return NULL;
}

struct psi_dataset *psi_cache_find(struct psi_cache *cache)
{
    struct psi_patience patience = {0};
    double start = psi_clock_monotonic();
    while (cache->folder >= 0 && psi_clock_monotonic() - start < cache_patience) {
        struct psi_dataset *dataset = cache_map(cache);
        if (dataset || cache->locked)
            return dataset;
        cache->locked = flock(cache->folder, LOCK_EX | LOCK_NB) == 0; /* then look once more */
        if (!cache->locked && errno != EWOULDBLOCK)
            return NULL;
        if (!cache->locked)
            psi_patience_wait(&patience);
    }
    return NULL;
}

/* Remove what nobody maps, and what a killed process left half written: the folder's lock is ours,
 * so nobody else is writing. */
static void cache_clear(const struct psi_cache *cache)
{
    int fd = openat(cache->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    if (!listing) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(listing));) {
        const char *ending = strrchr(entry->d_name, '.');
        if (strcmp(entry->d_name, cache_part) == 0)
            unlinkat(cache->folder, entry->d_name, 0);
        if (!ending || strcmp(ending, cache_ending) != 0)
            continue;
        int copy =
            openat(cache->folder, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (copy < 0 || flock(copy, LOCK_EX | LOCK_NB) == 0)
            unlinkat(cache->folder, entry->d_name, 0);
        if (copy >= 0)
            close(copy);
    }
    closedir(listing);
}

static int cache_write(int fd, const void *bytes, size_t size, off_t at)
{
    for (size_t done = 0; done < size;) {
        ssize_t wrote = pwrite(fd, (const char *)bytes + done, size - done, at + (off_t)done);
        if (wrote < 0 && errno != EINTR)
            return 0;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return 1;
}

/* Write, then rename: a copy is whole or absent. Not synced: after a power cut what is damaged
 * fails its check. */
static int cache_make(const struct psi_cache *cache, const struct psi_dataset *dataset)
{
    size_t samples = dataset->train.samples + dataset->validation.samples + dataset->test.samples;
    size_t pixels = samples * dataset->features;
    struct cache_header header = {.key = cache->key,
                                  .channels = dataset->channels,
                                  .height = dataset->height,
                                  .width = dataset->width,
                                  .classes = dataset->classes,
                                  .train = dataset->train.samples,
                                  .validation = dataset->validation.samples,
                                  .test = dataset->test.samples,
                                  .digest = dataset->digest};
    memcpy(header.magic, cache_magic, sizeof header.magic);
    memcpy(header.mean, dataset->mean, sizeof header.mean);
    memcpy(header.deviation, dataset->deviation, sizeof header.deviation);
    header.check = header_check(&header);
    int fd = openat(cache->folder, cache_part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    CACHE_MODE);
    if (fd < 0)
        return 0;
    int made = cache_write(fd, &header, sizeof header, 0) &&
               cache_write(fd, dataset->pixel, pixels, CACHE_START) &&
               cache_write(fd, dataset->label, samples, CACHE_START + (off_t)pixels);
    made &= close(fd) == 0;
    made = made && renameat(cache->folder, cache_part, cache->folder, cache->name) == 0;
    if (!made)
        unlinkat(cache->folder, cache_part, 0);
    return made;
}

struct psi_dataset *psi_cache_keep(struct psi_cache *cache, const struct psi_data_spec *spec,
                                   struct psi_dataset *dataset)
{
    uint64_t key;
    struct psi_dataset *copy = NULL;
    if (!cache->locked)
        return dataset;
    cache_clear(cache);
    /* the sources may have changed between being hashed and being read */
    if (cache_key(spec, &key) && key == cache->key && cache_make(cache, dataset))
        copy = cache_map(cache);
    if (!copy)
        return dataset;
    psi_dataset_destroy(dataset);
    return copy;
}
