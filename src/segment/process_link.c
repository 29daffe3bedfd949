#include "segment/process_link.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/memory.h"
#include "sys/host.h"

enum {
    LOOK_UP_MS = 100 /* how long a silent worker is waited for before looking whether to stop */
};

/* A sleeping thread runs again so long after it was woken, on a processor that has nothing else to do. */
#define WAKE_SECONDS 40e-6

enum pw_status pw_link_init(struct pw_process_link *link, struct pw_error *error)
{
    memset(link, 0, sizeof *link);
    link->fd = -1;
    (void)pthread_mutex_init(&link->sending, NULL);
    (void)pthread_mutex_init(&link->lock, NULL);
    (void)pthread_cond_init(&link->changed, NULL);
    link->line = pw_alloc(1, PW_WORKER_LINE_BYTES, error);
    return link->line != NULL ? PW_OK : PW_E_NOMEM;
}

void pw_link_destroy(struct pw_process_link *link)
{
    free(link->line);
    (void)pthread_mutex_destroy(&link->sending);
    (void)pthread_mutex_destroy(&link->lock);
    (void)pthread_cond_destroy(&link->changed);
}

size_t pw_link_memory_bytes(void)
{
    return sizeof(struct pw_process_link) + PW_WORKER_LINE_BYTES;
}

void pw_link_begin(struct pw_process_link *link, int fd)
{
    link->fd = fd;
    link->have = 0;
    link->is_reading = 0;
    link->end = PW_LINK_GOOD;
    link->why[0] = '\0';
    memset(link->call, 0, sizeof link->call);
}

int pw_patience_is_over(const struct pw_patience *patience)
{
    return (patience->cancel != NULL && atomic_load(patience->cancel) != 0) ||
           (patience->stop != NULL && patience->stop(patience->stop_user) != 0);
}

/* ---- what ends it ------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) static enum pw_link_end broken(struct pw_process_link *link, enum pw_link_end end,
                                                                     const char *format, ...)
{
    va_list arguments;
    if (link->end != PW_LINK_GOOD)
        return link->end;
    link->end = end;
    va_start(arguments, format);
    (void)vsnprintf(link->why, sizeof link->why, format, arguments);
    va_end(arguments);
    return end;
}

static enum pw_link_end judge(const struct pw_patience *patience, double heard)
{
    if (pw_patience_is_over(patience))
        return PW_LINK_CANCELLED;
    return patience->seconds > 0 && pw_host_seconds() - heard > patience->seconds ? PW_LINK_LATE : PW_LINK_GOOD;
}

static enum pw_link_end fail(struct pw_process_link *link, enum pw_link_end end, const struct pw_patience *patience)
{
    switch (end) {
    case PW_LINK_CLOSED: return broken(link, end, "it ended");
    case PW_LINK_LATE: return broken(link, end, "it has not answered for %g s", patience->seconds);
    case PW_LINK_CANCELLED: return broken(link, end, "stopped");
    default: return end;
    }
}

static enum pw_link_end check_patience(struct pw_process_link *link, const struct pw_patience *patience, double heard)
{
    return fail(link, judge(patience, heard), patience);
}

static int milliseconds_left(const struct pw_patience *patience, double heard)
{
    double left = patience->seconds > 0 ? (heard + patience->seconds - pw_host_seconds()) * 1000 + 1 : LOOK_UP_MS;
    return left < 0 ? 0 : left < LOOK_UP_MS ? (int)left : LOOK_UP_MS;
}

/* ---- reading: one thread at a time ------------------------------------- */

static int is_for_later(ssize_t n)
{
    return n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK);
}

static ssize_t take(struct pw_process_link *link)
{
    return recv(link->fd, link->line + link->have, PW_WORKER_LINE_BYTES - link->have, MSG_DONTWAIT);
}

/* Looks again and again for as long as going to sleep and being woken would take, while others may have the processor. */
static ssize_t take_soon(struct pw_process_link *link)
{
    double began = pw_host_seconds();
    ssize_t n = take(link);
    while (is_for_later(n) && pw_host_seconds() - began < WAKE_SECONDS) {
        (void)sched_yield();
        n = take(link);
    }
    return n;
}

