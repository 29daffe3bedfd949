#include "merge/repaint.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "ext/sorter.h"
#include "merge/record_reader.h"
#include "merge/seams.h"

/* A label of a painted core, by the number it was given when its first voxel was painted. */
struct painted_label {
    uint64_t object;
    uint32_t number;    /* its local id in raster order; 0: none yet */
    uint32_t is_shared; /* other tiles may have labels of the same object */
};

struct canvas {
    const struct pw_grid *grid;
    const struct pw_owners *owners;
    const struct pw_id_map *map;
    struct pw_record_reader reader;
    struct pw_sorter links;     /* object, tile, local id: labels that may have to be joined */
    struct pw_scratch *origins; /* of the labels painted; may be NULL */
    uint64_t n_origins;
    struct pw_buffer memory;

    /* the core that is being painted */
    uint64_t tile;
    struct pw_box core;
    uint32_t *dense;             /* 1 + index into label; 0 background */
    struct painted_label *label; /* as many as voxels at most */
    uint32_t n_labels;
    struct pw_runs runs;
    void *scratch;
    unsigned char *record;

    /* the tile that is painted into it */
    struct pw_box part;
    uint64_t *owner, *object; /* of its labels */
    uint32_t *number;         /* 1 + index into label; 0: not painted yet, UINT32_MAX: not to be painted */
};

/* ---- buffers ----------------------------------------------------------- */

/* Bytes for cores; of them rows, then what is one for each voxel. */
static uint64_t canvas_bytes(const struct pw_grid *grid)
{
    uint64_t voxels = grid->tile[0] * grid->tile[1] * grid->tile[2];
    struct pw_record_limits limits;
    pw_record_limits_of_cores(grid, 1, &limits);
    return pw_padded(voxels * sizeof(struct painted_label)) + pw_padded((grid->tile[0] * grid->tile[1] + 2) * 8) +
           2 * pw_padded(voxels * sizeof(uint32_t)) + pw_padded(voxels * sizeof(struct pw_run)) +
           pw_padded(pw_record_scratch_bytes(voxels)) + pw_padded(pw_record_bytes_max(&limits));
}

static uint64_t label_bytes(void)
{
    return 2 * sizeof(uint64_t) + sizeof(uint32_t);
}

uint64_t pw_repaint_memory_bytes(const struct pw_grid *grid, const struct pw_record_limits *limits)
{
    return canvas_bytes(grid) + pw_record_bytes_max(limits) + pw_record_labels_max(limits) * label_bytes();
}

static void *take(unsigned char **at, uint64_t bytes)
{
    void *p = *at;
    *at += pw_padded(bytes);
    return p;
}

static enum pw_status init_canvas(struct canvas *c, const struct pw_stage *stage, struct pw_error *error)
{
    const struct pw_grid *grid = c->grid;
    uint64_t voxels = grid->tile[0] * grid->tile[1] * grid->tile[2];
    uint64_t labels = pw_max_u64(pw_stage_most_labels(stage), 1);
    enum pw_status status = pw_record_reader_init(&c->reader, grid, stage, error);
    if (status == PW_OK)
        status = pw_buffer_init(&c->memory, canvas_bytes(grid), "painted tile", error);
    if (status != PW_OK)
        return status;
    unsigned char *at = c->memory.data;
    c->label = take(&at, voxels * sizeof *c->label);
    c->runs.row = take(&at, (grid->tile[0] * grid->tile[1] + 2) * sizeof *c->runs.row);
    c->dense = take(&at, voxels * sizeof *c->dense);
    c->runs.label = take(&at, voxels * sizeof *c->runs.label);
    c->runs.run = take(&at, voxels * sizeof *c->runs.run);
    c->runs.capacity = voxels;
    c->scratch = take(&at, pw_record_scratch_bytes(voxels));
    c->record = at;
    c->owner = pw_alloc(labels, sizeof *c->owner, error);
    c->object = pw_alloc(labels, sizeof *c->object, error);
    c->number = pw_alloc(labels, sizeof *c->number, error);
    return c->owner == NULL || c->object == NULL || c->number == NULL ? PW_E_NOMEM : PW_OK;
}

