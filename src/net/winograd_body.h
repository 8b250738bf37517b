/* The kernels of Winograd's F(2 x 2, 3 x 3), once, for every backend; see winograd.c for what they
 * are together. Part of conv_body.h.
 *
 * A tile of 4 x 4 inputs is read where it lies, 64 samples of it. Of fewer samples, at least WIDTH,
 * the last vector ends with the last sample and begins among those of the vector before: what is
 * computed twice is the same twice. Where samples are summed over, the second time is set to 0
 * (winograd_output_back), and where it is added, too. */

enum { EDGE4 = 4, PLACES = EDGE4 * EDGE4 };

static const float winograd_zeros[PSI_TILE];

/* Where vector number v begins among the samples. */
static inline size_t sample_of(size_t v, size_t lanes)
{
    return (v + 1) * WIDTH <= lanes ? v * WIDTH : lanes - WIDTH;
}

static inline size_t vectors_of(size_t lanes)
{
    return (lanes + WIDTH - 1) / WIDTH;
}

/* The pixels of tile (ty, tx): rows and columns y .. y + edge - 1 of a plane (height, width);
 * -1 outside. */
static inline void winograd_pixels(ptrdiff_t y, ptrdiff_t x, size_t edge, size_t height,
                                   size_t width, ptrdiff_t *pixel)
{
    for (size_t i = 0; i < edge * edge; i++) {
        ptrdiff_t row = y + (ptrdiff_t)(i / edge), column = x + (ptrdiff_t)(i % edge);
        int inside =
            row >= 0 && row < (ptrdiff_t)height && column >= 0 && column < (ptrdiff_t)width;
        pixel[i] = inside ? row * (ptrdiff_t)width + column : -1;
    }
}

/* out = B' in, each a row of four: B' = (1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1) */
#define INPUT_ROW(out, in, s)                                                               \
    out[0] = in[0] - in[2 * s], out[s] = in[s] + in[2 * s], out[2 * s] = in[2 * s] - in[s], \
    out[3 * s] = in[s] - in[3 * s]
/* out = B in */
#define INPUT_BACK_ROW(out, in, s)                          \
    out[0] = in[0], out[s] = in[s] - in[2 * s] + in[3 * s], \
    out[2 * s] = in[s] + in[2 * s] - in[0], out[3 * s] = -in[3 * s]

/* v (16, in, step): V = B' d B of the tile's inputs d, in lanes 0 .. PSI_TILE - 1 of each row; 0 in
 * vectors without a sample. */
KERNEL static void winograd_input(const struct psi_conv *conv, const float *x, size_t stride,
                                  size_t lanes, size_t ty, size_t tx, float *v, size_t step)
{
    ptrdiff_t pixel[PLACES], pad = (ptrdiff_t)conv->pad;
    winograd_pixels(2 * (ptrdiff_t)ty - pad, 2 * (ptrdiff_t)tx - pad, EDGE4, conv->height,
                    conv->width, pixel);
    for (size_t c = 0; c < conv->in; c++) {
        const float *plane = x + c * conv->height * conv->width * stride, *from[PLACES];
        for (size_t k = 0; k < PLACES; k++)
            from[k] = pixel[k] < 0 ? winograd_zeros : plane + (size_t)pixel[k] * stride;
        for (size_t i = 0; i < PSI_TILE / WIDTH; i++) {
            vec d[PLACES] = {{0}}, t[PLACES];
            size_t at = i < vectors_of(lanes) ? sample_of(i, lanes) : 0;
            for (size_t k = 0; k < PLACES && i < vectors_of(lanes); k++)
                d[k] = *(const vec *)(from[k] + at);
            for (size_t k = 0; k < EDGE4; k++)
                INPUT_ROW((t + k), (d + k), EDGE4);
            for (size_t k = 0; k < EDGE4; k++)
                INPUT_ROW((d + EDGE4 * k), (t + EDGE4 * k), 1);
            for (size_t k = 0; k < PLACES; k++)
                *(vec *)(v + (k * conv->in + c) * step + i * WIDTH) = d[k];
        }
    }
}

/* dx (in, height, width, stride) += B dV B' of the tile; = where no tile before in raster order has
 * written and add is 0. Last vec first, for it may hold zeros for samples of the one before. */
KERNEL static void winograd_input_back(const struct psi_conv *conv, const float *v, size_t step,
                                       size_t ty, size_t tx, int add, float *dx, size_t stride,
                                       size_t lanes)
{
    ptrdiff_t pixel[PLACES], pad = (ptrdiff_t)conv->pad;
    winograd_pixels(2 * (ptrdiff_t)ty - pad, 2 * (ptrdiff_t)tx - pad, EDGE4, conv->height,
                    conv->width, pixel);
    for (size_t c = 0; c < conv->in; c++)
        for (size_t i = vectors_of(lanes); i-- > 0;) {
            vec d[PLACES], t[PLACES];
            for (size_t k = 0; k < PLACES; k++)
                d[k] = *(const vec *)(v + (k * conv->in + c) * step + i * WIDTH);
            for (size_t k = 0; k < EDGE4; k++)
                INPUT_BACK_ROW((t + k), (d + k), EDGE4);
            for (size_t k = 0; k < EDGE4; k++)
                INPUT_BACK_ROW((d + EDGE4 * k), (t + EDGE4 * k), 1);
            float *plane = dx + c * conv->height * conv->width * stride + sample_of(i, lanes);
            for (size_t k = 0; k < PLACES; k++) {
                if (pixel[k] < 0)
                    continue;
                vec *to = (vec *)(plane + (size_t)pixel[k] * stride);
                int again = add || (k / EDGE4 < 2 && ty > 0) || (k % EDGE4 < 2 && tx > 0);
                if (again)
                    d[k] += *to;
                *to = d[k];
            }
        }
}

