#include "psisweep/hash.h"

#define FNV_PRIME UINT64_C(0x100000001b3)

uint64_t psi_hash_add(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * FNV_PRIME;
    return hash;
}

void psi_hash_add_each(uint64_t *hash, size_t count, const void *bytes, size_t size)
{
    enum { TOGETHER = 8 };
    const unsigned char *p = bytes;
    for (; count >= TOGETHER; count -= TOGETHER, hash += TOGETHER, p += TOGETHER * size) {
        uint64_t h[TOGETHER];
        for (int k = 0; k < TOGETHER; k++)
            h[k] = hash[k];
        for (size_t i = 0; i < size; i++)
            for (size_t k = 0; k < TOGETHER; k++)
                h[k] = (h[k] ^ p[k * size + i]) * FNV_PRIME;
        for (int k = 0; k < TOGETHER; k++)
            hash[k] = h[k];
    }
    for (size_t k = 0; k < count; k++)
        hash[k] = psi_hash_add(hash[k], p + k * size, size);
}

uint64_t psi_hash_end(uint64_t hash)
{
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
    return hash ^ (hash >> 31);
}
