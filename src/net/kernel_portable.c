#define KERNEL
#include "kernel_body.h"

const struct psi_kernels *psi_kernels_portable(void)
{
    return &kernels;
}
