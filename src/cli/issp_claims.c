/* The claims of a file, each by one contrast and one value a seed. */
#include "issp.h"

#include "psisweep/memory.h"
#include "psisweep/rescue.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Criteria that were left out, and how many of them M2 predicts better than M1. */
static size_t criteria_held(const struct psi_issp_file *file, size_t *better)
{
    size_t held = 0;
    *better = 0;
    for (size_t c = 0; c < file->prediction.nested.criteria; c++) {
        double gain =
            psi_nested_gain(&file->by_criterion[c], PSI_MODEL_STRUCTURE, PSI_MODEL_OVERLAP);
        held += file->by_criterion[c].rows > 0;
        *better += gain > 0;
    }
    return held;
}

static enum psi_status claim_overlap(struct psi_issp_file *file, double *value, size_t *kept,
                                     struct psi_error *err)
{
    enum { CRITERIA_LEAST = 5 };
    struct psi_issp_claim *claim = &file->claim[PSI_C3];
    size_t better, rows = 0;
    enum psi_status status =
        psi_prediction_create(file->job, &file->measured, &file->prediction, err);
    const struct psi_nested *nested = &file->prediction.nested;
    if (status)
        return status;
    file->by_seed = psi_allocate(nested->seeds, sizeof *file->by_seed, "claim", err);
    file->by_criterion = psi_allocate(nested->criteria, sizeof *file->by_criterion, "claim", err);
    if (!file->by_seed || !file->by_criterion)
        return PSI_MEMORY;
    if ((status = psi_nested_by_seed(nested, file->by_seed, err)) ||
        (status = psi_nested_by_criterion(nested, file->by_criterion, err)))
        return status;
    for (size_t s = 0; s < nested->seeds; s++) {
        value[s] = psi_nested_gain(&file->by_seed[s], PSI_MODEL_STRUCTURE, PSI_MODEL_OVERLAP);
        rows += file->by_seed[s].rows;
    }
    size_t held = criteria_held(file, &better);
    if (held < CRITERIA_LEAST)
        claim->missing = "5 criteria or more with cells in the transition band";
    else if (rows == 0)
        claim->missing = "two seeds or more with cells in the transition band";
    snprintf(
        claim->words, sizeof claim->words,
        "beside density, effective and layer densities, norm and Psi before retraining, "
        "overlap changes the held-out squared error of Psi on seeds left out by this much (%zu "
        "cells of %zu criteria in the band; %zu disconnected and %zu undefined ones left out); "
        "on criteria left out it lowers the error in %zu of %zu",
        rows, held, file->prediction.disconnected, file->prediction.undefined, better, held);
    return claim_values(claim, value, file->job->seeds, kept, err);
}

/* Supported asks for a gain in each criterion left out, too. */
static void demand_every_criterion(struct psi_issp_file *file)
{
    struct psi_issp_claim *claim = &file->claim[PSI_C3];
    size_t better, held = criteria_held(file, &better), used = strlen(claim->words);
    if (claim->contrast.verdict != PSI_VERDICT_SUPPORTED || better == held)
        return;
    claim->contrast.verdict = PSI_VERDICT_UNDECIDED;
    snprintf(claim->words + used, sizeof claim->words - used,
             "; 'supported' asks for a gain in each of them");
}

typedef enum psi_status values_of(struct psi_issp_file *file, double *value, size_t *kept,
                                  struct psi_error *err);

/* Fill a claim's contrast from its values, by t or by sign-flips. */
static enum psi_status claim_contrast(struct psi_issp_file *file, enum psi_claim which,
                                      values_of *values, double *value, struct psi_error *err)
{
    struct psi_issp_claim *claim = &file->claim[which];
    double delta = psi_claims[which].delta;
    size_t kept = 0;
    enum psi_status status = values(file, value, &kept, err);
    claim->tested = !status && !claim->missing;
    claim->contrast = which == PSI_C3
                          ? psi_contrast_flip(claim->value, kept, delta, file->job->random_seed)
                          : psi_contrast_student(claim->value, kept, delta);
    return status;
}

enum psi_status psi_issp_judge(struct psi_issp_file *file, struct psi_error *err)
{
    struct psi_contrast *tested[PSI_CLAIMS];
    size_t count = 0;
    double *value = psi_allocate(file->job->seeds, sizeof *value, "claims", err);
    enum psi_status status = PSI_MEMORY;
    file->claim[PSI_C1].contrast = psi_contrast_student(NULL, 0, psi_claims[PSI_C1].delta);
    file->claim[PSI_C1].missing = "two files of different width";
    if (!value || (status = claim_contrast(file, PSI_C2, claim_rescue, value, err)) ||
        (status = claim_contrast(file, PSI_C3, claim_overlap, value, err)) ||
        (status = claim_contrast(file, PSI_C4, claim_pairs, value, err)))
        goto out;
    for (int c = 0; c < PSI_CLAIMS; c++)
        if (file->claim[c].tested)
            tested[count++] = &file->claim[c].contrast;
    psi_verdict_judge(tested, count);
    demand_every_criterion(file);
out:
    free(value);
    return status;
}
