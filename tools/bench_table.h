/* The path table anew (src/net/path_table.c): for each kernel level and class of layer the density
 * at which the sparse path and GEMM take the same time, both timed in turns on this machine. */
#include "../src/net/compile.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { TABLE_BATCH = 60, TABLE_ROUNDS = 7 };

/* The layer under test is number `layer` of a model: of an mlp whose other layer, a small one,
 * gives it a gradient to hand down, or one to receive; or a convolution of a model with several. */
struct table_case {
    const char *name;
    int kind; /* enum psi_model_kind */
    size_t channels, height, width, hidden, classes, layer;
    double lit; /* share of pixels that are not 0; the dark ones in whole features, as in MNIST */
};

static const struct table_case table_case[PSI_PATH_INPUTS][PSI_PATH_SIZES] = {
    {{"inner 100 -> 20", PSI_MLP, 1, 1, 16, 100, 20, 1, 1},
     {"inner 300 -> 100", PSI_MLP, 1, 1, 16, 300, 100, 1, 1},
     {"inner 1024 -> 256", PSI_MLP, 1, 1, 16, 1024, 256, 1, 1}},
    {{"input 100 -> 20", PSI_MLP, 1, 1, 100, 20, 10, 0, 0.19},
     {"input 400 -> 100", PSI_MLP, 1, 1, 400, 100, 10, 0, 0.19},
     {"input 784 -> 300", PSI_MLP, 1, 1, 784, 300, 10, 0, 0.19}},
};

static const struct table_case conv_case[PSI_PATH_CONVS] = {
    [PSI_PATH_DIRECT] = {"conv 20 -> 50, 5 x 5", PSI_LENET5, 1, 28, 28, 0, 10, 2, 1},
    [PSI_PATH_WINOGRAD] = {"conv 64 -> 64, 3 x 3", PSI_CONV2, 3, 32, 32, 0, 10, 1, 1},
};

/* A network of the case with a random mask, and its data. */
struct table_run {
    struct psi_dataset data;
    struct psi_network *network, *path[2]; /* dense, sparse */
    struct psi_optimizer_state *optimizer[2];
    uint8_t *pixel, label[TABLE_BATCH];
};

static double table_step(struct table_run *run, int path)
{
    enum { STEPS = 4 };
    float dlogits[PSI_CLASSES_MAX * TABLE_BATCH];
    double start = psi_clock_monotonic();
    for (int i = 0; i < STEPS; i++) {
        psi_network_gather(run->path[path], &run->data, &run->data.train, NULL, TABLE_BATCH);
        const float *logits = psi_network_forward(run->path[path], TABLE_BATCH);
        psi_softmax_cross_entropy(logits, run->label, run->data.classes, TABLE_BATCH, dlogits);
        psi_optimizer_step(run->optimizer[path], run->path[path], psi_network_mask(run->path[path]),
                           TABLE_BATCH, dlogits, 1e-4);
    }
    return (psi_clock_monotonic() - start) / STEPS;
}