/* y of the tile = A' M A + bias, then max(y, 0) if relu; m (16, out, PSI_TILE);
 * A' = (1 1 1 0; 0 1 -1 -1). */
KERNEL static void winograd_output(const struct psi_conv *conv, const float *m, const float *bias,
                                   int relu, size_t ty, size_t tx, float *y, size_t stride,
                                   size_t lanes)
{
    ptrdiff_t pixel[4];
    winograd_pixels(2 * (ptrdiff_t)ty, 2 * (ptrdiff_t)tx, 2, conv->out_height, conv->out_width,
                    pixel);
    for (size_t o = 0; o < conv->out; o++)
        for (size_t i = 0; i < vectors_of(lanes); i++) {
            vec d[PLACES], t[2 * EDGE4], out[4], shift = spread(bias ? bias[o] : 0);
            for (size_t k = 0; k < PLACES; k++)
                d[k] = *(const vec *)(m + (k * conv->out + o) * PSI_TILE + i * WIDTH);
            for (size_t k = 0; k < EDGE4; k++) {
                t[k] = d[k] + d[4 + k] + d[8 + k];
                t[4 + k] = d[4 + k] - d[8 + k] - d[12 + k];
            }
            for (size_t k = 0; k < 2; k++) {
                out[2 * k] = t[4 * k] + t[4 * k + 1] + t[4 * k + 2] + shift;
                out[2 * k + 1] = t[4 * k + 1] - t[4 * k + 2] - t[4 * k + 3] + shift;
            }
            float *plane = y + o * conv->out_height * conv->out_width * stride;
            for (size_t k = 0; k < 4; k++) {
                if (relu)
                    out[k] = (vec)((whole)out[k] & ~(out[k] < 0)); /* a NaN stays one */
                if (pixel[k] >= 0)
                    *(vec *)(plane + (size_t)pixel[k] * stride + sample_of(i, lanes)) = out[k];
            }
        }
}

/* m (16, out, step): dM = A dy A' of the tile; every sample once, 0 in all other lanes. */
KERNEL static void winograd_output_back(const struct psi_conv *conv, const float *dy, size_t stride,
                                        size_t lanes, size_t ty, size_t tx, float *m, size_t step)
{
    ptrdiff_t pixel[4];
    float once[WIDTH]; /* of the last vector: 0 for samples of the one before */
    winograd_pixels(2 * (ptrdiff_t)ty, 2 * (ptrdiff_t)tx, 2, conv->out_height, conv->out_width,
                    pixel);
    for (size_t b = 0; b < WIDTH; b++)
        once[b] = b >= vectors_of(lanes) * WIDTH - lanes;
    for (size_t o = 0; o < conv->out; o++)
        for (size_t i = 0; i < PSI_TILE / WIDTH; i++) {
            const float *plane = dy + o * conv->out_height * conv->out_width * stride;
            vec d[4] = {{0}}, t[8];
            for (size_t k = 0; k < 4 && i < vectors_of(lanes); k++) {
                if (pixel[k] >= 0)
                    d[k] = *(const vec *)(plane + (size_t)pixel[k] * stride + sample_of(i, lanes));
                if (i + 1 == vectors_of(lanes))
                    d[k] *= *(const vec *)once;
            }
            for (size_t k = 0; k < 2; k++) { /* A d: row r of it at t[2 r] */
                t[k] = d[k];
                t[2 + k] = d[k] + d[2 + k];
                t[4 + k] = d[k] - d[2 + k];
                t[6 + k] = -d[2 + k];
            }
            for (size_t r = 0; r < EDGE4; r++) {
                vec row[EDGE4] = {t[2 * r], t[2 * r] + t[2 * r + 1], t[2 * r] - t[2 * r + 1],
                                  -t[2 * r + 1]};
                for (size_t k = 0; k < EDGE4; k++)
                    *(vec *)(m + ((EDGE4 * r + k) * conv->out + o) * step + i * WIDTH) = row[k];
            }
        }
}

/* c (rows, PSI_TILE) = a (rows, depth) b (depth, step), the first PSI_TILE columns of b; a packed
 * as (groups, depth, PSI_GROUP). */
KERNEL static void winograd_multiply(size_t rows, size_t depth, const float *packed, const float *b,
                                     size_t step, float *c)
{
    for (size_t first = 0; first < rows; first += PSI_GROUP, packed += depth * PSI_GROUP)
        for (size_t lane = 0; lane < PSI_TILE; lane += VECTORS * WIDTH) {
            vec sum[PSI_GROUP][VECTORS] = {{{0}}};
            const float *row = b + lane, *by = packed;
            for (size_t d = 0; d < depth; d++, row += step, by += PSI_GROUP)
                for (size_t v = 0; v < VECTORS; v++) {
                    vec in = *(const vec *)(row + v * WIDTH);
                    for (size_t o = 0; o < PSI_GROUP; o++)
                        sum[o][v] = multiply_add(spread(by[o]), in, sum[o][v]);
                }
            for (size_t o = 0; o < PSI_GROUP && first + o < rows; o++)
                for (size_t v = 0; v < VECTORS; v++)
                    *(vec *)(c + (first + o) * PSI_TILE + lane + v * WIDTH) = sum[o][v];
        }
}
