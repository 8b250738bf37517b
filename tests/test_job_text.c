/* Job files written out: round trips, comments, the key table, differences. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FULL "name: n\narms: [{criterion: magnitude}]\ngrid: {density: [1, 0.1]}\n"

static struct psi_job *parse(const char *text)
{
    struct psi_job *job = NULL;
    struct psi_error err = {0};
    if (psi_job_parse(text, "t.yaml", NULL, 0, &job, &err)) {
        fail_msg("%s", err.text);
    }
    return job;
}

static char *text_of(const struct psi_job *job)
{
    struct psi_error err;
    char *text = psi_job_text(job, &err);
    assert_non_null(text);
    return text;
}

static void assert_equal_jobs(const struct psi_job *a, const struct psi_job *b)
{
    assert_string_equal(a->name, b->name);
    assert_true(a->random_seed == b->random_seed);
    assert_true(a->data.set == b->data.set && a->data.train == b->data.train);
    assert_true(a->data.test == b->data.test && a->data.validation == b->data.validation);
    assert_true(a->data.inputs == b->data.inputs && a->data.random_seed == b->data.random_seed);
    assert_true(!a->data.path == !b->data.path);
    if (a->data.path) {
        assert_string_equal(a->data.path, b->data.path);
    }
    assert_memory_equal(&a->model, &b->model, sizeof a->model);
    assert_memory_equal(&a->train, &b->train, sizeof a->train);
    assert_memory_equal(&a->retrain, &b->retrain, sizeof a->retrain);
    assert_true(a->arms == b->arms);
    for (size_t i = 0; i < a->arms; i++) {
        assert_string_equal(a->arm[i].name, b->arm[i].name);
        assert_true(a->arm[i].criterion == b->arm[i].criterion);
        assert_true(a->arm[i].scope == b->arm[i].scope);
    }
    assert_true(a->densities == b->densities);
    assert_memory_equal(a->density, b->density, sizeof a->density);
    assert_true(a->seeds == b->seeds && a->modes == b->modes);
    assert_memory_equal(a->seed, b->seed, a->seeds * sizeof *a->seed);
}

/* The written job, and the printed one, read back to an equal job and the same bytes. */
static void check_round_trip(const char *source)
{
    struct psi_job *job = parse(source);
    char *text = text_of(job), *printed = NULL;
    struct psi_job *again = parse(text);
    char *text_again = text_of(again);
    assert_equal_jobs(job, again);
    assert_string_equal(text, text_again);
    size_t size;
    FILE *file = open_memstream(&printed, &size);
    assert_non_null(file);
    psi_job_print(job, file);
    assert_int_equal(fclose(file), 0);
    struct psi_job *from_print = parse(printed);
    assert_equal_jobs(job, from_print);
    free(printed);
    free(text);
    free(text_again);
    psi_job_destroy(job);
    psi_job_destroy(again);
    psi_job_destroy(from_print);
}

static void round_trips(void **state)
{
    (void)state;
    check_round_trip(FULL);
    check_round_trip(FULL "model: {hidden: []}\nrandom_seed: 18446744073709551615\n");
    check_round_trip(FULL "data: {set: idx, path: \"\\u2028 \\\\ \\\" é\\n#: [\", train: 900000, "
                          "test: 1, validation: 3, inputs: 4}\n");
    check_round_trip(FULL "train: {rate: 0.1, weight_decay: 1e-300, epsilon: 5e-324, beta1: "
                          "0.30000000000000004, warmup: -0, momentum: 0.3333333333333333}\n");
    check_round_trip(FULL "train: {rate: 1.7976931348623157e308, beta2: 0.9999999999999999, "
                          "schedule: step, optimizer: sgd, step_epochs: 1e22}\n");
    check_round_trip("name: n\narms: [{name: \"A\\x01\\x7f\\x80\\x85\\uFEFF\\uFFFE\\U0010FFFF"
                     "\\ud7ff\\t\\r\\n \", criterion: random, scope: layer}, {criterion: random}]\n"
                     "grid: {density: {to: 1e-4, per_decade: 100}, seeds: [5, 4294967295]}\n");
}

