/* One runner of the training benchmark (tools/bench.py): LeNet-300-100 (mlp; full: on images
 * without a zero pixel, so that no input is left out) or LeNet-5 (lenet5) on MNIST, Conv-2 (conv2)
 * on CIFAR-10, batch 60, SGD with momentum. It reads commands from standard input and answers each
 * with one line:
 *   run N     N more training steps -> "seconds loss", loss of the last step
 *   losses N  N steps on the training images in order, the first 60 first -> the loss of each
 *   parts N   N steps, each part timed -> "gather forward loss update gemm" in microseconds a
 *             step; gemm: the part of all those that is spent in OpenBLAS's sgemm
 *   rate N    mlp, full: N forward and backward passes of one batch, without gather, loss and
 *             update -> "GFLOP/s peak" of multiply-adds at surviving weights, on the lit path at
 *             lit pixels alone, and of fused ones on registers
 *   score     evaluate the test split -> "accuracy loss"
 *   save F    keep the network as the dense parent, and write its parameters to file F as floats
 *             -> "parameters"
 *   prune S [layer] [gemm]
 *             from the parent, prune a share S of all weights, or of every layer's, by magnitude,
 *             compile, new optimiser -> "survivors parameters"; gemm: do not compile, and from here
 *             on leave out no zero pixel in what is not compiled
 * Usage: bench MODEL DATA_FOLDER, or: bench table, which prints the path table anew. */
#include "psisweep/clock.h"
#include "psisweep/dataset.h"
#include "psisweep/kernel.h"
#include "psisweep/memory.h"
#include "psisweep/network.h"
#include "psisweep/prune.h"
#include "psisweep/train.h"

#include "bench_gemm.h"
#include "bench_peak.h"
#include "bench_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 60, PARTS = 4 };

struct bench {
    struct psi_dataset *dataset;
    struct psi_network *dense;
    struct psi_network *compiled;   /* NULL while the dense one is trained */
    struct psi_network *network;    /* the one that is trained, of these two */
    float *parent;                  /* (parameters) of the dense one, as saved */
    struct psi_dataset *selected;   /* the pixels the compiled one reads; NULL = all */
    const struct psi_dataset *data; /* the one that batches are gathered from */
    uint8_t *whole_mask;            /* (weights) of the dense one */
    const uint8_t *mask;            /* of the one that is trained; NULL = dense */
    struct psi_optimizer_state *optimizer;
    struct psi_train_spec spec;
    uint32_t *order;
    float *dlogits;
    size_t at;   /* next sample of order */
    double loss; /* of the last step */
};

/* One step on samples index (BATCH), the next of which will be index + BATCH if there is one. */
static void step_on(struct bench *bench, const uint32_t *index, int is_next, double *part)
{
    const struct psi_split *train = &bench->data->train;
    uint8_t label[BATCH];
    double time[PARTS + 1] = {psi_clock_monotonic()};
    for (size_t b = 0; b < BATCH; b++)
        label[b] = train->label[index[b]];
    psi_network_gather(bench->network, bench->data, train, index, BATCH);
    if (is_next)
        psi_dataset_prefetch(bench->data, train, index + BATCH, BATCH);
    time[1] = psi_clock_monotonic();
    const float *logits = psi_network_forward_training(bench->network, BATCH);
    time[2] = psi_clock_monotonic();
    bench->loss =
        psi_softmax_cross_entropy(logits, label, bench->dataset->classes, BATCH, bench->dlogits);
    time[3] = psi_clock_monotonic();
    psi_optimizer_step(bench->optimizer, bench->network, bench->mask, BATCH, bench->dlogits,
                       bench->spec.rate);
    time[4] = psi_clock_monotonic();
    for (int i = 0; i < PARTS; i++)
        part[i] += time[i + 1] - time[i];
}

