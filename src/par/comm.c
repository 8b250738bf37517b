#include "psisweep/comm.h"
#include "psisweep/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum psi_status fail_lost(struct psi_peers *peers, const char *how, struct psi_error *err)
{
    peers->lost = 1;
    return psi_fail(err, PSI_ENVIRONMENT,
                    "while the ranks were setting up, %s; the same command may be run again", how);
}

/* Wait for what began with MPI's answer `began`, without spinning. */
static enum psi_status comm_wait(struct psi_peers *peers, int began, MPI_Request *request,
                                 struct psi_error *err)
{
    const double look_seconds = 0.5, limit = 1800.0;
    struct psi_patience patience = {0};
    struct psi_awake awake = {0};
    double looked = psi_awake_seconds(&awake);
    int done = 0;
    if (began != MPI_SUCCESS)
        return fail_lost(peers, "MPI failed", err);
    for (;;) {
        if (MPI_Test(request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return fail_lost(peers, "MPI failed", err);
        if (done)
            return PSI_OK;
        psi_patience_wait(&patience);
        double now = psi_awake_seconds(&awake);
        if (now > limit)
            return fail_lost(peers, "some did not answer for half an hour", err);
        if (now - looked < look_seconds)
            continue;
        looked = now;
        for (int rank = 0; rank < peers->size; rank++) {
            char how[64];
            snprintf(how, sizeof how, "rank %d was lost: its process is gone", rank);
            if (psi_peers_gone(peers, rank))
                return fail_lost(peers, how, err);
        }
    }
}

enum psi_status psi_comm_minimum(struct psi_peers *peers, int value, int *smallest,
                                 struct psi_error *err)
{
    MPI_Request request;
    if (peers->lost)
        return fail_lost(peers, "a rank was lost", err);
    return comm_wait(peers,
                     MPI_Iallreduce(&value, smallest, 1, MPI_INT, MPI_MIN, peers->comm, &request),
                     &request, err);
}

/* One rank's bytes to all. */
static enum psi_status share(struct psi_peers *peers, int root, void *bytes, size_t size,
                             struct psi_error *err)
{
    MPI_Request request;
    if (peers->lost)
        return fail_lost(peers, "a rank was lost", err);
    return comm_wait(peers, MPI_Ibcast(bytes, (int)size, MPI_BYTE, root, peers->comm, &request),
                     &request, err);
}

enum psi_status psi_comm_share(struct psi_peers *peers, void *bytes, size_t size,
                               struct psi_error *err)
{
    return share(peers, 0, bytes, size, err);
}

enum psi_status psi_comm_agree(struct psi_peers *peers, enum psi_status status,
                               struct psi_error *err)
{
    int first;
    struct psi_error report = {.status = status}, failed;
    if (peers->lost && status)
        return status; /* that is how it knows */
    if (psi_comm_minimum(peers, status ? peers->rank : peers->size, &first, &failed)) {
        if (err)
            *err = failed;
        return failed.status;
    }
    if (first == peers->size)
        return PSI_OK;
    if (peers->rank == first && err)
        report = *err;
    if (share(peers, first, &report, sizeof report, &failed))
        report = failed;
    if (err)
        *err = report;
    return report.status;
}

enum psi_status psi_comm_same(struct psi_peers *peers, const char *what, const char *text,
                              struct psi_error *err)
{
    char first[128] = "", mine[128];
    snprintf(mine, sizeof mine, "%s", text);
    if (peers->rank == 0)
        memcpy(first, mine, sizeof first);
    enum psi_status status = psi_comm_share(peers, first, sizeof first, err);
    if (!status && strcmp(first, mine) != 0)
        status = psi_fail(err, PSI_ENVIRONMENT, "%s differ: rank 0 has %s, rank %d has %s", what,
                          first, peers->rank, mine);
    return psi_comm_agree(peers, status, err);
}

/* The first of these that a launcher has set, else `otherwise`. */
static int launch_number(const char *const names[3], int otherwise)
{
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value)
            return atoi(value);
    }
    return otherwise;
}

int psi_comm_launch_rank(void)
{
    static const char *const names[3] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
    return launch_number(names, 0);
}

int psi_comm_launch_size(void)
{
    static const char *const names[3] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"};
    return launch_number(names, 1);
}
