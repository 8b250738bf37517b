/* The kernels for lit pixels, of every backend, against plain sums in double precision. */
#include "net_fixture.h"
#include "../src/net/lit.h"
#include "../src/net/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS = 200, UNITS = 170, BATCH = 144, ROWS = 150 };

/* Pixels, and all numbers of one layer that reads them. */
struct layer {
    size_t inputs, units, samples, batch;
    uint8_t pixel[ROWS * INPUTS];
    uint32_t index[BATCH];
    float w[INPUTS * UNITS], bias[UNITS], dy[UNITS * BATCH];
    float x[INPUTS * BATCH], y[UNITS * BATCH + 16], gradient[INPUTS * UNITS + 16], *work;
    struct psi_lit_input lit;
};

static void layer_open(struct layer *l, size_t inputs, size_t units, size_t samples, double share)
{
    struct psi_random random;
    psi_random_open(&random, 3, "layer/%zu/%zu/%zu/%g", inputs, units, samples, share);
    memset(l, 0, sizeof *l);
    l->inputs = inputs;
    l->units = units;
    l->samples = samples;
    l->batch = (samples + PSI_LANES - 1) / PSI_LANES * PSI_LANES;
    assert_true(psi_lit_allocate(&l->lit, inputs, l->batch, NULL));
    l->work = malloc(psi_lit_work(l->batch) * sizeof(float));
    memset(l->work, 0xff, psi_lit_work(l->batch) * sizeof(float)); /* NaN */
    for (size_t i = 0; i < ROWS * inputs; i++)
        if (psi_random_uniform(&random) < share)
            l->pixel[i] = (uint8_t)(1 + psi_random_below(&random, 255));
    for (size_t s = 0; s < samples; s++)
        l->index[s] = psi_random_below(&random, ROWS);
    for (size_t f = 0; f < inputs; f++) {
        l->lit.constant[f] = f % 3 ? -0.4f : 0.2f;
        l->lit.scale[f] = f % 3 ? 0.013f : 0.02f;
    }
    for (size_t i = 0; i < inputs * units; i++)
        l->w[i] = (float)psi_random_normal(&random);
    for (size_t u = 0; u < units; u++) {
        l->bias[u] = (float)psi_random_normal(&random);
        for (size_t s = 0; s < samples; s++)
            l->dy[u * l->batch + s] = (float)psi_random_normal(&random);
    }
}

static void layer_close(struct layer *l)
{
    psi_lit_clear(&l->lit);
    free(l->work);
}

/* x (inputs, batch) */
static void fill_x(struct layer *l, const uint32_t *index)
{
    for (size_t f = 0; f < l->inputs; f++)
        for (size_t s = 0; s < l->samples; s++) {
            size_t row = index ? index[s] : s;
            l->x[f * l->batch + s] =
                l->lit.constant[f] + l->lit.scale[f] * (float)l->pixel[row * l->inputs + f];
        }
}

static void check_near(float found, double expected, double size, const char *what, size_t i)
{
    if (!(fabs((double)found - expected) <= 2e-6 * size))
        fail_msg("%s %zu: %.9g found, %.9g expected", what, i, (double)found, expected);
}

static void check_multiply(struct layer *l, const struct psi_kernels *kernels, int relu)
{
    float *end = l->y + l->units * l->batch;
    for (int i = 0; i < 16; i++)
        end[i] = 7;
    kernels->lit->multiply(&l->lit, l->w, l->bias, l->units, relu, l->batch, l->work, l->y);
    for (size_t u = 0; u < l->units; u++)
        for (size_t s = 0; s < l->batch; s++) {
            double sum = l->bias[u], size = fabs(sum);
            for (size_t f = 0; f < l->inputs; f++) {
                double add = (double)l->w[f * l->units + u] *
                             (double)(s < l->samples ? l->x[f * l->batch + s] : l->lit.constant[f]);
                sum += add;
                size += fabs(add);
            }
            check_near(l->y[u * l->batch + s], relu && sum < 0 ? 0 : sum, size, "y", u);
        }
    for (int i = 0; i < 16; i++)
        assert_true(end[i] == 7);
}

static void check_accumulate(struct layer *l, const struct psi_kernels *kernels, float decay)
{
    float *gradient = l->gradient, *end = gradient + l->inputs * l->units;
    for (size_t i = 0; i < l->inputs * l->units; i++)
        gradient[i] = decay == 0 ? NAN : sinf((float)i); /* decay = 0 ignores what it held */
    for (int i = 0; i < 16; i++)
        end[i] = 7;
    kernels->lit->accumulate(&l->lit, l->dy, l->units, l->batch, decay, l->work, gradient);
    for (size_t f = 0; f < l->inputs; f++)
        for (size_t u = 0; u < l->units; u++) {
            size_t i = f * l->units + u;
            double sum = decay == 0 ? 0 : (double)decay * (double)sinf((float)i), size = fabs(sum);
            for (size_t s = 0; s < l->samples; s++) {
                double add = (double)l->x[f * l->batch + s] * (double)l->dy[u * l->batch + s];
                sum += add;
                size += fabs(add) + (double)fabsf(l->lit.constant[f] * l->dy[u * l->batch + s]);
            }
            check_near(gradient[i], sum, size, "gradient", i);
        }
    for (int i = 0; i < 16; i++)
        assert_true(end[i] == 7);
}

static void check_layer(struct layer *l)
{
    for (int level = 0; level < PSI_KERNEL_LEVELS; level++) {
        const struct psi_kernels *kernels = psi_kernels_get(level);
        if (!kernels)
            continue;
        for (int indexed = 0; indexed < 2; indexed++) {
            const uint32_t *index = indexed ? l->index : NULL;
            fill_x(l, index);
            kernels->lit->list(l->pixel, index, l->samples, &l->lit);
            check_multiply(l, kernels, indexed);
            check_accumulate(l, kernels, indexed ? 0.9f : 0);
        }
    }
}

static void test_products(void **state)
{
    (void)state;
    static struct layer l;
    static const size_t inputs[] = {1, 9, 63, 64, 65, 200}, samples[] = {1, 16, 60, 130};
    static const size_t units[] = {1, 7, 8, 16, 33, 60, 79, 80, 81, 170};
    static const double share[] = {0, 0.2, 1};
    for (size_t i = 0; i < 6 * 4 * 10; i++) { /* all pairs of inputs and units, shares in turn */
        layer_open(&l, inputs[i % 6], units[i / 6 % 10], samples[i / 60], share[i % 7 % 3]);
        check_layer(&l);
        layer_close(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
