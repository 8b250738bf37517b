/* One copy of a data set a node: the same set with it and without, whatever is wrong with the copy
 * or with its folder. */
#include "cache_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static void test_shared_and_read_only(void **state)
{
    char path[PATH_MAX];
    struct stat status;
    cache_make(*state, path);
    ino_t first = cache_inode(path);
    assert_true(cache_load(*state));
    assert_int_equal(cache_inode(path), first);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & ALLPERMS, S_IRUSR);

    struct psi_data_spec spec = cache_spec(*state);
    struct psi_dataset *one = data_expect_success(&spec), *two = data_expect_success(&spec);
    pid_t child = fork();
    if (child == 0) { /* writing to it ends the writer */
        signal(SIGSEGV, SIG_DFL);
        one->pixel[0]++;
        _exit(0);
    }
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_false(WIFEXITED(code) && WEXITSTATUS(code) == 0);

    /* a selection of a shared set is one's own, and outlives nothing it should not */
    uint32_t feature[] = {1, 5};
    struct psi_dataset *part = NULL;
    assert_int_equal(psi_dataset_select(two, feature, 2, &part, NULL), PSI_OK);
    assert_null(part->map);
    part->pixel[0]++;
    psi_dataset_destroy(part);
    psi_dataset_destroy(two);
    idx_check_split(&one->train, 0, TRAIN - 2);
    psi_dataset_destroy(one);
}

/* What is used of a source and what it holds name the copy; when and where it was written do not.
 */
static void test_named_by_content(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX], other[PATH_MAX];
    uint8_t file[FILE_MOST];
    cache_make(place, path);

    struct psi_data_spec spec = cache_spec(place);
    struct psi_dataset *held = data_expect_success(&spec); /* or it would be cleared away */
    spec.validation = 3;
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_int_equal(dataset->train.samples, TRAIN - 3);
    assert_non_null(dataset->map);
    assert_int_equal(cache_copies(place, other), 2);
    psi_dataset_destroy(dataset);

    /* the same name, size and time, another content */
    struct stat status;
    char source[PATH_MAX];
    data_folder_file(&place->source, TRAIN_IMAGES, source);
    size_t size = idx_make_images(file, 0, TRAIN);
    data_write(&place->source, TRAIN_IMAGES, file, size);
    data_folder_file(&place->source, TRAIN_IMAGES ".gz", other);
    assert_int_equal(unlink(other), 0);
    assert_true(cache_load(place));
    assert_int_equal(stat(source, &status), 0);
    file[size - 1] ^= 1;
    data_write(&place->source, TRAIN_IMAGES, file, size);
    struct timespec times[] = {status.st_atim, status.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, source, times, 0), 0);
    assert_true(cache_load(place));
    idx_check_split(&held->train, 0, TRAIN - 2);
    psi_dataset_destroy(held);
}

/* A file that nobody maps goes when another is made; what a killed process left goes, too. */
static void test_cleared(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX], other[PATH_MAX];
    cache_make(place, path);
    data_write(&place->own, "part", "half", 4);
    data_write(&place->own, "notes", "mine", 4);
    struct psi_data_spec spec = cache_spec(place);
    spec.validation = 3;
    psi_dataset_destroy(data_expect_success(&spec));
    assert_int_equal(access(path, F_OK), -1);
    data_folder_file(&place->own, "part", other);
    assert_int_equal(access(other, F_OK), -1);
    assert_int_equal(cache_copies(place, other),
                     2); /* the new copy, and what is not ours to remove */
}

static void test_corrupted(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX];
    struct stat status;
    cache_make(place, path);
    assert_int_equal(stat(path, &status), 0);
    /* every byte of the header's first 128, then pixels, labels, the last byte */
    for (off_t at = 0; at < status.st_size; at += at < 128 ? 1 : at < 4096 ? 4096 - at : 7) {
        char byte;
        ino_t before = cache_inode(path);
        assert_int_equal(chmod(path, 0600), 0);
        int fd = open(path, O_RDWR);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 4;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
        assert_int_equal(chmod(path, 0400), 0);
        int keep = open(path, O_RDONLY); /* or its inode would be used again */
        cache_make(place, path);
        if (at < 120 || at >= 4096)
            assert_int_not_equal(cache_inode(path), before);
        close(keep);
    }
    for (off_t size = 0; size < status.st_size; size += 61) { /* cut off, and too long */
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(truncate(path, size ? size : status.st_size + 1), 0);
        assert_int_equal(chmod(path, 0400), 0);
        cache_make(place, path);
    }
    /* a sound copy of something else under its name */
    char other[PATH_MAX];
    struct psi_data_spec spec = cache_spec(place);
    spec.validation = 3;
    psi_dataset_destroy(data_expect_success(&spec));
    assert_int_equal(cache_copies(place, other), 1);
    assert_int_equal(rename(other, path), 0);
    cache_make(place, path);
}

