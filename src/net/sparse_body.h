/* The sparse kernels, once, for every backend. The including file defines KERNEL, WIDTH (floats of
 * a vector), the types vec and whole (its integers), and on them
 *   multiply_add(a, b, c)   a b + c, fused where the processor can
 *   fold(a, b)              a and b added down to half a vector each, in any arrangement ...
 *   reduce_pairs(pair)      ... of which this makes the vector of the sums of a and b of pair[0],
 *                           a and b of pair[1], .. pair[WIDTH / 2 - 1]
 * which the compiler would not find: it may not fuse under -std=c17, and it does not transpose.
 */
#include "kernel_sparse.h"

#include <string.h>

enum {
    UNIT = PSI_LANES / WIDTH, /* vectors: a batch is a multiple of this many */
    CHUNK = 64                /* partial sums kept until vectors of sums are made of them: 4 KB */
};

/* The width of a tile is a constant wherever these are inlined, so that its sums stay in registers.
 */
#define INLINE KERNEL static inline __attribute__((always_inline))

INLINE vec load(const float *from)
{
    return *(const vec *)from;
}

INLINE void store(float *to, vec value)
{
    *(vec *)to = value;
}

/* Minus 0, for it leaves every value as it is, -0 too, and so compilers leave it out; plus 0 is an
 * addition. */
INLINE vec spread(float value)
{
    return value - (vec){0};
}

/* value where test is all ones, else 0 */
INLINE vec where(whole test, vec value)
{
    return (vec)((whole)value & test);
}

/* One tile of `wide` vectors. relu: a NaN stays one, so that a divergence shows. */
INLINE void multiply_tile(const struct psi_pattern *w, const float *value, const uint32_t *source,
                          const float *bias, int relu, int add, const float *x, size_t batch,
                          float *y, int wide)
{
    const uint32_t *column = w->column;
    const vec zero = {0};
    uint32_t k = 0;
    for (const struct psi_segment *s = w->segment, *end = s + w->segments; s < end; s++) {
        vec sum[PSI_TILE / WIDTH];
        float *to = y + s->row * batch;
        for (int v = 0; v < wide; v++)
            sum[v] = !s->first || add ? load(to + v * WIDTH) : spread(bias ? bias[s->row] : 0);
        for (; k < s->end; k++) {
            const float *from = x + column[k] * batch;
            vec factor = spread(value[source ? source[k] : k]);
            for (int v = 0; v < wide; v++)
                sum[v] = multiply_add(factor, load(from + v * WIDTH), sum[v]);
        }
        for (int v = 0; v < wide; v++)
            store(to + v * WIDTH, relu && s->last ? where(~(sum[v] < zero), sum[v]) : sum[v]);
    }
}

KERNEL static void sparse_multiply(const struct psi_pattern *w, const float *value,
                                   const float *bias, int relu, const float *x, size_t batch,
                                   float *y)
{
    for (size_t b = 0; b < batch; b += PSI_TILE, x += PSI_TILE, y += PSI_TILE)
        switch ((batch - b) / PSI_LANES) {
        case 1:
            multiply_tile(w, value, NULL, bias, relu, 0, x, batch, y, UNIT);
            break;
        case 2:
            multiply_tile(w, value, NULL, bias, relu, 0, x, batch, y, 2 * UNIT);
            break;
        case 3:
            multiply_tile(w, value, NULL, bias, relu, 0, x, batch, y, 3 * UNIT);
            break;
        default:
            multiply_tile(w, value, NULL, bias, relu, 0, x, batch, y, 4 * UNIT);
        }
}

KERNEL static void sparse_multiply_transposed(const struct psi_pattern *w, const float *value,
                                              int add, const float *dy, size_t batch, float *dx)
{
    for (size_t b = 0; b < batch; b += PSI_TILE, dy += PSI_TILE, dx += PSI_TILE)
        switch ((batch - b) / PSI_LANES) {
        case 1:
            multiply_tile(w, value, w->source, NULL, 0, add, dy, batch, dx, UNIT);
            break;
        case 2:
            multiply_tile(w, value, w->source, NULL, 0, add, dy, batch, dx, 2 * UNIT);
            break;
        case 3:
            multiply_tile(w, value, w->source, NULL, 0, add, dy, batch, dx, 3 * UNIT);
            break;
        default:
            multiply_tile(w, value, w->source, NULL, 0, add, dy, batch, dx, 4 * UNIT);
        }
}

/* gradient (count) = decay * gradient + the sums of count entries, two of them folded in each
 * vector of pair; entries up to the next multiple of WIDTH are numbers of no meaning. */
