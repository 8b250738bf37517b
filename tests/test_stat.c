#include "psisweep/stat.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define REFERENCE "tests/ref/stat_scipy.txt"

/* The largest relative error over the reference's rows of one function; *rows counts them. */
static double worst_error(const char *function, size_t *rows)
{
    FILE *file = fopen(REFERENCE, "r");
    assert_non_null(file); /* run from the project root */
    double worst = 0;
    char line[256], name[16];
    *rows = 0;
    while (fgets(line, sizeof line, file)) {
        double v[4] = {0};
        if (sscanf(line, "%15s %lf %lf %lf %lf", name, v, v + 1, v + 2, v + 3) < 4 ||
            strcmp(name, function) != 0)
            continue;
        int student = !strcmp(name, "student"), binomial = !strcmp(name, "binomial");
        int upper = !strcmp(name, "upper");
        double exact = student || upper ? v[2] : v[3];
        double ours = student    ? psi_student_quantile(v[0], v[1])
                      : upper    ? psi_student_upper(v[0], v[1])
                      : binomial ? psi_binomial_upper((size_t)v[0], (size_t)v[1], v[2])
                                 : psi_beta_regularised(v[0], v[1], v[2]);
        double error = exact == 0 ? fabs(ours) : fabs(ours / exact - 1);
        if (!(error <= 1e-12))
            print_message("%s: ours %.17g, error %.1e\n", line, ours, error);
        worst = error > worst || isnan(error) ? error : worst;
        ++*rows;
    }
    fclose(file);
    print_message("%s: largest relative error %.1e over %zu values\n", function, worst, *rows);
    return worst;
}

static void test_beta(void **state)
{
    (void)state;
    size_t rows;
    assert_true(worst_error("beta", &rows) < 1e-12);
    assert_true(rows >= 10);
    /* closed forms: I_x(a, 1) = x^a, I_x(1, b) = 1 - (1 - x)^b; the ends */
    for (double x = 0.05; x < 1; x += 0.1) {
        assert_true(fabs(psi_beta_regularised(7.5, 1, x) / pow(x, 7.5) - 1) < 1e-13);
        assert_true(fabs(psi_beta_regularised(1, 0.3, x) / -expm1(0.3 * log1p(-x)) - 1) < 1e-13);
    }
    assert_true(psi_beta_regularised(2, 3, 0) == 0);
    assert_true(psi_beta_regularised(2, 3, 1) == 1);
}

static void test_binomial(void **state)
{
    (void)state;
    size_t rows;
    assert_true(worst_error("binomial", &rows) < 1e-12);
    assert_true(rows >= 15);
    assert_true(psi_binomial_upper(0, 0, 0.3) == 1);
    assert_true(psi_binomial_upper(0, 10, 0) == 1);
    assert_true(psi_binomial_upper(1, 10, 0) == 0);
    assert_true(psi_binomial_upper(10, 10, 1) == 1);
    assert_true(psi_binomial_upper(11, 10, 1) == 0);
    /* P(X >= n) = p^n; the two tails of a fair coin are mirror images */
    assert_true(fabs(psi_binomial_upper(20, 20, 0.3) / pow(0.3, 20) - 1) < 1e-13);
    for (size_t k = 1; k <= 30; k++)
        assert_true(fabs(psi_binomial_upper(k, 30, 0.5) + psi_binomial_upper(31 - k, 30, 0.5) - 1) <
                    1e-14);
}

static void test_binomial_sums(void **state)
{
    (void)state;
    /* Differences of the tail are the probabilities themselves: n over k by the product rule. */
    double term = pow(0.9, 50);
    for (size_t k = 0; k < 50; k++) {
        double difference = psi_binomial_upper(k, 50, 0.1) - psi_binomial_upper(k + 1, 50, 0.1);
        assert_true(fabs(difference - term) < 1e-14);
        term *= (50.0 - (double)k) / ((double)k + 1) * 0.1 / 0.9;
    }
}

static void test_student(void **state)
{
    (void)state;
    size_t rows;
    assert_true(worst_error("student", &rows) < 1e-12);
    assert_true(rows >= 100);
    /* closed forms: t = tan(pi (p - 1/2)) at 1 degree of freedom; at 2, (2p - 1) sqrt(2 / (4 p
     * (1 - p))) */
    for (double p = 0.03125; p < 1; p += 0.0625) {
        assert_true(fabs(psi_student_quantile(p, 1) / tan(M_PI * (p - 0.5)) - 1) < 1e-13);
        double two = (2 * p - 1) / sqrt(2 * p * (1 - p));
        assert_true(fabs(psi_student_quantile(p, 2) / two - 1) < 1e-13);
    }
    assert_true(psi_student_quantile(0.5, 7) == 0);
    /* far out in both senses: -cot(pi p) = -1/(pi p), and the smallest step off the middle */
    assert_true(fabs(psi_student_quantile(1e-150, 1) * M_PI * -1e-150 - 1) < 1e-12);
    assert_true(fabs(psi_student_quantile(0.5 + 0x1p-53, 1) / (M_PI * 0x1p-53) - 1) < 1e-12);
    assert_true(fabs(psi_student_quantile(1 - 0x1p-53, 1) * M_PI * 0x1p-53 - 1) < 1e-12);
}

static void test_student_upper(void **state)
{
    (void)state;
    size_t rows;
    assert_true(worst_error("upper", &rows) < 1e-12);
    assert_true(rows >= 40);
    assert_true(psi_student_upper(0, 3) == 0.5);
    assert_true(psi_student_upper(INFINITY, 3) == 0 && psi_student_upper(-INFINITY, 3) == 1);
    for (double p = 1e-10; p < 1; p = 3 * p + 0.01) /* the quantile's inverse */
        assert_true(fabs((1 - psi_student_upper(psi_student_quantile(p, 6.5), 6.5)) - p) < 1e-13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beta),          cmocka_unit_test(test_binomial),
        cmocka_unit_test(test_binomial_sums), cmocka_unit_test(test_student),
        cmocka_unit_test(test_student_upper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
