/* Job files: YAML through libyaml under one key table (src/study/job_keys.c) that gives each key's
 * type, unit, range, default and help text. The parser, --set, --print-config, the diff and the
 * README's table all come from those rows.
 */
#ifndef PSISWEEP_JOB_H
#define PSISWEEP_JOB_H

#include "psisweep/dataset.h"
#include "psisweep/network.h"
#include "psisweep/status.h"
#include "psisweep/train.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    PSI_NAME = 128,        /* bytes of a job's or an arm's name at most, UTF-8 */
    PSI_JOB_BYTES = 49152, /* of a job file, and of psi_job_text, at most: they are stored in
                              attributes of a results file, which end at 64 KiB */
    PSI_ARMS_MAX = 64,
    PSI_DENSITIES_MAX = 512,
    PSI_SEEDS_MAX = 65536
};

/* Whose weights are scored: the dense parent's as trained, or as they were before training. */
enum psi_prune_at { PSI_AT_TRAINED, PSI_AT_INITIAL };

enum psi_prune_schedule {
    PSI_ONE_SHOT,
    PSI_ITERATIVE, /* down the density axis: a density starts from the one above it, retrained */
    PSI_POLYNOMIAL /* while retraining (Zhu & Gupta 2017) */
};

/* What is done to a mask once it is drawn. */
enum psi_change {
    PSI_CHANGE_NONE,
    PSI_CHANGE_TRIM,
    PSI_CHANGE_SHUFFLE,
    PSI_CHANGE_PRESERVE,
    PSI_CHANGE_DESTROY
};

/* What retraining starts from, under the mask. */
enum psi_restart {
    PSI_FINETUNE,     /* the weights that were scored */
    PSI_RATE_REWIND,  /* the same, at the learning rates of the dense training from `rewind` on */
    PSI_REWIND,       /* the dense training's weights and rates at `rewind` */
    PSI_REINITIALISE, /* new draws, scaled to the surviving fan-in */
    PSI_TRANSPLANT    /* the retrained weights of the next higher density */
};

enum psi_budget { PSI_BUDGET_OWN, PSI_BUDGET_RETRAIN, PSI_BUDGET_TRAIN };

/* One way to prune and to start again. */
struct psi_arm {
    char name[PSI_NAME + 1];
    int criterion;           /* row of psi_criteria */
    int scope;               /* enum psi_scope */
    char like[PSI_NAME + 1]; /* scope like: the arm whose layer densities are taken, else "" */
    int at;                  /* enum psi_prune_at */
    size_t samples;          /* training samples that a criterion looks at, if it does */
    size_t rounds;           /* of scoring and pruning, without training between; 0 = criterion's */
    double noise;            /* scores times exp(noise * Gumbel) */
    double from;             /* highest density at which the arm is run */
    int schedule;            /* enum psi_prune_schedule */
    double until;            /* polynomial: share of the retraining after which the mask stays */
    size_t interval;         /* polynomial: steps from one pruning to the next */
    char mask[PSI_NAME + 1]; /* the arm whose mask is taken, of the same seed and density, or "" */
    int change;              /* enum psi_change */
    size_t modes;            /* k of preserve, destroy and ablate */
    int ablate;    /* 0 = none, else 1 + enum psi_ablation: modes taken out before pruning */
    int hold;      /* 1 = removed modes are kept out while retraining */
    int restart;   /* enum psi_restart */
    double rewind; /* epochs of dense training, for rate-rewind and rewind */
    int budget;    /* enum psi_budget: epochs, rates and all else of which section */
    int rescue;    /* 1 = the ladder is tried on its collapsed cells */

    size_t like_arm, mask_arm; /* indices of `like` and `mask`; SIZE_MAX = none */
};

/* The rescue ladder: what is tried on collapsed cells. Budgets are multiples of the retraining's
 * epochs; an empty list leaves its rungs out. */
enum { PSI_BUDGETS_MAX = 8 };
struct psi_budgets {
    size_t count;
    size_t value[PSI_BUDGETS_MAX];
};
struct psi_rescue_spec {
    size_t cells;                /* collapsed densities of each arm and seed; 0 = no ladder */
    struct psi_budgets finetune; /* budgets, each at every one of ... */
    struct psi_budgets rates;    /* ... these multiples of the learning rate */
    struct psi_budgets reinitialise;
    size_t draws; /* of each re-initialisation; their mean counts */
    struct psi_budgets rewind;
    double rewind_epoch;
    struct psi_budgets transplant, rewire, regrow;
};

/* Added densities around each arm's F_min. */
struct psi_refine_spec {
    size_t factor; /* steps that a step of the grid is parted into; 1 = none */
    double around; /* decades to either side of the arm's pooled F_min */
};

