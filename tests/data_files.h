/* Files for the data tests: a temporary folder, IDX and raw files in it, plain or gzip, and the
 * check that loading fails with one line that says what it should. */
#ifndef PSI_TESTS_DATA_FILES_H
#define PSI_TESTS_DATA_FILES_H

#include "psisweep/dataset.h"
#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

struct data_folder {
    char path[64];
};

static inline void data_folder_create(struct data_folder *folder)
{
    strcpy(folder->path, "/tmp/psisweep-test-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
}

static inline void data_folder_file(const struct data_folder *folder, const char *name,
                                    char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", folder->path, name);
}

/* Remove everything in the folder; the folder stays. */
static inline void data_folder_empty(const struct data_folder *folder)
{
    DIR *listing = opendir(folder->path);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing));) {
        char path[PATH_MAX];
        data_folder_file(folder, entry->d_name, path);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            assert_int_equal(remove(path), 0);
    }
    closedir(listing);
}

static inline void data_folder_destroy(const struct data_folder *folder)
{
    data_folder_empty(folder);
    assert_int_equal(rmdir(folder->path), 0);
}

/* Fixture: *state is a struct data_folder. */
static inline int data_setup(void **state)
{
    struct data_folder *folder = malloc(sizeof *folder);
    assert_non_null(folder);
    data_folder_create(folder);
    *state = folder;
    return 0;
}

static inline int data_teardown(void **state)
{
    data_folder_destroy(*state);
    free(*state);
    return 0;
}

static inline void data_write(const struct data_folder *folder, const char *name, const void *bytes,
                              size_t size)
{
    char path[PATH_MAX];
    data_folder_file(folder, name, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void data_write_gz(const struct data_folder *folder, const char *name,
                                 const void *bytes, size_t size)
{
    char path[PATH_MAX];
    data_folder_file(folder, name, path);
    gzFile file = gzopen(path, "wb9");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(file), Z_OK);
}

/* The whole of a file, to be freed. */
static inline uint8_t *data_read(const struct data_folder *folder, const char *name, size_t *size)
{
    char path[PATH_MAX];
    data_folder_file(folder, name, path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* Loading must fail with this status, touch no output, and say each of `words` in one line. */
static inline void data_expect_failure(const struct psi_data_spec *spec, enum psi_status status,
                                       const char *const words[], size_t count)
{
    struct psi_dataset *dataset = (struct psi_dataset *)(uintptr_t)1;
    struct psi_error err = {0};
    enum psi_status found = psi_dataset_create(spec, &dataset, &err);
    if (found != status)
        print_message("%s: %s\n", psi_status_names[found], err.text);
    assert_int_equal(found, status);
    assert_int_equal(err.status, status);
    assert_ptr_equal(dataset, (void *)(uintptr_t)1);
    assert_null(strchr(err.text, '\n'));
    for (size_t i = 0; i < count; i++) {
        if (!strstr(err.text, words[i]))
            print_message("no '%s' in: %s\n", words[i], err.text);
        assert_non_null(strstr(err.text, words[i]));
    }
}

#define DATA_EXPECT_FAILURE(spec, status, ...)                            \
    data_expect_failure(spec, status, (const char *const[]){__VA_ARGS__}, \
                        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static inline struct psi_dataset *data_expect_success(const struct psi_data_spec *spec)
{
    struct psi_dataset *dataset = NULL;
    struct psi_error err = {0};
    if (psi_dataset_create(spec, &dataset, &err) != PSI_OK)
        fail_msg("%s", err.text);
    return dataset;
}

#endif
