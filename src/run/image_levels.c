#include "run/image_levels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "label/downsample.h"
#include "label/mean.h"
#include "run/pipeline.h"
#include "store/level_block.h"

#define MIB ((uint64_t)1 << 20)

/* ---- one tile ---------------------------------------------------------- */

static void describe_dense(struct pw_slot *slot, void *voxels, size_t bytes)
{
    slot->voxels = voxels;
    slot->stride_bytes[2] = bytes;
    slot->stride_bytes[1] = (size_t)slot->window.shape[2] * bytes;
    slot->stride_bytes[0] = (size_t)slot->window.shape[1] * slot->stride_bytes[1];
    slot->channel_stride_bytes = (size_t)slot->window.shape[0] * slot->stride_bytes[0];
}

static int rows_are_dense(const struct pw_slot *slot, size_t bytes)
{
    return slot->stride_bytes[2] == bytes;
}

static int is_dense(const struct pw_slot *slot, size_t bytes)
{
    return rows_are_dense(slot, bytes) && slot->stride_bytes[1] == slot->window.shape[2] * bytes &&
           slot->stride_bytes[0] == slot->window.shape[1] * slot->stride_bytes[1];
}

/* The channel's voxels, without gaps where the caller needs them so. */
static struct pw_image_block channel_block(struct pw_level_worker *own, const struct pw_slot *slot, uint32_t channel,
                                           int dense, size_t bytes)
{
    const unsigned char *voxels = (const unsigned char *)slot->voxels + channel * slot->channel_stride_bytes;
    struct pw_image_block block = {voxels, {slot->stride_bytes[0], slot->stride_bytes[1]}};
    if (dense ? is_dense(slot, bytes) : rows_are_dense(slot, bytes))
        return block;
    unsigned char *out = own->dense.data;
    for (uint64_t z = 0; z < slot->window.shape[0]; z++)
        for (uint64_t y = 0; y < slot->window.shape[1]; y++)
            for (uint64_t x = 0; x < slot->window.shape[2]; x++, out += bytes)
                memcpy(out, voxels + z * slot->stride_bytes[0] + y * slot->stride_bytes[1] + x * slot->stride_bytes[2],
                       bytes);
    block.voxels = own->dense.data;
    block.stride_bytes[1] = (size_t)slot->window.shape[2] * bytes;
    block.stride_bytes[0] = (size_t)slot->window.shape[1] * block.stride_bytes[1];
    return block;
}

static uint64_t unit_bytes(const struct pw_level_job *job)
{
    const uint64_t *unit = job->output->unit[job->level];
    return pw_ceil_div(unit[0] * unit[1] * unit[2] * job->part.voxel_bytes, 64) * 64;
}

static enum pw_dtype unsigned_of(size_t bytes)
{
    return bytes == 1 ? PW_U8 : bytes == 2 ? PW_U16 : bytes == 4 ? PW_U32 : PW_U64;
}

static void downsample_labels(const struct pw_level_job *job, const struct pw_box *box,
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
                               job->factor, &to, scratch);
}

/* Replaces box and block by those of the smaller level. */
static void make_smaller(const struct pw_level_job *job, struct pw_level_worker *own, struct pw_box *box,
                         struct pw_image_block *block)
{
    const uint64_t *shape = job->output->levels.shape[job->level];
    size_t bytes = pw_dtype_bytes(job->from->info.dtype);
    struct pw_box small;
    for (int i = 0; i < 3; i++) {
        uint64_t from_extent = job->part.shape[i];
        uint64_t at = i == 0 ? box->start[0] % from_extent : box->start[i];
        small.start[i] = at / job->factor[i];
        small.shape[i] = pw_ceil_div(box->shape[i], job->factor[i]);
    }
    small.start[0] += box->start[0] / job->part.shape[0] * shape[0];
    void *scratch = (unsigned char *)own->small.data + unit_bytes(job);
    if (job->rule == PW_LEVELS_BY_MEAN)
        pw_mean_downsample(job->from->info.dtype, block->voxels, box->shape, job->factor, own->small.data, small.shape,
                           scratch);
    else
        downsample_labels(job, box, block, &small, own->small.data, scratch);
    block->voxels = own->small.data;
    block->stride_bytes[1] = (size_t)small.shape[2] * bytes;
    block->stride_bytes[0] = (size_t)small.shape[1] * block->stride_bytes[1];
    *box = small;
}

