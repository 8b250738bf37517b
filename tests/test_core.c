/* Core: random streams, hash, memory, errors. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "psisweep/hash.h"
#include "psisweep/memory.h"
#include "psisweep/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Known answers of philox4x32-10 from Random123's kat_vectors. */
static void test_philox_known_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], block[4];
    } known[] = {
        {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct psi_random random = {.used = 4};
        memcpy(random.counter, known[i].counter, sizeof random.counter);
        memcpy(random.key, known[i].key, sizeof random.key);
        for (int word = 0; word < 4; word++)
            assert_int_equal(psi_random_u32(&random), known[i].block[word]);
    }
}

static void test_streams_are_named(void **state)
{
    struct psi_random a, b, c, d;
    (void)state;
    psi_random_open(&a, 1, "mask/arm=%s/density=%.9g", "random", 0.1);
    psi_random_open(&b, 1, "mask/arm=random/density=0.1");
    psi_random_open(&c, 2, "mask/arm=random/density=0.1");
    psi_random_open(&d, 1, "mask/arm=random/density=0.01");
    int other_seed = 0, other_name = 0;
    for (int i = 0; i < 100; i++) {
        uint32_t word = psi_random_u32(&a);
        assert_int_equal(word, psi_random_u32(&b));
        other_seed += word == psi_random_u32(&c);
        other_name += word == psi_random_u32(&d);
    }
    assert_true(other_seed == 0 && other_name == 0);
}

/* The counter carries from its first word into its second, and no block comes twice. */
static void test_counter_carries(void **state)
{
    struct psi_random random = {.counter = {~0u, 5}, .used = 4};
    (void)state;
    for (int i = 0; i < 5; i++)
        psi_random_u32(&random);
    assert_int_equal(random.counter[0], 1);
    assert_int_equal(random.counter[1], 6);
}

static void test_below_is_even(void **state)
{
    enum { BOUND = 7, DRAWS = 70000 };
    size_t count[BOUND] = {0};
    struct psi_random random;
    (void)state;
    psi_random_open(&random, 0, "below");
    for (int i = 0; i < DRAWS; i++)
        count[psi_random_below(&random, BOUND)]++;
    double chi2 = 0.0;
    for (int i = 0; i < BOUND; i++)
        chi2 += pow((double)count[i] - DRAWS / BOUND, 2) / (DRAWS / BOUND);
    assert_true(chi2 < 22.46); /* P = .001 at 6 degrees of freedom */
    assert_int_equal(psi_random_below(&random, 1), 0);
}

static void test_uniform_and_normal_moments(void **state)
{
    enum { DRAWS = 100000 };
    double sum = 0, squares = 0, normal = 0, normal2 = 0, normal4 = 0;
    struct psi_random random;
    (void)state;
    psi_random_open(&random, 0, "moments");
    for (int i = 0; i < DRAWS; i++) {
        double u = psi_random_uniform(&random), z = psi_random_normal(&random);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
        squares += u * u;
        normal += z;
        normal2 += z * z;
        normal4 += z * z * z * z;
    }
    /* four standard errors each: SDs of u, u^2, z, z^2, z^4 are .289, .298, 1, 1.41, 9.8 */
    double se = 4.0 / sqrt(DRAWS);
    assert_true(fabs(sum / DRAWS - 0.5) < 0.289 * se);
    assert_true(fabs(squares / DRAWS - 1.0 / 3) < 0.298 * se);
    assert_true(fabs(normal / DRAWS) < se);
    assert_true(fabs(normal2 / DRAWS - 1.0) < 1.42 * se);
    assert_true(fabs(normal4 / DRAWS - 3.0) < 9.8 * se);
}

static void test_shuffle_is_a_permutation(void **state)
{
    enum { COUNT = 5, DRAWS = 60000 };
    size_t first[COUNT] = {0};
    struct psi_random random;
    (void)state;
    psi_random_open(&random, 0, "shuffle");
    for (int draw = 0; draw < DRAWS; draw++) {
        uint32_t index[COUNT] = {0, 1, 2, 3, 4}, seen = 0;
        psi_random_shuffle(&random, index, COUNT);
        for (int i = 0; i < COUNT; i++)
            seen |= 1u << index[i];
        assert_int_equal(seen, (1u << COUNT) - 1);
        first[index[0]]++;
    }
    for (int i = 0; i < COUNT; i++)
        assert_true(fabs((double)first[i] - DRAWS / COUNT) < 4.0 * sqrt(DRAWS * 0.2 * 0.8));
    psi_random_shuffle(&random, NULL, 0);
}

static void test_hash_known_answers(void **state)
{
    (void)state;
    /* FNV-1a's own test vectors (Noll) */
    assert_true(psi_hash_add(PSI_HASH_START, "", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(psi_hash_add(PSI_HASH_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(psi_hash_add(PSI_HASH_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
    /* many at once: the same as each alone, whatever the number */
    for (size_t count = 1; count <= 19; count++) {
        uint64_t hash[19];
        char bytes[19 * 7];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)(37 * i + count);
        for (size_t i = 0; i < count; i++)
            hash[i] = PSI_HASH_START + i;
        psi_hash_add_each(hash, count, bytes, 7);
        for (size_t i = 0; i < count; i++)
            assert_true(hash[i] == psi_hash_add(PSI_HASH_START + i, bytes + 7 * i, 7));
    }
    /* SplitMix64's mixer is a bijection with 0 as fixed point, and spreads one bit over many */
    assert_true(psi_hash_end(0) == 0);
    assert_true(__builtin_popcountll(psi_hash_end(1) ^ psi_hash_end(2)) > 16);
}

static void test_memory(void **state)
{
    struct psi_error err;
    (void)state;
    unsigned char *p = psi_allocate(3, 7, "test", &err);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 64, 0);
    for (int i = 0; i < 21; i++)
        assert_int_equal(p[i], 0);
    free(p);
    p = psi_allocate(0, 8, "nothing", &err);
    assert_non_null(p);
    free(p);
    assert_null(psi_allocate(SIZE_MAX / 2, 3, "too much", &err));
    assert_int_equal(err.status, PSI_MEMORY);
    assert_non_null(strstr(err.text, "too much"));
    assert_null(psi_allocate(SIZE_MAX, 1, "all", NULL));
}

static void test_fail(void **state)
{
    struct psi_error err;
    char lengthy[2 * PSI_ERROR_TEXT];
    (void)state;
    assert_int_equal(psi_fail(&err, PSI_DATA, "%s: %d", "file", 3), PSI_DATA);
    assert_int_equal(err.status, PSI_DATA);
    assert_string_equal(err.text, "file: 3");
    assert_int_equal(psi_fail(NULL, PSI_IO, "nobody listens"), PSI_IO);
    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    psi_fail(&err, PSI_IO, "%s", lengthy);
    assert_int_equal(strlen(err.text), PSI_ERROR_TEXT - 1);
    for (int i = 0; i < PSI_STATUSES; i++)
        assert_non_null(psi_status_names[i]);
    assert_null(psi_status_names[PSI_STATUSES]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_philox_known_answers),
        cmocka_unit_test(test_streams_are_named),
        cmocka_unit_test(test_counter_carries),
        cmocka_unit_test(test_below_is_even),
        cmocka_unit_test(test_uniform_and_normal_moments),
        cmocka_unit_test(test_shuffle_is_a_permutation),
        cmocka_unit_test(test_hash_known_answers),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
