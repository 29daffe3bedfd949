/*
 * relate/pair_sums - how often each two labels lie on each other, and how large each label is, over
 * whole volumes with any number of labels.
 *
 *     pw_pair_sums_init(&sums, which, memory_bytes, scratch_dir, error)
 *     pw_pair_sums_take(&sums, overlaps, n, error)      as often as needed, in any order
 *     pw_pair_sums_finish(&sums, error)
 *     ... pw_sorter_next(&sums.pairs, record, error) and so on, see enum below ...
 *     pw_pair_sums_destroy(&sums)
 *
 * Everything is a sum, a least or a greatest of integers: the order of arrival leaves no trace.
 * Memory: memory_bytes for all sorters together; beyond, scratch files.
 * Threads: one at a time.
 */
#ifndef PW_RELATE_PAIR_SUMS_H
#define PW_RELATE_PAIR_SUMS_H

#include "ext/sorter.h"
#include "relate/pair_tally.h"

/* Words of a record of pairs, sorted by a, then b. */
enum {
    PW_PAIR_A,
    PW_PAIR_B,
    PW_PAIR_VOXELS,
    PW_PAIR_WORDS
};

/* Words of a record of sizes, sorted by label. */
enum {
    PW_SIZE_LABEL,
    PW_SIZE_VOXELS,
    PW_SIZE_FIRST_CELL, /* they differ when the label crosses the grid */
    PW_SIZE_LAST_CELL,
    PW_SIZE_WORDS
};

struct pw_pair_sums {
    struct pw_sorter pairs;
    struct pw_sorter size[2]; /* of the labels of A and of B */
    int wants_size[2];
};

enum pw_status pw_pair_sums_init(struct pw_pair_sums *sums, const int wants_size[2], uint64_t memory_bytes,
                                 const char *scratch_dir, struct pw_error *error);
void pw_pair_sums_destroy(struct pw_pair_sums *sums); /* safe on zeroed sums */

enum pw_status pw_pair_sums_take(struct pw_pair_sums *sums, const struct pw_label_overlap *overlap, uint64_t n,
                                 struct pw_error *error);
enum pw_status pw_pair_sums_finish(struct pw_pair_sums *sums, struct pw_error *error);

#endif
