/* Thresholds of several seeds together, and what is said of them. */
#include "threshold_fixture.h"

static void test_pool_few(void **state)
{
    (void)state;
    static struct fixture f;
    open_fixture(&f, 3, 4);
    for (size_t s = 0; s < 3; s++)
        set_seed(&f, s, "nnnn");
    struct psi_pooled got = pool(&f, 0);
    assert_int_equal(got.method, PSI_POOL_NONE);
    assert_true(isnan(got.low) && isnan(got.high) && isnan(got.center));
    assert_words(&got, "F_min (Psi 0.5) is not known: no seed has a finished cell with a defined "
                       "Psi; in 3 seeds Psi is undefined, as the dense parent diverged or is not "
                       "above chance by the binomial test at .01.");
    for (size_t s = 0; s < 3; s++)
        set_seed(&f, s, "    "); /* unfinished */
    got = pool(&f, 0);
    assert_words(&got, "F_min (Psi 0.5) is not known: no seed has a finished cell with a defined "
                       "Psi.");

    set_seed(&f, 1, "##.#");
    got = pool(&f, 0);
    assert_int_equal(got.method, PSI_POOL_ONE_SEED);
    assert_near(got.low, 1e-2, 1e-12);
    assert_near(got.high, 1e-1, 1e-12);
    assert_near(got.center, sqrt(1e-3), 1e-12);
    assert_int_equal(got.missing, 2);
    assert_words(&got,
                 "F_min (Psi 0.5) lies between density 0.01 and 0.1, the interval of the only seed "
                 "with data: nothing is known of the spread over seeds; 2 further seeds have no "
                 "finished cell with a defined Psi; 1 cell below the threshold is not collapsed "
                 "(re-crossing).");

    set_seed(&f, 1, "####");
    got = pool(&f, 0);
    assert_true(got.method == PSI_POOL_ONE_SEED && got.low == 0 && got.center == 0);
    assert_words(&got, "F_min (Psi 0.5) lies at or below density 0.001, the interval of the only "
                       "seed with data: nothing is known of the spread over seeds; in it nothing "
                       "collapsed down to density 0.001, so F_min lies below the grid there; 2 "
                       "further seeds have no finished cell with a defined Psi.");
    set_seed(&f, 1, "....");
    got = pool(&f, 0);
    assert_true(got.method == PSI_POOL_ONE_SEED && isinf(got.high) && isinf(got.center));
}

/* A sweep that still runs: what is not finished is not called beyond the grid. */
static void test_pool_unfinished(void **state)
{
    (void)state;
    static struct fixture f;
    open_fixture(&f, 2, 5);
    set_seed(&f, 0, "###  ");
    set_seed(&f, 1, "###  ");
    struct psi_pooled got = pool(&f, 0);
    assert_true(got.below == 2 && got.below_open == 2 && got.gaps == 0);
    assert_words(&got, "The median F_min (Psi 0.5) over 2 seeds has no lower bound yet, range over "
                       "seeds (too few for a 95 % interval) not bounded yet to 0.01; in 2 of 2 "
                       "seeds nothing collapsed down to density 0.01, and the cells below it are "
                       "not finished yet.");
    set_seed(&f, 1, "#####");
    got = pool(&f, 0);
    assert_true(got.below == 2 && got.below_open == 1);
    set_seed(&f, 0, "  ...");
    set_seed(&f, 1, "  ...");
    got = pool(&f, 0);
    assert_true(got.above == 2 && got.above_open == 2);
    set_seed(&f, 0, "## ..");
    set_seed(&f, 1, "## ..");
    got = pool(&f, 0);
    assert_true(got.method == PSI_POOL_SAME_CELL && got.gaps == 2);
    assert_words(&got,
                 "F_min (Psi 0.5) lies between density 0.001 and 0.1, the same interval in "
                 "all 2 seeds; in 2 of 2 seeds cells within the interval are not finished, so "
                 "it will narrow.");
}

static void test_pool_same_cell(void **state)
{
    (void)state;
    static struct fixture f;
    open_fixture(&f, 4, 4);
    for (size_t s = 0; s < 4; s++) {
        set_seed(&f, s, "##..");
        f.achieved[s * 4 + 2] = 0.0101 + 0.0001 * (double)s; /* achieved ones differ a little */
        f.achieved[s * 4 + 1] = 0.101 - 0.001 * (double)s;
    }
    struct psi_pooled got = pool(&f, 0);
    assert_int_equal(got.method, PSI_POOL_SAME_CELL);
    assert_near(got.low, 0.0101, 1e-12);
    assert_near(got.high, 0.101, 1e-12);
    assert_near(got.center, sqrt(0.0101 * 0.101), 1e-12);
    assert_true(isnan(got.deviation));
    assert_words(&got, "F_min (Psi 0.5) lies between density 0.0101 and 0.101, the same grid step "
                       "in all 4 seeds: only a finer grid can narrow it.");
    set_seed(&f, 2, "# ..");
    assert_int_equal(pool(&f, 0).method, PSI_POOL_STUDENT);
}

