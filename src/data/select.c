#include "psisweep/dataset.h"

#include <stdlib.h>

enum psi_status psi_dataset_select(const struct psi_dataset *from, const uint32_t *feature,
                                   size_t count, struct psi_dataset **out, struct psi_error *err)
{
    const struct psi_split *const split[] = {&from->train, &from->validation, &from->test};
    size_t samples = from->train.samples + from->validation.samples + from->test.samples;
    struct psi_dataset *dataset = calloc(1, sizeof *dataset);
    uint8_t *pixel = malloc(samples * count + 1);
    if (!dataset || !pixel) {
        free(pixel);
        free(dataset);
        return psi_fail(err, PSI_MEMORY, "selected pixels: no memory for %zu bytes",
                        samples * count);
    }
    *dataset = *from;
    dataset->features = count;
    dataset->pixel = pixel;
    dataset->label = NULL;
    dataset->map = NULL;
    struct psi_split *const copy[] = {&dataset->train, &dataset->validation, &dataset->test};
    for (int i = 0; i < 3; i++) {
        copy[i]->pixel = pixel;
        const uint8_t *row = split[i]->pixel;
        for (size_t s = 0; s < split[i]->samples; s++, row += from->features)
            for (size_t k = 0; k < count; k++)
                *pixel++ = row[feature[k]];
    }
    *out = dataset;
    return PSI_OK;
}

void psi_dataset_prefetch(const struct psi_dataset *dataset, const struct psi_split *split,
                          const uint32_t *index, size_t count)
{
    enum { LINE = 64 };
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = split->pixel + index[i] * dataset->features;
        for (size_t at = 0; at < dataset->features; at += LINE)
            __builtin_prefetch(row + at, 0, 2);
    }
}
