#include "store/zarr_pyramid.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/region.h"
#include "label/downsample.h"

static const uint64_t block_voxels_max = (uint64_t)1 << 20;

/* ---- which unit is made of which ---- */

struct span {
    uint64_t start, end;
};

/* The voxels of the level before that voxels start..end-1 of a level stand for, along one axis; at least one. */
static struct span source_span(uint64_t start, uint64_t end, uint64_t factor, uint64_t extent)
{
    struct span span = {pw_min_u64(start * factor, extent - 1), pw_min_u64(end * factor, extent)};
    if (span.end <= span.start)
        span.end = span.start + 1;
    return span;
}

static struct span source_of_unit(const struct pw_pyramid *pyramid, int level, int axis, uint64_t unit)
{
    const struct pw_label_array *array = &pyramid->level[level];
    uint64_t start = unit * array->layout.unit[axis];
    uint64_t end = pw_min_u64(start + array->layout.unit[axis], array->shape[axis]);
    return source_span(start, end, pyramid->factor[level][axis], pyramid->level[level - 1].shape[axis]);
}

/* The units of level that need the unit of the level before, along one axis of a time point; none gives an empty span. */
static struct span units_over(const struct pw_pyramid *pyramid, int level, int axis, uint64_t unit)
{
    uint64_t extent = pyramid->level[level - 1].layout.unit[axis];
    struct span found = {0, 0};
    for (uint64_t u = 0; u < pyramid->level[level].n_units[axis]; u++) {
        struct span source = source_of_unit(pyramid, level, axis, u);
        if (source.start >= (unit + 1) * extent || source.end <= unit * extent)
            continue;
        if (found.end == 0)
            found.start = u;
        found.end = u + 1;
    }
    return found;
}

static uint64_t unit_number(const struct pw_label_array *array, const uint64_t unit[3])
{
    return (unit[0] * array->n_units[1] + unit[1]) * array->n_units[2] + unit[2];
}

static uint64_t unit_count(const struct pw_label_array *array)
{
    return array->times * array->n_units[0] * array->n_units[1] * array->n_units[2];
}

static void count_missing(struct pw_pyramid *pyramid, int level)
{
    const struct pw_label_array *array = &pyramid->level[level];
    for (uint64_t i = 0; i < unit_count(array); i++) {
        uint64_t unit[3] = {i / (array->n_units[1] * array->n_units[2]) % array->n_units[0],
                            i / array->n_units[2] % array->n_units[1], i % array->n_units[2]};
        uint64_t n = 1;
        for (int axis = 0; axis < 3; axis++) {
            struct span source = source_of_unit(pyramid, level, axis, unit[axis]);
            uint64_t extent = pyramid->level[level - 1].layout.unit[axis];
            n *= (source.end - 1) / extent - source.start / extent + 1;
        }
        atomic_init(&pyramid->missing[level][i], (uint32_t)n);
    }
}

enum pw_status pw_pyramid_init(struct pw_pyramid *pyramid, const struct pw_label_array *level, int n_levels,
                               enum pw_pyramid_rule rule, struct pw_error *error)
{
    memset(pyramid, 0, sizeof *pyramid);
    pyramid->n_levels = n_levels;
    pyramid->rule = rule;
    pyramid->level = level;
    for (int l = 1; l < n_levels; l++) {
        uint64_t block;
        for (int i = 0; i < 3; i++)
            pyramid->factor[l][i] = pw_max_u64((level[l - 1].shape[i] + level[l].shape[i] / 2) / level[l].shape[i], 1);
        if (!pw_product_u64(pyramid->factor[l], 3, &block) || block > block_voxels_max) {
            pw_pyramid_release(pyramid);
            return pw_fail(error, PW_E_UNSUPPORTED,
                           "level %d of the image is more than 2^20 times smaller than level %d", l, l - 1);
        }
        pyramid->missing[l] = pw_alloc(unit_count(&level[l]), sizeof *pyramid->missing[l], error);
        if (pyramid->missing[l] == NULL) {
            pw_pyramid_release(pyramid);
            return PW_E_NOMEM;
        }
        count_missing(pyramid, l);
    }
    return PW_OK;
}

