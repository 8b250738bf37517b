/* Path connectivity through convolutions, pooling and normalisation: every path of small networks,
 * found by walking along single connections. */
#include "net_fixture.h"
#include "../src/net/layer.h"

#include <string.h>

enum { LAYERS_MAX = 6, FEATURES_MAX = 80, WEIGHTS_MAX = 200 };

struct small {
    struct psi_network network;
    struct psi_layer layer[LAYERS_MAX];
    struct psi_activation activation[LAYERS_MAX + 1];
    uint8_t mask[WEIGHTS_MAX], on_path[WEIGHTS_MAX], reachable[FEATURES_MAX];
};

static void append(struct small *small, struct psi_shape input, struct psi_layer layer)
{
    size_t i = small->network.layers++;
    small->network.layer = small->layer;
    small->network.activation = small->activation;
    layer.in = i ? small->layer[i - 1].out : input;
    layer.input[0] = i;
    layer.weight = small->network.weights;
    layer.type->plan(&layer);
    small->network.weights += layer.weights;
    small->activation[i].features = psi_shape_features(&layer.in);
    small->activation[i + 1].features = psi_shape_features(&layer.out);
    assert_true(small->activation[i + 1].features <= FEATURES_MAX);
    assert_true(small->network.weights <= WEIGHTS_MAX);
    small->layer[i] = layer;
}

/* Does weight number `weight` of the network (none: -1) connect input feature `from` of the layer
 * with its output feature `to`? Returns 0 where nothing does. */
static int connects(const struct psi_layer *layer, size_t from, size_t to, long *weight)
{
    const struct psi_shape *in = &layer->in, *out = &layer->out;
    long iy = (long)(from / in->width % in->height), ix = (long)(from % in->width);
    long oy = (long)(to / out->width % out->height), ox = (long)(to % out->width);
    size_t ic = from / in->width / in->height, oc = to / out->width / out->height;
    *weight = -1;
    if (layer->type == &psi_layer_dense) {
        *weight = (long)(layer->weight + to * layer->fan_in + from);
        return 1;
    }
    if (layer->type == &psi_layer_batchnorm)
        return from == to;
    if (layer->type != &psi_layer_conv)
        return ic == oc && iy / 2 == oy && ix / 2 == ox;
    long ky = iy - oy + (long)layer->pad, kx = ix - ox + (long)layer->pad;
    long kernel = (long)layer->kernel;
    if (ky < 0 || ky >= kernel || kx < 0 || kx >= kernel)
        return 0;
    *weight = (long)layer->weight +
              (((long)oc * (long)in->channels + (long)ic) * kernel + ky) * kernel + kx;
    return 1;
}

/* Follow every path on from a feature of activation `depth`; weight[0 .. depth-1] led there. */
static void walk(struct small *small, size_t depth, size_t at, long *weight)
{
    if (depth == small->network.layers || depth == LAYERS_MAX) {
        small->reachable[at] = 1;
        for (size_t l = 0; l < depth; l++)
            if (weight[l] >= 0)
                small->on_path[weight[l]] = 1;
        return;
    }
    for (size_t to = 0; to < small->activation[depth + 1].features; to++)
        if (connects(&small->layer[depth], at, to, &weight[depth]) &&
            (weight[depth] < 0 || small->mask[weight[depth]]))
            walk(small, depth + 1, to, weight);
}

static void check(struct small *small, uint64_t seed)
{
    struct psi_random random;
    psi_random_open(&random, seed, "paths");
    for (int trial = 0; trial < 150; trial++) {
        uint8_t on_path[WEIGHTS_MAX], reachable[FEATURES_MAX];
        size_t count = 999, expected = 0, classes;
        double density = 0.5 * psi_random_uniform(&random);
        long weight[LAYERS_MAX];
        for (size_t i = 0; i < small->network.weights; i++)
            small->mask[i] = psi_random_uniform(&random) < density;
        memset(small->on_path, 0, sizeof small->on_path);
        memset(small->reachable, 0, sizeof small->reachable);
        for (size_t f = 0; f < small->activation[0].features; f++)
            walk(small, 0, f, weight);
        memset(on_path, 7, sizeof on_path);
        assert_int_equal(
            psi_network_paths(&small->network, small->mask, on_path, reachable, &count, NULL),
            PSI_OK);
        classes = small->activation[small->network.layers].features;
        for (size_t i = 0; i < small->network.weights; i++)
            expected += small->on_path[i];
        assert_memory_equal(on_path, small->on_path, small->network.weights);
        assert_memory_equal(reachable, small->reachable, classes);
        assert_int_equal(count, expected);
    }
}

#define CONV(maps, window, zeros) \
    ((struct psi_layer){.type = &psi_layer_conv, .units = maps, .kernel = window, .pad = zeros})
#define LAYER(kind) ((struct psi_layer){.type = &psi_layer_##kind})
#define DENSE(outputs) ((struct psi_layer){.type = &psi_layer_dense, .units = outputs})

static void test_every_path(void **state)
{
    (void)state;
    struct psi_shape image = {1, 5, 5}, colour = {2, 4, 3}, narrow = {2, 2, 2};
    struct small lenet = {0}, odd = {0}, tight = {0};
    append(&lenet, image, CONV(2, 2, 0));
    append(&lenet, image, LAYER(maxpool));
    append(&lenet, image, CONV(2, 2, 0));
    append(&lenet, image, DENSE(3));
    check(&lenet, 1);
    append(&odd, colour, CONV(2, 3, 1));
    append(&odd, colour, LAYER(batchnorm));
    append(&odd, colour, LAYER(avgpool)); /* the third column is read by nobody */
    append(&odd, colour, CONV(3, 3, 1));  /* windows that hang over both sides */
    append(&odd, colour, DENSE(2));
    check(&odd, 2);
    append(&tight, narrow, CONV(2, 3, 2));
    append(&tight, narrow, CONV(2, 4, 0)); /* one pixel */
    check(&tight, 3);
}

/* A weight in the corner of a 3 x 3 window with a border of one never meets the only pixel. */
static void test_no_position(void **state)
{
    (void)state;
    struct psi_shape pixel = {1, 1, 1};
    struct small small = {0};
    append(&small, pixel, CONV(1, 3, 1));
    append(&small, pixel, DENSE(1));
    uint8_t mask[10], on_path[10];
    memset(mask, 1, sizeof mask);
    size_t count;
    assert_int_equal(psi_network_paths(&small.network, mask, on_path, NULL, &count, NULL), PSI_OK);
    assert_memory_equal(on_path, ((uint8_t[]){0, 0, 0, 0, 1, 0, 0, 0, 0, 1}), 10);
    assert_int_equal(count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_path),
        cmocka_unit_test(test_no_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
