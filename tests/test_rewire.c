/* Rewiring during training: counts, what is dropped, what grows. */
#include "net_fixture.h"
#include "psisweep/dynamic.h"
#include "psisweep/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t hidden[] = {20, 10};
enum { FIRST = TOY_FEATURES * 20, SECOND = 20 * 10, THIRD = 10 * TOY_CLASSES };
enum { WEIGHTS = FIRST + SECOND + THIRD, PARAMETERS = WEIGHTS + 20 + 10 + TOY_CLASSES };
enum { EPOCHS = 10, BATCH = 8, STEPS = EPOCHS * (TOY_TRAIN / BATCH) };

static const struct psi_train_spec optimizers[] = {
    {.optimizer = PSI_SGD, .rate = .05, .batch = BATCH, .epochs = EPOCHS},
    {.optimizer = PSI_SGD,
     .rate = .05,
     .momentum = .9,
     .weight_decay = .01,
     .batch = BATCH,
     .epochs = EPOCHS},
    {.optimizer = PSI_ADAM,
     .rate = .01,
     .beta1 = .9,
     .beta2 = .999,
     .epsilon = 1e-8,
     .weight_decay = .01,
     .batch = BATCH,
     .epochs = EPOCHS},
};

static struct psi_network *fresh(const struct psi_dataset *dataset)
{
    struct psi_network *network = network_make(dataset, 16, PSI_HE, 2, hidden);
    network_draw(network, 1);
    return network;
}

static struct psi_rewire *make(const struct psi_rewire_spec *spec, struct psi_network *network,
                               const struct psi_dataset *dataset, uint8_t *mask, uint64_t seed)
{
    struct psi_rewire *rewire = NULL;
    struct psi_error err = {0};
    assert_int_equal(psi_rewire_create(spec, network, dataset, mask, seed, "rewire", &rewire, &err),
                     PSI_OK);
    return rewire;
}

static void draw_mask(uint8_t *mask, double density)
{
    struct psi_random random;
    psi_random_open(&random, 8, "mask/%g", density);
    for (size_t i = 0; i < WEIGHTS; i++)
        mask[i] = psi_random_uniform(&random) < density;
}

/* Half a cosine from fraction to 0. */
static void test_fraction(void **state)
{
    (void)state;
    const struct psi_rewire_spec spec = {.interval = 1, .end = 60, .fraction = .3};
    const double expected[] = {.3, .15 * (1 + .5), .15, .15 * (1 - .5), 0, 0};
    const size_t step[] = {0, 20, 30, 40, 60, 90};
    for (int i = 0; i < 6; i++)
        assert_true(fabs(psi_rewire_fraction(&spec, step[i]) - expected[i]) < 1e-15);
}

/* Looks at every step of a training whose mask is rewired. */
struct watch {
    struct psi_rewire *rewire;
    struct psi_rewire_spec spec;
    struct psi_network *network;
    uint8_t *mask;
    size_t kept[3], moved;
};

static enum psi_status watched(void *context, size_t step, struct psi_optimizer_state *state,
                               struct psi_error *err)
{
    struct watch *watch = context;
    float *weight = psi_network_parameter(watch->network), before[PARAMETERS];
    uint8_t mask[WEIGHTS];
    memcpy(mask, watch->mask, sizeof mask);
    memcpy(before, weight, sizeof before);
    assert_true(psi_mask_holds(mask, WEIGHTS, weight, state));
    assert_int_equal(psi_rewire_step(watch->rewire, step, state, err), PSI_OK);
    assert_true(psi_mask_holds(watch->mask, WEIGHTS, weight, state));
    double fraction =
        step > 0 && step % watch->spec.interval == 0 ? psi_rewire_fraction(&watch->spec, step) : 0;
    for (size_t m = 0; m < 3; m++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(watch->network, m);
        size_t size = matrix->rows * matrix->cols, grown = 0, dropped = 0;
        for (size_t i = matrix->offset; i < matrix->offset + size; i++) {
            grown += watch->mask[i] && !mask[i];
            dropped += !watch->mask[i] && mask[i];
            assert_true(weight[i] == (watch->mask[i] && mask[i] ? before[i] : 0));
        }
        size_t moved = (size_t)lround(fraction * (double)watch->kept[m]);
        moved = moved < size - watch->kept[m] ? moved : size - watch->kept[m];
        assert_true(grown == moved && dropped == moved);
        assert_int_equal(psi_mask_count(watch->mask + matrix->offset, size), watch->kept[m]);
        watch->moved += moved;
    }
    assert_memory_equal(weight + WEIGHTS, before + WEIGHTS,
                        (PARAMETERS - WEIGHTS) * sizeof *weight);
    return PSI_OK;
}

