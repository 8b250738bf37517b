/* The claims of a file, each by one contrast and one value a seed. */
#include "issp.h"

#include "psisweep/memory.h"
#include "psisweep/rescue.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The smallest effects of interest are fixed here, before any data are seen (README). */
const struct psi_claim_row psi_claims[PSI_CLAIMS] = {
    [PSI_C1] = {"C1", "there is a critical threshold",
                "log10 of the 10-90 % width at the narrowest network over that at the widest", 0.1},
    [PSI_C2] = {"C2", "collapse is irreversible under retraining",
                "share of collapsed, connected cells that no rung under the same mask recovers",
                0.8},
    [PSI_C3] = {"C3", "structural supports decide, not density",
                "relative fall of the held-out squared error of Psi when support overlap joins "
                "density, effective and layer densities, norm and Psi before retraining",
                0.05},
    [PSI_C4] = {"C4", "destroying the dominant modes destroys recovery",
                "(preserve - destroy) fine-tuned minus (preserve - destroy) re-initialised, in Psi",
                0.05},
};

/* Keep the finite ones of value (seeds). */
static enum psi_status claim_values(struct psi_issp_claim *claim, const double *value, size_t seeds,
                                    size_t *kept, struct psi_error *err)
{
    claim->seed = psi_allocate(seeds, sizeof *claim->seed, "claim", err);
    claim->value = psi_allocate(seeds, sizeof *claim->value, "claim", err);
    if (!claim->seed || !claim->value)
        return PSI_MEMORY;
    *kept = 0;
    for (size_t s = 0; s < seeds; s++) {
        if (!isfinite(value[s]))
            continue;
        claim->seed[*kept] = s;
        claim->value[(*kept)++] = value[s];
    }
    return PSI_OK;
}

static size_t largest_budget(const struct psi_issp_file *file)
{
    size_t largest = 0;
    for (size_t r = 0; r < file->measured.rungs; r++)
        if (!psi_rung_moves(&file->rung[r]) && file->rung[r].budget > largest)
            largest = file->rung[r].budget;
    return largest;
}

static enum psi_status claim_rescue(struct psi_issp_file *file, double *value, size_t *kept,
                                    struct psi_error *err)
{
    struct psi_issp_claim *claim = &file->claim[PSI_C2];
    struct psi_rescue_count c, apart;
    size_t budget = largest_budget(file);
    psi_rescue_count(file->rung, &file->measured, PSI_ALL, PSI_ALL, &c, &apart);
    if (file->measured.rungs == 0)
        claim->missing = "the ladder (key rescue.cells)";
    else if (budget == 0)
        claim->missing = "a rung under the same mask";
    else if (c.cells == 0)
        claim->missing = "a finished ladder on a connected cell";
    if (claim->missing)
        return PSI_OK;
    psi_rescue_contrast(file->rung, &file->measured, value);
    size_t left = c.cells - c.recovered;
    int used = snprintf(claim->words, sizeof claim->words,
                        "%zu of %zu collapsed cells were not recovered under this mask within "
                        "budget %zu (times the retraining's epochs)",
                        left, c.cells, budget);
    if (c.rewire_tried)
        used += snprintf(claim->words + used, sizeof claim->words - (size_t)used,
                         "; moving their connections at the same density recovered %zu of the %zu "
                         "on which that was tried",
                         c.rewired, c.rewire_tried);
    if (apart.cells)
        snprintf(claim->words + used, sizeof claim->words - (size_t)used,
                 "; %zu disconnected ones stand apart", apart.cells);
    return claim_values(claim, value, file->job->seeds, kept, err);
}

