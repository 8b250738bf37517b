/* The planted truth: on a task whose needed inputs are known, whether a cell collapses, recovers,
 * and why, is known from its mask alone. Masks are made on purpose and given to the trial as the
 * state of a chain, which is where an arm's mask of any making can come from.
 * PSI_LONG: ten times as many. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/bound.h"
#include "trial.h"

enum { INPUTS = 20, UNITS = 24, CLASSES = 8, FIRST = INPUTS * UNITS };

#define JOB                                                                                       \
    "name: planted\ndata: {set: planted, train: 1500, test: 1000, validation: 400, inputs: 20}\n" \
    "model: {hidden: [24]}\ntrain: {epochs: 8, batch: 20, rate: 0.01}\n"                          \
    "retrain: {epochs: 8, batch: 20, rate: 0.01}\n"                                               \
    "arms: [{name: made, schedule: iterative}, {name: cell, mask: made},\n"                       \
    "  {name: anew, mask: made, restart: reinitialise, budget: retrain}]\n"                       \
    "grid: {density: [1], seeds: 1}\nrescue: {cells: 1, draws: 2}\n"

static size_t times(size_t count)
{
    return getenv("PSI_LONG") ? 10 * count : count;
}

static struct psi_random stream(const char *name, size_t number)
{
    struct psi_random random;
    psi_random_open(&random, 5, "%s/%zu", name, number);
    return random;
}

/* f->slot says that this mask (weights) is what the chain has left. */
static void give_mask(struct fixture *f, const uint8_t *mask)
{
    for (size_t i = 0; i < f->weights; i++)
        f->slot.removed[i] = mask[i] ? PSI_SURVIVES : 0;
}

static void draw(struct psi_random *random, double density, uint8_t *mask, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mask[i] = psi_random_uniform(random) < density;
}

static void cut_input(const struct fixture *f, int bit, uint8_t *mask)
{
    for (size_t u = 0; u < UNITS; u++)
        mask[u * INPUTS + f->study->dataset->needed[bit]] = 0;
}

/* What the task needs: each needed input has a unit of its own that every class reads. */
static void add_support(const struct fixture *f, struct psi_random *random, uint8_t *mask)
{
    uint32_t unit[UNITS];
    for (uint32_t u = 0; u < UNITS; u++)
        unit[u] = u;
    psi_random_shuffle(random, unit, UNITS);
    for (int bit = 0; bit < PSI_PLANTED_BITS; bit++) {
        mask[unit[bit] * INPUTS + f->study->dataset->needed[bit]] = 1;
        for (size_t c = 0; c < CLASSES; c++)
            mask[FIRST + c * UNITS + unit[bit]] = 1;
    }
}

static size_t lost_inputs(const struct fixture *f, const uint8_t *mask)
{
    uint8_t on_path[FIRST + UNITS * CLASSES];
    size_t count;
    OK(psi_network_paths(f->study->network, mask, on_path, NULL, &count, &err));
    return psi_planted_lost(f->study->network, f->study->dataset, on_path);
}

/* Every cell with a needed input without a path collapses, whatever it starts from, and no rung
 * under its mask helps; those that keep the support recover. */
static void test_support_decides(void **state)
{
    struct fixture f;
    size_t lost_cells = 0, kept_cells = 0, recovered = 0, cells = times(400);
    uint8_t mask[FIRST + UNITS * CLASSES];
    (void)state;
    fixture_open(&f, JOB, NULL);
    assert_int_equal(f.weights, sizeof mask);
    assert_true(f.parent.accuracy > 0.97);
    for (size_t n = 0; n < cells; n++) {
        struct psi_random random = stream("random", n);
        draw(&random, 0.02 * pow(15, psi_random_uniform(&random)), mask, sizeof mask);
        if (n % 2) /* at .02 to .3, half of them with the support */
            add_support(&f, &random, mask);
        size_t lost = lost_inputs(&f, mask);
        if (!lost && n % 2 == 0)
            continue; /* something between */
        give_mask(&f, mask);
        fixture_cell_from(&f, n % 4 < 2 ? "cell" : "anew", 0, &f.slot);
        assert_int_equal(f.cell.weights_kept, psi_mask_count(mask, sizeof mask));
        double psi = f.cell.psi[PSI_RETRAINED];
        if (lost) {
            lost_cells++;
            assert_true(psi < 0.5);
            assert_true(f.cell.psi_bound > psi);
            /* three standard deviations of a share of 1/2 in 1000 samples, in units of Psi */
            assert_true(psi < psi_planted_bound(lost, f.parent.accuracy, f.study->chance_test) +
                                  0.047 / (f.parent.accuracy - f.study->chance_test));
        } else {
            kept_cells++;
            recovered += psi >= 0.5;
        }
    }
    print_message("lost: %zu, all collapsed; kept: %zu, %zu recovered\n", lost_cells, kept_cells,
                  recovered);
    assert_true(lost_cells >= 60 && kept_cells >= 100);
    assert_true(100 * recovered >= 95 * kept_cells);
    fixture_close(&f);
}

