/* Replays a corpus and mutations of it, the same ones every time, under any compiler.
 *
 *   fuzz_NAME                    the corpus tests/fuzz/NAME; FUZZ_SECONDS in the environment goes
 *                                on with further mutations for so long
 *   fuzz_NAME FILE [MUTATION]    one input again, as it is or mutated as the message said
 *
 * A child runs each file, so that one that dies is told and the rest is tried. */
#include "fuzz.h"

#include "psisweep/clock.h"
#include "psisweep/random.h"

#include <dirent.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 1 << 18, FILES_MOST = 4096, HANG_SECONDS = 60 };

/* What a child has come to, in memory that it shares. */
struct progress {
    size_t mutation, tried, taken; /* mutation 0 is the file itself */
};

/* Change, drop, insert, repeat or move a few bytes; those that mean something are likely. */
static size_t mutate(struct psi_random *random, uint8_t *data, size_t size)
{
    static const uint8_t special[] =
        ":-[]{},#&*!|>'\"%@`?\n\t \\0123456789.eE+~<=\x80\xC3\xFF\x7F\x01\x08\x03\x1E\x1F\x8B";
    uint32_t changes = 1 + psi_random_below(random, 6);
    for (uint32_t i = 0; i < changes && size > 8 && size + 8 < ROOM; i++) {
        size_t at = psi_random_below(random, (uint32_t)size);
        size_t span = 1 + psi_random_below(random, 8);
        uint8_t byte = psi_random_below(random, 2)
                           ? special[psi_random_below(random, sizeof special)]
                           : (uint8_t)psi_random_below(random, 256);
        span = span < size - at ? span : size - at;
        switch (psi_random_below(random, 6)) {
        case 0:
            data[at] = byte;
            break;
        case 1:
            data[at] ^= (uint8_t)(1u << psi_random_below(random, 8));
            break;
        case 2:
            memmove(data + at, data + at + span, size - at - span);
            size -= span;
            break;
        case 3:
            memmove(data + at + 1, data + at, size - at);
            data[at] = byte;
            size++;
            break;
        case 4:
            memset(data + at, byte, span);
            break;
        default:
            memmove(data + psi_random_below(random, (uint32_t)(size - span + 1)), data + at, span);
        }
    }
    return size;
}

static size_t load(const char *path, uint8_t *data)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: cannot open\n", path);
        exit(2);
    }
    size_t size = fread(data, 1, ROOM / 2, file);
    fclose(file);
    return size;
}

static int run(const char *path, size_t mutation)
{
    static uint8_t data[ROOM];
    struct psi_random random;
    const char *base = strrchr(path, '/');
    size_t size = load(path, data);
    psi_random_open(&random, 1, "fuzz/%s/%zu", base ? base + 1 : path, mutation);
    if (mutation)
        size = mutate(&random, data, size);
    return psi_fuzz_one(data, size);
}

/* Mutations from .. to-1 of a file in a child; returns its wait status. */
static int run_child(const char *path, size_t from, size_t to, struct progress *progress)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        exit(2);
    if (child == 0) {
        for (size_t i = from; i < to; i++) {
            alarm(HANG_SECONDS);
            progress->mutation = i;
            int taken = run(path, i);
            progress->taken += (size_t)taken;
            progress->tried++;
            if (i == 0 && !taken) /* more comes of what is nearly sound */
                to = 1 + (to - 1) / 8;
        }
        exit(0);
    }
    while (waitpid(child, &status, 0) != child)
        ;
    return status;
}

static size_t list(const char *folder, char **path)
{
    struct dirent **entry;
    size_t files = 0;
    int count = scandir(folder, &entry, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (entry[i]->d_name[0] != '.' && files < FILES_MOST &&
            asprintf(&path[files], "%s/%s", folder, entry[i]->d_name) > 0)
            files++;
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
    return files;
}

/* Each file with so many mutations from the first on; returns how many files had a child die. */
static size_t replay(char *const *path, size_t files, size_t first, size_t each,
                     struct progress *progress)
{
    size_t dead = 0;
    for (size_t i = 0; i < files; i++) {
        int status = run_child(path[i], first, first + each, progress);
        if (status == 0)
            continue;
        printf("%s, mutation %zu: %s %d\n", path[i], progress->mutation,
               WIFSIGNALED(status) ? "killed by signal" : "exit code",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        dead++;
    }
    return dead;
}

int main(int argc, char **argv)
{
    static char *path[FILES_MOST];
    char folder[256];
    if (argc > 1)
        return run(argv[1], argc > 2 ? strtoul(argv[2], NULL, 10) : 0) < 0;
    const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    const char *seconds = getenv("FUZZ_SECONDS");
    double until = psi_clock_monotonic() + (seconds ? strtod(seconds, NULL) : 0);
    snprintf(folder, sizeof folder, "tests/fuzz/%s", name + strlen("fuzz_"));
    size_t files = list(folder, path), dead = 0, next = 0;
    struct progress *progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (files == 0 || progress == MAP_FAILED) {
        fprintf(stderr, "%s: no corpus found from here\n", folder);
        return 2;
    }
    size_t each = 2 + psi_fuzz_mutations / files; /* the file itself is one */
    do {
        dead += replay(path, files, next, each, progress);
        next += each;
    } while (psi_clock_monotonic() < until);
    for (size_t i = 0; i < files; i++)
        free(path[i]);
    double taken = (double)progress->taken / (double)progress->tried;
    printf("%s: %zu files, %zu inputs, %.1f %% taken, %zu findings\n", name, files, progress->tried,
           100 * taken, dead);
    int ok = dead == 0 && taken > 0.01 && taken < 0.99; /* both ways must have been tried */
    printf(ok ? "[       OK ] %s\n" : "[  FAILED  ] %s\n", name);
    return !ok;
}