void pw_pyramid_release(struct pw_pyramid *pyramid)
{
    for (int l = 0; l < PW_MAX_LEVELS; l++)
        free(pyramid->missing[l]);
    memset(pyramid, 0, sizeof *pyramid);
}

uint64_t pw_pyramid_memory_bytes(const struct pw_pyramid *pyramid)
{
    uint64_t bytes = 0;
    for (int l = 1; l < pyramid->n_levels; l++)
        bytes += unit_count(&pyramid->level[l]) * sizeof *pyramid->missing[l];
    return bytes;
}

/* ---- workers ---- */

static uint64_t chunk_voxels(const struct pw_label_array *array)
{
    return array->layout.chunk[0] * array->layout.chunk[1] * array->layout.chunk[2];
}

/* Voxels of a level along an axis that are made at once: those of one chunk of the level before. */
static uint64_t piece_extent(const struct pw_pyramid *pyramid, int level, int axis)
{
    return pw_max_u64(pyramid->level[level - 1].layout.chunk[axis] / pyramid->factor[level][axis], 1);
}

struct sizes {
    uint64_t chunk, region, scratch, index;
};

static struct sizes sizes_of(const struct pw_pyramid *pyramid, size_t element_bytes)
{
    struct sizes sizes = {0, 0, 0, 1};
    for (int l = 0; l < pyramid->n_levels; l++) {
        const struct pw_zarr_layout *layout = &pyramid->level[l].layout;
        uint64_t index = 1, region = 1;
        for (int i = 0; i < 3; i++)
            index *= layout->unit[i] / layout->chunk[i];
        sizes.index = pw_max_u64(sizes.index, index);
        sizes.chunk = pw_max_u64(sizes.chunk, chunk_voxels(&pyramid->level[l]) * element_bytes);
        if (l == 0)
            continue;
        for (int i = 0; i < 3; i++)
            region *= piece_extent(pyramid, l, i) * pyramid->factor[l][i];
        sizes.region = pw_max_u64(sizes.region, region * element_bytes);
        sizes.scratch = pw_max_u64(sizes.scratch, pw_downsample_scratch_bytes(pyramid->factor[l]));
    }
    sizes.chunk = pw_ceil_div(sizes.chunk, 64) * 64;
    sizes.region = pw_ceil_div(sizes.region, 64) * 64;
    return sizes;
}

uint64_t pw_pyramid_worker_memory_bytes(const struct pw_pyramid *pyramid, uint64_t chunk_bound, size_t element_bytes)
{
    struct sizes sizes = sizes_of(pyramid, element_bytes);
    return 2 * sizes.chunk + sizes.region + sizes.scratch + ((uint64_t)2 << 20) + pw_codec_state_memory_bytes() +
           pw_chunk_reader_memory_bytes(sizes.index, chunk_bound);
}

enum pw_status pw_pyramid_worker_init(struct pw_pyramid_worker *worker, const struct pw_pyramid *pyramid,
                                      uint64_t chunk_bound, struct pw_error *error)
{
    struct sizes sizes = sizes_of(pyramid, pw_dtype_bytes(pyramid->level[0].dtype));
    memset(worker, 0, sizeof *worker);
    worker->decoded_level = -1;
    enum pw_status status =
        pw_buffer_init(&worker->memory, 2 * sizes.chunk + sizes.region + sizes.scratch, "levels of the labels", error);
    if (status == PW_OK)
        status = pw_chunk_reader_init(&worker->reader, sizes.index, chunk_bound, error);
    if (status != PW_OK) {
        pw_pyramid_worker_release(worker);
        return status;
    }
    worker->decoded = worker->memory.data;
    worker->chunk = worker->decoded + sizes.chunk;
    worker->region = worker->chunk + sizes.chunk;
    worker->scratch = worker->region + sizes.region;
    return PW_OK;
}

