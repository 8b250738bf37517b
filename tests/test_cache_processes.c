/* One copy of a data set a node, between processes: several make it at once, one is killed, waits,
 * or finds no room for it. */
#include "cache_fixture.h"

#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* A child's code: 0 shared, 1 not, other: died. */
static int in_child(struct place *place, void (*prepare)(struct place *))
{
    int code;
    pid_t child = fork();
    if (child == 0) {
        prepare(place);
        _exit(cache_load(place) ? 0 : 1);
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
    assert_int_equal(cache_copies(place, path), 0); /* no half file is left */
    if (geteuid() == 0) {
        int code = in_child(place, mount_small_disk);
        if (code == 77)
            print_message("no tmpfs can be mounted here: not tried on a full one\n");
        else
            assert_int_equal(code, 1);
    }
    cache_make(place, path);
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
                struct psi_data_spec spec = cache_spec(place);
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
        assert_int_equal(cache_copies(place, path), 1);
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
                struct psi_data_spec spec = cache_spec(place);
                struct psi_dataset *dataset = NULL;
                if (psi_dataset_create(&spec, &dataset, NULL) != PSI_OK)
                    _exit(2);
                psi_dataset_destroy(dataset);
                if (cache_copies(place, mine))
                    unlink(mine);
            }
        usleep(500 + 131 * (unsigned)i);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &code, 0), child);
        assert_true(WIFSIGNALED(code));
        assert_true(cache_load(place));
    }
}

/* One who waits takes the copy as soon as it is there, though its maker still holds the lock. */
static void test_waits_for_the_maker(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX], aside[PATH_MAX];
    int code;
    cache_make(place, path);
    data_folder_file(&place->source, "aside", aside);
    assert_int_equal(rename(path, aside), 0);
    int maker = open(place->own.path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(maker, LOCK_EX), 0);
    pid_t child = fork();
    if (child == 0) {
        close(maker);
        _exit(cache_load(place) ? 0 : 1);
    }
    usleep(50000);
    assert_int_equal(waitpid(child, &code, WNOHANG), 0);
    assert_int_equal(rename(aside, path), 0);
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 0);
    close(maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CACHE_TEST(test_full_disk),
        CACHE_TEST(test_race),
        CACHE_TEST(test_killed),
        CACHE_TEST(test_waits_for_the_maker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
