/*
 * Batched reads through io_uring: up to depth of them under way, submitted
 * some at a time, or when the caller waits and none has completed.  A short read is continued until the range is
 * whole or the file ends, since buffered reads may stop where the page cache does.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "io/engine.h"

struct uring {
    struct io_uring ring;
    unsigned queued; /* prepared and not yet submitted */
};

static enum pw_status uring_open(unsigned depth, void **state, struct pw_error *error)
{
    struct uring *self = pw_alloc(1, sizeof *self, error);
    if (self == NULL)
        return PW_E_NOMEM;
    int result = io_uring_queue_init(depth, &self->ring, 0);
    if (result < 0) {
        free(self);
        return pw_fail_errno(error, PW_E_UNSUPPORTED, -result,
                             "--io uring: the kernel grants no ring (use --io auto or sync)");
    }
    *state = self;
    return PW_OK;
}

static void uring_close(void *state)
{
    struct uring *self = state;
    io_uring_queue_exit(&self->ring);
    free(self);
}

static void submit_queued(struct uring *self)
{
    while (self->queued > 0) {
        int n = io_uring_submit(&self->ring);
        if (n > 0)
            self->queued -= (unsigned)n;
        else if (n != -EINTR && n != -EAGAIN && n != -EBUSY)
            break; /* the reads stay queued; waiting for them reports what the kernel says */
    }
}

static void prepare(struct uring *self, struct pw_read *read)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
    if (sqe == NULL) { /* full of prepared entries: hand them over, then there is room */
        submit_queued(self);
        sqe = io_uring_get_sqe(&self->ring);
    }
    size_t rest = read->length - read->got;
    unsigned length = rest > ((unsigned)1 << 30) ? (unsigned)1 << 30 : (unsigned)rest;
    io_uring_prep_read(sqe, read->fd, (char *)read->buffer + read->got, length, read->offset + read->got);
    io_uring_sqe_set_data(sqe, read);
    self->queued++;
}

enum {
    BATCH = 8
}; /* prepared reads handed over at once; more would leave a cold disk idle meanwhile */

static int uring_start(void *state, struct pw_read *read)
{
    struct uring *self = state;
    prepare(self, read);
    if (self->queued >= BATCH)
        submit_queued(self);
    return 0;
}

static struct pw_read *uring_wait(void *state)
{
    struct uring *self = state;
    for (;;) {
        struct io_uring_cqe *cqe;
        if (io_uring_peek_cqe(&self->ring, &cqe) != 0) {
            /* Only now: while there are others to take, those that are prepared wait for a whole batch. */
            submit_queued(self);
            if (io_uring_wait_cqe(&self->ring, &cqe) < 0)
                continue; /* EINTR; a ring that was granted gives no other error here */
        }
        struct pw_read *read = io_uring_cqe_get_data(cqe);
        int n = cqe->res;
        io_uring_cqe_seen(&self->ring, cqe);
        if (n > 0)
            read->got += (size_t)n;
        if (n == -EINTR || n == -EAGAIN || (n > 0 && read->got < read->length)) {
            prepare(self, read);
            continue;
        }
        if (n < 0)
            read->sys_errno = -n;
        return read;
    }
}

static size_t uring_memory_bytes(unsigned depth)
{
    return sizeof(struct uring) + (size_t)depth * 2 * (sizeof(struct io_uring_sqe) + 2 * sizeof(struct io_uring_cqe));
}

const struct pw_io_engine_ops pw_io_uring_ops = {
    .name = "uring",
    .open = uring_open,
    .close = uring_close,
    .start = uring_start,
    .wait = uring_wait,
    .memory_bytes = uring_memory_bytes,
};
