#include "score.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>

const struct psi_criterion psi_criteria[] = {
    {"magnitude", "the largest absolute weights survive", psi_score_magnitude},
    {"random", "every set of survivors is equally likely", psi_score_random},
    {NULL, NULL, NULL},
};

static void select_pool(const double *score, size_t count, double density, uint8_t *mask)
{
    size_t keep = (size_t)floor(density * (double)count + 0.5);
    psi_mask_select(score, count, keep, mask);
}

enum psi_status psi_prune(const struct psi_criterion *criterion, enum psi_scope scope,
                          double density, const struct psi_score_input *input, uint8_t *mask,
                          struct psi_error *err)
{
    if (!(density >= 0 && density <= 1))
        return psi_fail(err, PSI_USAGE, "pruning by %s: density %g, expected 0 to 1",
                        criterion->name, density);
    size_t weights = psi_network_weights(input->network);
    double *score = psi_allocate(weights, sizeof *score, "scores of weights", err);
    if (!score)
        return PSI_MEMORY;
    enum psi_status status = criterion->score(input, score, err);
    if (status)
        goto out;
    if (scope == PSI_GLOBAL) {
        select_pool(score, weights, density, mask);
        goto out;
    }
    for (size_t i = 0; i < psi_network_matrices(input->network); i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(input->network, i);
        select_pool(score + matrix->offset, matrix->rows * matrix->cols, density,
                    mask + matrix->offset);
    }
out:
    free(score);
    return status;
}