static void step(struct bench *bench, double *part)
{
    const struct psi_split *train = &bench->data->train;
    if (bench->at + BATCH > train->samples) {
        struct psi_random random;
        psi_random_open(&random, 1, "bench/sample=%u", bench->order[0]);
        psi_random_shuffle(&random, bench->order, (uint32_t)train->samples);
        bench->at = 0;
    }
    bench->at += BATCH;
    step_on(bench, bench->order + bench->at - BATCH, bench->at + BATCH <= train->samples, part);
}

static void losses(struct bench *bench, unsigned steps)
{
    double part[PARTS] = {0};
    uint32_t index[BATCH];
    for (unsigned i = 0; i < steps; i++) {
        for (uint32_t b = 0; b < BATCH; b++)
            index[b] = i * BATCH + b;
        step_on(bench, index, 0, part);
        printf("%.9g%c", bench->loss, i + 1 < steps ? ' ' : '\n');
    }
}

static void parts(struct bench *bench, unsigned steps)
{
    double part[PARTS] = {0};
    bench_gemm_seconds = 0;
    for (unsigned i = 0; i < steps; i++)
        step(bench, part);
    for (int i = 0; i < PARTS; i++)
        printf("%.1f ", 1e6 * part[i] / steps);
    printf("%.1f\n", 1e6 * bench_gemm_seconds / steps);
}

/* Share of the inputs at hand that the first layer multiplies by: the lit ones on the lit path. */
static double share_multiplied(const struct bench *bench)
{
    if (!bench->compiled || bench->compiled->layer[0].type != &psi_layer_lit)
        return 1;
    const struct psi_lit_input *lit = &bench->compiled->compiled->lit;
    return (double)lit->pixel_end[lit->inputs - 1] / (double)(lit->inputs * lit->samples);
}

/* Multiply-adds of a sample: forward and weight gradient, and, but in the first layer, the gradient
 * by the inputs. */
static double products(const struct bench *bench)
{
    double count = 0;
    for (size_t i = 0; i < psi_network_matrices(bench->dense); i++) {
        const struct psi_weight_matrix *m = psi_network_matrix(bench->dense, i);
        size_t size = m->rows * m->cols;
        size_t kept = bench->compiled ? psi_mask_count(bench->whole_mask + m->offset, size) : size;
        count += i ? 3 * (double)kept : 2 * share_multiplied(bench) * (double)kept;
    }
    return count;
}

static enum psi_status rate(struct bench *bench, unsigned passes, struct psi_error *err)
{
    enum { ROUNDS = 5 };
    double least = INFINITY;
    size_t parameters = psi_network_parameters(bench->network);
    float *gradient = psi_allocate(parameters, sizeof *gradient, "gradient", err);
    if (!gradient)
        return PSI_MEMORY;
    psi_network_gather(bench->network, bench->data, &bench->data->train, NULL, BATCH);
    for (int round = 0; round < ROUNDS; round++) {
        double start = psi_clock_monotonic();
        for (unsigned i = 0; i < passes; i++) {
            psi_network_forward(bench->network, BATCH);
            psi_network_backward(bench->network, BATCH, bench->dlogits, 0.9f, gradient);
        }
        least = fmin(least, (psi_clock_monotonic() - start) / passes);
    }
    free(gradient);
    printf("%.1f %.1f\n", 2e-9 * BATCH * products(bench) / least, measure_peak());
    return PSI_OK;
}

static enum psi_status renew_optimizer(struct bench *bench, struct psi_error *err)
{
    psi_optimizer_destroy(bench->optimizer);
    bench->optimizer = NULL;
    return psi_optimizer_create(&bench->spec, psi_network_parameters(bench->network),
                                &bench->optimizer, err);
}

static enum psi_status save(struct bench *bench, const char *path, struct psi_error *err)
{
    size_t count = psi_network_parameters(bench->dense);
    memcpy(bench->parent, psi_network_parameter(bench->dense), count * sizeof *bench->parent);
    FILE *file = fopen(path, "wb");
    size_t written = file ? fwrite(bench->parent, sizeof *bench->parent, count, file) : 0;
    if (!file || fclose(file) || written != count)
        return psi_fail(err, PSI_IO, "%s: cannot be written", path);
    printf("%zu\n", count);
    return PSI_OK;
}

