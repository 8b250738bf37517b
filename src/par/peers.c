/* Who is alive, as this host's kernel knows it. */
#include "psisweep/clock.h"
#include "psisweep/comm.h"
#include "psisweep/hash.h"
#include "psisweep/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* When the process began, or 0 when there is none, or one that has ended and was not waited for. */
static uint64_t process_start(int64_t pid)
{
    enum { STATE_FIELD = 3, START_FIELD = 22 }; /* proc(5), counted from 1 */
    char name[64], line[1024];
    snprintf(name, sizeof name, "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(name, "r");
    if (!file)
        return 0;
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = '\0';
    char *field = strrchr(line, ')'); /* the second one is the program's name, which may have any */
    if (!field || field[1] != ' ' || strchr("ZXx", field[2]))
        return 0;
    field += 2;
    for (int i = STATE_FIELD; i < START_FIELD && field; i++)
        if ((field = strchr(field, ' ')))
            field++;
    return field ? strtoull(field, NULL, 10) : 0;
}

/* Processes with the same value see each other under their ids. */
static uint64_t host_identity(void)
{
    char boot[64] = "", space[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (file) {
        if (!fgets(boot, sizeof boot, file))
            boot[0] = '\0';
        fclose(file);
    }
    if (readlink("/proc/self/ns/pid", space, sizeof space - 1) < 0)
        space[0] = '\0';
    uint64_t hash = psi_hash_add(PSI_HASH_START, boot, strlen(boot));
    return psi_hash_end(psi_hash_add(hash, space, strlen(space)));
}

enum psi_status psi_peers_create(MPI_Comm comm, struct psi_peers **out, struct psi_error *err)
{
    struct psi_peer mine = {.host = host_identity(), .pid = getpid()};
    struct psi_peers *peers = psi_allocate(1, sizeof *peers, "ranks", err);
    if (!peers)
        return PSI_MEMORY;
    peers->comm = comm;
    MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm, &peers->rank);
    MPI_Comm_size(comm, &peers->size);
    mine.start = process_start(mine.pid);
    peers->peer = psi_allocate((size_t)peers->size, sizeof *peers->peer, "ranks", err);
    if (!peers->peer) {
        psi_peers_destroy(peers);
        return PSI_MEMORY;
    }
    MPI_Allgather(&mine, sizeof mine, MPI_BYTE, peers->peer, sizeof mine, MPI_BYTE, comm);
    for (int rank = 0; rank < peers->size; rank++) {
        struct psi_peer *peer = &peers->peer[rank];
        if (peer->host != mine.host || peer->start == 0 || process_start(peer->pid) != peer->start)
            peer->pid = 0;
    }
    *out = peers;
    return PSI_OK;
}

void psi_peers_destroy(struct psi_peers *peers)
{
    if (!peers)
        return;
    free(peers->peer);
    free(peers);
}

int psi_peers_gone(const struct psi_peers *peers, int rank)
{
    const struct psi_peer *peer = &peers->peer[rank];
    return peer->pid != 0 && process_start(peer->pid) != peer->start;
}
