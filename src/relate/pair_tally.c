#include "relate/pair_tally.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"

enum {
    Z = 0,
    Y = 1,
    X = 2,
    TABLE_MIN = 1 << 8,
    TABLE_MAX = 1 << 15 /* larger tables leave the processor's caches */
};

/* ---- the table --------------------------------------------------------- */

static uint64_t table_size(uint64_t memory_bytes)
{
    uint64_t size = TABLE_MIN;
    while (size < TABLE_MAX && size * 2 * sizeof(struct pw_label_overlap) <= memory_bytes)
        size *= 2;
    return size;
}

/* A tile is at most as wide as the volume; it need not be known yet. */
static uint64_t start_bytes(const struct pw_label_pair *pair)
{
    return pair->volume[0].shape[X] * sizeof(uint32_t);
}

uint64_t pw_pair_tally_memory_bytes(uint64_t memory_bytes, const struct pw_label_pair *pair)
{
    return table_size(memory_bytes) * sizeof(struct pw_label_overlap) + start_bytes(pair);
}

enum pw_status pw_pair_tally_init(struct pw_pair_tally *tally, uint64_t memory_bytes,
                                  const struct pw_pair_settings *settings, struct pw_error *error)
{
    const struct pw_label_pair *pair = settings->pair;
    memset(tally, 0, sizeof *tally);
    tally->settings = *settings;
    tally->first_different = UINT64_MAX;
    tally->table_size = table_size(memory_bytes);
    pw_pair_rows_init(&tally->rows, pair->source[0]->info.dtype, pair->source[1]->info.dtype);
    enum pw_status status =
        pw_buffer_init(&tally->memory, pw_pair_tally_memory_bytes(memory_bytes, pair), "table of label pairs", error);
    if (status != PW_OK)
        return status;
    tally->table = tally->memory.data;
    tally->start = (uint32_t *)(void *)(tally->table + tally->table_size);
    return PW_OK;
}

void pw_pair_tally_destroy(struct pw_pair_tally *tally)
{
    pw_buffer_release(&tally->memory);
    memset(tally, 0, sizeof *tally);
}

static uint64_t hash(uint64_t a, uint64_t b)
{
    uint64_t h = a * UINT64_C(0x9e3779b97f4a7c15) ^ (b + UINT64_C(0x7f4a7c15)) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return h ^ h >> 32;
}

enum pw_status pw_pair_tally_flush(struct pw_pair_tally *tally, struct pw_error *error)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < tally->table_size; i++)
        if (tally->table[i].voxels != 0)
            tally->table[n++] = tally->table[i];
    enum pw_status status = tally->settings.take(tally->settings.context, tally->table, n, error);
    memset(tally->table, 0, (size_t)(tally->table_size * sizeof *tally->table));
    tally->used = 0;
    return status;
}

static enum pw_status count(struct pw_pair_tally *tally, const struct pw_label_overlap *seen, struct pw_error *error)
{
    uint64_t mask = tally->table_size - 1;
    if (tally->used > tally->table_size / 2) {
        enum pw_status status = pw_pair_tally_flush(tally, error);
        if (status != PW_OK)
            return status;
    }
    uint64_t i = hash(seen->a, seen->b) & mask;
    struct pw_label_overlap *entry = &tally->table[i];
    while (entry->voxels != 0 && (entry->a != seen->a || entry->b != seen->b)) {
        i = (i + 1) & mask;
        entry = &tally->table[i];
    }
    if (entry->voxels == 0) {
        *entry = *seen;
        tally->used++;
        return PW_OK;
    }
    entry->voxels += seen->voxels;
    entry->first_cell = pw_min_u64(entry->first_cell, seen->first_cell);
    entry->last_cell = pw_max_u64(entry->last_cell, seen->last_cell);
    return PW_OK;
}

/* ---- rows -------------------------------------------------------------- */

/* Where a row is: its first voxel in the volume, and the cells that it passes. */
struct place {
    uint64_t z, y, x;
    uint64_t raster;   /* number of the first voxel */
    uint64_t row_cell; /* number of the cell at x 0 */
};

