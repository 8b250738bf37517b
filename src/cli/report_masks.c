/* Which cells there are, and what their masks and spectra say. */
#include "report.h"

#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>

/* Why a cell has no colour; NULL = it has one. */
static const char *missing_words(const struct psi_fmin_file *file, size_t cell, int *mark)
{
    const struct psi_cli_sweep *sweep = file->sweep;
    *mark = PSI_DOT;
    if (sweep->skipped[cell])
        return "skipped: not wanted at this density";
    *mark = sweep->status[cell] == PSI_FAILED ? PSI_DIAMOND : PSI_CROSS;
    if (!sweep->finished[cell])
        return *mark == PSI_DIAMOND ? "failed" : "missing: not finished";
    *mark = PSI_RING;
    return isnan(sweep->psi[cell]) ? "Psi undefined: the parent is not above chance" : NULL;
}

/* From half-way to the denser neighbour to half-way to the sparser one, in log density. */
static void cell_extent(const struct psi_job *job, size_t d, double *low, double *high)
{
    const double *density = job->density;
    size_t n = job->densities;
    double above = d > 0 ? density[d - 1] : n > 1 ? density[0] * density[0] / density[1] : 1.26;
    double below = d + 1 < n ? density[d + 1]
                   : n > 1   ? density[d] * density[d] / density[d - 1]
                             : density[d] / 1.26;
    *high = sqrt(density[d] * above);
    *low = sqrt(density[d] * below);
}

static void put_map_cells(const struct psi_fmin_file *file, size_t arm, struct psi_figure *figure)
{
    const struct psi_job *job = file->job;
    for (int step = 0; step < PSI_RAMP_STEPS; step++) {
        char label[PSI_REPORT_LABEL];
        snprintf(label, sizeof label,
                 step == 0                    ? "Psi below .1"
                 : step == PSI_RAMP_STEPS - 1 ? ".9 and more"
                                              : ".%d to .%d",
                 step, step + 1);
        psi_figure_series(figure, PSI_PLOT_CELLS, PSI_RAMP + step, 0, label);
        for (size_t s = 0; s < job->seeds; s++) {
            for (size_t d = 0; d < job->densities; d++) {
                size_t cell = psi_job_cell(job, arm, s, d);
                double psi = file->sweep->psi[cell], low, high;
                int mark,
                    at = (int)fmin(fmax(floor(psi * PSI_RAMP_STEPS), 0.0), PSI_RAMP_STEPS - 1);
                if (missing_words(file, cell, &mark) || at != step)
                    continue;
                cell_extent(job, d, &low, &high);
                psi_figure_point(figure, job->density[d], (double)s, low, high, psi);
            }
        }
    }
}

static void put_map_missing(const struct psi_fmin_file *file, size_t arm, struct psi_figure *figure)
{
    static const int marks[] = {PSI_DOT, PSI_CROSS, PSI_DIAMOND, PSI_RING};
    const struct psi_job *job = file->job;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        int begun = 0;
        for (size_t k = 0; k < job->seeds * job->densities; k++) {
            int mark;
            size_t seed = k / job->densities, density = k % job->densities;
            const char *words = missing_words(file, psi_job_cell(job, arm, seed, density), &mark);
            if (!words || mark != marks[i])
                continue;
            if (!begun++)
                psi_figure_series(figure, PSI_PLOT_POINTS, mark == PSI_DOT ? PSI_GREY : PSI_INK,
                                  mark, words);
            psi_figure_point(figure, job->density[density], (double)seed, NAN, NAN, NAN);
        }
    }
}

/* Beside the row's end at which the threshold is open. */
static void put_map_censored(const struct psi_fmin_file *file, size_t arm,
                             struct psi_figure *figure)
{
    const struct psi_job *job = file->job;
    double low, high;
    for (size_t s = 0; s < job->seeds; s++) {
        struct psi_interval i =
            psi_threshold_seed(&file->sweep->sweep, arm, s, psi_fmin_level[0], 0, NULL);
        if (i.censoring == PSI_BELOW_GRID) {
            cell_extent(job, job->densities - 1, &low, &high);
            psi_figure_series(figure, PSI_PLOT_POINTS, PSI_INK, PSI_DOWN,
                              "censored: nothing collapsed");
            psi_figure_point(figure, low * low / high, (double)s, NAN, NAN, NAN);
        } else if (i.censoring == PSI_ABOVE_GRID) {
            cell_extent(job, 0, &low, &high);
            psi_figure_series(figure, PSI_PLOT_POINTS, PSI_INK, PSI_UP, "censored: all collapsed");
            psi_figure_point(figure, high * high / low, (double)s, NAN, NAN, NAN);
        }
    }
}

