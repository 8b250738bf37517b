/* Job files: what is read, defaults, the grid's axis, overrides. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/job.h"
#include "psisweep/prune.h"

#include <stdio.h>
#include <string.h>

#define LEAST "name: n\narms: [{criterion: magnitude}]\ngrid: {density: [1]}\n"

static struct psi_job *parse_with(const char *text, const char *const *override, size_t overrides)
{
    struct psi_job *job = NULL;
    struct psi_error err = {0};
    if (psi_job_parse(text, "t.yaml", override, overrides, &job, &err)) {
        fail_msg("%s", err.text);
    }
    return job;
}

static struct psi_job *parse(const char *text)
{
    return parse_with(text, NULL, 0);
}

static void defaults_are_the_documented_ones(void **state)
{
    (void)state;
    struct psi_job *job = parse(LEAST);
    assert_string_equal(job->name, "n");
    assert_string_equal(job->source, LEAST);
    assert_int_equal(job->random_seed, 0);
    assert_int_equal(job->data.set, PSI_GLYPHS);
    assert_null(job->data.path);
    assert_int_equal(job->data.train, 0);
    assert_int_equal(job->data.test, 0);
    assert_int_equal(job->data.validation, 1000);
    assert_int_equal(job->data.inputs, 64);
    assert_int_equal(job->model.kind, PSI_MLP);
    assert_int_equal(job->model.init, PSI_GLOROT);
    assert_int_equal(job->model.hidden_count, 2);
    assert_int_equal(job->model.hidden[0], 300);
    assert_int_equal(job->model.hidden[1], 100);
    assert_int_equal(job->train.epochs, 10);
    assert_int_equal(job->retrain.epochs, 5);
    const struct psi_train_spec *specs[] = {&job->train, &job->retrain};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(specs[i]->optimizer, PSI_ADAM);
        assert_int_equal(specs[i]->schedule, PSI_COSINE);
        assert_int_equal(specs[i]->batch, 60);
        assert_true(specs[i]->rate == 0.0012 && specs[i]->warmup == 0);
        assert_true(specs[i]->momentum == 0.9 && specs[i]->weight_decay == 0);
        assert_true(specs[i]->beta1 == 0.9 && specs[i]->beta2 == 0.999);
        assert_true(specs[i]->epsilon == 1e-8);
        assert_true(specs[i]->step_epochs == 5 && specs[i]->step_factor == 0.1);
    }
    assert_int_equal(job->arms, 1);
    assert_string_equal(job->arm[0].name, "magnitude");
    assert_int_equal(job->arm[0].scope, PSI_GLOBAL);
    assert_int_equal(job->seeds, 10);
    assert_int_equal(job->modes, 32);
    psi_job_destroy(job);
}

static void every_key_is_read(void **state)
{
    (void)state;
    struct psi_job *job =
        parse("name: all\nrandom_seed: 18446744073709551615\n"
              "data: {set: idx, path: a b, train: 500, test: 7, validation: 20, inputs: 9}\n"
              "model: {kind: mlp, hidden: [], init: he}\n"
              "train: {optimizer: sgd, rate: 1e-1, schedule: step, warmup: .5, step_epochs: 2,\n"
              "  step_factor: 0.5, momentum: 0, weight_decay: 1e-4, beta1: 0.8, beta2: 0.99,\n"
              "  epsilon: 1e-6, batch: 32, epochs: 3}\n"
              "retrain: {optimizer: adam, rate: 2, schedule: constant, epochs: 1}\n"
              "arms:\n- {name: a, criterion: random, scope: layer}\n- criterion: magnitude\n"
              "grid: {density: [0.5, 1], seeds: [7, 4294967295, 3]}\nspectra: {modes: 5}\n");
    assert_true(job->random_seed == UINT64_MAX && job->data.random_seed == UINT64_MAX);
    assert_int_equal(job->data.set, PSI_IDX);
    assert_string_equal(job->data.path, "a b");
    assert_int_equal(job->data.train, 500);
    assert_int_equal(job->data.test, 7);
    assert_int_equal(job->data.validation, 20);
    assert_int_equal(job->data.inputs, 9);
    assert_int_equal(job->model.hidden_count, 0);
    assert_int_equal(job->model.init, PSI_HE);
    assert_int_equal(job->train.optimizer, PSI_SGD);
    assert_int_equal(job->train.schedule, PSI_STEP);
    assert_true(job->train.rate == 0.1 && job->train.warmup == 0.5);
    assert_true(job->train.step_epochs == 2 && job->train.step_factor == 0.5);
    assert_true(job->train.momentum == 0 && job->train.weight_decay == 1e-4);
    assert_true(job->train.beta1 == 0.8 && job->train.beta2 == 0.99);
    assert_true(job->train.epsilon == 1e-6);
    assert_int_equal(job->train.batch, 32);
    assert_int_equal(job->train.epochs, 3);
    assert_int_equal(job->retrain.schedule, PSI_CONSTANT);
    assert_true(job->retrain.rate == 2);
    assert_int_equal(job->retrain.batch, 60);
    assert_int_equal(job->retrain.epochs, 1);
    assert_int_equal(job->arms, 2);
    assert_string_equal(job->arm[0].name, "a");
    assert_string_equal(psi_criteria[job->arm[0].criterion].name, "random");
    assert_int_equal(job->arm[0].scope, PSI_LAYER);
    assert_string_equal(job->arm[1].name, "magnitude");
    assert_true(job->densities == 2 && job->density[0] == 1 && job->density[1] == 0.5);
    assert_true(job->seeds == 3 && job->seed[0] == 3 && job->seed[1] == 7);
    assert_true(job->seed[2] == UINT32_MAX);
    assert_int_equal(job->modes, 5);
    psi_job_destroy(job);
}

static void axis_from_a_formula(void **state)
{
    (void)state;
    struct psi_job *job = parse("name: n\narms: [{criterion: random}]\n"
                                "grid: {density: {from: 1.0, to: 0.0003, per_decade: 8}}");
    assert_int_equal(job->densities, 29);
    /* 10^(-1/8) = 0.74989420933..., 10^(-3.5) = 0.00031622776601... */
    assert_true(job->density[0] == 1);
    assert_true(job->density[1] == 0.749894209);
    assert_true(job->density[8] == 0.1 && job->density[16] == 0.01 && job->density[24] == 0.001);
    assert_true(job->density[28] == 0.000316227766);
    psi_job_destroy(job);
    /* `to` itself belongs to the axis though 10^-3 comes out of pow() with a rounding error */
    job = parse("name: n\narms: [{criterion: random}]\n"
                "grid: {density: {from: 0.7, to: 0.0007, per_decade: 24}}");
    assert_int_equal(job->densities, 73);
    assert_true(job->density[0] == 0.7 && job->density[72] == 0.0007);
    psi_job_destroy(job);
    job = parse("name: n\narms: [{criterion: random}]\ngrid: {density: {to: 1, per_decade: 3}}");
    assert_true(job->densities == 1 && job->density[0] == 1);
    psi_job_destroy(job);
}

