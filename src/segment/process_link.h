/*
 * segment/process_link - the conversation with one worker process over its control socket.
 *
 *     pw_link_begin(&link, fd)
 *     pw_link_hello(&link, &patience, &line, &n)
 *     pw_link_call(&link, id, message, n, &patience, &answer)     from several threads, when the worker takes several
 *
 * Whoever waits reads for all: of the threads that have a tile with the worker one reads lines and
 * hands answers out, the others wait for theirs.  The first thing that is wrong breaks the link for all of them.
 *
 * Memory: pw_link_memory_bytes().  Threads: call() from any; the others while nobody calls.
 */
#ifndef PW_SEGMENT_PROCESS_LINK_H
#define PW_SEGMENT_PROCESS_LINK_H

#include <pthread.h>

#include "segment/process_message.h"

/* How long somebody waits. */
struct pw_patience {
    double seconds;            /* without a sign of life; 0: for ever */
    const _Atomic int *cancel; /* may be NULL: somebody wants to stop */
    pw_stop_fn stop;           /* likewise */
    void *stop_user;
};

int pw_patience_is_over(const struct pw_patience *patience); /* it has been cancelled or stopped */

/* One tile that is with the worker. */
struct pw_call {
    int is_used, is_answered;
    uint64_t id;
    double heard; /* when it was sent, or the worker last said something, of whatever tile */
    struct pw_answer answer;
};

enum pw_link_end {
    PW_LINK_GOOD = 0,
    PW_LINK_CLOSED,   /* the worker has closed its end, most likely by ending */
    PW_LINK_LATE,     /* no answer in time */
    PW_LINK_BABBLE,   /* something that is no answer to anything */
    PW_LINK_CANCELLED /* the run stops */
};

struct pw_process_link {
    int fd;     /* not owned */
    char *line; /* PW_WORKER_LINE_BYTES: what has been received; of the thread that reads */
    size_t have;
    pthread_mutex_t sending;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    int is_reading;
    enum pw_link_end end;
    char why[700]; /* what was wrong */
    struct pw_call call[PW_WORKER_INFLIGHT_MAX];
};

enum pw_status pw_link_init(struct pw_process_link *link, struct pw_error *error);
void pw_link_destroy(struct pw_process_link *link);
size_t pw_link_memory_bytes(void);

/* A new worker, at the other end of fd. */
void pw_link_begin(struct pw_process_link *link, int fd);

/* The worker's first line, n bytes without its end; valid until it has been taken. */
enum pw_link_end pw_link_hello(struct pw_process_link *link, const struct pw_patience *patience, const char **line,
                               size_t *n);

void pw_link_hello_taken(struct pw_process_link *link, size_t n);

/* Sends message and waits for the answer to id.  What is wrong is in link->why. */
enum pw_link_end pw_link_call(struct pw_process_link *link, uint64_t id, const char *message, size_t n,
                              const struct pw_patience *patience, struct pw_answer *answer);

/* Whether it still leads to the worker, for who has nothing to send just now. */
int pw_link_is_good(struct pw_process_link *link);

/* Whether the worker has closed it. */
int pw_link_has_closed(struct pw_process_link *link);

/* Sends the last line; what comes of it does not matter. */
void pw_link_bye(struct pw_process_link *link);

#endif
