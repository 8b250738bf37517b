/* What retraining, rescue and the causal pairs of arms do. */
#include "report.h"

#include "psisweep/ladder.h"
#include "psisweep/memory.h"
#include "psisweep/stat.h"

#include <math.h>
#include <stdlib.h>

static enum psi_status fill_retraining(const struct psi_fmin_file *file, struct psi_figure *figure,
                                       struct psi_error *err)
{
    const struct psi_job *job = file->job;
    size_t epochs = psi_results_layout(file->results)->extent[PSI_AXIS_EPOCH];
    double *curve;
    enum psi_status status = psi_report_read(file, "psi_curve", &curve, err);
    for (size_t arm = 0; !status && arm < job->arms; arm++) {
        if (!psi_report_arm_has(file, arm))
            continue;
        psi_figure_panel(figure, job->arm[arm].name);
        psi_figure_range(figure, -0.15, 1.12);
        for (size_t d = 0; d < job->densities; d++) {
            char label[PSI_REPORT_LABEL];
            int colour = psi_report_density_colour(job, d, label);
            psi_figure_series(figure, PSI_PLOT_LINE, colour, 0, label);
            for (size_t e = 0; e < epochs; e++) {
                struct psi_report_seeds over =
                    psi_report_over_seeds(file, curve + e, epochs, arm, d);
                if (over.seeds)
                    psi_figure_point(figure, (double)e, over.mean, job->density[d], NAN,
                                     (double)over.seeds);
            }
        }
    }
    psi_figure_say(figure, "Mean Psi on the validation split after each epoch of retraining.");
    free(curve);
    return status;
}

/* The rescue ladder of a file; arrays NULL where the job has none. */
struct ladder {
    struct psi_rung rung[PSI_RUNGS_MAX];
    size_t rungs, epochs;
    uint8_t *status;     /* (cells, rungs) */
    double *curve, *psi; /* (cells, rungs, epochs), (cells, rungs) */
};

static enum psi_status ladder_read(const struct psi_fmin_file *file, struct ladder *ladder,
                                   struct psi_error *err)
{
    enum psi_status status;
    *ladder = (struct ladder){.rungs = 0};
    ladder->epochs = psi_results_layout(file->results)->extent[PSI_AXIS_RESCUE_EPOCH];
    if ((status = psi_report_read(file, "rescue_status", &ladder->status, err)) ||
        (status = psi_report_read(file, "rescue_curve", &ladder->curve, err)) ||
        (status = psi_report_read(file, "rescue_psi", &ladder->psi, err)))
        return status;
    if (ladder->status)
        ladder->rungs = psi_ladder_rungs(file->job, ladder->rung);
    return PSI_OK;
}

static void ladder_clear(struct ladder *ladder)
{
    free(ladder->status);
    free(ladder->curve);
    free(ladder->psi);
}

static void put_rung(const struct psi_fmin_file *file, const struct ladder *ladder, size_t rung,
                     struct psi_figure *figure)
{
    const struct psi_job *job = file->job;
    int begun = 0;
    for (size_t i = 0; i < file->sweep->cells; i++) {
        size_t at = i * ladder->rungs + rung, arm = i / job->densities / job->seeds;
        if (ladder->status[at] != PSI_DONE)
            continue;
        if (!begun) {
            psi_figure_panel(figure, ladder->rung[rung].name);
            psi_figure_range(figure, -0.15, 1.12);
            psi_figure_series(figure, PSI_PLOT_RULE, PSI_GREY, 0, "Psi .5: recovered above it");
            psi_figure_point(figure, NAN, 0.5, NAN, NAN, NAN);
            begun = 1;
        }
        psi_figure_series(figure, PSI_PLOT_LINE, psi_report_arm_colour(arm), 0,
                          job->arms > PSI_COLOURS ? "one cell, in its arm's colour"
                                                  : job->arm[arm].name);
        psi_figure_tag(figure, job->arm[arm].name);
        for (size_t e = 0; e < ladder->epochs; e++)
            if (!isnan(ladder->curve[at * ladder->epochs + e]))
                psi_figure_point(figure, (double)e, ladder->curve[at * ladder->epochs + e],
                                 job->density[i % job->densities], NAN,
                                 job->seed[i / job->densities % job->seeds]);
    }
}

static enum psi_status fill_rescue(const struct psi_fmin_file *file, struct psi_figure *figure,
                                   struct psi_error *err)
{
    struct ladder ladder;
    enum psi_status status = ladder_read(file, &ladder, err);
    for (size_t r = 0; !status && r < ladder.rungs; r++)
        put_rung(file, &ladder, r, figure);
    psi_figure_absent(figure, ladder.status ? "as the ladder has not been tried on a cell yet"
                                            : "as the job has no rescue ladder");
    psi_figure_say(figure, "Psi on the validation split while each rung of the rescue ladder is "
                           "tried on collapsed cells.");
    ladder_clear(&ladder);
    return status;
}