static enum psi_status fill_map(const struct psi_fmin_file *file, struct psi_figure *figure,
                                struct psi_error *err)
{
    const struct psi_job *job = file->job;
    size_t each = 1 + (job->seeds - 1) / 25; /* of the rows one in so many is named */
    (void)err;
    for (size_t arm = 0; arm < job->arms; arm++) {
        psi_figure_panel(figure, job->arm[arm].name);
        psi_figure_range(figure, (double)job->seeds - 0.4, -0.6);
        psi_figure_height(figure, 60.0 + fmin(22.0 * (double)job->seeds, 560.0));
        for (size_t s = 0; s < job->seeds; s += each) {
            char label[PSI_REPORT_LABEL];
            snprintf(label, sizeof label, s == 0 ? "seed %u" : "%u", job->seed[s]);
            psi_figure_series(figure, PSI_PLOT_TEXT, PSI_INK, 0, label);
            psi_figure_point(figure, -1.0, (double)s, NAN, NAN, NAN);
        }
        put_map_cells(file, arm, figure);
        put_map_missing(file, arm, figure);
        put_map_censored(file, arm, figure);
    }
    psi_figure_say(figure, "%zu of %zu cells are done, %zu failed.", file->sweep->done,
                   file->sweep->wanted, file->sweep->failed);
    return PSI_OK;
}

/* The cells beside F_min of one arm and seed: the sparsest that is not collapsed above it, and the
 * densest collapsed one; SIZE_MAX = none. */
static void beside_threshold(const struct psi_fmin_file *file, size_t arm, size_t seed,
                             size_t beside[2])
{
    const struct psi_job *job = file->job;
    beside[0] = beside[1] = SIZE_MAX;
    for (size_t d = 0; d < job->densities && beside[1] == SIZE_MAX; d++) {
        size_t cell = psi_job_cell(job, arm, seed, d);
        if (file->sweep->finished[cell] && !isnan(file->sweep->psi[cell]))
            beside[file->sweep->psi[cell] < psi_fmin_level[0]] = d;
    }
}

static void put_spectrum(struct psi_figure *figure, const double *value, size_t modes, int colour,
                         const char *label)
{
    psi_figure_series(figure, PSI_PLOT_LINE, colour, 0, label);
    for (size_t m = 0; m < modes && !isnan(value[m]); m++)
        psi_figure_point(figure, (double)(m + 1), value[m], NAN, NAN, NAN);
}

static void put_edge(struct psi_figure *figure, double value, int colour, int mark,
                     const char *label)
{
    psi_figure_series(figure, PSI_PLOT_RULE, colour, mark, label);
    if (!isnan(value))
        psi_figure_point(figure, NAN, value, NAN, NAN, NAN);
}

static void put_spectra(const struct psi_fmin_file *file, const struct psi_parent *parent,
                        const struct psi_cell *cell, size_t density, struct psi_figure *figure)
{
    const size_t *extent = psi_results_layout(file->results)->extent;
    size_t layers = extent[PSI_AXIS_LAYER], modes = extent[PSI_AXIS_MODE];
    for (size_t l = 0; l < layers; l++) {
        char title[2 * PSI_REPORT_LABEL];
        double largest = 0.0;
        snprintf(title, sizeof title, "layer %zu, density %.3g: Psi %.2g", l + 1,
                 file->job->density[density], cell->psi[PSI_RETRAINED]);
        psi_figure_panel(figure, title);
        for (int stage = 0; stage < PSI_STAGES; stage++)
            largest = fmax(largest, cell->singular_value[((size_t)stage * layers + l) * modes]);
        largest = fmax(largest, parent->singular_value[l * modes]);
        if (largest > 0.0)
            psi_figure_range(figure, 1e-2 * largest, 1.6 * largest);
        put_spectrum(figure, parent->singular_value + l * modes, modes, PSI_INK, "dense");
        put_spectrum(figure, cell->singular_value + (PSI_PRUNED * layers + l) * modes, modes, 1,
                     "pruned");
        put_spectrum(figure, cell->singular_value + (PSI_RETRAINED * layers + l) * modes, modes, 0,
                     "retrained");
        put_edge(figure, parent->permutation_edge[l], 6, PSI_DOT, "permutation edge, dense");
        put_edge(figure, parent->marchenko_pastur_edge[l], 2, PSI_RING,
                 "Marchenko-Pastur edge, dense");
    }
}

