/* A small IDX set whose copies are kept in a folder of its own: *state is the folder of the source
 * files, and the folder that the cache is in. */
#ifndef PSI_TESTS_CACHE_FIXTURE_H
#define PSI_TESTS_CACHE_FIXTURE_H

#include "idx_files.h"

#include <sys/stat.h>

struct place {
    struct data_folder source, base; /* base: what $PSISWEEP_CACHE names */
    struct data_folder own;          /* base/psisweep-UID */
};

static inline int cache_setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    data_folder_create(&place->source);
    data_folder_create(&place->base);
    snprintf(place->own.path, sizeof place->own.path, "%s/psisweep-%lu", place->base.path,
             (unsigned long)geteuid());
    idx_write_set(&place->source, 1);
    *state = place;
    return 0;
}

static inline int cache_teardown(void **state)
{
    struct place *place = *state;
    struct stat status;
    if (lstat(place->own.path, &status) == 0 && S_ISDIR(status.st_mode)) {
        chmod(place->own.path, 0700);
        data_folder_empty(&place->own);
    }
    if (access(place->base.path, F_OK) == 0)
        data_folder_destroy(&place->base);
    data_folder_destroy(&place->source);
    free(place);
    return 0;
}

static inline struct psi_data_spec cache_spec(struct place *place)
{
    struct psi_data_spec spec = idx_spec_of(&place->source);
    spec.validation = 2;
    spec.cache = place->base.path;
    return spec;
}

/* Load, compare with what is read without a cache, byte for byte; returns whether it is shared. */
static inline int cache_load(struct place *place)
{
    struct psi_data_spec spec = cache_spec(place), alone = spec;
    alone.cache = NULL;
    struct psi_dataset *shared = data_expect_success(&spec), *own = data_expect_success(&alone);
    size_t samples = own->train.samples + own->validation.samples + own->test.samples;
    assert_null(own->map);
    assert_int_equal(shared->digest, own->digest);
    assert_int_equal(shared->channels, own->channels);
    assert_int_equal(shared->height, own->height);
    assert_int_equal(shared->width, own->width);
    assert_int_equal(shared->features, own->features);
    assert_int_equal(shared->classes, own->classes);
    assert_int_equal(shared->train.samples, own->train.samples);
    assert_int_equal(shared->validation.samples, own->validation.samples);
    assert_int_equal(shared->test.samples, own->test.samples);
    assert_memory_equal(shared->mean, own->mean, sizeof own->mean);
    assert_memory_equal(shared->deviation, own->deviation, sizeof own->deviation);
    assert_memory_equal(shared->pixel, own->pixel, samples * own->features);
    assert_memory_equal(shared->label, own->label, samples);
    assert_ptr_equal(shared->test.pixel, shared->pixel + (samples - TEST) * own->features);
    assert_ptr_equal(shared->test.label, shared->label + samples - TEST);
    int is_shared = shared->map != NULL;
    psi_dataset_destroy(shared);
    psi_dataset_destroy(own);
    return is_shared;
}

/* Files in the user's folder; path gets that of the last one. */
static inline int cache_copies(struct place *place, char path[PATH_MAX])
{
    int count = 0;
    DIR *listing = opendir(place->own.path);
    if (!listing)
        return 0;
    for (struct dirent *entry; (entry = readdir(listing));)
        if (entry->d_name[0] != '.') {
            data_folder_file(&place->own, entry->d_name, path);
            count++;
        }
    closedir(listing);
    return count;
}

static inline ino_t cache_inode(const char *path)
{
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_ino;
}

/* The one copy, made anew. */
static inline void cache_make(struct place *place, char path[PATH_MAX])
{
    assert_true(cache_load(place));
    assert_int_equal(cache_copies(place, path), 1);
}

#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, cache_setup, cache_teardown)

#endif
