/*
 * run/band_ahead - which pieces of an image the system is asked to begin reading before their turn.
 *
 * A thread that reads a chunk from a disk waits for it and does nothing else; one that reads it over a network waits for
 * each of its packets too.  Some pieces after those that were taken are therefore announced: their bytes come while
 * others are decoded, several at a time.  Where images are in memory already there is nothing to announce; who reads
 * notices that (pw_region_reader_waits()).
 *
 * Threads: under the lock of who owns it.
 */
#ifndef PW_RUN_BAND_AHEAD_H
#define PW_RUN_BAND_AHEAD_H

#include "run/band_tasks.h"

struct pw_band_ahead {
    uint64_t distance; /* pieces that are announced after the last one taken; 0: none */
    uint64_t taken;    /* pieces */
    uint64_t next;     /* piece of the image that is announced next, and where it is */
    struct pw_band_task task;
    uint64_t n_tasks; /* of its band; 0: not counted yet */
};

void pw_band_ahead_init(struct pw_band_ahead *ahead, const struct pw_band_tasks *tasks, unsigned threads);

/* Another piece was taken. */
void pw_band_ahead_take(struct pw_band_ahead *ahead);

/* The next one to be announced into task.  Returns 0 when enough are. */
int pw_band_ahead_next(struct pw_band_ahead *ahead, const struct pw_band_tasks *tasks, struct pw_band_task *task);

#endif
