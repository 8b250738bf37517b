/* One cell of the grid, whole: what it measures, what it depends on, and what it does not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/kernel.h"
#include "psisweep/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE                                                                                  \
    "name: trial\ndata: {set: planted, train: 600, test: 200, validation: 100, inputs: 12}\n" \
    "model: {hidden: [16, 8]}\ntrain: {epochs: 12, batch: 20, rate: 0.01}\n"                  \
    "retrain: {epochs: 4, batch: 20, rate: 0.01}\n"

/* A study and one cell of it, with the parent that the cell starts from. */
struct fixture {
    struct psi_job *job;
    struct psi_study *study;
    struct psi_parent parent;
    struct psi_parent_modes *modes;
    struct psi_cell cell;
};

static void fixture_open(struct fixture *f, const char *text, size_t seed)
{
    struct psi_error err = {0};
    memset(f, 0, sizeof *f);
    if (psi_job_parse(text, "test", NULL, 0, &f->job, &err) ||
        psi_study_create(f->job, psi_kernels_best(), &f->study, &err) ||
        psi_record_create(PSI_OF_PARENT, &f->study->layout, &f->parent, &err) ||
        psi_record_create(PSI_OF_CELL, &f->study->layout, &f->cell, &err) ||
        psi_trial_parent(f->study, seed, NULL, &f->parent, &err) ||
        psi_parent_modes_create(f->study, &f->parent, NULL, &f->modes, &err))
        fail_msg("%s", err.text);
}

static void fixture_cell(struct fixture *f, size_t arm, size_t seed, size_t density)
{
    struct psi_error err = {0};
    struct psi_trial_from from = {.parent = &f->parent, .modes = f->modes};
    if (psi_trial_cell(f->study, arm, seed, density, &from, NULL, &f->cell, NULL, &err))
        fail_msg("%s", err.text);
}

static void fixture_close(struct fixture *f)
{
    psi_parent_modes_destroy(f->modes);
    psi_record_clear(PSI_OF_CELL, &f->cell);
    psi_record_clear(PSI_OF_PARENT, &f->parent);
    psi_study_destroy(f->study);
    psi_job_destroy(f->job);
}

static uint64_t checksum(const struct fixture *f)
{
    return psi_record_checksum(PSI_OF_CELL, &f->study->layout, &f->cell);
}

static void test_normalise(void **state)
{
    (void)state;
    assert_true(psi_normalise(0.9, 0.9, 0.1, 1000) == 1.0);
    assert_true(psi_normalise(0.1, 0.9, 0.1, 1000) == 0.0);
    assert_true(fabs(psi_normalise(0.5, 0.9, 0.1, 1000) - 0.5) < 1e-15);
    assert_true(psi_normalise(0.05, 0.9, 0.1, 1000) < 0.0); /* not clipped */
    /* against a chance of .1, 18 of 100 right have P = .010007 and 19 have .0046 (SciPy 1.10,
     * binom.sf(17, 100, .1) and binom.sf(18, 100, .1)) */
    assert_true(isnan(psi_normalise(0.1, 0.18, 0.1, 100)));
    assert_false(isnan(psi_normalise(0.1, 0.19, 0.1, 100)));
    assert_true(isnan(psi_normalise(0.5, 0.9, 0.1, 0)));
}

static void test_unpruned_cell(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, BASE "arms: [{criterion: magnitude}]\ngrid: {density: [1], seeds: 1}\n", 0);
    fixture_cell(&f, 0, 0, 0);
    assert_true(f.parent.accuracy > 0.9); /* the task is learnt */
    assert_true(f.cell.psi[PSI_PRUNED] == 1.0);
    assert_true(f.cell.accuracy[PSI_PRUNED] == f.parent.accuracy);
    assert_true(f.cell.density_achieved == 1.0 && f.cell.density_effective == 1.0);
    assert_int_equal(f.cell.unreachable_classes, 0);
    assert_true(f.cell.psi_curve[0] == 1.0);
    assert_true(isfinite(f.cell.psi_curve[4]) && isnan(f.cell.psi_curve[5]));
    size_t modes = f.study->layout.extent[PSI_AXIS_MODE];
    for (size_t i = 0; i < 3; i++) {
        assert_true(fabs(f.cell.overlap_fixed[i] - 1.0) < 1e-9);
        for (size_t m = 0; m < modes; m++) {
            double a = f.cell.singular_value[i * modes + m];
            double b = f.parent.singular_value[i * modes + m];
            assert_true((isnan(a) && isnan(b)) || fabs(a - b) < 1e-12);
        }
    }
    fixture_close(&f);
}

