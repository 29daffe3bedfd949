#include "store/inflate_source.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/linear_source.h"
#include "sys/file.h"

enum {
    IN_BYTES = 256 << 10,
    OUT_BYTES = 1 << 20
};

struct part {
    char *path;
    uint64_t offset; /* of the stream in it */
};

struct inflate_source {
    struct pw_source base;
    struct pw_source_ops ops;
    struct part *part; /* each with as much of the array as the others; read-only once the source is made */
    uint64_t n_parts, capacity;
    enum pw_stream_encoding encoding;
    uint64_t skip;            /* decoded bytes before those of the array, in each part */
    _Atomic uint64_t spooled; /* bytes of the array in the scratch file; grows under lock, read without */
    pthread_mutex_t lock;     /* guards all below */
    int lock_made;
    struct pw_scratch spool; /* base.linear.fd is its descriptor, once there is one */
    struct pw_stream_decoding decoding;
    uint64_t at_part;
    int fd;           /* of the part; -1: not open */
    uint64_t offset;  /* of the next stored bytes */
    uint64_t to_skip; /* still */
    const unsigned char *next;
    size_t left; /* stored bytes at next */
    unsigned char *in, *out;
    enum pw_status status; /* the first failure; every later await repeats it */
    struct pw_error error;
};

static uint64_t bytes_of_part(const struct inflate_source *source)
{
    return source->base.linear.file_bytes / source->n_parts;
}

static void end_part(struct inflate_source *source)
{
    pw_stream_decoding_end(&source->decoding);
    if (source->fd >= 0)
        (void)close(source->fd);
    source->fd = -1;
    source->left = 0;
}

static enum pw_status begin_part(struct inflate_source *source, uint64_t number, struct pw_error *error)
{
    uint64_t file_bytes;
    end_part(source);
    source->at_part = number;
    source->offset = source->part[number].offset;
    source->to_skip = source->skip;
    enum pw_status status = pw_input_open(source->part[number].path, &source->fd, &file_bytes, error);
    return status == PW_OK
               ? pw_stream_decoding_begin(&source->decoding, source->encoding, source->base.info.dtype, error)
               : status;
}

static enum pw_status refill(struct inflate_source *source, struct pw_error *error)
{
    size_t got;
    enum pw_status status =
        pw_file_read(source->fd, source->in, IN_BYTES, source->offset, &got, source->part[source->at_part].path, error);
    source->offset += status == PW_OK ? got : 0;
    source->next = source->in;
    source->left = status == PW_OK ? got : 0;
    return status;
}

/* Decodes up to OUT_BYTES of the part; *got 0 at its end. */
static enum pw_status decode_some(struct inflate_source *source, size_t *got, struct pw_error *error)
{
    struct pw_error why = {0};
    *got = 0;
    while (*got < OUT_BYTES && !source->decoding.at_end) {
        size_t used, made;
        enum pw_status status = source->left == 0 ? refill(source, error) : PW_OK;
        if (status != PW_OK)
            return status;
        int last = source->left == 0;
        status = pw_stream_decoding_step(&source->decoding, source->next, source->left, &used, last, source->out + *got,
                                         OUT_BYTES - *got, &made, &why);
        if (status != PW_OK)
            return pw_fail(error, status, "%s: broken %s data before offset %llu: %s",
                           source->part[source->at_part].path, pw_stream_encoding_name(source->encoding),
                           (unsigned long long)(source->offset - source->left), why.message);
        source->next += used;
        source->left -= used;
        *got += made;
        if (made == 0 && (last || used == 0))
            break;
    }
    return PW_OK;
}