static void release_canvas(struct canvas *c)
{
    pw_record_reader_release(&c->reader);
    pw_sorter_destroy(&c->links);
    pw_buffer_release(&c->memory);
    free(c->owner);
    free(c->object);
    free(c->number);
}

/* ---- painting ---------------------------------------------------------- */

/* Whether local id i+1 of tile is to be painted into the core of c->tile. */
static int is_painted(const struct canvas *c, uint64_t tile, uint64_t i)
{
    const uint64_t *offset = c->map->offset;
    uint64_t owner = c->owner[i];
    if (c->object[i] == 0) /* no voxel in any core, or a leftover */
        return 0;
    if (tile != c->tile)
        return owner == PW_OWNER_FIRST + offset[tile] + i;
    if (owner < PW_OWNER_FIRST)
        return 1;
    return owner - PW_OWNER_FIRST >= offset[tile] && owner - PW_OWNER_FIRST < offset[tile + 1];
}

static uint32_t new_label(struct canvas *c, uint32_t local)
{
    c->label[c->n_labels] =
        (struct painted_label){.object = c->object[local - 1], .is_shared = c->owner[local - 1] != PW_OWNER_PRIVATE};
    return c->number[local - 1] = ++c->n_labels;
}

static void paint_run(void *context, uint64_t row, uint32_t start, uint32_t end, uint32_t local)
{
    struct canvas *c = context;
    uint32_t number = c->number[local - 1];
    if (number == UINT32_MAX)
        return;
    uint64_t z = row / c->part.shape[1] + c->part.start[0] - c->core.start[0];
    uint64_t y = row % c->part.shape[1] + c->part.start[1] - c->core.start[1];
    uint32_t *out = c->dense + (z * c->core.shape[1] + y) * c->core.shape[2] + (c->part.start[2] - c->core.start[2]);
    for (uint32_t x = start; x < end; x++)
        if (out[x] == 0) {
            number = number != 0 ? number : new_label(c, local);
            out[x] = number;
        }
}

/* Paints what tile has to say about the core. */
static enum pw_status paint_tile(struct canvas *c, uint64_t tile, struct pw_error *error)
{
    uint64_t n = c->reader.stage->entry[tile].n_labels, n_painted = 0;
    if (n == 0)
        return PW_OK;
    enum pw_status status = pw_owners_read(c->owners, tile, c->owner, n, error);
    if (status == PW_OK)
        status = pw_id_map_read(c->map, tile, c->object, n, error);
    for (uint64_t i = 0; i < n && status == PW_OK; i++) {
        int painted = is_painted(c, tile, i);
        c->number[i] = painted ? 0 : UINT32_MAX;
        n_painted += (uint64_t)painted;
    }
    if (status != PW_OK || n_painted == 0)
        return status;
    status = pw_record_reader_load(&c->reader, tile, error);
    if (status != PW_OK)
        return status;
    c->part = pw_box_intersect(&c->reader.box, &c->core);
    if (pw_box_is_empty(&c->part))
        return PW_OK;
    return pw_record_reader_visit(&c->reader, &c->part, paint_run, c, error);
}

static enum pw_status paint_core(struct canvas *c, uint64_t tile, struct pw_error *error)
{
    c->tile = tile;
    c->core = pw_grid_core(c->grid, tile);
    c->n_labels = 0;
    memset(c->dense, 0, (size_t)pw_box_voxels(&c->core) * sizeof *c->dense);
    enum pw_status status = paint_tile(c, tile, error);
    for (int i = 0; i < 27 && status == PW_OK; i++) { /* in ascending order of tiles */
        const int offset[3] = {i / 9 - 1, i / 3 % 3 - 1, i % 3 - 1};
        uint64_t neighbour;
        if ((offset[0] != 0 || offset[1] != 0 || offset[2] != 0) &&
            pw_grid_neighbour(c->grid, tile, offset, &neighbour))
            status = paint_tile(c, neighbour, error);
    }
    return status;
}

