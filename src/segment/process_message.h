/*
 * segment/process_message - the lines that host and worker say to each other (doc/WORKERS.md).
 *
 * What a worker says is checked for what the host relies on; what the host does not know is passed over.
 *
 * Threads: pure functions.
 */
#ifndef PW_SEGMENT_PROCESS_MESSAGE_H
#define PW_SEGMENT_PROCESS_MESSAGE_H

#include <stddef.h>

#include "patchworks.h"

enum {
    PW_WORKER_LINE_BYTES = 64 << 10, /* the longest line, with its line feed */
    PW_WORKER_INFLIGHT_MAX = 16,
    PW_WORKER_CHANNELS_ALL = -1
};

/* What a worker can do: its first line. */
struct pw_hello {
    char name[64];
    uint64_t halo[3];
    enum pw_dtype in_dtype;  /* PW_DTYPE_NONE: whatever the image has */
    enum pw_dtype out_dtype; /* of its labels: an integer type or bool */
    int components;
    int connectivity;
    int channels; /* 1: one; n; or PW_WORKER_CHANNELS_ALL */
    uint64_t bytes_per_voxel;
    unsigned inflight;
    uint64_t multiple_of[3]; /* 1 when it does not matter */
    uint64_t max_tile[3];    /* 0: any */
    int n_percentiles;
    double percentile[PW_PERCENTILES_MAX];
    int has_percentiles;
};

/* Errors: PW_E_SEGMENTER with what the worker gave as its reason, or what is wrong with the line. */
enum pw_status pw_hello_parse(const char *line, size_t n, struct pw_hello *hello, struct pw_error *error);

enum pw_answer_kind {
    PW_ANSWER_OK,
    PW_ANSWER_ERROR,
    PW_ANSWER_WRONG, /* an error that will not go away: the labels cannot be used */
    PW_ANSWER_OOM,   /* an error that may go away when there is more memory */
    PW_ANSWER_PROGRESS
};

struct pw_answer {
    uint64_t id;
    enum pw_answer_kind kind;
    int has_shape;
    uint64_t shape[3];
    char text[600]; /* of an error, in one line */
};

/* Errors: PW_E_SEGMENTER when the line is no answer. */
enum pw_status pw_answer_parse(const char *line, size_t n, struct pw_answer *answer, struct pw_error *error);

/* An array in the shared memory. */
struct pw_shared_array {
    uint64_t offset;
    uint32_t channels; /* a first axis of so many; 0: there is none */
    uint64_t shape[3];
    enum pw_dtype dtype;
};

/*
 * The line that hands out a tile; rest is what is the same for all tiles, members of the object without braces.
 * Returns its length, 0 when it does not fit.
 */
size_t pw_tile_message(char *line, size_t capacity, uint64_t id, const struct pw_tile *tile,
                       const struct pw_shared_array *in, const struct pw_shared_array *out, const char *rest);

/* "<u2" and the like, as numpy has it. */
const char *pw_dtype_code(enum pw_dtype dtype);

#endif
