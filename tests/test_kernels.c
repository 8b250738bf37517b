/* Every backend against plain formulas in double precision, and so against each other. */
#include "net_fixture.h"
#include "../src/net/denormal.h"
#include "../src/net/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 1000 + 7 }; /* no multiple of any vector */

struct noise {
    float w[COUNT], v[COUNT], m[COUNT], g[COUNT];
    uint8_t mask[COUNT];
};

static void fill(struct noise *noise)
{
    struct psi_random random;
    psi_random_open(&random, 7, "kernels");
    for (int i = 0; i < COUNT; i++) {
        noise->w[i] = (float)psi_random_normal(&random);
        noise->v[i] = (float)(psi_random_uniform(&random) + 0.01);
        noise->m[i] = (float)psi_random_normal(&random);
        noise->g[i] = (float)psi_random_normal(&random);
        noise->mask[i] = psi_random_below(&random, 3) > 0;
    }
}

static void close_to(double found, double expected)
{
    if (!(fabs(found - expected) <= 2e-6 * (1 + fabs(expected))))
        fail_msg("%.9g found, %.9g expected", found, expected);
}

static void each_level(void (*check)(const struct psi_kernels *kernels))
{
    for (int level = 0; level < PSI_KERNEL_LEVELS; level++) {
        const struct psi_kernels *kernels = psi_kernels_get(level);
        if (kernels)
            check(kernels);
        else
            print_message("%s: not on this processor, left out\n", psi_kernels_name(level));
    }
}

static void check_gather(const struct psi_kernels *kernels)
{
    /* (channels, plane) that do and do not fill blocks of 16; batches around 16 and 64 */
    static const size_t shape[][2] = {{1, 1}, {1, 784}, {3, 16}, {2, 25}, {3, 1}};
    static const size_t batches[] = {1, 15, 16, 17, 60, 64, 65, 130};
    static const float mean[] = {33.25f, 120, 7}, deviation[] = {78.5f, 1, 60};
    enum { ROWS = 50 };
    static uint8_t pixel[ROWS * 784];
    static float x[784 * 130 + 1];
    uint32_t index[130];
    struct psi_random random;
    psi_random_open(&random, 3, "gather");
    for (size_t i = 0; i < sizeof pixel; i++)
        pixel[i] = (uint8_t)psi_random_below(&random, 256);
    for (int i = 0; i < 130; i++)
        index[i] = psi_random_below(&random, ROWS);
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
        for (size_t k = 0; k < 2 * sizeof batches / sizeof *batches; k++) {
            size_t batch = batches[k / 2], plane = shape[s][1], features = shape[s][0] * plane;
            int in_order = k % 2;
            if (in_order && batch > ROWS)
                continue;
            struct psi_gather from = {pixel,    in_order ? NULL : index, shape[s][0], plane, mean,
                                      deviation};
            x[features * batch] = -99; /* must stay */
            uint8_t seen[784], any[784] = {0};
            kernels->gather(&from, batch, batch, x, seen);
            for (size_t f = 0; f < features; f++) {
                for (size_t b = 0; b < batch; b++)
                    any[f] |= pixel[(in_order ? b : index[b]) * features + f];
                assert_true((seen[f] != 0) == (any[f] != 0));
            }
            for (size_t f = 0; f < features; f++)
                for (size_t b = 0; b < batch; b++) {
                    double p = pixel[(in_order ? b : index[b]) * features + f];
                    close_to(x[f * batch + b], (p - mean[f / plane]) / deviation[f / plane]);
                }
            assert_true(x[features * batch] == -99);
        }
}

