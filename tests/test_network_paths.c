/* Path connectivity: hand-made nets, and every path of small random ones. */
#include "net_fixture.h"

#include <string.h>

enum { WEIGHTS_MAX = 200, CLASSES_MAX = 8 };

/* 1 x inputs -> hidden -> classes. */
static struct psi_network *make(size_t inputs, size_t classes, size_t depth, const size_t *hidden)
{
    struct psi_dataset shape = {.channels = 1, .height = 1, .width = inputs, .classes = classes};
    return network_make(&shape, 1, PSI_HE, depth, hidden);
}

static void expect(size_t inputs, size_t classes, size_t depth, const size_t *hidden,
                   const uint8_t *mask, const uint8_t *on_path, const uint8_t *reachable)
{
    struct psi_network *network = make(inputs, classes, depth, hidden);
    uint8_t found[WEIGHTS_MAX], reached[CLASSES_MAX];
    size_t count = 999, expected = 0, weights = psi_network_weights(network);
    memset(found, 7, sizeof found);
    memset(reached, 7, sizeof reached);
    assert_int_equal(psi_network_paths(network, mask, found, reached, &count, NULL), PSI_OK);
    for (size_t i = 0; i < weights; i++)
        expected += on_path[i];
    assert_memory_equal(found, on_path, weights);
    assert_memory_equal(reached, reachable, classes);
    assert_int_equal(count, expected);
    count = 999;
    assert_int_equal(psi_network_paths(network, mask, NULL, NULL, &count, NULL), PSI_OK);
    assert_int_equal(count, expected);
    psi_network_destroy(network);
}

static void test_by_hand(void **state)
{
    (void)state;
    /* 2 inputs -> 2 hidden -> 2 classes; rows are the units of the later layer */
    const size_t hidden[] = {2};
    const uint8_t all[8] = {1, 1, 1, 1, 1, 1, 1, 1}, none[8] = {0}, both[2] = {1, 1};
    expect(2, 2, 1, hidden, all, all, both);
    expect(2, 2, 1, hidden, none, none, none);
    /* hidden 1 has no input: its outgoing weights are on no path; class 1 hangs on it alone */
    const uint8_t orphan[8] = {1, 1, 0, 0, 1, 1, 0, 1}, orphan_path[8] = {1, 1, 0, 0, 1, 0, 0, 0};
    expect(2, 2, 1, hidden, orphan, orphan_path, (uint8_t[]){1, 0});
    /* hidden 1 is a dead end: what leads into it is on no path */
    const uint8_t dead[8] = {0, 1, 1, 1, 1, 0, 1, 0}, dead_path[8] = {0, 1, 0, 0, 1, 0, 1, 0};
    expect(2, 2, 1, hidden, dead, dead_path, both);
    /* first layer whole, second empty */
    const uint8_t cut[8] = {1, 1, 1, 1, 0, 0, 0, 0};
    expect(2, 2, 1, hidden, cut, none, none);
    /* no hidden layer: every weight is a path */
    const uint8_t direct[4] = {0, 1, 0, 0};
    expect(2, 2, 0, NULL, direct, direct, (uint8_t[]){1, 0});
}

enum { LEVELS_MAX = 5, UNITS_MAX = 6 };

/* Try every choice of one unit a level, units[0] x ... x units[depth] of them, as one number. */
static void try_every_path(size_t depth, const size_t *units, const uint8_t *mask, uint8_t *on_path,
                           uint8_t *reachable)
{
    size_t choices = 1;
    for (size_t l = 0; l <= depth; l++)
        choices *= units[l];
    for (size_t choice = 0; choice < choices; choice++) {
        size_t weight[LEVELS_MAX], offset = 0, rest = choice / units[0], at = choice % units[0];
        int whole = 1;
        for (size_t l = 0; l < depth; l++) {
            size_t to = rest % units[l + 1];
            weight[l] = offset + to * units[l] + at;
            whole &= mask[weight[l]];
            offset += units[l] * units[l + 1];
            rest /= units[l + 1];
            at = to;
        }
        for (size_t l = 0; whole && l < depth; l++)
            on_path[weight[l]] = 1;
        if (whole)
            reachable[at] = 1;
    }
}

static void test_every_path(void **state)
{
    (void)state;
    struct psi_random random;
    psi_random_open(&random, 2, "paths");
    for (int trial = 0; trial < 400; trial++) {
        size_t depth = 1 + psi_random_below(&random, LEVELS_MAX - 1), weights = 0;
        size_t units[LEVELS_MAX];
        uint8_t mask[WEIGHTS_MAX], on_path[WEIGHTS_MAX] = {0}, reachable[CLASSES_MAX] = {0};
        for (size_t l = 0; l <= depth; l++)
            units[l] = 1 + psi_random_below(&random, UNITS_MAX);
        for (size_t l = 0; l < depth; l++)
            weights += units[l] * units[l + 1];
        double density = psi_random_uniform(&random);
        for (size_t i = 0; i < weights; i++)
            mask[i] = psi_random_uniform(&random) < density;
        try_every_path(depth, units, mask, on_path, reachable);
        expect(units[0], units[depth], depth - 1, units + 1, mask, on_path, reachable);
    }
}

/* LeNet-300-100, exact-count random masks at 10 and 2 % density: the means of thousands of draws
 * made elsewhere are 25,531 and 1,572 weights on a path; one draw scatters by some 9 and 140. */
static void test_random_masks(void **state)
{
    (void)state;
    static uint8_t mask[266200];
    static uint32_t order[266200];
    static const struct {
        uint32_t kept;
        double mean, tolerance;
    } known[] = {{26620, 25531, 80}, {5324, 1572, 80}};
    struct psi_network *network = make(784, 10, 2, (size_t[]){300, 100});
    struct psi_random random;
    psi_random_open(&random, 4, "random masks");
    for (uint32_t i = 0; i < 266200; i++)
        order[i] = i;
    for (size_t k = 0; k < 2; k++) {
        enum { DRAWS = 30 };
        double sum = 0;
        for (int draw = 0; draw < DRAWS; draw++) {
            size_t count = 0;
            psi_random_shuffle(&random, order, 266200);
            memset(mask, 0, sizeof mask);
            for (uint32_t i = 0; i < known[k].kept; i++)
                mask[order[i]] = 1;
            assert_int_equal(psi_network_paths(network, mask, NULL, NULL, &count, NULL), PSI_OK);
            sum += (double)count;
        }
        double mean = sum / DRAWS;
        if (!(mean > known[k].mean - known[k].tolerance &&
              mean < known[k].mean + known[k].tolerance))
            fail_msg("%u weights kept: %.1f on a path, %.0f known", known[k].kept, mean,
                     known[k].mean);
    }
    psi_network_destroy(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_every_path),
        cmocka_unit_test(test_random_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
