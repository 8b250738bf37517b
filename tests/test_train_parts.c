/* The parts of training: loss, learning rates, evaluation. */
#include "net_fixture.h"

#include <math.h>
#include <string.h>

static void near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("%.12g found, %.12g expected", found, expected);
}

static void test_loss_closed_forms(void **state)
{
    (void)state;
    /* equal logits: ln(classes), gradient (1/classes - onehot) / batch */
    float equal[4 * 2] = {3, -7, 3, -7, 3, -7, 3, -7}, gradient[4 * 2];
    const uint8_t label[2] = {2, 0};
    near(psi_softmax_cross_entropy(equal, label, 4, 2, gradient), log(4), 1e-7);
    for (int c = 0; c < 4; c++)
        for (int b = 0; b < 2; b++)
            near((double)gradient[c * 2 + b], (0.25 - (c == label[b])) / 2, 1e-7);
    /* two classes, one sample: ln(1 + e^-margin), gradient of the label -1 / (1 + e^margin) */
    for (double margin = -20; margin <= 20; margin += 2.5) {
        float logits[2] = {1, (float)(1 + margin)}, d[2];
        const uint8_t one = 1;
        near(psi_softmax_cross_entropy(logits, &one, 2, 1, d), log1p(exp(-margin)),
             2e-6 * (1 + fabs(margin)));
        near((double)d[1], -1 / (1 + exp(margin)), 1e-6);
        near((double)d[0], 1 / (1 + exp(margin)), 1e-6);
    }
}

static void test_loss_of_large_logits(void **state)
{
    (void)state;
    const uint8_t right = 0, wrong = 1;
    float logits[3] = {1e30f, -1e30f, 0}, d[3];
    near(psi_softmax_cross_entropy(logits, &right, 3, 1, d), 0, 0);
    near((double)d[0], 0, 0);
    near(psi_softmax_cross_entropy(logits, &wrong, 3, 1, d) / 2e30, 1, 1e-6);
    near((double)d[1], -1, 0);
    float huge[2] = {1000, 990};
    near(psi_softmax_cross_entropy(huge, &wrong, 2, 1, NULL), 10 + log1p(exp(-10)), 1e-5);
    float nan[2] = {0, NAN}, infinite[2] = {INFINITY, 0};
    assert_true(isnan(psi_softmax_cross_entropy(nan, &right, 2, 1, NULL)));
    assert_false(isfinite(psi_softmax_cross_entropy(infinite, &right, 2, 1, NULL)));
}

static void test_loss_in_place(void **state)
{
    (void)state;
    enum { CLASSES = 5, BATCH = 7 };
    float logits[CLASSES * BATCH], apart[CLASSES * BATCH];
    uint8_t label[BATCH];
    for (int i = 0; i < CLASSES * BATCH; i++)
        logits[i] = 4 * sinf((float)i * 1.3f);
    for (int b = 0; b < BATCH; b++)
        label[b] = (uint8_t)(3 * b % CLASSES);
    double without = psi_softmax_cross_entropy(logits, label, CLASSES, BATCH, NULL);
    double loss = psi_softmax_cross_entropy(logits, label, CLASSES, BATCH, apart);
    double in_place = psi_softmax_cross_entropy(logits, label, CLASSES, BATCH, logits);
    assert_true(loss == in_place && loss == without);
    assert_memory_equal(logits, apart, sizeof apart);
}

static void test_rates(void **state)
{
    (void)state;
    struct psi_train_spec spec = {.rate = 0.4, .epochs = 5};
    for (size_t s = 0; s < 50; s++)
        near(psi_train_rate(&spec, 10, s), 0.4, 0);

    spec.schedule = PSI_COSINE; /* 50 steps: 0.4 at 0, half at 25, cos(pi/4) at 12.5 */
    near(psi_train_rate(&spec, 10, 0), 0.4, 1e-15);
    near(psi_train_rate(&spec, 10, 25), 0.2, 1e-15);
    near(psi_train_rate(&spec, 10, 10), 0.2 * (1 + 0.80901699437494742), 1e-15); /* cos 36 deg */
    near(psi_train_rate(&spec, 10, 49), 0.2 * (1 - 0.99802672842827156), 1e-15);

    spec.warmup = 1; /* 10 steps of rise, then 40 of cosine */
    for (size_t s = 0; s < 10; s++)
        near(psi_train_rate(&spec, 10, s), 0.04 * (double)(s + 1), 1e-15);
    near(psi_train_rate(&spec, 10, 10), 0.4, 1e-15);
    near(psi_train_rate(&spec, 10, 30), 0.2, 1e-15);

    spec.warmup = 0;
    spec.schedule = PSI_STEP;
    spec.step_epochs = 2;
    spec.step_factor = 0.1;
    near(psi_train_rate(&spec, 10, 19), 0.4, 1e-15);
    near(psi_train_rate(&spec, 10, 20), 0.04, 1e-15);
    near(psi_train_rate(&spec, 10, 39), 0.04, 1e-15);
    near(psi_train_rate(&spec, 10, 40), 0.004, 1e-15);
    spec.step_epochs = 0.1; /* 0.1 * 30 is 3 and a rounding error: step 3 must not come late */
    near(psi_train_rate(&spec, 30, 2), 0.4, 1e-15);
    near(psi_train_rate(&spec, 30, 3), 0.04, 1e-15);
    near(psi_train_rate(&spec, 30, 9), 0.0004, 1e-15);

    spec.warmup = 5; /* nothing but warm-up */
    near(psi_train_rate(&spec, 10, 49), 0.4, 1e-15);
}

