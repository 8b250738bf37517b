/* Regression, association, nested models and shares against NumPy and SciPy. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/nested.h"
#include "psisweep/regress.h"
#include "psisweep/rescue.h"
#include "ref/issp_scipy.h"

#include <math.h>

static void near(double ours, double exact, double tolerance)
{
    if (!(fabs(ours - exact) <= tolerance * fmax(1, fabs(exact))))
        fail_msg("ours %.12g, expected %.12g", ours, exact);
}

static void column(size_t c, double *value)
{
    for (size_t i = 0; i < REF_ROWS; i++)
        value[i] = ref_predictor[i][c];
}

static const struct psi_nested nested = {.rows = REF_ROWS,
                                         .columns = REF_COLUMNS,
                                         .width = {1, 3, 4, 6},
                                         .outcome = ref_outcome,
                                         .predictor = &ref_predictor[0][0],
                                         .fitted = ref_fitted,
                                         .seed = ref_seed,
                                         .criterion = ref_criterion,
                                         .group = ref_group,
                                         .seeds = REF_SEEDS,
                                         .criteria = REF_CRITERIA,
                                         .groups = REF_GROUPS};

static void held_is(const struct psi_held_out *held, const double *exact)
{
    assert_int_equal(held->rows, (size_t)exact[0]);
    near(held->total, exact[1], 1e-9);
    for (int m = 0; m < PSI_MODELS; m++)
        near(held->error[m], exact[2 + m], 1e-6);
    near(psi_nested_gain(held, PSI_MODEL_STRUCTURE, PSI_MODEL_OVERLAP), 1 - exact[4] / exact[3],
         1e-6);
}

static void left_out(void **state)
{
    (void)state;
    struct psi_held_out seed[REF_SEEDS], criterion[REF_CRITERIA];
    struct psi_error err;
    assert_int_equal(psi_nested_by_seed(&nested, seed, &err), PSI_OK);
    assert_int_equal(psi_nested_by_criterion(&nested, criterion, &err), PSI_OK);
    for (int i = 0; i < REF_SEEDS; i++)
        held_is(&seed[i], ref_by_seed[i]);
    for (int i = 0; i < REF_CRITERIA; i++)
        held_is(&criterion[i], ref_by_criterion[i]);
}

static void one_seed(void **state)
{
    (void)state;
    struct psi_nested one = nested;
    struct psi_held_out held;
    struct psi_error err;
    one.rows = REF_ROWS / REF_SEEDS; /* the first seed's */
    one.seeds = 1;
    assert_int_equal(psi_nested_by_seed(&one, &held, &err), PSI_OK);
    assert_int_equal(held.rows, 0);
    assert_true(isnan(psi_nested_gain(&held, PSI_MODEL_STRUCTURE, PSI_MODEL_OVERLAP)));
}

static void least_squares_any_rank(void **state)
{
    (void)state;
    /* y = 2 a - 3 exactly; b = a twice over and c constant take nothing away */
    double x[5][3], y[5], coefficient[4];
    struct psi_error err;
    for (int i = 0; i < 5; i++) {
        x[i][0] = i * i;
        x[i][1] = 2.0 * i * i;
        x[i][2] = 7;
        y[i] = 2.0 * i * i - 3;
    }
    assert_int_equal(psi_regress_linear(&x[0][0], y, 5, 3, coefficient, &err), PSI_OK);
    for (int i = 0; i < 5; i++)
        near(psi_regress_predict(coefficient, x[i], 3), y[i], 1e-12);
    assert_true(coefficient[2] == 0);
    assert_int_equal(psi_regress_linear(&x[0][0], y, 5, 0, coefficient, &err), PSI_OK);
    near(coefficient[0], (0 + 2 + 8 + 18 + 32) / 5.0 - 3, 1e-14);
}

