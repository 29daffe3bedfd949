#include "segment/frames_segmenter.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "segment/process_labels.h"
#include "store/npy_header.h"
#include "store/npy_tag.h"
#include "store/source.h"
#include "sys/pipe.h"
#include "sys/turn.h"
#include "tile/volume.h"

enum {
    HEADER_BYTES = 4096, /* the longest header that is taken */
    LOOK_UP_MS = 100,
    LABEL_BYTES = 8 /* of the widest type */
};

/* One run's, in segmenter->own. */
struct frames {
    struct pw_turn turn;
};

int pw_frames_is(const char *specification)
{
    return strcmp(specification, "frames") == 0;
}

/* Arena: a frame, then what numbering needs. */
static uint64_t frame_bytes(const uint64_t shape[3])
{
    return (shape[0] * shape[1] * shape[2] * LABEL_BYTES + 63) / 64 * 64;
}

static uint64_t frames_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    (void)segmenter;
    return frame_bytes(shape) + pw_process_labels_bytes(shape);
}

/* ---- reading ----------------------------------------------------------- */

/* Up to n bytes; *got is less at the end of the stream.  A reader that must be able to stop never blocks in read(). */
static enum pw_status read_up_to(const struct pw_segmenter *segmenter, void *buffer, size_t n, size_t *got,
                                 struct pw_error *error)
{
    const _Atomic int *cancel = segmenter->volume->source->cancel;
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
    for (*got = 0; *got < n;) {
        int ready = poll(&wait, 1, LOOK_UP_MS);
        if (cancel != NULL && *cancel != 0)
            return pw_fail(error, PW_E_CANCELLED, "stopped");
        if (ready <= 0)
            continue;
        ssize_t k = read(STDIN_FILENO, (char *)buffer + *got, n - *got);
        if (k < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (k < 0)
            return pw_fail_errno(error, PW_E_IO, errno, "standard input: cannot read");
        if (k == 0)
            return PW_OK;
        *got += (size_t)k;
    }
    return PW_OK;
}

/* "the frame of tile 7 at (0, 64, 0)" */
struct name {
    char text[120];
};

static const char *name_of(const struct pw_tile *tile, struct name *name)
{
    (void)snprintf(name->text, sizeof name->text,
                   "standard input, the frame of tile %" PRIu64 " at (%" PRIu64 ", %" PRIu64 ", %" PRIu64 ")",
                   tile->index, tile->origin[0], tile->origin[1], tile->origin[2]);
    return name->text;
}

static enum pw_status read_all(const struct pw_segmenter *segmenter, const char *name, void *buffer, size_t n,
                               struct pw_error *error)
{
    size_t got;
    enum pw_status status = read_up_to(segmenter, buffer, n, &got, error);
    if (status == PW_OK && got < n)
        return pw_fail(error, PW_E_TRUNCATED, "%s: ends after %zu of %zu bytes", name, got, n);
    return status;
}

static enum pw_status check_tag(const char *text, size_t n, size_t *bytes, const struct pw_tile *tile, const char *name,
                                struct pw_error *error)
{
    uint64_t number, n_tiles;
    if (pw_npy_tag_find(text, n, bytes, &number, &n_tiles) && number != tile->index)
        return pw_fail(error, PW_E_FORMAT, "%s: says that it is tile %" PRIu64 "; frames have to come in their order",
                       name, number);
    return PW_OK;
}

static enum pw_status check_frame(const struct pw_npy_header *header, const struct pw_tile *tile, const char *name,
                                  struct pw_error *error)
{
    int skipped = tile->rank == 2 ? 1 : 0, is_same = header->rank == 3 - skipped;
    for (int i = skipped; i < 3 && is_same; i++)
        is_same = header->shape[i - skipped] == tile->shape[i];
    if (!is_same)
        return pw_fail(error, PW_E_FORMAT,
                       "%s: has another shape than the window of %" PRIu64 " x %" PRIu64 " x %" PRIu64
                       "; a frame is missing, or tiles was run with other arguments",
                       name, tile->shape[0], tile->shape[1], tile->shape[2]);
    if (header->dtype == PW_F16 || header->dtype == PW_F32 || header->dtype == PW_F64)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: labels are whole numbers, and these are %s", name,
                       pw_dtype_name(header->dtype));
    if (header->fortran || (header->big_endian && pw_dtype_bytes(header->dtype) > 1))
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: is in column-major order, or has the most significant byte first",
                       name);
    return PW_OK;
}

