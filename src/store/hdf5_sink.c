/*
 * Labels as a dataset of an HDF5 file: chunks of gzip, compressed by all threads and handed to the library as they are
 * (H5Dwrite_chunk), in turn, so that the file is the same whoever was first.  Chunks without a label are not stored: 0 is the
 * fill value.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/hdf5_dataset.h"
#include "store/sink.h"
#include "sys/turn.h"

struct hdf5_sink {
    struct pw_sink base;
    struct pw_hdf5_dataset dataset; /* of type dtype_hint until start */
    int overwrite;
    struct pw_turn turn;
    _Atomic int stopped; /* the status of a unit that has failed */
};

struct pw_writer {
    struct pw_codec_state codec;
    struct pw_buffer voxels; /* a chunk */
    unsigned char *stored;
};

static struct hdf5_sink *of(struct pw_sink *sink)
{
    return (struct hdf5_sink *)sink;
}

/* ---- writers ----------------------------------------------------------- */

static size_t chunk_bytes(const struct hdf5_sink *hdf5)
{
    return pw_hdf5_dataset_chunk_bytes(&hdf5->dataset);
}

static size_t hdf5_writer_memory_bytes(const struct pw_sink *sink)
{
    const struct hdf5_sink *hdf5 = (const struct hdf5_sink *)sink;
    size_t bytes = chunk_bytes(hdf5);
    return sizeof(struct pw_writer) + bytes + ((size_t)2 << 20) + pw_output_codec_bound(&hdf5->dataset.codec, bytes) +
           pw_output_codec_memory_bytes(&hdf5->dataset.codec, bytes);
}

static void hdf5_writer_free(struct pw_writer *writer)
{
    if (writer == NULL)
        return;
    pw_codec_state_release(&writer->codec);
    pw_buffer_release(&writer->voxels);
    free(writer->stored);
    free(writer);
}

static enum pw_status hdf5_writer_new(struct pw_sink *sink, struct pw_writer **writer, struct pw_error *error)
{
    const struct hdf5_sink *hdf5 = of(sink);
    struct pw_writer *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_buffer_init(&made->voxels, chunk_bytes(hdf5), "a chunk", error);
    made->stored = pw_alloc(pw_output_codec_bound(&hdf5->dataset.codec, chunk_bytes(hdf5)), 1, error);
    if (status != PW_OK || made->stored == NULL) {
        hdf5_writer_free(made);
        return PW_E_NOMEM;
    }
    *writer = made;
    return PW_OK;
}

/* ---- units: one chunk each --------------------------------------------- */

/* The block as a whole chunk, beyond the volume 0. */
static void paint(const struct hdf5_sink *hdf5, const struct pw_label_block *block, unsigned char *voxels)
{
    const uint64_t *chunk = hdf5->base.chunk;
    size_t row_bytes = (size_t)chunk[2] * pw_dtype_bytes(hdf5->dataset.dtype);
    memset(voxels, 0, chunk_bytes(hdf5));
    for (uint64_t row = 0; row < block->shape[0] * block->shape[1]; row++) {
        uint64_t z = row / block->shape[1], y = row % block->shape[1], first = block->row[row];
        pw_paint_row(hdf5->dataset.dtype, voxels + (z * chunk[1] + y) * row_bytes, block->shape[2], block->run + first,
                     block->value + first, block->row[row + 1] - first);
    }
}

static enum pw_status hand_over(struct hdf5_sink *hdf5, const struct pw_writer *writer, const struct pw_box *box,
                                size_t n, struct pw_error *error)
{
    uint64_t depth = hdf5->base.volume[0];
    const uint64_t start[3] = {box->start[0] % depth, box->start[1], box->start[2]};
    hdf5->base.bytes_written += n;
    return pw_hdf5_dataset_put(&hdf5->dataset, box->start[0] / depth, 0, start, writer->stored, n, error);
}

static enum pw_status stop(struct hdf5_sink *hdf5, enum pw_status status)
{
    atomic_store(&hdf5->stopped, (int)status);
    return status;
}

