/* How Psi falls with density, and where it is lost. */
#include "report.h"

#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void say_threshold(const struct psi_fmin_file *file, size_t arm, struct psi_figure *figure)
{
    char words[PSI_THRESHOLD_TEXT];
    psi_threshold_words(&file->arm[arm].at[0][0].pooled, words, sizeof words);
    psi_figure_say(figure, "%s: %s ", file->job->arm[arm].name, words);
}

static void put_mean(const struct psi_fmin_file *file, size_t arm, const char *label,
                     struct psi_figure *figure)
{
    psi_figure_series(figure, PSI_PLOT_LINE, psi_report_arm_colour(arm), 0, label);
    for (size_t d = 0; d < file->job->densities; d++) {
        struct psi_report_seeds over = psi_report_over_seeds(file, file->sweep->psi, 1, arm, d);
        if (over.seeds)
            psi_figure_point(figure, psi_report_achieved(file, arm, d), over.mean, NAN, NAN,
                             (double)over.seeds);
    }
}

static void put_dots(const struct psi_fmin_file *file, size_t arm, struct psi_figure *figure)
{
    const struct psi_job *job = file->job;
    psi_figure_series(figure, PSI_PLOT_POINTS, psi_report_arm_colour(arm), PSI_DOT, "one seed");
    for (size_t s = 0; s < job->seeds; s++) {
        for (size_t d = 0; d < job->densities; d++) {
            size_t cell = psi_job_cell(job, arm, s, d);
            if (file->sweep->finished[cell] && !isnan(file->sweep->psi[cell]))
                psi_figure_point(figure, file->sweep->achieved[cell], file->sweep->psi[cell], NAN,
                                 NAN, job->seed[s]);
        }
    }
}

static enum psi_status fill_density(const struct psi_fmin_file *file, struct psi_figure *figure,
                                    struct psi_error *err)
{
    const struct psi_job *job = file->job;
    (void)err;
    for (size_t arm = 0; arm < job->arms; arm++) {
        const struct psi_pooled *p = &file->arm[arm].at[0][0].pooled;
        int colour = psi_report_arm_colour(arm);
        if (!psi_report_arm_has(file, arm))
            continue;
        psi_figure_panel(figure, job->arm[arm].name);
        psi_figure_range(figure, -0.15, 1.12);
        psi_figure_series(figure, PSI_PLOT_SPAN, PSI_GREY, 0, "interval of F_min");
        if (!isnan(p->low))
            psi_figure_point(figure, NAN, NAN, p->low, p->high, NAN);
        psi_figure_series(figure, PSI_PLOT_RULE, PSI_GREY, 0, "Psi .5: collapsed below it");
        psi_figure_point(figure, NAN, 0.5, NAN, NAN, NAN);
        if (job->seeds > 1) {
            psi_figure_series(figure, PSI_PLOT_BAND, colour, 0, "lowest to highest seed");
            for (size_t d = 0; d < job->densities; d++) {
                struct psi_report_seeds over =
                    psi_report_over_seeds(file, file->sweep->psi, 1, arm, d);
                if (over.seeds)
                    psi_figure_point(figure, psi_report_achieved(file, arm, d), NAN, over.low,
                                     over.high, (double)over.seeds);
            }
        }
        put_mean(file, arm, "mean over seeds", figure);
        put_dots(file, arm, figure);
        say_threshold(file, arm, figure);
    }
    return PSI_OK;
}

/* "arms 1 to 8": as many as there are colours. */
static void group_panel(const struct psi_job *job, size_t arm, struct psi_figure *figure)
{
    char title[PSI_REPORT_LABEL] = "";
    size_t last = arm + PSI_COLOURS < job->arms ? arm + PSI_COLOURS : job->arms;
    if (arm % PSI_COLOURS != 0)
        return;
    if (job->arms > PSI_COLOURS)
        snprintf(title, sizeof title, "arms %zu to %zu", arm + 1, last);
    psi_figure_panel(figure, title);
}

