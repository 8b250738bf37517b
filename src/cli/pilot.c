#include "pilot.h"

#include "psisweep/clock.h"
#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Cells are sampled at so many densities of an arm at most. */
enum { POINTS = 9 };

/* Share of the budget that the dense parent may take. */
#define PARENT_BUDGET 0.3

struct sample {
    double share; /* of the samples */
    double seconds;
};

struct sampler {
    struct psi_study *study;
    struct psi_costs *costs;
    struct psi_pilot *pilot;
    double budget, start;
    struct psi_split train, validation, test; /* whole */
    struct psi_progress progress;
    unsigned long looks;
    double working; /* seconds during which looks were counted */
    struct psi_parent parent;
    struct psi_parent_modes *modes;
    struct psi_cell cell;
    struct psi_slot above;  /* an iterative arm's state before the density, made up */
    struct psi_slot *chain; /* (chains) after it */
    size_t chains;
    double cell_weight, cell_sum; /* for the mean share */
};

static int count_look(void *context)
{
    struct sampler *s = context;
    s->looks++;
    return 0;
}

static double spent(const struct sampler *s)
{
    return psi_clock_processor() - s->start;
}

/* The fewest training samples that every step and criterion has enough with. */
static size_t fewest(const struct psi_job *job)
{
    size_t least = job->train.batch > job->retrain.batch ? job->train.batch : job->retrain.batch;
    for (size_t a = 0; a < job->arms; a++)
        if (job->arm[a].samples > least)
            least = job->arm[a].samples;
    return least;
}

/* Shorten the splits; returns the share of the training samples that is left. */
static double shorten(struct sampler *s, double share)
{
    struct psi_dataset *dataset = s->study->dataset;
    size_t least = fewest(s->study->job), batch = s->study->job->retrain.batch;
    size_t samples = (size_t)(share * (double)s->train.samples) / batch * batch;
    samples = samples < least ? least : samples;
    if (share >= 1.0 || samples > s->train.samples)
        samples = s->train.samples;
    share = (double)samples / (double)s->train.samples;
    dataset->train.samples = samples;
    dataset->validation.samples = (size_t)ceil(share * (double)s->validation.samples);
    dataset->test.samples = (size_t)ceil(share * (double)s->test.samples);
    return share;
}

static void restore(struct sampler *s)
{
    s->study->dataset->train = s->train;
    s->study->dataset->validation = s->validation;
    s->study->dataset->test = s->test;
}

static enum psi_status one_parent(struct sampler *s, struct psi_error *err)
{
    return psi_trial_parent(s->study, 0, &s->progress, &s->parent, err);
}

/* An iterative arm's cell begins at the state above it: made up from the dense parent. A follower's
 * mask comes from its chain at the same density, which is sampled before it. */
static enum psi_status one_cell(struct sampler *s, size_t arm, size_t density,
                                struct psi_error *err)
{
    const struct psi_job *job = s->study->job;
    size_t chain = psi_job_chain(job, arm), parameters = psi_network_parameters(s->study->network);
    struct psi_trial_from from = {.parent = &s->parent, .modes = s->modes};
    struct psi_slot *next = NULL;
    if (chain == arm) {
        next = &s->chain[psi_job_chain_number(job, arm)];
        memcpy(s->above.parameter, s->parent.parameter, parameters * sizeof(float));
        memset(s->above.removed, 0xff,
               psi_network_weights(s->study->network) * sizeof(uint16_t)); /* PSI_SURVIVES */
        s->above.level = (int32_t)density - (int32_t)job->refine.factor;
        from.chain = density > 0 ? &s->above : NULL;
    } else if (chain != SIZE_MAX) {
        from.chain = &s->chain[psi_job_chain_number(job, chain)];
    }
    return psi_trial_cell(s->study, arm, 0, density, &from, &s->progress, &s->cell, next, err);
}

/* One task on a share of the samples. density is ignored for PSI_OF_PARENT. */
static enum psi_status measure(struct sampler *s, struct psi_record_at at, double share,
                               struct sample *sample, struct psi_error *err)
{
    sample->share = shorten(s, share);
    double start = psi_clock_processor();
    enum psi_status status =
        at.owner == PSI_OF_PARENT ? one_parent(s, err) : one_cell(s, at.arm, at.density, err);
    sample->seconds = psi_clock_processor() - start;
    s->working += sample->seconds;
    restore(s);
    return status;
}

