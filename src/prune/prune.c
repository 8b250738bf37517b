#include "score.h"
#include "psisweep/causal.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One call's working memory. */
struct prune {
    const struct psi_prune_spec *spec;
    const struct psi_score_input *input;
    const struct psi_criterion *criterion;
    size_t weights, parameters, matrices;
    float *kept;           /* (parameters) as they were found */
    uint8_t *mask;         /* (weights) so far */
    double *score;         /* (weights) */
    double *factor;        /* (weights) of the noise; empty without */
    struct psi_pool *pool; /* (pools) of (matrices) */
    size_t pools;
};

static enum psi_status check(const struct psi_prune_spec *spec, const struct psi_score_input *input,
                             const struct psi_criterion *criterion, struct psi_error *err)
{
    const char *name = criterion->name;
    int like = spec->scope == PSI_LIKE;
    if (spec->scope < PSI_GLOBAL || spec->scope > PSI_LIKE || (like && !spec->layer_density))
        return psi_fail(err, PSI_USAGE, "pruning by %s: no such scope, %d", name, spec->scope);
    if (!like && !(spec->density >= 0 && spec->density <= 1))
        return psi_fail(err, PSI_USAGE, "pruning by %s: density %g, expected 0 to 1", name,
                        spec->density);
    for (size_t i = 0; like && i < psi_network_matrices(input->network); i++)
        if (!(spec->layer_density[i] >= 0 && spec->layer_density[i] <= 1))
            return psi_fail(err, PSI_USAGE,
                            "pruning by %s: layer %zu's density %g, expected 0 to 1", name, i + 1,
                            spec->layer_density[i]);
    if (!(spec->noise >= 0 && isfinite(spec->noise)))
        return psi_fail(err, PSI_USAGE, "pruning by %s: noise %g, expected 0 or more", name,
                        spec->noise);
    if (criterion->structured && spec->scope != PSI_GLOBAL && spec->scope != PSI_LAYER)
        return psi_fail(err, PSI_USAGE,
                        "pruning by %s: whole units are removed, by scope global or layer alone",
                        name);
    if (spec->trimmed && (criterion->structured || spec->scope != PSI_GLOBAL))
        return psi_fail(err, PSI_USAGE, "pruning by %s: trimmed to a density by scope global alone",
                        name);
    if (criterion->data && (!input->dataset || !input->dataset->train.samples))
        return psi_fail(err, PSI_USAGE, "pruning by %s: training samples are needed", name);
    if (criterion->data && input->samples > input->dataset->train.samples)
        return psi_fail(err, PSI_USAGE, "pruning by %s: %zu samples of the training split's %zu",
                        name, input->samples, input->dataset->train.samples);
    if ((criterion->data || criterion->draws || spec->noise > 0) && !input->random)
        return psi_fail(err, PSI_USAGE, "pruning by %s: a random stream is needed", name);
    return PSI_OK;
}

static enum psi_status allocate(struct prune *prune, struct psi_error *err)
{
    size_t noisy = prune->spec->noise > 0 ? prune->weights : 0;
    prune->kept = psi_allocate(prune->parameters, sizeof *prune->kept, "pruning", err);
    prune->mask = psi_allocate(prune->weights, sizeof *prune->mask, "pruning", err);
    prune->score = psi_allocate(prune->weights, sizeof *prune->score, "scores of weights", err);
    prune->factor = psi_allocate(noisy, sizeof *prune->factor, "scores of weights", err);
    prune->pool = psi_allocate(prune->matrices + 1, sizeof *prune->pool, "pruning", err);
    if (!prune->kept || !prune->mask || !prune->score || !prune->factor || !prune->pool)
        return PSI_MEMORY;
    return PSI_OK;
}

/* Parameters are as found, but 0 where pruned. */
static void put_parameters(struct prune *prune)
{
    float *parameter = psi_network_parameter(prune->input->network);
    memcpy(parameter, prune->kept, prune->parameters * sizeof *parameter);
    for (size_t i = 0; i < prune->weights; i++)
        parameter[i] = prune->mask[i] ? parameter[i] : 0;
}

/* Pruned weights below all others, so that none comes back: those NaN, the others no longer. */
static enum psi_status fill_score(struct prune *prune, struct psi_error *err)
{
    enum psi_status status = prune->criterion->score(prune->input, prune->score, err);
    for (size_t i = 0; status == PSI_OK && i < prune->weights; i++) {
        double score = prune->score[i] * (prune->spec->noise > 0 ? prune->factor[i] : 1);
        prune->score[i] = !prune->mask[i] ? NAN : isnan(score) ? -INFINITY : score;
    }
    return status;
}

/* The survivors of a pool after a round: alive (target / alive)^(round / rounds). Rounded, but
 * never below what is to be left in the end. */
