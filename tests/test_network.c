/* Networks: shapes, initialisation, gradients against central differences, errors. */
#include "net_fixture.h"
#include "../src/net/layer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_layout(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network = network_make(&toy.dataset, 9, PSI_HE, 2, (size_t[]){7, 5});
    assert_int_equal(psi_network_max_batch(network), 9);
    assert_int_equal(psi_network_features(network), 12);
    assert_int_equal(psi_network_classes(network), 3);
    assert_int_equal(psi_network_weights(network), 12 * 7 + 7 * 5 + 5 * 3);
    assert_int_equal(psi_network_parameters(network), 12 * 7 + 7 * 5 + 5 * 3 + 7 + 5 + 3);
    assert_int_equal(psi_network_matrices(network), 3);
    static const struct psi_weight_matrix expected[] = {
        {"dense1", 0, 7, 12}, {"dense2", 84, 5, 7}, {"dense3", 119, 3, 5}};
    for (size_t i = 0; i < 3; i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, i);
        assert_string_equal(matrix->name, expected[i].name);
        assert_int_equal(matrix->offset, expected[i].offset);
        assert_int_equal(matrix->rows, expected[i].rows);
        assert_int_equal(matrix->cols, expected[i].cols);
    }
    psi_network_destroy(network);
    psi_network_destroy(NULL);
}

static void test_create_refuses(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network = NULL;
    struct psi_error err = {0};
    struct psi_model_spec spec = {.kind = PSI_MLP, .hidden_count = 1, .hidden = {0}};
    assert_int_equal(psi_network_create(&spec, &toy.dataset, 4, 0, &network, &err), PSI_USAGE);
    assert_non_null(strstr(err.text, "hidden layer 1"));
    spec.hidden_count = PSI_HIDDEN_MAX + 1;
    assert_int_equal(psi_network_create(&spec, &toy.dataset, 4, 0, &network, &err), PSI_USAGE);
    spec.hidden_count = 0;
    assert_int_equal(psi_network_create(&spec, &toy.dataset, 0, 0, &network, &err), PSI_USAGE);
    assert_int_equal(psi_network_create(&spec, &toy.dataset, 4, 99, &network, &err),
                     PSI_ENVIRONMENT);
    struct psi_dataset empty = toy.dataset;
    empty.height = 0;
    assert_int_equal(psi_network_create(&spec, &empty, 4, 0, &network, &err), PSI_USAGE);
    empty = toy.dataset;
    empty.classes = 0;
    assert_int_equal(psi_network_create(&spec, &empty, 4, 0, &network, &err), PSI_USAGE);
    assert_null(network);
}

/* 400 x 300 weights: the sample variance of n normals scatters by sqrt(2 / n), 0.4 % here. */
static void check_variance(int init, double expected)
{
    struct psi_dataset shape = {.channels = 1, .height = 20, .width = 20, .classes = 10};
    struct psi_network *network = network_make(&shape, 1, init, 1, (size_t[]){300});
    float *parameter = psi_network_parameter(network);
    for (size_t i = 0; i < psi_network_parameters(network); i++)
        parameter[i] = 5;
    network_draw(network, 11);
    size_t count = psi_network_matrix(network, 0)->rows * psi_network_matrix(network, 0)->cols;
    double sum = 0, square = 0, fourth = 0;
    for (size_t i = 0; i < count; i++) {
        double w = (double)parameter[i];
        sum += w;
        square += w * w;
        fourth += w * w * w * w;
    }
    double n = (double)count, variance = square / n;
    assert_true(fabs(variance / expected - 1) < 0.02);
    assert_true(fabs(sum / n) < 5 * sqrt(expected / n));
    assert_true(fabs(fourth / n / (variance * variance) - 3) < 0.1); /* a normal's kurtosis */
    for (size_t i = psi_network_weights(network); i < psi_network_parameters(network); i++)
        assert_true(parameter[i] == 0);
    psi_network_destroy(network);
}

