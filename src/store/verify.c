/* Is a results file what it says it is, and what is to be done where it is not. */
#include "file.h"
#include "h5.h"

#include "psisweep/clock.h"
#include "psisweep/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verify {
    struct psi_results *results;
    void (*tell)(void *context, const struct psi_finding *finding);
    void *context;
    size_t launches;
};

static const char *chain_name(const struct psi_job *job, size_t chain)
{
    size_t arm = 0;
    while (arm + 1 < job->arms &&
           (job->arm[arm].schedule != PSI_ITERATIVE || psi_job_chain_number(job, arm) != chain))
        arm++;
    return job->arm[arm].name;
}

static void tell_record(struct verify *v, struct psi_record_at at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void tell_record(struct verify *v, struct psi_record_at at, const char *format, ...)
{
    const struct psi_job *job = v->results->job;
    struct psi_finding finding = {.is_record = 1, .at = at};
    char what[160], where[PSI_NAME + 96] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (at.owner == PSI_OF_SLOT)
        snprintf(where, sizeof where, " of arm %s, slot %zu", chain_name(job, at.chain), at.slot);
    else if (at.owner == PSI_OF_RUNG)
        snprintf(where, sizeof where, " %zu of arm %s, density %.3g", at.rung,
                 job->arm[at.arm].name, job->density[at.density]);
    else if (at.owner != PSI_OF_PARENT)
        snprintf(where, sizeof where, " of arm %s, density %.3g", job->arm[at.arm].name,
                 job->density[at.density]);
    snprintf(finding.text, sizeof finding.text, "%s%s, seed %u: %s", psi_owners[at.owner].name,
             where, job->seed[at.seed], what);
    v->tell(v->context, &finding);
}

static void tell_file(struct verify *v, const char *what)
{
    struct psi_finding finding = {.is_record = 0};
    snprintf(finding.text, sizeof finding.text, "%s", what);
    v->tell(v->context, &finding);
}

/* What no checksum covers; a slot has none of it. */
static const char *made_fault(const struct verify *v, enum psi_owner owner,
                              const struct psi_made *made)
{
    if (owner == PSI_OF_SLOT)
        return NULL;
    if (!isfinite(made->seconds) || made->seconds < 0.0)
        return "is done, but its seconds are not those of anything";
    if (made->attempt < 1)
        return "is done, but was never begun";
    if (made->rank < 0 || made->launch < 0 || (size_t)made->launch >= v->launches)
        return "is done, but by a rank or a launch that there has not been";
    return NULL;
}

/* A `done` record, into room for one. A sweep that runs may be writing it: look again. */
static enum psi_status check_done(struct verify *v, struct psi_record_at at, void *record,
                                  struct psi_error *err)
{
    const double while_written = 0.2; /* seconds */
    const struct psi_made *made = record;
    enum psi_status status = psi_results_get(v->results, at, record, err);
    if (status == PSI_DATA) {
        psi_clock_sleep(while_written);
        status = psi_results_get(v->results, at, record, err);
    }
    if (status == PSI_DATA) {
        tell_record(v, at, "what is stored does not fit its checksum");
        return PSI_OK;
    }
    const char *fault = status || made->status != PSI_DONE ? NULL : made_fault(v, at.owner, made);
    if (fault)
        tell_record(v, at, "%s", fault);
    return status;
}

static enum psi_status check_owner(struct verify *v, enum psi_owner owner, size_t *checked,
                                   struct psi_error *err)
{
    struct psi_results *r = v->results;
    const char *name =
        psi_variables[psi_results_variable(owner, offsetof(struct psi_made, status))].name;
    size_t count = psi_results_record_count(&r->layout, owner);
    *checked = 0;
    if (count == 0)
        return PSI_OK;
    uint8_t *state = psi_allocate(count, 1, "states", err);
    void *record = psi_allocate(1, psi_owners[owner].size, "record", err);
    enum psi_status status = PSI_MEMORY;
    if (!state || !record)
        goto out;
    if ((status = psi_record_create(owner, &r->layout, record, err)))
        goto out;
    status = psi_results_read(r, name, state, err);
    for (size_t i = 0; !status && i < count; i++) {
        struct psi_record_at at = psi_results_record_at(&r->layout, owner, i);
        if (state[i] >= PSI_RECORD_STATES)
            tell_record(v, at, "its state is %u, which is none", state[i]);
        else if (state[i] == PSI_DONE) {
            ++*checked;
            status = check_done(v, at, record, err);
        }
    }
    psi_record_clear(owner, record);
out:
    free(record);
    free(state);
    return status;
}

static enum psi_status check_launches(struct verify *v, struct psi_error *err)
{
    struct psi_launch launch[PSI_LAUNCHES];
    enum psi_status status = psi_results_launches(v->results, launch, &v->launches, err);
    for (size_t i = 0; !status && i < v->launches; i++) {
        char what[96];
        if (isfinite(launch[i].start) && launch[i].start > 0.0 && launch[i].numerics[0])
            continue;
        snprintf(what, sizeof what, "launch %zu: its start or its numerics are not those of any",
                 i);
        tell_file(v, what);
    }
    return status;
}

enum psi_status psi_results_verify(struct psi_results *r,
                                   void (*tell)(void *context, const struct psi_finding *finding),
                                   void *context, size_t checked[PSI_OWNERS], struct psi_error *err)
{
    struct verify v = {.results = r, .tell = tell, .context = context};
    struct psi_error description;
    int known;
    enum psi_status status = psi_results_description(r, &known, &description);
    if (status == PSI_DATA)
        tell_file(&v, description.text + strlen(r->path) + 2);
    else if (status)
        return psi_fail(err, status, "%s", description.text);
    status = check_launches(&v, err);
    for (int owner = 0; !status && owner < PSI_OWNERS; owner++)
        status = check_owner(&v, (enum psi_owner)owner, &checked[owner], err);
    return status;
}

/* --- mending ---------------------------------------------------------------------------------- */

/* A cell of an iterative arm can only be computed from the state after the density above: states
 * from `level` on are given up, so that the chain goes on from the one above, or begins again. */
static enum psi_status give_up_chain(struct psi_results *r, size_t chain, size_t seed,
                                     int32_t level, struct psi_error *err)
{
    struct psi_slot state = {0};
    enum psi_status status = psi_record_create(PSI_OF_SLOT, &r->layout, &state, err);
    struct psi_record_at at = {.owner = PSI_OF_SLOT, .chain = chain, .seed = seed};
    for (; !status && at.slot < PSI_SLOTS; at.slot++) {
        status = psi_results_get(r, at, &state, err);
        if (status == PSI_DATA || (!status && state.level >= level))
            status = psi_results_set_state(r, at, PSI_PENDING, err);
    }
    psi_record_clear(PSI_OF_SLOT, &state);
    return status;
}

static int32_t last_level(const struct psi_job *job)
{
    return (int32_t)((job->densities - 1) / job->refine.factor * job->refine.factor);
}

/* What has to be computed again so that a record can be, first: a death in between leaves the
 * record as bad as it was. */
static enum psi_status give_up_others(struct psi_results *r, struct psi_record_at at,
                                      struct psi_error *err)
{
    struct psi_record_at ladder = at;
    switch (at.owner) {
    case PSI_OF_CELL:
        return r->job->arm[at.arm].schedule != PSI_ITERATIVE
                   ? PSI_OK
                   : give_up_chain(r, psi_job_chain_number(r->job, at.arm), at.seed,
                                   (int32_t)at.density, err);
    case PSI_OF_SLOT: /* a finished chain writes it again only as a whole */
        return give_up_chain(r, at.chain, at.seed, last_level(r->job), err);
    case PSI_OF_RUNG: /* only a ladder that is not done is climbed again */
        ladder.owner = PSI_OF_LADDER;
        return psi_results_set_state(r, ladder, PSI_PENDING, err);
    default:
        return PSI_OK;
    }
}

/* The driver that repairs hands its writes to the system alone. */
static enum psi_status sync_marks(struct psi_results *r, struct psi_error *err)
{
    enum psi_status status = psi_results_sync(r, err);
    if (!status && !psi_results_sync_path(r->path))
        status = psi_fail(err, PSI_IO, "%s: cannot sync: %s", r->path, strerror(errno));
    return status;
}

enum psi_status psi_results_mend(struct psi_results *r, const struct psi_finding *finding,
                                 struct psi_error *err)
{
    struct psi_record_at at = finding->at;
    if (!finding->is_record)
        return psi_fail(err, PSI_DATA, "%s: %s", r->path, finding->text);
    enum psi_status status = give_up_others(r, at, err);
    if (!status)
        status = sync_marks(r, err);
    if (!status)
        status = psi_results_set_state(r, at, PSI_PENDING, err);
    return status ? status : sync_marks(r, err);
}

size_t psi_results_promised_bytes(const char *path)
{
    /* the end of the file in superblocks of version 2, as psi_results_create makes them, and 0, as
     * it once did; addresses of 8 bytes, little-endian */
    enum { VERSION = 8, BYTES_2 = 9, END_2 = 28, BYTES_0 = 13, END_0 = 40 };
    static const unsigned char signature[] = "\211HDF\r\n\032\n";
    unsigned char block[48] = {0};
    size_t end = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? pread(fd, block, sizeof block, 0) : -1;
    if (fd >= 0)
        close(fd);
    if (got != sizeof block || memcmp(block, signature, 8) != 0)
        return 0;
    int at = block[VERSION] == 2 && block[BYTES_2] == 8   ? END_2
             : block[VERSION] == 0 && block[BYTES_0] == 8 ? END_0
                                                          : 0;
    for (int i = 7; at && i >= 0; i--)
        end = end << 8 | block[at + i];
    return end;
}
