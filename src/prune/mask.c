#include "psisweep/prune.h"
#include "psisweep/hash.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { DIGIT = 8, BUCKETS = 1 << DIGIT, KEY_BITS = 64 };

/* An unsigned key that orders as scores do: IEEE 754 bits compare as integers once negative ones
 * are complemented and positive ones get the top bit. NaN goes below all, and -0 becomes 0. */
static uint64_t order_key(double score)
{
    if (isnan(score))
        return 0;
    double positive_zero = score + 0.0;
    uint64_t bits;
    memcpy(&bits, &positive_zero, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

/* Radix selection: the leading digits of the lowest surviving key are found one at a time, each
 * by counting the next digit of the scores that share the digits found so far. So at most
 * KEY_BITS / DIGIT passes, where quickselect is quadratic on inputs that defeat its pivots; and
 * usually three or four, for it ends as soon as all that share the prefix survive. */
void psi_mask_select(const double *score, size_t count, size_t keep, uint8_t *mask)
{
    assert(keep <= count);
    if (keep == 0 || keep == count) {
        memset(mask, keep != 0, count);
        return;
    }
    unsigned shift = KEY_BITS;
    uint64_t prefix = 0;
    size_t sharing = count, need = keep; /* `need` of the scores `sharing` the prefix survive */
    do {
        size_t bucket[BUCKETS] = {0};
        shift -= DIGIT;
        for (size_t i = 0; i < count; i++) {
            uint64_t leading = order_key(score[i]) >> shift;
            if (leading >> DIGIT == prefix)
                bucket[leading % BUCKETS]++;
        }
        unsigned digit = BUCKETS - 1;
        while (bucket[digit] < need)
            need -= bucket[digit--];
        sharing = bucket[digit];
        prefix = prefix << DIGIT | digit;
    } while (need < sharing && shift > 0);

    for (size_t i = 0; i < count; i++) {
        uint64_t leading = order_key(score[i]) >> shift;
        int tied = leading == prefix && need > 0;
        need -= (size_t)tied;
        mask[i] = leading > prefix || tied;
    }
}

size_t psi_mask_count(const uint8_t *mask, size_t count)
{
    size_t survivors = 0;
    for (size_t i = 0; i < count; i++)
        survivors += mask[i];
    return survivors;
}

uint64_t psi_mask_digest(const uint8_t *mask, size_t count)
{
    return psi_hash_end(psi_hash_add(PSI_HASH_START, mask, count));
}
