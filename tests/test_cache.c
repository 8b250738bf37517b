/* One copy of a data set a node: the same set with it and without, whoever makes it, whatever goes
 * wrong with the folder. *state is the folder of the source files; the cache is a folder in it. */
#include "idx_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct place {
    struct data_folder source, base; /* base: what $PSISWEEP_CACHE names */
    struct data_folder own;          /* base/psisweep-UID */
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    data_folder_create(&place->source);
    data_folder_create(&place->base);
    snprintf(place->own.path, sizeof place->own.path, "%s/psisweep-%lu", place->base.path,
             (unsigned long)geteuid());
    idx_write_set(&place->source, 1);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    struct stat status;
    if (lstat(place->own.path, &status) == 0 && S_ISDIR(status.st_mode)) {
        chmod(place->own.path, 0700);
        data_folder_empty(&place->own);
    }
    if (access(place->base.path, F_OK) == 0)
        data_folder_destroy(&place->base);
    data_folder_destroy(&place->source);
    free(place);
    return 0;
}

static struct psi_data_spec spec_of(struct place *place)
{
    struct psi_data_spec spec = idx_spec_of(&place->source);
    spec.validation = 2;
    spec.cache = place->base.path;
    return spec;
}

/* Load, compare with what is read without a cache, byte for byte; returns whether it is shared. */
static int load(struct place *place)
{
    struct psi_data_spec spec = spec_of(place), alone = spec;
    alone.cache = NULL;
    struct psi_dataset *shared = data_expect_success(&spec), *own = data_expect_success(&alone);
    size_t samples = own->train.samples + own->validation.samples + own->test.samples;
    assert_null(own->map);
    assert_int_equal(shared->digest, own->digest);
    assert_int_equal(shared->channels, own->channels);
    assert_int_equal(shared->height, own->height);
    assert_int_equal(shared->width, own->width);
    assert_int_equal(shared->features, own->features);
    assert_int_equal(shared->classes, own->classes);
    assert_int_equal(shared->train.samples, own->train.samples);
    assert_int_equal(shared->validation.samples, own->validation.samples);
    assert_int_equal(shared->test.samples, own->test.samples);
    assert_memory_equal(shared->mean, own->mean, sizeof own->mean);
    assert_memory_equal(shared->deviation, own->deviation, sizeof own->deviation);
    assert_memory_equal(shared->pixel, own->pixel, samples * own->features);
    assert_memory_equal(shared->label, own->label, samples);
    assert_ptr_equal(shared->test.pixel, shared->pixel + (samples - TEST) * own->features);
    assert_ptr_equal(shared->test.label, shared->label + samples - TEST);
    int is_shared = shared->map != NULL;
    psi_dataset_destroy(shared);
    psi_dataset_destroy(own);
    return is_shared;
}

/* Files in the user's folder; path gets that of the last one. */
static int copies(struct place *place, char path[PATH_MAX])
{
    int count = 0;
    DIR *listing = opendir(place->own.path);
    if (!listing)
        return 0;
    for (struct dirent *entry; (entry = readdir(listing));)
        if (entry->d_name[0] != '.') {
            data_folder_file(&place->own, entry->d_name, path);
            count++;
        }
    closedir(listing);
    return count;
}

static ino_t inode(const char *path)
{
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_ino;
}

/* The one copy, made anew. */
static void make(struct place *place, char path[PATH_MAX])
{
    assert_true(load(place));
    assert_int_equal(copies(place, path), 1);
}

static void test_shared_and_read_only(void **state)
{
    char path[PATH_MAX];
    struct stat status;
    make(*state, path);
    ino_t first = inode(path);
    assert_true(load(*state));
    assert_int_equal(inode(path), first);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & ALLPERMS, S_IRUSR);

    struct psi_data_spec spec = spec_of(*state);
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
    make(place, path);

    struct psi_data_spec spec = spec_of(place);
    struct psi_dataset *held = data_expect_success(&spec); /* or it would be cleared away */
    spec.validation = 3;
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_int_equal(dataset->train.samples, TRAIN - 3);
    assert_non_null(dataset->map);
    assert_int_equal(copies(place, other), 2);
    psi_dataset_destroy(dataset);

    /* the same name, size and time, another content */
    struct stat status;
    char source[PATH_MAX];
    data_folder_file(&place->source, TRAIN_IMAGES, source);
    size_t size = idx_make_images(file, 0, TRAIN);
    data_write(&place->source, TRAIN_IMAGES, file, size);
    data_folder_file(&place->source, TRAIN_IMAGES ".gz", other);
    assert_int_equal(unlink(other), 0);
    assert_true(load(place));
    assert_int_equal(stat(source, &status), 0);
    file[size - 1] ^= 1;
    data_write(&place->source, TRAIN_IMAGES, file, size);
    struct timespec times[] = {status.st_atim, status.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, source, times, 0), 0);
    assert_true(load(place));
    idx_check_split(&held->train, 0, TRAIN - 2);
    psi_dataset_destroy(held);
}

