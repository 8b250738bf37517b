/* The table of claim C3: which arms and cells are in it, and what its columns hold. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/prediction.h"
#include "psisweep/prune.h"
#include "psisweep/regress.h"

#include <math.h>
#include <string.h>

enum { ARMS = 9, SEEDS = 2, DENSITIES = 3, LAYERS = 2, CELLS = ARMS * SEEDS * DENSITIES };
enum { COLUMNS = 2 * LAYERS + 6 + 1 }; /* two criteria: one more column */

static const char text[] = "name: n\ndata: {validation: 9}\n"
                           "arms:\n"
                           "  - {name: a, criterion: magnitude}\n"
                           "  - {name: b, criterion: random, scope: layer}\n"
                           "  - {name: c, criterion: magnitude, scope: layer}\n"
                           "  - {name: trimmed, mask: a, change: trim}\n"
                           "  - {name: shuffled, change: shuffle}\n"
                           "  - {name: ablated, ablate: top, modes: 1}\n"
                           "  - {name: new, restart: reinitialise}\n"
                           "  - {name: early, at: initial}\n"
                           "  - {name: chain, schedule: iterative}\n"
                           "grid: {density: [1, 0.1, 0.01], seeds: 2}\n";

static struct {
    uint8_t finished[CELLS];
    double pruned[CELLS], psi[CELLS], achieved[CELLS], effective[CELLS], bound[CELLS];
    double overlap[CELLS], density[CELLS * LAYERS], norm[CELLS * LAYERS];
} array;
static const double nominal[DENSITIES] = {1, 0.1, 0.01}, dense[SEEDS * LAYERS] = {4, 9, 4, 9};
static const struct psi_measured measured = {.arms = ARMS,
                                             .seeds = SEEDS,
                                             .densities = DENSITIES,
                                             .layers = LAYERS,
                                             .density = nominal,
                                             .finished = array.finished,
                                             .psi_pruned = array.pruned,
                                             .psi = array.psi,
                                             .achieved = array.achieved,
                                             .effective = array.effective,
                                             .bound = array.bound,
                                             .overlap = array.overlap,
                                             .layer_density = array.density,
                                             .square_norm = array.norm,
                                             .dense_square_norm = dense};

static struct psi_job *make_up(void)
{
    struct psi_job *job = NULL;
    struct psi_error err = {0};
    if (psi_job_parse(text, "t.yaml", NULL, 0, &job, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < CELLS; i++) {
        array.finished[i] = 1;
        array.pruned[i] = 0.25;
        array.psi[i] = 0.5;
        array.achieved[i] = nominal[i % DENSITIES];
        array.effective[i] = 0.5 * nominal[i % DENSITIES];
        array.bound[i] = 1;
        array.overlap[i] = 0.125;
        for (size_t l = 0; l < LAYERS; l++) {
            array.density[i * LAYERS + l] = l ? 0.001 : 0.1;
            array.norm[i * LAYERS + l] = 1;
        }
    }
    return job;
}

static void rows_and_columns(void **state)
{
    (void)state;
    struct psi_job *job = make_up();
    struct psi_prediction p;
    struct psi_error err;
    array.finished[0] = 0;                                      /* not a row */
    array.psi[1] = NAN;                                         /* nor this */
    array.bound[2] = 0.4;                                       /* for the band alone */
    array.overlap[psi_measured_at(&measured, 1, 0, 0)] = NAN;   /* and this */
    array.effective[psi_measured_at(&measured, 1, 0, 1)] = 0.0; /* and this */
    assert_int_equal(psi_prediction_create(job, &measured, &p, &err), PSI_OK);
    const struct psi_nested *n = &p.nested;
    assert_int_equal(p.arms, 3);
    assert_int_equal(n->rows, 3 * SEEDS * DENSITIES - 2);
    assert_int_equal(n->columns, COLUMNS);
    assert_int_equal(n->criteria, 2);
    assert_string_equal(psi_criteria[p.criterion_row[0]].name, "magnitude");
    assert_string_equal(psi_criteria[p.criterion_row[1]].name, "random");
    assert_int_equal(p.disconnected, 1);
    assert_int_equal(p.undefined, 2);
    size_t fitted = 0;
    for (size_t i = 0; i < n->rows; i++)
        fitted += n->fitted[i];
    assert_int_equal(fitted, n->rows - 3);

    /* the last row: arm c, seed 1, density .01 */
    size_t last = n->rows - 1;
    const double *row = n->predictor + last * n->columns;
    static const double exact[] = {-2, -2.30102999566398, -1, -3, 0.5, 1.0 / 3, 0.25};
    for (size_t c = 0; c < sizeof exact / sizeof *exact; c++)
        assert_true(fabs(row[c] - exact[c]) < 1e-14);
    assert_true(row[2 * LAYERS + 5] == 0.125 && row[COLUMNS - 1] == 0);
    assert_true(n->seed[last] == 1 && n->criterion[last] == 0 && n->group[last] == 8);
    static const size_t width[PSI_MODELS] = {1, 9, 10, 11};
    assert_memory_equal(n->width, width, sizeof width);
    /* arm b, seed 1, density 1: the other criterion */
    row = n->predictor + (SEEDS * DENSITIES - 2 + DENSITIES) * n->columns;
    assert_true(row[COLUMNS - 1] == 1 && row[0] == 0);
    psi_prediction_clear(&p);
    psi_job_destroy(job);
}

static void names(void **state)
{
    (void)state;
    static const char *const name[] = {"log10 density",
                                       "log10 effective density",
                                       "log10 density of layer 1",
                                       "log10 density of layer 2",
                                       "norm kept in layer 1",
                                       "norm kept in layer 2",
                                       "Psi before retraining",
                                       "",
                                       "",
                                       "support overlap"};
    struct psi_prediction p = {.layers = LAYERS};
    for (size_t c = 0; c < sizeof name / sizeof *name; c++) {
        char found[PSI_PREDICTOR_NAME];
        assert_int_equal(psi_prediction_is_bend(&p, c), !name[c][0]);
        if (!name[c][0])
            continue;
        psi_prediction_name(&p, c, found);
        assert_string_equal(found, name[c]);
    }
}

static void nothing(void **state)
{
    (void)state;
    struct psi_job *job = make_up();
    struct psi_prediction p;
    struct psi_held_out held[SEEDS];
    struct psi_error err;
    memset(array.finished, 0, sizeof array.finished);
    assert_int_equal(psi_prediction_create(job, &measured, &p, &err), PSI_OK);
    assert_int_equal(p.nested.rows, 0);
    assert_int_equal(psi_nested_by_seed(&p.nested, held, &err), PSI_OK);
    assert_true(held[0].rows == 0 && held[1].rows == 0);
    psi_prediction_clear(&p);
    psi_job_destroy(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_columns),
        cmocka_unit_test(names),
        cmocka_unit_test(nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
