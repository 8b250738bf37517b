/* What a call of psi_prune promises whatever the criterion is: counts, rounds, noise, where it may
 * prune, and that it leaves no trace. */
#include "criteria_fixture.h"

static struct psi_error err;

enum { WEIGHTS = 12 * 10 + 10 * 8 + 8 * 4 };

static struct psi_network *make(struct shared *shared)
{
    shared_fill(shared, PSI_MLP);
    return shared_network(shared, PSI_MLP, 0, 5);
}

static enum psi_status prune(struct psi_network *network, const struct psi_dataset *dataset,
                             const char *stream, const struct psi_prune_spec *spec, uint8_t *mask)
{
    struct psi_random random;
    psi_random_open(&random, 1, "%s", stream);
    const struct psi_score_input input = {
        .network = network, .random = &random, .dataset = dataset, .samples = 13};
    return psi_prune(spec, &input, mask, &err);
}

static size_t count_in(const struct psi_network *network, const uint8_t *mask, size_t m)
{
    const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
    return psi_mask_count(mask + matrix->offset, matrix->rows * matrix->cols);
}

static int is_within(const uint8_t *mask, const uint8_t *within)
{
    for (size_t i = 0; i < WEIGHTS; i++)
        if (mask[i] > within[i])
            return 0;
    return 1;
}

/* Exact counts within a mask, the same again, parameters as they were, those under it included; and
 * to write over that mask is no different. */
static void check_one(struct psi_network *network, const struct psi_dataset *dataset,
                      const struct psi_prune_spec *spec, size_t expected)
{
    uint8_t mask[WEIGHTS], again[WEIGHTS];
    float kept[WEIGHTS + 22];
    memcpy(kept, psi_network_parameter(network), sizeof kept);
    assert_int_equal(prune(network, dataset, "mask", spec, mask), PSI_OK);
    assert_memory_equal(psi_network_parameter(network), kept, sizeof kept);
    if (!psi_criteria[spec->criterion].structured)
        assert_int_equal(psi_mask_count(mask, WEIGHTS), expected);
    if (!spec->within)
        return;
    assert_true(is_within(mask, spec->within));
    struct psi_prune_spec over = *spec;
    memcpy(again, spec->within, WEIGHTS);
    over.within = again;
    assert_int_equal(prune(network, dataset, "mask", &over, again), PSI_OK);
    assert_memory_equal(again, mask, WEIGHTS);
}

static void test_every_criterion(void **state)
{
    (void)state;
    static struct shared shared;
    struct psi_network *network = make(&shared);
    uint8_t within[WEIGHTS];
    for (size_t i = 0; i < WEIGHTS; i++)
        within[i] = i % 3 != 1;
    for (int row = 0; psi_criteria[row].name; row++)
        for (int scope = PSI_GLOBAL; scope <= PSI_ERK; scope++)
            for (size_t rounds = 0; rounds <= 3; rounds++)
                for (int part = 0; part < 2; part++) {
                    struct psi_prune_spec spec = {.criterion = row,
                                                  .scope = scope,
                                                  .density = .2,
                                                  .rounds = rounds,
                                                  .noise = rounds == 2 ? .35 : 0,
                                                  .within = part ? within : NULL};
                    if (psi_criteria[row].structured && scope == PSI_ERK)
                        continue;
                    /* .2 of 120, 80, 32 and 232: 24, 16, 6.4, and 46.4 */
                    check_one(network, &shared.dataset, &spec, 46);
                    spec.density = part ? 155. / WEIGHTS : 1;
                    if (scope == PSI_GLOBAL)
                        check_one(network, &shared.dataset, &spec, part ? 155 : WEIGHTS);
                    spec.density = 0;
                    check_one(network, &shared.dataset, &spec, 0);
                }
    psi_network_destroy(network);
}

/* Layers of given densities, halves going up; and each pool of its own within a mask. */
static void test_like(void **state)
{
    (void)state;
    static struct shared shared;
    struct psi_network *network = make(&shared);
    const double density[] = {.1, .13125, 1};
    uint8_t mask[WEIGHTS], narrower[WEIGHTS];
    struct psi_prune_spec spec = {
        .scope = PSI_LIKE, .density = NAN, .layer_density = density, .rounds = 4};
    assert_int_equal(prune(network, NULL, "like", &spec, mask), PSI_OK);
    assert_int_equal(count_in(network, mask, 0), 12);
    assert_int_equal(count_in(network, mask, 1), 11); /* 10.5 */
    assert_int_equal(count_in(network, mask, 2), 32);
    const double lower[] = {.1, 0, .25}, higher[] = {.1, .15, .25};
    spec.within = mask;
    spec.layer_density = lower;
    assert_int_equal(prune(network, NULL, "like", &spec, narrower), PSI_OK);
    assert_true(is_within(narrower, mask));
    assert_memory_equal(narrower, mask, 120);
    assert_int_equal(count_in(network, narrower, 1), 0);
    assert_int_equal(count_in(network, narrower, 2), 8);
    spec.layer_density = higher;
    assert_int_equal(prune(network, NULL, "like", &spec, narrower), PSI_USAGE);
    assert_non_null(strstr(err.text, "dense2"));
    psi_network_destroy(network);
}

