#define KERNEL
#define WIDE 4
#define BROADCAST(s) ((s) - (vector){0})
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
/* of 16 registers */
#define VECTORS 2
#define ROWS 4
#define COLUMNS 3
#include "kernel_body.h"

const struct psi_kernels *psi_kernels_portable(void)
{
    return &kernels;
}
