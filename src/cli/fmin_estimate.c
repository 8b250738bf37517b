/* The estimates behind psisweep fmin: each file's own, and C1 over several. */
#include "fmin.h"

#include "psisweep/memory.h"
#include "psisweep/prune.h"
#include "psisweep/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const double psi_fmin_level[PSI_LEVELS] = {PSI_RECOVERED, 0.1, 0.9};
const char *const psi_fmin_measure[PSI_MEASURES] = {"density", "effective density"};

const char *const psi_fmin_scope_name[] = {
    [PSI_GLOBAL] = "global", [PSI_LAYER] = "layer", [PSI_ERK] = "erk", [PSI_LIKE] = "like"};
const char *const psi_fmin_method_name[] = {
    [PSI_POOL_NONE] = "none",           [PSI_POOL_ONE_SEED] = "one seed",
    [PSI_POOL_SAME_CELL] = "same cell", [PSI_POOL_STUDENT] = "student",
    [PSI_POOL_TURNBULL] = "turnbull",
};

const char *psi_fmin_interval_name(const struct psi_pooled *p)
{
    switch (p->method) {
    case PSI_POOL_ONE_SEED:
        return "one seed's step";
    case PSI_POOL_SAME_CELL:
        return "one grid step";
    case PSI_POOL_STUDENT:
        return "95 %, t";
    case PSI_POOL_TURNBULL: /* below 6 seeds the sign test has no 95 % interval */
        return p->seeds < 6 ? "range of seeds" : "95 %, sign test";
    default:
        return "-";
    }
}

static enum psi_status make_curve(struct psi_fmin_curve *curve, const struct psi_interval *interval,
                                  size_t count, struct psi_error *err)
{
    curve->median_low = curve->median_high = NAN;
    if (!(curve->low = psi_allocate(3 * count, sizeof *curve->low, "Turnbull", err)))
        return PSI_MEMORY;
    curve->high = curve->low + count;
    curve->mass = curve->high + count;
    if (count == 0)
        return PSI_OK;
    enum psi_status status =
        psi_turnbull(interval, count, curve->low, curve->high, curve->mass, &curve->steps, err);
    if (status == PSI_OK)
        psi_turnbull_median(curve->low, curve->high, curve->mass, curve->steps, &curve->median_low,
                            &curve->median_high);
    return status;
}

/* interval (seeds) is room */
static enum psi_status estimate(const struct psi_fmin_file *file, size_t arm, int level,
                                int measure, struct psi_interval *interval, struct psi_error *err)
{
    const struct psi_sweep *sweep = &file->sweep->sweep;
    struct psi_fmin_estimate *e = &file->arm[arm].at[level][measure];
    struct psi_random random;
    enum psi_status status =
        psi_threshold_pool(sweep, arm, psi_fmin_level[level], measure, &e->pooled, err);
    if (status)
        return status;
    size_t count = psi_threshold_intervals(sweep, arm, psi_fmin_level[level], measure, interval);
    e->lognormal = psi_threshold_lognormal(interval, count);
    psi_random_open(&random, file->job->random_seed, "bootstrap/arm=%s/level=%g/%s",
                    file->job->arm[arm].name, psi_fmin_level[level], psi_fmin_measure[measure]);
    if ((status = psi_threshold_bootstrap(interval, count, &random, &e->bootstrap, err)))
        return status;
    return make_curve(&e->curve, interval, count, err);
}

enum psi_status psi_fmin_open(const char *path, struct psi_fmin_file *file, struct psi_error *err)
{
    enum psi_status status = psi_results_open(path, PSI_RESULTS_READ, &file->results, err);
    struct psi_interval *interval = NULL;
    if (status)
        return status;
    file->job = psi_results_job(file->results);
    if ((status = psi_cli_check(file->results, PSI_OF_CELL, PSI_OF_CELL, err)) ||
        (status = psi_cli_sweep_create(file->results, &file->sweep, err)))
        return status;
    const struct psi_job *job = file->job;
    for (size_t i = 0; job->model.kind == PSI_MLP && i < job->model.hidden_count; i++)
        file->hidden_units += job->model.hidden[i];
    file->parameters = psi_results_layout(file->results)->extent[PSI_AXIS_PARAMETER];
    status = PSI_MEMORY;
    if (!(file->arm = psi_allocate(job->arms, sizeof *file->arm, "thresholds", err)) ||
        !(interval = psi_allocate(job->seeds, sizeof *interval, "thresholds", err)))
        goto out;
    status = PSI_OK;
    for (size_t arm = 0; !status && arm < job->arms; arm++) {
        struct psi_fmin_arm *a = &file->arm[arm];
        for (int i = 0; !status && i < PSI_LEVELS * PSI_MEASURES; i++)
            status = estimate(file, arm, i / PSI_MEASURES, i % PSI_MEASURES, interval, err);
        if (!status && !(a->fit = psi_allocate(job->seeds, sizeof *a->fit, "logistics", err)))
            status = PSI_MEMORY;
        if (!status)
            status = psi_sharpness_arm(&file->sweep->sweep, arm, a->fit, &a->sharpness, err);
    }
out:
    free(interval);
    return status;
}