/* ---- the new record ---------------------------------------------------- */

/* Numbers the labels of the runs in raster order; those of shared objects go to the links. */
static enum pw_status number_runs(struct canvas *c, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    uint64_t *object = c->scratch; /* which holds more than that of each label, and is not in use yet */
    c->runs.n_labels = 0;
    for (uint64_t i = 0; i < c->runs.n_runs && status == PW_OK; i++) {
        struct painted_label *label = &c->label[c->runs.label[i] - 1];
        if (label->number == 0) {
            label->number = ++c->runs.n_labels;
            uint64_t link[3] = {label->object, c->tile, label->number};
            object[label->number - 1] = label->object;
            if (label->is_shared)
                status = pw_sorter_add(&c->links, link, error);
        }
        c->runs.label[i] = label->number;
    }
    if (status != PW_OK || c->origins == NULL)
        return status;
    uint64_t first = c->n_origins;
    c->n_origins += c->runs.n_labels;
    return pw_file_write(c->origins->fd, object, (size_t)c->runs.n_labels * sizeof *object, first * sizeof *object,
                         c->origins->name, error);
}

static enum pw_status add_record(struct canvas *c, struct pw_stage *painted, struct pw_error *error)
{
    static const uint64_t no_rim[3] = {0, 0, 0};
    int has_neighbour[PW_FACES];
    pw_runs_from_dense(c->dense, c->core.shape, &c->runs);
    enum pw_status status = number_runs(c, error);
    if (status != PW_OK)
        return status;
    pw_seams_faces(c->grid, c->tile, has_neighbour);
    (void)pw_record_encode(c->tile, &c->runs, &c->runs, no_rim, has_neighbour, c->scratch, c->record);
    return pw_stage_append(painted, c->record, error);
}

/* Labels of one object come together: each is joined to the one before. */
static enum pw_status join_links(struct canvas *c, struct pw_edge_file *edges, struct pw_error *error)
{
    uint64_t last[3] = {0}, link[3];
    enum pw_status status = pw_sorter_finish(&c->links, error);
    while (status == PW_OK) {
        status = pw_sorter_next(&c->links, link, error);
        if (status == PW_OK && link[0] == last[0]) {
            struct pw_edge edge = {.tile_a = (uint32_t)last[1],
                                   .label_a = (uint32_t)last[2],
                                   .tile_b = (uint32_t)link[1],
                                   .label_b = (uint32_t)link[2]};
            status = pw_edge_file_add(edges, &edge, error);
        }
        memcpy(last, link, sizeof last);
    }
    return status == PW_EMPTY ? pw_edge_file_flush(edges, error) : status;
}

enum pw_status pw_repaint(const struct pw_grid *grid, const struct pw_stage *stage, const struct pw_owners *owners,
                          const struct pw_id_map *map, uint64_t memory_bytes, const char *scratch_dir,
                          struct pw_stage *painted, struct pw_edge_file *edges, struct pw_scratch *origins,
                          struct pw_error *error)
{
    static const struct pw_sorter_form link_form = {.words = 3, .key_words = 3};
    struct canvas c = {.grid = grid, .owners = owners, .map = map, .origins = origins};
    enum pw_status status = init_canvas(&c, stage, error);
    if (status == PW_OK)
        status = pw_sorter_init(&c.links, &link_form, memory_bytes, scratch_dir, error);
    if (status == PW_OK)
        status = pw_stage_open(painted, scratch_dir, grid->n_tiles, error);
    if (status == PW_OK)
        status = pw_edge_file_open(edges, scratch_dir, PW_FAMILY_TOUCH, error);
    if (status == PW_OK && origins != NULL)
        status = pw_scratch_open(origins, scratch_dir, "origins of painted labels", error);
    for (uint64_t tile = 0; tile < grid->n_tiles && status == PW_OK; tile++) {
        status = paint_core(&c, tile, error);
        if (status == PW_OK)
            status = add_record(&c, painted, error);
    }
    if (status == PW_OK)
        status = join_links(&c, edges, error);
    release_canvas(&c);
    return status;
}
