/* Pairs of masks, ablated arms, and the rescue ladder's tables, on made-up sweeps; and claim C4 by
 * simulation with fixed streams (PSI_LONG=1 simulates more). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/pair.h"
#include "psisweep/random.h"
#include "psisweep/record.h"
#include "psisweep/rescue.h"
#include "psisweep/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARMS = 9, SEEDS = 10, DENSITIES = 4, LAYERS = 3, CELLS = ARMS * SEEDS * DENSITIES };
enum { RUNGS_MOST = 8 };

static const char text[] =
    "name: n\ndata: {validation: 9}\n"
    "arms:\n"
    "  - {name: base}\n"
    "  - {name: p, mask: base, change: preserve, modes: 5}\n"
    "  - {name: d3, mask: base, change: destroy, modes: 3}\n"
    "  - {name: d, mask: base, change: destroy, modes: 5}\n"
    "  - {name: pn, mask: p, restart: reinitialise}\n"
    "  - {name: dn, mask: d, restart: reinitialise}\n"
    "  - {name: top, ablate: top, modes: 5}\n"
    "  - {name: bottom, ablate: bottom, modes: 5}\n"
    "  - {name: bottom4, ablate: bottom, modes: 4}\n"
    "grid: {density: [1, 0.1, 0.01, 0.001], seeds: 10}\n"
    "rescue: {cells: 1, finetune: [1, 4], rates: [1], reinitialise: [], rewind: [], transplant: "
    "[], rewire: [1], regrow: [1]}\n";

/* A sweep whose arrays a test fills; all cells done, every pair matched and apart. */
struct made_up {
    struct psi_measured measured;
    double density[DENSITIES];
    uint8_t finished[CELLS], climbed[CELLS], tried[CELLS * RUNGS_MOST];
    double pruned[CELLS], psi[CELLS], effective[CELLS], bound[CELLS];
    double overlap[CELLS * LAYERS], norm[CELLS * LAYERS], rung_psi[CELLS * RUNGS_MOST];
    uint64_t digest[CELLS * LAYERS];
};

static void make_up(struct made_up *s)
{
    *s = (struct made_up){.density = {1, 0.1, 0.01, 0.001}};
    s->measured = (struct psi_measured){.arms = ARMS,
                                        .seeds = SEEDS,
                                        .densities = DENSITIES,
                                        .layers = LAYERS,
                                        .density = s->density,
                                        .finished = s->finished,
                                        .psi_pruned = s->pruned,
                                        .psi = s->psi,
                                        .effective = s->effective,
                                        .bound = s->bound,
                                        .overlap_fixed = s->overlap,
                                        .square_norm = s->norm,
                                        .degree_digest = s->digest,
                                        .climbed = s->climbed,
                                        .tried = s->tried,
                                        .rung_psi = s->rung_psi};
    for (size_t i = 0; i < CELLS; i++) {
        size_t arm = i / DENSITIES / SEEDS, density = i % DENSITIES;
        static const double level[DENSITIES] = {1, 0.85, 0.6, 0.1};
        s->finished[i] = 1;
        s->bound[i] = 1;
        s->psi[i] = level[density];
        s->effective[i] = s->density[density];
        for (size_t l = 0; l < LAYERS; l++) {
            s->overlap[i * LAYERS + l] = arm == 1 ? 0.3 : 0.1;
            s->norm[i * LAYERS + l] = arm == 1 ? 2.01 : 2;
        }
    }
}

static struct psi_job *job_of(void)
{
    struct psi_job *job = NULL;
    struct psi_error err = {0};
    if (psi_job_parse(text, "t.yaml", NULL, 0, &job, &err))
        fail_msg("%s", err.text);
    return job;
}

static void found(void **state)
{
    (void)state;
    struct psi_job *job = job_of();
    struct psi_pair pair[PSI_PAIRS_MAX];
    struct psi_ablation_pair ablation[PSI_ABLATION_PAIRS_MAX];
    assert_int_equal(psi_pair_find(job, pair), 1); /* d3 has another number of modes */
    static const size_t arm[PSI_PAIR_ARMS] = {1, 3, 4, 5};
    for (int i = 0; i < PSI_PAIR_ARMS; i++)
        assert_int_equal(pair[0].arm[i], arm[i]);
    assert_int_equal(pair[0].modes, 5);
    assert_int_equal(psi_ablation_find(job, ablation), 1);
    assert_int_equal(ablation[0].top, 6);
    assert_int_equal(ablation[0].control, 7);
    psi_job_destroy(job);
}

static const struct psi_pair the_pair = {{1, 3, 4, 5}, 5};

