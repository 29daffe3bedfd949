/* An image as a dataset of an HDF5 file, t c z y x: chunks of gzip, and those of nothing but 0 left out. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/hdf5_dataset.h"
#include "store/image_output.h"
#include "store/source.h"
#include "sys/turn.h"

enum {
    UNIT_BYTES = 16 << 20 /* chunks that are read, and then compressed, together */
};
#define DATASET_NAME "data"

struct hdf5_output {
    struct pw_image_output base;
    struct pw_hdf5_dataset dataset;
    int overwrite;
    struct pw_turn turn;
    _Atomic int stopped; /* the status of a unit that has failed */
};

struct pw_image_writer {
    struct pw_codec_state codec;
    struct pw_buffer voxels; /* a chunk */
    struct pw_buffer stored; /* the chunks of a unit */
    size_t *stored_bytes;    /* of each; 0: nothing but 0 */
};

static struct hdf5_output *of(struct pw_image_output *output)
{
    return (struct hdf5_output *)output;
}

/* ---- writers ----------------------------------------------------------- */

static uint64_t chunks_of_unit(const struct hdf5_output *hdf5)
{
    uint64_t n = 1;
    for (int i = 0; i < 3; i++)
        n *= pw_ceil_div(hdf5->base.unit[0][i], hdf5->dataset.chunk[i]);
    return n;
}

static size_t bound_of_chunk(const struct hdf5_output *hdf5)
{
    return pw_output_codec_bound(&hdf5->dataset.codec, pw_hdf5_dataset_chunk_bytes(&hdf5->dataset));
}

static uint64_t hdf5_writer_memory_bytes(const struct pw_image_output *output)
{
    const struct hdf5_output *hdf5 = (const struct hdf5_output *)output;
    size_t chunk = pw_hdf5_dataset_chunk_bytes(&hdf5->dataset);
    return sizeof(struct pw_image_writer) + chunk + ((size_t)4 << 20) + PW_HDF5_LIBRARY_BYTES +
           chunks_of_unit(hdf5) * (bound_of_chunk(hdf5) + sizeof(size_t)) +
           pw_output_codec_memory_bytes(&hdf5->dataset.codec, chunk);
}

static void hdf5_writer_free(struct pw_image_writer *writer)
{
    if (writer == NULL)
        return;
    pw_codec_state_release(&writer->codec);
    pw_buffer_release(&writer->voxels);
    pw_buffer_release(&writer->stored);
    free(writer->stored_bytes);
    free(writer);
}

static enum pw_status hdf5_writer_new(struct pw_image_output *output, struct pw_image_writer **writer,
                                      struct pw_error *error)
{
    const struct hdf5_output *hdf5 = of(output);
    uint64_t n = chunks_of_unit(hdf5);
    struct pw_image_writer *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    enum pw_status status =
        pw_buffer_init(&made->voxels, pw_hdf5_dataset_chunk_bytes(&hdf5->dataset), "a chunk", error);
    if (status == PW_OK)
        status = pw_buffer_init(&made->stored, (size_t)n * bound_of_chunk(hdf5), "compressed chunks", error);
    if (status == PW_OK && (made->stored_bytes = pw_alloc(n, sizeof *made->stored_bytes, error)) == NULL)
        status = PW_E_NOMEM;
    if (status != PW_OK) {
        hdf5_writer_free(made);
        return status;
    }
    *writer = made;
    return PW_OK;
}

/* ---- units: chunks beside and below each other ------------------------- */

/* Chunk number i of a unit: where it begins in the box. */
static void chunk_in_unit(const struct hdf5_output *hdf5, const struct pw_box *box, uint64_t i, uint64_t from[3])
{
    for (int a = 2; a >= 0; a--) {
        uint64_t n = pw_ceil_div(box->shape[a], hdf5->dataset.chunk[a]);
        from[a] = i % n * hdf5->dataset.chunk[a];
        i /= n;
    }
}

