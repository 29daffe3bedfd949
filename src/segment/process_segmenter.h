/*
 * segment/process_segmenter - a program of any language as a segmenter: "exec:COMMAND", "py:module:function".
 *
 *     pw_process_segmenter_open(...)      starts the first worker, whose hello fills the segmenter's capabilities
 *     the operations of a segmenter
 *
 * What a worker and the host say to each other is in doc/WORKERS.md.
 */
#ifndef PW_SEGMENT_PROCESS_SEGMENTER_H
#define PW_SEGMENT_PROCESS_SEGMENTER_H

#include "segment/process_pool.h"
#include "segment/segmenter.h"

/*
 * Errors: PW_E_SEGMENTER: the worker does not start; PW_E_ARGUMENT for the specification, PW_E_UNSUPPORTED for a worker
 * that asks for what the image has not.
 */
enum pw_status pw_process_segmenter_open(struct pw_segmenter *segmenter, const struct pw_run_options *options,
                                         struct pw_error *error);
void pw_process_segmenter_close(struct pw_segmenter *segmenter);

/* Tiles that can be on their way at the same time; 0 for other segmenters. */
unsigned pw_process_segmenter_tiles(const struct pw_segmenter *segmenter);

/* Workers that were replaced; 0 for other segmenters. */
uint64_t pw_process_segmenter_restarts(const struct pw_segmenter *segmenter);

extern const struct pw_segment_ops pw_process_segment_ops;

#endif