/* No hidden layer and chosen weights: logits known by hand. */
static void test_evaluate(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    struct psi_score whole = {0}, score;
    static const size_t chunks[] = {TOY_TRAIN, 1, 7, 200};
    for (size_t k = 0; k < 4; k++) {
        struct psi_network *network = network_make(&toy.dataset, chunks[k], PSI_HE, 0, NULL);
        float *weight = psi_network_parameter(network);
        /* all logits equal: the lowest class is answered, the loss is ln 3 */
        size_t zeros = 0;
        for (size_t s = 0; s < TOY_TRAIN; s++)
            zeros += toy.label[s] == 0;
        assert_int_equal(
            psi_evaluate(network, &toy.dataset, &toy.dataset.train, NULL, &score, NULL), PSI_OK);
        assert_int_equal(score.samples, TOY_TRAIN);
        assert_int_equal(score.correct, zeros);
        assert_int_equal(score.predicted_classes, 1);
        near(score.loss, log(3), 1e-6);
        near(score.accuracy, (double)zeros / TOY_TRAIN, 0);
        /* a tie of classes 1 and 2 above 0 goes to 1 */
        weight[psi_network_weights(network) + 1] = weight[psi_network_weights(network) + 2] = 1;
        psi_evaluate(network, &toy.dataset, &toy.dataset.train, NULL, &score, NULL);
        size_t ones = 0;
        for (size_t s = 0; s < TOY_TRAIN; s++)
            ones += toy.label[s] == 1;
        assert_int_equal(score.correct, ones);
        /* each class reads its own bright pixel, of equal scale in one channel's units */
        for (size_t c = 0; c < TOY_CLASSES; c++) {
            float d = toy.dataset.deviation[4 * c / TOY_PLANE];
            float m = toy.dataset.mean[4 * c / TOY_PLANE];
            weight[c * TOY_FEATURES + 4 * c] = d / 50; /* d x + m = pixel */
            weight[psi_network_weights(network) + c] = m / 50;
        }
        psi_evaluate(network, &toy.dataset, &toy.dataset.train, NULL, &score, NULL);
        assert_int_equal(score.correct, TOY_TRAIN);
        assert_int_equal(score.predicted_classes, TOY_CLASSES);
        if (k == 0)
            whole = score;
        near(score.loss, whole.loss, 1e-6);
        psi_network_destroy(network);
    }
}

static int stop_at_third(void *context)
{
    return ++*(int *)context == 3;
}

static void test_evaluate_edges(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network = network_make(&toy.dataset, 5, PSI_HE, 0, NULL);
    struct psi_score score;
    struct psi_split none = {toy.pixel, toy.label, 0};
    assert_int_equal(psi_evaluate(network, &toy.dataset, &none, NULL, &score, NULL), PSI_OK);
    assert_true(isnan(score.accuracy) && isnan(score.loss));
    assert_int_equal(score.predicted_classes, 0);
    int calls = 0;
    struct psi_progress progress = {stop_at_third, &calls};
    struct psi_error err = {0};
    assert_int_equal(
        psi_evaluate(network, &toy.dataset, &toy.dataset.train, &progress, &score, &err),
        PSI_STOPPED);
    assert_int_equal(err.status, PSI_STOPPED);
    assert_int_equal(calls, 3);
    psi_network_destroy(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss_closed_forms), cmocka_unit_test(test_loss_of_large_logits),
        cmocka_unit_test(test_loss_in_place),     cmocka_unit_test(test_rates),
        cmocka_unit_test(test_evaluate),          cmocka_unit_test(test_evaluate_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
