/* The keys of an arm and of the rescue ladder. See job_private.h for what a row says. */
#include "job_private.h"

#include "psisweep/prune.h"
#include "psisweep/spectrum.h"

#define ARM(field) offsetof(struct psi_arm, field)
#define RESCUE(field) offsetof(struct psi_rescue_spec, field)
#define BUDGETS(field)                                                                     \
    .type = PSI_KEY_INTEGERS, .offset = RESCUE(field.value), .count = RESCUE(field.count), \
    .most = PSI_BUDGETS_MAX, .range = "[1, 1024]"

const char *const psi_job_truths[] = {"false", "true", NULL};
static const char *const scopes[] = {
    [PSI_GLOBAL] = "global", [PSI_LAYER] = "layer", [PSI_ERK] = "erk", [PSI_LIKE] = "like", NULL};
static const char *const times[] = {
    [PSI_AT_TRAINED] = "trained", [PSI_AT_INITIAL] = "initial", NULL};
static const char *const schedules[] = {[PSI_ONE_SHOT] = "one-shot",
                                        [PSI_ITERATIVE] = "iterative",
                                        [PSI_POLYNOMIAL] = "polynomial",
                                        NULL};
static const char *const changes[] = {
    [PSI_CHANGE_NONE] = "none",       [PSI_CHANGE_TRIM] = "trim",
    [PSI_CHANGE_SHUFFLE] = "shuffle", [PSI_CHANGE_PRESERVE] = "preserve",
    [PSI_CHANGE_DESTROY] = "destroy", NULL};
static const char *const ablations[] = {"none",
                                        [1 + PSI_ABLATE_TOP] = "top",
                                        [1 + PSI_ABLATE_BOTTOM] = "bottom",
                                        [1 + PSI_ABLATE_RANDOM] = "random",
                                        [1 + PSI_ABLATE_FOREIGN] = "foreign",
                                        NULL};
static const char *const restarts[] = {
    [PSI_FINETUNE] = "finetune",         [PSI_RATE_REWIND] = "rate-rewind", [PSI_REWIND] = "rewind",
    [PSI_REINITIALISE] = "reinitialise", [PSI_TRANSPLANT] = "transplant",   NULL};
static const char *const budgets[] = {
    [PSI_BUDGET_OWN] = "own", [PSI_BUDGET_RETRAIN] = "retrain", [PSI_BUDGET_TRAIN] = "train", NULL};

