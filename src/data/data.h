/* Private to src/data: what every reader and generator fills, and how files are read.
 *
 * A loader appends all training samples, then all test samples, to one growing array of pixels and
 * one of labels; dataset.c turns them into splits. Nothing is allocated because a header says so:
 * arrays grow only as bytes arrive. */
#ifndef PSI_DATA_DATA_H
#define PSI_DATA_DATA_H

#include "psisweep/dataset.h"
#include "psisweep/status.h"
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

/* A growing array; zero it to begin, free(data) to end. */
struct psi_bytes {
    uint8_t *data;
    size_t size, room;
};

/* Make room for `more` bytes behind data[size - 1]; size stays. */
enum psi_status psi_bytes_reserve(struct psi_bytes *bytes, size_t more, struct psi_error *err);

/* What a loader hands over. */
struct psi_samples {
    size_t channels, height, width;
    size_t classes;         /* what the set is known to have; 0 = found from the labels */
    size_t train, test;     /* samples, train first in both arrays */
    struct psi_bytes pixel; /* (train + test, channels * height * width) */
    struct psi_bytes label; /* (train + test) */
    uint32_t needed[PSI_PLANTED_BITS];
};

/* Make room for `count` more samples, for loaders that know how many they will make. */
enum psi_status psi_samples_reserve(struct psi_samples *samples, size_t count, size_t features,
                                    struct psi_error *err);

/* Point a data set's splits, whose numbers of samples are set, into pixel and label. */
void psi_dataset_place(struct psi_dataset *dataset, uint8_t *pixel, uint8_t *label);

/* Its digest, computed from what the storage holds now. */
uint64_t psi_dataset_hash(const struct psi_dataset *dataset);

/* The files that a loader may read; NULL-ended. */
extern const char *const psi_idx_files[];
extern const char *const psi_cifar_files[];

enum psi_status psi_idx_load(const struct psi_data_spec *spec, struct psi_samples *out,
                             struct psi_error *err);
enum psi_status psi_cifar_load(const struct psi_data_spec *spec, struct psi_samples *out,
                               struct psi_error *err);
enum psi_status psi_glyphs_load(const struct psi_data_spec *spec, struct psi_samples *out,
                                struct psi_error *err);
enum psi_status psi_planted_load(const struct psi_data_spec *spec, struct psi_samples *out,
                                 struct psi_error *err);

/* A file read from front to back, plain or gzip (told apart by its content). */
struct psi_reader {
    gzFile file;
    size_t stored;       /* bytes on disk */
    char path[PATH_MAX]; /* as opened */
    const char *shown;   /* path, or its end where it is too long for an error text */
};

/* Non-zero where folder/name or folder/name.gz exists. */
int psi_reader_exists(const char *folder, const char *name);

/* Feed name and bytes of each of these files, as they lie on disk, into *hash, and the absence of
 * those that do not exist. Returns 0 where one cannot be read. */
int psi_files_hash(const char *folder, const char *const *names, uint64_t *hash);

/* Open folder/name, or folder/name.gz where the former does not exist. Close it only if PSI_OK. */
enum psi_status psi_reader_open(struct psi_reader *reader, const char *folder, const char *name,
                                struct psi_error *err);
void psi_reader_close(struct psi_reader *reader);

/* The most bytes this file can turn into; 0 for a damaged start. */
size_t psi_reader_most(struct psi_reader *reader);

/* Read up to size bytes (<= INT_MAX); *got < size only at the end of the file. */
enum psi_status psi_reader_get(struct psi_reader *reader, const char *field, void *to, size_t size,
                               size_t *got, struct psi_error *err);

/* Append exactly size bytes, or fail with PSI_DATA naming file and field. */
enum psi_status psi_reader_append(struct psi_reader *reader, const char *field, size_t size,
                                  struct psi_bytes *to, struct psi_error *err);

/* The file must be at its end; in a gzip file this is where its checksum is compared. Bytes behind
 * a complete gzip stream are no part of the content: zlib passes over them, as gzip -d does. */
enum psi_status psi_reader_end(struct psi_reader *reader, struct psi_error *err);

#endif
