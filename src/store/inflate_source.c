#include "store/inflate_source.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "sys/file.h"

enum {
    IN_BYTES = 256 << 10,
    OUT_BYTES = 1 << 20
};

struct inflate_source {
    struct pw_source base;
    struct pw_source_ops ops;
    int fd;                   /* the compressed file */
    _Atomic uint64_t spooled; /* bytes of the array in the scratch file; grows under lock, read without */
    pthread_mutex_t lock;     /* guards all below */
    int lock_made, stream_made;
    struct pw_scratch spool; /* base.linear.fd is its descriptor, once there is one */
    z_stream stream;
    uint64_t offset;  /* of the next compressed bytes */
    uint64_t to_skip; /* decompressed bytes before the array */
    int at_end;       /* of the compressed data */
    unsigned char *in, *out;
    enum pw_status status; /* the first failure; every later await repeats it */
    struct pw_error error;
};

static enum pw_status refill(struct inflate_source *source, struct pw_error *error)
{
    size_t got;
    enum pw_status status =
        pw_file_read(source->fd, source->in, IN_BYTES, source->offset, &got, source->base.path, error);
    source->offset += status == PW_OK ? got : 0;
    source->stream.next_in = source->in;
    source->stream.avail_in = status == PW_OK ? (uInt)got : 0;
    return status;
}

/* Decompresses up to OUT_BYTES; *got 0 at the end. */
static enum pw_status inflate_some(struct inflate_source *source, size_t *got, struct pw_error *error)
{
    z_stream *stream = &source->stream;
    stream->next_out = source->out;
    stream->avail_out = OUT_BYTES;
    while (stream->avail_out > 0 && !source->at_end) {
        if (stream->avail_in == 0) {
            enum pw_status status = refill(source, error);
            if (status != PW_OK)
                return status;
            if (stream->avail_in == 0)
                break;
        }
        int result = inflate(stream, Z_NO_FLUSH);
        if (result == Z_STREAM_END) {
            /* A gzip file may have several members; whatever else follows is not the array's. */
            if (stream->avail_in == 0)
                (void)refill(source, NULL);
            source->at_end = stream->avail_in == 0 || stream->next_in[0] != 0x1f || inflateReset(stream) != Z_OK;
        } else if (result != Z_OK && result != Z_BUF_ERROR)
            return pw_fail(error, PW_E_FORMAT, "%s: broken compressed data before offset %llu: %s", source->base.path,
                           (unsigned long long)(source->offset - stream->avail_in),
                           stream->msg != NULL ? stream->msg : "zlib refuses it");
    }
    *got = OUT_BYTES - stream->avail_out;
    return PW_OK;
}

/* Spools one step.  The lock is held. */
static enum pw_status spool_step(struct inflate_source *source, struct pw_error *error)
{
    uint64_t at = atomic_load_explicit(&source->spooled, memory_order_relaxed);
    uint64_t total = source->base.linear.file_bytes;
    size_t got = 0;
    if (source->base.cancel != NULL && atomic_load(source->base.cancel) != 0)
        return pw_fail(error, PW_E_CANCELLED, "stopped");
    enum pw_status status = inflate_some(source, &got, error);
    if (status != PW_OK)
        return status;
    if (got == 0)
        return pw_fail(error, PW_E_TRUNCATED, "%s: the compressed data end after %llu of %llu bytes", source->base.path,
                       (unsigned long long)at, (unsigned long long)total);
    size_t skip = (size_t)pw_min_u64(source->to_skip, got);
    source->to_skip -= skip;
    size_t n = (size_t)pw_min_u64(got - skip, total - at);
    if (n > 0)
        status = pw_file_write(source->spool.fd, source->out + skip, n, at, source->spool.name, error);
    /* Released after the write: who sees the count without the lock may read the bytes. */
    if (status == PW_OK)
        atomic_store_explicit(&source->spooled, at + n, memory_order_release);
    return status;
}

/* Everything that waiting needs is made when somebody first waits: describing the image costs nothing. */
static enum pw_status begin(struct inflate_source *source, struct pw_error *error)
{
    const char *directory = source->base.scratch_dir[0] != '\0' ? source->base.scratch_dir : getenv("TMPDIR");
    if (source->in != NULL)
        return PW_OK;
    source->in = pw_alloc(IN_BYTES + OUT_BYTES, 1, error);
    if (source->in == NULL)
        return PW_E_NOMEM;
    source->out = source->in + IN_BYTES;
    /* 32: a zlib or a gzip header, whichever there is. */
    if (inflateInit2(&source->stream, 15 + 32) != Z_OK)
        return pw_fail(error, PW_E_NOMEM, "out of memory for zlib");
    source->stream_made = 1;
    enum pw_status status = pw_scratch_open(
        &source->spool, directory != NULL && directory[0] != '\0' ? directory : "/tmp", "a decompressed image", error);
    source->base.linear.fd = source->spool.fd;
    return status;
}

static enum pw_status inflate_await(struct pw_source *base, uint64_t end, struct pw_error *error)
{
    struct inflate_source *source = (struct inflate_source *)base;
    end = pw_min_u64(end, base->linear.file_bytes);
    if (atomic_load_explicit(&source->spooled, memory_order_acquire) >= end)
        return PW_OK;
    pthread_mutex_lock(&source->lock);
    if (source->status == PW_OK)
        source->status = begin(source, &source->error);
    while (source->status == PW_OK && atomic_load_explicit(&source->spooled, memory_order_relaxed) < end)
        source->status = spool_step(source, &source->error);
    enum pw_status status = source->status;
    if (status != PW_OK && error != NULL)
        *error = source->error;
    pthread_mutex_unlock(&source->lock);
    return status;
}

static void inflate_close(struct pw_source *base)
{
    struct inflate_source *source = (struct inflate_source *)base;
    if (source == NULL)
        return;
    if (source->stream_made)
        (void)inflateEnd(&source->stream);
    if (source->lock_made)
        pthread_mutex_destroy(&source->lock);
    pw_scratch_close(&source->spool);
    (void)close(source->fd);
    free(source->in);
    free(source);
}

enum pw_status pw_inflate_source_new(const char *path, const char *format, int fd, uint64_t offset, uint64_t skip,
                                     struct pw_source **source, struct pw_error *error)
{
    struct inflate_source *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL) {
        (void)close(fd);
        return PW_E_NOMEM;
    }
    made->fd = fd;
    made->offset = offset;
    made->to_skip = skip;
    made->spool.fd = made->base.linear.fd = -1;
    made->ops = (struct pw_source_ops){.format = format, .await = inflate_await, .close = inflate_close};
    made->base.ops = &made->ops;
    made->base.capabilities = PW_SOURCE_LINEAR | PW_SOURCE_STREAM;
    (void)snprintf(made->base.path, sizeof made->base.path, "%s", path);
    (void)snprintf(made->base.info.format, sizeof made->base.info.format, "%s", format);
    if (pthread_mutex_init(&made->lock, NULL) != 0) {
        inflate_close(&made->base);
        return pw_fail(error, PW_E_NOMEM, "out of memory for a lock");
    }
    made->lock_made = 1;
    *source = &made->base;
    return PW_OK;
}
