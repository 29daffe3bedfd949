#include "store/level_block.h"

#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/region.h"
#include "label/downsample.h"
#include "label/downsample_runs.h"

void pw_level_factor(const uint64_t from_shape[3], const uint64_t shape[3], uint64_t factor[3])
{
    for (int i = 0; i < 3; i++)
        factor[i] = pw_max_u64((from_shape[i] + shape[i] / 2) / shape[i], 1);
}

/* ---- memory ---- */

/* Voxels of a level along an axis that are made at once: those of one block of the level before. */
static uint64_t piece_extent(const struct pw_level_step *step, int axis)
{
    return pw_max_u64(step->from_block[axis] / step->factor[axis], 1);
}

static uint64_t block_voxels(const uint64_t block[3])
{
    return block[0] * block[1] * block[2];
}

struct sizes {
    uint64_t block, region, row, scratch;
};

static struct sizes sizes_of(const struct pw_level_step *step, int n_steps, size_t element_bytes)
{
    struct sizes sizes = {0};
    for (int l = 0; l < n_steps; l++, step++) {
        uint64_t region = 1;
        for (int i = 0; i < 3; i++)
            region *= piece_extent(step, i) * step->factor[i];
        sizes.block = pw_max_u64(sizes.block, block_voxels(step->from_block) * element_bytes);
        sizes.block = pw_max_u64(sizes.block, block_voxels(step->block) * element_bytes);
        sizes.region = pw_max_u64(sizes.region, region * element_bytes);
        sizes.row = pw_max_u64(sizes.row, step->block[2]);
        sizes.scratch = pw_max_u64(sizes.scratch, pw_downsample_scratch_bytes(step->factor));
        sizes.scratch = pw_max_u64(sizes.scratch, pw_downsample_runs_scratch_bytes(step->factor));
    }
    sizes.block = pw_padded(sizes.block);
    sizes.region = pw_padded(sizes.region);
    return sizes;
}

static uint64_t total_bytes(const struct sizes *sizes)
{
    return 2 * sizes->block + sizes->region + sizes->row * (sizeof(struct pw_run) + sizeof(uint64_t)) + sizes->scratch;
}

uint64_t pw_level_maker_memory_bytes(const struct pw_level_step *step, int n_steps, size_t element_bytes)
{
    struct sizes sizes = sizes_of(step, n_steps, element_bytes);
    return total_bytes(&sizes) + ((uint64_t)2 << 20);
}

enum pw_status pw_level_maker_init(struct pw_level_maker *maker, const struct pw_level_step *step, int n_steps,
                                   enum pw_dtype dtype, struct pw_error *error)
{
    struct sizes sizes = sizes_of(step, n_steps, pw_dtype_bytes(dtype));
    memset(maker, 0, sizeof *maker);
    maker->dtype = dtype;
    enum pw_status status = pw_buffer_init(&maker->memory, total_bytes(&sizes), "levels of the labels", error);
    if (status != PW_OK)
        return status;
    maker->made = maker->memory.data;
    maker->decoded = maker->made + sizes.block;
    maker->region = maker->decoded + sizes.block;
    maker->spare_bytes = sizes.block + sizes.region;
    maker->value = (uint64_t *)(maker->region + sizes.region);
    maker->run = (struct pw_run *)(maker->value + sizes.row);
    maker->scratch = maker->run + sizes.row;
    return PW_OK;
}

void pw_level_maker_release(struct pw_level_maker *maker)
{
    pw_buffer_release(&maker->memory);
    memset(maker, 0, sizeof *maker);
}

void pw_level_maker_forget(struct pw_level_maker *maker)
{
    maker->has_decoded = 0;
}

/* ---- blocks of the level before ---- */

/* Where the level before comes from: blocks of voxels, or boxes of runs. */
struct reading {
    pw_block_fn read; /* or */
    pw_pull_fn pull;
    void *context;
    uint64_t z;      /* of the stack that boxes are pulled from, where the time point at hand begins */
    uint64_t rows_y; /* of the block that is made, in the volume */
};

/* Has a block decoded; PW_EMPTY when it has no label. */
static enum pw_status decode(struct pw_level_maker *maker, const struct reading *reading, const uint64_t block[3],
                             struct pw_error *error)
{
    if (maker->has_decoded && memcmp(maker->decoded_block, block, sizeof maker->decoded_block) == 0)
        return maker->decoded_empty ? PW_EMPTY : PW_OK;
    maker->has_decoded = 0;
    enum pw_status status = reading->read(reading->context, block, maker->decoded, error);
    if (status < 0)
        return status;
    maker->has_decoded = 1;
    maker->decoded_empty = status == PW_EMPTY;
    memcpy(maker->decoded_block, block, sizeof maker->decoded_block);
    return status;
}

