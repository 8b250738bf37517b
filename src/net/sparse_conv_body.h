/* The kernels of convolutions of which few weights survive, once, for every backend. Part of
 * conv_body.h. */

/* Pixels of a channel for which none of its taps reaches outside. */
struct inside {
    ptrdiff_t first_y, end_y, first_x, end_x;
};

static inline struct inside inside_of(const struct psi_taps *taps, size_t unit)
{
    ptrdiff_t low_y = 0, low_x = 0, high_y = 0, high_x = 0;
    for (uint32_t t = taps->start[unit]; t < taps->start[unit + 1]; t++) {
        const struct psi_tap *tap = &taps->tap[t];
        low_y = tap->y < low_y ? tap->y : low_y;
        low_x = tap->x < low_x ? tap->x : low_x;
        high_y = tap->y > high_y ? tap->y : high_y;
        high_x = tap->x > high_x ? tap->x : high_x;
    }
    return (struct inside){-low_y, (ptrdiff_t)taps->height - high_y, -low_x,
                           (ptrdiff_t)taps->width - high_x};
}

/* y = (add ? y : 0) + shift + the sum over one channel's taps at pixel (py, px), for `wide`
 * vectors; check: some taps may reach outside. */
INLINE void tap_pixel(const struct psi_taps *taps, size_t unit, ptrdiff_t py, ptrdiff_t px,
                      int check, const float *value, float shift, int relu, int add, const float *x,
                      size_t columns, float *y, int wide)
{
    vec sum[PSI_TILE / WIDTH];
    const vec zero = {0};
    const float *base = x + (py * (ptrdiff_t)taps->width + px) * (ptrdiff_t)columns;
    for (int v = 0; v < wide; v++)
        sum[v] = spread(shift);
    for (int v = 0; add && v < wide; v++)
        sum[v] += load(y + v * WIDTH);
    const struct psi_tap *tap = taps->tap + taps->start[unit];
    const struct psi_tap *end = taps->tap + taps->start[unit + 1];
    for (; tap < end; tap++) {
        if (check && ((size_t)(py + tap->y) >= taps->height ||
                      (size_t)(px + tap->x) >= taps->width)) /* negative ones are large */
            continue;
        const float *from = base + tap->offset * (ptrdiff_t)columns;
        vec factor = spread(value[tap->source]);
        for (int v = 0; v < wide; v++)
            sum[v] = multiply_add(factor, load(from + v * WIDTH), sum[v]);
    }
    for (int v = 0; v < wide; v++)
        store(y + v * WIDTH, relu ? where(~(sum[v] < zero), sum[v]) : sum[v]);
}

INLINE void tap_plane(const struct psi_taps *taps, size_t unit, const float *value, float shift,
                      int relu, int add, const float *x, size_t columns, float *y, int wide)
{
    struct inside in = inside_of(taps, unit);
    for (ptrdiff_t py = 0; py < (ptrdiff_t)taps->out_height; py++)
        for (ptrdiff_t px = 0; px < (ptrdiff_t)taps->out_width; px++, y += columns) {
            if (py >= in.first_y && py < in.end_y && px >= in.first_x && px < in.end_x)
                tap_pixel(taps, unit, py, px, 0, value, shift, relu, add, x, columns, y, wide);
            else
                tap_pixel(taps, unit, py, px, 1, value, shift, relu, add, x, columns, y, wide);
        }
}

KERNEL static void sparse_convolve(const struct psi_taps *taps, const float *value,
                                   const float *bias, int relu, int add, const float *x,
                                   size_t columns, float *y)
{
    size_t plane = taps->out_height * taps->out_width * columns;
    for (size_t unit = 0; unit < taps->units; unit++, y += plane) {
        float shift = bias ? bias[unit] : 0;
        size_t b = 0;
        for (; b + PSI_TILE <= columns; b += PSI_TILE)
            tap_plane(taps, unit, value, shift, relu, add, x + b, columns, y + b, PSI_TILE / WIDTH);
        for (; b < columns; b += PSI_LANES)
            tap_plane(taps, unit, value, shift, relu, add, x + b, columns, y + b, UNIT);
    }
}

/* The sum over all pixels and columns of dy[unit][p] x[tap's]. A pixel's columns and those of the
 * pixels to its right lie one after another, for the tap as for dy. */
KERNEL static inline float tap_sum(const struct psi_taps *taps, const struct psi_tap *tap,
                                   const float *dy, const float *x, size_t columns)
{
    ptrdiff_t high = (ptrdiff_t)taps->height - tap->y, wide = (ptrdiff_t)taps->width - tap->x;
    size_t first_y = tap->y < 0 ? (size_t)-tap->y : 0, first_x = tap->x < 0 ? (size_t)-tap->x : 0;
    size_t end_y =
        high < (ptrdiff_t)taps->out_height ? (size_t)(high > 0 ? high : 0) : taps->out_height;
    size_t end_x =
        wide < (ptrdiff_t)taps->out_width ? (size_t)(wide > 0 ? wide : 0) : taps->out_width;
    vec sum[PSI_TILE / WIDTH] = {{0}};
    for (size_t py = first_y; py < end_y && first_x < end_x; py++) {
        const float *out = dy + (py * taps->out_width + first_x) * columns;
        const float *in =
            x + ((ptrdiff_t)(py * taps->width + first_x) + tap->offset) * (ptrdiff_t)columns;
        size_t count = (end_x - first_x) * columns, i = 0;
        for (; i + PSI_TILE <= count; i += PSI_TILE)
            for (int v = 0; v < PSI_TILE / WIDTH; v++)
                sum[v] = multiply_add(load(out + i + v * WIDTH), load(in + i + v * WIDTH), sum[v]);
        for (; i < count; i += PSI_LANES)
            for (int v = 0; v < UNIT; v++)
                sum[v] = multiply_add(load(out + i + v * WIDTH), load(in + i + v * WIDTH), sum[v]);
    }
    for (int half = PSI_TILE / WIDTH / 2; half > 0; half /= 2)
        for (int v = 0; v < half; v++)
            sum[v] += sum[v + half];
    return vector_sum(sum[0]);
}

KERNEL static void sparse_conv_sample(const struct psi_taps *taps, const float *dy, const float *x,
                                      size_t columns, float decay, float *gradient)
{
    size_t plane = taps->out_height * taps->out_width * columns;
    for (size_t unit = 0; unit < taps->units; unit++, dy += plane)
        for (uint32_t t = taps->start[unit]; t < taps->start[unit + 1]; t++) {
            const struct psi_tap *tap = &taps->tap[t];
            float *g = gradient + tap->source, own = tap_sum(taps, tap, dy, x, columns);
            *g = decay == 0 ? own : decay * *g + own;
        }
}