static void round_trip_of_every_character(void **state)
{
    (void)state;
    char source[256];
    static const unsigned points[] = {0x2027, 0x2028, 0x2029,  0x202A,  0xD7FF,
                                      0xE000, 0xFEFE, 0xFEFF,  0xFF00,  0xFFFD,
                                      0xFFFE, 0xFFFF, 0x10000, 0x1F331, 0x10FFFF};
    size_t few = sizeof points / sizeof *points;
    for (unsigned i = 1; i < 0x100 + few; i++) {
        snprintf(source, sizeof source,
                 "name: \" \\U%08X \"\narms: [{criterion: random}]\ngrid: {density: [1]}\n",
                 i < 0x100 ? i : points[i - 0x100]);
        check_round_trip(source);
    }
}

static void text_is_canonical(void **state)
{
    (void)state;
    struct psi_job *job = parse(FULL "retrain: {rate: 1e-3}\ndata: {path: x}\n");
    char *text = text_of(job);
    assert_string_equal(
        text, "name: \"n\"\nrandom_seed: 0\ndata:\n  set: glyphs\n  path: \"x\"\n  train: 0\n"
              "  test: 0\n  validation: 1000\n  inputs: 64\nmodel:\n  kind: mlp\n"
              "  hidden: [300, 100]\n  batchnorm: false\n  init: glorot\ntrain:\n  optimizer: "
              "adam\n  rate: 0.0012\n"
              "  schedule: cosine\n  warmup: 0\n  step_epochs: 5\n  step_factor: 0.1\n"
              "  momentum: 0.9\n  weight_decay: 0\n  beta1: 0.9\n  beta2: 0.999\n"
              "  epsilon: 1e-08\n  batch: 60\n  epochs: 10\nretrain:\n  optimizer: adam\n"
              "  rate: 0.001\n  schedule: cosine\n  warmup: 0\n  step_epochs: 5\n"
              "  step_factor: 0.1\n  momentum: 0.9\n  weight_decay: 0\n  beta1: 0.9\n"
              "  beta2: 0.999\n  epsilon: 1e-08\n  batch: 60\n  epochs: 5\narms:\n"
              "  - name: \"magnitude\"\n    criterion: magnitude\n    scope: global\n"
              "    like: \"\"\n    at: trained\n    samples: 0\n    rounds: 0\n    noise: 0\n    "
              "from: 1\n"
              "    schedule: one-shot\n    until: 0.75\n    interval: 100\n    mask: \"\"\n"
              "    change: none\n    modes: 5\n    ablate: none\n    hold: false\n"
              "    restart: finetune\n    rewind: 0\n    budget: own\n    rescue: true\ngrid:\n"
              "  density: [1, 0.1]\n  refine: {factor: 1, around: 0.25}\n  adaptive: false\n"
              "  budget: 12\n  seeds: 10\n"
              "rescue:\n  cells: 0\n  finetune: [1, 4, 16]\n  rates: [1, 3]\n"
              "  reinitialise: [4, 16]\n  draws: 3\n  rewind: [4]\n  rewind_epoch: 0\n"
              "  transplant: [4]\n  rewire: [1]\n  regrow: [1]\nspectra:\n  modes: 32\n");
    free(text);
    psi_job_destroy(job);
}

