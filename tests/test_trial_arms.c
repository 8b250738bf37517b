/* What retraining starts from, what it may not touch, and what it depends on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "trial.h"

#define BASE                                                                                   \
    "name: arms\ndata: {set: planted, train: 600, test: 200, validation: 100, inputs: 20}\n"   \
    "model: {hidden: [24, 16]}\ntrain: {epochs: 4, batch: 20, rate: 0.01, schedule: cosine}\n" \
    "retrain: {epochs: 2, batch: 20, rate: 0.01}\n"

static void check_pruned_are_zero(const struct fixture *f)
{
    const float *w = psi_network_parameter(f->study->network);
    size_t alive = 0;
    for (size_t i = 0; i < f->weights; i++) {
        assert_true(f->study->mask[i] || w[i] == 0.0f);
        alive += w[i] != 0.0f;
    }
    assert_true(alive > 0);
}

/* No optimiser, restart, schedule or rung gives life to a pruned weight. */
static void test_mask_integrity(void **state)
{
    static const char *const optimizer[] = {"{optimizer: adam, epochs: 2, batch: 20, rate: 0.01}",
                                            "{optimizer: sgd, momentum: 0.9, weight_decay: 1e-4, "
                                            "epochs: 2, batch: 20, rate: 0.05}"};
    (void)state;
    for (int o = 0; o < 2; o++) {
        struct fixture f;
        char override[256];
        snprintf(override, sizeof override, "retrain=%s", optimizer[o]);
        fixture_open(&f,
                     BASE
                     "arms: [{name: finetune}, {name: rates, restart: rate-rewind, rewind: 1.5},\n"
                     "  {name: rewind, restart: rewind, rewind: 1.5, criterion: random},\n"
                     "  {name: reinitialise, restart: reinitialise, budget: retrain},\n"
                     "  {name: transplant, restart: transplant}, {name: initial, at: initial},\n"
                     "  {name: hold, ablate: top, modes: 2, hold: true},\n"
                     "  {name: poly, schedule: polynomial, interval: 9},\n"
                     "  {name: units, criterion: unit-norm}]\n"
                     "grid: {density: [0.7, 0.15, 0.04], seeds: 1}\n"
                     "rescue: {cells: 1, draws: 2, rewind_epoch: 1.5}\n",
                     override);
        f.job->train.optimizer = f.job->retrain.optimizer;
        f.job->train.momentum = f.job->retrain.momentum;
        for (size_t a = 0; a < f.job->arms; a++) {
            for (size_t d = 0; d < 3; d++) {
                fixture_cell(&f, f.job->arm[a].name, d);
                assert_true(psi_mask_digest(f.study->mask, f.weights) == f.cell.mask_digest);
                assert_true(psi_mask_count(f.study->mask, f.weights) ==
                            (size_t)f.cell.weights_kept);
                check_pruned_are_zero(&f);
            }
            uint64_t digest = f.cell.mask_digest;
            size_t kept = (size_t)f.cell.weights_kept;
            for (int kind = 0; kind < PSI_RUNG_KINDS; kind++) {
                struct psi_rung rung = {.kind = kind, .budget = 1, .rate = 1, .draws = 2};
                fixture_rung(&f, f.job->arm[a].name, 2, &rung, 0, NULL);
                assert_true(isfinite(f.rung.psi) && isfinite(f.rung.validation_psi));
                if (kind != PSI_RUNG_REGROW)
                    check_pruned_are_zero(&f);
                assert_int_equal(psi_mask_count(f.study->mask, f.weights),
                                 kind == PSI_RUNG_REGROW ? f.weights : kept);
                assert_int_equal(psi_mask_digest(f.study->mask, f.weights) == digest,
                                 kind != PSI_RUNG_REWIRE && kind != PSI_RUNG_REGROW);
            }
            const float *w = psi_network_parameter(f.study->network); /* regrown: they do live */
            size_t alive = 0;
            for (size_t i = 0; i < f.weights; i++)
                alive += w[i] != 0.0f;
            assert_true(alive > kept);
        }
        fixture_close(&f);
    }
}