/* The chunk that begins at from of the block, whole, beyond the image 0; returns whether anything of it is not 0. */
static int take_chunk(const struct hdf5_output *hdf5, const struct pw_box *box, const struct pw_image_block *block,
                      const uint64_t from[3], unsigned char *voxels)
{
    const uint64_t *chunk = hdf5->dataset.chunk;
    size_t bytes = pw_dtype_bytes(hdf5->dataset.dtype), row = (size_t)chunk[2] * bytes,
           all = pw_hdf5_dataset_chunk_bytes(&hdf5->dataset);
    uint64_t filled[3];
    for (int a = 0; a < 3; a++)
        filled[a] = pw_min_u64(chunk[a], box->shape[a] - from[a]);
    memset(voxels, 0, all);
    for (uint64_t z = 0; z < filled[0]; z++)
        for (uint64_t y = 0; y < filled[1]; y++)
            memcpy(voxels + (z * chunk[1] + y) * row,
                   (const unsigned char *)block->voxels + (from[0] + z) * block->stride_bytes[0] +
                       (from[1] + y) * block->stride_bytes[1] + from[2] * bytes,
                   (size_t)filled[2] * bytes);
    return voxels[0] != 0 || memcmp(voxels, voxels + 1, all - 1) != 0;
}

static enum pw_status compress(const struct hdf5_output *hdf5, struct pw_image_writer *writer, const struct pw_box *box,
                               const struct pw_image_block *block, uint64_t i, struct pw_error *error)
{
    uint64_t from[3];
    size_t n = bound_of_chunk(hdf5);
    chunk_in_unit(hdf5, box, i, from);
    writer->stored_bytes[i] = 0;
    if (!take_chunk(hdf5, box, block, from, writer->voxels.data))
        return PW_OK;
    enum pw_status status =
        pw_output_codec_encode(&hdf5->dataset.codec, &writer->codec, pw_dtype_bytes(hdf5->dataset.dtype),
                               writer->voxels.data, pw_hdf5_dataset_chunk_bytes(&hdf5->dataset),
                               (unsigned char *)writer->stored.data + i * bound_of_chunk(hdf5), &n, error);
    writer->stored_bytes[i] = n;
    return status;
}

static enum pw_status hand_over(struct hdf5_output *hdf5, const struct pw_image_writer *writer, uint64_t channel,
                                const struct pw_box *box, uint64_t i, struct pw_error *error)
{
    uint64_t start[3], depth = hdf5->dataset.shape[0];
    chunk_in_unit(hdf5, box, i, start);
    for (int a = 0; a < 3; a++)
        start[a] += a == 0 ? box->start[0] % depth : box->start[a];
    hdf5->base.bytes_written += writer->stored_bytes[i];
    return pw_hdf5_dataset_put(&hdf5->dataset, box->start[0] / depth, channel, start,
                               (const unsigned char *)writer->stored.data + i * bound_of_chunk(hdf5),
                               writer->stored_bytes[i], error);
}

static enum pw_status stop(struct hdf5_output *hdf5, enum pw_status status)
{
    atomic_store(&hdf5->stopped, (int)status);
    return status;
}

static enum pw_status hdf5_write_unit(struct pw_image_output *output, struct pw_image_writer *writer, int level,
                                      uint64_t channel, const struct pw_box *box, const struct pw_image_block *block,
                                      struct pw_error *error)
{
    struct hdf5_output *hdf5 = of(output);
    uint64_t n = 1, turn = pw_image_output_turn(output, level, hdf5->dataset.axes.times, channel, box);
    enum pw_status status = PW_OK;
    for (int a = 0; a < 3; a++)
        n *= pw_ceil_div(box->shape[a], hdf5->dataset.chunk[a]);
    for (uint64_t i = 0; i < n && status == PW_OK; i++)
        status = compress(hdf5, writer, box, block, i, error);
    if (status != PW_OK)
        return stop(hdf5, status);
    const _Atomic int *cancel = output->from != NULL ? output->from->cancel : NULL;
    if (!pw_turn_await(&hdf5->turn, turn, cancel != NULL ? cancel : &hdf5->stopped))
        return pw_fail(error, PW_E_CANCELLED, "%s: writing ended at an earlier failure", output->path);
    for (uint64_t i = 0; i < n && status == PW_OK; i++)
        if (writer->stored_bytes[i] > 0)
            status = hand_over(hdf5, writer, channel, box, i, error);
    if (status != PW_OK)
        return stop(hdf5, status);
    pw_turn_end(&hdf5->turn);
    return PW_OK;
}