static void test_pruned_cell(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f,
                 BASE "arms: [{criterion: magnitude}, {criterion: random, scope: layer}]\n"
                      "grid: {density: [0.25], seeds: 1}\n",
                 0);
    size_t weights = psi_network_weights(f.study->network);
    assert_int_equal(weights, 12 * 16 + 16 * 8 + 8 * 8);
    fixture_cell(&f, 0, 0, 0);
    assert_int_equal(f.cell.weights_kept, weights / 4);
    assert_true(f.cell.density_effective <= f.cell.density_achieved);
    const float *w = psi_network_parameter(f.study->network); /* as retraining left it */
    size_t alive = 0;
    for (size_t i = 0; i < weights; i++) {
        alive += w[i] != 0.0f;
        assert_true(f.study->mask[i] || w[i] == 0.0f);
    }
    assert_true(alive > weights / 8 && alive <= weights / 4);
    double kept = 0.0;
    for (size_t i = 0; i < 3; i++)
        kept += f.cell.layer_density[i] * (double)(psi_network_matrix(f.study->network, i)->rows *
                                                   psi_network_matrix(f.study->network, i)->cols);
    assert_true(fabs(kept - (double)f.cell.weights_kept) < 1e-9);
    fixture_cell(&f, 1, 0, 0);
    for (size_t i = 0; i < 3; i++)
        assert_true(f.cell.layer_density[i] == 0.25);
    fixture_close(&f);
}

/* A cell is what its names and values say, in whatever grid it stands and whatever ran before. */
static void test_same_cell_in_another_grid(void **state)
{
    struct fixture small, large;
    (void)state;
    fixture_open(&small, BASE "arms: [{criterion: random}]\ngrid: {density: [0.3], seeds: [5]}\n",
                 0);
    fixture_cell(&small, 0, 0, 0);
    fixture_open(&large,
                 BASE "arms: [{criterion: magnitude}, {criterion: random}]\n"
                      "grid: {sparsity: [0, 0.5, 0.7], seeds: [2, 5, 9]}\n",
                 1);
    fixture_cell(&large, 0, 1, 1);
    uint64_t other = checksum(&large);
    fixture_cell(&large, 1, 1, 2);
    assert_true(checksum(&small) == checksum(&large));
    assert_true(checksum(&small) != other);
    assert_int_equal(memcmp(small.parent.parameter, large.parent.parameter,
                            psi_network_parameters(small.study->network) * sizeof(float)),
                     0);
    fixture_close(&large);
    fixture_close(&small);
}

/* Arms of one criterion under two names draw other masks: names key the streams. */
static void test_name_keys_the_mask(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f,
                 BASE "arms: [{name: a, criterion: random}, {name: b, criterion: random}]\n"
                      "grid: {density: [0.3], seeds: 1}\n",
                 0);
    fixture_cell(&f, 0, 0, 0);
    uint64_t a = f.cell.mask_digest;
    fixture_cell(&f, 1, 0, 0);
    assert_true(f.cell.mask_digest != a);
    fixture_cell(&f, 0, 0, 0);
    assert_true(f.cell.mask_digest == a);
    fixture_close(&f);
}

