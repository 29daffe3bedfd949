/*
 * Labels of a plane as polygons: a GeoJSON FeatureCollection with a feature for each object, by id, as QuPath imports it.
 *
 * Writers find the edges between rows, band by band; an external sort brings those of an object together, and on commit
 * they are walked into rings and printed, so that one object's outline at a time is in memory.  Coordinates are voxel
 * corners of the array that was segmented, x then y.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "ext/sorter.h"
#include "label/outline.h"
#include "store/geojson_text.h"
#include "store/pending_file.h"
#include "store/sink.h"
#include "store/unit_shape.h"
#include "sys/file.h"

enum {
    BAND_VOXELS = 1 << 20,
    BATCH = 4096 /* edges that a writer collects before it takes the lock */
};

static const uint64_t sorter_bytes = (uint64_t)16 << 20;
static const uint64_t outline_edges_least = (uint64_t)1 << 16, outline_edges_most = (uint64_t)1 << 24;

/* An edge in the sorter: object, y and x0, then x1 and the side. */
enum {
    EDGE_WORDS = 3,
    EDGE_KEY_WORDS = 2
};

struct geojson_sink {
    struct pw_sink base;
    int overwrite;
    char scratch_dir[4096];
    uint64_t outline_edges;
    struct pw_pending_file file;
    pthread_mutex_t lock;
    struct pw_sorter sorter; /* under lock until commit */
};

struct pw_writer {
    struct geojson_sink *sink;
    uint64_t n;
    uint64_t edge[BATCH][EDGE_WORDS];
    uint32_t y, x; /* of the row, and of the first voxel of the box */
};

static struct geojson_sink *of(struct pw_sink *sink)
{
    return (struct geojson_sink *)sink;
}

/* ---- writers ----------------------------------------------------------- */

static size_t geojson_writer_memory_bytes(const struct pw_sink *sink)
{
    (void)sink;
    return sizeof(struct pw_writer);
}

static enum pw_status geojson_writer_new(struct pw_sink *sink, struct pw_writer **writer, struct pw_error *error)
{
    struct pw_writer *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    made->sink = of(sink);
    *writer = made;
    return PW_OK;
}

static void geojson_writer_free(struct pw_writer *writer)
{
    free(writer);
}

static enum pw_status flush(struct pw_writer *writer, struct pw_error *error)
{
    struct geojson_sink *geojson = writer->sink;
    enum pw_status status = PW_OK;
    (void)pthread_mutex_lock(&geojson->lock);
    for (uint64_t i = 0; i < writer->n && status == PW_OK; i++)
        status = pw_sorter_add(&geojson->sorter, writer->edge[i], error);
    (void)pthread_mutex_unlock(&geojson->lock);
    writer->n = 0;
    return status;
}

static enum pw_status add_edge(void *context, uint64_t value, uint32_t x0, uint32_t x1, int below,
                               struct pw_error *error)
{
    struct pw_writer *writer = context;
    uint64_t *edge = writer->edge[writer->n++];
    edge[0] = value;
    edge[1] = (uint64_t)writer->y << 32 | (writer->x + x0);
    edge[2] = (uint64_t)(writer->x + x1) << 1 | (uint64_t)below;
    return writer->n == BATCH ? flush(writer, error) : PW_OK;
}

static struct pw_outline_row row_of(const struct pw_label_block *block, uint64_t row)
{
    return (struct pw_outline_row){block->run + block->row[row], block->value + block->row[row],
                                   block->row[row + 1] - block->row[row]};
}