/* Waits for bytes and takes them; *got 0 when none came.  Without the lock. */
static enum pw_link_end receive(struct pw_process_link *link, int wait_ms, ssize_t *got)
{
    struct pollfd wait = {.fd = link->fd, .events = POLLIN};
    *got = 0;
    ssize_t n = take_soon(link);
    if (is_for_later(n)) {
        if (poll(&wait, 1, wait_ms) <= 0)
            return PW_LINK_GOOD;
        n = take(link);
    }
    if (is_for_later(n))
        return PW_LINK_GOOD;
    if (n <= 0)
        return PW_LINK_CLOSED;
    *got = n;
    link->have += (size_t)n;
    return PW_LINK_GOOD;
}

/* The end of the first line that has been received whole; NULL when there is none yet. */
static char *line_end(struct pw_process_link *link, size_t from)
{
    return memchr(link->line + from, '\n', link->have - from);
}

static void drop_first(struct pw_process_link *link, size_t n)
{
    memmove(link->line, link->line + n, link->have - n);
    link->have -= n;
}

static enum pw_link_end check_length(struct pw_process_link *link)
{
    if (link->have < PW_WORKER_LINE_BYTES)
        return PW_LINK_GOOD;
    return broken(link, PW_LINK_BABBLE, "a line of more than %d bytes", PW_WORKER_LINE_BYTES);
}

enum pw_link_end pw_link_hello(struct pw_process_link *link, const struct pw_patience *patience, const char **line,
                               size_t *n)
{
    double began = pw_host_seconds();
    for (;;) {
        ssize_t got;
        char *end = line_end(link, 0);
        if (end != NULL) {
            *line = link->line;
            *n = (size_t)(end - link->line);
            return PW_LINK_GOOD;
        }
        if (check_length(link) != PW_LINK_GOOD || check_patience(link, patience, began) != PW_LINK_GOOD)
            return link->end;
        if (receive(link, milliseconds_left(patience, began), &got) != PW_LINK_GOOD)
            return fail(link, PW_LINK_CLOSED, patience);
    }
}

void pw_link_hello_taken(struct pw_process_link *link, size_t n)
{
    drop_first(link, n + 1); /* what follows is an answer to nothing, and will be noticed as that */
}

/* Gives one line to whom it is for.  The lock is held. */
static enum pw_link_end hand_out(struct pw_process_link *link, const char *line, size_t n)
{
    struct pw_answer answer;
    struct pw_error why = {0};
    if (pw_answer_parse(line, n, &answer, &why) != PW_OK)
        return broken(link, PW_LINK_BABBLE, "%.600s", why.message);
    double now = pw_host_seconds();
    for (int i = 0; i < PW_WORKER_INFLIGHT_MAX; i++) /* tiles that wait behind this one are not late */
        link->call[i].heard = now;
    for (int i = 0; i < PW_WORKER_INFLIGHT_MAX; i++) {
        struct pw_call *call = &link->call[i];
        if (!call->is_used || call->is_answered || call->id != answer.id)
            continue;
        call->is_answered = answer.kind != PW_ANSWER_PROGRESS;
        if (call->is_answered)
            call->answer = answer;
        return PW_LINK_GOOD;
    }
    return broken(link, PW_LINK_BABBLE, "it answers for id %llu, which it does not have",
                  (unsigned long long)answer.id);
}

static void hand_out_lines(struct pw_process_link *link, size_t searched)
{
    size_t begin = 0;
    for (char *end = line_end(link, searched); end != NULL && link->end == PW_LINK_GOOD; end = line_end(link, begin)) {
        (void)hand_out(link, link->line + begin, (size_t)(end - link->line) - begin);
        begin = (size_t)(end - link->line) + 1;
    }
    drop_first(link, begin);
    (void)check_length(link);
}

