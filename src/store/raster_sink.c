#include "store/raster_sink.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/pending_file.h"
#include "store/unit_shape.h"
#include "sys/file.h"
#include "sys/pipe.h"

/* A unit's rows: large enough for the disk, small enough for many threads. */
enum {
    UNIT_BYTES = 4 << 20
};

struct raster_sink {
    struct pw_sink base;
    struct pw_sink_ops ops; /* of this sink: the format's name differs */
    const struct pw_raster_format *format;
    int overwrite;
    struct pw_raster_array labels; /* of type dtype_hint until start */
    struct pw_pending_file file;   /* not for a stream */
    char data_path[4096];          /* of file, when that is not the header's */
    uint64_t header_bytes;

    /* A stream: who writes next. */
    pthread_mutex_t lock; /* guards the two below, and the writing */
    pthread_cond_t turn;
    int lock_made;
    uint64_t next_unit;
    enum pw_status failed; /* a unit that cannot be written ends the stream for all behind it */
};

struct pw_writer {
    struct pw_buffer rows; /* one plane's rows of a unit */
};

static struct raster_sink *of(struct pw_sink *sink)
{
    return (struct raster_sink *)sink;
}

static int is_detached(const struct raster_sink *raster)
{
    return raster->data_path[0] != '\0';
}

static int is_stream(const struct raster_sink *raster)
{
    return (raster->base.capabilities & PW_SINK_SEQUENTIAL) != 0;
}

/* ------------------------------------------------------------------------ *
 * Streams
 * ------------------------------------------------------------------------ */

