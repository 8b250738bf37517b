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
    PSI_FARM_ALIVE, /* to rank 0, and its answer */
};

/* Far below every eager limit. */
struct psi_farm_message {
    int kind;             /* enum psi_farm_kind */
    int code, lost;       /* of END: the exit code; some rank was lost */
    uint32_t round, task; /* of TASK and ENDED */
    union {
        unsigned char order[PSI_FARM_ORDER]; /* of TASK */
        struct psi_outcome outcome;          /* of ENDED and END */
    };
};

/* Messages that are under way. MPI_Send waits, with Open MPI on one host from 256 bytes on, for a
 * peer that is dead; an MPI_Isend does not. */
struct psi_farm_outbox {
    struct psi_farm_sent *first;
};
void psi_farm_send(const struct psi_farm *farm, struct psi_farm_outbox *outbox, int rank,
                   const struct psi_farm_message *message);

/* Wait until all is delivered; no longer than a moment where a rank is lost. */
void psi_farm_flush(const struct psi_farm *farm, struct psi_farm_outbox *outbox);

/* 1 when a message was there, from `source` (a rank, or MPI_ANY_SOURCE) or, on return, `*sender`;
 * returns at once. */
int psi_farm_receive(const struct psi_farm *farm, int source, struct psi_farm_message *message,
                     int *sender);

/* The farm has been asked to stop through this process. */
int psi_farm_asked(const struct psi_farm *farm);

/* TASK messages, first in, first out: what the policy lets a worker hold, and as much of a round
 * that ended without it (a lost worker's late result made its own needless). */
struct psi_farm_queue {
    struct psi_farm_message task[4];
    unsigned count;
};
void psi_farm_queue_add(struct psi_farm_queue *queue, const struct psi_farm_message *task);
void psi_farm_queue_shift(struct psi_farm_queue *queue);

/* Text into a note, cut to fit, but not within a UTF-8 character. */
void psi_farm_note(char note[PSI_FARM_NOTE], const char *text);

/* Do the task and fill *ended with the answer. */
void psi_farm_attempt(const struct psi_farm *farm, const struct psi_farm_message *task,
                      const struct psi_progress *progress, struct psi_farm_message *ended);

/* Progress callbacks look for messages this often: an MPI_Iprobe costs about a microsecond, so
 * this is below 0.5 % of the work, and its answer comes within a fifth of a millisecond. */
#define PSI_FARM_LOOK_SECONDS 0.0002

/* The limit of silence, and how often to look for the dead and to say that one is alive: so often
 * that a few lost seconds do not matter, so seldom that rank 0 can answer ten thousand. */
double psi_farm_lost_after(const struct psi_farm *farm);
#define PSI_FARM_CHECK_SECONDS 0.25
#define PSI_FARM_BEATS 20 /* in the limit of silence */

/* Rank 0's side and the others'. */
enum psi_status psi_farm_lead(const struct psi_farm *farm, int *code, struct psi_error *err);
enum psi_status psi_farm_follow(const struct psi_farm *farm, int *code, struct psi_error *err);

#endif
