/* Job files with arms that refer to each other, schedules, ladders and refined axes: what is
 * refused, and what is understood. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/job.h"
#include "psisweep/kernel.h"
#include "psisweep/record.h"
#include "psisweep/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "name: n\n"
#define GRID "grid: {density: [1, 0.1]}\n"
#define VALID "data: {validation: 100}\n"

/* The text, under an override or NULL, is refused with exactly this message. */
static void refuse(const char *text, const char *override, const char *message)
{
    struct psi_job *job = NULL;
    struct psi_error err = {0};
    if (psi_job_parse(text, "t.yaml", &override, override != NULL, &job, &err) != PSI_USAGE || job)
        fail_msg("not refused: %s", text);
    if (strcmp(err.text, message) != 0)
        fail_msg("expected: %s\nfound:    %s", message, err.text);
}

static struct psi_job *accept(const char *text, const char *override)
{
    struct psi_job *job = NULL;
    struct psi_error err = {0};
    if (psi_job_parse(text, "t.yaml", &override, override != NULL, &job, &err))
        fail_msg("%s: %s", err.text, text);
    return job;
}

static void refused_arms(void **state)
{
    (void)state;
    static const struct {
        const char *arms, *message;
    } table[] = {
        {"{name: a, mask: b}", "1: mask: expected the name of an arm of this job, found \"b\""},
        {"{name: a}, {name: b, scope: like, like: nobody}",
         "2: like: expected the name of an arm of this job, found \"nobody\""},
        {"{name: a, mask: \"x\\ny\"}",
         "1: mask: expected the name of an arm of this job, found \"x\\ny\""},
        {"{name: a, mask: a}", "1: mask and like: expected arms that do not lead back to this one"},
        {"{name: a, scope: like, like: a}",
         "1: mask and like: expected arms that do not lead back to this one"},
        {"{name: a, mask: b}, {name: b, scope: like, like: c}, {name: c, mask: a}",
         "1: mask and like: expected arms that do not lead back to this one"},
        /* the first one leads into a cycle that it is not part of */
        {"{name: a, mask: b}, {name: b, mask: c}, {name: c, mask: b}",
         "1: mask and like: expected arms that do not lead back to this one"},
        {"{name: a}, {name: b, like: a}", "2: scope: like and like: ARM go together"},
        {"{name: a, scope: like}", "1: scope: like and like: ARM go together"},
        {"{name: a}, {name: b, mask: a, scope: like, like: a}",
         "2: mask and like exclude each other"},
        {"{name: a}, {name: b, mask: a, schedule: iterative}",
         "2: an arm that takes another's mask cannot have a schedule of its own"},
        {"{name: a}, {name: b, scope: like, like: a, schedule: polynomial}",
         "2: scope: like needs schedule: one-shot or iterative"},
        {"{name: a, schedule: iterative, change: trim}",
         "1: change, ablate and at: initial need schedule: one-shot"},
        {"{name: a, schedule: polynomial, at: initial}",
         "1: change, ablate and at: initial need schedule: one-shot"},
        {"{name: a, schedule: iterative, ablate: top}",
         "1: change, ablate and at: initial need schedule: one-shot"},
        {"{name: a, schedule: iterative, restart: transplant}",
         "1: restart: transplant needs schedule: one-shot"},
        {"{name: a, criterion: unit-norm, scope: erk}",
         "1: scope: a criterion of whole units takes global or layer"},
        {"{name: a}, {name: b, criterion: unit-norm, scope: like, like: a}",
         "2: scope: a criterion of whole units takes global or layer"},
        {"{name: a, at: initial, change: preserve}",
         "1: preserve and destroy are about the trained modes: expected at: trained"},
        {"{name: a, at: initial, ablate: top}",
         "1: ablate takes out trained modes: expected at: trained"},
        {"{name: a, hold: true}", "1: hold: true needs ablate: top"},
        {"{name: a, hold: true, ablate: random}", "1: hold: true needs ablate: top"},
        {"{name: a, rewind: 1}", "1: rewind: needs restart: rewind or rate-rewind"},
        {"{name: a, schedule: iterative}, {name: b, schedule: iterative, scope: like, like: a}",
         "2: mask and like: expected at most one iterative arm, found two"},
        {"{name: c, mask: b}, {name: a, schedule: iterative}, "
         "{name: b, schedule: iterative, scope: like, like: a}",
         "1: mask and like: expected at most one iterative arm, found two"},
        {"{name: a, interval: 0}", "1: interval: expected an integer in [1, 1000000], found \"0\""},
        {"{name: a, until: 0}", "1: until: expected a number in (0, 1], found \"0\""},
        {"{name: a, hold: yes}", "1: hold: expected one of false, true, found \"yes\""},
        {"{name: a, mask: [b]}", "1: mask: expected the name of an arm, found a list"},
    };
    char text[512], message[512], override[512];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        snprintf(text, sizeof text, HEAD "arms: [%s]\n" GRID, table[i].arms);
        snprintf(message, sizeof message, "t.yaml:2: arms: entry %s", table[i].message);
        refuse(text, NULL, message);
        /* the same from the command line */
        snprintf(override, sizeof override, "arms=[%s]", table[i].arms);
        snprintf(message, sizeof message, "--set arms: entry %s", table[i].message);
        refuse(HEAD "arms: [{name: z}]\n" GRID, override, message);
    }
}

