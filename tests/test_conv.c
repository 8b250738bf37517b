/* Convolution, pooling, normalisation: each layer alone, with the kernels of every level, against
 * the reference in double precision and its central differences. */
#include "net_fixture.h"
#include "layer_reference.h"
#include "psisweep/memory.h"

struct example {
    const struct psi_layer_type *type;
    struct psi_shape in;
    size_t units, kernel, pad, batch;
    int relu, unbiased;
};

/* One layer, its arrays in single and in double precision. */
struct bed {
    struct psi_layer layer;
    struct psi_pass pass;
    size_t parameters, inputs, outputs;
    float *parameter, *gradient, *before, *x, *y, *dy, *dx;
    double *exact, *exact_x, *exact_y, *weight; /* weight (outputs): loss = sum of weight y */
};

static void *room(size_t count, size_t size)
{
    void *memory = psi_allocate(count, size, "test", NULL);
    assert_non_null(memory);
    return memory;
}

static void bed_open(struct bed *bed, const struct example *example)
{
    *bed = (struct bed){.layer = {.type = example->type,
                                  .in = example->in,
                                  .units = example->units,
                                  .kernel = example->kernel,
                                  .pad = example->pad,
                                  .relu = example->relu,
                                  .unbiased = example->unbiased}};
    struct psi_layer *layer = &bed->layer;
    layer->type->plan(layer);
    layer->weight = 3; /* anywhere */
    layer->bias = layer->weight + layer->weights;
    layer->state = layer->bias + layer->biases;
    bed->parameters = layer->state + layer->states;
    bed->inputs = psi_shape_features(&layer->in) * example->batch;
    bed->outputs = psi_shape_features(&layer->out) * example->batch;
    float **single[] = {&bed->parameter, &bed->gradient, &bed->before, &bed->x,
                        &bed->y,         &bed->dy,       &bed->dx};
    double **twice[] = {&bed->exact, &bed->exact_x, &bed->exact_y, &bed->weight};
    size_t most = bed->parameters + bed->inputs + bed->outputs;
    for (size_t i = 0; i < 7; i++)
        *single[i] = room(most, sizeof(float));
    for (size_t i = 0; i < 4; i++)
        *twice[i] = room(most, sizeof(double));
    layer->kept = room(layer->keeps, sizeof(float));
    struct psi_random random;
    psi_random_open(&random, 9, "layers");
    double scale = layer->fan_in ? 1 / sqrt((double)layer->fan_in) : 1;
    for (size_t i = 0; i < bed->parameters; i++) {
        bed->parameter[i] = (float)(psi_random_normal(&random) * scale);
        bed->exact[i] = (double)bed->parameter[i];
        bed->before[i] = (float)psi_random_normal(&random);
    }
    for (size_t i = 0; i < bed->inputs; i++) {
        bed->x[i] = (float)psi_random_normal(&random);
        bed->exact_x[i] = (double)bed->x[i];
    }
    for (size_t i = 0; i < bed->outputs; i++)
        bed->weight[i] = psi_random_normal(&random);
    bed->pass = (struct psi_pass){.parameter = bed->parameter,
                                  .batch = example->batch,
                                  .samples = example->batch,
                                  .work = room(layer->work, sizeof(float)),
                                  .state = bed->parameter};
}

static void bed_close(struct bed *bed)
{
    float *single[] = {bed->parameter, bed->gradient, bed->before,     bed->x,        bed->y,
                       bed->dy,        bed->dx,       bed->layer.kept, bed->pass.work};
    double *twice[] = {bed->exact, bed->exact_x, bed->exact_y, bed->weight};
    for (size_t i = 0; i < 9; i++)
        free(single[i]);
    for (size_t i = 0; i < 4; i++)
        free(twice[i]);
}

static double loss_of(struct bed *bed)
{
    double sum = 0;
    reference_forward(&bed->layer, bed->exact, bed->exact_x, bed->pass.batch, bed->exact_y);
    for (size_t i = 0; i < bed->outputs; i++)
        sum += bed->weight[i] * bed->exact_y[i];
    return sum;
}

static double slope_of(struct bed *bed, double *value)
{
    const double h = 1e-6, kept = *value;
    *value = kept + h;
    double up = loss_of(bed);
    *value = kept - h;
    double down = loss_of(bed);
    *value = kept;
    return (up - down) / (2 * h);
}

static void close_to(const char *what, size_t i, double found, double expected, double scale)
{
    if (!(fabs(found - expected) <= 2e-5 * scale + 1e-5 * fabs(expected)))
        fail_msg("%s %zu: %.9g found, %.9g expected", what, i, found, expected);
}

