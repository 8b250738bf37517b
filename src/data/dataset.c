#include "cache.h"
#include "data.h"
#include "psisweep/hash.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum psi_status psi_samples_reserve(struct psi_samples *samples, size_t count, size_t features,
                                    struct psi_error *err)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, features, &bytes))
        bytes = SIZE_MAX;
    enum psi_status status = psi_bytes_reserve(&samples->pixel, bytes, err);
    return status == PSI_OK ? psi_bytes_reserve(&samples->label, count, err) : status;
}

static enum psi_status dataset_load(const struct psi_data_spec *spec, struct psi_samples *out,
                                    struct psi_error *err)
{
    int is_read = spec->set == PSI_MNIST || spec->set == PSI_IDX || spec->set == PSI_CIFAR10;
    if (is_read && (!spec->path || !*spec->path))
        return psi_fail(err, PSI_USAGE, "data: path: expected the folder of the files, found none");
    switch ((enum psi_data_set)spec->set) {
    case PSI_MNIST:
    case PSI_IDX:
        return psi_idx_load(spec, out, err);
    case PSI_CIFAR10:
        return psi_cifar_load(spec, out, err);
    case PSI_GLYPHS:
        return psi_glyphs_load(spec, out, err);
    case PSI_PLANTED:
        return psi_planted_load(spec, out, err);
    }
    return psi_fail(err, PSI_USAGE, "data: set: no data set has the number %d", spec->set);
}

void psi_dataset_place(struct psi_dataset *dataset, uint8_t *pixel, uint8_t *label)
{
    struct psi_split *const split[] = {&dataset->train, &dataset->validation, &dataset->test};
    dataset->pixel = pixel;
    dataset->label = label;
    for (int i = 0; i < 3; i++) {
        split[i]->pixel = pixel;
        split[i]->label = label;
        pixel += split[i]->samples * dataset->features;
        label += split[i]->samples;
    }
}

/* mean = sum_v h(v) v / n, deviation^2 = sum_v h(v) (v - mean)^2 / n over the 256 values v of a
 * pixel: counts are exact, so neither depends on the order of the samples. */
static void dataset_measure(struct psi_dataset *dataset)
{
    size_t plane = dataset->height * dataset->width;
    for (size_t channel = 0; channel < dataset->channels; channel++) {
        uint64_t histogram[256] = {0};
        for (size_t i = 0; i < dataset->train.samples; i++) {
            const uint8_t *pixel = dataset->train.pixel + i * dataset->features + channel * plane;
            for (size_t k = 0; k < plane; k++)
                histogram[pixel[k]]++;
        }
        double count = (double)dataset->train.samples * (double)plane, sum = 0, squares = 0;
        for (int v = 0; v < 256; v++)
            sum += (double)histogram[v] * v;
        double mean = sum / count;
        for (int v = 0; v < 256; v++)
            squares += (double)histogram[v] * (v - mean) * (v - mean);
        dataset->mean[channel] = (float)mean;
        dataset->deviation[channel] = squares > 0 ? (float)sqrt(squares / count) : 1;
    }
}

uint64_t psi_dataset_hash(const struct psi_dataset *dataset)
{
    const uint64_t shape[] = {dataset->channels,      dataset->height,
                              dataset->width,         dataset->classes,
                              dataset->train.samples, dataset->validation.samples,
                              dataset->test.samples};
    size_t samples = dataset->train.samples + dataset->validation.samples + dataset->test.samples;
    uint64_t hash = psi_hash_add(PSI_HASH_START, shape, sizeof shape);
    hash = psi_hash_add(hash, dataset->label, samples);
    return psi_hash_end(psi_hash_add(hash, dataset->pixel, samples * dataset->features));
}

