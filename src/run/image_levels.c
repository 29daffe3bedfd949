#include "run/image_levels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "run/level_tile.h"
#include "run/pipeline.h"
#include "store/level_block.h"

#define MIB ((uint64_t)1 << 20)

/* ---- one pass ---------------------------------------------------------- */

static uint64_t worker_bytes(const struct pw_level_job *job, const struct pw_load_plan *load)
{
    return job->output->ops->writer_memory_bytes(job->output) + pw_level_tile_memory_bytes(job, load) +
           job->volume.image_channels * sizeof(struct pw_range);
}

/*
 * Labels are counted by a flag for each, which is little where they are numbered from 1 on; others are too large for what is
 * set aside, a 16th of the budget, and are not counted.
 */
static uint64_t counted_labels(const struct pw_level_job *job)
{
    uint64_t all = job->volume.voxel_bytes >= 4 ? (uint64_t)1 << 32 : (uint64_t)1 << 8 * job->volume.voxel_bytes;
    return pw_min_u64(job->budget_bytes / 16 / (uint64_t)job->output->levels.n * 8, all);
}

static uint64_t counting_bytes(const struct pw_level_job *job)
{
    return job->counts_labels ? (uint64_t)job->output->levels.n * pw_distinct_memory_bytes(counted_labels(job)) : 0;
}

/* Memory of a pass with so many slots and workers, without chunks that are kept. */
static enum pw_status pass_bytes(const struct pw_level_job *job, struct pw_pipeline *pipeline, uint64_t *bytes,
                                 struct pw_error *error)
{
    enum pw_status status = pw_load_plan_init(&pipeline->load, &job->part, &job->grid, job->io, 0, error);
    if (status != PW_OK)
        return status;
    *bytes = pw_loader_memory_bytes(&pipeline->load, &job->part) +
             pipeline->depth * pw_slot_memory_bytes(&pipeline->load, 0) + counting_bytes(job) +
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
        if (status == PW_OK)
            status = pw_level_tile_init(job, &pipeline->load, own, error);
    }
    return status;
}

static void workers_release(struct pw_level_job *job)
{
    for (unsigned i = 0; i < job->threads; i++) {
        job->output->ops->writer_free(job->worker[i].writer);
        job->worker[i].writer = NULL;
        pw_level_tile_release(&job->worker[i]);
    }
}

/* Writes the channels of job->part. */
static enum pw_status run_part(struct pw_level_job *job, struct pw_error *error)
{
    struct pw_pipeline pipeline = {
        .volume = &job->part, .grid = &job->grid, .work = pw_level_tile_write, .context = job};
    uint64_t read = 0;
    enum pw_status status = fit(job, &pipeline, error);
    if (status == PW_OK)
        status = workers_init(job, &pipeline, error);
    job->output->from = job->from;
    job->output->first_channel = job->part.channel[0];
    job->output->channels_together = job->part.n_channels;
    struct pw_watch watch = {job->progress, job->progress_user, PW_PASS_EMIT, job->grid.n_tiles};
    if (status == PW_OK)
        status = pw_pipeline_run(&pipeline, &watch, &read, error);
    if (job->from == job->source)
        job->bytes_read += read;
    workers_release(job);
    return status;
}

/* ---- which levels a pass makes ----------------------------------------- */

/* Tiles that grow so that they hold whole units of one more level become no larger than this. */
#define TILE_BYTES_MOST ((uint64_t)64 << 20)

/* The smallest multiple of both that is less than extent, else extent. */
static uint64_t common_multiple(uint64_t a, uint64_t b, uint64_t extent)
{
    for (uint64_t multiple = b; multiple < extent; multiple += b)
        if (multiple % a == 0)
            return multiple;
    return extent;
}

/* A tile is what whole units of all levels that the pass makes are made of. */
static enum pw_status make_grid(struct pw_level_job *job, struct pw_error *error)
{
    static const uint64_t no_halo[3] = {0, 0, 0};
    uint64_t tile[3];
    for (int i = 0; i < 3; i++) {
        uint64_t extent = job->part.shape[i], scale = 1;
        tile[i] = 1;
        for (int l = job->first; l < job->first + job->n_made; l++) {
            scale *= job->factor[l][i];
            tile[i] = common_multiple(tile[i], job->output->unit[l][i] * scale, extent);
        }
    }
    return pw_grid_init_times(&job->grid, job->part.shape, job->part.times, NULL, tile, no_halo, error);
}

static uint64_t tile_bytes(const struct pw_level_job *job)
{
    const uint64_t *tile = job->grid.tile;
    return tile[0] * tile[1] * tile[2] * job->part.n_channels * job->part.voxel_bytes;
}

/*
 * Whether one more level is worth its tiles: there are enough of them for all threads, and those fit the budget with the source's
 * chunks that several need, so that nothing is decoded twice for what is saved.
 */
