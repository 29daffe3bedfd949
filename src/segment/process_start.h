/*
 * segment/process_start - one worker process from nothing to the point where it can be given tiles.
 *
 * Threads: different processes of a pool from different threads.
 */
#ifndef PW_SEGMENT_PROCESS_START_H
#define PW_SEGMENT_PROCESS_START_H

#include "segment/process_pool.h"

/* Writes down what all workers are told of the image: pool->image_text and pool->rest. */
enum pw_status pw_process_describe_image(struct pw_process_pool *pool, struct pw_error *error);

/*
 * Starts process, which is down, waits for its hello and checks it; the first one's becomes the pool's.  One that
 * is killed by a signal meanwhile is started again, a few times.
 */
enum pw_status pw_process_start(struct pw_process_pool *pool, struct pw_process *process,
                                const struct pw_patience *patience, struct pw_error *error);

#endif