/* 5 blocks of 4 inputs, numbers 1 and 4 dead. */
static void check_pack(const struct psi_kernels *kernels)
{
    enum { UNITS = 3, FEATURES = 20, PACKED = 3 * 4 + 4 };
    uint32_t block[] = {0, 2, 3, 1, 4};
    struct noise noise;
    fill(&noise);
    struct psi_skip skip = {3, 2, block, noise.m};
    float packed[UNITS * PACKED + 1], gradient[UNITS * FEATURES];
    packed[UNITS * PACKED] = -99; /* must stay */
    kernels->pack(&skip, noise.w, UNITS, packed);
    for (int u = 0; u < UNITS; u++) {
        double sum = 0;
        for (int f = 0; f < 12; f++)
            assert_true(packed[u * PACKED + f] ==
                        noise.w[u * FEATURES + 4 * (int)block[f / 4] + f % 4]);
        for (int f = 12; f < FEATURES; f++) {
            int at = 4 * (int)block[f / 4] + f % 4;
            sum += (double)noise.m[at] * (double)noise.w[u * FEATURES + at];
        }
        close_to(packed[u * PACKED + 12], sum);
    }
    assert_true(packed[UNITS * PACKED] == -99);
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < UNITS * FEATURES; i++)
            gradient[i] = again ? NAN : noise.g[i];
        kernels->unpack(&skip, packed, UNITS, again ? 0 : 0.9f, gradient);
        for (int u = 0; u < UNITS; u++)
            for (int f = 0; f < FEATURES; f++) {
                int at = 4 * (int)block[f / 4] + f % 4, i = u * FEATURES + at;
                double own = f < 12 ? (double)packed[u * PACKED + f]
                                    : (double)noise.m[at] * (double)packed[u * PACKED + 12];
                close_to(gradient[i], own + (again ? 0 : 0.9 * (double)noise.g[i]));
            }
    }
}

static void check_bias_relu(const struct psi_kernels *kernels)
{
    static const size_t batches[] = {1, 7, 16, 60};
    for (size_t k = 0; k < 2 * sizeof batches / sizeof *batches; k++) {
        struct noise noise;
        fill(&noise);
        size_t batch = batches[k / 2], units = COUNT / batch;
        int relu = k % 2;
        float y[COUNT], dy[COUNT], gradient[COUNT], fresh[COUNT];
        memcpy(y, noise.w, sizeof y);
        kernels->bias_relu(y, noise.m, units, batch, relu);
        for (size_t i = 0; i < units * batch; i++) {
            double sum = (double)noise.w[i] + (double)noise.m[i / batch];
            close_to(y[i], relu ? fmax(sum, 0) : sum);
        }
        for (int again = 0; again < 2; again++) {
            memcpy(dy, noise.g, sizeof dy);
            memcpy(gradient, noise.v, sizeof gradient);
            for (size_t u = 0; u < units; u++)
                fresh[u] = NAN; /* what a decay of 0 must not read */
            float decay = again ? 0 : 0.9f, *to = again ? fresh : gradient;
            kernels->bias_relu_backward(dy, y, units, batch, relu, decay, to);
            for (size_t u = 0; u < units; u++) {
                double sum = 0;
                for (size_t b = 0; b < batch; b++) {
                    size_t i = u * batch + b;
                    double kept = relu && !(y[i] > 0) ? 0 : (double)noise.g[i];
                    close_to(dy[i], kept);
                    sum += kept;
                }
                close_to(to[u], again ? sum : 0.9 * (double)noise.v[u] + sum);
            }
        }
    }
    float nan = NAN, zero = 0;
    kernels->bias_relu(&nan, &zero, 1, 1, 1);
    assert_true(isnan(nan)); /* or a divergence would go unseen */
}

static void check_sgd(const struct psi_kernels *kernels)
{
    for (int masked = 0; masked < 2; masked++) {
        struct noise old, now;
        fill(&old);
        old.g[0] = old.v[0] = INFINITY; /* zero times infinity is no zero: a mask must select */
        old.mask[0] = 0;
        now = old;
        kernels->sgd(now.w, now.v, masked ? now.mask : NULL, COUNT, 0.1f, 0.01f);
        for (int i = !masked; i < COUNT; i++) {
            int kept = !masked || old.mask[i];
            double v = (double)old.v[i] + 0.01 * (double)old.w[i];
            if (!kept) {
                assert_true(now.v[i] == 0 && now.w[i] == 0);
                continue;
            }
            close_to(now.v[i], v);
            close_to(now.w[i], (double)old.w[i] - 0.1 * v);
        }
    }
}

