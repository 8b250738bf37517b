#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    double score;
    size_t index;
};

/* The contract by comparisons alone: higher first, NaN last, equal ones by index. */
static int before(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (isnan(a->score) != isnan(b->score))
        return isnan(a->score) ? 1 : -1;
    if (a->score > b->score || a->score < b->score)
        return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static void assert_selects_as_sorting(const double *score, size_t count, size_t keep)
{
    struct entry *entry = calloc(count + 1, sizeof *entry);
    uint8_t *expected = calloc(count + 1, 1), *mask = malloc(count + 1);
    memset(mask, 7, count + 1);
    for (size_t i = 0; i < count; i++)
        entry[i] = (struct entry){score[i], i};
    qsort(entry, count, sizeof *entry, before);
    for (size_t i = 0; i < keep; i++)
        expected[entry[i].index] = 1;
    psi_mask_select(score, count, keep, mask);
    assert_memory_equal(mask, expected, count);
    assert_int_equal(mask[count], 7);
    assert_int_equal(psi_mask_count(mask, count), keep);
    free(mask);
    free(expected);
    free(entry);
}

static void test_special_scores(void **state)
{
    (void)state;
    const double score[] = {0.0,  NAN,  -0.0,      INFINITY, 5e-324, -5e-324, -INFINITY, 1.0,
                            -NAN, -1.0, -INFINITY, 1e308,    -0.0,   0.0,     NAN,       INFINITY};
    size_t count = sizeof score / sizeof *score;
    for (size_t keep = 0; keep <= count; keep++)
        assert_selects_as_sorting(score, count, keep);
}

static void test_ties_keep_lower_index(void **state)
{
    (void)state;
    const double score[] = {1, 2, -0.0, 2, 0.0, 2};
    const uint8_t two[] = {0, 1, 0, 1, 0, 0}, five[] = {1, 1, 1, 1, 0, 1};
    uint8_t mask[6];
    psi_mask_select(score, 6, 2, mask);
    assert_memory_equal(mask, two, 6);
    psi_mask_select(score, 6, 5, mask);
    assert_memory_equal(mask, five, 6);
    double equal[1000] = {0};
    for (size_t keep = 0; keep <= 1000; keep += 125)
        assert_selects_as_sorting(equal, 1000, keep);
}

static void test_random_scores_of_many_kinds(void **state)
{
    (void)state;
    enum { COUNT = 997 };
    struct psi_random random;
    psi_random_open(&random, 1, "mask select");
    double score[COUNT];
    for (unsigned round = 0; round < 200; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            uint64_t bits = psi_random_u64(&random);
            switch (round % 5) {
            case 0: /* any bit pattern: subnormals, infinities and NaN among them */
                memcpy(score + i, &bits, sizeof bits);
                break;
            case 1: /* many ties */
                score[i] = (double)(bits % 7) - 3;
                break;
            case 2: /* differ in the last bits alone */
                score[i] = 1 + (double)(bits % 512) * 0x1p-52;
                break;
            case 3: /* ascending */
                score[i] = (double)i;
                break;
            default: /* magnitudes of floats */
                score[i] = fabs((double)(float)psi_random_normal(&random));
            }
        }
        size_t count = psi_random_below(&random, COUNT + 1);
        assert_selects_as_sorting(score, count, psi_random_below(&random, (uint32_t)count + 1));
    }
}

static void test_empty(void **state)
{
    (void)state;
    uint8_t mask = 7;
    psi_mask_select(NULL, 0, 0, &mask);
    assert_int_equal(mask, 7);
    assert_int_equal(psi_mask_count(NULL, 0), 0);
}

static void test_digest(void **state)
{
    (void)state;
    uint8_t mask[100] = {0};
    uint64_t zero = psi_mask_digest(mask, 100);
    assert_true(zero == psi_mask_digest(mask, 100));
    assert_true(zero != psi_mask_digest(mask, 99));
    for (size_t i = 0; i < 100; i++) {
        mask[i] = 1;
        uint64_t one = psi_mask_digest(mask, 100);
        assert_true(one != zero);
        for (size_t j = 0; j < i; j++) {
            mask[i] = 0, mask[j] = 1;
            assert_true(one != psi_mask_digest(mask, 100));
            mask[i] = 1, mask[j] = 0;
        }
        mask[i] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_special_scores),
        cmocka_unit_test(test_ties_keep_lower_index),
        cmocka_unit_test(test_random_scores_of_many_kinds),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
