/*
 * Labels as an OME-Zarr label image: NGFF 0.5 in zarr v3 with shards, or 0.4 in zarr
 * v2.  Chunks are encoded straight from runs (codec/zstd_runs.h); the smaller levels that
 * an image with levels asks for are made on the way (store/zarr_pyramid.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "codec/zstd_runs.h"
#include "store/ngff_metadata.h"
#include "store/zarr_place.h"
#include "store/level_shapes.h"
#include "store/zarr_pyramid.h"

struct zarr_sink {
    struct pw_sink base;
    struct pw_zarr_place place;
    struct pw_array_axes axes;
    char *segmenter;
    enum pw_dtype dtype; /* dtype_hint until start */
    uint64_t n_objects;
    struct pw_level_shapes levels;
    enum pw_pyramid_rule rule;
    struct pw_output_codec codec;
    struct pw_output_array level[PW_MAX_LEVELS];
    struct pw_pyramid pyramid;
};

struct pw_writer {
    struct pw_zstd_runs *encoder;
    struct pw_unit_file file;
    struct pw_pyramid_worker worker; /* zeroed when there is one level */
    struct pw_buffer chunk;          /* of voxels: none where chunks are encoded from runs */
    struct pw_codec_state codec;
};

static struct zarr_sink *of(struct pw_sink *sink)
{
    return (struct zarr_sink *)sink;
}

/* ------------------------------------------------------------------------ *
 * Writers
 * ------------------------------------------------------------------------ */

static uint64_t chunk_voxels(const struct zarr_sink *zarr)
{
    const uint64_t *chunk = zarr->level[0].layout.chunk;
    return chunk[0] * chunk[1] * chunk[2];
}

/* Runs become zstd frames of the level for speed; for any other codec they are painted. */
static int is_from_runs(const struct zarr_sink *zarr)
{
    return zarr->level[0].codec.compression == PW_COMPRESS_ZSTD && zarr->level[0].codec.level == 1;
}

/* Most bytes of an encoded chunk of any level: none has larger chunks than the first. */
static uint64_t chunk_bound(const struct zarr_sink *zarr, size_t element_bytes)
{
    uint64_t bytes = chunk_voxels(zarr) * element_bytes;
    return is_from_runs(zarr) ? pw_zstd_runs_bound(bytes) : pw_output_codec_bound(&zarr->level[0].codec, (size_t)bytes);
}

static uint64_t unit_chunks(const struct zarr_sink *zarr)
{
    const struct pw_zarr_layout *layout = &zarr->level[0].layout;
    return layout->unit[0] / layout->chunk[0] * (layout->unit[1] / layout->chunk[1]) *
           (layout->unit[2] / layout->chunk[2]);
}

static size_t zarr_writer_memory_bytes(const struct pw_sink *sink)
{
    const struct zarr_sink *zarr = (const struct zarr_sink *)sink;
    size_t element_bytes = pw_dtype_bytes(zarr->dtype);
    uint64_t bound = chunk_bound(zarr, element_bytes);
    uint64_t bytes =
        sizeof(struct pw_writer) + pw_zstd_runs_memory_bytes() + pw_unit_file_memory_bytes(unit_chunks(zarr), bound);
    if (!is_from_runs(zarr))
        bytes += chunk_voxels(zarr) * element_bytes + ((uint64_t)2 << 20) +
                 pw_output_codec_memory_bytes(&zarr->level[0].codec, (size_t)(chunk_voxels(zarr) * element_bytes));
    if (zarr->levels.n > 1)
        bytes += pw_pyramid_worker_memory_bytes(&zarr->pyramid, bound, element_bytes);
    return (size_t)bytes;
}

static void zarr_writer_free(struct pw_writer *writer)
{
    if (writer == NULL)
        return;
    pw_zstd_runs_free(writer->encoder);
    pw_unit_file_release(&writer->file);
    pw_pyramid_worker_release(&writer->worker);
    pw_buffer_release(&writer->chunk);
    pw_codec_state_release(&writer->codec);
    free(writer);
}

static enum pw_status zarr_writer_new(struct pw_sink *sink, struct pw_writer **writer, struct pw_error *error)
{
    struct zarr_sink *zarr = of(sink);
    uint64_t bound = chunk_bound(zarr, pw_dtype_bytes(zarr->dtype));
    struct pw_writer *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_zstd_runs_new(&made->encoder, error);
    if (status == PW_OK)
        status = pw_unit_file_init(&made->file, unit_chunks(zarr), bound, &sink->bytes_written, error);
    if (status == PW_OK && !is_from_runs(zarr))
        status = pw_buffer_init(&made->chunk, pw_output_array_chunk_bytes(&zarr->level[0]), "a chunk", error);
    if (status == PW_OK && zarr->levels.n > 1)
        status = pw_pyramid_worker_init(&made->worker, &zarr->pyramid, bound, is_from_runs(zarr) ? made->encoder : NULL,
                                        error);
    if (status != PW_OK) {
        zarr_writer_free(made);
        return status;
    }
    *writer = made;
    return PW_OK;
}

