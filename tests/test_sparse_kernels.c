/* Patterns, and the sparse kernels of every backend, against plain sums in double precision. */
#include "net_fixture.h"
#include "../src/net/kernel.h"
#include "../src/net/pattern.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 70, COLS_MAX = 600, BATCH_MAX = 272, ENTRIES_MAX = ROWS_MAX * COLS_MAX };

/* A random matrix of survivors, its patterns, and numbers to multiply. */
struct matrix {
    size_t rows, cols, count, batch;
    uint8_t mask[ENTRIES_MAX], wanted_row[ROWS_MAX], wanted_col[COLS_MAX];
    uint32_t row[ENTRIES_MAX], column[ENTRIES_MAX]; /* of the entries given */
    uint32_t entry_row[ENTRIES_MAX];                /* of the forward pattern's */
    float value[ENTRIES_MAX], bias[ROWS_MAX];
    struct psi_pattern forward, backward;
    float x[COLS_MAX * BATCH_MAX], y[ROWS_MAX * BATCH_MAX];
};

static float draw(struct psi_random *random)
{
    return (float)psi_random_normal(random);
}

/* Column c survives with a chance that differs from column to column, as in trained networks; every
 * seventh row and fifth column is empty, and half of those are not wanted. */
static void matrix_fill(struct matrix *m, size_t rows, size_t cols, double density, size_t batch)
{
    struct psi_random random;
    psi_random_open(&random, 5, "matrix/%zu/%zu/%g/%zu", rows, cols, density, batch);
    *m = (struct matrix){.rows = rows, .cols = cols, .batch = batch};
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            double chance = density < 1 ? density * (0.2 + 1.6 * (double)c / (double)cols) : 1;
            int empty = density < 1 && (r % 7 == 3 || c % 5 == 2);
            if (empty || psi_random_uniform(&random) >= chance)
                continue;
            m->mask[r * cols + c] = 1;
            m->row[m->count] = (uint32_t)r;
            m->column[m->count++] = (uint32_t)c;
        }
    for (size_t r = 0; r < rows; r++)
        m->wanted_row[r] = r % 14 != 3;
    for (size_t c = 0; c < cols; c++)
        m->wanted_col[c] = c % 10 != 2;
    for (size_t i = 0; i < m->count; i++)
        m->value[i] = draw(&random);
    for (size_t r = 0; r < rows; r++)
        m->bias[r] = draw(&random);
    for (size_t i = 0; i < cols * batch; i++)
        m->x[i] = draw(&random);
    for (size_t i = 0; i < rows * batch; i++)
        m->y[i] = draw(&random);
    struct psi_entries from = {rows, cols, m->count, m->row, m->column, m->wanted_row};
    assert_int_equal(psi_pattern_create(&from, &m->forward, NULL), PSI_OK);
    for (size_t k = 0; k < m->count; k++)
        m->entry_row[k] = m->row[m->forward.source[k]];
    struct psi_entries turned = {cols,         rows,         m->count, m->forward.column,
                                 m->entry_row, m->wanted_col};
    assert_int_equal(psi_pattern_create(&turned, &m->backward, NULL), PSI_OK);
}

static void matrix_clear(struct matrix *m)
{
    psi_pattern_clear(&m->forward);
    psi_pattern_clear(&m->backward);
    free(m);
}

/* Every entry is there once, in the row its segment says; segments of a row are marked. */
static void check_pattern(const struct psi_pattern *p, const struct psi_entries *from)
{
    uint8_t *seen = calloc(from->count + 1, 1), *open = calloc(from->rows, 1);
    uint32_t k = 0;
    assert_int_equal(p->entries, from->count);
    for (size_t s = 0; s < p->segments; s++) {
        uint32_t row = p->segment[s].row;
        assert_int_equal(p->segment[s].first, open[row] == 0);
        assert_true(open[row] < 2);
        open[row] = p->segment[s].last ? 2 : 1;
        for (; k < p->segment[s].end; k++) {
            assert_false(seen[p->source[k]]++);
            assert_int_equal(row, from->row[p->source[k]]);
            assert_int_equal(p->column[k], from->column[p->source[k]]);
        }
    }
    assert_int_equal(k, from->count);
    for (size_t i = 0; i < from->count; i++)
        open[from->row[i]] |= 4;
    for (size_t r = 0; r < from->rows; r++) /* all closed; there if it has entries or is wanted */
        assert_int_equal((open[r] & 3) == 2, (open[r] & 4) || (from->wanted && from->wanted[r]));
    free(open);
    free(seen);
}

