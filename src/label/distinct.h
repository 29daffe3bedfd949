/*
 * label/distinct - how many different labels there are, one flag for each.
 *
 *     pw_distinct_init(&set, capacity, error)
 *     pw_distinct_add(&set, ...)                 voxels, from any thread
 *     if (pw_distinct_count(&set, &n)) ..        0 when a label was too large for the flags
 *
 * Memory: a bit for each label below capacity; of what is never touched the system keeps nothing resident.
 * Threads: add from any; the others from one, when no other is at work.
 */
#ifndef PW_LABEL_DISTINCT_H
#define PW_LABEL_DISTINCT_H

#include <stdatomic.h>

#include "patchworks.h"

struct pw_distinct {
    _Atomic uint64_t *flags;
    uint64_t capacity; /* labels are smaller; a multiple of 64 */
    _Atomic int too_large;
};

uint64_t pw_distinct_memory_bytes(uint64_t capacity);
enum pw_status pw_distinct_init(struct pw_distinct *set, uint64_t capacity, struct pw_error *error);
void pw_distinct_release(struct pw_distinct *set); /* safe on a zeroed set */

/* Rows of width labels of 1, 2, 4 or 8 bytes, taken as unsigned, stride_bytes apart; 0 is none. */
void pw_distinct_add(struct pw_distinct *set, size_t element_bytes, const void *voxels, size_t stride_bytes,
                     uint64_t rows, uint64_t width);

int pw_distinct_count(const struct pw_distinct *set, uint64_t *count);

#endif
