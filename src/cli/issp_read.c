/* What psisweep issp reads of a results file. */
#include "issp.h"

#include "psisweep/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A variable (cells, each), or (cells, stages, each) of which the stage after pruning is kept. */
static enum psi_status read_real(const struct psi_issp_file *file, const char *name, size_t each,
                                 int staged, double **out, struct psi_error *err)
{
    size_t cells = file->sweep->cells, stages = staged ? PSI_STAGES : 1;
    double *values = psi_allocate(cells * stages * each, sizeof *values, name, err);
    if (!values)
        return PSI_MEMORY;
    enum psi_status status = psi_results_read(file->results, name, values, err);
    if (status) {
        free(values);
        return status;
    }
    for (size_t i = 0; staged && i < cells; i++)
        memmove(values + i * each, values + (i * stages + PSI_PRUNED) * each,
                each * sizeof *values);
    *out = values;
    return PSI_OK;
}

/* |W|_F^2, the sum of squared singular values, which NaN pads. */
static double square_sum(const double *value, size_t count)
{
    double sum = 0;
    if (count == 0 || isnan(value[0]))
        return NAN;
    for (size_t i = 0; i < count && !isnan(value[i]); i++)
        sum += value[i] * value[i];
    return sum;
}

/* Squared norms (owners, layers) from singular values (owners, stages, layers, modes), which are
 * most of a file and are read in parts. */
static enum psi_status read_norms(const struct psi_issp_file *file, const char *name, size_t owners,
                                  size_t stages, double **out, struct psi_error *err)
{
    enum { PART = 1 << 19 }; /* values at a time */
    const struct psi_layout *layout = psi_results_layout(file->results);
    size_t layers = layout->extent[PSI_AXIS_LAYER], modes = layout->extent[PSI_AXIS_MODE];
    size_t each = stages * layers * modes, part = each < PART ? PART / each : 1;
    double *values = psi_allocate(part * each, sizeof *values, name, err);
    double *norms = psi_allocate(owners * layers, sizeof *norms, name, err);
    enum psi_status status = values && norms ? PSI_OK : PSI_MEMORY;
    for (size_t from = 0; !status && from < owners; from += part) {
        size_t count = owners - from < part ? owners - from : part;
        status = psi_results_read_some(file->results, name, from, count, values, err);
        for (size_t i = 0; !status && i < count * layers; i++) {
            size_t at = (i / layers * stages + PSI_PRUNED) * layers + i % layers;
            norms[from * layers + i] = square_sum(values + at * modes, modes);
        }
    }
    free(values);
    if (status)
        free(norms);
    else
        *out = norms;
    return status;
}

/* A state by record: 1 = done. */
static enum psi_status read_done(const struct psi_issp_file *file, const char *name, size_t count,
                                 uint8_t **out, struct psi_error *err)
{
    uint8_t *state = psi_allocate(count, 1, name, err);
    if (!state)
        return PSI_MEMORY;
    enum psi_status status = psi_results_read(file->results, name, state, err);
    for (size_t i = 0; !status && i < count; i++)
        state[i] = state[i] == PSI_DONE;
    if (status)
        free(state);
    else
        *out = state;
    return status;
}

/* A sweep may still run: a ladder is done after its rungs are, so its state is read before. */
static enum psi_status read_ladder(struct psi_issp_file *file, struct psi_error *err)
{
    struct psi_issp_arrays *a = &file->array;
    size_t cells = file->sweep->cells, rungs = psi_ladder_rungs(file->job, file->rung);
    enum psi_status status = PSI_OK;
    if (rungs && !(status = read_done(file, "ladder_status", cells, &a->climbed, err)) &&
        !(status = read_done(file, "rescue_status", cells * rungs, &a->tried, err)))
        status = read_real(file, "rescue_validation_psi", rungs, 0, &a->rung_psi, err);
    file->measured.rungs = rungs;
    return status;
}

static enum psi_status read_cells(struct psi_issp_file *file, struct psi_error *err)
{
    struct psi_issp_arrays *a = &file->array;
    size_t cells = file->sweep->cells;
    size_t layers = psi_results_layout(file->results)->extent[PSI_AXIS_LAYER];
    enum psi_status status;
    a->degree_digest = psi_allocate(cells * layers, sizeof *a->degree_digest, "cells", err);
    if (!a->degree_digest)
        return PSI_MEMORY;
    if ((status = psi_results_read(file->results, "degree_digest", a->degree_digest, err)) ||
        (status = read_real(file, "psi", 1, 1, &a->psi_pruned, err)) ||
        (status = read_real(file, "psi_bound", 1, 0, &a->bound, err)) ||
        (status = read_real(file, "overlap_network", 1, 1, &a->overlap, err)) ||
        (status = read_real(file, "overlap_fixed", layers, 1, &a->overlap_fixed, err)) ||
        (status = read_real(file, "layer_density", layers, 0, &a->layer_density, err)) ||
        (status = read_norms(file, "singular_value", cells, PSI_STAGES, &a->square_norm, err)) ||
        (status = read_norms(file, "dense_singular_value", file->job->seeds, 1,
                             &a->dense_square_norm, err)))
        return status;
    return PSI_OK;
}

enum psi_status psi_issp_open(const char *path, struct psi_issp_file *file, struct psi_error *err)
{
    const struct psi_issp_arrays *a = &file->array;
    enum psi_status status = psi_results_open(path, PSI_RESULTS_READ, &file->results, err);
    if (status)
        return status;
    file->job = psi_results_job(file->results);
    if ((status = psi_cli_check(file->results, PSI_OF_PARENT, PSI_OF_LADDER, err)) ||
        (status = psi_cli_sweep_create(file->results, &file->sweep, err)) ||
        (status = read_ladder(file, err)) || (status = read_cells(file, err)))
        return status;
    file->pairs = psi_pair_find(file->job, file->pair);
    file->measured = (struct psi_measured){
        .arms = file->job->arms,
        .seeds = file->job->seeds,
        .densities = file->job->densities,
        .layers = psi_results_layout(file->results)->extent[PSI_AXIS_LAYER],
        .density = file->job->density,
        .finished = file->sweep->finished,
        .psi_pruned = a->psi_pruned,
        .psi = file->sweep->psi,
        .achieved = file->sweep->achieved,
        .effective = file->sweep->effective,
        .bound = a->bound,
        .overlap = a->overlap,
        .overlap_fixed = a->overlap_fixed,
        .layer_density = a->layer_density,
        .square_norm = a->square_norm,
        .degree_digest = a->degree_digest,
        .dense_square_norm = a->dense_square_norm,
        .rungs = file->measured.rungs,
        .climbed = a->climbed,
        .tried = a->tried,
        .rung_psi = a->rung_psi,
    };
    return PSI_OK;
}

void psi_issp_close(struct psi_issp_file *file)
{
    struct psi_issp_arrays *a = &file->array;
    void *const array[] = {a->psi_pruned,        a->bound,         a->overlap,
                           a->overlap_fixed,     a->layer_density, a->square_norm,
                           a->dense_square_norm, a->rung_psi,      a->degree_digest,
                           a->climbed,           a->tried};
    for (size_t i = 0; i < sizeof array / sizeof *array; i++)
        free(array[i]);
    free(file->by_criterion);
    free(file->by_seed);
    psi_prediction_clear(&file->prediction);
    for (int c = 0; c < PSI_CLAIMS; c++) {
        free(file->claim[c].seed);
        free(file->claim[c].value);
    }
    psi_cli_sweep_destroy(file->sweep);
    psi_results_close(file->results);
}
