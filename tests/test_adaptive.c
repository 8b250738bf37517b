/* Adaptive sweeps: played against tables of Psi, whole and with interruptions, losses and noise. */
#include "psisweep/adaptive.h"
#include "psisweep/random.h"
#include "psisweep/threshold.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { SEEDS = 12, DENSITIES = 90, CELLS = SEEDS * DENSITIES };

/* An arm whose Psi is known beforehand. */
struct game {
    struct psi_adaptive a;
    double density[DENSITIES], psi[CELLS];
    uint8_t state[CELLS], lost[CELLS], asked[CELLS];
    size_t rounds;
};

static void open_game(struct game *g, size_t seeds, size_t densities, size_t factor)
{
    assert_true(seeds <= SEEDS && densities <= DENSITIES);
    memset(g, 0, sizeof *g);
    for (size_t d = 0; d < densities; d++)
        g->density[d] = pow(10, -(double)d / 8 / (double)factor);
    for (size_t i = 0; i < CELLS; i++)
        g->psi[i] = 1;
    g->a = (struct psi_adaptive){.seeds = seeds,
                                 .densities = densities,
                                 .density = g->density,
                                 .factor = factor,
                                 .budget = 12 * seeds,
                                 .psi = g->psi,
                                 .state = g->state};
}

/* The first collapsed density of a seed; all below are collapsed, too. */
static void collapse_from(struct game *g, size_t seed, size_t from)
{
    for (size_t d = 0; d < g->a.densities; d++)
        g->psi[seed * g->a.densities + d] = d < from;
}

static size_t count(const uint8_t *flag, size_t cells)
{
    size_t n = 0;
    for (size_t i = 0; i < cells; i++)
        n += flag[i] != 0;
    return n;
}

/* Round by round until nothing is asked for. random: a launch ends within a round now and then, so
 * that only some of its cells are done. In every call: what is asked for stays asked for, is on the
 * arm's axis and within the budget, and a round is never empty. */
static void play(struct game *g, struct psi_random *random)
{
    uint8_t before[CELLS] = {0};
    size_t cells = g->a.seeds * g->a.densities, open, limit = 3 * cells + 3;
    for (g->rounds = 0; g->rounds < limit; g->rounds++) {
        assert_int_equal(psi_adaptive_next(&g->a, g->asked, &open, NULL), PSI_OK);
        assert_true(count(g->asked, cells) <= g->a.budget);
        size_t found = 0;
        for (size_t i = 0; i < cells; i++) {
            assert_true(g->asked[i] >= before[i]);
            assert_true(!g->asked[i] || i % g->a.densities >= g->a.first);
            found += g->asked[i] && g->state[i] == PSI_ADAPTIVE_OPEN;
        }
        assert_int_equal(open, found);
        if (open == 0)
            return;
        memcpy(before, g->asked, cells);
        size_t done = 0;
        for (size_t i = 0; i < cells; i++)
            if (g->asked[i] && g->state[i] == PSI_ADAPTIVE_OPEN &&
                (!random || ++done == open || psi_random_uniform(random) < 0.5))
                g->state[i] = g->lost[i] ? PSI_ADAPTIVE_LOST : PSI_ADAPTIVE_DONE;
    }
    fail_msg("no end after %zu rounds", limit);
}

/* F_min of a seed, from all cells or from those asked for. */
static struct psi_interval threshold(const struct game *g, size_t seed, int whole)
{
    static uint8_t all[CELLS];
    static double achieved[CELLS];
    memset(all, 1, sizeof all);
    for (size_t i = 0; i < g->a.seeds * g->a.densities; i++)
        achieved[i] = g->density[i % g->a.densities];
    struct psi_sweep sweep = {1,        g->a.seeds, g->a.densities, g->density,
                              achieved, achieved,   g->psi,         whole ? all : g->asked};
    return psi_threshold_seed(&sweep, 0, seed, PSI_RECOVERED, 0, NULL);
}

static void same_thresholds(const struct game *g)
{
    for (size_t s = 0; s < g->a.seeds; s++) {
        struct psi_interval whole = threshold(g, s, 1), got = threshold(g, s, 0);
        assert_int_equal(whole.censoring, got.censoring);
        assert_true(whole.low == got.low && whole.high == got.high);
    }
}

/* Wherever F_min lies, beyond the axis too, and however many seeds agree on it: the interval of the
 * whole axis, from few cells, with its neighbours. */
static void test_monotone(void **state)
{
    (void)state;
    static const size_t factors[] = {1, 2, 3, 8};
    struct game g;
    for (size_t f = 0; f < 4; f++) {
        for (size_t seeds = 1; seeds <= SEEDS; seeds += seeds > 1 ? 5 : 1) {
            size_t factor = factors[f], densities = 88 / factor * factor + 1;
            for (size_t from = 0; from <= densities; from++) {
                open_game(&g, seeds, densities, factor);
                for (size_t s = 0; s < seeds; s++)
                    collapse_from(&g, s, from + s < densities ? from + s : densities);
                play(&g, NULL);
                same_thresholds(&g);
                assert_true(g.rounds <= 16);
                for (size_t s = 0; s < seeds; s++) {
                    size_t at = from + s;
                    const uint8_t *row = g.asked + s * densities;
                    if (at >= 2 && at + 1 < densities)
                        assert_true(row[at - 2] && row[at - 1] && row[at] && row[at + 1]);
                }
            }
        }
    }
}

