/* The kernels of convolutions, once, for every backend. Besides what sparse_body.h asks for, the
 * including file defines
 *   VECTORS         convolve, multiply: PSI_GROUP x VECTORS sums are kept in registers
 *   ROWS, COLUMNS   weight_gradient: ROWS x COLUMNS sums are
 */
#include "conv_kernel.h"

#include <string.h>

KERNEL static void conv_tile(const float *x, size_t channels, size_t height, size_t width,
                             size_t pad, size_t stride, size_t lanes, float *tile)
{
    size_t wide = width + 2 * pad;
    for (size_t c = 0; c < channels; c++) {
        memset(tile, 0, pad * wide * PSI_TILE * sizeof *tile);
        tile += pad * wide * PSI_TILE;
        for (size_t y = 0; y < height; y++) {
            memset(tile, 0, pad * PSI_TILE * sizeof *tile);
            tile += pad * PSI_TILE;
            for (size_t i = 0; i < width; i++, x += stride, tile += PSI_TILE) {
                memcpy(tile, x, lanes * sizeof *tile);
                for (size_t b = lanes; b < PSI_TILE; b++)
                    tile[b] = 0;
            }
            memset(tile, 0, pad * PSI_TILE * sizeof *tile);
            tile += pad * PSI_TILE;
        }
        memset(tile, 0, pad * wide * PSI_TILE * sizeof *tile);
        tile += pad * wide * PSI_TILE;
    }
}

/* The part of a window that lies inside the image: rows or columns first .. end - 1 of it for the
 * output at `at`. */
struct span {
    size_t first, end;
};

KERNEL static inline struct span clip(size_t at, size_t kernel, size_t pad, size_t size)
{
    size_t room = size + pad - at; /* at <= size + 2 pad - kernel < size + pad */
    return (struct span){at < pad ? pad - at : 0, room < kernel ? room : kernel};
}

/* sum (PSI_GROUP, VECTORS) = the windows' products at one pixel; x and w at the window's origin in
 * channel 0, VECTORS * WIDTH lanes of x. */
KERNEL static inline void convolve_pixel(const struct psi_conv *conv, struct span ky,
                                         struct span kx, const float *x, const float *w,
                                         vec sum[PSI_GROUP][VECTORS])
{
    size_t row = conv->width * PSI_TILE, plane = conv->height * row;
    size_t wide = kx.end - kx.first;
    for (size_t o = 0; o < PSI_GROUP; o++)
        for (size_t v = 0; v < VECTORS; v++)
            sum[o][v] = (vec){0};
    for (size_t c = 0; c < conv->in; c++)
        for (size_t y = ky.first; y < ky.end; y++) {
            const float *at = x + c * plane + (y - ky.first) * row;
            const float *by = w + ((c * conv->kernel + y) * conv->kernel + kx.first) * PSI_GROUP;
            for (size_t i = 0; i < wide; i++, at += PSI_TILE, by += PSI_GROUP)
                for (size_t v = 0; v < VECTORS; v++) {
                    vec in = *(const vec *)(at + v * WIDTH);
                    for (size_t o = 0; o < PSI_GROUP; o++)
                        sum[o][v] = multiply_add(spread(by[o]), in, sum[o][v]);
                }
        }
}

/* y (lanes) = (add ? y : 0) + shift + sum (PSI_TILE), then max(y, 0) if relu */
KERNEL static inline void store_pixel(const float *sum, float shift, int relu, int add,
                                      size_t lanes, float *y)
{
    float value[PSI_TILE];
    for (size_t b = 0; b < PSI_TILE; b++)
        value[b] = sum[b] + shift;
    if (relu)
        for (size_t b = 0; b < PSI_TILE; b++)
            value[b] = value[b] < 0 ? 0 : value[b]; /* a NaN stays one, so that it shows */
    if (add)
        for (size_t b = 0; b < lanes; b++)
            y[b] += value[b];
    else
        memcpy(y, value, lanes * sizeof *y);
}

