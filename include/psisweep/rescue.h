/* Claim C2: what the rescue ladder brought back. Pure functions over the cells whose ladder has
 * ended. A cell is recovered by a rung that brings validation Psi to .5 (ladder.h); one without is
 * 'not recovered under this mask within budget B', B the largest one tried.
 */
#ifndef PSISWEEP_RESCUE_H
#define PSISWEEP_RESCUE_H

#include "psisweep/ladder.h"
#include "psisweep/measured.h"
#include "psisweep/record.h"
#include <stddef.h>
#include <stdint.h>

/* k of n, with the 95 % interval of Clopper and Pearson (Biometrika 26, 1934); NaN where n = 0. */
struct psi_share {
    size_t count, of;
    double low, high;
};
struct psi_share psi_share_of(size_t count, size_t of);

/* What became of some cells. */
struct psi_rescue_count {
    size_t cells;
    size_t recovered;             /* by a rung under the same mask */
    size_t rewire_tried, rewired; /* cells where connections were moved, and where that recovered */
    size_t regrow_tried, regrown; /* the same for all weights free */
    size_t kind[PSI_COLLAPSES];   /* cells by kind of collapse */
};

/* Cells of one arm and seed, or of all (PSI_ALL). Those that are disconnected count apart: no
 * training under their mask can bring them back, and none is tried. rung (measured->rungs) */
#define PSI_ALL SIZE_MAX
void psi_rescue_count(const struct psi_rung *rung, const struct psi_measured *measured, size_t arm,
                      size_t seed, struct psi_rescue_count *connected,
                      struct psi_rescue_count *disconnected);

/* Of the connected cells on which any of some rungs was tried, those that one of them recovered.
 * member (rungs) 1 = one of them. The ladder ends at the first success, so a rung is tried only
 * where cheaper ones have failed. */
struct psi_share psi_rescue_share(const struct psi_measured *measured, const uint8_t *member);

/* The contrast: each seed's share of connected cells that no rung under the same mask recovers.
 * share (seeds); NaN where a seed has no such cell. */
void psi_rescue_contrast(const struct psi_rung *rung, const struct psi_measured *measured,
                         double *share);

#endif
