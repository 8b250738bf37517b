/* What travels between ranks, and the parts that both sides of the farm use. Private to par.
 *
 * Rank 0 sends a rank tasks, then one STOP, then one END, then nothing. A rank answers every task
 * it ends; the last it sends is BYE, after STOP. So whoever has received END or BYE has received
 * all.
 */
#ifndef PSI_PAR_FARM_MESSAGE_H
#define PSI_PAR_FARM_MESSAGE_H

#include "psisweep/farm.h"

/* The farm's own tag on the caller's communicator. */
enum { PSI_FARM_TAG = 7401 };

enum psi_farm_kind {
    PSI_FARM_TASK, /* from rank 0: do the task after those you hold, as `order` says */
    PSI_FARM_STOP, /* from rank 0: drop all you hold */
    PSI_FARM_END,  /* from rank 0: leave, with `code` and the farm's status and text in `outcome` */
    PSI_FARM_ENDED, /* to rank 0: the task has ended with `outcome` */
    PSI_FARM_HALT,  /* to rank 0: this rank was asked to stop; so should all be */
    PSI_FARM_BYE,   /* to rank 0: nothing held any more, nothing more to say */
};

/* Far below every eager limit, so that MPI_Send hands it over without waiting for the receiver. */
struct psi_farm_message {
    int kind;             /* enum psi_farm_kind */
    int code;             /* of END */
    uint32_t round, task; /* of TASK and ENDED */
    union {
        unsigned char order[PSI_FARM_ORDER]; /* of TASK */
        struct psi_outcome outcome;          /* of ENDED and END */
    };
};

/* No more than the message's kind and its text need. */
void psi_farm_send(const struct psi_farm *farm, int rank, const struct psi_farm_message *message);

/* 1 when a message was there, from `source` (a rank, or MPI_ANY_SOURCE) or, on return, `*sender`;
 * returns at once. sender may be NULL. */
int psi_farm_receive(MPI_Comm comm, int source, struct psi_farm_message *message, int *sender);

/* The farm has been asked to stop through this process. */
int psi_farm_asked(const struct psi_farm *farm);

/* TASK messages, first in, first out: what the policy lets a worker hold. */
struct psi_farm_queue {
    struct psi_farm_message task[2];
    unsigned count;
};
void psi_farm_queue_add(struct psi_farm_queue *queue, const struct psi_farm_message *task);
void psi_farm_queue_shift(struct psi_farm_queue *queue);

/* Text into a note, cut to fit, but not within a UTF-8 character. */
void psi_farm_note(char note[PSI_FARM_NOTE], const char *text);

/* Do the first task of the queue, take it out and fill *ended with the answer. */
void psi_farm_attempt(const struct psi_farm *farm, struct psi_farm_queue *queue,
                      const struct psi_progress *progress, struct psi_farm_message *ended);

/* Progress callbacks look for messages this often: an MPI_Iprobe costs about a microsecond, so
 * this is below 0.5 % of the work, and its answer comes within a fifth of a millisecond. */
#define PSI_FARM_LOOK_SECONDS 0.0002

/* Rank 0's side and the others'. */
enum psi_status psi_farm_lead(const struct psi_farm *farm, int *code, struct psi_error *err);
enum psi_status psi_farm_follow(const struct psi_farm *farm, int *code, struct psi_error *err);

#endif
