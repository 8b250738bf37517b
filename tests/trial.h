/* What the tests of trials share: a study with one dense parent, its cells, chains and rungs. */
#ifndef PSISWEEP_TESTS_TRIAL_H
#define PSISWEEP_TESTS_TRIAL_H

#include "psisweep/kernel.h"
#include "psisweep/prune.h"
#include "psisweep/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct psi_job *job;
    struct psi_study *study;
    struct psi_parent parent;
    struct psi_parent_modes *modes;
    struct psi_cell cell;
    struct psi_rung_record rung;
    struct psi_slot slot; /* state of the chain that was run last */
    struct psi_slot next;
    size_t weights, parameters, layers;
};

#define OK(call)                      \
    do {                              \
        struct psi_error err = {0};   \
        if (call)                     \
            fail_msg("%s", err.text); \
    } while (0)

/* With override, a "key=value" or NULL; the parent of grid seed number 0. */
static inline void fixture_open(struct fixture *f, const char *text, const char *override)
{
    memset(f, 0, sizeof *f);
    OK(psi_job_parse(text, "test", &override, override != NULL, &f->job, &err));
    OK(psi_study_create(f->job, psi_kernels_best(), &f->study, &err));
    OK(psi_record_create(PSI_OF_PARENT, &f->study->layout, &f->parent, &err));
    OK(psi_record_create(PSI_OF_CELL, &f->study->layout, &f->cell, &err));
    OK(psi_record_create(PSI_OF_RUNG, &f->study->layout, &f->rung, &err));
    OK(psi_record_create(PSI_OF_SLOT, &f->study->layout, &f->slot, &err));
    OK(psi_record_create(PSI_OF_SLOT, &f->study->layout, &f->next, &err));
    OK(psi_trial_parent(f->study, 0, NULL, &f->parent, &err));
    OK(psi_parent_modes_create(f->study, &f->parent, NULL, &f->modes, &err));
    f->weights = psi_network_weights(f->study->network);
    f->parameters = psi_network_parameters(f->study->network);
    f->layers = psi_network_matrices(f->study->network);
}

static inline void fixture_close(struct fixture *f)
{
    psi_parent_modes_destroy(f->modes);
    psi_record_clear(PSI_OF_SLOT, &f->next);
    psi_record_clear(PSI_OF_SLOT, &f->slot);
    psi_record_clear(PSI_OF_RUNG, &f->rung);
    psi_record_clear(PSI_OF_CELL, &f->cell);
    psi_record_clear(PSI_OF_PARENT, &f->parent);
    psi_study_destroy(f->study);
    psi_job_destroy(f->job);
}

static inline size_t fixture_arm(const struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->job->arms; i++)
        if (strcmp(f->job->arm[i].name, name) == 0)
            return i;
    fail_msg("no arm %s", name);
    return SIZE_MAX;
}

/* One cell, from a chain's state or NULL; an iterative arm's next state is in f->next. */
static inline void fixture_cell_from(struct fixture *f, const char *arm, size_t density,
                                     const struct psi_slot *chain)
{
    struct psi_trial_from from = {.parent = &f->parent, .modes = f->modes, .chain = chain};
    OK(psi_trial_cell(f->study, fixture_arm(f, arm), 0, density, &from, NULL, &f->cell, &f->next,
                      &err));
}

static inline void fixture_cell(struct fixture *f, const char *arm, size_t density)
{
    fixture_cell_from(f, arm, density, NULL);
}

/* A chain's cells from the top down to a density, whose state is then in f->slot. */
static inline void fixture_chain(struct fixture *f, const char *arm, size_t density)
{
    for (size_t d = 0; d <= density; d++) {
        fixture_cell_from(f, arm, d, d ? &f->slot : NULL);
        struct psi_slot swap = f->slot;
        f->slot = f->next;
        f->next = swap;
    }
}

static inline void fixture_rung(struct fixture *f, const char *arm, size_t density,
                                const struct psi_rung *rung, size_t donor,
                                const struct psi_slot *chain)
{
    struct psi_trial_from from = {.parent = &f->parent, .modes = f->modes, .chain = chain};
    OK(psi_trial_rung(f->study, fixture_arm(f, arm), 0, density, rung, donor, &from, NULL, &f->rung,
                      &err));
}

static inline uint64_t fixture_checksum(const struct fixture *f)
{
    return psi_record_checksum(PSI_OF_CELL, &f->study->layout, &f->cell);
}

/* The network's parameters, copied; the caller frees. */
static inline float *fixture_weights(const struct fixture *f)
{
    float *copy = malloc(f->parameters * sizeof *copy);
    memcpy(copy, psi_network_parameter(f->study->network), f->parameters * sizeof *copy);
    return copy;
}

/* Train the network by hand from its parameters under study->mask, with the kernels that a trial
 * of this mask takes. */
static inline void train_by_hand(struct fixture *f, const struct psi_train_spec *spec,
                                 size_t first_step, const char *stream)
{
    struct psi_network *compiled = NULL;
    int diverged;
    OK(psi_network_compile(f->study->network, f->study->mask, f->study->input_density, &compiled,
                           &err));
    struct psi_training training = {.spec = spec,
                                    .dataset = f->study->dataset,
                                    .mask = compiled ? psi_network_mask(compiled) : f->study->mask,
                                    .first_step = first_step,
                                    .random_seed = f->job->random_seed,
                                    .random_name = stream};
    OK(psi_train(compiled ? compiled : f->study->network, &training, &diverged, &err));
    if (compiled)
        psi_network_expand(compiled, f->study->network);
    psi_network_destroy(compiled);
}

/* Put parameters into the network, and zero what study->mask prunes. */
static inline void set_weights(struct fixture *f, const float *parameter)
{
    float *w = psi_network_parameter(f->study->network);
    memcpy(w, parameter, f->parameters * sizeof *w);
    for (size_t i = 0; i < f->weights; i++)
        w[i] = f->study->mask[i] ? w[i] : 0.0f;
}

#endif