static enum psi_status table_open(struct table_run *run, const struct table_case *c, double density,
                                  int level, struct psi_error *err)
{
    struct psi_train_spec spec = {.optimizer = PSI_SGD, .momentum = 0.9, .batch = TABLE_BATCH};
    struct psi_model_spec model = {.kind = c->kind, .hidden_count = 1, .hidden = {c->hidden}};
    size_t features = c->channels * c->height * c->width;
    struct psi_random random;
    psi_random_open(&random, 1, "table/%s/%g", c->name, density);
    *run = (struct table_run){.pixel = psi_allocate(features, TABLE_BATCH, "table", err)};
    if (!run->pixel)
        return PSI_MEMORY;
    for (size_t f = 0; f < features; f++) {
        /* .19 lit overall, and .37 of the features dark in a whole batch: MNIST's figures */
        double lit = c->lit == 1 ? 1 : f % 100 < 37 ? 0 : c->lit / 0.63;
        for (size_t b = 0; b < TABLE_BATCH; b++)
            if (psi_random_uniform(&random) < lit)
                run->pixel[b * features + f] = (uint8_t)(1 + psi_random_below(&random, 255));
    }
    for (size_t b = 0; b < TABLE_BATCH; b++)
        run->label[b] = (uint8_t)(b % c->classes);
    run->data = (struct psi_dataset){.channels = c->channels,
                                     .height = c->height,
                                     .width = c->width,
                                     .features = features,
                                     .classes = c->classes,
                                     .train = {run->pixel, run->label, TABLE_BATCH},
                                     .mean = {33, 33, 33},
                                     .deviation = {78, 78, 78}};
    enum psi_status status =
        psi_network_create(&model, &run->data, TABLE_BATCH, level, &run->network, err);
    if (status != PSI_OK)
        return status;
    psi_network_initialise(run->network, &random);
    size_t weights = psi_network_weights(run->network);
    const struct psi_layer *layer = &run->network->layer[c->layer];
    uint8_t *mask = psi_allocate(weights, 1, "table", err);
    if (!mask)
        return PSI_MEMORY;
    for (size_t i = 0; i < weights; i++) {
        int tested = i >= layer->weight && i < layer->weight + layer->weights;
        mask[i] = psi_random_uniform(&random) < (tested ? density : 0.3);
    }
    for (int path = 0; path < 2 && status == PSI_OK; path++) {
        /* other dense layers: sparse both times, and full enough to leave no unit of the one under
         * test unread */
        uint8_t sparse[PSI_HIDDEN_MAX + 1] = {0};
        assert(run->network->layers <= sizeof sparse);
        for (size_t i = 0; i < run->network->layers; i++)
            sparse[i] = run->network->layer[i].type == &psi_layer_dense;
        sparse[c->layer] = (uint8_t)path;
        status = psi_network_compile_as(run->network, mask, sparse, &run->path[path], err);
        if (status == PSI_OK)
            status = psi_optimizer_create(&spec, psi_network_parameters(run->path[path]),
                                          &run->optimizer[path], err);
    }
    free(mask);
    return status;
}

static void table_close(struct table_run *run)
{
    for (int path = 0; path < 2; path++) {
        psi_optimizer_destroy(run->optimizer[path]);
        psi_network_destroy(run->path[path]);
    }
    psi_network_destroy(run->network);
    free(run->pixel);
}

/* Sparse time / dense time at a density: the least of each over rounds in turn. */
static enum psi_status table_ratio(const struct table_case *c, double density, int level,
                                   double *ratio, struct psi_error *err)
{
    struct table_run run;
    double least[2] = {INFINITY, INFINITY};
    enum psi_status status = table_open(&run, c, density, level, err);
    for (int round = 0; round < TABLE_ROUNDS && status == PSI_OK; round++)
        for (int path = 0; path < 2; path++)
            least[path] = fmin(least[path], table_step(&run, path));
    table_close(&run);
    *ratio = least[1] / least[0];
    return status;
}

/* The density where the ratio crosses 1, between the grid's last that gains and the one after. */
static enum psi_status table_break_even(const struct table_case *c, int level, double *density,
                                        struct psi_error *err)
{
    double last = 0, last_ratio = 0, ratio;
    for (double d = 0.05; d < 1; d += 0.05) {
        enum psi_status status = table_ratio(c, d, level, &ratio, err);
        if (status != PSI_OK)
            return status;
        if (ratio >= 1) {
            *density = last + (d - last) * (1 - last_ratio) / (ratio - last_ratio);
            return PSI_OK;
        }
        last = d;
        last_ratio = ratio;
    }
    *density = last;
    return PSI_OK;
}

/* One line: of each case. */
static enum psi_status table_line(const struct table_case *cases, int count, int level,
                                  struct psi_error *err)
{
    for (int i = 0; i < count; i++) {
        double density;
        enum psi_status status = table_break_even(&cases[i], level, &density, err);
        if (status != PSI_OK)
            return status;
        printf("%s%.2f", i ? ", " : "", density);
        fflush(stdout);
    }
    printf("},\n");
    return PSI_OK;
}

static enum psi_status table(struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    for (int level = 0; level <= psi_kernels_best(); level++)
        for (int reads = 0; reads < PSI_PATH_INPUTS && status == PSI_OK; reads++) {
            printf("break_even [%s][%s] = {", psi_kernels_name(level),
                   reads ? "dark data" : "inner");
            status = table_line(table_case[reads], PSI_PATH_SIZES, level, err);
        }
    for (int level = 0; level <= psi_kernels_best() && status == PSI_OK; level++) {
        printf("conv_break_even [%s] = {", psi_kernels_name(level));
        status = table_line(conv_case, PSI_PATH_CONVS, level, err);
    }
    return status;
}