static enum psi_status prune(struct bench *bench, double sparsity, enum psi_scope scope, int gemm,
                             struct psi_error *err)
{
    size_t weights = psi_network_weights(bench->dense);
    struct psi_score_input input = {.network = bench->dense};
    const struct psi_prune_spec magnitude = {.scope = scope, .density = 1 - sparsity};
    psi_dataset_destroy(bench->selected);
    psi_network_destroy(bench->compiled);
    bench->selected = NULL;
    bench->compiled = NULL;
    bench->network = bench->dense;
    bench->data = bench->dataset;
    bench->mask = bench->whole_mask;
    float *w = psi_network_parameter(bench->dense);
    memcpy(w, bench->parent, psi_network_parameters(bench->dense) * sizeof *w);
    enum psi_status status = psi_prune(&magnitude, &input, bench->whole_mask, err);
    if (gemm)
        bench->dense->packed.none = 1;
    else if (status == PSI_OK)
        status = psi_network_compile(bench->dense, bench->whole_mask,
                                     psi_split_density(bench->dataset, &bench->dataset->train),
                                     &bench->compiled, err);
    if (status != PSI_OK)
        return status;
    for (size_t i = 0; i < weights; i++)
        w[i] = bench->whole_mask[i] ? w[i] : 0;
    if (bench->compiled) {
        bench->network = bench->compiled;
        bench->mask = psi_network_mask(bench->compiled);
        size_t count; /* as a cell does (src/study/trial_cell.c) */
        const uint32_t *inputs = psi_network_inputs(bench->compiled, &count);
        if (inputs && 2 * count <= bench->dataset->features) {
            if ((status = psi_dataset_select(bench->dataset, inputs, count, &bench->selected, err)))
                return status;
            bench->data = bench->selected;
        }
    }
    if (sparsity == 0)
        bench->mask = NULL;
    printf("%zu %zu\n", psi_mask_count(bench->whole_mask, weights),
           psi_network_parameters(bench->network));
    return renew_optimizer(bench, err);
}

static enum psi_status command(struct bench *bench, const char *line, struct psi_error *err)
{
    double part[PARTS] = {0}, sparsity;
    unsigned steps;
    char path[4096];
    enum psi_status status = PSI_OK;
    if (sscanf(line, "run %u", &steps) == 1) {
        double start = psi_clock_monotonic();
        for (unsigned i = 0; i < steps; i++)
            step(bench, part);
        printf("%.9f %.6f\n", psi_clock_monotonic() - start, bench->loss);
    } else if (sscanf(line, "losses %u", &steps) == 1 &&
               (size_t)steps * BATCH <= bench->data->train.samples) {
        losses(bench, steps);
    } else if (sscanf(line, "parts %u", &steps) == 1 && steps > 0) {
        parts(bench, steps);
    } else if (sscanf(line, "rate %u", &steps) == 1 && steps > 0) {
        status = rate(bench, steps, err);
    } else if (strncmp(line, "score", 5) == 0) {
        struct psi_score score;
        status = psi_evaluate(bench->network, bench->data, &bench->data->test, NULL, &score, err);
        printf("%.4f %.4f\n", score.accuracy, score.loss);
    } else if (sscanf(line, "save %4095s", path) == 1) {
        status = save(bench, path, err);
    } else if (sscanf(line, "prune %lf", &sparsity) == 1) {
        status = prune(bench, sparsity, strstr(line, "layer") ? PSI_LAYER : PSI_GLOBAL,
                       strstr(line, "gemm") != NULL, err);
    }
    fflush(stdout);
    return status;
}

/* No pixel is 0 any more: there is nothing to be skipped. */
static void light_up(struct psi_dataset *dataset)
{
    size_t pixels = (dataset->train.samples + dataset->test.samples) * dataset->features;
    for (size_t i = 0; i < pixels; i++)
        dataset->pixel[i] += dataset->pixel[i] == 0;
}