/* What the rungs of these kinds reached in the end, in one arm: the best of each cell. */
static void put_reached(const struct psi_fmin_file *file, const struct ladder *ladder, size_t arm,
                        int from, int to, int mark, const char *label, struct psi_figure *figure)
{
    const struct psi_job *job = file->job;
    psi_figure_series(figure, PSI_PLOT_POINTS, psi_report_arm_colour(arm), mark, label);
    for (size_t s = 0; s < job->seeds; s++) {
        for (size_t d = 0; d < job->densities; d++) {
            size_t cell = psi_job_cell(job, arm, s, d);
            double best = NAN;
            for (size_t r = 0; r < ladder->rungs; r++)
                if (ladder->status[cell * ladder->rungs + r] == PSI_DONE &&
                    ladder->rung[r].kind >= from && ladder->rung[r].kind <= to)
                    best = fmax(best, ladder->psi[cell * ladder->rungs + r]);
            if (!isnan(best))
                psi_figure_point(figure, file->sweep->achieved[cell], best, NAN, NAN, job->seed[s]);
        }
    }
}

static int arm_has_ladder(const struct psi_fmin_file *file, const struct ladder *ladder, size_t arm)
{
    size_t each = file->job->seeds * file->job->densities * ladder->rungs;
    for (size_t i = arm * each; i < (arm + 1) * each; i++)
        if (ladder->status[i] == PSI_DONE)
            return 1;
    return 0;
}

static enum psi_status fill_hysteresis(const struct psi_fmin_file *file, struct psi_figure *figure,
                                       struct psi_error *err)
{
    const struct psi_job *job = file->job;
    struct ladder ladder;
    enum psi_status status = ladder_read(file, &ladder, err);
    for (size_t arm = 0; !status && ladder.rungs && arm < job->arms; arm++) {
        if (!arm_has_ladder(file, &ladder, arm))
            continue;
        psi_figure_panel(figure, job->arm[arm].name);
        psi_figure_range(figure, -0.15, 1.12);
        psi_figure_series(figure, PSI_PLOT_LINE, psi_report_arm_colour(arm), 0,
                          "pruned down: mean over seeds");
        for (size_t d = 0; d < job->densities; d++) {
            struct psi_report_seeds over = psi_report_over_seeds(file, file->sweep->psi, 1, arm, d);
            if (over.seeds)
                psi_figure_point(figure, psi_report_achieved(file, arm, d), over.mean, NAN, NAN,
                                 (double)over.seeds);
        }
        put_reached(file, &ladder, arm, PSI_RUNG_FINETUNE, PSI_RUNG_TRANSPLANT, PSI_RING,
                    "same mask: best rung of a cell", figure);
        put_reached(file, &ladder, arm, PSI_RUNG_REWIRE, PSI_RUNG_REWIRE, PSI_DIAMOND,
                    "rewired: same number of weights, moved", figure);
        put_reached(file, &ladder, arm, PSI_RUNG_REGROW, PSI_RUNG_REGROW, PSI_UP,
                    "regrown: all weights free again", figure);
    }
    psi_figure_absent(figure, ladder.status ? "as the ladder has not been tried on a cell yet"
                                            : "as the job has no rescue ladder");
    psi_figure_say(figure, "Psi while pruning down, and what rewiring or regrowing the collapsed "
                           "networks brought back.");
    ladder_clear(&ladder);
    return status;
}

/* Psi of one arm minus that of another. */
struct contrast {
    size_t plus, minus;
};
enum { CONTRASTS_MOST = 3 * PSI_ARMS_MAX };

/* Of two arms that share a mask's base and all but what is done to the modes: the other one. */
static size_t partner(const struct psi_job *job, size_t arm)
{
    const struct psi_arm *a = &job->arm[arm];
    for (size_t i = 0; i < job->arms; i++) {
        const struct psi_arm *b = &job->arm[i];
        if (a->change == PSI_CHANGE_PRESERVE && b->change == PSI_CHANGE_DESTROY &&
            b->mask_arm == a->mask_arm && b->modes == a->modes && b->restart == a->restart)
            return i;
    }
    return SIZE_MAX;
}