static void associations(void **state)
{
    (void)state;
    double score[REF_ROWS], probability[REF_ROWS], control[REF_ROWS][2], found;
    uint8_t outcome[REF_ROWS];
    struct psi_error err;
    column(3, score);
    for (size_t i = 0; i < REF_ROWS; i++) {
        outcome[i] = ref_outcome[i] >= 0.5;
        control[i][0] = ref_predictor[i][0];
        control[i][1] = ref_predictor[i][1];
    }
    assert_int_equal(psi_auc(score, outcome, REF_ROWS, &found, &err), PSI_OK);
    near(found, ref_auc, 1e-12);
    psi_regress_logistic(score, outcome, REF_ROWS, probability);
    near(psi_brier(probability, outcome, REF_ROWS), ref_brier, 1e-6);
    assert_int_equal(psi_partial_spearman(score, ref_outcome, NULL, REF_ROWS, 0, &found, &err),
                     PSI_OK);
    near(found, ref_spearman, 1e-12);
    assert_int_equal(
        psi_partial_spearman(score, ref_outcome, &control[0][0], REF_ROWS, 2, &found, &err),
        PSI_OK);
    near(found, ref_partial, 1e-9);
    /* given itself nothing is left; with one class there is no AUC and no fit */
    for (size_t i = 0; i < REF_ROWS; i++)
        control[i][1] = score[i];
    assert_int_equal(
        psi_partial_spearman(score, ref_outcome, &control[0][0], REF_ROWS, 2, &found, &err),
        PSI_OK);
    assert_true(isnan(found));
    for (size_t i = 0; i < REF_ROWS; i++)
        outcome[i] = 1;
    assert_int_equal(psi_auc(score, outcome, REF_ROWS, &found, &err), PSI_OK);
    assert_true(isnan(found));
    psi_regress_logistic(score, outcome, REF_ROWS, probability);
    assert_true(isnan(psi_brier(probability, outcome, REF_ROWS)));
}

static void classes_apart(void **state)
{
    (void)state;
    /* the penalty keeps a fit between -1 and 1 finite: its slope b solves b = 2 (1 - p(b)) */
    double x[2] = {-1, 1}, p[2], b = 0.5;
    uint8_t outcome[2] = {0, 1};
    psi_regress_logistic(x, outcome, 2, p);
    for (int i = 0; i < 200; i++)
        b = 2 / (1 + exp(b));
    near(p[1], 1 / (1 + exp(-b)), 1e-12);
    near(p[0], 1 - p[1], 1e-12);
}

static void spline(void **state)
{
    (void)state;
    double value[REF_ROWS], knot[PSI_SPLINE_KNOTS], term[PSI_SPLINE_TERMS];
    struct psi_error err;
    column(1, value);
    assert_int_equal(psi_spline_knots(value, REF_ROWS, knot, &err), PSI_OK);
    for (int k = 0; k < PSI_SPLINE_KNOTS; k++)
        near(knot[k], ref_knots[k], 1e-12);
    for (size_t i = 0; i < sizeof ref_spline / sizeof *ref_spline; i++) {
        psi_spline_terms(ref_spline[i][0], knot, term);
        near(term[0], ref_spline[i][1], 1e-11);
        near(term[1], ref_spline[i][2], 1e-11);
    }
    double same[3] = {2, 2, 2};
    assert_int_equal(psi_spline_knots(same, 3, knot, &err), PSI_OK);
    psi_spline_terms(2.5, knot, term);
    assert_true(term[0] == 0 && term[1] == 0);
}

static void clopper_pearson(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ref_shares / sizeof *ref_shares; i++) {
        struct psi_share s = psi_share_of((size_t)ref_shares[i][0], (size_t)ref_shares[i][1]);
        near(s.low, ref_shares[i][2], 1e-9);
        near(s.high, ref_shares[i][3], 1e-9);
    }
    /* closed form: 0 of n allows 1 - .025^(1/n) */
    near(psi_share_of(0, 10).high, 1 - pow(0.025, 0.1), 1e-12);
    assert_true(isnan(psi_share_of(0, 0).low) && isnan(psi_share_of(0, 0).high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(left_out),
        cmocka_unit_test(one_seed),
        cmocka_unit_test(least_squares_any_rank),
        cmocka_unit_test(associations),
        cmocka_unit_test(classes_apart),
        cmocka_unit_test(spline),
        cmocka_unit_test(clopper_pearson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
