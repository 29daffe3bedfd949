/* Opening a segmenter of worker processes, and its memory; process_pool has the processes, process_tile a tile's way. */
#include "segment/process_segmenter.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "label/convert.h"
#include "segment/process_labels.h"
#include "segment/process_tile.h"
#include "tile/volume.h"

/* Bytes of one label of frames, whose type is not known before. */
#define NPY_LABEL_BYTES ((uint64_t)8)

/* ---- opening ----------------------------------------------------------- */

void pw_process_segmenter_close(struct pw_segmenter *segmenter)
{
    pw_pool_close(segmenter->workers);
    segmenter->workers = NULL;
}

static enum pw_status check_hello(const struct pw_process_pool *pool, struct pw_error *error)
{
    const struct pw_hello *hello = &pool->hello;
    const struct pw_segment_image *image = &pool->image;
    if (hello->in_dtype != PW_DTYPE_NONE && !pw_convert_is_safe(image->dtype, hello->in_dtype))
        return pw_fail(error, PW_E_UNSUPPORTED, "--fn %s: takes voxels of %s, and these are %s", pool->function,
                       pw_dtype_name(hello->in_dtype), pw_dtype_name(image->dtype));
    if (hello->connectivity > image->rank)
        return pw_fail(error, PW_E_SEGMENTER, "--fn %s: has connectivity %d, in an image of %d dimensions",
                       pool->function, hello->connectivity, image->rank);
    return PW_OK;
}

static void take_hello(struct pw_segmenter *segmenter, const struct pw_hello *hello)
{
    if (hello->name[0] != '\0')
        pw_plain_name(hello->name, segmenter->name, sizeof segmenter->name);
    segmenter->components = hello->components;
    segmenter->channels = hello->channels == PW_WORKER_CHANNELS_ALL ? PW_CHANNELS_ALL : (uint32_t)hello->channels;
    segmenter->connectivity = hello->connectivity;
    memcpy(segmenter->halo, hello->halo, sizeof segmenter->halo);
    if (segmenter->rank == 2)
        segmenter->halo[0] = 0;
    memcpy(segmenter->window_most, hello->max_tile, sizeof segmenter->window_most);
    memcpy(segmenter->window_unit, hello->multiple_of, sizeof segmenter->window_unit);
    if (!hello->has_percentiles)
        return;
    segmenter->wants_statistics |= PW_STATISTIC_RANGE;
    segmenter->n_percentiles = (uint32_t)hello->n_percentiles;
    memcpy(segmenter->percent, hello->percentile, sizeof hello->percentile[0] * (size_t)hello->n_percentiles);
}

static void describe_image(const struct pw_segmenter *segmenter, struct pw_segment_image *image)
{
    const struct pw_volume *volume = segmenter->volume;
    memset(image, 0, sizeof *image);
    image->source = volume->source;
    image->rank = segmenter->rank;
    image->dtype = segmenter->dtype;
    image->channels = volume->image_channels;
    image->unit = volume->space[2].unit;
    for (int i = 0; i < 3; i++) {
        image->shape[i] = volume->shape[i];
        image->voxel[i] = volume->space[i].scale;
    }
}

static enum pw_status start(struct pw_segmenter *segmenter, int names_several, struct pw_error *error)
{
    struct pw_process_pool *pool = segmenter->workers;
    struct pw_segment_image image;
    describe_image(segmenter, &image);
    enum pw_status status = pw_pool_start(pool, &image, error);
    pool->in_dtype = pool->hello.in_dtype != PW_DTYPE_NONE ? pool->hello.in_dtype : segmenter->dtype;
    if (status == PW_OK)
        status = check_hello(pool, error);
    if (status == PW_OK)
        take_hello(segmenter, &pool->hello);
    if (status == PW_OK && pool->is_npy && names_several) /* it cannot say that it takes them */
        segmenter->channels = PW_CHANNELS_ALL;
    return status;
}

enum pw_status pw_process_segmenter_open(struct pw_segmenter *segmenter, const struct pw_run_options *options,
                                         struct pw_error *error)
{
    enum pw_status status = pw_pool_open(&segmenter->workers, options->segmenter, options, error);
    if (status != PW_OK)
        return status;
    if (options->worker_npy && segmenter->normalize.kind != PW_NORMALIZE_NONE)
        return pw_fail(error, PW_E_ARGUMENT, "--normalize %s: frames of npy carry voxels as they are, and no limits",
                       options->normalize);
    segmenter->ops = &pw_process_segment_ops;
    segmenter->labels_may_touch = 1;
    (void)snprintf(segmenter->name, sizeof segmenter->name, "%s", segmenter->workers->command.name);
    pw_shorten(segmenter->text, sizeof segmenter->text, options->segmenter);
    return start(segmenter, options->channels != NULL, error);
}

