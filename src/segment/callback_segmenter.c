/*
 * A caller's function or a plugin: dense voxels in, dense labels or runs out.  Voxels that
 * are not dense, or are wanted as float32, are copied first; labels become runs at once and are numbered in
 * raster order, whatever ids the function used.
 */
#include <string.h>

#include "base/error.h"
#include "label/components.h"
#include "label/float32.h"
#include "label/threshold.h"
#include "segment/run_taker.h"
#include "segment/segmenter.h"
#include "tile/volume.h"

/* Arena: dense labels unless runs come, then the larger of dense voxels (before) and the numbering's scratch (after). */
static uint64_t labels_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    if (segmenter->plugin.segment_runs != NULL)
        return 0;
    return (shape[0] * shape[1] * shape[2] * sizeof(uint32_t) + 63) / 64 * 64;
}

static uint64_t bits_bytes(const uint64_t shape[3])
{
    return (shape[0] * shape[1] * pw_bit_words(shape[2]) * sizeof(uint64_t) + 63) / 64 * 64;
}

static uint64_t callback_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    uint64_t voxels = shape[0] * shape[1] * shape[2] * pw_dtype_bytes(segmenter->voxel_dtype);
    voxels *= segmenter->volume->n_channels;
    uint64_t numbering = segmenter->gives_mask ? bits_bytes(shape) + pw_components_scratch_bytes(shape)
                                               : pw_runs_number_scratch_bytes(pw_runs_capacity(shape, 1));
    return labels_bytes(segmenter, shape) + (voxels > numbering ? voxels : numbering);
}

static void lock(struct pw_segmenter *segmenter)
{
    if (segmenter->serial)
        (void)pthread_mutex_lock(&segmenter->serial_lock);
}

static void unlock(struct pw_segmenter *segmenter)
{
    if (segmenter->serial)
        (void)pthread_mutex_unlock(&segmenter->serial_lock);
}

static enum pw_status callback_worker_init(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                           struct pw_error *error)
{
    char message[512] = "";
    struct pw_start start;
    worker->started = 1;
    if (!segmenter->has_plugin || segmenter->plugin.start == NULL)
        return PW_OK;
    pw_plugin_start_info(segmenter, &start, message, sizeof message);
    start.n_channels = segmenter->volume->n_channels;
    start.worker = worker->number;
    start.n_workers = segmenter->n_workers;
    memcpy(start.window, segmenter->window, sizeof start.window);
    start.statistics = segmenter->measured;
    lock(segmenter);
    int result = segmenter->plugin.start(&start, &worker->state);
    unlock(segmenter);
    if (result == 0)
        return PW_OK;
    message[sizeof message - 1] = '\0';
    worker->state = NULL;
    worker->started = 0;
    return pw_fail(error, PW_E_SEGMENTER, "--fn %s: does not start: %s", segmenter->text,
                   message[0] != '\0' ? message : "it gave no reason");
}

static void callback_worker_release(struct pw_segmenter *segmenter, struct pw_segment_worker *worker)
{
    if (worker->started && segmenter->has_plugin && segmenter->plugin.stop != NULL) {
        lock(segmenter);
        segmenter->plugin.stop(worker->state);
        unlock(segmenter);
    }
    worker->started = 0;
    worker->state = NULL;
}

static int is_dense(const struct pw_tile *tile, size_t bytes)
{
    return tile->stride_bytes[2] == bytes && tile->stride_bytes[1] == tile->shape[2] * bytes &&
           tile->stride_bytes[0] == tile->shape[1] * tile->stride_bytes[1] &&
           (tile->n_channels == 1 || tile->channel_stride_bytes == tile->shape[0] * tile->stride_bytes[0]);
}

/* A channel row by row into out, as float32 when it is that.  Returns what is behind it. */
static char *copy_channel(const struct pw_tile *tile, uint32_t channel, char *out, enum pw_dtype dtype,
                          const struct pw_float_scale *scale)
{
    const char *voxels = (const char *)tile->voxels + channel * tile->channel_stride_bytes;
    size_t bytes = pw_dtype_bytes(dtype);
    int converts = dtype != tile->dtype || scale != NULL;
    for (uint64_t z = 0; z < tile->shape[0]; z++)
        for (uint64_t y = 0; y < tile->shape[1]; y++) {
            const char *row = voxels + z * tile->stride_bytes[0] + y * tile->stride_bytes[1];
            if (converts)
                pw_float32_row(tile->dtype, row, tile->shape[2], scale, (float *)(void *)out);
            else
                memcpy(out, row, tile->shape[2] * bytes);
            out += tile->shape[2] * bytes;
        }
    return out;
}

/* Whether all channels are to be normalised, and the limits of each are known. */
static int is_to_be_normalized(const struct pw_segmenter *segmenter, const struct pw_tile *tile)
{
    if (segmenter->voxel_dtype != PW_F32 || !segmenter->normalizes || tile->statistics == NULL)
        return 0;
    for (uint32_t channel = 0; channel < tile->n_channels; channel++)
        if (!tile->statistics[channel]->has_limits)
            return 0;
    return 1;
}