void pw_pyramid_worker_release(struct pw_pyramid_worker *worker)
{
    pw_chunk_reader_release(&worker->reader);
    pw_codec_state_release(&worker->codec);
    pw_buffer_release(&worker->memory);
    memset(worker, 0, sizeof *worker);
}

/* ---- one chunk of a level ---- */

/* Has a chunk of level at the worker's time point decoded; PW_EMPTY when it is not stored. */
static enum pw_status decode_chunk(const struct pw_pyramid *pyramid, struct pw_pyramid_worker *worker, int level,
                                   const uint64_t within_time[3], struct pw_error *error)
{
    uint64_t chunk[3] = {within_time[0] + worker->time * pw_label_array_depth(&pyramid->level[level]), within_time[1],
                         within_time[2]};
    if (worker->decoded_level == level && memcmp(worker->decoded_chunk, chunk, sizeof worker->decoded_chunk) == 0)
        return worker->decoded_empty ? PW_EMPTY : PW_OK;
    worker->decoded_level = -1;
    enum pw_status status = pw_chunk_read(&worker->reader, &pyramid->level[level], chunk, worker->decoded, error);
    if (status < 0)
        return status;
    worker->decoded_level = level;
    worker->decoded_empty = status == PW_EMPTY;
    memcpy(worker->decoded_chunk, chunk, sizeof worker->decoded_chunk);
    return status;
}

/* Collects a region of level out of several chunks; PW_EMPTY when none is stored. */
static enum pw_status collect(const struct pw_pyramid *pyramid, struct pw_pyramid_worker *worker, int level,
                              const struct pw_region *region, struct pw_error *error)
{
    const struct pw_label_array *array = &pyramid->level[level];
    size_t element_bytes = pw_dtype_bytes(array->dtype);
    uint64_t first[3], last[3], chunk[3];
    int any = 0;
    for (int i = 0; i < 3; i++) {
        first[i] = region->start[i] / array->layout.chunk[i];
        last[i] = (region->start[i] + region->shape[i] - 1) / array->layout.chunk[i];
    }
    memset(worker->region, 0, (size_t)pw_region_elements(region) * element_bytes);
    for (chunk[0] = first[0]; chunk[0] <= last[0]; chunk[0]++)
        for (chunk[1] = first[1]; chunk[1] <= last[1]; chunk[1]++)
            for (chunk[2] = first[2]; chunk[2] <= last[2]; chunk[2]++) {
                struct pw_region stored = {.rank = 3}, part;
                enum pw_status status = decode_chunk(pyramid, worker, level, chunk, error);
                if (status < 0)
                    return status;
                for (int i = 0; i < 3; i++) {
                    stored.start[i] = chunk[i] * array->layout.chunk[i];
                    stored.shape[i] = array->layout.chunk[i];
                }
                if (status == PW_EMPTY || !pw_region_intersect(&stored, region, &part))
                    continue;
                pw_region_copy(&part, &stored, worker->decoded, region, worker->region, element_bytes);
                any = 1;
            }
    return any ? PW_OK : PW_EMPTY;
}

/* The voxels of region of level: within the decoded chunk when they are all there, else collected. */
static enum pw_status fetch(const struct pw_pyramid *pyramid, struct pw_pyramid_worker *worker, int level,
                            const struct pw_region *region, struct pw_label_box *box, struct pw_error *error)
{
    const struct pw_label_array *array = &pyramid->level[level];
    const uint64_t *extent = array->layout.chunk;
    uint64_t chunk[3], within[3];
    int one = 1;
    for (int i = 0; i < 3; i++) {
        chunk[i] = region->start[i] / extent[i];
        within[i] = region->start[i] % extent[i];
        one = one && within[i] + region->shape[i] <= extent[i];
        box->shape[i] = region->shape[i];
    }
    if (!one) {
        box->voxels = worker->region;
        box->stride[0] = (size_t)(region->shape[1] * region->shape[2]);
        box->stride[1] = (size_t)region->shape[2];
        return collect(pyramid, worker, level, region, error);
    }
    box->stride[0] = (size_t)(extent[1] * extent[2]);
    box->stride[1] = (size_t)extent[2];
    box->voxels = worker->decoded +
                  (within[0] * box->stride[0] + within[1] * box->stride[1] + within[2]) * pw_dtype_bytes(array->dtype);
    return decode_chunk(pyramid, worker, level, chunk, error);
}

