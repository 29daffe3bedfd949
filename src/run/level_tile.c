#include "run/level_tile.h"

#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "label/downsample.h"
#include "label/mean.h"
#include "store/source.h"

/* ---- buffers ----------------------------------------------------------- */

/* Voxels of the largest tile on a level that the pass makes. */
static uint64_t voxels_on(const struct pw_level_job *job, int level)
{
    uint64_t voxels = 1;
    for (int i = 0; i < 3; i++) {
        uint64_t extent = job->grid.tile[i];
        for (int l = job->first; l <= level; l++)
            extent = pw_ceil_div(extent, job->factor[l][i]);
        voxels *= extent;
    }
    return voxels;
}

static uint64_t smaller_bytes(const struct pw_level_job *job, int level)
{
    return pw_padded(voxels_on(job, level) * job->part.voxel_bytes);
}

static uint64_t scratch_bytes(const struct pw_level_job *job)
{
    uint64_t bytes = 0;
    for (int l = job->first; l < job->first + job->n_made; l++) {
        bytes = pw_max_u64(bytes, pw_mean_scratch_bytes(pw_ceil_div(job->grid.tile[2], job->factor[l][2])));
        bytes = pw_max_u64(bytes, pw_downsample_scratch_bytes(job->factor[l]));
    }
    return bytes;
}

/* All smaller levels of a tile, one behind the other, and scratch. */
static uint64_t small_bytes(const struct pw_level_job *job)
{
    uint64_t bytes = 0;
    for (int l = job->first; l < job->first + job->n_made; l++)
        if (l > 0)
            bytes += smaller_bytes(job, l);
    return bytes > 0 ? bytes + scratch_bytes(job) : 0;
}

/* Tiles of nothing but the fill value need not be written where the output reads as that without them. */
static int skips_constant(const struct pw_level_job *job)
{
    return job->from->fill == 0 && job->output->fills_zero;
}

/* Of a tile that is not stored, in a file that is mapped: its slot has no memory. */
static uint64_t dense_bytes(const struct pw_level_job *job, const struct pw_load_plan *load)
{
    if (load->mode == PW_LOAD_CHUNKS || load->window_bytes > 0 || skips_constant(job))
        return 0;
    return job->grid.tile[0] * job->grid.tile[1] * job->grid.tile[2] * job->part.voxel_bytes;
}

uint64_t pw_level_tile_memory_bytes(const struct pw_level_job *job, const struct pw_load_plan *load)
{
    return small_bytes(job) + dense_bytes(job, load);
}

enum pw_status pw_level_tile_init(const struct pw_level_job *job, const struct pw_load_plan *load,
                                  struct pw_level_worker *own, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    if (small_bytes(job) > 0)
        status = pw_buffer_init(&own->small, small_bytes(job), "smaller levels of a tile", error);
    if (status == PW_OK && dense_bytes(job, load) > 0)
        status = pw_buffer_init(&own->dense, dense_bytes(job, load), "a tile", error);
    return status;
}

void pw_level_tile_release(struct pw_level_worker *own)
{
    pw_buffer_release(&own->small);
    pw_buffer_release(&own->dense);
}

/* ---- smaller levels ---------------------------------------------------- */

static enum pw_dtype unsigned_of(size_t bytes)
{
    return bytes == 1 ? PW_U8 : bytes == 2 ? PW_U16 : bytes == 4 ? PW_U32 : PW_U64;
}

static void downsample_labels(const struct pw_level_job *job, int level, const struct pw_box *box,
                              const struct pw_image_block *block, const struct pw_box *small, void *out, void *scratch)
{
    size_t bytes = job->part.voxel_bytes;
    /* It reads only; the type is that of what is written as well. */
    struct pw_label_box from = {(void *)(uintptr_t)block->voxels,
                                {box->shape[0], box->shape[1], box->shape[2]},
                                {block->stride_bytes[0] / bytes, block->stride_bytes[1] / bytes}};
    struct pw_label_box to = {out,
                              {small->shape[0], small->shape[1], small->shape[2]},
                              {(size_t)(small->shape[1] * small->shape[2]), (size_t)small->shape[2]}};
    (void)pw_downsample_labels(unsigned_of(bytes),
                               job->rule == PW_LEVELS_BY_MODE ? PW_PYRAMID_MODE : PW_PYRAMID_NEAREST, &from,
                               job->factor[level], &to, scratch);
}

/* The part of a level that a box of the one before becomes. */
static struct pw_box smaller_box(const struct pw_level_job *job, int level, const struct pw_box *box)
{
    const struct pw_level_shapes *levels = &job->output->levels;
    const uint64_t *factor = job->factor[level], depth = levels->shape[level - 1][0];
    struct pw_box small;
    for (int i = 0; i < 3; i++) {
        small.start[i] = (i == 0 ? box->start[0] % depth : box->start[i]) / factor[i];
        small.shape[i] = pw_ceil_div(box->shape[i], factor[i]);
    }
    small.start[0] += box->start[0] / depth * levels->shape[level][0];
    return small;
}

/* Replaces box and block by those of level, made in out. */
static void make_smaller(const struct pw_level_job *job, int level, struct pw_box *box, struct pw_image_block *block,
                         void *out, void *scratch)
{
    size_t bytes = job->part.voxel_bytes;
    struct pw_box small = smaller_box(job, level, box);
    if (job->rule == PW_LEVELS_BY_MEAN)
        pw_mean_downsample(job->from->info.dtype, block->voxels, box->shape, block->stride_bytes, job->factor[level],
                           out, small.shape, scratch);
    else
        downsample_labels(job, level, box, block, &small, out, scratch);
    block->voxels = out;
    block->stride_bytes[1] = (size_t)small.shape[2] * bytes;
    block->stride_bytes[0] = (size_t)small.shape[1] * block->stride_bytes[1];
    *box = small;
}

