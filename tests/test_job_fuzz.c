/* Job files under mutation: whatever the bytes, a job that writes back to itself or one line. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/job.h"
#include "psisweep/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 8192, ROUNDS = 3000 };

static size_t load(const char *path, char *text)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail_msg("%s: not found from here", path);
    }
    size_t length = fread(text, 1, ROOM / 2, file);
    fclose(file);
    return length;
}

/* Change, drop, insert or move a few bytes; bytes that mean something to YAML are likely. */
static size_t mutate(struct psi_random *random, char *text, size_t length)
{
    static const char special[] = ":-[]{},#&*!|>'\"%@`?\n\t \\0123456789.eE+~<=\x80\xC3\xFF";
    uint32_t changes = 1 + psi_random_below(random, 6);
    for (uint32_t i = 0; i < changes && length > 8; i++) {
        size_t at = psi_random_below(random, (uint32_t)length);
        size_t span = 1 + psi_random_below(random, 8);
        char byte = psi_random_below(random, 4)
                        ? special[psi_random_below(random, sizeof special - 1)]
                        : (char)(1 + psi_random_below(random, 255));
        span = span < length - at ? span : length - at;
        switch (psi_random_below(random, 4)) {
        case 0:
            text[at] = byte;
            break;
        case 1:
            memmove(text + at, text + at + span, length - at - span);
            length -= span;
            break;
        case 2:
            memmove(text + at + 1, text + at, length - at);
            text[at] = byte;
            length++;
            break;
        default:
            memmove(text + psi_random_below(random, (uint32_t)(length - span + 1)), text + at,
                    span);
        }
    }
    text[length] = '\0';
    return length;
}

/* Returns 1 if text was taken. */
static int try_text(const char *text, const char *const *override, size_t overrides)
{
    struct psi_job *job = NULL, *again = NULL;
    struct psi_error err = {0};
    enum psi_status status = psi_job_parse(text, "fuzz.yaml", override, overrides, &job, &err);
    if (status) {
        assert_int_equal(status, PSI_USAGE);
        assert_null(job);
        assert_true(strlen(err.text) > 10);
        assert_null(strchr(err.text, '\n'));
        return 0;
    }
    char *first = psi_job_text(job, &err);
    assert_non_null(first);
    if (psi_job_parse(first, "again.yaml", NULL, 0, &again, &err)) {
        fail_msg("%s in\n%s", err.text, first);
    }
    char *second = psi_job_text(again, &err), *difference = psi_job_difference(job, again, 0, &err);
    assert_string_equal(first, second);
    assert_string_equal(difference, "");
    free(first);
    free(second);
    free(difference);
    psi_job_destroy(job);
    psi_job_destroy(again);
    return 1;
}

static void mutate_file(const char *path)
{
    char original[ROOM], text[ROOM];
    size_t length = load(path, original);
    struct psi_random random;
    int taken = 0;
    for (int i = 0; i < ROUNDS; i++) {
        psi_random_open(&random, 1, "fuzz/%s/%d", path, i);
        memcpy(text, original, length);
        mutate(&random, text, length);
        taken += try_text(text, NULL, 0);
    }
    /* both ways must have been tried */
    assert_in_range(taken, ROUNDS / 100, ROUNDS - ROUNDS / 100);
}

static void mutated_job_files(void **state)
{
    (void)state;
    mutate_file("jobs/mnist-lenet300.yaml");
    mutate_file("jobs/quickstart.yaml");
}

static void mutated_overrides(void **state)
{
    (void)state;
    static const char *const from[] = {"train.epochs=3", "grid={density: [1, 0.5], seeds: [4, 2]}",
                                       "arms=[{name: \"a\\n\", criterion: random}]",
                                       "grid.sparsity=[0, 0.9]", "data.path=a"};
    char original[ROOM], text[256];
    original[load("jobs/quickstart.yaml", original)] = '\0';
    struct psi_random random;
    int taken = 0;
    for (int i = 0; i < ROUNDS; i++) {
        const char *const override = text;
        psi_random_open(&random, 1, "fuzz/override/%d", i);
        const char *begin = from[(size_t)i % (sizeof from / sizeof *from)];
        strcpy(text, begin);
        mutate(&random, text, strlen(begin));
        taken += try_text(original, &override, 1);
    }
    assert_in_range(taken, ROUNDS / 100, ROUNDS - ROUNDS / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutated_job_files),
        cmocka_unit_test(mutated_overrides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
