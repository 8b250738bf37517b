/* The farm on rank 0: drives the schedule, from its idle loop and from between two steps of its own
 * task. Only it decides when the farm ends and how, so every rank returns the same. */
#include "farm_message.h"
#include "psisweep/clock.h"

#include <assert.h>
#include <stdio.h>

/* Progress displays are redrawn about this often. */
#define TICK_SECONDS 0.2

struct leader {
    const struct psi_farm *farm;
    struct psi_schedule *schedule;
    int others;                   /* ranks beside this one */
    int first;                    /* rank of worker 0: 1 where rank 0 does not compute */
    int gone;                     /* others that said BYE */
    struct psi_farm_queue queue;  /* rank 0's own tasks */
    struct psi_farm_message stop; /* what was sent to all, valid once stopped */
    int stopped;
    double looked, ticked;
};

static void leader_report(struct leader *l, uint32_t task, uint32_t worker,
                          const struct psi_outcome *outcome)
{
    struct psi_schedule_count count;
    if (!l->farm->report)
        return;
    psi_schedule_count(l->schedule, &count);
    l->farm->report(l->farm->context, &count, task, worker, outcome);
}

/* End the farm: no task is given out any more, all ranks drop what they hold. The first reason
 * counts. */
static void leader_stop(struct leader *l, enum psi_status status, const char *text)
{
    if (l->stopped)
        return;
    l->stopped = 1;
    l->stop = (struct psi_farm_message){.kind = PSI_FARM_STOP, .outcome.status = (int)status};
    snprintf(l->stop.outcome.note, sizeof l->stop.outcome.note, "%s", text);
    psi_schedule_stop(l->schedule);
    for (int rank = 1; rank <= l->others; rank++)
        psi_farm_send(l->farm->comm, rank, &l->stop);
}

static void leader_ended(struct leader *l, uint32_t worker, uint32_t task,
                         const struct psi_outcome *outcome)
{
    int news = outcome->status == PSI_OK ? psi_schedule_done(l->schedule, worker, task)
                                         : psi_schedule_failed(l->schedule, worker, task);
    if (!news)
        return;
    leader_report(l, task, worker, outcome);
    if (outcome->status != PSI_OK && l->farm->fail_fast)
        leader_stop(l, (enum psi_status)outcome->status, outcome->note);
}

/* Take in all that has come; 1 when there was anything. */
static int leader_receive(struct leader *l)
{
    struct psi_farm_message message;
    int sender, news = 0;
    while (psi_farm_receive(l->farm->comm, MPI_ANY_SOURCE, &message, &sender)) {
        uint32_t worker = (uint32_t)(sender - l->first);
        news = 1;
        if (message.kind == PSI_FARM_ENDED) {
            leader_ended(l, worker, message.task, &message.outcome);
        } else if (message.kind == PSI_FARM_HALT) {
            leader_stop(l, PSI_STOPPED, "asked to stop");
        } else {
            assert(message.kind == PSI_FARM_BYE);
            psi_schedule_dropped(l->schedule, worker);
            l->gone++;
        }
    }
    return news;
}

static void leader_hand_out(struct leader *l)
{
    uint32_t worker, task;
    while (psi_schedule_decide(l->schedule, &worker, &task)) {
        int rank = (int)worker + l->first;
        if (rank == 0)
            psi_farm_queue_add(&l->queue, task);
        else
            psi_farm_send(l->farm->comm, rank,
                          &(struct psi_farm_message){.kind = PSI_FARM_TASK, .task = task});
    }
}

/* Everything there is to do at this moment beside computing; 1 when a message had come. */
static int leader_serve(struct leader *l)
{
    int news = leader_receive(l);
    if (psi_farm_asked(l->farm))
        leader_stop(l, PSI_STOPPED, "asked to stop");
    leader_hand_out(l);
    if (psi_schedule_finished(l->schedule))
        leader_stop(l, PSI_OK, "");
    l->looked = psi_clock_monotonic();
    if (l->looked - l->ticked >= TICK_SECONDS) {
        l->ticked = l->looked;
        leader_report(l, PSI_NO_TASK, 0, NULL);
    }
    return news;
}

static int leader_progress(void *context)
{
    struct leader *l = context;
    if (psi_farm_asked(l->farm) || psi_clock_monotonic() - l->looked >= PSI_FARM_LOOK_SECONDS)
        leader_serve(l);
    return l->stopped;
}

static void leader_work(struct leader *l)
{
    const struct psi_progress progress = {leader_progress, l};
    struct psi_outcome outcome;
    uint32_t task = l->queue.task[0];
    psi_farm_attempt(l->farm, task, &progress, &outcome);
    psi_farm_queue_shift(&l->queue);
    /* Stopped because it was told to: the task is dropped, which is no outcome. */
    if (outcome.status == PSI_STOPPED && (l->stopped || psi_farm_asked(l->farm)))
        return;
    leader_ended(l, 0, task, &outcome);
}

enum psi_status psi_farm_lead(const struct psi_farm *farm, struct psi_schedule *schedule,
                              struct psi_error *err)
{
    int size;
    struct psi_patience patience = {0};
    struct leader l = {.farm = farm, .schedule = schedule, .ticked = psi_clock_monotonic()};
    MPI_Comm_size(farm->comm, &size);
    l.others = size - 1;
    l.first = psi_farm_workers(size, farm->compute_max) < (uint32_t)size;
    for (;;) {
        int news = leader_serve(&l);
        if (l.stopped && l.gone == l.others)
            break;
        if (l.queue.count > 0 && !l.stopped) {
            leader_work(&l);
            news = 1;
        }
        if (news)
            patience = (struct psi_patience){0};
        else
            psi_patience_wait(&patience);
    }
    if (l.first == 0)
        psi_schedule_dropped(schedule, 0);
    enum psi_status status = (enum psi_status)l.stop.outcome.status;
    return status ? psi_fail(err, status, "%s", l.stop.outcome.note) : PSI_OK;
}
