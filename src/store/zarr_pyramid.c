#include "store/zarr_pyramid.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "label/downsample.h"

static const uint64_t block_voxels_max = (uint64_t)1 << 20;

/* ---- which unit is made of which ---- */

static struct pw_span source_of_unit(const struct pw_pyramid *pyramid, int level, int axis, uint64_t unit)
{
    const struct pw_output_array *array = &pyramid->level[level];
    uint64_t start = unit * array->layout.unit[axis];
    uint64_t end = pw_min_u64(start + array->layout.unit[axis], array->shape[axis]);
    return pw_source_span(start, end, pyramid->factor[level][axis], pyramid->level[level - 1].shape[axis]);
}

/* The units of level that need the unit of the level before, along one axis of a time point; none gives an empty span. */
static struct pw_span units_over(const struct pw_pyramid *pyramid, int level, int axis, uint64_t unit)
{
    uint64_t extent = pyramid->level[level - 1].layout.unit[axis];
    struct pw_span found = {0, 0};
    for (uint64_t u = 0; u < pyramid->level[level].n_units[axis]; u++) {
        struct pw_span source = source_of_unit(pyramid, level, axis, u);
        if (source.start >= (unit + 1) * extent || source.end <= unit * extent)
            continue;
        if (found.end == 0)
            found.start = u;
        found.end = u + 1;
    }
    return found;
}

static uint64_t unit_number(const struct pw_output_array *array, const uint64_t unit[3])
{
    return (unit[0] * array->n_units[1] + unit[1]) * array->n_units[2] + unit[2];
}

static uint64_t unit_count(const struct pw_output_array *array)
{
    return array->times * array->n_units[0] * array->n_units[1] * array->n_units[2];
}

static void count_missing(struct pw_pyramid *pyramid, int level)
{
    const struct pw_output_array *array = &pyramid->level[level];
    for (uint64_t i = 0; i < unit_count(array); i++) {
        uint64_t unit[3] = {i / (array->n_units[1] * array->n_units[2]) % array->n_units[0],
                            i / array->n_units[2] % array->n_units[1], i % array->n_units[2]};
        uint64_t n = 1;
        for (int axis = 0; axis < 3; axis++) {
            struct pw_span source = source_of_unit(pyramid, level, axis, unit[axis]);
            uint64_t extent = pyramid->level[level - 1].layout.unit[axis];
            n *= (source.end - 1) / extent - source.start / extent + 1;
        }
        atomic_init(&pyramid->missing[level][i], (uint32_t)n);
    }
}

enum pw_status pw_pyramid_init(struct pw_pyramid *pyramid, const struct pw_output_array *level, int n_levels,
                               enum pw_pyramid_rule rule, struct pw_error *error)
{
    memset(pyramid, 0, sizeof *pyramid);
    pyramid->n_levels = n_levels;
    pyramid->rule = rule;
    pyramid->level = level;
    for (int l = 1; l < n_levels; l++) {
        uint64_t block;
        pw_level_factor(level[l - 1].shape, level[l].shape, pyramid->factor[l]);
        if (!pw_product_u64(pyramid->factor[l], 3, &block) || block > block_voxels_max)
            return pw_fail(error, PW_E_UNSUPPORTED,
                           "level %d of the image is more than 2^20 times smaller than level %d", l, l - 1);
    }
    return PW_OK;
}

