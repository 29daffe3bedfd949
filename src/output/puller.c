#include "output/puller.h"

#include <endian.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

/* Planes are read together up to this many bytes, at least one plane. */
#define CODED_BYTES ((uint64_t)1 << 20)

/* What the arrays of a puller have to hold. */
struct sizes {
    uint64_t runs, rows, ids, planes, coded;
};

static uint64_t total_bytes(const struct sizes *s)
{
    return pw_raster_bytes(s->runs, s->rows) + (s->ids + s->planes + 1) * sizeof(uint64_t) + s->coded + 64;
}

static uint64_t rows_of(const uint64_t pull[3])
{
    return pull[Z] * pull[Y];
}

/* Runs in a box: those of whole rows, and one more for every tile border that cuts a row. */
static uint64_t runs_of(const struct pw_record_limits *limits, const uint64_t pull[3])
{
    uint64_t runs = pw_runs_capacity(pull, limits->labels_may_touch);
    uint64_t cut = rows_of(pull) * (pull[X] / limits->shape[X] + 2);
    return limits->labels_may_touch || limits->labels_unordered ? pw_runs_capacity(pull, 1)
                                                                : pw_min_u64(runs + cut, pw_runs_capacity(pull, 1));
}

static struct sizes sizes_for(const struct pw_record_limits *limits, const uint64_t pull[3], uint64_t labels,
                              uint64_t record_bytes)
{
    struct sizes s = {.runs = runs_of(limits, pull), .rows = rows_of(pull), .planes = limits->shape[Z] + 1};
    s.ids = labels;
    s.coded =
        pw_max_u64(pw_min_u64(pw_record_plane_bytes_max(limits), record_bytes), pw_min_u64(record_bytes, CODED_BYTES));
    return s;
}

uint64_t pw_puller_memory_bytes(const struct pw_record_limits *limits, const uint64_t pull[3])
{
    struct sizes s = sizes_for(limits, pull, pw_record_labels_max(limits), pw_record_bytes_max(limits));
    return total_bytes(&s);
}

/* The sizes that the tiles came out with, which are hardly ever the largest possible. */
static struct sizes measure(const struct pw_stage *stage, const struct pw_record_limits *limits, const uint64_t pull[3])
{
    uint64_t labels = 0, record = 0;
    for (uint64_t t = 0; t < stage->n_tiles; t++) {
        labels = pw_max_u64(labels, stage->entry[t].n_labels);
        record = pw_max_u64(record, stage->entry[t].bytes);
    }
    return sizes_for(limits, pull, labels, record);
}

static void *take(unsigned char **at, uint64_t bytes)
{
    void *p = *at;
    *at += bytes;
    return p;
}

enum pw_status pw_puller_init(struct pw_puller *puller, const struct pw_grid *grid, const struct pw_stage *stage,
                              const struct pw_id_map *map, const struct pw_record_limits *limits,
                              const uint64_t pull[3], struct pw_error *error)
{
    struct sizes s = measure(stage, limits, pull);
    memset(puller, 0, sizeof *puller);
    puller->grid = grid;
    puller->stage = stage;
    puller->map = map;
    puller->id_tile = UINT64_MAX;
    puller->labels_may_touch = limits->labels_may_touch;
    enum pw_status status = pw_buffer_init(&puller->memory, total_bytes(&s), "label buffers", error);
    if (status != PW_OK)
        return status;
    unsigned char *at = pw_raster_init(&puller->raster, puller->memory.data, s.runs, s.rows);
    puller->id = take(&at, s.ids * sizeof(uint64_t));
    puller->plane_index = take(&at, (s.planes + 1) * sizeof(uint64_t));
    puller->coded = at;
    puller->id_capacity = s.ids;
    puller->coded_capacity = s.coded;
    return PW_OK;
}

void pw_puller_release(struct pw_puller *puller)
{
    pw_buffer_release(&puller->memory);
    memset(puller, 0, sizeof *puller);
}

/* ---- one tile ---------------------------------------------------------- */

static void take_run(void *context, uint64_t row, uint32_t start, uint32_t end, uint32_t label)
{
    struct pw_puller *p = context;
    if (label > p->tile_n_labels) {
        p->failed = 1;
        return;
    }
    uint64_t id = p->id[label - 1];
    if (id == 0) /* an object that was filtered out */
        return;
    if (!pw_raster_put(&p->raster, (uint32_t)((int64_t)row + p->row_shift), (uint32_t)((int64_t)start + p->x_shift),
                       (uint32_t)((int64_t)end + p->x_shift), id))
        p->failed = 1;
}

static enum pw_status load_tile(struct pw_puller *p, uint64_t tile, struct pw_record_header *header,
                                struct pw_error *error)
{
    enum pw_status status = pw_stage_read_header(p->stage, tile, header, error);
    uint64_t depth = pw_grid_core(p->grid, tile).shape[Z];
    if (status == PW_OK)
        status = pw_stage_read(p->stage, tile, header->planes + header->rim[Z] * sizeof(uint64_t), p->plane_index,
                               (size_t)(depth + 1) * sizeof(uint64_t), error);
    for (uint64_t z = 0; z <= depth && status == PW_OK; z++)
        p->plane_index[z] = le64toh(p->plane_index[z]);
    if (status != PW_OK || p->id_tile == tile)
        return status;
    p->id_tile = UINT64_MAX;
    status = pw_id_map_read(p->map, tile, p->id, header->n_labels, error);
    if (status == PW_OK)
        p->id_tile = tile;
    return status;
}