void psi_fmin_close(struct psi_fmin_file *file)
{
    for (size_t arm = 0; file->arm && arm < file->job->arms; arm++) {
        for (int i = 0; i < PSI_LEVELS * PSI_MEASURES; i++)
            free(file->arm[arm].at[i / PSI_MEASURES][i % PSI_MEASURES].curve.low);
        free(file->arm[arm].fit);
    }
    free(file->arm);
    psi_cli_sweep_destroy(file->sweep);
    psi_results_close(file->results);
}

size_t psi_fmin_size(const struct psi_fmin_scaling *scaling, const struct psi_fmin_file *file)
{
    return scaling->by_hidden ? file->hidden_units : file->parameters;
}

/* Lines of a difference between jobs that are not about the width of the network. */
static void drop_width(char *lines)
{
    char *to = lines;
    for (char *from = lines; *from;) {
        size_t length = strcspn(from, "\n");
        length += from[length] == '\n';
        if (strncmp(from, "model.hidden:", 13) != 0) {
            memmove(to, from, length);
            to += length;
        }
        from += length;
    }
    *to = '\0';
}

/* The files with the smallest and the largest network, or why they cannot be compared. */
static void choose(const struct psi_fmin_file *file, size_t files, struct psi_fmin_scaling *s)
{
    s->by_hidden = 1;
    for (size_t i = 0; i < files; i++)
        s->by_hidden &= file[i].hidden_units > 0 &&
                        file[i].job->model.hidden_count == file[0].job->model.hidden_count;
    s->narrow = s->wide = &file[0];
    for (size_t i = 1; i < files; i++) {
        if (psi_fmin_size(s, &file[i]) < psi_fmin_size(s, s->narrow))
            s->narrow = &file[i];
        if (psi_fmin_size(s, &file[i]) > psi_fmin_size(s, s->wide))
            s->wide = &file[i];
    }
    s->ratio = (double)psi_fmin_size(s, s->wide) / (double)psi_fmin_size(s, s->narrow);
    if (s->ratio < PSI_SCALING_APART)
        snprintf(s->why, sizeof s->why,
                 "the networks are x%.3g apart in %s, and the claim is about x%g or more", s->ratio,
                 s->by_hidden ? "hidden units" : "parameters", PSI_SCALING_APART);
    else if (psi_results_data_digest(s->narrow->results) !=
             psi_results_data_digest(s->wide->results))
        snprintf(s->why, sizeof s->why, "the files are about different data");
}

enum psi_status psi_fmin_compare(const struct psi_fmin_file *file, size_t files,
                                 struct psi_fmin_scaling *s, struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    choose(file, files, s);
    if (s->why[0])
        return PSI_OK;
    const struct psi_job *narrow = s->narrow->job, *wide = s->wide->job;
    if (!(s->also = psi_job_difference(narrow, wide, 1, err)))
        return PSI_MEMORY;
    drop_width(s->also);
    for (size_t n = 0; !status && n < narrow->arms; n++) {
        size_t w = 0;
        while (w < wide->arms && strcmp(narrow->arm[n].name, wide->arm[w].name) != 0)
            w++;
        if (w == wide->arms)
            continue;
        s->arm[s->arms].narrow = n;
        s->arm[s->arms].wide = w;
        status = psi_sharpness_scaling(s->narrow->arm[n].fit, narrow->seed, narrow->seeds,
                                       s->wide->arm[w].fit, wide->seed, wide->seeds,
                                       &s->claim[s->arms++], err);
    }
    if (s->arms == 0)
        snprintf(s->why, sizeof s->why, "the files have no arm in common");
    return status ? status : psi_sharpness_judge(s->claim, s->arms, err);
}

size_t psi_fmin_claim(const struct psi_fmin_scaling *s, const struct psi_fmin_file *file,
                      size_t arm)
{
    for (size_t i = 0; i < s->arms; i++)
        if ((file == s->narrow && s->arm[i].narrow == arm) ||
            (file == s->wide && s->arm[i].wide == arm))
            return i;
    return SIZE_MAX;
}