/* ---- start and end ----------------------------------------------------- */

static enum pw_status hdf5_start(struct pw_image_output *output, struct pw_error *error)
{
    return pw_hdf5_dataset_start(&of(output)->dataset, of(output)->overwrite, error);
}

static enum pw_status hdf5_level(struct pw_image_output *output, int level, struct pw_error *error)
{
    (void)output;
    (void)level;
    (void)error;
    return PW_OK; /* there is one */
}

static enum pw_status hdf5_commit(struct pw_image_output *output, const struct pw_image_window *window,
                                  struct pw_error *error)
{
    (void)window;
    return pw_hdf5_dataset_commit(&of(output)->dataset, error);
}

static void hdf5_close(struct pw_image_output *output)
{
    pw_hdf5_dataset_release(&of(output)->dataset);
    pw_turn_destroy(&of(output)->turn);
    free(output);
}

static const struct pw_image_output_ops ops = {
    .start = hdf5_start,
    .begin_level = hdf5_level,
    .end_level = hdf5_level,
    .writer_new = hdf5_writer_new,
    .writer_free = hdf5_writer_free,
    .writer_memory_bytes = hdf5_writer_memory_bytes,
    .write_unit = hdf5_write_unit,
    .commit = hdf5_commit,
    .close = hdf5_close,
};

/* Rows as wide as the image where that is not too much, so that what is read for one unit is seldom read for another. */
static void choose_unit(struct hdf5_output *hdf5)
{
    const uint64_t *chunk = hdf5->dataset.chunk, *shape = hdf5->dataset.shape;
    uint64_t *unit = hdf5->base.unit[0], bytes = pw_hdf5_dataset_chunk_bytes(&hdf5->dataset);
    uint64_t across = pw_max_u64(UNIT_BYTES / pw_max_u64(bytes, 1), 1);
    unit[0] = chunk[0];
    unit[2] = pw_min_u64(across * chunk[2], shape[2]);
    uint64_t down = pw_max_u64(across / pw_ceil_div(shape[2], chunk[2]), 1);
    unit[1] = pw_min_u64(down * chunk[1], shape[1]);
}

enum pw_status pw_hdf5_image_open(const struct pw_image_request *request, struct pw_image_output **output,
                                  struct pw_error *error)
{
    if (request->shard[0] != 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: an HDF5 file has no shards", request->path);
    enum pw_status status = pw_pending_check(request->path, request->overwrite, error);
    struct hdf5_output *hdf5 = status == PW_OK ? pw_alloc(1, sizeof *hdf5, error) : NULL;
    if (hdf5 == NULL)
        return status == PW_OK ? PW_E_NOMEM : status;
    hdf5->base.ops = &ops;
    hdf5->base.levels_in_turn = 1; /* where chunks are in the file follows from their turns */
    hdf5->base.levels.n = 1;
    hdf5->overwrite = request->overwrite;
    memcpy(hdf5->base.levels.shape[0], request->shape, sizeof hdf5->base.levels.shape[0]);
    (void)snprintf(hdf5->base.path, sizeof hdf5->base.path, "%s", request->path);
    pw_turn_init(&hdf5->turn);
    status = pw_hdf5_dataset_init(&hdf5->dataset, request->path, DATASET_NAME, request->dtype, &request->axes,
                                  request->shape, request->chunk, error);
    if (status == PW_OK)
        status = pw_hdf5_dataset_codec(&hdf5->dataset, request->codec, error);
    if (status != PW_OK) {
        hdf5_close(&hdf5->base);
        return status;
    }
    choose_unit(hdf5);
    *output = &hdf5->base;
    return PW_OK;
}