static enum psi_status fill_arms(const struct psi_fmin_file *file, struct psi_figure *figure,
                                 struct psi_error *err)
{
    (void)err;
    if (file->job->arms < 2) {
        psi_figure_absent(figure, "as there is one arm only");
        return PSI_OK;
    }
    for (size_t arm = 0; arm < file->job->arms; arm++) {
        group_panel(file->job, arm, figure);
        psi_figure_range(figure, -0.15, 1.12);
        put_mean(file, arm, file->job->arm[arm].name, figure);
    }
    psi_figure_say(figure, "Mean Psi of %zu arms.", file->job->arms);
    return PSI_OK;
}

/* The interval, its open ends drawn to the end of the grid. */
static void put_threshold(const struct psi_fmin_file *file, size_t arm, int measure, double y,
                          struct psi_figure *figure)
{
    const struct psi_pooled *p = &file->arm[arm].at[0][measure].pooled;
    const struct psi_job *job = file->job;
    double bottom = job->density[job->densities - 1] / 1.5, top = job->density[0] * 1.3;
    double low = fmax(p->low, bottom), high = fmin(p->high, top);
    int open = p->low <= 0.0 || isinf(p->high), mark = measure ? PSI_RING : PSI_DOT;
    /* an open end has no middle: the mark stands at the other one */
    double center = isfinite(p->center) && p->center > 0.0 ? p->center
                    : p->low <= 0.0                        ? high
                    : isinf(p->high)                       ? low
                                                           : sqrt(low * high);
    if (isnan(p->low) || isnan(p->high))
        return;
    if (low >= high) /* wholly below the grid: an effective density may be */
        low = high = center = p->high;
    psi_figure_series(figure, PSI_PLOT_XBARS, psi_report_arm_colour(arm), open ? PSI_DIAMOND : mark,
                      open      ? "open: F_min lies beyond the grid on one side, in some seeds"
                      : measure ? "in effective density"
                                : "in density");
    psi_figure_tag(figure, measure ? "effective density" : "density");
    psi_figure_point(figure, center, y, low, high, (double)p->seeds);
}

static enum psi_status fill_thresholds(const struct psi_fmin_file *file, struct psi_figure *figure,
                                       struct psi_error *err)
{
    const struct psi_job *job = file->job;
    double rows = job->arms < PSI_COLOURS ? (double)job->arms : PSI_COLOURS;
    (void)err;
    for (size_t arm = 0; arm < job->arms; arm++) {
        double y = rows - (double)(arm % PSI_COLOURS);
        group_panel(job, arm, figure);
        psi_figure_range(figure, 0.4, rows + 0.9);
        psi_figure_height(figure, 60.0 + 36.0 * rows);
        if (isnan(file->arm[arm].at[0][0].pooled.low))
            continue;
        psi_figure_series(figure, PSI_PLOT_TEXT, PSI_INK, 0, job->arm[arm].name);
        psi_figure_point(figure, NAN, y, NAN, NAN, NAN);
        put_threshold(file, arm, 0, y, figure);
        put_threshold(file, arm, 1, y - 0.22, figure);
        say_threshold(file, arm, figure);
    }
    return PSI_OK;
}

/* P(F_min <= d) of one arm: flat outside Turnbull's innermost intervals, and within them, where it
 * is not determined, a straight line. */
