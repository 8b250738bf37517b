#include "psisweep/random.h"
#include "psisweep/hash.h"

#include <Random123/philox.h>
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void psi_random_open(struct psi_random *random, uint64_t job_seed, const char *format, ...)
{
    char name[512]; /* names are at most PSI_NAME bytes long, so this holds any stream's */
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    assert(length >= 0 && (size_t)length < sizeof name);

    uint64_t hash = psi_hash_add(PSI_HASH_START, &job_seed, sizeof job_seed);
    hash = psi_hash_add(hash, name, (size_t)length);
    uint64_t key = psi_hash_end(hash);
    uint64_t high = psi_hash_end(psi_hash_add(hash, "counter", 7));

    memset(random, 0, sizeof *random);
    random->key[0] = (uint32_t)key;
    random->key[1] = (uint32_t)(key >> 32);
    random->counter[2] = (uint32_t)high;
    random->counter[3] = (uint32_t)(high >> 32);
    random->used = 4;
}

uint32_t psi_random_u32(struct psi_random *random)
{
    if (random->used == 4) {
        philox4x32_ctr_t counter;
        philox4x32_key_t key;
        memcpy(counter.v, random->counter, sizeof counter.v);
        memcpy(key.v, random->key, sizeof key.v);
        philox4x32_ctr_t block = philox4x32(counter, key);
        memcpy(random->block, block.v, sizeof random->block);
        if (++random->counter[0] == 0)
            ++random->counter[1];
        random->used = 0;
    }
    return random->block[random->used++];
}

uint64_t psi_random_u64(struct psi_random *random)
{
    uint64_t low = psi_random_u32(random);
    return low | (uint64_t)psi_random_u32(random) << 32;
}

double psi_random_uniform(struct psi_random *random)
{
    return (double)(psi_random_u64(random) >> 11) * 0x1p-53;
}

uint32_t psi_random_below(struct psi_random *random, uint32_t bound)
{
    /* D. Lemire, Fast random integer generation in an interval, ACM TOMACS 29(1), 2019 */
    uint64_t product = (uint64_t)psi_random_u32(random) * bound;
    if ((uint32_t)product < bound) {
        uint32_t threshold = -bound % bound;
        while ((uint32_t)product < threshold)
            product = (uint64_t)psi_random_u32(random) * bound;
    }
    return (uint32_t)(product >> 32);
}

double psi_random_normal(struct psi_random *random)
{
    if (random->has_spare) {
        random->has_spare = 0;
        return random->spare;
    }
    double radius = sqrt(-2.0 * log(1.0 - psi_random_uniform(random)));
    double angle = 6.283185307179586 * psi_random_uniform(random);
    random->spare = radius * sin(angle);
    random->has_spare = 1;
    return radius * cos(angle);
}

void psi_random_shuffle(struct psi_random *random, uint32_t *index, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = psi_random_below(random, i);
        uint32_t kept = index[i - 1];
        index[i - 1] = index[j];
        index[j] = kept;
    }
}
