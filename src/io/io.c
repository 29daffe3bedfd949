/*
 * The front end of the engines: opens and closes files that are named by path,
 * cuts reads to the file's size, keeps the list of completed reads.
 */
#include "io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "io/engine.h"

struct pw_io {
    const struct pw_io_engine_ops *ops;
    void *state;
    unsigned depth;
    unsigned under_way;        /* started and not yet completed */
    struct pw_read *completed; /* oldest first */
    struct pw_read **last;
};

static const struct pw_io_engine_ops *engine_ops(enum pw_io_engine engine)
{
    switch (engine) {
    case PW_IO_SYNC: return &pw_io_sync_ops;
    case PW_IO_MMAP: return &pw_io_mmap_ops;
    case PW_IO_URING:
#ifdef HAVE_LIBURING
        return &pw_io_uring_ops;
#else
        return NULL;
#endif
    case PW_IO_AUTO: break;
    }
    return NULL;
}

int pw_io_uring_works(void)
{
    const struct pw_io_engine_ops *ops = engine_ops(PW_IO_URING);
    void *state;
    if (ops == NULL || ops->open(1, &state, NULL) != PW_OK)
        return 0;
    ops->close(state);
    return 1;
}

enum pw_status pw_io_open(enum pw_io_engine engine, unsigned depth, struct pw_io **io, struct pw_error *error)
{
    struct pw_io *self = pw_alloc(1, sizeof *self, error);
    if (self == NULL)
        return PW_E_NOMEM;
    self->depth = depth == 0 ? 1 : depth;
    self->last = &self->completed;
    enum pw_io_engine first = engine == PW_IO_AUTO ? PW_IO_URING : engine;
    self->ops = engine_ops(first);
    enum pw_status status =
        self->ops != NULL ? self->ops->open(self->depth, &self->state, error)
                          : pw_fail(error, PW_E_UNSUPPORTED, "--io uring: this build has no liburing; use --io sync");
    if (status != PW_OK && engine == PW_IO_AUTO) {
        self->ops = &pw_io_sync_ops;
        status = self->ops->open(self->depth, &self->state, error);
    }
    if (status != PW_OK) {
        free(self);
        return status;
    }
    *io = self;
    return PW_OK;
}

void pw_io_close(struct pw_io *io)
{
    if (io == NULL)
        return;
    for (struct pw_read *read; (read = pw_io_wait(io)) != NULL;)
        pw_io_done(io, read);
    io->ops->close(io->state);
    free(io);
}

const char *pw_io_name(const struct pw_io *io)
{
    return io->ops->name;
}

static void complete(struct pw_io *io, struct pw_read *read)
{
    if (read->opened) {
        (void)close(read->fd);
        read->fd = -1;
        read->opened = 0;
    }
    if (read->data == NULL)
        read->data = read->buffer;
    read->next = NULL;
    *io->last = read;
    io->last = &read->next;
}

/* Opens read->path and cuts the read to the file. */
static int open_path(struct pw_read *read)
{
    struct stat st;
    do
        read->fd = open(read->path, O_RDONLY | O_CLOEXEC);
    while (read->fd < 0 && errno == EINTR);
    if (read->fd < 0)
        return errno;
    read->opened = 1;
    if (fstat(read->fd, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    uint64_t size = (uint64_t)st.st_size;
    uint64_t rest = size > read->offset ? size - read->offset : 0;
    read->length = (size_t)pw_min_u64(rest, read->length);
    return 0;
}

static struct pw_read *engine_wait(struct pw_io *io)
{
    struct pw_read *read = io->ops->wait(io->state);
    io->under_way--;
    return read;
}

void pw_io_submit(struct pw_io *io, struct pw_read *read)
{
    read->data = NULL;
    read->got = 0;
    read->sys_errno = 0;
    read->mapping = NULL;
    read->opened = 0;
    if (read->path != NULL)
        read->sys_errno = open_path(read);
    if (read->sys_errno != 0 || read->length == 0) {
        complete(io, read);
        return;
    }
    while (io->under_way >= io->depth)
        complete(io, engine_wait(io));
    if (io->ops->start(io->state, read))
        complete(io, read);
    else
        io->under_way++;
}

struct pw_read *pw_io_wait(struct pw_io *io)
{
    if (io->completed == NULL && io->under_way > 0)
        complete(io, engine_wait(io));
    struct pw_read *read = io->completed;
    if (read != NULL) {
        io->completed = read->next;
        if (io->completed == NULL)
            io->last = &io->completed;
    }
    return read;
}

void pw_io_done(struct pw_io *io, struct pw_read *read)
{
    (void)io;
    if (read->mapping != NULL)
        (void)munmap(read->mapping, read->mapping_bytes);
    read->mapping = NULL;
    read->data = NULL;
}

size_t pw_io_memory_bytes(enum pw_io_engine engine, unsigned depth)
{
    const struct pw_io_engine_ops *ops = engine_ops(engine == PW_IO_AUTO ? PW_IO_URING : engine);
    return sizeof(struct pw_io) + (ops != NULL ? ops->memory_bytes(depth) : 0);
}
