/* The kernels of convolutions of which few weights survive, once, for every backend. Part of
 * conv_body.h. */

enum {
    TAPS = 128, /* worked on together */
    BAND = 4096 /* floats of dy */
};

/* The taps of one channel that fall inside the source at one row of the result. */
struct row_taps {
    int count;
    ptrdiff_t first_x, end_x; /* pixels at which all of them do */
    ptrdiff_t offset[TAPS], x[TAPS];
    float value[TAPS];
};

KERNEL static inline void find_row_taps(const struct psi_taps *taps, const float *value,
                                        const struct psi_tap *tap, const struct psi_tap *end,
                                        ptrdiff_t py, size_t columns, struct row_taps *row)
{
    row->count = 0;
    row->first_x = 0;
    row->end_x = (ptrdiff_t)taps->out_width;
    for (; tap < end; tap++) {
        if ((size_t)(py + tap->y) >= taps->height) /* a negative one is large */
            continue;
        ptrdiff_t end_x = (ptrdiff_t)taps->width - tap->x;
        row->first_x = -tap->x > row->first_x ? -tap->x : row->first_x;
        row->end_x = end_x < row->end_x ? end_x : row->end_x;
        row->offset[row->count] = (tap->offset + py * (ptrdiff_t)taps->width) * (ptrdiff_t)columns;
        row->x[row->count] = tap->x;
        row->value[row->count++] = value[tap->source];
    }
}

/* sum (wide) += the taps at pixel px; check: some may reach outside. */
INLINE void add_taps(const struct row_taps *row, ptrdiff_t px, size_t width, int check,
                     const float *x, vec *sum, int wide)
{
    for (int t = 0; t < row->count; t++) {
        if (check && (size_t)(px + row->x[t]) >= width)
            continue;
        const float *from = x + row->offset[t];
        vec factor = spread(row->value[t]);
        for (int v = 0; v < wide; v++)
            sum[v] = multiply_add(factor, load(from + v * WIDTH), sum[v]);
    }
}

/* One row of one channel of y, one piece of its taps. add: to what y holds; last: of the pieces. */
INLINE void tap_row(const struct psi_taps *taps, const struct row_taps *row, float shift, int add,
                    int relu, const float *x, size_t columns, float *y, int wide)
{
    const vec zero = {0};
    for (ptrdiff_t px = 0; px < (ptrdiff_t)taps->out_width; px++, x += columns, y += columns) {
        vec sum[PSI_TILE / WIDTH];
        for (int v = 0; v < wide; v++)
            sum[v] = spread(shift);
        for (int v = 0; add && v < wide; v++)
            sum[v] += load(y + v * WIDTH);
        if (px >= row->first_x && px < row->end_x)
            add_taps(row, px, taps->width, 0, x, sum, wide);
        else
            add_taps(row, px, taps->width, 1, x, sum, wide);
        for (int v = 0; v < wide; v++)
            store(y + v * WIDTH, relu ? where(~(sum[v] < zero), sum[v]) : sum[v]);
    }
}

/* Rows before channels, so that the rows of x that they share stay in the second-level cache. */
INLINE void tap_tile(const struct psi_taps *taps, const float *value, const float *bias, int relu,
                     int add, const float *x, size_t columns, float *y, int wide)
{
    size_t step = taps->out_width * columns;
    struct row_taps row;
    for (size_t py = 0; py < taps->out_height; py++)
        for (size_t unit = 0; unit < taps->units; unit++) {
            const struct psi_tap *tap = taps->tap + taps->start[unit];
            const struct psi_tap *end = taps->tap + taps->start[unit + 1], *piece;
            float *to = y + (unit * taps->out_height + py) * step;
            float shift = bias ? bias[unit] : 0;
            int again = add;
            do {
                piece = end - tap > TAPS ? tap + TAPS : end;
                find_row_taps(taps, value, tap, piece, (ptrdiff_t)py, columns, &row);
                tap_row(taps, &row, shift, again, relu && piece == end, x, columns, to, wide);
                shift = 0;
                again = 1;
                tap = piece;
            } while (tap < end);
        }
}

