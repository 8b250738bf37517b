#include "run.h"

#include "psisweep/clock.h"
#include "psisweep/comm.h"
#include "psisweep/hash.h"
#include "psisweep/kernel.h"
#include "psisweep/memory.h"

#include <errno.h>
#include <hdf5.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The bits depend on the kernels, on OpenBLAS's choice for this processor and on libm's: all ranks
 * use the same. */
static enum psi_status setup_numerics(struct psi_run *run, struct psi_error *err)
{
    enum psi_status status = psi_comm_agree(run->peers, psi_blas_start(err), err);
    if (!status)
        status = psi_comm_minimum(run->peers, psi_kernels_best(), &run->kernel_level, err);
    if (status)
        return status;
    psi_cli_numerics(run->kernel_level, run->numerics);
    status = psi_comm_same(run->peers, "kernels, BLAS core types or numerics probes", run->numerics,
                           err);
    run->mixed = status != PSI_OK && !run->peers->lost;
    if (run->mixed && run->options->allow_mixed)
        return PSI_OK;
    if (run->mixed) {
        char text[PSI_ERROR_TEXT];
        snprintf(text, sizeof text, "%.300s", err->text);
        psi_fail(err, status,
                 "%s, so results would depend on who computes what: set OPENBLAS_CORETYPE to one "
                 "that all have, or accept it with --allow-mixed",
                 text);
    }
    return status;
}

/* "results/NAME.h5", with every byte of the name that is awkward in a path made '_'. */
static void default_path(const struct psi_job *job, char *path, size_t size)
{
    int start = snprintf(path, size, "results/%s.h5", job->name);
    for (int i = 8; i < start - 3 && (size_t)i < size - 1; i++) {
        unsigned char c = (unsigned char)path[i];
        int control = c <= ' ' || c == 127 || (c < 0xa0 && (unsigned char)path[i - 1] == 0xc2);
        if (control || strchr("/\\\"'`$&|;<>()*?![]{}~#:%", c))
            path[i] = '_';
    }
}

void psi_run_path(const struct psi_run_options *options, const struct psi_job *job, char *path,
                  size_t size)
{
    if (options->output)
        snprintf(path, size, "%s", options->output);
    else
        default_path(job, path, size);
}

static enum psi_status open_existing(struct psi_run *run, struct psi_error *err)
{
    /* for reading first: a file that is refused stays as it was to the byte */
    struct psi_results *existing = NULL;
    int known;
    enum psi_status status = psi_results_open(run->path, PSI_RESULTS_READ, &existing, err);
    if (!status)
        status = psi_results_description(existing, &known, err);
    if (status) {
        psi_results_close(existing);
        return status;
    }
    char *difference = psi_job_difference(psi_results_job(existing), run->job, 0, err);
    if (!difference) {
        psi_results_close(existing);
        return PSI_MEMORY;
    }
    if (*difference)
        status = psi_fail(err, PSI_USAGE,
                          "%s belongs to another job; write to another file with -o (with --from "
                          "%s to take the cells that both have). Differences:\n%s",
                          run->path, run->path, difference);
    else if (psi_results_data_digest(existing) != run->study->dataset->digest)
        status = psi_fail(err, PSI_USAGE,
                          "%s was computed on other data than what %s holds now; write to another "
                          "file with -o",
                          run->path, run->job->data.path ? run->job->data.path : "this program");
    else if (memcmp(psi_results_layout(existing), &run->study->layout, sizeof run->study->layout))
        status =
            psi_fail(err, PSI_DATA, "%s: its axes do not have the lengths its job says", run->path);
    else if (!run->options->allow_mixed &&
             strcmp(psi_results_numerics(existing), run->numerics) != 0)
        status = psi_fail(err, PSI_ENVIRONMENT,
                          "%s was computed with %s, here it is %s: its bits would be mixed; "
                          "accept that with --allow-mixed",
                          run->path, psi_results_numerics(existing), run->numerics);
    free(difference);
    psi_results_close(existing);
    return status ? status : psi_results_open(run->path, PSI_RESULTS_WRITE, &run->results, err);
}

static void text_field(char *field, size_t size, const char *text)
{
    snprintf(field, size, "%s", text ? text : "");
    field[strcspn(field, "\n")] = '\0';
}

static enum psi_status record_launch(struct psi_run *run, struct psi_error *err)
{
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length;
    unsigned major, minor, release;
    struct psi_launch launch = {.start = psi_clock_wall(), .ranks = run->size};
    MPI_Get_library_version(mpi, &length);
    mpi[strcspn(mpi, ",")] = '\0';
    H5get_libversion(&major, &minor, &release);
    gethostname(launch.host, sizeof launch.host - 1);
    text_field(launch.slurm_job, sizeof launch.slurm_job, getenv("SLURM_JOB_ID"));
    text_field(launch.mpi, sizeof launch.mpi, mpi);
    snprintf(launch.hdf5, sizeof launch.hdf5, "%u.%u.%u", major, minor, release);
    text_field(launch.blas, sizeof launch.blas, psi_blas_config());
    snprintf(launch.numerics, sizeof launch.numerics, "%s%s", run->mixed ? "mixed: " : "",
             run->numerics);
    return psi_results_launch(run->results, &launch, &run->launch, err);
}

/* --from: opened and compared before the new file is made, so that a wrong one leaves nothing. */
static enum psi_status open_from(const struct psi_run *run, struct psi_results **from,
                                 struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    if (run->options->from)
        status = psi_results_open(run->options->from, PSI_RESULTS_READ, from, err);
    if (!status && *from)
        status = psi_results_may_copy(*from, run->job, run->study->dataset->digest,
                                      run->options->allow_mixed ? NULL : run->numerics, err);
    return status;
}