static int is_worth_it(const struct pw_level_job *job, const struct pw_grid *before)
{
    struct pw_pipeline pipeline = {.threads = (unsigned)pw_min_u64(job->threads, job->grid.n_tiles)};
    uint64_t taken, chunks;
    pipeline.depth = pipeline.threads + 1;
    if (job->grid.n_tiles < before->n_tiles &&
        (tile_bytes(job) > TILE_BYTES_MOST || job->grid.n_tiles < (uint64_t)2 * job->threads))
        return 0;
    if (pass_bytes(job, &pipeline, &taken, NULL) != PW_OK || taken > job->budget_bytes)
        return 0;
    if (!(job->from->capabilities & PW_SOURCE_CHUNKED))
        return 1;
    chunks = pw_chunk_cache_memory_bytes(1, pw_source_chunk_bytes(job->from));
    return pw_load_plan_useful_chunks(&job->part, &job->grid) <= (job->budget_bytes - taken) / chunks;
}

/* One, and those after it that can be made of its voxels while they are there. */
static enum pw_status choose_levels(struct pw_level_job *job, struct pw_error *error)
{
    job->n_made = 1;
    enum pw_status status = make_grid(job, error);
    while (status == PW_OK && !job->output->levels_in_turn && job->first + job->n_made < job->output->levels.n) {
        const struct pw_grid before = job->grid;
        job->n_made++;
        if (make_grid(job, NULL) == PW_OK && is_worth_it(job, &before))
            continue;
        job->n_made--;
        job->grid = before;
        break;
    }
    return status;
}

/* ---- one pass after the other ------------------------------------------ */

/* The channels of part c: those that share chunks are read together, others one after the other: a window then holds one. */
static enum pw_status take_part(struct pw_level_job *job, const struct pw_volume *all, uint32_t c, int together,
                                struct pw_error *error)
{
    job->part = *all;
    return together ? PW_OK : pw_volume_choose_channels(&job->part, &all->channel[c], 1, error);
}

static enum pw_status run_pass(struct pw_level_job *job, const struct pw_volume *all, struct pw_error *error)
{
    const struct pw_image_output_ops *ops = job->output->ops;
    int together = pw_volume_chunk_columns(all) < all->n_channels;
    enum pw_status status = take_part(job, all, 0, together, error);
    if (status == PW_OK)
        status = choose_levels(job, error);
    for (int l = job->first; l < job->first + job->n_made && status == PW_OK; l++)
        status = ops->begin_level(job->output, l, error);
    for (uint32_t c = 0; c < (together ? 1 : all->n_channels) && status == PW_OK; c++) {
        status = take_part(job, all, c, together, error);
        if (status == PW_OK)
            status = run_part(job, error);
    }
    for (int l = job->first; l < job->first + job->n_made && status == PW_OK; l++)
        status = ops->end_level(job->output, l, error);
    return status;
}

/* From the source, or from the last level that was written. */
static enum pw_status run_from(struct pw_level_job *job, int from_written, struct pw_error *error)
{
    struct pw_volume written;
    struct pw_source *source = NULL;
    if (!from_written) {
        job->from = job->source;
        return run_pass(job, &job->volume, error);
    }
    enum pw_status status = pw_source_open(job->output->level_path, NULL, NULL, &source, error);
    job->from = source;
    if (status == PW_OK)
        status = pw_level_volume_init(&written, source, error);
    if (status == PW_OK)
        status = run_pass(job, &written, error);
    pw_source_close(source);
    return status;
}

enum pw_status pw_level_job_run(struct pw_level_job *job, int first, struct pw_error *error)
{
    const struct pw_level_shapes *levels = &job->output->levels;
    enum pw_status status = PW_OK;
    for (int l = 0; l < levels->n; l++)
        pw_level_factor(levels->shape[l > 0 ? l - 1 : 0], levels->shape[l], job->factor[l]);
    for (job->first = first; job->first < levels->n && status == PW_OK; job->first += job->n_made)
        status = run_from(job, job->first > first, error);
    return status;
}

/* ---- the whole --------------------------------------------------------- */

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

/*
 * What one thread needs for a smaller level: what is stored of two windows, as one is read while the other is worked on, and is
 * no smaller where it does not compress; that one's voxels; what becomes of them; a decoder and the writer.
 */
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
    double bytes = 3.5 * window + unit + (double)output->ops->writer_memory_bytes(output);
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
    int n = job->output->levels.n;
    job->worker = pw_alloc(job->threads, sizeof *job->worker, error);
    job->labels = pw_alloc((uint64_t)n, sizeof *job->labels, error);
    if (job->worker == NULL || job->labels == NULL)
        return PW_E_NOMEM;
    for (int l = 0; l < n && job->counts_labels; l++)
        if (pw_distinct_init(&job->labels[l], counted_labels(job), error) != PW_OK)
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
    for (int l = 0; job->labels != NULL && l < job->output->levels.n; l++)
        pw_distinct_release(&job->labels[l]);
    free(job->labels);
    job->labels = NULL;
}