static void test_initial_variance(void **state)
{
    (void)state;
    check_variance(PSI_GLOROT, 2.0 / (400 + 300));
    check_variance(PSI_HE, 2.0 / 400);
}

/* The same network in double precision by plain loops: a net written twice, once for speed. */
static double reference_loss(const double *parameter, size_t depth, const size_t *units,
                             const float *input, size_t batch, const uint8_t *label)
{
    double total = 0, x[32], y[32];
    size_t weights = 0;
    for (size_t l = 0; l < depth; l++)
        weights += units[l] * units[l + 1];
    for (size_t b = 0; b < batch; b++) {
        const double *w = parameter, *bias = parameter + weights;
        for (size_t f = 0; f < units[0]; f++)
            x[f] = (double)input[f * batch + b];
        for (size_t l = 0; l < depth; l++) {
            for (size_t u = 0; u < units[l + 1]; u++) {
                y[u] = *bias++;
                for (size_t f = 0; f < units[l]; f++)
                    y[u] += *w++ * x[f];
                if (l + 1 < depth)
                    y[u] = fmax(y[u], 0);
            }
            memcpy(x, y, sizeof x);
        }
        double sum = 0;
        for (size_t c = 0; c < units[depth]; c++)
            sum += exp(x[c]);
        total += log(sum) - x[label[b]];
    }
    return total / (double)batch;
}

/* Forward loss against the reference's, gradient against the reference's central differences.
 * dark: so many first pixels are 0 in every sample, as the border of MNIST. */
static void check_gradient(size_t hidden_count, const size_t *hidden, size_t batch, size_t dark)
{
    struct toy toy;
    toy_fill(&toy);
    for (size_t s = 0; s < batch; s++)
        memset(toy.pixel + s * TOY_FEATURES, 0, dark);
    struct psi_network *network = network_make(&toy.dataset, 20, PSI_HE, hidden_count, hidden);
    network_draw(network, 5);
    size_t units[PSI_HIDDEN_MAX + 2] = {TOY_FEATURES};
    for (size_t i = 0; i < hidden_count; i++)
        units[i + 1] = hidden[i];
    units[hidden_count + 1] = TOY_CLASSES;
    size_t parameters = psi_network_parameters(network);
    float *parameter = psi_network_parameter(network), gradient[600], before[600];
    double exact[600];
    assert_true(parameters <= 600);
    for (size_t i = 0; i < parameters; i++) {
        if (i >= psi_network_weights(network))
            parameter[i] = 0.3f * sinf((float)i); /* biases matter too */
        exact[i] = (double)parameter[i];
        before[i] = (float)i / 100;
    }
    const float *x = psi_network_input(network);
    psi_network_gather(network, &toy.dataset, &toy.dataset.train, NULL, batch);
    assert_int_equal(network->packed.use, dark > 0);
    for (int decayed = 0; decayed < 2; decayed++) {
        float dlogits[TOY_CLASSES * 20], decay = decayed ? 0.7f : 0;
        const float *logits = psi_network_forward(network, batch);
        double loss = psi_softmax_cross_entropy(logits, toy.label, TOY_CLASSES, batch, dlogits);
        double expected = reference_loss(exact, hidden_count + 1, units, x, batch, toy.label);
        assert_true(fabs(loss - expected) < 1e-5 * expected);
        for (size_t i = 0; i < parameters; i++)
            gradient[i] = decayed ? before[i] : NAN;
        psi_network_backward(network, batch, dlogits, decay, gradient);
        for (size_t i = 0; i < parameters; i++) {
            const double h = 1e-6, kept = exact[i];
            exact[i] = kept + h;
            double up = reference_loss(exact, hidden_count + 1, units, x, batch, toy.label);
            exact[i] = kept - h;
            double down = reference_loss(exact, hidden_count + 1, units, x, batch, toy.label);
            exact[i] = kept;
            double slope = (up - down) / (2 * h) + (decayed ? 0.7 * (double)before[i] : 0);
            if (!(fabs((double)gradient[i] - slope) < 2e-6 + 2e-5 * fabs(slope)))
                fail_msg("parameter %zu: gradient %.9g, difference %.9g", i, (double)gradient[i],
                         slope);
        }
    }
    psi_network_destroy(network);
}

