/* The models: each a table of layers, one row a layer. */
#include "layer.h"

/* A row as it is given; units 0 = the data set's classes, type NULL ends a table. */
struct row {
    const struct psi_layer_type *type;
    size_t units, kernel, pad;
};

#define CONV(units, kernel, pad)            \
    {                                       \
        &psi_layer_conv, units, kernel, pad \
    }
#define MAXPOOL            \
    {                      \
        &psi_layer_maxpool \
    }
#define AVGPOOL            \
    {                      \
        &psi_layer_avgpool \
    }
#define DENSE(units)            \
    {                           \
        &psi_layer_dense, units \
    }
#define CLASSES          \
    {                    \
        &psi_layer_dense \
    }
#define END  \
    {        \
        NULL \
    }

/* examples/mnist/lenet.prototxt of Caffe, with ReLU after the convolutions as pruning papers have
 * it (the prototxt has none there) */
static const struct row lenet5[] = {CONV(20, 5, 0), MAXPOOL, CONV(50, 5, 0), MAXPOOL, DENSE(500),
                                    CLASSES,        END};

/* LeCun, Bottou, Bengio & Haffner 1998, figure 2: its 32 x 32 inputs are MNIST's with 2 zeros
 * around. All maps of the second convolution read all of the first pooling, ReLU for tanh. */
static const struct row lenet5_classic[] = {CONV(6, 5, 2), AVGPOOL,   CONV(16, 5, 0), AVGPOOL,
                                            DENSE(120),    DENSE(84), CLASSES,        END};

/* Frankle & Carbin 2019, figure 2 */
#define PAIR(units) CONV(units, 3, 1), CONV(units, 3, 1), MAXPOOL
#define HEAD DENSE(256), DENSE(256), CLASSES, END
static const struct row conv2[] = {PAIR(64), HEAD};
static const struct row conv4[] = {PAIR(64), PAIR(128), HEAD};
static const struct row conv6[] = {PAIR(64), PAIR(128), PAIR(256), HEAD};

static const struct row *const tables[] = {
    [PSI_LENET5] = lenet5, [PSI_LENET5_CLASSIC] = lenet5_classic,
    [PSI_CONV2] = conv2,   [PSI_CONV4] = conv4,
    [PSI_CONV6] = conv6,
};

/* What a list is built in: counts only where layer is NULL. */
struct list {
    struct psi_layer *layer;
    size_t count;
};

static void append(struct list *list, struct psi_layer layer)
{
    layer.input[0] = list->count; /* each reads the one before */
    if (list->layer)
        list->layer[list->count] = layer;
    list->count++;
}

/* ReLU follows every layer that has weights, but for the last. */
void psi_model_layers(const struct psi_model_spec *spec, size_t classes, struct psi_layer *layer,
                      size_t *count)
{
    struct list list = {layer, 0};
    if (spec->kind == PSI_MLP) {
        for (size_t i = 0; i <= spec->hidden_count; i++) {
            int last = i == spec->hidden_count;
            append(&list, (struct psi_layer){.type = &psi_layer_dense,
                                             .units = last ? classes : spec->hidden[i],
                                             .relu = !last});
        }
    } else {
        for (const struct row *row = tables[spec->kind]; row->type; row++) {
            int conv = row->type == &psi_layer_conv, dense = row->type == &psi_layer_dense;
            int normalised = conv && spec->batchnorm;
            append(&list,
                   (struct psi_layer){.type = row->type,
                                      .units = dense && !row->units ? classes : row->units,
                                      .kernel = row->kernel,
                                      .pad = row->pad,
                                      .unbiased = normalised,
                                      .relu = (conv && !normalised) || (dense && row->units)});
            if (normalised)
                append(&list, (struct psi_layer){.type = &psi_layer_batchnorm, .relu = 1});
        }
    }
    *count = list.count;
}
