/* run --from: what an earlier, smaller sweep has computed need not be computed again. */
#include "file.h"

#include <stdlib.h>
#include <string.h>

/* For each position along an axis of `to`, the position of the same name or value in `from`, or
 * SIZE_MAX. */
struct correspondence {
    size_t arm[PSI_ARMS_MAX];
    size_t density[PSI_DENSITIES_MAX];
};

static size_t find_arm(const struct psi_job *job, const char *name)
{
    for (size_t i = 0; i < job->arms; i++) {
        if (strcmp(job->arm[i].name, name) == 0)
            return i;
    }
    return SIZE_MAX;
}

static size_t find_density(const struct psi_job *job, double density)
{
    for (size_t i = 0; i < job->densities; i++) {
        if (job->density[i] == density) /* both are rounded to 9 digits when a job is read */
            return i;
    }
    return SIZE_MAX;
}

static size_t find_seed(const struct psi_job *job, uint32_t seed)
{
    for (size_t i = 0; i < job->seeds; i++) {
        if (job->seed[i] == seed)
            return i;
    }
    return SIZE_MAX;
}

static struct psi_made *made_of(enum psi_owner owner, void *record)
{
    return owner == PSI_OF_PARENT ? &((struct psi_parent *)record)->made
                                  : &((struct psi_cell *)record)->made;
}

static enum psi_status copy_record(struct psi_results *from, struct psi_record_at source,
                                   struct psi_results *to, struct psi_record_at target,
                                   void *record, int32_t launch, size_t *copied,
                                   struct psi_error *err)
{
    struct psi_made *made = made_of(source.owner, record);
    enum psi_status status = psi_results_get(from, source, record, err);
    if (status)
        return status;
    if (made->status != PSI_DONE)
        return PSI_OK;
    made->launch = launch;
    if (!(status = psi_results_put(to, target, record, err)))
        ++*copied;
    return status;
}

static enum psi_status copy_seed(struct psi_results *from, size_t source, struct psi_results *to,
                                 size_t target, const struct correspondence *same,
                                 struct psi_parent *parent, struct psi_cell *cell, int32_t launch,
                                 size_t *copied, struct psi_error *err)
{
    struct psi_record_at a = {.owner = PSI_OF_PARENT, .seed = source};
    struct psi_record_at b = {.owner = PSI_OF_PARENT, .seed = target};
    enum psi_status status = copy_record(from, a, to, b, parent, launch, copied, err);
    a.owner = b.owner = PSI_OF_CELL;
    for (b.arm = 0; !status && b.arm < to->job->arms; b.arm++) {
        a.arm = same->arm[b.arm];
        for (b.density = 0; !status && b.density < to->job->densities; b.density++) {
            a.density = same->density[b.density];
            if (a.arm != SIZE_MAX && a.density != SIZE_MAX)
                status = copy_record(from, a, to, b, cell, launch, copied, err);
        }
    }
    return status;
}

static enum psi_status copy_check(struct psi_results *from, struct psi_results *to,
                                  struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    char *difference = psi_job_difference(from->job, to->job, 1, err);
    if (!difference)
        return PSI_MEMORY;
    if (*difference)
        status = psi_fail(err, PSI_USAGE,
                          "--from %s: its cells are of another job, none can be taken:\n%s",
                          from->path, difference);
    else if (from->data_digest != to->data_digest)
        status = psi_fail(err, PSI_USAGE, "--from %s: it was computed on other data", from->path);
    else if (strcmp(from->numerics, to->numerics) != 0)
        status = psi_fail(err, PSI_ENVIRONMENT,
                          "--from %s: computed with %s, here it is %s: the bits would differ",
                          from->path, from->numerics, to->numerics);
    free(difference);
    return status;
}

enum psi_status psi_results_copy(struct psi_results *from, struct psi_results *to, int32_t launch,
                                 size_t *copied, struct psi_error *err)
{
    struct correspondence same;
    struct psi_parent parent = {{0}};
    struct psi_cell cell = {{0}};
    enum psi_status status = copy_check(from, to, err);
    *copied = 0;
    if (status)
        return status;
    for (size_t i = 0; i < to->job->arms; i++)
        same.arm[i] = find_arm(from->job, to->job->arm[i].name);
    for (size_t i = 0; i < to->job->densities; i++)
        same.density[i] = find_density(from->job, to->job->density[i]);
    if ((status = psi_record_create(PSI_OF_PARENT, &to->layout, &parent, err)))
        return status;
    if ((status = psi_record_create(PSI_OF_CELL, &to->layout, &cell, err)))
        goto out;
    for (size_t i = 0; !status && i < to->job->seeds; i++) {
        size_t source = find_seed(from->job, to->job->seed[i]);
        if (source != SIZE_MAX)
            status = copy_seed(from, source, to, i, &same, &parent, &cell, launch, copied, err);
    }
out:
    psi_record_clear(PSI_OF_CELL, &cell);
    psi_record_clear(PSI_OF_PARENT, &parent);
    return status;
}