static enum psi_status put_turnbull(const struct psi_fmin_file *file, size_t arm,
                                    struct psi_figure *figure, struct psi_error *err)
{
    const struct psi_job *job = file->job;
    size_t count = 0, supports = 0;
    double bottom = job->density[job->densities - 1] / 1.5, top = job->density[0] * 1.3, sum = 0.0;
    enum psi_status status = PSI_MEMORY;
    struct psi_interval *interval = psi_allocate(job->seeds, sizeof *interval, "intervals", err);
    double *low = psi_allocate(3 * job->seeds, sizeof *low, "intervals", err);
    if (!interval || !low)
        goto out;
    status = PSI_OK;
    for (size_t s = 0; s < job->seeds; s++) {
        interval[count] =
            psi_threshold_seed(&file->sweep->sweep, arm, s, psi_fmin_level[0], 0, NULL);
        count += interval[count].censoring != PSI_NO_DATA;
    }
    double *high = low + job->seeds, *mass = high + job->seeds;
    if (count == 0 || (status = psi_turnbull(interval, count, low, high, mass, &supports, err)))
        goto out;
    psi_figure_series(figure, PSI_PLOT_LINE, psi_report_arm_colour(arm), 0, job->arm[arm].name);
    psi_figure_point(figure, bottom, 0.0, NAN, NAN, (double)count);
    for (size_t i = 0; i < supports; i++) {
        psi_figure_point(figure, fmax(low[i], bottom), sum, NAN, NAN, (double)count);
        sum += mass[i];
        psi_figure_point(figure, fmin(high[i], top), sum, NAN, NAN, (double)count);
    }
    psi_figure_point(figure, top, sum, NAN, NAN, (double)count);
out:
    free(low);
    free(interval);
    return status;
}

static enum psi_status fill_turnbull(const struct psi_fmin_file *file, struct psi_figure *figure,
                                     struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    size_t undefined = 0;
    for (size_t arm = 0; !status && arm < file->job->arms; arm++)
        undefined += !psi_report_arm_has(file, arm);
    if (undefined == file->job->arms)
        return PSI_OK;
    for (size_t arm = 0; !status && arm < file->job->arms; arm++) {
        group_panel(file->job, arm, figure);
        psi_figure_range(figure, -0.05, 1.05);
        status = put_turnbull(file, arm, figure, err);
    }
    psi_figure_say(figure, "Step curves of %zu arms; the medians are those of the table.",
                   file->job->arms);
    return status;
}

/* Prunable weights of the network, from any finished cell; 0 without one. */
static double network_weights(const struct psi_fmin_file *file)
{
    double weights = 0.0;
    int64_t *kept = NULL;
    struct psi_error ignored; /* a file that cannot be read has failed before */
    if (psi_report_read(file, "weights_kept", &kept, &ignored) || !kept)
        return 0.0;
    for (size_t i = 0; i < file->sweep->cells && weights == 0.0; i++)
        if (file->sweep->finished[i] && file->sweep->achieved[i] > 0.0)
            weights = round((double)kept[i] / file->sweep->achieved[i]);
    free(kept);
    return weights;
}

static size_t find_arm(const struct psi_job *job, const char *name)
{
    size_t arm = 0;
    while (arm < job->arms && strcmp(job->arm[arm].name, name) != 0)
        arm++;
    return arm;
}

/* What is shown over the size of the network. */
enum width_measure { WIDTH_DENSITY, WIDTH_WEIGHTS, WIDTH_FALL, WIDTH_MEASURES };

/* One arm of one file in a measure; nothing where it is not known, or has an open end. */
static void put_size(const struct psi_fmin_arm *arm, int measure, double weights,
                     struct psi_figure *figure)
{
    const struct psi_pooled *p = &arm->at[0][0].pooled;
    const struct psi_sharpness *s = &arm->sharpness;
    double unit = measure == WIDTH_WEIGHTS ? weights : 1.0;
    if (measure == WIDTH_FALL && s->seeds)
        psi_figure_point(figure, weights, s->median, s->low, s->high, (double)s->seeds);
    else if (measure != WIDTH_FALL && p->low > 0.0 && isfinite(p->high))
        psi_figure_point(figure, weights, unit * sqrt(p->low * p->high), unit * p->low,
                         unit * p->high, (double)p->seeds);
}