static struct psi_pair_cell compare(const struct made_up *s, struct psi_pair pair)
{
    return psi_pair_compare(&s->measured, &pair, 2, 1);
}

static void matched(void **state)
{
    (void)state;
    static struct made_up s;
    make_up(&s);
    size_t p = psi_measured_at(&s.measured, 1, 2, 1);
    struct psi_pair_cell cell = compare(&s, the_pair);
    assert_true(cell.done && cell.testable);
    assert_true(fabs(cell.norm_ratio - 1.005) < 1e-12);
    assert_true(fabs(cell.difference - 0.2) < 1e-12);

    s.norm[p * LAYERS + 2] = 2.03; /* the last layer's norm counts, its overlap does not */
    s.overlap[p * LAYERS + 2] = 0;
    cell = compare(&s, the_pair);
    assert_true(!cell.testable && !cell.norm_equal && cell.apart);
    assert_true(fabs(cell.norm_ratio - 1.015) < 1e-12);
    s.norm[p * LAYERS + 2] = 2;

    s.overlap[p * LAYERS + 1] = 0.1499;
    cell = compare(&s, the_pair);
    assert_true(!cell.testable && !cell.apart && cell.norm_equal && cell.degrees_equal);
    assert_true(fabs(cell.difference - 0.0499) < 1e-12);
    s.overlap[p * LAYERS + 1] = 0.1501;
    assert_true(compare(&s, the_pair).testable);

    s.digest[p * LAYERS + 2] = 1;
    cell = compare(&s, the_pair);
    assert_true(!cell.testable && !cell.degrees_equal);
    s.digest[p * LAYERS + 2] = 0;
    s.effective[p] += 1e-9;
    cell = compare(&s, the_pair);
    assert_true(!cell.testable && !cell.effective_equal);
    s.effective[p] -= 1e-9;
    s.effective[p] = 0.1;

    struct psi_pair other = the_pair; /* S is not stored for other numbers of modes */
    other.modes = 4;
    cell = compare(&s, other);
    assert_true(cell.done && !cell.testable && isnan(cell.difference));
    s.finished[p] = 0;
    assert_false(compare(&s, the_pair).done);
}

static void chosen(void **state)
{
    (void)state;
    static struct made_up s;
    struct psi_pair_choice choice;
    make_up(&s);
    assert_true(psi_pair_choose(&s.measured, &the_pair, 1, &choice));
    assert_int_equal(choice.density, 2);
    assert_int_equal(choice.seeds, SEEDS);
    assert_true(fabs(choice.psi - 0.6) < 1e-12);

    /* one seed there is not testable: the next nearest */
    size_t p = psi_measured_at(&s.measured, 1, 9, 2);
    s.overlap[p * LAYERS] = 0.1;
    assert_true(psi_pair_choose(&s.measured, &the_pair, 1, &choice));
    assert_int_equal(choice.density, 1);
    s.overlap[p * LAYERS] = 0.3;

    /* a density where a seed is not finished stands behind those that are complete */
    s.finished[psi_measured_at(&s.measured, 5, 0, 2)] = 0;
    assert_true(psi_pair_choose(&s.measured, &the_pair, 1, &choice));
    assert_int_equal(choice.density, 1);

    struct psi_pair alone = {{1, 3, SIZE_MAX, SIZE_MAX}, 5};
    assert_false(psi_pair_choose(&s.measured, &alone, 1, &choice));
    assert_false(psi_pair_choose(&s.measured, &the_pair, 0, &choice));
    struct psi_pair_row row;
    psi_pair_summarise(&s.measured, &alone, 2, &row);
    assert_true(row.done == SEEDS && row.testable == SEEDS && row.complete == 0);
    assert_true(isnan(row.psi[PSI_PAIR_PRESERVE_NEW]));
}

