/*
 * run/crew - some threads that work until all are done, while the caller reports
 * progress.
 *
 * The caller's thread runs no work: it waits, calls the progress callback about ten
 * times a second, and raises the cancel flag when that asks to stop.
 */
#ifndef PW_RUN_CREW_H
#define PW_RUN_CREW_H

#include <stdatomic.h>

#include "patchworks.h"

/* What threads of a pass report; any of them adds. */
struct pw_counters {
    _Atomic uint64_t done;
    _Atomic uint64_t input_bytes;
    _Atomic int cancel; /* set by the caller's thread; threads stop taking new work */
};

/* How to report. */
struct pw_watch {
    pw_progress_fn progress; /* may be NULL */
    void *user;
    enum pw_pass pass;
    uint64_t total;
};

/* One thread's work. */
typedef void (*pw_crew_fn)(void *context, unsigned member);

/*
 * Runs n threads, each work(context, 0..n-1), until all have returned.
 * Errors: PW_E_NOMEM when a thread cannot be made; then no member has begun to work.
 */
enum pw_status pw_crew_run(unsigned n, pw_crew_fn work, void *context, struct pw_counters *counters,
                           const struct pw_watch *watch, struct pw_error *error);

#endif
