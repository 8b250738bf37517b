/* The rescue ladder: which rungs in which order, which cells, which kind of collapse. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/ladder.h"
#include "psisweep/record.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct psi_job *job_of(const char *rescue, const char *grid)
{
    struct psi_job *job = NULL;
    struct psi_error err = {0};
    char text[512];
    snprintf(text, sizeof text,
             "name: n\ndata: {validation: 9}\narms: [{}]\ngrid: %s\nrescue: %s\n", grid, rescue);
    if (psi_job_parse(text, "t.yaml", NULL, 0, &job, &err))
        fail_msg("%s", err.text);
    return job;
}

/* names, separated by ", ", in their order */
static void rungs_are(const char *rescue, const char *names)
{
    struct psi_job *job = job_of(rescue, "{density: [1]}");
    struct psi_rung rung[PSI_RUNGS_MAX];
    size_t count = psi_ladder_rungs(job, rung);
    char found[2048] = "";
    for (size_t i = 0; i < count; i++) {
        if (i)
            strcat(found, ", ");
        strcat(found, rung[i].name);
        assert_int_equal(psi_rung_moves(&rung[i]),
                         rung[i].kind == PSI_RUNG_REWIRE || rung[i].kind == PSI_RUNG_REGROW);
    }
    assert_string_equal(found, names);
    psi_job_destroy(job);
}

static void rung_order(void **state)
{
    (void)state;
    rungs_are("{cells: 0}", "");
    /* SCIENCE's ladder: epochs 1 1 4 4 4 4 12 16 16 48 under the mask, what moves it last; a
     * re-initialisation costs its three draws */
    rungs_are("{cells: 3}",
              "finetune x1, finetune x1 rate x3, finetune x4, finetune x4 rate x3, rewind x4, "
              "transplant x4, reinitialise x4, finetune x16, finetune x16 rate x3, "
              "reinitialise x16, rewire x1, regrow x1");
    rungs_are("{cells: 1, finetune: [9, 2], rates: [2], reinitialise: [3, 1], draws: 3, "
              "rewind: [2], transplant: [], rewire: [5, 1], regrow: [1]}",
              "finetune x2 rate x2, rewind x2, reinitialise x1, finetune x9 rate x2, "
              "reinitialise x3, rewire x5, rewire x1, regrow x1");
    rungs_are("{cells: 1, finetune: [], reinitialise: [], rewind: [], transplant: [], rewire: [], "
              "regrow: []}",
              "");
    rungs_are("{cells: 1, rates: []}",
              "rewind x4, transplant x4, reinitialise x4, reinitialise x16, rewire x1, regrow x1");
}

static void rung_contents(void **state)
{
    (void)state;
    struct psi_rung rung[PSI_RUNGS_MAX];
    struct psi_job *job =
        job_of("{cells: 1, finetune: [1, 2, 3, 4, 5, 6, 7, 8], rates: [1, 2, 3, 4, 5, 6, 7, 8], "
               "reinitialise: [1, 2, 3, 4, 5, 6, 7, 8], rewind: [1, 2, 3, 4, 5, 6, 7, 8], "
               "transplant: [1, 2, 3, 4, 5, 6, 7, 8], rewire: [1, 2, 3, 4, 5, 6, 7, 8], "
               "regrow: [1, 2, 3, 4, 5, 6, 7, 1024], draws: 64}",
               "{density: [1]}");
    size_t count = psi_ladder_rungs(job, rung), kinds[PSI_RUNG_KINDS] = {0};
    assert_int_equal(count, PSI_RUNGS_MAX);
    for (size_t i = 0; i < count; i++) {
        kinds[rung[i].kind]++;
        assert_int_equal(rung[i].draws, rung[i].kind == PSI_RUNG_REINITIALISE ? 64 : 1);
        assert_true(rung[i].rate == 1 || rung[i].kind == PSI_RUNG_FINETUNE);
        if (i > 0 && !psi_rung_moves(&rung[i])) {
            assert_false(psi_rung_moves(&rung[i - 1]));
            assert_true(rung[i - 1].budget * rung[i - 1].draws <= rung[i].budget * rung[i].draws);
        }
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(rung[i].name, rung[j].name);
    }
    assert_int_equal(kinds[PSI_RUNG_FINETUNE], 64);
    assert_string_equal(rung[count - 1].name, "regrow x1024");
    psi_job_destroy(job);
}