/* Collects a region out of several blocks; PW_EMPTY when none has a label. */
static enum pw_status collect(struct pw_level_maker *maker, const struct reading *reading,
                              const struct pw_level_step *step, const struct pw_region *region, struct pw_error *error)
{
    const uint64_t *extent = step->from_block;
    size_t element_bytes = pw_dtype_bytes(maker->dtype);
    uint64_t first[3], last[3], block[3];
    int any = 0;
    for (int i = 0; i < 3; i++) {
        first[i] = region->start[i] / extent[i];
        last[i] = (region->start[i] + region->shape[i] - 1) / extent[i];
    }
    memset(maker->region, 0, (size_t)pw_region_elements(region) * element_bytes);
    for (block[0] = first[0]; block[0] <= last[0]; block[0]++)
        for (block[1] = first[1]; block[1] <= last[1]; block[1]++)
            for (block[2] = first[2]; block[2] <= last[2]; block[2]++) {
                struct pw_region stored = {.rank = 3}, part;
                enum pw_status status = decode(maker, reading, block, error);
                if (status < 0)
                    return status;
                for (int i = 0; i < 3; i++) {
                    stored.start[i] = block[i] * extent[i];
                    stored.shape[i] = extent[i];
                }
                if (status == PW_EMPTY || !pw_region_intersect(&stored, region, &part))
                    continue;
                pw_region_copy(&part, &stored, maker->decoded, region, maker->region, element_bytes);
                any = 1;
            }
    return any ? PW_OK : PW_EMPTY;
}

/* The voxels of region: within the decoded block when they are all there, else collected. */
static enum pw_status fetch(struct pw_level_maker *maker, const struct reading *reading,
                            const struct pw_level_step *step, const struct pw_region *region, struct pw_label_box *box,
                            struct pw_error *error)
{
    const uint64_t *extent = step->from_block;
    uint64_t block[3], within[3];
    int one = 1;
    for (int i = 0; i < 3; i++) {
        block[i] = region->start[i] / extent[i];
        within[i] = region->start[i] % extent[i];
        one = one && within[i] + region->shape[i] <= extent[i];
        box->shape[i] = region->shape[i];
    }
    if (!one) {
        box->voxels = maker->region;
        box->stride[0] = (size_t)(region->shape[1] * region->shape[2]);
        box->stride[1] = (size_t)region->shape[2];
        return collect(maker, reading, step, region, error);
    }
    box->stride[0] = (size_t)(extent[1] * extent[2]);
    box->stride[1] = (size_t)extent[2];
    box->voxels = maker->decoded +
                  (within[0] * box->stride[0] + within[1] * box->stride[1] + within[2]) * pw_dtype_bytes(maker->dtype);
    return decode(maker, reading, block, error);
}

/* ---- one block ---- */

/* What becomes of a block: where it begins, and the part of it to make at once. */
struct piece {
    uint64_t origin[3], start[3], shape[3];
};

static struct pw_region source_of(const struct pw_level_step *step, const struct piece *piece)
{
    struct pw_region region = {.rank = 3};
    for (int i = 0; i < 3; i++) {
        uint64_t end = piece->start[i] + piece->shape[i];
        struct pw_span source = pw_source_span(piece->start[i], end, step->factor[i], step->from_shape[i]);
        region.start[i] = source.start;
        region.shape[i] = source.end - source.start;
    }
    return region;
}

static struct pw_label_box target_of(const struct pw_level_maker *maker, const struct pw_level_step *step,
                                     const struct piece *piece)
{
    struct pw_label_box to = {.stride = {(size_t)(step->block[1] * step->block[2]), (size_t)step->block[2]}};
    memcpy(to.shape, piece->shape, sizeof to.shape);
    size_t at = (piece->start[0] - piece->origin[0]) * to.stride[0] +
                (piece->start[1] - piece->origin[1]) * to.stride[1] + (piece->start[2] - piece->origin[2]);
    to.voxels = maker->made + at * pw_dtype_bytes(maker->dtype);
    return to;
}

/* Makes a piece out of blocks of voxels; PW_EMPTY when it has no label. */
static enum pw_status vote_voxels(struct pw_level_maker *maker, const struct reading *reading,
                                  const struct pw_level_step *step, const struct piece *piece, struct pw_error *error)
{
    struct pw_region region = source_of(step, piece);
    struct pw_label_box from, to = target_of(maker, step, piece);
    enum pw_status status = fetch(maker, reading, step, &region, &from, error);
    if (status != PW_OK)
        return status;
    return pw_downsample_labels(maker->dtype, step->rule, &from, step->factor, &to, maker->scratch) ? PW_OK : PW_EMPTY;
}

/* Adds the runs of a row of the piece to those of the block; 0 when there is no room for them. */
static int keep_runs(struct pw_level_maker *maker, const struct piece *piece, uint64_t rows_y, uint64_t z, uint64_t y,
                     uint64_t n)
{
    uint64_t row = (piece->start[0] - piece->origin[0] + z) * rows_y + piece->start[1] - piece->origin[1] + y;
    uint32_t x = (uint32_t)(piece->start[2] - piece->origin[2]);
    for (uint64_t i = 0; i < n; i++)
        if (!pw_raster_put(&maker->raster, (uint32_t)row, x + maker->run[i].start, x + maker->run[i].end,
                           maker->value[i]))
            return 0;
    return 1;
}