/* write(2) that reports a closed pipe by EPIPE alone, whatever the program does about SIGPIPE. */
static ssize_t write_without_signal(int fd, const void *data, size_t n)
{
    sigset_t pipe_signal, before, pending;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    ssize_t w = write(fd, data, n);
    int why = errno;
    /* The kernel also raises it for a write that was cut short by the reader's going away. */
    if (w < (ssize_t)n && !sigismember(&pending, SIGPIPE)) {
        struct timespec now = {0, 0};
        while (sigtimedwait(&pipe_signal, NULL, &now) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return w;
}

static enum pw_status write_stream(struct raster_sink *raster, const void *data, size_t n, struct pw_error *error)
{
    for (size_t done = 0; done < n;) {
        ssize_t w = write_without_signal(STDOUT_FILENO, (const char *)data + done, n - done);
        if (w >= 0) {
            done += (size_t)w;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd wait = {.fd = STDOUT_FILENO, .events = POLLOUT};
            (void)poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return pw_fail_errno(error, PW_E_IO, errno, "standard output: cannot write");
        }
    }
    raster->base.bytes_written += n;
    return PW_OK;
}

/* Waits for the unit's turn and holds the lock then.  Fails when an earlier unit did. */
static enum pw_status take_turn(struct raster_sink *raster, uint64_t unit, struct pw_error *error)
{
    pthread_mutex_lock(&raster->lock);
    while (raster->next_unit != unit && raster->failed == PW_OK)
        pthread_cond_wait(&raster->turn, &raster->lock);
    return raster->failed == PW_OK
               ? PW_OK
               : pw_fail(error, raster->failed, "standard output: writing ended at an earlier failure");
}

static void pass_turn(struct raster_sink *raster, uint64_t unit, enum pw_status status)
{
    if (status != PW_OK && raster->failed == PW_OK)
        raster->failed = status;
    else if (status == PW_OK)
        raster->next_unit = unit + 1;
    pthread_cond_broadcast(&raster->turn);
    pthread_mutex_unlock(&raster->lock);
}

/* ------------------------------------------------------------------------ *
 * Units
 * ------------------------------------------------------------------------ */

static uint64_t row_bytes(const struct raster_sink *raster)
{
    return raster->base.volume[2] * pw_dtype_bytes(raster->labels.dtype);
}

static uint64_t rows_bytes(const struct raster_sink *raster)
{
    return raster->base.unit[1] * row_bytes(raster);
}

static size_t raster_writer_memory_bytes(const struct pw_sink *sink)
{
    const struct raster_sink *raster = (const struct raster_sink *)sink;
    /* As pw_buffer_init() rounds: huge pages are resident as a whole. */
    uint64_t page = rows_bytes(raster) >= 2 << 20 ? 2 << 20 : 4096;
    return sizeof(struct pw_writer) + (size_t)(pw_ceil_div(rows_bytes(raster), page) * page);
}

static enum pw_status raster_writer_new(struct pw_sink *sink, struct pw_writer **writer, struct pw_error *error)
{
    struct pw_writer *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_buffer_init(&made->rows, rows_bytes(of(sink)), "rows of the output", error);
    if (status != PW_OK) {
        free(made);
        return status;
    }
    *writer = made;
    return PW_OK;
}

static void raster_writer_free(struct pw_writer *writer)
{
    if (writer == NULL)
        return;
    pw_buffer_release(&writer->rows);
    free(writer);
}

/* A new file reads as zeros where nothing was written, so rows without labels are left out. */
static enum pw_status write_file(struct raster_sink *raster, struct pw_writer *writer, const struct pw_box *box,
                                 const struct pw_label_block *block, struct pw_error *error)
{
    uint64_t rows = box->shape[1];
    size_t bytes = (size_t)(rows * row_bytes(raster));
    for (uint64_t z = 0; z < box->shape[0]; z++) {
        uint64_t row = z * rows;
        if (block->row[row] == block->row[row + rows])
            continue;
        uint64_t first = (box->start[0] + z) * raster->base.volume[1] + box->start[1];
        pw_paint_rows(raster->labels.dtype, writer->rows.data, block, row, rows);
        enum pw_status status =
            pw_file_write(raster->file.fd, writer->rows.data, bytes, raster->header_bytes + first * row_bytes(raster),
                          raster->base.path, error);
        if (status != PW_OK)
            return status;
        raster->base.bytes_written += bytes;
    }
    return PW_OK;
}

static enum pw_status write_in_turn(struct raster_sink *raster, struct pw_writer *writer, uint64_t unit,
                                    const struct pw_box *box, const struct pw_label_block *block, enum pw_status pulled,
                                    struct pw_error *error)
{
    if (pulled == PW_OK)
        pw_paint_rows(raster->labels.dtype, writer->rows.data, block, 0, box->shape[1]);
    struct pw_error own = {0};
    enum pw_status status = take_turn(raster, unit, &own);
    if (status == PW_OK && pulled == PW_OK)
        status = write_stream(raster, writer->rows.data, (size_t)(box->shape[1] * row_bytes(raster)), &own);
    pass_turn(raster, unit, pulled != PW_OK ? pulled : status);
    /* The pull's own message, when it failed, says more than that the stream ended. */
    if (pulled == PW_OK && status != PW_OK && error != NULL)
        *error = own;
    return pulled != PW_OK ? pulled : status;
}

static enum pw_status raster_write_unit(struct pw_sink *sink, struct pw_writer *writer, uint64_t unit_index,
                                        const struct pw_box *box, pw_pull_fn pull, void *context,
                                        struct pw_error *error)
{
    struct raster_sink *raster = of(sink);
    struct pw_label_block block;
    enum pw_status status = pull(context, box, &block, error);
    if (is_stream(raster))
        return write_in_turn(raster, writer, unit_index, box, &block, status, error);
    return status == PW_OK ? write_file(raster, writer, box, &block, error) : status;
}

/* ------------------------------------------------------------------------ *
 * The whole
 * ------------------------------------------------------------------------ */

static enum pw_status raster_start(struct pw_sink *sink, enum pw_dtype dtype, uint64_t n_objects,
                                   struct pw_error *error)
{
    struct raster_sink *raster = of(sink);
    char header[PW_RASTER_HEADER_MAX];
    uint64_t total = pw_dtype_bytes(dtype);
    const char *path = is_detached(raster) ? raster->data_path : sink->path;
    (void)n_objects;
    for (int i = 0; i < 4; i++)
        if (!pw_mul_u64(total, i == 0 ? sink->times : sink->volume[i - 1], &total) ||
            total > (uint64_t)INT64_MAX - sizeof header)
            return pw_fail(error, PW_E_RANGE, "%s: the volume is larger than any file", sink->path);
    raster->labels.dtype = dtype;
    if (raster->format->header != NULL && !is_detached(raster))
        raster->header_bytes = raster->format->header(&raster->labels, NULL, header);
    if (is_stream(raster))
        return write_stream(raster, header, (size_t)raster->header_bytes, error);
    enum pw_status status = pw_pending_open(&raster->file, path, raster->overwrite, error);
    if (status != PW_OK)
        return status;
    if (ftruncate(raster->file.fd, (off_t)(raster->header_bytes + total)) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be given its %llu bytes", path,
                             (unsigned long long)(raster->header_bytes + total));
    sink->bytes_written += raster->header_bytes;
    return pw_file_write(raster->file.fd, header, (size_t)raster->header_bytes, 0, path, error);
}

static enum pw_status raster_commit(struct pw_sink *sink, struct pw_error *error)
{
    struct raster_sink *raster = of(sink);
    enum pw_status status = is_stream(raster) ? PW_OK : pw_pending_commit(&raster->file, error);
    uint64_t bytes = 0;
    if (status == PW_OK && is_detached(raster))
        status = pw_raster_put_header(raster->format, &raster->labels, sink->path, raster->data_path, raster->overwrite,
                                      &bytes, error);
    sink->bytes_written += bytes;
    return status;
}

static void raster_abort(struct pw_sink *sink)
{
    struct raster_sink *raster = of(sink);
    if (!is_stream(raster)) {
        pw_pending_abort(&raster->file);
        return;
    }
    pthread_mutex_lock(&raster->lock);
    if (raster->failed == PW_OK)
        raster->failed = PW_E_CANCELLED;
    pthread_cond_broadcast(&raster->turn);
    pthread_mutex_unlock(&raster->lock);
}

static void raster_close(struct pw_sink *sink)
{
    struct raster_sink *raster = of(sink);
    if (raster == NULL)
        return;
    pw_pending_abort(&raster->file);
    if (raster->lock_made) {
        pthread_cond_destroy(&raster->turn);
        pthread_mutex_destroy(&raster->lock);
    }
    free(raster);
}

static const struct pw_sink_ops raster_ops = {
    .start = raster_start,
    .writer_new = raster_writer_new,
    .writer_free = raster_writer_free,
    .writer_memory_bytes = raster_writer_memory_bytes,
    .write_unit = raster_write_unit,
    .commit = raster_commit,
    .abort = raster_abort,
    .close = raster_close,
};

static void choose_unit(struct raster_sink *raster, const struct pw_sink_request *request)
{
    struct pw_sink *base = &raster->base;
    uint64_t target_rows = UNIT_BYTES / pw_max_u64(row_bytes(raster), 1);
    base->unit[0] = 1;
    base->unit[1] = pw_unit_extent(request->shape[1], request->tile[1], target_rows);
    base->unit[2] = request->shape[2];
    if (!is_stream(raster) && base->unit[1] > 0)
        base->unit[0] = pw_unit_extent(request->shape[0], request->tile[0], target_rows / base->unit[1]);
    memcpy(base->pull, base->unit, sizeof base->pull);
}

static void take_labels(struct pw_raster_array *labels, const struct pw_sink_request *request)
{
    labels->dtype = request->dtype_hint != PW_DTYPE_NONE ? request->dtype_hint : PW_U32;
    labels->axes.rank = request->rank;
    labels->axes.has_time = request->has_time;
    labels->axes.times = pw_sink_times(request);
    labels->axes.time = request->time;
    memcpy(labels->axes.space, request->axis, sizeof labels->axes.space);
    memcpy(labels->shape, request->shape, sizeof labels->shape);
}

enum pw_status pw_raster_sink_open(const struct pw_raster_format *format, const struct pw_sink_request *request,
                                   struct pw_sink **sink, struct pw_error *error)
{
    int stream = strcmp(request->path, "-") == 0;
    char data_path[4096] = "";
    enum pw_status status =
        stream ? PW_OK : pw_raster_place(format, request->path, request->overwrite, data_path, error);
    if (status != PW_OK)
        return status;
    struct raster_sink *raster = pw_alloc(1, sizeof *raster, error);
    if (raster == NULL)
        return PW_E_NOMEM;
    raster->ops = raster_ops;
    raster->ops.format = format->name;
    raster->base.ops = &raster->ops;
    raster->base.capabilities = stream ? PW_SINK_SEQUENTIAL : 0;
    raster->format = format;
    memcpy(raster->data_path, data_path, sizeof data_path);
    raster->overwrite = request->overwrite;
    take_labels(&raster->labels, request);
    raster->file.fd = -1;
    memcpy(raster->base.volume, request->shape, sizeof raster->base.volume);
    (void)snprintf(raster->base.path, sizeof raster->base.path, "%s", request->path);
    choose_unit(raster, request);
    if (pthread_mutex_init(&raster->lock, NULL) != 0 || pthread_cond_init(&raster->turn, NULL) != 0)
        status = pw_fail(error, PW_E_NOMEM, "out of memory for a lock");
    if (status != PW_OK) {
        free(raster);
        return status;
    }
    raster->lock_made = 1;
    if (stream)
        pw_pipe_widen(STDOUT_FILENO);
    *sink = &raster->base;
    return PW_OK;
}

enum pw_status pw_npy_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    return pw_raster_sink_open(&pw_raster_npy, request, sink, error);
}

enum pw_status pw_raw_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    return pw_raster_sink_open(&pw_raster_raw, request, sink, error);
}

enum pw_status pw_nrrd_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    return pw_raster_sink_open(&pw_raster_nrrd, request, sink, error);
}

enum pw_status pw_mhd_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    return pw_raster_sink_open(&pw_raster_mhd, request, sink, error);
}