static enum pw_status hdf5_write_unit(struct pw_sink *sink, struct pw_writer *writer, uint64_t unit_index,
                                      const struct pw_box *box, pw_pull_fn pull, void *context, struct pw_error *error)
{
    struct hdf5_sink *hdf5 = of(sink);
    struct pw_label_block block;
    size_t n = pw_output_codec_bound(&hdf5->dataset.codec, chunk_bytes(hdf5));
    enum pw_status status = pull(context, box, &block, error);
    if (status == PW_OK && block.n_runs > 0) {
        paint(hdf5, &block, writer->voxels.data);
        status = pw_output_codec_encode(&hdf5->dataset.codec, &writer->codec, pw_dtype_bytes(hdf5->dataset.dtype),
                                        writer->voxels.data, chunk_bytes(hdf5), writer->stored, &n, error);
    }
    if (status != PW_OK)
        return stop(hdf5, status);
    if (!pw_turn_await(&hdf5->turn, unit_index, &hdf5->stopped))
        return pw_fail(error, (enum pw_status)atomic_load(&hdf5->stopped), "%s: writing ended at an earlier failure",
                       sink->path);
    if (block.n_runs > 0)
        status = hand_over(hdf5, writer, box, n, error);
    if (status != PW_OK)
        return stop(hdf5, status);
    pw_turn_end(&hdf5->turn);
    return PW_OK;
}

/* ---- start and end ----------------------------------------------------- */

static enum pw_status hdf5_start(struct pw_sink *sink, enum pw_dtype dtype, uint64_t n_objects, struct pw_error *error)
{
    struct hdf5_sink *hdf5 = of(sink);
    (void)n_objects;
    hdf5->dataset.dtype = dtype;
    hdf5->dataset.axes.times = sink->times;
    return pw_hdf5_dataset_start(&hdf5->dataset, hdf5->overwrite, error);
}

static void hdf5_abort(struct pw_sink *sink)
{
    pw_hdf5_dataset_abort(&of(sink)->dataset);
}

static enum pw_status hdf5_commit(struct pw_sink *sink, struct pw_error *error)
{
    return pw_hdf5_dataset_commit(&of(sink)->dataset, error);
}

static void hdf5_close(struct pw_sink *sink)
{
    struct hdf5_sink *hdf5 = of(sink);
    pw_hdf5_dataset_release(&hdf5->dataset);
    pw_turn_destroy(&hdf5->turn);
    free(hdf5);
}

static const struct pw_sink_ops ops = {
    .format = "hdf5",
    .start = hdf5_start,
    .writer_new = hdf5_writer_new,
    .writer_free = hdf5_writer_free,
    .writer_memory_bytes = hdf5_writer_memory_bytes,
    .write_unit = hdf5_write_unit,
    .commit = hdf5_commit,
    .abort = hdf5_abort,
    .close = hdf5_close,
};

/* ---- opening ----------------------------------------------------------- */

static enum pw_status make_dataset(struct hdf5_sink *hdf5, const struct pw_sink_request *request,
                                   struct pw_error *error)
{
    struct pw_array_axes axes = {.rank = request->rank, .has_time = request->has_time};
    struct pw_sink *base = &hdf5->base;
    memcpy(axes.space, request->axis, sizeof axes.space);
    enum pw_status status = pw_hdf5_dataset_init(&hdf5->dataset, request->path,
                                                 request->label_name != NULL ? request->label_name : "labels",
                                                 request->dtype_hint != PW_DTYPE_NONE ? request->dtype_hint : PW_U32,
                                                 &axes, request->shape, request->chunk, error);
    if (status == PW_OK)
        status = pw_hdf5_dataset_codec(&hdf5->dataset, request->codec, error);
    memcpy(base->volume, request->shape, sizeof base->volume);
    for (int i = 0; i < 3; i++)
        base->chunk[i] = base->unit[i] = base->pull[i] = hdf5->dataset.chunk[i];
    return status;
}

enum pw_status pw_hdf5_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    if (request->shard[0] != 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: an HDF5 file has no shards", request->path);
    enum pw_status status = pw_pending_check(request->path, request->overwrite, error);
    struct hdf5_sink *hdf5 = status == PW_OK ? pw_alloc(1, sizeof *hdf5, error) : NULL;
    if (hdf5 == NULL)
        return status == PW_OK ? PW_E_NOMEM : status;
    hdf5->base.ops = &ops;
    hdf5->base.capabilities = PW_SINK_SEQUENTIAL;
    hdf5->base.shared_bytes = PW_HDF5_LIBRARY_BYTES;
    (void)snprintf(hdf5->base.path, sizeof hdf5->base.path, "%s", request->path);
    hdf5->overwrite = request->overwrite;
    pw_turn_init(&hdf5->turn);
    status = make_dataset(hdf5, request, error);
    if (status != PW_OK) {
        hdf5_close(&hdf5->base);
        return status;
    }
    *sink = &hdf5->base;
    return PW_OK;
}
