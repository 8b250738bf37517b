/* An indexed heap: the item with the largest key on top, ties to the lowest item. Any item can be
 * moved or taken out, each in O(log n). Private to the scheduler. */
#ifndef PSI_STUDY_SCHEDULE_HEAP_H
#define PSI_STUDY_SCHEDULE_HEAP_H

#include <stdint.h>

#define PSI_HEAP_ABSENT UINT32_MAX

struct psi_heap_entry {
    double key; /* beside its item, so that a comparison looks nothing up */
    uint32_t item;
};

struct psi_heap {
    struct psi_heap_entry *entry; /* borrowed, room for all that can be inside at a time */
    uint32_t *place;              /* borrowed: (items) index into entry, or PSI_HEAP_ABSENT */
    uint32_t count;
};

/* Insert the item, or give it another key. */
void psi_heap_set(struct psi_heap *heap, uint32_t item, double key);

/* Nothing happens when the item is absent. */
void psi_heap_remove(struct psi_heap *heap, uint32_t item);

#endif