/* A file that nobody maps goes when another is made; what a killed process left goes, too. */
static void test_cleared(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX], other[PATH_MAX];
    make(place, path);
    data_write(&place->own, "part", "half", 4);
    data_write(&place->own, "notes", "mine", 4);
    struct psi_data_spec spec = spec_of(place);
    spec.validation = 3;
    psi_dataset_destroy(data_expect_success(&spec));
    assert_int_equal(access(path, F_OK), -1);
    data_folder_file(&place->own, "part", other);
    assert_int_equal(access(other, F_OK), -1);
    assert_int_equal(copies(place, other), 2); /* the new copy, and what is not ours to remove */
}

static void test_corrupted(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX];
    struct stat status;
    make(place, path);
    assert_int_equal(stat(path, &status), 0);
    /* every byte of the header's first 128, then pixels, labels, the last byte */
    for (off_t at = 0; at < status.st_size; at += at < 128 ? 1 : at < 4096 ? 4096 - at : 7) {
        char byte;
        ino_t before = inode(path);
        assert_int_equal(chmod(path, 0600), 0);
        int fd = open(path, O_RDWR);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 4;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
        assert_int_equal(chmod(path, 0400), 0);
        int keep = open(path, O_RDONLY); /* or its inode would be used again */
        make(place, path);
        if (at < 120 || at >= 4096)
            assert_int_not_equal(inode(path), before);
        close(keep);
    }
    for (off_t size = 0; size < status.st_size; size += 61) { /* cut off, and too long */
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(truncate(path, size ? size : status.st_size + 1), 0);
        assert_int_equal(chmod(path, 0400), 0);
        make(place, path);
    }
    /* a sound copy of something else under its name */
    char other[PATH_MAX];
    struct psi_data_spec spec = spec_of(place);
    spec.validation = 3;
    psi_dataset_destroy(data_expect_success(&spec));
    assert_int_equal(copies(place, other), 1);
    assert_int_equal(rename(other, path), 0);
    make(place, path);
}

static void test_wrong_mode_or_kind(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX], elsewhere[PATH_MAX];
    make(place, path);
    for (int bit = 0; bit < 3; bit++) { /* someone might have written to it */
        const mode_t mode[] = {0420, 0402, 0600};
        int keep = open(path, O_RDONLY);
        ino_t before = inode(path);
        assert_int_equal(chmod(path, mode[bit]), 0);
        make(place, path);
        assert_int_not_equal(inode(path), before);
        close(keep);
    }
    /* a link in its place, to a sound copy even, is not followed but replaced */
    data_folder_file(&place->source, "sound", elsewhere);
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    make(place, path);
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(access(elsewhere, F_OK), 0);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0400), 0);
    make(place, path);

    /* a link where a new copy is written does not lead out of the folder */
    char part[PATH_MAX];
    data_folder_file(&place->own, "part", part);
    assert_int_equal(unlink(path), 0);
    data_write(&place->source, "victim", "untouched", 9);
    data_folder_file(&place->source, "victim", elsewhere);
    assert_int_equal(symlink(elsewhere, part), 0);
    make(place, path);
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
        assert_false(load(place));
        assert_int_equal(copies(place, path), 0);
    }
    assert_int_equal(rmdir(place->own.path), 0);

    char elsewhere[PATH_MAX];
    data_folder_file(&place->source, "elsewhere", elsewhere);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    assert_int_equal(symlink(elsewhere, place->own.path), 0);
    assert_false(load(place));
    assert_int_equal(rmdir(elsewhere), 0); /* still empty */
    assert_int_equal(unlink(place->own.path), 0);

    data_write(&place->base, strrchr(place->own.path, '/') + 1, "a file", 6);
    assert_false(load(place));
    assert_int_equal(unlink(place->own.path), 0);

    if (geteuid() == 0) { /* another user's folder, then another user's file in ours */
        assert_int_equal(mkdir(place->own.path, 0700), 0);
        assert_int_equal(chown(place->own.path, 1, 1), 0);
        assert_false(load(place));
        assert_int_equal(copies(place, path), 0);
        assert_int_equal(chown(place->own.path, 0, 0), 0);
        make(place, path);
        int keep = open(path, O_RDONLY);
        ino_t before = inode(path);
        assert_int_equal(chown(path, 1, 1), 0);
        make(place, path);
        assert_int_not_equal(inode(path), before);
        close(keep);
    }
}

static void test_no_folder(void **state)
{
    struct place *place = *state;
    assert_int_equal(rmdir(place->base.path), 0);
    assert_false(load(place));
    strcpy(place->base.path, "/dev/null");
    assert_false(load(place));
    strcpy(place->base.path, "/proc"); /* where nothing can be made */
    assert_false(load(place));
    strcpy(place->base.path, "/nowhere");
}

