/* The farm on rank 0: drives the schedule, from its idle loop and from between two steps of its own
 * task. Only it decides when the farm ends and how, so every rank returns the same. */
#include "farm_message.h"
#include "psisweep/clock.h"

#include <stdio.h>
#include <string.h>

/* Progress displays are redrawn about this often. */
#define TICK_SECONDS 0.2

struct leader {
    const struct psi_farm *farm;
    struct psi_farm_round round; /* no schedule before the first and after the last */
    uint32_t number;             /* of the round */
    int others;                  /* ranks beside this one */
    int first;                   /* rank of worker 0: 1 where rank 0 does not compute */
    int gone;                    /* others that said BYE, or are lost */
    struct psi_farm_queue queue; /* rank 0's own tasks */
    struct psi_farm_message end; /* what all are told at last; its outcome valid once stopped */
    int stopped;
    struct psi_farm_outbox outbox;
    double looked, ticked, checked; /* monotonic seconds */
    struct psi_awake awake;
};

static struct psi_peer *peer_of(struct leader *l, int rank)
{
    return &l->farm->peers->peer[rank];
}

static void leader_say(struct leader *l, int rank, int kind)
{
    psi_farm_send(l->farm, &l->outbox, rank, &(struct psi_farm_message){.kind = kind});
}

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
        if (!peer_of(l, rank)->lost)
            leader_say(l, rank, PSI_FARM_STOP);
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

/* A rank thought lost speaks: what it ended counts (the policy knows), and it is to drop the rest.
 */
static void leader_dismiss(struct leader *l, int rank)
{
    if (peer_of(l, rank)->told)
        return;
    peer_of(l, rank)->told = 1;
    leader_say(l, rank, PSI_FARM_STOP);
}

static void leader_bye(struct leader *l, int rank)
{
    if (l->round.schedule)
        psi_schedule_dropped(l->round.schedule, (uint32_t)(rank - l->first));
    peer_of(l, rank)->bye = 1;
    l->gone++;
}

/* Take in all that has come; 1 when there was anything to do about it. */
static int leader_receive(struct leader *l)
{
    struct psi_farm_message message;
    int rank, news = 0;
    while (psi_farm_receive(l->farm, MPI_ANY_SOURCE, &message, &rank)) {
        int lost = peer_of(l, rank)->lost;
        peer_of(l, rank)->heard = l->awake.seconds;
        news |= message.kind != PSI_FARM_ALIVE;
        if (message.kind == PSI_FARM_ENDED)
            leader_ended(l, (uint32_t)(rank - l->first), &message);
        else if (message.kind == PSI_FARM_HALT)
            leader_stop(l, PSI_STOPPED, "asked to stop", 0);
        else if (message.kind == PSI_FARM_ALIVE && !lost)
            leader_say(l, rank, PSI_FARM_ALIVE);
        else if (message.kind == PSI_FARM_BYE && !lost)
            leader_bye(l, rank);
        if (lost)
            leader_dismiss(l, rank);
    }
    return news;
}

static void leader_lost(struct leader *l, int rank, const char *how)
{
    const struct psi_farm *farm = l->farm;
    struct psi_outcome outcome = {.status = PSI_LOST};
    uint32_t worker = (uint32_t)(rank - l->first), task = PSI_NO_TASK;
    snprintf(outcome.note, sizeof outcome.note, "rank %d was lost: %s", rank, how);
    l->farm->peers->lost = peer_of(l, rank)->lost = 1;
    l->gone += !peer_of(l, rank)->bye;
    if (l->round.schedule) {
        if (!l->stopped) /* else it may have dropped its task before it died */
            task = psi_schedule_running(l->round.schedule, worker);
        psi_schedule_lost(l->round.schedule, worker);
    }
    if (farm->lost && !peer_of(l, rank)->bye)
        farm->lost(farm->context, rank, task, &outcome);
    if (task != PSI_NO_TASK)
        leader_report(l, task, worker, &outcome);
    if (outcome.fatal || (task != PSI_NO_TASK && farm->fail_fast))
        leader_stop(l, (enum psi_status)outcome.status, outcome.note, outcome.fatal);
    if (l->first > 0 && l->gone == l->others)
        leader_stop(l, PSI_STOPPED, "every rank that computes was lost", 0);
}

