/* psisweep fmin --json, schema PSI_FMIN_SCHEMA: README, Reading the results. */
#include "fmin.h"

#include "psisweep/prune.h"
#include "psisweep/table.h"

#include <math.h>
#include <stdio.h>

static const char *const censoring_name[] = {
    [PSI_BRACKETED] = "bracketed",
    [PSI_BELOW_GRID] = "nothing collapsed",
    [PSI_ABOVE_GRID] = "everything collapsed",
    [PSI_NO_DATA] = "no data",
};

static void json_density(struct psi_json *json, const char *key, double log_density)
{
    psi_json_key(json, key), psi_json_real(json, pow(10, log_density));
}

/* The estimators beside the pooled one, as members of the object at hand. */
static void json_others(struct psi_json *json, const struct psi_fmin_estimate *e)
{
    const struct psi_lognormal *l = &e->lognormal;
    const struct psi_bootstrap *b = &e->bootstrap;
    psi_json_key(json, "censored_fit");
    psi_json_object_begin(json);
    json_density(json, "low", l->low);
    json_density(json, "center", l->mean);
    json_density(json, "high", l->high);
    psi_json_key(json, "deviation_log10"), psi_json_real(json, l->deviation);
    psi_json_key(json, "log_likelihood"), psi_json_real(json, l->log_likelihood);
    psi_json_key(json, "state"), psi_json_string(json, psi_spread_words[l->spread]);
    psi_json_object_end(json);
    psi_json_key(json, "bootstrap");
    psi_json_object_begin(json);
    json_density(json, "low", b->low);
    json_density(json, "center", b->mean);
    json_density(json, "high", b->high);
    psi_json_key(json, "state"), psi_json_string(json, psi_spread_words[b->spread]);
    psi_json_object_end(json);
    psi_json_key(json, "turnbull");
    psi_json_object_begin(json);
    psi_json_key(json, "median_low"), psi_json_real(json, e->curve.median_low);
    psi_json_key(json, "median_high"), psi_json_real(json, e->curve.median_high);
    psi_json_key(json, "steps");
    psi_json_array_begin(json);
    for (size_t i = 0; i < e->curve.steps; i++) {
        psi_json_object_begin(json);
        psi_json_key(json, "low"), psi_json_real(json, e->curve.low[i]);
        psi_json_key(json, "high"), psi_json_real(json, e->curve.high[i]);
        psi_json_key(json, "mass"), psi_json_real(json, e->curve.mass[i]);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
    psi_json_object_end(json);
}

static void json_estimate(struct psi_json *json, const struct psi_fmin_estimate *e, double level,
                          const char *measure)
{
    const struct psi_pooled *p = &e->pooled;
    char words[PSI_THRESHOLD_TEXT];
    psi_threshold_words(p, words, sizeof words);
    psi_json_object_begin(json);
    psi_json_key(json, "level"), psi_json_real(json, level);
    psi_json_key(json, "measure"), psi_json_string(json, measure);
    psi_json_key(json, "method"), psi_json_string(json, psi_fmin_method_name[p->method]);
    psi_json_key(json, "interval"), psi_json_string(json, psi_fmin_interval_name(p));
    psi_json_key(json, "low"), psi_json_real(json, p->low);
    psi_json_key(json, "center"), psi_json_real(json, p->center);
    psi_json_key(json, "high"), psi_json_real(json, p->high);
    psi_json_key(json, "seeds"), psi_json_integer(json, (int64_t)p->seeds);
    psi_json_key(json, "seeds_below_grid"), psi_json_integer(json, (int64_t)p->below);
    psi_json_key(json, "seeds_above_grid"), psi_json_integer(json, (int64_t)p->above);
    psi_json_key(json, "seeds_disconnected"), psi_json_integer(json, (int64_t)p->disconnected);
    psi_json_key(json, "seeds_missing"), psi_json_integer(json, (int64_t)p->missing);
    psi_json_key(json, "seeds_undefined"), psi_json_integer(json, (int64_t)p->undefined);
    psi_json_key(json, "seeds_unfinished");
    psi_json_integer(json, (int64_t)(p->below_open + p->above_open + p->gaps));
    psi_json_key(json, "recrossings"), psi_json_integer(json, (int64_t)p->recrossings);
    psi_json_key(json, "deviation_log10"), psi_json_real(json, p->deviation);
    psi_json_key(json, "words"), psi_json_string(json, words);
    json_others(json, e);
    psi_json_object_end(json);
}

static void json_seeds(struct psi_json *json, const struct psi_fmin_file *file, size_t arm)
{
    psi_json_array_begin(json);
    for (size_t s = 0; s < file->job->seeds; s++) {
        for (int m = 0; m < PSI_MEASURES; m++) {
            struct psi_interval i =
                psi_threshold_seed(&file->sweep->sweep, arm, s, psi_fmin_level[0], m, NULL);
            psi_json_object_begin(json);
            psi_json_key(json, "seed"), psi_json_integer(json, file->job->seed[s]);
            psi_json_key(json, "measure"), psi_json_string(json, psi_fmin_measure[m]);
            psi_json_key(json, "low"), psi_json_real(json, i.low);
            psi_json_key(json, "high"), psi_json_real(json, i.high);
            psi_json_key(json, "censoring"), psi_json_string(json, censoring_name[i.censoring]);
            psi_json_object_end(json);
        }
    }
    psi_json_array_end(json);
}

static void json_sharpness(struct psi_json *json, const struct psi_fmin_file *file, size_t arm)
{
    const struct psi_sharpness *s = &file->arm[arm].sharpness;
    char words[PSI_SHARPNESS_TEXT];
    psi_sharpness_words(s, words, sizeof words);
    psi_json_object_begin(json);
    psi_json_key(json, "width_median"), psi_json_real(json, s->median);
    psi_json_key(json, "width_mean"), psi_json_real(json, s->mean);
    psi_json_key(json, "width_low"), psi_json_real(json, s->low);
    psi_json_key(json, "width_high"), psi_json_real(json, s->high);
    psi_json_key(json, "seeds"), psi_json_integer(json, (int64_t)s->seeds);
    psi_json_key(json, "band_cells"), psi_json_integer(json, (int64_t)s->band_cells);
    psi_json_key(json, "intermediate_cells"), psi_json_integer(json, (int64_t)s->intermediate);
    psi_json_key(json, "words"), psi_json_string(json, words);
    psi_json_key(json, "logistic");
    psi_json_array_begin(json);
    for (size_t i = 0; i < file->job->seeds; i++) {
        const struct psi_logistic *l = &file->arm[arm].fit[i];
        psi_json_object_begin(json);
        psi_json_key(json, "seed"), psi_json_integer(json, file->job->seed[i]);
        psi_json_key(json, "fit"), psi_json_string(json, psi_fit_name[l->fit]);
        psi_json_key(json, "lower"), psi_json_real(json, l->lower);
        psi_json_key(json, "upper"), psi_json_real(json, l->upper);
        json_density(json, "center", l->center);
        psi_json_key(json, "width"), psi_json_real(json, l->width);
        psi_json_key(json, "fall"), psi_json_real(json, l->fall);
        psi_json_key(json, "step"), psi_json_real(json, l->step);
        psi_json_key(json, "residual"), psi_json_real(json, l->residual);
        psi_json_key(json, "cells"), psi_json_integer(json, (int64_t)l->cells);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
    psi_json_object_end(json);
}

static void json_file(struct psi_json *json, const struct psi_fmin_file *file)
{
    psi_json_object_begin(json);
    psi_json_key(json, "file"), psi_json_string(json, psi_results_path(file->results));
    psi_json_key(json, "job"), psi_json_string(json, file->job->name);
    psi_json_key(json, "cells"), psi_json_integer(json, (int64_t)file->sweep->wanted);
    psi_json_key(json, "done"), psi_json_integer(json, (int64_t)file->sweep->done);
    psi_json_key(json, "failed"), psi_json_integer(json, (int64_t)file->sweep->failed);
    psi_json_key(json, "hidden_units"), psi_json_integer(json, (int64_t)file->hidden_units);
    psi_json_key(json, "parameters"), psi_json_integer(json, (int64_t)file->parameters);
    psi_json_key(json, "arms");
    psi_json_array_begin(json);
    for (size_t arm = 0; arm < file->job->arms; arm++) {
        const struct psi_arm *a = &file->job->arm[arm];
        psi_json_object_begin(json);
        psi_json_key(json, "arm"), psi_json_string(json, a->name);
        psi_json_key(json, "criterion");
        psi_json_string(json, psi_criteria[a->criterion].name);
        psi_json_key(json, "scope"), psi_json_string(json, psi_fmin_scope_name[a->scope]);
        psi_json_key(json, "thresholds");
        psi_json_array_begin(json);
        for (int l = 0; l < PSI_LEVELS; l++) {
            for (int m = 0; m < PSI_MEASURES; m++)
                json_estimate(json, &file->arm[arm].at[l][m], psi_fmin_level[l],
                              psi_fmin_measure[m]);
        }
        psi_json_array_end(json);
        psi_json_key(json, "seeds"), json_seeds(json, file, arm);
        psi_json_key(json, "sharpness"), json_sharpness(json, file, arm);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
    psi_json_object_end(json);
}

static void json_claim(struct psi_json *json, const struct psi_fmin_scaling *s, size_t i)
{
    const struct psi_scaling *claim = &s->claim[i];
    const struct psi_contrast *c = &claim->contrast;
    char words[PSI_SHARPNESS_TEXT];
    psi_scaling_words(claim, words, sizeof words);
    psi_json_object_begin(json);
    psi_json_key(json, "arm");
    psi_json_string(json, s->narrow->job->arm[s->arm[i].narrow].name);
    psi_json_key(json, "verdict"), psi_json_string(json, psi_verdict_name[c->verdict]);
    psi_json_key(json, "delta"), psi_json_real(json, c->delta);
    psi_json_key(json, "seeds"), psi_json_integer(json, (int64_t)c->seeds);
    psi_json_key(json, "mean"), psi_json_real(json, c->mean);
    psi_json_key(json, "deviation"), psi_json_real(json, c->deviation);
    psi_json_key(json, "low"), psi_json_real(json, c->low);
    psi_json_key(json, "high"), psi_json_real(json, c->high);
    psi_json_key(json, "p_above"), psi_json_real(json, c->p_up);
    psi_json_key(json, "p_below"), psi_json_real(json, c->p_down);
    psi_json_key(json, "p_holm"), psi_json_real(json, c->p_holm);
    psi_json_key(json, "unpaired"), psi_json_integer(json, (int64_t)claim->unpaired);
    psi_json_key(json, "unresolved"), psi_json_integer(json, (int64_t)claim->unresolved);
    psi_json_key(json, "words"), psi_json_string(json, words);
    psi_json_object_end(json);
}

static void json_scaling(struct psi_json *json, const struct psi_fmin_scaling *s)
{
    psi_json_object_begin(json);
    psi_json_key(json, "narrow"), psi_json_string(json, psi_results_path(s->narrow->results));
    psi_json_key(json, "wide"), psi_json_string(json, psi_results_path(s->wide->results));
    psi_json_key(json, "size"), psi_json_string(json, s->by_hidden ? "hidden units" : "parameters");
    psi_json_key(json, "ratio"), psi_json_real(json, s->ratio);
    psi_json_key(json, "not_compared"), psi_json_string(json, s->why[0] ? s->why : NULL);
    psi_json_key(json, "jobs_differ"), psi_json_string(json, s->also);
    psi_json_key(json, "claims");
    psi_json_array_begin(json);
    for (size_t i = 0; i < s->arms; i++)
        json_claim(json, s, i);
    psi_json_array_end(json);
    psi_json_object_end(json);
}

void psi_fmin_print_json(const struct psi_fmin_file *file, size_t files,
                         const struct psi_fmin_scaling *scaling)
{
    struct psi_json json = {.file = stdout};
    psi_json_object_begin(&json);
    psi_json_key(&json, "schema"), psi_json_string(&json, PSI_FMIN_SCHEMA);
    psi_json_key(&json, "files");
    psi_json_array_begin(&json);
    for (size_t i = 0; i < files; i++)
        json_file(&json, &file[i]);
    psi_json_array_end(&json);
    if (files > 1)
        psi_json_key(&json, "C1"), json_scaling(&json, scaling);
    psi_json_object_end(&json);
}
