/* Winograd's minimal filtering for convolutional networks: A. Lavin & S. Gray, "Fast algorithms for
 * convolutional neural networks", CVPR 2016, section 4.1. For a tile d of 4 x 4 inputs and a window
 * g of 3 x 3, the 2 x 2 outputs are
 *   Y = A' M A,  M = sum over channels of U * V (place by place),  U = G g G',  V = B' d B.
 * M at each of the 16 places is a product of matrices (out, in) (in, samples). The gradients are
 * what these linear maps give read backwards:
 *   dM = A dY A',  dU = dM V' (summed over samples and tiles),  dg = G' dU G,
 *   dV = U' dM,    dd = B dV B' (added where tiles overlap). */
#include "winograd.h"
#include "blas.h"

#include <string.h>

enum {
    PLACES = 16,
    WINDOW = 9,
    TOGETHER = 2, /* tiles whose share of dU is one product: what the second-level cache holds */
    CHANNELS_LEAST = 16 /* transforms are paid once a channel, products channels times */
};

int psi_winograd_pays(const struct psi_conv *conv, size_t lanes)
{
    return conv->kernel == 3 && conv->in >= CHANNELS_LEAST && conv->out >= CHANNELS_LEAST &&
           lanes >= PSI_LANES;
}

static size_t grouped(size_t rows)
{
    return (rows + PSI_GROUP - 1) / PSI_GROUP * PSI_GROUP;
}

/* Where things lie in the scratch. */
struct rooms {
    float *v, *m;    /* (16, in or out, TOGETHER * PSI_TILE) */
    float *single;   /* (in or out, PSI_TILE) at 16 places: M, or dV */
    float *u;        /* (16, groups, ...) packed U or U' */
    float *gradient; /* (16, out, in) dU */
    size_t size;
};

static struct rooms rooms_of(const struct psi_conv *conv, float *work)
{
    size_t most = conv->in > conv->out ? conv->in : conv->out, step = TOGETHER * PSI_TILE;
    struct rooms rooms = {.v = work};
    rooms.m = rooms.v + PLACES * conv->in * step;
    rooms.single = rooms.m + PLACES * conv->out * step;
    rooms.u = rooms.single + PLACES * most * PSI_TILE;
    rooms.gradient = rooms.u + PLACES * grouped(most) * most;
    rooms.size = (size_t)(rooms.gradient - work) + PLACES * conv->in * conv->out;
    return rooms;
}

size_t psi_winograd_work(const struct psi_conv *conv)
{
    static float origin;
    return psi_winograd_pays(conv, PSI_TILE) ? rooms_of(conv, &origin).size : 0;
}

/* u (16) = G g G', G = (1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1) */
static void transform_window(const float *g, float *u)
{
    float t[12]; /* G g: (4, 3) */
    for (int k = 0; k < 3; k++) {
        t[k] = g[k];
        t[3 + k] = 0.5f * (g[k] + g[3 + k] + g[6 + k]);
        t[6 + k] = 0.5f * (g[k] - g[3 + k] + g[6 + k]);
        t[9 + k] = g[6 + k];
    }
    for (int r = 0; r < 4; r++) {
        const float *row = t + 3 * r;
        u[4 * r] = row[0];
        u[4 * r + 1] = 0.5f * (row[0] + row[1] + row[2]);
        u[4 * r + 2] = 0.5f * (row[0] - row[1] + row[2]);
        u[4 * r + 3] = row[2];
    }
}

/* g (9) = G' u G */
static void transform_window_back(const float *u, float *g)
{
    float t[12]; /* G' u: (3, 4) */
    for (int k = 0; k < 4; k++) {
        t[k] = u[k] + 0.5f * (u[4 + k] + u[8 + k]);
        t[4 + k] = 0.5f * (u[4 + k] - u[8 + k]);
        t[8 + k] = 0.5f * (u[4 + k] + u[8 + k]) + u[12 + k];
    }
    for (int r = 0; r < 3; r++) {
        const float *row = t + 4 * r;
        g[3 * r] = row[0] + 0.5f * (row[1] + row[2]);
        g[3 * r + 1] = 0.5f * (row[1] - row[2]);
        g[3 * r + 2] = 0.5f * (row[1] + row[2]) + row[3];
    }
}

