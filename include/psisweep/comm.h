/* Ranks agreeing with each other, outside the farm's message loop. Every call is collective. */
#ifndef PSISWEEP_COMM_H
#define PSISWEEP_COMM_H

#include "psisweep/status.h"
#include <mpi.h>

/* Every rank brings its status and text; all leave with those of the lowest rank that failed, or
 * PSI_OK. Waits without spinning. */
enum psi_status psi_comm_agree(MPI_Comm comm, enum psi_status status, struct psi_error *err);

/* The smallest of all ranks' values. */
int psi_comm_minimum(MPI_Comm comm, int value);

/* PSI_ENVIRONMENT on every rank, naming both texts, where a rank's text (cut to 127 bytes) differs
 * from rank 0's. what names the property. */
enum psi_status psi_comm_same(MPI_Comm comm, const char *what, const char *text,
                              struct psi_error *err);

/* The rank that a launcher gave to this process, before MPI_Init; 0 without a launcher. Lets one
 * process speak for all when a command line is wrong. */
int psi_comm_launch_rank(void);

#endif
