/* The kernels, once, for every backend: plain loops that the compiler vectorises for whatever
 * KERNEL (an __attribute__((target(...))) or nothing) allows. The including file defines KERNEL.
 * Most are bound by memory, where nothing is won by hand. The Makefile's -fno-math-errno and
 * -fno-trapping-math are what lets Adam's square root and masked updates vectorise.
 */
#include "kernel.h"
#include "sparse_body.h"
#include "lit_body.h"
#include "conv_body.h"

#include <math.h>
#include <string.h>

enum {
    LANES = 16, /* floats of the widest vector */
    EDGE = 16,  /* bytes along the edge of a block that is transposed at once */
    TILE = 64,  /* samples gathered together */
    LINE = 64   /* bytes of a cache line */
};

typedef uint8_t bytes16 __attribute__((vector_size(16)));
/* PSI_BLOCK floats wherever floats may lie */
typedef float block4 __attribute__((vector_size(16), aligned(4), may_alias));

#ifdef __clang__
#define INTERLEAVE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define INTERLEAVE(a, b, ...) __builtin_shuffle(a, b, (bytes16){__VA_ARGS__})
#endif

/* Interleave row i with row i + 8: bit 3 of the row's number becomes bit 0 of the position in a
 * row, the rest move up. Four rounds transpose 16 x 16 bytes. Kept in registers and moved 16 bytes
 * at a time only: a wider copy waits for the stores that it spans. */
