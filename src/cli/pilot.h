/* A timed pilot: a small real sample of a job on this machine, extrapolated to whole tasks.
 *
 * Dense parents and cells are trained on the first samples of every split alone, with all their
 * epochs: what is left out are steps and evaluated samples, in proportion, so that a task's time is
 * fixed + share * (what varies). The fixed part (masks, compiling, spectra) is done whole. Times
 * are processor time, which other processes on the machine lengthen little. Private to cli.
 */
#ifndef PSISWEEP_CLI_PILOT_H
#define PSISWEEP_CLI_PILOT_H

#include "cost.h"
#include "psisweep/trial.h"

struct psi_pilot {
    double seconds;      /* of processor time that it took */
    double parent_share; /* of the dense parent's samples that were trained on; 0 = not sampled */
    size_t cells;        /* sampled: an arm at a density */
    double cell_share;   /* of their samples, weighted by the cells' cost */
    double modes;        /* seconds that a rank needs for a dense parent's modes */
    double look;         /* seconds between two calls of the progress callback */
};

/* Samples what costs does not know yet, within about `budget` seconds: at least the fixed part of
 * one dense parent and of two cells an arm. study's splits are shortened meanwhile. */
enum psi_status psi_pilot_run(struct psi_study *study, double budget, struct psi_costs *costs,
                              struct psi_pilot *pilot, struct psi_error *err);

#endif
