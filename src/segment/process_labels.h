/*
 * segment/process_labels - the labels that a worker has left, of any integer type, as runs.
 *
 * They are read where they are, once; whoever writes there meanwhile may make them wrong, but nothing else.
 *
 * Memory: the caller's arena.  Threads: pure functions.
 */
#ifndef PW_SEGMENT_PROCESS_LABELS_H
#define PW_SEGMENT_PROCESS_LABELS_H

#include "label/runs.h"

/* Arena bytes for a window of at most shape. */
uint64_t pw_process_labels_bytes(const uint64_t shape[3]);

/*
 * The dense labels of a window of tile->shape into runs, numbered in raster order.
 * Errors: PW_E_SEGMENTER for a negative one or one above 2^32-1; the message has tile, place and value.
 */
enum pw_status pw_process_labels(const void *labels, enum pw_dtype dtype, const struct pw_tile *tile,
                                 struct pw_runs *runs, void *arena, struct pw_error *error);

#endif
