/*
 * Labels as an OME-TIFF: tiles of one plane in a BigTIFF, smaller levels in the SubIFDs of every page
 * (store/tiff_directory.h).  The largest level is painted from runs; the smaller ones are made by reading back the tiles of
 * the one before, once it is whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/level_block.h"
#include "store/level_shapes.h"
#include "store/sink.h"
#include "store/tiff_file.h"
#include "store/unit_shape.h"

enum {
    UNIT_VOXELS = 1 << 20
};

/* Level 3 of deflate is on label images as fast as level 1, and a quarter smaller; 4 halves the speed. */
static const struct pw_output_codec usual_codec = {PW_COMPRESS_DEFLATE, 3};

struct tiff_sink {
    struct pw_sink base;
    struct pw_tiff_file file; /* of element type dtype_hint until start */
    enum pw_pyramid_rule rule;
    uint64_t batch_tiles; /* most tiles of a unit */
};

struct pw_writer {
    struct pw_tile_batch batch;
    unsigned char *tile; /* one tile of voxels */
    uint64_t *cursor;    /* of each row of a tile: the first run that may reach into the next tile */
    struct pw_run *run;  /* of one row of a tile */
    uint64_t *value;
    struct pw_level_maker maker; /* this and stored are zeroed when there is one level */
    unsigned char *stored;       /* a tile of the level before, compressed */
};

static struct tiff_sink *of(struct pw_sink *sink)
{
    return (struct tiff_sink *)sink;
}

static const struct pw_tiff_pages *pages_of(const struct tiff_sink *tiff)
{
    return &tiff->file.pages;
}

/* ------------------------------------------------------------------------ *
 * Writers
 * ------------------------------------------------------------------------ */

/* How a level is made: tiles are blocks, and a page is a volume of one plane. */
static struct pw_level_step step_of(const struct tiff_sink *tiff, int level)
{
    const struct pw_tiff_pages *pages = pages_of(tiff);
    const struct pw_tiff_level *from = &pages->level[level - 1], *to = &pages->level[level];
    struct pw_level_step step = {
        .rule = tiff->rule,
        .from_shape = {1, from->height, from->width},
        .from_block = {1, pages->tile_height, pages->tile_width},
        .shape = {1, to->height, to->width},
        .block = {1, pages->tile_height, pages->tile_width},
    };
    pw_level_factor(step.from_shape, step.shape, step.factor);
    return step;
}

/* All of them; returns how many. */
static int list_steps(const struct tiff_sink *tiff, struct pw_level_step step[PW_MAX_LEVELS])
{
    int n = pages_of(tiff)->n_levels - 1;
    for (int l = 1; l <= n; l++)
        step[l - 1] = step_of(tiff, l);
    return n;
}

static size_t stored_bytes(const struct tiff_sink *tiff)
{
    return pw_output_codec_bound(&tiff->file.codec, (size_t)pw_tiff_tile_bytes(pages_of(tiff))) + 8;
}

static size_t tiff_writer_memory_bytes(const struct pw_sink *sink)
{
    const struct tiff_sink *tiff = (const struct tiff_sink *)sink;
    const struct pw_tiff_pages *pages = pages_of(tiff);
    struct pw_level_step step[PW_MAX_LEVELS];
    uint64_t bytes = sizeof(struct pw_writer) + pw_tile_batch_memory_bytes(&tiff->file, tiff->batch_tiles) +
                     pw_tiff_tile_bytes(pages) + pages->tile_height * sizeof(uint64_t) +
                     pages->tile_width * (sizeof(struct pw_run) + sizeof(uint64_t));
    if (pages->n_levels > 1)
        bytes += stored_bytes(tiff) +
                 pw_level_maker_memory_bytes(step, list_steps(tiff, step), pw_dtype_bytes(pages->dtype));
    return (size_t)bytes;
}

static void tiff_writer_free(struct pw_writer *writer)
{
    if (writer == NULL)
        return;
    pw_tile_batch_release(&writer->batch);
    pw_level_maker_release(&writer->maker);
    free(writer->tile);
    free(writer->cursor);
    free(writer->run);
    free(writer->value);
    free(writer->stored);
    free(writer);
}