/* Each restart by hand: start, rates, stream. */
static void test_restarts(void **state)
{
    static const char *const name[] = {"finetune", "rates", "rewind", "start", "reinitialise"};
    struct fixture f;
    (void)state;
    fixture_open(&f,
                 BASE "arms: [{name: finetune, budget: train},\n"
                      "  {name: rates, mask: finetune, restart: rate-rewind, rewind: 2.5},\n"
                      "  {name: rewind, mask: finetune, restart: rewind, rewind: 1.2},\n"
                      "  {name: start, mask: finetune, restart: rewind},\n"
                      "  {name: reinitialise, mask: finetune, restart: reinitialise}]\n"
                      "grid: {density: [0.2], seeds: [3]}\n",
                 NULL);
    /* 500 training samples: 25 steps an epoch */
    static const size_t first_step[] = {0, 62 + 1, 30, 0, 0}; /* 62.5 rounds up */
    float *initial = malloc(f.parameters * sizeof *initial);
    struct psi_random random;
    psi_random_open(&random, 0, "initialise/seed=3");
    psi_network_initialise(f.study->network, &random);
    memcpy(initial, psi_network_parameter(f.study->network), f.parameters * sizeof *initial);
    float *spent[5];
    for (size_t a = 0; a < 5; a++) {
        char stream[128];
        fixture_cell(&f, name[a], 0);
        size_t before = first_step[a] / 25;
        for (size_t e = 0; e <= 4; e++)
            assert_int_equal(isnan(f.cell.psi_curve[e]), e < before);
        spent[a] = fixture_weights(&f);
        const float *start = a < 2    ? f.parent.parameter
                             : a == 2 ? f.parent.rewind_parameter
                                      : initial;
        set_weights(&f, start);
        if (a == 4) {
            psi_random_open(&random, 0, "reinitialise/arm=reinitialise/seed=3/density=0.2");
            OK(psi_network_initialise_masked(f.study->network, f.study->mask, &random, &err));
        }
        snprintf(stream, sizeof stream, "retrain/arm=%s/seed=3/density=0.2", name[a]);
        train_by_hand(&f, &f.job->train, first_step[a], stream);
        assert_memory_equal(psi_network_parameter(f.study->network), spent[a],
                            f.parameters * sizeof *initial);
        for (size_t b = 0; b < a; b++)
            assert_memory_not_equal(spent[a], spent[b], f.parameters * sizeof *initial);
    }
    for (size_t a = 0; a < 5; a++)
        free(spent[a]);
    free(initial);
    fixture_close(&f);
}

/* What was kept at an epoch of the dense training leads on to its end: the same training, taken up
 * there, with Adam's state lost, comes near it, and with plain SGD to it, bit by bit. */
static void test_rewind_point(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, BASE "arms: [{restart: rewind, rewind: 2}]\ngrid: {density: [1], seeds: 1}\n",
                 "train={optimizer: sgd, momentum: 0, rate: 0.1, epochs: 4, batch: 20}");
    struct psi_training training = {.spec = &f.job->train,
                                    .dataset = f.study->dataset,
                                    .first_step = 50,
                                    .random_name = "train/seed=0"};
    int diverged;
    memcpy(psi_network_parameter(f.study->network), f.parent.rewind_parameter,
           f.parameters * sizeof(float));
    assert_memory_not_equal(f.parent.rewind_parameter, f.parent.parameter,
                            f.parameters * sizeof(float));
    OK(psi_train(f.study->network, &training, &diverged, &err));
    assert_memory_equal(psi_network_parameter(f.study->network), f.parent.parameter,
                        f.parameters * sizeof(float));
    fixture_close(&f);
}

/* A transplant starts from the retrained weights of the density above, under its own mask. The
 * donor is what a fine-tuned arm of that name would be. */
static void test_transplant(void **state)
{
    struct fixture donor, f;
    (void)state;
    fixture_open(&donor, BASE "arms: [{name: t}]\ngrid: {density: [0.5, 0.1], seeds: 1}\n", NULL);
    fixture_open(&f,
                 BASE "arms: [{name: t, restart: transplant}]\n"
                      "grid: {density: [0.5, 0.1], seeds: 1, refine: {factor: 4}}\n",
                 NULL);
    fixture_cell(&donor, "t", 0);
    float *given = fixture_weights(&donor);
    fixture_cell(&f, "t", 0);
    assert_true(fixture_checksum(&f) == fixture_checksum(&donor)); /* at the top there is none */
    for (size_t d = 4; d > 0; d -= 2) { /* an added density, too, takes the grid's own above it */
        char stream[128];
        snprintf(stream, sizeof stream, "retrain/arm=t/seed=0/density=%.9g", f.job->density[d]);
        fixture_cell(&f, "t", d);
        float *end = fixture_weights(&f);
        set_weights(&f, given);
        train_by_hand(&f, &f.job->retrain, 0, stream);
        assert_memory_equal(psi_network_parameter(f.study->network), end,
                            f.parameters * sizeof *end);
        free(end);
    }
    free(given);
    fixture_close(&donor);
    fixture_close(&f);
}