static void print_shows_help_and_defaults(void **state)
{
    (void)state;
    struct psi_job *job = parse(FULL "retrain: {epochs: 77}\n");
    char *printed = NULL, *table = NULL;
    size_t size;
    FILE *file = open_memstream(&printed, &size);
    psi_job_print(job, file);
    fclose(file);
    assert_non_null(strstr(printed, "  # epochs: passes through the training samples (an integer "
                                    "in [1, 100000], epochs; default 5)\n  epochs: 77\n"));
    assert_non_null(strstr(printed, "# name: names the job in results (text of 1 to 128 bytes; "
                                    "required)\nname: \"n\"\n"));
    file = open_memstream(&table, &size);
    psi_job_print_keys(file);
    fclose(file);
    assert_non_null(strstr(table, "| `train.epochs` | an integer in [1, 100000], epochs | 10 | "));
    assert_non_null(strstr(table, "| `retrain.epochs` | an integer in [1, 100000], epochs | 5 | "));
    assert_non_null(
        strstr(table, "| `arms[].scope` | one of global, layer, erk, like | global | "));
    assert_non_null(strstr(table, "| `grid.density.per_decade` | "));
    for (char *line = strtok(table, "\n"); line; line = strtok(NULL, "\n")) {
        int bars = 0;
        for (const char *c = line; *c; c++) {
            bars += *c == '|';
        }
        assert_int_equal(bars, 5); /* four columns */
    }
    free(printed);
    free(table);
    psi_job_destroy(job);
}

static void check_difference(const char *from, const char *to, int cells_only, const char *expected)
{
    struct psi_job *a = parse(from), *b = parse(to);
    struct psi_error err;
    char *text = psi_job_difference(a, b, cells_only, &err);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
    psi_job_destroy(a);
    psi_job_destroy(b);
}

#define REST "grid: {density: [1]}\n"

static void differences(void **state)
{
    (void)state;
    check_difference(FULL,
                     "grid: {sparsity: [0.9, 0]}\n# other\narms:\n- name: magnitude\n"
                     "  criterion: magnitude\nname: 'n'\n",
                     0, "");
    check_difference(
        FULL, FULL "train: {epochs: 3}\nretrain: {rate: 0.1}\nspectra: {modes: 1}\n", 1,
        "train.epochs: 10 -> 3\nretrain.rate: 0.0012 -> 0.1\nspectra.modes: 32 -> 1\n");
    check_difference(FULL "data: {path: a}\nmodel: {hidden: [1]}\n", FULL "data: {set: planted}\n",
                     0,
                     "data.set: glyphs -> planted\n"
                     "model.hidden: [1] -> [300, 100]\n");
    /* the grid's extent and names change no cell */
    const char *wider = "name: \"m\\n\"\narms: [{criterion: random}, {criterion: magnitude}]\n"
                        "grid: {density: [1, 0.5], seeds: [1, 2]}\n";
    check_difference(FULL, wider, 1, "");
    check_difference(FULL, wider, 0,
                     "name: \"n\" -> \"m\\n\"\narms \"random\": added\n"
                     "grid.density: [1, 0.1] -> [1, 0.5]\ngrid.seeds: 10 -> [1, 2]\n");
}

static void differences_of_arms(void **state)
{
    (void)state;
    const char *two = "name: n\narms: [{name: a, criterion: random}, {name: b, criterion: "
                      "magnitude}]\n" REST;
    check_difference(two,
                     "name: n\narms: [{name: c, criterion: random}, {name: b, criterion: "
                     "random, scope: layer}]\n" REST,
                     0,
                     "arms \"a\": removed\narms \"b\" criterion: magnitude -> random\n"
                     "arms \"b\" scope: global -> layer\narms \"c\": added\n");
    check_difference(two, "name: n\narms: [{name: b, criterion: random}]\n" REST, 1,
                     "arms \"b\" criterion: magnitude -> random\n");
    const char *turned = "name: n\narms: [{name: b, criterion: magnitude}, {name: a, criterion: "
                         "random}]\n" REST;
    check_difference(two, turned, 0, "arms: the same in another order\n");
    check_difference(two, turned, 1, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),       cmocka_unit_test(round_trip_of_every_character),
        cmocka_unit_test(text_is_canonical), cmocka_unit_test(print_shows_help_and_defaults),
        cmocka_unit_test(differences),       cmocka_unit_test(differences_of_arms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
