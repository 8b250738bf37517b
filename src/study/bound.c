#include "psisweep/bound.h"

#include <assert.h>
#include <math.h>

static double normalise(double accuracy, double accuracy_dense, double chance)
{
    return accuracy_dense > chance ? (accuracy - chance) / (accuracy_dense - chance) : NAN;
}

void psi_class_shares(const struct psi_split *split, size_t classes, double *share)
{
    size_t count[PSI_CLASSES_MAX] = {0};
    assert(classes <= PSI_CLASSES_MAX);
    for (size_t i = 0; i < split->samples; i++)
        count[split->label[i]]++;
    for (size_t c = 0; c < classes; c++)
        share[c] = (double)count[c] / (double)split->samples;
}

double psi_unreachable_bound(const uint8_t *reachable, const double *share, size_t classes,
                             double accuracy_dense, double chance)
{
    double sum = 0, largest = 0;
    for (size_t c = 0; c < classes; c++) {
        if (reachable[c])
            continue;
        sum += share[c];
        largest = share[c] > largest ? share[c] : largest;
    }
    return normalise(1 - (sum - largest), accuracy_dense, chance);
}

size_t psi_planted_lost(const struct psi_network *network, const struct psi_dataset *dataset,
                        const uint8_t *on_path)
{
    const struct psi_weight_matrix *first = psi_network_matrix(network, 0);
    size_t lost = 0;
    assert(first->cols == dataset->features); /* dense: a column is an input */
    for (int bit = 0; bit < PSI_PLANTED_BITS; bit++) {
        uint8_t used = 0;
        for (size_t row = 0; row < first->rows; row++)
            used |= on_path[first->offset + row * first->cols + dataset->needed[bit]];
        lost += !used;
    }
    return lost;
}

double psi_planted_bound(size_t lost, double accuracy_dense, double chance)
{
    return normalise(ldexp(1, -(int)lost), accuracy_dense, chance);
}