/* The ladder as a sweep climbs it. */
static int climb(struct fixture *f, const char *arm, double bound, int32_t *rescued_by,
                 struct psi_rung *by)
{
    struct psi_rung rung[PSI_RUNGS_MAX];
    size_t rungs = psi_ladder_rungs(f->job, rung);
    double psi[PSI_RUNGS_MAX];
    uint8_t tried[PSI_RUNGS_MAX] = {0};
    int kind = PSI_UNDECIDED;
    *rescued_by = -1;
    for (size_t i = 0; i < rungs && *rescued_by < 0; i++) {
        if (bound < 0.5 && !psi_rung_moves(&rung[i]))
            continue;
        fixture_rung(f, arm, 0, &rung[i], SIZE_MAX, &f->slot);
        psi[i] = f->rung.validation_psi;
        tried[i] = 1;
        kind = psi_ladder_kind(rung, rungs, psi, tried, bound, rescued_by);
    }
    if (*rescued_by >= 0)
        *by = rung[*rescued_by];
    return kind;
}

/* Cells that collapse for a reason given to them. */
static void check_kind(struct fixture *f, const char *arm, const uint8_t *mask, int expected,
                       int expected_by)
{
    struct psi_rung by = {.kind = -1};
    int32_t rescued_by;
    give_mask(f, mask);
    fixture_cell_from(f, arm, 0, &f->slot);
    assert_true(f->cell.psi[PSI_RETRAINED] < 0.5);
    int kind = climb(f, arm, f->cell.psi_bound, &rescued_by, &by);
    if (kind != expected)
        fail_msg("expected %s, found %s, by %s", psi_collapse_name[expected],
                 psi_collapse_name[kind], rescued_by < 0 ? "nothing" : by.name);
    if (expected_by >= 0)
        assert_int_equal(by.kind, expected_by);
}

#define SHORT_LADDER                                                                             \
    "rescue={cells: 1, finetune: [1, 4], rates: [1], reinitialise: [2], draws: 2, rewind: [2], " \
    "transplant: [1], rewire: [4], regrow: [1]}"

/* Six outputs without a weight: no parameters can answer those classes. */
static void test_disconnected(void **state)
{
    struct fixture f;
    uint8_t mask[FIRST + UNITS * CLASSES];
    (void)state;
    fixture_open(&f, JOB, SHORT_LADDER);
    for (size_t n = 0; n < times(4); n++) {
        struct psi_random random = stream("disconnected", n);
        uint32_t order[CLASSES] = {0, 1, 2, 3, 4, 5, 6, 7};
        draw(&random, 0.5, mask, sizeof mask);
        psi_random_shuffle(&random, order, CLASSES);
        for (int c = 0; c < 6; c++)
            memset(mask + FIRST + order[c] * UNITS, 0, UNITS);
        check_kind(&f, "cell", mask, PSI_DISCONNECTED, -1);
        assert_int_equal(f.cell.unreachable_classes, 6);
        assert_true(f.cell.psi_bound < 0.5 &&
                    f.cell.psi[PSI_RETRAINED] <= f.cell.psi_bound + 1e-12);
    }
    fixture_close(&f);
}

/* Needed inputs cut, all else in plenty: only moving connections helps, at the same number. */
static void test_structural(void **state)
{
    struct fixture f;
    uint8_t mask[FIRST + UNITS * CLASSES];
    (void)state;
    fixture_open(&f, JOB, SHORT_LADDER);
    for (size_t n = 0; n < times(4); n++) {
        struct psi_random random = stream("structural", n);
        draw(&random, 0.4, mask, sizeof mask);
        cut_input(&f, (int)(n % PSI_PLANTED_BITS), mask);
        check_kind(&f, "cell", mask, PSI_STRUCTURAL, PSI_RUNG_REWIRE);
        assert_int_equal(f.cell.unreachable_classes, 0);
    }
    fixture_close(&f);
}

/* All that is needed, new weights, and too few steps. */
static void test_optimisation(void **state)
{
    struct fixture f;
    uint8_t mask[FIRST + UNITS * CLASSES];
    (void)state;
    fixture_open(&f, JOB, "retrain={epochs: 1, batch: 20, rate: 0.001}");
    for (size_t n = 0; n < times(4); n++) {
        struct psi_random random = stream("optimisation", n);
        draw(&random, 0.3, mask, sizeof mask);
        add_support(&f, &random, mask);
        check_kind(&f, "anew", mask, PSI_OPTIMISATION, -1);
    }
    fixture_close(&f);
}

/* Two weights read inputs: of the three bits one is never seen, wherever they are moved, and a
 * class is not known with less than all. Only more weights help. */
static void test_capacity(void **state)
{
    struct fixture f;
    uint8_t mask[FIRST + UNITS * CLASSES];
    (void)state;
    fixture_open(&f, JOB, SHORT_LADDER);
    for (size_t n = 0; n < times(4); n++) {
        struct psi_random random = stream("capacity", n);
        memset(mask, 1, sizeof mask);
        memset(mask, 0, FIRST);
        for (int bit = 0; bit < 2; bit++)
            mask[psi_random_below(&random, UNITS) * INPUTS +
                 f.study->dataset->needed[(n + (size_t)bit) % PSI_PLANTED_BITS]] = 1;
        check_kind(&f, "cell", mask, PSI_CAPACITY, PSI_RUNG_REGROW);
        assert_int_equal(f.cell.unreachable_classes, 0);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_support_decides), cmocka_unit_test(test_disconnected),
        cmocka_unit_test(test_structural),      cmocka_unit_test(test_optimisation),
        cmocka_unit_test(test_capacity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
