/* Random streams: counter-based, so a cell's numbers depend on what it is called and on nothing
 * else: not on who runs it, when, or what ran before.
 *
 * Generator: Philox4x32-10 (Salmon et al., SC'11, library Random123). A stream is named by text;
 * two independent 64-bit hashes of (job seed, name) become the key and the upper half of the
 * counter, so 2^64 blocks of four words remain to each stream. Names are built from the *names* of
 * arms and the *values* of seeds and densities (9 significant digits), never from an index:
 * "train/seed=3/epoch=0", "mask/arm=random/seed=3/density=0.1".
 */
#ifndef PSISWEEP_RANDOM_H
#define PSISWEEP_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#define PSI_RANDOM_NAME "philox4x32-10"

struct psi_random {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    unsigned used; /* words of block already given out, 4 = none left */
    int has_spare; /* the second normal of a Box-Muller pair is waiting */
    double spare;
};

/* Begin the stream that job_seed and the formatted name stand for. The name is not kept. */
void psi_random_open(struct psi_random *random, uint64_t job_seed, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

uint32_t psi_random_u32(struct psi_random *random);
uint64_t psi_random_u64(struct psi_random *random);

/* Uniform on [0, 1), 53 bits. */
double psi_random_uniform(struct psi_random *random);

/* Uniform on 0 .. bound-1 without bias (Lemire 2019); bound >= 1. */
uint32_t psi_random_below(struct psi_random *random, uint32_t bound);

/* Standard normal (Box-Muller). */
double psi_random_normal(struct psi_random *random);

/* Fisher-Yates shuffle of index[0 .. count-1]. */
void psi_random_shuffle(struct psi_random *random, uint32_t *index, uint32_t count);

#endif
