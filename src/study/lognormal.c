#include "psisweep/stat.h"
#include "psisweep/threshold.h"

#include <assert.h>
#include <float.h>
#include <math.h>

const char *const psi_spread_words[PSI_SPREADS] = {
    [PSI_SPREAD_OK] = "ok",
    [PSI_SPREAD_FEW] = "no spread with one seed",
    [PSI_SPREAD_ZERO] = "no spread: the seeds' intervals meet",
    [PSI_SPREAD_OPEN] = "F_min beyond the grid in some seed",
};

enum { STEPS = 200 };

static double log_density(double z)
{
    return -0.5 * z * z - 0.91893853320467274178; /* log sqrt(2 pi) */
}

/* log P(Z > z); far out by the asymptotic series (Abramowitz and Stegun 26.2.12), whose first
 * neglected term is below 1e-10 of the sum from 25 on. */
static double log_upper(double z)
{
    if (z < 25)
        return log(0.5 * erfc(z * M_SQRT1_2));
    double r = 1 / (z * z);
    return log_density(z) - log(z) + log1p(-r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r))));
}

/* log P(low < Z <= high), low < high, either may be infinite. */
static double log_within(double low, double high)
{
    if (low > 0 || high < 0) { /* in one tail, as an upper one */
        double near = low > 0 ? low : -high, far = low > 0 ? high : -low;
        double upper = log_upper(near);
        return isinf(far) ? upper : upper + log(-expm1(log_upper(far) - upper));
    }
    return log(0.5 * (erf(high * M_SQRT1_2) - erf(low * M_SQRT1_2)));
}

/* The log-likelihood at (alpha, beta) = (mean, 1)/deviation, its gradient and Hessian. */
struct surface {
    double value, a, b, aa, ab, bb;
};

/* An exact value x: log(beta/unit phi(z)), z = beta x - alpha. */
static void add_exact(struct surface *s, double x, double unit, double alpha, double beta)
{
    double z = beta * x - alpha;
    s->value += log_density(z) + log(beta / unit);
    s->a += z;
    s->b += 1 / beta - z * x;
    s->aa -= 1;
    s->ab += x;
    s->bb -= x * x + 1 / (beta * beta);
}

/* An interval (low, high]: D = Phi(z_high) - Phi(z_low), and D' and D'' over D by z phi(z). */
static void add_interval(struct surface *s, double low, double high, double alpha, double beta)
{
    double z[2] = {beta * low - alpha, beta * high - alpha}, x[2] = {low, high};
    double within = log_within(z[0], z[1]);
    double da = 0, db = 0, daa = 0, dab = 0, dbb = 0;
    for (int end = 0; end < 2; end++) {
        if (isinf(x[end]))
            continue;
        double phi = (end ? 1 : -1) * exp(log_density(z[end]) - within);
        da -= phi;
        db += x[end] * phi;
        daa -= z[end] * phi;
        dab += x[end] * z[end] * phi;
        dbb -= x[end] * x[end] * z[end] * phi;
    }
    s->value += within;
    s->a += da;
    s->b += db;
    s->aa += daa - da * da;
    s->ab += dab - da * db;
    s->bb += dbb - db * db;
}

/* Origin and unit of log10 d, for numbers near 1: x = (log10 d - origin)/unit. */
struct scale {
    double origin, unit;
};

static struct surface surface_at(const struct psi_interval *interval, size_t count,
                                 const struct scale *scale, double alpha, double beta)
{
    struct surface s = {0};
    for (size_t i = 0; i < count; i++) {
        double low = (log10(interval[i].low) - scale->origin) / scale->unit;
        double high = (log10(interval[i].high) - scale->origin) / scale->unit;
        if (low == high)
            add_exact(&s, low, scale->unit, alpha, beta);
        else
            add_interval(&s, low, high, alpha, beta);
    }
    return s;
}

/* Newton's method with halved steps from (*alpha, *beta). hold: alpha = mean beta stays, for the
 * profile at a mean. Returns the maximum. */