INLINE void add_sums(const vec *pair, size_t count, float decay, float *gradient)
{
    for (size_t i = 0; i < count; i += WIDTH) {
        vec sum = reduce_pairs(pair + i / 2), old = {0};
        if (count - i >= WIDTH) {
            if (decay != 0)
                sum = multiply_add(spread(decay), load(gradient + i), sum);
            store(gradient + i, sum);
        } else {
            size_t bytes = (count - i) * sizeof *gradient;
            if (decay != 0)
                memcpy(&old, gradient + i, bytes);
            sum = multiply_add(spread(decay), old, sum);
            memcpy(gradient + i, &sum, bytes);
        }
    }
}

/* The products of a tile of dy (in factor) and x, added down to one vector. */
INLINE vec dot(const vec *factor, const float *x, int wide)
{
    vec sum = factor[0] * load(x);
    for (int v = 1; v < wide; v++)
        sum = multiply_add(factor[v], load(x + v * WIDTH), sum);
    return sum;
}

/* Each entry's products are added down to one vector, and two of these at once to one of both; the
 * rest of the way is gone for a whole chunk of entries, wherever segments end. `odd` is the first
 * of a pair whose second comes with the next segment. */
INLINE void sample_tile(const struct psi_pattern *w, const float *dy, const float *x, size_t batch,
                        float decay, float *gradient, int wide)
{
    const uint32_t *column = w->column;
    vec pair[CHUNK / 2] = {{0}}, odd = {0};
    uint32_t k = 0, done = 0;
    for (const struct psi_segment *s = w->segment, *end = s + w->segments; s < end; s++) {
        vec factor[PSI_TILE / WIDTH];
        for (int v = 0; v < wide; v++)
            factor[v] = load(dy + s->row * batch + v * WIDTH);
        while (k < s->end) {
            uint32_t stop = s->end - done < CHUNK ? s->end : done + CHUNK;
            if ((k - done) % 2) {
                pair[(k - done) / 2] = fold(odd, dot(factor, x + column[k] * batch, wide));
                k++;
            }
            for (; k + 1 < stop; k += 2)
                pair[(k - done) / 2] = fold(dot(factor, x + column[k] * batch, wide),
                                            dot(factor, x + column[k + 1] * batch, wide));
            if (k < stop)
                odd = dot(factor, x + column[k++] * batch, wide);
            if (k - done == CHUNK) {
                add_sums(pair, CHUNK, decay, gradient + done);
                done = k;
            }
        }
    }
    if ((k - done) % 2)
        pair[(k - done) / 2] = fold(odd, odd);
    add_sums(pair, k - done, decay, gradient + done);
}

KERNEL static void sparse_sample(const struct psi_pattern *w, const float *dy, const float *x,
                                 size_t batch, float decay, float *gradient)
{
    for (size_t b = 0; b < batch; b += PSI_TILE, dy += PSI_TILE, x += PSI_TILE, decay = 1)
        switch ((batch - b) / PSI_LANES) {
        case 1:
            sample_tile(w, dy, x, batch, decay, gradient, UNIT);
            break;
        case 2:
            sample_tile(w, dy, x, batch, decay, gradient, 2 * UNIT);
            break;
        case 3:
            sample_tile(w, dy, x, batch, decay, gradient, 3 * UNIT);
            break;
        default:
            sample_tile(w, dy, x, batch, decay, gradient, 4 * UNIT);
        }
}

/* dy of one row, set to 0 where y is not above 0 if relu, added down to one vector. */
INLINE vec relu_row(float *dy, const float *y, size_t batch, int relu)
{
    const vec zero = {0};
    vec sum = zero;
    for (size_t b = 0; b < batch; b += WIDTH) {
        vec value = load(dy + b);
        if (relu) {
            value = where(load(y + b) > zero, value);
            store(dy + b, value);
        }
        sum += value;
    }
    return sum;
}

KERNEL static void sparse_bias_relu_backward(const uint32_t *row, size_t rows, float *dy,
                                             const float *y, size_t batch, int relu, float decay,
                                             float *gradient)
{
    vec part[WIDTH] = {{0}}, pair[WIDTH / 2];
    for (size_t first = 0; first < rows; first += WIDTH) {
        size_t count = rows - first < WIDTH ? rows - first : WIDTH;
        for (size_t i = 0; i < count; i++) {
            size_t at = row[first + i] * batch;
            part[i] = relu_row(dy + at, y + at, batch, relu);
        }
        for (size_t i = 0; i < WIDTH / 2; i++)
            pair[i] = fold(part[2 * i], part[2 * i + 1]);
        vec sum = reduce_pairs(pair);
        for (size_t i = 0; i < count; i++) {
            float *to = gradient + row[first + i];
            *to = decay == 0 ? sum[i] : decay * *to + sum[i];
        }
    }
}

static const struct psi_sparse_kernels sparse_kernels = {
    sparse_multiply, sparse_multiply_transposed, sparse_sample, sparse_bias_relu_backward};