/*
 * Decodes planes first..end of the core (all within part) from bytes that start with plane first.  own is the box that
 * the record keeps, with the planes of the core.
 */
static enum pw_status decode_planes(struct pw_puller *p, const struct pw_box *own, const struct pw_box *part,
                                    uint64_t first, uint64_t end, struct pw_error *error)
{
    uint64_t y0 = part->start[Y] - own->start[Y];
    uint64_t x0 = part->start[X] - own->start[X];
    p->x_shift = (int64_t)(own->start[X]) - (int64_t)p->box.start[X];
    for (uint64_t z = first; z < end; z++) {
        uint64_t box_row = (own->start[Z] + z - p->box.start[Z]) * p->box.shape[Y];
        const unsigned char *bytes = p->coded + (p->plane_index[z] - p->plane_index[first]);
        p->row_shift = (int64_t)box_row + (int64_t)own->start[Y] - (int64_t)p->box.start[Y];
        enum pw_status status =
            pw_plane_decode(bytes, (size_t)(p->plane_index[z + 1] - p->plane_index[z]), y0, part->shape[Y],
                            (uint32_t)x0, (uint32_t)(x0 + part->shape[X]), take_run, p, error);
        if (status != PW_OK)
            return status;
        if (p->failed)
            return pw_fail(error, PW_E_FORMAT, "stage log: a run of a tile is not one of its labels");
    }
    return PW_OK;
}

static enum pw_status pull_tile(struct pw_puller *p, uint64_t tile, struct pw_error *error)
{
    struct pw_record_header header;
    struct pw_box core = pw_grid_core(p->grid, tile);
    struct pw_box part = pw_box_intersect(&core, &p->box), own;
    if (p->stage->entry[tile].n_labels == 0)
        return PW_OK;
    enum pw_status status = load_tile(p, tile, &header, error);
    if (status != PW_OK)
        return status;
    p->tile_n_labels = header.n_labels;
    own = pw_record_box(p->grid, &header);
    own.start[Z] = core.start[Z];
    uint64_t z = part.start[Z] - core.start[Z], last = z + part.shape[Z];
    while (z < last) {
        uint64_t end = z + 1;
        while (end < last && p->plane_index[end + 1] - p->plane_index[z] <= p->coded_capacity)
            end++;
        uint64_t n = p->plane_index[end] - p->plane_index[z];
        if (n > p->coded_capacity)
            return pw_fail(error, PW_E_FORMAT, "stage log: a plane of tile %llu has %llu bytes",
                           (unsigned long long)tile, (unsigned long long)n);
        status = pw_stage_read(p->stage, tile, header.runs + p->plane_index[z], p->coded, (size_t)n, error);
        if (status == PW_OK)
            status = decode_planes(p, &own, &part, z, end, error);
        if (status != PW_OK)
            return status;
        z = end;
    }
    return PW_OK;
}

/* ---- boxes ------------------------------------------------------------- */

/*
 * The tiles first..end - 1 along each axis that box, of one time point, crosses, counted along z through the stack; none
 * where it lies beside what is cut into tiles.
 */
static void find_tiles(const struct pw_grid *grid, const struct pw_box *box, uint64_t first[3], uint64_t end[3])
{
    uint64_t time = box->start[Z] / grid->volume[Z];
    struct pw_box part = pw_grid_part(grid);
    part.start[Z] += time * grid->volume[Z];
    struct pw_box common = pw_box_intersect(&part, box);
    for (int i = 0; i < 3; i++) {
        uint64_t from = common.start[i] - part.start[i], extent = pw_box_is_empty(&common) ? 0 : common.shape[i];
        uint64_t before = i == Z ? time * grid->count[Z] : 0;
        first[i] = extent == 0 ? 0 : before + from / grid->tile[i];
        end[i] = extent == 0 ? 0 : before + (from + extent - 1) / grid->tile[i] + 1;
    }
}

enum pw_status pw_puller_pull(void *context, const struct pw_box *box, struct pw_label_block *block,
                              struct pw_error *error)
{
    struct pw_puller *p = context;
    uint64_t first[3], end[3], rows = box->shape[Z] * box->shape[Y];
    p->box = *box;
    pw_raster_clear(&p->raster);
    p->failed = 0;
    find_tiles(p->grid, box, first, end);
    for (uint64_t tz = first[Z]; tz < end[Z]; tz++)
        for (uint64_t ty = first[Y]; ty < end[Y]; ty++)
            for (uint64_t tx = first[X]; tx < end[X]; tx++) {
                uint64_t tile = (tz * p->grid->count[Y] + ty) * p->grid->count[X] + tx;
                enum pw_status status = pull_tile(p, tile, error);
                if (status != PW_OK)
                    return status;
            }
    pw_raster_sort(&p->raster, rows);
    /* A tile border has cut them, or another tile has joined two labels of one. */
    if (end[X] > first[X] + 1 || p->labels_may_touch)
        pw_raster_join(&p->raster, rows);
    pw_raster_block(&p->raster, box->shape, block);
    return PW_OK;
}