unsigned pw_process_segmenter_tiles(const struct pw_segmenter *segmenter)
{
    return segmenter->workers != NULL ? segmenter->workers->n * segmenter->workers->hello.inflight : 0;
}

uint64_t pw_process_segmenter_restarts(const struct pw_segmenter *segmenter)
{
    return segmenter->workers != NULL ? atomic_load(&segmenter->workers->n_restarts) : 0;
}

/* ---- memory ------------------------------------------------------------ */

static uint64_t voxels_of(const uint64_t shape[3])
{
    return shape[0] * shape[1] * shape[2];
}

static uint64_t in_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    return voxels_of(shape) * segmenter->volume->n_channels * pw_dtype_bytes(segmenter->workers->in_dtype);
}

static uint64_t out_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    const struct pw_process_pool *pool = segmenter->workers;
    return voxels_of(shape) * (pool->is_npy ? NPY_LABEL_BYTES : pw_dtype_bytes(pool->hello.out_dtype));
}

static uint64_t process_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    uint64_t bytes = sizeof(struct pw_desk) + pw_process_labels_bytes(shape);
    if (segmenter->workers->is_npy)
        bytes += pw_pool_slot_bytes(in_bytes(segmenter, shape), out_bytes(segmenter, shape)) + 4096;
    return bytes;
}

static uint64_t process_shared_bytes(const struct pw_segmenter *segmenter, unsigned threads, const uint64_t shape[3])
{
    const struct pw_process_pool *pool = segmenter->workers;
    uint64_t slots = 0, scratch;
    if (!pool->is_npy &&
        !pw_mul_u64(threads, pw_pool_slot_bytes(in_bytes(segmenter, shape), out_bytes(segmenter, shape)), &slots))
        return UINT64_MAX;
    if (!pw_mul_u64(voxels_of(shape) * pool->n * pool->hello.inflight, pool->hello.bytes_per_voxel, &scratch) ||
        !pw_add_u64(slots, scratch, &slots))
        return UINT64_MAX;
    return slots + pw_pool_memory_bytes(pool);
}

static enum pw_status process_begin(struct pw_segmenter *segmenter, unsigned threads, const uint64_t shape[3],
                                    struct pw_error *error)
{
    atomic_store(&segmenter->workers->n_desks, 0);
    return pw_pool_reserve(segmenter->workers, threads, in_bytes(segmenter, shape), out_bytes(segmenter, shape), error);
}

static enum pw_status process_end(struct pw_segmenter *segmenter, int failed, struct pw_error *error)
{
    return pw_pool_end(segmenter->workers, failed, error);
}

static enum pw_status process_worker_init(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                          struct pw_error *error)
{
    struct pw_process_pool *pool = segmenter->workers;
    struct pw_desk *desk = worker->arena.data;
    char *base = pool->memory.data;
    (void)error;
    desk->slot = atomic_fetch_add(&pool->n_desks, 1);
    desk->in_offset = desk->slot * (pool->in_bytes + pool->out_bytes);
    if (pool->is_npy) { /* at the end of the arena, whole pages */
        base = (char *)worker->arena.data + worker->arena.bytes / 4096 * 4096 - pool->in_bytes - pool->out_bytes;
        desk->in_offset = 0;
    }
    desk->out_offset = desk->in_offset + pool->in_bytes;
    desk->in = base + desk->in_offset;
    desk->out = base + desk->out_offset;
    desk->labels = (char *)worker->arena.data + sizeof(struct pw_desk);
    worker->state = desk;
    return PW_OK;
}

static void process_worker_release(struct pw_segmenter *segmenter, struct pw_segment_worker *worker)
{
    (void)segmenter;
    worker->state = NULL; /* in the arena */
}

const struct pw_segment_ops pw_process_segment_ops = {
    .arena_bytes = process_arena_bytes,
    .shared_bytes = process_shared_bytes,
    .begin = process_begin,
    .worker_init = process_worker_init,
    .worker_release = process_worker_release,
    .segment = pw_process_tile,
    .end = process_end,
};
