/*
 * An image as an OME-TIFF: tiles of one plane in a BigTIFF, pages in the order t c z, smaller levels in the SubIFDs of every
 * page (store/tiff_directory.h).  Tiles of nothing but 0 are one that all share.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/image_output.h"
#include "store/source.h"
#include "store/tiff_file.h"
#include "store/unit_shape.h"

enum {
    UNIT_BYTES = 8 << 20,
    DIFFERENCES = 2, /* of the Predictor tag */
    NO_PREDICTOR = 1
};

/* Deflate is what every reader has; on images higher levels gain little and cost much. */
static const struct pw_output_codec usual_codec = {PW_COMPRESS_DEFLATE, 1};

struct tiff_image {
    struct pw_image_output base;
    struct pw_tiff_file file;
};

struct pw_image_writer {
    struct pw_tile_batch batch;
    unsigned char *tile;
};

static struct tiff_image *of(struct pw_image_output *output)
{
    return (struct tiff_image *)output;
}

/* ---- writers ----------------------------------------------------------- */

/* Of the first level, which has the largest units. */
static uint64_t tiles_of_unit(const struct tiff_image *image)
{
    const uint64_t *unit = image->base.unit[0];
    return unit[0] * pw_ceil_div(unit[2], image->file.pages.tile_width);
}

static uint64_t tiff_writer_memory_bytes(const struct pw_image_output *output)
{
    const struct tiff_image *image = (const struct tiff_image *)output;
    return sizeof(struct pw_image_writer) + pw_tile_batch_memory_bytes(&image->file, tiles_of_unit(image)) +
           pw_tiff_tile_bytes(&image->file.pages);
}

static void tiff_writer_free(struct pw_image_writer *writer)
{
    if (writer == NULL)
        return;
    pw_tile_batch_release(&writer->batch);
    free(writer->tile);
    free(writer);
}

static enum pw_status tiff_writer_new(struct pw_image_output *output, struct pw_image_writer **writer,
                                      struct pw_error *error)
{
    struct tiff_image *image = of(output);
    struct pw_image_writer *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    made->tile = pw_alloc(pw_tiff_tile_bytes(&image->file.pages), 1, error);
    if (made->tile == NULL || pw_tile_batch_init(&made->batch, &image->file, tiles_of_unit(image), error) != PW_OK) {
        tiff_writer_free(made);
        return PW_E_NOMEM;
    }
    *writer = made;
    return PW_OK;
}

/* ---- units ------------------------------------------------------------- */

static int is_zero(const unsigned char *bytes, size_t n)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

/* Copies the tile at column x0 of a plane of block, beyond the border 0; returns whether anything of it is not 0. */
static int take_tile(const struct pw_tiff_pages *pages, const struct pw_box *box, const struct pw_image_block *block,
                     uint64_t plane, uint64_t x0, unsigned char *tile)
{
    size_t bytes = pw_dtype_bytes(pages->dtype), row = pages->tile_width * bytes;
    size_t filled = (size_t)pw_min_u64(pages->tile_width, box->shape[2] - x0) * bytes;
    const unsigned char *from = (const unsigned char *)block->voxels + plane * block->stride_bytes[0] + x0 * bytes;
    for (uint64_t y = 0; y < box->shape[1]; y++) {
        memcpy(tile + y * row, from + y * block->stride_bytes[1], filled);
        memset(tile + y * row + filled, 0, row - filled);
    }
    memset(tile + box->shape[1] * row, 0, (size_t)(pages->tile_height - box->shape[1]) * row);
    return !is_zero(tile, (size_t)pw_tiff_tile_bytes(pages));
}

static enum pw_status tiff_write_unit(struct pw_image_output *output, struct pw_image_writer *writer, int level,
                                      uint64_t channel, const struct pw_box *box, const struct pw_image_block *block,
                                      struct pw_error *error)
{
    struct tiff_image *image = of(output);
    const struct pw_tiff_pages *pages = &image->file.pages;
    uint64_t n = pw_ceil_div(box->shape[2], pages->tile_width), depth = pages->depth;
    uint64_t first =
        box->start[1] / pages->tile_height * pages->level[level].across + box->start[2] / pages->tile_width;
    uint64_t page = (box->start[0] / depth * pages->axes.channels + channel) * depth + box->start[0] % depth;
    enum pw_status status = PW_OK;
    pw_tile_batch_begin(&writer->batch);
    for (uint64_t i = 0; i < box->shape[0] * n && status == PW_OK; i++) {
        int any = take_tile(pages, box, block, i / n, i % n * pages->tile_width, writer->tile);
        status = pw_tile_batch_add(&writer->batch, &image->file, any ? writer->tile : NULL, error);
    }
    status = pw_tile_batch_place(&writer->batch, &image->file,
                                 pw_image_output_turn(output, level, pages->axes.times, channel, box), status,
                                 output->from->cancel, error);
    for (uint64_t z = 0; z < box->shape[0] && status == PW_OK; z++)
        status = pw_tile_batch_list(&writer->batch, &image->file, level, page + z, first, z * n, n, error);
    return status;
}

/* ---- start and end ----------------------------------------------------- */

static enum pw_status tiff_start(struct pw_image_output *output, struct pw_error *error)
{
    return pw_tiff_file_start(&of(output)->file, error);
}

static enum pw_status tiff_begin_level(struct pw_image_output *output, int level, struct pw_error *error)
{
    (void)level;
    (void)error;
    pw_tiff_file_begin(&of(output)->file);
    return PW_OK;
}

