/* Structured: units of dense layers and filters of convolutions by the L2 norm of their incoming
 * weights (Li et al. 2017, Pruning filters for efficient convnets, with L2 for their L1). So that
 * layers of other fan-ins and variances compare, norms are divided by their root mean square over
 * the layer's units (Molchanov et al. 2017 divide by the norm over them, which would
 * have wide layers go first). */
#include "score.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* score of all weights of a row = its norm / the layer's root mean square of norms */
enum psi_status psi_score_unit_norm(const struct psi_score_input *input, double *score,
                                    struct psi_error *err)
{
    (void)err;
    const float *weight = psi_network_parameter(input->network);
    for (size_t i = 0; i < psi_network_matrices(input->network); i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(input->network, i);
        double all = 0;
        for (size_t r = 0; r < matrix->rows; r++) {
            size_t first = matrix->offset + r * matrix->cols;
            double sum = 0;
            for (size_t c = first; c < first + matrix->cols; c++)
                sum += (double)weight[c] * (double)weight[c];
            for (size_t c = first; c < first + matrix->cols; c++)
                score[c] = sqrt(sum);
            all += sum / (double)matrix->rows;
        }
        for (size_t k = 0; k < matrix->rows * matrix->cols; k++)
            score[matrix->offset + k] /= all > 0 ? sqrt(all) : 1;
    }
    return PSI_OK;
}

struct unit {
    double score;
    size_t matrix, row;
};

static int by_rising_score(const void *left, const void *right)
{
    const struct unit *a = left, *b = right;
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    if (a->matrix != b->matrix) /* of equal ones the last goes first, as among weights */
        return a->matrix > b->matrix ? -1 : 1;
    return (a->row < b->row) - (a->row > b->row);
}

/* The units of matrix i, lowest first; a row without survivors scores below all others. */
static void list_units(const struct psi_network *network, size_t i, const double *score,
                       const uint8_t *mask, struct unit *unit)
{
    const struct psi_weight_matrix *matrix = psi_network_matrix(network, i);
    for (size_t r = 0; r < matrix->rows; r++) {
        unit[r] = (struct unit){-INFINITY, i, r};
        for (size_t c = 0; c < matrix->cols; c++) {
            size_t at = matrix->offset + r * matrix->cols + c;
            if (mask[at]) {
                unit[r].score = score[at];
                break;
            }
        }
    }
    qsort(unit, matrix->rows, sizeof *unit, by_rising_score);
}

static size_t clear(uint8_t *mask, size_t count)
{
    size_t cleared = psi_mask_count(mask, count);
    for (size_t i = 0; i < count; i++)
        mask[i] = 0;
    return cleared;
}

/* Take away a unit's inputs and outputs, the columns that read it: one in a dense layer after a
 * dense one, as many as it has pixels after a convolution, a window in a convolution. Returns the
 * number of survivors that were lost. */
static size_t remove_unit(const struct psi_network *network, const struct unit *unit, uint8_t *mask)
{
    const struct psi_weight_matrix *own = psi_network_matrix(network, unit->matrix);
    const struct psi_weight_matrix *next = psi_network_matrix(network, unit->matrix + 1);
    size_t wide = next->cols / own->rows;
    size_t lost = clear(mask + own->offset + unit->row * own->cols, own->cols);
    for (size_t r = 0; r < next->rows; r++)
        lost += clear(mask + next->offset + r * next->cols + unit->row * wide, wide);
    return lost;
}

/* How many of the units, taken in order, come nearest to target. */
static size_t count_units(const struct psi_network *network, const struct unit *unit, size_t units,
                          double target, size_t alive, uint8_t *mask)
{
    size_t best = 0;
    double distance = fabs((double)alive - target);
    for (size_t i = 0; i < units && (double)alive > target; i++) {
        alive -= remove_unit(network, &unit[i], mask);
        if (fabs((double)alive - target) < distance) {
            distance = fabs((double)alive - target);
            best = i + 1;
        }
    }
    return best;
}

enum psi_status psi_select_units(const struct psi_network *network, int scope, const double *score,
                                 double target, uint8_t *mask, struct psi_error *err)
{
    size_t weights = psi_network_weights(network), units = 0, hidden;
    hidden = psi_network_matrices(network) - 1;
    for (size_t i = 0; i < hidden; i++) {
        const struct psi_weight_matrix *own = psi_network_matrix(network, i);
        if (psi_network_matrix(network, i + 1)->cols % own->rows)
            return psi_fail(err, PSI_USAGE, "pruning units: layer %s is not read by the next alone",
                            own->name);
        units += own->rows;
    }
    struct unit *unit = psi_allocate(units, sizeof *unit, "units", err);
    uint8_t *trial = psi_allocate(weights, sizeof *trial, "units", err);
    enum psi_status status = PSI_MEMORY;
    if (!unit || !trial)
        goto out;
    struct unit *own = unit;
    for (size_t i = 0; i < hidden; i++) {
        size_t rows = psi_network_matrix(network, i)->rows;
        list_units(network, i, score, mask, own);
        for (size_t r = 0; scope == PSI_LAYER && r < rows; r++) /* its place in its layer */
            own[r].score = ((double)r + 0.5) / (double)rows;
        own += rows;
    }
    qsort(unit, units, sizeof *unit, by_rising_score);
    memcpy(trial, mask, weights);
    size_t count = count_units(network, unit, units, target, psi_mask_count(mask, weights), trial);
    for (size_t i = 0; i < count; i++)
        remove_unit(network, &unit[i], mask);
    status = PSI_OK;
out:
    free(trial);
    free(unit);
    return status;
}