/* ------------------------------------------------------------------------ *
 * Units
 * ------------------------------------------------------------------------ */

/* Paints the block as a whole chunk, beyond it 0, and encodes that. */
static enum pw_status encode_painted(const struct zarr_sink *zarr, struct pw_writer *writer,
                                     const struct pw_label_block *block, void *room, size_t *n, struct pw_error *error)
{
    const uint64_t *chunk = zarr->level[0].layout.chunk;
    size_t row_bytes = (size_t)chunk[2] * pw_dtype_bytes(zarr->dtype);
    unsigned char *voxels = writer->chunk.data;
    memset(voxels, 0, (size_t)pw_output_array_chunk_bytes(&zarr->level[0]));
    for (uint64_t z = 0; z < block->shape[0]; z++)
        for (uint64_t y = 0; y < block->shape[1]; y++) {
            uint64_t row = z * block->shape[1] + y, first = block->row[row];
            pw_paint_row(zarr->dtype, voxels + (z * chunk[1] + y) * row_bytes, block->shape[2], block->run + first,
                         block->value + first, block->row[row + 1] - first);
        }
    return pw_chunk_encode(&zarr->level[0], &writer->codec, voxels, room, n, error);
}

/* Pulls and encodes the chunk at start (volume coordinates). */
static enum pw_status write_chunk(struct zarr_sink *zarr, struct pw_writer *writer, const uint64_t start[3],
                                  const uint64_t within[3], pw_pull_fn pull, void *context, struct pw_error *error)
{
    const uint64_t *chunk = zarr->level[0].layout.chunk;
    struct pw_label_block block;
    struct pw_box box;
    size_t n;
    for (int i = 0; i < 3; i++) {
        uint64_t at = i == 0 ? start[0] % zarr->base.volume[0] : start[i];
        box.start[i] = start[i];
        box.shape[i] = pw_min_u64(chunk[i], zarr->base.volume[i] - at);
    }
    enum pw_status status = pull(context, &box, &block, error);
    if (status != PW_OK || block.n_runs == 0)
        return status;
    void *room = pw_unit_room(&writer->file, &n);
    status = is_from_runs(zarr) ? pw_zstd_runs_encode(writer->encoder, zarr->dtype, &block, chunk, room, &n, error)
                                : encode_painted(zarr, writer, &block, room, &n, error);
    return status == PW_OK ? pw_unit_add(&writer->file, within, n, error) : status;
}

static enum pw_status write_chunks(struct zarr_sink *zarr, struct pw_writer *writer, const struct pw_box *box,
                                   pw_pull_fn pull, void *context, struct pw_error *error)
{
    const uint64_t *chunk = zarr->level[0].layout.chunk;
    uint64_t count[3], within[3], start[3];
    for (int i = 0; i < 3; i++)
        count[i] = pw_ceil_div(box->shape[i], chunk[i]);
    for (within[0] = 0; within[0] < count[0]; within[0]++)
        for (within[1] = 0; within[1] < count[1]; within[1]++)
            for (within[2] = 0; within[2] < count[2]; within[2]++) {
                for (int i = 0; i < 3; i++)
                    start[i] = box->start[i] + within[i] * chunk[i];
                enum pw_status status = write_chunk(zarr, writer, start, within, pull, context, error);
                if (status != PW_OK)
                    return status;
            }
    return PW_OK;
}

static enum pw_status zarr_write_unit(struct pw_sink *sink, struct pw_writer *writer, uint64_t unit_index,
                                      const struct pw_box *box, pw_pull_fn pull, void *context, struct pw_error *error)
{
    struct zarr_sink *zarr = of(sink);
    uint64_t unit[3];
    (void)unit_index;
    for (int i = 1; i < 3; i++)
        unit[i] = box->start[i] / sink->unit[i];
    unit[0] =
        box->start[0] / sink->volume[0] * zarr->level[0].n_units[0] + box->start[0] % sink->volume[0] / sink->unit[0];
    pw_unit_begin(&writer->file, &zarr->level[0], unit);
    enum pw_status status = write_chunks(zarr, writer, box, pull, context, error);
    if (status == PW_OK)
        status = pw_unit_end(&writer->file, error);
    if (status == PW_OK && zarr->levels.n > 1)
        status = pw_pyramid_unit_done(&zarr->pyramid, &writer->worker, &writer->file, unit, pull, context, error);
    pw_unit_cancel(&writer->file);
    return status;
}