/* The ladder's transplant: the donor is the arm's own cell, whatever it starts from. */
static void test_transplant_rung(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f,
                 BASE "arms: [{name: r, restart: rewind, rewind: 1.2},\n"
                      "  {name: p, schedule: polynomial, interval: 11}]\n"
                      "grid: {density: [0.5, 0.1], seeds: 1}\nrescue: {cells: 1}\n",
                 NULL);
    struct psi_rung rung = {.kind = PSI_RUNG_TRANSPLANT, .budget = 2, .rate = 1, .draws = 1};
    for (size_t a = 0; a < 2; a++) {
        char stream[160];
        const char *name = f.job->arm[a].name;
        fixture_cell(&f, name, 0);
        float *given = NULL;
        if (a == 0) /* (a polynomial cell does not leave its weights) */
            given = fixture_weights(&f);
        snprintf(rung.name, sizeof rung.name, "transplant x2");
        fixture_rung(&f, name, 1, &rung, 0, NULL);
        double psi = f.rung.validation_psi;
        float *end = fixture_weights(&f);
        fixture_rung(&f, name, 1, &rung, 0, NULL); /* the same again */
        assert_true(f.rung.validation_psi == psi);
        if (given) {
            struct psi_train_spec spec = f.job->retrain;
            spec.epochs *= 2;
            snprintf(stream, sizeof stream, "rescue/transplant x2/arm=%s/seed=0/density=0.1/draw=0",
                     name);
            set_weights(&f, given);
            train_by_hand(&f, &spec, 0, stream);
            assert_memory_equal(psi_network_parameter(f.study->network), end,
                                f.parameters * sizeof *end);
        }
        free(given);
        free(end);
        fixture_rung(&f, name, 1, &rung, SIZE_MAX, NULL); /* nobody to give */
        assert_true(isnan(f.rung.psi) && isnan(f.rung.validation_psi));
    }
    fixture_close(&f);
}

static double squares(const double *value, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++)
        sum += value[i] * value[i];
    return sum;
}

/* At density 1 what is pruned is what was ablated alone. */
static void test_ablation(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f,
                 BASE "arms: [{name: top, ablate: top, modes: 3}, {name: bottom, ablate: bottom,"
                      " modes: 3},\n  {name: random, ablate: random, modes: 3},\n"
                      "  {name: foreign, ablate: foreign, modes: 3}, {name: none}]\n"
                      "grid: {density: [1], seeds: 1}\n",
                 NULL);
    size_t modes = f.study->layout.extent[PSI_AXIS_MODE];
    static const size_t rank[] = {20, 16, 8};
    for (size_t a = 0; a < 5; a++) {
        fixture_cell(&f, f.job->arm[a].name, 0);
        for (size_t i = 0; i < 3; i++) {
            const double *dense = f.parent.singular_value + i * modes;
            const double *value = f.cell.singular_value + i * modes;
            double whole = squares(dense, 0, rank[i]), top = squares(dense, 0, 3) / whole;
            double left = squares(value, 0, rank[i]) / whole, removed = f.cell.removed_energy[i];
            if (a == 4) {
                assert_true(isnan(removed) && fabs(left - 1) < 1e-9);
                continue;
            }
            assert_true(fabs(removed + left - 1) < 1e-5); /* what is told is what is gone */
            if (a == 0) {
                assert_true(fabs(removed - top) < 1e-6);
                for (size_t m = 0; m + 3 < rank[i]; m++)
                    assert_true(fabs(value[m] - dense[m + 3]) < 1e-5 * dense[0]);
            } else if (a < 3) { /* as much, or all that the other modes hold */
                double others = fmin(top, 1 - top);
                assert_true(removed < others + 1e-6);
                assert_true(a == 2 || fabs(removed - others) < 1e-6);
            }
        }
    }
    fixture_close(&f);
}