/* Spools one step.  The lock is held. */
static enum pw_status spool_step(struct inflate_source *source, struct pw_error *error)
{
    uint64_t at = atomic_load_explicit(&source->spooled, memory_order_relaxed);
    uint64_t end = (source->at_part + 1) * bytes_of_part(source);
    size_t got = 0;
    if (source->base.cancel != NULL && atomic_load(source->base.cancel) != 0)
        return pw_fail(error, PW_E_CANCELLED, "stopped");
    if (at == end) {
        end += bytes_of_part(source);
        enum pw_status begun = begin_part(source, source->at_part + 1, error);
        if (begun != PW_OK)
            return begun;
    }
    enum pw_status status = decode_some(source, &got, error);
    if (status != PW_OK)
        return status;
    if (got == 0)
        return pw_fail(error, PW_E_TRUNCATED, "%s: the %s data end after %llu of %llu bytes",
                       source->part[source->at_part].path, pw_stream_encoding_name(source->encoding),
                       (unsigned long long)(at - (end - bytes_of_part(source))),
                       (unsigned long long)bytes_of_part(source));
    size_t skip = (size_t)pw_min_u64(source->to_skip, got);
    source->to_skip -= skip;
    size_t n = (size_t)pw_min_u64(got - skip, end - at);
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
    enum pw_status status = begin_part(source, 0, error);
    if (status == PW_OK)
        status = pw_scratch_open(&source->spool, directory != NULL && directory[0] != '\0' ? directory : "/tmp",
                                 "a decompressed image", error);
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
    end_part(source);
    if (source->lock_made)
        pthread_mutex_destroy(&source->lock);
    pw_scratch_close(&source->spool);
    for (uint64_t i = 0; i < source->n_parts; i++)
        free(source->part[i].path);
    free(source->part);
    free(source->in);
    free(source);
}

/* What the array was opened by first. */
static const char *inflate_file(const struct pw_source *base, uint64_t i)
{
    const struct inflate_source *source = (const struct inflate_source *)base;
    if (i == 0)
        return base->path;
    return i <= source->n_parts && strcmp(source->part[i - 1].path, base->path) != 0 ? source->part[i - 1].path : NULL;
}

enum pw_status pw_inflate_source_new(const char *path, const char *format, enum pw_stream_encoding encoding,
                                     uint64_t skip, struct pw_source **source, struct pw_error *error)
{
    struct inflate_source *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    made->encoding = encoding;
    made->skip = skip;
    made->fd = made->spool.fd = made->base.linear.fd = -1;
    made->ops =
        (struct pw_source_ops){.format = format, .await = inflate_await, .close = inflate_close, .file = inflate_file};
    made->base.ops = &made->ops;
    made->base.capabilities = PW_SOURCE_LINEAR | PW_SOURCE_STREAM;
    (void)snprintf(made->base.path, sizeof made->base.path, "%s", path);
    (void)snprintf(made->base.info.format, sizeof made->base.info.format, "%s", format);
    (void)snprintf(made->base.info.codec, sizeof made->base.info.codec, "%s, one stream",
                   pw_stream_encoding_name(encoding));
    if (pthread_mutex_init(&made->lock, NULL) != 0) {
        inflate_close(&made->base);
        return pw_fail(error, PW_E_NOMEM, "out of memory for a lock");
    }
    made->lock_made = 1;
    *source = &made->base;
    return PW_OK;
}

enum pw_status pw_inflate_source_add(struct pw_source *base, const char *file, uint64_t offset, struct pw_error *error)
{
    struct inflate_source *source = (struct inflate_source *)base;
    if (source->n_parts == source->capacity) {
        uint64_t capacity = source->capacity > 0 ? 2 * source->capacity : 4;
        struct part *grown = realloc(source->part, capacity * sizeof *grown);
        if (grown == NULL)
            return pw_fail(error, PW_E_NOMEM, "out of memory for %llu data files", (unsigned long long)capacity);
        source->part = grown;
        source->capacity = capacity;
    }
    char *copy = pw_strdup(file, error);
    if (copy == NULL)
        return PW_E_NOMEM;
    source->part[source->n_parts++] = (struct part){copy, offset};
    return PW_OK;
}
