/*
 * segment/process_log - what a worker process prints, line by line.
 *
 * A line goes to the run's message function as "worker NAME[INDEX]: text", and the last ones are kept for the
 * error message of a worker that fails.  Of a line that a progress bar draws over and over only what stands at its end
 * counts.
 *
 * Threads: any, also at the same time.
 */
#ifndef PW_SEGMENT_PROCESS_LOG_H
#define PW_SEGMENT_PROCESS_LOG_H

#include <pthread.h>

#include "patchworks.h"

enum {
    PW_LOG_LINES = 20, /* that are kept */
    PW_LOG_LINE_BYTES = 400
};

/* Where messages of all workers go, one at a time. */
struct pw_messages {
    pw_message_fn message; /* may be NULL */
    void *user;
    pthread_mutex_t lock;
};

struct pw_process_log {
    struct pw_messages *messages;
    pthread_mutex_t lock; /* guards all below */
    int fd;               /* -1: closed */
    char name[96];        /* "worker NAME[INDEX]" */
    char line[PW_LOG_LINE_BYTES];
    size_t n;  /* bytes of line */
    int again; /* a carriage return has come: what follows takes the place of the line */
    char last[PW_LOG_LINES][PW_LOG_LINE_BYTES];
    uint64_t n_lines; /* line i is last[i % PW_LOG_LINES] */
};

void pw_process_log_init(struct pw_process_log *log, struct pw_messages *messages);
void pw_process_log_destroy(struct pw_process_log *log);

/* Another process begins: earlier lines are forgotten.  The log takes fd over, which does not block. */
void pw_process_log_begin(struct pw_process_log *log, int fd);
void pw_process_log_name(struct pw_process_log *log, const char *name, unsigned index);

/* The descriptor, to wait for; -1 when it is closed. */
int pw_process_log_fd(struct pw_process_log *log);

/* Takes what is there to be read; at the end of the file it is closed. */
void pw_process_log_pump(struct pw_process_log *log);

/* The same, and closes it. */
void pw_process_log_end(struct pw_process_log *log);

/* The last lines as ": line | line | line", as many as fit; "" when there are none. */
void pw_process_log_tail(struct pw_process_log *log, char *out, size_t capacity);

/* One line of ours, to the message function. */
void pw_messages_say(struct pw_messages *messages, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