/* The first arm and seed with a finished cell. */
static int find_first(const struct psi_fmin_file *file, size_t *arm, size_t *seed, size_t beside[2])
{
    for (*arm = 0; *arm < file->job->arms; ++*arm) {
        for (*seed = 0; *seed < file->job->seeds; ++*seed) {
            beside_threshold(file, *arm, *seed, beside);
            if (beside[0] != SIZE_MAX || beside[1] != SIZE_MAX)
                return 1;
        }
    }
    return 0;
}

static enum psi_status fill_spectra(const struct psi_fmin_file *file, struct psi_figure *figure,
                                    struct psi_error *err)
{
    const struct psi_layout *layout = psi_results_layout(file->results);
    struct psi_parent parent = {0};
    struct psi_cell cell = {0};
    size_t arm, seed, beside[2];
    enum psi_status status;
    if (!find_first(file, &arm, &seed, beside))
        return PSI_OK;
    if ((status = psi_record_create(PSI_OF_PARENT, layout, &parent, err)) ||
        (status = psi_record_create(PSI_OF_CELL, layout, &cell, err)) ||
        (status = psi_results_get(file->results,
                                  (struct psi_record_at){.owner = PSI_OF_PARENT, .seed = seed},
                                  &parent, err)))
        goto out;
    for (int i = 0; i < 2 && !status; i++) {
        if (beside[i] == SIZE_MAX)
            continue;
        status = psi_results_get(
            file->results,
            (struct psi_record_at){
                .owner = PSI_OF_CELL, .arm = arm, .seed = seed, .density = beside[i]},
            &cell, err);
        if (!status)
            put_spectra(file, &parent, &cell, beside[i], figure);
    }
    psi_figure_say(figure, "Arm %s, seed %u.", file->job->arm[arm].name, file->job->seed[seed]);
out:
    psi_record_clear(PSI_OF_CELL, &cell);
    psi_record_clear(PSI_OF_PARENT, &parent);
    return status;
}

static void put_overlap(const struct psi_fmin_file *file, const double *overlap, const char *title,
                        struct psi_figure *figure)
{
    const struct psi_job *job = file->job;
    psi_figure_panel(figure, title);
    psi_figure_range(figure, -0.15, 1.12);
    for (size_t arm = 0; arm < job->arms; arm++) {
        for (size_t d = 0; d < job->densities; d++) {
            char label[PSI_REPORT_LABEL];
            int colour = psi_report_density_colour(job, d, label);
            psi_figure_series(figure, PSI_PLOT_POINTS, colour, PSI_DOT, label);
            psi_figure_tag(figure, job->arm[arm].name);
            for (size_t s = 0; s < job->seeds; s++) {
                size_t cell = psi_job_cell(job, arm, s, d);
                double at = overlap[cell * PSI_STAGES + PSI_PRUNED];
                if (file->sweep->finished[cell] && !isnan(at) && !isnan(file->sweep->psi[cell]))
                    psi_figure_point(figure, at, file->sweep->psi[cell], job->density[d], NAN,
                                     job->seed[s]);
            }
        }
    }
}