static double maximise(const struct psi_interval *interval, size_t count, const struct scale *scale,
                       int hold, double mean, double *alpha, double *beta)
{
    struct surface s = surface_at(interval, count, scale, *alpha, *beta);
    for (int step = 0; step < STEPS; step++) {
        double da, db, gain;
        if (hold) { /* along (mean, 1): slope / -curvature */
            double slope = mean * s.a + s.b;
            db = slope / -(mean * mean * s.aa + 2 * mean * s.ab + s.bb);
            da = mean * db;
            gain = slope * db;
        } else {
            double determinant = s.aa * s.bb - s.ab * s.ab;
            da = -(s.bb * s.a - s.ab * s.b) / determinant;
            db = -(s.aa * s.b - s.ab * s.a) / determinant;
            gain = s.a * da + s.b * db;
        }
        if (!(gain > 1e-20 * (double)count))
            break;
        double share = 1;
        struct surface next = s;
        for (int halved = 0; halved < 60; halved++, share /= 2) {
            if (*beta + share * db <= 0)
                continue;
            next = surface_at(interval, count, scale, *alpha + share * da, *beta + share * db);
            if (next.value >= s.value + 1e-4 * share * gain)
                break;
        }
        if (!(next.value > s.value)) /* as far as rounding lets it go */
            break;
        *alpha += share * da;
        *beta += share * db;
        s = next;
    }
    return s.value;
}

/* Where, going from the maximum in steps of +-stride, the profile has fallen to floor; infinite
 * where it has not after doubling the stride to a thousand units. */
static double find_end(const struct psi_interval *interval, size_t count, const struct scale *scale,
                       double mean, double beta, double stride, double floor)
{
    double inside = mean, outside = mean, profile = INFINITY;
    for (; profile > floor; stride *= 2) {
        inside = outside;
        outside += stride;
        if (fabs(stride) > 1000)
            return copysign(INFINITY, stride);
        double alpha = outside * beta;
        profile = maximise(interval, count, scale, 1, outside, &alpha, &beta);
    }
    while (fabs(outside - inside) > 1e-12 * (1 + fabs(mean))) {
        double middle = 0.5 * (inside + outside), alpha = middle * beta;
        profile = maximise(interval, count, scale, 1, middle, &alpha, &beta);
        *(profile > floor ? &inside : &outside) = middle;
    }
    return 0.5 * (inside + outside);
}

/* Is there a finite maximum? It needs a bracketed seed, and no point where all intervals meet.
 * Nearly so is no better: achieved densities of one grid density scatter a little, and an SD as
 * small as that scatter is no spread over seeds. A tenth of a step is still called meeting. */
static int find_spread(const struct psi_interval *interval, size_t count, struct scale *scale)
{
    double low = -INFINITY, high = INFINITY, least = INFINITY, most = -INFINITY, step = 0;
    size_t bracketed = 0;
    for (size_t i = 0; i < count; i++) {
        double from = log10(interval[i].low), to = log10(interval[i].high);
        low = fmax(low, from);
        high = fmin(high, to);
        if (isinf(from) || isinf(to))
            continue;
        bracketed++;
        step += to - from;
        least = fmin(least, from);
        most = fmax(most, to);
    }
    scale->origin = 0.5 * (least + most);
    scale->unit = most > least ? most - least : 1; /* all exact and equal */
    if (count < 2)
        return PSI_SPREAD_FEW;
    if (bracketed == 0)
        return PSI_SPREAD_OPEN;
    return low <= high + 0.1 * step / (double)bracketed ? PSI_SPREAD_ZERO : PSI_SPREAD_OK;
}

struct psi_lognormal psi_threshold_lognormal(const struct psi_interval *interval, size_t count)
{
    struct scale scale;
    struct psi_lognormal fit = {find_spread(interval, count, &scale), NAN, NAN, NAN, NAN, NAN};
    if (fit.spread != PSI_SPREAD_OK)
        return fit;
    double alpha = 0, beta = 2, n = (double)count;
    fit.log_likelihood = maximise(interval, count, &scale, 0, 0, &alpha, &beta);
    double mean = alpha / beta, t = psi_student_quantile(0.975, n - 1);
    double floor = fit.log_likelihood - 0.5 * n * log1p(t * t / (n - 1));
    double stride = 1 / (beta * sqrt(n));
    fit.low = find_end(interval, count, &scale, mean, beta, -stride, floor);
    fit.high = find_end(interval, count, &scale, mean, beta, stride, floor);
    fit.low = scale.origin + scale.unit * fit.low;
    fit.high = scale.origin + scale.unit * fit.high;
    fit.mean = scale.origin + scale.unit * mean;
    fit.deviation = scale.unit / beta;
    return fit;
}
