/* Parts of the preloaded shim share these; what it does: fault.c. */
#ifndef PSI_TEST_FAULT_H
#define PSI_TEST_FAULT_H

enum fault_class {
    FAULT_WRITE, /* write, pwrite, pwritev, writev */
    FAULT_READ,  /* read, pread, preadv, readv, fread */
    FAULT_OPEN,  /* open, openat, fopen */
    FAULT_CLOSE,
    FAULT_SYNC,   /* fsync, fdatasync */
    FAULT_RENAME, /* rename, link */
    FAULT_UNLINK,
    FAULT_MKDIR,
    FAULT_SPACE,  /* ftruncate, posix_fallocate */
    FAULT_LOCK,   /* flock */
    FAULT_STAT,   /* stat, lstat, access, eaccess */
    FAULT_MEMORY, /* malloc, calloc, realloc, aligned_alloc, posix_memalign, strdup and what prints
                     into memory */
    FAULT_WALL,   /* time since 1970 */
    FAULT_STEADY, /* the monotonic clock */
    FAULT_CLASSES
};

/* What a call shall do, when it is not an errno (> 0) or, of clocks, a jump in seconds. */
enum { FAULT_SHORT = -1, FAULT_KILL = -2, FAULT_TORN = -3 };

/* Count a call; 0 = let it be, else what it shall do (FAULT_KILL does not return). */
int fault_on_path(enum fault_class class, int folder, const char *path);
int fault_on_file(enum fault_class class, int fd);
int fault_on_caller(enum fault_class class, const void *caller);

/* The function that this shim stands before. */
void *fault_real(const char *name);

#endif
