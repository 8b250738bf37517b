/* The ranks of a launch as processes, and how they agree with each other outside the farm's message
 * loop. What is called collective is so over peers->comm.
 *
 * No call waits for ever: each looks now and then whether the processes of the others that run on
 * this host are still there, and none waits longer than half an hour. When a rank is lost the call
 * fails with PSI_ENVIRONMENT and peers->lost is set; further ones fail at once, and no other MPI
 * call may follow, MPI_Finalize included: it would wait for the dead.
 */
#ifndef PSISWEEP_COMM_H
#define PSISWEEP_COMM_H

#include "psisweep/status.h"
#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

struct psi_peer {
    uint64_t host;  /* of its kernel and its process ids */
    int64_t pid;    /* 0 where this rank cannot see it */
    uint64_t start; /* clock ticks after the host's boot: a process id alone may come again */
    /* the farm's, on rank 0 */
    double heard;
    int bye, lost, told;
};

struct psi_peers {
    MPI_Comm comm;
    int rank, size;
    int lost;              /* some rank is gone */
    struct psi_peer *peer; /* (size) owned */
};

/* Collective. Errors of comm are returned from here on. *out is owned by the caller. */
enum psi_status psi_peers_create(MPI_Comm comm, struct psi_peers **out, struct psi_error *err);
void psi_peers_destroy(struct psi_peers *peers);

/* 1 when the rank's process was seen on this host and is there no more; 0 = it is, or who knows. */
int psi_peers_gone(const struct psi_peers *peers, int rank);

/* Collective. Every rank brings its status and text; all leave with those of the lowest rank that
 * failed, or PSI_OK. */
enum psi_status psi_comm_agree(struct psi_peers *peers, enum psi_status status,
                               struct psi_error *err);

/* Collective. The smallest of all ranks' values. */
enum psi_status psi_comm_minimum(struct psi_peers *peers, int value, int *smallest,
                                 struct psi_error *err);

/* Collective. PSI_ENVIRONMENT on every rank, naming both texts, where a rank's text (cut to 127
 * bytes) differs from rank 0's. what names the property. */
enum psi_status psi_comm_same(struct psi_peers *peers, const char *what, const char *text,
                              struct psi_error *err);

/* Collective. Rank 0's bytes to all. */
enum psi_status psi_comm_share(struct psi_peers *peers, void *bytes, size_t size,
                               struct psi_error *err);

/* The rank that a launcher gave to this process, before MPI_Init; 0 without a launcher. Lets one
 * process speak for all when a command line is wrong. */
int psi_comm_launch_rank(void);
/* And how many of them it has started; 1 without a launcher. */
int psi_comm_launch_size(void);

#endif
