/* Plain pread, one at a time: the oracle that the other engines are compared with. */
#include <errno.h>
#include <unistd.h>

#include "io/engine.h"

static enum pw_status sync_open(unsigned depth, void **state, struct pw_error *error)
{
    (void)depth;
    (void)error;
    *state = NULL;
    return PW_OK;
}

static void sync_close(void *state)
{
    (void)state;
}

static int sync_start(void *state, struct pw_read *read)
{
    (void)state;
    while (read->got < read->length) {
        ssize_t n = pread(read->fd, (char *)read->buffer + read->got, read->length - read->got,
                          (off_t)(read->offset + read->got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            read->sys_errno = errno;
        if (n <= 0)
            break;
        read->got += (size_t)n;
    }
    return 1;
}

static size_t sync_memory_bytes(unsigned depth)
{
    (void)depth;
    return 0;
}

const struct pw_io_engine_ops pw_io_sync_ops = {
    .name = "sync",
    .open = sync_open,
    .close = sync_close,
    .start = sync_start,
    .memory_bytes = sync_memory_bytes,
};