static void close_to(double found, double expected, double scale)
{
    if (!(fabs(found - expected) <= 4e-6 * (1 + scale)))
        fail_msg("%.9g found, %.9g expected", found, expected);
}

static void check_multiply(const struct psi_sparse_kernels *kernels, struct matrix *m)
{
    static float y[ROWS_MAX * BATCH_MAX];
    for (int relu = 0; relu < 2; relu++) {
        for (size_t i = 0; i < m->rows * m->batch; i++)
            y[i] = -99;
        const struct psi_pattern plain = {m->forward.segments, m->forward.entries,
                                          m->forward.segment, m->forward.column, NULL};
        kernels->multiply(&plain, m->value, m->bias, relu, m->x, m->batch, y);
        for (size_t r = 0; r < m->rows; r++)
            for (size_t b = 0; b < m->batch; b++) {
                double sum = (double)m->bias[r], size = fabs(sum);
                for (size_t k = 0; k < m->count; k++)
                    if (m->entry_row[k] == r) {
                        double term =
                            (double)m->value[k] * (double)m->x[m->forward.column[k] * m->batch + b];
                        sum += term;
                        size += fabs(term);
                    }
                int there = m->wanted_row[r];
                for (size_t c = 0; c < m->cols; c++)
                    there |= m->mask[r * m->cols + c];
                close_to((double)y[r * m->batch + b],
                         !there ? -99
                         : relu ? fmax(sum, 0)
                                : sum,
                         size);
            }
    }
}

static void check_transposed(const struct psi_sparse_kernels *kernels, struct matrix *m)
{
    static float dx[COLS_MAX * BATCH_MAX];
    static double sum[COLS_MAX * BATCH_MAX], size[COLS_MAX * BATCH_MAX];
    for (int add = 0; add < 2; add++) {
        size_t count = m->cols * m->batch;
        for (size_t i = 0; i < count; i++) {
            dx[i] = add ? 2.5f : -99;
            sum[i] = add ? 2.5 : 0;
            size[i] = 3;
        }
        kernels->multiply_transposed(&m->backward, m->value, add, m->y, m->batch, dx);
        for (size_t k = 0; k < m->count; k++)
            for (size_t b = 0; b < m->batch; b++) {
                double term = (double)m->value[k] * (double)m->y[m->entry_row[k] * m->batch + b];
                sum[m->forward.column[k] * m->batch + b] += term;
                size[m->forward.column[k] * m->batch + b] += fabs(term);
            }
        for (size_t i = 0; i < count; i++) {
            size_t c = i / m->batch;
            int there = m->wanted_col[c];
            for (size_t r = 0; r < m->rows; r++)
                there |= m->mask[r * m->cols + c];
            close_to((double)dx[i], there ? sum[i] : add ? 2.5 : -99, size[i]);
        }
    }
}

static void check_sample(const struct psi_sparse_kernels *kernels, struct matrix *m)
{
    static float gradient[ENTRIES_MAX + 1];
    for (int again = 0; again < 2; again++) {
        for (size_t k = 0; k < m->count; k++)
            gradient[k] = again ? NAN : m->value[k] * 3;
        float behind = gradient[m->count] = 77;
        kernels->sample(&m->forward, m->y, m->x, m->batch, again ? 0 : 0.9f, gradient);
        for (size_t k = 0; k < m->count; k++) {
            double sum = again ? 0 : 0.9 * (double)(m->value[k] * 3), size = fabs(sum);
            for (size_t b = 0; b < m->batch; b++) {
                double term = (double)m->y[m->entry_row[k] * m->batch + b] *
                              (double)m->x[m->forward.column[k] * m->batch + b];
                sum += term;
                size += fabs(term);
            }
            close_to((double)gradient[k], sum, size);
        }
        assert_true(gradient[m->count] == behind);
    }
}

