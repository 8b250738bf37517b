/* A small IDX set of known content, written to a temporary folder. */
#ifndef PSI_TESTS_IDX_FILES_H
#define PSI_TESTS_IDX_FILES_H

#include "data_files.h"

#define TRAIN_IMAGES "train-images-idx3-ubyte"
#define TRAIN_LABELS "train-labels-idx1-ubyte"
#define TEST_IMAGES "t10k-images-idx3-ubyte"
#define TEST_LABELS "t10k-labels-idx1-ubyte"

enum { TRAIN = 12, TEST = 5, HEIGHT = 3, WIDTH = 4, FEATURES = HEIGHT * WIDTH, CLASSES = 3 };
enum { IMAGE_HEADER = 16, LABEL_HEADER = 8, FILE_MOST = IMAGE_HEADER + TRAIN * FEATURES };

static inline void idx_put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline uint8_t idx_written_pixel(size_t sample, size_t feature)
{
    return (uint8_t)(37 * sample + 11 * feature + 5);
}

static inline uint8_t idx_written_label(size_t sample)
{
    return (uint8_t)(sample % CLASSES);
}

/* The bytes of a sound file; first: number of its first sample. Returns the size. */
static inline size_t idx_make_images(uint8_t *file, size_t first, size_t count)
{
    idx_put_u32(file, 0x0803);
    idx_put_u32(file + 4, (uint32_t)count);
    idx_put_u32(file + 8, HEIGHT);
    idx_put_u32(file + 12, WIDTH);
    for (size_t i = 0; i < count * FEATURES; i++)
        file[IMAGE_HEADER + i] = idx_written_pixel(first + i / FEATURES, i % FEATURES);
    return IMAGE_HEADER + count * FEATURES;
}

static inline size_t idx_make_labels(uint8_t *file, size_t first, size_t count)
{
    idx_put_u32(file, 0x0801);
    idx_put_u32(file + 4, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        file[LABEL_HEADER + i] = idx_written_label(first + i);
    return LABEL_HEADER + count;
}

static inline void idx_write_either(const struct data_folder *folder, const char *name, int gz,
                                    const uint8_t *file, size_t size)
{
    char packed[64];
    snprintf(packed, sizeof packed, "%s.gz", name);
    if (gz)
        data_write_gz(folder, packed, file, size);
    else
        data_write(folder, name, file, size);
}

/* A folder with a sound set and nothing else. */
static inline void idx_write_set(const struct data_folder *folder, int gz)
{
    uint8_t file[FILE_MOST];
    data_folder_empty(folder);
    idx_write_either(folder, TRAIN_IMAGES, gz, file, idx_make_images(file, 0, TRAIN));
    idx_write_either(folder, TRAIN_LABELS, gz, file, idx_make_labels(file, 0, TRAIN));
    idx_write_either(folder, TEST_IMAGES, gz, file, idx_make_images(file, TRAIN, TEST));
    idx_write_either(folder, TEST_LABELS, gz, file, idx_make_labels(file, TRAIN, TEST));
}

static inline struct psi_data_spec idx_spec_of(struct data_folder *folder)
{
    return (struct psi_data_spec){.set = PSI_IDX, .path = folder->path};
}

static inline void idx_check_split(const struct psi_split *split, size_t first, size_t samples)
{
    assert_int_equal(split->samples, samples);
    for (size_t i = 0; i < samples; i++) {
        assert_int_equal(split->label[i], idx_written_label(first + i));
        for (size_t k = 0; k < FEATURES; k++)
            assert_int_equal(split->pixel[i * FEATURES + k], idx_written_pixel(first + i, k));
    }
}

#endif
