/* What the figures share: reading, means over seeds, colours. */
#include "report.h"

#include "psisweep/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum psi_status psi_report_read(const struct psi_fmin_file *file, const char *name, void *values,
                                struct psi_error *err)
{
    const struct psi_layout *layout = psi_results_layout(file->results);
    const struct psi_variable *v = psi_variables;
    *(void **)values = NULL;
    while (v->name && strcmp(v->name, name) != 0)
        v++;
    assert(v->name);
    size_t count = psi_variable_count(v, layout);
    const struct psi_owner_row *owner = &psi_owners[v->owner];
    for (size_t i = 0; i < sizeof owner->axis && owner->axis[i]; i++)
        count *= layout->extent[owner->axis[i]];
    if (count == 0)
        return PSI_OK;
    void *room = psi_allocate(count, psi_type_size(v->type), name, err);
    if (!room)
        return PSI_MEMORY;
    enum psi_status status = psi_results_read(file->results, name, room, err);
    if (status)
        free(room);
    else
        *(void **)values = room;
    return status;
}

struct psi_report_seeds psi_report_over_seeds(const struct psi_fmin_file *file, const double *value,
                                              size_t stride, size_t arm, size_t density)
{
    struct psi_report_seeds over = {NAN, NAN, NAN, 0};
    double sum = 0.0;
    for (size_t s = 0; s < file->job->seeds; s++) {
        size_t cell = psi_job_cell(file->job, arm, s, density);
        double at = value[cell * stride];
        if (!file->sweep->finished[cell] || isnan(at))
            continue;
        sum += at;
        over.low = fmin(over.low, at); /* of a NaN and a number the number */
        over.high = fmax(over.high, at);
        over.seeds++;
    }
    if (over.seeds)
        over.mean = sum / (double)over.seeds;
    return over;
}

double psi_report_achieved(const struct psi_fmin_file *file, size_t arm, size_t density)
{
    return psi_report_over_seeds(file, file->sweep->achieved, 1, arm, density).mean;
}

int psi_report_arm_has(const struct psi_fmin_file *file, size_t arm)
{
    for (size_t d = 0; d < file->job->densities; d++)
        if (psi_report_over_seeds(file, file->sweep->psi, 1, arm, d).seeds)
            return 1;
    return 0;
}

int psi_report_density_colour(const struct psi_job *job, size_t density,
                              char label[PSI_REPORT_LABEL])
{
    const double *d = job->density;
    double top = log10(d[0]), step = (top - log10(d[job->densities - 1])) / PSI_RAMP_STEPS;
    int at = step > 0.0 ? (int)((top - log10(d[density])) / step) : 0;
    at = at < PSI_RAMP_STEPS ? at : PSI_RAMP_STEPS - 1;
    snprintf(label, PSI_REPORT_LABEL, "density %.2g to %.2g", pow(10.0, top - at * step),
             pow(10.0, top - (at + 1) * step));
    return PSI_RAMP + at;
}