/* Why no density of any pair can be judged. */
static const char *pair_missing(const struct psi_issp_file *file)
{
    int partners = 0, fixed = 0, complete = 0;
    if (file->pairs == 0)
        return "a pair of arms that preserve and destroy the modes of one mask";
    for (size_t p = 0; p < file->pairs; p++) {
        const struct psi_pair *pair = &file->pair[p];
        partners |= pair->arm[PSI_PAIR_PRESERVE_NEW] != SIZE_MAX &&
                    pair->arm[PSI_PAIR_DESTROY_NEW] != SIZE_MAX;
        fixed |= pair->modes == PSI_FIXED_MODES;
        for (size_t d = 0; d < file->measured.densities; d++) {
            struct psi_pair_row row;
            psi_pair_summarise(&file->measured, pair, d, &row);
            complete |= row.complete > 0;
        }
    }
    if (!partners)
        return "re-initialised partners of a pair (mask: PRESERVE ARM, restart: reinitialise)";
    if (!fixed)
        return "a pair of modes: 5, the number for which S is stored";
    return complete ? "a density at which every seed's pair is testable"
                    : "a density at which all four arms of a pair are done";
}

static enum psi_status claim_pairs(struct psi_issp_file *file, double *value, size_t *kept,
                                   struct psi_error *err)
{
    struct psi_issp_claim *claim = &file->claim[PSI_C4];
    const struct psi_pair_choice *choice = &file->choice;
    double finetuned = 0, new = 0;
    if (!psi_pair_choose(&file->measured, file->pair, file->pairs, &file->choice)) {
        claim->missing = pair_missing(file);
        return PSI_OK;
    }
    for (size_t s = 0; s < file->job->seeds; s++) {
        double effect[PSI_EFFECTS];
        psi_pair_effects(&file->measured, &file->pair[choice->pair], s, choice->density, effect);
        value[s] = effect[PSI_EFFECT_CONTRAST];
        if (!isfinite(value[s]))
            continue;
        finetuned += effect[PSI_EFFECT_FINETUNED] / (double)choice->seeds;
        new += effect[PSI_EFFECT_NEW] / (double)choice->seeds;
    }
    snprintf(claim->words, sizeof claim->words,
             "at density %.3g, where the fine-tuned pair's mean Psi is %.2f, masks that preserve "
             "the %zu leading modes are ahead of equally dense ones that destroy them by %.3f when "
             "fine-tuned and by %.3f from re-initialised weights",
             file->job->density[choice->density], choice->psi, file->pair[choice->pair].modes,
             finetuned, new);
    return claim_values(claim, value, file->job->seeds, kept, err);
}

static enum psi_status claim_student(struct psi_issp_file *file, enum psi_claim which,
                                     enum psi_status (*values)(struct psi_issp_file *, double *,
                                                               size_t *, struct psi_error *),
                                     double *value, struct psi_error *err)
{
    struct psi_issp_claim *claim = &file->claim[which];
    size_t kept = 0;
    enum psi_status status = values(file, value, &kept, err);
    claim->tested = !status && !claim->missing;
    claim->contrast = psi_contrast_student(claim->value, kept, psi_claims[which].delta);
    return status;
}

enum psi_status psi_issp_judge(struct psi_issp_file *file, struct psi_error *err)
{
    struct psi_contrast *tested[PSI_CLAIMS];
    size_t count = 0;
    double *value = psi_allocate(file->job->seeds, sizeof *value, "claims", err);
    enum psi_status status = value ? PSI_OK : PSI_MEMORY;
    for (int c = 0; c < PSI_CLAIMS; c++)
        file->claim[c].contrast = psi_contrast_student(NULL, 0, psi_claims[c].delta);
    file->claim[PSI_C1].missing = "two files of different width";
    file->claim[PSI_C3].missing = "5 criteria or more";
    if (!status)
        status = claim_student(file, PSI_C2, claim_rescue, value, err);
    if (!status)
        status = claim_student(file, PSI_C4, claim_pairs, value, err);
    for (int c = 0; c < PSI_CLAIMS; c++)
        if (file->claim[c].tested)
            tested[count++] = &file->claim[c].contrast;
    if (!status)
        psi_verdict_judge(tested, count);
    free(value);
    return status;
}