/* The edges above each row of the box, and those below the plane's last row. */
static enum pw_status geojson_write_unit(struct pw_sink *sink, struct pw_writer *writer, uint64_t unit_index,
                                         const struct pw_box *box, pw_pull_fn pull, void *context,
                                         struct pw_error *error)
{
    static const struct pw_outline_row none = {NULL, NULL, 0};
    struct pw_label_block block;
    struct pw_box pulled = *box;
    uint64_t before = box->start[1] > 0; /* the last row of the box above is the first one that is pulled */
    (void)unit_index;
    pulled.start[1] -= before;
    pulled.shape[1] += before;
    enum pw_status status = pull(context, &pulled, &block, error);
    writer->x = (uint32_t)box->start[2];
    for (uint64_t y = before; y < pulled.shape[1] && status == PW_OK; y++) {
        struct pw_outline_row above = y > 0 ? row_of(&block, y - 1) : none, below = row_of(&block, y);
        writer->y = (uint32_t)(pulled.start[1] + y);
        status = pw_outline_rows(&above, &below, add_edge, writer, error);
    }
    if (status == PW_OK && pulled.start[1] + pulled.shape[1] == sink->volume[1]) {
        struct pw_outline_row last = row_of(&block, pulled.shape[1] - 1);
        writer->y = (uint32_t)sink->volume[1];
        status = pw_outline_rows(&last, &none, add_edge, writer, error);
    }
    return status == PW_OK ? flush(writer, error) : status;
}

/* ---- start and end ----------------------------------------------------- */

static enum pw_status geojson_start(struct pw_sink *sink, enum pw_dtype dtype, uint64_t n_objects,
                                    struct pw_error *error)
{
    static const struct pw_sorter_form form = {.words = EDGE_WORDS, .key_words = EDGE_KEY_WORDS};
    struct geojson_sink *geojson = of(sink);
    (void)dtype;
    (void)n_objects;
    enum pw_status status = pw_pending_open(&geojson->file, sink->path, geojson->overwrite, error);
    return status == PW_OK ? pw_sorter_init(&geojson->sorter, &form, sorter_bytes, geojson->scratch_dir, error)
                           : status;
}

/* Adds the edge of a sorted record to the outline of its object. */
static enum pw_status take_edge(struct geojson_sink *geojson, struct pw_outline *outline, const uint64_t *record,
                                struct pw_error *error)
{
    const struct pw_outline_edge edge = {
        .y = (uint32_t)(record[1] >> 32),
        .x0 = (uint32_t)record[1],
        .x1 = (uint32_t)(record[2] >> 1),
        .below = (int)(record[2] & 1),
    };
    return pw_outline_add(outline, &edge)
               ? PW_OK
               : pw_fail(error, PW_E_BUDGET,
                         "%s: the outline of object %llu has more than %llu edges; give it more memory, or drop large "
                         "objects",
                         geojson->base.path, (unsigned long long)record[0], (unsigned long long)outline->capacity);
}

static enum pw_status print_objects(struct geojson_sink *geojson, struct pw_outline *outline,
                                    struct pw_geojson_text *text, struct pw_error *error)
{
    uint64_t record[EDGE_WORDS], object = 0;
    enum pw_status status = pw_geojson_begin(text, error);
    enum pw_status got = PW_OK;
    while (status == PW_OK && (got = pw_sorter_next(&geojson->sorter, record, error)) == PW_OK) {
        if (record[0] != object && object != 0) {
            pw_outline_close(outline);
            status = pw_geojson_object(text, object, outline, error);
            pw_outline_clear(outline);
        }
        object = record[0];
        if (status == PW_OK)
            status = take_edge(geojson, outline, record, error);
    }
    if (got < 0 || status != PW_OK)
        return got < 0 ? got : status;
    if (object != 0) {
        pw_outline_close(outline);
        status = pw_geojson_object(text, object, outline, error);
    }
    return status == PW_OK ? pw_geojson_end(text, error) : status;
}