static void check_forward(struct bed *bed)
{
    const float *input[PSI_INPUTS_MAX] = {bed->x};
    loss_of(bed);
    for (size_t i = 0; i < bed->outputs; i++)
        bed->y[i] = NAN;
    bed->layer.type->forward(&bed->layer, &bed->pass, input, bed->y);
    for (size_t i = 0; i < bed->outputs; i++)
        close_to("output", i, (double)bed->y[i], bed->exact_y[i], 1);
}

/* way: 0 = dx and gradient set anew, 1 = added to what they held, 2 = no dx. At most `probes`
 * entries of each are tried, evenly spread. */
static void check_backward(struct bed *bed, int way, size_t probes)
{
    const float *input[PSI_INPUTS_MAX] = {bed->x};
    float decay = way == 1 ? 0.7f : 0;
    for (size_t i = 0; i < bed->outputs; i++)
        bed->dy[i] = (float)bed->weight[i];
    for (size_t i = 0; i < bed->inputs; i++)
        bed->dx[i] = way == 1 ? 5 : NAN;
    for (size_t i = 0; i < bed->parameters; i++)
        bed->gradient[i] = way == 1 ? bed->before[i] : NAN;
    struct psi_input_gradient dx[PSI_INPUTS_MAX] = {{way == 2 ? NULL : bed->dx, way == 1}};
    bed->layer.type->backward(&bed->layer, &bed->pass, input, bed->y, bed->dy, decay, bed->gradient,
                              dx);
    double scale = sqrt((double)bed->outputs);
    size_t first = bed->layer.weight, end = bed->layer.state;
    for (size_t i = first; i < end; i += 1 + (end - first) / probes)
        close_to("gradient", i, (double)bed->gradient[i],
                 slope_of(bed, &bed->exact[i]) + (way == 1 ? 0.7 * (double)bed->before[i] : 0),
                 scale);
    for (size_t i = 0; way != 2 && i < bed->inputs; i += 1 + bed->inputs / probes)
        close_to("dx", i, (double)bed->dx[i], slope_of(bed, &bed->exact_x[i]) + (way == 1 ? 5 : 0),
                 1);
    for (size_t i = 0; way != 1 && i < bed->parameters; i++) /* nobody else's */
        assert_true((i >= first && i < end) != isnan(bed->gradient[i]));
}

static void check(const struct example *example, size_t probes)
{
    for (int level = 0; level < PSI_KERNEL_LEVELS; level++) {
        struct bed bed;
        if (!psi_kernels_get(level))
            continue;
        bed_open(&bed, example);
        bed.pass.kernels = psi_kernels_get(level);
        check_forward(&bed);
        for (int way = 0; way < 3; way++)
            check_backward(&bed, way, probes);
        bed_close(&bed);
    }
}

#define CONV(c, h, w, units, kernel, pad, batch, relu, unbiased)              \
    {                                                                         \
        &psi_layer_conv, {c, h, w}, units, kernel, pad, batch, relu, unbiased \
    }

