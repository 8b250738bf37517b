#include "psisweep/clock.h"
#include "psisweep/memory.h"
#include "psisweep/results.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum psi_status psi_results_resolve(const char *path, char *resolved, size_t size,
                                    struct psi_error *err)
{
    char folder[PATH_MAX], name[PATH_MAX], whole[PATH_MAX];
    struct stat what;
    int length;
    if (stat(path, &what) == 0) {
        if (!S_ISREG(what.st_mode))
            return psi_fail(err, PSI_IO, "%s: not a regular file", path);
        if (!realpath(path, whole))
            return psi_fail(err, PSI_IO, "%s: %s", path, strerror(errno));
        length = snprintf(resolved, size, "%s", whole);
    } else {
        if (errno != ENOENT) /* it may be there: nothing is created on a guess */
            return psi_fail(err, PSI_IO, "%s: %s", path, strerror(errno));
        if (lstat(path, &what) == 0 && S_ISLNK(what.st_mode))
            return psi_fail(err, PSI_IO, "%s: a link to a file that is not there", path);
        snprintf(folder, sizeof folder, "%s", path);
        snprintf(name, sizeof name, "%s", path);
        if (!realpath(dirname(folder), whole))
            return psi_fail(err, PSI_IO, "%s: its folder: %s", path, strerror(errno));
        length = snprintf(resolved, size, "%s/%s", whole, basename(name));
    }
    return length >= 0 && (size_t)length < size
               ? PSI_OK
               : psi_fail(err, PSI_USAGE, "%s: path too long", path);
}

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

/* Who has led here last, as it wrote down for others. */
static void lock_who(const char *path, char who[PSI_LOCK_WHO])
{
    char name[PATH_MAX];
    int fd = lock_path(path, "leader", name, sizeof name) ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd >= 0 ? read(fd, who, PSI_LOCK_WHO - 1) : 0;
    who[length > 0 ? length : 0] = '\0';
    who[strcspn(who, "\n")] = '\0';
    if (!*who)
        strcpy(who, "host and process not known");
    if (fd >= 0)
        close(fd);
}

/* Only for people to read: where it cannot be written, they are told less. */
static void lock_sign(int fd)
{
    char text[PSI_LOCK_WHO], host[64] = "?", when[32];
    time_t now = (time_t)psi_clock_wall();
    struct tm utc;
    const char *job = getenv("SLURM_JOB_ID");
    gethostname(host, sizeof host - 1);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    int length = snprintf(text, sizeof text, "host %s, process %ld, since %s%s%.32s\n", host,
                          (long)getpid(), when, job ? ", Slurm job " : "", job ? job : "");
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)length, 0) != length)
        return;
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
        if (cause == EWOULDBLOCK) {
            char who[PSI_LOCK_WHO];
            lock_who(path, who);
            return psi_fail(err, PSI_ENVIRONMENT,
                            "%s: in use by another psisweep run (%s; %s lock held for over %.0f "
                            "s); wait for it, stop it, or write to another file with -o",
                            path, who, role, seconds);
        }
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
    lock_sign(leader->fd);
    *out = leader;
    return PSI_OK;
}

enum psi_status psi_lock_worker(const char *path, const volatile sig_atomic_t *stop,
                                struct psi_lock **out, struct psi_error *err)
{
    return lock_take(path, "workers", LOCK_SH, 30, stop, out, err);
}

void psi_lock_note(const struct psi_lock *lock, int rank, unsigned char byte)
{
    ssize_t written = pwrite(lock->fd, &byte, 1, rank);
    (void)written; /* without it, nobody knows the cause */
}

unsigned char psi_lock_noted(const struct psi_lock *lock, int rank)
{
    unsigned char byte;
    return pread(lock->fd, &byte, 1, rank) == 1 ? byte : 0;
}

void psi_lock_release(struct psi_lock *lock)
{
    if (!lock)
        return;
    close(lock->fd);
    free(lock);
}

/* 1 = somebody holds it against `operation`, 0 = nobody, -1 = this process cannot tell. It is held
 * here for no longer than the call: whoever waits for it tries again within milliseconds. */
static int lock_held(const char *path, const char *role, int mode, int operation)
{
    char name[PATH_MAX];
    if (!lock_path(path, role, name, sizeof name))
        return -1;
    int fd = open(name, mode | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    int held = flock(fd, operation | LOCK_NB) == 0 ? 0 : errno == EWOULDBLOCK ? 1 : -1;
    close(fd);
    return held;
}

enum psi_lock_state psi_lock_look(const char *path, char who[PSI_LOCK_WHO])
{
    int leader = lock_held(path, "leader", O_RDONLY, LOCK_SH);
    /* on NFS an exclusive lock needs a file that is open for writing */
    int workers = leader ? 0 : lock_held(path, "workers", O_RDWR, LOCK_EX);
    who[0] = '\0';
    if (leader > 0 || workers > 0)
        lock_who(path, who);
    return leader > 0                  ? PSI_LOCK_LED
           : leader < 0 || workers < 0 ? PSI_LOCK_UNKNOWN
           : workers > 0               ? PSI_LOCK_LEADERLESS
                                       : PSI_LOCK_FREE;
}
