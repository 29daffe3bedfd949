/*
 * Pass 0: one histogram of the whole image, one threshold from it.  Types without a bin for every
 * value need the image's range first, which costs a pass of its own.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "label/histogram.h"
#include "run/job.h"
#include "run/pipeline.h"
#include "store/source.h"

struct pass {
    struct pw_job *job;
    struct pw_grid grid;            /* without a halo: every voxel counts once */
    struct pw_range *range;         /* of each worker */
    struct pw_histogram *histogram; /* of each worker */
    struct pw_buffer bins;
};

/* The voxels of a slot, plane by plane. */
typedef void (*plane_fn)(struct pass *pass, unsigned worker, const void *voxels, size_t stride_bytes, uint64_t rows,
                         uint64_t width);

static void add_range(struct pass *pass, unsigned worker, const void *voxels, size_t stride_bytes, uint64_t rows,
                      uint64_t width)
{
    pw_range_add(&pass->range[worker], pass->job->source->info.dtype, voxels, stride_bytes, rows, width);
}

static void add_counts(struct pass *pass, unsigned worker, const void *voxels, size_t stride_bytes, uint64_t rows,
                       uint64_t width)
{
    pw_histogram_add(&pass->histogram[worker], voxels, stride_bytes, rows, width);
}

/* A tile that is not stored: one row of fill values, counted as often as there are rows. */
static void add_constant(struct pass *pass, unsigned worker, struct pw_slot *slot, plane_fn add)
{
    uint64_t rows = slot->window.shape[0] * slot->window.shape[1], width = slot->window.shape[2];
    pw_source_fill(pass->job->source, slot->dense, width);
    add(pass, worker, slot->dense, 0, rows, width);
}

static void each_plane(struct pass *pass, unsigned worker, struct pw_slot *slot, plane_fn add)
{
    if (slot->constant) {
        add_constant(pass, worker, slot, add);
        return;
    }
    for (uint64_t z = 0; z < slot->window.shape[0]; z++)
        add(pass, worker, (const char *)slot->voxels + z * slot->stride_bytes[0], slot->stride_bytes[1],
            slot->window.shape[1], slot->window.shape[2]);
}

static enum pw_status work_range(void *context, unsigned worker, struct pw_slot *slot, struct pw_error *error)
{
    (void)error;
    each_plane(context, worker, slot, add_range);
    return PW_OK;
}

static enum pw_status work_counts(void *context, unsigned worker, struct pw_slot *slot, struct pw_error *error)
{
    (void)error;
    each_plane(context, worker, slot, add_counts);
    return PW_OK;
}

/*
 * The deepest ring and the largest cache that fit beside the histograms, whose size is known only now: as deep as
 * in the plan, and less where the histograms take more than the segmenter's workers will.
 */
static enum pw_status fit(const struct pass *pass, struct pw_pipeline *pipeline, struct pw_error *error)
{
    const struct pw_job *job = pass->job;
    const struct pw_sizes *sizes = &job->sizes;
    uint32_t least = (uint32_t)pw_min_u64(sizes->threads == 1 ? 2 : sizes->threads + 1, sizes->depth);
    uint64_t taken = UINT64_MAX;
    for (pipeline->depth = sizes->depth + 1; taken > sizes->budget_bytes && pipeline->depth > least;) {
        pipeline->depth--;
        enum pw_status status =
            pw_load_plan_init(&pipeline->load, &job->volume, &pass->grid, job->options->io, 0, error);
        if (status != PW_OK)
            return status;
        taken = pass->bins.bytes + pw_loader_memory_bytes(&pipeline->load, &job->volume) +
                pipeline->depth * pw_slot_memory_bytes(&pipeline->load, sizes->least_slot_bytes) +
                sizes->threads * pw_load_scratch_memory_bytes(&pipeline->load, &job->volume);
    }
    if (taken > sizes->budget_bytes)
        return pw_fail(error, PW_E_BUDGET,
                       "%s: otsu needs %llu MiB of histograms beside its tiles; give --memory %lluM", job->source->path,
                       (unsigned long long)(pass->bins.bytes >> 20), (unsigned long long)((taken >> 20) + 1));
    if (!(job->source->capabilities & PW_SOURCE_CHUNKED))
        return PW_OK;
    uint64_t chunk = pw_chunk_cache_memory_bytes(1, pw_source_chunk_bytes(job->source));
    uint64_t cached = pw_min_u64((sizes->budget_bytes - taken) / chunk, UINT32_MAX);
    return pw_load_plan_init(&pipeline->load, &job->volume, &pass->grid, job->options->io, (uint32_t)cached, error);
}