enum pw_status pw_pyramid_start(struct pw_pyramid *pyramid, struct pw_error *error)
{
    for (int l = 1; l < pyramid->n_levels; l++) {
        pyramid->missing[l] = pw_alloc(unit_count(&pyramid->level[l]), sizeof *pyramid->missing[l], error);
        if (pyramid->missing[l] == NULL)
            return PW_E_NOMEM;
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

static struct pw_level_step step_of(const struct pw_pyramid *pyramid, int level)
{
    const struct pw_output_array *from = &pyramid->level[level - 1], *to = &pyramid->level[level];
    struct pw_level_step step = {.rule = pyramid->rule};
    memcpy(step.factor, pyramid->factor[level], sizeof step.factor);
    memcpy(step.from_shape, from->shape, sizeof step.from_shape);
    memcpy(step.from_block, from->layout.chunk, sizeof step.from_block);
    memcpy(step.shape, to->shape, sizeof step.shape);
    memcpy(step.block, to->layout.chunk, sizeof step.block);
    return step;
}

void pw_pyramid_pull_extent(const struct pw_pyramid *pyramid, uint64_t extent[3])
{
    const struct pw_level_step step = step_of(pyramid, 1);
    pw_level_pull_extent(&step, extent);
}

uint64_t pw_pyramid_memory_bytes(const struct pw_pyramid *pyramid)
{
    uint64_t bytes = 0;
    for (int l = 1; l < pyramid->n_levels; l++)
        bytes += unit_count(&pyramid->level[l]) * sizeof *pyramid->missing[l];
    return bytes;
}

/* ---- workers ---- */

/* All of them, which a worker makes in turn; returns how many. */
static int list_steps(const struct pw_pyramid *pyramid, struct pw_level_step step[PW_MAX_LEVELS])
{
    for (int l = 1; l < pyramid->n_levels; l++)
        step[l - 1] = step_of(pyramid, l);
    return pyramid->n_levels - 1;
}

/* Most chunks of a unit. */
static uint64_t index_chunks(const struct pw_pyramid *pyramid)
{
    uint64_t most = 1;
    for (int l = 0; l < pyramid->n_levels; l++) {
        const struct pw_zarr_layout *layout = &pyramid->level[l].layout;
        uint64_t chunks = 1;
        for (int i = 0; i < 3; i++)
            chunks *= layout->unit[i] / layout->chunk[i];
        most = pw_max_u64(most, chunks);
    }
    return most;
}

uint64_t pw_pyramid_worker_memory_bytes(const struct pw_pyramid *pyramid, uint64_t chunk_bound, size_t element_bytes)
{
    struct pw_level_step step[PW_MAX_LEVELS];
    return pw_level_maker_memory_bytes(step, list_steps(pyramid, step), element_bytes) +
           pw_output_codec_memory_bytes(&pyramid->level[0].codec, pw_output_array_chunk_bytes(&pyramid->level[0])) +
           pw_chunk_reader_memory_bytes(index_chunks(pyramid), chunk_bound);
}

enum pw_status pw_pyramid_worker_init(struct pw_pyramid_worker *worker, const struct pw_pyramid *pyramid,
                                      uint64_t chunk_bound, struct pw_zstd_runs *encoder, struct pw_error *error)
{
    struct pw_level_step step[PW_MAX_LEVELS];
    memset(worker, 0, sizeof *worker);
    enum pw_status status =
        pw_level_maker_init(&worker->maker, step, list_steps(pyramid, step), pyramid->level[0].dtype, error);
    worker->encoder = encoder;
    worker->maker.wants_runs = encoder != NULL;
    if (status == PW_OK)
        status = pw_chunk_reader_init(&worker->reader, index_chunks(pyramid), chunk_bound, error);
    if (status != PW_OK)
        pw_pyramid_worker_release(worker);
    return status;
}

void pw_pyramid_worker_release(struct pw_pyramid_worker *worker)
{
    pw_chunk_reader_release(&worker->reader);
    pw_codec_state_release(&worker->codec);
    pw_level_maker_release(&worker->maker);
    memset(worker, 0, sizeof *worker);
}

/* ---- one chunk of a level ---- */

/* Chunks of the level before, at the time point of the unit that is made. */
struct below {
    const struct pw_output_array *array;
    struct pw_chunk_reader *reader;
    uint64_t time;
};

static enum pw_status read_below(void *context, const uint64_t block[3], void *voxels, struct pw_error *error)
{
    const struct below *below = context;
    uint64_t chunk[3] = {block[0] + below->time * pw_output_array_depth(below->array), block[1], block[2]};
    return pw_chunk_read(below->reader, below->array, chunk, voxels, error);
}

/* Makes a chunk in the worker's maker: of the first smaller level from the runs of the labels, of the others from voxels. */
static enum pw_status make_chunk(struct pw_pyramid *pyramid, struct pw_pyramid_worker *worker, int level,
                                 const uint64_t chunk[3], uint64_t time, struct pw_error *error)
{
    const struct pw_level_step step = step_of(pyramid, level);
    const struct pw_output_array *from = &pyramid->level[level - 1];
    struct below below = {from, &worker->reader, time};
    if (level == 1)
        return pw_level_maker_make_of_runs(&worker->maker, &step, chunk, time * from->shape[0], worker->pull,
                                           worker->context, error);
    return pw_level_maker_make(&worker->maker, &step, chunk, read_below, &below, error);
}

static enum pw_status encode(const struct pw_output_array *array, struct pw_pyramid_worker *worker,
                             struct pw_unit_file *file, size_t *n, struct pw_error *error)
{
    void *out = pw_unit_room(file, n);
    if (worker->maker.has_runs)
        return pw_zstd_runs_encode(worker->encoder, array->dtype, &worker->maker.runs, array->layout.chunk, out, n,
                                   error);
    return pw_chunk_encode(array, &worker->codec, worker->maker.made, out, n, error);
}

/* ---- units ---- */

static enum pw_status make_unit(struct pw_pyramid *pyramid, struct pw_pyramid_worker *worker, struct pw_unit_file *file,
                                int level, const uint64_t unit[3], struct pw_error *error)
{
    const struct pw_output_array *array = &pyramid->level[level];
    uint64_t count[3], within[3], chunk[3];
    enum pw_status status = PW_OK;
    uint64_t own[3] = {unit[0] % array->n_units[0], unit[1], unit[2]};
    for (int i = 0; i < 3; i++)
        count[i] = array->layout.unit[i] / array->layout.chunk[i];
    pw_level_maker_forget(&worker->maker);
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
                status =
                    inside ? make_chunk(pyramid, worker, level, chunk, unit[0] / array->n_units[0], error) : PW_EMPTY;
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
    struct pw_span over[3];
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
                                    struct pw_unit_file *file, const uint64_t unit[3], pw_pull_fn pull, void *context,
                                    struct pw_error *error)
{
    worker->pull = pull;
    worker->context = context;
    return unit_done(pyramid, worker, file, 0, unit, error);
}
