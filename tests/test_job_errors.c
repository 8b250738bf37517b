/* Job files: what is refused, and the one line that says so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/job.h"

#include <stdio.h>
#include <string.h>

#define ARMS "arms: [{criterion: magnitude}]\n"
#define GRID "grid: {density: [1]}\n"

struct refusal {
    const char *text;     /* the job file */
    const char *override; /* NULL = none */
    const char *message;  /* all of it, or its beginning where it ends in "..." */
};

static void check(const struct refusal *refusal)
{
    struct psi_job *job = NULL;
    struct psi_error err = {0};
    size_t length = strlen(refusal->message);
    enum psi_status status = psi_job_parse(refusal->text, "t.yaml", &refusal->override,
                                           refusal->override != NULL, &job, &err);
    if (status != PSI_USAGE || err.status != PSI_USAGE || job) {
        fail_msg("not refused: %s %s", refusal->text, refusal->override ? refusal->override : "");
    }
    int cut = length > 3 && strcmp(refusal->message + length - 3, "...") == 0;
    if (cut ? strncmp(err.text, refusal->message, length - 3) != 0
            : strcmp(err.text, refusal->message) != 0) {
        fail_msg("expected: %s\nfound:    %s", refusal->message, err.text);
    }
    assert_null(strchr(err.text, '\n'));
}

#define CHECK_ALL(table)                                      \
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) \
    check(&table[i])

static void keys(void **state)
{
    (void)state;
    static const struct refusal table[] = {
        {"name: n\ntrain:\n  epoch: 3\n", NULL,
         "t.yaml:3: train.epoch: unknown key; did you mean \"epochs\"?"},
        {"name: n\ntrian: {}\n", NULL, "t.yaml:2: trian: unknown key; did you mean \"train\"?"},
        {"name: n\nspectra: {zzz: 1}\n", NULL,
         "t.yaml:2: spectra.zzz: unknown key; expected one of modes"},
        {"learning_rate_of_the_optimizer_that_is_used: 1\n", NULL,
         "t.yaml:1: learning_rate_of_the_optimizer_that_is_used: unknown key; expected one of "
         "name, "
         "random_seed, data, model, train, retrain, arms, grid, rescue, spectra"},
        {"\"a\\nb\\0c\": 1\n", NULL, "t.yaml:1: a\\nb\\u0000c: unknown key; expected one of ..."},
        {"\"name\\0\": 1\n", NULL, "t.yaml:1: name\\u0000: unknown key; did you mean \"name\"?"},
        {"<<: {name: n}\n", NULL, "t.yaml:1: <<: unknown key; expected one of ..."},
        {"name: n\ntrain:\n  epochs: 1\n  batch: 2\n  epochs: 1\n", NULL,
         "t.yaml:5: train.epochs: expected once, found again (first on line 3)"},
        {"name: n\nname: m\n", NULL,
         "t.yaml:2: name: expected once, found again (first on line 1)"},
        {"name: n\n[a]: b\n", NULL, "t.yaml:2: expected a key, found a list"},
        {"train: {{a: b}: 1}\n", NULL, "t.yaml:1: train: expected a key, found a mapping"},
        {"name: n\n" ARMS "grid: {density: [1],\n  sparsity: [0]}\n", NULL,
         "t.yaml:3: grid.density: expected exactly one of density and sparsity, found both"},
        {"name: n\n" ARMS, NULL,
         "t.yaml: grid.density: expected exactly one of density and sparsity, found neither"},
        {ARMS GRID, NULL, "t.yaml: name: required, but not given"},
        {"name: n\n" GRID, NULL, "t.yaml: arms: required, but not given"},
        {"grid: {density: {from: 1, per_decade: 3}}\n", NULL,
         "t.yaml:1: grid.density: to: required, but not given"},
        {"arms: [{criterion: random, scop: layer}]\n", NULL,
         "t.yaml:1: arms: entry 1: scop: unknown key; did you mean \"scope\"?"},
    };
    CHECK_ALL(table);
}