/* Seeds that agree tell each other where to look, and dense cells are left alone. */
static void test_economy(void **state)
{
    (void)state;
    struct game g;
    size_t cells = 0;
    for (size_t from = 30; from < 80; from++) {
        size_t dense = 0;
        open_game(&g, 10, 85, 3);
        for (size_t s = 0; s < 10; s++)
            collapse_from(&g, s, from + s % 4);
        play(&g, NULL);
        for (size_t s = 0; s < 10; s++)
            dense += count(g.asked + s * 85, 24); /* above density .1 */
        assert_true(dense <= (from < 36 ? 12 : 2));
        assert_true(g.rounds <= 10);
        cells += count(g.asked, 850);
    }
    assert_true(cells <= 50 * 80); /* 8 of 85 a seed; 94 where all begin at the same density */
}

/* A collapsed cell next above the bracket is found; the search goes on from there. */
static void test_contradiction(void **state)
{
    (void)state;
    struct game g;
    open_game(&g, 1, 85, 3);
    collapse_from(&g, 0, 61); /* on the grid the bracket is 60, 63, and 57 its neighbour */
    g.psi[57] = 0.2;
    play(&g, NULL);
    same_thresholds(&g);
    assert_true(g.asked[54] && g.asked[55] && g.asked[56] && g.asked[57]);
    /* two recovered ones below the collapsed end: the check goes two further on either side */
    open_game(&g, 1, 29, 1);
    collapse_from(&g, 0, 16);
    g.psi[17] = g.psi[18] = 0.9;
    g.psi[12] = 0.1; /* four above the collapsed end: not looked at but for these */
    play(&g, NULL);
    same_thresholds(&g);
    assert_true(g.asked[11] && g.asked[12] && g.asked[17] && g.asked[18] && g.asked[19]);
    /* and without them it is not */
    g.psi[17] = g.psi[18] = 0;
    memset(g.state, 0, sizeof g.state);
    play(&g, NULL);
    assert_true(g.asked[14] && g.asked[15] && g.asked[16] && g.asked[17]);
    assert_false(g.asked[12] || g.asked[18]);
}

/* The ladder's cells: collapsed ones of the grid, from F_min down without a gap. */
static void test_ladder(void **state)
{
    (void)state;
    struct game g;
    open_game(&g, 3, 85, 3);
    g.a.collapsed = 4;
    for (size_t s = 0; s < 3; s++)
        collapse_from(&g, s, 50 + s);
    g.psi[54] = 1;
    g.psi[2 * 85 + 78] = 1; /* far below */
    play(&g, NULL);
    for (size_t s = 0; s < 3; s++) {
        size_t found = 0;
        for (size_t d = 51; d < 85 && found < 4; d += 3) {
            assert_true(g.asked[s * 85 + d]);
            found += g.psi[s * 85 + d] < 0.5;
        }
        assert_int_equal(found, 4);
    }
    /* the axis ends first */
    open_game(&g, 1, 29, 1);
    g.a.collapsed = 9;
    collapse_from(&g, 0, 25);
    play(&g, NULL);
    assert_int_equal(count(g.asked + 25, 4), 4);
}

/* Scarce cells go to searching, then to checks, then to the widest brackets. */
static void test_budget(void **state)
{
    (void)state;
    struct game g;
    for (size_t budget = 0; budget <= 60; budget++) {
        open_game(&g, 4, 85, 3);
        g.a.budget = budget;
        for (size_t s = 0; s < 4; s++)
            collapse_from(&g, s, 60 + 2 * s);
        play(&g, NULL);
        assert_true(budget > 30 || count(g.asked, 340) == budget);
        double widest = 0, narrowest = INFINITY;
        for (size_t s = 0; s < 4; s++) {
            struct psi_interval got = threshold(&g, s, 0);
            double width = log10(got.high / got.low);
            widest = fmax(widest, width);
            narrowest = fmin(narrowest, width);
        }
        if (budget >= 60)
            assert_true(widest < 0.042);
        if (narrowest < 0.1) /* added densities: only after every seed's grid step */
            assert_true(widest < 0.126);
    }
}

/* What is left over goes to the widest: a step of .4 decades is narrowed to .1 before one of .1 is.
 */
