/* Memory and clocks: decided by who calls, as MPI's and HDF5's own calls are another matter. */
#include "fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define CALLER __builtin_return_address(0)

/* glibc's allocator by its other names: looking it up would allocate. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static int refused(const void *caller)
{
    int what = fault_on_caller(FAULT_MEMORY, caller);
    if (what > 0)
        errno = what;
    return what > 0;
}

void *malloc(size_t size)
{
    return refused(CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return refused(CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return refused(CALLER) ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return refused(CALLER) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (refused(CALLER))
        return ENOMEM;
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = refused(CALLER) ? NULL : __libc_malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

int asprintf(char **text, const char *format, ...)
{
    if (refused(CALLER))
        return -1;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(text, format, arguments);
    va_end(arguments);
    return length;
}

FILE *open_memstream(char **text, size_t *size)
{
    FILE *(*next)(char **, size_t *) = fault_real("open_memstream");
    return refused(CALLER) ? NULL : next(text, size);
}

FILE *fmemopen(void *text, size_t size, const char *how)
{
    FILE *(*next)(void *, size_t, const char *) = fault_real("fmemopen");
    return refused(CALLER) ? NULL : next(text, size, how);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*next)(clockid_t, struct timespec *);
    if (!next)
        next = fault_real("clock_gettime");
    int wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    int result = next(clock, now);
    now->tv_sec += fault_on_caller(wall ? FAULT_WALL : FAULT_STEADY, CALLER);
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    static int (*next)(struct timeval *restrict, void *restrict);
    if (!next)
        next = fault_real("gettimeofday");
    int result = next(now, zone);
    now->tv_sec += fault_on_caller(FAULT_WALL, CALLER);
    return result;
}