static void numbers(void **state)
{
    (void)state;
    static const char *const not_epochs[] = {"5x",
                                             "1e3",
                                             "3.0",
                                             "-1",
                                             "0",
                                             "+3",
                                             "010",
                                             "0x5",
                                             "1 2",
                                             ".inf",
                                             "nan",
                                             "100001",
                                             "1_0",
                                             "~",
                                             "18446744073709551617",
                                             "99999999999999999999999"};
    static const char *const not_rates[] = {"5x", "nan",    ".nan",  "inf", "1e999",
                                            "-1", "0",      "0x10",  "1e",  "e5",
                                            ".",  "1e-999", "1.2.3", "--1", "1e+-5"};
    char text[200], expected[200];
    for (size_t i = 0; i < sizeof not_epochs / sizeof *not_epochs; i++) {
        snprintf(text, sizeof text, "name: n\ntrain:\n  epochs: %s\n", not_epochs[i]);
        snprintf(expected, sizeof expected,
                 "t.yaml:3: train.epochs: expected an integer in [1, 100000], found \"%s\"",
                 not_epochs[i]);
        check(&(struct refusal){text, NULL, expected});
    }
    for (size_t i = 0; i < sizeof not_rates / sizeof *not_rates; i++) {
        snprintf(text, sizeof text, "retrain:\n\n  rate: %s\n", not_rates[i]);
        snprintf(expected, sizeof expected,
                 "t.yaml:3: retrain.rate: expected a number in (0, inf), found \"%s\"",
                 not_rates[i]);
        check(&(struct refusal){text, NULL, expected});
    }
    static const struct refusal table[] = {
        {"train: {epochs: \"3\"}\n", NULL,
         "t.yaml:1: train.epochs: expected an integer in [1, 100000], found \"3\""},
        {"random_seed: 18446744073709551616\n", NULL,
         "t.yaml:1: random_seed: expected an integer in [0, 18446744073709551615], found "
         "\"18446744073709551616\""},
        {"train: {step_factor: 1.5}\n", NULL,
         "t.yaml:1: train.step_factor: expected a number in (0, 1], found \"1.5\""},
        {"train: {momentum: 1}\n", NULL,
         "t.yaml:1: train.momentum: expected a number in [0, 1), found \"1\""},
        {"data: {inputs: 3}\n", NULL,
         "t.yaml:1: data.inputs: expected an integer in [4, 65536], found \"3\""},
        {"spectra: {modes: 1025}\n", NULL,
         "t.yaml:1: spectra.modes: expected an integer in [1, 1024], found \"1025\""},
    };
    CHECK_ALL(table);
}

