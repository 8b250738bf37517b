#include "psisweep/ladder.h"
#include "psisweep/record.h"
#include "psisweep/threshold.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const psi_rung_kind_name[PSI_RUNG_KINDS] = {
    [PSI_RUNG_FINETUNE] = "finetune", [PSI_RUNG_REINITIALISE] = "reinitialise",
    [PSI_RUNG_REWIND] = "rewind",     [PSI_RUNG_TRANSPLANT] = "transplant",
    [PSI_RUNG_REWIRE] = "rewire",     [PSI_RUNG_REGROW] = "regrow",
};

static size_t cost(const struct psi_rung *rung)
{
    return rung->budget * rung->draws;
}

int psi_rung_moves(const struct psi_rung *rung)
{
    return rung->kind >= PSI_RUNG_REWIRE;
}

/* Insert where it belongs: what keeps the mask before what does not, then by cost, then as given.
 * rewire and regrow stay in this order: regrow only tells something where rewiring has failed. */
static void insert(struct psi_rung *rung, size_t count, struct psi_rung new)
{
    size_t at = count;
    while (at > 0) {
        const struct psi_rung *before = &rung[at - 1];
        int later = psi_rung_moves(before) || psi_rung_moves(&new) ? before->kind > new.kind
                                                                   : cost(before) > cost(&new);
        if (!later)
            break;
        rung[at] = rung[at - 1];
        at--;
    }
    rung[at] = new;
}

static size_t add(struct psi_rung *rung, size_t count, int kind, const struct psi_budgets *budgets,
                  size_t rate, size_t draws)
{
    for (size_t i = 0; i < budgets->count; i++) {
        struct psi_rung new = {
            .kind = kind, .budget = budgets->value[i], .rate = rate, .draws = draws};
        int used =
            snprintf(new.name, sizeof new.name, "%s x%zu", psi_rung_kind_name[kind], new.budget);
        if (rate > 1)
            snprintf(new.name + used, sizeof new.name - (size_t)used, " rate x%zu", rate);
        insert(rung, count++, new);
    }
    return count;
}

size_t psi_ladder_rungs(const struct psi_job *job, struct psi_rung rung[PSI_RUNGS_MAX])
{
    const struct psi_rescue_spec *rescue = &job->rescue;
    size_t count = 0;
    if (rescue->cells == 0)
        return 0;
    for (size_t i = 0; i < rescue->rates.count; i++)
        count = add(rung, count, PSI_RUNG_FINETUNE, &rescue->finetune, rescue->rates.value[i], 1);
    count = add(rung, count, PSI_RUNG_REINITIALISE, &rescue->reinitialise, 1, rescue->draws);
    count = add(rung, count, PSI_RUNG_REWIND, &rescue->rewind, 1, 1);
    count = add(rung, count, PSI_RUNG_TRANSPLANT, &rescue->transplant, 1, 1);
    count = add(rung, count, PSI_RUNG_REWIRE, &rescue->rewire, 1, 1);
    return add(rung, count, PSI_RUNG_REGROW, &rescue->regrow, 1, 1);
}

size_t psi_ladder_cells(const struct psi_job *job, const double *psi, const uint8_t *done,
                        size_t *density)
{
    size_t count = 0;
    for (size_t d = 0; d < job->densities && count < job->rescue.cells; d++)
        if (done[d] && psi[d] < PSI_RECOVERED) /* NaN is none */
            density[count++] = d;
    return count;
}

size_t psi_ladder_donor(const struct psi_job *job, const double *psi, const uint8_t *done,
                        size_t density)
{
    for (size_t d = density; d-- > 0;)
        if (done[d] && psi_job_on_grid(job, d) && psi[d] >= PSI_RECOVERED)
            return d;
    return SIZE_MAX;
}

int psi_rung_may_recover(const struct psi_rung *rung, double bound)
{
    return psi_rung_moves(rung) || !(bound < PSI_RECOVERED);
}

int psi_ladder_kind(const struct psi_rung *rung, size_t rungs, const double *validation_psi,
                    const uint8_t *tried, double bound, int32_t *rescued_by)
{
    int rewired = 0;
    *rescued_by = -1;
    for (size_t i = 0; i < rungs; i++) {
        rewired |= rung[i].kind == PSI_RUNG_REWIRE && tried[i];
        if (*rescued_by < 0 && tried[i] && validation_psi[i] >= PSI_RECOVERED)
            *rescued_by = (int32_t)i;
    }
    if (*rescued_by >= 0 && !psi_rung_moves(&rung[*rescued_by]))
        return PSI_OPTIMISATION;
    if (bound < PSI_RECOVERED)
        return PSI_DISCONNECTED;
    if (*rescued_by >= 0 && rung[*rescued_by].kind == PSI_RUNG_REWIRE)
        return PSI_STRUCTURAL;
    return rewired ? PSI_CAPACITY : PSI_UNDECIDED;
}
