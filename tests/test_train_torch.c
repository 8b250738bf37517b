/* Whole training steps against PyTorch: the trajectories in ref/trajectory_torch.h. */
#include "net_fixture.h"
#include "ref/trajectory_torch.h"

#include <math.h>
#include <string.h>

enum { FEATURES = 12, CLASSES = 4, SAMPLES = 40, BATCH = 8, STEPS = 25 };
enum { WEIGHTS = 12 * 10 + 10 * 8 + 8 * 4, PARAMETERS = WEIGHTS + 10 + 8 + 4 };

static void compare(const struct psi_train_spec *spec, int masked, const double *loss,
                    const double *final)
{
    uint8_t pixel[SAMPLES * FEATURES], label[SAMPLES], mask[WEIGHTS];
    for (int s = 0; s < SAMPLES; s++) {
        label[s] = (uint8_t)((7 * s + s * s / 3) % CLASSES);
        for (int f = 0; f < FEATURES; f++)
            pixel[s * FEATURES + f] = (uint8_t)((37 * s + 91 * f + 13 * s * f) % 256);
    }
    for (int i = 0; i < WEIGHTS; i++)
        mask[i] = !masked || (7 * i + i / 10) % 10 < 6;
    struct psi_dataset dataset = {.channels = 1,
                                  .height = 3,
                                  .width = 4,
                                  .features = FEATURES,
                                  .classes = CLASSES,
                                  .train = {pixel, label, SAMPLES},
                                  .mean = {120},
                                  .deviation = {70}};
    struct psi_network *network = network_make(&dataset, BATCH, PSI_HE, 2, (size_t[]){10, 8});
    assert_int_equal(psi_network_parameters(network), PARAMETERS);
    float *parameter = psi_network_parameter(network);
    for (int i = 0; i < PARAMETERS; i++)
        parameter[i] = i >= WEIGHTS || mask[i] ? (float)(0.4 * sin(1.7 * i + 0.3)) : 0;
    struct psi_optimizer_state *state = NULL;
    assert_int_equal(psi_optimizer_create(spec, PARAMETERS, &state, NULL), PSI_OK);

    for (int t = 0; t < STEPS; t++) {
        uint32_t index[BATCH];
        uint8_t answer[BATCH];
        float dlogits[CLASSES * BATCH];
        for (int b = 0; b < BATCH; b++) {
            index[b] = (uint32_t)((BATCH * t + 3 * b) % SAMPLES);
            answer[b] = label[index[b]];
        }
        psi_network_gather(network, &dataset, &dataset.train, index, BATCH);
        double found = psi_softmax_cross_entropy(psi_network_forward(network, BATCH), answer,
                                                 CLASSES, BATCH, dlogits);
        if (fabs(found - loss[t]) > 1e-5 * loss[t])
            fail_msg("step %d: loss %.9g, PyTorch %.9g", t, found, loss[t]);
        psi_optimizer_step(state, network, masked ? mask : NULL, BATCH, dlogits,
                           psi_train_rate(spec, STEPS / spec->epochs, (size_t)t));
        if (masked)
            assert_true(psi_mask_holds(mask, WEIGHTS, parameter, state));
    }
    for (int i = 0; i < PARAMETERS; i++)
        if (fabs(parameter[i] - final[i]) > 2e-5)
            fail_msg("parameter %d: %.9g, PyTorch %.9g", i, parameter[i], final[i]);
    psi_optimizer_destroy(state);
    psi_network_destroy(network);
}

static const struct psi_train_spec sgd = {.optimizer = PSI_SGD,
                                          .rate = 0.1,
                                          .momentum = 0.9,
                                          .weight_decay = 0.01,
                                          .batch = BATCH,
                                          .epochs = 5};
static const struct psi_train_spec adam = {.optimizer = PSI_ADAM,
                                           .rate = 0.01,
                                           .schedule = PSI_COSINE,
                                           .beta1 = 0.9,
                                           .beta2 = 0.999,
                                           .epsilon = 1e-8,
                                           .weight_decay = 0.001,
                                           .batch = BATCH,
                                           .epochs = 5};

static void test_sgd_dense(void **state)
{
    (void)state;
    compare(&sgd, 0, sgd_dense_loss, sgd_dense_final);
}

static void test_sgd_masked(void **state)
{
    (void)state;
    compare(&sgd, 1, sgd_masked_loss, sgd_masked_final);
}

static void test_adam_dense(void **state)
{
    (void)state;
    compare(&adam, 0, adam_dense_loss, adam_dense_final);
}

static void test_adam_masked(void **state)
{
    (void)state;
    compare(&adam, 1, adam_masked_loss, adam_masked_final);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgd_dense),
        cmocka_unit_test(test_sgd_masked),
        cmocka_unit_test(test_adam_dense),
        cmocka_unit_test(test_adam_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
