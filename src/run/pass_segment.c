/*
 * Pass 1.  A worker turns a tile's voxels into runs and those into a record, in the
 * slot's own memory; the committer appends the record to the stage and compares its
 * strips with those of the neighbours that are there.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "label/runs.h"
#include "merge/seams.h"
#include "merge/tile_record.h"
#include "run/job.h"
#include "run/pipeline.h"
#include "store/source.h"

/* One worker's own. */
struct worker {
    struct pw_segment_worker segment;
    struct pw_buffer memory;
    struct pw_runs window; /* labels of the window */
    struct pw_runs core;   /* labels of the core, when there is a halo */
    void *scratch;         /* of pw_runs_number(), then of pw_record_encode() */
    uint64_t *value;       /* of each run of the core, when labels have values; else NULL */
};

struct pass {
    struct pw_job *job;
    struct worker *worker;
    struct pw_seams seams;
    struct pw_run_result *result; /* the committer's */
};

static int has_halo(const struct pw_grid *grid)
{
    return grid->halo[0] != 0 || grid->halo[1] != 0 || grid->halo[2] != 0;
}

static uint64_t runs_bytes(const uint64_t shape[3], int labels_may_touch)
{
    return pw_runs_capacity(shape, labels_may_touch) * (sizeof(struct pw_run) + sizeof(uint32_t)) +
           (shape[0] * shape[1] + 2) * sizeof(uint64_t);
}

/* Labels are numbered anew when there is a halo; then those of the core are counted. */
static uint64_t scratch_bytes(const struct pw_segmenter *segmenter, const struct pw_grid *grid)
{
    uint64_t runs = pw_runs_capacity(grid->tile, segmenter->labels_may_touch);
    uint64_t numbering = has_halo(grid) ? pw_runs_number_scratch_bytes(runs) : 0;
    return pw_ceil_div(pw_max_u64(numbering, pw_record_scratch_bytes(runs)), 64) * 64;
}

static uint64_t worker_runs_bytes(const struct pw_segmenter *segmenter, const struct pw_grid *grid)
{
    uint64_t window[3], bytes;
    pw_grid_window_max(grid, window);
    bytes = runs_bytes(window, segmenter->labels_may_touch) + 64 + scratch_bytes(segmenter, grid);
    if (has_halo(grid))
        bytes += runs_bytes(grid->tile, segmenter->labels_may_touch) + 64;
    if (segmenter->joins_equal_only)
        bytes += pw_runs_capacity(grid->tile, segmenter->labels_may_touch) * sizeof(uint64_t);
    return bytes;
}

uint64_t pw_segment_worker_bytes(const struct pw_segmenter *segmenter, const struct pw_grid *grid)
{
    uint64_t window[3];
    pw_grid_window_max(grid, window);
    return pw_segmenter_memory_bytes(segmenter, window) + worker_runs_bytes(segmenter, grid);
}

static unsigned char *lay_out(struct pw_runs *runs, const uint64_t shape[3], int labels_may_touch, unsigned char *at)
{
    runs->capacity = pw_runs_capacity(shape, labels_may_touch);
    runs->row = (void *)at;
    at += (shape[0] * shape[1] + 2) * sizeof(uint64_t);
    runs->run = (void *)at;
    at += runs->capacity * sizeof(struct pw_run);
    runs->label = (void *)at;
    at += runs->capacity * sizeof(uint32_t);
    return at + (64 - (uintptr_t)at % 64) % 64;
}

static enum pw_status worker_init(struct worker *worker, struct pw_job *job, struct pw_error *error)
{
    struct pw_segmenter *segmenter = &job->segmenter;
    uint64_t window[3];
    pw_grid_window_max(&job->grid, window);
    enum pw_status status =
        pw_buffer_init(&worker->memory, worker_runs_bytes(segmenter, &job->grid), "label runs", error);
    if (status == PW_OK)
        status = pw_buffer_init(&worker->segment.arena, segmenter->ops->arena_bytes(segmenter, window),
                                "segmenter arena", error);
    if (status != PW_OK)
        return status;
    unsigned char *at = lay_out(&worker->window, window, segmenter->labels_may_touch, worker->memory.data);
    if (has_halo(&job->grid))
        at = lay_out(&worker->core, job->grid.tile, segmenter->labels_may_touch, at);
    worker->scratch = at;
    at += scratch_bytes(segmenter, &job->grid);
    if (segmenter->joins_equal_only)
        worker->value = (void *)at;
    return segmenter->ops->worker_init != NULL ? segmenter->ops->worker_init(segmenter, &worker->segment, error)
                                               : PW_OK;
}

