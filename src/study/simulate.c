#include "psisweep/simulate.h"
#include "psisweep/memory.h"
#include "schedule_heap.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct rank {
    uint32_t task[PSI_HOLD_MAX], holds;
    uint32_t group; /* of the last task it began */
    double begun;   /* when it began the first it holds */
};

struct message {
    double sent;
    uint32_t worker, task;
};

struct state {
    const struct psi_simulation *spec;
    struct psi_schedule *schedule;
    uint32_t workers;
    struct rank *rank;            /* (workers) */
    struct psi_heap ends;         /* workers that compute: the one that ends first on top */
    struct psi_heap_entry *entry; /* (workers) */
    uint32_t *place;              /* (workers) */
    struct message *message;      /* (PSI_HOLD_MAX * workers) ring: what rank 0 has not taken in */
    size_t first, waiting;
    double now;
    double free;   /* when rank 0 has taken in the message before */
    double looked; /* when rank 0 last ended a task of its own */
    struct psi_simulated *out;
};

static double task_seconds(const struct psi_simulation *spec, uint32_t task)
{
    return spec->seconds ? spec->seconds[task] : spec->task[task].cost;
}

/* The longest chain that ends with each task is its own time and the longest before it. Walks up to
 * the first task that is known, then down again. */
static enum psi_status measure(const struct psi_simulation *spec, struct psi_simulated *out,
                               struct psi_error *err)
{
    double *chain = psi_allocate(spec->tasks, sizeof *chain, "simulation", err); /* 0 = unknown */
    uint32_t *path = psi_allocate(spec->tasks, sizeof *path, "simulation", err);
    enum psi_status status = chain && path ? PSI_OK : PSI_MEMORY;
    for (uint32_t t = 0; !status && t < spec->tasks; t++) {
        uint32_t steps = 0, at = t;
        while (at != PSI_NO_TASK && !spec->task[at].done && chain[at] == 0.0) {
            path[steps++] = at;
            at = spec->task[at].after;
        }
        double before = at == PSI_NO_TASK || spec->task[at].done ? 0.0 : chain[at];
        while (steps > 0) {
            before += task_seconds(spec, path[--steps]);
            chain[path[steps]] = before;
        }
        out->critical = fmax(out->critical, chain[t]);
        out->work += spec->task[t].done ? 0.0 : task_seconds(spec, t);
    }
    free(path);
    free(chain);
    return status;
}

static void begin_task(struct state *s, uint32_t worker)
{
    struct rank *rank = &s->rank[worker];
    uint32_t group = s->spec->task[rank->task[0]].group;
    int moves = rank->group != group;
    double seconds = task_seconds(s->spec, rank->task[0]) + (moves ? s->spec->move : 0.0);
    s->out->moves += (uint64_t)moves;
    rank->group = group;
    rank->begun = s->now;
    psi_heap_set(&s->ends, worker, -(s->now + seconds));
}

/* The worker that ends first says so and goes on with what it holds. */
static void end_task(struct state *s)
{
    uint32_t worker = s->ends.entry[0].item;
    struct rank *rank = &s->rank[worker];
    size_t room = (size_t)PSI_HOLD_MAX * s->workers, last = s->first + s->waiting++;
    s->message[last < room ? last : last - room] =
        (struct message){.sent = s->now, .worker = worker, .task = rank->task[0]};
    rank->task[0] = rank->task[1];
    if (--rank->holds > 0)
        begin_task(s, worker);
    else
        psi_heap_remove(&s->ends, worker);
    if (worker == 0 && s->spec->leader_computes)
        s->looked = s->now;
}

static void hand_out(struct state *s)
{
    uint32_t worker, task;
    while (psi_schedule_decide(s->schedule, &worker, &task)) {
        struct rank *rank = &s->rank[worker];
        rank->task[rank->holds++] = task;
        if (rank->holds == 1)
            begin_task(s, worker);
    }
}

/* When rank 0 will have taken in the message that has waited longest; INFINITY = there is none. */
static double next_service(const struct state *s)
{
    if (s->waiting == 0)
        return INFINITY;
    const struct message *m = &s->message[s->first];
    double seen = fmax(m->sent, s->looked);
    const struct rank *leader = &s->rank[0];
    if (s->spec->leader_computes && s->spec->look > 0.0 && leader->holds > 0 &&
        seen > leader->begun) {
        seen = leader->begun + s->spec->look * ceil((seen - leader->begun) / s->spec->look);
        seen = fmin(seen, -s->ends.entry[s->place[0]].key); /* its own end is a look, too */
    }
    return fmax(seen, s->free) + s->spec->service;
}

static void serve(struct state *s)
{
    const struct message m = s->message[s->first];
    s->first = (s->first + 1) % ((size_t)PSI_HOLD_MAX * s->workers);
    s->waiting--;
    s->free = s->now;
    s->out->events++;
    if (s->spec->leader_computes && s->rank[0].holds > 0)
        psi_heap_set(&s->ends, 0, s->ends.entry[s->place[0]].key - s->spec->service);
    int news = psi_schedule_done(s->schedule, m.worker, m.task);
    assert(news);
    (void)news;
    hand_out(s);
}

static enum psi_status state_create(struct state *s, struct psi_error *err)
{
    const struct psi_simulation *spec = s->spec;
    if (!(s->rank = psi_allocate(s->workers, sizeof *s->rank, "simulation", err)) ||
        !(s->entry = psi_allocate(s->workers, sizeof *s->entry, "simulation", err)) ||
        !(s->place = psi_allocate(s->workers, sizeof *s->place, "simulation", err)) ||
        !(s->message = psi_allocate((size_t)PSI_HOLD_MAX * s->workers, sizeof *s->message,
                                    "simulation", err)))
        return PSI_MEMORY;
    memset(s->place, 0xff, s->workers * sizeof *s->place); /* PSI_HEAP_ABSENT */
    s->ends = (struct psi_heap){.entry = s->entry, .place = s->place};
    for (uint32_t w = 0; w < s->workers; w++)
        s->rank[w].group = UINT32_MAX;
    s->now = s->free = spec->start;
    return psi_schedule_create(spec->task, spec->tasks, spec->groups, s->workers, 1, &s->schedule,
                               err);
}

enum psi_status psi_simulate(const struct psi_simulation *spec, struct psi_simulated *out,
                             struct psi_error *err)
{
    struct state s = {.spec = spec, .out = out};
    if (spec->ranks < 1 || (spec->ranks == 1 && !spec->leader_computes))
        return psi_fail(err, PSI_USAGE, "simulation: of %u ranks none is left to work",
                        spec->ranks);
    *out = (struct psi_simulated){0};
    s.workers = spec->leader_computes ? spec->ranks : spec->ranks - 1;
    enum psi_status status = state_create(&s, err);
    if (status || (status = measure(spec, out, err)))
        goto out;
    hand_out(&s);
    while (s.ends.count > 0 || s.waiting > 0) {
        double service = next_service(&s);
        double end = s.ends.count > 0 ? -s.ends.entry[0].key : INFINITY;
        s.now = fmin(end, service);
        if (end <= service)
            end_task(&s);
        else
            serve(&s);
    }
    assert(psi_schedule_finished(s.schedule));
    out->makespan = s.now;
    out->bound = fmax(out->work / spec->ranks, out->critical);
    out->busy = s.now > 0.0 ? out->work / (s.now * spec->ranks) : 0.0;
    out->leader = s.now > 0.0 ? (double)out->events * spec->service / s.now : 0.0;
out:
    psi_schedule_destroy(s.schedule);
    free(s.message);
    free(s.place);
    free(s.entry);
    free(s.rank);
    return status;
}
