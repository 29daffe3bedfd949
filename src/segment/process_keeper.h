/*
 * segment/process_keeper - the thread that starts worker processes and listens to what they print.
 *
 * A process is killed by the system when the thread that has started it ends (sys/worker_process.h), and threads of a
 * pass come and go: so one thread that lives as long as the workers starts them all.
 *
 * Threads: start() and wake() from any.
 */
#ifndef PW_SEGMENT_PROCESS_KEEPER_H
#define PW_SEGMENT_PROCESS_KEEPER_H

#include <pthread.h>

#include "segment/process_log.h"
#include "sys/worker_process.h"

/* A process that somebody wants started, and what came of it. */
struct pw_start_request {
    struct pw_worker_process *process;
    const struct pw_worker_start *start;
    enum pw_status status;
    struct pw_error *error;
    int is_done;
    struct pw_start_request *next;
};

struct pw_process_keeper {
    pthread_t thread;
    int is_running;
    int wake;                    /* an eventfd */
    struct pw_process_log **log; /* n of them; they live as long as the keeper */
    unsigned n;
    struct pollfd *poll;  /* n + 1 */
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t started;
    int ends;
    struct pw_start_request *wanted;
};

/* The keeper of n logs, none of which is open yet. */
enum pw_status pw_keeper_init(struct pw_process_keeper *keeper, struct pw_process_log **log, unsigned n,
                              struct pw_error *error);

/* Ends the thread, and with it every process that is left; safe on a zeroed one. */
void pw_keeper_destroy(struct pw_process_keeper *keeper);

/* As pw_worker_process_start(), from the keeper's thread. */
enum pw_status pw_keeper_start(struct pw_process_keeper *keeper, struct pw_worker_process *process,
                               const struct pw_worker_start *start, struct pw_error *error);

/* A log has been opened. */
void pw_keeper_wake(struct pw_process_keeper *keeper);

#endif
