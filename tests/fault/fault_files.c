/* Calls on files, and how they fail. */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* How many of `size` bytes to transfer; -1 with errno set for none. */
static long share(int what, size_t size)
{
    if (what > 0) {
        errno = what;
        return -1;
    }
    return what ? (long)(size / 2 ? size / 2 : size) : (long)size;
}

static ssize_t over(int what, ssize_t result)
{
    if (what == FAULT_TORN)
        syscall(SYS_kill, getpid(), SIGKILL);
    return result;
}

ssize_t write(int fd, const void *data, size_t size)
{
    int what = fault_on_file(FAULT_WRITE, fd);
    long part = share(what, size);
    return part < 0 ? -1 : over(what, syscall(SYS_write, fd, data, part));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    int what = fault_on_file(FAULT_WRITE, fd);
    long part = share(what, size);
    return part < 0 ? -1 : over(what, syscall(SYS_pwrite64, fd, data, part, at));
}

ssize_t read(int fd, void *data, size_t size)
{
    int what = fault_on_file(FAULT_READ, fd);
    long part = share(what, size);
    return part < 0 ? -1 : over(what, syscall(SYS_read, fd, data, part));
}

ssize_t pread(int fd, void *data, size_t size, off_t at)
{
    int what = fault_on_file(FAULT_READ, fd);
    long part = share(what, size);
    return part < 0 ? -1 : over(what, syscall(SYS_pread64, fd, data, part, at));
}

/* Half of a vector: half of its parts, or half of the only one. */
static ssize_t vector(long call, int what, int fd, const struct iovec *data, int count, off_t at)
{
    struct iovec half;
    if (what > 0)
        return share(what, 0);
    if (what && count == 1) {
        half = data[0];
        half.iov_len = (size_t)share(what, half.iov_len);
        data = &half;
    } else if (what) {
        count /= 2;
    }
    return over(what, syscall(call, fd, data, count, at, 0));
}

ssize_t writev(int fd, const struct iovec *data, int count)
{
    return vector(SYS_writev, fault_on_file(FAULT_WRITE, fd), fd, data, count, 0);
}

ssize_t pwritev(int fd, const struct iovec *data, int count, off_t at)
{
    return vector(SYS_pwritev, fault_on_file(FAULT_WRITE, fd), fd, data, count, at);
}

ssize_t readv(int fd, const struct iovec *data, int count)
{
    return vector(SYS_readv, fault_on_file(FAULT_READ, fd), fd, data, count, 0);
}

ssize_t preadv(int fd, const struct iovec *data, int count, off_t at)
{
    return vector(SYS_preadv, fault_on_file(FAULT_READ, fd), fd, data, count, at);
}

size_t fread(void *data, size_t size, size_t count, FILE *file)
{
    size_t (*next)(void *, size_t, size_t, FILE *) = fault_real("fread");
    int what = fault_on_file(FAULT_READ, fileno(file));
    if (what <= 0)
        return next(data, size, count, file); /* stdio goes on after a short read */
    file->_flags |= _IO_ERR_SEEN;
    errno = what;
    return 0;
}

static int failed(int what)
{
    errno = what;
    return -1;
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, int) : 0;
    va_end(arguments);
    int what = fault_on_path(FAULT_OPEN, folder, path);
    return what > 0 ? failed(what) : (int)syscall(SYS_openat, folder, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, int) : 0;
    va_end(arguments);
    return openat(AT_FDCWD, path, flags, mode);
}

FILE *fopen(const char *path, const char *how)
{
    FILE *(*next)(const char *, const char *) = fault_real("fopen");
    int what = fault_on_path(FAULT_OPEN, AT_FDCWD, path);
    if (what <= 0)
        return next(path, how);
    errno = what;
    return NULL;
}

int close(int fd)
{
    int what = fault_on_file(FAULT_CLOSE, fd);
    int result = (int)syscall(SYS_close, fd); /* Linux closes in any case */
    return what > 0 ? failed(what) : result;
}

int fsync(int fd)
{
    int what = fault_on_file(FAULT_SYNC, fd);
    return what > 0 ? failed(what) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    int what = fault_on_file(FAULT_SYNC, fd);
    return what > 0 ? failed(what) : (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t size)
{
    int what = fault_on_file(FAULT_SPACE, fd);
    return what > 0 ? failed(what) : (int)syscall(SYS_ftruncate, fd, size);
}

int posix_fallocate(int fd, off_t at, off_t size)
{
    int (*next)(int, off_t, off_t) = fault_real("posix_fallocate");
    int what = fault_on_file(FAULT_SPACE, fd);
    return what > 0 ? what : next(fd, at, size);
}

int flock(int fd, int operation)
{
    int what = fault_on_file(FAULT_LOCK, fd);
    return what > 0 ? failed(what) : (int)syscall(SYS_flock, fd, operation);
}

int rename(const char *from, const char *to)
{
    int what = fault_on_path(FAULT_RENAME, AT_FDCWD, from);
    return what > 0 ? failed(what) : (int)syscall(SYS_rename, from, to);
}

int link(const char *from, const char *to)
{
    int what = fault_on_path(FAULT_RENAME, AT_FDCWD, from);
    return what > 0 ? failed(what) : (int)syscall(SYS_link, from, to);
}

int unlink(const char *path)
{
    int what = fault_on_path(FAULT_UNLINK, AT_FDCWD, path);
    return what > 0 ? failed(what) : (int)syscall(SYS_unlink, path);
}

int mkdir(const char *path, mode_t mode)
{
    int what = fault_on_path(FAULT_MKDIR, AT_FDCWD, path);
    return what > 0 ? failed(what) : (int)syscall(SYS_mkdir, path, mode);
}

int stat(const char *path, struct stat *result)
{
    int what = fault_on_path(FAULT_STAT, AT_FDCWD, path);
    return what > 0 ? failed(what) : fstatat(AT_FDCWD, path, result, 0);
}

int lstat(const char *path, struct stat *result)
{
    int what = fault_on_path(FAULT_STAT, AT_FDCWD, path);
    return what > 0 ? failed(what) : fstatat(AT_FDCWD, path, result, AT_SYMLINK_NOFOLLOW);
}

int access(const char *path, int mode)
{
    int what = fault_on_path(FAULT_STAT, AT_FDCWD, path);
    return what > 0 ? failed(what) : (int)syscall(SYS_access, path, mode);
}

int eaccess(const char *path, int mode)
{
    int what = fault_on_path(FAULT_STAT, AT_FDCWD, path);
    return what > 0 ? failed(what) : faccessat(AT_FDCWD, path, mode, AT_EACCESS);
}

/* 64-bit offsets are the only ones here. */
#define ALIAS(name) __attribute__((alias(#name)))
ssize_t pwrite64(int, const void *, size_t, off_t) ALIAS(pwrite);
ssize_t pread64(int, void *, size_t, off_t) ALIAS(pread);
ssize_t pwritev64(int, const struct iovec *, int, off_t) ALIAS(pwritev);
ssize_t preadv64(int, const struct iovec *, int, off_t) ALIAS(preadv);
int open64(const char *, int, ...) ALIAS(open);
int openat64(int, const char *, int, ...) ALIAS(openat);
FILE *fopen64(const char *, const char *) ALIAS(fopen);
int ftruncate64(int, off_t) ALIAS(ftruncate);
int posix_fallocate64(int, off_t, off_t) ALIAS(posix_fallocate);
int stat64(const char *, struct stat64 *) __attribute__((alias("stat")));
int lstat64(const char *, struct stat64 *) __attribute__((alias("lstat")));
