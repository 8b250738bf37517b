/* run --from: what an earlier, smaller sweep has computed need not be computed again. */
#include "file.h"

#include <stdlib.h>
#include <string.h>

/* Cells whose masks come from an iterative arm depend on all the densities above them, which may be
 * others in the larger grid, and on its state, which is not copied; transplants on the density
 * above. They are computed again. */
static int may_copy(const struct psi_job *job, size_t arm)
{
    return psi_job_chain(job, arm) == SIZE_MAX && job->arm[arm].restart != PSI_TRANSPLANT;
}

/* One copy under way. arm, density: for each position along an axis of `to`, the position of the
 * same name or value in `from`, or SIZE_MAX. parent, cell: room for one record. */
struct copy {
    struct psi_results *from, *to;
    int32_t launch;
    const volatile sig_atomic_t *stop;
    size_t arm[PSI_ARMS_MAX], density[PSI_DENSITIES_MAX];
    struct psi_parent parent;
    struct psi_cell cell;
    size_t copied;
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

static enum psi_status copy_record(struct copy *copy, struct psi_record_at source,
                                   struct psi_record_at target, struct psi_error *err)
{
    int is_parent = source.owner == PSI_OF_PARENT;
    void *record = is_parent ? (void *)&copy->parent : (void *)&copy->cell;
    struct psi_made *made = is_parent ? &copy->parent.made : &copy->cell.made;
    enum psi_status status = psi_results_get(copy->to, target, record, err);
    if (status || made->status == PSI_DONE)
        return status;
    if (copy->stop && *copy->stop)
        return psi_fail(err, PSI_STOPPED, "asked to stop");
    status = psi_results_get(copy->from, source, record, err);
    if (status == PSI_DATA) /* a damaged record is no use, and is computed instead */
        return PSI_OK;
    if (status || made->status != PSI_DONE)
        return status;
    made->launch = copy->launch;
    if (!(status = psi_results_put(copy->to, target, record, err)))
        copy->copied++;
    return status;
}

/* A dense parent holds its training's earlier weights, too: those that the job wants? */
static int same_rewinds(const struct psi_job *a, const struct psi_job *b)
{
    double of_a[PSI_REWINDS_MAX], of_b[PSI_REWINDS_MAX];
    size_t count = psi_job_rewinds(a, of_a);
    return count == psi_job_rewinds(b, of_b) && memcmp(of_a, of_b, count * sizeof *of_a) == 0;
}

static enum psi_status copy_seed(struct copy *copy, size_t source, size_t target,
                                 struct psi_error *err)
{
    const struct psi_job *job = copy->to->job;
    struct psi_record_at a = {.owner = PSI_OF_PARENT, .seed = source};
    struct psi_record_at b = {.owner = PSI_OF_PARENT, .seed = target};
    enum psi_status status = PSI_OK;
    if (same_rewinds(copy->from->job, job))
        status = copy_record(copy, a, b, err);
    a.owner = b.owner = PSI_OF_CELL;
    for (b.arm = 0; !status && b.arm < job->arms; b.arm++) {
        a.arm = copy->arm[b.arm];
        for (b.density = 0; !status && b.density < job->densities; b.density++) {
            a.density = copy->density[b.density];
            /* which densities are added is decided anew, and others are not wanted */
            if (a.arm != SIZE_MAX && a.density != SIZE_MAX && psi_job_runs(job, b.arm, b.density))
                status = copy_record(copy, a, b, err);
        }
    }
    return status;
}

enum psi_status psi_results_may_copy(const struct psi_results *from, const struct psi_job *job,
                                     uint64_t data_digest, const char *numerics,
                                     struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    char *difference = psi_job_difference(from->job, job, 1, err);
    if (!difference)
        return PSI_MEMORY;
    if (*difference)
        status = psi_fail(err, PSI_USAGE,
                          "--from %s: its cells are of another job, none can be taken:\n%s",
                          from->path, difference);
    else if (from->data_digest != data_digest)
        status = psi_fail(err, PSI_USAGE, "--from %s: it was computed on other data", from->path);
    else if (numerics && strcmp(psi_results_numerics(from), numerics) != 0)
        status = psi_fail(err, PSI_ENVIRONMENT,
                          "--from %s: computed with %s, here it is %s: the bits would differ",
                          from->path, psi_results_numerics(from), numerics);
    free(difference);
    return status;
}

enum psi_status psi_results_copy(struct psi_results *from, struct psi_results *to, int32_t launch,
                                 const volatile sig_atomic_t *stop, size_t *copied,
                                 struct psi_error *err)
{
    struct copy copy = {.from = from, .to = to, .launch = launch, .stop = stop};
    enum psi_status status;
    for (int axis = PSI_AXIS_STAGE; axis <= PSI_AXIS_PARAMETER; axis++) {
        if (from->layout.extent[axis] != to->layout.extent[axis])
            return psi_fail(err, PSI_DATA, "--from %s: its axis %s has another length", from->path,
                            psi_axis_name[axis]);
    }
    for (size_t i = 0; i < to->job->arms; i++)
        copy.arm[i] = may_copy(to->job, i) ? find_arm(from->job, to->job->arm[i].name) : SIZE_MAX;
    for (size_t i = 0; i < to->job->densities; i++)
        copy.density[i] = find_density(from->job, to->job->density[i]);
    if (!(status = psi_record_create(PSI_OF_PARENT, &to->layout, &copy.parent, err)))
        status = psi_record_create(PSI_OF_CELL, &to->layout, &copy.cell, err);
    for (size_t i = 0; !status && i < to->job->seeds; i++) {
        size_t source = find_seed(from->job, to->job->seed[i]);
        if (source != SIZE_MAX)
            status = copy_seed(&copy, source, i, err);
    }
    psi_record_clear(PSI_OF_CELL, &copy.cell);
    psi_record_clear(PSI_OF_PARENT, &copy.parent);
    *copied = copy.copied;
    return status;
}
