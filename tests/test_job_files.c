/* Job files: sizes, depths, and what the file system gives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FULL "name: n\narms: [{criterion: magnitude}]\ngrid: {density: [1]}\n"

static void refuse(const char *text, const char *message)
{
    struct psi_job *job = NULL;
    struct psi_error err = {0};
    assert_int_equal(psi_job_parse(text, "t.yaml", NULL, 0, &job, &err), PSI_USAGE);
    assert_null(job);
    assert_null(strchr(err.text, '\n'));
    assert_memory_equal(err.text, message, strlen(message));
}

/* text repeated to fill a file of the largest size allowed. */
static char *repeat(const char *begin, const char *text)
{
    char *all = calloc(PSI_JOB_BYTES + 1, 1);
    assert_non_null(all);
    strcpy(all, begin);
    for (size_t used = strlen(all); used + strlen(text) <= PSI_JOB_BYTES; used += strlen(text)) {
        memcpy(all + used, text, strlen(text));
    }
    return all;
}

static void sizes_and_depths(void **state)
{
    (void)state;
    static const char *const nasty[][2] = {
        {"name: ", "["},
        {"name: ", "{"},
        {"name: ", "{a: "},
        {"", "? "},
        {"", "- "},
        {"a: &a [b]\nc: ", "[*a, "},
        {"", "!"},
        {"", "&a "},
        {"name: ", "[a]: "},
        {"", "a: b\n"},
        {"name: \"", "\\u03A8"},
        {"grid: {seeds: [", "1, "},
        {"arms:\n", "- {criterion: random}\n"},
        {"", "---\n"},
    };
    struct psi_job *job = NULL;
    struct psi_error err;
    for (size_t i = 0; i < sizeof nasty / sizeof *nasty; i++) {
        char *text = repeat(nasty[i][0], nasty[i][1]);
        assert_int_equal(psi_job_parse(text, "t.yaml", NULL, 0, &job, &err), PSI_USAGE);
        assert_null(strchr(err.text, '\n'));
        free(text);
    }
    char *text = calloc(PSI_JOB_BYTES + 2, 1);
    assert_non_null(text);
    strcpy(text, FULL "#");
    memset(text + strlen(text), 'x', PSI_JOB_BYTES - strlen(text));
    assert_int_equal(psi_job_parse(text, "t.yaml", NULL, 0, &job, &err), PSI_OK);
    psi_job_destroy(job);
    strcat(text, "x");
    refuse(text, "t.yaml: expected at most 49152 bytes, found more");
    /* what is written out in full must fit, too: here ", " stands where the file has "," */
    strcpy(text, FULL);
    char *end = strstr(text, "[1]}") + 3;
    end += sprintf(end, ",seeds: [");
    for (int i = 1; end < text + PSI_JOB_BYTES - 20; i++) {
        end += sprintf(end, "%d,", i);
    }
    strcpy(end - 1, "]}\n");
    refuse(text, "t.yaml: expected a job of at most 49152 bytes with all "
                 "its keys written out, found ");
    free(text);
}

static void depth_is_limited(void **state)
{
    (void)state;
    char text[400] = "name: n\ntrain: ";
    memset(text + strlen(text), '[', 100);
    refuse(text, "t.yaml:2: expected lists and mappings at most 64 deep, found more");
    char *block = calloc(PSI_JOB_BYTES, 1), *end = block;
    assert_non_null(block);
    for (int i = 0; i < 70; i++) {
        end += sprintf(end, "%*sa:\n", i, "");
    }
    refuse(block, "t.yaml:65: expected lists and mappings at most 64 deep, found more");
    free(block);
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void files(void **state)
{
    (void)state;
    struct psi_job *job = NULL;
    struct psi_error err;
    char folder[] = "/tmp/psisweep-test-XXXXXX", path[64], expected[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/job.yaml", folder);
    assert_int_equal(psi_job_read(path, NULL, 0, &job, &err), PSI_IO);
    snprintf(expected, sizeof expected, "%s: cannot read the job file: No such file or directory",
             path);
    assert_string_equal(err.text, expected);
    assert_int_equal(psi_job_read(folder, NULL, 0, &job, &err), PSI_IO);
    snprintf(expected, sizeof expected, "%s: cannot read the job file: Is a directory", folder);
    assert_string_equal(err.text, expected);
    write_file(path, "name: n\nx\0y", 11);
    assert_int_equal(psi_job_read(path, NULL, 0, &job, &err), PSI_USAGE);
    snprintf(expected, sizeof expected, "%s:2: expected printable UTF-8 text, found byte 0x00",
             path);
    assert_string_equal(err.text, expected);
    char *text = repeat(FULL, "#\n#");
    write_file(path, text, strlen(text));
    assert_int_equal(psi_job_read(path, NULL, 0, &job, &err), PSI_OK);
    assert_string_equal(job->source, text);
    psi_job_destroy(job);
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    fputs("#####", file);
    fclose(file);
    assert_int_equal(psi_job_read(path, NULL, 0, &job, &err), PSI_USAGE);
    assert_non_null(strstr(err.text, "expected at most 49152 bytes, found more"));
    free(text);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_depths),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
