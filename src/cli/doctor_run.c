/* Another program, for a while. */
#include "doctor.h"

#include "psisweep/clock.h"

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEPT = 8192 };

/* The last line with a letter in it that is no rule of dashes. */
static void last_line(char *text, char said[PSI_CHECK_TEXT])
{
    said[0] = '\0';
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        while (isspace((unsigned char)*line))
            line++;
        if (isalnum((unsigned char)*line))
            snprintf(said, PSI_CHECK_TEXT, "%s", line);
    }
}

/* To its end or until `until`; 1 = to its end. text keeps the tail. */
static int read_until(int in, double until, char text[KEPT])
{
    size_t used = 0;
    for (;;) {
        double left = until - psi_clock_monotonic();
        struct pollfd wait = {.fd = in, .events = POLLIN};
        if (left <= 0.0)
            return 0;
        if (poll(&wait, 1, (int)(left * 1000.0) + 1) <= 0)
            continue;
        if (used > KEPT / 2) {
            memmove(text, text + KEPT / 4, used - KEPT / 4);
            used -= KEPT / 4;
        }
        ssize_t got = read(in, text + used, KEPT - 1 - used);
        if (got <= 0)
            return 1;
        used += (size_t)got;
        text[used] = '\0';
    }
}

/* Patiently for a moment, then not: the whole group, for it may have started others. */
static void end_group(pid_t pid, int *how)
{
    const double grace = 3.0;
    double until = psi_clock_monotonic() + grace;
    kill(-pid, SIGTERM);
    while (waitpid(pid, how, WNOHANG) == 0) {
        if (psi_clock_monotonic() > until)
            kill(-pid, SIGKILL);
        psi_clock_sleep(0.05);
    }
    kill(-pid, SIGKILL);
}

int psi_doctor_run(const char *const *argument, unsigned seconds, char said[PSI_CHECK_TEXT])
{
    char text[KEPT] = "";
    int end[2], how = 0;
    said[0] = '\0';
    if (pipe(end) != 0)
        return -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        dup2(end[1], STDOUT_FILENO);
        dup2(end[1], STDERR_FILENO);
        close(end[0]);
        close(end[1]);
        int none = open("/dev/null", O_RDONLY); /* mpirun would read what is the caller's */
        if (none != STDIN_FILENO)
            dup2(none, STDIN_FILENO);
        execvp(argument[0], (char *const *)(uintptr_t)argument);
        _exit(127);
    }
    close(end[1]);
    int ended = pid > 0 && read_until(end[0], psi_clock_monotonic() + seconds, text);
    close(end[0]);
    if (pid < 0)
        return -1;
    if (ended)
        waitpid(pid, &how, 0);
    else
        end_group(pid, &how);
    last_line(text, said);
    if (!ended || (WIFEXITED(how) && WEXITSTATUS(how) == 127))
        return -1;
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}
