/*
 * ext/sorter - sorting more records than fit in memory, merging those with equal keys.
 *
 * A record is 1 to 128 words of 64 bits, ordered by its first 1 to 4, its key; the rest
 * is its payload.  Records are added in any order, and come back in order:
 *
 *     static const struct pw_sorter_form pairs = {.words = 2, .key_words = 2, .combine = pw_sorter_keep_first};
 *     pw_sorter_init(&sorter, &pairs, memory_bytes, scratch_dir, error)
 *     pw_sorter_add ... -> pw_sorter_finish -> pw_sorter_next ... -> pw_sorter_destroy
 *
 * Combining: with form->combine each key comes back once.  combine(into, from, context)
 * is called with two records of equal keys, and leaves the payload of both together in
 * into.  It is called while memory fills, while runs are merged and at the end, in a
 * grouping that depends on the memory; so it must be associative and commutative, as a
 * sum of integers is and a sum of doubles is not.
 * Without it equal keys come back in the order in which they were added.
 *
 * As long as everything, after combining, fits the memory given, nothing touches the disk.
 * Beyond, sorted runs go to an unlinked scratch file and are merged, in several rounds
 * when there are more runs than can be read at once.
 *
 * Method: radix sort (ext/radix) of the records, or of their keys and places when they
 * are long; k-way merge with a loser tree (ext/run_merge).
 * Memory: at most memory_bytes (more when they hold less than 64 records), reserved at
 * init, touched as it fills.  Disk: the records once, and a part of them again while
 * runs are merged in rounds.
 * Ownership: form is copied; its context is the caller's.
 * Threads: one sorter belongs to one thread at a time.
 */
#ifndef PW_EXT_SORTER_H
#define PW_EXT_SORTER_H

#include "base/memory.h"
#include "ext/run_merge.h"
#include "patchworks.h"
#include "sys/file.h"

enum {
    PW_SORTER_WORDS_MAX = 128,
    PW_SORTER_KEY_WORDS_MAX = 4
};

/* Merges the payload of from into that of into. */
typedef void (*pw_combine_fn)(uint64_t *into, const uint64_t *from, void *context);

/* What the records are. */
struct pw_sorter_form {
    int words;
    int key_words;
    pw_combine_fn combine; /* NULL: equal keys stay apart */
    void *context;
};

struct pw_sorter {
    struct pw_sorter_form form;
    char scratch_dir[4096];
    struct pw_buffer memory;
    int by_place;           /* keys and places are sorted, not records */
    uint64_t capacity;      /* records in memory */
    uint64_t used;          /* records in memory */
    uint64_t *records;      /* in order of arrival, or once sorted in place in order */
    uint64_t *spare;        /* as many records; or two arrays of keys and places */
    uint64_t *places;       /* with their keys, of the sorted records, when they are sorted by_place */
    uint64_t next;          /* of the sorted records in memory */
    struct pw_scratch file; /* opened when needed */
    uint64_t file_bytes;
    struct pw_sorted_run *run;
    uint32_t n_runs, runs_capacity;
    struct pw_run_merge merge; /* the last one, which is read by next */
    uint64_t n_added;
};

/* Combines equal records by keeping the first: each key once. */
void pw_sorter_keep_first(uint64_t *into, const uint64_t *from, void *context);

enum pw_status pw_sorter_init(struct pw_sorter *sorter, const struct pw_sorter_form *form, uint64_t memory_bytes,
                              const char *scratch_dir, struct pw_error *error);
enum pw_status pw_sorter_add(struct pw_sorter *sorter, const uint64_t *record, struct pw_error *error);

/* Ends adding. */
enum pw_status pw_sorter_finish(struct pw_sorter *sorter, struct pw_error *error);

/* The next record into record; PW_EMPTY after the last. */
enum pw_status pw_sorter_next(struct pw_sorter *sorter, uint64_t *record, struct pw_error *error);

void pw_sorter_destroy(struct pw_sorter *sorter); /* safe on a zeroed sorter */

#endif