static void refused_together(void **state)
{
    (void)state;
    refuse(HEAD "train: {epochs: 2}\narms: [{}, {name: b, restart: rewind, rewind: 2}]\n" GRID,
           NULL,
           "t.yaml:3: arms: entry 2: rewind: expected less than the 2 epochs of train, found 2");
    refuse(HEAD "arms: [{restart: rate-rewind, rewind: 7.5}]\n" GRID, "train.epochs=7",
           "t.yaml:2: arms: entry 1: rewind: expected less than the 7 epochs of train, found 7.5");
    refuse(HEAD "arms: [{restart: rewind, budget: retrain}]\n" GRID, NULL,
           "t.yaml:2: arms: entry 1: budget: rewinding goes with train's, found retrain");
    refuse(HEAD "data: {validation: 0}\narms: [{}]\n" GRID "rescue: {cells: 1}\n", NULL,
           "t.yaml:2: data.validation: the rescue ladder is judged on it: expected at least 1, "
           "found 0");
    refuse(HEAD VALID "arms: [{}]\n" GRID "rescue: {cells: 1,\n  rewind_epoch: 10}\n", NULL,
           "t.yaml:6: rescue.rewind_epoch: expected less than the 10 epochs of train, found 10");
    refuse(HEAD VALID "arms: [{}]\n" GRID "rescue: {rewire: [2, 1, 2]}\n", NULL,
           "t.yaml:5: rescue.rewire: expected distinct values, found 2 twice");
    refuse(HEAD VALID "arms: [{}]\n" GRID "rescue: {finetune: [0]}\n", NULL,
           "t.yaml:5: rescue.finetune: entry 1: expected an integer in [1, 1024], found \"0\"");
    refuse(HEAD "arms: [{}]\n" GRID, "grid.refine={factor: 512}",
           "--set grid.refine: factor: expected an integer in [1, 64], found \"512\"");
    refuse(HEAD "arms: [{}]\ngrid: {density: {from: 1, to: 1e-4, per_decade: 8},\n"
                "  refine: {factor: 16}}\n",
           NULL,
           "t.yaml:4: grid.refine: expected at most 512 densities with those added, found "
           "513");
    refuse(HEAD "arms: [{}]\ngrid: {density: [0.5, 0.499999999], refine: {factor: 3}}\n", NULL,
           "t.yaml:3: grid.refine: densities 0.5 and 0.5 are too near");
}