/* Collapsed means finished and Psi < .5; from F_min, the highest such density, down. */
static void cells(void **state)
{
    (void)state;
    struct psi_job *job = job_of("{cells: 2}", "{density: [1, 0.5, 0.25, 0.1, 0.05, 0.01]}");
    size_t density[6] = {9, 9, 9, 9, 9, 9};
    const uint8_t all[] = {1, 1, 1, 1, 1, 1}, some[] = {1, 1, 0, 1, 1, 1}, none[6] = {0};
    const double psi[] = {1, 0.9, 0.2, 0.6, 0.1, -0.01}, edge[] = {1, 0.5, NAN, 0.4999, 0, 0};
    const double high[] = {1, 1, 1, 1, 1, NAN};
    assert_int_equal(psi_ladder_cells(job, psi, all, density), 2);
    assert_true(density[0] == 2 && density[1] == 4 && density[2] == 9);
    assert_int_equal(psi_ladder_cells(job, psi, some, density), 2);
    assert_true(density[0] == 4 && density[1] == 5);
    assert_int_equal(psi_ladder_cells(job, edge, all, density), 2);
    assert_true(density[0] == 3 && density[1] == 4);
    assert_int_equal(psi_ladder_cells(job, high, all, density), 0);
    assert_int_equal(psi_ladder_cells(job, psi, none, density), 0);
    assert_true(psi_ladder_donor(job, psi, all, 4) == 3); /* the nearest, not the densest */
    assert_true(psi_ladder_donor(job, psi, all, 3) == 1);
    assert_true(psi_ladder_donor(job, edge, all, 5) == 1); /* .5 recovered, NaN did not */
    assert_true(psi_ladder_donor(job, psi, none, 4) == SIZE_MAX);
    assert_true(psi_ladder_donor(job, psi, all, 0) == SIZE_MAX);
    const struct psi_rung same = {.kind = PSI_RUNG_REWIND}, moves = {.kind = PSI_RUNG_REWIRE};
    assert_true(psi_rung_may_recover(&same, 0.5) && !psi_rung_may_recover(&same, 0.4999));
    assert_true(psi_rung_may_recover(&moves, 0) && psi_rung_may_recover(&same, NAN));
    psi_job_destroy(job);
}

static void kinds(void **state)
{
    (void)state;
    const struct psi_rung rung[] = {
        {.kind = PSI_RUNG_FINETUNE}, {.kind = PSI_RUNG_REINITIALISE}, {.kind = PSI_RUNG_REWIRE},
        {.kind = PSI_RUNG_REWIRE},   {.kind = PSI_RUNG_REGROW},
    };
    static const struct {
        const char *tried; /* rungs */
        double psi[5], bound;
        int kind, rescued_by;
    } table[] = {
        /* under the same mask */
        {"10000", {0.5, 0, 0, 0, 0}, 1, PSI_OPTIMISATION, 0},
        {"11000", {0.49, 0.7, 0, 0, 0}, 1, PSI_OPTIMISATION, 1},
        {"11000", {NAN, 0.7, 0, 0, 0}, 1, PSI_OPTIMISATION, 1},
        {"11000", {0.7, 0.7, 0, 0, 0}, 1, PSI_OPTIMISATION, 0},
        /* it did recover: whatever a bound from another split says */
        {"10000", {0.5, 0, 0, 0, 0}, 0.49, PSI_OPTIMISATION, 0},
        /* not under the same mask */
        {"11100", {0.4, 0.4, 0.6, 0, 0}, 1, PSI_STRUCTURAL, 2},
        {"11110", {0.4, 0.4, 0.1, 0.6, 0}, 1, PSI_STRUCTURAL, 3},
        {"11111", {0.4, 0.4, 0.4, 0.4, 0.9}, 1, PSI_CAPACITY, 4},
        {"11111", {0.4, 0.4, 0.4, 0.4, 0.4}, 1, PSI_CAPACITY, -1},
        {"11111", {NAN, NAN, NAN, NAN, NAN}, 1, PSI_CAPACITY, -1},
        /* nothing can be done under this mask: not tried */
        {"00100", {0, 0, 0.8, 0, 0}, 0.49, PSI_DISCONNECTED, 2},
        {"00111", {0, 0, 0, 0, 0}, 0.1, PSI_DISCONNECTED, -1},
        {"00000", {0, 0, 0, 0, 0}, 0.1, PSI_DISCONNECTED, -1},
        {"11111", {0, 0, 0, 0, 0}, 0.5, PSI_CAPACITY, -1}, /* the bound leaves .5 */
        /* no rewiring was asked for */
        {"11000", {0.4, 0.4, 0, 0, 0}, 1, PSI_UNDECIDED, -1},
        {"11001", {0.4, 0.4, 0, 0, 0.9}, 1, PSI_UNDECIDED, 4},
        {"00000", {1, 1, 1, 1, 1}, 1, PSI_UNDECIDED, -1}, /* what was not tried tells nothing */
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint8_t tried[5];
        int32_t by = 99;
        for (size_t r = 0; r < 5; r++)
            tried[r] = table[i].tried[r] == '1';
        int kind = psi_ladder_kind(rung, 5, table[i].psi, tried, table[i].bound, &by);
        if (kind != table[i].kind || by != table[i].rescued_by)
            fail_msg("row %zu: expected %s by %d, found %s by %d", i,
                     psi_collapse_name[table[i].kind], table[i].rescued_by, psi_collapse_name[kind],
                     by);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rung_order),
        cmocka_unit_test(rung_contents),
        cmocka_unit_test(cells),
        cmocka_unit_test(kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