static double share_after(const struct psi_pool *pool, size_t round, size_t rounds)
{
    double alive = (double)pool->alive;
    if (pool->alive == 0 || round == rounds)
        return pool->alive ? pool->target : 0;
    return alive * pow(pool->target / alive, (double)round / (double)rounds);
}

static size_t kept_after(const struct psi_pool *pool, size_t round, size_t rounds)
{
    size_t share = (size_t)floor(share_after(pool, round, rounds) + 0.5);
    if (round == rounds || share < pool->keep)
        return pool->keep;
    return share < pool->alive ? share : pool->alive;
}

/* Selections of more and more weights contain each other, and so do their paths: the largest one
 * with at most `most` weights on a path is found by bisection, and those weights are the mask. */
static enum psi_status select_on_path(struct prune *prune, size_t alive, size_t most,
                                      struct psi_error *err)
{
    const struct psi_network *network = prune->input->network;
    size_t least = 0, end = alive + 1, count;
    enum psi_status status;
    while (end - least > 1) {
        size_t keep = least + (end - least) / 2;
        psi_mask_select(prune->score, prune->weights, keep, prune->mask);
        if ((status = psi_network_paths(network, prune->mask, NULL, NULL, &count, err)))
            return status;
        if (count <= most)
            least = keep;
        else
            end = keep;
    }
    psi_mask_select(prune->score, prune->weights, least, prune->mask);
    return psi_mask_trim(network, prune->mask, err);
}

static enum psi_status prune_round(struct prune *prune, size_t round, size_t rounds,
                                   struct psi_error *err)
{
    size_t alive = psi_mask_count(prune->mask, prune->weights), keep = 0;
    for (size_t i = 0; i < prune->pools; i++)
        keep += kept_after(&prune->pool[i], round, rounds);
    int trims = prune->spec->trimmed && round == rounds;
    if (keep >= alive && !trims) /* nothing to be removed */
        return PSI_OK;
    if (psi_progress_stop(prune->input->progress))
        return psi_fail(err, PSI_STOPPED, "pruning by %s: asked to stop", prune->criterion->name);
    put_parameters(prune);
    enum psi_status status = fill_score(prune, err);
    if (status != PSI_OK)
        return status;
    if (prune->criterion->structured)
        return psi_select_units(prune->input->network, prune->spec->scope, prune->score,
                                share_after(prune->pool, round, rounds), prune->mask, err);
    if (trims)
        return select_on_path(prune, alive, keep, err);
    for (size_t i = 0; i < prune->pools; i++) {
        const struct psi_pool *pool = &prune->pool[i];
        psi_mask_select(prune->score + pool->offset, pool->count, kept_after(pool, round, rounds),
                        prune->mask + pool->offset);
    }
    return PSI_OK;
}

static enum psi_status prune_rounds(struct prune *prune, struct psi_error *err)
{
    const struct psi_prune_spec *spec = prune->spec;
    size_t rounds = spec->rounds ? spec->rounds : prune->criterion->rounds;
    for (size_t i = 0; i < prune->weights; i++)
        prune->mask[i] = !spec->within || spec->within[i];
    enum psi_status status =
        psi_scope_pools(prune->input->network, spec, prune->mask, prune->pool, &prune->pools, err);
    /* exp(noise G), G = -ln(-ln u) */
    for (size_t i = 0; spec->noise > 0 && i < prune->weights; i++)
        prune->factor[i] = pow(-log(psi_random_uniform(prune->input->random)), -spec->noise);
    for (size_t round = 1; status == PSI_OK && round <= rounds; round++)
        status = prune_round(prune, round, rounds, err);
    return status;
}

enum psi_status psi_prune(const struct psi_prune_spec *spec, const struct psi_score_input *input,
                          uint8_t *mask, struct psi_error *err)
{
    struct prune prune = {.spec = spec,
                          .input = input,
                          .criterion = &psi_criteria[spec->criterion],
                          .weights = psi_network_weights(input->network),
                          .parameters = psi_network_parameters(input->network),
                          .matrices = psi_network_matrices(input->network)};
    enum psi_status status = check(spec, input, prune.criterion, err);
    if (status != PSI_OK)
        return status;
    if ((status = allocate(&prune, err)) != PSI_OK)
        goto out;
    float *parameter = psi_network_parameter(input->network);
    memcpy(prune.kept, parameter, prune.parameters * sizeof *parameter);
    status = prune_rounds(&prune, err);
    memcpy(parameter, prune.kept, prune.parameters * sizeof *parameter);
    if (status == PSI_OK)
        memcpy(mask, prune.mask, prune.weights);
out:
    free(prune.pool);
    free(prune.factor);
    free(prune.score);
    free(prune.mask);
    free(prune.kept);
    return status;
}