static enum psi_status fill_overlap(const struct psi_fmin_file *file, struct psi_figure *figure,
                                    struct psi_error *err)
{
    double *edge = NULL, *fixed = NULL;
    enum psi_status status = psi_report_read(file, "overlap_network", &edge, err);
    if (!status && !(status = psi_report_read(file, "overlap_fixed_network", &fixed, err))) {
        put_overlap(file, edge, "modes above the permutation edge", figure);
        put_overlap(file, fixed, "five modes of each layer", figure);
        psi_figure_say(figure, "Finished cells of all arms and seeds.");
    }
    free(fixed);
    free(edge);
    return status;
}

static enum psi_status fill_layers(const struct psi_fmin_file *file, struct psi_figure *figure,
                                   struct psi_error *err)
{
    const struct psi_job *job = file->job;
    size_t layers = psi_results_layout(file->results)->extent[PSI_AXIS_LAYER];
    double *density;
    enum psi_status status = psi_report_read(file, "layer_density", &density, err);
    for (size_t arm = 0; !status && arm < job->arms; arm++) {
        if (!psi_report_arm_has(file, arm))
            continue;
        psi_figure_panel(figure, job->arm[arm].name);
        psi_figure_range(figure, 0.05 * job->density[job->densities - 1], 1.4);
        psi_figure_series(figure, PSI_PLOT_LINE, PSI_GREY, 0, "all layers alike");
        for (size_t d = 0; d<job->densities; d += job->densities> 1 ? job->densities - 1 : 1)
            psi_figure_point(figure, job->density[d], job->density[d], NAN, NAN, NAN);
        for (size_t l = 0; l < layers; l++) {
            char label[PSI_REPORT_LABEL];
            snprintf(label, sizeof label, "layer %zu", l + 1);
            psi_figure_series(figure, PSI_PLOT_LINE, (int)(l % PSI_COLOURS), 0, label);
            for (size_t d = 0; d < job->densities; d++) {
                struct psi_report_seeds over =
                    psi_report_over_seeds(file, density + l, layers, arm, d);
                if (over.seeds)
                    psi_figure_point(figure, psi_report_achieved(file, arm, d), over.mean, over.low,
                                     over.high, (double)over.seeds);
            }
        }
    }
    psi_figure_say(figure, "Mean density of %zu layers for each arm.", layers);
    free(density);
    return status;
}

const struct psi_report_row psi_report_masks[] = {
    {{.name = "map",
      .title = "Cells of the grid: density by seed",
      .caption =
          "One panel an arm, one row a seed; density falls (sparsity = 1 − density rises) to "
          "the right. Colour: Psi after retraining. A triangle beside a row: its F_min is "
          "censored on that side.",
      .x = "density",
      .log_x = 1,
      .falling_x = 1,
      .panel = "arm",
      .series = "what",
      .point = {"density", "row", "cell_low", "cell_high", "psi"}},
     fill_map},
    {{.name = "spectra",
      .title = "Singular values, dense, pruned and retrained",
      .caption = "The first arm and seed with finished cells; a layer a panel, at the sparsest "
                 "density that still recovers and the densest that has collapsed. Modes above the "
                 "permutation edge are the dominant ones. Values below a hundredth of the largest "
                 "are not shown.",
      .x = "mode",
      .y = "singular value",
      .log_x = 1,
      .log_y = 1,
      .panel = "layer",
      .series = "what",
      .point = {"mode", "singular_value"}},
     fill_spectra},
    {{.name = "overlap",
      .title = "Support overlap before retraining, against Psi after it",
      .caption = "One point a cell, coloured by density; overlap of the pruned with the dense "
                 "modes, chance = 0. A trend among points of one colour is one that "
                 "density does not explain.",
      .x = "support overlap",
      .y = "Psi after retraining",
      .panel = "modes",
      .series = "density_class",
      .tag = "arm",
      .point = {"overlap", "psi", "density", NULL, "seed"}},
     fill_overlap},
    {{.name = "layers",
      .title = "Survival by layer",
      .caption = "Mean over seeds of each layer's own density; the density of the whole network "
                 "falls to the right. Below the grey line a layer loses more than its share.",
      .x = "density",
      .y = "density of the layer",
      .log_x = 1,
      .log_y = 1,
      .falling_x = 1,
      .panel = "arm",
      .series = "layer",
      .point = {"density", "layer_density", "low", "high", "seeds"}},
     fill_layers},
    {.fill = NULL},
};
