/* What a compiled network costs in memory: nothing within a step, little in all. The C library's
 * allocator is counted from outside; sanitisers and valgrind bring their own, and are left out. */
#include "compile_fixture.h"

#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__

#include <errno.h>

static volatile size_t calls, bytes; /* compilers take it that malloc changes neither */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static size_t counted(size_t size)
{
    calls++;
    bytes += size;
    return size;
}

void *malloc(size_t size)
{
    return __libc_malloc(counted(size));
}

void *calloc(size_t count, size_t size)
{
    counted(count * size);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return __libc_realloc(old, counted(size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return __libc_memalign(alignment, counted(size));
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    *memory = __libc_memalign(alignment, counted(size));
    return *memory ? 0 : ENOMEM;
}

void free(void *memory)
{
    __libc_free(memory);
}

#define COUNTED 1
#else
#define COUNTED 0
static volatile size_t calls, bytes;
#endif

enum { BATCH = 60 };

static int is_counted(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return COUNTED && !(preload && strstr(preload, "vgpreload")); /* valgrind brings its own too */
}

static const struct psi_train_spec spec = {.optimizer = PSI_ADAM,
                                           .rate = 1e-3,
                                           .beta1 = 0.9,
                                           .beta2 = 0.999,
                                           .epsilon = 1e-8,
                                           .batch = BATCH,
                                           .epochs = 1};

static void step(struct psi_network *network, struct psi_optimizer_state *optimizer,
                 const struct psi_dataset *dataset, const uint8_t *mask)
{
    float dlogits[10 * BATCH];
    psi_network_gather(network, dataset, &dataset->train, NULL, BATCH);
    const float *logits = psi_network_forward(network, BATCH);
    psi_softmax_cross_entropy(logits, dataset->train.label, 10, BATCH, dlogits);
    psi_optimizer_step(optimizer, network, mask, BATCH, dlogits, 1e-3);
}

static void test_no_allocation_in_a_step(void **state)
{
    (void)state;
    if (!is_counted())
        skip();
    struct noise_set set;
    noise_open(&set, 1, 28, 28, 10, 100);
    struct psi_network *network =
        network_draw_level(&set.dataset, BATCH, 2, (size_t[]){300, 100}, psi_kernels_best());
    uint8_t *mask = mask_draw(network, (double[]){0.1, 0.2, 0.5}, 1);
    for (unsigned bits = 0; bits < 16; bits++) { /* from 8 on: the lit path */
        struct psi_network *compiled =
            bits < 8 ? compile_bits(network, mask, bits) : compile_lit(network, mask, bits);
        struct psi_optimizer_state *optimizer = NULL;
        psi_optimizer_create(&spec, psi_network_parameters(compiled), &optimizer, NULL);
        size_t before = calls;
        void *volatile probe = malloc(1); /* the counter counts */
        free(probe);
        assert_int_equal(calls, before + 1);
        step(compiled, optimizer, &set.dataset, psi_network_mask(compiled)); /* BLAS's buffers */
        before = calls;
        for (int i = 0; i < 3; i++)
            step(compiled, optimizer, &set.dataset, psi_network_mask(compiled));
        assert_int_equal(calls, before);
        psi_optimizer_destroy(optimizer);
        psi_network_destroy(compiled);
    }
    free(mask);
    psi_network_destroy(network);
    noise_close(&set);
}

/* LeNet-300-100 at 99 %: network and optimiser against the dense ones, temporaries of the
 * compilation counted as if they were kept. */
static void test_memory_at_99(void **state)
{
    (void)state;
    if (!is_counted())
        skip();
    struct noise_set set;
    noise_open(&set, 1, 28, 28, 10, 100);
    struct psi_optimizer_state *optimizer = NULL;
    size_t start = bytes;
    struct psi_network *network =
        network_draw_level(&set.dataset, 240, 2, (size_t[]){300, 100}, psi_kernels_best());
    psi_optimizer_create(&spec, psi_network_parameters(network), &optimizer, NULL);
    size_t dense = bytes - start;
    psi_optimizer_destroy(optimizer);
    uint8_t *mask = mask_draw(network, (double[]){0.003, 0.06, 0.37}, 1);
    start = bytes;
    struct psi_network *compiled = compile_bits(network, mask, 7);
    psi_optimizer_create(&spec, psi_network_parameters(compiled), &optimizer, NULL);
    size_t sparse = bytes - start;
    print_message("network and Adam, batches of 240: dense %zu KB, 99 %% sparse %zu KB\n",
                  dense / 1024, sparse / 1024);
    assert_true(sparse < dense / 3);
    psi_optimizer_destroy(optimizer);
    psi_network_destroy(compiled);
    free(mask);
    psi_network_destroy(network);
    noise_close(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_allocation_in_a_step),
        cmocka_unit_test(test_memory_at_99),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
