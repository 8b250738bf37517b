/* The farm on every rank but 0: do what is in the queue, say how it ended, look for more. */
#include "farm_message.h"
#include "psisweep/clock.h"

struct follower {
    const struct psi_farm *farm;
    struct psi_farm_queue queue;
    struct psi_farm_message stop; /* valid once stopped */
    int stopped;
    int halted; /* rank 0 was told that this rank was asked to stop */
    double looked;
};

/* Take in all that has come; 1 when there was anything. */
static int follower_receive(struct follower *f)
{
    struct psi_farm_message message;
    int news = 0;
    while (psi_farm_receive(f->farm->comm, 0, &message, NULL)) {
        news = 1;
        if (message.kind == PSI_FARM_STOP) {
            f->stopped = 1;
            f->stop = message;
        } else {
            psi_farm_queue_add(&f->queue, message.task);
        }
    }
    return news;
}

static int follower_progress(void *context)
{
    struct follower *f = context;
    if (f->stopped || psi_farm_asked(f->farm))
        return 1;
    double now = psi_clock_monotonic();
    if (now - f->looked >= PSI_FARM_LOOK_SECONDS) {
        f->looked = now;
        follower_receive(f);
    }
    return f->stopped;
}

static void follower_work(struct follower *f)
{
    const struct psi_progress progress = {follower_progress, f};
    struct psi_farm_message ended = {.kind = PSI_FARM_ENDED, .task = f->queue.task[0]};
    psi_farm_attempt(f->farm, ended.task, &progress, &ended.outcome);
    psi_farm_queue_shift(&f->queue);
    /* Stopped because it was told to: the task is dropped, which is no outcome. */
    if (ended.outcome.status == PSI_STOPPED && (f->stopped || psi_farm_asked(f->farm)))
        return;
    psi_farm_send(f->farm->comm, 0, &ended);
}

enum psi_status psi_farm_follow(const struct psi_farm *farm, struct psi_error *err)
{
    struct follower f = {.farm = farm};
    struct psi_patience patience = {0};
    while (!f.stopped) {
        if (!f.halted && psi_farm_asked(farm)) {
            f.halted = 1;
            psi_farm_send(farm->comm, 0, &(struct psi_farm_message){.kind = PSI_FARM_HALT});
        }
        if (follower_receive(&f))
            patience = (struct psi_patience){0};
        else if (f.queue.count == 0 || f.halted)
            psi_patience_wait(&patience);
        if (f.queue.count > 0 && !f.halted && !f.stopped)
            follower_work(&f);
    }
    psi_farm_send(farm->comm, 0, &(struct psi_farm_message){.kind = PSI_FARM_BYE});
    enum psi_status status = (enum psi_status)f.stop.outcome.status;
    return status ? psi_fail(err, status, "%s", f.stop.outcome.note) : PSI_OK;
}
