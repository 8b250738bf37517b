/* What is measured of a cell's weight matrices. */
#include "trial_private.h"

#include <math.h>

/* Sum of (S_k - chance) / (1 - chance) over the layers where k means something: k >= 1 and
 * min(rows, cols) >= 2k, so that an overlap by chance stays well below 1. */
struct overlap_mean {
    double sum;
    size_t layers;
};

static double overlap_add(struct overlap_mean *mean, const struct psi_modes *dense,
                          const struct psi_modes *pruned, size_t k)
{
    if (k == 0)
        return NAN;
    double overlap = psi_support_overlap(dense, pruned, k);
    size_t rank = dense->rows < dense->cols ? dense->rows : dense->cols;
    if (rank >= 2 * k) {
        double chance = psi_overlap_chance(k, dense->rows, dense->cols);
        mean->sum += (overlap - chance) / (1.0 - chance);
        mean->layers++;
    }
    return overlap;
}

static double overlap_mean_value(const struct overlap_mean *mean)
{
    return mean->layers ? mean->sum / (double)mean->layers : NAN;
}

enum psi_status psi_trial_spectra(struct psi_trial *trial, enum psi_stage stage,
                                  struct psi_cell *cell, struct psi_error *err)
{
    const struct psi_parent *parent = trial->from->parent;
    const struct psi_network *network = trial->study->network;
    const float *parameter = psi_network_parameter(trial->study->network);
    size_t layers = psi_network_matrices(network);
    size_t modes = trial->study->layout.extent[PSI_AXIS_MODE];
    struct overlap_mean dominant = {0}, fixed = {0};
    int defined = 1;

    for (size_t i = 0; i < layers; i++) {
        const struct psi_weight_matrix *m = psi_network_matrix(network, i);
        const struct psi_modes *dense = &trial->from->modes->layer[i];
        const double *dense_value = parent->singular_value + i * modes;
        const float *w = parameter + m->offset;
        size_t at = (size_t)stage * layers + i; /* of (stages, layers) */
        double *value = cell->singular_value + at * modes;
        size_t rank = m->rows < m->cols ? m->rows : m->cols;
        size_t k = psi_parent_modes_used(trial->study, parent, i);
        size_t five = dense->k < PSI_FIXED_MODES ? dense->k : PSI_FIXED_MODES;
        struct psi_modes pruned = {0};

        enum psi_status status =
            psi_modes_compute(w, m->rows, m->cols, dense->k, value, &pruned, err);
        if (status)
            return status;
        if (k > dense->k)
            k = dense->k;
        cell->stable_rank[at] = psi_stable_rank(value, rank);
        cell->effective_rank[at] = psi_effective_rank(value, rank);
        if (isnan(
                value[0])) { /* a diverged matrix has no modes to compare; zeros have, none kept */
            defined = 0;
        } else {
            cell->overlap[at] = overlap_add(&dominant, dense, &pruned, k);
            cell->overlap_fixed[at] = overlap_add(&fixed, dense, &pruned, five);
            cell->energy[at] = k ? psi_retained_energy(dense, dense_value, w, k) : NAN;
        }
        psi_modes_clear(&pruned);
        if (psi_progress_stop(trial->progress))
            return psi_fail(err, PSI_STOPPED, "asked to stop");
    }
    cell->overlap_network[stage] = defined ? overlap_mean_value(&dominant) : NAN;
    cell->overlap_fixed_network[stage] = defined ? overlap_mean_value(&fixed) : NAN;
    return PSI_OK;
}
