/* Data sets: images as they lie on disk (u8), labels, splits, and what normalises them.
 *
 * Every set is kept as u8, one row of channels * height * width bytes a sample, channel planes
 * outermost (as CIFAR-10 stores them). Floats are made while a batch is gathered (net/kernel.h).
 * Sets: idx and mnist (IDX files, plain or .gz), cifar10 (binary version), and two generators,
 * glyphs (drawn digits) and planted (a task whose needed inputs are known).
 */
#ifndef PSISWEEP_DATASET_H
#define PSISWEEP_DATASET_H

#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

enum psi_data_set { PSI_MNIST, PSI_IDX, PSI_CIFAR10, PSI_GLYPHS, PSI_PLANTED };

struct psi_data_spec {
    int set;    /* enum psi_data_set */
    char *path; /* folder of the files; NULL or ignored for generated sets */
    /* Training samples used (validation included) and test samples used, the first ones of each;
     * 0 = all, or of a generated set 12000 + 2000 (glyphs), 8000 + 2000 (planted). Samples that are
     * not used are not read, so damage among them goes unnoticed. */
    size_t train, test;
    size_t validation;    /* the last so many of the used training samples are held out */
    size_t inputs;        /* planted: number of inputs, PSI_PLANTED_BITS .. 65536 */
    uint64_t random_seed; /* generated sets: the job's seed */
    /* Folder in which the processes of one user on this node share one copy of a set that is read
     * from files (see psi_dataset_cache); NULL = memory of one's own. */
    const char *cache;
};

enum { PSI_CHANNELS_MAX = 4, PSI_CLASSES_MAX = 256, PSI_PLANTED_BITS = 3 };

/* Samples of one split, borrowed from their data set. */
struct psi_split {
    const uint8_t *pixel; /* (samples, features) */
    const uint8_t *label; /* (samples) each < classes */
    size_t samples;
};

struct psi_dataset {
    size_t channels, height, width;
    size_t features; /* channels * height * width */
    size_t classes;  /* the set's own number (mnist, cifar10, glyphs 10, planted 8), whichever occur
                      * in the samples used; idx: 1 + the largest label in train and test */
    struct psi_split train, validation, test;
    /* Mean and standard deviation of the training split (without validation), per channel, in
     * units of the u8 pixel; x = (pixel - mean) / deviation. A constant channel has deviation 1. */
    float mean[PSI_CHANNELS_MAX], deviation[PSI_CHANNELS_MAX];
    uint64_t digest; /* hash of shape, splits, labels and pixels: the same data, wherever it lies */
    uint32_t needed[PSI_PLANTED_BITS]; /* planted: the input that decides each bit, ascending */
    /* The storage that the splits point into; owned. Not to be written where it is shared. */
    uint8_t *pixel, *label;
    struct psi_cache_map *map; /* what it is mapped from where it is shared, else NULL */
};

/* Load or generate. Damaged, truncated, mismatched or hostile files fail with PSI_DATA and one
 * line naming file, field, expected and found; missing ones with PSI_IO naming the file; nothing
 * is allocated on a header's word alone beyond what the file can hold. Sizes that leave an empty
 * training or test split fail with PSI_USAGE. *out is owned by the caller. */
enum psi_status psi_dataset_create(const struct psi_data_spec *spec, struct psi_dataset **out,
                                   struct psi_error *err);
void psi_dataset_destroy(struct psi_dataset *dataset);

/* The folder to share in: $PSISWEEP_CACHE (NULL where that is empty: nothing is shared), else
 * $TMPDIR, else /tmp. Temporary storage and not /dev/shm, because pages of a file on a disk are
 * given back when memory runs short, /dev/shm keeps what is left there until the next boot, and a
 * batch system clears its TMPDIR; where /tmp is itself in memory, a set is there once a node.
 *
 * A set lies in FOLDER/psisweep-UID/ as one read-only file, named by a hash of the source files as
 * they lie on disk and of what is used of them: never by path, size or time, so a changed source is
 * another set. All map it; each computes `digest` from what it has mapped, and takes nothing whose
 * content, owner or mode is not what it should be. Whatever goes wrong with the folder (full,
 * vanished, not ours, another process hanging), the set is read into memory of one's own and is the
 * same. A file that nobody maps goes when another one is made, so the folder holds the sets in use
 * and the last. Generated sets are not shared: they are drawn in a quarter of a second, and nothing
 * but the program itself says what their content should be. */
const char *psi_dataset_cache(void);

/* A copy of all splits with the pixels of so many features alone, ascending, for a network that
 * reads no others (psi_network_inputs): rows of fewer cache lines. Its shape and normalisation stay
 * those of the whole set, its labels are borrowed from there. */
enum psi_status psi_dataset_select(const struct psi_dataset *from, const uint32_t *feature,
                                   size_t count, struct psi_dataset **out, struct psi_error *err);

/* Ask for the samples index (count) of a split to be brought into the second-level cache: a batch
 * lies in main memory at random, and while one is worked on the next can come. */
void psi_dataset_prefetch(const struct psi_dataset *dataset, const struct psi_split *split,
                          const uint32_t *index, size_t count);

/* Share of the largest class in a split: the accuracy A0 of the best constant answer. */
double psi_split_chance(const struct psi_split *split);

/* Share of the pixels of a split that are not 0. */
double psi_split_density(const struct psi_dataset *dataset, const struct psi_split *split);

#endif
