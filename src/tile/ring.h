/*
 * tile/ring - the bounded ring: at most depth tiles are resident.
 *
 *     reader:    free -> begin, reap -> loaded      (in tile order)
 *     workers:   loaded -> segment   -> done        (any order)
 *     committer: done -> stage, edges -> free
 *
 * A slot is in one queue, or held by one thread.  The first error stops the ring: take
 * functions then return NULL at once, and slots still queued stay where they are.
 *
 * Threads: all functions from any thread; each queue has one role on either side.
 */
#ifndef PW_TILE_RING_H
#define PW_TILE_RING_H

#include <pthread.h>

#include "patchworks.h"
#include "tile/loader.h"

/* A queue has one role waiting for it, so that a slot wakes one thread and not all. */
struct pw_slot_queue {
    struct pw_slot *first, **last;
    pthread_cond_t filled;
};

struct pw_ring {
    pthread_mutex_t lock;
    /* under lock */
    struct pw_slot_queue free, loaded, done;
    uint64_t n_left;    /* tiles not yet freed by the committer */
    uint64_t n_to_load; /* tiles not yet put into loaded */
    int stopped;
    struct pw_error error;
    /* fixed after init */
    struct pw_slot *slot;
    uint32_t depth;
};

/* Makes depth slots for n_tiles tiles. */
enum pw_status pw_ring_init(struct pw_ring *ring, uint32_t depth, uint64_t n_tiles, const struct pw_load_plan *plan,
                            uint64_t least_slot_bytes, struct pw_error *error);
void pw_ring_destroy(struct pw_ring *ring); /* safe on a zeroed ring */

/* A free slot; with wait 0 NULL when there is none now.  NULL when stopped. */
struct pw_slot *pw_ring_take_free(struct pw_ring *ring, int wait);
void pw_ring_put_loaded(struct pw_ring *ring, struct pw_slot *slot);

/* Blocks; NULL when stopped or all tiles have been taken. */
struct pw_slot *pw_ring_take_loaded(struct pw_ring *ring);
void pw_ring_put_done(struct pw_ring *ring, struct pw_slot *slot);

/* Blocks; NULL when stopped or all tiles have been freed. */
struct pw_slot *pw_ring_take_done(struct pw_ring *ring);
void pw_ring_put_free(struct pw_ring *ring, struct pw_slot *slot);

/* Of a stopped ring that no thread is at any more: a slot that was put into done and not taken; NULL when there is none. */
struct pw_slot *pw_ring_take_left(struct pw_ring *ring);

/* Records the first error and stops the ring. */
void pw_ring_fail(struct pw_ring *ring, const struct pw_error *error);
int pw_ring_stopped(struct pw_ring *ring);

/* Sleeps at hand-off points when PW_STALL is set in the environment, so that races show in tests. */
void pw_ring_stall(void);

#endif