/* Makes the piece start..start+shape (voxels of level) of the chunk that begins at origin. */
static enum pw_status make_piece(const struct pw_pyramid *pyramid, struct pw_pyramid_worker *worker, int level,
                                 const uint64_t origin[3], const uint64_t start[3], const uint64_t shape[3], int *any,
                                 struct pw_error *error)
{
    const struct pw_label_array *array = &pyramid->level[level];
    const uint64_t *extent = array->layout.chunk;
    struct pw_region region = {.rank = 3};
    struct pw_label_box from;
    for (int i = 0; i < 3; i++) {
        struct span source =
            source_span(start[i], start[i] + shape[i], pyramid->factor[level][i], pyramid->level[level - 1].shape[i]);
        region.start[i] = source.start;
        region.shape[i] = source.end - source.start;
    }
    enum pw_status status = fetch(pyramid, worker, level - 1, &region, &from, error);
    if (status != PW_OK)
        return status;
    struct pw_label_box to = {.stride = {(size_t)(extent[1] * extent[2]), (size_t)extent[2]}};
    memcpy(to.shape, shape, sizeof to.shape);
    to.voxels = worker->chunk + ((start[0] - origin[0]) * to.stride[0] + (start[1] - origin[1]) * to.stride[1] +
                                 (start[2] - origin[2])) *
                                    pw_dtype_bytes(array->dtype);
    if (pw_downsample_labels(array->dtype, pyramid->rule, &from, pyramid->factor[level], &to, worker->scratch))
        *any = 1;
    return PW_OK;
}

/* Makes a chunk of level in worker->chunk; PW_EMPTY when it has no label. */
static enum pw_status make_chunk(const struct pw_pyramid *pyramid, struct pw_pyramid_worker *worker, int level,
                                 const uint64_t chunk[3], struct pw_error *error)
{
    const struct pw_label_array *array = &pyramid->level[level];
    uint64_t origin[3], end[3], piece[3], start[3], shape[3];
    int any = 0;
    for (int i = 0; i < 3; i++) {
        origin[i] = chunk[i] * array->layout.chunk[i];
        end[i] = pw_min_u64(origin[i] + array->layout.chunk[i], array->shape[i]);
        piece[i] = piece_extent(pyramid, level, i);
    }
    memset(worker->chunk, 0, (size_t)pw_label_array_chunk_bytes(array));
    for (start[0] = origin[0]; start[0] < end[0]; start[0] += piece[0])
        for (start[1] = origin[1]; start[1] < end[1]; start[1] += piece[1])
            for (start[2] = origin[2]; start[2] < end[2]; start[2] += piece[2]) {
                for (int i = 0; i < 3; i++)
                    shape[i] = pw_min_u64(piece[i], end[i] - start[i]);
                enum pw_status status = make_piece(pyramid, worker, level, origin, start, shape, &any, error);
                if (status < 0)
                    return status;
            }
    return any ? PW_OK : PW_EMPTY;
}

