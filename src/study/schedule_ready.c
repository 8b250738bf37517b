#include "schedule_ready.h"

#include "psisweep/memory.h"

#include <stdlib.h>
#include <string.h>

enum { WORD = 64 };

static uint64_t group_words(const struct psi_ready_group *group)
{
    return ((uint64_t)group->tasks + WORD - 1) / WORD;
}

static uint64_t all_words(const struct psi_ready *ready)
{
    uint64_t words = 0;
    for (uint32_t g = 0; g < ready->groups; g++)
        words += group_words(&ready->group[g]);
    return words;
}

enum psi_status psi_ready_create(struct psi_ready *ready, const struct psi_task *task,
                                 uint32_t tasks, uint32_t groups, struct psi_error *err)
{
    *ready = (struct psi_ready){.groups = groups};
    ready->group = psi_allocate(groups, sizeof *ready->group, "schedule", err);
    ready->place = psi_allocate(tasks, sizeof *ready->place, "schedule", err);
    if (!ready->group || !ready->place)
        goto out;
    for (uint32_t t = 0; t < tasks; t++)
        ready->group[task[t].group].tasks++;
    uint64_t words = all_words(ready), first = 0;
    ready->mark = psi_allocate(words, sizeof *ready->mark, "schedule", err);
    ready->order = psi_allocate(words * WORD, sizeof *ready->order, "schedule", err);
    if (!ready->mark || !ready->order)
        goto out;
    for (uint32_t g = 0; g < groups; g++) {
        ready->group[g].first = first;
        first += WORD * group_words(&ready->group[g]);
        ready->group[g].tasks = 0;
    }
    for (uint32_t t = 0; t < tasks; t++) {
        struct psi_ready_group *group = &ready->group[task[t].group];
        ready->place[t] = group->first + group->tasks++;
        ready->order[ready->place[t]].task = t;
    }
    return PSI_OK;
out:
    psi_ready_clear(ready);
    return PSI_MEMORY;
}

void psi_ready_clear(struct psi_ready *ready)
{
    free(ready->mark);
    free(ready->order);
    free(ready->place);
    free(ready->group);
    *ready = (struct psi_ready){0};
}

void psi_ready_measure(struct psi_ready *ready, uint32_t task, double length)
{
    ready->order[ready->place[task]].length = length;
}

static int longest_first(const void *left, const void *right)
{
    const struct psi_ready_place *a = left, *b = right;
    if (a->length != b->length)
        return a->length < b->length ? 1 : -1;
    return (a->task > b->task) - (a->task < b->task);
}

void psi_ready_sort(struct psi_ready *ready)
{
    memset(ready->mark, 0, all_words(ready) * sizeof *ready->mark);
    for (uint32_t g = 0; g < ready->groups; g++) {
        struct psi_ready_group *group = &ready->group[g];
        struct psi_ready_place *order = ready->order + group->first;
        qsort(order, group->tasks, sizeof *order, longest_first);
        for (uint32_t i = 0; i < group->tasks; i++)
            ready->place[order[i].task] = group->first + i;
        group->ready = 0;
        group->low = group->high = group->first / WORD;
    }
}

void psi_ready_add(struct psi_ready *ready, uint32_t group, uint32_t task)
{
    struct psi_ready_group *g = &ready->group[group];
    uint64_t place = ready->place[task], word = place / WORD;
    ready->mark[word] |= UINT64_C(1) << place % WORD;
    g->low = word < g->low ? word : g->low;
    g->high = word > g->high ? word : g->high;
    g->ready++;
}

void psi_ready_remove(struct psi_ready *ready, uint32_t group, uint32_t task)
{
    uint64_t place = ready->place[task];
    ready->mark[place / WORD] &= ~(UINT64_C(1) << place % WORD);
    ready->group[group].ready--;
}

struct psi_ready_place psi_ready_longest(struct psi_ready *ready, uint32_t group)
{
    struct psi_ready_group *g = &ready->group[group];
    while (ready->mark[g->low] == 0)
        g->low++;
    return ready->order[WORD * g->low + (uint64_t)__builtin_ctzll(ready->mark[g->low])];
}

struct psi_ready_place psi_ready_shortest(struct psi_ready *ready, uint32_t group)
{
    struct psi_ready_group *g = &ready->group[group];
    while (ready->mark[g->high] == 0)
        g->high--;
    return ready
        ->order[WORD * g->high + WORD - 1 - (uint64_t)__builtin_clzll(ready->mark[g->high])];
}
