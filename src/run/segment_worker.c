/*
 * Pass 1, a worker's part: the voxels of a tile become runs, and those the tile's record, in the slot's own memory.
 */
#include "run/segment_worker.h"

#include <stdatomic.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "label/clip_runs.h"
#include "merge/seams.h"
#include "run/kept_maxima.h"
#include "segment/limits.h"
#include "run/skip_empty.h"
#include "store/source.h"

/* ---- memory ------------------------------------------------------------ */

static int is_zero(const uint64_t extent[3])
{
    return extent[0] == 0 && extent[1] == 0 && extent[2] == 0;
}

/* What of the window is kept is cut out of it, unless it is all. */
static int cuts_box(const struct pw_job *job)
{
    return !is_zero(job->grid.halo) && (!job->sizes.keeps_rims || !is_zero(job->sizes.rule.context));
}

/* Faces, strips and values are those of the core, which is cut out of what is kept. */
static int cuts_core(const struct pw_job *job)
{
    return !is_zero(job->grid.halo) && job->sizes.keeps_rims;
}

static uint64_t runs_bytes(const uint64_t shape[3], int labels_may_touch)
{
    return pw_runs_capacity(shape, labels_may_touch) * (sizeof(struct pw_run) + sizeof(uint32_t)) +
           (shape[0] * shape[1] + 2) * sizeof(uint64_t) + 64;
}

/* Labels are numbered anew when the box is cut out of the window; then those of the core are counted. */
static uint64_t scratch_bytes(const struct pw_job *job, const uint64_t box[3])
{
    uint64_t runs = pw_runs_capacity(box, job->segmenter.labels_may_touch);
    uint64_t numbering = cuts_box(job) ? pw_max_u64(pw_runs_number_scratch_bytes(runs), runs * sizeof(uint32_t)) : 0;
    return pw_padded(pw_max_u64(numbering, pw_record_scratch_bytes(runs)));
}

static uint64_t memory_bytes(const struct pw_job *job)
{
    int may_touch = job->segmenter.labels_may_touch;
    uint64_t window[3], bytes;
    struct pw_record_limits limits;
    pw_grid_window_max(&job->grid, window);
    pw_job_record_limits(job, &limits);
    bytes = runs_bytes(window, may_touch) + scratch_bytes(job, limits.shape);
    if (cuts_box(job))
        bytes += runs_bytes(limits.shape, may_touch);
    if (cuts_core(job))
        bytes += runs_bytes(job->grid.tile, may_touch);
    if (job->segmenter.joins_equal_only)
        bytes += pw_runs_capacity(job->grid.tile, may_touch) * sizeof(uint64_t);
    return bytes;
}

/* Scratch for the limits of a tile, then what it is told of each channel. */
static uint64_t limits_bytes(const struct pw_job *job)
{
    uint64_t channels = job->volume.n_channels;
    uint64_t scratch = pw_limits_scratch_bytes(&job->segmenter.normalize);
    return scratch == 0 ? 0 : scratch + channels * (sizeof(struct pw_statistics) + sizeof(struct pw_statistics *));
}