static enum psi_status copy_from(struct psi_run *run, struct psi_results *from,
                                 struct psi_error *err)
{
    size_t copied = 0;
    enum psi_status status =
        psi_results_copy(from, run->results, run->launch, run->stop, &copied, err);
    if (!status && !run->options->quiet)
        fprintf(stderr, "psisweep: took %zu records from %s\n", copied, run->options->from);
    return status;
}

static enum psi_status create_new(struct psi_run *run, struct psi_error *err)
{
    struct psi_results_facts facts = psi_cli_facts(run->study, run->numerics);
    enum psi_status status = psi_results_create(run->path, &facts, err);
    return status ? status : psi_results_open(run->path, PSI_RESULTS_WRITE, &run->results, err);
}

/* Rank 0: the file exists and is this job's when this returns. */
static enum psi_status setup_file(struct psi_run *run, struct psi_error *err)
{
    struct psi_results *from = NULL;
    struct stat what;
    enum psi_status status = psi_results_resolve(run->name, run->path, sizeof run->path, err);
    if (!status && strlen(run->path) > PSI_PATH_LONGEST)
        status = psi_fail(err, PSI_USAGE, "%s: expected a path of at most %d bytes, found %zu",
                          run->path, PSI_PATH_LONGEST, strlen(run->path));
    if (!status)
        status = psi_lock_leader(run->path, run->stop, &run->leader, err);
    if (!status)
        psi_results_tidy(run->path);
    if (!status)
        status = open_from(run, &from, err);
    if (!status) /* an empty file, as mktemp makes one, is as good as none */
        status = stat(run->path, &what) == 0 && what.st_size > 0 ? open_existing(run, err)
                                                                 : create_new(run, err);
    if (!status)
        status = record_launch(run, err);
    if (!status && from)
        status = copy_from(run, from, err);
    psi_results_close(from);
    return status;
}

/* Every rank has read the job and the data for itself: from the same files? */
static enum psi_status setup_agreement(struct psi_run *run, struct psi_error *err)
{
    char text[64];
    char *job = psi_job_text(run->job, err);
    enum psi_status status = psi_comm_agree(run->peers, job ? PSI_OK : PSI_MEMORY, err);
    if (!status) {
        uint64_t hash = psi_hash_end(psi_hash_add(PSI_HASH_START, job, strlen(job)));
        snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
        status = psi_comm_same(run->peers, "the jobs that the ranks were given", text, err);
    }
    if (!status) {
        snprintf(text, sizeof text, "%016llx", (unsigned long long)run->study->dataset->digest);
        status = psi_comm_same(run->peers, "the data that the ranks have read", text, err);
    }
    free(job);
    return status;
}

static enum psi_status setup_records(struct psi_run *run, struct psi_error *err)
{
    enum psi_status status = psi_lock_worker(run->path, run->stop, &run->worker, err);
    if (!status)
        psi_run_crash_begin(run->worker, run->rank);
    if (!status && !run->results)
        status = psi_results_open(run->path, PSI_RESULTS_WRITE, &run->results, err);
    if (!status)
        status = psi_record_create(PSI_OF_CELL, &run->study->layout, &run->cell, err);
    if (!status)
        status = psi_record_create(PSI_OF_RUNG, &run->study->layout, &run->rung, err);
    if (!status)
        status = psi_record_create(PSI_OF_SLOT, &run->study->layout, &run->chain, err);
    if (!status)
        status = psi_record_create(PSI_OF_SLOT, &run->study->layout, &run->next, err);
    for (size_t i = 0; !status && i < PSI_PARENTS_KEPT; i++) {
        run->kept[i].seed = SIZE_MAX;
        status = psi_record_create(PSI_OF_PARENT, &run->study->layout, &run->kept[i].parent, err);
    }
    return status;
}

enum psi_status psi_run_setup(struct psi_run *run, struct psi_error *err)
{
    enum psi_status status = setup_numerics(run, err);
    if (status)
        return status;
    psi_run_path(run->options, run->job, run->path, sizeof run->path);
    if (!run->options->output)
        mkdir("results", 0777); /* where it fails, creating the file tells why */
    memcpy(run->name, run->path, sizeof run->name);
    status = psi_study_create(run->job, run->kernel_level, &run->study, err);
    if ((status = psi_comm_agree(run->peers, status, err)) || (status = setup_agreement(run, err)))
        return status;
    if (run->rank == 0)
        status = setup_file(run, err);
    if ((status = psi_comm_agree(run->peers, status, err)))
        return status;
    if ((status = psi_comm_share(run->peers, &run->launch, sizeof run->launch, err)) ||
        (status = psi_comm_share(run->peers, run->path, sizeof run->path, err)))
        return status;
    status = setup_records(run, err);
    return psi_comm_agree(run->peers, status, err);
}

void psi_run_teardown(struct psi_run *run)
{
    for (size_t i = 0; i < PSI_PARENTS_KEPT; i++) {
        psi_parent_modes_destroy(run->kept[i].modes);
        psi_record_clear(PSI_OF_PARENT, &run->kept[i].parent);
    }
    psi_record_clear(PSI_OF_SLOT, &run->next);
    psi_record_clear(PSI_OF_SLOT, &run->chain);
    psi_record_clear(PSI_OF_RUNG, &run->rung);
    psi_record_clear(PSI_OF_CELL, &run->cell);
    psi_costs_clear(&run->costs);
    free(run->cost);
    free(run->listed);
    free(run->record);
    psi_results_close(run->results);
    psi_study_destroy(run->study);
    psi_run_crash_end();
    psi_lock_release(run->worker);
    psi_lock_release(run->leader);
    psi_peers_destroy(run->peers);
}
