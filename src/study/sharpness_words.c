#include "psisweep/sharpness.h"

#include <math.h>
#include <stdio.h>

void psi_sharpness_words(const struct psi_sharpness *s, char *text, size_t size)
{
    char spread[96] = "", floored[96] = "", failed[96] = "";
    size_t none = 0;
    for (int fit = PSI_FIT_FEW; fit < PSI_FITS; fit++)
        none += s->count[fit];
    if (s->seeds == 0) {
        int why = PSI_FIT_FEW;
        for (int fit = PSI_FIT_FEW; fit < PSI_FITS; fit++)
            why = s->count[fit] > s->count[why] ? fit : why;
        snprintf(text, size, "no seed has a width of the fall (%s)", psi_fit_name[why]);
        return;
    }
    if (s->seeds > 1)
        snprintf(spread, sizeof spread, " (median of %zu seeds, %.2g to %.2g)", s->seeds, s->low,
                 s->high);
    if (s->count[PSI_FIT_FLOORED])
        snprintf(floored, sizeof floored, ", %zu of them raised to the grid step",
                 s->count[PSI_FIT_FLOORED]);
    if (none)
        snprintf(failed, sizeof failed, ", %zu without a fit", none);
    snprintf(text, size, "Psi falls from 90 to 10 %% within %.2g decades%s%s%s; ", s->median,
             spread, floored, failed);
    size_t used = 0;
    while (text[used])
        used++;
    snprintf(text + used, size - used, "%zu of %zu cells in the band lie between .2 and .8",
             s->intermediate, s->band_cells);
}

void psi_scaling_words(const struct psi_scaling *s, char *text, size_t size)
{
    static const char *const meaning[PSI_VERDICTS] = {
        [PSI_VERDICT_UNDECIDED] = "C1 undecided",
        [PSI_VERDICT_SUPPORTED] = "C1 supported: the fall sharpens as the network widens",
        [PSI_VERDICT_REFUTED] = "C1 refuted: the fall does not sharpen, it is a crossover"};
    const struct psi_contrast *c = &s->contrast;
    char interval[64] = "", lost[128] = "", p[64] = "", why[160] = "";
    if (c->seeds == 0) {
        snprintf(text, size, "C1 undecided: no seed has a width in both networks");
        return;
    }
    if (isfinite(c->low))
        snprintf(interval, sizeof interval, " [%.3g, %.3g]", c->low, c->high);
    if (c->seeds >= PSI_VERDICT_SEEDS)
        snprintf(p, sizeof p, ", p %.2g above, %.2g below", c->p_up, c->p_down);
    if (s->unpaired)
        snprintf(lost, sizeof lost, ", %zu without a pair of widths", s->unpaired);
    if (c->seeds < PSI_VERDICT_SEEDS)
        snprintf(why, sizeof why, "; fewer than %d seeds decide nothing", PSI_VERDICT_SEEDS);
    else if (s->unresolved)
        snprintf(why, sizeof why,
                 "; in %zu the widest falls within one grid step, so its Delta may be larger and "
                 "nothing is refuted",
                 s->unresolved);
    snprintf(text, size, "%s: Delta %.3g%s over %zu seed%s%s, against %.3g%s%s.",
             meaning[c->verdict], c->mean, interval, c->seeds, c->seeds == 1 ? "" : "s", lost,
             c->delta, p, why);
}
