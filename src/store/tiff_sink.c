/*
 * Labels as a BigTIFF file: tiled, deflated, one page per plane, with the layout
 * of store/tiff_directory.h.  The tiles of a unit are compressed by any thread, which
 * then waits for the unit's turn to reserve their place: the file is the same whoever
 * was first.  All tiles without a label share one.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/pending_file.h"
#include "store/sink.h"
#include "store/tiff_directory.h"
#include "store/unit_shape.h"
#include "sys/file.h"

enum {
    TILE_EDGE = 512,
    TILE_EDGE_MAX = 16384,
    UNIT_VOXELS = 1 << 20,
    DEFLATE_LEVEL = 3,              /* on label images as fast as level 1, and a quarter smaller; 4 halves the speed */
    DEFLATE_STATE_BYTES = 272 << 10 /* zlib's zconf.h: 2^(15+2) + 2^(8+9), and its structures */
};

struct tiff_sink {
    struct pw_sink base;
    int rank, overwrite;
    struct pw_axis axis[3];
    enum pw_dtype dtype; /* dtype_hint until start */
    struct pw_tiff_pages pages;
    uint64_t across, down; /* tiles of a page */
    struct pw_pending_file file;
    uint64_t empty_offset, empty_bytes; /* the tile that all without a label share */

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t turn;
    uint64_t end;          /* of what is reserved in the file */
    uint64_t next_unit;    /* whose turn it is to reserve */
    enum pw_status failed; /* a unit that never takes its turn ends it for all behind it */
};

struct pw_writer {
    z_stream deflate;
    int deflate_made;
    unsigned char *tile;   /* one tile of voxels */
    unsigned char *stored; /* the tiles of a unit, compressed */
    uint64_t stored_bytes;
    uLong bound;        /* of one compressed tile */
    uint64_t *cursor;   /* of each row of a tile: the first run that may reach into the next tile */
    struct pw_run *run; /* of one row of a tile */
    uint64_t *value;
    uint64_t *offset, *bytes; /* table entries of the tiles of a unit; offsets in stored until it is placed */
};

static struct tiff_sink *of(struct pw_sink *sink)
{
    return (struct tiff_sink *)sink;
}

static uint64_t tile_bytes(const struct tiff_sink *tiff)
{
    return (uint64_t)tiff->pages.tile_height * tiff->pages.tile_width * pw_dtype_bytes(tiff->dtype);
}

static uint64_t tiles_in_unit(const struct tiff_sink *tiff)
{
    return tiff->base.unit[0] * pw_ceil_div(tiff->base.unit[2], tiff->pages.tile_width);
}

/* Compressed tiles begin at multiples of 8: on even offsets, as TIFF wants them. */
static uint64_t padded(uint64_t bytes)
{
    return (bytes + 7) / 8 * 8;
}

/* ------------------------------------------------------------------------ *
 * Writers
 * ------------------------------------------------------------------------ */

static size_t tiff_writer_memory_bytes(const struct pw_sink *sink)
{
    const struct tiff_sink *tiff = (const struct tiff_sink *)sink;
    return sizeof(struct pw_writer) + DEFLATE_STATE_BYTES + (size_t)tile_bytes(tiff) +
           (size_t)(tiles_in_unit(tiff) * padded(compressBound((uLong)tile_bytes(tiff)))) +
           tiff->pages.tile_height * sizeof(uint64_t) +
           tiff->pages.tile_width * (sizeof(struct pw_run) + sizeof(uint64_t)) +
           (size_t)tiles_in_unit(tiff) * 2 * sizeof(uint64_t);
}

static void tiff_writer_free(struct pw_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->deflate_made)
        (void)deflateEnd(&writer->deflate);
    free(writer->tile);
    free(writer->stored);
    free(writer->cursor);
    free(writer->run);
    free(writer->value);
    free(writer->offset);
    free(writer->bytes);
    free(writer);
}

