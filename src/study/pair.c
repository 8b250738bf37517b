#include "psisweep/pair.h"
#include "psisweep/record.h"
#include "psisweep/spectrum.h"

#include <math.h>
#include <string.h>

static const double norm_tolerance = 0.01;   /* of squared norms */
static const double least_difference = 0.05; /* of S, below which a pair tells nothing */

static int is_half(const struct psi_arm *arm, int change)
{
    return arm->change == change && arm->mask_arm != SIZE_MAX && arm->restart == PSI_FINETUNE &&
           !arm->ablate;
}

/* The first arm that trains new weights under this one's mask. */
static size_t find_new(const struct psi_job *job, size_t of)
{
    for (size_t a = 0; a < job->arms; a++) {
        const struct psi_arm *arm = &job->arm[a];
        if (arm->mask_arm == of && arm->restart == PSI_REINITIALISE && !arm->change && !arm->ablate)
            return a;
    }
    return SIZE_MAX;
}

size_t psi_pair_find(const struct psi_job *job, struct psi_pair pair[PSI_PAIRS_MAX])
{
    int taken[PSI_ARMS_MAX] = {0};
    size_t pairs = 0;
    for (size_t p = 0; p < job->arms; p++) {
        const struct psi_arm *preserve = &job->arm[p];
        if (!is_half(preserve, PSI_CHANGE_PRESERVE))
            continue;
        size_t d = 0;
        while (d < job->arms &&
               (taken[d] || !is_half(&job->arm[d], PSI_CHANGE_DESTROY) ||
                job->arm[d].mask_arm != preserve->mask_arm || job->arm[d].modes != preserve->modes))
            d++;
        if (d == job->arms)
            continue;
        taken[d] = 1;
        pair[pairs++] =
            (struct psi_pair){{p, d, find_new(job, p), find_new(job, d)}, preserve->modes};
    }
    return pairs;
}

static size_t cell_of(const struct psi_measured *m, const struct psi_pair *pair, int which,
                      size_t seed, size_t density)
{
    return psi_measured_at(m, pair->arm[which], seed, density);
}

double psi_pair_difference(const struct psi_measured *m, const struct psi_pair *pair, size_t seed,
                           size_t density, size_t layer)
{
    size_t p = cell_of(m, pair, PSI_PAIR_PRESERVE, seed, density) * m->layers + layer;
    size_t d = cell_of(m, pair, PSI_PAIR_DESTROY, seed, density) * m->layers + layer;
    return pair->modes == PSI_FIXED_MODES ? m->overlap_fixed[p] - m->overlap_fixed[d] : NAN;
}

/* Which of two ratios is farther from 1? NaN is farthest. */
static double farther(double a, double b)
{
    return isnan(a) || fabs(log(a)) > fabs(log(b)) ? a : b;
}

struct psi_pair_cell psi_pair_compare(const struct psi_measured *m, const struct psi_pair *pair,
                                      size_t seed, size_t density)
{
    size_t p = cell_of(m, pair, PSI_PAIR_PRESERVE, seed, density);
    size_t d = cell_of(m, pair, PSI_PAIR_DESTROY, seed, density);
    if (!m->finished[p] || !m->finished[d])
        return (struct psi_pair_cell){.norm_ratio = NAN, .difference = NAN};
    struct psi_pair_cell cell = {.done = 1, .degrees_equal = 1, .norm_ratio = 1};
    cell.effective_equal = m->effective[p] == m->effective[d];
    cell.difference = m->layers > 1 ? INFINITY : NAN;
    for (size_t l = 0; l < m->layers; l++) {
        size_t at_p = p * m->layers + l, at_d = d * m->layers + l;
        cell.degrees_equal &= m->degree_digest[at_p] == m->degree_digest[at_d];
        int empty = m->square_norm[at_p] == 0 && m->square_norm[at_d] == 0;
        double ratio = empty ? 1 : m->square_norm[at_p] / m->square_norm[at_d];
        cell.norm_ratio = isnan(cell.norm_ratio) ? NAN : farther(ratio, cell.norm_ratio);
        if (l + 1 == m->layers)
            continue;
        double difference = psi_pair_difference(m, pair, seed, density, l);
        if (!(difference >= cell.difference)) /* the least; NaN stays */
            cell.difference = isnan(cell.difference) ? NAN : difference;
    }
    cell.norm_equal = fabs(cell.norm_ratio - 1) <= norm_tolerance;
    cell.apart = cell.difference >= least_difference;
    cell.testable = cell.degrees_equal && cell.effective_equal && cell.norm_equal && cell.apart;
    return cell;
}

static int is_done(const struct psi_measured *m, const struct psi_pair *pair, int which,
                   size_t seed, size_t density)
{
    return pair->arm[which] != SIZE_MAX &&
           psi_measured_has(m, cell_of(m, pair, which, seed, density));
}