struct psi_job {
    char name[PSI_NAME + 1];
    uint64_t random_seed;
    struct psi_data_spec data; /* data.random_seed = random_seed; data.path owned */
    struct psi_model_spec model;
    struct psi_train_spec train, retrain;
    size_t arms;
    struct psi_arm arm[PSI_ARMS_MAX];
    size_t densities;
    /* The density axis: descending, distinct, in (0, 1], 9 significant digits. Every
     * refine.factor-th one, from the first, is the grid's own; those between are run around F_min
     * only. */
    double density[PSI_DENSITIES_MAX];
    struct psi_refine_spec refine;
    int adaptive;  /* 1 = of the arms that can, only cells around F_min are run (adaptive.h) */
    size_t budget; /* adaptive: cells of an arm at most, times the seeds */
    struct psi_rescue_spec rescue;
    size_t seeds;
    uint32_t *seed; /* (seeds) distinct values, ascending; owned */
    size_t modes;   /* spectra.modes: dominant modes compared at most, per layer */
    char *source;   /* the job file's own text, NUL-terminated; owned */
};

/* Is this density of the axis one of the grid's own? */
int psi_job_on_grid(const struct psi_job *job, size_t density);

/* Number of a cell in arrays over (arms, seeds, densities). */
static inline size_t psi_job_cell(const struct psi_job *job, size_t arm, size_t seed,
                                  size_t density)
{
    return (arm * job->seeds + seed) * job->densities + density;
}

/* Does it depend on F_min where this arm is run? Not of an arm that is iterative or takes masks from
 * one: its densities follow from each other. */
int psi_job_adapts(const struct psi_job *job, size_t arm);

/* Is a density of the axis one of the grid's own that this arm may be run at? */
int psi_job_has(const struct psi_job *job, size_t arm, size_t density);

/* Is it run there before anything is known of its F_min? */
int psi_job_runs(const struct psi_job *job, size_t arm, size_t density);

/* What an arm is, in a few words of its keys: "magnitude, global, iterative, rewind 0.5". */
enum { PSI_ARM_WORDS = 2 * PSI_NAME + 256 };
void psi_job_arm_words(const struct psi_job *job, size_t arm, char words[PSI_ARM_WORDS]);

/* The iterative arm that this arm's masks come from, itself included, by `mask` and `like`;
 * SIZE_MAX = none. */
size_t psi_job_chain(const struct psi_job *job, size_t arm);
/* Position of an iterative arm along the chain axis. */
size_t psi_job_chain_number(const struct psi_job *job, size_t arm);

/* The training that a cell of this arm gets after pruning: the section its budget names, or
 * (PSI_BUDGET_OWN) train where it starts from initial or earlier weights, else retrain. */
const struct psi_train_spec *psi_job_budget(const struct psi_job *job, const struct psi_arm *arm);

/* Read a job file and then apply each override "key=value" (as --set gives them) in order.
 * A key is a path as in "train.epochs"; a value is YAML, so lists work: "model.hidden=[150,50]".
 * All that is wrong with a key is told in one line: file, line, key, what was expected, what was
 * found, and for an unknown key the nearest known one. PSI_USAGE for content, PSI_IO when the file
 * cannot be read. *out is owned by the caller. */
enum psi_status psi_job_read(const char *path, const char *const *override, size_t overrides,
                             struct psi_job **out, struct psi_error *err);

/* The same from text in memory; where names it in messages. */
enum psi_status psi_job_parse(const char *text, const char *where, const char *const *override,
                              size_t overrides, struct psi_job **out, struct psi_error *err);
void psi_job_destroy(struct psi_job *job);

/* The job resolved: every key with its value, as YAML that psi_job_parse reads back to an equal
 * job. The same job gives the same bytes, PSI_JOB_BYTES at most. Owned by the caller, NULL when out
 * of memory. */
char *psi_job_text(const struct psi_job *job, struct psi_error *err);

/* psi_job_text with each key's help, unit, range and default as comments, for --print-config. */
void psi_job_print(const struct psi_job *job, FILE *file);

/* One Markdown table row for each key, for the README. */
void psi_job_print_keys(FILE *file);

/* What differs between two jobs, one line a key: "train.epochs: 10 -> 3". With cells_only, keys
 * that do not change what a cell is (name, the grid's extent, which arms there are) are left out,
 * and arms are compared where both have one of that name. "" when nothing differs. Owned by the
 * caller. */
char *psi_job_difference(const struct psi_job *from, const struct psi_job *to, int cells_only,
                         struct psi_error *err);

#endif
