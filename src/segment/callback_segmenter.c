/*
 * A caller's function or a plugin: dense voxels in, dense labels out.  Voxels that
 * are not dense are copied first; labels become runs at once and are numbered in
 * raster order, whatever ids the function used.
 */
#include <string.h>

#include "base/error.h"
#include "segment/segmenter.h"

/* Arena: dense labels, then the larger of dense voxels (before) and the numbering's scratch (after). */
static uint64_t labels_bytes(const uint64_t shape[3])
{
    return (shape[0] * shape[1] * shape[2] * sizeof(uint32_t) + 63) / 64 * 64;
}

static uint64_t callback_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    uint64_t voxels = shape[0] * shape[1] * shape[2] * pw_dtype_bytes(segmenter->dtype);
    uint64_t numbering = pw_runs_number_scratch_bytes(pw_runs_capacity(shape, 1));
    return labels_bytes(shape) + (voxels > numbering ? voxels : numbering);
}

static enum pw_status callback_worker_init(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                           struct pw_error *error)
{
    char message[512] = "";
    const struct pw_plugin *plugin = segmenter->plugin;
    worker->started = 1;
    if (plugin == NULL || plugin->start == NULL)
        return PW_OK;
    if (plugin->start(segmenter->plugin_options, &worker->state, message, sizeof message) != 0) {
        message[sizeof message - 1] = '\0';
        worker->state = NULL;
        worker->started = 0;
        return pw_fail(error, PW_E_SEGMENTER, "--fn %s: does not start: %s", segmenter->text,
                       message[0] != '\0' ? message : "it gave no reason");
    }
    return PW_OK;
}

static void callback_worker_release(struct pw_segmenter *segmenter, struct pw_segment_worker *worker)
{
    if (worker->started && segmenter->plugin != NULL && segmenter->plugin->stop != NULL)
        segmenter->plugin->stop(worker->state);
    worker->started = 0;
    worker->state = NULL;
}

static int is_dense(const struct pw_tile *tile, size_t bytes)
{
    return tile->stride_bytes[2] == bytes && tile->stride_bytes[1] == tile->shape[2] * bytes &&
           tile->stride_bytes[0] == tile->shape[1] * tile->stride_bytes[1];
}

static void make_dense(struct pw_tile *tile, char *out, size_t bytes)
{
    char *next = out;
    for (uint64_t z = 0; z < tile->shape[0]; z++)
        for (uint64_t y = 0; y < tile->shape[1]; y++) {
            memcpy(next, (const char *)tile->voxels + z * tile->stride_bytes[0] + y * tile->stride_bytes[1],
                   tile->shape[2] * bytes);
            next += tile->shape[2] * bytes;
        }
    tile->voxels = out;
    tile->stride_bytes[2] = bytes;
    tile->stride_bytes[1] = (size_t)tile->shape[2] * bytes;
    tile->stride_bytes[0] = (size_t)tile->shape[1] * tile->stride_bytes[1];
}

static int call(struct pw_segmenter *segmenter, struct pw_segment_worker *worker, const struct pw_tile *tile,
                uint32_t *labels)
{
    int result;
    if (segmenter->serial)
        (void)pthread_mutex_lock(&segmenter->serial_lock);
    if (segmenter->plugin != NULL)
        result = segmenter->plugin->segment(tile, labels, worker->state);
    else
        result = segmenter->callback(tile, labels, segmenter->callback_user);
    if (segmenter->serial)
        (void)pthread_mutex_unlock(&segmenter->serial_lock);
    return result;
}

static enum pw_status callback_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                       const struct pw_tile *given, struct pw_runs *runs, struct pw_error *error)
{
    char message[512] = "";
    struct pw_tile tile = *given;
    uint32_t *labels = worker->arena.data;
    char *rest = (char *)worker->arena.data + labels_bytes(tile.shape);
    size_t bytes = pw_dtype_bytes(tile.dtype);
    if (!is_dense(&tile, bytes))
        make_dense(&tile, rest, bytes);
    tile.message = message;
    tile.message_bytes = sizeof message;
    memset(labels, 0, (size_t)(tile.shape[0] * tile.shape[1] * tile.shape[2]) * sizeof *labels);
    int result = call(segmenter, worker, &tile, labels);
    if (result != 0) {
        message[sizeof message - 1] = '\0';
        return pw_fail(error, PW_E_SEGMENTER, "--fn %s: tile %llu at (%llu, %llu, %llu): failed with %d: %s",
                       segmenter->text, (unsigned long long)tile.index, (unsigned long long)tile.origin[0],
                       (unsigned long long)tile.origin[1], (unsigned long long)tile.origin[2], result,
                       message[0] != '\0' ? message : "it gave no reason");
    }
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