static void test_widest(void **state)
{
    (void)state;
    struct game g;
    int narrowed = 0;
    for (size_t budget = 0; budget <= 40; budget++) {
        open_game(&g, 2, 33, 4);
        g.a.budget = budget;
        for (size_t d = 0; d < 33; d++)
            g.density[d] = pow(10, d <= 16 ? -0.1 * (double)d : -1.6 - 0.025 * (double)(d - 16));
        collapse_from(&g, 0, 7);
        collapse_from(&g, 1, 23);
        play(&g, NULL);
        struct psi_interval wide = threshold(&g, 0, 0), fine = threshold(&g, 1, 0);
        if (log10(fine.high / fine.low) < 0.099) {
            narrowed = 1;
            assert_true(log10(wide.high / wide.low) < 0.101);
        }
    }
    assert_true(narrowed);
}

/* Seeds whose cells all fail or have no Psi end soon; single ones are passed over. */
static void test_lost(void **state)
{
    (void)state;
    struct game g;
    open_game(&g, 4, 85, 3);
    for (size_t s = 0; s < 4; s++)
        collapse_from(&g, s, 60);
    for (size_t d = 0; d < 85; d++) {
        g.lost[d] = 1;       /* seed 0: its dense parent has failed */
        g.psi[85 + d] = NAN; /* seed 1: its dense parent is no better than chance */
    }
    g.lost[2 * 85 + 60] = 1;  /* seed 2: the collapsed end */
    g.psi[3 * 85 + 57] = NAN; /* seed 3: a neighbour */
    play(&g, NULL);
    assert_int_equal(count(g.asked, 85), 2);
    assert_int_equal(count(g.asked + 85, 85), 2);
    struct psi_interval two = threshold(&g, 2, 0), three = threshold(&g, 3, 0);
    assert_true(two.high == g.density[59] && two.low <= g.density[60]);
    assert_true(three.high == g.density[59] && three.low == g.density[60]);
    assert_true(g.asked[3 * 85 + 54]); /* in place of the undefined one */
}

/* An axis of any length and spacing, from any first density. */
static void test_axes(void **state)
{
    (void)state;
    struct game g;
    for (size_t densities = 1; densities <= 9; densities++) {
        for (size_t first = 0; first < densities; first++) {
            for (size_t from = first; from <= densities; from++) {
                open_game(&g, 2, densities, 1);
                g.a.first = first;
                for (size_t d = 0; d < densities; d++)
                    g.density[d] = 1 - (double)(d * d) / 100; /* sparsities 0, 1, 4, ... % */
                collapse_from(&g, 0, from);
                collapse_from(&g, 1, from);
                for (size_t d = 0; d < first; d++)
                    g.psi[d] = g.psi[densities + d] = NAN; /* not run */
                play(&g, NULL);
                same_thresholds(&g);
            }
        }
    }
}

/* Any table of Psi, with losses: it ends (play), and neither interruptions nor cells that nobody
 * asked for change what is asked for. */
static void test_random(void **state)
{
    (void)state;
    struct psi_random random;
    struct game whole, broken;
    psi_random_open(&random, 1, "test/adaptive");
    for (int i = 0; i < 1500; i++) {
        size_t factor = 1 + (size_t)(4 * psi_random_uniform(&random));
        size_t seeds = 1 + (size_t)(SEEDS * psi_random_uniform(&random));
        size_t steps = (size_t)(20 * psi_random_uniform(&random));
        double losses = i % 3 ? 0 : 0.3 * psi_random_uniform(&random);
        double noise = 2 * psi_random_uniform(&random);
        open_game(&whole, seeds, steps * factor + 1, factor);
        size_t cells = seeds * whole.a.densities;
        whole.a.first = (size_t)((double)(steps + 1) * psi_random_uniform(&random) / 2) * factor;
        whole.a.budget = (size_t)(2 * (double)cells * pow(psi_random_uniform(&random), 3));
        whole.a.collapsed = (size_t)(4 * psi_random_uniform(&random));
        for (size_t c = 0; c < cells; c++) {
            double slope = (double)(c % whole.a.densities) / (double)whole.a.densities;
            whole.psi[c] = 1 - slope + noise * (psi_random_uniform(&random) - 0.5);
            if (psi_random_uniform(&random) < losses / 2)
                whole.psi[c] = NAN;
            whole.lost[c] = psi_random_uniform(&random) < losses / 2;
        }
        broken = whole;
        broken.a.density = broken.density;
        broken.a.psi = broken.psi;
        broken.a.state = broken.state;
        for (size_t c = 0; c < cells; c++) /* as copied from elsewhere */
            if (!broken.lost[c] && psi_random_uniform(&random) < 0.2)
                broken.state[c] = PSI_ADAPTIVE_DONE;
        play(&whole, NULL);
        play(&broken, &random);
        assert_memory_equal(whole.asked, broken.asked, cells);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monotone),      cmocka_unit_test(test_economy),
        cmocka_unit_test(test_contradiction), cmocka_unit_test(test_ladder),
        cmocka_unit_test(test_budget),        cmocka_unit_test(test_widest),
        cmocka_unit_test(test_lost),          cmocka_unit_test(test_axes),
        cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