static int reserve(const struct tiff_sink *tiff, struct pw_writer *writer, struct pw_error *error)
{
    uint64_t height = tiff->pages.tile_height, width = tiff->pages.tile_width;
    return (writer->tile = pw_alloc(tile_bytes(tiff), 1, error)) != NULL &&
           (writer->stored = pw_alloc(tiles_in_unit(tiff), padded(writer->bound), error)) != NULL &&
           (writer->cursor = pw_alloc(height, sizeof *writer->cursor, error)) != NULL &&
           (writer->run = pw_alloc(width, sizeof *writer->run, error)) != NULL &&
           (writer->value = pw_alloc(width, sizeof *writer->value, error)) != NULL &&
           (writer->offset = pw_alloc(tiles_in_unit(tiff), sizeof *writer->offset, error)) != NULL &&
           (writer->bytes = pw_alloc(tiles_in_unit(tiff), sizeof *writer->bytes, error)) != NULL;
}

static enum pw_status tiff_writer_new(struct pw_sink *sink, struct pw_writer **writer, struct pw_error *error)
{
    const struct tiff_sink *tiff = of(sink);
    struct pw_writer *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    made->deflate_made = deflateInit(&made->deflate, DEFLATE_LEVEL) == Z_OK;
    if (!made->deflate_made) {
        tiff_writer_free(made);
        return pw_fail(error, PW_E_NOMEM, "out of memory for deflate");
    }
    made->bound = deflateBound(&made->deflate, (uLong)tile_bytes(tiff));
    if (!reserve(tiff, made, error)) {
        tiff_writer_free(made);
        return PW_E_NOMEM;
    }
    *writer = made;
    return PW_OK;
}

/* ------------------------------------------------------------------------ *
 * Tiles
 * ------------------------------------------------------------------------ */

/* Compresses writer->tile behind the unit's other tiles. */
static enum pw_status add_tile(const struct tiff_sink *tiff, struct pw_writer *writer, uint64_t *offset,
                               uint64_t *bytes, struct pw_error *error)
{
    z_stream *deflate_stream = &writer->deflate;
    (void)deflateReset(deflate_stream);
    deflate_stream->next_in = writer->tile;
    deflate_stream->avail_in = (uInt)tile_bytes(tiff);
    deflate_stream->next_out = writer->stored + writer->stored_bytes;
    deflate_stream->avail_out = (uInt)writer->bound;
    if (deflate(deflate_stream, Z_FINISH) != Z_STREAM_END)
        return pw_fail(error, PW_E_INTERNAL, "%s: deflate did not fit its own bound", tiff->base.path);
    *offset = writer->stored_bytes;
    *bytes = deflate_stream->total_out;
    writer->stored_bytes += padded(*bytes);
    memset(writer->stored + *offset + *bytes, 0, (size_t)(padded(*bytes) - *bytes));
    return PW_OK;
}

/*
 * Waits for the unit's turn and reserves bytes at *place.  A unit that has failed ends the waiting of
 * all behind it.  Units are begun in order, so the least one under way never waits.
 */
static enum pw_status reserve_place(struct tiff_sink *tiff, uint64_t unit, uint64_t bytes, enum pw_status status,
                                    uint64_t *place, struct pw_error *error)
{
    (void)pthread_mutex_lock(&tiff->lock);
    if (status != PW_OK && tiff->failed == PW_OK)
        tiff->failed = status;
    while (status == PW_OK && tiff->next_unit != unit && tiff->failed == PW_OK)
        (void)pthread_cond_wait(&tiff->turn, &tiff->lock);
    if (status == PW_OK && tiff->failed != PW_OK)
        status = pw_fail(error, tiff->failed, "%s: writing ended at an earlier failure", tiff->base.path);
    if (status == PW_OK) {
        *place = tiff->end;
        tiff->end += bytes;
        tiff->next_unit = unit + 1;
    }
    (void)pthread_cond_broadcast(&tiff->turn);
    (void)pthread_mutex_unlock(&tiff->lock);
    return status;
}