/* Train with rewiring; parameters (PARAMETERS) as they come out. */
static size_t train(const struct psi_train_spec *optimizer, const struct psi_rewire_spec *spec,
                    double density, uint8_t *mask, float *parameter)
{
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network = fresh(&toy.dataset);
    draw_mask(mask, density);
    struct psi_rewire *rewire = make(spec, network, &toy.dataset, mask, 1);
    struct watch watch = {.rewire = rewire,
                          .spec = *spec,
                          .network = network,
                          .mask = mask,
                          .kept = {psi_mask_count(mask, FIRST),
                                   psi_mask_count(mask + FIRST, SECOND),
                                   psi_mask_count(mask + FIRST + SECOND, THIRD)}};
    struct psi_step_hook hook = {watched, &watch};
    struct psi_training training = {.spec = optimizer,
                                    .dataset = &toy.dataset,
                                    .mask = mask,
                                    .random_name = "train",
                                    .hook = &hook};
    int diverged = 1;
    assert_int_equal(psi_train(network, &training, &diverged, NULL), PSI_OK);
    assert_int_equal(diverged, 0);
    memcpy(parameter, psi_network_parameter(network), PARAMETERS * sizeof *parameter);
    psi_rewire_destroy(rewire);
    psi_network_destroy(network);
    return watch.moved;
}

static void test_counts_stay(void **state)
{
    (void)state;
    const struct psi_rewire_spec specs[] = {
        {.interval = 1, .end = STEPS, .fraction = .3, .batch = 16},
        {.interval = 7, .end = 40, .fraction = 1, .batch = 5},
        {.interval = 7, .end = 0, .fraction = 1, .batch = 1},
        {.interval = 7, .end = STEPS, .fraction = 0, .batch = 1},
    };
    const double densities[] = {1, .9, .3, .02, 0};
    uint8_t mask[WEIGHTS], again[WEIGHTS];
    float parameter[PARAMETERS], twice[PARAMETERS];
    for (int o = 0; o < 3; o++)
        for (int s = 0; s < 4; s++)
            for (int d = 0; d < 5; d++) {
                size_t moved = train(&optimizers[o], &specs[s], densities[d], mask, parameter);
                int moves = s < 2 && d > 0 && d < 4;
                assert_true(moves ? moved > 0 : moved == 0);
                if (s == 0) { /* the same bits again */
                    train(&optimizers[o], &specs[s], densities[d], again, twice);
                    assert_memory_equal(again, mask, sizeof mask);
                    assert_memory_equal(twice, parameter, sizeof parameter);
                }
            }
}

struct ranked {
    double magnitude;
    size_t weight;
};
static int by_magnitude(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->magnitude, y = ((const struct ranked *)b)->magnitude;
    return (x > y) - (x < y);
}

/* One rewiring beside a sort: of a training split of one sample the gradient is known, whatever is
 * drawn. */