/* Errors of the sources are told as without a cache, also beside a copy of what they were. */
static void test_damaged_source(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX], source[PATH_MAX];
    make(place, path);
    struct psi_data_spec spec = spec_of(place);
    data_write(&place->source, TRAIN_LABELS ".gz", "junk", 4);
    DATA_EXPECT_FAILURE(&spec, PSI_DATA, TRAIN_LABELS);
    data_folder_file(&place->source, TRAIN_LABELS ".gz", source);
    assert_int_equal(unlink(source), 0);
    DATA_EXPECT_FAILURE(&spec, PSI_IO, TRAIN_LABELS, "no such file");
    assert_int_equal(mkfifo(source, 0600), 0);
    DATA_EXPECT_FAILURE(&spec, PSI_IO, TRAIN_LABELS, "special file");
    assert_int_equal(copies(place, path), 1);
}

/* A child's code: 0 shared, 1 not, other: died. */
static int in_child(struct place *place, void (*prepare)(struct place *))
{
    int code;
    pid_t child = fork();
    if (child == 0) {
        prepare(place);
        _exit(load(place) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &code, 0), child);
    return WIFEXITED(code) ? WEXITSTATUS(code) : 99;
}

static void limit_file_size(struct place *place)
{
    (void)place;
    struct rlimit limit = {.rlim_cur = 4100, .rlim_max = 4100}; /* header and a few pixels */
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        _exit(98);
}

static void mount_small_disk(struct place *place)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", place->base.path, "tmpfs", 0, "size=4096") != 0)
        _exit(77);
}

static void test_full_disk(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX];
    assert_int_equal(in_child(place, limit_file_size), 1);
    assert_int_equal(copies(place, path), 0); /* no half file is left */
    if (geteuid() == 0) {
        int code = in_child(place, mount_small_disk);
        if (code == 77)
            print_message("no tmpfs can be mounted here: not tried on a full one\n");
        else
            assert_int_equal(code, 1);
    }
    make(place, path);
}

/* Eight at once, again and again: all share one file, none is left half written. */
static void test_race(void **state)
{
    enum { RACERS = 8, ROUNDS = 20 };
    struct place *place = *state;
    char path[PATH_MAX];
    for (int round = 0; round < ROUNDS; round++) {
        int gate[2], code;
        assert_int_equal(pipe(gate), 0);
        for (int i = 0; i < RACERS; i++)
            if (fork() == 0) {
                char byte;
                close(gate[1]);
                code = (int)read(gate[0], &byte, 1); /* until the parent lets go */
                struct psi_data_spec spec = spec_of(place);
                struct psi_dataset *dataset = NULL;
                if (psi_dataset_create(&spec, &dataset, NULL) != PSI_OK)
                    _exit(2);
                code = dataset->map ? 0 : 1;
                psi_dataset_destroy(dataset);
                _exit(code);
            }
        close(gate[0]);
        close(gate[1]);
        for (int i = 0; i < RACERS; i++) {
            assert_true(wait(&code) > 0);
            assert_true(WIFEXITED(code));
            assert_int_equal(WEXITSTATUS(code), 0);
        }
        assert_int_equal(copies(place, path), 1);
        assert_int_equal(unlink(path), 0);
    }
}

/* Killed at any moment of making it, a process leaves nothing that hinders the next. */
static void test_killed(void **state)
{
    enum { KILLS = 40 };
    struct place *place = *state;
    for (int i = 0; i < KILLS; i++) {
        int code;
        pid_t child = fork();
        if (child == 0)
            for (;;) { /* makes it again and again until it is killed */
                char mine[PATH_MAX];
                struct psi_data_spec spec = spec_of(place);
                struct psi_dataset *dataset = NULL;
                if (psi_dataset_create(&spec, &dataset, NULL) != PSI_OK)
                    _exit(2);
                psi_dataset_destroy(dataset);
                if (copies(place, mine))
                    unlink(mine);
            }
        usleep(500 + 131 * (unsigned)i);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &code, 0), child);
        assert_true(WIFSIGNALED(code));
        assert_true(load(place));
    }
}

/* One who waits takes the copy as soon as it is there, though its maker still holds the lock. */
static void test_waits_for_the_maker(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX], aside[PATH_MAX];
    int code;
    make(place, path);
    data_folder_file(&place->source, "aside", aside);
    assert_int_equal(rename(path, aside), 0);
    int maker = open(place->own.path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(maker, LOCK_EX), 0);
    pid_t child = fork();
    if (child == 0) {
        close(maker);
        _exit(load(place) ? 0 : 1);
    }
    usleep(50000);
    assert_int_equal(waitpid(child, &code, WNOHANG), 0);
    assert_int_equal(rename(aside, path), 0);
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 0);
    close(maker);
}

static void test_generated_sets_are_not_shared(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX];
    struct psi_data_spec spec = {
        .set = PSI_GLYPHS, .train = 20, .test = 10, .cache = place->base.path};
    struct psi_dataset *dataset = data_expect_success(&spec);
    assert_null(dataset->map);
    assert_int_equal(copies(place, path), 0);
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

#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
        CACHE_TEST(test_full_disk),
        CACHE_TEST(test_race),
        CACHE_TEST(test_killed),
        CACHE_TEST(test_waits_for_the_maker),
        CACHE_TEST(test_generated_sets_are_not_shared),
        cmocka_unit_test(test_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
