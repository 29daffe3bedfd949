/*
 * ext/sorter - sorting more records than fit in memory.
 *
 * A record is 2 to 4 words of 64 bits, ordered by its first two words.  Records
 * are added in any order, and come back in order:
 *
 *     pw_sorter_init -> pw_sorter_add ... -> pw_sorter_finish -> pw_sorter_next ... -> pw_sorter_destroy
 *
 * As long as everything fits the memory given nothing touches the disk.  Beyond, sorted
 * runs go to an unlinked scratch file and are merged, in several rounds when there are
 * more runs than can be read at once.  The order of records whose first two words
 * agree is that of their further words' arrival only within one run; with unique
 * set, one of each equal pair of key words is kept.
 *
 * Method: least-significant-digit radix sort of the runs, which skips digits that are
 * all alike; k-way merge with a binary heap.
 * Memory: at most memory_bytes, reserved at init.
 * Threads: one sorter belongs to one thread.
 */
#ifndef PW_EXT_SORTER_H
#define PW_EXT_SORTER_H

#include "base/memory.h"
#include "patchworks.h"
#include "sys/file.h"

enum {
    PW_SORTER_WORDS_MAX = 4
};

struct pw_sorter_run {
    uint64_t offset_bytes; /* in the scratch file */
    uint64_t n_records;
};

struct pw_sorter_input; /* a run being read */

struct pw_sorter {
    int words;
    int unique;
    char scratch_dir[4096];
    struct pw_buffer memory;
    uint64_t capacity;      /* records in half of memory */
    uint64_t used;          /* records in the first half */
    uint64_t next;          /* of the sorted records in memory */
    struct pw_scratch file; /* opened when needed */
    uint64_t file_bytes;
    struct pw_sorter_run *run;
    uint32_t n_runs, runs_capacity;
    struct pw_sorter_input *input; /* of the last merge */
    uint32_t *heap;
    uint32_t n_heap;
    uint64_t last[PW_SORTER_WORDS_MAX]; /* record given last, for unique */
    int has_last;
    uint64_t n_added;
};

/* The least memory a sorter works in. */
#define PW_SORTER_MEMORY_MIN ((uint64_t)4096)

enum pw_status pw_sorter_init(struct pw_sorter *sorter, int words, int unique, uint64_t memory_bytes,
                              const char *scratch_dir, struct pw_error *error);
enum pw_status pw_sorter_add(struct pw_sorter *sorter, const uint64_t *record, struct pw_error *error);

/* Ends adding. */
enum pw_status pw_sorter_finish(struct pw_sorter *sorter, struct pw_error *error);

/* The next record into record; PW_EMPTY after the last. */
enum pw_status pw_sorter_next(struct pw_sorter *sorter, uint64_t *record, struct pw_error *error);

void pw_sorter_destroy(struct pw_sorter *sorter); /* safe on a zeroed sorter */

#endif