static void test_choice(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    toy.dataset.train.samples = 1;
    struct psi_network *network = fresh(&toy.dataset);
    const struct psi_rewire_spec spec = {.interval = 5, .end = 20, .fraction = .6, .batch = 3};
    uint8_t mask[WEIGHTS], expected[WEIGHTS];
    float gradient[PARAMETERS], dlogits[TOY_CLASSES], *weight = psi_network_parameter(network);
    struct psi_optimizer_state *optimizer = NULL;
    assert_int_equal(psi_optimizer_create(&optimizers[2], PARAMETERS, &optimizer, NULL), PSI_OK);
    draw_mask(mask, .5);
    for (size_t i = 0; i < PARAMETERS; i++)
        weight[i] = i >= WEIGHTS ? .5F : mask[i] ? weight[i] : 0; /* biases: every unit is alive */
    memcpy(expected, mask, sizeof mask);
    psi_network_gather(network, &toy.dataset, &toy.dataset.train, NULL, 1);
    psi_softmax_cross_entropy(psi_network_forward(network, 1), toy.label, TOY_CLASSES, 1, dlogits);
    psi_network_backward(network, 1, dlogits, 0, gradient);
    for (size_t m = 0; m < 3; m++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
        struct ranked kept[FIRST], pruned[FIRST];
        size_t k = 0, p = 0;
        for (size_t i = matrix->offset; i < matrix->offset + matrix->rows * matrix->cols; i++)
            if (mask[i])
                kept[k++] = (struct ranked){fabs((double)weight[i]), i};
            else
                pruned[p++] = (struct ranked){fabs((double)gradient[i]), i};
        qsort(kept, k, sizeof *kept, by_magnitude);
        qsort(pruned, p, sizeof *pruned, by_magnitude);
        size_t moved = (size_t)lround(.3 * (double)k); /* halfway to the end */
        assert_true(moved >= 3 && pruned[p - moved].magnitude > pruned[p - moved - 1].magnitude);
        for (size_t i = 0; i < moved; i++) {
            expected[kept[i].weight] = 0;
            expected[pruned[p - 1 - i].weight] = 1;
        }
    }
    struct psi_rewire *rewire = make(&spec, network, &toy.dataset, mask, 1);
    assert_int_equal(psi_rewire_step(rewire, 10, optimizer, NULL), PSI_OK);
    assert_memory_equal(mask, expected, sizeof mask);
    psi_rewire_destroy(rewire);
    psi_optimizer_destroy(optimizer);
    psi_network_destroy(network);
}

/* No gradient anywhere in a layer between dead units: what grows there is drawn evenly. */
static void test_dead_layers_grow_by_chance(void **state)
{
    (void)state;
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network = fresh(&toy.dataset);
    const struct psi_rewire_spec spec = {.interval = 1, .end = 1000, .fraction = .1, .batch = 8};
    struct psi_optimizer_state *optimizer = NULL;
    assert_int_equal(psi_optimizer_create(&optimizers[0], PARAMETERS, &optimizer, NULL), PSI_OK);
    memset(psi_network_parameter(network), 0, PARAMETERS * sizeof(float));
    enum { DRAWS = 4000, KEPT = 10, FREE = SECOND - KEPT };
    size_t count[SECOND] = {0};
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        uint8_t mask[WEIGHTS] = {0};
        memset(mask + FIRST, 1, KEPT);
        struct psi_rewire *rewire = make(&spec, network, &toy.dataset, mask, seed);
        assert_int_equal(psi_rewire_step(rewire, 1, optimizer, NULL), PSI_OK);
        psi_rewire_destroy(rewire);
        for (size_t i = 0; i < SECOND; i++)
            count[i] += mask[FIRST + i];
    }
    double grown = 0, dropped = 0, expected = (double)DRAWS / FREE; /* one weight each time */
    for (size_t i = 0; i < SECOND; i++)
        if (i < KEPT)
            dropped += pow((double)(DRAWS - count[i]) - DRAWS / 10.0, 2) / (DRAWS / 10.0);
        else
            grown += pow((double)count[i] - expected, 2) / expected;
    assert_true(dropped < 33.7);             /* chi-square, 9 degrees of freedom: p = 1e-4 */
    assert_true(grown > 124 && grown < 270); /* 189: p = 1e-4 either side */
    psi_optimizer_destroy(optimizer);
    psi_network_destroy(network);
}

