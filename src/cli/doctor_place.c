/* The folder where results are to go, and its file system. */
#include "doctor.h"

#include "psisweep/clock.h"
#include "psisweep/results.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct file_system {
    unsigned magic;
    const char *name;
    enum psi_health health;
    const char *advice;
} file_systems[] = {
    {0xef53, "ext4", PSI_FINE, NULL},
    {0x58465342, "xfs", PSI_FINE, NULL},
    {0x9123683e, "btrfs", PSI_FINE, NULL},
    {0x2fc12fc1, "zfs", PSI_FINE, NULL},
    {0x794c7630, "overlay", PSI_WARNING,
     "a container's own layer: results go with the container; mount a folder"},
    {0x01021994, "tmpfs", PSI_WARNING, "in memory: results go with the machine's next start"},
    {0x6969, "NFS", PSI_WARNING,
     "needs locks that work between nodes (mount without nolock) and is slow to sync; a parallel "
     "file system is better"},
    {0x0bd00bd0, "Lustre", PSI_WARNING, "must be mounted with -o flock, not localflock"},
    {0x47504653, "GPFS", PSI_FINE, NULL},
    {0x19830326, "BeeGFS", PSI_WARNING, "locks between nodes need tuneUseGlobalFileLocks=true"},
    {0x65735546, "FUSE", PSI_WARNING, "many of these neither lock nor sync: see the checks below"},
    {0xff534d42, "CIFS", PSI_WARNING, "locks and syncs of Windows shares are not to be relied on"},
    {0xfe534d42, "SMB", PSI_WARNING, "locks and syncs of Windows shares are not to be relied on"},
};

static void check_kind(struct psi_doctor *d)
{
    struct statfs what;
    if (statfs(d->folder, &what) != 0)
        return;
    for (size_t i = 0; i < sizeof file_systems / sizeof *file_systems; i++) {
        const struct file_system *f = &file_systems[i];
        if (f->magic == (unsigned)what.f_type) {
            psi_doctor_say(d, "file system", f->health, f->advice, "%s", f->name);
            return;
        }
    }
    psi_doctor_say(d, "file system", PSI_FINE, NULL, "type 0x%x, not known here",
                   (unsigned)what.f_type);
}

static void check_room(struct psi_doctor *d)
{
    const double least = 1e9; /* bytes: a large sweep stays below 110 MB, dense parents apart */
    struct statvfs what;
    if (statvfs(d->folder, &what) != 0)
        return;
    double room = (double)what.f_bavail * (double)what.f_frsize;
    psi_doctor_say(d, "room", room < least ? PSI_WARNING : PSI_FINE,
                   "a sweep reserves its whole file at the start, and says so where there is no "
                   "room",
                   "%.3g GB free", 1e-9 * room);
    if (what.f_files > 0 && what.f_favail < 100)
        psi_doctor_say(d, "inodes", PSI_PROBLEM, "remove files: none can be made", "%lu free",
                       (unsigned long)what.f_favail);
}

/* Does another process's lock stand in the way, as it must? -1 = there are no such locks. */
static int lock_refuses(const char *path, int (*lock)(int fd))
{
    int fd = open(path, O_RDWR | O_CLOEXEC), how = 0;
    if (fd < 0 || lock(fd) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        int other = open(path, O_RDWR);
        _exit(other >= 0 && lock(other) != 0);
    }
    if (pid > 0)
        waitpid(pid, &how, 0);
    close(fd);
    return pid > 0 && WIFEXITED(how) && WEXITSTATUS(how) == 1;
}

static int lock_flock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB);
}

static int lock_fcntl(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_SETLK, &whole);
}

static void check_locks(struct psi_doctor *d, const char *path)
{
    int flocked = lock_refuses(path, lock_flock), fcntled = lock_refuses(path, lock_fcntl);
    psi_doctor_say(d, "flock", flocked == 1 ? PSI_FINE : PSI_PROBLEM,
                   "without it two launches could write to one file: use another file system, or "
                   "mount this one with locks",
                   "%s",
                   flocked == 1   ? "keeps two processes of this node apart"
                   : flocked == 0 ? "does not keep two processes apart"
                                  : "not supported");
    psi_doctor_say(d, "fcntl locks", fcntled == 1 ? PSI_FINE : PSI_WARNING,
                   "MPI-IO may want them; watch the two-rank sweep below", "%s",
                   fcntled == 1 ? "work" : "do not work");
}

static void check_sync(struct psi_doctor *d, int fd)
{
    const double slow = 0.5; /* seconds: a cell syncs twice */
    const double skew = 5.0;
    struct stat what;
    double start = psi_clock_monotonic();
    int ok = write(fd, "psisweep", 8) == 8 && fsync(fd) == 0;
    double took = psi_clock_monotonic() - start;
    psi_doctor_say(d, "sync",
                   !ok           ? PSI_PROBLEM
                   : took > slow ? PSI_WARNING
                                 : PSI_FINE,
                   ok ? "each cell waits for two of them: prefer long cells or another file system"
                      : "what is written may be lost: use another file system",
                   ok ? "%.1f ms" : "fails", 1e3 * took);
    if (fstat(fd, &what) == 0 && fabs((double)what.st_mtime - psi_clock_wall()) > skew)
        psi_doctor_say(d, "file times", PSI_WARNING,
                       "the clocks of this machine and of the file server differ: set them",
                       "%.0f s apart", (double)what.st_mtime - psi_clock_wall());
}

/* 1 where the probes' files can have names in it. */
static int check_path(struct psi_doctor *d)
{
    const size_t shortest = 8, probe = 64; /* bytes of a file's name behind it */
    size_t length = strlen(d->folder);
    int any = length + shortest <= PSI_PATH_LONGEST, room = length + probe <= PSI_PATH_LONGEST;
    psi_doctor_say(d, "path",
                   !any    ? PSI_PROBLEM
                   : !room ? PSI_WARNING
                           : PSI_FINE,
                   any ? "too long to try a sweep in it: use a shorter one, or one beside it"
                       : "no results file can be opened in it: use a shorter one",
                   "%zu bytes; with a file's name Open MPI takes at most %d bytes", length,
                   PSI_PATH_LONGEST);
    return room;
}

int psi_doctor_place(struct psi_doctor *d)
{
    char path[PSI_DOCTOR_PATH + 64];
    snprintf(path, sizeof path, "%s/.psisweep-doctor-XXXXXX", d->folder);
    int fd = mkstemp(path);
    psi_doctor_say(d, "folder", fd < 0 ? PSI_PROBLEM : PSI_FINE,
                   "name a folder that is there and that you may write to", "%s: %s", d->folder,
                   fd < 0 ? strerror(errno) : "writable");
    if (fd < 0)
        return 0;
    int room = check_path(d);
    check_kind(d);
    check_room(d);
    check_sync(d, fd);
    check_locks(d, path);
    close(fd);
    unlink(path);
    return room;
}