static void kinds(void **state)
{
    (void)state;
    static const struct refusal table[] = {
        {"- a\n", NULL, "t.yaml:1: expected keys with values, found a list"},
        {"just text\n", NULL, "t.yaml:1: expected keys with values, found \"just text\""},
        {"name: n\ntrain: 3\n", NULL, "t.yaml:2: train: expected keys with values, found \"3\""},
        {"name: n\ntrain:\n", NULL, "t.yaml:2: train: expected keys with values, found nothing"},
        {"name:\n", NULL, "t.yaml:1: name: expected text of 1 to 128 bytes, found nothing"},
        {"name: ''\n", NULL, "t.yaml:1: name: expected text of 1 to 128 bytes, found \"\""},
        {"name: [a]\n", NULL, "t.yaml:1: name: expected text of 1 to 128 bytes, found a list"},
        {"name: \"a\\0b\"\n", NULL,
         "t.yaml:1: name: expected text of 1 to 128 bytes, found \"a\\u0000b\""},
        {"data: {path: {}}\n", NULL, "t.yaml:1: data.path: expected a path, found a mapping"},
        {"data: {path: }\n", NULL, "t.yaml:1: data.path: expected a path, found nothing"},
        {"train: {epochs: [1]}\n", NULL,
         "t.yaml:1: train.epochs: expected an integer in [1, 100000], found a list"},
        {"data: {set: mnits}\n", NULL,
         "t.yaml:1: data.set: expected one of mnist, idx, cifar10, glyphs, planted, found "
         "\"mnits\""},
        {"data: {set: [mnist]}\n", NULL,
         "t.yaml:1: data.set: expected one of mnist, idx, cifar10, glyphs, planted, found a list"},
        {"model: {kind: lenet}\n", NULL,
         "t.yaml:1: model.kind: expected one of mlp, lenet5, lenet5-classic, conv2, conv4, conv6, "
         "found \"lenet\""},
        {"model: {hidden: 300}\n", NULL,
         "t.yaml:1: model.hidden: expected a list of 0 to 16 integers in [1, 65536], found "
         "\"300\""},
        {"model: {hidden: [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}\n", NULL,
         "t.yaml:1: model.hidden: expected a list of 0 to 16 integers in [1, 65536], found a "
         "list"},
        {"model:\n  hidden:\n  - 3\n  - x\n", NULL,
         "t.yaml:4: model.hidden: entry 2: expected an integer in [1, 65536], found \"x\""},
        {"arms: []\n", NULL, "t.yaml:1: arms: expected a list of 1 to 64 arms, found a list"},
        {"arms: {criterion: random}\n", NULL,
         "t.yaml:1: arms: expected a list of 1 to 64 arms, found a mapping"},
        {"arms:\n- random\n", NULL,
         "t.yaml:2: arms: entry 1: expected keys with values, found \"random\""},
        {"arms:\n- criterion: random\n- criterion: best\n", NULL,
         "t.yaml:3: arms: entry 2: criterion: expected one of ..."},
        {"arms:\n- {criterion: random}\n- {criterion: random, scope: layer}\n", NULL,
         "t.yaml:3: arms: entry 2: expected a name of its own, found that of entry 1 (a name left "
         "out is the criterion's)"},
        {"train: &a {epochs: *a}\n", NULL,
         "t.yaml:1: train.epochs: expected an integer in [1, 100000], found a mapping"},
        {"arms: &a [*a]\n", NULL,
         "t.yaml:1: arms: entry 1: expected keys with values, found a list"},
    };
    CHECK_ALL(table);
}

static void long_values_are_cut(void **state)
{
    (void)state;
    char text[400], name[130];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text, "name: %s\n", name);
    check(&(struct refusal){text, NULL,
                            "t.yaml:1: name: expected text of 1 to 128 bytes, found \"nnn..."});
    memset(text, 0, sizeof text);
    snprintf(text, sizeof text, "arms:\n- {name: a, criterion: \"");
    for (int i = 0; i < 60; i++) {
        strcat(text, "\xC3\xA9"); /* cut between characters, never within one */
    }
    strcat(text, "\"}\n");
    struct psi_job *job;
    struct psi_error err;
    assert_int_equal(psi_job_parse(text, "t.yaml", NULL, 0, &job, &err), PSI_USAGE);
    assert_non_null(strstr(err.text, "\xC3\xA9\"..."));
}

