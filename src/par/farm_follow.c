/* The farm on every rank but 0: do what is in the queue, say how it ended, look for more. */
#include "farm_message.h"
#include "psisweep/clock.h"

struct follower {
    const struct psi_farm *farm;
    struct psi_farm_queue queue;
    struct psi_farm_outbox outbox;
    struct psi_farm_message end; /* valid once ended */
    uint32_t round;              /* the latest of which a task has come */
    int stopped, ended;
    int said_bye;                   /* nothing more is sent: rank 0 may be past reading it */
    int orphaned;                   /* rank 0 is lost */
    int halted;                     /* rank 0 was told that this rank was asked to stop */
    double looked, checked, beaten; /* monotonic seconds */
    struct psi_awake awake;
    double heard; /* awake seconds, of rank 0 */
};

static void follower_say(struct follower *f, int kind)
{
    psi_farm_send(f->farm, &f->outbox, 0, &(struct psi_farm_message){.kind = kind});
}

/* Take in all that has come; 1 when there was anything to do about it. */
static int follower_receive(struct follower *f)
{
    struct psi_farm_message message;
    int news = 0, sender;
    while (psi_farm_receive(f->farm, 0, &message, &sender)) {
        f->heard = f->awake.seconds;
        news |= message.kind != PSI_FARM_ALIVE;
        if (message.kind == PSI_FARM_STOP) {
            f->stopped = 1;
        } else if (message.kind == PSI_FARM_END) {
            f->ended = 1;
            f->end = message;
        } else if (message.kind == PSI_FARM_TASK) {
            f->round = message.round;
            psi_farm_queue_add(&f->queue, &message);
        }
    }
    return news;
}

/* Say that this rank is alive, and see whether rank 0 is. After BYE it waits for the others, and
 * then says its last words. */
static void follower_check(struct follower *f, double now)
{
    double limit = psi_farm_lost_after(f->farm) * (f->said_bye ? 2.0 : 1.0);
    if (!f->said_bye && now - f->beaten >= limit / PSI_FARM_BEATS) {
        f->beaten = now;
        follower_say(f, PSI_FARM_ALIVE);
    }
    if (now - f->checked < PSI_FARM_CHECK_SECONDS)
        return;
    f->checked = now;
    int gone = psi_peers_gone(f->farm->peers, 0);
    if (gone)
        follower_receive(f); /* its last words */
    if (!f->ended && (gone || f->awake.seconds - f->heard > limit))
        f->orphaned = f->stopped = 1;
}

/* Everything there is to do beside the work; 1 when a message had come. Who was away for so long
 * that it may be thought lost does nothing more before rank 0 has answered: somebody else may be at
 * its task. */
static int follower_look(struct follower *f)
{
    struct psi_patience patience = {0};
    double now = psi_clock_monotonic(), away = now - f->looked;
    f->looked = now;
    psi_awake_seconds(&f->awake);
    int news = follower_receive(f);
    follower_check(f, now);
    if (f->stopped || away < psi_farm_lost_after(f->farm) / 2.0)
        return news;
    double since = psi_awake_seconds(&f->awake);
    follower_say(f, PSI_FARM_ALIVE);
    while (!f->stopped && f->heard <= since) {
        psi_patience_wait(&patience);
        psi_awake_seconds(&f->awake);
        follower_receive(f);
        follower_check(f, psi_clock_monotonic());
    }
    f->looked = psi_clock_monotonic();
    return 1;
}

/* The task at hand is of no use any more. */
static int follower_drops(const struct follower *f)
{
    return f->stopped || psi_farm_asked(f->farm) || f->queue.task[0].round != f->round;
}

static int follower_progress(void *context)
{
    struct follower *f = context;
    if (psi_clock_monotonic() - f->looked >= PSI_FARM_LOOK_SECONDS)
        follower_look(f);
    return follower_drops(f);
}

static void follower_work(struct follower *f)
{
    const struct psi_progress progress = {follower_progress, f};
    struct psi_farm_message ended;
    int dropped = follower_drops(f);
    if (!dropped) {
        psi_farm_attempt(f->farm, &f->queue.task[0], &progress, &ended);
        /* Stopped because it was told to: the task is dropped, which is no outcome. */
        dropped = ended.outcome.status == PSI_STOPPED && follower_drops(f);
    }
    psi_farm_queue_shift(&f->queue);
    if (!dropped)
        psi_farm_send(f->farm, &f->outbox, 0, &ended);
}

static void follower_wait(struct follower *f, struct psi_patience *patience)
{
    if (follower_look(f))
        *patience = (struct psi_patience){0};
    else if (f->queue.count == 0 || f->halted || f->stopped)
        psi_patience_wait(patience);
}

enum psi_status psi_farm_follow(const struct psi_farm *farm, int *code, struct psi_error *err)
{
    struct follower f = {.farm = farm, .looked = psi_clock_monotonic()};
    struct psi_patience patience = {0};
    while (!f.stopped) {
        if (!f.halted && psi_farm_asked(farm)) {
            f.halted = 1;
            follower_say(&f, PSI_FARM_HALT);
        }
        follower_wait(&f, &patience);
        if (f.queue.count > 0 && !f.halted && !f.stopped)
            follower_work(&f);
    }
    follower_say(&f, PSI_FARM_BYE);
    f.said_bye = 1;
    while (!f.ended && !f.orphaned)
        follower_wait(&f, &patience);
    farm->peers->lost |= f.orphaned || f.end.lost;
    psi_farm_flush(farm, &f.outbox);
    if (f.orphaned)
        return psi_fail(err, PSI_STOPPED, "rank 0 was lost");
    *code = f.end.code;
    enum psi_status status = (enum psi_status)f.end.outcome.status;
    return status ? psi_fail(err, status, "%s", f.end.outcome.note) : PSI_OK;
}