/* A mask that leaves m of the three needed inputs without a path cannot do better than 2^-m. */
static void test_planted_bound(void **state)
{
    struct fixture f;
    size_t bound_seen = 0;
    (void)state;
    fixture_open(&f,
                 BASE "arms: [{criterion: random}]\n"
                      "grid: {density: [0.2, 0.15, 0.1, 0.05], seeds: 1}\n",
                 0);
    for (size_t d = 0; d < 4; d++) {
        fixture_cell(&f, 0, 0, d);
        size_t weights = psi_network_weights(f.study->network), count, missing = 0;
        uint8_t *on_path = calloc(weights, 1);
        struct psi_error err;
        assert_int_equal(
            psi_network_paths(f.study->network, f.study->mask, on_path, NULL, &count, &err),
            PSI_OK);
        for (int bit = 0; bit < PSI_PLANTED_BITS; bit++) {
            int path = 0;
            for (size_t unit = 0; unit < 16; unit++)
                path |= on_path[unit * 12 + f.study->dataset->needed[bit]];
            missing += !path;
        }
        free(on_path);
        /* 200 test samples: three standard deviations of a share of 1/2 are .106 */
        if (missing > 0) {
            bound_seen++;
            assert_true(f.cell.accuracy[PSI_RETRAINED] <= pow(0.5, (double)missing) + 0.11);
            assert_true(f.cell.psi[PSI_RETRAINED] < 0.6);
        }
    }
    assert_true(bound_seen > 0);
    fixture_close(&f);
}

static int stop_after(void *context)
{
    return --*(int *)context <= 0;
}

static void test_stop(void **state)
{
    struct fixture f;
    struct psi_error err;
    (void)state;
    fixture_open(&f, BASE "arms: [{criterion: random}]\ngrid: {density: [0.3], seeds: 1}\n", 0);
    fixture_cell(&f, 0, 0, 0);
    uint64_t whole = checksum(&f);
    for (int after = 1; after < 40; after += 6) {
        int left = after;
        struct psi_progress progress = {stop_after, &left};
        struct psi_trial_from from = {.parent = &f.parent, .modes = f.modes};
        assert_int_equal(psi_trial_cell(f.study, 0, 0, 0, &from, &progress, &f.cell, NULL, &err),
                         PSI_STOPPED);
        left = after;
        struct psi_parent parent;
        assert_int_equal(psi_record_create(PSI_OF_PARENT, &f.study->layout, &parent, &err), 0);
        assert_int_equal(psi_trial_parent(f.study, 0, &progress, &parent, &err), PSI_STOPPED);
        psi_record_clear(PSI_OF_PARENT, &parent);
    }
    fixture_cell(&f, 0, 0, 0); /* nothing of a dropped attempt is left behind */
    assert_true(checksum(&f) == whole);
    fixture_close(&f);
}

static void test_divergence_is_a_result(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f,
                 BASE "random_seed: 3\narms: [{criterion: magnitude}]\n"
                      "grid: {density: [0.5], seeds: 1}\n",
                 0);
    f.job->retrain.optimizer = PSI_SGD;
    f.job->retrain.rate = 1e30;
    fixture_cell(&f, 0, 0, 0);
    assert_int_equal(f.cell.diverged, 1);
    assert_true(isnan(f.cell.psi_curve[4]));
    assert_true(f.cell.psi[PSI_RETRAINED] < 0.5);
    fixture_close(&f);
}

static void test_checksum_sees_every_variable(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, BASE "arms: [{criterion: random}]\ngrid: {density: [0.3], seeds: 1}\n", 0);
    fixture_cell(&f, 0, 0, 0);
    uint64_t whole = checksum(&f);
    for (const struct psi_variable *v = psi_variables; v->name; v++) {
        if (v->owner != PSI_OF_CELL)
            continue;
        unsigned char *data = psi_variable_data(v, &f.cell);
        size_t last = psi_variable_count(v, &f.study->layout) * psi_type_size(v->type) - 1;
        data[last] ^= 1;
        assert_int_equal(checksum(&f) != whole, v->deterministic);
        data[last] ^= 1;
    }
    assert_true(checksum(&f) == whole);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_unpruned_cell),
        cmocka_unit_test(test_pruned_cell),
        cmocka_unit_test(test_same_cell_in_another_grid),
        cmocka_unit_test(test_name_keys_the_mask),
        cmocka_unit_test(test_planted_bound),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_divergence_is_a_result),
        cmocka_unit_test(test_checksum_sees_every_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