/* Normalisation's running statistics, which a pass in training moves, are left alone. */
static void test_statistics_stay(void **state)
{
    (void)state;
    const struct psi_model_spec model = {.kind = PSI_CONV2, .init = PSI_HE, .batchnorm = 1};
    const struct psi_data_spec data = {.set = PSI_GLYPHS, .train = 20, .test = 1};
    const struct psi_rewire_spec spec = {.interval = 1, .end = 9, .fraction = .5, .batch = 8};
    struct psi_dataset *dataset = NULL;
    struct psi_network *network = NULL;
    struct psi_optimizer_state *optimizer = NULL;
    assert_int_equal(psi_dataset_create(&data, &dataset, NULL), PSI_OK);
    assert_int_equal(psi_network_create(&model, dataset, 8, psi_kernels_best(), &network, NULL),
                     PSI_OK);
    size_t weights = psi_network_weights(network), parameters = psi_network_parameters(network);
    assert_true(parameters > psi_network_trained(network));
    assert_int_equal(psi_optimizer_create(&optimizers[0], parameters, &optimizer, NULL), PSI_OK);
    network_draw(network, 1);
    float *rest = psi_network_parameter(network) + weights;
    float *before = malloc((parameters - weights) * sizeof *before);
    uint8_t *mask = malloc(weights), *old = malloc(weights);
    memcpy(before, rest, (parameters - weights) * sizeof *before);
    for (size_t i = 0; i < weights; i++)
        old[i] = mask[i] = i % 3 == 0;
    psi_optimizer_mask(optimizer, network, mask);
    struct psi_rewire *rewire = make(&spec, network, dataset, mask, 1);
    assert_int_equal(psi_rewire_step(rewire, 1, optimizer, NULL), PSI_OK);
    assert_memory_equal(rest, before, (parameters - weights) * sizeof *before);
    assert_memory_not_equal(mask, old, weights);
    for (size_t m = 0; m < psi_network_matrices(network); m++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
        size_t size = matrix->rows * matrix->cols;
        assert_int_equal(psi_mask_count(mask + matrix->offset, size),
                         psi_mask_count(old + matrix->offset, size));
    }
    psi_rewire_destroy(rewire);
    psi_optimizer_destroy(optimizer);
    free(old);
    free(mask);
    free(before);
    psi_network_destroy(network);
    psi_dataset_destroy(dataset);
}

static void test_refuses(void **state)
{
    (void)state;
    const struct psi_rewire_spec bad[] = {
        {.interval = 0, .fraction = .3, .batch = 8},  {.interval = 1, .fraction = -.1, .batch = 8},
        {.interval = 1, .fraction = 1.1, .batch = 8}, {.interval = 1, .fraction = NAN, .batch = 8},
        {.interval = 1, .fraction = .3, .batch = 0},  {.interval = 1, .fraction = .3, .batch = 17},
    };
    struct toy toy;
    toy_fill(&toy);
    struct psi_network *network = fresh(&toy.dataset);
    uint8_t mask[WEIGHTS];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct psi_rewire *rewire = NULL;
        struct psi_error err = {0};
        assert_int_equal(
            psi_rewire_create(&bad[i], network, &toy.dataset, mask, 1, "r", &rewire, &err),
            PSI_USAGE);
        assert_null(rewire);
        assert_non_null(strstr(err.text, "expected"));
    }
    psi_rewire_destroy(NULL);
    psi_network_destroy(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fraction),        cmocka_unit_test(test_counts_stay),
        cmocka_unit_test(test_choice),          cmocka_unit_test(test_dead_layers_grow_by_chance),
        cmocka_unit_test(test_statistics_stay), cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
