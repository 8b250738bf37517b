/* CIFAR-10, binary version (A. Krizhevsky, "Learning multiple layers of features from tiny
 * images", 2009): records of one label byte and 3072 pixels, planes R, G, B of 32 x 32. */
#include "data.h"

#include <string.h>

enum { CIFAR_CLASSES = 10, CIFAR_SIDE = 32, CIFAR_PIXELS = 3 * CIFAR_SIDE * CIFAR_SIDE };
enum { CIFAR_RECORD = 1 + CIFAR_PIXELS, CIFAR_BATCHES = 5 };

/* The batches, the test batch, and the part of that which is enough for few test samples. */
const char *const psi_cifar_files[] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",          "data_batch_4.bin",
    "data_batch_5.bin", "test_batch.bin",   "test_batch_first_1000.bin", NULL,
};

/* Append one record; *got = 0 at the end of the file, else 1. */
static enum psi_status cifar_read_record(struct psi_reader *reader, size_t number,
                                         struct psi_samples *out, size_t *got,
                                         struct psi_error *err)
{
    uint8_t record[CIFAR_RECORD];
    enum psi_status status = psi_reader_get(reader, "record", record, sizeof record, got, err);
    if (status != PSI_OK || *got == 0)
        return status;
    if (*got < sizeof record)
        return psi_fail(err, PSI_DATA,
                        "%s: size: expected a multiple of %d bytes, found %zu bytes after record "
                        "%zu",
                        reader->shown, CIFAR_RECORD, *got, number);
    if (record[0] >= CIFAR_CLASSES)
        return psi_fail(err, PSI_DATA, "%s: label of record %zu: expected 0 .. %d, found %u",
                        reader->shown, number, CIFAR_CLASSES - 1, record[0]);
    if ((status = psi_bytes_reserve(&out->label, 1, err)) != PSI_OK ||
        (status = psi_bytes_reserve(&out->pixel, CIFAR_PIXELS, err)) != PSI_OK)
        return status;
    out->label.data[out->label.size++] = record[0];
    memcpy(out->pixel.data + out->pixel.size, record + 1, CIFAR_PIXELS);
    out->pixel.size += CIFAR_PIXELS;
    *got = 1;
    return PSI_OK;
}

/* Append a file's records until *samples has reached asked (0 = all). */
static enum psi_status cifar_read_file(const char *folder, const char *name, size_t asked,
                                       struct psi_samples *out, size_t *samples,
                                       struct psi_error *err)
{
    struct psi_reader reader;
    enum psi_status status = psi_reader_open(&reader, folder, name, err);
    if (status != PSI_OK)
        return status;
    size_t number = 0, got = 1;
    while (status == PSI_OK && got && (!asked || *samples + number < asked)) {
        status = cifar_read_record(&reader, number, out, &got, err);
        if (status == PSI_OK)
            number += got;
    }
    if (status == PSI_OK && number == 0)
        status = psi_fail(err, PSI_DATA, "%s: size: expected at least %d bytes, found 0",
                          reader.shown, CIFAR_RECORD);
    *samples += number;
    psi_reader_close(&reader);
    return status;
}

static enum psi_status cifar_check_asked(const char *folder, const char *split, size_t asked,
                                         size_t found, struct psi_error *err)
{
    if (found >= asked)
        return PSI_OK;
    return psi_fail(err, PSI_USAGE, "%s: %zu %s samples asked for, there are %zu", folder, asked,
                    split, found);
}

enum psi_status psi_cifar_load(const struct psi_data_spec *spec, struct psi_samples *out,
                               struct psi_error *err)
{
    const char *const *batch = psi_cifar_files;
    out->channels = 3;
    out->height = out->width = CIFAR_SIDE;
    out->classes = CIFAR_CLASSES;
    enum psi_status status = PSI_OK;
    for (size_t i = 0; i < CIFAR_BATCHES && status == PSI_OK; i++) {
        if (spec->train && out->train == spec->train)
            break;
        if (i > 0 && !psi_reader_exists(spec->path, batch[i])) {
            if (spec->train)
                break; /* told below by the numbers */
            return psi_fail(err, PSI_IO,
                            "%s/%s: no such file; to use a part of the set, say how many samples "
                            "with data.train",
                            spec->path, batch[i]);
        }
        status = cifar_read_file(spec->path, batch[i], spec->train, out, &out->train, err);
    }
    if (status == PSI_OK)
        status = cifar_check_asked(spec->path, "training", spec->train, out->train, err);
    if (status != PSI_OK)
        return status;
    /* the first thousand are enough where no more are asked for, and never taken for all of them */
    const char *test = batch[CIFAR_BATCHES], *part = batch[CIFAR_BATCHES + 1];
    if (spec->test && spec->test <= 1000 && !psi_reader_exists(spec->path, test))
        test = part;
    status = cifar_read_file(spec->path, test, spec->test, out, &out->test, err);
    if (status == PSI_OK)
        status = cifar_check_asked(spec->path, "test", spec->test, out->test, err);
    return status;
}