static void check_bias_relu(const struct psi_sparse_kernels *kernels, struct matrix *m)
{
    static float dy[ROWS_MAX * BATCH_MAX];
    static float gradient[ROWS_MAX];
    uint32_t row[ROWS_MAX];
    size_t rows = 0;
    for (size_t r = 0; r < m->rows; r++)
        if (m->wanted_row[r])
            row[rows++] = (uint32_t)r;
    for (int way = 0; way < 4; way++) {
        int relu = way & 1, again = way & 2;
        for (size_t i = 0; i < m->rows * m->batch; i++)
            dy[i] = sinf((float)i);
        for (size_t r = 0; r < m->rows; r++)
            gradient[r] = again && m->wanted_row[r] ? NAN : m->bias[r];
        kernels->bias_relu_backward(row, rows, dy, m->y, m->batch, relu, again ? 0 : 0.9f,
                                    gradient);
        for (size_t r = 0; r < m->rows; r++) {
            double sum = again ? 0 : 0.9 * (double)m->bias[r];
            for (size_t b = 0; b < m->batch; b++) {
                size_t i = r * m->batch + b;
                double kept =
                    m->wanted_row[r] && relu && !(m->y[i] > 0) ? 0 : (double)sinf((float)i);
                assert_true((double)dy[i] == kept);
                sum += kept;
            }
            close_to((double)gradient[r], m->wanted_row[r] ? sum : (double)m->bias[r], 20);
        }
    }
}

static void check_matrix(size_t rows, size_t cols, double density, size_t batch)
{
    struct matrix *m = malloc(sizeof *m);
    matrix_fill(m, rows, cols, density, batch);
    struct psi_entries from = {rows, cols, m->count, m->row, m->column, m->wanted_row};
    struct psi_entries turned = {cols,         rows,         m->count, m->forward.column,
                                 m->entry_row, m->wanted_col};
    check_pattern(&m->forward, &from);
    check_pattern(&m->backward, &turned);
    for (int level = 0; level < PSI_KERNEL_LEVELS; level++) {
        const struct psi_kernels *kernels = psi_kernels_get(level);
        if (!kernels)
            continue;
        check_multiply(kernels->sparse, m);
        check_transposed(kernels->sparse, m);
        check_sample(kernels->sparse, m);
        check_bias_relu(kernels->sparse, m);
    }
    matrix_clear(m);
}

static void test_densities(void **state)
{
    (void)state;
    static const double density[] = {0, 0.003, 0.02, 0.1, 0.35, 0.7, 1};
    for (size_t i = 0; i < sizeof density / sizeof *density; i++) {
        check_matrix(ROWS_MAX, COLS_MAX, density[i], 16);
        check_matrix(65, 11, density[i], 64);
    }
    check_matrix(1, 1, 1, 16);
    check_matrix(1, 200, 1, 32);
    check_matrix(60, 1, 1, 48);
}

static void test_batches(void **state)
{
    (void)state;
    for (size_t batch = 16; batch <= 144; batch += 16)
        check_matrix(23, 41, 0.3, batch);
    check_matrix(14, 130, 0.2, 240);
    check_matrix(14, 130, 0.2, 272);
}

/* Columns in panels, rows in several segments: or the marks of first and last go untested. */
static void test_panels(void **state)
{
    (void)state;
    struct matrix *m = malloc(sizeof *m);
    matrix_fill(m, ROWS_MAX, COLS_MAX, 0.35, 16);
    size_t inner = 0;
    for (size_t s = 0; s < m->forward.segments; s++)
        inner += !m->forward.segment[s].first && !m->forward.segment[s].last;
    assert_true(inner > ROWS_MAX / 2);
    matrix_clear(m);
}

/* relu(NaN) is NaN, or a divergence would go unseen. */
static void test_nan(void **state)
{
    (void)state;
    uint32_t zero = 0;
    struct psi_segment segment = {0, 1, 1, 1};
    struct psi_pattern pattern = {1, 1, &segment, &zero, NULL};
    float value = 1, bias = 0, x[16] = {0}, y[16];
    x[3] = NAN;
    for (int level = 0; level < PSI_KERNEL_LEVELS; level++) {
        const struct psi_kernels *kernels = psi_kernels_get(level);
        if (!kernels)
            continue;
        kernels->sparse->multiply(&pattern, &value, &bias, 1, x, 16, y);
        for (int i = 0; i < 16; i++)
            assert_int_equal(isnan(y[i]) != 0, i == 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_densities),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_panels),
        cmocka_unit_test(test_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