/* Within a mask that leaves a layer less than its share, ERK gives the others the rest. */
static void test_erk_within(void **state)
{
    (void)state;
    static struct shared shared;
    struct psi_network *network = make(&shared);
    uint8_t within[WEIGHTS], mask[WEIGHTS];
    for (size_t i = 0; i < WEIGHTS; i++)
        within[i] = i < 200 || i % 8 == 0;
    /* shares eps (22, 18, 12): of 46 they would be 19.5, 15.9, 10.6; with 4 for the
     * last, 23.1, 18.9 */
    const struct psi_prune_spec spec = {.scope = PSI_ERK, .density = .2, .within = within};
    assert_int_equal(prune(network, NULL, "erk", &spec, mask), PSI_OK);
    assert_int_equal(count_in(network, mask, 0), 23);
    assert_int_equal(count_in(network, mask, 1), 19);
    assert_int_equal(count_in(network, mask, 2), 4);
    psi_network_destroy(network);
}

/* What does not change with what is pruned prunes the same in any number of rounds. */
static void test_rounds_of_magnitude(void **state)
{
    (void)state;
    static struct shared shared;
    struct psi_network *network = make(&shared);
    for (int scope = PSI_GLOBAL; scope <= PSI_ERK; scope++) {
        uint8_t once[WEIGHTS], often[WEIGHTS];
        struct psi_prune_spec spec = {.scope = scope, .density = .07, .noise = .5};
        assert_int_equal(prune(network, NULL, "rounds", &spec, once), PSI_OK);
        spec.rounds = 17;
        assert_int_equal(prune(network, NULL, "rounds", &spec, often), PSI_OK);
        assert_memory_equal(once, often, WEIGHTS);
    }
    psi_network_destroy(network);
}

/* log score + noise Gumbel is largest with a probability of score^(1/noise) over the sum of these
 * (Gumbel-max): with noise .5, w^2. */
static void test_noise(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    const struct psi_dataset shape = {
        .channels = 1, .height = 1, .width = 2, .features = 2, .classes = 2};
    struct psi_network *network = network_make(&shape, 1, PSI_HE, 0, NULL);
    const float weight[] = {.1F, -.2F, .3F, .4F};
    memcpy(psi_network_parameter(network), weight, sizeof weight);
    size_t survived[4] = {0};
    for (unsigned draw = 0; draw < DRAWS; draw++) {
        struct psi_random random;
        psi_random_open(&random, 1, "noise/draw=%u", draw);
        const struct psi_score_input input = {.network = network, .random = &random};
        const struct psi_prune_spec spec = {.density = .25, .noise = .5};
        uint8_t mask[4];
        assert_int_equal(psi_prune(&spec, &input, mask, &err), PSI_OK);
        for (size_t i = 0; i < 4; i++)
            survived[i] += mask[i];
    }
    for (size_t i = 0; i < 4; i++) {
        double p = (double)(weight[i] * weight[i]) / .3;
        assert_true(fabs((double)survived[i] / DRAWS - p) < 3.5 * sqrt(p * (1 - p) / DRAWS));
    }
    psi_network_destroy(network);
}

/* The samples are the first of a permutation: the same mask as from a set of these alone. */
static void test_samples(void **state)
{
    (void)state;
    enum { TAKEN = 13 };
    static struct shared shared, taken;
    struct psi_network *network = make(&shared);
    shared_fill(&taken, PSI_MLP);
    uint32_t order[SHARED_SAMPLES];
    for (uint32_t i = 0; i < SHARED_SAMPLES; i++)
        order[i] = i;
    struct psi_random random;
    psi_random_open(&random, 1, "samples");
    psi_random_shuffle(&random, order, SHARED_SAMPLES);
    for (size_t i = 0; i < TAKEN; i++) {
        memcpy(taken.pixel + 12 * i, shared.pixel + 12 * order[i], 12);
        taken.label[i] = shared.label[order[i]];
    }
    taken.dataset.train.samples = TAKEN;
    uint8_t mask[WEIGHTS], same[WEIGHTS], other[WEIGHTS];
    const struct psi_prune_spec spec = {.criterion = criterion_named("snip"), .density = .3};
    assert_int_equal(prune(network, &shared.dataset, "samples", &spec, mask), PSI_OK);
    assert_int_equal(prune(network, &taken.dataset, "any", &spec, same), PSI_OK);
    assert_int_equal(prune(network, &shared.dataset, "others", &spec, other), PSI_OK);
    assert_memory_equal(mask, same, WEIGHTS);
    assert_memory_not_equal(mask, other, WEIGHTS);
    psi_network_destroy(network);
}