static enum pw_status encode(const struct pw_label_array *array, struct pw_pyramid_worker *worker,
                             struct pw_unit_file *file, size_t *n, struct pw_error *error)
{
    const struct pw_codec_options options = {.level = 1, .element_bytes = pw_dtype_bytes(array->dtype)};
    size_t bytes = (size_t)pw_label_array_chunk_bytes(array);
    void *out = pw_unit_room(file, n);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    pw_swap_bytes(worker->chunk, bytes / options.element_bytes, options.element_bytes);
#endif
    return pw_codec_find("zstd")->encode(&worker->codec, &options, worker->chunk, bytes, out, n, error);
}

/* ---- units ---- */

static enum pw_status make_unit(struct pw_pyramid *pyramid, struct pw_pyramid_worker *worker, struct pw_unit_file *file,
                                int level, const uint64_t unit[3], struct pw_error *error)
{
    const struct pw_label_array *array = &pyramid->level[level];
    uint64_t count[3], within[3], chunk[3];
    enum pw_status status = PW_OK;
    uint64_t own[3] = {unit[0] % array->n_units[0], unit[1], unit[2]};
    for (int i = 0; i < 3; i++)
        count[i] = array->layout.unit[i] / array->layout.chunk[i];
    worker->time = unit[0] / array->n_units[0];
    worker->decoded_level = -1;
    pw_chunk_reader_forget(&worker->reader);
    pw_unit_begin(file, array, unit);
    for (within[0] = 0; within[0] < count[0] && status >= 0; within[0]++)
        for (within[1] = 0; within[1] < count[1] && status >= 0; within[1]++)
            for (within[2] = 0; within[2] < count[2] && status >= 0; within[2]++) {
                size_t n;
                int inside = 1;
                for (int i = 0; i < 3; i++) {
                    chunk[i] = own[i] * count[i] + within[i];
                    inside = inside && chunk[i] * array->layout.chunk[i] < array->shape[i];
                }
                status = inside ? make_chunk(pyramid, worker, level, chunk, error) : PW_EMPTY;
                if (status == PW_OK)
                    status = encode(array, worker, file, &n, error);
                if (status == PW_OK)
                    status = pw_unit_add(file, within, n, error);
            }
    if (status >= 0)
        status = pw_unit_end(file, error);
    pw_unit_cancel(file);
    return status;
}

/* A unit of level is written: makes those of the next level for which it was the last one missing. */
static enum pw_status unit_done(struct pw_pyramid *pyramid, struct pw_pyramid_worker *worker, struct pw_unit_file *file,
                                int level, const uint64_t unit[3], struct pw_error *error)
{
    int next = level + 1;
    struct span over[3];
    uint64_t u[3];
    if (next >= pyramid->n_levels)
        return PW_OK;
    uint64_t time = unit[0] / pyramid->level[level].n_units[0];
    for (int i = 0; i < 3; i++)
        over[i] = units_over(pyramid, next, i, i == 0 ? unit[0] % pyramid->level[level].n_units[0] : unit[i]);
    over[0].start += time * pyramid->level[next].n_units[0];
    over[0].end += time * pyramid->level[next].n_units[0];
    for (u[0] = over[0].start; u[0] < over[0].end; u[0]++)
        for (u[1] = over[1].start; u[1] < over[1].end; u[1]++)
            for (u[2] = over[2].start; u[2] < over[2].end; u[2]++) {
                /* Sequentially consistent: who counts down to 0 sees what all the others wrote. */
                _Atomic uint32_t *missing = &pyramid->missing[next][unit_number(&pyramid->level[next], u)];
                if (atomic_fetch_sub(missing, 1) != 1)
                    continue;
                enum pw_status status = make_unit(pyramid, worker, file, next, u, error);
                if (status == PW_OK)
                    status = unit_done(pyramid, worker, file, next, u, error);
                if (status != PW_OK)
                    return status;
            }
    return PW_OK;
}

enum pw_status pw_pyramid_unit_done(struct pw_pyramid *pyramid, struct pw_pyramid_worker *worker,
                                    struct pw_unit_file *file, const uint64_t unit[3], struct pw_error *error)
{
    return unit_done(pyramid, worker, file, 0, unit, error);
}
