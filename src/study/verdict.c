#include "psisweep/verdict.h"

#include "psisweep/random.h"
#include "psisweep/stat.h"
#include <assert.h>
#include <math.h>

const char *const psi_verdict_name[PSI_VERDICTS + 1] = {
    [PSI_VERDICT_UNDECIDED] = "undecided",
    [PSI_VERDICT_SUPPORTED] = "supported",
    [PSI_VERDICT_REFUTED] = "refuted",
};

static const double TAIL = 0.025; /* of each side */

/* Mean, SD and t interval; p of a claim without enough values to have a spread is 1. */
static struct psi_contrast describe(const double *value, size_t seeds, double delta)
{
    struct psi_contrast c = {.seeds = seeds,
                             .mean = NAN,
                             .deviation = NAN,
                             .low = NAN,
                             .high = NAN,
                             .delta = delta,
                             .p_up = 1,
                             .p_down = 1,
                             .p_holm = NAN};
    double n = (double)seeds, sum = 0, square = 0;
    for (size_t i = 0; i < seeds; i++) {
        assert(isfinite(value[i]));
        sum += value[i];
    }
    if (seeds == 0)
        return c;
    c.mean = sum / n;
    if (seeds == 1)
        return c;
    for (size_t i = 0; i < seeds; i++)
        square += (value[i] - c.mean) * (value[i] - c.mean);
    c.deviation = sqrt(square / (n - 1));
    double half = psi_student_quantile(1 - TAIL, n - 1) * c.deviation / sqrt(n);
    c.low = c.mean - half;
    c.high = c.mean + half;
    return c;
}

struct psi_contrast psi_contrast_student(const double *value, size_t seeds, double delta)
{
    struct psi_contrast c = describe(value, seeds, delta);
    if (seeds < 2)
        return c;
    double off = c.mean - delta, n = (double)seeds;
    if (c.deviation > 0) {
        double t = off / (c.deviation / sqrt(n));
        c.p_up = psi_student_upper(t, n - 1);
        c.p_down = psi_student_upper(-t, n - 1);
    } else { /* t says nothing of values that are all equal; their signs alone do */
        c.p_up = off > 0 ? exp2(-n) : 1;
        c.p_down = off < 0 ? exp2(-n) : 1;
    }
    return c;
}

/* Sums of value - delta under every choice of signs. sum (2^count), by doubling. */
static void all_sums(const double *value, size_t count, double delta, double *sum)
{
    size_t filled = 1;
    sum[0] = 0;
    for (size_t i = 0; i < count; i++) {
        double off = value[i] - delta;
        for (size_t s = 0; s < filled; s++) {
            sum[filled + s] = sum[s] - off;
            sum[s] += off;
        }
        filled *= 2;
    }
}

/* Shares of signs whose sum is at least (at most) the data's, which are among them. Sums that are
 * equal but for rounding count as equal. */
static void flip_all(struct psi_contrast *c, const double *value, double own, double rounding)
{
    enum { HALF = PSI_FLIP_EXACT / 2 };
    double first[1 << HALF], second[1 << (PSI_FLIP_EXACT - HALF)];
    size_t one = c->seeds / 2, other = c->seeds - one, up = 0, down = 0;
    all_sums(value, one, c->delta, first);
    all_sums(value + one, other, c->delta, second);
    for (size_t i = 0; i < (size_t)1 << one; i++) {
        for (size_t j = 0; j < (size_t)1 << other; j++) {
            up += first[i] + second[j] >= own - rounding;
            down += first[i] + second[j] <= own + rounding;
        }
    }
    c->p_up = ldexp((double)up, -(int)c->seeds);
    c->p_down = ldexp((double)down, -(int)c->seeds);
}

/* (1 + hits)/(1 + draws) is a valid p (B. Phipson and G. Smyth, SAGMB 9, 2010). */
static void flip_some(struct psi_contrast *c, const double *value, double own, double rounding,
                      uint64_t random_seed)
{
    enum { DRAWS = 99999 };
    size_t up = 1, down = 1;
    struct psi_random random;
    psi_random_open(&random, random_seed, "sign-flip");
    for (int draw = 0; draw < DRAWS; draw++) {
        double sum = 0;
        uint32_t signs = 0;
        for (size_t i = 0; i < c->seeds; i++, signs >>= 1) {
            if (i % 32 == 0)
                signs = psi_random_u32(&random);
            sum += signs & 1 ? value[i] - c->delta : c->delta - value[i];
        }
        up += sum >= own - rounding;
        down += sum <= own + rounding;
    }
    c->p_up = (double)up / (DRAWS + 1);
    c->p_down = (double)down / (DRAWS + 1);
}

struct psi_contrast psi_contrast_flip(const double *value, size_t seeds, double delta,
                                      uint64_t random_seed)
{
    struct psi_contrast c = describe(value, seeds, delta);
    double own = 0, size = 0;
    for (size_t i = 0; i < seeds; i++) {
        own += value[i] - delta;
        size += fabs(value[i] - delta);
    }
    if (seeds >= 2 && seeds <= PSI_FLIP_EXACT)
        flip_all(&c, value, own, 1e-12 * size);
    else if (seeds >= 2)
        flip_some(&c, value, own, 1e-12 * size, random_seed);
    return c;
}

/* S. Holm, Scand. J. Statist. 6, 1979: the i-th smallest of m p-values times m - i + 1, and no
 * smaller than any before it. Equal ones are all multiplied by the largest of their factors, which
 * changes nothing. */
void psi_verdict_judge(struct psi_contrast *const *claim, size_t claims)
{
    size_t tested = 0;
    for (size_t i = 0; i < claims; i++)
        tested += claim[i]->seeds >= PSI_VERDICT_SEEDS;
    for (size_t i = 0; i < claims; i++) {
        struct psi_contrast *c = claim[i];
        c->verdict = PSI_VERDICT_UNDECIDED;
        c->p_holm = NAN;
        if (c->seeds < PSI_VERDICT_SEEDS)
            continue;
        double own = fmin(c->p_up, c->p_down);
        c->p_holm = 0;
        for (size_t j = 0; j < claims; j++) { /* over every p that is not larger, its own too */
            size_t smaller = 0;
            double p = fmin(claim[j]->p_up, claim[j]->p_down);
            if (claim[j]->seeds < PSI_VERDICT_SEEDS || p > own)
                continue;
            for (size_t k = 0; k < claims; k++)
                smaller += claim[k]->seeds >= PSI_VERDICT_SEEDS &&
                           fmin(claim[k]->p_up, claim[k]->p_down) < p;
            c->p_holm = fmax(c->p_holm, fmin(1, p * (double)(tested - smaller)));
        }
        if (c->p_holm <= TAIL)
            c->verdict = c->p_up < c->p_down ? PSI_VERDICT_SUPPORTED : PSI_VERDICT_REFUTED;
    }
}