static void test_wrong_mode_or_kind(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX], elsewhere[PATH_MAX];
    cache_make(place, path);
    for (int bit = 0; bit < 3; bit++) { /* someone might have written to it */
        const mode_t mode[] = {0420, 0402, 0600};
        int keep = open(path, O_RDONLY);
        ino_t before = cache_inode(path);
        assert_int_equal(chmod(path, mode[bit]), 0);
        cache_make(place, path);
        assert_int_not_equal(cache_inode(path), before);
        close(keep);
    }
    /* a link in its place, to a sound copy even, is not followed but replaced */
    data_folder_file(&place->source, "sound", elsewhere);
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    cache_make(place, path);
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(access(elsewhere, F_OK), 0);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0400), 0);
    cache_make(place, path);

    /* a link where a new copy is written does not lead out of the folder */
    char part[PATH_MAX];
    data_folder_file(&place->own, "part", part);
    assert_int_equal(unlink(path), 0);
    data_write(&place->source, "victim", "untouched", 9);
    data_folder_file(&place->source, "victim", elsewhere);
    assert_int_equal(symlink(elsewhere, part), 0);
    cache_make(place, path);
    size_t size;
    uint8_t *victim = data_read(&place->source, "victim", &size);
    assert_int_equal(size, 9);
    assert_memory_equal(victim, "untouched", 9);
    free(victim);
}

/* Nothing is shared through a folder that others can reach into, or that is not ours. */
static void test_folder_of_others(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX];
    const mode_t open_to_others[] = {0770, 0707, 0750, 0701, 0777};
    for (size_t i = 0; i < 5; i++) {
        assert_true(mkdir(place->own.path, 0700) == 0 || errno == EEXIST);
        assert_int_equal(chmod(place->own.path, open_to_others[i]), 0);
        assert_false(cache_load(place));
        assert_int_equal(cache_copies(place, path), 0);
    }
    assert_int_equal(rmdir(place->own.path), 0);

    char elsewhere[PATH_MAX];
    data_folder_file(&place->source, "elsewhere", elsewhere);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    assert_int_equal(symlink(elsewhere, place->own.path), 0);
    assert_false(cache_load(place));
    assert_int_equal(rmdir(elsewhere), 0); /* still empty */
    assert_int_equal(unlink(place->own.path), 0);

    data_write(&place->base, strrchr(place->own.path, '/') + 1, "a file", 6);
    assert_false(cache_load(place));
    assert_int_equal(unlink(place->own.path), 0);

    if (geteuid() == 0) { /* another user's folder, then another user's file in ours */
        assert_int_equal(mkdir(place->own.path, 0700), 0);
        assert_int_equal(chown(place->own.path, 1, 1), 0);
        assert_false(cache_load(place));
        assert_int_equal(cache_copies(place, path), 0);
        assert_int_equal(chown(place->own.path, 0, 0), 0);
        cache_make(place, path);
        int keep = open(path, O_RDONLY);
        ino_t before = cache_inode(path);
        assert_int_equal(chown(path, 1, 1), 0);
        cache_make(place, path);
        assert_int_not_equal(cache_inode(path), before);
        close(keep);
    }
}

static void test_no_folder(void **state)
{
    struct place *place = *state;
    assert_int_equal(rmdir(place->base.path), 0);
    assert_false(cache_load(place));
    strcpy(place->base.path, "/dev/null");
    assert_false(cache_load(place));
    strcpy(place->base.path, "/proc"); /* where nothing can be made */
    assert_false(cache_load(place));
    strcpy(place->base.path, "/nowhere");
}

/* Errors of the sources are told as without a cache, also beside a copy of what they were. */
static void test_damaged_source(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX], source[PATH_MAX];
    cache_make(place, path);
    struct psi_data_spec spec = cache_spec(place);
    data_write(&place->source, TRAIN_LABELS ".gz", "junk", 4);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, TRAIN_LABELS);
    data_folder_file(&place->source, TRAIN_LABELS ".gz", source);
    assert_int_equal(unlink(source), 0);
    DATA_EXPECT_FAILURE(&spec, PSI_IO, TRAIN_LABELS, "no such file");
    assert_int_equal(mkfifo(source, 0600), 0);
    DATA_EXPECT_FAILURE(&spec, PSI_IO, TRAIN_LABELS, "special file");
    assert_int_equal(cache_copies(place, path), 1);
}

static void test_generated_sets_are_not_shared(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX];
    struct psi_data_spec spec = {
        .set = PSI_GLYPHS, .train = 20, .test = 10, .cache = place->base.path};
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_null(dataset->map);
    assert_int_equal(cache_copies(place, path), 0);
    psi_dataset_destroy(dataset);
}

static void test_where(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("PSISWEEP_CACHE"), 0);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_string_equal(psi_dataset_cache(), "/tmp");
    setenv("TMPDIR", "/scratch/job", 1);
    assert_string_equal(psi_dataset_cache(), "/scratch/job");
    setenv("PSISWEEP_CACHE", "/dev/shm", 1);
    assert_string_equal(psi_dataset_cache(), "/dev/shm");
    setenv("PSISWEEP_CACHE", "", 1);
    assert_null(psi_dataset_cache());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CACHE_TEST(test_shared_and_read_only),
        CACHE_TEST(test_named_by_content),
        CACHE_TEST(test_cleared),
        CACHE_TEST(test_corrupted),
        CACHE_TEST(test_wrong_mode_or_kind),
        CACHE_TEST(test_folder_of_others),
        CACHE_TEST(test_no_folder),
        CACHE_TEST(test_damaged_source),
        CACHE_TEST(test_generated_sets_are_not_shared),
        cmocka_unit_test(test_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