static void test_gradients(void **state)
{
    (void)state;
    check_gradient(0, NULL, 20, 0);
    check_gradient(1, (size_t[]){9}, 20, 0);
    check_gradient(2, (size_t[]){8, 11}, 13, 0); /* fewer samples than there is room for */
    check_gradient(3, (size_t[]){10, 7, 6}, 1, 0);
    check_gradient(1, (size_t[]){9}, 20, 5);     /* one block of four and a bit */
    check_gradient(2, (size_t[]){8, 11}, 13, 9); /* into the second channel */
    check_gradient(0, NULL, 20, 12);             /* nothing left but constants */
}

/* A dense layer alone: dX = W' dY set over what was there, added to it, or not written at all. */
static void test_dense_input_gradient(void **state)
{
    (void)state;
    enum { IN = 6, OUT = 4, BATCH = 5 };
    float parameter[IN * OUT + OUT], gradient[IN * OUT + OUT] = {0};
    float x[IN * BATCH], y[OUT * BATCH], dy[OUT * BATCH], dx[IN * BATCH];
    struct psi_layer layer = {
        .type = &psi_layer_dense, .units = OUT, .in = {IN, 1, 1}, .bias = IN * OUT};
    psi_layer_dense.plan(&layer);
    for (int i = 0; i < IN * OUT + OUT; i++)
        parameter[i] = sinf((float)i);
    for (int i = 0; i < IN * BATCH; i++)
        x[i] = cosf(2 * (float)i);
    struct psi_pass pass = {psi_kernels_get(psi_kernels_best()), parameter, BATCH, NULL};
    const float *input[PSI_INPUTS_MAX] = {x};
    for (int relu = 0; relu < 2; relu++)
        for (int way = 0; way < 3; way++) { /* set, add, none */
            layer.relu = relu;
            layer.type->forward(&layer, &pass, input, y);
            for (int i = 0; i < OUT * BATCH; i++)
                dy[i] = (float)(i % 7) - 3;
            for (int i = 0; i < IN * BATCH; i++)
                dx[i] = way == 0 ? NAN : (float)i;
            struct psi_input_gradient to[PSI_INPUTS_MAX] = {{way == 2 ? NULL : dx, way == 1}};
            layer.type->backward(&layer, &pass, input, y, dy, 0, gradient, to);
            for (int i = 0; i < IN; i++)
                for (int b = 0; b < BATCH; b++) {
                    double sum = way == 0 ? 0 : i * BATCH + b;
                    for (int u = 0; u < OUT && way != 2; u++)
                        if (!relu || y[u * BATCH + b] > 0)
                            sum += (double)parameter[u * IN + i] * ((u * BATCH + b) % 7 - 3);
                    assert_true(fabs((double)dx[i * BATCH + b] - sum) < 1e-5);
                }
        }
}

/* Logits of a batch do not depend on how much room the network has for one. */
static void test_batch_is_compact(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    float logits[TOY_CLASSES * 6];
    for (int i = 0; i < 2; i++) {
        struct psi_network *network =
            network_make(&toy.dataset, i ? 40 : 6, PSI_HE, 1, (size_t[]){9});
        network_draw(network, 5);
        uint32_t index[] = {4, 0, 9, 9, 30, 2};
        psi_network_gather(network, &toy.dataset, &toy.dataset.train, index, 6);
        const float *found = psi_network_forward(network, 6);
        if (i)
            assert_memory_equal(found, logits, sizeof logits);
        memcpy(logits, found, sizeof logits);
        psi_network_destroy(network);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_create_refuses),
        cmocka_unit_test(test_initial_variance),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_dense_input_gradient),
        cmocka_unit_test(test_batch_is_compact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