static void add_range(const struct pw_level_job *job, struct pw_range *range, const struct pw_box *box,
                      const struct pw_image_block *block)
{
    for (uint64_t z = 0; z < box->shape[0]; z++)
        pw_range_add(range, job->from->info.dtype, (const unsigned char *)block->voxels + z * block->stride_bytes[0],
                     block->stride_bytes[1], box->shape[1], box->shape[2]);
}

static enum pw_status write_tile(void *context, unsigned number, struct pw_slot *slot, struct pw_error *error)
{
    struct pw_level_job *job = context;
    struct pw_level_worker *own = &job->worker[number];
    size_t bytes = job->part.voxel_bytes;
    enum pw_status status = PW_OK;
    int dense = job->level > 0;
    if (slot->constant && job->from->fill == 0 && job->output->fills_zero) {
        for (uint32_t c = 0; c < job->part.n_channels && job->level == 0; c++)
            pw_range_add(&own->range[job->part.channel[c]], job->from->info.dtype, &job->from->fill, bytes, 1, 1);
        return PW_OK;
    }
    if (slot->constant) { /* one channel stands for all; a slot of a file that is mapped has no memory of its own */
        void *voxels = own->dense.data != NULL ? own->dense.data : slot->dense;
        pw_source_fill(job->from, voxels, pw_box_voxels(&slot->window));
        describe_dense(slot, voxels, bytes);
        slot->channel_stride_bytes = 0;
    }
    for (uint32_t c = 0; c < job->part.n_channels && status == PW_OK; c++) {
        struct pw_box box = slot->window;
        struct pw_image_block block = channel_block(own, slot, c, dense, bytes);
        if (job->level > 0)
            make_smaller(job, own, &box, &block);
        else
            add_range(job, &own->range[job->part.channel[c]], &box, &block);
        status = job->output->ops->write_unit(job->output, own->writer, job->level, job->part.channel[c], &box, &block,
                                              error);
    }
    return status;
}

/* ---- one level --------------------------------------------------------- */

static uint64_t dense_bytes(const struct pw_level_job *job)
{
    return job->grid.tile[0] * job->grid.tile[1] * job->grid.tile[2] * job->part.voxel_bytes;
}

static uint64_t small_bytes(const struct pw_level_job *job)
{
    if (job->level == 0)
        return 0;
    return unit_bytes(job) + pw_max_u64(pw_mean_scratch_bytes(job->output->unit[job->level][2]),
                                        pw_downsample_scratch_bytes(job->factor));
}

static int needs_dense(const struct pw_level_job *job, const struct pw_load_plan *load)
{
    return load->mode != PW_LOAD_CHUNKS && (job->level > 0 || load->window_bytes == 0);
}

static uint64_t worker_bytes(const struct pw_level_job *job, const struct pw_load_plan *load)
{
    return job->output->ops->writer_memory_bytes(job->output) + small_bytes(job) +
           (needs_dense(job, load) ? dense_bytes(job) : 0) + job->volume.image_channels * sizeof(struct pw_range);
}

/* Memory of a pass with so many slots and workers, without chunks that are kept. */
static enum pw_status pass_bytes(const struct pw_level_job *job, struct pw_pipeline *pipeline, uint64_t *bytes,
                                 struct pw_error *error)
{
    enum pw_status status = pw_load_plan_init(&pipeline->load, &job->part, &job->grid, job->io, 0, error);
    if (status != PW_OK)
        return status;
    *bytes = pw_loader_memory_bytes(&pipeline->load, &job->part) +
             pipeline->depth * pw_slot_memory_bytes(&pipeline->load, 0) +
             pipeline->threads *
                 (pw_load_scratch_memory_bytes(&pipeline->load, &job->part) + worker_bytes(job, &pipeline->load));
    return PW_OK;
}

