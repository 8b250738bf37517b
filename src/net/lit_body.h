/* The kernels for lit pixels, once, for every backend, on what sparse_body.h needs and defines and
 *   low(a, b), high(a, b)   [a0 b0 a1 b1 ..] of the first halves, of the second halves
 *   load_first(from, n)     the first n numbers of a vector, then zeros
 *   store_first(to, v, n)   writes the first n numbers, and no others
 */
#include "kernel_lit.h"

#include <string.h>

enum {
    LIT_VECTORS = PSI_LIT_PANEL / WIDTH,
    LIT_AHEAD = 4 /* rows of the gradient that are asked for before they are needed */
};

/* Units first .. of a layer that are worked on together: as many whole groups of PSI_LANES as the
 * panel has, the last of which may go beyond the layer's end. */
struct lit_panel {
    size_t units, groups;
};

static inline struct lit_panel lit_panel_at(size_t first, size_t units)
{
    size_t left = units - first, count = left < PSI_LIT_PANEL ? left : PSI_LIT_PANEL;
    return (struct lit_panel){count, (count + PSI_LANES - 1) / PSI_LANES};
}

/* Numbers of vector v that are units of the panel. */
INLINE size_t in_vector(const struct lit_panel *panel, int v)
{
    size_t before = (size_t)v * WIDTH, left = panel->units > before ? panel->units - before : 0;
    return left < WIDTH ? left : WIDTH;
}

/* Only the last group's vectors need to be asked how many of their numbers are units. */
INLINE vec load_units(const float *from, const struct lit_panel *panel, int v, int wide)
{
    from += v * WIDTH;
    return v < wide - UNIT ? load(from) : load_first(from, in_vector(panel, v));
}

INLINE void store_units(float *to, vec value, const struct lit_panel *panel, int v, int wide)
{
    to += v * WIDTH;
    if (v < wide - UNIT)
        store(to, value);
    else
        store_first(to, value, in_vector(panel, v));
}

/* Transpose (WIDTH, WIDTH): interleaving row i with row i + WIDTH / 2 moves the top bit of the
 * row's number to the bottom of the position's. */
INLINE void turn(vec *block)
{
    for (int round = 1; round < WIDTH; round *= 2) {
        vec from[WIDTH];
        for (int i = 0; i < WIDTH; i++)
            from[i] = block[i];
        for (int i = 0; i < WIDTH / 2; i++) {
            block[2 * i] = low(from[i], from[i + WIDTH / 2]);
            block[2 * i + 1] = high(from[i], from[i + WIDTH / 2]);
        }
    }
}

/* Bit i: byte i is not 0. Adding 127 carries into the top bit of every byte but 0, and the product
 * gathers the top bits. */
