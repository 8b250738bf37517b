#include "psisweep/causal.h"
#include "psisweep/memory.h"
#include "psisweep/prune.h"

#include <math.h>
#include <stdlib.h>

static const double norm_tolerance = .01, least_difference = .05; /* README, Definitions */

/* Has one row (step 1) or column (step cols) more survivors in A than in B, or fewer? */
static int line_differs(const uint8_t *a, const uint8_t *b, size_t count, size_t step)
{
    ptrdiff_t surplus = 0;
    for (size_t i = 0; i < count; i++)
        surplus += (ptrdiff_t)a[i * step] - (ptrdiff_t)b[i * step];
    return surplus != 0;
}

static int degrees_equal(const struct psi_weight_matrix *m, const uint8_t *a, const uint8_t *b)
{
    for (size_t r = 0; r < m->rows; r++)
        if (line_differs(a + r * m->cols, b + r * m->cols, m->cols, 1))
            return 0;
    for (size_t c = 0; c < m->cols; c++)
        if (line_differs(a + c, b + c, m->rows, m->cols))
            return 0;
    return 1;
}

static double squared_norm(const float *w, const uint8_t *mask, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += mask[i] ? (double)w[i] * w[i] : 0;
    return sum;
}

/* S_k of the matrix under a mask; pruned (rows, cols) is workspace */
static enum psi_status overlap(const float *w, const struct psi_modes *modes, size_t k,
                               const uint8_t *mask, float *pruned, double *value,
                               struct psi_error *err)
{
    struct psi_modes found;
    for (size_t i = 0; i < modes->rows * modes->cols; i++)
        pruned[i] = mask[i] ? w[i] : 0.0F;
    enum psi_status status =
        psi_modes_compute(pruned, modes->rows, modes->cols, k, NULL, &found, err);
    if (status)
        return status;
    *value = psi_support_overlap(modes, &found, k);
    psi_modes_clear(&found);
    return PSI_OK;
}

static enum psi_status match_layer(const struct psi_weight_matrix *m, const float *w,
                                   const struct psi_modes *modes, size_t k, const uint8_t *a,
                                   const uint8_t *b, struct psi_layer_match *match,
                                   struct psi_error *err)
{
    size_t size = m->rows * m->cols;
    double norm_a = squared_norm(w, a, size), norm_b = squared_norm(w, b, size);
    struct psi_layer_match found = {.degrees_equal = degrees_equal(m, a, b),
                                    .norm_ratio = norm_a == norm_b ? 1 : norm_a / norm_b,
                                    .overlap = {NAN, NAN}};
    enum psi_status status = PSI_OK;
    if (k > 0) {
        float *pruned = psi_allocate(size, sizeof *pruned, "pruned matrix", err);
        if (!pruned)
            return PSI_MEMORY;
        status = overlap(w, modes, k, a, pruned, &found.overlap[0], err);
        if (!status)
            status = overlap(w, modes, k, b, pruned, &found.overlap[1], err);
        free(pruned);
    }
    found.difference = found.overlap[0] - found.overlap[1];
    *match = found;
    return status;
}

enum psi_status psi_pair_match(const struct psi_network *network, const float *parameter,
                               const struct psi_modes *modes, const size_t *k, const uint8_t *a,
                               const uint8_t *b, struct psi_layer_match *layer,
                               struct psi_pair_match *match, struct psi_error *err)
{
    size_t weights = psi_network_weights(network), matrices = psi_network_matrices(network);
    size_t on_path[2];
    struct psi_pair_match found = {.degrees_equal = 1, .norm_ratio = 1, .difference = NAN};
    enum psi_status status;
    if ((status = psi_network_paths(network, a, NULL, NULL, &on_path[0], err)) ||
        (status = psi_network_paths(network, b, NULL, NULL, &on_path[1], err)))
        return status;
    for (size_t i = 0; i < matrices; i++) {
        const struct psi_weight_matrix *m = psi_network_matrix(network, i);
        status = match_layer(m, parameter + m->offset, &modes[i], k[i], a + m->offset,
                             b + m->offset, &layer[i], err);
        if (status)
            return status;
        layer[i].compared = k[i] > 0 && i + 1 < matrices;
        found.degrees_equal &= layer[i].degrees_equal;
        if (isnan(layer[i].norm_ratio) ||
            fabs(log(layer[i].norm_ratio)) > fabs(log(found.norm_ratio)))
            found.norm_ratio = layer[i].norm_ratio; /* NaN stays: it compares with nothing */
        if (layer[i].compared)
            found.difference = fmin(found.difference, layer[i].difference);
    }
    for (size_t i = 0; i < 2; i++)
        found.effective_density[i] = (double)on_path[i] / (double)weights;
    found.testable = found.degrees_equal && on_path[0] == on_path[1] &&
                     fabs(found.norm_ratio - 1) <= norm_tolerance &&
                     found.difference >= least_difference;
    *match = found;
    return PSI_OK;
}
