/* Iterative arms: cells in a chain, each from the state that the one above it left. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "trial.h"

#define BASE                                                                                  \
    "name: chain\ndata: {set: planted, train: 600, test: 200, validation: 100, inputs: 20}\n" \
    "model: {hidden: [24, 16]}\ntrain: {epochs: 4, batch: 20, rate: 0.01}\n"                  \
    "retrain: {epochs: 2, batch: 20, rate: 0.01}\n"                                           \
    "grid: {density: [1, 0.5, 0.25, 0.1, 0.05], seeds: 1}\n"
enum { LEVELS = 5 };

static const char *const chains =
    BASE "arms: [{name: finetune, schedule: iterative},\n"
         "  {name: rewind, schedule: iterative, restart: rewind, rewind: 0.5},\n"
         "  {name: rates, schedule: iterative, restart: rate-rewind, rewind: 3, scope: erk},\n"
         "  {name: reinitialise, schedule: iterative, restart: reinitialise, scope: layer,\n"
         "   criterion: taylor},\n"
         "  {name: taken, mask: rewind, restart: reinitialise},\n"
         "  {name: alike, scope: like, like: rewind, criterion: random}]\n";

/* By hand: at each density the survivors of the one above compete by magnitude in the weights that
 * it ended with, and training starts from those, or from the rewind point. */
static void check_by_hand(struct fixture *f, const char *arm, const float *restart,
                          const struct psi_train_spec *spec, size_t first_step)
{
    uint8_t *mask = malloc(f->weights);
    float *weights = malloc(f->parameters * sizeof *weights);
    memset(mask, 1, f->weights);
    memcpy(weights, f->parent.parameter, f->parameters * sizeof *weights);
    for (size_t d = 0; d < LEVELS; d++) {
        char stream[128];
        struct psi_score_input input = {.network = f->study->network};
        struct psi_prune_spec prune = {.density = f->job->density[d], .within = mask};
        memcpy(psi_network_parameter(f->study->network), weights, f->parameters * sizeof *weights);
        OK(psi_prune(&prune, &input, mask, &err));
        memcpy(f->study->mask, mask, f->weights);
        set_weights(f, restart ? restart : weights);
        snprintf(stream, sizeof stream, "retrain/arm=%s/seed=0/density=%.9g", arm,
                 f->job->density[d]);
        train_by_hand(f, spec, first_step, stream);
        memcpy(weights, psi_network_parameter(f->study->network), f->parameters * sizeof *weights);

        fixture_chain(f, arm, d); /* from the top, every time */
        assert_int_equal(f->slot.level, d);
        assert_true(f->cell.mask_digest == psi_mask_digest(mask, f->weights));
        assert_memory_equal(f->slot.parameter, weights, f->parameters * sizeof *weights);
        for (size_t i = 0; i < f->weights; i++)
            assert_int_equal(f->slot.removed[i] == PSI_SURVIVES, mask[i]);
    }
    free(mask);
    free(weights);
}

static void test_by_hand(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, chains, NULL);
    check_by_hand(&f, "finetune", NULL, &f.job->retrain, 0);
    check_by_hand(&f, "rewind", f.parent.rewind_parameter, &f.job->train, 13); /* 12.5 of 25 */
    fixture_close(&f);
}

/* Each mask within the one above, of the density asked for, and remembered by the state. */
static void test_nested(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, chains, NULL);
    for (size_t a = 0; a < 4; a++) {
        uint8_t *above = malloc(f.weights);
        memset(above, 1, f.weights);
        for (size_t d = 0; d < LEVELS; d++) {
            fixture_chain(&f, f.job->arm[a].name, d);
            double kept = f.job->density[d] * (double)f.weights;
            /* (layers round each on its own) */
            assert_true(fabs((double)f.cell.weights_kept - kept) <= (a == 3 ? 1.5 : 0.5));
            for (size_t i = 0; i < f.weights; i++) {
                assert_true(above[i] || !f.study->mask[i]);
                if (above[i] && !f.study->mask[i])
                    assert_int_equal(f.slot.removed[i], d);
            }
            memcpy(above, f.study->mask, f.weights);
        }
        free(above);
    }
    fixture_close(&f);
}

/* From a state that was put away, in another study: the bits of going through. */
static void test_resumed(void **state)
{
    struct fixture whole, part;
    (void)state;
    fixture_open(&whole, chains, NULL);
    fixture_open(&part, chains, NULL);
    for (size_t a = 0; a < 4; a++) {
        const char *arm = whole.job->arm[a].name;
        for (size_t stop = 0; stop + 1 < LEVELS; stop++) {
            fixture_chain(&part, arm, stop);
            struct psi_slot kept;
            OK(psi_record_create(PSI_OF_SLOT, &part.study->layout, &kept, &err));
            memcpy(kept.parameter, part.slot.parameter, part.parameters * sizeof(float));
            memcpy(kept.removed, part.slot.removed, part.weights * sizeof *kept.removed);
            kept.level = part.slot.level;
            fixture_chain(&part, "finetune", 2); /* what another chain leaves behind */
            fixture_cell_from(&part, arm, stop + 1, &kept);
            fixture_chain(&whole, arm, stop + 1);
            assert_true(fixture_checksum(&part) == fixture_checksum(&whole));
            assert_true(psi_record_checksum(PSI_OF_SLOT, &part.study->layout, &part.next) ==
                        psi_record_checksum(PSI_OF_SLOT, &whole.study->layout, &whole.slot));
            psi_record_clear(PSI_OF_SLOT, &kept);
        }
    }
    fixture_close(&part);
    fixture_close(&whole);
}

/* What depends on a chain comes out alike from its state after that density and after any lower
 * one, and so do the rungs of the chain's own cells. */
static void test_dependants(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, chains, "rescue={cells: 1}");
    struct psi_rung rung = {.kind = PSI_RUNG_TRANSPLANT, .budget = 1, .rate = 1, .draws = 1};
    uint64_t mask[LEVELS], taken[LEVELS], alike[LEVELS], rungs[LEVELS];
    double share[LEVELS][3];
    for (size_t d = 0; d < LEVELS; d++) {
        fixture_chain(&f, "rewind", d);
        mask[d] = f.cell.mask_digest;
        memcpy(share[d], f.cell.layer_density, sizeof share[d]);
        fixture_cell_from(&f, "taken", d, &f.slot);
        assert_true(f.cell.mask_digest == mask[d]);
        taken[d] = fixture_checksum(&f);
        fixture_cell_from(&f, "alike", d, &f.slot);
        assert_memory_equal(f.cell.layer_density, share[d], sizeof share[d]);
        assert_int_equal(f.cell.mask_digest == mask[d], d == 0);
        alike[d] = fixture_checksum(&f);
        fixture_rung(&f, "rewind", d, &rung, 0, &f.slot);
        assert_true(psi_mask_digest(f.study->mask, f.weights) == mask[d]);
        rungs[d] = psi_record_checksum(PSI_OF_RUNG, &f.study->layout, &f.rung);
    }
    for (size_t d = 0; d < LEVELS; d++) { /* now from the chain's end */
        fixture_cell_from(&f, "taken", d, &f.slot);
        assert_true(fixture_checksum(&f) == taken[d]);
        fixture_cell_from(&f, "alike", d, &f.slot);
        assert_true(fixture_checksum(&f) == alike[d]);
        fixture_rung(&f, "rewind", d, &rung, 0, &f.slot);
        assert_true(psi_record_checksum(PSI_OF_RUNG, &f.study->layout, &f.rung) == rungs[d]);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_dependants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
