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

struct psi_arm {
    char name[PSI_NAME + 1];
    int criterion; /* row of psi_criteria */
    int scope;     /* enum psi_scope */
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
    double density[PSI_DENSITIES_MAX]; /* descending, distinct, in (0, 1], 9 significant digits */
    size_t seeds;
    uint32_t *seed; /* (seeds) distinct values, ascending; owned */
    size_t modes;   /* spectra.modes: dominant modes compared at most, per layer */
    char *source;   /* the job file's own text, NUL-terminated; owned */
};

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
