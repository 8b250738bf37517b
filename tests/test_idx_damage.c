/* Damaged and hostile IDX files: each is refused in one line that names file and field. */
#include "idx_files.h"

static void test_every_cut_is_found(void **state)
{
    static const char *const names[] = {TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS};
    struct psi_data_spec spec = idx_spec_of(*state);
    for (int i = 0; i < 8; i++) {
        char name[64];
        size_t size;
        snprintf(name, sizeof name, "%s%s", names[i % 4], i < 4 ? "" : ".gz");
        idx_write_set(*state, i >= 4);
        uint8_t *file = data_read(*state, name, &size);
        for (size_t cut = 0; cut < size; cut++) {
            data_write(*state, name, file, cut);
            DATA_EXPECT_FAILURE(&spec, PSI_DATA, name);
        }
        free(file);
    }
    idx_write_set(*state, 0);
    data_write(*state, TRAIN_IMAGES, "", 0);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, TRAIN_IMAGES, "header", "expected 16 bytes", "found 0");
}

/* No flipped bit may crash the reader or pass as other pixels: gzip guards its payload. */
static void test_every_flipped_bit_of_a_gzip_file(void **state)
{
    struct psi_data_spec spec = idx_spec_of(*state);
    idx_write_set(*state, 1);
    size_t size, refused = 0;
    uint8_t *file = data_read(*state, TRAIN_IMAGES ".gz", &size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        struct psi_dataset *dataset = NULL;
        struct psi_error err;
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        data_write(*state, TRAIN_IMAGES ".gz", file, size);
        enum psi_status status = psi_dataset_create(&spec, &dataset, &err);
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (status == PSI_OK) {
            idx_check_split(&dataset->train, 0, TRAIN);
        } else {
            assert_int_equal(status, PSI_DATA);
            assert_non_null(strstr(err.text, TRAIN_IMAGES ".gz"));
            refused++;
        }
        psi_dataset_destroy(dataset);
    }
    /* only the ten bytes of gzip's own header hold bits without a meaning */
    assert_true(refused >= 8 * (size - 10));
    file[size - 8] ^= 1; /* the checksum, RFC 1952 section 2.3.1 */
    data_write(*state, TRAIN_IMAGES ".gz", file, size);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, TRAIN_IMAGES ".gz", "gzip", "incorrect data check");
    free(file);
}

/* One 32-bit word of a file set to `value` must fail, with `words` in the text. */
static void expect_word_failure(struct data_folder *folder, int gz, const char *name, size_t offset,
                                uint32_t value, const char *field, const char *found)
{
    uint8_t file[FILE_MOST];
    size_t first = name[1] == '1' ? TRAIN : 0, count = name[1] == '1' ? TEST : TRAIN;
    size_t size = strstr(name, "images") ? idx_make_images(file, first, count)
                                         : idx_make_labels(file, first, count);
    struct psi_data_spec spec = idx_spec_of(folder);
    idx_write_set(folder, gz);
    idx_put_u32(file + offset, value);
    idx_write_either(folder, name, gz, file, size);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, name, field, "expected", found);
}

static void test_headers(void **state)
{
    for (int gz = 0; gz < 2; gz++) {
        /* floats; labels where images should be; no IDX at all */
        expect_word_failure(*state, gz, TRAIN_IMAGES, 0, 0x0d03, "magic", "found 0x00000d03");
        expect_word_failure(*state, gz, TEST_IMAGES, 0, 0x0801, "magic", "found 0x00000801");
        expect_word_failure(*state, gz, TRAIN_LABELS, 0, 0x89504e47, "magic", "found 0x89504e47");
        expect_word_failure(*state, gz, TRAIN_IMAGES, 4, 0, "count", "found 0");
        expect_word_failure(*state, gz, TRAIN_IMAGES, 8, 0, "height", "found 0");
        expect_word_failure(*state, gz, TRAIN_IMAGES, 12, 0, "width", "found 0");
        expect_word_failure(*state, gz, TEST_LABELS, 4, 0, "count", "found 0");
        /* one label fewer or more than images, one image fewer than labels */
        expect_word_failure(*state, gz, TRAIN_LABELS, 4, TRAIN - 1, "count", "found 11");
        expect_word_failure(*state, gz, TRAIN_IMAGES, 4, TRAIN - 1, "count", "found 12");
        expect_word_failure(*state, gz, TEST_IMAGES, 8, HEIGHT - 1, "height", "found 2 x 4");
        expect_word_failure(*state, gz, TEST_IMAGES, 12, WIDTH - 1, "width", "found 3 x 3");
        /* an image smaller than its header says, a larger one */
        expect_word_failure(*state, gz, TRAIN_IMAGES, 12, WIDTH + 1, gz ? "pixels" : "size", "");
        expect_word_failure(*state, gz, TRAIN_IMAGES, 12, WIDTH - 1, "size", "found more");
    }
}