/* Reads for everybody until own is answered.  The lock is held, but not while waiting. */
static void read_until_answered(struct pw_process_link *link, struct pw_call *own, const struct pw_patience *patience)
{
    link->is_reading = 1;
    while (!own->is_answered && link->end == PW_LINK_GOOD) {
        ssize_t got;
        int wait_ms = milliseconds_left(patience, own->heard);
        size_t searched = link->have;
        (void)pthread_mutex_unlock(&link->lock);
        enum pw_link_end end = receive(link, wait_ms, &got);
        (void)pthread_mutex_lock(&link->lock);
        (void)fail(link, end, patience);
        if (got > 0)
            hand_out_lines(link, searched);
        if (got > 0)
            (void)pthread_cond_broadcast(&link->changed);
        if (!own->is_answered)
            (void)check_patience(link, patience, own->heard);
    }
    link->is_reading = 0;
    (void)pthread_cond_broadcast(&link->changed);
}

/* Somebody else reads: until own is answered, or nobody does any more.  The lock is held. */
static void wait_for_reader(struct pw_process_link *link, struct pw_call *own, const struct pw_patience *patience)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)milliseconds_left(patience, own->heard) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_cond_clockwait(&link->changed, &link->lock, CLOCK_MONOTONIC, &until);
    if (!own->is_answered)
        (void)check_patience(link, patience, own->heard);
}

/* ---- sending ----------------------------------------------------------- */

/* A worker that does not read is noticed here. */
static enum pw_link_end send_all(struct pw_process_link *link, const char *message, size_t n,
                                 const struct pw_patience *patience)
{
    double began = pw_host_seconds();
    for (size_t sent = 0; sent < n;) {
        ssize_t k = send(link->fd, message + sent, n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        struct pollfd wait = {.fd = link->fd, .events = POLLOUT};
        if (k > 0)
            sent += (size_t)k;
        else if (k < 0 && errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
            return PW_LINK_CLOSED;
        else if (judge(patience, began) != PW_LINK_GOOD)
            return judge(patience, began);
        else
            (void)poll(&wait, 1, milliseconds_left(patience, began));
    }
    return PW_LINK_GOOD;
}

static struct pw_call *enter(struct pw_process_link *link, uint64_t id)
{
    struct pw_call *call = link->call;
    while (call->is_used)
        call++;
    memset(call, 0, sizeof *call);
    call->is_used = 1;
    call->id = id;
    call->heard = pw_host_seconds();
    return call;
}

enum pw_link_end pw_link_call(struct pw_process_link *link, uint64_t id, const char *message, size_t n,
                              const struct pw_patience *patience, struct pw_answer *answer)
{
    (void)pthread_mutex_lock(&link->lock);
    struct pw_call *own = enter(link, id);
    (void)pthread_mutex_unlock(&link->lock);

    (void)pthread_mutex_lock(&link->sending);
    enum pw_link_end end = send_all(link, message, n, patience);
    (void)pthread_mutex_unlock(&link->sending);

    (void)pthread_mutex_lock(&link->lock);
    (void)fail(link, end, patience);
    while (!own->is_answered && link->end == PW_LINK_GOOD)
        if (link->is_reading)
            wait_for_reader(link, own, patience);
        else
            read_until_answered(link, own, patience);
    end = own->is_answered ? PW_LINK_GOOD : link->end;
    *answer = own->answer;
    own->is_used = 0;
    (void)pthread_mutex_unlock(&link->lock);
    return end;
}

static enum pw_link_end end_of(struct pw_process_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    enum pw_link_end end = link->end;
    (void)pthread_mutex_unlock(&link->lock);
    return end;
}

int pw_link_is_good(struct pw_process_link *link)
{
    return end_of(link) == PW_LINK_GOOD;
}

int pw_link_has_closed(struct pw_process_link *link)
{
    return end_of(link) == PW_LINK_CLOSED;
}

void pw_link_bye(struct pw_process_link *link)
{
    static const char message[] = "{\"op\":\"bye\"}\n";
    if (link->fd >= 0)
        (void)!send(link->fd, message, sizeof message - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}
