/* Data files: whatever the bytes, a data set that is sound in itself, or one line. An input is
 * 5 bytes (which set, how files are stored, samples asked for) and then the files, each behind its
 * length in two bytes, big-endian; the last takes the rest. */
#include "fuzz.h"

#include "psisweep/dataset.h"

#include <math.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { FILES = 4, HEADER = 5 };

const size_t psi_fuzz_mutations = 16000;

static const char *const idx_name[FILES] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                            "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
static const char *const cifar_name[FILES] = {"data_batch_1.bin", "test_batch.bin",
                                              "data_batch_2.bin", "test_batch_first_1000.bin"};

static char folder[] = "/tmp/psisweep-fuzz-XXXXXX";

static void remove_folder(void)
{
    rmdir(folder);
}

static void write_file(const char *path, int gz, const uint8_t *data, size_t size)
{
    if (gz) {
        gzFile file = gzopen(path, "wb1");
        FUZZ_CHECK(file);
        FUZZ_CHECK(size == 0 || gzwrite(file, data, (unsigned)size) == (int)size);
        FUZZ_CHECK(gzclose(file) == Z_OK);
    } else {
        FILE *file = fopen(path, "wb");
        FUZZ_CHECK(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    }
}

static void check_split(const struct psi_dataset *set, const struct psi_split *split)
{
    for (size_t i = 0; i < split->samples; i++)
        FUZZ_CHECK(split->label[i] < set->classes);
    double chance = psi_split_chance(split), lit = psi_split_density(set, split);
    FUZZ_CHECK(chance >= 0 && chance <= 1 && lit >= 0 && lit <= 1);
}

static void check_set(const struct psi_data_spec *spec, const struct psi_dataset *set)
{
    struct psi_dataset *some = NULL;
    struct psi_error err = {0};
    FUZZ_CHECK(set->features == set->channels * set->height * set->width && set->features > 0);
    FUZZ_CHECK(set->classes >= 2 && set->classes <= PSI_CLASSES_MAX);
    FUZZ_CHECK(set->train.samples > 0 && set->test.samples > 0);
    FUZZ_CHECK(set->validation.samples == spec->validation);
    FUZZ_CHECK(!spec->train || set->train.samples + spec->validation == spec->train);
    FUZZ_CHECK(!spec->test || set->test.samples == spec->test);
    for (size_t c = 0; c < set->channels; c++)
        FUZZ_CHECK(isfinite(set->mean[c]) && set->deviation[c] > 0);
    check_split(set, &set->train);
    check_split(set, &set->validation);
    check_split(set, &set->test);
    uint32_t feature = (uint32_t)(set->features - 1);
    FUZZ_CHECK(psi_dataset_select(set, &feature, 1, &some, &err) == PSI_OK);
    psi_dataset_destroy(some);
}

static int load(const struct psi_data_spec *spec)
{
    struct psi_dataset *set = NULL;
    struct psi_error err = {0};
    enum psi_status status = psi_dataset_create(spec, &set, &err);
    if (status) {
        FUZZ_CHECK(status == PSI_DATA || status == PSI_USAGE || status == PSI_IO);
        FUZZ_CHECK(!set);
        FUZZ_CHECK(strlen(err.text) > 10 && !strpbrk(err.text, "\n\r\033"));
        return 0;
    }
    check_set(spec, set);
    psi_dataset_destroy(set);
    return 1;
}

int psi_fuzz_one(const uint8_t *data, size_t size)
{
    static int ready;
    char path[FILES][128];
    if (!ready) {
        FUZZ_CHECK(mkdtemp(folder));
        atexit(remove_folder);
        ready = 1;
    }
    if (size < HEADER)
        return 0;
    static const int set[] = {PSI_IDX, PSI_CIFAR10, PSI_MNIST, PSI_IDX};
    struct psi_data_spec spec = {.set = set[data[0] % 4],
                                 .path = folder,
                                 .train = data[2],
                                 .test = data[3],
                                 .validation = data[4]};
    const char *const *name = spec.set == PSI_CIFAR10 ? cifar_name : idx_name;
    size_t at = HEADER, files = 0;
    while (files < FILES && at + 2 <= size) {
        size_t length = (size_t)data[at] << 8 | data[at + 1];
        at += 2;
        if (length > size - at || files == FILES - 1)
            length = size - at;
        snprintf(path[files], sizeof *path, "%s/%s%s", folder, name[files],
                 data[1] >> files & 16 ? ".gz" : "");
        write_file(path[files], data[1] >> files & 1, data + at, length);
        at += length;
        files++;
    }
    int taken = load(&spec);
    for (size_t i = 0; i < files; i++)
        unlink(path[i]);
    return taken;
}
