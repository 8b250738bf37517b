/* Inside prune: the criteria's score functions, one file each (psi_criteria is their table), what
 * they share, and the two ways to select. */
#ifndef PSISWEEP_PRUNE_SCORE_H
#define PSISWEEP_PRUNE_SCORE_H

#include "psisweep/prune.h"

enum psi_status psi_score_magnitude(const struct psi_score_input *input, double *score,
                                    struct psi_error *err);
enum psi_status psi_score_random(const struct psi_score_input *input, double *score,
                                 struct psi_error *err);
enum psi_status psi_score_snip(const struct psi_score_input *input, double *score,
                               struct psi_error *err);
enum psi_status psi_score_taylor(const struct psi_score_input *input, double *score,
                                 struct psi_error *err);
enum psi_status psi_score_grasp(const struct psi_score_input *input, double *score,
                                struct psi_error *err);
enum psi_status psi_score_synflow(const struct psi_score_input *input, double *score,
                                  struct psi_error *err);
enum psi_status psi_score_lamp(const struct psi_score_input *input, double *score,
                               struct psi_error *err);
enum psi_status psi_score_unit_norm(const struct psi_score_input *input, double *score,
                                    struct psi_error *err);

/* The samples of a criterion, batch by batch. */
struct psi_batches {
    const struct psi_score_input *input;
    size_t samples, next;
    uint32_t *order; /* (training samples) */
    uint8_t *label;  /* (batch) of the batch in the network's input */
    float *dlogits;  /* (classes, batch) */
    float *gradient; /* (parameters) */
};

/* Draw the samples. On failure nothing is held. */
enum psi_status psi_batches_open(struct psi_batches *batches, const struct psi_score_input *input,
                                 struct psi_error *err);
void psi_batches_close(struct psi_batches *batches);

/* Gather the next batch; its size, or 0 after the last, and then it begins anew. */
size_t psi_batches_next(struct psi_batches *batches);

/* Set batches->gradient to the batch's share of the gradient of the mean loss over all samples. */
void psi_batches_gradient(struct psi_batches *batches, size_t batch);

/* PSI_STOPPED where the caller asks for it. */
enum psi_status psi_batches_stop(const struct psi_batches *batches, struct psi_error *err);

/* Among whom weights are chosen: pool[i] of score and mask. */
struct psi_pool {
    size_t offset, count; /* in flat order */
    size_t alive;         /* survivors at first */
    double target;        /* so many shall survive, before rounding ... */
    size_t keep;          /* ... and after */
};

/* The pools of a scope, at most one a matrix and at least one, for the survivors of mask. Writes
 * pool and its size. PSI_USAGE where a pool has fewer survivors than it shall keep. */
enum psi_status psi_scope_pools(const struct psi_network *network,
                                const struct psi_prune_spec *spec, const uint8_t *mask,
                                struct psi_pool *pool, size_t *pools, struct psi_error *err);

/* Of a structured criterion's scores: remove units, lowest first, until the survivors' number is
 * nearest to target (of two as near, the larger). A unit is a row and what reads it in the next
 * layer; the last layer's rows stay. Scope layer: equal shares of each layer's units. */
enum psi_status psi_select_units(const struct psi_network *network, int scope, const double *score,
                                 double target, uint8_t *mask, struct psi_error *err);

#endif