/* ------------------------------------------------------------------------ *
 * Start and end
 * ------------------------------------------------------------------------ */

static struct pw_ngff_label describe(const struct zarr_sink *zarr)
{
    struct pw_ngff_label label = {
        .version = zarr->place.version,
        .name = zarr->place.name,
        .segmenter = zarr->segmenter,
        .n_objects = zarr->n_objects,
        .axes = zarr->axes,
        .n_levels = zarr->levels.n,
        .level = zarr->level,
        .scale = zarr->levels.scale,
        .translation = zarr->levels.translation,
        .rule = zarr->rule,
    };
    return label;
}

static enum pw_status make_level(struct zarr_sink *zarr, int l, struct pw_error *error)
{
    struct pw_ngff_label label = describe(zarr);
    struct pw_output_array *array = &zarr->level[l];
    array->dtype = zarr->dtype;
    int n = zarr->place.is_array ? snprintf(array->path, sizeof array->path, "%s", zarr->place.build)
                                 : snprintf(array->path, sizeof array->path, "%s/%d", zarr->place.build, l);
    if (n < 0 || (size_t)n >= sizeof array->path)
        return pw_fail(error, PW_E_ARGUMENT, "%s: the path is too long", zarr->place.build);
    enum pw_status status = pw_tree_make(array->path, error);
    if (status == PW_OK)
        status = zarr->place.is_array ? pw_ngff_write_lone_array(&label, zarr->place.final, array->path, error)
                                      : pw_ngff_write_array(&label, l, array->path, error);
    if (status != PW_OK)
        return status;
    array->fd = open(array->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return array->fd >= 0 ? PW_OK : pw_fail_errno(error, PW_E_IO, errno, "%s", array->path);
}

static void close_levels(struct zarr_sink *zarr)
{
    for (int l = 0; l < zarr->levels.n; l++) {
        if (zarr->level[l].fd >= 0)
            (void)close(zarr->level[l].fd);
        zarr->level[l].fd = -1;
    }
}

static void zarr_abort(struct pw_sink *sink)
{
    close_levels(of(sink));
    pw_zarr_place_abort(&of(sink)->place);
}

static enum pw_status zarr_start(struct pw_sink *sink, enum pw_dtype dtype, uint64_t n_objects, struct pw_error *error)
{
    struct zarr_sink *zarr = of(sink);
    zarr->dtype = dtype;
    zarr->n_objects = n_objects;
    enum pw_status status = pw_zarr_place_start(&zarr->place, error);
    memcpy(zarr->base.build, zarr->place.build, sizeof zarr->base.build);
    for (int l = 0; l < zarr->levels.n && status == PW_OK; l++)
        status = make_level(zarr, l, error);
    if (status == PW_OK)
        status = pw_pyramid_start(&zarr->pyramid, error);
    if (status != PW_OK)
        zarr_abort(sink);
    return status;
}

static enum pw_status zarr_commit(struct pw_sink *sink, struct pw_error *error)
{
    struct zarr_sink *zarr = of(sink);
    struct pw_ngff_label label = describe(zarr);
    close_levels(zarr);
    enum pw_status status = zarr->place.is_array ? PW_OK : pw_ngff_write_label(&label, zarr->place.build, error);
    return status == PW_OK ? pw_zarr_place_commit(&zarr->place, error) : status;
}

static void zarr_close(struct pw_sink *sink)
{
    struct zarr_sink *zarr = of(sink);
    zarr_abort(sink);
    pw_pyramid_release(&zarr->pyramid);
    free(zarr->segmenter);
    free(zarr);
}

static const struct pw_sink_ops ops = {
    .format = "zarr",
    .start = zarr_start,
    .writer_new = zarr_writer_new,
    .writer_free = zarr_writer_free,
    .writer_memory_bytes = zarr_writer_memory_bytes,
    .write_unit = zarr_write_unit,
    .commit = zarr_commit,
    .abort = zarr_abort,
    .close = zarr_close,
};

/* ------------------------------------------------------------------------ *
 * Opening
 * ------------------------------------------------------------------------ */

static void init_array(const struct zarr_sink *zarr, struct pw_output_array *array, const uint64_t shape[3],
                       const struct pw_zarr_layout *layout)
{
    pw_output_array_init(array, zarr->axes.rank, shape, layout);
    array->times = zarr->axes.times;
    array->has_time = zarr->axes.has_time;
    array->codec = zarr->codec;
}

/* Names are needed and may not repeat; without both of the image's they are z y x. */
static void take_axes(struct zarr_sink *zarr, const struct pw_sink_request *request)
{
    static const char *const usual[3] = {"z", "y", "x"};
    int named = 1;
    memcpy(zarr->axes.space, request->axis, sizeof zarr->axes.space);
    zarr->axes.time = request->time;
    zarr->axes.time.scale = pw_positive_or_1(request->time.scale);
    zarr->axes.time.translation = pw_finite_or_0(request->time.translation);
    for (int i = 3 - zarr->axes.rank; i < 3; i++) {
        named = named && zarr->axes.space[i].name[0] != '\0';
        for (int k = 3 - zarr->axes.rank; k < i; k++)
            named = named && strcmp(zarr->axes.space[i].name, zarr->axes.space[k].name) != 0;
    }
    for (int i = 0; i < 3 && !named; i++)
        (void)snprintf(zarr->axes.space[i].name, sizeof zarr->axes.space[i].name, "%s", usual[i]);
}

static enum pw_status take_levels(struct zarr_sink *zarr, const struct pw_sink_request *request, struct pw_error *error)
{
    enum pw_status status =
        pw_level_shapes_choose(&zarr->levels, request, zarr->axes.space, zarr->level[0].layout.chunk, 0, error);
    for (int l = 1; l < zarr->levels.n && status == PW_OK; l++) {
        struct pw_zarr_layout layout;
        pw_zarr_layout_of_level(&zarr->level[0].layout, zarr->levels.shape[l], &layout);
        init_array(zarr, &zarr->level[l], zarr->levels.shape[l], &layout);
    }
    return status;
}

static enum pw_status take_shape(struct zarr_sink *zarr, const struct pw_sink_request *request, struct pw_error *error)
{
    struct pw_zarr_layout layout;
    enum pw_status status = pw_zarr_layout_choose(request, zarr->place.version, &layout, error);
    if (status != PW_OK)
        return status;
    init_array(zarr, &zarr->level[0], request->shape, &layout);
    for (int i = 0; i < 3; i++) {
        zarr->base.volume[i] = request->shape[i];
        zarr->base.unit[i] = layout.unit[i];
        zarr->base.pull[i] = pw_min_u64(layout.chunk[i], request->shape[i]);
        zarr->base.chunk[i] = layout.chunk[i];
        zarr->base.shard[i] = layout.version == 3 ? layout.unit[i] : 0;
    }
    return PW_OK;
}

/* A level may be made of boxes that are thicker than a chunk: with chunks of one plane and levels of half as many. */
static void grow_pull(struct zarr_sink *zarr)
{
    uint64_t extent[3];
    pw_pyramid_pull_extent(&zarr->pyramid, extent);
    for (int i = 0; i < 3; i++)
        zarr->base.pull[i] = pw_max_u64(zarr->base.pull[i], extent[i]);
}

enum pw_status pw_zarr_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    const struct pw_output_codec usual = PW_ZARR_CODEC_USUAL;
    struct zarr_sink *zarr = pw_alloc(1, sizeof *zarr, error);
    *sink = NULL;
    if (zarr == NULL)
        return PW_E_NOMEM;
    zarr->base.ops = &ops;
    zarr->axes.rank = request->rank;
    zarr->axes.times = pw_sink_times(request);
    zarr->axes.channels = 1;
    zarr->axes.has_time = request->has_time;
    zarr->dtype = request->dtype_hint != PW_DTYPE_NONE ? request->dtype_hint : PW_U32;
    zarr->rule = request->pyramid;
    enum pw_status status = pw_zarr_place_init(&zarr->place, request, error);
    memcpy(zarr->base.path, zarr->place.label_path, sizeof zarr->base.path);
    zarr->base.zarr_version = zarr->place.version;
    if (status == PW_OK)
        status = pw_output_codec_choose(request->codec, PW_ZARR_CODECS, &usual, &zarr->codec, "zarr", error);
    if (status == PW_OK)
        status = take_shape(zarr, request, error);
    if (status == PW_OK) {
        take_axes(zarr, request);
        status = take_levels(zarr, request, error);
    }
    if (status == PW_OK)
        status = pw_pyramid_init(&zarr->pyramid, zarr->level, zarr->levels.n, zarr->rule, error);
    zarr->base.shared_bytes = pw_pyramid_memory_bytes(&zarr->pyramid);
    if (status == PW_OK && zarr->levels.n > 1)
        grow_pull(zarr);
    if (status == PW_OK && request->segmenter != NULL) {
        zarr->segmenter = pw_strdup(request->segmenter, error);
        status = zarr->segmenter != NULL ? PW_OK : PW_E_NOMEM;
    }
    if (status != PW_OK) {
        zarr_close(&zarr->base);
        return status;
    }
    *sink = &zarr->base;
    return PW_OK;
}