/* ---- one tile ---------------------------------------------------------- */

static void add_range(const struct pw_level_job *job, struct pw_range *range, const struct pw_box *box,
                      const struct pw_image_block *block)
{
    for (uint64_t z = 0; z < box->shape[0]; z++)
        pw_range_add(range, job->from->info.dtype, (const unsigned char *)block->voxels + z * block->stride_bytes[0],
                     block->stride_bytes[1], box->shape[1], box->shape[2]);
}

static void count_labels(const struct pw_level_job *job, int level, const struct pw_box *box,
                         const struct pw_image_block *block)
{
    for (uint64_t z = 0; z < box->shape[0] && job->counts_labels; z++)
        pw_distinct_add(&job->labels[level], job->part.voxel_bytes,
                        (const unsigned char *)block->voxels + z * block->stride_bytes[0], block->stride_bytes[1],
                        box->shape[1], box->shape[2]);
}

/* A box of whole units, but for those at the far borders. */
static enum pw_status write_units(const struct pw_level_job *job, struct pw_level_worker *own, int level,
                                  uint64_t channel, const struct pw_box *box, const struct pw_image_block *block,
                                  struct pw_error *error)
{
    const uint64_t *extent = job->output->unit[level];
    uint64_t at[3];
    enum pw_status status = PW_OK;
    for (at[0] = 0; at[0] < box->shape[0]; at[0] += extent[0])
        for (at[1] = 0; at[1] < box->shape[1]; at[1] += extent[1])
            for (at[2] = 0; at[2] < box->shape[2] && status == PW_OK; at[2] += extent[2]) {
                struct pw_box unit;
                struct pw_image_block voxels = *block;
                for (int i = 0; i < 3; i++) {
                    unit.start[i] = box->start[i] + at[i];
                    unit.shape[i] = pw_min_u64(extent[i], box->shape[i] - at[i]);
                }
                voxels.voxels = (const unsigned char *)block->voxels + at[0] * block->stride_bytes[0] +
                                at[1] * block->stride_bytes[1] + at[2] * job->part.voxel_bytes;
                status = job->output->ops->write_unit(job->output, own->writer, level, channel, &unit, &voxels, error);
            }
    return status;
}

/* The levels of one channel, each of the one before, while it is in the processor's caches or at least in memory. */
static enum pw_status write_channel(const struct pw_level_job *job, struct pw_level_worker *own, uint64_t channel,
                                    struct pw_box box, struct pw_image_block block, struct pw_error *error)
{
    unsigned char *small = own->small.data;
    enum pw_status status = PW_OK;
    void *scratch = small != NULL ? small + small_bytes(job) - scratch_bytes(job) : NULL;
    if (job->first == 0)
        add_range(job, &own->range[channel], &box, &block);
    if (job->from == job->source)
        count_labels(job, 0, &box, &block);
    for (int l = job->first; l < job->first + job->n_made && status == PW_OK; l++) {
        if (l > 0) {
            make_smaller(job, l, &box, &block, small, scratch);
            small += smaller_bytes(job, l);
            count_labels(job, l, &box, &block);
        }
        status = write_units(job, own, l, channel, &box, &block, error);
    }
    return status;
}

/* Gives a tile that is not stored its voxels; one channel stands for all. */
static void fill(const struct pw_level_job *job, const struct pw_level_worker *own, struct pw_slot *slot)
{
    void *voxels = own->dense.data != NULL ? own->dense.data : slot->dense;
    size_t bytes = job->part.voxel_bytes;
    pw_source_fill(job->from, voxels, pw_box_voxels(&slot->window));
    slot->voxels = voxels;
    slot->stride_bytes[2] = bytes;
    slot->stride_bytes[1] = (size_t)slot->window.shape[2] * bytes;
    slot->stride_bytes[0] = (size_t)slot->window.shape[1] * slot->stride_bytes[1];
    slot->channel_stride_bytes = 0;
}

enum pw_status pw_level_tile_write(void *context, unsigned number, struct pw_slot *slot, struct pw_error *error)
{
    const struct pw_level_job *job = context;
    struct pw_level_worker *own = &job->worker[number];
    enum pw_status status = PW_OK;
    if (slot->constant && skips_constant(job)) {
        for (uint32_t c = 0; c < job->part.n_channels && job->first == 0; c++)
            pw_range_add(&own->range[job->part.channel[c]], job->from->info.dtype, &job->from->fill,
                         job->part.voxel_bytes, 1, 1);
        return PW_OK;
    }
    if (slot->constant)
        fill(job, own, slot);
    for (uint32_t c = 0; c < job->part.n_channels && status == PW_OK; c++) {
        const unsigned char *voxels = (const unsigned char *)slot->voxels + c * slot->channel_stride_bytes;
        /* Rows are never spaced: of a file only whole ones are lent, and everything else is put together in memory. */
        const struct pw_image_block block = {voxels, {slot->stride_bytes[0], slot->stride_bytes[1]}};
        status = write_channel(job, own, job->part.channel[c], slot->window, block, error);
    }
    return status;
}
