#include "figure.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { WORDS = 512 };

/* What a child says, its first WORDS - 1 bytes, until it closes the pipe. */
static void listen_to(int fd, char words[WORDS])
{
    size_t used = 0;
    char rest[WORDS];
    for (;;) {
        int full = used == WORDS - 1;
        ssize_t got = read(fd, full ? rest : words + used, full ? WORDS : WORDS - 1 - used);
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        if (got > 0 && !full)
            used += (size_t)got;
    }
    words[used] = '\0';
}

/* Run gnuplot in the folder (NULL = here), no shell between, and wait for it. *code: its status as
 * of waitpid. Returns an errno of the start. */
static int spawn(const char *dir, char *const argument[], char words[WORDS], int *code)
{
    int tube[2], failure;
    pid_t child;
    posix_spawn_file_actions_t actions;
    if (pipe2(tube, O_CLOEXEC) != 0)
        return errno;
    if ((failure = posix_spawn_file_actions_init(&actions)) != 0) {
        close(tube[0]);
        close(tube[1]);
        return failure;
    }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, tube[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, tube[1], STDERR_FILENO);
    if (dir)
        posix_spawn_file_actions_addchdir_np(&actions, dir);
    failure = posix_spawnp(&child, argument[0], &actions, NULL, argument, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(tube[1]);
    if (!failure) {
        listen_to(tube[0], words);
        while (waitpid(child, code, 0) < 0 && errno == EINTR)
            continue;
    }
    close(tube[0]);
    return failure;
}

enum psi_status psi_gnuplot_find(struct psi_error *err)
{
    char *argument[] = {(char[]){"gnuplot"}, (char[]){"--version"}, NULL};
    char words[WORDS];
    int code = 0, failure = spawn(NULL, argument, words, &code);
    if (failure)
        return psi_fail(err, PSI_ENVIRONMENT,
                        "report draws with gnuplot, which cannot be run: %s (Debian: apt-get "
                        "install gnuplot-nox, or tools/install-deps report)",
                        strerror(failure));
    if (code != 0)
        return psi_fail(err, PSI_ENVIRONMENT, "gnuplot --version failed: %s", words);
    return PSI_OK;
}

enum psi_status psi_gnuplot_run(const char *dir, const char *name, struct psi_error *err)
{
    char words[WORDS] = "";
    int code = 0;
    char *script = NULL;
    if (asprintf(&script, "%s.gp", name) < 0)
        return psi_fail(err, PSI_MEMORY, "no memory for a name");
    /* -d: without the user's own settings */
    char *argument[] = {(char[]){"gnuplot"}, (char[]){"-d"}, script, NULL};
    int failure = spawn(dir, argument, words, &code);
    free(script);
    if (failure)
        return psi_fail(err, PSI_ENVIRONMENT, "cannot run gnuplot: %s", strerror(failure));
    char *line = words + strspn(words, "\n"); /* its first one */
    line[strcspn(line, "\n")] = '\0';
    if (code != 0 && WIFSIGNALED(code))
        return psi_fail(err, PSI_IO, "%s/%s: gnuplot was ended by signal %d", dir, name,
                        WTERMSIG(code));
    if (code != 0)
        return psi_fail(err, PSI_IO, "%s/%s: gnuplot failed: %s", dir, name, line);
    return PSI_OK;
}
