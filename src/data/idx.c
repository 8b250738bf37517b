/* IDX (Y. LeCun, "The MNIST database of handwritten digits"): big-endian magic 0x0000TTDD with
 * element type TT (0x08 = unsigned byte) and DD dimensions, a 32-bit size each, then the elements,
 * last index fastest. */
#include "data.h"

#include <string.h>

enum { IDX_UBYTE = 0x08, IDX_DIMENSIONS = 3, IDX_HEADER = 4 * (1 + IDX_DIMENSIONS) };

/* Images and labels for training, then those for the test. */
const char *const psi_idx_files[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                     "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", NULL};

/* The two files of one split and what their headers say. */
struct idx_split {
    struct psi_reader image, label;
    uint32_t image_size[3]; /* count, height, width */
    uint32_t label_size[1]; /* count */
};

static uint32_t idx_u32(const uint8_t *byte)
{
    return (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
}

/* Read and check a header; size (dimensions). */
static enum psi_status idx_header(struct psi_reader *reader, unsigned dimensions, uint32_t *size,
                                  struct psi_error *err)
{
    static const char *const name[IDX_DIMENSIONS] = {"count", "height", "width"};
    uint8_t header[IDX_HEADER];
    size_t length = 4 * (1 + (size_t)dimensions), got;
    enum psi_status status = psi_reader_get(reader, "header", header, length, &got, err);
    if (status != PSI_OK)
        return status;
    if (got < length)
        return psi_fail(err, PSI_DATA, "%s: header: expected %zu bytes, found %zu", reader->shown,
                        length, got);
    uint32_t magic = idx_u32(header), expected = IDX_UBYTE << 8 | dimensions;
    if (magic != expected)
        return psi_fail(err, PSI_DATA,
                        "%s: magic: expected 0x%08x (unsigned bytes, dimensions: %u), found 0x%08x",
                        reader->shown, expected, dimensions, magic);

    size_t elements = 1, most = psi_reader_most(reader);
    int overflow = 0;
    for (unsigned i = 0; i < dimensions; i++) {
        size[i] = idx_u32(header + 4 * (i + 1));
        if (size[i] == 0)
            return psi_fail(err, PSI_DATA, "%s: %s: expected at least 1, found 0", reader->shown,
                            name[i]);
        overflow |= __builtin_mul_overflow(elements, (size_t)size[i], &elements);
    }
    if (overflow || elements > most)
        return psi_fail(err, PSI_DATA,
                        "%s: size: header promises %u x %u x %u bytes, expected at most %zu from a "
                        "file of %zu bytes",
                        reader->shown, size[0], dimensions > 1 ? size[1] : 1,
                        dimensions > 2 ? size[2] : 1, most, reader->stored);
    return PSI_OK;
}

/* The first `used` samples of a split, appended; what may follow them is looked at only when all
 * are used. */
static enum psi_status idx_read(struct idx_split *split, size_t used, struct psi_samples *out,
                                struct psi_error *err)
{
    size_t features = (size_t)split->image_size[1] * split->image_size[2];
    enum psi_status status = psi_reader_append(&split->label, "labels", used, &out->label, err);
    if (status == PSI_OK)
        status = psi_reader_append(&split->image, "pixels", used * features, &out->pixel, err);
    if (status != PSI_OK)
        return status;
    if (used == split->image_size[0]) {
        status = psi_reader_end(&split->label, err);
        if (status == PSI_OK)
            status = psi_reader_end(&split->image, err);
    }
    for (size_t i = out->label.size - used; status == PSI_OK && out->classes && i < out->label.size;
         i++)
        if (out->label.data[i] >= out->classes)
            status = psi_fail(err, PSI_DATA, "%s: label %zu: expected 0 .. %zu, found %u",
                              split->label.shown, i + used - out->label.size, out->classes - 1,
                              out->label.data[i]);
    return status;
}

/* Image size against what is known already: mnist's, or that of the training split. */
static enum psi_status idx_check_size(const struct idx_split *split, struct psi_samples *out,
                                      struct psi_error *err)
{
    size_t height = split->image_size[1], width = split->image_size[2];
    if (out->height && (height != out->height || width != out->width))
        return psi_fail(err, PSI_DATA, "%s: height x width: expected %zu x %zu, found %zu x %zu",
                        split->image.shown, out->height, out->width, height, width);
    out->height = height;
    out->width = width;
    return PSI_OK;
}

/* Append one split from its images and its labels, file[0] and file[1]; asked 0 = all. */
static enum psi_status idx_load_split(const char *folder, const char *const file[2], size_t asked,
                                      struct psi_samples *out, size_t *used, struct psi_error *err)
{
    struct idx_split split;
    enum psi_status status = psi_reader_open(&split.image, folder, file[0], err);
    if (status != PSI_OK)
        return status;
    status = psi_reader_open(&split.label, folder, file[1], err);
    if (status != PSI_OK)
        goto out_image;
    if ((status = idx_header(&split.image, 3, split.image_size, err)) != PSI_OK ||
        (status = idx_header(&split.label, 1, split.label_size, err)) != PSI_OK ||
        (status = idx_check_size(&split, out, err)) != PSI_OK)
        goto out;
    size_t count = split.image_size[0];
    *used = asked ? asked : count;
    if (split.label_size[0] != count)
        status =
            psi_fail(err, PSI_DATA, "%s: count: expected %zu as in %s, found %u", split.label.shown,
                     count, strrchr(split.image.path, '/') + 1, split.label_size[0]);
    else if (*used > count)
        status = psi_fail(err, PSI_USAGE, "%s: %zu samples asked for, there are %zu",
                          split.image.shown, asked, count);
    else
        status = idx_read(&split, *used, out, err);
out:
    psi_reader_close(&split.label);
out_image:
    psi_reader_close(&split.image);
    return status;
}

enum psi_status psi_idx_load(const struct psi_data_spec *spec, struct psi_samples *out,
                             struct psi_error *err)
{
    out->channels = 1;
    if (spec->set == PSI_MNIST) {
        out->height = out->width = 28;
        out->classes = 10;
    }
    enum psi_status status =
        idx_load_split(spec->path, psi_idx_files, spec->train, out, &out->train, err);
    if (status == PSI_OK)
        status = idx_load_split(spec->path, psi_idx_files + 2, spec->test, out, &out->test, err);
    return status;
}
