/* Whole training steps of convolutional networks against PyTorch: ref/trajectory_conv_torch.h. */
#include "net_fixture.h"
#include "ref/trajectory_conv_torch.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 24, BATCH_MAX = 16, STEPS = 12, CLASSES = 4, LAST = 40, PIXELS_MAX = 400 };

/* In [-1, 1). */
static double noise(size_t i)
{
    return (double)(uint32_t)(i * 2654435761u) / 2147483648.0 - 1;
}

static void set_parameters(struct psi_network *network)
{
    float *parameter = psi_network_parameter(network);
    network_draw(network, 1); /* gains 1, biases and shifts 0, running statistics as they begin */
    for (size_t i = 0; i < psi_network_matrices(network); i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, i);
        double scale = sqrt(6 / (double)matrix->cols);
        for (size_t w = 0; w < matrix->rows * matrix->cols; w++)
            parameter[matrix->offset + w] = (float)(scale * noise(matrix->offset + w));
    }
    for (size_t i = psi_network_weights(network); i < psi_network_trained(network); i++)
        parameter[i] = (float)((double)parameter[i] + 0.1 * noise(i));
}

static void near(const char *what, size_t i, double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("%s %zu: %.9g, PyTorch %.9g", what, i, found, expected);
}

struct trajectory {
    size_t parameters, batch, stride;
    const double *loss, *final;
};

static void compare(struct psi_model_spec model, const size_t *image,
                    const struct trajectory *expected)
{
    size_t batch = expected->batch, parameters = expected->parameters;
    const double *final = expected->final;
    struct psi_train_spec spec = {
        .optimizer = PSI_SGD, .momentum = 0.9, .weight_decay = 0.01, .batch = batch};
    uint8_t pixel[SAMPLES * PIXELS_MAX], label[SAMPLES];
    size_t pixels = image[0] * image[1] * image[2];
    for (size_t s = 0; s < SAMPLES; s++) {
        label[s] = (uint8_t)((7 * s + s * s / 3) % CLASSES);
        for (size_t f = 0; f < pixels; f++)
            pixel[s * pixels + f] = (uint8_t)((37 * s + 91 * f + 13 * s * f + f * f) % 256);
    }
    struct psi_dataset dataset = {.channels = image[0],
                                  .height = image[1],
                                  .width = image[2],
                                  .features = pixels,
                                  .classes = CLASSES,
                                  .train = {pixel, label, SAMPLES},
                                  .mean = {120, 120, 120},
                                  .deviation = {70, 70, 70}};
    struct psi_network *network = NULL;
    struct psi_optimizer_state *state = NULL;
    struct psi_error err = {0};
    assert_int_equal(
        psi_network_create(&model, &dataset, batch, psi_kernels_best(), &network, &err), PSI_OK);
    assert_int_equal(psi_network_parameters(network), parameters);
    assert_int_equal(psi_optimizer_create(&spec, parameters, &state, &err), PSI_OK);
    set_parameters(network);
    for (size_t t = 0; t <= STEPS; t++) { /* the last time round: evaluation of the last batch */
        uint32_t index[BATCH_MAX];
        uint8_t answer[BATCH_MAX];
        float dlogits[CLASSES * BATCH_MAX];
        for (size_t b = 0; b < batch; b++) {
            index[b] = (uint32_t)((batch * (t < STEPS ? t : STEPS - 1) + 3 * b) % SAMPLES);
            answer[b] = label[index[b]];
        }
        psi_network_gather(network, &dataset, &dataset.train, index, batch);
        const float *logits = t < STEPS ? psi_network_forward_training(network, batch)
                                        : psi_network_forward(network, batch);
        near("loss", t, psi_softmax_cross_entropy(logits, answer, CLASSES, batch, dlogits),
             expected->loss[t], 2e-5 * (1 + expected->loss[t]));
        if (t < STEPS)
            psi_optimizer_step(state, network, NULL, batch, dlogits, 0.003);
    }
    const float *parameter = psi_network_parameter(network);
    size_t kept = 0;
    for (size_t i = 0; i < parameters; i += expected->stride, kept++)
        near("parameter", i, (double)parameter[i], final[kept], 2e-5 * (1 + fabs(final[kept])));
    for (size_t i = parameters - LAST; i < parameters; i++, kept++)
        near("parameter", i, (double)parameter[i], final[kept], 2e-5 * (1 + fabs(final[kept])));
    psi_optimizer_destroy(state);
    psi_network_destroy(network);
}

#define COMPARE(name, image, ...)                                                             \
    compare((struct psi_model_spec){__VA_ARGS__}, image,                                      \
            &(struct trajectory){name##_parameters, name##_batch, name##_stride, name##_loss, \
                                 name##_final})

static const size_t grey[] = {1, 16, 16}, odd[] = {2, 12, 13}, colour[] = {3, 6, 5};
static const size_t two_pools[] = {3, 5, 7}, three_pools[] = {3, 9, 8};

static void test_lenet5(void **state)
{
    (void)state;
    COMPARE(lenet5, grey, .kind = PSI_LENET5);
    COMPARE(lenet5_norm, grey, .kind = PSI_LENET5, .batchnorm = 1);
}

static void test_lenet5_classic(void **state)
{
    (void)state;
    COMPARE(classic, odd, .kind = PSI_LENET5_CLASSIC);
}

static void test_conv2(void **state)
{
    (void)state;
    COMPARE(conv2, colour, .kind = PSI_CONV2);
    COMPARE(conv2_norm, colour, .kind = PSI_CONV2, .batchnorm = 1);
}

static void test_conv4(void **state)
{
    (void)state;
    COMPARE(conv4, two_pools, .kind = PSI_CONV4);
    COMPARE(conv4_norm, two_pools, .kind = PSI_CONV4, .batchnorm = 1);
}

static void test_conv6(void **state)
{
    (void)state;
    COMPARE(conv6, three_pools, .kind = PSI_CONV6);
    COMPARE(conv6_norm, three_pools, .kind = PSI_CONV6, .batchnorm = 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lenet5), cmocka_unit_test(test_lenet5_classic),
        cmocka_unit_test(test_conv2),  cmocka_unit_test(test_conv4),
        cmocka_unit_test(test_conv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