static struct place place_of(const struct pw_pair_tally *tally, const struct pw_box *box, uint64_t row)
{
    const struct pw_grid *grid = &tally->settings.pair->grid;
    const uint64_t *volume = grid->volume, *cell = tally->settings.cell;
    struct place p = {box->start[Z] + row / box->shape[Y], box->start[Y] + row % box->shape[Y], box->start[X], 0, 0};
    p.raster = (p.z * volume[Y] + p.y) * volume[X] + p.x;
    if (cell[X] != 0)
        p.row_cell = ((p.z / volume[Z] * pw_ceil_div(volume[Z], cell[Z]) + pw_grid_z(grid, p.z) / cell[Z]) *
                          pw_ceil_div(volume[Y], cell[Y]) +
                      p.y / cell[Y]) *
                     pw_ceil_div(volume[X], cell[X]);
    return p;
}

static enum pw_status refuse_negative(const struct pw_pair_tally *tally, int side, const struct place *p, uint64_t x,
                                      uint64_t label, struct pw_error *error)
{
    const struct pw_grid *grid = &tally->settings.pair->grid;
    char time[40] = "";
    if (grid->times > 1)
        (void)snprintf(time, sizeof time, "time point %llu, ", (unsigned long long)(p->z / grid->volume[Z]));
    return pw_fail(error, PW_E_RANGE, "%s: label %lld at %sz y x %llu %llu %llu; labels are not negative",
                   tally->settings.pair->source[side]->path, (long long)label, time,
                   (unsigned long long)pw_grid_z(grid, p->z), (unsigned long long)p->y, (unsigned long long)(p->x + x));
}

/* A stretch of the row from x on, relative to its start. */
static enum pw_status add_stretch(struct pw_pair_tally *tally, const struct place *p, uint64_t x, uint64_t width,
                                  uint64_t a, uint64_t b, struct pw_error *error)
{
    uint64_t cell = tally->settings.cell[X];
    if ((a | b) == 0) {
        tally->background += width;
        return PW_OK;
    }
    if (a != b) {
        tally->different += width;
        tally->first_different = pw_min_u64(tally->first_different, p->raster + x);
    }
    struct pw_label_overlap seen = {a, b, width, 0, 0};
    if (cell != 0) {
        seen.first_cell = p->row_cell + (p->x + x) / cell;
        seen.last_cell = p->row_cell + (p->x + x + width - 1) / cell;
    }
    return count(tally, &seen, error);
}

static enum pw_status add_row(struct pw_pair_tally *tally, const struct place *p, const struct pw_side_view *side,
                              const unsigned char *row_a, const unsigned char *row_b, uint64_t width,
                              struct pw_error *error)
{
    uint64_t n = pw_pair_starts(&tally->rows, row_a, row_b, width, tally->start);
    int signed_a = pw_dtype_is_signed(side[0].dtype), signed_b = pw_dtype_is_signed(side[1].dtype);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t x = tally->start[i], end = i + 1 < n ? tally->start[i + 1] : width;
        uint64_t a = pw_label_at(side[0].dtype, row_a, x), b = pw_label_at(side[1].dtype, row_b, x);
        if (signed_a && a > INT64_MAX)
            return refuse_negative(tally, 0, p, x, a, error);
        if (signed_b && b > INT64_MAX)
            return refuse_negative(tally, 1, p, x, b, error);
        enum pw_status status = add_stretch(tally, p, x, end - x, a, b, error);
        if (status != PW_OK)
            return status;
    }
    return PW_OK;
}

static int is_background(const struct pw_side_view *side)
{
    return side->constant && pw_label_at(side->dtype, side->voxels, 0) == 0;
}

enum pw_status pw_pair_tally_add(struct pw_pair_tally *tally, const struct pw_pair_view *view, struct pw_error *error)
{
    const struct pw_box *box = &view->box;
    const struct pw_side_view *side = view->side;
    enum pw_status status = PW_OK;
    if (is_background(&side[0]) && is_background(&side[1])) {
        tally->background += pw_box_voxels(box);
        return PW_OK;
    }
    for (uint64_t row = 0; row < box->shape[Z] * box->shape[Y] && status == PW_OK; row++) {
        uint64_t z = row / box->shape[Y], y = row % box->shape[Y];
        struct place p = place_of(tally, box, row);
        status =
            add_row(tally, &p, side, side[0].voxels + z * side[0].stride_bytes[0] + y * side[0].stride_bytes[1],
                    side[1].voxels + z * side[1].stride_bytes[0] + y * side[1].stride_bytes[1], box->shape[X], error);
    }
    return status;
}
