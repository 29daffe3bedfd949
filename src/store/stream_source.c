/*
 * An array that arrives on a pipe: spooled to an unlinked file as far as somebody
 * waits for it, and read from there as a LINEAR source.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/linear_source.h"
#include "store/npy_header.h"
#include "sys/file.h"
#include "sys/pipe.h"

enum {
    STEP_BYTES = 1 << 20,
    LOOK_UP_MS = 100 /* how long a silent pipe is waited for before looking whether to stop */
};
#define INPUT_NAME "standard input"

struct stream_source {
    struct pw_source base;
    struct pw_scratch spool;  /* base.linear.fd is its descriptor */
    int input;                /* not ours to close */
    _Atomic uint64_t spooled; /* bytes of the array in the file; grows under lock, read without */
    pthread_mutex_t lock;     /* guards all below, and the reading of input */
    int lock_made;
    enum pw_status status; /* the first failure; every later await repeats it */
    struct pw_error error;
    unsigned char *step; /* STEP_BYTES */
};

/*
 * read(2) that waits, also when the descriptor is non-blocking; *got 0 at the end of the stream.  A reader that
 * must be able to stop never blocks in read() itself: a signal may end up in another thread.
 */
static enum pw_status read_some(const struct stream_source *stream, void *buffer, size_t n, size_t *got,
                                struct pw_error *error)
{
    const _Atomic int *cancel = stream->base.cancel;
    struct pollfd wait = {.fd = stream->input, .events = POLLIN};
    for (;;) {
        int ready = cancel == NULL || poll(&wait, 1, LOOK_UP_MS) > 0;
        if (cancel != NULL && atomic_load(cancel) != 0)
            return pw_fail(error, PW_E_CANCELLED, "stopped");
        if (!ready)
            continue;
        ssize_t r = read(stream->input, buffer, n);
        if (r >= 0) {
            *got = (size_t)r;
            return PW_OK;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            (void)poll(&wait, 1, LOOK_UP_MS);
        else if (errno != EINTR)
            return pw_fail_errno(error, PW_E_IO, errno, INPUT_NAME ": cannot read");
    }
}

static enum pw_status read_exactly(const struct stream_source *stream, void *buffer, size_t n, const char *what,
                                   struct pw_error *error)
{
    for (size_t done = 0; done < n;) {
        size_t got;
        enum pw_status status = read_some(stream, (char *)buffer + done, n - done, &got, error);
        if (status != PW_OK)
            return status;
        if (got == 0)
            return pw_fail(error, PW_E_TRUNCATED, INPUT_NAME ": ended after %zu of %zu bytes of %s", done, n, what);
        done += got;
    }
    return PW_OK;
}

/* The array is whole: the stream must end here. */
static enum pw_status check_end(struct stream_source *stream, struct pw_error *error)
{
    size_t got;
    char text[256];
    const struct pw_image_info *info = &stream->base.info;
    enum pw_status status = read_some(stream, stream->step, 1, &got, error);
    if (status == PW_OK && got != 0)
        return pw_fail(error, PW_E_FORMAT, INPUT_NAME ": more bytes follow the %" PRIu64 " of shape %s of %s",
                       stream->base.linear.file_bytes, pw_shape_text(text, sizeof text, info->shape, info->rank),
                       pw_dtype_name(info->dtype));
    return status;
}

/* Spools one step.  The lock is held. */
static enum pw_status spool_step(struct stream_source *stream, struct pw_error *error)
{
    uint64_t at = atomic_load_explicit(&stream->spooled, memory_order_relaxed);
    uint64_t total = stream->base.linear.file_bytes;
    size_t got;
    enum pw_status status = read_some(stream, stream->step, (size_t)pw_min_u64(STEP_BYTES, total - at), &got, error);
    if (status != PW_OK)
        return status;
    if (got == 0) {
        char text[256];
        const struct pw_image_info *info = &stream->base.info;
        return pw_fail(error, PW_E_TRUNCATED,
                       INPUT_NAME ": ended after %" PRIu64 " of the %" PRIu64 " bytes of shape %s of %s", at, total,
                       pw_shape_text(text, sizeof text, info->shape, info->rank), pw_dtype_name(info->dtype));
    }
    status = pw_file_write(stream->spool.fd, stream->step, got, at, stream->spool.name, error);
    if (status == PW_OK && at + got == total)
        status = check_end(stream, error);
    /* Released after the write: who sees the count without the lock may read the bytes. */
    if (status == PW_OK)
        atomic_store_explicit(&stream->spooled, at + got, memory_order_release);
    return status;
}

static enum pw_status stream_await(struct pw_source *source, uint64_t end, struct pw_error *error)
{
    struct stream_source *stream = (struct stream_source *)source;
    end = pw_min_u64(end, source->linear.file_bytes);
    if (atomic_load_explicit(&stream->spooled, memory_order_acquire) >= end)
        return PW_OK;
    pthread_mutex_lock(&stream->lock);
    while (stream->status == PW_OK && atomic_load_explicit(&stream->spooled, memory_order_relaxed) < end)
        stream->status = spool_step(stream, &stream->error);
    enum pw_status status = stream->status;
    if (status != PW_OK && error != NULL)
        *error = stream->error;
    pthread_mutex_unlock(&stream->lock);
    return status;
}

static void stream_close(struct pw_source *source)
{
    struct stream_source *stream = (struct stream_source *)source;
    if (stream == NULL)
        return;
    if (stream->lock_made)
        pthread_mutex_destroy(&stream->lock);
    pw_scratch_close(&stream->spool);
    free(stream->step);
    free(stream);
}

static const struct pw_source_ops npy_stream_ops = {.format = "npy", .await = stream_await, .close = stream_close};
static const struct pw_source_ops raw_stream_ops = {.format = "raw", .await = stream_await, .close = stream_close};

static enum pw_status describe_raw(struct stream_source *stream, const struct pw_open_options *options, int *swap,
                                   struct pw_error *error)
{
    struct pw_image_info *info = &stream->base.info;
    if (options->raw_dtype == PW_DTYPE_NONE)
        return pw_fail(error, PW_E_ARGUMENT, INPUT_NAME ": a raw stream needs its element type told");
    info->rank = options->raw_rank;
    info->dtype = options->raw_dtype;
    memcpy(info->shape, options->raw_shape, sizeof info->shape);
    *swap = (options->raw_big_endian != 0) != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    enum pw_status status = PW_OK;
    for (uint64_t left = options->raw_offset_bytes; left > 0 && status == PW_OK;) {
        size_t part = (size_t)pw_min_u64(STEP_BYTES, left);
        status = read_exactly(stream, stream->step, part, "what precedes the array", error);
        left -= part;
    }
    return status;
}

static enum pw_status describe_npy(struct stream_source *stream, int *swap, struct pw_error *error)
{
    unsigned char prefix[PW_NPY_PREFIX_BYTES];
    struct pw_npy_header header;
    struct pw_image_info *info = &stream->base.info;
    size_t start, length;
    enum pw_status status = read_exactly(stream, prefix, sizeof prefix, "a .npy header", error);
    if (status != PW_OK)
        return status;
    if (!pw_npy_is(prefix, sizeof prefix))
        return pw_fail(error, PW_E_FORMAT,
                       INPUT_NAME ": neither a .npy stream nor a raw one with shape and element type told");
    status = pw_npy_prefix(prefix, INPUT_NAME, &start, &length, error);
    if (status != PW_OK)
        return status;
    /* Of a version 1 file the prefix holds the first two bytes of the text already. */
    size_t have = sizeof prefix - start;
    if (length < have || length > STEP_BYTES)
        return pw_fail(error, PW_E_FORMAT, INPUT_NAME ": a .npy header of %zu bytes", length);
    memcpy(stream->step, prefix + start, have);
    status = read_exactly(stream, stream->step + have, length - have, "a .npy header", error);
    if (status == PW_OK)
        status = pw_npy_parse((const char *)stream->step, length, INPUT_NAME, &header, error);
    if (status != PW_OK)
        return status;
    if (header.fortran)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       INPUT_NAME ": a column-major (Fortran order) array cannot be read from a pipe; "
                                  "save it to a file, or write it with numpy.ascontiguousarray");
    info->rank = header.rank;
    info->dtype = header.dtype;
    memcpy(info->shape, header.shape, sizeof info->shape);
    *swap = header.big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    return PW_OK;
}