/* As many workers, then slots, then chunks to keep, as the budget holds. */
static enum pw_status fit(struct pw_level_job *job, struct pw_pipeline *pipeline, struct pw_error *error)
{
    uint64_t taken;
    pipeline->threads = (unsigned)pw_min_u64(job->threads, job->grid.n_tiles);
    pipeline->depth = pipeline->threads == 1 ? 2 : 2 * pipeline->threads + 1;
    for (;;) {
        enum pw_status status = pass_bytes(job, pipeline, &taken, error);
        if (status != PW_OK)
            return status;
        if (taken <= job->budget_bytes)
            break;
        if (pipeline->depth > pipeline->threads + 1)
            pipeline->depth--;
        else if (pipeline->threads > 1)
            pipeline->depth = --pipeline->threads == 1 ? 2 : pipeline->threads + 1;
        else
            return pw_fail(error, PW_E_BUDGET, "--memory %lluM is too little: %lluM would do, or a smaller --shard",
                           (unsigned long long)(job->budget_bytes / MIB), (unsigned long long)(taken / MIB + 1));
    }
    job->planned_bytes = pw_max_u64(job->planned_bytes, taken);
    if (!(job->from->capabilities & PW_SOURCE_CHUNKED))
        return PW_OK;
    uint64_t chunk = pw_chunk_cache_memory_bytes(1, pw_source_chunk_bytes(job->from));
    uint64_t kept = pw_min_u64((job->budget_bytes - taken) / chunk, UINT32_MAX);
    return pw_load_plan_init(&pipeline->load, &job->part, &job->grid, job->io, (uint32_t)kept, error);
}

static enum pw_status workers_init(struct pw_level_job *job, const struct pw_pipeline *pipeline, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (unsigned i = 0; i < pipeline->threads && status == PW_OK; i++) {
        struct pw_level_worker *own = &job->worker[i];
        status = job->output->ops->writer_new(job->output, &own->writer, error);
        if (status == PW_OK && small_bytes(job) > 0)
            status = pw_buffer_init(&own->small, small_bytes(job), "a unit of a smaller level", error);
        if (status == PW_OK && needs_dense(job, &pipeline->load))
            status = pw_buffer_init(&own->dense, dense_bytes(job), "a tile", error);
    }
    return status;
}

static void workers_release(struct pw_level_job *job)
{
    for (unsigned i = 0; i < job->threads; i++) {
        struct pw_level_worker *own = &job->worker[i];
        job->output->ops->writer_free(own->writer);
        own->writer = NULL;
        pw_buffer_release(&own->small);
        pw_buffer_release(&own->dense);
    }
}

/* The tile of a level is what a unit is made of. */
static enum pw_status make_grid(struct pw_level_job *job, struct pw_error *error)
{
    static const uint64_t no_halo[3] = {0, 0, 0};
    uint64_t tile[3];
    for (int i = 0; i < 3; i++)
        tile[i] = pw_min_u64(job->output->unit[job->level][i] * job->factor[i], job->part.shape[i]);
    return pw_grid_init_times(&job->grid, job->part.shape, job->part.times, NULL, tile, no_halo, error);
}

/* Writes the channels of job->part. */
static enum pw_status run_part(struct pw_level_job *job, struct pw_error *error)
{
    struct pw_pipeline pipeline = {.volume = &job->part, .grid = &job->grid, .work = write_tile, .context = job};
    uint64_t read = 0;
    enum pw_status status = make_grid(job, error);
    if (status == PW_OK)
        status = fit(job, &pipeline, error);
    if (status == PW_OK)
        status = workers_init(job, &pipeline, error);
    job->output->from = job->from;
    job->output->first_channel = job->part.channel[0];
    job->output->channels_together = job->part.n_channels;
    struct pw_watch watch = {job->progress, job->progress_user, PW_PASS_EMIT, job->grid.n_tiles};
    if (status == PW_OK)
        status = pw_pipeline_run(&pipeline, &watch, &read, error);
    if (job->level == 0)
        job->bytes_read += read;
    workers_release(job);
    return status;
}

/* Channels that share chunks are read together, others one after the other: a window then holds one of them. */
static enum pw_status run_channels(struct pw_level_job *job, const struct pw_volume *all, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    int together = pw_volume_chunk_columns(all) < all->n_channels;
    for (uint32_t c = 0; c < all->n_channels && status == PW_OK; c++) {
        job->part = *all;
        if (!together)
            status = pw_volume_choose_channels(&job->part, &all->channel[c], 1, error);
        if (status == PW_OK)
            status = run_part(job, error);
        if (together)
            break;
    }
    return status;
}

