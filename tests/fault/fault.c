/* Preloaded by the fault tests: one call of a class fails as a disk, a file system, memory or a
 * clock would make it fail, in psisweep alone (not in mpirun, not in its daemons).
 *
 *   PSI_FAULT=CLASS:WHAT:N   the N-th call of the class does WHAT; "N+": every one from it on.
 *     CLASS  a row of class_name, WHAT an errno ("ENOSPC"), "short" (half of it is transferred),
 *            "kill" (SIGKILL instead of the call), "torn" (half of it, then SIGKILL), or, of
 *            clocks, a jump in seconds ("-7200")
 *   PSI_FAULT_FILES=GLOB     of calls on files: those whose absolute path fits (default: any)
 *   PSI_FAULT_CALLER=GLOB    of memory and clocks: calls from objects whose path fits (default
 *                            "*psisweep", the program itself; "*" is any)
 *   PSI_FAULT_RANK=R         in that rank only (default: any)
 *   PSI_FAULT_LOG=FILE       what happened, in FILE.RANK: a struct fault_log, there whatever ends
 *                            the process
 *
 * Not seen are calls that libc makes to itself (what stdio writes), and clocks read without it. */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const class_name[FAULT_CLASSES] = {"write",  "read",   "open",  "close", "sync",
                                                      "rename", "unlink", "mkdir", "space", "lock",
                                                      "stat",   "memory", "wall",  "steady"};

/* All little-endian; read by tests/fault/sweep.py. */
struct fault_log {
    uint64_t calls[FAULT_CLASSES];
    uint64_t fired;
    char where[232]; /* the file, or the caller, that it fired on first */
};

static struct fault {
    pid_t process; /* 0 = not psisweep; a child that has not yet become another program is not */
    int from_on;
    int class; /* FAULT_CLASSES = none */
    int what;  /* errno, FAULT_..., or seconds */
    uint64_t n;
    const char *files, *caller;
    struct fault_log *log, private;
} fault = {.class = FAULT_CLASSES, .log = &fault.private};

static const struct {
    const char *name;
    int value;
} errors[] = {{"ENOSPC", ENOSPC},  {"EIO", EIO},       {"EINTR", EINTR},       {"EACCES", EACCES},
              {"EROFS", EROFS},    {"ENOMEM", ENOMEM}, {"EDQUOT", EDQUOT},     {"ENOLCK", ENOLCK},
              {"ENOENT", ENOENT},  {"ESTALE", ESTALE}, {"short", FAULT_SHORT}, {"kill", FAULT_KILL},
              {"torn", FAULT_TORN}};

void *fault_real(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    if (!symbol)
        abort();
    return symbol;
}

static void open_log(const char *name, const char *rank)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.%s", name, rank);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || syscall(SYS_ftruncate, fd, (long)sizeof *fault.log) != 0)
        abort();
    void *map = mmap(NULL, sizeof *fault.log, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        abort();
    fault.log = map;
    syscall(SYS_close, fd);
}

static void parse(const char *text)
{
    char class[16] = "", what[16] = "", n[24] = "";
    if (sscanf(text, "%15[^:]:%15[^:]:%23s", class, what, n) != 3)
        abort();
    for (int c = 0; c < FAULT_CLASSES; c++)
        if (strcmp(class, class_name[c]) == 0)
            fault.class = c;
    fault.what = atoi(what);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strcmp(what, errors[i].name) == 0)
            fault.what = errors[i].value;
    fault.n = strtoull(n, NULL, 10);
    fault.from_on = strchr(n, '+') != NULL;
    if (fault.class == FAULT_CLASSES || fault.what == 0 || fault.n == 0)
        abort();
}

__attribute__((constructor)) static void start(void)
{
    const char *what = getenv("PSI_FAULT"), *only = getenv("PSI_FAULT_RANK");
    const char *log = getenv("PSI_FAULT_LOG"), *rank = getenv("OMPI_COMM_WORLD_RANK");
    rank = rank ? rank : "0";
    if (strcmp(program_invocation_short_name, "psisweep") != 0)
        return;
    fault.files = getenv("PSI_FAULT_FILES");
    fault.caller = getenv("PSI_FAULT_CALLER");
    if (!fault.caller)
        fault.caller = "*psisweep";
    if (log)
        open_log(log, rank);
    if (what && (!only || strcmp(only, rank) == 0))
        parse(what);
    fault.process = getpid();
}

static int is_psisweep(void)
{
    return fault.process && fault.process == getpid();
}

/* 1 where this call of a class is the one to fail. */
static int is_due(enum fault_class class)
{
    uint64_t call = __atomic_add_fetch(&fault.log->calls[class], 1, __ATOMIC_SEQ_CST);
    return (int)class == fault.class && (call == fault.n || (call > fault.n && fault.from_on));
}

static int strike(const char *where)
{
    if (__atomic_add_fetch(&fault.log->fired, 1, __ATOMIC_SEQ_CST) == 1)
        strncpy(fault.log->where, where, sizeof fault.log->where - 1);
    if (fault.what == FAULT_KILL)
        syscall(SYS_kill, getpid(), SIGKILL);
    return fault.what;
}

int fault_on_path(enum fault_class class, int folder, const char *path)
{
    char whole[2 * PATH_MAX];
    if (!is_psisweep())
        return 0;
    if (path[0] == '/' || folder != AT_FDCWD) {
        snprintf(whole, sizeof whole, "%s", path);
    } else {
        char here[PATH_MAX];
        long length = syscall(SYS_getcwd, here, sizeof here);
        snprintf(whole, sizeof whole, "%s/%s", length > 0 ? here : "", path);
    }
    if (fault.files && fnmatch(fault.files, whole, 0) != 0)
        return 0;
    return is_due(class) ? strike(whole) : 0;
}

int fault_on_file(enum fault_class class, int fd)
{
    char link[64], path[PATH_MAX];
    int before = errno;
    if (!is_psisweep())
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    errno = before;
    if (length < 0)
        return 0;
    path[length] = '\0';
    if (fault.files && fnmatch(fault.files, path, 0) != 0)
        return 0;
    return is_due(class) ? strike(path) : 0;
}

/* Does the call come from an object that PSI_FAULT_CALLER names? Looked up once a call site. */
static int is_caller(const void *caller)
{
    enum { SITES = 1 << 14 };
    static const void *known[2][SITES]; /* others, those that are named */
    size_t slot = ((uintptr_t)caller * 0x9e3779b97f4a7c15u) >> (64 - 14);
    for (int named = 0; named < 2; named++)
        if (__atomic_load_n(&known[named][slot], __ATOMIC_RELAXED) == caller)
            return named;
    Dl_info info;
    int named =
        dladdr(caller, &info) && info.dli_fname && fnmatch(fault.caller, info.dli_fname, 0) == 0;
    __atomic_store_n(&known[named][slot], caller, __ATOMIC_RELAXED);
    return named;
}

int fault_on_caller(enum fault_class class, const void *caller)
{
    if (!is_psisweep() || !is_caller(caller) || !is_due(class))
        return 0;
    Dl_info info;
    char where[PATH_MAX]; /* for a debugger: addr2line -e OBJECT OFFSET */
    dladdr(caller, &info);
    snprintf(where, sizeof where, "%s+%#lx", info.dli_fname,
             (unsigned long)((const char *)caller - (const char *)info.dli_fbase));
    return strike(where);
}