static enum pw_status reserve(const struct tiff_sink *tiff, struct pw_writer *writer, struct pw_error *error)
{
    const struct pw_tiff_pages *pages = pages_of(tiff);
    struct pw_level_step step[PW_MAX_LEVELS];
    uint64_t height = pages->tile_height, width = pages->tile_width;
    if ((writer->tile = pw_alloc(pw_tiff_tile_bytes(pages), 1, error)) == NULL ||
        (writer->cursor = pw_alloc(height, sizeof *writer->cursor, error)) == NULL ||
        (writer->run = pw_alloc(width, sizeof *writer->run, error)) == NULL ||
        (writer->value = pw_alloc(width, sizeof *writer->value, error)) == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_tile_batch_init(&writer->batch, &tiff->file, tiff->batch_tiles, error);
    if (status != PW_OK || pages->n_levels == 1)
        return status;
    if ((writer->stored = pw_alloc(stored_bytes(tiff), 1, error)) == NULL)
        return PW_E_NOMEM;
    return pw_level_maker_init(&writer->maker, step, list_steps(tiff, step), pages->dtype, error);
}

static enum pw_status tiff_writer_new(struct pw_sink *sink, struct pw_writer **writer, struct pw_error *error)
{
    struct pw_writer *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    enum pw_status status = reserve(of(sink), made, error);
    if (status != PW_OK) {
        tiff_writer_free(made);
        return status;
    }
    *writer = made;
    return PW_OK;
}

/* ------------------------------------------------------------------------ *
 * The largest level
 * ------------------------------------------------------------------------ */

/*
 * The runs of one row that reach into [x0, x1), relative to x0.  *cursor moves to the first run that may reach
 * beyond; rows are asked from left to right.
 */
static uint64_t row_runs(const struct pw_label_block *block, uint64_t row_end, uint64_t x0, uint64_t x1,
                         uint64_t *cursor, struct pw_run *run, uint64_t *value)
{
    uint64_t n = 0, i = *cursor;
    for (; i < row_end && block->run[i].start < x1; i++) {
        run[n].start = (uint32_t)(pw_max_u64(block->run[i].start, x0) - x0);
        run[n].end = (uint32_t)(pw_min_u64(block->run[i].end, x1) - x0);
        value[n++] = block->value[i];
        if (block->run[i].end > x1)
            break;
    }
    *cursor = i;
    return n;
}

/* Paints the tile at column x0 of rows first_row.. of block; returns whether it has a label. */
static int paint_tile(const struct tiff_sink *tiff, struct pw_writer *writer, const struct pw_label_block *block,
                      uint64_t first_row, uint64_t rows, uint64_t x0)
{
    uint64_t width = pages_of(tiff)->tile_width;
    size_t row_bytes = (size_t)width * pw_dtype_bytes(pages_of(tiff)->dtype);
    uint64_t painted = 0; /* rows of writer->tile that are done; empty rows before the first label are put off */
    for (uint64_t r = 0; r < rows; r++) {
        uint64_t n = row_runs(block, block->row[first_row + r + 1], x0, x0 + width, &writer->cursor[r], writer->run,
                              writer->value);
        if (n == 0 && painted == 0)
            continue;
        if (painted == 0)
            memset(writer->tile, 0, (size_t)r * row_bytes);
        pw_paint_row(pages_of(tiff)->dtype, writer->tile + r * row_bytes, width, writer->run, writer->value, n);
        painted = r + 1;
    }
    if (painted != 0)
        memset(writer->tile + painted * row_bytes, 0, (size_t)(pages_of(tiff)->tile_height - painted) * row_bytes);
    return painted != 0;
}

static uint64_t tiles_across(const struct tiff_sink *tiff, const struct pw_box *box)
{
    return pw_ceil_div(box->shape[2], pages_of(tiff)->tile_width);
}

/* Compresses the tiles of one plane of the unit. */
static enum pw_status add_plane(const struct tiff_sink *tiff, struct pw_writer *writer, const struct pw_box *box,
                                const struct pw_label_block *block, uint64_t plane, struct pw_error *error)
{
    uint64_t rows = box->shape[1], first_row = plane * rows, n = tiles_across(tiff, box);
    enum pw_status status = PW_OK;
    for (uint64_t r = 0; r < rows; r++)
        writer->cursor[r] = block->row[first_row + r];
    for (uint64_t i = 0; i < n && status == PW_OK; i++) {
        int has_label = paint_tile(tiff, writer, block, first_row, rows, i * pages_of(tiff)->tile_width);
        status = pw_tile_batch_add(&writer->batch, &tiff->file, has_label ? writer->tile : NULL, error);
    }
    return status;
}

static enum pw_status tiff_write_unit(struct pw_sink *sink, struct pw_writer *writer, uint64_t unit_index,
                                      const struct pw_box *box, pw_pull_fn pull, void *context, struct pw_error *error)
{
    struct tiff_sink *tiff = of(sink);
    const struct pw_tiff_pages *pages = pages_of(tiff);
    uint64_t n = tiles_across(tiff, box);
    uint64_t tile = box->start[1] / pages->tile_height * pages->level[0].across + box->start[2] / pages->tile_width;
    struct pw_label_block block;
    enum pw_status status = pull(context, box, &block, error);
    pw_tile_batch_begin(&writer->batch);
    for (uint64_t plane = 0; plane < box->shape[0] && status == PW_OK; plane++)
        status = add_plane(tiff, writer, box, &block, plane, error);
    status = pw_tile_batch_place(&writer->batch, &tiff->file, unit_index, status, NULL, error);
    for (uint64_t plane = 0; plane < box->shape[0] && status == PW_OK; plane++)
        status = pw_tile_batch_list(&writer->batch, &tiff->file, 0, box->start[0] + plane, tile, plane * n, n, error);
    return status;
}

/* ------------------------------------------------------------------------ *
 * Smaller levels
 * ------------------------------------------------------------------------ */

/* Units of a level: some tiles beside each other, on one page. */
static uint64_t units_across(const struct tiff_sink *tiff, int level)
{
    return pw_ceil_div(pages_of(tiff)->level[level].across, tiff->batch_tiles);
}

static uint64_t tiff_begin_level(struct pw_sink *sink, int level)
{
    struct tiff_sink *tiff = of(sink);
    pw_tiff_file_begin(&tiff->file);
    return pages_of(tiff)->n_pages * pages_of(tiff)->level[level].down * units_across(tiff, level);
}

struct below {
    const struct tiff_sink *tiff;
    struct pw_writer *writer;
    int level;
    uint64_t page;
};

static enum pw_status read_below(void *context, const uint64_t block[3], void *voxels, struct pw_error *error)
{
    const struct below *below = context;
    uint64_t tile = block[1] * pages_of(below->tiff)->level[below->level].across + block[2];
    return pw_tiff_file_read(&below->tiff->file, &below->writer->batch.codec, below->writer->stored, below->level,
                             below->page, tile, voxels, error);
}

static enum pw_status tiff_write_level_unit(struct pw_sink *sink, struct pw_writer *writer, int level, uint64_t unit,
                                            struct pw_error *error)
{
    struct tiff_sink *tiff = of(sink);
    const struct pw_tiff_level *made = &pages_of(tiff)->level[level];
    const struct pw_level_step step = step_of(tiff, level);
    uint64_t across = units_across(tiff, level), first = unit % across * tiff->batch_tiles;
    uint64_t row = unit / across % made->down, page = unit / across / made->down;
    uint64_t n = pw_min_u64(tiff->batch_tiles, made->across - first);
    struct below below = {tiff, writer, level - 1, page};
    enum pw_status status = PW_OK;
    pw_level_maker_forget(&writer->maker);
    pw_tile_batch_begin(&writer->batch);
    for (uint64_t i = 0; i < n && status == PW_OK; i++) {
        const uint64_t block[3] = {0, row, first + i};
        status = pw_level_maker_make(&writer->maker, &step, block, read_below, &below, error);
        if (status >= 0)
            status =
                pw_tile_batch_add(&writer->batch, &tiff->file, status == PW_EMPTY ? NULL : writer->maker.made, error);
    }
    status = pw_tile_batch_place(&writer->batch, &tiff->file, unit, status, NULL, error);
    if (status == PW_OK)
        status = pw_tile_batch_list(&writer->batch, &tiff->file, level, page, row * made->across + first, 0, n, error);
    return status;
}

/* ------------------------------------------------------------------------ *
 * The whole
 * ------------------------------------------------------------------------ */

static enum pw_status tiff_start(struct pw_sink *sink, enum pw_dtype dtype, uint64_t n_objects, struct pw_error *error)
{
    (void)n_objects;
    of(sink)->file.pages.dtype = dtype;
    return pw_tiff_file_start(&of(sink)->file, error);
}

static enum pw_status tiff_commit(struct pw_sink *sink, struct pw_error *error)
{
    return pw_tiff_file_commit(&of(sink)->file, error);
}

static void tiff_abort(struct pw_sink *sink)
{
    pw_tiff_file_abort(&of(sink)->file);
}

static void tiff_close(struct pw_sink *sink)
{
    if (sink == NULL)
        return;
    pw_tiff_file_release(&of(sink)->file);
    free(of(sink));
}

static const struct pw_sink_ops tiff_ops = {
    .format = "tiff",
    .start = tiff_start,
    .writer_new = tiff_writer_new,
    .writer_free = tiff_writer_free,
    .writer_memory_bytes = tiff_writer_memory_bytes,
    .write_unit = tiff_write_unit,
    .begin_level = tiff_begin_level,
    .write_level_unit = tiff_write_level_unit,
    .commit = tiff_commit,
    .abort = tiff_abort,
    .close = tiff_close,
};

static void take_axes(struct tiff_sink *tiff, const struct pw_sink_request *request)
{
    struct pw_tiff_pages *pages = &tiff->file.pages;
    pages->axes.rank = request->rank;
    memcpy(pages->axes.space, request->axis, sizeof pages->axes.space);
    pages->axes.times = pw_sink_times(request);
    pages->axes.has_time = request->has_time;
    pages->axes.time = request->time;
    pages->axes.channels = 1;
    pages->depth = request->shape[0];
    pages->name = "labels";
    pages->dtype = request->dtype_hint != PW_DTYPE_NONE ? request->dtype_hint : PW_U32;
}

static enum pw_status choose_levels(struct tiff_sink *tiff, const struct pw_sink_request *request,
                                    struct pw_error *error)
{
    struct pw_tiff_pages *pages = &tiff->file.pages;
    struct pw_level_shapes levels;
    if (request->chunk[0] > 1)
        return pw_fail(error, PW_E_ARGUMENT, "%s: TIFF tiles are one plane thick, not %llu", request->path,
                       (unsigned long long)request->chunk[0]);
    enum pw_status status = pw_tiff_pages_init(pages, request->path, request->shape[1], request->shape[2],
                                               request->chunk[1], request->chunk[2], error);
    const uint64_t tile[3] = {request->shape[0], pages->tile_height, pages->tile_width};
    if (status == PW_OK)
        status = pw_level_shapes_choose(&levels, request, request->axis, tile, 1, error);
    for (int l = 1; status == PW_OK && l < levels.n; l++)
        status = pw_tiff_pages_add(pages, request->path, levels.shape[l][1], levels.shape[l][2], error);
    tiff->base.n_levels = pages->n_levels - 1;
    return status;
}

static void choose_unit(struct tiff_sink *tiff, const struct pw_sink_request *request)
{
    struct pw_sink *base = &tiff->base;
    uint64_t height = pages_of(tiff)->tile_height, width = pages_of(tiff)->tile_width;
    base->chunk[0] = 1;
    base->chunk[1] = height;
    base->chunk[2] = width;
    memcpy(base->shard, base->chunk, sizeof base->shard);
    /* Thick first: a unit that is as thick as the pipeline's tiles needs the fewest of them. */
    base->unit[0] = pw_unit_extent(request->shape[0], request->tile[0], UNIT_VOXELS / (height * width));
    base->unit[1] = height;
    base->unit[2] = pw_max_u64(UNIT_VOXELS / (base->unit[0] * height) / width, 1) * width;
    base->unit[2] = pw_min_u64(base->unit[2], pages_of(tiff)->level[0].across * width);
    memcpy(base->pull, base->unit, sizeof base->pull);
    tiff->batch_tiles = base->unit[0] * (base->unit[2] / width);
}

enum pw_status pw_tiff_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    enum pw_status status = pw_pending_check(request->path, request->overwrite, error);
    if (status != PW_OK)
        return status;
    struct tiff_sink *tiff = pw_alloc(1, sizeof *tiff, error);
    if (tiff == NULL)
        return PW_E_NOMEM;
    tiff->base.ops = &tiff_ops;
    tiff->rule = request->pyramid;
    memcpy(tiff->base.volume, request->shape, sizeof tiff->base.volume);
    (void)snprintf(tiff->base.path, sizeof tiff->base.path, "%s", request->path);
    tiff->file.path = tiff->base.path;
    tiff->file.overwrite = request->overwrite;
    tiff->file.bytes_written = &tiff->base.bytes_written;
    take_axes(tiff, request);
    status = pw_output_codec_choose(request->codec, PW_TIFF_CODECS, &usual_codec, &tiff->file.codec, "TIFF", error);
    if (status == PW_OK)
        status = choose_levels(tiff, request, error);
    if (status != PW_OK) {
        free(tiff);
        return status;
    }
    pw_tiff_file_init(&tiff->file);
    tiff->base.capabilities = PW_SINK_SEQUENTIAL;
    choose_unit(tiff, request);
    *sink = &tiff->base;
    return PW_OK;
}
