#include "psisweep/comm.h"
#include "psisweep/farm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum psi_status psi_comm_agree(MPI_Comm comm, enum psi_status status, struct psi_error *err)
{
    int rank, size, first;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    psi_farm_barrier(comm);
    int mine = status ? rank : size;
    MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, comm);
    if (first == size)
        return PSI_OK;
    struct psi_error report = {.status = status};
    if (rank == first && err)
        report = *err;
    MPI_Bcast(&report, sizeof report, MPI_BYTE, first, comm);
    if (err)
        *err = report;
    return report.status;
}

int psi_comm_minimum(MPI_Comm comm, int value)
{
    int smallest;
    MPI_Allreduce(&value, &smallest, 1, MPI_INT, MPI_MIN, comm);
    return smallest;
}

enum psi_status psi_comm_same(MPI_Comm comm, const char *what, const char *text,
                              struct psi_error *err)
{
    char first[128] = "", mine[128];
    int rank;
    MPI_Comm_rank(comm, &rank);
    snprintf(mine, sizeof mine, "%s", text);
    if (rank == 0)
        memcpy(first, mine, sizeof first);
    MPI_Bcast(first, sizeof first, MPI_BYTE, 0, comm);
    enum psi_status status = PSI_OK;
    if (strcmp(first, mine) != 0)
        status = psi_fail(err, PSI_ENVIRONMENT, "%s differ: rank 0 has %s, rank %d has %s", what,
                          first, rank, mine);
    return psi_comm_agree(comm, status, err);
}

int psi_comm_launch_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value)
            return atoi(value);
    }
    return 0;
}
