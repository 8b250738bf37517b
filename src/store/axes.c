/* The axes of a results file and what follows from the job alone. */
#include "file.h"
#include "h5.h"

#include "psisweep/ladder.h"
#include "psisweep/memory.h"

#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>

/* A coordinate variable: values along one axis, and the axis's dimension scale. */
static hid_t create_axis(hid_t file, const struct psi_layout *layout, enum psi_axis axis,
                         hid_t type, const void *values, const char *unit, const char *meaning)
{
    static const double zero[8] = {0}; /* as wide as any element type here */
    hsize_t extent = layout->extent[axis];
    hid_t dataset = psi_h5_dataset(file, psi_axis_name[axis], type, 1, &extent, zero);
    if (dataset < 0 || H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0 ||
        H5DSset_scale(dataset, psi_axis_name[axis]) < 0 ||
        !psi_h5_set_text(dataset, "units", unit) ||
        !psi_h5_set_text(dataset, "long_name", meaning)) {
        if (dataset >= 0)
            H5Dclose(dataset);
        return -1;
    }
    return dataset;
}

static hid_t create_name_axis(hid_t file, const struct psi_layout *layout, enum psi_axis axis,
                              const char *const *names, const char *meaning)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    hsize_t extent = layout->extent[axis];
    static const char *const nothing = NULL;
    hid_t dataset = psi_h5_dataset(file, psi_axis_name[axis], type, 1, &extent, &nothing);
    if (dataset >= 0 && (H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, names) < 0 ||
                         H5DSset_scale(dataset, psi_axis_name[axis]) < 0 ||
                         !psi_h5_set_text(dataset, "long_name", meaning))) {
        H5Dclose(dataset);
        dataset = -1;
    }
    H5Tclose(type);
    return dataset;
}

/* An axis without coordinates, as netCDF-4 writes one: a scale that is never allocated. */
static hid_t create_bare_axis(hid_t file, const struct psi_layout *layout, enum psi_axis axis)
{
    char name[96];
    hsize_t extent = layout->extent[axis];
    hid_t dataset = psi_h5_dataset(file, psi_axis_name[axis], H5T_IEEE_F32BE, 1, &extent, NULL);
    snprintf(name, sizeof name, "This is a netCDF dimension but not a netCDF variable.%10zu",
             layout->extent[axis]);
    if (dataset >= 0 && H5DSset_scale(dataset, name) < 0) {
        H5Dclose(dataset);
        dataset = -1;
    }
    return dataset;
}

/* The axes that not every job needs; one that fails is below 0. count: 0, 1, ... */
static void create_optional(hid_t file, const struct psi_job *job, const struct psi_layout *layout,
                            const int32_t *count, hid_t scale[PSI_AXES])
{
    double rewind[PSI_REWINDS_MAX];
    struct psi_rung rung[PSI_RUNGS_MAX];
    const char *rung_name[PSI_RUNGS_MAX], *chain_name[PSI_ARMS_MAX];
    size_t rungs = psi_ladder_rungs(job, rung), chains = 0;
    for (size_t i = 0; i < rungs; i++)
        rung_name[i] = rung[i].name;
    for (size_t i = 0; i < job->arms; i++)
        if (job->arm[i].schedule == PSI_ITERATIVE)
            chain_name[chains++] = job->arm[i].name;
    if (psi_job_rewinds(job, rewind) > 0)
        scale[PSI_AXIS_REWIND] = create_axis(file, layout, PSI_AXIS_REWIND, H5T_NATIVE_DOUBLE,
                                             rewind, "1", "epochs of dense training");
    if (rungs > 0) {
        scale[PSI_AXIS_RUNG] = create_name_axis(file, layout, PSI_AXIS_RUNG, rung_name,
                                                "rung of the rescue ladder, in order of trial");
        scale[PSI_AXIS_RESCUE_EPOCH] =
            create_axis(file, layout, PSI_AXIS_RESCUE_EPOCH, H5T_NATIVE_INT32, count, "1",
                        "epochs trained in a rung");
    }
    if (chains > 0) {
        scale[PSI_AXIS_CHAIN] =
            create_name_axis(file, layout, PSI_AXIS_CHAIN, chain_name, "iterative arm");
        scale[PSI_AXIS_SLOT] = create_bare_axis(file, layout, PSI_AXIS_SLOT);
        scale[PSI_AXIS_WEIGHT] = create_bare_axis(file, layout, PSI_AXIS_WEIGHT);
    }
}

