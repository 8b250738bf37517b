#include "psisweep/measured.h"
#include "psisweep/threshold.h"

#include <math.h>

size_t psi_measured_at(const struct psi_measured *measured, size_t arm, size_t seed, size_t density)
{
    return (arm * measured->seeds + seed) * measured->densities + density;
}

int psi_measured_has(const struct psi_measured *measured, size_t cell)
{
    return measured->finished[cell] && isfinite(measured->psi[cell]) &&
           isfinite(measured->psi_pruned[cell]);
}

int psi_measured_disconnected(const struct psi_measured *measured, size_t cell)
{
    return measured->bound[cell] < PSI_RECOVERED; /* an undefined bound is none */
}