static int count_down(void *context)
{
    size_t *left = context;
    return (*left)-- == 0;
}

/* Stopped after any number of calls: nothing has changed. */
static void test_stop(void **state)
{
    (void)state;
    static struct shared shared;
    struct psi_network *network = make(&shared);
    float kept[WEIGHTS + 22];
    uint8_t mask[WEIGHTS], before[WEIGHTS];
    memset(mask, 7, WEIGHTS);
    memset(before, 7, WEIGHTS);
    memcpy(kept, psi_network_parameter(network), sizeof kept);
    for (int row = 0; psi_criteria[row].name; row++) {
        enum psi_status status = PSI_STOPPED;
        for (size_t calls = 0; status == PSI_STOPPED; calls++) {
            size_t left = calls;
            const struct psi_progress progress = {count_down, &left};
            struct psi_random random;
            psi_random_open(&random, 1, "stop");
            const struct psi_score_input input = {.network = network,
                                                  .random = &random,
                                                  .dataset = &shared.dataset,
                                                  .progress = &progress};
            const struct psi_prune_spec spec = {.criterion = row, .density = .1, .rounds = 3};
            status = psi_prune(&spec, &input, mask, &err);
            assert_memory_equal(psi_network_parameter(network), kept, sizeof kept);
            if (status == PSI_STOPPED)
                assert_memory_equal(mask, before, WEIGHTS);
            else
                assert_true(calls >= 3); /* rounds */
        }
        assert_int_equal(status, PSI_OK);
        memset(mask, 7, WEIGHTS);
    }
    psi_network_destroy(network);
}

static void test_refuses(void **state)
{
    (void)state;
    static struct shared shared;
    struct psi_network *network = make(&shared);
    struct psi_random random;
    psi_random_open(&random, 1, "refuses");
    const double bad[] = {.5, 1.5, .5};
    const uint8_t none[WEIGHTS] = {0};
    const int snip = criterion_named("snip"), units = criterion_named("unit-norm");
    const struct psi_score_input plain = {.network = network, .random = &random};
    const struct psi_score_input deaf = {.network = network, .dataset = &shared.dataset};
    const struct psi_score_input greedy = {.network = network,
                                           .random = &random,
                                           .dataset = &shared.dataset,
                                           .samples = SHARED_SAMPLES + 1};
    const struct {
        const char *word;
        struct psi_prune_spec spec;
        const struct psi_score_input *input;
    } cases[] = {
        {"scope", {.scope = -1, .density = .5}, &plain},
        {"scope", {.scope = PSI_LIKE + 1, .density = .5}, &plain},
        {"scope", {.scope = PSI_LIKE, .density = .5}, &plain},
        {"layer 2's density", {.scope = PSI_LIKE, .layer_density = bad}, &plain},
        {"noise", {.density = .5, .noise = -1}, &plain},
        {"noise", {.density = .5, .noise = NAN}, &plain},
        {"random", {.density = .5, .noise = .1}, &deaf},
        {"random", {.criterion = snip, .density = .5}, &deaf},
        {"random", {.criterion = criterion_named("random"), .density = .5}, &deaf},
        {"training samples", {.criterion = snip, .density = .5}, &plain},
        {"25 samples", {.criterion = snip, .density = .5}, &greedy},
        {"units", {.criterion = units, .scope = PSI_ERK, .density = .5}, &plain},
        {"of 0", {.density = .01, .within = none}, &plain},
        {"of 0", {.scope = PSI_ERK, .density = .01, .within = none}, &plain},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t mask[WEIGHTS], before[WEIGHTS];
        memset(mask, 7, WEIGHTS);
        memset(before, 7, WEIGHTS);
        assert_int_equal(psi_prune(&cases[i].spec, cases[i].input, mask, &err), PSI_USAGE);
        if (!strstr(err.text, cases[i].word))
            fail_msg("case %zu: %s", i, err.text);
        assert_memory_equal(mask, before, WEIGHTS);
    }
    psi_network_destroy(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_criterion),
        cmocka_unit_test(test_like),
        cmocka_unit_test(test_erk_within),
        cmocka_unit_test(test_rounds_of_magnitude),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