/* The same arm without the ablation. */
static size_t unablated(const struct psi_job *job, size_t arm)
{
    const struct psi_arm *a = &job->arm[arm];
    for (size_t i = 0; i < job->arms; i++) {
        const struct psi_arm *b = &job->arm[i];
        if (!b->ablate && b->criterion == a->criterion && b->scope == a->scope && b->at == a->at &&
            b->schedule == a->schedule && b->restart == a->restart && b->mask_arm == a->mask_arm &&
            b->change == a->change && b->noise == a->noise)
            return i;
    }
    return SIZE_MAX;
}

/* The same pair of masks, started from something else: arms that take the masks of two others. */
static size_t list_restarted(const struct psi_job *job, size_t plus, size_t minus,
                             struct contrast *list, size_t count)
{
    for (size_t i = 0; i < job->arms; i++)
        for (size_t k = 0; job->arm[i].mask_arm == plus && k < job->arms; k++)
            if (job->arm[k].mask_arm == minus && job->arm[k].restart == job->arm[i].restart &&
                count < CONTRASTS_MOST)
                list[count++] = (struct contrast){i, k};
    return count;
}

/* preserve - destroy, the same from new weights, ablated - not, and each arm - that whose mask it
 * takes. */
static size_t list_contrasts(const struct psi_job *job, struct contrast list[CONTRASTS_MOST])
{
    size_t count = 0, other;
    for (size_t a = 0; a < job->arms; a++) {
        if ((other = partner(job, a)) == SIZE_MAX || count == CONTRASTS_MOST)
            continue;
        list[count++] = (struct contrast){a, other};
        count = list_restarted(job, a, other, list, count);
    }
    for (size_t a = 0; a < job->arms && count < CONTRASTS_MOST; a++) {
        other = job->arm[a].ablate ? unablated(job, a) : job->arm[a].mask_arm;
        if (other != SIZE_MAX)
            list[count++] = (struct contrast){a, other};
    }
    return count;
}

/* The density at which the arms' mean Psi after retraining is nearest .5, over seeds that have
 * both; SIZE_MAX = none. */
static size_t contrast_density(const struct psi_fmin_file *file, const struct contrast *c)
{
    const struct psi_job *job = file->job;
    size_t best = SIZE_MAX;
    double nearest = INFINITY;
    for (size_t d = 0; d < job->densities; d++) {
        double sum = 0.0;
        size_t n = 0;
        for (size_t s = 0; s < job->seeds; s++) {
            size_t plus = psi_job_cell(job, c->plus, s, d);
            size_t minus = psi_job_cell(job, c->minus, s, d);
            double both = 0.5 * (file->sweep->psi[plus] + file->sweep->psi[minus]);
            if (!file->sweep->finished[plus] || !file->sweep->finished[minus] || isnan(both))
                continue;
            sum += both;
            n++;
        }
        if (n && fabs(sum / (double)n - 0.5) < nearest) {
            nearest = fabs(sum / (double)n - 0.5);
            best = d;
        }
    }
    return best;
}

/* Mean over seeds of the paired differences, and its 95 % t interval. psi (cells, stages) */
static void put_contrast(const struct psi_fmin_file *file, const double *psi, int stage,
                         const struct contrast *c, size_t density, double y,
                         struct psi_figure *figure)
{
    const struct psi_job *job = file->job;
    double sum = 0.0, squares = 0.0, low = NAN, high = NAN;
    size_t n = 0;
    for (size_t s = 0; s < job->seeds; s++) {
        size_t plus = psi_job_cell(job, c->plus, s, density);
        size_t minus = psi_job_cell(job, c->minus, s, density);
        double difference =
            psi[plus * PSI_STAGES + (size_t)stage] - psi[minus * PSI_STAGES + (size_t)stage];
        if (!file->sweep->finished[plus] || !file->sweep->finished[minus] || isnan(difference))
            continue;
        n++;
        double before = difference - (n > 1 ? sum / (double)(n - 1) : 0.0);
        sum += difference;
        squares += before * (difference - sum / (double)n); /* Welford (1962) */
    }
    if (n == 0)
        return;
    double mean = sum / (double)n;
    if (n > 1) {
        double half = psi_student_quantile(0.975, (double)(n - 1)) *
                      sqrt(squares / (double)(n - 1) / (double)n);
        low = mean - half;
        high = mean + half;
    }
    psi_figure_series(figure, n > 1 ? PSI_PLOT_XBARS : PSI_PLOT_POINTS,
                      psi_report_arm_colour(c->plus), n > 1 ? PSI_DOT : PSI_RING,
                      n > 1 ? "mean over seeds, 95 % t interval" : "one seed: no interval");
    psi_figure_tag(figure, job->arm[c->plus].name);
    psi_figure_point(figure, mean, y, low, high, (double)n);
}

