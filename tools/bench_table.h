/* The path table anew (src/net/path_table.c), every pair of paths timed in turns on this machine.
 * For each kernel level and size of layer: the share of lit pixels at which the lit path and GEMM
 * take the same time; then, for each class of layer, the density at which the sparse path and the
 * better of these two do; then the same for convolutions, on the sparse path and the dense one. */
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
    double lit; /* share of pixels that are not 0 */
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
    struct psi_network *network, *path[2]; /* the two that are compared */
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
                                  int level, const enum psi_path *tested, struct psi_error *err)
{
    struct psi_train_spec spec = {.optimizer = PSI_SGD, .momentum = 0.9, .batch = TABLE_BATCH};
    struct psi_model_spec model = {.kind = c->kind, .hidden_count = 1, .hidden = {c->hidden}};
    size_t features = c->channels * c->height * c->width;
    struct psi_random random;
    psi_random_open(&random, 1, "table/%s/%g/%g", c->name, density, c->lit);
    *run = (struct table_run){.pixel = psi_allocate(features, TABLE_BATCH, "table", err)};
    if (!run->pixel)
        return PSI_MEMORY;
    for (size_t f = 0; f < features; f++) {
        /* .37 of MNIST's features are dark in a whole batch */
        double dark = fmin(0.37, 1 - c->lit);
        double lit = (double)(f % 100) < 100 * dark ? 0 : c->lit / (1 - dark);
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
        int under_test = i >= layer->weight && i < layer->weight + layer->weights;
        mask[i] = psi_random_uniform(&random) < (under_test ? density : 0.3);
    }
    for (int path = 0; path < 2 && status == PSI_OK; path++) {
        /* other dense layers: sparse both times, and full enough to leave no unit of the one under
         * test unread */
        uint8_t paths[PSI_HIDDEN_MAX + 1] = {PSI_PATH_DENSE};
        assert(run->network->layers <= sizeof paths);
        for (size_t i = 0; i < run->network->layers; i++)
            if (run->network->layer[i].type == &psi_layer_dense)
                paths[i] = PSI_PATH_SPARSE;
        paths[c->layer] = (uint8_t)tested[path];
        status = psi_network_compile_as(run->network, mask, paths, &run->path[path], err);
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

/* Time of the second path / time of the first at a density: the least of each over rounds. */
static enum psi_status table_ratio(const struct table_case *c, double density, int level,
                                   const enum psi_path *tested, double *ratio,
                                   struct psi_error *err)
{
    struct table_run run;
    double least[2] = {INFINITY, INFINITY};
    enum psi_status status = table_open(&run, c, density, level, tested, err);
    for (int round = 0; round < TABLE_ROUNDS && status == PSI_OK; round++)
        for (int path = 0; path < 2; path++)
            least[path] = fmin(least[path], table_step(&run, path));
    table_close(&run);
    *ratio = least[1] / least[0];
    return status;
}

/* Where the ratio crosses 1, between the grid's last that gains and the one after: the density of
 * the weights for the sparse path, the share of lit pixels for the lit one. */
static enum psi_status table_break_even(const struct table_case *c, int level,
                                        const enum psi_path *tested, double *crossing,
                                        struct psi_error *err)
{
    double last = 0, last_ratio = 0, ratio;
    for (double d = 0.05; d < 1; d += 0.05) {
        struct table_case now = *c;
        int is_lit = tested[1] == PSI_PATH_LIT;
        if (is_lit)
            now.lit = d;
        enum psi_status status = table_ratio(&now, is_lit ? 1 : d, level, tested, &ratio, err);
        if (status != PSI_OK)
            return status;
        if (ratio >= 1) {
            *crossing = last + (d - last) * (1 - last_ratio) / (ratio - last_ratio);
            return PSI_OK;
        }
        last = d;
        last_ratio = ratio;
    }
    *crossing = last;
    return PSI_OK;
}

/* A row of the table: for each case, where the second path and the first take the same time. */
struct table_row {
    const char *name;
    const struct table_case *cases;
    int count;
    enum psi_path second, first[PSI_PATH_SIZES];
};

static enum psi_status table_row(const struct table_row *row, int level, double *crossing,
                                 struct psi_error *err)
{
    printf("%s [%s] = {", row->name, psi_kernels_name(level));
    for (int i = 0; i < row->count; i++) {
        const enum psi_path tested[2] = {row->first[i], row->second};
        enum psi_status status = table_break_even(&row->cases[i], level, tested, &crossing[i], err);
        if (status != PSI_OK)
            return status;
        printf("%s%.2f", i ? ", " : "", crossing[i]);
        fflush(stdout);
    }
    printf("},\n");
    return PSI_OK;
}

static enum psi_status table_level(int level, struct psi_error *err)
{
    const struct table_case *inner = table_case[0], *dark = table_case[1];
    double crossing[PSI_PATH_SIZES];
    struct table_row row[] = {
        {"lit_break_even", dark, PSI_PATH_SIZES, PSI_PATH_LIT, {PSI_PATH_DENSE}},
        {"break_even, dark data", dark, PSI_PATH_SIZES, PSI_PATH_SPARSE, {PSI_PATH_DENSE}},
        {"break_even, inner", inner, PSI_PATH_SIZES, PSI_PATH_SPARSE, {PSI_PATH_DENSE}},
        {"conv_break_even", conv_case, PSI_PATH_CONVS, PSI_PATH_SPARSE, {PSI_PATH_DENSE}},
    };
    enum psi_status status = table_row(&row[0], level, crossing, err);
    for (int i = 0; i < PSI_PATH_SIZES && status == PSI_OK; i++) /* the better of the two */
        row[1].first[i] = dark[i].lit < crossing[i] ? PSI_PATH_LIT : PSI_PATH_DENSE;
    for (size_t r = 1; r < sizeof row / sizeof *row && status == PSI_OK; r++)
        status = table_row(&row[r], level, crossing, err);
    return status;
}

static enum psi_status table(struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    for (int level = 0; level <= psi_kernels_best() && status == PSI_OK; level++)
        status = table_level(level, err);
    return status;
}
