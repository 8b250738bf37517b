/* Which cells an adaptive sweep computes: those that bracket each seed's F_min on the density axis.
 *
 * Decisions go in rounds. Each is a function of Psi of the cells asked for in the rounds before,
 * and of nothing else: rounds are replayed from the first one, so that what else a file holds, who
 * computed it and where a launch was interrupted change nothing. The steps of a seed:
 *
 * Search: the threshold is bisected on the grid's own densities. The first round spreads the seeds
 * over the axis, evenly in density^(-1/4), so thinly where cells are dear; later ones look where
 * the cells of all seeds say that it lies.
 *
 * Check: Psi need not fall monotonically. The grid's neighbours of the bracket are computed, one to
 * either side, one more for each contradiction, a recovered cell below the collapsed end. A
 * collapsed one above begins the search anew from there. Here, too, are the collapsed cells that a
 * ladder asks for.
 *
 * Narrow: when no seed has either left, what budget remains goes to the added densities. The
 * variance of the midpoints, on which the pooled interval stands, is that of the seeds plus
 * mean(w^2)/12, w a bracket's width; halving w gains w^2/16: the widest come first.
 *
 * Recheck: the neighbours on the whole axis, in the same way.
 *
 * A bracket between two regions that both look monotone is believed: an island of collapse far
 * above it is not seen. */
#ifndef PSISWEEP_ADAPTIVE_H
#define PSISWEEP_ADAPTIVE_H

#include "psisweep/job.h"
#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

enum psi_adaptive_state {
    PSI_ADAPTIVE_OPEN, /* not computed yet */
    PSI_ADAPTIVE_DONE, /* computed; Psi may be undefined (NaN), and then tells nothing */
    PSI_ADAPTIVE_LOST  /* given up */
};

/* One arm. Arrays are borrowed; (seeds, densities) where not said otherwise. */
struct psi_adaptive {
    size_t seeds, densities;
    const double *density; /* (densities) nominal, descending */
    size_t first;          /* index of the highest density asked for; a multiple of factor; from
                              `densities` on none is */
    size_t factor;         /* every factor-th density is the grid's own */
    size_t collapsed;      /* of the grid's own, from F_min down, so many collapsed are wanted */
    size_t budget;         /* cells of all seeds asked for at most */
    const double *psi;     /* where done */
    const uint8_t *state;  /* enum psi_adaptive_state */
};

/* That of an arm; psi and state are for the caller to set. */
struct psi_adaptive psi_adaptive_of(const struct psi_job *job, size_t arm);

/* Fills asked (seeds, densities): 1 = wanted now or in an earlier round. *open = how many of these
 * are PSI_ADAPTIVE_OPEN: they are the next round's. 0 = the sweep is complete, and what was not
 * asked for will not be. A seed that has lost more cells than it has usable ones, beyond one, is
 * left alone. Fails for lack of memory alone. */
enum psi_status psi_adaptive_next(const struct psi_adaptive *adaptive, uint8_t *asked, size_t *open,
                                  struct psi_error *err);

#endif