/* The same out of runs; in maker->has_runs, into the raster, as far as there is room. */
static enum pw_status vote_runs(struct pw_level_maker *maker, const struct reading *reading,
                                const struct pw_level_step *step, const struct piece *piece, struct pw_error *error)
{
    struct pw_region region = source_of(step, piece);
    struct pw_label_box to = target_of(maker, step, piece);
    struct pw_label_block from;
    struct pw_box box;
    uint64_t labelled = 0;
    memcpy(box.start, region.start, sizeof box.start);
    memcpy(box.shape, region.shape, sizeof box.shape);
    box.start[0] += reading->z;
    enum pw_status status = reading->pull(reading->context, &box, &from, error);
    if (status != PW_OK || from.n_runs == 0)
        return status == PW_OK ? PW_EMPTY : status;
    for (uint64_t z = 0; z < to.shape[0]; z++)
        for (uint64_t y = 0; y < to.shape[1]; y++) {
            uint64_t n = pw_downsample_runs(step->rule, &from, step->factor, z, y, to.shape[2], maker->run,
                                            maker->value, maker->scratch);
            unsigned char *row =
                (unsigned char *)to.voxels + (z * to.stride[0] + y * to.stride[1]) * pw_dtype_bytes(maker->dtype);
            if (n > 0 && maker->has_runs)
                maker->has_runs = keep_runs(maker, piece, reading->rows_y, z, y, n);
            else if (n > 0)
                pw_paint_row(maker->dtype, row, to.shape[2], maker->run, maker->value, n);
            labelled += n;
        }
    return labelled > 0 ? PW_OK : PW_EMPTY;
}

static enum pw_status make(struct pw_level_maker *maker, const struct reading *reading,
                           const struct pw_level_step *step, const uint64_t block[3], struct pw_error *error)
{
    uint64_t end[3], most[3];
    struct piece piece;
    int any = 0;
    for (int i = 0; i < 3; i++) {
        piece.origin[i] = block[i] * step->block[i];
        end[i] = pw_min_u64(piece.origin[i] + step->block[i], step->shape[i]);
        most[i] = piece_extent(step, i);
    }
    if (!maker->has_runs)
        memset(maker->made, 0, (size_t)block_voxels(step->block) * pw_dtype_bytes(maker->dtype));
    uint64_t *at = piece.start;
    for (at[0] = piece.origin[0]; at[0] < end[0]; at[0] += most[0])
        for (at[1] = piece.origin[1]; at[1] < end[1]; at[1] += most[1])
            for (at[2] = piece.origin[2]; at[2] < end[2]; at[2] += most[2]) {
                for (int i = 0; i < 3; i++)
                    piece.shape[i] = pw_min_u64(most[i], end[i] - at[i]);
                enum pw_status status = reading->pull != NULL ? vote_runs(maker, reading, step, &piece, error)
                                                              : vote_voxels(maker, reading, step, &piece, error);
                if (status < 0)
                    return status;
                any |= status == PW_OK;
            }
    return any ? PW_OK : PW_EMPTY;
}

enum pw_status pw_level_maker_make(struct pw_level_maker *maker, const struct pw_level_step *step,
                                   const uint64_t block[3], pw_block_fn read, void *context, struct pw_error *error)
{
    const struct reading reading = {.read = read, .context = context};
    maker->has_runs = 0;
    return make(maker, &reading, step, block, error);
}

void pw_level_pull_extent(const struct pw_level_step *step, uint64_t extent[3])
{
    for (int i = 0; i < 3; i++)
        extent[i] = pw_min_u64(piece_extent(step, i) * step->factor[i], step->from_shape[i]);
}

/* The part of a block that is in the volume. */
static void clip_block(const struct pw_level_step *step, const uint64_t block[3], uint64_t shape[3])
{
    for (int i = 0; i < 3; i++)
        shape[i] = pw_min_u64(step->block[i], step->shape[i] - block[i] * step->block[i]);
}

enum pw_status pw_level_maker_make_of_runs(struct pw_level_maker *maker, const struct pw_level_step *step,
                                           const uint64_t block[3], uint64_t z, pw_pull_fn pull, void *context,
                                           struct pw_error *error)
{
    uint64_t shape[3];
    clip_block(step, block, shape);
    const struct reading reading = {.pull = pull, .context = context, .z = z, .rows_y = shape[1]};
    uint64_t rows = shape[0] * shape[1];
    uint64_t capacity = maker->wants_runs ? pw_raster_capacity(maker->spare_bytes, rows) : 0;
    maker->has_decoded = 0;
    maker->has_runs = capacity > 0;
    if (capacity > 0)
        (void)pw_raster_init(&maker->raster, maker->decoded, capacity, rows);
    enum pw_status status = make(maker, &reading, step, block, error);
    if (capacity > 0 && status == PW_OK && !maker->has_runs) /* noise: voxels take less room */
        return make(maker, &reading, step, block, error);
    if (status != PW_OK || capacity == 0)
        return status;
    pw_raster_sort(&maker->raster, rows);
    pw_raster_join(&maker->raster, rows);
    pw_raster_block(&maker->raster, shape, &maker->runs);
    return PW_OK;
}
