#include "store/level_block.h"

#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/region.h"
#include "label/downsample.h"

struct pw_level_span pw_level_source(uint64_t start, uint64_t end, uint64_t factor, uint64_t extent)
{
    struct pw_level_span span = {pw_min_u64(start * factor, extent - 1), pw_min_u64(end * factor, extent)};
    if (span.end <= span.start)
        span.end = span.start + 1;
    return span;
}

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
    uint64_t block, region, scratch;
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
        sizes.scratch = pw_max_u64(sizes.scratch, pw_downsample_scratch_bytes(step->factor));
    }
    sizes.block = pw_ceil_div(sizes.block, 64) * 64;
    sizes.region = pw_ceil_div(sizes.region, 64) * 64;
    return sizes;
}

uint64_t pw_level_maker_memory_bytes(const struct pw_level_step *step, int n_steps, size_t element_bytes)
{
    struct sizes sizes = sizes_of(step, n_steps, element_bytes);
    return 2 * sizes.block + sizes.region + sizes.scratch + ((uint64_t)2 << 20);
}

enum pw_status pw_level_maker_init(struct pw_level_maker *maker, const struct pw_level_step *step, int n_steps,
                                   enum pw_dtype dtype, struct pw_error *error)
{
    struct sizes sizes = sizes_of(step, n_steps, pw_dtype_bytes(dtype));
    memset(maker, 0, sizeof *maker);
    maker->dtype = dtype;
    enum pw_status status =
        pw_buffer_init(&maker->memory, 2 * sizes.block + sizes.region + sizes.scratch, "levels of the labels", error);
    if (status != PW_OK)
        return status;
    maker->decoded = maker->memory.data;
    maker->made = maker->decoded + sizes.block;
    maker->region = maker->made + sizes.block;
    maker->scratch = maker->region + sizes.region;
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

struct reading {
    pw_block_fn read;
    void *context;
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

/* Makes the piece start..start+shape (voxels of the level) of the block that begins at origin. */
static enum pw_status make_piece(struct pw_level_maker *maker, const struct reading *reading,
                                 const struct pw_level_step *step, const uint64_t origin[3], const uint64_t start[3],
                                 const uint64_t shape[3], int *any, struct pw_error *error)
{
    const uint64_t *extent = step->block;
    struct pw_region region = {.rank = 3};
    struct pw_label_box from;
    for (int i = 0; i < 3; i++) {
        struct pw_level_span source =
            pw_level_source(start[i], start[i] + shape[i], step->factor[i], step->from_shape[i]);
        region.start[i] = source.start;
        region.shape[i] = source.end - source.start;
    }
    enum pw_status status = fetch(maker, reading, step, &region, &from, error);
    if (status != PW_OK)
        return status;
    struct pw_label_box to = {.stride = {(size_t)(extent[1] * extent[2]), (size_t)extent[2]}};
    memcpy(to.shape, shape, sizeof to.shape);
    to.voxels = maker->made + ((start[0] - origin[0]) * to.stride[0] + (start[1] - origin[1]) * to.stride[1] +
                               (start[2] - origin[2])) *
                                  pw_dtype_bytes(maker->dtype);
    if (pw_downsample_labels(maker->dtype, step->rule, &from, step->factor, &to, maker->scratch))
        *any = 1;
    return PW_OK;
}

enum pw_status pw_level_maker_make(struct pw_level_maker *maker, const struct pw_level_step *step,
                                   const uint64_t block[3], pw_block_fn read, void *context, struct pw_error *error)
{
    const struct reading reading = {read, context};
    uint64_t origin[3], end[3], piece[3], start[3], shape[3];
    int any = 0;
    for (int i = 0; i < 3; i++) {
        origin[i] = block[i] * step->block[i];
        end[i] = pw_min_u64(origin[i] + step->block[i], step->shape[i]);
        piece[i] = piece_extent(step, i);
    }
    memset(maker->made, 0, (size_t)block_voxels(step->block) * pw_dtype_bytes(maker->dtype));
    for (start[0] = origin[0]; start[0] < end[0]; start[0] += piece[0])
        for (start[1] = origin[1]; start[1] < end[1]; start[1] += piece[1])
            for (start[2] = origin[2]; start[2] < end[2]; start[2] += piece[2]) {
                for (int i = 0; i < 3; i++)
                    shape[i] = pw_min_u64(piece[i], end[i] - start[i]);
                enum pw_status status = make_piece(maker, &reading, step, origin, start, shape, &any, error);
                if (status < 0)
                    return status;
            }
    return any ? PW_OK : PW_EMPTY;
}
