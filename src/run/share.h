/*
 * run/share - numbered pieces of a pass (tiles, units) that a crew shares: each is taken once, in order; the first failure ends it.
 *
 *     struct pw_share share;
 *     pw_share_init(&share, n_pieces);
 *     status = pw_share_run(&share, threads, work, context, &watch, error);     may be repeated after pw_share_restart()
 *     pw_share_release(&share);
 *
 *     work(context, member), in each thread:
 *         make a worker of its own; if that fails: pw_share_fail(&share, &error)
 *         pw_share_each(&share, each, &worker);
 *
 * Threads: each and fail from any; the others from the one that runs the crew.
 */
#ifndef PW_RUN_SHARE_H
#define PW_RUN_SHARE_H

#include <pthread.h>

#include "run/crew.h"

struct pw_share {
    struct pw_counters counters;
    pthread_mutex_t lock;
    uint64_t next, n;      /* under lock, as all below */
    int failed;            /* nothing more is taken */
    struct pw_error error; /* the first */
};

void pw_share_init(struct pw_share *share, uint64_t n);
void pw_share_restart(struct pw_share *share, uint64_t n);
void pw_share_release(struct pw_share *share);

/* Does one piece; *input_bytes, 0 before, is what it read of the image, for the progress. */
typedef enum pw_status (*pw_piece_fn)(void *worker, uint64_t piece, uint64_t *input_bytes, struct pw_error *error);

/* Takes piece after piece and does it, until none is left, one fails, or the run is to stop. */
void pw_share_each(struct pw_share *share, pw_piece_fn each, void *worker);

void pw_share_fail(struct pw_share *share, const struct pw_error *error);

/* Errors: the first that failed; PW_E_CANCELLED; those of pw_crew_run(). */
enum pw_status pw_share_run(struct pw_share *share, unsigned threads, pw_crew_fn work, void *context,
                            const struct pw_watch *watch, struct pw_error *error);

#endif
