/*
 * An image as OME-Zarr: levels of shards (zarr v3) or of chunks (v2), each chunk a zstd frame; chunks of nothing but 0 are
 * left out.  All of it is built in a hidden directory, the group's metadata last, and renamed when it is whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "codec/codec.h"
#include "store/image_output.h"
#include "store/level_block.h"
#include "store/ngff_image.h"
#include "store/zarr_consolidated.h"
#include "store/zarr_image.h"
#include "store/zarr_node.h"
#include "sys/file.h"
#include "sys/tree.h"

struct pw_image_writer {
    struct pw_codec_state codec;
    struct pw_unit_file file;
    struct pw_buffer chunk;
};

static struct pw_zarr_image *of(struct pw_image_output *output)
{
    return (struct pw_zarr_image *)output;
}

/* ---- writers ----------------------------------------------------------- */

static uint64_t chunk_bound(const struct pw_zarr_image *image)
{
    return pw_output_codec_bound(&image->level[0].codec, (size_t)pw_output_array_chunk_bytes(&image->level[0]));
}

/* Chunks of the largest unit: where those of a smaller level are flatter, it has more of them. */
static uint64_t unit_chunks(const struct pw_zarr_image *image)
{
    uint64_t most = 1;
    for (int l = 0; l < image->base.levels.n; l++) {
        const struct pw_zarr_layout *layout = &image->level[l].layout;
        uint64_t chunks = 1;
        for (int i = 0; i < 3; i++)
            chunks *= layout->unit[i] / layout->chunk[i];
        most = pw_max_u64(most, chunks);
    }
    return most;
}

static uint64_t zarr_writer_memory_bytes(const struct pw_image_output *output)
{
    const struct pw_zarr_image *image = (const struct pw_zarr_image *)output;
    const struct pw_output_array *first = &image->level[0];
    return sizeof(struct pw_image_writer) + ((uint64_t)2 << 20) +
           pw_output_codec_memory_bytes(&first->codec, (size_t)pw_output_array_chunk_bytes(first)) +
           pw_output_array_chunk_bytes(first) + pw_unit_file_memory_bytes(unit_chunks(image), chunk_bound(image));
}

static void zarr_writer_free(struct pw_image_writer *writer)
{
    if (writer == NULL)
        return;
    pw_codec_state_release(&writer->codec);
    pw_unit_file_release(&writer->file);
    pw_buffer_release(&writer->chunk);
    free(writer);
}

static enum pw_status zarr_writer_new(struct pw_image_output *output, struct pw_image_writer **writer,
                                      struct pw_error *error)
{
    struct pw_zarr_image *image = of(output);
    struct pw_image_writer *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    enum pw_status status =
        pw_buffer_init(&made->chunk, pw_output_array_chunk_bytes(&image->level[0]), "a chunk", error);
    if (status == PW_OK)
        status = pw_unit_file_init(&made->file, unit_chunks(image), chunk_bound(image), &output->bytes_written, error);
    if (status != PW_OK) {
        zarr_writer_free(made);
        return status;
    }
    *writer = made;
    return PW_OK;
}

/* ---- chunks ------------------------------------------------------------ */

/* The part of block that begins at from as a full chunk, beyond the image's border with 0. */
static void gather(const struct pw_image_block *block, const uint64_t from[3], const uint64_t shape[3],
                   const uint64_t chunk[3], size_t element_bytes, unsigned char *out)
{
    size_t row = (size_t)(shape[2] * element_bytes), full = (size_t)(chunk[2] * element_bytes);
    if (memcmp(shape, chunk, sizeof(uint64_t[3])) != 0)
        memset(out, 0, (size_t)(chunk[0] * chunk[1]) * full);
    for (uint64_t z = 0; z < shape[0]; z++)
        for (uint64_t y = 0; y < shape[1]; y++)
            memcpy(out + (z * chunk[1] + y) * full,
                   (const unsigned char *)block->voxels + (from[0] + z) * block->stride_bytes[0] +
                       (from[1] + y) * block->stride_bytes[1] + from[2] * element_bytes,
                   row);
}

