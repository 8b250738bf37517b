/* Matrices that several tests of the spectrum decompose; those of tests/ref/spectrum.py. */
#ifndef PSISWEEP_TESTS_SPECTRUM_MATRICES_H
#define PSISWEEP_TESTS_SPECTRUM_MATRICES_H

#include "psisweep/random.h"
#include <stddef.h>

enum { PATTERN_ROWS = 20, PATTERN_COLS = 13 };

/* w (PATTERN_ROWS, PATTERN_COLS), and what a fixed mask leaves of it */
static inline void fill_pattern(float *w, float *masked)
{
    for (int i = 0; i < PATTERN_ROWS; i++)
        for (int j = 0; j < PATTERN_COLS; j++) {
            int at = i * PATTERN_COLS + j;
            w[at] = (float)((i * 31 + j * 17 + i * j * 7) % 23 - 11);
            masked[at] = (i * 5 + j * 3 + i * i) % 4 == 0 ? w[at] : 0.0F;
        }
}

static inline void fill_normal(float *w, size_t count, struct psi_random *random)
{
    for (size_t i = 0; i < count; i++)
        w[i] = (float)psi_random_normal(random);
}

#endif