static enum psi_status prepare(struct bench *bench, const char *name, char *folder,
                               struct psi_error *err)
{
    static const struct {
        const char *name;
        int set, kind;
        double rate;
    } models[] = {{"mlp", PSI_MNIST, PSI_MLP, 0.02},
                  {"full", PSI_MNIST, PSI_MLP, 0.02},
                  {"lenet5", PSI_MNIST, PSI_LENET5, 0.01},
                  {"conv2", PSI_CIFAR10, PSI_CONV2, 0.01}};
    size_t m = 0, count = sizeof models / sizeof *models;
    while (m < count && strcmp(models[m].name, name) != 0)
        m++;
    if (m == count)
        return psi_fail(err, PSI_USAGE, "%s: not a model here", name);
    struct psi_data_spec data = {.set = models[m].set, .path = folder};
    if (models[m].set == PSI_CIFAR10) { /* the part of it that is at hand */
        data.train = 10000;
        data.test = 1000;
    }
    struct psi_model_spec model = {
        .kind = models[m].kind, .init = PSI_HE, .hidden_count = 2, .hidden = {300, 100}};
    struct psi_random random;
    bench->spec = (struct psi_train_spec){
        .optimizer = PSI_SGD, .rate = models[m].rate, .momentum = 0.9, .batch = BATCH};
    enum psi_status status = psi_dataset_create(&data, &bench->dataset, err);
    if (status == PSI_OK && strcmp(name, "full") == 0)
        light_up(bench->dataset);
    if (status == PSI_OK)
        status = psi_network_create(&model, bench->dataset, BATCH, psi_kernels_best(),
                                    &bench->dense, err);
    bench->network = bench->dense;
    bench->data = bench->dataset;
    if (status == PSI_OK)
        status = renew_optimizer(bench, err);
    if (status != PSI_OK)
        return status;
    size_t samples = bench->dataset->train.samples;
    bench->order = psi_allocate(samples, sizeof *bench->order, "order", err);
    bench->dlogits = psi_allocate(bench->dataset->classes * BATCH, sizeof(float), "dlogits", err);
    bench->parent =
        psi_allocate(psi_network_parameters(bench->dense), sizeof(float), "parent", err);
    bench->whole_mask = psi_allocate(psi_network_weights(bench->dense), 1, "mask", err);
    if (!bench->order || !bench->dlogits || !bench->parent || !bench->whole_mask)
        return PSI_MEMORY;
    for (size_t i = 0; i < samples; i++)
        bench->order[i] = (uint32_t)i;
    bench->at = samples; /* the first step shuffles */
    psi_random_open(&random, 1, "bench");
    psi_network_initialise(bench->network, &random);
    return PSI_OK;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    struct psi_error err = {0};
    char line[4200];
    int is_table = argc == 2 && strcmp(argv[1], "table") == 0;
    if (argc != 3 && !is_table) {
        fprintf(stderr, "usage: bench MODEL DATA_FOLDER | table\n");
        return 2;
    }
    if (is_table) {
        enum psi_status failed = table(&err);
        if (failed)
            fprintf(stderr, "bench: %s\n", err.text);
        return failed != PSI_OK;
    }
    enum psi_status status = prepare(&bench, argv[1], argv[2], &err);
    if (status == PSI_OK) {
        printf("psisweep kernels=%s blas=%s\n", psi_kernels_name(psi_kernels_best()),
               psi_blas_core());
        fflush(stdout);
        while (status == PSI_OK && fgets(line, sizeof line, stdin))
            status = command(&bench, line, &err);
    }
    if (status != PSI_OK)
        fprintf(stderr, "bench: %s\n", err.text);
    free(bench.whole_mask);
    free(bench.parent);
    free(bench.dlogits);
    free(bench.order);
    psi_optimizer_destroy(bench.optimizer);
    psi_dataset_destroy(bench.selected);
    psi_network_destroy(bench.compiled);
    psi_network_destroy(bench.dense);
    psi_dataset_destroy(bench.dataset);
    return status != PSI_OK;
}
