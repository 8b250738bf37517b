#include "kernel.h"

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

/* [a0+a2 a1+a3 b0+b2 b1+b3] */
static inline vec fold(vec a, vec b)
{
    return (vec){a[0] + a[2], a[1] + a[3], b[0] + b[2], b[1] + b[3]};
}

static inline vec reduce_pairs(const vec *pair)
{
    vec p = pair[0], q = pair[1];
    return (vec){p[0] + p[1], p[2] + p[3], q[0] + q[1], q[2] + q[3]};
}

static inline vec low(vec a, vec b)
{
    return (vec){a[0], b[0], a[1], b[1]};
}

static inline vec high(vec a, vec b)
{
    return (vec){a[2], b[2], a[3], b[3]};
}

static inline vec load_first(const float *from, size_t count)
{
    vec value = {0};
    for (size_t i = 0; i < count; i++)
        value[i] = from[i];
    return value;
}

static inline void store_first(float *to, vec value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = value[i];
}

#include "kernel_body.h"

const struct psi_kernels *psi_kernels_portable(void)
{
    return &kernels;
}