/* The voxels as the function wants them: channels one behind the other, each normalised by its own limits. */
static void prepare(const struct pw_segmenter *segmenter, struct pw_tile *tile, char *out)
{
    enum pw_dtype dtype = segmenter->voxel_dtype;
    size_t bytes = pw_dtype_bytes(dtype);
    int normalizes = is_to_be_normalized(segmenter, tile);
    char *next = out;
    if (!normalizes && dtype == tile->dtype && is_dense(tile, bytes))
        return;
    for (uint32_t channel = 0; channel < tile->n_channels; channel++) {
        struct pw_float_scale scale = {0};
        if (normalizes)
            scale = (struct pw_float_scale){tile->statistics[channel]->low, tile->statistics[channel]->high};
        next = copy_channel(tile, channel, next, dtype, normalizes ? &scale : NULL);
    }
    tile->dtype = dtype;
    tile->voxels = out;
    tile->stride_bytes[2] = bytes;
    tile->stride_bytes[1] = (size_t)tile->shape[2] * bytes;
    tile->stride_bytes[0] = (size_t)tile->shape[1] * tile->stride_bytes[1];
    tile->channel_stride_bytes = (size_t)tile->shape[0] * tile->stride_bytes[0];
    tile->is_normalized = normalizes;
}

static int call_dense(struct pw_segmenter *segmenter, struct pw_segment_worker *worker, const struct pw_tile *tile,
                      uint32_t *labels)
{
    int result;
    memset(labels, 0, (size_t)(tile->shape[0] * tile->shape[1] * tile->shape[2]) * sizeof *labels);
    lock(segmenter);
    if (segmenter->has_plugin)
        result = segmenter->plugin.segment(tile, labels, worker->state);
    else
        result = segmenter->callback(tile, labels, segmenter->callback_user);
    unlock(segmenter);
    return result;
}

static int call_runs(struct pw_segmenter *segmenter, struct pw_segment_worker *worker, const struct pw_tile *tile,
                     struct pw_runs *runs)
{
    struct pw_run_taker taker;
    pw_run_taker_begin(&taker, runs, tile);
    lock(segmenter);
    int result = segmenter->plugin.segment_runs(tile, &taker.writer, worker->state);
    unlock(segmenter);
    return pw_run_taker_end(&taker) != 0 ? 1 : result;
}

/* The components of what is not 0; they come numbered. */
static void label_mask(const struct pw_segmenter *segmenter, const uint32_t *mask, const uint64_t shape[3], char *rest,
                       struct pw_runs *runs)
{
    struct pw_threshold above;
    pw_threshold_init(&above, PW_U32, 0);
    pw_threshold_rows(&above, mask, (size_t)shape[2] * sizeof *mask, shape[0] * shape[1], shape[2],
                      (uint64_t *)(void *)rest);
    pw_components_of_bits((const uint64_t *)(void *)rest, shape, segmenter->connectivity, rest + bits_bytes(shape),
                          runs);
}

static enum pw_status failed(const struct pw_segmenter *segmenter, const struct pw_tile *tile, int result,
                             struct pw_error *error)
{
    if (tile->cancelled != NULL && tile->cancelled(tile))
        return pw_fail(error, PW_E_CANCELLED, "stopped");
    tile->message[tile->message_bytes - 1] = '\0';
    return pw_fail(error, PW_E_SEGMENTER, "--fn %s: tile %llu at (%llu, %llu, %llu): failed with %d: %s",
                   segmenter->text, (unsigned long long)tile->index, (unsigned long long)tile->origin[0],
                   (unsigned long long)tile->origin[1], (unsigned long long)tile->origin[2], result,
                   tile->message[0] != '\0' ? tile->message : "it gave no reason");
}

static enum pw_status callback_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                       const struct pw_tile *given, struct pw_runs *runs, struct pw_error *error)
{
    char message[512] = "";
    struct pw_tile tile = *given;
    uint32_t *labels = worker->arena.data;
    char *rest = (char *)worker->arena.data + labels_bytes(segmenter, tile.shape);
    int gives_runs = segmenter->plugin.segment_runs != NULL;
    prepare(segmenter, &tile, rest);
    tile.message = message;
    tile.message_bytes = sizeof message;
    int result = gives_runs ? call_runs(segmenter, worker, &tile, runs) : call_dense(segmenter, worker, &tile, labels);
    if (result != 0)
        return failed(segmenter, &tile, result, error);
    if (segmenter->gives_mask) {
        label_mask(segmenter, labels, tile.shape, rest, runs);
        return PW_OK;
    }
    if (!gives_runs)
        pw_runs_from_dense(labels, tile.shape, runs);
    pw_runs_number(runs, rest);
    return PW_OK;
}

const struct pw_segment_ops pw_callback_segment_ops = {
    .arena_bytes = callback_arena_bytes,
    .worker_init = callback_worker_init,
    .worker_release = callback_worker_release,
    .segment = callback_segment,
};