static inline uint64_t lit_bits(uint64_t bytes)
{
    const uint64_t rest = UINT64_C(0x7f7f7f7f7f7f7f7f), top = UINT64_C(0x8080808080808080);
    uint64_t lit = (((bytes & rest) + rest) | bytes) & top;
    return (lit >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

/* Bit i: pixel i of `wide`, at most 64, is lit. */
static inline uint64_t lit_mask(const uint8_t *pixel, size_t wide)
{
    uint64_t mask = 0, bytes;
    size_t f = 0;
    for (; f + sizeof bytes <= wide; f += sizeof bytes) {
        memcpy(&bytes, pixel + f, sizeof bytes);
        mask |= lit_bits(bytes) << f;
    }
    for (; f < wide; f++)
        mask |= (uint64_t)(pixel[f] != 0) << f;
    return mask;
}

/* l (wide) = scale * pixel */
KERNEL static inline void lit_values(const uint8_t *restrict pixel, const float *restrict scale,
                                     size_t wide, float *restrict l)
{
    for (size_t f = 0; f < wide; f++)
        l[f] = (float)pixel[f] * scale[f];
}

/* A tile's entries by sample, from entry number `at` on; count (wide) of each pixel. */
KERNEL static uint32_t list_samples(const uint8_t *pixel, const uint32_t *index, size_t first,
                                    size_t wide, struct psi_lit_input *in, uint32_t *end,
                                    uint32_t at, uint32_t *count)
{
    const size_t inputs = in->inputs, samples = in->samples;
    const float *scale = in->scale + first;
    struct psi_lit_entry *to = in->by_sample;
    for (size_t s = 0; s < samples; s++) {
        const uint8_t *row = pixel + (index ? index[s] : s) * inputs + first;
        float l[PSI_LIT_TILE];
        __builtin_prefetch(row + PSI_LIT_TILE);
        uint64_t mask = lit_mask(row, wide);
        if (!mask) {
            end[s] = at;
            continue;
        }
        lit_values(row, scale, wide, l);
        for (; mask; mask &= mask - 1) {
            uint32_t f = (uint32_t)__builtin_ctzll(mask);
            count[f]++;
            to[at++] = (struct psi_lit_entry){f, l[f]};
        }
        end[s] = at;
    }
    return at;
}

KERNEL static void lit_list(const uint8_t *pixel, const uint32_t *index, size_t samples,
                            struct psi_lit_input *in)
{
    const size_t inputs = in->inputs;
    struct psi_lit_entry *by_pixel = in->by_pixel;
    uint32_t *end = in->sample_end, at = 0, start = 0;
    in->samples = samples;
    for (size_t first = 0; first < inputs; first += PSI_LIT_TILE, end += samples) {
        size_t wide = inputs - first < PSI_LIT_TILE ? inputs - first : PSI_LIT_TILE;
        uint32_t next[PSI_LIT_TILE] = {0}; /* counts, then where a pixel's next entry goes */
        const struct psi_lit_entry *entry = in->by_sample + at;
        at = list_samples(pixel, index, first, wide, in, end, at, next);
        for (size_t f = 0; f < wide; f++) {
            uint32_t count = next[f];
            next[f] = start;
            in->pixel_end[first + f] = start += count;
        }
        for (uint32_t s = 0; s < samples; s++)
            for (const struct psi_lit_entry *stop = in->by_sample + end[s]; entry < stop; entry++)
                by_pixel[next[entry->at]++] = (struct psi_lit_entry){s, entry->value};
    }
}

/* tile (pixels, wide vectors) from w (pixels, units), and base += W c. */
INLINE void pack_tile(const float *w, size_t units, const struct lit_panel *panel,
                      const float *constant, size_t pixels, float *tile, float *base, int wide)
{
    vec sum[LIT_VECTORS];
    for (int v = 0; v < wide; v++)
        sum[v] = load(base + v * WIDTH);
    for (size_t p = 0; p < pixels; p++, w += units, tile += wide * WIDTH)
        for (int v = 0; v < wide; v++) {
            vec weight = load_units(w, panel, v, wide);
            sum[v] = multiply_add(spread(constant[p]), weight, sum[v]);
            store(tile + v * WIDTH, weight);
        }
    for (int v = 0; v < wide; v++)
        store(base + v * WIDTH, sum[v]);
}

/* sum (samples, wide vectors) += l by w, and base (wide vectors) += W c. */
INLINE void multiply_panel(const struct psi_lit_input *in, const float *w, size_t units,
                           const struct lit_panel *panel, float *base, float *tile, float *sums,
                           int wide)
{
    const uint32_t *end = in->sample_end;
    const size_t stride = (size_t)(wide * WIDTH);
    uint32_t k = 0;
    for (size_t first = 0; first < in->inputs; first += PSI_LIT_TILE, end += in->samples) {
        size_t left = in->inputs - first, pixels = left < PSI_LIT_TILE ? left : PSI_LIT_TILE;
        pack_tile(w + first * units, units, panel, in->constant + first, pixels, tile, base, wide);
        for (size_t s = 0; s < in->samples; s++) {
            vec sum[LIT_VECTORS];
            if (k == end[s])
                continue;
            for (int v = 0; v < wide; v++)
                sum[v] = load(sums + s * stride + v * WIDTH);
            for (; k < end[s]; k++) {
                const float *from = tile + in->by_sample[k].at * stride;
                vec factor = spread(in->by_sample[k].value);
                for (int v = 0; v < wide; v++)
                    sum[v] = multiply_add(factor, load(from + v * WIDTH), sum[v]);
            }
            for (int v = 0; v < wide; v++)
                store(sums + s * stride + v * WIDTH, sum[v]);
        }
    }
}

/* y (units of the panel, batch) = base + sums (batch, stride)', then max(y, 0) if relu. */
KERNEL static void write_panel(const float *sums, const struct lit_panel *panel, const float *base,
                               int relu, size_t batch, float *y)
{
    const vec zero = {0};
    const size_t stride = panel->groups * PSI_LANES;
    for (size_t u = 0; u < panel->units; u += WIDTH)
        for (size_t b = 0; b < batch; b += WIDTH) {
            vec block[WIDTH];
            for (size_t i = 0; i < WIDTH; i++) {
                vec sum = load(sums + (b + i) * stride + u) + load(base + u);
                block[i] = relu ? where(~(sum < zero), sum) : sum;
            }
            turn(block);
            for (size_t i = 0; i < WIDTH && u + i < panel->units; i++)
                store(y + (u + i) * batch + b, block[i]);
        }
}

KERNEL static void lit_multiply(const struct psi_lit_input *in, const float *w, const float *bias,
                                size_t units, int relu, size_t batch, float *work, float *y)
{
    float *base = work, *tile = base + PSI_LIT_PANEL, *sums = tile + PSI_LIT_TILE * PSI_LIT_PANEL;
    for (size_t u = 0; u < units; u += PSI_LIT_PANEL) {
        const struct lit_panel panel = lit_panel_at(u, units);
        memset(base, 0, PSI_LIT_PANEL * sizeof *base);
        memcpy(base, bias + u, panel.units * sizeof *base);
        memset(sums, 0, batch * panel.groups * PSI_LANES * sizeof *sums);
        switch (panel.groups) {
        case 1:
            multiply_panel(in, w + u, units, &panel, base, tile, sums, UNIT);
            break;
        case 2:
            multiply_panel(in, w + u, units, &panel, base, tile, sums, 2 * UNIT);
            break;
        case 3:
            multiply_panel(in, w + u, units, &panel, base, tile, sums, 3 * UNIT);
            break;
        case 4:
            multiply_panel(in, w + u, units, &panel, base, tile, sums, 4 * UNIT);
            break;
        default:
            multiply_panel(in, w + u, units, &panel, base, tile, sums, 5 * UNIT);
        }
        write_panel(sums, &panel, base, relu, batch, y + u * batch);
    }
}

/* turned (batch, stride) = dy (units of the panel, batch)', and sum (stride) over the batch. */
KERNEL static void read_panel(const float *dy, const struct lit_panel *panel, size_t batch,
                              float *turned, float *sum)
{
    const size_t stride = panel->groups * PSI_LANES;
    for (size_t u = 0; u < stride; u += WIDTH) {
        vec all = {0};
        for (size_t b = 0; b < batch; b += WIDTH) {
            vec block[WIDTH];
            for (size_t i = 0; i < WIDTH; i++)
                block[i] = u + i < panel->units ? load(dy + (u + i) * batch + b) : (vec){0};
            turn(block);
            for (size_t i = 0; i < WIDTH; i++) {
                all += block[i];
                store(turned + (b + i) * stride + u, block[i]);
            }
        }
        store(sum + u, all);
    }
}

INLINE void accumulate_panel(const struct psi_lit_input *in, const float *turned, const float *sum,
                             size_t units, const struct lit_panel *panel, float decay,
                             float *gradient, int wide)
{
    const size_t stride = (size_t)(wide * WIDTH);
    uint32_t k = 0;
    for (size_t p = 0; p < in->inputs; p++, gradient += units) {
        vec add[LIT_VECTORS];
        for (int v = 0; v < wide; v++) {
            __builtin_prefetch(gradient + LIT_AHEAD * units + v * WIDTH, 1);
            add[v] = spread(in->constant[p]) * load(sum + v * WIDTH);
        }
        for (; k < in->pixel_end[p]; k++) {
            const float *from = turned + in->by_pixel[k].at * stride;
            vec factor = spread(in->by_pixel[k].value);
            for (int v = 0; v < wide; v++)
                add[v] = multiply_add(factor, load(from + v * WIDTH), add[v]);
        }
        for (int v = 0; v < wide; v++) {
            if (decay != 0)
                add[v] = multiply_add(spread(decay), load_units(gradient, panel, v, wide), add[v]);
            store_units(gradient, add[v], panel, v, wide);
        }
    }
}

KERNEL static void lit_accumulate(const struct psi_lit_input *in, const float *dy, size_t units,
                                  size_t batch, float decay, float *work, float *gradient)
{
    float *sum = work, *turned = sum + PSI_LIT_PANEL;
    for (size_t u = 0; u < units; u += PSI_LIT_PANEL) {
        const struct lit_panel panel = lit_panel_at(u, units);
        read_panel(dy + u * batch, &panel, batch, turned, sum);
        switch (panel.groups) {
        case 1:
            accumulate_panel(in, turned, sum, units, &panel, decay, gradient + u, UNIT);
            break;
        case 2:
            accumulate_panel(in, turned, sum, units, &panel, decay, gradient + u, 2 * UNIT);
            break;
        case 3:
            accumulate_panel(in, turned, sum, units, &panel, decay, gradient + u, 3 * UNIT);
            break;
        case 4:
            accumulate_panel(in, turned, sum, units, &panel, decay, gradient + u, 4 * UNIT);
            break;
        default:
            accumulate_panel(in, turned, sum, units, &panel, decay, gradient + u, 5 * UNIT);
        }
    }
}

static const struct psi_lit_kernels lit_kernels = {lit_list, lit_multiply, lit_accumulate};