/* packed (16, groups, depth, PSI_GROUP): U (out, in) at each place, or its transpose. */
static void pack(const struct psi_conv *conv, const float *w, int transposed, float *packed)
{
    size_t rows = transposed ? conv->in : conv->out, depth = transposed ? conv->out : conv->in;
    size_t place = grouped(rows) * depth;
    memset(packed, 0, PLACES * place * sizeof *packed);
    for (size_t r = 0; r < rows; r++)
        for (size_t d = 0; d < depth; d++) {
            float u[PLACES];
            size_t window = transposed ? d * conv->in + r : r * conv->in + d;
            transform_window(w + window * WINDOW, u);
            float *to = packed + (r / PSI_GROUP * depth + d) * PSI_GROUP + r % PSI_GROUP;
            for (size_t k = 0; k < PLACES; k++)
                to[k * place] = u[k];
        }
}

void psi_winograd_forward(const struct psi_conv_kernels *kernels, const struct psi_conv *conv,
                          const float *x, const float *w, const float *bias, int relu, float *y,
                          size_t stride, size_t lanes, float *work)
{
    struct rooms rooms = rooms_of(conv, work);
    size_t high = (conv->out_height + 1) / 2, wide = (conv->out_width + 1) / 2;
    pack(conv, w, 0, rooms.u);
    for (size_t tile = 0; tile < high * wide; tile++) {
        size_t ty = tile / wide, tx = tile % wide;
        kernels->winograd_input(conv, x, stride, lanes, ty, tx, rooms.v, PSI_TILE);
        for (size_t k = 0; k < PLACES; k++)
            kernels->multiply(conv->out, conv->in, rooms.u + k * grouped(conv->out) * conv->in,
                              rooms.v + k * conv->in * PSI_TILE, PSI_TILE,
                              rooms.single + k * conv->out * PSI_TILE);
        kernels->winograd_output(conv, rooms.single, bias, relu, ty, tx, y, stride, lanes);
    }
}

/* dU += dM V' of the tiles together. */
static void add_gradient(const struct psi_conv *conv, const struct rooms *rooms, size_t tiles)
{
    int step = TOGETHER * PSI_TILE, in = (int)conv->in, out = (int)conv->out;
    for (int k = 0; k < PLACES; k++)
        cblas_sgemm(PSI_ROW_MAJOR, PSI_PLAIN, PSI_TRANSPOSED, out, in, (int)tiles * PSI_TILE, 1,
                    rooms->m + k * out * step, step, rooms->v + k * in * step, step, 1,
                    rooms->gradient + k * out * in, in);
}

/* gradient = decay * gradient + G' dU G */
static void set_gradient(const struct psi_conv *conv, const struct rooms *rooms, float decay,
                         float *gradient)
{
    size_t windows = conv->in * conv->out;
    for (size_t i = 0; i < windows; i++, gradient += WINDOW) {
        float u[PLACES], g[WINDOW];
        for (size_t k = 0; k < PLACES; k++)
            u[k] = rooms->gradient[k * windows + i];
        transform_window_back(u, g);
        for (size_t k = 0; k < WINDOW; k++)
            gradient[k] = decay == 0 ? g[k] : decay * gradient[k] + g[k];
    }
}

void psi_winograd_backward(const struct psi_conv_kernels *kernels, const struct psi_conv *conv,
                           const float *x, const float *w, const float *dy, float decay,
                           float *gradient, int add, float *dx, size_t stride, size_t lanes,
                           float *work)
{
    struct rooms rooms = rooms_of(conv, work);
    size_t high = (conv->out_height + 1) / 2, wide = (conv->out_width + 1) / 2;
    size_t step = TOGETHER * PSI_TILE, tiles = high * wide;
    if (dx)
        pack(conv, w, 1, rooms.u);
    memset(rooms.gradient, 0, PLACES * conv->in * conv->out * sizeof(float));
    for (size_t first = 0; first < tiles; first += TOGETHER) {
        size_t count = tiles - first < TOGETHER ? tiles - first : TOGETHER;
        for (size_t i = 0; i < count; i++) {
            size_t ty = (first + i) / wide, tx = (first + i) % wide;
            kernels->winograd_input(conv, x, stride, lanes, ty, tx, rooms.v + i * PSI_TILE, step);
            kernels->winograd_output_back(conv, dy, stride, lanes, ty, tx, rooms.m + i * PSI_TILE,
                                          step);
        }
        add_gradient(conv, &rooms, count);
        for (size_t i = 0; dx && i < count; i++) {
            size_t ty = (first + i) / wide, tx = (first + i) % wide;
            for (size_t k = 0; k < PLACES; k++)
                kernels->multiply(conv->in, conv->out, rooms.u + k * grouped(conv->in) * conv->out,
                                  rooms.m + k * conv->out * step + i * PSI_TILE, step,
                                  rooms.single + k * conv->in * PSI_TILE);
            kernels->winograd_input_back(conv, rooms.single, PSI_TILE, ty, tx, add, dx, stride,
                                         lanes);
        }
    }
    set_gradient(conv, &rooms, decay, gradient);
}
