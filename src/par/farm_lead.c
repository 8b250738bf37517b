/* The farm on rank 0: drives the schedule, from its idle loop and from between two steps of its own
 * task. Only it decides when the farm ends and how, so every rank returns the same. */
#include "farm_message.h"
#include "psisweep/clock.h"

#include <assert.h>
#include <string.h>

/* Progress displays are redrawn about this often. */
#define TICK_SECONDS 0.2

struct leader {
    const struct psi_farm *farm;
    struct psi_farm_round round; /* no schedule before the first and after the last */
    uint32_t number;             /* of the round */
    int others;                  /* ranks beside this one */
    int first;                   /* rank of worker 0: 1 where rank 0 does not compute */
    int gone;                    /* others that said BYE */
    struct psi_farm_queue queue; /* rank 0's own tasks */
    struct psi_farm_message end; /* what all are told at last; its outcome valid once stopped */
    int stopped;
    double looked, ticked;
};

static void leader_report(struct leader *l, uint32_t task, uint32_t worker,
                          const struct psi_outcome *outcome)
{
    struct psi_schedule_count count;
    if (!l->farm->report || !l->round.schedule)
        return;
    psi_schedule_count(l->round.schedule, &count);
    l->farm->report(l->farm->context, &count, task, worker, outcome);
}

/* End the farm: no task is given out any more, all ranks drop what they hold. The first reason
 * counts, but what is fatal more. */
static void leader_stop(struct leader *l, enum psi_status status, const char *text, int fatal)
{
    if (!l->stopped || fatal) {
        l->end.outcome.status = (int)status;
        psi_farm_note(l->end.outcome.note, text);
    }
    if (l->stopped)
        return;
    l->stopped = 1;
    if (l->round.schedule)
        psi_schedule_stop(l->round.schedule);
    for (int rank = 1; rank <= l->others; rank++)
        psi_farm_send(l->farm, rank, &(struct psi_farm_message){.kind = PSI_FARM_STOP});
}

static void leader_ended(struct leader *l, uint32_t worker, const struct psi_farm_message *ended)
{
    const struct psi_outcome *outcome = &ended->outcome;
    int ok = outcome->status == PSI_OK;
    if (ended->round == l->number &&
        (ok ? psi_schedule_done : psi_schedule_failed)(l->round.schedule, worker, ended->task))
        leader_report(l, ended->task, worker, outcome);
    if (!ok && (outcome->fatal || l->farm->fail_fast))
        leader_stop(l, (enum psi_status)outcome->status, outcome->note, outcome->fatal);
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
            leader_ended(l, worker, &message);
        } else if (message.kind == PSI_FARM_HALT) {
            leader_stop(l, PSI_STOPPED, "asked to stop", 0);
        } else {
            assert(message.kind == PSI_FARM_BYE);
            if (l->round.schedule)
                psi_schedule_dropped(l->round.schedule, worker);
            l->gone++;
        }
    }
    return news;
}

static void leader_hand_out(struct leader *l)
{
    struct psi_farm_message message = {.kind = PSI_FARM_TASK, .round = l->number};
    size_t size = l->farm->order_size;
    uint32_t worker;
    while (l->round.schedule && psi_schedule_decide(l->round.schedule, &worker, &message.task)) {
        int rank = (int)worker + l->first;
        memcpy(message.order, (const char *)l->round.order + message.task * size, size);
        if (rank == 0)
            psi_farm_queue_add(&l->queue, &message);
        else
            psi_farm_send(l->farm, rank, &message);
    }
}

/* The round is over: the next one, or the end. */
static void leader_next(struct leader *l)
{
    struct psi_error err = {.status = PSI_OK};
    enum psi_status status = l->farm->next(l->farm->context, &l->round, &err);
    l->number++;
    if (status || !l->round.schedule)
        leader_stop(l, status, err.text, 0);
}

/* Everything there is to do at this moment beside computing; 1 when a message had come. */
static int leader_serve(struct leader *l)
{
    int news = leader_receive(l);
    if (psi_farm_asked(l->farm))
        leader_stop(l, PSI_STOPPED, "asked to stop", 0);
    leader_hand_out(l);
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
    struct psi_farm_message ended;
    psi_farm_attempt(l->farm, &l->queue, &progress, &ended);
    /* Stopped because it was told to: the task is dropped, which is no outcome. */
    if (ended.outcome.status == PSI_STOPPED && (l->stopped || psi_farm_asked(l->farm)))
        return;
    leader_ended(l, 0, &ended);
}

/* What the farm comes to, and the last message to everyone. */
static enum psi_status leader_end(struct leader *l, int *code, struct psi_error *err)
{
    const struct psi_farm *farm = l->farm;
    enum psi_status status = (enum psi_status)l->end.outcome.status;
    if (l->first == 0 && l->round.schedule)
        psi_schedule_dropped(l->round.schedule, 0);
    if (status)
        psi_fail(err, status, "%s", l->end.outcome.note);
    if (farm->finish)
        *code = farm->finish(farm->context, status, err);
    l->end.code = *code;
    for (int rank = 1; rank <= l->others; rank++)
        psi_farm_send(farm, rank, &l->end);
    return status;
}

enum psi_status psi_farm_lead(const struct psi_farm *farm, int *code, struct psi_error *err)
{
    int size;
    struct psi_patience patience = {0};
    struct leader l = {.farm = farm, .end.kind = PSI_FARM_END, .ticked = psi_clock_monotonic()};
    MPI_Comm_size(farm->comm, &size);
    l.others = size - 1;
    l.first = psi_farm_workers(size, farm->compute_max) < (uint32_t)size;
    for (;;) {
        int news = leader_serve(&l);
        if (l.stopped && l.gone == l.others)
            return leader_end(&l, code, err);
        if (!l.stopped && (!l.round.schedule || psi_schedule_finished(l.round.schedule))) {
            leader_next(&l);
            news = 1;
        } else if (!l.stopped && l.queue.count > 0) {
            leader_work(&l);
            news = 1;
        }
        if (news)
            patience = (struct psi_patience){0};
        else
            psi_patience_wait(&patience);
    }
}