static void put_width(const struct psi_fmin_file *file, size_t files, size_t arm, int measure,
                      struct psi_figure *figure)
{
    const char *name = file[0].job->arm[arm].name;
    static const int mark[] = {PSI_DOT, PSI_DIAMOND, PSI_UP, PSI_DOWN}; /* as colours come again */
    psi_figure_series(figure, PSI_PLOT_YBARS, psi_report_arm_colour(arm),
                      mark[arm / PSI_COLOURS % 4], name);
    for (size_t i = 0; i < files; i++) {
        size_t same = find_arm(file[i].job, name);
        double weights = network_weights(&file[i]);
        if (same < file[i].job->arms && weights > 0.0)
            put_size(&file[i].arm[same], measure, weights, figure);
    }
}

const struct psi_figure_spec psi_report_width = {
    .name = "width",
    .title = "F_min and the width of the fall against the size of the network",
    .caption =
        "Over the number of prunable weights, an arm a colour; arms of the same name in several "
        "files. Intervals of F_min (as in the tables), first as a density, then as the number of "
        "weights that survive; then the decades of density within which Psi falls from 90 to 10 %, "
        "median of the seeds and their extremes. Censored thresholds are not drawn.",
    .x = "prunable weights",
    .y = "",
    .log_x = 1,
    .log_y = 1,
    .panel = "measure",
    .series = "arm",
    .point = {"weights", "value", "low", "high", "seeds"},
};

void psi_report_fill_width(const struct psi_fmin_file *file, size_t files,
                           struct psi_figure *figure)
{
    static const char *const title[WIDTH_MEASURES] = {"F_min, density", "F_min, surviving weights",
                                                      "fall from 90 to 10 %, decades"};
    for (int measure = 0; measure < WIDTH_MEASURES; measure++) {
        psi_figure_panel(figure, title[measure]);
        for (size_t arm = 0; arm < file[0].job->arms; arm++)
            put_width(file, files, arm, measure, figure);
    }
    psi_figure_say(figure, "F_min and the width of the fall of %zu files.", files);
    psi_figure_absent(figure, "as no arm of the first file has a bracketed F_min");
}

const struct psi_report_row psi_report_psi[] = {
    {{.name = "psi-density",
      .title = "Psi after retraining, against density",
      .caption = "One panel an arm; density, as achieved, falls to the right. Line: mean over the "
                 "finished seeds of each density asked for; band: from the lowest to the highest "
                 "seed (no confidence "
                 "interval); dots: single seeds; shaded: the interval of F_min as in the table.",
      .x = "density",
      .y = "Psi",
      .log_x = 1,
      .falling_x = 1,
      .panel = "arm",
      .series = "what",
      .point = {"density", "psi", "low", "high", "seed_or_seeds"}},
     fill_density},
    {{.name = "psi-arms",
      .title = "Arms compared",
      .caption = "Mean Psi after retraining over the finished seeds; density falls to the right. "
                 "An arm has the same colour in every figure.",
      .x = "density",
      .y = "mean Psi",
      .log_x = 1,
      .falling_x = 1,
      .own_legends = 1,
      .panel = "group",
      .series = "arm",
      .point = {"density", "psi", NULL, NULL, "seeds"}},
     fill_arms},
    {{.name = "thresholds",
      .title = "F_min of every arm",
      .caption =
          "Intervals as in the table, in density and in effective density (weights on a path "
          "from an input to an output). Density falls to the right.",
      .x = "density",
      .log_x = 1,
      .falling_x = 1,
      .panel = "group",
      .series = "what",
      .tag = "measure",
      .point = {"density", "row", "low", "high", "seeds"}},
     fill_thresholds},
    {{.name = "turnbull",
      .title = "Share of seeds whose F_min lies at or below a density",
      .caption =
          "Turnbull's estimate from the seeds' intervals. Where it rises it is not determined "
          "by the data and drawn as a straight line. Density falls to the right.",
      .x = "density",
      .y = "share of seeds",
      .log_x = 1,
      .falling_x = 1,
      .own_legends = 1,
      .panel = "group",
      .series = "arm",
      .point = {"density", "share", NULL, NULL, "seeds"}},
     fill_turnbull},
    {.fill = NULL},
};