static enum psi_status dataset_check(const struct psi_data_spec *spec, struct psi_samples *samples,
                                     struct psi_error *err)
{
    if (spec->validation >= samples->train)
        return psi_fail(err, PSI_USAGE,
                        "data: validation: expected less than the %zu training samples, found %zu",
                        samples->train, spec->validation);
    for (size_t i = 0; spec->set == PSI_IDX && i < samples->label.size; i++)
        if (samples->label.data[i] >= samples->classes)
            samples->classes = samples->label.data[i] + 1u;
    if (samples->classes < 2)
        return psi_fail(err, PSI_DATA,
                        "%s: labels: expected at least 2 classes, found only label 0", spec->path);
    return PSI_OK;
}

/* Give back what growing has left over; realloc may refuse, which costs nothing but room. */
static uint8_t *dataset_trim(struct psi_bytes *bytes)
{
    uint8_t *data = realloc(bytes->data, bytes->size);
    if (!data)
        data = bytes->data;
    bytes->data = NULL;
    return data;
}

/* Read or draw a set into memory of one's own. */
static enum psi_status dataset_make(const struct psi_data_spec *spec, struct psi_dataset **out,
                                    struct psi_error *err)
{
    struct psi_samples samples = {0};
    struct psi_dataset *dataset = NULL;
    enum psi_status status = dataset_load(spec, &samples, err);
    if (status == PSI_OK)
        status = dataset_check(spec, &samples, err);
    if (status != PSI_OK)
        goto out;
    dataset = calloc(1, sizeof *dataset);
    if (!dataset) {
        status = psi_fail(err, PSI_MEMORY, "data set: no memory for %zu bytes", sizeof *dataset);
        goto out;
    }
    dataset->channels = samples.channels;
    dataset->height = samples.height;
    dataset->width = samples.width;
    dataset->features = samples.channels * samples.height * samples.width;
    dataset->classes = samples.classes;
    dataset->train.samples = samples.train - spec->validation;
    dataset->validation.samples = spec->validation;
    dataset->test.samples = samples.test;
    assert(samples.pixel.size == (samples.train + samples.test) * dataset->features);
    assert(samples.label.size == samples.train + samples.test);
    for (int i = 0; i < PSI_PLANTED_BITS; i++)
        dataset->needed[i] = samples.needed[i];
    psi_dataset_place(dataset, dataset_trim(&samples.pixel), dataset_trim(&samples.label));
    dataset_measure(dataset);
    dataset->digest = psi_dataset_hash(dataset);
    *out = dataset;
out:
    free(samples.label.data);
    free(samples.pixel.data);
    return status;
}

enum psi_status psi_dataset_create(const struct psi_data_spec *spec, struct psi_dataset **out,
                                   struct psi_error *err)
{
    struct psi_cache cache;
    enum psi_status status = PSI_OK;
    psi_cache_open(&cache, spec);
    struct psi_dataset *dataset = psi_cache_find(&cache);
    if (!dataset) {
        status = dataset_make(spec, &dataset, err);
        if (status == PSI_OK)
            dataset = psi_cache_keep(&cache, spec, dataset);
    }
    psi_cache_close(&cache);
    if (status == PSI_OK)
        *out = dataset;
    return status;
}

void psi_dataset_destroy(struct psi_dataset *dataset)
{
    if (!dataset)
        return;
    if (dataset->map) {
        psi_cache_unmap(dataset->map);
    } else {
        free(dataset->label);
        free(dataset->pixel);
    }
    free(dataset);
}

double psi_split_chance(const struct psi_split *split)
{
    size_t count[PSI_CLASSES_MAX] = {0}, largest = 0;
    for (size_t i = 0; i < split->samples; i++)
        if (++count[split->label[i]] > largest)
            largest = count[split->label[i]];
    return split->samples ? (double)largest / (double)split->samples : 0;
}

double psi_split_density(const struct psi_dataset *dataset, const struct psi_split *split)
{
    size_t pixels = split->samples * dataset->features, lit = 0;
    for (size_t i = 0; i < pixels; i++)
        lit += split->pixel[i] != 0;
    return pixels ? (double)lit / (double)pixels : 0;
}