/* |U_k' W|^2 and |W V_k|^2 over |W|^2, of the network's matrix i. */
static double share_in_modes(const struct fixture *f, size_t i, size_t k)
{
    const struct psi_weight_matrix *m = psi_network_matrix(f->study->network, i);
    const struct psi_modes *modes = &f->modes->layer[i];
    const float *w = psi_network_parameter(f->study->network) + m->offset;
    double inside = 0, whole = 0;
    for (size_t j = 0; j < m->rows * m->cols; j++)
        whole += (double)w[j] * w[j];
    for (size_t n = 0; n < k; n++) {
        for (size_t c = 0; c < m->cols; c++) {
            double dot = 0;
            for (size_t r = 0; r < m->rows; r++)
                dot += modes->left[n * m->rows + r] * w[r * m->cols + c];
            inside += dot * dot;
        }
        for (size_t r = 0; r < m->rows; r++) {
            double dot = 0;
            for (size_t c = 0; c < m->cols; c++)
                dot += modes->right[n * m->cols + c] * w[r * m->cols + c];
            inside += dot * dot;
        }
    }
    return inside / whole;
}

/* Held modes stay out while all else is trained; not held, they come back. */
static void test_hold(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f,
                 BASE "arms: [{name: hold, ablate: top, modes: 4, hold: true},\n"
                      "  {name: free, ablate: top, modes: 4}]\n"
                      "grid: {density: [1, 0.5], seeds: 1}\nrescue: {cells: 1}\n",
                 NULL);
    for (size_t d = 0; d < 2; d++) {
        double held[3];
        fixture_cell(&f, "hold", d);
        for (size_t i = 0; i < 3; i++)
            held[i] = share_in_modes(&f, i, 4);
        assert_true(f.cell.psi_curve[1] != f.cell.psi_curve[0] || f.cell.psi_curve[2] != 0);
        for (int kind = 0; d == 0 && kind <= PSI_RUNG_TRANSPLANT; kind++) { /* by no rung, either */
            struct psi_rung rung = {.kind = kind, .budget = 1, .rate = 1, .draws = 1};
            fixture_rung(&f, "hold", d, &rung, 1, NULL);
            for (size_t i = 0; i < 3; i++)
                assert_true(share_in_modes(&f, i, 4) < 1e-9);
        }
        fixture_cell(&f, "free", d);
        for (size_t i = 0; i < 3; i++) {
            assert_true(d ? held[i] < share_in_modes(&f, i, 4) : held[i] < 1e-9);
            assert_true(d || share_in_modes(&f, i, 4) > 1e-3);
        }
    }
    fixture_close(&f);
}

/* The same bits, twice and in another order. */
static void test_order(void **state)
{
    struct fixture f;
    uint64_t sum[16], rung_sum[PSI_RUNG_KINDS];
    (void)state;
    fixture_open(&f,
                 BASE "arms: [{name: a, restart: rewind, rewind: 0.5}, {name: b, mask: a,"
                      " change: shuffle, restart: reinitialise},\n"
                      "  {name: c, noise: 0.4, change: destroy, restart: transplant},\n"
                      "  {name: d, schedule: polynomial, interval: 8},"
                      " {name: e, ablate: foreign, criterion: synflow, at: trained},\n"
                      "  {name: f, ablate: top, hold: true, modes: 2, criterion: snip},\n"
                      "  {name: g, criterion: random, scope: like, like: f, at: initial}]\n"
                      "grid: {density: [0.4, 0.1], seeds: 1}\nrescue: {cells: 1}\n",
                 NULL);
    for (int again = 0; again < 2; again++) {
        for (size_t n = 0; n < 14; n++) {
            size_t i = again ? 13 - n : n;
            fixture_cell(&f, f.job->arm[i / 2].name, i % 2);
            if (again)
                assert_true(sum[i] == fixture_checksum(&f));
            sum[i] = fixture_checksum(&f);
        }
        for (int n = 0; n < PSI_RUNG_KINDS; n++) {
            int kind = again ? PSI_RUNG_KINDS - 1 - n : n;
            struct psi_rung rung = {.kind = kind, .budget = 1, .rate = 3, .draws = 2, .name = "x"};
            fixture_rung(&f, "b", 1, &rung, 0, NULL);
            uint64_t found = psi_record_checksum(PSI_OF_RUNG, &f.study->layout, &f.rung);
            if (again)
                assert_true(rung_sum[kind] == found);
            rung_sum[kind] = found;
        }
    }
    for (size_t i = 0; i < 14; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(sum[i] != sum[j]);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mask_integrity),
        cmocka_unit_test(test_restarts),
        cmocka_unit_test(test_rewind_point),
        cmocka_unit_test(test_transplant),
        cmocka_unit_test(test_transplant_rung),
        cmocka_unit_test(test_ablation),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
