#include "farm_message.h"
#include "psisweep/clock.h"

#include <assert.h>
#include <string.h>

void psi_farm_send(const struct psi_farm *farm, int rank, const struct psi_farm_message *message)
{
    size_t bytes = offsetof(struct psi_farm_message, order);
    if (message->kind == PSI_FARM_TASK)
        bytes += farm->order_size;
    else if (message->kind == PSI_FARM_ENDED || message->kind == PSI_FARM_END)
        bytes = offsetof(struct psi_farm_message, outcome.note) + strlen(message->outcome.note) + 1;
    MPI_Send(message, (int)bytes, MPI_BYTE, rank, PSI_FARM_TAG, farm->comm);
}

int psi_farm_receive(MPI_Comm comm, int source, struct psi_farm_message *message, int *sender)
{
    int there = 0;
    MPI_Status status;
    MPI_Iprobe(source, PSI_FARM_TAG, comm, &there, &status);
    if (!there)
        return 0;
    MPI_Recv(message, (int)sizeof *message, MPI_BYTE, status.MPI_SOURCE, PSI_FARM_TAG, comm,
             MPI_STATUS_IGNORE);
    if (sender)
        *sender = status.MPI_SOURCE;
    return 1;
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

void psi_farm_attempt(const struct psi_farm *farm, struct psi_farm_queue *queue,
                      const struct psi_progress *progress, struct psi_farm_message *ended)
{
    struct psi_error err = {.status = PSI_OK};
    struct psi_outcome *outcome = &ended->outcome;
    memset(ended, 0, sizeof *ended); /* its padding travels too */
    ended->kind = PSI_FARM_ENDED;
    ended->round = queue->task[0].round;
    ended->task = queue->task[0].task;
    double start = psi_clock_monotonic();
    enum psi_status status =
        farm->work(farm->context, queue->task[0].order, progress, outcome, &err);
    outcome->seconds = psi_clock_monotonic() - start;
    outcome->status = (int)status;
    if (status)
        psi_farm_note(outcome->note, err.text[0] ? err.text : psi_status_names[status]);
    psi_farm_queue_shift(queue);
}

enum psi_status psi_farm_run(const struct psi_farm *farm, int *code, struct psi_error *err)
{
    int rank;
    MPI_Comm_rank(farm->comm, &rank);
    *code = 0;
    return rank == 0 ? psi_farm_lead(farm, code, err) : psi_farm_follow(farm, code, err);
}

uint32_t psi_farm_workers(int size, int compute_max)
{
    return (uint32_t)(size > (compute_max ? compute_max : PSI_FARM_COMPUTE_MAX) ? size - 1 : size);
}

void psi_farm_barrier(MPI_Comm comm)
{
    MPI_Request request;
    struct psi_patience patience = {0};
    int done = 0;
    MPI_Ibarrier(comm, &request);
    for (;;) {
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (done)
            return;
        psi_patience_wait(&patience);
    }
}