static int is_complete(const struct psi_measured *m, const struct psi_pair *pair, size_t seed,
                       size_t density)
{
    int complete = 1;
    for (int which = 0; which < PSI_PAIR_ARMS; which++)
        complete &= is_done(m, pair, which, seed, density);
    return complete;
}

void psi_pair_summarise(const struct psi_measured *m, const struct psi_pair *pair, size_t density,
                        struct psi_pair_row *row)
{
    size_t count[PSI_PAIR_ARMS] = {0};
    *row = (struct psi_pair_row){.norm_ratio = 1};
    for (size_t s = 0; s < m->seeds; s++) {
        struct psi_pair_cell cell = psi_pair_compare(m, pair, s, density);
        int complete = is_complete(m, pair, s, density);
        for (int which = 0; which < PSI_PAIR_ARMS; which++) {
            if (!is_done(m, pair, which, s, density))
                continue;
            row->psi[which] += m->psi[cell_of(m, pair, which, s, density)];
            count[which]++;
        }
        if (!cell.done)
            continue;
        row->done++;
        row->degrees_equal += (size_t)cell.degrees_equal;
        row->effective_equal += (size_t)cell.effective_equal;
        row->norm_equal += (size_t)cell.norm_equal;
        row->apart += (size_t)cell.apart;
        row->testable += (size_t)cell.testable;
        row->complete += (size_t)complete;
        row->complete_testable += (size_t)(complete && cell.testable);
        row->norm_ratio = isnan(row->norm_ratio) ? NAN : farther(cell.norm_ratio, row->norm_ratio);
    }
    for (int which = 0; which < PSI_PAIR_ARMS; which++)
        row->psi[which] = count[which] ? row->psi[which] / (double)count[which] : NAN;
    if (row->done == 0)
        row->norm_ratio = NAN;
}

void psi_pair_effects(const struct psi_measured *m, const struct psi_pair *pair, size_t seed,
                      size_t density, double effect[PSI_EFFECTS])
{
    double psi[PSI_PAIR_ARMS];
    for (int which = 0; which < PSI_PAIR_ARMS; which++)
        psi[which] = is_done(m, pair, which, seed, density)
                         ? m->psi[cell_of(m, pair, which, seed, density)]
                         : NAN;
    effect[PSI_EFFECT_FINETUNED] = psi[PSI_PAIR_PRESERVE] - psi[PSI_PAIR_DESTROY];
    effect[PSI_EFFECT_NEW] = psi[PSI_PAIR_PRESERVE_NEW] - psi[PSI_PAIR_DESTROY_NEW];
    effect[PSI_EFFECT_CONTRAST] = effect[PSI_EFFECT_FINETUNED] - effect[PSI_EFFECT_NEW];
}

/* Mean Psi of the fine-tuned arms over complete seeds. */
static double finetuned_mean(const struct psi_measured *m, const struct psi_pair *pair,
                             size_t density, size_t complete)
{
    double sum = 0;
    for (size_t s = 0; s < m->seeds; s++)
        if (is_complete(m, pair, s, density))
            sum += m->psi[cell_of(m, pair, PSI_PAIR_PRESERVE, s, density)] +
                   m->psi[cell_of(m, pair, PSI_PAIR_DESTROY, s, density)];
    return sum / (2 * (double)complete);
}

int psi_pair_choose(const struct psi_measured *m, const struct psi_pair *pair, size_t pairs,
                    struct psi_pair_choice *choice)
{
    *choice = (struct psi_pair_choice){.seeds = 0};
    for (size_t p = 0; p < pairs; p++) {
        for (size_t d = 0; d < m->densities; d++) {
            struct psi_pair_row row;
            psi_pair_summarise(m, &pair[p], d, &row);
            if (row.complete == 0 || row.complete_testable < row.complete ||
                row.complete < choice->seeds)
                continue;
            double psi = finetuned_mean(m, &pair[p], d, row.complete);
            if (row.complete == choice->seeds && fabs(psi - 0.5) >= fabs(choice->psi - 0.5))
                continue;
            *choice = (struct psi_pair_choice){p, d, row.complete, psi};
        }
    }
    return choice->seeds > 0;
}

size_t psi_ablation_find(const struct psi_job *job,
                         struct psi_ablation_pair pair[PSI_ABLATION_PAIRS_MAX])
{
    size_t pairs = 0;
    for (size_t t = 0; t < job->arms; t++) {
        const struct psi_arm *top = &job->arm[t];
        for (size_t c = 0; top->ablate == 1 + PSI_ABLATE_TOP && c < job->arms; c++) {
            const struct psi_arm *control = &job->arm[c];
            int equal = control->modes == top->modes && control->criterion == top->criterion &&
                        control->scope == top->scope && control->like_arm == top->like_arm &&
                        control->mask_arm == top->mask_arm && control->change == top->change &&
                        control->noise == top->noise && control->restart == top->restart &&
                        control->budget == top->budget;
            if (control->ablate && control->ablate != top->ablate && equal)
                pair[pairs++] = (struct psi_ablation_pair){t, c};
        }
    }
    return pairs;
}
