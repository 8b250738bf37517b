#include "psisweep/rescue.h"
#include "psisweep/stat.h"

#include <math.h>
#include <string.h>

static const double recovered = 0.5; /* validation Psi from which a cell counts as recovered */

/* p with P(X >= count) = probability, X ~ Binomial(of, p): rising in p, so by bisection. */
static double upper_tail_root(size_t count, size_t of, double probability)
{
    double low = 0, high = 1;
    for (int i = 0; i < 100; i++) {
        double middle = 0.5 * (low + high);
        if (psi_binomial_upper(count, of, middle) < probability)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

struct psi_share psi_share_of(size_t count, size_t of)
{
    struct psi_share share = {count, of, NAN, NAN};
    if (of == 0)
        return share;
    /* P(X >= k) = .025 at the lower end, P(X <= k) = .025 at the upper one */
    share.low = count > 0 ? upper_tail_root(count, of, 0.025) : 0;
    share.high = count < of ? upper_tail_root(count + 1, of, 0.975) : 1;
    return share;
}

/* What one cell's ladder adds; tried and rung_psi (rungs) are its own. */
static void count_cell(const struct psi_rung *rung, size_t rungs, const uint8_t *tried,
                       const double *rung_psi, double bound, struct psi_rescue_count *count)
{
    int rewire = 0, rewired = 0, regrow = 0, regrown = 0;
    int32_t by;
    int kind = psi_ladder_kind(rung, rungs, rung_psi, tried, bound, &by);
    for (size_t r = 0; r < rungs; r++) {
        int success = tried[r] && rung_psi[r] >= recovered;
        rewire |= tried[r] && rung[r].kind == PSI_RUNG_REWIRE;
        rewired |= success && rung[r].kind == PSI_RUNG_REWIRE;
        regrow |= tried[r] && rung[r].kind == PSI_RUNG_REGROW;
        regrown |= success && rung[r].kind == PSI_RUNG_REGROW;
    }
    count->cells++;
    count->kind[kind]++;
    count->recovered += by >= 0 && !psi_rung_moves(&rung[by]);
    count->rewire_tried += (size_t)rewire;
    count->rewired += (size_t)rewired;
    count->regrow_tried += (size_t)regrow;
    count->regrown += (size_t)regrown;
}

void psi_rescue_count(const struct psi_rung *rung, const struct psi_measured *measured, size_t arm,
                      size_t seed, struct psi_rescue_count *connected,
                      struct psi_rescue_count *disconnected)
{
    size_t cells = measured->arms * measured->seeds * measured->densities;
    *connected = *disconnected = (struct psi_rescue_count){0};
    for (size_t i = 0; measured->rungs && i < cells; i++) {
        size_t a = i / measured->densities / measured->seeds;
        size_t s = i / measured->densities % measured->seeds;
        if (!measured->climbed[i] || (arm != PSI_ALL && arm != a) || (seed != PSI_ALL && seed != s))
            continue;
        count_cell(rung, measured->rungs, measured->tried + i * measured->rungs,
                   measured->rung_psi + i * measured->rungs, measured->bound[i],
                   psi_measured_disconnected(measured, i) ? disconnected : connected);
    }
}

struct psi_share psi_rescue_share(const struct psi_measured *measured, const uint8_t *member)
{
    size_t cells = measured->arms * measured->seeds * measured->densities, count = 0, of = 0;
    for (size_t i = 0; i < cells; i++) {
        int tried = 0, success = 0;
        if (!measured->climbed[i] || psi_measured_disconnected(measured, i))
            continue;
        for (size_t r = 0; r < measured->rungs; r++) {
            size_t at = i * measured->rungs + r;
            tried |= member[r] && measured->tried[at];
            success |= member[r] && measured->tried[at] && measured->rung_psi[at] >= recovered;
        }
        of += (size_t)tried;
        count += (size_t)success;
    }
    return psi_share_of(count, of);
}

void psi_rescue_contrast(const struct psi_rung *rung, const struct psi_measured *measured,
                         double *share)
{
    for (size_t s = 0; s < measured->seeds; s++) {
        struct psi_rescue_count connected, apart;
        psi_rescue_count(rung, measured, PSI_ALL, s, &connected, &apart);
        share[s] = connected.cells
                       ? (double)(connected.cells - connected.recovered) / (double)connected.cells
                       : NAN;
    }
}
