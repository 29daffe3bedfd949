/*
 * ext/run_merge - several sorted runs of records in a file, read as one.
 *
 *     pw_run_merge_open(&merge, &form, &file, runs, n, memory, share, error)
 *     while ((record = pw_run_merge_head(&merge)) != NULL) ... pw_run_merge_advance(&merge, error)
 *     pw_run_merge_close(&merge)
 *
 * Records with equal keys come in the order of their runs, and within a run in its order.
 *
 * Method: a loser tree whose nodes hold the first two words of the keys.
 * Ownership: memory is the caller's, n * share records of it, used until close.
 * Threads: one.
 */
#ifndef PW_EXT_RUN_MERGE_H
#define PW_EXT_RUN_MERGE_H

#include "patchworks.h"
#include "sys/file.h"

/* A sorted run in the file. */
struct pw_sorted_run {
    uint64_t offset_bytes;
    uint64_t n_records;
};

struct pw_run_input; /* a run being read */
struct pw_run_node;  /* of the tree */

struct pw_run_merge {
    int words, key_words;
    const struct pw_scratch *file;
    uint64_t share; /* records of memory of each input */
    struct pw_run_input *input;
    struct pw_run_node *tree; /* [0] the winner, [1..n_inputs-1] the losers */
    uint32_t n_inputs;
};

enum pw_status pw_run_merge_open(struct pw_run_merge *merge, int words, int key_words, const struct pw_scratch *file,
                                 const struct pw_sorted_run *run, uint32_t n_runs, uint64_t *memory, uint64_t share,
                                 struct pw_error *error);
void pw_run_merge_close(struct pw_run_merge *merge); /* safe on a zeroed merge */

/* The least record, valid until advance; NULL when there is none. */
const uint64_t *pw_run_merge_head(const struct pw_run_merge *merge);

/* Goes past the head, which there is. */
enum pw_status pw_run_merge_advance(struct pw_run_merge *merge, struct pw_error *error);

#endif