/* Seconds of a sample's varying part, for all samples. */
static double slope(const struct sample *from, const struct sample *to)
{
    double slope = (to->seconds - from->seconds) / (to->share - from->share);
    return slope > 0.0 ? slope : 0.0;
}

/* First as little as can be, for the fixed part; then some steps, to see what steps cost; then as
 * much as the allowance has room for. */
static enum psi_status sample_task(struct sampler *s, struct psi_record_at at, double allowance,
                                   struct sample *last, struct psi_error *err)
{
    const double look_at = 0.02; /* seconds of steps that can be told from the fixed part */
    double start = psi_clock_processor();
    struct sample first;
    enum psi_status status = measure(s, at, 0.0, &first, err);
    *last = first;
    for (double share = 16.0 * first.share; !status && last->share < 1.0; share *= 4.0) {
        double left = allowance - (psi_clock_processor() - start) - first.seconds;
        double varying = last->share > first.share ? slope(&first, last) : 0.0;
        int seen = varying * (last->share - first.share) >= look_at;
        if (left <= 0.0 && last->share > first.share)
            break;
        if (seen) {
            share = first.share + left / varying;
            if (share < 2.0 * last->share)
                break;
        }
        status = measure(s, at, share < 1.0 ? share : 1.0, last, err);
        if (seen)
            break;
    }
    if (status)
        return status;
    double whole = last->seconds;
    if (last->share < 1.0)
        whole = first.seconds + (1.0 - first.share) * slope(&first, last);
    psi_costs_note(s->costs, at, whole > 1e-6 ? whole : 1e-6);
    return PSI_OK;
}

/* The dense parent that all sampled cells come from, and its modes. */
static enum psi_status sample_parent(struct sampler *s, struct psi_error *err)
{
    struct psi_record_at at = {.owner = PSI_OF_PARENT};
    struct sample last = {0};
    enum psi_status status;
    if (psi_costs_known(s->costs, at)) /* a short one does as what cells come from */
        status = measure(s, at, 0.1, &last, err);
    else
        status = sample_task(s, at, PARENT_BUDGET * s->budget, &last, err);
    if (status)
        return status;
    s->pilot->parent_share = last.share;
    double start = psi_clock_processor();
    status = psi_parent_modes_create(s->study, &s->parent, NULL, &s->modes, err);
    s->pilot->modes = psi_clock_processor() - start;
    return status;
}

/* Densities of an arm that stand for all: both ends, and between them at equal steps of half the
 * number of cells and half their cost. Coarse ones first, so that the sampling can end early. */
static size_t choose(struct psi_costs *costs, size_t arm, size_t density[POINTS])
{
    static const size_t order[POINTS] = {0, 8, 4, 2, 6, 1, 3, 5, 7};
    const struct psi_job *job = costs->job;
    size_t grid[PSI_DENSITIES_MAX], cells = 0, chosen = 0;
    double sum[PSI_DENSITIES_MAX], all = 0.0;
    for (size_t d = 0; d < job->densities; d++)
        if (psi_job_has(job, arm, d))
            grid[cells++] = d;
    for (size_t i = 0; i < cells; i++)
        all += psi_costs_model(
            job, (struct psi_record_at){.owner = PSI_OF_CELL, .arm = arm, .density = grid[i]});
    for (size_t i = 0; i < cells; i++)
        sum[i] =
            (i > 0 ? sum[i - 1] : 0.0) + 0.5 / (double)cells +
            0.5 / all *
                psi_costs_model(job, (struct psi_record_at){
                                         .owner = PSI_OF_CELL, .arm = arm, .density = grid[i]});
    for (size_t p = 0; p < POINTS && cells > 0; p++) {
        double at = (double)order[p] / (POINTS - 1);
        size_t i = 0, known = 0;
        while (i + 1 < cells && sum[i] < at * sum[cells - 1])
            i++;
        i = at == 0.0 ? 0 : at == 1.0 ? cells - 1 : i;
        while (known < chosen && density[known] != grid[i])
            known++;
        if (known == chosen)
            density[chosen++] = grid[i];
    }
    return chosen;
}

/* What is to be sampled, in order: the coarse densities of every arm, then finer ones; where masks
 * come from an iterative arm, that arm is before those that follow it. */