/* What only the network and the data tell. */
static void refused_by_the_study(void **state)
{
    (void)state;
    static const struct {
        const char *arms, *message;
    } table[] = {
        {"{change: preserve, modes: 9}",
         "arms: entry 1 (magnitude): modes: expected at most 8, the rank of layer dense2, found 9"},
        {"{name: x}, {name: y, ablate: top, modes: 9}",
         "arms: entry 2 (y): modes: expected at most 8, the rank of layer dense2, found 9"},
        /* 10 steps an epoch: 1.97 is step 19.7, rounded the end */
        {"{name: w, restart: rewind, rewind: 1.97}",
         "arms: entry 1 (w): rewind: expected less than the 20 steps of train, found 1.97 epochs, "
         "which are 20"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[512];
        struct psi_study *study = NULL;
        struct psi_error err = {0};
        snprintf(text, sizeof text,
                 HEAD "data: {set: planted, inputs: 12, train: 200, test: 50, validation: 0}\n"
                      "model: {hidden: [16, 8]}\ntrain: {epochs: 2, batch: 20}\n"
                      "retrain: {batch: 20}\narms: [%s]\n" GRID,
                 table[i].arms);
        struct psi_job *job = accept(text, NULL);
        assert_int_equal(psi_study_create(job, psi_kernels_best(), &study, &err), PSI_USAGE);
        assert_null(study);
        assert_string_equal(err.text, table[i].message);
        psi_job_destroy(job);
    }
    /* the output layer stays as it is in swaps: its rank is no limit (planted has 8 classes) */
    struct psi_study *study = NULL;
    struct psi_error err = {0};
    struct psi_job *job =
        accept(HEAD "data: {set: planted, inputs: 12, train: 200, test: 50, validation: 0}\n"
                    "model: {hidden: [12]}\ntrain: {batch: 20}\n"
                    "retrain: {batch: 20}\n"
                    "arms: [{change: destroy, modes: 10}]\n" GRID,
               NULL);
    assert_int_equal(psi_study_create(job, psi_kernels_best(), &study, &err), PSI_OK);
    psi_study_destroy(study);
    psi_job_destroy(job);
}

/* Arms may refer to later ones; --set replaces all of them. */
static void references(void **state)
{
    (void)state;
    struct psi_job *job = accept(
        HEAD "arms: [{name: r, mask: c}, {name: l, scope: like, like: r}, {name: s},\n"
             "  {name: c, schedule: iterative}, {name: d, schedule: iterative},\n"
             "  {name: p, schedule: polynomial}, {name: q, mask: p, change: shuffle}]\n" GRID,
        NULL);
    static const size_t chain[] = {3, 3, SIZE_MAX, 3, 4, SIZE_MAX, SIZE_MAX};
    for (size_t i = 0; i < job->arms; i++)
        assert_true(psi_job_chain(job, i) == chain[i]);
    assert_true(psi_job_chain_number(job, 3) == 0 && psi_job_chain_number(job, 4) == 1);
    assert_true(job->arm[0].mask_arm == 3 && job->arm[0].like_arm == SIZE_MAX);
    assert_true(job->arm[1].like_arm == 0 && job->arm[1].mask_arm == SIZE_MAX);
    psi_job_destroy(job);

    job = accept(HEAD "arms: [{name: r, mask: c}, {name: c}]\n" GRID,
                 "arms=[{name: u, criterion: random}, {name: v, mask: u, restart: reinitialise}]");
    assert_int_equal(job->arms, 2);
    assert_string_equal(job->arm[1].name, "v");
    assert_true(job->arm[1].mask_arm == 0);
    psi_job_destroy(job);
}

static void budgets(void **state)
{
    (void)state;
    struct psi_job *job =
        accept(HEAD "arms: [{name: a}, {name: b, restart: rate-rewind}, {name: c, restart: rewind},"
                    " {name: d, restart: reinitialise}, {name: e, restart: transplant},"
                    " {name: f, at: initial}, {name: g, budget: train},"
                    " {name: h, restart: reinitialise, budget: retrain}]\n" GRID,
               NULL);
    static const int train[] = {0, 1, 1, 1, 0, 1, 1, 0};
    for (size_t i = 0; i < job->arms; i++)
        assert_true(psi_job_budget(job, &job->arm[i]) == (train[i] ? &job->train : &job->retrain));
    psi_job_destroy(job);
}

/* Densities d_i^(1-t) d_{i+1}^t, t = 0, 1/3, 2/3. */
static void refined_axis(void **state)
{
    (void)state;
    struct psi_job *job =
        accept(HEAD "arms: [{}]\ngrid: {density: [1, 0.125, 0.1], refine: {factor: 3}}\n", NULL);
    static const double value[] = {1, 0.5, 0.25, 0.125, 0.116039721, 0.107721735, 0.1};
    assert_int_equal(job->densities, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_true(fabs(job->density[i] - value[i]) < 1e-9);
        assert_int_equal(psi_job_on_grid(job, i), i % 3 == 0);
    }
    /* the grid's own are those of a job without refinement, to the bit */
    struct psi_job *plain = accept(HEAD "arms: [{}]\ngrid: {density: [1, 0.125, 0.1]}\n", NULL);
    for (size_t i = 0; i < 3; i++) {
        assert_true(job->density[3 * i] == plain->density[i]);
        assert_true(psi_job_on_grid(plain, i));
    }
    psi_job_destroy(plain);
    psi_job_destroy(job);
    job = accept(HEAD "arms: [{}]\ngrid: {density: [0.3], refine: {factor: 64}}\n", NULL);
    assert_int_equal(job->densities, 1);
    psi_job_destroy(job);
}

/* An adaptive grid: which arms it is about, and where it makes no sense. */
static void adaptive_grid(void **state)
{
    (void)state;
    const char *arms = HEAD "arms: [{name: a, from: 0.5}, {name: imp, schedule: iterative}, "
                            "{name: b, mask: imp}, {name: c, mask: a}]\n"
                            "grid: {density: [1, 0.4, 0.1], adaptive: true, budget: 7}\n";
    static const int adapts[] = {1, 0, 0, 1};
    struct psi_job *job = accept(arms, NULL);
    assert_int_equal(job->budget, 7);
    for (size_t a = 0; a < 4; a++) {
        assert_int_equal(psi_job_adapts(job, a), adapts[a]);
        assert_int_equal(psi_job_runs(job, a, 1), !adapts[a]);
    }
    psi_job_destroy(job);
    job = accept(arms, "grid.adaptive=false");
    assert_false(psi_job_adapts(job, 0));
    assert_true(psi_job_runs(job, 0, 1) && !psi_job_runs(job, 0, 0));
    psi_job_destroy(job);
    refuse(HEAD "arms: [{name: imp, schedule: iterative}, {name: b, mask: imp}]\n"
                "grid: {density: [1, 0.1],\n  adaptive: true}\n",
           NULL,
           "t.yaml:4: grid.adaptive: every arm is iterative or takes the masks of one, and goes "
           "down the whole axis: expected false");
    refuse(HEAD "arms: [{name: a}, {name: p, mask: a, change: preserve}]\n" GRID,
           "grid.adaptive=true",
           "--set grid.adaptive: arms that preserve or destroy modes (entry 2) are compared at "
           "equal densities: expected false");
    refuse(HEAD "arms: [{}]\n" GRID, "grid.budget=0",
           "--set grid.budget: expected an integer in [1, 512], found \"0\"");
}

#define LARGE                                                                                     \
    HEAD VALID "train: {epochs: 6}\narms: [{name: imp, schedule: iterative, restart: rewind, "    \
               "rewind: 0.3},"                                                                    \
               " {name: \"r\\\"e\", mask: imp, restart: reinitialise, budget: retrain},"          \
               " {name: p, schedule: polynomial, until: 0.6, interval: 7, restart: rate-rewind, " \
               "rewind: 1},"                                                                      \
               " {name: l, criterion: random, scope: like, like: p, noise: 0.35, rounds: 3, "     \
               "samples: 40},"                                                                    \
               " {name: h, ablate: top, hold: true, modes: 3, change: destroy}]\n"                \
               "grid: {density: {from: 1, to: 0.0003, per_decade: 8}, refine: {factor: 3, "       \
               "around: 0.4}}\n"                                                                  \
               "rescue: {cells: 2, finetune: [1, 3], rates: [1, 2], reinitialise: [], draws: 5,"  \
               " rewind: [2], rewind_epoch: 0.7, transplant: [1], rewire: [8], regrow: [1, 2]}\n"

/* psi_job_text parses back to an equal job. */
static void text_round_trip(void **state)
{
    (void)state;
    struct psi_error err = {0};
    struct psi_job *job = accept(LARGE, NULL);
    char *text = psi_job_text(job, &err);
    struct psi_job *again = accept(text, NULL);
    char *difference = psi_job_difference(job, again, 0, &err), *text2 = psi_job_text(again, &err);
    assert_string_equal(difference, "");
    assert_string_equal(text, text2);
    assert_int_equal(job->densities, 28 * 3 + 1);
    assert_int_equal(again->densities, job->densities);
    assert_memory_equal(again->density, job->density, sizeof job->density);
    assert_int_equal(again->arms, job->arms);
    for (size_t i = 0; i < job->arms; i++)
        assert_memory_equal(&again->arm[i], &job->arm[i], sizeof job->arm[i]);
    assert_memory_equal(&again->rescue, &job->rescue, sizeof job->rescue);
    assert_memory_equal(&again->refine, &job->refine, sizeof job->refine);
    double rewind[PSI_REWINDS_MAX];
    assert_int_equal(psi_job_rewinds(again, rewind), 2); /* a rate-rewind needs no weights */
    assert_true(rewind[0] == 0.3 && rewind[1] == 0.7);
    free(text);
    free(text2);
    free(difference);
    psi_job_destroy(again);
    psi_job_destroy(job);
}

static void differs(const char *from, const char *to, int cells_only, const char *expected)
{
    struct psi_error err = {0};
    struct psi_job *a = accept(from, NULL), *b = accept(to, NULL);
    char *difference = psi_job_difference(a, b, cells_only, &err);
    assert_string_equal(difference, expected);
    free(difference);
    psi_job_destroy(a);
    psi_job_destroy(b);
}

/* What a cell is does not depend on added densities, on the ladder, or on which other arms there
 * are; it does on its own arm. */
static void difference(void **state)
{
    (void)state;
    const char *plain = HEAD VALID "arms: [{name: a}, {name: b, mask: a}]\n" GRID;
    const char *more = HEAD VALID "arms: [{name: c}, {name: b, mask: a}, {name: a}]\n"
                                  "grid: {density: [1, 0.4, 0.1], refine: {factor: 2}, "
                                  "adaptive: true, budget: 9}\n"
                                  "rescue: {cells: 4, finetune: [2], draws: 1, rewind_epoch: 1}\n";
    differs(plain, more, 1, "");
    differs(plain,
            HEAD VALID "arms: [{name: a, noise: 0.1}, {name: b, mask: a, hold: true, "
                       "ablate: top}]\n" GRID,
            1,
            "arms \"a\" noise: 0 -> 0.1\narms \"b\" ablate: none -> top\n"
            "arms \"b\" hold: false -> true\n");
    differs(plain, HEAD VALID "arms: [{name: a}]\n" GRID "rescue: {rates: [5]}\n", 0,
            "arms \"b\": removed\nrescue.rates: [1, 3] -> [5]\n");
    differs(plain,
            HEAD VALID "arms: [{name: b, mask: a}, {name: a}]\n"
                       "grid: {density: [1, 0.1], refine: {factor: 2}, adaptive: true}\n",
            0,
            "arms: the same in another order\n"
            "grid.refine: {factor: 1, around: 0.25} -> {factor: 2, around: 0.25}\n"
            "grid.adaptive: false -> true\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_arms),
        cmocka_unit_test(refused_together),
        cmocka_unit_test(refused_by_the_study),
        cmocka_unit_test(references),
        cmocka_unit_test(budgets),
        cmocka_unit_test(refined_axis),
        cmocka_unit_test(adaptive_grid),
        cmocka_unit_test(text_round_trip),
        cmocka_unit_test(difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