static enum pw_status write_stored(struct tiff_sink *tiff, const struct pw_writer *writer, uint64_t place,
                                   struct pw_error *error)
{
    tiff->base.bytes_written += writer->stored_bytes;
    return pw_file_write(tiff->file.fd, writer->stored, (size_t)writer->stored_bytes, place, tiff->base.path, error);
}

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
    uint64_t width = tiff->pages.tile_width;
    size_t row_bytes = (size_t)width * pw_dtype_bytes(tiff->dtype);
    uint64_t painted = 0; /* rows of writer->tile that are done; empty rows before the first label are put off */
    for (uint64_t r = 0; r < rows; r++) {
        uint64_t n = row_runs(block, block->row[first_row + r + 1], x0, x0 + width, &writer->cursor[r], writer->run,
                              writer->value);
        if (n == 0 && painted == 0)
            continue;
        if (painted == 0)
            memset(writer->tile, 0, (size_t)r * row_bytes);
        pw_paint_row(tiff->dtype, writer->tile + r * row_bytes, width, writer->run, writer->value, n);
        painted = r + 1;
    }
    if (painted != 0)
        memset(writer->tile + painted * row_bytes, 0, (size_t)(tiff->pages.tile_height - painted) * row_bytes);
    return painted != 0;
}

static uint64_t tiles_across(const struct tiff_sink *tiff, const struct pw_box *box)
{
    return pw_ceil_div(box->shape[2], tiff->pages.tile_width);
}

/* Compresses the tiles of one plane of the unit; a tile without a label has 0 bytes. */
static enum pw_status add_plane(const struct tiff_sink *tiff, struct pw_writer *writer, const struct pw_box *box,
                                const struct pw_label_block *block, uint64_t plane, struct pw_error *error)
{
    uint64_t rows = box->shape[1], first_row = plane * rows, n = tiles_across(tiff, box);
    for (uint64_t r = 0; r < rows; r++)
        writer->cursor[r] = block->row[first_row + r];
    for (uint64_t i = 0; i < n; i++) {
        uint64_t *offset = &writer->offset[plane * n + i], *bytes = &writer->bytes[plane * n + i];
        *bytes = 0;
        if (!paint_tile(tiff, writer, block, first_row, rows, i * tiff->pages.tile_width))
            continue;
        enum pw_status status = add_tile(tiff, writer, offset, bytes, error);
        if (status != PW_OK)
            return status;
    }
    return PW_OK;
}

/* The entries of one plane's tiles in the page's tables, now that their place is known. */
static enum pw_status write_entries(struct tiff_sink *tiff, struct pw_writer *writer, const struct pw_box *box,
                                    uint64_t plane, uint64_t place, struct pw_error *error)
{
    const char *path = tiff->base.path;
    uint64_t n = tiles_across(tiff, box), page = box->start[0] + plane;
    uint64_t *offset = writer->offset + plane * n, *bytes = writer->bytes + plane * n;
    uint64_t first_tile =
        box->start[1] / tiff->pages.tile_height * tiff->across + box->start[2] / tiff->pages.tile_width;
    for (uint64_t i = 0; i < n; i++) {
        offset[i] = bytes[i] != 0 ? place + offset[i] : tiff->empty_offset;
        bytes[i] = bytes[i] != 0 ? bytes[i] : tiff->empty_bytes;
    }
    enum pw_status status = pw_file_write(tiff->file.fd, offset, (size_t)n * sizeof *offset,
                                          pw_tiff_offsets_table(&tiff->pages, page) + first_tile * 8, path, error);
    if (status == PW_OK)
        status = pw_file_write(tiff->file.fd, bytes, (size_t)n * sizeof *bytes,
                               pw_tiff_counts_table(&tiff->pages, page) + first_tile * 8, path, error);
    return status;
}

static enum pw_status tiff_write_unit(struct pw_sink *sink, struct pw_writer *writer, uint64_t unit_index,
                                      const struct pw_box *box, pw_pull_fn pull, void *context, struct pw_error *error)
{
    struct tiff_sink *tiff = of(sink);
    struct pw_label_block block;
    uint64_t place = 0;
    enum pw_status status = pull(context, box, &block, error);
    writer->stored_bytes = 0;
    for (uint64_t plane = 0; plane < box->shape[0] && status == PW_OK; plane++)
        status = add_plane(tiff, writer, box, &block, plane, error);
    status = reserve_place(tiff, unit_index, writer->stored_bytes, status, &place, error);
    if (status == PW_OK)
        status = write_stored(tiff, writer, place, error);
    for (uint64_t plane = 0; plane < box->shape[0] && status == PW_OK; plane++)
        status = write_entries(tiff, writer, box, plane, place, error);
    return status;
}