static enum pw_status set_up(struct stream_source *stream, const struct pw_open_options *options,
                             const char *scratch_dir, struct pw_error *error)
{
    struct pw_source *base = &stream->base;
    int raw = options != NULL && options->raw_rank > 0;
    int swap = 0;
    base->ops = raw ? &raw_stream_ops : &npy_stream_ops;
    base->capabilities = PW_SOURCE_LINEAR | PW_SOURCE_STREAM;
    memcpy(base->path, INPUT_NAME, sizeof INPUT_NAME);
    memcpy(base->info.format, base->ops->format, strlen(base->ops->format) + 1);
    if (pthread_mutex_init(&stream->lock, NULL) != 0)
        return pw_fail(error, PW_E_NOMEM, "out of memory for a lock");
    stream->lock_made = 1;
    stream->step = pw_alloc(STEP_BYTES, 1, error);
    if (stream->step == NULL)
        return PW_E_NOMEM;
    enum pw_status status = raw ? describe_raw(stream, options, &swap, error) : describe_npy(stream, &swap, error);
    /* The file holds the array alone, from its first byte. */
    if (status == PW_OK)
        status = pw_linear_layout(base, 0, swap, error);
    if (status == PW_OK)
        status = pw_scratch_open(&stream->spool, scratch_dir, "what came from " INPUT_NAME, error);
    base->linear.fd = stream->spool.fd;
    return status;
}

enum pw_status pw_stream_open(int fd, const struct pw_open_options *options, const char *scratch_dir,
                              struct pw_source **source, struct pw_error *error)
{
    struct stream_source *stream = pw_alloc(1, sizeof *stream, error);
    if (stream == NULL)
        return PW_E_NOMEM;
    stream->input = fd;
    pw_pipe_widen(fd);
    stream->base.linear.fd = stream->spool.fd = -1;
    if (scratch_dir == NULL)
        scratch_dir = getenv("TMPDIR");
    if (scratch_dir == NULL || scratch_dir[0] == '\0')
        scratch_dir = "/tmp";
    enum pw_status status = set_up(stream, options, scratch_dir, error);
    if (status != PW_OK) {
        stream_close(&stream->base);
        return status;
    }
    *source = &stream->base;
    return PW_OK;
}