static enum pw_status geojson_commit(struct pw_sink *sink, struct pw_error *error)
{
    struct geojson_sink *geojson = of(sink);
    struct pw_outline outline = {0};
    struct pw_geojson_text *text = pw_alloc(1, sizeof *text, error);
    if (text == NULL)
        return PW_E_NOMEM;
    text->fd = geojson->file.fd;
    text->path = sink->path;
    enum pw_status status = pw_sorter_finish(&geojson->sorter, error);
    if (status == PW_OK)
        status = pw_outline_init(&outline, geojson->outline_edges, error);
    if (status == PW_OK)
        status = print_objects(geojson, &outline, text, error);
    sink->bytes_written += text->offset;
    free(text);
    pw_outline_release(&outline);
    return status == PW_OK ? pw_pending_commit(&geojson->file, error) : status;
}

static void geojson_abort(struct pw_sink *sink)
{
    pw_pending_abort(&of(sink)->file);
}

static void geojson_close(struct pw_sink *sink)
{
    struct geojson_sink *geojson = of(sink);
    pw_pending_abort(&geojson->file);
    pw_sorter_destroy(&geojson->sorter);
    (void)pthread_mutex_destroy(&geojson->lock);
    free(geojson);
}

static const struct pw_sink_ops ops = {
    .format = "geojson",
    .start = geojson_start,
    .writer_new = geojson_writer_new,
    .writer_free = geojson_writer_free,
    .writer_memory_bytes = geojson_writer_memory_bytes,
    .write_unit = geojson_write_unit,
    .commit = geojson_commit,
    .abort = geojson_abort,
    .close = geojson_close,
};

/* ---- opening ----------------------------------------------------------- */

static enum pw_status check(const struct pw_sink_request *request, struct pw_error *error)
{
    if (request->shape[0] != 1)
        return pw_fail(error, PW_E_ARGUMENT, "%s: GeoJSON holds polygons of a plane, and this volume has %llu planes",
                       request->path, (unsigned long long)request->shape[0]);
    if (pw_sink_times(request) > 1)
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s: GeoJSON holds polygons of one plane, and there are %llu time points; "
                       "choose one with --time",
                       request->path, (unsigned long long)pw_sink_times(request));
    if (request->shape[1] >= UINT32_MAX || request->shape[2] >= UINT32_MAX)
        return pw_fail(error, PW_E_RANGE, "%s: a plane of more than 2^32 - 2 rows or columns", request->path);
    return pw_pending_check(request->path, request->overwrite, error);
}

enum pw_status pw_geojson_sink_open(const struct pw_sink_request *request, struct pw_sink **sink,
                                    struct pw_error *error)
{
    enum pw_status status = check(request, error);
    if (status != PW_OK)
        return status;
    struct geojson_sink *geojson = pw_alloc(1, sizeof *geojson, error);
    if (geojson == NULL)
        return PW_E_NOMEM;
    struct pw_sink *base = &geojson->base;
    base->ops = &ops;
    geojson->overwrite = request->overwrite;
    geojson->file.fd = -1;
    geojson->sorter.file.fd = -1;
    (void)snprintf(geojson->scratch_dir, sizeof geojson->scratch_dir, "%s", request->scratch_dir);
    (void)snprintf(base->path, sizeof base->path, "%s", request->path);
    memcpy(base->volume, request->shape, sizeof base->volume);
    base->unit[0] = 1;
    base->unit[1] = pw_unit_extent(request->shape[1], request->tile[1], 1024);
    base->unit[2] = pw_unit_extent(request->shape[2], request->tile[2], BAND_VOXELS / base->unit[1]);
    memcpy(base->pull, base->unit, sizeof base->pull);
    base->pull[1]++;
    uint64_t an_eighth = request->memory_bytes / 8 / (pw_outline_memory_bytes(1024) / 1024);
    geojson->outline_edges = pw_max_u64(pw_min_u64(an_eighth, outline_edges_most), outline_edges_least);
    base->shared_bytes =
        sorter_bytes + pw_outline_memory_bytes(geojson->outline_edges) + sizeof(struct pw_geojson_text);
    if (pthread_mutex_init(&geojson->lock, NULL) != 0) {
        free(geojson);
        return pw_fail(error, PW_E_NOMEM, "out of memory for a lock");
    }
    *sink = base;
    return PW_OK;
}
