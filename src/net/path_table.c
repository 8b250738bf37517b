#include "compile.h"
#include "psisweep/kernel.h"
#include "winograd.h"

#include <assert.h>

/* As `bench table` (tools/bench.c) prints it: batches of 60, gather, forward, backward and update,
 * random masks; AMD EPYC of family 25, model 17, OpenBLAS 0.3.21 (Cooperlake). Medians of some
 * runs, rounded down: a little too low costs little. It decides which sums are taken in which
 * order: another table, other bits. */

/* The share of non-zero pixels below which the lit path is faster than GEMM. OpenBLAS brings wide
 * vectors of its own, so that portable kernels never are. */
static const double lit_break_even[PSI_KERNEL_LEVELS][PSI_PATH_SIZES] = {
    [PSI_PORTABLE] = {0, 0, 0},
    [PSI_AVX2] = {0.15, 0.35, 0.50},
    [PSI_AVX512] = {0.15, 0.35, 0.50},
};

/* The density below which the sparse path is faster than both. */
static const double break_even[PSI_KERNEL_LEVELS][PSI_PATH_INPUTS][PSI_PATH_SIZES] = {
    [PSI_PORTABLE] = {{0.30, 0.30, 0.30}, {0.30, 0.20, 0.20}},
    [PSI_AVX2] = {{0.80, 0.75, 0.65}, {0.80, 0.35, 0.25}},
    [PSI_AVX512] = {{0.80, 0.75, 0.65}, {0.80, 0.35, 0.25}},
};

/* Winograd's on planes of 32 x 32 pixels; on 16 x 16, which caches hold, .30. */
static const double conv_break_even[PSI_KERNEL_LEVELS][PSI_PATH_CONVS] = {
    [PSI_PORTABLE] = {0.80, 0.30},
    [PSI_AVX2] = {0.40, 0.20},
    [PSI_AVX512] = {0.35, 0.20},
};

/* Weights of the largest layer of each size but the last; between those of the layers timed. */
static const size_t size_end[PSI_PATH_SIZES - 1] = {8192, 65536};

/* MNIST's share of lit pixels is .19, and GEMM leaves out a third of its inputs; where half of the
 * pixels are lit hardly any is dark in a whole batch. */
static const double dark_data = 0.4;

enum psi_path psi_path_of_dense(size_t rows, size_t cols, double density, double input_density,
                                int level)
{
    assert(level >= 0 && level < PSI_KERNEL_LEVELS);
    int size = 0, dark = input_density < dark_data;
    while (size + 1 < PSI_PATH_SIZES && rows * cols > size_end[size])
        size++;
    if (density < break_even[level][dark][size])
        return PSI_PATH_SPARSE;
    return dark && input_density < lit_break_even[level][size] ? PSI_PATH_LIT : PSI_PATH_DENSE;
}

int psi_path_conv_is_sparse(size_t kernel, size_t in, size_t out, double density, int level)
{
    assert(level >= 0 && level < PSI_KERNEL_LEVELS);
    struct psi_conv conv = {.kernel = kernel, .in = in, .out = out};
    int races = psi_winograd_pays(&conv, PSI_TILE) ? PSI_PATH_WINOGRAD : PSI_PATH_DIRECT;
    return density < conv_break_even[level][races];
}
