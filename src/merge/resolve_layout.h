/*
 * merge/resolve_layout - how resolving divides its memory, and what disk it takes.
 *
 * Threads: pure functions.
 */
#ifndef PW_MERGE_RESOLVE_LAYOUT_H
#define PW_MERGE_RESOLVE_LAYOUT_H

#include "ext/buckets.h"
#include "patchworks.h"

struct pw_resolve_layout {
    uint64_t n_labels;
    uint64_t n_ranges;
    uint64_t range_labels; /* of the largest range */
    unsigned range_bits;   /* label l is number l & (1 << range_bits) - 1 of range l >> range_bits */
    uint64_t io_bytes;     /* for what is read and written piece by piece */
    uint64_t sorter_bytes;
    struct pw_bucket_form buckets; /* of each of the PW_RESOLVE_QUEUES; none with one range */
};

enum {
    PW_RESOLVE_QUEUES = 4
};

/* What one label of a range takes in memory: parent, first voxel, count; with several ranges a link. */
enum {
    PW_RESOLVE_LABEL_BYTES = 20,
    PW_RESOLVE_LINKED_LABEL_BYTES = 28
};

/* The most disk that n_edges edges take; see pw_resolve_scratch_bytes(). */
uint64_t pw_resolve_layout_scratch_bytes(const struct pw_resolve_layout *layout, uint64_t n_edges);

/* Lays out n_labels labels in memory_bytes.  PW_E_BUDGET when that is impossible. */
enum pw_status pw_resolve_layout_init(struct pw_resolve_layout *layout, uint64_t n_labels, uint64_t memory_bytes,
                                      struct pw_error *error);

#endif
