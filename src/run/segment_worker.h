/*
 * run/segment_worker - one worker of pass 1: from a loaded slot to the tile's record.
 *
 * Memory: reserved at init.  Threads: a worker belongs to one thread at a time.
 */
#ifndef PW_RUN_SEGMENT_WORKER_H
#define PW_RUN_SEGMENT_WORKER_H

#include "run/job.h"
#include "run/mask_tiles.h"
#include "run/run_objects.h"
#include "tile/loader.h"

struct pw_tile_worker {
    struct pw_job *job;
    struct pw_segment_worker segment;
    struct pw_buffer memory;
    struct pw_runs window; /* labels of the window */
    struct pw_runs box;    /* of the box that is kept, when that is not the window */
    struct pw_runs core;   /* of the core, when that is not the box */
    void *scratch;         /* of pw_runs_number(), then of pw_record_encode() */
    uint64_t *value;       /* of each run of the core, when labels have values; else NULL */
    struct pw_tile_mask mask;
    struct pw_tile_objects objects;
    struct pw_buffer limits;               /* with --normalize tile: scratch of a tile's own statistics, */
    struct pw_statistics *statistics;      /*    these for each channel, */
    const struct pw_statistics **measured; /* and pointers to them */
};

enum pw_status pw_segment_worker_init(struct pw_tile_worker *worker, struct pw_job *job, struct pw_error *error);
void pw_segment_worker_release(struct pw_tile_worker *worker); /* safe on a zeroed one */

/* Start and stop what the function keeps for this worker, in the thread that works; stop also after a failed start. */
enum pw_status pw_segment_worker_start(struct pw_tile_worker *worker, unsigned number, struct pw_error *error);
void pw_segment_worker_stop(struct pw_tile_worker *worker);

/* Segments the slot's tile and leaves its record in the slot's memory. */
enum pw_status pw_segment_tile(struct pw_tile_worker *worker, struct pw_slot *slot, struct pw_error *error);

#endif
