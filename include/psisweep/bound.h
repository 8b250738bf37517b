/* What a mask alone forbids: the highest Psi that a network can reach whatever its parameters are.
 *
 * Psi = (A - A0) / (A_dense - A0), so a bound on the accuracy A is one on Psi. These hold for every
 * parameter, and so are no forecast: a network that does as well as its parent on what the mask
 * leaves ends lower, for the parent is not perfect either. NaN where A_dense is not above A0.
 */
#ifndef PSISWEEP_BOUND_H
#define PSISWEEP_BOUND_H

#include "psisweep/dataset.h"
#include "psisweep/network.h"
#include <stddef.h>
#include <stdint.h>

/* share (classes) = the part of a split's samples that each class is; NaN of an empty split. */
void psi_class_shares(const struct psi_split *split, size_t classes, double *share);

/* reachable (classes) as psi_network_paths gives it. An unreachable output's logit is its bias, so
 * the largest of those is the same for every sample: of all unreachable classes one alone, the
 * most frequent at best, is ever answered, and
 *     A <= 1 - (sum of unreachable shares - largest of them).
 * One unreachable class costs nothing. */
double psi_unreachable_bound(const uint8_t *reachable, const double *share, size_t classes,
                             double accuracy_dense, double chance);

/* The planted task: needed inputs without a weight on a path, given on_path (weights) of
 * psi_network_paths ... */
size_t psi_planted_lost(const struct psi_network *network, const struct psi_dataset *dataset,
                        const uint8_t *on_path);

/* ... and the bound they force. Each is a fair bit of the class that nothing else tells of, so
 * A <= 2^-lost in expectation over data sets. */
double psi_planted_bound(size_t lost, double accuracy_dense, double chance);

#endif