static void test_hostile_promises(void **state)
{
    struct psi_data_spec spec = idx_spec_of(*state);
    uint8_t file[FILE_MOST];
    size_t size = idx_make_images(file, 0, TRAIN);
    for (int gz = 0; gz < 2; gz++) {
        idx_write_set(*state, gz);
        idx_put_u32(file + 8, UINT32_C(1) << 18);
        idx_put_u32(file + 12, UINT32_C(1) << 18); /* 12 * 2^36 bytes */
        idx_write_either(*state, TRAIN_IMAGES, gz, file, size);
        DATA_EXPECT_FAILURE(&spec, PSI_DATA, TRAIN_IMAGES, "size", "12 x 262144 x 262144");
        for (int i = 4; i < 16; i += 4)
            idx_put_u32(file + i, UINT32_MAX); /* 2^96 */
        idx_write_either(*state, TRAIN_IMAGES, gz, file, size);
        DATA_EXPECT_FAILURE(&spec, PSI_DATA, TRAIN_IMAGES, "size", "4294967295 x 4294967295");
        idx_put_u32(file + 4, TRAIN);
    }
}

/* A terabyte file (a hole) makes its header's promise of a terabyte plausible, but after the gzip
 * stream's few bytes there is nothing: no more may be allocated than arrives. */
static void test_sparse_giant(void **state)
{
    struct psi_data_spec spec = idx_spec_of(*state);
    uint8_t file[FILE_MOST];
    char path[PATH_MAX];
    idx_write_set(*state, 1);
    size_t size = idx_make_images(file, 0, TRAIN);
    idx_put_u32(file + 8, UINT32_C(1) << 18);
    idx_put_u32(file + 12, UINT32_C(1) << 18);
    data_write_gz(*state, TRAIN_IMAGES ".gz", file, size);
    data_folder_file(*state, TRAIN_IMAGES ".gz", path);
    if (truncate(path, (off_t)1 << 40) != 0) {
        print_message("no room for a sparse file: skipped\n");
        skip();
    }
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, TRAIN_IMAGES ".gz", "pixels", "found 144");
}

/* 64 MB of zeros in 65 kB, behind a header that promises less, or more. */
static void test_gzip_bomb(void **state)
{
    enum { BOMB = 1 << 26 };
    struct psi_data_spec spec = idx_spec_of(*state);
    uint8_t *file = calloc(BOMB, 1);
    assert_non_null(file);
    idx_write_set(*state, 1);
    idx_make_images(file, 0, TRAIN);
    data_write_gz(*state, TRAIN_IMAGES ".gz", file, BOMB);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, TRAIN_IMAGES ".gz", "size: expected 160 bytes");
    idx_put_u32(file + 8, 1 << 11);
    idx_put_u32(file + 12, 2731); /* 12 x 2048 x 2731 is just above 2^26 */
    data_write_gz(*state, TRAIN_IMAGES ".gz", file, BOMB);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, TRAIN_IMAGES ".gz", "pixels", "found 67108848");
    free(file);
}

static void test_trailing_bytes(void **state)
{
    struct psi_data_spec spec = idx_spec_of(*state);
    for (int i = 0; i < 4; i++) {
        uint8_t file[FILE_MOST + 1] = {0};
        int gz = i % 2;
        size_t size = i < 2 ? idx_make_images(file, 0, TRAIN) : idx_make_labels(file, 0, TRAIN);
        const char *name = i < 2 ? TRAIN_IMAGES : TRAIN_LABELS;
        idx_write_set(*state, gz);
        idx_write_either(*state, name, gz, file, size + 1);
        DATA_EXPECT_FAILURE(&spec, PSI_DATA, name, "size", "found more");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_is_found),
        cmocka_unit_test(test_every_flipped_bit_of_a_gzip_file),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_hostile_promises),
        cmocka_unit_test(test_sparse_giant),
        cmocka_unit_test(test_gzip_bomb),
        cmocka_unit_test(test_trailing_bytes),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