static void worker_release(struct worker *worker, struct pw_job *job)
{
    if (worker->segment.arena.data != NULL && job->segmenter.ops->worker_release != NULL)
        job->segmenter.ops->worker_release(&job->segmenter, &worker->segment);
    pw_buffer_release(&worker->segment.arena);
    pw_buffer_release(&worker->memory);
}

/* ---- one tile ---------------------------------------------------------- */

static void describe_tile(const struct pw_job *job, const struct pw_slot *slot, const struct pw_box *core,
                          struct pw_tile *tile)
{
    memset(tile, 0, sizeof *tile);
    tile->struct_size = sizeof *tile;
    tile->index = slot->tile;
    tile->dtype = job->source->info.dtype;
    tile->voxels = slot->voxels;
    tile->unit = job->volume.space[2].unit;
    for (int i = 0; i < 3; i++) {
        tile->origin[i] = slot->window.start[i];
        tile->shape[i] = slot->window.shape[i];
        tile->core_start[i] = core->start[i] - slot->window.start[i];
        tile->core_shape[i] = core->shape[i];
        tile->stride_bytes[i] = slot->stride_bytes[i];
        tile->voxel_size[i] = job->volume.space[i].scale;
        tile->volume_shape[i] = job->grid.volume[i];
    }
}

/* A tile whose every voxel is the fill value is empty for segmenters that can tell; for others it is filled in. */
static int is_known_empty(const struct pw_job *job, struct pw_slot *slot)
{
    const struct pw_segment_ops *ops = job->segmenter.ops;
    if (!slot->constant)
        return 0;
    if (ops->constant_is_empty != NULL && ops->constant_is_empty(&job->segmenter, job->source->fill))
        return 1;
    size_t bytes = job->volume.voxel_bytes;
    pw_source_fill(job->source, slot->dense, pw_box_voxels(&slot->window));
    slot->voxels = slot->dense;
    slot->stride_bytes[2] = bytes;
    slot->stride_bytes[1] = (size_t)slot->window.shape[2] * bytes;
    slot->stride_bytes[0] = (size_t)slot->window.shape[1] * slot->stride_bytes[1];
    return 0;
}

static void no_runs(struct pw_runs *runs, const uint64_t shape[3])
{
    memcpy(runs->shape, shape, sizeof runs->shape);
    memset(runs->row, 0, (size_t)(shape[0] * shape[1] + 1) * sizeof *runs->row);
    runs->n_runs = 0;
    runs->n_labels = 0;
}

static uint64_t voxel_bits(const struct pw_tile *tile, uint64_t z, uint64_t y, uint64_t x)
{
    uint64_t bits = 0;
    memcpy(&bits,
           (const char *)tile->voxels + z * tile->stride_bytes[0] + y * tile->stride_bytes[1] +
               x * tile->stride_bytes[2],
           pw_dtype_bytes(tile->dtype));
    return bits;
}

/* The value of each run of the core: that of its first voxel, as all its voxels are equal. */
static void take_values(const struct pw_tile *tile, const struct pw_runs *core, uint64_t *value)
{
    for (uint64_t r = 0; r < core->shape[0] * core->shape[1]; r++)
        for (uint64_t i = core->row[r]; i < core->row[r + 1]; i++)
            value[i] = voxel_bits(tile, tile->core_start[0] + r / core->shape[1],
                                  tile->core_start[1] + r % core->shape[1], tile->core_start[2] + core->run[i].start);
}