const struct psi_job_key psi_arm_keys[] = {
    {.name = "name",
     .type = PSI_KEY_TEXT,
     .offset = ARM(name),
     .extent = 1,
     .absent = "the criterion's name",
     .help = "names the arm in results; its random streams are keyed by it"},
    {.name = "criterion",
     .type = PSI_KEY_CHOICE,
     .offset = ARM(criterion),
     .fallback = "magnitude",
     .help = "what scores the weights; the highest scores survive"},
    {.name = "scope",
     .type = PSI_KEY_CHOICE,
     .offset = ARM(scope),
     .choices = scopes,
     .fallback = "global",
     .help = "who competes: all weights; those of each layer, at one density (layer), at "
             "Erdos-Renyi-kernel densities (erk, Evci et al. 2020), or at the layer densities of "
             "another arm's mask (like)"},
    {.name = "like",
     .type = PSI_KEY_ARM_NAME,
     .offset = ARM(like),
     .fallback = "\"\"",
     .help = "scope like: that arm"},
    {.name = "at",
     .type = PSI_KEY_CHOICE,
     .offset = ARM(at),
     .choices = times,
     .fallback = "trained",
     .help = "weights that are scored and then retrained: those of the dense parent, or those it "
             "started from (pruning at initialisation)"},
    {.name = "samples",
     .type = PSI_KEY_INTEGER,
     .offset = ARM(samples),
     .range = "[0, 4294967295]",
     .unit = "samples",
     .fallback = "0",
     .help = "training samples that a criterion looks at, if it looks at any; 0 = ten a class"},
    {.name = "rounds",
     .type = PSI_KEY_INTEGER,
     .offset = ARM(rounds),
     .range = "[0, 10000]",
     .fallback = "0",
     .help = "scored and pruned in so many rounds, at densities d^(i/rounds), without training "
             "between; 0 = as is usual for the criterion"},
    {.name = "noise",
     .type = PSI_KEY_REAL,
     .offset = ARM(noise),
     .range = "[0, inf)",
     .fallback = "0",
     .help = "scores are multiplied by exp(noise x Gumbel), so that masks near the criterion's are "
             "drawn"},
    {.name = "from",
     .type = PSI_KEY_REAL,
     .offset = ARM(from),
     .range = "(0, 1]",
     .fallback = "1",
     .extent = 1,
     .help = "highest density at which the arm is run; higher ones are skipped"},
    {.name = "schedule",
     .type = PSI_KEY_CHOICE,
     .offset = ARM(schedule),
     .choices = schedules,
     .fallback = "one-shot",
     .help = "iterative = down the grid's densities, each from the one above after its retraining; "
             "polynomial = during retraining (Zhu & Gupta 2017)"},
    {.name = "until",
     .type = PSI_KEY_REAL,
     .offset = ARM(until),
     .range = "(0, 1]",
     .fallback = "0.75",
     .help = "polynomial: share of the retraining after which the mask stays"},
    {.name = "interval",
     .type = PSI_KEY_INTEGER,
     .offset = ARM(interval),
     .range = "[1, 1000000]",
     .unit = "steps",
     .fallback = "100",
     .help = "polynomial: from one pruning to the next"},
    {.name = "mask",
     .type = PSI_KEY_ARM_NAME,
     .offset = ARM(mask),
     .fallback = "\"\"",
     .help = "take that arm's mask of the same seed and density; what draws a mask is then not "
             "used"},
    {.name = "change",
     .type = PSI_KEY_CHOICE,
     .offset = ARM(change),
     .choices = changes,
     .fallback = "none",
     .help = "what is done to the mask: trim = weights on no path are dropped (of an arm's own "
             "mask by scope global, so that the density is that of what is left); shuffle = within "
             "each layer; preserve, destroy = trimmed, then degree-preserving swaps for or against "
             "the dominant modes, at equal norm"},
    {.name = "modes",
     .type = PSI_KEY_INTEGER,
     .offset = ARM(modes),
     .range = "[1, 1024]",
     .fallback = "5",
     .help = "leading singular modes that preserve, destroy and ablate are about"},
    {.name = "ablate",
     .type = PSI_KEY_CHOICE,
     .offset = ARM(ablate),
     .choices = ablations,
     .fallback = "none",
     .help = "modes taken out of every weight matrix before it is pruned: the leading ones (top); "
             "as a control the last ones or random ones of equal energy, or a random matrix of the "
             "same singular values (foreign)"},
    {.name = "hold",
     .type = PSI_KEY_CHOICE,
     .offset = ARM(hold),
     .choices = psi_job_truths,
     .fallback = "false",
     .help = "ablate: top: project the removed directions out while retraining, too"},
    {.name = "restart",
     .type = PSI_KEY_CHOICE,
     .offset = ARM(restart),
     .choices = restarts,
     .fallback = "finetune",
     .help = "what retraining starts from under the mask: the weights as pruned (finetune; "
             "rate-rewind = with the learning rates of the dense training from epoch `rewind` on, "
             "Renda et al. 2020), the dense training's weights at epoch `rewind` (Frankle & Carbin "
             "2019), new draws scaled to the surviving fan-in (reinitialise), the retrained "
             "weights of the next higher density (transplant)"},
    {.name = "rewind",
     .type = PSI_KEY_REAL,
     .offset = ARM(rewind),
     .range = "[0, inf)",
     .unit = "epochs",
     .fallback = "0",
     .help = "rate-rewind and rewind: where in the dense training; 0 = its beginning"},
    {.name = "budget",
     .type = PSI_KEY_CHOICE,
     .offset = ARM(budget),
     .choices = budgets,
     .fallback = "own",
     .help = "the section that says how a cell is retrained; own = train where it starts from "
             "initial, earlier or new weights, else retrain"},
    {.name = "rescue",
     .type = PSI_KEY_CHOICE,
     .offset = ARM(rescue),
     .choices = psi_job_truths,
     .fallback = "true",
     .extent = 1,
     .help = "whether the ladder, where there is one, is tried on the arm's collapsed cells"},
    {0},
};

const struct psi_job_key psi_rescue_keys[] = {
    {.name = "cells",
     .type = PSI_KEY_INTEGER,
     .offset = RESCUE(cells),
     .range = "[0, 512]",
     .fallback = "0",
     .extent = 1,
     .help = "collapsed densities of each arm and seed that the ladder is tried on, from F_min "
             "down; 0 = no ladder, 3 is usual"},
    {.name = "finetune",
     BUDGETS(finetune),
     .fallback = "[1, 4, 16]",
     .extent = 1,
     .help = "fine-tune again from the pruned weights, for so many times the epochs of retrain, at "
             "every one of `rates`"},
    {.name = "rates",
     BUDGETS(rates),
     .fallback = "[1, 3]",
     .extent = 1,
     .help = "finetune: multiples of the learning rate"},
    {.name = "reinitialise",
     BUDGETS(reinitialise),
     .fallback = "[4, 16]",
     .extent = 1,
     .help = "train new draws, scaled to the surviving fan-in, for so many times the epochs"},
    {.name = "draws",
     .type = PSI_KEY_INTEGER,
     .offset = RESCUE(draws),
     .range = "[1, 64]",
     .fallback = "3",
     .extent = 1,
     .help = "reinitialise: draws, whose mean counts"},
    {.name = "rewind",
     BUDGETS(rewind),
     .fallback = "[4]",
     .extent = 1,
     .help = "train the dense training's weights at epoch rewind_epoch, for so many times the "
             "epochs"},
    {.name = "rewind_epoch",
     .type = PSI_KEY_REAL,
     .offset = RESCUE(rewind_epoch),
     .range = "[0, inf)",
     .unit = "epochs",
     .fallback = "0",
     .extent = 1,
     .help = "rewind: where in the dense training"},
    {.name = "transplant",
     BUDGETS(transplant),
     .fallback = "[4]",
     .extent = 1,
     .help = "fine-tune the retrained weights of the nearest higher density that recovered"},
    {.name = "rewire",
     BUDGETS(rewire),
     .fallback = "[1]",
     .extent = 1,
     .help = "not under the mask: as many weights, moved while training (after Evci et al. 2020)"},
    {.name = "regrow",
     BUDGETS(regrow),
     .fallback = "[1]",
     .extent = 1,
     .help = "not under the mask: all weights free again"},
    {0},
};
