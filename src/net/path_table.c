#include "compile.h"
#include "psisweep/kernel.h"

int psi_path_is_sparse(size_t rows, size_t cols, double density, double input_density, int level)
{
    (void)rows;
    (void)cols;
    (void)level;
    return density < (input_density < .5 ? .2 : .5);
}