enum psi_status psi_results_create_axes(hid_t file, const struct psi_results_facts *facts,
                                        hid_t scale[PSI_AXES], struct psi_error *err)
{
    const struct psi_job *job = facts->job;
    const struct psi_layout *layout = &facts->layout;
    size_t longest = layout->extent[PSI_AXIS_MODE] + layout->extent[PSI_AXIS_EPOCH] +
                     layout->extent[PSI_AXIS_RESCUE_EPOCH] + PSI_LAUNCHES;
    int32_t *count = psi_allocate(longest, sizeof *count, "axis", err);
    const char *arm[PSI_ARMS_MAX];
    const char **layer = psi_allocate(layout->extent[PSI_AXIS_LAYER], sizeof *layer, "axis", err);
    if (!count || !layer) {
        free(count);
        free(layer);
        return PSI_MEMORY;
    }
    for (size_t i = 0; i < longest; i++)
        count[i] = (int32_t)i;
    for (size_t i = 0; i < job->arms; i++)
        arm[i] = job->arm[i].name;
    for (size_t i = 0; i < layout->extent[PSI_AXIS_LAYER]; i++)
        layer[i] = psi_network_matrix(facts->network, i)->name;

    scale[PSI_AXIS_ARM] = create_name_axis(file, layout, PSI_AXIS_ARM, arm, "way to prune");
    scale[PSI_AXIS_SEED] = create_axis(file, layout, PSI_AXIS_SEED, H5T_NATIVE_UINT32, job->seed,
                                       "1", "seed of initialisation and sample order");
    scale[PSI_AXIS_DENSITY] =
        create_axis(file, layout, PSI_AXIS_DENSITY, H5T_NATIVE_DOUBLE, job->density, "1",
                    "nominal surviving fraction of the prunable weights");
    scale[PSI_AXIS_STAGE] = create_name_axis(file, layout, PSI_AXIS_STAGE, psi_stage_name,
                                             "after pruning or after retraining");
    scale[PSI_AXIS_LAYER] =
        create_name_axis(file, layout, PSI_AXIS_LAYER, layer, "prunable weight matrix");
    scale[PSI_AXIS_MODE] = create_axis(file, layout, PSI_AXIS_MODE, H5T_NATIVE_INT32, count, "1",
                                       "singular value number, largest first");
    scale[PSI_AXIS_EPOCH] =
        create_axis(file, layout, PSI_AXIS_EPOCH, H5T_NATIVE_INT32, count, "1", "epochs trained");
    scale[PSI_AXIS_PARAMETER] = create_bare_axis(file, layout, PSI_AXIS_PARAMETER);
    scale[PSI_AXIS_LAUNCH] = create_axis(file, layout, PSI_AXIS_LAUNCH, H5T_NATIVE_INT32, count,
                                         "1", "launch of the program on this file");
    create_optional(file, job, layout, count, scale);
    free(layer);
    free(count);
    for (int a = PSI_AXIS_ARM; a < PSI_AXES; a++) {
        if (scale[a] < 0)
            return psi_h5_fail(err, PSI_IO, psi_axis_name[a], "cannot create the axis");
    }
    return PSI_OK;
}

/* A variable over one axis whose values are known now. */
static int create_known(hid_t file, const char *name, hid_t type, hsize_t extent,
                        const void *values, const char *meaning, hid_t scale)
{
    static const double zero = 0.0; /* as wide as any element type here */
    hid_t dataset = psi_h5_dataset(file, name, type, 1, &extent, &zero);
    int ok = dataset >= 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0 &&
             psi_h5_set_text(dataset, "units", "1") &&
             psi_h5_set_text(dataset, "long_name", meaning) &&
             H5DSattach_scale(dataset, scale, 0) >= 0;
    return psi_h5_close(dataset, ok);
}

enum psi_status psi_results_create_known(hid_t file, const struct psi_results_facts *facts,
                                         const hid_t scale[PSI_AXES], struct psi_error *err)
{
    const struct psi_job *job = facts->job;
    size_t layers = facts->layout.extent[PSI_AXIS_LAYER];
    double sparsity[PSI_DENSITIES_MAX];
    int64_t *shape = psi_allocate(3 * layers, sizeof *shape, "layer shapes", err);
    if (!shape)
        return PSI_MEMORY;
    int64_t *offset = shape, *rows = shape + layers, *columns = shape + 2 * layers;
    for (size_t i = 0; i < job->densities; i++)
        sparsity[i] = 1.0 - job->density[i];
    for (size_t i = 0; i < layers; i++) {
        const struct psi_weight_matrix *matrix = psi_network_matrix(facts->network, i);
        offset[i] = (int64_t)matrix->offset;
        rows[i] = (int64_t)matrix->rows;
        columns[i] = (int64_t)matrix->cols;
    }
    hid_t layer = scale[PSI_AXIS_LAYER];
    int ok = create_known(file, "sparsity", H5T_NATIVE_DOUBLE, job->densities, sparsity,
                          "1 - density", scale[PSI_AXIS_DENSITY]) &&
             create_known(file, "layer_offset", H5T_NATIVE_INT64, layers, offset,
                          "index of the layer's first weight along parameter", layer) &&
             create_known(file, "layer_rows", H5T_NATIVE_INT64, layers, rows,
                          "rows (outputs) of the weight matrix, stored row by row", layer) &&
             create_known(file, "layer_columns", H5T_NATIVE_INT64, layers, columns,
                          "columns (inputs) of the weight matrix", layer);
    free(shape);
    return ok ? PSI_OK : psi_h5_fail(err, PSI_IO, "sparsity or layer shapes", "cannot create");
}