static int is_zero(const unsigned char *bytes, size_t n)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

static enum pw_status write_chunk(const struct pw_zarr_image *image, struct pw_image_writer *writer, int level,
                                  const struct pw_box *box, const struct pw_image_block *block,
                                  const uint64_t within[3], struct pw_error *error)
{
    const struct pw_output_array *array = &image->level[level];
    const uint64_t *chunk = array->layout.chunk;
    size_t bytes = (size_t)pw_output_array_chunk_bytes(array), n;
    uint64_t from[3], shape[3];
    for (int i = 0; i < 3; i++) {
        from[i] = within[i] * chunk[i];
        shape[i] = pw_min_u64(chunk[i], box->shape[i] - from[i]);
    }
    gather(block, from, shape, chunk, pw_dtype_bytes(array->dtype), writer->chunk.data);
    if (is_zero(writer->chunk.data, bytes))
        return PW_OK;
    void *room = pw_unit_room(&writer->file, &n);
    enum pw_status status = pw_chunk_encode(array, &writer->codec, writer->chunk.data, room, &n, error);
    return status == PW_OK ? pw_unit_add(&writer->file, within, n, error) : status;
}

static enum pw_status zarr_write_unit(struct pw_image_output *output, struct pw_image_writer *writer, int level,
                                      uint64_t channel, const struct pw_box *box, const struct pw_image_block *block,
                                      struct pw_error *error)
{
    struct pw_zarr_image *image = of(output);
    const struct pw_output_array *array = &image->level[level];
    const uint64_t *chunk = array->layout.chunk;
    uint64_t unit[3], count[3], within[3], depth = array->shape[0];
    enum pw_status status = PW_OK;
    for (int i = 0; i < 3; i++) {
        unit[i] = (i == 0 ? box->start[0] % depth : box->start[i]) / array->layout.unit[i];
        count[i] = pw_ceil_div(box->shape[i], chunk[i]);
    }
    unit[0] += (box->start[0] / depth * array->channels + channel) * array->n_units[0];
    pw_unit_begin(&writer->file, array, unit);
    for (within[0] = 0; within[0] < count[0] && status == PW_OK; within[0]++)
        for (within[1] = 0; within[1] < count[1] && status == PW_OK; within[1]++)
            for (within[2] = 0; within[2] < count[2] && status == PW_OK; within[2]++)
                status = write_chunk(image, writer, level, box, block, within, error);
    if (status == PW_OK)
        status = pw_unit_end(&writer->file, error);
    pw_unit_cancel(&writer->file);
    return status;
}

/* ---- start and end ----------------------------------------------------- */

static enum pw_status zarr_start(struct pw_image_output *output, struct pw_error *error)
{
    struct pw_zarr_image *image = of(output);
    char parent[PW_TREE_PATH_BYTES], made[PW_TREE_PATH_BYTES];
    const char *name = strrchr(output->path, '/');
    pw_file_parent(output->path, parent, sizeof parent);
    enum pw_status status =
        pw_tree_make_hidden(parent, name != NULL ? name + 1 : output->path, made, &image->lock, error);
    if (status == PW_OK)
        memcpy(image->hidden, made, sizeof made);
    return status;
}

