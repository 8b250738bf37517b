#include "psisweep/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void child_begin(unsigned seconds)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM};
    struct rlimit none = {0, 0};
    int silence = open("/dev/null", O_WRONLY);
    if (silence >= 0)
        dup2(silence, STDERR_FILENO);
    setrlimit(RLIMIT_CORE, &none);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        signal(fatal[i], SIG_DFL);
    alarm(seconds);
}

enum psi_status psi_child_start(void (*work)(void *context, int out), void *context,
                                unsigned seconds, struct psi_child *child, struct psi_error *err)
{
    int end[2];
    if (pipe2(end, O_CLOEXEC) != 0)
        return psi_fail(err, PSI_ENVIRONMENT, "cannot make a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        child_begin(seconds);
        close(end[0]);
        work(context, end[1]);
        _exit(0);
    }
    int cause = errno;
    close(end[1]);
    if (pid < 0) {
        close(end[0]);
        return psi_fail(err, PSI_ENVIRONMENT, "cannot start a process: %s", strerror(cause));
    }
    *child = (struct psi_child){.pid = pid, .out = end[0]};
    return PSI_OK;
}

int psi_child_end(struct psi_child *child)
{
    int how = 0;
    close(child->out);
    while (waitpid(child->pid, &how, 0) < 0 && errno == EINTR)
        continue;
    return WIFSIGNALED(how) ? WTERMSIG(how) : 0;
}
