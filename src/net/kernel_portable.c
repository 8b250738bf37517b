#define KERNEL
#define WIDTH 4
/* of 16 registers */
#define VECTORS 2
#define ROWS 4
#define COLUMNS 3

typedef float vec __attribute__((vector_size(16), aligned(4), may_alias));
typedef int whole __attribute__((vector_size(16), aligned(4), may_alias));

static inline vec multiply_add(vec a, vec b, vec c)
{
    return a * b + c;
}

static inline vec reduce(const vec *part)
{
    vec sum;
    for (int i = 0; i < WIDTH; i++)
        sum[i] = (part[i][0] + part[i][2]) + (part[i][1] + part[i][3]);
    return sum;
}

#include "kernel_body.h"

const struct psi_kernels *psi_kernels_portable(void)
{
    return &kernels;
}
