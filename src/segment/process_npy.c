/*
 * Frames over pipes: one .npy of voxels to the worker's standard input, one of labels back from its standard output.
 *
 * Both pipes are looked after at the same time: a worker may begin to write before it has read everything, and both
 * would wait for ever if the host only wrote.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/checked.h"
#include "segment/process_pool.h"
#include "segment/process_tile.h"
#include "store/npy_header.h"
#include "sys/host.h"

enum {
    LOOK_UP_MS = 100,
    HEADER_BYTES = 4096 /* the longest header of a frame that is taken; in the desk's line */
};

/* One frame out, one in. */
struct frames {
    struct pw_attempt *attempt;
    struct pw_process *process;
    /* out: the header, then the voxels */
    char head[512];
    size_t head_bytes, body_bytes, sent;
    /* in: the header, then the labels */
    size_t have, header_end, label_bytes, received;
    int has_header;
};

__attribute__((format(printf, 3, 4))) static enum pw_outcome wrong(struct frames *f, enum pw_outcome outcome,
                                                                   const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(f->attempt->why, sizeof f->attempt->why, format, arguments);
    va_end(arguments);
    return outcome;
}

/* A plane has two axes, whatever is 1 thick has three in a volume. */
static void put_shape(const struct pw_attempt *a, struct pw_npy_header *header)
{
    int first = a->pool->image.rank == 2 ? 1 : 0;
    header->rank = 3 - first;
    for (int i = first; i < 3; i++)
        header->shape[i - first] = a->tile->shape[i];
}

/* ---- out --------------------------------------------------------------- */

/* As write(2), without a signal when nobody reads any more. */
static ssize_t write_quietly(int fd, const void *bytes, size_t n)
{
    const struct timespec now = {0, 0};
    sigset_t pipe_signal, before, pending;
    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    (void)sigpending(&pending);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    ssize_t sent = write(fd, bytes, n);
    int failed = errno;
    if (sent < 0 && failed == EPIPE && !sigismember(&pending, SIGPIPE))
        (void)sigtimedwait(&pipe_signal, NULL, &now);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failed;
    return sent;
}