static enum pw_status tiff_end_level(struct pw_image_output *output, int level, struct pw_error *error)
{
    if (level + 1 == output->levels.n)
        return PW_OK;
    return pw_tiff_file_show(&of(output)->file, level, output->level_path, sizeof output->level_path, error);
}

static enum pw_status tiff_commit(struct pw_image_output *output, const struct pw_image_window *window,
                                  struct pw_error *error)
{
    (void)window;
    return pw_tiff_file_commit(&of(output)->file, error);
}

static void tiff_close(struct pw_image_output *output)
{
    pw_tiff_file_release(&of(output)->file);
    free(output);
}

static const struct pw_image_output_ops ops = {
    .start = tiff_start,
    .begin_level = tiff_begin_level,
    .end_level = tiff_end_level,
    .writer_new = tiff_writer_new,
    .writer_free = tiff_writer_free,
    .writer_memory_bytes = tiff_writer_memory_bytes,
    .write_unit = tiff_write_unit,
    .commit = tiff_commit,
    .close = tiff_close,
};

/* ---- opening ----------------------------------------------------------- */

static void take_pages(struct tiff_image *image, const struct pw_image_request *request)
{
    struct pw_tiff_pages *pages = &image->file.pages;
    const char *slash = strrchr(image->base.path, '/');
    pages->axes = request->axes;
    pages->depth = request->shape[0];
    pages->name = slash != NULL ? slash + 1 : image->base.path;
    pages->channel_name = request->channel_name;
    pages->channel_show = request->channel_show;
    pages->dtype = request->dtype == PW_BOOL ? PW_U8 : request->dtype; /* of 1 and 0 */
    /* Whole numbers of up to 32 bits: what every reader of the predictor has. */
    pages->predictor = pw_dtype_is_integer(pages->dtype) && pw_dtype_bytes(pages->dtype) <= 4 &&
                               image->file.codec.compression != PW_COMPRESS_NONE
                           ? DIFFERENCES
                           : NO_PREDICTOR;
}

static void choose_units(struct tiff_image *image, const struct pw_image_request *request)
{
    const struct pw_tiff_pages *pages = &image->file.pages;
    uint64_t *unit = image->base.unit[0], tile_bytes = pw_tiff_tile_bytes(pages);
    unit[0] = pw_unit_extent(request->shape[0], request->source_chunk[0], UNIT_BYTES / tile_bytes);
    unit[1] = pages->tile_height;
    unit[2] =
        pw_min_u64(pw_max_u64(UNIT_BYTES / (unit[0] * tile_bytes), 1), pages->level[0].across) * pages->tile_width;
    for (int l = 1; l < pages->n_levels; l++)
        memcpy(image->base.unit[l], unit, sizeof image->base.unit[l]);
    for (int l = 0; l < pages->n_levels; l++)
        for (int i = 1; i < 3; i++)
            image->base.unit[l][i] = pw_min_u64(image->base.unit[l][i], image->base.levels.shape[l][i]);
}

static enum pw_status choose_levels(struct tiff_image *image, const struct pw_image_request *request,
                                    struct pw_error *error)
{
    struct pw_tiff_pages *pages = &image->file.pages;
    struct pw_sink_request asked = {
        .path = request->path,
        .rank = request->axes.rank,
        .pyramid = request->pyramid ? PW_PYRAMID_MODE : PW_PYRAMID_NONE, /* blocks, not corners */
    };
    memcpy(asked.shape, request->shape, sizeof asked.shape);
    enum pw_status status = pw_tiff_pages_init(pages, request->path, request->shape[1], request->shape[2],
                                               request->chunk[1], request->chunk[2], error);
    const uint64_t tile[3] = {request->shape[0], pages->tile_height, pages->tile_width};
    if (status == PW_OK)
        status = pw_level_shapes_choose(&image->base.levels, &asked, request->axes.space, tile, 1, error);
    for (int l = 1; status == PW_OK && l < image->base.levels.n; l++)
        status = pw_tiff_pages_add(pages, request->path, image->base.levels.shape[l][1], image->base.levels.shape[l][2],
                                   error);
    return status;
}

static enum pw_status check(const struct pw_image_request *request, struct pw_error *error)
{
    if (request->chunk[0] > 1)
        return pw_fail(error, PW_E_ARGUMENT, "%s: TIFF tiles are one plane thick, not %llu", request->path,
                       (unsigned long long)request->chunk[0]);
    if (request->shard[0] != 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: a TIFF file has no shards", request->path);
    return pw_pending_check(request->path, request->overwrite, error);
}

enum pw_status pw_tiff_image_open(const struct pw_image_request *request, struct pw_image_output **output,
                                  struct pw_error *error)
{
    enum pw_status status = check(request, error);
    struct tiff_image *image = status == PW_OK ? pw_alloc(1, sizeof *image, error) : NULL;
    if (image == NULL)
        return status == PW_OK ? PW_E_NOMEM : status;
    image->base.ops = &ops;
    image->base.levels_in_turn = 1; /* where tiles are in the file follows from their turns */
    (void)snprintf(image->base.path, sizeof image->base.path, "%s", request->path);
    image->file.path = image->base.path;
    image->file.overwrite = request->overwrite;
    image->file.bytes_written = &image->base.bytes_written;
    status = pw_output_codec_choose(request->codec, PW_TIFF_CODECS, &usual_codec, &image->file.codec, "TIFF", error);
    take_pages(image, request);
    if (status == PW_OK)
        status = choose_levels(image, request, error);
    if (status != PW_OK) {
        free(image);
        return status;
    }
    choose_units(image, request);
    pw_tiff_file_init(&image->file);
    *output = &image->base;
    return PW_OK;
}