static void test_conv(void **state)
{
    (void)state;
    static const struct example examples[] = {
        CONV(1, 5, 5, 1, 5, 0, 3, 0, 0),   /* one output pixel */
        CONV(1, 7, 6, 3, 5, 2, 2, 1, 0),   /* windows over two borders at once */
        CONV(2, 6, 7, 5, 3, 1, 17, 1, 0),  /* one group of outputs */
        CONV(3, 4, 4, 7, 3, 0, 60, 0, 0),  /* and a bit */
        CONV(2, 5, 3, 6, 1, 0, 64, 1, 0),  /* one by one, a whole tile */
        CONV(4, 4, 5, 2, 2, 1, 65, 1, 0),  /* even windows; a tile and a sample */
        CONV(2, 3, 3, 4, 3, 2, 1, 0, 1),   /* as wide a border as there can be, no bias */
        CONV(3, 1, 1, 4, 3, 1, 130, 1, 0), /* an image smaller than the window */
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        check(&examples[i], 1000);
}

/* Enough channels for Winograd's way: borders of 0, 1, 2, odd sizes, samples that fill a vector, a
 * tile, neither, and too few for it. */
static void test_winograd(void **state)
{
    (void)state;
    static const struct example examples[] = {
        CONV(16, 4, 4, 16, 3, 1, 16, 0, 0), CONV(17, 5, 6, 21, 3, 1, 60, 1, 0),
        CONV(16, 5, 5, 18, 3, 0, 64, 1, 0), CONV(19, 3, 4, 16, 3, 2, 33, 0, 1),
        CONV(16, 3, 3, 16, 3, 1, 66, 1, 0), CONV(16, 1, 1, 17, 3, 1, 20, 1, 0),
        CONV(16, 4, 2, 16, 3, 1, 15, 1, 0), CONV(20, 2, 7, 16, 3, 1, 81, 1, 0),
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        check(&examples[i], 12);
}

static void test_pool(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {&psi_layer_maxpool, {2, 4, 6}, .batch = 7},
        {&psi_layer_maxpool, {3, 5, 7}, .batch = 3}, /* an odd row and column */
        {&psi_layer_maxpool, {1, 2, 3}, .batch = 70},
        {&psi_layer_avgpool, {2, 4, 6}, .batch = 7},
        {&psi_layer_avgpool, {3, 5, 7}, .batch = 3},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        check(&examples[i], 1000);
}

/* Where a window holds its largest value twice (0 after ReLU), the first of them gets all. */
static void test_pool_ties(void **state)
{
    (void)state;
    const float x[4] = {0, 2, 2, 1}, *input[PSI_INPUTS_MAX] = {x};
    float y[1], dy[1] = {3}, dx[4];
    struct psi_layer layer = {.type = &psi_layer_maxpool, .in = {1, 2, 2}};
    struct psi_pass pass = {.batch = 1};
    struct psi_input_gradient to[PSI_INPUTS_MAX] = {{dx, 0}};
    layer.type->plan(&layer);
    layer.type->forward(&layer, &pass, input, y);
    layer.type->backward(&layer, &pass, input, y, dy, 0, NULL, to);
    assert_true(y[0] == 2);
    assert_memory_equal(dx, ((float[]){0, 3, 0, 0}), sizeof dx);
}

/* A diverged network must show: NaN goes through from every place of the window. */
static void test_pool_keeps_nan(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        float x[4] = {1, 2, 3, 4}, y[1];
        const float *input[PSI_INPUTS_MAX] = {x};
        struct psi_layer layer = {.type = &psi_layer_maxpool, .in = {1, 2, 2}};
        struct psi_pass pass = {.batch = 1};
        x[k] = NAN;
        layer.type->plan(&layer);
        layer.type->forward(&layer, &pass, input, y);
        assert_true(isnan(y[0]));
    }
}

static void test_batchnorm(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {&psi_layer_batchnorm, {3, 2, 3}, .batch = 5},
        {&psi_layer_batchnorm, {2, 3, 3}, .batch = 9, .relu = 1},
        {&psi_layer_batchnorm, {4, 1, 1}, .batch = 40, .relu = 1},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        check(&examples[i], 1000);
}

/* Running statistics: a tenth of the way to the batch's in every training pass, none in evaluation,
 * which uses them. */
static void test_batchnorm_statistics(void **state)
{
    (void)state;
    static const struct example example = {&psi_layer_batchnorm, {2, 3, 2}, .batch = 4};
    struct bed bed;
    bed_open(&bed, &example);
    bed.pass.kernels = psi_kernels_get(PSI_PORTABLE);
    const float *input[PSI_INPUTS_MAX] = {bed.x};
    float *parameter = bed.parameter, *running = parameter + bed.layer.state;
    memset(parameter, 0, bed.parameters * sizeof *parameter);
    bed.layer.type->initialise(&bed.layer, parameter);
    double mean[2] = {0}, variance[2] = {1, 1}, n = 3 * 2 * 4;
    for (int pass = 0; pass < 3; pass++) {
        for (size_t i = 0; i < bed.inputs; i++)
            bed.x[i] = bed.x[i] * 1.5f + 40;
        for (int c = 0; c < 2; c++) {
            double sum = 0, square = 0;
            for (int i = 0; i < n; i++)
                sum += (double)bed.x[c * (int)n + i];
            for (int i = 0; i < n; i++)
                square += pow((double)bed.x[c * (int)n + i] - sum / n, 2);
            mean[c] = 0.9 * mean[c] + 0.1 * sum / n;
            variance[c] = 0.9 * variance[c] + 0.1 * square / (n - 1);
        }
        bed.layer.type->forward(&bed.layer, &bed.pass, input, bed.y);
        for (int c = 0; c < 2; c++) {
            close_to("mean", (size_t)c, (double)running[c], mean[c], 1);
            close_to("variance", (size_t)c, (double)running[2 + c], variance[c], 1);
        }
    }
    float before[4];
    memcpy(before, running, sizeof before);
    bed.pass.state = NULL;
    bed.layer.type->forward(&bed.layer, &bed.pass, input, bed.y);
    assert_memory_equal(running, before, sizeof before);
    for (size_t i = 0; i < bed.outputs; i++) {
        size_t c = i / (size_t)n;
        close_to("output", i, (double)bed.y[i],
                 ((double)bed.x[i] - mean[c]) / sqrt(variance[c] + 1e-5), 10);
    }
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_pool_ties),
        cmocka_unit_test(test_pool_keeps_nan),
        cmocka_unit_test(test_batchnorm),
        cmocka_unit_test(test_batchnorm_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