static enum pw_status read_header(const struct pw_segmenter *segmenter, const struct pw_tile *tile, const char *name,
                                  struct pw_npy_header *header, struct pw_error *error)
{
    char text[HEADER_BYTES];
    size_t got, start, bytes;
    enum pw_status status = read_up_to(segmenter, text, PW_NPY_PREFIX_BYTES, &got, error);
    if (status != PW_OK)
        return status;
    if (got == 0)
        return pw_fail(error, PW_E_TRUNCATED, "%s: is missing; there are no more", name);
    if (got < PW_NPY_PREFIX_BYTES)
        return pw_fail(error, PW_E_TRUNCATED, "%s: ends in its header", name);
    status = pw_npy_prefix((const unsigned char *)text, name, &start, &bytes, error);
    if (status == PW_OK && start + bytes > sizeof text)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: has a header of %zu bytes", name, bytes);
    if (status == PW_OK)
        status = read_all(segmenter, name, text + got, start + bytes - got, error);
    if (status == PW_OK)
        status = check_tag(text + start, bytes, &bytes, tile, name, error);
    if (status == PW_OK)
        status = pw_npy_parse(text + start, bytes, name, header, error);
    return status == PW_OK ? check_frame(header, tile, name, error) : status;
}

static int is_last(const struct pw_volume *volume, const struct pw_tile *tile)
{
    if (tile->time + 1 < volume->first_time + volume->times)
        return 0;
    for (int i = 0; i < 3; i++)
        if (tile->origin[i] + tile->core_start[i] + tile->core_shape[i] < tile->volume_shape[i])
            return 0;
    return 1;
}

static enum pw_status read_frame(const struct pw_segmenter *segmenter, const struct pw_tile *tile, void *labels,
                                 enum pw_dtype *dtype, struct pw_error *error)
{
    struct name name;
    struct pw_npy_header header;
    size_t voxels = (size_t)(tile->shape[0] * tile->shape[1] * tile->shape[2]), got = 0;
    char more;
    enum pw_status status = read_header(segmenter, tile, name_of(tile, &name), &header, error);
    if (status == PW_OK)
        status = read_all(segmenter, name.text, labels, voxels * pw_dtype_bytes(header.dtype), error);
    *dtype = header.dtype;
    if (status != PW_OK || !is_last(segmenter->volume, tile))
        return status;
    status = read_up_to(segmenter, &more, 1, &got, error);
    if (status == PW_OK && got > 0)
        return pw_fail(error, PW_E_FORMAT, "%s: is the last, and more follows", name.text);
    return status;
}

/* ---- the segmenter ----------------------------------------------------- */

static enum pw_status frames_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                     const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error)
{
    struct frames *frames = segmenter->own;
    enum pw_dtype dtype;
    struct name name;
    struct pw_error why = {0};
    void *labels = worker->arena.data;
    if (!pw_turn_await(&frames->turn, tile->index, segmenter->volume->source->cancel))
        return pw_fail(error, PW_E_CANCELLED, "stopped");
    enum pw_status status = read_frame(segmenter, tile, labels, &dtype, error);
    if (status != PW_OK)
        return status; /* nobody else has a turn: what follows cannot be told apart */
    pw_turn_end(&frames->turn);
    status = pw_process_labels(labels, dtype, tile, runs, (char *)labels + frame_bytes(tile->shape), &why);
    return status == PW_OK ? PW_OK : pw_fail(error, status, "%s: %s", name_of(tile, &name), why.message);
}

static enum pw_status frames_begin(struct pw_segmenter *segmenter, unsigned threads, const uint64_t shape[3],
                                   struct pw_error *error)
{
    (void)threads;
    (void)shape;
    (void)error;
    pw_turn_init(&((struct frames *)segmenter->own)->turn);
    return PW_OK;
}

static enum pw_status frames_end(struct pw_segmenter *segmenter, int failed, struct pw_error *error)
{
    (void)failed;
    (void)error;
    pw_turn_destroy(&((struct frames *)segmenter->own)->turn);
    return PW_OK;
}

static const struct pw_segment_ops frames_segment_ops = {
    .arena_bytes = frames_arena_bytes,
    .begin = frames_begin,
    .segment = frames_segment,
    .end = frames_end,
};

enum pw_status pw_frames_segmenter_open(struct pw_segmenter *segmenter, struct pw_error *error)
{
    segmenter->own = pw_alloc(1, sizeof(struct frames), error);
    if (segmenter->own == NULL)
        return PW_E_NOMEM;
    pw_pipe_widen(STDIN_FILENO);
    segmenter->ops = &frames_segment_ops;
    segmenter->labels_may_touch = 1;
    (void)snprintf(segmenter->name, sizeof segmenter->name, "labels");
    (void)snprintf(segmenter->text, sizeof segmenter->text, "frames on standard input");
    return PW_OK;
}