static void axis_from_sparsities(void **state)
{
    (void)state;
    struct psi_job *job = parse("name: n\narms: [{criterion: random}]\n"
                                "grid: {sparsity: [0.9, 0, 0.99, 0.7, 0.999]}");
    const double expected[] = {1, 0.3, 0.1, 0.01, 0.001};
    assert_int_equal(job->densities, 5);
    for (int i = 0; i < 5; i++) {
        assert_true(job->density[i] == expected[i]);
    }
    psi_job_destroy(job);
}

static void names_are_data(void **state)
{
    (void)state;
    struct psi_job *job =
        parse("name: \"two\\nlines, a \\\"quote\\\", \\u03A8 and \xF0\x9F\x8C\xB1\"\n"
              "arms: [{name: 300, criterion: random}, {name: 'a: [b', criterion: random}]\n"
              "grid: {density: [1]}");
    assert_string_equal(job->name, "two\nlines, a \"quote\", \xCE\xA8 and \xF0\x9F\x8C\xB1");
    assert_string_equal(job->arm[0].name, "300");
    assert_string_equal(job->arm[1].name, "a: [b");
    psi_job_destroy(job);
}

static void line_ends_and_marks_of_other_systems(void **state)
{
    (void)state;
    struct psi_job *job = parse("\xEF\xBB\xBFname: n\r\narms: [{criterion: random}]\r\n"
                                "grid: {density: [1]}\r\n");
    assert_string_equal(job->name, "n");
    psi_job_destroy(job);
}