static enum pw_status work(void *context, unsigned number, struct pw_slot *slot, struct pw_error *error)
{
    struct pass *pass = context;
    struct pw_job *job = pass->job;
    struct worker *worker = &pass->worker[number];
    struct pw_box core = pw_grid_core(&job->grid, slot->tile);
    struct pw_runs *result = &worker->window;
    struct pw_tile tile;
    int has_neighbour[PW_FACES];
    if (is_known_empty(job, slot)) {
        no_runs(&worker->window, core.shape);
    } else {
        describe_tile(job, slot, &core, &tile);
        enum pw_status status =
            job->segmenter.ops->segment(&job->segmenter, &worker->segment, &tile, &worker->window, error);
        if (status != PW_OK)
            return status;
        if (!pw_box_equal(&core, &slot->window)) {
            pw_runs_crop(&worker->window, tile.core_start, core.shape, &worker->core);
            pw_runs_number(&worker->core, worker->scratch);
            result = &worker->core;
        }
        if (worker->value != NULL)
            take_values(&tile, result, worker->value);
    }
    result->value = worker->value;
    pw_seams_faces(&job->grid, slot->tile, has_neighbour);
    slot->record_bytes = pw_record_encode(slot->tile, result, has_neighbour, worker->scratch, slot->memory.data);
    return PW_OK;
}

static enum pw_status commit(void *context, struct pw_slot *slot, struct pw_error *error)
{
    struct pass *pass = context;
    struct pw_record_header header;
    enum pw_status status = pw_stage_append(&pass->job->stage, slot->memory.data, error);
    if (status == PW_OK)
        status = pw_seams_match(&pass->seams, slot->memory.data, error);
    if (status == PW_OK)
        status = pw_record_header_read(slot->memory.data, &header, error);
    if (status != PW_OK)
        return status;
    pass->result->foreground_voxels += header.n_voxels;
    pass->result->n_tile_labels += header.n_labels;
    pass->result->n_empty_tiles += header.n_labels == 0;
    return PW_OK;
}

static enum pw_status init(struct pass *pass, struct pw_error *error)
{
    struct pw_job *job = pass->job;
    enum pw_status status = pw_stage_open(&job->stage, job->scratch_dir, job->grid.n_tiles, error);
    if (status == PW_OK)
        status = pw_edge_file_open(&job->edges, job->scratch_dir, error);
    if (status == PW_OK)
        status = pw_seams_init(&pass->seams, &job->grid, &job->stage, &job->edges, job->sizes.connectivity, error);
    if (status != PW_OK)
        return status;
    pass->worker = pw_alloc(job->sizes.threads, sizeof *pass->worker, error);
    if (pass->worker == NULL)
        return PW_E_NOMEM;
    for (unsigned i = 0; i < job->sizes.threads && status == PW_OK; i++)
        status = worker_init(&pass->worker[i], job, error);
    return status;
}

enum pw_status pw_pass_segment(struct pw_job *job, struct pw_run_result *result, struct pw_error *error)
{
    struct pass pass = {.job = job, .result = result};
    struct pw_pipeline pipeline = {
        .volume = &job->volume,
        .grid = &job->grid,
        .load = job->sizes.load,
        .depth = job->sizes.depth,
        .threads = job->sizes.threads,
        .least_slot_bytes = job->sizes.least_slot_bytes,
        .work = work,
        .commit = commit,
        .context = &pass,
    };
    struct pw_watch watch = {job->options->progress, job->options->progress_user, PW_PASS_SEGMENT, job->grid.n_tiles};
    uint64_t stored_read = 0;
    enum pw_status status = init(&pass, error);
    if (status == PW_OK)
        status = pw_pipeline_run(&pipeline, &watch, &stored_read, error);
    if (status == PW_OK)
        status = pw_edge_file_flush(&job->edges, error);
    result->bytes_read += stored_read;
    for (unsigned i = 0; pass.worker != NULL && i < job->sizes.threads; i++)
        worker_release(&pass.worker[i], job);
    free(pass.worker);
    pw_seams_release(&pass.seams);
    return status;
}