enum pw_status pw_level_volume_init(struct pw_volume *volume, struct pw_source *source, struct pw_error *error)
{
    uint64_t channel[PW_VOLUME_CHANNELS_MAX];
    enum pw_status status = pw_volume_init_space(volume, source, error);
    if (status == PW_OK)
        status = pw_volume_choose_time(volume, -1, 0, error);
    if (status != PW_OK)
        return status;
    if (volume->image_channels > PW_VOLUME_CHANNELS_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: %llu channels; at most %d are converted", source->path,
                       (unsigned long long)volume->image_channels, PW_VOLUME_CHANNELS_MAX);
    for (uint64_t c = 0; c < volume->image_channels; c++)
        channel[c] = c;
    return pw_volume_choose_channels(volume, channel, (uint32_t)volume->image_channels, error);
}

void pw_level_axes(const struct pw_volume *volume, struct pw_array_axes *axes)
{
    memset(axes, 0, sizeof *axes);
    axes->rank = volume->rank;
    memcpy(axes->space, volume->space, sizeof axes->space);
    axes->times = volume->times;
    axes->time = volume->time;
    axes->channels = volume->image_channels;
    (void)snprintf(axes->time.name, sizeof axes->time.name, "t");
    (void)snprintf(axes->channel.name, sizeof axes->channel.name, "c");
}

/* Level l from level l - 1, as it was written; level 0 from the source. */
enum pw_status pw_level_job_run(struct pw_level_job *job, int level, struct pw_error *error)
{
    const struct pw_level_shapes *levels = &job->output->levels;
    struct pw_volume before;
    struct pw_source *written = NULL;
    enum pw_status status = job->output->ops->begin_level(job->output, level, error);
    job->level = level;
    job->from = job->source;
    pw_level_factor(levels->shape[level > 0 ? level - 1 : 0], levels->shape[level], job->factor);
    if (status == PW_OK && level > 0)
        status = pw_source_open(job->output->level_path, NULL, NULL, &written, error);
    if (status == PW_OK && level > 0) {
        job->from = written;
        status = pw_level_volume_init(&before, written, error);
    }
    if (status == PW_OK)
        status = run_channels(job, level == 0 ? &job->volume : &before, error);
    if (status == PW_OK)
        status = job->output->ops->end_level(job->output, level, error);
    pw_source_close(written);
    return status;
}

/* ---- the whole --------------------------------------------------------- */

/* What a thread of a smaller level needs at least: two windows, as one is read while the other is made smaller, and a unit. */
static uint64_t least_bytes(const struct pw_level_job *job, int level)
{
    const struct pw_image_output *output = job->output;
    double window = (double)job->volume.voxel_bytes, unit = window;
    uint64_t factor[3];
    pw_level_factor(output->levels.shape[level - 1], output->levels.shape[level], factor);
    for (int i = 0; i < 3; i++) {
        double extent = (double)output->unit[level][i] * (double)factor[i];
        window *= fmin(extent, (double)output->levels.shape[level - 1][i]);
        unit *= (double)output->unit[level][i];
    }
    double bytes = 2 * window + unit;
    return bytes < (double)UINT64_MAX / 2 ? (uint64_t)bytes : UINT64_MAX / 2;
}

/* Before the first voxel is read: the levels to come cannot be planned exactly, as there is nothing yet to read them from. */
static enum pw_status check_levels(const struct pw_level_job *job, struct pw_error *error)
{
    for (int l = 1; l < job->output->levels.n; l++) {
        uint64_t least = least_bytes(job, l);
        if (least > job->budget_bytes)
            return pw_fail(error, PW_E_BUDGET,
                           "--memory %lluM is too little for level %d: %lluM would do, or a smaller --shard",
                           (unsigned long long)(job->budget_bytes / MIB), l, (unsigned long long)(least / MIB + 1));
    }
    return PW_OK;
}

enum pw_status pw_level_job_init(struct pw_level_job *job, struct pw_error *error)
{
    enum pw_status status = check_levels(job, error);
    if (status != PW_OK)
        return status;
    job->worker = pw_alloc(job->threads, sizeof *job->worker, error);
    if (job->worker == NULL)
        return PW_E_NOMEM;
    for (unsigned i = 0; i < job->threads; i++) {
        job->worker[i].range = pw_alloc(job->volume.image_channels, sizeof(struct pw_range), error);
        if (job->worker[i].range == NULL)
            return PW_E_NOMEM;
    }
    return PW_OK;
}

void pw_level_job_release(struct pw_level_job *job)
{
    for (unsigned i = 0; job->worker != NULL && i < job->threads; i++)
        free(job->worker[i].range);
    free(job->worker);
    job->worker = NULL;
}