static void grids(void **state)
{
    (void)state;
#define AXIS "expected a list of 1 to 512 numbers in (0, 1], or {from, to, per_decade}, found "
#define SEEDS \
    "expected an integer in [1, 65536], or a list of distinct integers in [0, 4294967295], found "
    static const struct refusal table[] = {
        {"grid: {density: 0.5}\n", NULL, "t.yaml:1: grid.density: " AXIS "\"0.5\""},
        {"grid: {density: []}\n", NULL, "t.yaml:1: grid.density: " AXIS "a list"},
        {"grid: {density: [1, 0]}\n", NULL,
         "t.yaml:1: grid.density: entry 2: expected a number in (0, 1], found \"0\""},
        {"grid: {density: [1.1]}\n", NULL,
         "t.yaml:1: grid.density: entry 1: expected a number in (0, 1], found \"1.1\""},
        {"grid: {density: [0.5, 1, 5e-1]}\n", NULL,
         "t.yaml:1: grid.density: expected distinct values, found density 0.5 twice"},
        {"grid: {density: [0.1, 0.10000000001]}\n", NULL,
         "t.yaml:1: grid.density: expected distinct values, found density 0.1 twice"},
        {"grid: {sparsity: [0.5, 1]}\n", NULL,
         "t.yaml:1: grid.sparsity: entry 2: expected a number in [0, 1), found \"1\""},
        {"grid: {sparsity: {from: 1}}\n", NULL,
         "t.yaml:1: grid.sparsity: expected a list of 1 to 512 numbers in [0, 1), found a "
         "mapping"},
        {"grid: {density: {from: 0.1, to: 0.2, per_decade: 1}}\n", NULL,
         "t.yaml:1: grid.density: expected \"to\" not above \"from\", found 0.2 and 0.1"},
        {"grid: {density: {to: 0, per_decade: 1}}\n", NULL,
         "t.yaml:1: grid.density: to: expected a number in (0, 1], found \"0\""},
        {"grid: {density: {to: 1e-3, per_decade: 0}}\n", NULL,
         "t.yaml:1: grid.density: per_decade: expected an integer in [1, 512], found \"0\""},
        {"grid: {density: {to: 1e-300, per_decade: 2}}\n", NULL,
         "t.yaml:1: grid.density: expected at most 512 densities, found more"},
        {"grid: {seeds: 0}\n", NULL, "t.yaml:1: grid.seeds: " SEEDS "\"0\""},
        {"grid: {seeds: 65537}\n", NULL, "t.yaml:1: grid.seeds: " SEEDS "\"65537\""},
        {"grid: {seeds: []}\n", NULL, "t.yaml:1: grid.seeds: " SEEDS "a list"},
        {"grid: {seeds: [1, 2, 1]}\n", NULL,
         "t.yaml:1: grid.seeds: expected distinct values, found 1 twice"},
        {"grid: {seeds: [1, 4294967296]}\n", NULL,
         "t.yaml:1: grid.seeds: entry 2: expected an integer in [0, 4294967295], found "
         "\"4294967296\""},
    };
    CHECK_ALL(table);
}

static void together(void **state)
{
    (void)state;
#define FULL "name: n\n" ARMS GRID
    static const struct refusal table[] = {
        {FULL "data: {set: mnist}\n", NULL,
         "t.yaml: data.path: required where data.set is mnist, idx or cifar10, but not given"},
        {FULL "data:\n  set: mnist\n  path: ''\n", NULL,
         "t.yaml:6: data.path: required where data.set is mnist, idx or cifar10, but not given"},
        {FULL "data:\n  train: 100\n  validation: 100\n", NULL,
         "t.yaml:6: data.validation: expected fewer than the 100 samples of data.train, found "
         "100"},
        {FULL "data: {train: 100, validation: 50}\nretrain: {batch: 50}\ntrain: {batch: 51}\n",
         NULL,
         "t.yaml:6: train.batch: expected at most the 50 samples that data.train leaves beside "
         "data.validation, found 51"},
        {FULL "data: {train: 100, validation: 50}\ntrain: {batch: 1}\n", NULL,
         "t.yaml: retrain.batch: expected at most the 50 samples that data.train leaves beside "
         "data.validation, found 60"},
        {FULL "retrain: {warmup: 2.5, epochs: 2}\n", NULL,
         "t.yaml:4: retrain.warmup: expected at most the 2 epochs, found 2.5"},
        {FULL, "train.warmup=11", "--set train.warmup: expected at most the 10 epochs, found 11"},
    };
    CHECK_ALL(table);
}

