/* The farm on every rank but 0: do what is in the queue, say how it ended, look for more. */
#include "farm_message.h"
#include "psisweep/clock.h"

struct follower {
    const struct psi_farm *farm;
    struct psi_farm_queue queue;
    struct psi_farm_message end; /* valid once ended */
    int stopped, ended;
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
        } else if (message.kind == PSI_FARM_END) {
            f->ended = 1;
            f->end = message;
        } else {
            psi_farm_queue_add(&f->queue, &message);
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
    struct psi_farm_message ended;
    psi_farm_attempt(f->farm, &f->queue, &progress, &ended);
    /* Stopped because it was told to: the task is dropped, which is no outcome. */
    if (ended.outcome.status == PSI_STOPPED && (f->stopped || psi_farm_asked(f->farm)))
        return;
    psi_farm_send(f->farm, 0, &ended);
}

enum psi_status psi_farm_follow(const struct psi_farm *farm, int *code, struct psi_error *err)
{
    struct follower f = {.farm = farm};
    struct psi_patience patience = {0};
    while (!f.stopped) {
        if (!f.halted && psi_farm_asked(farm)) {
            f.halted = 1;
            psi_farm_send(farm, 0, &(struct psi_farm_message){.kind = PSI_FARM_HALT});
        }
        if (follower_receive(&f))
            patience = (struct psi_patience){0};
        else if (f.queue.count == 0 || f.halted)
            psi_patience_wait(&patience);
        if (f.queue.count > 0 && !f.halted && !f.stopped)
            follower_work(&f);
    }
    psi_farm_send(farm, 0, &(struct psi_farm_message){.kind = PSI_FARM_BYE});
    while (!f.ended)
        if (!follower_receive(&f))
            psi_patience_wait(&patience);
    *code = f.end.code;
    enum psi_status status = (enum psi_status)f.end.outcome.status;
    return status ? psi_fail(err, status, "%s", f.end.outcome.note) : PSI_OK;
}