static enum pw_status zarr_begin_level(struct pw_image_output *output, int level, struct pw_error *error)
{
    struct pw_zarr_image *image = of(output);
    struct pw_output_array *array = &image->level[level];
    char name[16];
    (void)snprintf(name, sizeof name, "%d", level);
    enum pw_status status = pw_zarr_join(image->hidden, name, array->path, error);
    if (status == PW_OK)
        status = pw_tree_make(array->path, error);
    if (status == PW_OK)
        status = pw_zarr_write_array(image->version, &image->axes, array, NULL, array->path, error);
    if (status != PW_OK)
        return status;
    array->fd = open(array->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return array->fd >= 0 ? PW_OK : pw_fail_errno(error, PW_E_IO, errno, "%s", array->path);
}

static enum pw_status zarr_end_level(struct pw_image_output *output, int level, struct pw_error *error)
{
    struct pw_output_array *array = &of(output)->level[level];
    (void)error;
    (void)close(array->fd);
    array->fd = -1;
    memcpy(output->level_path, array->path, sizeof output->level_path);
    return PW_OK;
}

void pw_zarr_image_remove_hidden(struct pw_zarr_image *image)
{
    if (image->hidden[0] == '\0')
        return;
    pw_tree_remove(image->hidden);
    (void)close(image->lock);
    image->hidden[0] = '\0';
}

static enum pw_status zarr_commit(struct pw_image_output *output, const struct pw_image_window *window,
                                  struct pw_error *error)
{
    struct pw_zarr_image *image = of(output);
    char parent[PW_TREE_PATH_BYTES];
    const char *name = strrchr(output->path, '/');
    const struct pw_level_shapes *levels = &output->levels;
    const struct pw_ngff_image ngff = {
        .multiscale = {.version = image->version,
                       .name = name != NULL ? name + 1 : output->path,
                       .axes = image->axes,
                       .n_levels = levels->n,
                       .scale = levels->scale,
                       .translation = levels->translation,
                       .type = "mean",
                       .method = "mean of the block, whole numbers rounded to the nearest"},
        .channel_name = image->channel_name,
        .channel_show = image->channel_show,
        .window = window,
        .dtype = image->level[0].dtype,
    };
    enum pw_status status = pw_ngff_write_image(&ngff, image->hidden, error);
    if (status == PW_OK)
        status = pw_tree_sync(image->hidden, error);
    if (status == PW_OK)
        status = pw_tree_publish(image->hidden, output->path, image->overwrite, error);
    if (status != PW_OK)
        return status;
    pw_file_parent(output->path, parent, sizeof parent);
    (void)pw_tree_sync_directory(parent, NULL);
    pw_zarr_image_remove_hidden(image); /* what was replaced, if anything */
    return pw_zarr_consolidate(output->path, error);
}

static void zarr_close(struct pw_image_output *output)
{
    struct pw_zarr_image *image = of(output);
    for (int l = 0; l < output->levels.n; l++)
        if (image->level[l].fd >= 0)
            (void)close(image->level[l].fd);
    pw_zarr_image_remove_hidden(image);
    free(image);
}

const struct pw_image_output_ops pw_zarr_image_ops = {
    .start = zarr_start,
    .begin_level = zarr_begin_level,
    .end_level = zarr_end_level,
    .writer_new = zarr_writer_new,
    .writer_free = zarr_writer_free,
    .writer_memory_bytes = zarr_writer_memory_bytes,
    .write_unit = zarr_write_unit,
    .commit = zarr_commit,
    .close = zarr_close,
};

/* ---- opening ----------------------------------------------------------- */

/* What is replaced must be asked for and be an image that was converted, without labels: anything else may be irreplaceable. */
static enum pw_status check_place(const struct pw_image_request *request, struct pw_error *error)
{
    struct pw_zarr_node node = {0};
    char parent[PW_TREE_PATH_BYTES], labels[PW_TREE_PATH_BYTES];
    struct stat st;
    pw_file_parent(request->path, parent, sizeof parent);
    if (stat(parent, &st) != 0 || !S_ISDIR(st.st_mode))
        return pw_fail(error, PW_E_NOT_FOUND, "%s: no such directory", parent);
    pw_tree_recover(request->path);
    if (lstat(request->path, &st) != 0)
        return PW_OK;
    if (!request->overwrite)
        return pw_fail(error, PW_E_EXISTS, "%s: exists already; --overwrite replaces it", request->path);
    int own = pw_zarr_node_load(&node, request->path, NULL) == PW_OK && pw_ngff_is_converted(&node);
    pw_zarr_node_release(&node);
    if (!own)
        return pw_fail(error, PW_E_EXISTS,
                       "%s: is not an image that was converted, and is not replaced; remove it first", request->path);
    if (pw_zarr_join(request->path, "labels", labels, NULL) == PW_OK && stat(labels, &st) == 0)
        return pw_fail(error, PW_E_EXISTS, "%s: has labels, which would be lost; remove it first", request->path);
    return PW_OK;
}

void pw_zarr_image_finish_level(struct pw_zarr_image *image, int l)
{
    struct pw_output_array *array = &image->level[l];
    array->times = image->axes.times;
    array->has_time = image->axes.has_time;
    array->channels = image->axes.channels;
    array->has_channel = image->axes.has_channel;
    memcpy(image->base.unit[l], array->layout.unit, sizeof image->base.unit[l]);
}

static enum pw_status choose_levels(struct pw_zarr_image *image, const struct pw_image_request *request,
                                    struct pw_error *error)
{
    struct pw_sink_request asked = {
        .path = request->path,
        .rank = request->axes.rank,
        .pyramid = request->pyramid ? PW_PYRAMID_MODE : PW_PYRAMID_NONE, /* blocks, not corners */
    };
    struct pw_zarr_layout first, layout;
    memcpy(asked.shape, request->shape, sizeof asked.shape);
    memcpy(asked.chunk, request->chunk, sizeof asked.chunk);
    memcpy(asked.shard, request->shard, sizeof asked.shard);
    memcpy(asked.tile, request->source_chunk, sizeof asked.tile);
    struct pw_output_codec codec;
    const struct pw_output_codec usual = PW_ZARR_CODEC_USUAL;
    enum pw_status status = pw_output_codec_choose(request->codec, PW_ZARR_CODECS, &usual, &codec, "zarr", error);
    if (status == PW_OK)
        status = pw_zarr_layout_choose(&asked, image->version, &first, error);
    if (status == PW_OK)
        status = pw_level_shapes_choose(&image->base.levels, &asked, request->axes.space, first.chunk, 0, error);
    if (status != PW_OK)
        return status;
    int rows_last = pw_zarr_image_widen_units(request, &first);
    for (int l = 0; l < image->base.levels.n; l++) {
        struct pw_output_array *array = &image->level[l];
        layout = first;
        if (l > 0)
            pw_zarr_layout_of_level(&first, image->base.levels.shape[l], &layout);
        pw_zarr_image_shrink_unit(&image->base.levels, l, request->dtype, request->shard, rows_last, &layout);
        pw_output_array_init(array, request->axes.rank, image->base.levels.shape[l], &layout);
        array->dtype = request->dtype;
        array->codec = codec;
        pw_zarr_image_finish_level(image, l);
    }
    return PW_OK;
}

enum pw_status pw_zarr_image_open(const struct pw_image_request *request, struct pw_image_output **output,
                                  struct pw_error *error)
{
    enum pw_status status = check_place(request, error);
    struct pw_zarr_image *image = status == PW_OK ? pw_alloc(1, sizeof *image, error) : NULL;
    if (image == NULL)
        return status == PW_OK ? PW_E_NOMEM : status;
    image->base.ops = &pw_zarr_image_ops;
    image->base.fills_zero = 1;
    image->version = strcmp(request->ngff, "0.4") == 0 ? 2 : 3;
    image->overwrite = request->overwrite;
    image->axes = request->axes;
    image->channel_name = request->channel_name;
    image->channel_show = request->channel_show;
    (void)snprintf(image->base.path, sizeof image->base.path, "%s", request->path);
    for (size_t n = strlen(image->base.path); n > 1 && image->base.path[n - 1] == '/'; n--)
        image->base.path[n - 1] = '\0';
    status = choose_levels(image, request, error);
    if (status != PW_OK) {
        free(image);
        return status;
    }
    *output = &image->base;
    return PW_OK;
}