static enum pw_status run_over_image(struct pass *pass,
                                     enum pw_status (*work)(void *, unsigned, struct pw_slot *, struct pw_error *),
                                     struct pw_run_result *result, struct pw_error *error)
{
    struct pw_job *job = pass->job;
    struct pw_pipeline pipeline = {
        .volume = &job->volume,
        .grid = &pass->grid,
        .threads = job->sizes.threads,
        .least_slot_bytes = job->sizes.least_slot_bytes,
        .work = work,
        .context = pass,
    };
    struct pw_watch watch = {job->options->progress, job->options->progress_user, PW_PASS_MEASURE, job->grid.n_tiles};
    uint64_t stored_read = 0;
    enum pw_status status = fit(pass, &pipeline, error);
    if (status == PW_OK)
        status = pw_pipeline_run(&pipeline, &watch, &stored_read, error);
    result->bytes_read += stored_read;
    return status;
}

static enum pw_status find_range(struct pass *pass, struct pw_range *range, struct pw_run_result *result,
                                 struct pw_error *error)
{
    enum pw_status status = run_over_image(pass, work_range, result, error);
    memset(range, 0, sizeof *range);
    for (unsigned i = 0; i < pass->job->sizes.threads; i++)
        pw_range_merge(range, pass->job->source->info.dtype, &pass->range[i]);
    return status;
}

static enum pw_status count(struct pass *pass, const struct pw_range *range, double *threshold,
                            struct pw_run_result *result, struct pw_error *error)
{
    enum pw_dtype dtype = pass->job->source->info.dtype;
    unsigned threads = pass->job->sizes.threads;
    uint64_t n_bins = pw_histogram_bins(dtype, range);
    uint64_t bytes = n_bins * threads * sizeof(uint64_t);
    if (n_bins == 0)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: otsu has one bin for each value of %s, and they span too many",
                       pass->job->source->path, pw_dtype_name(dtype));
    if (bytes > pass->job->sizes.budget_bytes / 4)
        return pw_fail(error, PW_E_BUDGET, "%s: otsu needs a histogram of %llu values; give --memory %lluM or more",
                       pass->job->source->path, (unsigned long long)n_bins,
                       (unsigned long long)((4 * bytes >> 20) + 1));
    enum pw_status status = pw_buffer_init(&pass->bins, bytes, "histogram", error);
    if (status != PW_OK)
        return status;
    for (unsigned i = 0; i < threads; i++) {
        pass->histogram[i].count = (uint64_t *)pass->bins.data + i * n_bins;
        pw_histogram_init(&pass->histogram[i], dtype, range);
    }
    status = run_over_image(pass, work_counts, result, error);
    for (unsigned i = 1; i < threads; i++)
        for (uint64_t b = 0; b < n_bins; b++)
            pass->histogram[0].count[b] += pass->histogram[i].count[b];
    if (status == PW_OK)
        *threshold = pw_histogram_otsu(&pass->histogram[0]);
    return status;
}

static enum pw_status measure(struct pass *pass, double *threshold, struct pw_run_result *result,
                              struct pw_error *error)
{
    struct pw_range range;
    if (pw_histogram_bins(pass->job->source->info.dtype, NULL) != 0) /* a bin for every value of the type */
        return count(pass, NULL, threshold, result, error);
    enum pw_status status = find_range(pass, &range, result, error);
    if (status != PW_OK)
        return status;
    if (!range.seen) {
        *threshold = (double)INFINITY; /* nothing but NaN: all background */
        return PW_OK;
    }
    return count(pass, &range, threshold, result, error);
}

enum pw_status pw_pass_measure(struct pw_job *job, struct pw_run_result *result, struct pw_error *error)
{
    static const uint64_t no_halo[3] = {0, 0, 0};
    struct pass pass = {.job = job};
    double threshold = 0;
    enum pw_status status = PW_OK;
    if (job->segmenter.needs_histogram) {
        status = pw_grid_init_times(&pass.grid, job->grid.volume, job->grid.times, &job->part, job->grid.tile, no_halo,
                                    error);
        pass.range = pw_alloc(job->sizes.threads, sizeof *pass.range, error);
        pass.histogram = pw_alloc(job->sizes.threads, sizeof *pass.histogram, error);
        if (pass.range == NULL || pass.histogram == NULL)
            status = PW_E_NOMEM;
        if (status == PW_OK)
            status = measure(&pass, &threshold, result, error);
        if (status == PW_OK)
            pw_segmenter_set_threshold(&job->segmenter, threshold);
        free(pass.range);
        free(pass.histogram);
        pw_buffer_release(&pass.bins);
    }
    result->threshold = job->segmenter.threshold_value;
    return status;
}