static void test_pool_student(void **state)
{
    (void)state;
    static struct fixture f;
    open_fixture(&f, 4, 5);
    /* Midpoints of log10 d: -.5, -1.5, -2.5, -3.5; mean -2, SD sqrt(5/3), step 1. t_.975(3) =
     * 3.182446305284263 (tables). */
    set_seed(&f, 0, "#....");
    set_seed(&f, 1, "##...");
    set_seed(&f, 2, "###..");
    set_seed(&f, 3, "####.");
    struct psi_pooled got = pool(&f, 0);
    assert_int_equal(got.method, PSI_POOL_STUDENT);
    double half = 3.182446305284263 * sqrt(5.0 / 3) / 2;
    assert_near(got.center, 1e-2, 1e-12);
    assert_near(got.deviation, sqrt(5.0 / 3), 1e-12);
    assert_near(got.resolution, 1 / sqrt(12), 1e-12);
    assert_near(got.low, pow(10, -2 - half), 1e-12); /* below the grid: not clipped */
    assert_near(got.high, 1, 0);                     /* 10^(-2 + half) is 1.13, and no density is */
    assert_near(pool(&f, 1).center, 0.5e-2, 1e-12);

    /* Widths count: seed 3 from 1 to 1e-4 has midpoint -2 and step 4, so step = 7/4. */
    set_seed(&f, 0, "###..");
    set_seed(&f, 1, "###..");
    set_seed(&f, 3, "#   .");
    got = pool(&f, 0);
    assert_int_equal(got.method, PSI_POOL_STUDENT);
    assert_near(got.deviation, 0.25, 1e-12); /* of -2.5 three times and -2 */
    assert_near(got.resolution, 1.75 / sqrt(12), 1e-12);
    half = 3.182446305284263 * 1.75 / sqrt(12) / 2; /* floored */
    assert_near(got.center, pow(10, -2.375), 1e-12);
    assert_near(got.low, pow(10, -2.375 - half), 1e-12);
    assert_near(got.high, pow(10, -2.375 + half), 1e-12);
    assert_words(&got, "F_min (Psi 0.5) is density 0.00422, 95 % interval 0.000662 to 0.0268 (t "
                       "over 4 seeds, their SD of 0.25 decades raised to the grid's resolution, "
                       "0.51); in 1 of 4 seeds cells within the interval are not finished, so it "
                       "will narrow.");
}

static void test_pool_turnbull(void **state)
{
    (void)state;
    static struct fixture f;
    /* 10 seeds, 3 of them below: CDF .3 below the grid, then .2 a step: 1/2 is reached with the
     * first, passed with the second: the median is within both, (1e-5, 1e-3]. r = 2. */
    open_fixture(&f, 10, 6);
    static const char *const cells[] = {"######", "######", "######", "#####.", "#####.",
                                        "####..", "####..", "###...", "##....", "#....."};
    for (size_t s = 0; s < 10; s++)
        set_seed(&f, s, cells[s]);
    struct psi_pooled got = pool(&f, 0);
    assert_int_equal(got.method, PSI_POOL_TURNBULL);
    assert_near(got.center, 1e-4, 1e-12);
    assert_true(got.low == 0);
    assert_near(got.high, 1e-1, 1e-12); /* the second largest */
    assert_int_equal(got.below, 3);
    assert_near(got.below_end, 1e-5, 1e-12);
    assert_words(&got, "The median F_min (Psi 0.5) over 10 seeds is about density 0.0001 "
                       "(Turnbull), 95 % interval below the grid to 0.1; in 3 of 10 seeds nothing "
                       "collapsed down to density 1e-05, so F_min lies below the grid there.");

    /* One more seed in the fourth step: 4 of 10 there, so the CDF passes 1/2 within it. */
    set_seed(&f, 1, "####..");
    set_seed(&f, 2, "####..");
    got = pool(&f, 0);
    assert_near(got.center, sqrt(1e-4 * 1e-3), 1e-12);
    assert_near(got.low, 1e-5, 1e-12); /* lower ends: 0, 1e-5, 1e-5, ... */

    for (size_t s = 0; s < 10; s++)
        set_seed(&f, s, s < 6 ? "......" : "##....");
    got = pool(&f, 0);
    assert_true(isinf(got.center) && isinf(got.high));
    assert_near(got.low, 1e-2, 1e-12);
    assert_int_equal(got.above, 6);
    assert_near(got.above_end, 1, 0);

    for (size_t s = 0; s < 10; s++)
        set_seed(&f, s, s < 5 ? "......" : "######");
    got = pool(&f, 0);
    assert_true(isnan(got.center) && got.low == 0 && isinf(got.high));
    for (size_t s = 0; s < 10; s++)
        set_seed(&f, s, "######");
    got = pool(&f, 0);
    assert_true(got.center == 0 && got.low == 0);
    assert_near(got.high, 1e-5, 1e-12);
    assert_words(&got, "The median F_min (Psi 0.5) over 10 seeds has no lower bound on this grid, "
                       "95 % interval below the grid to 1e-05; in 10 of 10 seeds nothing collapsed "
                       "down to density 1e-05, so F_min lies below the grid there.");
}

