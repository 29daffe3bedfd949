/*
 * segment/process_tile - the way of one tile through a worker process: handed over, answered, tried again.
 *
 * Internal to the segmenter of worker processes.
 */
#ifndef PW_SEGMENT_PROCESS_TILE_H
#define PW_SEGMENT_PROCESS_TILE_H

#include "segment/process_message.h"
#include "segment/segmenter.h"

struct pw_process_pool;
struct pw_process;

/* One thread's place for a tile, at the beginning of its arena: a slot of the shared memory, or of the arena itself. */
struct pw_desk {
    unsigned slot;
    void *in, *out, *labels; /* the last for pw_process_labels() */
    uint64_t in_offset, out_offset;
    char line[PW_WORKER_LINE_BYTES];
};

/* The segment operation. */
enum pw_status pw_process_tile(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                               const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error);

/* What came of giving a tile to a worker. */
enum pw_outcome {
    PW_TILE_DONE,
    PW_TILE_NO_MEMORY, /* it may be tried again with the same worker */
    PW_TILE_FAILED,    /* the worker is to go, and the tile to another */
    PW_TILE_BROKEN,    /* likewise; the worker has gone, or cannot be spoken to any more */
    PW_TILE_REFUSED,   /* the worker has done what it can, and it is wrong: trying again would not help */
    PW_TILE_ALONE,     /* no worker can be started */
    PW_TILE_CANCELLED
};

enum {
    PW_TILE_WHY_BYTES = 1700
};

/* A tile that is with a worker. */
struct pw_attempt {
    struct pw_process_pool *pool;
    const struct pw_tile *tile;
    struct pw_desk *desk;
    enum pw_dtype labels; /* of what has been left in desk->out */
    char why[PW_TILE_WHY_BYTES];
};

/* After the end of its input: whether process writes anything more until it ends, or for seconds.  In process_npy.c. */
int pw_npy_drain(const struct pw_process *process, double seconds);

/* Gives the voxels in desk->in to process and gets labels into desk->out: over frames in pipes.  In process_npy.c. */
enum pw_outcome pw_npy_exchange(struct pw_attempt *attempt, struct pw_process *process);

#endif