static void check_adam(const struct psi_kernels *kernels)
{
    struct psi_adam a = {.beta1 = 0.9f,
                         .beta2 = 0.999f,
                         .rest1 = 0.1f,
                         .rest2 = 0.001f,
                         .epsilon = 1e-4f,
                         .rate = 0.02f,
                         .rescale = 1.7f,
                         .weight_decay = 0.05f};
    for (int masked = 0; masked < 2; masked++) {
        struct noise old, now;
        fill(&old);
        old.g[0] = INFINITY;
        old.mask[0] = 0;
        now = old;
        kernels->adam(now.w, now.g, now.m, now.v, masked ? now.mask : NULL, COUNT, &a);
        for (int i = !masked; i < COUNT; i++) {
            if (masked && !old.mask[i]) {
                assert_true(now.w[i] == 0 && now.m[i] == 0 && now.v[i] == 0);
                continue;
            }
            double g = (double)old.g[i] + 0.05 * (double)old.w[i];
            double m = 0.9 * (double)old.m[i] + 0.1 * g;
            double v = 0.999 * (double)old.v[i] + 0.001 * g * g;
            close_to(now.m[i], m);
            close_to(now.v[i], v);
            close_to(now.w[i], (double)old.w[i] - 0.02 * m / (1.7 * sqrt(v) + 1e-4));
        }
    }
}

static void test_gather(void **state)
{
    (void)state;
    each_level(check_gather);
}

static void test_pack(void **state)
{
    (void)state;
    each_level(check_pack);
}

static void test_bias_relu(void **state)
{
    (void)state;
    each_level(check_bias_relu);
}

static void test_sgd(void **state)
{
    (void)state;
    each_level(check_sgd);
}

static void test_adam(void **state)
{
    (void)state;
    each_level(check_adam);
}

static void test_levels(void **state)
{
    (void)state;
    assert_non_null(psi_kernels_get(PSI_PORTABLE));
    assert_non_null(psi_kernels_get(psi_kernels_best()));
    for (int level = psi_kernels_best() + 1; level < PSI_KERNEL_LEVELS; level++)
        assert_null(psi_kernels_get(level));
    assert_null(psi_kernels_get(-1));
    assert_null(psi_kernels_get(PSI_KERNEL_LEVELS));
    assert_string_equal(psi_kernels_name(PSI_PORTABLE), "portable");
    assert_string_equal(psi_kernels_name(PSI_AVX2), "avx2");
    assert_string_equal(psi_kernels_name(PSI_AVX512), "avx512");
    assert_true(strlen(psi_blas_core()) > 0);
    assert_non_null(strstr(psi_blas_config(), "OpenBLAS"));
}

static void test_denormals_are_flushed_and_restored(void **state)
{
    (void)state;
    const char *preload = getenv("LD_PRELOAD");
    if (preload && strstr(preload, "vgpreload")) {
        print_message("valgrind does not emulate flush-to-zero, left out\n");
        skip();
    }
    volatile float tiny = 1e-38f, half = 0.25f;
    assert_true(tiny * half > 0);
    unsigned long mode = psi_denormal_flush();
    float flushed = tiny * half;
    psi_denormal_restore(mode);
    assert_true(tiny * half > 0);
#if defined __x86_64__ || defined __aarch64__
    assert_true(flushed == 0);
#else
    (void)flushed;
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_gather),
        cmocka_unit_test(test_pack),
        cmocka_unit_test(test_bias_relu),
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_denormals_are_flushed_and_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