KERNEL static void sparse_convolve(const struct psi_taps *taps, const float *value,
                                   const float *bias, int relu, int add, const float *x,
                                   size_t columns, float *y)
{
    size_t b = 0;
    for (; b + PSI_TILE <= columns; b += PSI_TILE)
        tap_tile(taps, value, bias, relu, add, x + b, columns, y + b, PSI_TILE / WIDTH);
    for (; b < columns; b += PSI_LANES)
        tap_tile(taps, value, bias, relu, add, x + b, columns, y + b, UNIT);
}

/* sum += out (count) in (count), a multiple of PSI_LANES. */
INLINE void add_product(const float *out, const float *in, size_t count, vec *sum)
{
    size_t i = 0;
    for (; i + PSI_TILE <= count; i += PSI_TILE)
        for (int v = 0; v < PSI_TILE / WIDTH; v++)
            sum[v] = multiply_add(load(out + i + v * WIDTH), load(in + i + v * WIDTH), sum[v]);
    for (; i < count; i += PSI_LANES)
        for (int v = 0; v < UNIT; v++)
            sum[v] = multiply_add(load(out + i + v * WIDTH), load(in + i + v * WIDTH), sum[v]);
}

/* The sum over rows first .. end - 1 and all columns of dy[unit][p] x[tap's]. A pixel's columns and
 * those of the pixels to its right lie one after another, for the tap as for dy. */
KERNEL static inline float tap_sum(const struct psi_taps *taps, const struct psi_tap *tap,
                                   ptrdiff_t first, ptrdiff_t end, const float *dy, const float *x,
                                   ptrdiff_t columns)
{
    ptrdiff_t height = (ptrdiff_t)taps->height, width = (ptrdiff_t)taps->width;
    ptrdiff_t out_width = (ptrdiff_t)taps->out_width;
    ptrdiff_t first_x = tap->x < 0 ? -tap->x : 0;
    ptrdiff_t end_x = width - tap->x < out_width ? width - tap->x : out_width;
    vec sum[PSI_TILE / WIDTH] = {{0}};
    first = -tap->y > first ? -tap->y : first;
    end = height - tap->y < end ? height - tap->y : end;
    for (ptrdiff_t py = first; py < end && first_x < end_x; py++)
        add_product(dy + (py * out_width + first_x) * columns,
                    x + (py * width + first_x + tap->offset) * columns,
                    (size_t)((end_x - first_x) * columns), sum);
    for (int half = PSI_TILE / WIDTH / 2; half > 0; half /= 2)
        for (int v = 0; v < half; v++)
            sum[v] += sum[v + half];
    return vector_sum(sum[0]);
}

/* In bands of rows, of which dy's fills half of the first-level cache at most; bands before
 * channels, so that the rows of x that they share stay in the second-level one. */
KERNEL static void sparse_conv_sample(const struct psi_taps *taps, const float *dy, const float *x,
                                      size_t columns, float decay, float *gradient)
{
    size_t plane = taps->out_height * taps->out_width * columns;
    size_t rows = BAND / (taps->out_width * columns);
    rows = rows ? rows : 1;
    for (size_t first = 0; first < taps->out_height; first += rows) {
        size_t end = first + rows < taps->out_height ? first + rows : taps->out_height;
        float kept = first ? 1 : decay;
        for (size_t unit = 0; unit < taps->units; unit++)
            for (uint32_t t = taps->start[unit]; t < taps->start[unit + 1]; t++) {
                float *g = gradient + taps->tap[t].source;
                float own = tap_sum(taps, &taps->tap[t], (ptrdiff_t)first, (ptrdiff_t)end,
                                    dy + unit * plane, x, (ptrdiff_t)columns);
                *g = kept == 0 ? own : kept * *g + own;
            }
    }
}
