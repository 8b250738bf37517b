#include "psisweep/dynamic.h"
#include "psisweep/memory.h"
#include "psisweep/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct psi_rewire {
    struct psi_rewire_spec spec;
    struct psi_network *network;
    const struct psi_dataset *dataset;
    uint8_t *mask;
    uint64_t random_seed;
    const char *random_name;
    uint32_t *index;     /* (batch) samples of the gradient ... */
    uint8_t *label;      /* (batch) */
    float *dlogits;      /* (classes, batch) */
    float *gradient;     /* (parameters) */
    float *statistics;   /* (parameters - trained) as they were before its pass */
    uint32_t *candidate; /* (largest layer) its weights, the survivors first ... */
    double *score;       /* (largest layer) ... the magnitude each is judged by ... */
    uint8_t *chosen;     /* (largest layer) ... and whether it shall survive */
};

double psi_rewire_fraction(const struct psi_rewire_spec *spec, size_t step)
{
    const double pi = 3.14159265358979323846;
    if (step >= spec->end)
        return 0;
    return spec->fraction / 2 * (1 + cos(pi * (double)step / (double)spec->end));
}

static enum psi_status check(const struct psi_rewire_spec *spec, const struct psi_network *network,
                             struct psi_error *err)
{
    if (spec->interval < 1)
        return psi_fail(err, PSI_USAGE, "rewiring: an interval of at least 1 step expected");
    if (!(spec->fraction >= 0 && spec->fraction <= 1))
        return psi_fail(err, PSI_USAGE, "rewiring: a fraction of 0 to 1 expected, %g found",
                        spec->fraction);
    if (spec->batch < 1 || spec->batch > psi_network_max_batch(network))
        return psi_fail(err, PSI_USAGE, "rewiring: a batch of 1 to %zu expected, %zu found",
                        psi_network_max_batch(network), spec->batch);
    if (psi_network_weights(network) > UINT32_MAX)
        return psi_fail(err, PSI_USAGE, "rewiring: at most %u weights expected, %zu found",
                        UINT32_MAX, psi_network_weights(network));
    return PSI_OK;
}

enum psi_status psi_rewire_create(const struct psi_rewire_spec *spec, struct psi_network *network,
                                  const struct psi_dataset *dataset, uint8_t *mask,
                                  uint64_t random_seed, const char *random_name,
                                  struct psi_rewire **out, struct psi_error *err)
{
    const char *what = "rewiring";
    enum psi_status status = check(spec, network, err);
    if (status != PSI_OK)
        return status;
    struct psi_rewire *rewire = psi_allocate(1, sizeof *rewire, what, err);
    if (!rewire)
        return PSI_MEMORY;
    *rewire = (struct psi_rewire){.spec = *spec,
                                  .network = network,
                                  .dataset = dataset,
                                  .mask = mask,
                                  .random_seed = random_seed,
                                  .random_name = random_name};
    size_t largest = 0, parameters = psi_network_parameters(network);
    for (size_t i = 0; i < psi_network_matrices(network); i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, i);
        size_t size = matrix->rows * matrix->cols;
        largest = size > largest ? size : largest;
    }
    rewire->index = psi_allocate(spec->batch, sizeof *rewire->index, what, err);
    rewire->label = psi_allocate(spec->batch, 1, what, err);
    rewire->dlogits =
        psi_allocate(psi_network_classes(network) * spec->batch, sizeof(float), what, err);
    rewire->gradient = psi_allocate(parameters, sizeof(float), what, err);
    rewire->statistics =
        psi_allocate(parameters - psi_network_trained(network), sizeof(float), what, err);
    rewire->candidate = psi_allocate(largest, sizeof *rewire->candidate, what, err);
    rewire->score = psi_allocate(largest, sizeof *rewire->score, what, err);
    rewire->chosen = psi_allocate(largest, 1, what, err);
    if (!rewire->index || !rewire->label || !rewire->dlogits || !rewire->gradient ||
        !rewire->statistics || !rewire->candidate || !rewire->score || !rewire->chosen) {
        psi_rewire_destroy(rewire);
        return PSI_MEMORY;
    }
    *out = rewire;
    return PSI_OK;
}