KERNEL static inline void interleave(const bytes16 *from, bytes16 *to)
{
    for (int i = 0; i < EDGE / 2; i++) {
        bytes16 a = from[i], b = from[i + EDGE / 2];
        to[2 * i] = INTERLEAVE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        to[2 * i + 1] =
            INTERLEAVE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
}

/* Bytes first .. first+wide-1 (at most 16) of 16 rows, as the columns of byte (16, TILE). */
KERNEL static inline void turn_block(const uint8_t *const *row, size_t first, size_t wide,
                                     uint8_t *byte)
{
    bytes16 block[EDGE], turned[EDGE];
    for (size_t s = 0; s < EDGE; s++) {
        if (wide == EDGE) {
            memcpy(&block[s], row[s] + first, EDGE);
        } else {
            block[s] = (bytes16){0};
            memcpy(&block[s], row[s] + first, wide);
        }
    }
    interleave(block, turned);
    interleave(turned, block);
    interleave(block, turned);
    interleave(turned, block);
    for (size_t f = 0; f < EDGE; f++)
        memcpy(byte + f * TILE, &block[f], EDGE);
}

/* seen (wide) |= bytes first .. first+wide-1 of every row. */
KERNEL static inline void see_block(const uint8_t *const *row, size_t samples, size_t wide,
                                    size_t first, uint8_t *seen)
{
    if (wide < EDGE) {
        for (size_t s = 0; s < samples; s++)
            for (size_t f = 0; f < wide; f++)
                seen[f] |= row[s][first + f];
        return;
    }
    bytes16 any, bytes;
    memcpy(&any, seen, EDGE);
    for (size_t s = 0; s < samples; s++) {
        memcpy(&bytes, row[s] + first, EDGE);
        any |= bytes;
    }
    memcpy(seen, &any, EDGE);
}

/* to (count) = (pixel (count) - mean) * scale, in steps that stay vectors to the end of a batch. */
KERNEL static inline void convert(const uint8_t *pixel, size_t count, float mean, float scale,
                                  float *to)
{
    size_t s = 0;
    for (; s + LANES <= count; s += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            to[s + lane] = ((float)pixel[s + lane] - mean) * scale;
    for (; s + PSI_BLOCK <= count; s += PSI_BLOCK)
        for (size_t lane = 0; lane < PSI_BLOCK; lane++)
            to[s + lane] = ((float)pixel[s + lane] - mean) * scale;
    for (; s < count; s++)
        to[s] = ((float)pixel[s] - mean) * scale;
}

/* How far a gather has come: rows of x written, and the channel of the last one. */
struct progress {
    size_t rows, channel;
};

static inline size_t row_length(const struct psi_gather *from)
{
    return from->selected ? from->inputs : from->channels * from->plane;
}

/* Where the next feature that is taken lies in a row; its end if there is none. */
static inline size_t next_taken(const struct psi_gather *from, size_t rows)
{
    if (!from->taken || from->selected)
        return rows;
    return rows < from->inputs ? from->taken[rows] : row_length(from);
}

/* Those at first .. first+wide-1 of a row that are taken, of byte (16, TILE), become the next rows
 * of x. */
KERNEL static inline struct progress convert_block(const struct psi_gather *from,
                                                   const uint8_t *byte, size_t first, size_t wide,
                                                   size_t samples, size_t stride, float *x,
                                                   struct progress at)
{
    for (size_t next; (next = next_taken(from, at.rows)) < first + wide; at.rows++) {
        size_t feature = from->taken ? from->taken[at.rows] : at.rows;
        while (feature >= (at.channel + 1) * from->plane)
            at.channel++;
        convert(byte + (next - first) * TILE, samples, from->mean[at.channel],
                1 / from->deviation[at.channel], x + at.rows * stride);
    }
    return at;
}

/* Rows lie at random in main memory: ask for the cache line that begins at `far`, if any of it is
 * taken; `ahead` is how many are taken before it. */
KERNEL static inline size_t prefetch_rows(const struct psi_gather *from, const uint8_t *const *row,
                                          size_t far, size_t ahead)
{
    size_t end = far + LINE < row_length(from) ? far + LINE : row_length(from), start = ahead;
    while (next_taken(from, ahead) < end)
        ahead++;
    for (size_t s = 0; ahead > start && s < TILE; s++)
        __builtin_prefetch(row[s] + far);
    return ahead;
}

/* Up to TILE samples at a time: rows are read along, and x is written along. */
KERNEL static void gather_tile(const struct psi_gather *from, const uint8_t *const *row,
                               size_t samples, size_t stride, float *x, uint8_t *seen)
{
    enum { AHEAD = 4 }; /* lines */
    size_t length = row_length(from), ahead = 0;
    struct progress at = {0, 0};
    for (size_t line = 0; line < AHEAD; line++)
        ahead = prefetch_rows(from, row, line * LINE, ahead);
    for (size_t first = 0; first < length; first += EDGE) {
        size_t wide = length - first < EDGE ? length - first : EDGE;
        if (first % LINE == 0)
            ahead = prefetch_rows(from, row, first + AHEAD * LINE, ahead);
        if (next_taken(from, at.rows) >= first + wide)
            continue;
        uint8_t byte[EDGE * TILE];
        for (size_t s = 0; s < samples; s += EDGE)
            turn_block(row + s, first, wide, byte + s);
        if (seen)
            see_block(row, samples, wide, first, seen + first);
        at = convert_block(from, byte, first, wide, samples, stride, x, at);
    }
}

KERNEL static void gather(const struct psi_gather *from, size_t batch, size_t stride, float *x,
                          uint8_t *seen)
{
    size_t length = row_length(from);
    if (seen)
        memset(seen, 0, length);
    for (size_t b = 0; b < stride; b += TILE) {
        size_t samples = stride - b < TILE ? stride - b : TILE;
        const uint8_t *row[TILE];
        for (size_t s = 0; s < TILE; s++) {
            size_t sample = b + s < batch ? b + s : batch - 1; /* the last row fills blocks up */
            row[s] = from->pixel + (from->index ? from->index[sample] : sample) * length;
        }
        gather_tile(from, row, samples, stride, x + b, seen);
    }
}

KERNEL static void pack(const struct psi_skip *skip, const float *w, size_t units, float *packed)
{
    const size_t live = skip->live, dead = skip->dead;
    const uint32_t *block = skip->block;
    const block4 *constant = (const block4 *)skip->constant;
    for (size_t u = 0; u < units; u++) {
        const block4 *row = (const block4 *)w + u * (live + dead);
        block4 *to = (block4 *)packed + u * (live + 1);
        for (size_t i = 0; i < live; i++)
            to[i] = row[block[i]];
        block4 even = {0}, odd = {0}; /* two sums, for one would wait for itself */
        size_t i = live;
        for (; i + 1 < live + dead; i += 2) {
            even += constant[block[i]] * row[block[i]];
            odd += constant[block[i + 1]] * row[block[i + 1]];
        }
        if (i < live + dead)
            even += constant[block[i]] * row[block[i]];
        even += odd;
        to[live] = (block4){(even[0] + even[1]) + (even[2] + even[3])};
    }
}

KERNEL static void unpack(const struct psi_skip *skip, const float *packed, size_t units,
                          float decay, float *gradient)
{
    const size_t live = skip->live, dead = skip->dead;
    const uint32_t *block = skip->block;
    const block4 *constant = (const block4 *)skip->constant;
    for (size_t u = 0; u < units; u++) {
        block4 *row = (block4 *)gradient + u * (live + dead);
        const block4 *from = (const block4 *)packed + u * (live + 1);
        if (decay == 0)
            memset(row, 0, (live + dead) * sizeof *row);
        for (size_t i = 0; i < live; i++)
            row[block[i]] = decay * row[block[i]] + from[i];
        float stand_in = from[live][0];
        for (size_t i = live; i < live + dead; i++)
            row[block[i]] = decay * row[block[i]] + constant[block[i]] * stand_in;
    }
}

KERNEL static void bias_relu(float *y, const float *bias, size_t units, size_t batch, int relu)
{
    for (size_t u = 0; u < units; u++, y += batch) {
        float shift = bias[u];
        if (relu)
            for (size_t b = 0; b < batch; b++) {
                float sum = y[b] + shift;
                y[b] = sum < 0 ? 0 : sum; /* a NaN stays one, so that a divergence shows */
            }
        else
            for (size_t b = 0; b < batch; b++)
                y[b] += shift;
    }
}

/* In 16 partial sums, so that it vectorises without leave to reorder. */
KERNEL static inline float row_sum(const float *row, size_t count)
{
    float part[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            part[lane] += row[i + lane];
    for (int lane = 0; i < count; i++, lane++)
        part[lane] += row[i];
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int lane = 0; lane < width; lane++)
            part[lane] += part[lane + width];
    return part[0];
}

KERNEL static void bias_relu_backward(float *dy, const float *y, size_t units, size_t batch,
                                      int relu, float decay, float *gradient)
{
    for (size_t u = 0; u < units; u++, dy += batch, y += batch) {
        if (relu)
            for (size_t b = 0; b < batch; b++)
                dy[b] = y[b] > 0 ? dy[b] : 0;
        float sum = row_sum(dy, batch);
        gradient[u] = decay == 0 ? sum : decay * gradient[u] + sum;
    }
}

KERNEL static void sgd(float *w, float *v, const uint8_t *mask, size_t count, float rate,
                       float weight_decay)
{
    if (!mask) {
        for (size_t i = 0; i < count; i++) {
            v[i] += weight_decay * w[i];
            w[i] -= rate * v[i];
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float velocity = v[i] + weight_decay * w[i];
        float weight = w[i] - rate * velocity;
        v[i] = mask[i] ? velocity : 0;
        w[i] = mask[i] ? weight : 0;
    }
}

KERNEL static void adam(float *restrict w, const float *restrict gradient, float *restrict m,
                        float *restrict v, const uint8_t *restrict mask, size_t count,
                        const struct psi_adam *adam)
{
    const struct psi_adam a = *adam;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] + a.weight_decay * w[i];
        float first = a.beta1 * m[i] + a.rest1 * g;
        float second = a.beta2 * v[i] + a.rest2 * (g * g);
        float weight = w[i] - a.rate * (first / (a.rescale * sqrtf(second) + a.epsilon));
        int kept = !mask || mask[i];
        m[i] = kept ? first : 0;
        v[i] = kept ? second : 0;
        w[i] = kept ? weight : 0;
    }
}

static const struct psi_kernels kernels = {.gather = gather,
                                           .pack = pack,
                                           .unpack = unpack,
                                           .bias_relu = bias_relu,
                                           .bias_relu_backward = bias_relu_backward,
                                           .sgd = sgd,
                                           .adam = adam,
                                           .sparse = &sparse_kernels,
                                           .lit = &lit_kernels,
                                           .conv = &conv_kernels};