/* Returns 0 when the worker does not read any more; it may still answer. */
static int send_some(struct frames *f)
{
    const char *from =
        f->sent < f->head_bytes ? f->head + f->sent : (const char *)f->attempt->desk->in + (f->sent - f->head_bytes);
    size_t left = f->sent < f->head_bytes ? f->head_bytes - f->sent : f->head_bytes + f->body_bytes - f->sent;
    ssize_t n = write_quietly(f->process->os.input, from, left);
    if (n > 0)
        f->sent += (size_t)n;
    return n > 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* ---- in ---------------------------------------------------------------- */

static enum pw_outcome check_header(struct frames *f, const struct pw_npy_header *header)
{
    struct pw_attempt *a = f->attempt;
    struct pw_npy_header wanted;
    put_shape(a, &wanted);
    int is_same = header->rank == wanted.rank;
    for (int i = 0; i < wanted.rank && is_same; i++)
        is_same = header->shape[i] == wanted.shape[i];
    if (!is_same)
        return wrong(f, PW_TILE_REFUSED,
                     "it gave a frame of another shape than the %" PRIu64 " x %" PRIu64 " x %" PRIu64 " of the window",
                     a->tile->shape[0], a->tile->shape[1], a->tile->shape[2]);
    if (header->dtype == PW_F16 || header->dtype == PW_F32 || header->dtype == PW_F64)
        return wrong(f, PW_TILE_REFUSED, "it gave labels of %s; they have to be whole numbers",
                     pw_dtype_name(header->dtype));
    if (header->fortran || (header->big_endian && pw_dtype_bytes(header->dtype) > 1))
        return wrong(f, PW_TILE_REFUSED,
                     "it gave a frame in column-major order or with the most significant byte first");
    a->labels = header->dtype;
    f->label_bytes =
        (size_t)(a->tile->shape[0] * a->tile->shape[1] * a->tile->shape[2]) * pw_dtype_bytes(header->dtype);
    return PW_TILE_DONE;
}

/* The header, as soon as it is whole; the labels that have come with it go where the others will. */
static enum pw_outcome take_header(struct frames *f)
{
    char *line = f->attempt->desk->line;
    size_t start, bytes;
    struct pw_npy_header header;
    struct pw_error why = {0};
    if (f->have < PW_NPY_PREFIX_BYTES)
        return PW_TILE_DONE;
    if (pw_npy_prefix((const unsigned char *)line, "its output", &start, &bytes, &why) != PW_OK)
        return wrong(f, PW_TILE_BROKEN, "%s", why.message);
    if (start + bytes > HEADER_BYTES)
        return wrong(f, PW_TILE_BROKEN, "its output has a header of %zu bytes", bytes);
    if (f->have < start + bytes)
        return PW_TILE_DONE;
    if (pw_npy_parse(line + start, bytes, "its output", &header, &why) != PW_OK)
        return wrong(f, PW_TILE_BROKEN, "%s", why.message);
    enum pw_outcome outcome = check_header(f, &header);
    if (outcome != PW_TILE_DONE)
        return outcome;
    f->has_header = 1;
    f->received = f->have - start - bytes;
    if (f->received > f->label_bytes)
        return wrong(f, PW_TILE_BROKEN, "its output goes on after the labels of the tile");
    memcpy(f->attempt->desk->out, line + start + bytes, f->received);
    return PW_TILE_DONE;
}

static enum pw_outcome receive_some(struct frames *f)
{
    struct pw_desk *desk = f->attempt->desk;
    char *to = f->has_header ? (char *)desk->out + f->received : desk->line + f->have;
    size_t room = f->has_header ? f->label_bytes - f->received : HEADER_BYTES + PW_NPY_PREFIX_BYTES - f->have;
    ssize_t n = read(f->process->os.output, to, room);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return PW_TILE_DONE;
    if (n <= 0) {
        f->process->link.end = PW_LINK_CLOSED;
        f->attempt->why[0] = '\0';
        return PW_TILE_BROKEN;
    }
    if (f->has_header) {
        f->received += (size_t)n;
        return PW_TILE_DONE;
    }
    f->have += (size_t)n;
    return take_header(f);
}

/* ------------------------------------------------------------------------ */

static enum pw_outcome check_time(struct frames *f, const struct pw_patience *patience, double heard)
{
    if (pw_patience_is_over(patience))
        return PW_TILE_CANCELLED;
    if (patience->seconds > 0 && pw_host_seconds() - heard > patience->seconds)
        return wrong(f, PW_TILE_BROKEN, "it has not answered for %g s", patience->seconds);
    return PW_TILE_DONE;
}

/* A worker that has not read everything is not where the next tile could begin. */
static enum pw_outcome check_end(struct frames *f)
{
    if (f->sent < f->head_bytes + f->body_bytes)
        return wrong(f, PW_TILE_BROKEN, "it answered before it had read the tile");
    return PW_TILE_DONE;
}

static int is_whole(const struct frames *f)
{
    return f->has_header && f->received == f->label_bytes;
}

static enum pw_outcome talk(struct frames *f)
{
    struct pw_patience patience = pw_pool_patience(f->attempt->pool);
    double heard = pw_host_seconds();
    int reads = 1;
    while (!is_whole(f)) {
        int sends = reads && f->sent < f->head_bytes + f->body_bytes;
        struct pollfd wait[2] = {{.fd = f->process->os.output, .events = POLLIN},
                                 {.fd = sends ? f->process->os.input : -1, .events = POLLOUT}};
        enum pw_outcome outcome = PW_TILE_DONE;
        if (poll(wait, 2, LOOK_UP_MS) > 0) {
            heard = pw_host_seconds();
            if (wait[1].revents != 0)
                reads = send_some(f);
            if (wait[0].revents != 0)
                outcome = receive_some(f);
        }
        if (outcome == PW_TILE_DONE)
            outcome = check_time(f, &patience, heard);
        if (outcome != PW_TILE_DONE)
            return outcome;
    }
    return check_end(f);
}

/* The labels of the last tile are all that has been asked for. */
static int has_surplus(const struct pw_process *process)
{
    char byte;
    return read(process->os.output, &byte, 1) > 0;
}

int pw_npy_drain(const struct pw_process *process, double seconds)
{
    struct pollfd wait = {.fd = process->os.output, .events = POLLIN};
    double until = pw_host_seconds() + seconds;
    while (poll(&wait, 1, LOOK_UP_MS) <= 0 && pw_host_seconds() < until)
        continue;
    return has_surplus(process);
}

enum pw_outcome pw_npy_exchange(struct pw_attempt *attempt, struct pw_process *process)
{
    struct frames f = {.attempt = attempt, .process = process};
    struct pw_npy_header header = {.dtype = attempt->pool->in_dtype};
    const uint64_t *shape = attempt->tile->shape;
    put_shape(attempt, &header);
    if (attempt->tile->n_channels > 1) { /* in front */
        memmove(&header.shape[1], header.shape, (size_t)header.rank * sizeof header.shape[0]);
        header.shape[0] = attempt->tile->n_channels;
        header.rank++;
    }
    f.head_bytes = pw_npy_format(&header, f.head, sizeof f.head);
    f.body_bytes = (size_t)(attempt->tile->n_channels * shape[0] * shape[1] * shape[2]) * pw_dtype_bytes(header.dtype);
    if (!has_surplus(process))
        return talk(&f);
    atomic_store(&attempt->pool->has_surplus, 1);
    return wrong(&f, PW_TILE_REFUSED, "its output goes on after the labels of the tile before");
}