void psi_rewire_destroy(struct psi_rewire *rewire)
{
    if (!rewire)
        return;
    free(rewire->chosen);
    free(rewire->score);
    free(rewire->candidate);
    free(rewire->statistics);
    free(rewire->gradient);
    free(rewire->dlogits);
    free(rewire->label);
    free(rewire->index);
    free(rewire);
}

/* The gradient by all weights, pruned ones too; running statistics stay as they were. */
static void compute_gradient(struct psi_rewire *rewire, struct psi_random *random)
{
    struct psi_network *network = rewire->network;
    const struct psi_split *split = &rewire->dataset->train;
    size_t batch = rewire->spec.batch, trained = psi_network_trained(network);
    size_t bytes = (psi_network_parameters(network) - trained) * sizeof(float);
    float *statistics = psi_network_parameter(network) + trained;
    for (size_t b = 0; b < batch; b++) {
        rewire->index[b] = psi_random_below(random, (uint32_t)split->samples);
        rewire->label[b] = split->label[rewire->index[b]];
    }
    memcpy(rewire->statistics, statistics, bytes);
    psi_network_gather(network, rewire->dataset, split, rewire->index, batch);
    psi_softmax_cross_entropy(psi_network_forward_training(network, batch), rewire->label,
                              psi_network_classes(network), batch, rewire->dlogits);
    psi_network_backward(network, batch, rewire->dlogits, 0, rewire->gradient);
    memcpy(statistics, rewire->statistics, bytes);
}

/* chosen = 1 for the `keep` of candidates first .. first+count-1 largest in |value|. Selection
 * gives ties to the first in the list, and the list is in random order. */
static void choose(struct psi_rewire *rewire, const float *value, size_t first, size_t count,
                   size_t keep, struct psi_random *random)
{
    uint32_t *candidate = rewire->candidate + first;
    double *score = rewire->score + first;
    psi_random_shuffle(random, candidate, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        score[i] = fabs((double)value[candidate[i]]);
    psi_mask_select(score, count, keep, rewire->chosen + first);
}

static void rewire_layer(struct psi_rewire *rewire, const struct psi_weight_matrix *matrix,
                         double fraction, struct psi_random *random)
{
    size_t size = matrix->rows * matrix->cols;
    size_t kept = psi_mask_count(rewire->mask + matrix->offset, size);
    size_t moved = (size_t)floor(fraction * (double)kept + 0.5);
    size_t survivors = 0, pruned = kept;
    moved = moved < size - kept ? moved : size - kept;
    if (moved == 0)
        return;
    for (size_t i = 0; i < size; i++) {
        size_t weight = matrix->offset + i;
        rewire->candidate[rewire->mask[weight] ? survivors++ : pruned++] = (uint32_t)weight;
    }
    choose(rewire, psi_network_parameter(rewire->network), 0, kept, kept - moved, random);
    choose(rewire, rewire->gradient, kept, size - kept, moved, random);
    for (size_t i = 0; i < size; i++)
        rewire->mask[rewire->candidate[i]] = rewire->chosen[i];
}

enum psi_status psi_rewire_step(void *context, size_t step, struct psi_optimizer_state *state,
                                struct psi_error *err)
{
    struct psi_rewire *rewire = context;
    struct psi_random random;
    double fraction = psi_rewire_fraction(&rewire->spec, step);
    (void)err;
    if (step == 0 || step % rewire->spec.interval != 0 || fraction == 0)
        return PSI_OK;
    psi_random_open(&random, rewire->random_seed, "%s/rewire=%zu", rewire->random_name, step);
    compute_gradient(rewire, &random);
    for (size_t i = 0; i < psi_network_matrices(rewire->network); i++)
        rewire_layer(rewire, psi_network_matrix(rewire->network, i), fraction, &random);
    psi_optimizer_mask(state, rewire->network, rewire->mask);
    return PSI_OK;
}
