#include "psisweep/clock.h"
#include "psisweep/memory.h"
#include "psisweep/results.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct psi_lock {
    int fd; /* the lock lives as long as this is open; a killed process lets go by dying */
};

/* "dir/FILE.h5" -> "dir/.FILE.h5.<role>.lock". Lock files stay: removing one would let two
 * processes hold "the" lock on two files of the same name. */
static int lock_path(const char *path, const char *role, char *text, size_t size)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    int length = snprintf(text, size, "%.*s.%s.%s.lock", (int)(base - path), path, base, role);
    return length > 0 && (size_t)length < size;
}

static enum psi_status lock_open(const char *path, const char *role, int *fd, struct psi_error *err)
{
    char name[4096];
    if (!lock_path(path, role, name, sizeof name))
        return psi_fail(err, PSI_USAGE, "%s: path too long", path);
    *fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd < 0)
        return psi_fail(err, PSI_IO, "%s: cannot open the lock file: %s", name, strerror(errno));
    return PSI_OK;
}

/* Try for up to `seconds`. Returns 0, or the errno of the last try; EINTR = asked to stop. */
static int lock_wait(int fd, int operation, double seconds, const volatile sig_atomic_t *stop)
{
    double until = psi_clock_monotonic() + seconds;
    while (flock(fd, operation | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return errno;
        if (stop && *stop)
            return EINTR;
        if (psi_clock_monotonic() > until)
            return EWOULDBLOCK;
        psi_clock_sleep(0.02);
    }
    return 0;
}

static enum psi_status lock_take(const char *path, const char *role, int operation, double seconds,
                                 const volatile sig_atomic_t *stop, struct psi_lock **out,
                                 struct psi_error *err)
{
    struct psi_lock *lock = psi_allocate(1, sizeof *lock, "lock", err);
    if (!lock)
        return PSI_MEMORY;
    enum psi_status status = lock_open(path, role, &lock->fd, err);
    if (status) {
        free(lock);
        return status;
    }
    int cause = lock_wait(lock->fd, operation, seconds, stop);
    if (cause) {
        psi_lock_release(lock);
        if (cause == EINTR)
            return psi_fail(err, PSI_STOPPED, "asked to stop");
        if (cause == EWOULDBLOCK)
            return psi_fail(err, PSI_ENVIRONMENT,
                            "%s: in use by another psisweep run (%s lock held for over %.0f s); "
                            "wait for it, stop it, or write to another file with -o",
                            path, role, seconds);
        return psi_fail(err, PSI_ENVIRONMENT, "%s: this file system cannot lock files: %s", path,
                        strerror(cause));
    }
    *out = lock;
    return PSI_OK;
}

enum psi_status psi_lock_leader(const char *path, const volatile sig_atomic_t *stop,
                                struct psi_lock **out, struct psi_error *err)
{
    /* A leader that was just killed lets go at once; the ranks of its launch write for up to a
     * second after their mpirun has died, and longer when suspended. */
    enum { LEADER_SECONDS = 3, WORKERS_SECONDS = 30 };
    struct psi_lock *leader = NULL, *workers = NULL;
    enum psi_status status = lock_take(path, "leader", LOCK_EX, LEADER_SECONDS, stop, &leader, err);
    if (status)
        return status;
    status = lock_take(path, "workers", LOCK_EX, WORKERS_SECONDS, stop, &workers, err);
    psi_lock_release(workers);
    if (status) {
        psi_lock_release(leader);
        return status;
    }
    *out = leader;
    return PSI_OK;
}

enum psi_status psi_lock_worker(const char *path, const volatile sig_atomic_t *stop,
                                struct psi_lock **out, struct psi_error *err)
{
    return lock_take(path, "workers", LOCK_SH, 30, stop, out, err);
}

void psi_lock_release(struct psi_lock *lock)
{
    if (!lock)
        return;
    close(lock->fd);
    free(lock);
}
