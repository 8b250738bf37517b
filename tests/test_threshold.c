/* Thresholds of one seed. */
#include "threshold_fixture.h"

static void test_seed(void **state)
{
    (void)state;
    static const struct {
        const char *cells;
        double low, high;
        int censoring;
        size_t recrossings;
    } rows[] = {
        {"###..", 1e-3, 1e-2, PSI_BRACKETED, 0},
        {"#####", 0, 1e-4, PSI_BELOW_GRID, 0},
        {".....", 1, INFINITY, PSI_ABOVE_GRID, 0},
        {"#.#.#", 1e-1, 1, PSI_BRACKETED, 2},
        {"# n..", 1e-3, 1, PSI_BRACKETED, 0}, /* widened to the next finished one above */
        {"##n ..", 1e-4, 1e-1, PSI_BRACKETED, 0},
        {"## #.", 1e-4, 1e-3, PSI_BRACKETED, 0}, /* a hole elsewhere changes nothing */
        {" n.#.", 1e-2, INFINITY, PSI_ABOVE_GRID, 1},
        {"##n  ", 0, 1e-1, PSI_BELOW_GRID, 0},
        {" nn  ", NAN, NAN, PSI_NO_DATA, 0},
    };
    static struct fixture f;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        open_fixture(&f, 2, strlen(rows[i].cells));
        set_seed(&f, 1, rows[i].cells); /* seed 0 must not matter */
        size_t recrossings;
        struct psi_interval got = psi_threshold_seed(&f.sweep, 0, 1, 0.5, 0, &recrossings);
        assert_int_equal(got.censoring, rows[i].censoring);
        assert_int_equal(recrossings, rows[i].recrossings);
        if (got.censoring == PSI_NO_DATA) {
            assert_true(isnan(got.low) && isnan(got.high));
            continue;
        }
        assert_true(got.low == 0 ? rows[i].low == 0 : fabs(got.low / rows[i].low - 1) < 1e-12);
        assert_true(isinf(got.high) ? isinf(rows[i].high)
                                    : fabs(got.high / rows[i].high - 1) < 1e-12);
    }
}

static void test_seed_levels_and_arms(void **state)
{
    (void)state;
    static struct fixture f;
    open_fixture(&f, 2, 4);
    f.sweep.arms = 2;
    f.sweep.seeds = 1; /* the second row of cells is now the second arm */
    const double psi[] = {0.95, 0.5, 0.3, 0.05};
    memcpy(f.psi + 4, psi, sizeof psi);
    assert_near(psi_threshold_seed(&f.sweep, 1, 0, 0.9, 0, NULL).high, 1, 0);
    /* 0.5 itself is recovered */
    assert_near(psi_threshold_seed(&f.sweep, 1, 0, 0.5, 0, NULL).high, 0.1, 1e-12);
    assert_near(psi_threshold_seed(&f.sweep, 1, 0, 0.1, 0, NULL).high, 0.01, 1e-12);
    assert_int_equal(psi_threshold_seed(&f.sweep, 0, 0, 0.5, 0, NULL).censoring, PSI_BELOW_GRID);
}

static void test_seed_effective(void **state)
{
    (void)state;
    static struct fixture f;
    open_fixture(&f, 1, 4);
    set_seed(&f, 0, "##..");
    struct psi_interval got = psi_threshold_seed(&f.sweep, 0, 0, 0.5, 1, NULL);
    assert_near(got.low, 0.005, 1e-12);
    assert_near(got.high, 0.05, 1e-12);
    f.effective[2] = 0.06; /* not ordered as the nominal ones */
    got = psi_threshold_seed(&f.sweep, 0, 0, 0.5, 1, NULL);
    assert_near(got.low, 0.05, 1e-12);
    assert_near(got.high, 0.06, 1e-12);
    f.effective[2] = 0;
    got = psi_threshold_seed(&f.sweep, 0, 0, 0.5, 1, NULL);
    assert_true(got.low == 0 && got.censoring == PSI_BRACKETED);
    f.effective[2] = NAN;
    got = psi_threshold_seed(&f.sweep, 0, 0, 0.5, 1, NULL);
    assert_near(got.low, 0.0005, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_seed_levels_and_arms),
        cmocka_unit_test(test_seed_effective),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
