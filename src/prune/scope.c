/* Scopes: how many weights of which layers survive. */
#include "score.h"

#include <math.h>

/* A layer's density but for the factor eps common to all, of Erdos-Renyi-kernel (Evci et al. 2020,
 * Rigging the lottery, section 3): (n_in + n_out + k_h + k_w) / (n_in n_out k_h k_w). */
static double erk_density(const struct psi_weight_matrix *matrix)
{
    size_t kernel = matrix->kernel, window = kernel ? kernel * kernel : 1;
    return (double)(matrix->cols / window + matrix->rows + 2 * kernel) /
           (double)(matrix->rows * matrix->cols);
}

/* eps erk n of each layer, but no more than it has: whoever would exceed that keeps all, and eps is
 * found anew for the others. It only rises, so that nobody is to be asked again. */
static void erk_targets(const struct psi_network *network, size_t total, struct psi_pool *pool,
                        size_t pools)
{
    double eps;
    int more;
    for (size_t i = 0; i < pools; i++)
        pool[i].target = -1; /* not known yet */
    do {
        double rest = (double)total, sum = 0;
        for (size_t i = 0; i < pools; i++) {
            if (pool[i].target >= 0)
                rest -= pool[i].target;
            else
                sum += erk_density(psi_network_matrix(network, i)) * (double)pool[i].count;
        }
        eps = rest / sum;
        more = 0;
        for (size_t i = 0; i < pools; i++) {
            double share = eps * erk_density(psi_network_matrix(network, i));
            if (pool[i].target < 0 && share * (double)pool[i].count > (double)pool[i].alive) {
                pool[i].target = (double)pool[i].alive;
                more = 1;
            }
        }
    } while (more);
    for (size_t i = 0; i < pools; i++)
        if (pool[i].target < 0)
            pool[i].target =
                eps * erk_density(psi_network_matrix(network, i)) * (double)pool[i].count;
}

/* Targets rounded down, and what that leaves given out one by one to the largest fractions; of
 * equal ones the first. */
static void round_to_total(struct psi_pool *pool, size_t pools, size_t total)
{
    for (size_t i = 0; i < pools; i++) {
        pool[i].keep = (size_t)pool[i].target;
        total -= pool[i].keep;
    }
    for (; total > 0; total--) {
        size_t most = 0;
        for (size_t i = 1; i < pools; i++)
            if (pool[i].target - (double)pool[i].keep > pool[most].target - (double)pool[most].keep)
                most = i;
        pool[most].keep++;
    }
}

static size_t rounded(double target)
{
    return (size_t)floor(target + 0.5);
}

enum psi_status psi_scope_pools(const struct psi_network *network,
                                const struct psi_prune_spec *spec, const uint8_t *mask,
                                struct psi_pool *pool, size_t *pools, struct psi_error *err)
{
    const char *name = psi_criteria[spec->criterion].name;
    size_t weights = psi_network_weights(network), alive = psi_mask_count(mask, weights);
    int whole = spec->scope == PSI_GLOBAL || psi_criteria[spec->criterion].structured;
    double total = spec->density * (double)weights;
    if (psi_criteria[spec->criterion].structured) /* nearest, however near that is */
        total = fmin(total, (double)alive);
    *pools = whole ? 1 : psi_network_matrices(network);
    /* (layers that are rounded each on its own may have less in all) */
    if ((whole || spec->scope == PSI_ERK) && rounded(total) > alive)
        return psi_fail(err, PSI_USAGE, "pruning by %s: %zu weights shall survive of %zu", name,
                        rounded(total), alive);
    for (size_t i = 0; i < *pools; i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, i);
        size_t offset = whole ? 0 : matrix->offset;
        size_t count = whole ? weights : matrix->rows * matrix->cols;
        double density = spec->scope == PSI_LIKE ? spec->layer_density[i] : spec->density;
        pool[i] = (struct psi_pool){.offset = offset,
                                    .count = count,
                                    .alive = psi_mask_count(mask + offset, count),
                                    .target = whole ? total : density * (double)count};
        pool[i].keep = rounded(pool[i].target);
    }
    if (spec->scope == PSI_ERK) {
        erk_targets(network, rounded(total), pool, *pools);
        round_to_total(pool, *pools, rounded(total));
    }
    for (size_t i = 0; i < *pools; i++)
        if (pool[i].keep > pool[i].alive)
            return psi_fail(err, PSI_USAGE,
                            "pruning by %s: of layer %s %zu weights shall survive of %zu", name,
                            psi_network_matrix(network, i)->name, pool[i].keep, pool[i].alive);
    return PSI_OK;
}
