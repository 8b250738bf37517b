#include "psisweep/spectrum.h"

#include <math.h>

/* sum_i (sigma_i / sigma_1)^2: ratios, so that squares neither overflow nor vanish */
double psi_stable_rank(const double *value, size_t count)
{
    if (count == 0 || value[0] == 0)
        return 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double ratio = value[i] / value[0];
        sum += ratio * ratio;
    }
    return sum;
}

/* exp(-sum_i p_i log p_i), p_i = sigma_i^2 / sum sigma^2, 0 log 0 = 0 */
double psi_effective_rank(const double *value, size_t count)
{
    double total = psi_stable_rank(value, count);
    if (total == 0)
        return 0;
    double entropy = 0;
    for (size_t i = 0; i < count; i++) {
        double ratio = value[i] / value[0];
        double p = ratio * ratio / total;
        entropy -= p == 0 ? 0 : p * log(p);
    }
    return exp(entropy);
}