static void test_pool_turnbull_small(void **state)
{
    (void)state;
    static struct fixture f;
    open_fixture(&f, 5, 4);
    static const char *const cells[] = {"....", "#...", "##..", "##..", "nn  "};
    for (size_t s = 0; s < 5; s++)
        set_seed(&f, s, cells[s]);
    struct psi_pooled got = pool(&f, 0);
    assert_int_equal(got.method, PSI_POOL_TURNBULL);
    assert_near(got.center, 0.1, 1e-12); /* of (.01, .1] and (.1, 1] together */
    assert_near(got.low, 0.01, 1e-12);
    assert_true(isinf(got.high));
    assert_words(&got, "The median F_min (Psi 0.5) over 4 seeds is about density 0.1 (Turnbull), "
                       "range over seeds (too few for a 95 % interval) 0.01 to above the grid; in "
                       "1 of 4 seeds even the highest density measured, density 1, is collapsed, "
                       "so F_min lies above the grid there; 1 further seed has no finished cell "
                       "with a defined Psi; in 1 seed Psi is undefined, as the dense parent "
                       "diverged or is not above chance by the binomial test at .01.");
    /* no path left in a collapsed cell: open below, though bracketed in density */
    set_seed(&f, 0, "##..");
    f.effective[2] = 0;
    got = pool(&f, 1);
    assert_int_equal(got.method, PSI_POOL_TURNBULL);
    assert_true(got.disconnected == 1 && got.below == 0 && got.low == 0);
    assert_int_equal(pool(&f, 0).method, PSI_POOL_STUDENT);
}

/* Ranks of the sign test, as in its tables (e.g. Conover, Practical Nonparametric Statistics):
 * seed i collapses at its own density, so that the lower ends are in order of rank. */
static void test_sign_test_ranks(void **state)
{
    (void)state;
    static const size_t rank[][2] = {{5, 1},  {6, 1},  {8, 1},  {9, 2},  {11, 2},
                                     {12, 3}, {15, 4}, {20, 6}, {25, 8}, {30, 10}};
    static struct fixture f;
    for (size_t i = 0; i < sizeof rank / sizeof *rank; i++) {
        size_t n = rank[i][0], r = rank[i][1];
        open_fixture(&f, n, n + 1);
        for (size_t s = 0; s < n; s++)
            for (size_t d = 0; d <= n; d++)
                f.psi[s * (n + 1) + d] = d <= s ? 1 : 0; /* s = 0: (d_1, d_0], the highest */
        f.psi[0] = 0;                                    /* censor it, for Turnbull: low = 1 */
        struct psi_pooled got = pool(&f, 0);
        assert_int_equal(got.method, PSI_POOL_TURNBULL);
        assert_near(got.low, pow(10, -(double)(n - r + 1)), 1e-12);
        if (r == 1)
            assert_true(isinf(got.high));
        else
            assert_near(got.high, pow(10, -(double)(r - 1)), 1e-12);
    }
}

static void test_words_cut(void **state)
{
    (void)state;
    struct psi_pooled pooled = {.method = PSI_POOL_NONE, .level = 0.5};
    char text[8] = "xxxxxxx";
    psi_threshold_words(&pooled, text, 0);
    assert_string_equal(text, "xxxxxxx");
    psi_threshold_words(&pooled, text, 6);
    assert_string_equal(text, "F_min");
    /* the longest sentence fits */
    char full[PSI_THRESHOLD_TEXT];
    pooled = (struct psi_pooled){.method = PSI_POOL_TURNBULL,
                                 .effective = 1,
                                 .level = 0.123,
                                 .low = 1.23e-100,
                                 .high = 1.23e-100,
                                 .center = 1.23e-100,
                                 .seeds = 65536,
                                 .missing = 65536,
                                 .below = 65536,
                                 .above = 65536,
                                 .below_end = 1.23e-100,
                                 .above_end = 1.23e-100,
                                 .disconnected = 65536,
                                 .recrossings = 33554432};
    psi_threshold_words(&pooled, full, sizeof full);
    assert_true(full[strlen(full) - 1] == '.');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_few),        cmocka_unit_test(test_pool_unfinished),
        cmocka_unit_test(test_pool_same_cell),  cmocka_unit_test(test_pool_student),
        cmocka_unit_test(test_pool_turnbull),   cmocka_unit_test(test_pool_turnbull_small),
        cmocka_unit_test(test_sign_test_ranks), cmocka_unit_test(test_words_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
