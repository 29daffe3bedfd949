/*
 * run/pipeline - the tiles of a grid through the ring, each once.
 *
 * With one thread everything happens in turn in that thread (the next tiles' reads
 * are under way meanwhile).  With more there is a reader, that many workers, and a
 * committer; the reader and the committer mostly wait.
 */
#ifndef PW_RUN_PIPELINE_H
#define PW_RUN_PIPELINE_H

#include "run/crew.h"
#include "tile/loader.h"
#include "tile/ring.h"
#include "tile/tile_set.h"

struct pw_pipeline {
    const struct pw_volume *volume;
    const struct pw_grid *grid;
    const struct pw_tile_set *tiles; /* those that come; NULL: all */
    struct pw_load_plan load;
    uint32_t depth;   /* slots of the ring */
    unsigned threads; /* workers */
    uint64_t least_slot_bytes;

    /*
     * In a worker's thread, before its first slot and after its last; leave also when enter failed.  May be NULL.
     */
    enum pw_status (*enter)(void *context, unsigned worker, struct pw_error *error);
    void (*leave)(void *context, unsigned worker);
    /* Work on a loaded slot; worker is 0..threads-1.  From that worker's thread. */
    enum pw_status (*work)(void *context, unsigned worker, struct pw_slot *slot, struct pw_error *error);
    /* Takes a finished slot, in any order, one at a time.  May be NULL. */
    enum pw_status (*commit)(void *context, struct pw_slot *slot, struct pw_error *error);
    void *context;
};

/* Runs it.  *stored_read gets the bytes read from the store.  Errors: the first of any thread; PW_E_CANCELLED. */
enum pw_status pw_pipeline_run(const struct pw_pipeline *pipeline, const struct pw_watch *watch, uint64_t *stored_read,
                               struct pw_error *error);

#endif
