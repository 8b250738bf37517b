#include "sweep.h"

#include "psisweep/memory.h"

#include <stdlib.h>

enum psi_status psi_cli_check(struct psi_results *results, enum psi_owner first,
                              enum psi_owner last, struct psi_error *err)
{
    int known; /* files of earlier versions have no digest */
    enum psi_status status = psi_results_description(results, &known, err);
    for (int owner = (int)first; !status && owner <= (int)last; owner++)
        status = psi_results_check(results, (enum psi_owner)owner, err);
    return status;
}

/* Cells of a dense parent that failed have failed with it: nothing will run them. */
static enum psi_status count_orphans(struct psi_results *results, struct psi_cli_sweep *sweep,
                                     struct psi_error *err)
{
    const struct psi_job *job = psi_results_job(results);
    uint8_t *parent = psi_allocate(job->seeds, 1, "sweep", err);
    if (!parent)
        return PSI_MEMORY;
    enum psi_status status = psi_results_read(results, "dense_status", parent, err);
    for (size_t i = 0; !status && i < sweep->cells; i++)
        sweep->failed += parent[i / job->densities % job->seeds] == PSI_FAILED &&
                         !sweep->skipped[i] && sweep->status[i] != PSI_DONE &&
                         sweep->status[i] != PSI_FAILED;
    free(parent);
    return status;
}

enum psi_status psi_cli_sweep_create(struct psi_results *results, struct psi_cli_sweep **out,
                                     struct psi_error *err)
{
    const struct psi_job *job = psi_results_job(results);
    size_t cells = job->arms * job->seeds * job->densities;
    enum psi_status status = PSI_MEMORY;
    double *stages = psi_allocate(cells * PSI_STAGES, sizeof *stages, "sweep", err);
    struct psi_cli_sweep *s = psi_allocate(1, sizeof *s, "sweep", err);
    if (!stages || !s || !(s->psi = psi_allocate(cells, sizeof *s->psi, "sweep", err)) ||
        !(s->achieved = psi_allocate(cells, sizeof *s->achieved, "sweep", err)) ||
        !(s->effective = psi_allocate(cells, sizeof *s->effective, "sweep", err)) ||
        !(s->finished = psi_allocate(cells, sizeof *s->finished, "sweep", err)) ||
        !(s->skipped = psi_allocate(cells, sizeof *s->skipped, "sweep", err)) ||
        !(s->status = psi_allocate(cells, sizeof *s->status, "sweep", err)))
        goto out;
    /* status first: what it calls done was written before it */
    if ((status = psi_results_read(results, "status", s->status, err)) ||
        (status = psi_results_read(results, "psi", stages, err)) ||
        (status = psi_results_read(results, "density_achieved", s->achieved, err)) ||
        (status = psi_results_read(results, "density_effective", s->effective, err)))
        goto out;
    s->cells = cells;
    for (size_t i = 0; i < cells; i++) {
        s->psi[i] = stages[i * PSI_STAGES + PSI_RETRAINED];
        s->failed += s->status[i] == PSI_FAILED;
        s->finished[i] = s->status[i] == PSI_DONE;
        s->done += s->finished[i];
        /* above the arm's first density; or nobody knows yet whether an added one will be wanted */
        s->skipped[i] = s->status[i] == PSI_SKIPPED ||
                        (s->status[i] == PSI_PENDING &&
                         !psi_job_runs(job, i / job->densities / job->seeds, i % job->densities));
        s->wanted += !s->skipped[i];
    }
    for (size_t a = 0; a < job->arms; a++)
        s->adaptive[a] = psi_job_adapts(job, a) != 0;
    if ((status = count_orphans(results, s, err)))
        goto out;
    s->sweep = (struct psi_sweep){.arms = job->arms,
                                  .seeds = job->seeds,
                                  .densities = job->densities,
                                  .density = job->density,
                                  .achieved = s->achieved,
                                  .effective = s->effective,
                                  .psi = s->psi,
                                  .finished = s->finished,
                                  .skipped = s->skipped,
                                  .adaptive = s->adaptive};
    *out = s;
    s = NULL;
out:
    psi_cli_sweep_destroy(s);
    free(stages);
    return status;
}

void psi_cli_sweep_destroy(struct psi_cli_sweep *sweep)
{
    if (!sweep)
        return;
    free(sweep->status);
    free(sweep->skipped);
    free(sweep->finished);
    free(sweep->effective);
    free(sweep->achieved);
    free(sweep->psi);
    free(sweep);
}
