#include "psisweep/causal.h"
#include "psisweep/memory.h"
#include "psisweep/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All weights of a path are on a path, so none goes with those that are on none: once is enough. */
enum psi_status psi_mask_trim(const struct psi_network *network, uint8_t *mask,
                              struct psi_error *err)
{
    size_t weights = psi_network_weights(network), count;
    uint8_t *on_path = psi_allocate(weights, 1, "weights on a path", err);
    if (!on_path)
        return PSI_MEMORY;
    enum psi_status status = psi_network_paths(network, mask, on_path, NULL, &count, err);
    if (!status)
        memcpy(mask, on_path, weights);
    free(on_path);
    return status;
}

/* log(|w| exp(.35 G)); by the logarithm, as the order is all that counts */
static void score_noisy_magnitude(const float *w, size_t count, struct psi_random *random,
                                  double *score)
{
    for (size_t i = 0; i < count; i++) {
        double gumbel = -log(-log(1 - psi_random_uniform(random)));
        score[i] = log(fabs((double)w[i])) + 0.35 * gumbel;
    }
}

/* Selections of more and more weights contain each other, and so do their paths: the largest one
 * with at most `most` weights on a path is found by bisection. */
static enum psi_status select_on_path(const struct psi_network *network, const double *score,
                                      size_t most, uint8_t *selected, uint8_t *on_path,
                                      struct psi_error *err)
{
    size_t weights = psi_network_weights(network), least = 0, end = weights + 1, count;
    enum psi_status status;
    while (end - least > 1) {
        size_t keep = least + (end - least) / 2;
        psi_mask_select(score, weights, keep, selected);
        if ((status = psi_network_paths(network, selected, NULL, NULL, &count, err)))
            return status;
        if (count <= most)
            least = keep;
        else
            end = keep;
    }
    psi_mask_select(score, weights, least, selected);
    return psi_network_paths(network, selected, on_path, NULL, &count, err);
}

enum psi_status psi_mask_draw(const struct psi_network *network, const float *parameter,
                              double density, struct psi_random *random, uint8_t *mask,
                              struct psi_error *err)
{
    if (!(density >= 0 && density <= 1))
        return psi_fail(err, PSI_USAGE, "base mask: density %g, expected 0 to 1", density);
    size_t weights = psi_network_weights(network);
    enum psi_status status = PSI_MEMORY;
    uint8_t *selected = NULL;
    double *score = psi_allocate(weights, sizeof *score, "scores of weights", err);
    if (!score)
        goto out;
    selected = psi_allocate(weights, 2, "base mask", err);
    if (!selected)
        goto out;
    uint8_t *on_path = selected + weights;
    score_noisy_magnitude(parameter, weights, random, score);
    status = select_on_path(network, score, (size_t)floor(density * (double)weights + 0.5),
                            selected, on_path, err);
    if (!status)
        memcpy(mask, on_path, weights);
out:
    free(selected);
    free(score);
    return status;
}