/* ------------------------------------------------------------------------ *
 * The whole
 * ------------------------------------------------------------------------ */

static enum pw_status store_empty_tile(struct tiff_sink *tiff, struct pw_error *error)
{
    struct pw_writer *writer;
    enum pw_status status = tiff_writer_new(&tiff->base, &writer, error);
    if (status != PW_OK)
        return status;
    status = add_tile(tiff, writer, &tiff->empty_offset, &tiff->empty_bytes, error);
    tiff->empty_offset = tiff->end;
    tiff->end += writer->stored_bytes;
    if (status == PW_OK)
        status = write_stored(tiff, writer, tiff->empty_offset, error);
    tiff_writer_free(writer);
    return status;
}

static enum pw_status tiff_start(struct pw_sink *sink, enum pw_dtype dtype, uint64_t n_objects, struct pw_error *error)
{
    struct tiff_sink *tiff = of(sink);
    (void)n_objects;
    tiff->dtype = tiff->pages.dtype = dtype;
    enum pw_status status = pw_pending_open(&tiff->file, sink->path, tiff->overwrite, error);
    if (status != PW_OK)
        return status;
    tiff->end = pw_tiff_tables_end(&tiff->pages);
    return store_empty_tile(tiff, error);
}

static enum pw_status tiff_commit(struct pw_sink *sink, struct pw_error *error)
{
    struct tiff_sink *tiff = of(sink);
    char description[PW_TIFF_DESCRIPTION_MAX];
    unsigned char header[PW_BIGTIFF_HEADER_BYTES];
    size_t n = pw_tiff_description(&tiff->pages, tiff->rank, tiff->axis, description, sizeof description);
    uint64_t first, end;
    enum pw_status status = pw_tiff_directories_write(tiff->file.fd, sink->path, &tiff->pages, description, n,
                                                      tiff->end, &first, &end, error);
    if (status != PW_OK)
        return status;
    sink->bytes_written += end - tiff->end + pw_tiff_tables_end(&tiff->pages);
    pw_bigtiff_header(header, first);
    status = pw_file_write(tiff->file.fd, header, sizeof header, 0, sink->path, error);
    return status == PW_OK ? pw_pending_commit(&tiff->file, error) : status;
}

static void tiff_abort(struct pw_sink *sink)
{
    pw_pending_abort(&of(sink)->file);
}

static void tiff_close(struct pw_sink *sink)
{
    if (sink == NULL)
        return;
    tiff_abort(sink);
    (void)pthread_cond_destroy(&of(sink)->turn);
    (void)pthread_mutex_destroy(&of(sink)->lock);
    free(of(sink));
}

static const struct pw_sink_ops tiff_ops = {
    .format = "tiff",
    .start = tiff_start,
    .writer_new = tiff_writer_new,
    .writer_free = tiff_writer_free,
    .writer_memory_bytes = tiff_writer_memory_bytes,
    .write_unit = tiff_write_unit,
    .commit = tiff_commit,
    .abort = tiff_abort,
    .close = tiff_close,
};

/* The edge asked for, or TILE_EDGE, less where the page is smaller; a multiple of 16 as TIFF has it. */
static enum pw_status choose_edge(const char *path, char axis, uint64_t asked, uint64_t extent, uint32_t *edge,
                                  struct pw_error *error)
{
    if (asked % 16 != 0 || asked > TILE_EDGE_MAX)
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s: TIFF tiles of %llu along %c; their edges are multiples of 16, at most %d", path,
                       (unsigned long long)asked, axis, TILE_EDGE_MAX);
    *edge = asked != 0 ? (uint32_t)asked : (uint32_t)(pw_min_u64((extent + 15) / 16 * 16, TILE_EDGE));
    return PW_OK;
}

