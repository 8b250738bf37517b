/* The sparse part of the kernel contract: products with a matrix of which few entries survive.
 *
 * x (cols, batch), y (rows, batch), batch a multiple of PSI_LANES: one entry of the matrix is then
 * a few whole vectors of work. The entries of a pattern are numbered in the order in which they are
 * worked on. A panel is a group of columns whose x fits the first-level cache; a segment is one
 * row's entries within a panel. Sums run in the pattern's order, which follows from the mask alone.
 */
#ifndef PSISWEEP_NET_KERNEL_SPARSE_H
#define PSISWEEP_NET_KERNEL_SPARSE_H

#include <stddef.h>
#include <stdint.h>

enum {
    PSI_LANES = 16, /* floats of the widest vector, and of a cache line */
    PSI_TILE = 64   /* samples worked on at once: 4 AVX-512 or 8 AVX2 accumulators */
};

/* Entries from the end of the segment before to end - 1, all of one row. */
struct psi_segment {
    uint32_t row, end;
    uint8_t first, last; /* of its row's segments */
};

struct psi_pattern {
    size_t segments, entries;
    struct psi_segment *segment; /* (segments), owned */
    uint32_t *column;            /* (entries), owned */
    uint32_t *source;            /* (entries) where an entry's value lies; NULL = in order; owned */
};

struct psi_sparse_kernels {
    /* Of rows that have a segment: y = W x + bias (rows), then max(y, 0) if relu. Other rows of y
     * are left alone. */
    void (*multiply)(const struct psi_pattern *w, const float *value, const float *bias, int relu,
                     const float *x, size_t batch, float *y);

    /* Of columns that have a segment: dx = W' dy, dx += W' dy if add; w is the transposed pattern,
     * source and all. */
    void (*multiply_transposed)(const struct psi_pattern *w, const float *value, int add,
                                const float *dy, size_t batch, float *dx);

    /* The product dy x' (rows, cols) sampled at the entries: gradient (entries) = decay * gradient
     * + sum over the batch of dy[row] x[column]; decay = 0 ignores what it held. */
    void (*sample)(const struct psi_pattern *w, const float *dy, const float *x, size_t batch,
                   float decay, float *gradient);

    /* Of rows row[0 .. rows-1]: dy set to 0 where y is not above 0, if relu; then
     * gradient[row] = decay * gradient[row] + sum of dy over the batch; decay = 0 as above. */
    void (*bias_relu_backward)(const uint32_t *row, size_t rows, float *dy, const float *y,
                               size_t batch, int relu, float decay, float *gradient);
};

#endif
