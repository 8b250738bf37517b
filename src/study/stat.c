#include "psisweep/stat.h"

#include <assert.h>
#include <float.h>
#include <math.h>

/* log Gamma(x + 1) - (x + 1/2) log x + x - log(2 pi)/2, x > 0: what Stirling's formula leaves.
 * Series and its use here: C. Loader, Fast and Accurate Computation of Binomial Probabilities,
 * 2000. From 15 on its first neglected term is below 1e-15. */
static double stirling_error(double x)
{
    const double half_log_2pi = 0.91893853320467274178;
    if (x <= 15) {
        int sign;
        return lgamma_r(x + 1, &sign) - (x + 0.5) * log(x) + x - half_log_2pi;
    }
    double square = 1 / (x * x);
    double sum = 1.0 / 1680 - square / 1188;
    sum = 1.0 / 1260 - square * sum;
    sum = 1.0 / 360 - square * sum;
    return (1.0 / 12 - square * sum) / x;
}

/* x log(x / mean) + mean - x without cancellation (Loader 2000): with v = (x - mean)/(x + mean),
 * (x - mean) v + 2 x (v^3/3 + v^5/5 + ...). */
static double deviance(double x, double mean)
{
    double difference = x - mean;
    if (fabs(difference) >= 0.1 * (x + mean))
        return x * log(x / mean) + mean - x;
    double v = difference / (x + mean);
    double sum = difference * v, term = 2 * x * v;
    for (int j = 3;; j += 2) {
        term *= v * v;
        double next = sum + term / j;
        if (next == sum)
            return sum;
        sum = next;
    }
}

/* x^a y^b / B(a, b), y = 1 - x given by the caller to its own full precision. */
static double beta_power(double a, double b, double x, double y)
{
    double n = a + b;
    double exponent = stirling_error(n) - stirling_error(a) - stirling_error(b) -
                      deviance(a, n * x) - deviance(b, n * y);
    return sqrt(a / n * b / 6.28318530717958647693) * exp(exponent);
}

/* x^a y^b / (B(a, b) I_x(a, b)) for x <= a/(a + b): the continued fraction of A. DiDonato and
 * A. Morris, ACM TOMS 18(3), 1992, algorithm 708 (BFRAC), evaluated by the modified Lentz method
 * (I. Thompson and A. Barnett, J. Comput. Phys. 64, 1986). */
static double beta_fraction(double a, double b, double x, double y)
{
    const double tiny = DBL_MIN / DBL_EPSILON;
    double lambda = a * y - b * x;
    double fraction = a * (lambda + 1) / (a + 1);
    double c = fraction, d = 0;
    for (double m = 1; m < 1e6; m++) {
        double odd = a + 2 * m - 1;
        double over = (a + m - 1) / odd * ((a + b + m - 1) / odd) * m * (b - m) * x * x;
        double under =
            m + m * (b - m) * x / odd + (a + m) * (lambda + 1 + m * (1 + y)) / (a + 2 * m + 1);
        d = under + over * d;
        d = 1 / (d == 0 ? tiny : d);
        c = under + over / c;
        if (c == 0)
            c = tiny;
        fraction *= c * d;
        if (fabs(c * d - 1) < DBL_EPSILON)
            break;
    }
    return fraction;
}

/* I_x(a, b) with y = 1 - x given. The fraction converges fast below the mean; above it the
 * complement, I_x(a, b) = 1 - I_y(b, a), loses nothing, as the result is not small there. */
static double beta_tail(double a, double b, double x, double y)
{
    if (x <= 0)
        return 0;
    if (y <= 0)
        return 1;
    double power = beta_power(a, b, x, y);
    if (a * y >= b * x)
        return power / beta_fraction(a, b, x, y);
    return 1 - power / beta_fraction(b, a, y, x);
}

double psi_beta_regularised(double a, double b, double x)
{
    assert(a > 0 && b > 0 && x >= 0 && x <= 1);
    return beta_tail(a, b, x, 1 - x);
}

double psi_binomial_upper(size_t successes, size_t trials, double p)
{
    assert(p >= 0 && p <= 1);
    if (successes == 0)
        return 1;
    if (successes > trials)
        return 0;
    /* P(X >= k) = I_p(k, n - k + 1), DLMF 8.17.5 */
    return beta_tail((double)successes, (double)(trials - successes) + 1, p, 1 - p);
}

double psi_student_upper(double t, double df)
{
    assert(df >= 1 && !isnan(t));
    /* P(|T| > t) = I_x(df/2, 1/2), x = df/(df + t^2) (Abramowitz and Stegun 26.7.1) */
    double ratio = t * t / df;
    double y = isinf(ratio) ? 1 : ratio / (1 + ratio);
    double tail = 0.5 * beta_tail(df / 2, 0.5, 1 / (1 + ratio), y);
    return t < 0 ? 1 - tail : tail;
}

double psi_student_quantile(double probability, double df)
{
    assert(df >= 1 && probability >= 1e-150 && probability < 1);
    /* T ~ t(df): P(|T| > t) = I_x(df/2, 1/2) and P(|T| <= t) = I_y(1/2, df/2), x = df/(df + t^2),
     * y = 1 - x (DLMF 8.17; Abramowitz and Stegun 26.7.1). The smaller of the two is solved for,
     * as a root in u = log t of log I - log(target), where both are concave; dI/du = -+ 2 x^a y^b
     * / B(a, b). */
    double offset = probability - 0.5;
    if (offset == 0)
        return 0;
    int central = fabs(offset) < 0.25;
    double target = 2 * (central ? fabs(offset) : fmin(probability, 1 - probability));
    double low = -45, high = 350; /* of log t: beyond the ends that the arguments can ask for */
    double u = central ? low : 0;
    for (int i = 0; i < 1000; i++) {
        double ratio = exp(2 * u) / df;
        double x = 1 / (1 + ratio), y = ratio / (1 + ratio);
        double mass = central ? beta_tail(0.5, df / 2, y, x) : beta_tail(df / 2, 0.5, x, y);
        double excess = log(mass / target);
        if ((excess > 0) == central)
            high = u;
        else
            low = u;
        double slope = 2 * beta_power(df / 2, 0.5, x, y) / mass;
        double next = u + (central ? -excess : excess) / slope;
        if (!(next > low && next < high))
            next = 0.5 * (low + high);
        double step = fabs(next - u);
        u = next;
        if (step <= 2 * DBL_EPSILON * fmax(1, fabs(u)))
            break;
    }
    return offset < 0 ? -exp(u) : exp(u);
}
