#include "plan_sbatch.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* The script itself; C17 has no #embed. */
__asm__(".pushsection .rodata\n"
        "psi_sbatch_script: .incbin \"jobs/psisweep.sbatch\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char psi_sbatch_script[] __attribute__((visibility("hidden")));

/* A shell's word of any bytes. */
static void quote(const char *text, FILE *out)
{
    fputc('\'', out);
    for (; *text; text++)
        fputs(*text == '\'' ? "'\\''" : (char[]){*text, '\0'}, out);
    fputc('\'', out);
}

/* In a comment that Slurm reads nothing can be quoted: what is not plain is left out. */
static void plain(const char *text, FILE *out)
{
    for (size_t i = 0; text[i] && i < 64; i++)
        fputc(isascii((unsigned char)text[i]) &&
                      (isalnum((unsigned char)text[i]) || strchr("._-", text[i]))
                  ? text[i]
                  : '_',
              out);
}

static void print_directive(const struct psi_sbatch *batch, const char *line, int length, FILE *out)
{
    /* Slurm counts in minutes; what is expected may be off by as much as cells differ */
    long minutes = 5 + (long)ceil(1.25 * batch->seconds / 60.0);
    if (strncmp(line, "#SBATCH --job-name=", 19) == 0) {
        fputs("#SBATCH --job-name=", out);
        plain(batch->name, out);
        fputc('\n', out);
    } else if (strncmp(line, "#SBATCH --ntasks=", 17) == 0) {
        fprintf(out, "#SBATCH --ntasks=%u\n", batch->ranks);
    } else if (strncmp(line, "#SBATCH --time=", 15) == 0) {
        fprintf(out, "#SBATCH --time=%ld-%02ld:%02ld:00\n", minutes / 1440, minutes / 60 % 24,
                minutes % 60);
    } else {
        fprintf(out, "%.*s\n", length, line);
    }
}

/* Where it runs, what it runs, and the script's arguments. */
static void print_job(const struct psi_sbatch *batch, FILE *out)
{
    char path[PATH_MAX];
    if (getcwd(path, sizeof path)) {
        fputs("\ncd ", out);
        quote(path, out);
        fputs(" || exit\n", out);
    }
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        fputs("[ -n \"${PSISWEEP-}\" ] || PSISWEEP=", out);
        quote(path, out);
        fputc('\n', out);
    }
    fputs("set -- ", out);
    if (batch->job_path[0] == '-')
        fputs("./", out);
    quote(batch->job_path, out);
    if (batch->output) {
        fputs(" -o ", out);
        quote(batch->output, out);
    }
    for (size_t i = 0; i < batch->overrides; i++) {
        fputs(" --set ", out);
        quote(batch->override[i], out);
    }
    fputc('\n', out);
}

void psi_sbatch_print(const struct psi_sbatch *batch, FILE *out)
{
    const char *line = psi_sbatch_script;
    for (; *line == '#'; line = strchr(line, '\n') + 1)
        if (line[1] != ' ')
            print_directive(batch, line, (int)strcspn(line, "\n"), out);
    print_job(batch, out);
    fputs(line, out);
}