static void aliases_work(void **state)
{
    (void)state;
    struct psi_job *job =
        parse(LEAST "train: &t {epochs: 2, batch: 16}\nretrain: *t\nmodel: {hidden: [7]}\n");
    assert_true(job->train.epochs == 2 && job->retrain.epochs == 2);
    assert_true(job->retrain.batch == 16);
    psi_job_destroy(job);
}

static void overrides_come_last_and_in_order(void **state)
{
    (void)state;
    const char *const override[] = {
        "train.epochs=3",      "model.hidden=[150,50]", "data.validation=9",
        "name='a=b'",          "train.epochs=4",        "arms=[{criterion: random, scope: layer}]",
        "retrain={epochs: 8}", "grid.density=[1,0.1]",
    };
    struct psi_job *job =
        parse_with("name: n\narms: [{criterion: magnitude}, {criterion: random}]\n"
                   "grid: {sparsity: [0.5]}\nretrain: {batch: 30}\n",
                   override, sizeof override / sizeof *override);
    assert_int_equal(job->train.epochs, 4);
    assert_true(job->model.hidden_count == 2 && job->model.hidden[1] == 50);
    assert_int_equal(job->data.validation, 9);
    assert_string_equal(job->name, "a=b");
    assert_int_equal(job->arms, 1);
    assert_string_equal(job->arm[0].name, "random");
    assert_true(job->retrain.epochs == 8 && job->retrain.batch == 30);
    assert_true(job->densities == 2 && job->density[1] == 0.1);
    psi_job_destroy(job);
}

static void overrides_can_give_all(void **state)
{
    (void)state;
    const char *const override[] = {"name=n", "arms=[{criterion: random}]",
                                    "grid={density: [1], seeds: 2}", "data.path=\"\""};
    struct psi_job *job = parse_with("data: {path: x}", override, 4);
    assert_true(job->densities == 1 && job->seeds == 2 && job->seed[1] == 1);
    assert_null(job->data.path);
    psi_job_destroy(job);
}

static void job_files_of_the_project(void **state)
{
    (void)state;
    struct psi_job *job = NULL;
    struct psi_error err = {0};
    if (psi_job_read("jobs/mnist-lenet300.yaml", NULL, 0, &job, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(job->data.set, PSI_MNIST);
    assert_int_equal(job->densities, 29);
    assert_true(job->seeds == 10 && job->arms == 2);
    psi_job_destroy(job);
    if (psi_job_read("jobs/quickstart.yaml", NULL, 0, &job, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(job->data.set, PSI_GLYPHS);
    psi_job_destroy(job);
    psi_job_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(axis_from_a_formula),
        cmocka_unit_test(axis_from_sparsities),
        cmocka_unit_test(names_are_data),
        cmocka_unit_test(line_ends_and_marks_of_other_systems),
        cmocka_unit_test(aliases_work),
        cmocka_unit_test(overrides_come_last_and_in_order),
        cmocka_unit_test(overrides_can_give_all),
        cmocka_unit_test(job_files_of_the_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