uint64_t pw_segment_worker_bytes(const struct pw_job *job)
{
    uint64_t window[3];
    pw_grid_window_max(&job->grid, window);
    return pw_segmenter_memory_bytes(&job->segmenter, window) + memory_bytes(job) + limits_bytes(job);
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

enum pw_status pw_segment_worker_init(struct pw_tile_worker *worker, struct pw_job *job, struct pw_error *error)
{
    struct pw_segmenter *segmenter = &job->segmenter;
    int may_touch = segmenter->labels_may_touch;
    uint64_t window[3];
    struct pw_record_limits limits;
    memset(worker, 0, sizeof *worker);
    worker->job = job;
    pw_grid_window_max(&job->grid, window);
    pw_job_record_limits(job, &limits);
    enum pw_status status = pw_buffer_init(&worker->memory, memory_bytes(job), "label runs", error);
    if (status == PW_OK)
        status = pw_buffer_init(&worker->segment.arena, segmenter->ops->arena_bytes(segmenter, window),
                                "segmenter arena", error);
    if (status == PW_OK && limits_bytes(job) > 0)
        status = pw_buffer_init(&worker->limits, limits_bytes(job), "tile statistics", error);
    if (status == PW_OK)
        status = pw_tile_mask_init(&worker->mask, job, error);
    if (status == PW_OK)
        status = pw_tile_objects_init(&worker->objects, job, error);
    if (status != PW_OK)
        return status;
    if (worker->limits.data != NULL) {
        worker->statistics = (void *)((char *)worker->limits.data + pw_limits_scratch_bytes(&job->segmenter.normalize));
        worker->measured = (void *)(worker->statistics + job->volume.n_channels);
    }
    unsigned char *at = lay_out(&worker->window, window, may_touch, worker->memory.data);
    if (cuts_box(job))
        at = lay_out(&worker->box, limits.shape, may_touch, at);
    if (cuts_core(job))
        at = lay_out(&worker->core, job->grid.tile, may_touch, at);
    worker->scratch = at;
    at += scratch_bytes(job, limits.shape);
    if (segmenter->joins_equal_only)
        worker->value = (void *)at;
    return PW_OK;
}

enum pw_status pw_segment_worker_start(struct pw_tile_worker *worker, unsigned number, struct pw_error *error)
{
    struct pw_segmenter *segmenter = &worker->job->segmenter;
    worker->segment.number = number;
    return segmenter->ops->worker_init != NULL ? segmenter->ops->worker_init(segmenter, &worker->segment, error)
                                               : PW_OK;
}

void pw_segment_worker_stop(struct pw_tile_worker *worker)
{
    struct pw_segmenter *segmenter = &worker->job->segmenter;
    if (segmenter->ops->worker_release != NULL)
        segmenter->ops->worker_release(segmenter, &worker->segment);
}

void pw_segment_worker_release(struct pw_tile_worker *worker)
{
    if (worker->job == NULL)
        return;
    pw_tile_objects_release(&worker->objects);
    pw_tile_mask_release(&worker->mask);
    pw_buffer_release(&worker->limits);
    pw_buffer_release(&worker->segment.arena);
    pw_buffer_release(&worker->memory);
}

/* ---- one tile ---------------------------------------------------------- */

static int is_cancelled(const struct pw_tile *tile)
{
    const struct pw_source *source = tile->host;
    return source->cancel != NULL && atomic_load(source->cancel) != 0;
}

static void describe_tile(const struct pw_tile_worker *worker, const struct pw_slot *slot, const struct pw_box *core,
                          struct pw_tile *tile)
{
    const struct pw_job *job = worker->job;
    memset(tile, 0, sizeof *tile);
    tile->struct_size = sizeof *tile;
    tile->index = slot->tile;
    tile->dtype = job->source->info.dtype;
    tile->voxels = slot->voxels;
    tile->unit = job->volume.space[2].unit;
    for (int i = 0; i < 3; i++) {
        tile->origin[i] = i == 0 ? pw_grid_z(&job->grid, slot->window.start[0]) : slot->window.start[i];
        tile->shape[i] = slot->window.shape[i];
        tile->core_start[i] = core->start[i] - slot->window.start[i];
        tile->core_shape[i] = core->shape[i];
        tile->stride_bytes[i] = slot->stride_bytes[i];
        tile->voxel_size[i] = job->volume.space[i].scale;
        tile->volume_shape[i] = job->grid.volume[i];
    }
    tile->rank = job->volume.rank;
    tile->level = job->source->info.level;
    tile->time = job->volume.first_time + pw_grid_time(&job->grid, slot->tile);
    tile->n_channels = job->volume.n_channels;
    tile->channel = job->volume.channel;
    tile->channel_stride_bytes = slot->channel_stride_bytes;
    tile->statistics = job->segmenter.measured;
    tile->cancelled = is_cancelled;
    tile->host = job->source;
}

/* With --normalize tile: the limits of this window take the place of the image's. */
static void find_limits(struct pw_tile_worker *worker, struct pw_tile *tile)
{
    const struct pw_segmenter *segmenter = &worker->job->segmenter;
    if (!segmenter->normalize.per_tile)
        return;
    for (uint32_t c = 0; c < tile->n_channels; c++) {
        struct pw_tile one = *tile;
        one.voxels = (const char *)tile->voxels + c * tile->channel_stride_bytes;
        pw_limits_of_tile(&segmenter->normalize, &one, tile->statistics != NULL ? tile->statistics[c] : NULL,
                          worker->limits.data, &worker->statistics[c]);
        worker->measured[c] = &worker->statistics[c];
    }
    tile->statistics = worker->measured;
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
    pw_source_fill(job->source, slot->dense, pw_box_voxels(&slot->window) * job->volume.n_channels);
    slot->voxels = slot->dense;
    slot->stride_bytes[2] = bytes;
    slot->stride_bytes[1] = (size_t)slot->window.shape[2] * bytes;
    slot->stride_bytes[0] = (size_t)slot->window.shape[1] * slot->stride_bytes[1];
    return 0;
}

size_t pw_job_encode_empty(const struct pw_job *job, uint64_t tile, unsigned flags, unsigned char *out)
{
    struct pw_box core = pw_grid_core(&job->grid, tile), box = pw_job_kept_box(job, tile);
    uint64_t rim[3];
    for (int i = 0; i < 3; i++)
        rim[i] = core.start[i] - box.start[i];
    return pw_record_encode_empty(tile, box.shape, rim, flags, out);
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

/* The runs of window in the box, with labels as they are. */
static struct pw_runs *cut(const struct pw_runs *whole, const struct pw_box *whole_box, const struct pw_box *box,
                           struct pw_runs *out)
{
    uint64_t start[3];
    for (int i = 0; i < 3; i++)
        start[i] = box->start[i] - whole_box->start[i];
    pw_runs_crop(whole, start, box->shape, out);
    out->n_labels = whole->n_labels;
    return out;
}

/*
 * New numbers for what is left of labels.  Components that were connected through the rim alone become two: near the end of
 * the window a filter lacks its surroundings, and what it bridges there may be no bridge.  A true one joins them again
 * across the seam, where tiles are joined by touch; the other rules, and a stage that is kept for them, take labels as
 * they are in the window.
 */
static void number_rest(const struct pw_tile_worker *worker, struct pw_runs *runs)
{
    const struct pw_segmenter *segmenter = &worker->job->segmenter;
    int by_touch = worker->job->sizes.rule.merge == PW_MERGE_TOUCH && !worker->job->sizes.keeps_rims;
    if (!segmenter->components || segmenter->labels_core_only || !by_touch)
        pw_runs_number(runs, worker->scratch);
    else
        pw_runs_split(runs, segmenter->connectivity > 0 ? segmenter->connectivity : segmenter->rank, worker->scratch);
}

enum pw_status pw_segment_tile(struct pw_tile_worker *worker, struct pw_slot *slot, struct pw_error *error)
{
    struct pw_job *job = worker->job;
    struct pw_box core_box = pw_grid_core(&job->grid, slot->tile), box = pw_job_kept_box(job, slot->tile);
    struct pw_runs *runs = &worker->window, *core = runs;
    struct pw_tile tile;
    int has_neighbour[PW_FACES];
    uint64_t rim[3];
    for (int i = 0; i < 3; i++)
        rim[i] = core_box.start[i] - box.start[i];
    pw_maxima_add_core(job, slot, &core_box);
    if (pw_skip_is_empty(job, slot)) {
        slot->record_bytes = pw_job_encode_empty(job, slot->tile, PW_RECORD_BELOW, slot->memory.data);
        return PW_OK;
    }
    if (is_known_empty(job, slot)) {
        no_runs(runs, box.shape);
    } else {
        describe_tile(worker, slot, &core_box, &tile);
        find_limits(worker, &tile);
        enum pw_status status = job->segmenter.ops->segment(&job->segmenter, &worker->segment, &tile, runs, error);
        if (status == PW_OK && worker->segment.gave_up) {
            slot->record_bytes = pw_job_encode_empty(job, slot->tile, PW_RECORD_FAILED, slot->memory.data);
            return PW_OK;
        }
        if (status == PW_OK)
            status = pw_tile_mask_apply(&worker->mask, &slot->window, &runs, error);
        if (status != PW_OK)
            return status;
        if (!pw_box_equal(&box, &slot->window)) {
            runs = cut(runs, &slot->window, &box, &worker->box);
            number_rest(worker, runs);
        }
        core = pw_box_equal(&core_box, &box) ? runs : cut(runs, &box, &core_box, &worker->core);
        if (worker->value != NULL)
            take_values(&tile, core, worker->value);
        status = pw_tile_objects_add(&worker->objects, core, &tile, error);
        if (status != PW_OK)
            return status;
    }
    core->value = worker->value;
    pw_seams_faces(&job->grid, slot->tile, has_neighbour);
    slot->record_bytes =
        pw_record_encode(slot->tile, runs, core, rim, has_neighbour, worker->scratch, slot->memory.data);
    return PW_OK;
}