static size_t make_list(const struct sampler *s, struct psi_record_at *list)
{
    const struct psi_job *job = s->study->job;
    size_t density[PSI_ARMS_MAX][POINTS], points[PSI_ARMS_MAX], count = 0;
    for (size_t a = 0; a < job->arms; a++) {
        /* a follower is sampled where its chain is */
        size_t chain = psi_job_chain(job, a);
        points[a] = choose(s->costs, chain == SIZE_MAX ? a : chain, density[a]);
    }
    for (size_t p = 0; p < POINTS; p++)
        for (int follows = 0; follows < 2; follows++)
            for (size_t a = 0; a < job->arms; a++) {
                size_t chain = psi_job_chain(job, a);
                struct psi_record_at at = {.owner = PSI_OF_CELL, .arm = a};
                if (p >= points[a] || (chain != SIZE_MAX && chain != a) != follows)
                    continue;
                at.density = density[a][p];
                if (psi_job_has(job, a, at.density))
                    list[count++] = at;
            }
    return count;
}

/* A follower needs its chain's state at the density even where the chain's cost is known. */
static int is_needed(const struct sampler *s, struct psi_record_at at)
{
    return s->study->job->arm[at.arm].schedule == PSI_ITERATIVE || !psi_costs_known(s->costs, at);
}

static enum psi_status sample_cells(struct sampler *s, struct psi_error *err)
{
    const struct psi_job *job = s->study->job;
    struct psi_record_at *list = psi_allocate(POINTS * job->arms, sizeof *list, "pilot", err);
    if (!list)
        return PSI_MEMORY;
    size_t count = make_list(s, list), needed = 0;
    enum psi_status status = PSI_OK;
    double weight = 0.0, all = 0.0;
    for (size_t i = 0; i < count; i++)
        if (is_needed(s, list[i]))
            list[needed++] = list[i];
    for (size_t i = 0; i < needed; i++)
        all += psi_costs_model(job, list[i]);
    all *= 2.0; /* half by cost, half evenly */
    for (size_t i = 0; !status && i < needed; i++) {
        struct sample last;
        double model = psi_costs_model(job, list[i]);
        double own = model + 0.5 * all / (double)needed, left = s->budget - spent(s);
        if (left <= 0.0 && i >= 2 * job->arms)
            break;
        status = sample_task(s, list[i], left * own / (all - weight), &last, err);
        weight += own;
        s->pilot->cells++;
        s->cell_weight += model;
        s->cell_sum += model * last.share;
    }
    free(list);
    return status;
}

static enum psi_status sampler_create(struct sampler *s, struct psi_error *err)
{
    const struct psi_layout *layout = &s->study->layout;
    enum psi_status status = psi_record_create(PSI_OF_PARENT, layout, &s->parent, err);
    if (!status)
        status = psi_record_create(PSI_OF_CELL, layout, &s->cell, err);
    size_t chains = layout->extent[PSI_AXIS_CHAIN];
    if (status || chains == 0)
        return status;
    if ((status = psi_record_create(PSI_OF_SLOT, layout, &s->above, err)))
        return status;
    if (!(s->chain = psi_allocate(chains, sizeof *s->chain, "pilot", err)))
        return PSI_MEMORY;
    for (; !status && s->chains < chains; s->chains += !status)
        status = psi_record_create(PSI_OF_SLOT, layout, &s->chain[s->chains], err);
    return status;
}

static void sampler_clear(struct sampler *s)
{
    while (s->chains > 0)
        psi_record_clear(PSI_OF_SLOT, &s->chain[--s->chains]);
    free(s->chain);
    psi_record_clear(PSI_OF_SLOT, &s->above);
    psi_parent_modes_destroy(s->modes);
    psi_record_clear(PSI_OF_CELL, &s->cell);
    psi_record_clear(PSI_OF_PARENT, &s->parent);
}

enum psi_status psi_pilot_run(struct psi_study *study, double budget, struct psi_costs *costs,
                              struct psi_pilot *pilot, struct psi_error *err)
{
    const struct psi_dataset *dataset = study->dataset;
    struct sampler s = {.study = study,
                        .costs = costs,
                        .pilot = pilot,
                        .budget = budget,
                        .start = psi_clock_processor(),
                        .train = dataset->train,
                        .validation = dataset->validation,
                        .test = dataset->test};
    s.progress = (struct psi_progress){count_look, &s};
    *pilot = (struct psi_pilot){0};
    enum psi_status status = sampler_create(&s, err);
    if (!status && !(status = sample_parent(&s, err)))
        status = sample_cells(&s, err);
    pilot->seconds = spent(&s);
    pilot->look = s.looks > 0 ? s.working / (double)s.looks : 0.0;
    pilot->cell_share = s.cell_weight > 0.0 ? s.cell_sum / s.cell_weight : 0.0;
    sampler_clear(&s);
    return status;
}