static void ladder_counts(void **state)
{
    (void)state;
    static struct made_up s;
    struct psi_job *job = job_of();
    struct psi_rung rung[PSI_RUNGS_MAX];
    struct psi_rescue_count c, apart;
    double share[SEEDS];
    make_up(&s);
    s.measured.rungs = psi_ladder_rungs(job, rung);
    assert_int_equal(s.measured.rungs, 4); /* finetune x1, finetune x4, rewire x1, regrow x1 */
    /* seed 0: recovered by x4; seed 1: by rewiring; seed 2: by nothing; seed 3: disconnected, only
     * rewiring tried; seed 0 again, another arm: by nothing but regrowing */
    static const struct {
        size_t arm, seed;
        double psi[4]; /* NaN = not tried */
        double bound;
    } cell[] = {{1, 0, {0.3, 0.5, NAN, NAN}, 1},
                {1, 1, {0.3, 0.4, 0.7, NAN}, 1},
                {1, 2, {0.3, 0.4, 0.1, 0.2}, 1},
                {1, 3, {NAN, NAN, 0.9, NAN}, 0.4},
                {2, 0, {0.1, 0.2, 0.3, 0.8}, 0.9}};
    for (size_t i = 0; i < sizeof cell / sizeof *cell; i++) {
        size_t at = psi_measured_at(&s.measured, cell[i].arm, cell[i].seed, 3);
        s.climbed[at] = 1;
        s.bound[at] = cell[i].bound;
        for (size_t r = 0; r < 4; r++) {
            s.tried[at * 4 + r] = !isnan(cell[i].psi[r]);
            s.rung_psi[at * 4 + r] = cell[i].psi[r];
        }
    }
    psi_rescue_count(rung, &s.measured, PSI_ALL, PSI_ALL, &c, &apart);
    assert_true(c.cells == 4 && c.recovered == 1);
    assert_true(c.rewire_tried == 3 && c.rewired == 1 && c.regrow_tried == 2 && c.regrown == 1);
    assert_true(c.kind[PSI_OPTIMISATION] == 1 && c.kind[PSI_STRUCTURAL] == 1);
    assert_true(c.kind[PSI_CAPACITY] == 2 && c.kind[PSI_UNDECIDED] == 0);
    assert_true(apart.cells == 1 && apart.rewired == 1 && apart.kind[PSI_DISCONNECTED] == 1);
    psi_rescue_count(rung, &s.measured, 2, PSI_ALL, &c, &apart);
    assert_true(c.cells == 1 && c.recovered == 0 && apart.cells == 0);

    psi_rescue_contrast(rung, &s.measured, share);
    assert_true(share[0] == 0.5 && share[1] == 1 && share[2] == 1);
    assert_true(isnan(share[3]) && isnan(share[4]));

    uint8_t member[4] = {0, 1, 0, 0};
    struct psi_share k = psi_rescue_share(&s.measured, member);
    assert_true(k.count == 1 && k.of == 4);
    member[0] = member[1] = 0;
    member[3] = 1;
    k = psi_rescue_share(&s.measured, member);
    assert_true(k.count == 1 && k.of == 2);
    psi_job_destroy(job);
}

/* How often is C4 supported, the contrast having this mean and SD over seeds? */
static double rate(double mean, double deviation, size_t sweeps)
{
    static struct made_up s;
    struct psi_random random;
    size_t count = 0;
    make_up(&s);
    psi_random_open(&random, 7, "pair/mean=%g/deviation=%g", mean, deviation);
    for (size_t i = 0; i < sweeps; i++) {
        struct psi_pair_choice choice;
        double value[SEEDS];
        for (size_t seed = 0; seed < SEEDS; seed++) { /* four arms share the contrast's scatter */
            double common = 0.05 * psi_random_normal(&random);
            for (int which = 0; which < PSI_PAIR_ARMS; which++) {
                size_t at = psi_measured_at(&s.measured, the_pair.arm[which], seed, 2);
                s.psi[at] = 0.5 + common + deviation / 2 * psi_random_normal(&random) +
                            (which == PSI_PAIR_PRESERVE ? mean : 0);
            }
        }
        assert_true(psi_pair_choose(&s.measured, &the_pair, 1, &choice));
        assert_int_equal(choice.density, 2);
        for (size_t seed = 0; seed < SEEDS; seed++) {
            double effect[PSI_EFFECTS];
            psi_pair_effects(&s.measured, &the_pair, seed, choice.density, effect);
            value[seed] = effect[PSI_EFFECT_CONTRAST];
        }
        struct psi_contrast contrast = psi_contrast_student(value, SEEDS, 0.05), *one = &contrast;
        psi_verdict_judge(&one, 1);
        count += contrast.verdict == PSI_VERDICT_SUPPORTED;
    }
    print_message("contrast %g, seed SD %g: supported in %zu of %zu\n", mean, deviation, count,
                  sweeps);
    return (double)count / (double)sweeps;
}

static void verdicts(void **state)
{
    (void)state;
    size_t sweeps = getenv("PSI_LONG") ? 20000 : 1000;
    assert_true(rate(0.05, 0.08, sweeps) <= 0.05); /* the mean is delta itself */
    assert_true(rate(0.05, 0.02, sweeps) <= 0.05);
    assert_true(rate(0.15, 0.08, sweeps) >= 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found),         cmocka_unit_test(matched),  cmocka_unit_test(chosen),
        cmocka_unit_test(ladder_counts), cmocka_unit_test(verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