KERNEL static void conv_convolve(const struct psi_conv *conv, const float *x, const float *packed,
                                 const float *bias, int relu, int add, float *y, size_t stride,
                                 size_t lanes)
{
    size_t pixels = conv->out_height * conv->out_width;
    size_t weights = conv->in * conv->kernel * conv->kernel * PSI_GROUP;
    for (size_t p = 0; p < pixels; p++) {
        size_t oy = p / conv->out_width, ox = p % conv->out_width;
        struct span ky = clip(oy, conv->kernel, conv->pad, conv->height);
        struct span kx = clip(ox, conv->kernel, conv->pad, conv->width);
        const float *at =
            x + ((oy + ky.first - conv->pad) * conv->width + ox + kx.first - conv->pad) * PSI_TILE;
        for (size_t first = 0; first < conv->out; first += PSI_GROUP) {
            float sum[PSI_GROUP][PSI_TILE];
            const float *w = packed + first / PSI_GROUP * weights;
            for (size_t b = 0; b < lanes; b += VECTORS * WIDTH) {
                vec part[PSI_GROUP][VECTORS];
                convolve_pixel(conv, ky, kx, at + b, w, part);
                for (size_t o = 0; o < PSI_GROUP; o++)
                    for (size_t v = 0; v < VECTORS; v++)
                        *(vec *)&sum[o][b + v * WIDTH] = part[o][v];
            }
            for (size_t o = first; o < first + PSI_GROUP && o < conv->out; o++)
                store_pixel(sum[o - first], bias ? bias[o] : 0, relu, add, lanes,
                            y + (o * pixels + p) * stride);
        }
    }
}

KERNEL static inline float vector_sum(vec v)
{
    float part[WIDTH];
    memcpy(part, &v, sizeof part);
    for (size_t width = WIDTH / 2; width > 0; width /= 2)
        for (size_t lane = 0; lane < width; lane++)
            part[lane] += part[lane + width];
    return part[0];
}

/* sum (ROWS, COLUMNS) of dy[row] x[column] over all pixels and lanes; dy and x where each row and
 * column begins. */
KERNEL static inline void multiply_planes(const struct psi_conv *conv, const float *const *dy,
                                          const float *const *x, float sum[ROWS][COLUMNS])
{
    vec part[ROWS][COLUMNS] = {{{0}}};
    size_t wide = conv->out_width * PSI_TILE, step = (conv->width + 2 * conv->pad) * PSI_TILE;
    for (size_t oy = 0; oy < conv->out_height; oy++)
        for (size_t i = 0; i < wide; i += WIDTH) {
            vec in[COLUMNS];
            for (size_t c = 0; c < COLUMNS; c++)
                in[c] = *(const vec *)(x[c] + oy * step + i);
            for (size_t r = 0; r < ROWS; r++) {
                vec out = *(const vec *)(dy[r] + oy * wide + i);
                for (size_t c = 0; c < COLUMNS; c++)
                    part[r][c] = multiply_add(out, in[c], part[r][c]);
            }
        }
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLUMNS; c++)
            sum[r][c] = vector_sum(part[r][c]);
}

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

KERNEL static void conv_weight_gradient(const struct psi_conv *conv, const float *x,
                                        const float *dy, float decay, float *gradient)
{
    size_t kernel = conv->kernel, columns = conv->in * kernel * kernel;
    size_t high = conv->height + 2 * conv->pad, wide = conv->width + 2 * conv->pad;
    size_t plane = conv->out_height * conv->out_width * PSI_TILE;
    for (size_t row = 0; row < conv->out; row += ROWS)
        for (size_t column = 0; column < columns; column += COLUMNS) {
            /* what lies beyond the last row or column repeats it, and is left out */
            const float *from_dy[ROWS], *from_x[COLUMNS];
            float sum[ROWS][COLUMNS];
            for (size_t r = 0; r < ROWS; r++)
                from_dy[r] = dy + least(row + r, conv->out - 1) * plane;
            for (size_t c = 0; c < COLUMNS; c++) {
                size_t at = least(column + c, columns - 1), kx = at % kernel;
                size_t ky = at / kernel % kernel, in = at / kernel / kernel;
                from_x[c] = x + ((in * high + ky) * wide + kx) * PSI_TILE;
            }
            multiply_planes(conv, from_dy, from_x, sum);
            for (size_t r = row; r < row + ROWS && r < conv->out; r++)
                for (size_t c = column; c < column + COLUMNS && c < columns; c++) {
                    float *g = gradient + r * columns + c, own = sum[r - row][c - column];
                    *g = decay == 0 ? own : decay * *g + own;
                }
        }
}

#include "sparse_conv_body.h"
#include "winograd_body.h"

static const struct psi_conv_kernels conv_kernels = {
    .tile = conv_tile,
    .convolve = conv_convolve,
    .weight_gradient = conv_weight_gradient,
    .winograd_input = winograd_input,
    .winograd_output = winograd_output,
    .winograd_output_back = winograd_output_back,
    .winograd_input_back = winograd_input_back,
    .multiply = winograd_multiply,
    .sparse_convolve = sparse_convolve,
    .sparse_sample = sparse_conv_sample,
};
