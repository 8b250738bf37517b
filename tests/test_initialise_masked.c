/* Initial weights under a mask: exact where they must be, variances by statistics. */
#include "net_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct psi_dataset image = {
    .channels = 1, .height = 28, .width = 28, .features = 784, .classes = 10};

static struct psi_network *make(int kind, int init, int batchnorm)
{
    struct psi_model_spec spec = {.kind = kind,
                                  .init = init,
                                  .batchnorm = batchnorm,
                                  .hidden_count = 2,
                                  .hidden = {300, 100}};
    struct psi_network *network = NULL;
    assert_int_equal(psi_network_create(&spec, &image, 1, PSI_PORTABLE, &network, NULL), PSI_OK);
    return network;
}

static void initialise(struct psi_network *network, const uint8_t *mask)
{
    struct psi_random random;
    struct psi_error err = {0};
    psi_random_open(&random, 5, "initialise");
    assert_int_equal(psi_network_initialise_masked(network, mask, &random, &err), PSI_OK);
}

static const int kinds[] = {PSI_MLP, PSI_LENET5, PSI_CONV2};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void test_all_survive(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++)
        for (int init = PSI_GLOROT; init <= PSI_HE; init++) {
            struct psi_network *network = make(kinds[k], init, kinds[k] == PSI_CONV2);
            size_t weights = psi_network_weights(network);
            size_t bytes = psi_network_parameters(network) * sizeof(float);
            uint8_t *mask = malloc(weights);
            float *dense = malloc(bytes);
            struct psi_random random;
            psi_random_open(&random, 5, "initialise");
            psi_network_initialise(network, &random);
            memcpy(dense, psi_network_parameter(network), bytes);
            memset(psi_network_parameter(network), 7, bytes);
            memset(mask, 1, weights);
            initialise(network, mask);
            assert_memory_equal(psi_network_parameter(network), dense, bytes);
            free(dense);
            free(mask);
            psi_network_destroy(network);
        }
}

/* Columns of a matrix that read one input channel: 5 x 5, 3 x 3 or one. */
static size_t window_of(const struct psi_weight_matrix *matrix, int kind)
{
    if (strncmp(matrix->name, "conv", 4) != 0)
        return 1;
    return kind == PSI_LENET5 ? 25 : 9;
}

/* Surviving fans of one weight, counted anew. */
static size_t fans(const struct psi_weight_matrix *matrix, const uint8_t *mask, size_t window,
                   int init, size_t row, size_t col)
{
    size_t count = 0, channel = col / window * window;
    for (size_t c = 0; c < matrix->cols; c++)
        count += mask[matrix->offset + row * matrix->cols + c];
    for (size_t r = 0; init == PSI_GLOROT && r < matrix->rows; r++)
        for (size_t c = channel; c < channel + window; c++)
            count += mask[matrix->offset + r * matrix->cols + c];
    return count;
}

/* Rows keep 0, 1/64, 1/8 or all of their weights: each kind must have unit variance in units of
 * 2 / fans, and so must all weights of the columns that are kept least. n normal numbers: their
 * sum of squares deviates by sqrt(2 n). */
static void check_matrix(const struct psi_weight_matrix *matrix, const uint8_t *mask, size_t window,
                         int init, const float *parameter)
{
    double sum[4] = {0}, squares[4] = {0}, n[4] = {0};
    for (size_t row = 0; row < matrix->rows; row++)
        for (size_t col = 0; col < matrix->cols; col++) {
            size_t i = matrix->offset + row * matrix->cols + col;
            if (!mask[i]) {
                assert_true(parameter[i] == 0);
                continue;
            }
            double z =
                parameter[i] / sqrt(2.0 / (double)fans(matrix, mask, window, init, row, col));
            sum[row % 4] += z;
            squares[row % 4] += z * z;
            n[row % 4]++;
        }
    assert_true(n[0] == 0);
    for (int k = 1; k < 4; k++) {
        assert_true(fabs(sum[k]) <= 4.5 * sqrt(n[k]));
        assert_true(fabs(squares[k] - n[k]) <= 4.5 * sqrt(2 * n[k]) + 10);
    }
    assert_true(n[3] > 100);
}

static void draw_mask(const struct psi_network *network, uint8_t *mask)
{
    const double keep[4] = {0, 1 / 64.0, 1 / 8.0, 1};
    struct psi_random random;
    psi_random_open(&random, 1, "rows");
    for (size_t m = 0; m < psi_network_matrices(network); m++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
        for (size_t i = 0; i < matrix->rows * matrix->cols; i++)
            mask[matrix->offset + i] = psi_random_uniform(&random) < keep[i / matrix->cols % 4];
    }
}

static void test_variance(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++)
        for (int init = PSI_GLOROT; init <= PSI_HE; init++) {
            struct psi_network *network = make(kinds[k], init, 0);
            size_t weights = psi_network_weights(network);
            uint8_t *mask = malloc(weights);
            float *parameter = psi_network_parameter(network);
            draw_mask(network, mask);
            for (size_t i = 0; i < psi_network_parameters(network); i++)
                parameter[i] = 3;
            initialise(network, mask);
            for (size_t m = 0; m < psi_network_matrices(network); m++) {
                const struct psi_weight_matrix *matrix = psi_network_matrix(network, m);
                if (matrix->rows * matrix->cols < 400000) /* counting anew takes its time */
                    check_matrix(matrix, mask, window_of(matrix, kinds[k]), init, parameter);
            }
            for (size_t i = weights; i < psi_network_parameters(network); i++)
                assert_true(parameter[i] == 0);
            free(mask);
            psi_network_destroy(network);
        }
}

/* What it is for: with He's variance a unit's sum over inputs of variance 1 has variance 2, be its
 * inputs many or one; x = 1 everywhere, 300 units. */
static void test_signal(void **state)
{
    (void)state;
    struct psi_network *network = make(PSI_MLP, PSI_HE, 0);
    const struct psi_weight_matrix *first = psi_network_matrix(network, 0);
    uint8_t *mask = calloc(psi_network_weights(network), 1);
    for (size_t row = 0; row < first->rows; row++)
        memset(mask + first->offset + row * first->cols, 1, 1 + row * row % 700);
    initialise(network, mask);
    double squares = 0, lonely = 0;
    for (size_t row = 0; row < first->rows; row++) {
        double sum = 0;
        for (size_t col = 0; col < first->cols; col++)
            sum += psi_network_parameter(network)[first->offset + row * first->cols + col];
        squares += sum * sum / 2;
        lonely += row * row % 700 == 0;
    }
    assert_true(lonely >= 2 && fabs(squares - 300) < 4.5 * sqrt(2 * 300));
    free(mask);
    psi_network_destroy(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_survive),
        cmocka_unit_test(test_variance),
        cmocka_unit_test(test_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
