/* The criteria's score functions, one file each; psi_criteria is their table. */
#ifndef PSISWEEP_PRUNE_SCORE_H
#define PSISWEEP_PRUNE_SCORE_H

#include "psisweep/prune.h"

enum psi_status psi_score_magnitude(const struct psi_score_input *input, double *score,
                                    struct psi_error *err);
enum psi_status psi_score_random(const struct psi_score_input *input, double *score,
                                 struct psi_error *err);

#endif
