/* What the bits of a result depend on besides the program: libm chooses its code by processor (with
 * FMA or without), OpenBLAS by core type, both by version. Two machines whose probes agree may
 * share a sweep. */
#include "blas.h"
#include "psisweep/hash.h"
#include "psisweep/kernel.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

static uint64_t add_double(uint64_t hash, double value)
{
    return psi_hash_add(hash, &value, sizeof value);
}

/* Variants of one function differ at one argument in some thousand, in the last bit. */
static uint64_t probe_libm(uint64_t hash)
{
    enum { POINTS = 50000 };
    double sum[6] = {0};
    for (int i = 0; i < POINTS; i++) {
        double x = (i + 0.5) / POINTS;
        sum[0] = fma(sum[0], 0.5, log(x));
        sum[1] = fma(sum[1], 0.5, exp(10 * x));
        sum[2] = fma(sum[2], 0.5, cos(7 * x));
        sum[3] = fma(sum[3], 0.5, sin(7 * x));
        sum[4] = fma(sum[4], 0.5, pow(1 + x, 3.3));
        sum[5] = fma(sum[5], 0.5, (double)expf(-(float)(20 * x)));
        if (i % 20 == 0) /* halved each time, a last bit lives on for 50 rounds */
            for (int k = 0; k < 6; k++)
                hash = add_double(hash, sum[k]);
    }
    return hash;
}

static uint64_t probe_sgemm(uint64_t hash)
{
    enum { M = 37, N = 61, K = 203 };
    float a[M * K], b[K * N], c[M * N];
    for (int i = 0; i < M * K; i++)
        a[i] = (float)(i % 97) / 97 - 0.4f;
    for (int i = 0; i < K * N; i++)
        b[i] = (float)(i % 89) / 89 - 0.6f;
    cblas_sgemm(PSI_ROW_MAJOR, PSI_PLAIN, PSI_PLAIN, M, N, K, 1, a, K, b, N, 0, c, N);
    return psi_hash_add(hash, c, sizeof c);
}

uint64_t psi_numerics_probe(void)
{
    const char *config = psi_blas_config();
    uint64_t hash = psi_hash_add(PSI_HASH_START, config, strlen(config));
    hash = psi_hash_add(hash, __VERSION__, strlen(__VERSION__)); /* of the compiler */
    return psi_hash_end(probe_sgemm(probe_libm(hash)));
}

enum psi_status psi_blas_start(struct psi_error *err)
{
    const size_t buffer = (size_t)129 << 20; /* 32 << 22 bytes and a page: param.h of OpenBLAS */
    void *room = mmap(NULL, buffer, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return psi_fail(err, PSI_MEMORY,
                        "OpenBLAS needs %zu MB of memory, which the system refuses", buffer >> 20);
    munmap(room, buffer);
    openblas_set_num_threads(1);
    probe_sgemm(0); /* it keeps what it has once allocated */
    return PSI_OK;
}
