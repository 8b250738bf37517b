/* LAMP (Lee, Park, Mo, Ahn & Shin 2021, Layer-adaptive sparsity for the magnitude-based pruning):
 * score = w^2 / sum of v^2 over the weights v of the layer with |v| >= |w|. A layer's largest
 * weights score highest of all, so that selection over the whole network leaves some of each. */
#include "score.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>

struct item {
    double square;
    size_t index;
};

static int by_falling_square(const void *left, const void *right)
{
    double a = ((const struct item *)left)->square, b = ((const struct item *)right)->square;
    return (a < b) - (a > b);
}

/* Weights of equal size share a score: the sum runs to the last of them. */
static void score_layer(const float *weight, size_t count, struct item *item, double *score)
{
    size_t numbers = 0;
    for (size_t i = 0; i < count; i++) {
        double square = (double)weight[i] * (double)weight[i];
        score[i] = NAN;
        if (!isnan(square))
            item[numbers++] = (struct item){square, i};
    }
    qsort(item, numbers, sizeof *item, by_falling_square);
    double sum = 0;
    for (size_t first = 0, end; first < numbers; first = end) {
        for (end = first; end < numbers && item[end].square == item[first].square; end++)
            sum += item[end].square;
        for (size_t i = first; i < end; i++)
            score[item[i].index] = sum > 0 ? item[i].square / sum : 0;
    }
}

enum psi_status psi_score_lamp(const struct psi_score_input *input, double *score,
                               struct psi_error *err)
{
    struct psi_network *network = input->network;
    struct item *item =
        psi_allocate(psi_network_weights(network), sizeof *item, "scores of weights", err);
    if (!item)
        return PSI_MEMORY;
    for (size_t i = 0; i < psi_network_matrices(network); i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, i);
        score_layer(psi_network_parameter(network) + matrix->offset, matrix->rows * matrix->cols,
                    item, score + matrix->offset);
    }
    free(item);
    return PSI_OK;
}