/* Who is lost? One whose process is gone, and one that has been silent for too long. */
static void leader_check(struct leader *l)
{
    double limit = psi_farm_lost_after(l->farm);
    char how[64];
    snprintf(how, sizeof how, "it has said nothing for %g s", limit);
    l->checked = l->looked;
    for (int rank = 1; rank <= l->others; rank++) {
        const struct psi_peer *peer = peer_of(l, rank);
        if (peer->lost)
            continue;
        if (psi_peers_gone(l->farm->peers, rank)) {
            leader_receive(l); /* its last words */
            leader_lost(l, rank, "its process is gone");
        } else if (!peer->bye && l->awake.seconds - peer->heard > limit) {
            leader_lost(l, rank, how);
        }
    }
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
            psi_farm_send(l->farm, &l->outbox, rank, &message);
    }
}

/* The round is over: the next one, or the end. */
static void leader_next(struct leader *l)
{
    struct psi_error err = {.status = PSI_OK};
    enum psi_status status = l->farm->next(l->farm->context, &l->round, &err);
    l->number++;
    l->queue.count = 0;
    if (status || !l->round.schedule) {
        leader_stop(l, status, err.text, 0);
        return;
    }
    for (int rank = 1; rank <= l->others; rank++)
        if (peer_of(l, rank)->lost)
            psi_schedule_lost(l->round.schedule, (uint32_t)(rank - l->first));
}

static int round_is_over(const struct leader *l)
{
    return !l->round.schedule || psi_schedule_finished(l->round.schedule);
}

/* Everything there is to do at this moment beside computing; 1 when a message had come. */
static int leader_serve(struct leader *l)
{
    psi_awake_seconds(&l->awake);
    int news = leader_receive(l);
    if (psi_farm_asked(l->farm))
        leader_stop(l, PSI_STOPPED, "asked to stop", 0);
    l->looked = psi_clock_monotonic();
    if (l->looked - l->checked >= PSI_FARM_CHECK_SECONDS)
        leader_check(l);
    leader_hand_out(l);
    if (l->looked - l->ticked >= TICK_SECONDS) {
        l->ticked = l->looked;
        leader_report(l, PSI_NO_TASK, 0, NULL);
    }
    return news;
}

/* The task at hand is of no use any more: a round may end without it, by the late result of one
 * who was thought lost. */
static int leader_drops(const struct leader *l)
{
    return l->stopped || psi_farm_asked(l->farm) || round_is_over(l);
}

static int leader_progress(void *context)
{
    struct leader *l = context;
    if (psi_farm_asked(l->farm) || psi_clock_monotonic() - l->looked >= PSI_FARM_LOOK_SECONDS)
        leader_serve(l);
    return leader_drops(l);
}

static void leader_work(struct leader *l)
{
    const struct psi_progress progress = {leader_progress, l};
    struct psi_farm_message ended, task = l->queue.task[0];
    psi_farm_attempt(l->farm, &task, &progress, &ended);
    psi_farm_queue_shift(&l->queue);
    /* Stopped because it was told to: the task is dropped, which is no outcome. */
    if (ended.outcome.status == PSI_STOPPED && leader_drops(l))
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
    l->end.lost = farm->peers->lost;
    for (int rank = 1; rank <= l->others; rank++)
        if (!peer_of(l, rank)->lost || peer_of(l, rank)->told)
            psi_farm_send(farm, &l->outbox, rank, &l->end);
    psi_farm_flush(farm, &l->outbox);
    return status;
}

enum psi_status psi_farm_lead(const struct psi_farm *farm, int *code, struct psi_error *err)
{
    struct psi_patience patience = {0};
    struct leader l = {.farm = farm, .end.kind = PSI_FARM_END, .ticked = psi_clock_monotonic()};
    l.others = farm->peers->size - 1;
    l.first = psi_farm_workers(farm->peers->size, farm->compute_max) <= (uint32_t)l.others;
    for (int rank = 1; rank <= l.others; rank++) {
        struct psi_peer *peer = peer_of(&l, rank);
        peer->heard = 0.0;
        peer->bye = peer->told = 0;
        l.gone += peer->lost;
    }
    for (;;) {
        int news = leader_serve(&l);
        if (l.stopped && l.gone == l.others)
            return leader_end(&l, code, err);
        if (!l.stopped && round_is_over(&l)) {
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