static enum pw_status choose_tiles(struct tiff_sink *tiff, const struct pw_sink_request *request,
                                   struct pw_error *error)
{
    struct pw_tiff_pages *pages = &tiff->pages;
    uint64_t table;
    if (request->shape[0] > UINT32_MAX || request->shape[1] > UINT32_MAX || request->shape[2] > UINT32_MAX)
        return pw_fail(error, PW_E_RANGE, "%s: a TIFF file has at most %u pages, rows and columns", request->path,
                       UINT32_MAX);
    if (request->chunk[0] > 1)
        return pw_fail(error, PW_E_ARGUMENT, "%s: TIFF tiles are one plane thick, not %llu", request->path,
                       (unsigned long long)request->chunk[0]);
    enum pw_status status =
        choose_edge(request->path, 'y', request->chunk[1], request->shape[1], &pages->tile_height, error);
    if (status == PW_OK)
        status = choose_edge(request->path, 'x', request->chunk[2], request->shape[2], &pages->tile_width, error);
    if (status != PW_OK)
        return status;
    if (!pw_mul_u64(request->shape[0], pw_sink_times(request), &pages->n_pages) || pages->n_pages > UINT32_MAX)
        return pw_fail(error, PW_E_RANGE, "%s: a TIFF file has at most %u pages", request->path, UINT32_MAX);
    pages->times = pw_sink_times(request);
    pages->has_time = request->has_time;
    pages->time = request->time;
    pages->height = (uint32_t)request->shape[1];
    pages->width = (uint32_t)request->shape[2];
    tiff->across = pw_ceil_div(pages->width, pages->tile_width);
    tiff->down = pw_ceil_div(pages->height, pages->tile_height);
    pages->tiles_per_page = tiff->across * tiff->down;
    if (pages->tiles_per_page > UINT32_MAX || !pw_mul_u64(pages->tiles_per_page * 16, pages->n_pages, &table) ||
        table > (uint64_t)1 << 48)
        return pw_fail(error, PW_E_RANGE, "%s: more tiles of %u x %u than a TIFF file can list; choose larger ones",
                       request->path, pages->tile_height, pages->tile_width);
    return PW_OK;
}

static void choose_unit(struct tiff_sink *tiff, const struct pw_sink_request *request)
{
    struct pw_sink *base = &tiff->base;
    uint64_t height = tiff->pages.tile_height, width = tiff->pages.tile_width;
    base->chunk[0] = 1;
    base->chunk[1] = height;
    base->chunk[2] = width;
    memcpy(base->shard, base->chunk, sizeof base->shard);
    /* Thick first: a unit that is as thick as the pipeline's tiles needs the fewest of them. */
    base->unit[0] = pw_unit_extent(request->shape[0], request->tile[0], UNIT_VOXELS / (height * width));
    base->unit[1] = height;
    base->unit[2] = pw_max_u64(UNIT_VOXELS / (base->unit[0] * height) / width, 1) * width;
    base->unit[2] = pw_min_u64(base->unit[2], tiff->across * width);
    memcpy(base->pull, base->unit, sizeof base->pull);
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
    tiff->file.fd = -1;
    tiff->rank = request->rank;
    tiff->overwrite = request->overwrite;
    tiff->dtype = tiff->pages.dtype = request->dtype_hint != PW_DTYPE_NONE ? request->dtype_hint : PW_U32;
    memcpy(tiff->axis, request->axis, sizeof tiff->axis);
    memcpy(tiff->base.volume, request->shape, sizeof tiff->base.volume);
    (void)snprintf(tiff->base.path, sizeof tiff->base.path, "%s", request->path);
    double y = pw_tiff_centimetres(&request->axis[1]), x = pw_tiff_centimetres(&request->axis[2]);
    tiff->pages.y_per_cm = y > 0 ? 1 / y : 0;
    tiff->pages.x_per_cm = x > 0 ? 1 / x : 0;
    status = choose_tiles(tiff, request, error);
    if (status != PW_OK) {
        free(tiff);
        return status;
    }
    (void)pthread_mutex_init(&tiff->lock, NULL);
    (void)pthread_cond_init(&tiff->turn, NULL);
    tiff->base.capabilities = PW_SINK_SEQUENTIAL;
    choose_unit(tiff, request);
    *sink = &tiff->base;
    return PW_OK;
}
