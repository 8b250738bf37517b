#include "schedule_heap.h"

#include <stddef.h>

/* Four children a node: half the levels of a binary heap, and siblings share a cache line. */
enum { ARITY = 4 };

static int entry_precedes(struct psi_heap_entry a, struct psi_heap_entry b)
{
    return a.key > b.key || (a.key == b.key && a.item < b.item);
}

static void heap_write(struct psi_heap *heap, size_t at, struct psi_heap_entry entry)
{
    heap->entry[at] = entry;
    heap->place[entry.item] = (uint32_t)at;
}

/* Fill the hole with entry where the order allows it, above or below. */
static void heap_settle(struct psi_heap *heap, size_t hole, struct psi_heap_entry entry)
{
    while (hole > 0 && entry_precedes(entry, heap->entry[(hole - 1) / ARITY])) {
        heap_write(heap, hole, heap->entry[(hole - 1) / ARITY]);
        hole = (hole - 1) / ARITY;
    }
    for (;;) {
        size_t first = ARITY * hole + 1, best = first;
        if (first >= heap->count)
            break;
        size_t end = first + ARITY < heap->count ? first + ARITY : heap->count;
        for (size_t child = first + 1; child < end; child++)
            if (entry_precedes(heap->entry[child], heap->entry[best]))
                best = child;
        if (!entry_precedes(heap->entry[best], entry))
            break;
        heap_write(heap, hole, heap->entry[best]);
        hole = best;
    }
    heap_write(heap, hole, entry);
}

void psi_heap_set(struct psi_heap *heap, uint32_t item, double key)
{
    size_t hole = heap->place[item];
    if (hole == PSI_HEAP_ABSENT)
        hole = heap->count++;
    heap_settle(heap, hole, (struct psi_heap_entry){key, item});
}

void psi_heap_remove(struct psi_heap *heap, uint32_t item)
{
    size_t hole = heap->place[item];
    if (hole == PSI_HEAP_ABSENT)
        return;
    heap->place[item] = PSI_HEAP_ABSENT;
    struct psi_heap_entry last = heap->entry[--heap->count];
    if (hole < heap->count)
        heap_settle(heap, hole, last);
}
