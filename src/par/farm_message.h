/* What travels between ranks, and the parts that both sides of the farm use. Private to par.
 *
 * Rank 0 sends a rank tasks, then one STOP, then nothing. A rank answers every task it ends; the
 * last it sends is BYE, after STOP. So whoever has received those two has received all.
 */
#ifndef PSI_PAR_FARM_MESSAGE_H
#define PSI_PAR_FARM_MESSAGE_H

#include "psisweep/farm.h"

/* The farm's own tag on the caller's communicator. */
enum { PSI_FARM_TAG = 7401 };

enum psi_farm_kind {
    PSI_FARM_TASK, /* from rank 0: do `task` after those you hold */
    PSI_FARM_STOP, /* from rank 0: drop all you hold; outcome has the farm's status, and its text */
    PSI_FARM_ENDED, /* to rank 0: `task` has ended with `outcome` */
    PSI_FARM_HALT,  /* to rank 0: this rank was asked to stop; so should all be */
    PSI_FARM_BYE,   /* to rank 0: nothing held any more, nothing more to say */
};

/* Far below every eager limit, so that MPI_Send hands it over without waiting for the receiver. */
struct psi_farm_message {
    int kind; /* enum psi_farm_kind */
    uint32_t task;
    struct psi_outcome outcome;
};

/* Only ENDED and STOP carry an outcome; the others end before it. */
void psi_farm_send(MPI_Comm comm, int rank, const struct psi_farm_message *message);

/* 1 when a message was there, from `source` (a rank, or MPI_ANY_SOURCE) or, on return, `*sender`;
 * returns at once. sender may be NULL. */
int psi_farm_receive(MPI_Comm comm, int source, struct psi_farm_message *message, int *sender);

/* The farm has been asked to stop through this process. */
int psi_farm_asked(const struct psi_farm *farm);

/* At most two tasks, first in, first out. */
struct psi_farm_queue {
    uint32_t task[2];
    unsigned count;
};
void psi_farm_queue_add(struct psi_farm_queue *queue, uint32_t task);
void psi_farm_queue_shift(struct psi_farm_queue *queue);

/* Do the task and fill *outcome. */
void psi_farm_attempt(const struct psi_farm *farm, uint32_t task,
                      const struct psi_progress *progress, struct psi_outcome *outcome);

/* Progress callbacks look for messages this often: an MPI_Iprobe costs about a microsecond, so
 * this is below 0.5 % of the work, and its answer comes within a fifth of a millisecond. */
#define PSI_FARM_LOOK_SECONDS 0.0002

/* Rank 0's side and the others'. */
enum psi_status psi_farm_lead(const struct psi_farm *farm, struct psi_schedule *schedule,
                              struct psi_error *err);
enum psi_status psi_farm_follow(const struct psi_farm *farm, struct psi_error *err);

#endif
