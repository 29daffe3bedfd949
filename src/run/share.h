/*
 * run/share - numbered pieces of a pass (tiles, units) that a crew shares: each is taken once, in order; the first failure ends it.
 *
 *     struct pw_share share;
 *     pw_share_init(&share, n_pieces);
 *     status = pw_share_run(&share, threads, work, context, &watch, error);     may be repeated after pw_share_restart()
 *     pw_share_release(&share);
 *
 *     work(context, member), in each thread:
 *         while (status == PW_OK && pw_share_take(&share, &piece))
 *             status = ..., and pw_share_done(&share, input_bytes)
 *         if (status != PW_OK)
 *             pw_share_fail(&share, &error);
 *
 * Threads: take, done and fail from any; the others from the one that runs the crew.
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

/* 0: none is left, something failed, or the run is to stop. */
int pw_share_take(struct pw_share *share, uint64_t *piece);

/* A piece is finished, of so many bytes of the image. */
void pw_share_done(struct pw_share *share, uint64_t input_bytes);

void pw_share_fail(struct pw_share *share, const struct pw_error *error);

/* Errors: the first that failed; PW_E_CANCELLED; those of pw_crew_run(). */
enum pw_status pw_share_run(struct pw_share *share, unsigned threads, pw_crew_fn work, void *context,
                            const struct pw_watch *watch, struct pw_error *error);

#endif
