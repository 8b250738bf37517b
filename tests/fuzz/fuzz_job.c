/* Job files and --set: whatever the bytes, a job that writes back to itself, or one line. An input
 * is a file; what follows a byte 0x1E in it is an override, each. */
#include "fuzz.h"

#include "psisweep/job.h"
#include "psisweep/ladder.h"
#include "psisweep/pair.h"
#include "psisweep/record.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SEPARATOR = 0x1E, OVERRIDES_MOST = 8 };

const size_t psi_fuzz_mutations = 50000;

/* What others ask of a job before a cell is run. */
static void use(const struct psi_job *job)
{
    static struct psi_pair pair[PSI_PAIRS_MAX];
    static struct psi_ablation_pair ablation[PSI_ABLATION_PAIRS_MAX];
    struct psi_rung rung[PSI_RUNGS_MAX];
    double epoch[PSI_REWINDS_MAX];
    char words[PSI_ARM_WORDS];
    FUZZ_CHECK(psi_pair_find(job, pair) <= PSI_PAIRS_MAX);
    FUZZ_CHECK(psi_ablation_find(job, ablation) <= PSI_ABLATION_PAIRS_MAX);
    FUZZ_CHECK(psi_ladder_rungs(job, rung) <= PSI_RUNGS_MAX);
    FUZZ_CHECK(psi_job_rewinds(job, epoch) <= PSI_REWINDS_MAX);
    for (size_t arm = 0; arm < job->arms; arm++) {
        size_t chain = psi_job_chain(job, arm);
        psi_job_arm_words(job, arm, words);
        FUZZ_CHECK(words[0] && !strchr(words, '\n'));
        FUZZ_CHECK(chain == SIZE_MAX || psi_job_chain_number(job, chain) < job->arms);
        FUZZ_CHECK(psi_job_budget(job, &job->arm[arm])->epochs > 0);
        FUZZ_CHECK(job->densities > 0 && psi_job_runs(job, arm, job->densities - 1) >= 0);
    }
}

static void round_trip(const struct psi_job *job)
{
    struct psi_job *again = NULL;
    struct psi_error err = {0};
    char *text = psi_job_text(job, &err), *printed = NULL;
    size_t size = 0;
    FUZZ_CHECK(text);
    if (psi_job_parse(text, "again.yaml", NULL, 0, &again, &err)) {
        fprintf(stderr, "%s in\n%s\n", err.text, text);
        abort();
    }
    char *same = psi_job_text(again, &err), *difference = psi_job_difference(job, again, 0, &err);
    char *cells = psi_job_difference(job, again, 1, &err);
    FUZZ_CHECK(same && strcmp(text, same) == 0);
    FUZZ_CHECK(difference && !*difference && cells && !*cells);
    psi_job_destroy(again);
    free(cells);
    free(difference);
    free(same);
    free(text);

    FILE *page = open_memstream(&printed, &size);
    FUZZ_CHECK(page);
    psi_job_print(job, page);
    FUZZ_CHECK(fclose(page) == 0);
    FUZZ_CHECK(psi_job_parse(printed, "printed.yaml", NULL, 0, &again, &err) == PSI_OK ||
               size > PSI_JOB_BYTES);
    if (size <= PSI_JOB_BYTES)
        psi_job_destroy(again);
    free(printed);
}

static void differ(const struct psi_job *job)
{
    static struct psi_job *other;
    struct psi_error err = {0};
    if (!other)
        FUZZ_CHECK(psi_job_parse("name: o\ndata: {set: glyphs}\narms: [{criterion: random}]\n"
                                 "grid: {density: [1, 0.1]}\n",
                                 "other", NULL, 0, &other, &err) == PSI_OK);
    for (int cells_only = 0; cells_only < 2; cells_only++) {
        char *there = psi_job_difference(job, other, cells_only, &err);
        char *back = psi_job_difference(other, job, cells_only, &err);
        FUZZ_CHECK(there && back && !*there == !*back);
        free(there);
        free(back);
    }
}

static int read_job(int file, const char *const *override, size_t overrides)
{
    struct psi_job *job = NULL;
    struct psi_error err = {0};
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    enum psi_status status = psi_job_read(path, override, overrides, &job, &err);
    if (status) {
        FUZZ_CHECK(status == PSI_USAGE);
        FUZZ_CHECK(!job);
        FUZZ_CHECK(strlen(err.text) > 10 && !strpbrk(err.text, "\n\r\033"));
        return 0;
    }
    use(job);
    round_trip(job);
    differ(job);
    psi_job_destroy(job);
    return 1;
}

int psi_fuzz_one(const uint8_t *data, size_t size)
{
    const char *override[OVERRIDES_MOST];
    size_t overrides = 0;
    char *text = malloc(size + 1), *end = text + size;
    FUZZ_CHECK(text);
    if (size)
        memcpy(text, data, size);
    *end = '\0';
    char *next = memchr(text, SEPARATOR, size);
    size_t length = next ? (size_t)(next - text) : size;
    while (next && overrides < OVERRIDES_MOST) {
        *next++ = '\0';
        override[overrides++] = next;
        next = memchr(next, SEPARATOR, (size_t)(end - next));
    }
    int file = memfd_create("job", MFD_CLOEXEC);
    FUZZ_CHECK(file >= 0 && write(file, text, length) == (ssize_t)length);
    int taken = read_job(file, override, overrides);
    close(file);
    free(text);
    return taken;
}