static void put_contrasts(const struct psi_fmin_file *file, const double *psi, int stage,
                          const struct contrast *list, const size_t *density, size_t count,
                          struct psi_figure *figure)
{
    double y = (double)count;
    psi_figure_panel(figure, stage == PSI_PRUNED ? "before retraining" : "after retraining");
    psi_figure_range(figure, 0.4, y + 0.9);
    psi_figure_height(figure, 70.0 + 36.0 * y);
    psi_figure_series(figure, PSI_PLOT_LINE, PSI_GREY, 0, "no difference");
    psi_figure_point(figure, 0.0, 0.4, NAN, NAN, NAN);
    psi_figure_point(figure, 0.0, y + 0.9, NAN, NAN, NAN);
    for (size_t i = 0; i < count; i++, y -= 1.0) {
        char label[2 * PSI_NAME + PSI_REPORT_LABEL];
        snprintf(label, sizeof label, "%s − %s, at %.3g", file->job->arm[list[i].plus].name,
                 file->job->arm[list[i].minus].name, file->job->density[density[i]]);
        psi_figure_series(figure, PSI_PLOT_TEXT, PSI_INK, 0, label);
        psi_figure_point(figure, NAN, y, NAN, NAN, NAN);
        put_contrast(file, psi, stage, &list[i], density[i], y, figure);
    }
}

static enum psi_status fill_contrasts(const struct psi_fmin_file *file, struct psi_figure *figure,
                                      struct psi_error *err)
{
    struct contrast list[CONTRASTS_MOST];
    size_t density[CONTRASTS_MOST], all = list_contrasts(file->job, list), count = 0;
    double *psi;
    enum psi_status status = psi_report_read(file, "psi", &psi, err);
    if (status)
        return status;
    for (size_t i = 0; i < all; i++) {
        list[count] = list[i];
        if ((density[count] = contrast_density(file, &list[i])) != SIZE_MAX)
            count++;
    }
    if (count) {
        put_contrasts(file, psi, PSI_RETRAINED, list, density, count, figure);
        put_contrasts(file, psi, PSI_PRUNED, list, density, count, figure);
    }
    psi_figure_absent(figure, all ? "as no pair of arms has a finished cell in common yet"
                                  : "as the job has no pairs of arms to compare");
    psi_figure_say(figure, "%zu differences of Psi between arms, paired by seed.", count);
    free(psi);
    return status;
}

const struct psi_report_row psi_report_after[] = {
    {{.name = "retraining",
      .title = "Retraining",
      .caption = "Psi on the validation split at every epoch of retraining, mean over seeds; one "
                 "panel an arm, one line a density. Epoch 0 is before the first step.",
      .x = "epoch of retraining",
      .y = "Psi (validation)",
      .panel = "arm",
      .series = "density_class",
      .point = {"epoch", "psi", "density", NULL, "seeds"}},
     fill_retraining},
    {{.name = "rescue",
      .title = "Rescue of collapsed cells",
      .caption = "One panel a rung of the ladder, one line a cell that it was tried on. A cell's "
                 "ladder ends with the first rung that brings it to Psi .5 on the validation "
                 "split, so later rungs see the harder cells only.",
      .x = "epoch of the rung",
      .y = "Psi (validation)",
      .panel = "rung",
      .series = "what",
      .tag = "arm",
      .point = {"epoch", "psi", "density", NULL, "seed"}},
     fill_rescue},
    {{.name = "hysteresis",
      .title = "Hysteresis: pruned down, then rewired or regrown",
      .caption = "Line: Psi after pruning down to a density. Marks: what collapsed cells reach, at "
                 "the density they had been pruned to. A mark above the line means the way back is "
                 "another one than the way down; test split.",
      .x = "density pruned to",
      .y = "Psi",
      .log_x = 1,
      .falling_x = 1,
      .panel = "arm",
      .series = "what",
      .point = {"density", "psi", NULL, NULL, "seed_or_seeds"}},
     fill_hysteresis},
    {{.name = "contrasts",
      .title = "Causal contrasts",
      .caption = "Differences of Psi between two arms of the same seed, each pair at the density "
                 "where its mean Psi is nearest .5: masks that preserve and destroy the dominant "
                 "modes, fine-tuned and from new weights; modes ablated or not; arms and those "
                 "whose masks they take. Intervals describe; verdicts follow their own rule.",
      .x = "difference of Psi",
      .panel = "stage",
      .series = "what",
      .tag = "arm",
      .point = {"difference", "row", "low", "high", "seeds"}},
     fill_contrasts},
    {.fill = NULL},
};