static void overrides(void **state)
{
    (void)state;
    static const struct refusal table[] = {
        {FULL, "train.epochs", "--set: expected key=value, found \"train.epochs\""},
        {FULL, "train.epochs=0",
         "--set train.epochs: expected an integer in [1, 100000], found \"0\""},
        {FULL, "train.epochs=", "--set train.epochs: expected YAML, found nothing"},
        {FULL, "train.epoch=3", "--set train.epoch: unknown key; did you mean \"epochs\"?"},
        {FULL, "trian.epochs=3", "--set trian: unknown key; did you mean \"train\"?"},
        {FULL, "=3", "--set: unknown key; expected one of ..."},
        {FULL, ".=3", "--set: unknown key; expected one of ..."},
        {FULL, "arms.random=3", "--set arms: has no keys inside that can be set alone"},
        {FULL, "grid.density.to=3",
         "--set grid.density.to: unknown key; did you mean \"density\"?"},
        {FULL, "model.hidden=[1, x]",
         "--set model.hidden: entry 2: expected an integer in [1, 65536], found \"x\""},
        {FULL, "grid={density: [1], sparsity: [0]}",
         "--set grid.density: expected exactly one of density and sparsity, found both"},
        {FULL, "model.hidden=[1",
         "--set model.hidden: expected YAML, at column 1 did not find "
         "expected ',' or ']' while parsing a flow sequence"},
        {FULL, "name=a\n---\nb", "--set name: expected one YAML document, found another"},
        {FULL, "name=\xFF",
         "--set name: expected printable UTF-8 text, found byte 0xFF (invalid "
         "leading UTF-8 octet)"},
        {FULL, "data.set=idx",
         "t.yaml: data.path: required where data.set is mnist, idx or cifar10, but not given"},
    };
    CHECK_ALL(table);
}

static void syntax(void **state)
{
    (void)state;
    static const struct refusal table[] = {
        {"", NULL, "t.yaml: expected YAML, found nothing"},
        {"# only a comment\n", NULL, "t.yaml: expected YAML, found nothing"},
        {"---\n", NULL, "t.yaml:2: expected keys with values, found nothing"},
        {"name: n\n  arms: [\n", NULL,
         "t.yaml:2: expected YAML, at column 7 mapping values are "
         "not allowed in this context"},
        {"name: n\n\ttrain: {}\n", NULL, "t.yaml:2: expected YAML, at column 1 ..."},
        {"name: *nobody\n", NULL, "t.yaml:1: expected YAML, at column 7 found undefined alias"},
        {"name: \"n\n", NULL,
         "t.yaml:2: expected YAML, at column 1 found unexpected end of "
         "stream while scanning a quoted scalar"},
        {FULL "---\nname: m\n", NULL, "t.yaml:4: expected one YAML document, found another"},
        {FULL "...\n%BAD\n", NULL, "t.yaml:5: expected YAML, at column ..."},
        {"name: a\nx: \"\xC3\x28\"\n", NULL,
         "t.yaml:2: expected printable UTF-8 text, found byte 0x28 (invalid trailing UTF-8 "
         "octet)"},
        {"name: a\x01\n", NULL,
         "t.yaml:1: expected printable UTF-8 text, found byte 0x01 (control characters are not "
         "allowed)"},
        {"\xFF\xFEn\n", NULL, "t.yaml:1: expected printable UTF-8 text, found byte 0xFF ..."},
    };
    CHECK_ALL(table);
}

static void long_and_odd_file_names(void **state)
{
    (void)state;
    struct psi_job *job;
    struct psi_error err;
    char where[4096];
    memset(where, 'd', sizeof where);
    strcpy(where + sizeof where - 12, "/a\nb.yaml");
    assert_int_equal(psi_job_parse("nam: n", where, NULL, 0, &job, &err), PSI_USAGE);
    assert_memory_equal(err.text, "...d", 4);
    assert_non_null(strstr(err.text, "d/a\\nb.yaml:1: nam: unknown key; did you mean \"name\"?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(numbers),
        cmocka_unit_test(kinds),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(grids),
        cmocka_unit_test(together),
        cmocka_unit_test(overrides),
        cmocka_unit_test(syntax),
        cmocka_unit_test(long_and_odd_file_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
