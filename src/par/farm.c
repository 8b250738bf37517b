#include "farm_message.h"
#include "psisweep/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct psi_farm_sent {
    struct psi_farm_sent *next;
    MPI_Request request;
    unsigned char bytes[];
};

/* Forget what is delivered; 1 when there is more. */
static int outbox_sweep(struct psi_farm_outbox *outbox)
{
    struct psi_farm_sent **link = &outbox->first;
    while (*link) {
        struct psi_farm_sent *sent = *link;
        int done = 0;
        MPI_Test(&sent->request, &done, MPI_STATUS_IGNORE);
        if (!done) {
            link = &sent->next;
            continue;
        }
        *link = sent->next;
        free(sent);
    }
    return outbox->first != NULL;
}

static size_t message_size(const struct psi_farm *farm, const struct psi_farm_message *message)
{
    if (message->kind == PSI_FARM_TASK)
        return offsetof(struct psi_farm_message, order) + farm->order_size;
    if (message->kind == PSI_FARM_ENDED || message->kind == PSI_FARM_END)
        return offsetof(struct psi_farm_message, outcome.note) + strlen(message->outcome.note) + 1;
    return offsetof(struct psi_farm_message, order);
}

void psi_farm_send(const struct psi_farm *farm, struct psi_farm_outbox *outbox, int rank,
                   const struct psi_farm_message *message)
{
    size_t size = message_size(farm, message);
    struct psi_farm_sent *sent = malloc(sizeof *sent + size);
    outbox_sweep(outbox);
    if (!sent) { /* the dead are the rarer case */
        MPI_Send(message, (int)size, MPI_BYTE, rank, PSI_FARM_TAG, farm->peers->comm);
        return;
    }
    memcpy(sent->bytes, message, size);
    if (MPI_Isend(sent->bytes, (int)size, MPI_BYTE, rank, PSI_FARM_TAG, farm->peers->comm,
                  &sent->request) != MPI_SUCCESS) {
        free(sent); /* the other side is gone: that is found out elsewhere */
        return;
    }
    sent->next = outbox->first;
    outbox->first = sent;
}

void psi_farm_flush(const struct psi_farm *farm, struct psi_farm_outbox *outbox)
{
    const double moment = 1.0;
    struct psi_patience patience = {0};
    double since = psi_clock_monotonic();
    while (outbox_sweep(outbox) && !(farm->peers->lost && psi_clock_monotonic() - since > moment))
        psi_patience_wait(&patience);
}

int psi_farm_receive(const struct psi_farm *farm, int source, struct psi_farm_message *message,
                     int *sender)
{
    int there = 0;
    MPI_Status status;
    MPI_Comm comm = farm->peers->comm;
    /* errors are of connections to ranks that have died */
    if (MPI_Iprobe(source, PSI_FARM_TAG, comm, &there, &status) != MPI_SUCCESS || !there)
        return 0;
    if (MPI_Recv(message, (int)sizeof *message, MPI_BYTE, status.MPI_SOURCE, PSI_FARM_TAG, comm,
                 MPI_STATUS_IGNORE) != MPI_SUCCESS)
        return 0;
    *sender = status.MPI_SOURCE;
    return 1;
}

double psi_farm_lost_after(const struct psi_farm *farm)
{
    return farm->lost_after > 0.0 ? farm->lost_after : PSI_FARM_LOST_AFTER;
}

int psi_farm_asked(const struct psi_farm *farm)
{
    return farm->stop && *farm->stop;
}

void psi_farm_queue_add(struct psi_farm_queue *queue, const struct psi_farm_message *task)
{
    assert(queue->count < sizeof queue->task / sizeof *queue->task);
    queue->task[queue->count++] = *task;
}

void psi_farm_queue_shift(struct psi_farm_queue *queue)
{
    assert(queue->count > 0);
    queue->count--;
    memmove(queue->task, queue->task + 1, queue->count * sizeof *queue->task);
}

void psi_farm_note(char note[PSI_FARM_NOTE], const char *text)
{
    size_t length = strlen(text);
    if (length >= PSI_FARM_NOTE) {
        length = PSI_FARM_NOTE - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy(note, text, length);
    note[length] = '\0';
}

void psi_farm_attempt(const struct psi_farm *farm, const struct psi_farm_message *task,
                      const struct psi_progress *progress, struct psi_farm_message *ended)
{
    struct psi_error err = {.status = PSI_OK};
    struct psi_outcome *outcome = &ended->outcome;
    memset(ended, 0, sizeof *ended); /* its padding travels too */
    ended->kind = PSI_FARM_ENDED;
    ended->round = task->round;
    ended->task = task->task;
    double start = psi_clock_monotonic();
    enum psi_status status = farm->work(farm->context, task->order, progress, outcome, &err);
    outcome->seconds = psi_clock_monotonic() - start;
    outcome->status = (int)status;
    if (status)
        psi_farm_note(outcome->note, err.text[0] ? err.text : psi_status_names[status]);
}

enum psi_status psi_farm_run(const struct psi_farm *farm, int *code, struct psi_error *err)
{
    return (farm->peers->rank == 0 ? psi_farm_lead : psi_farm_follow)(farm, code, err);
}

uint32_t psi_farm_workers(int size, int compute_max)
{
    return (uint32_t)(size > (compute_max ? compute_max : PSI_FARM_COMPUTE_MAX) ? size - 1 : size);
}
