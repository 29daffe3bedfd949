/*
 * Pass 0: one histogram of the whole image, one threshold from it.  Types without a bin for every
 * value need the image's range first, which costs a pass of its own.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "label/histogram.h"
#include "run/image_pass.h"
#include "run/image_statistics.h"
#include "run/job.h"

struct pass {
    struct pw_job *job;
    struct pw_range *range;         /* of each worker */
    struct pw_histogram *histogram; /* of each worker */
    struct pw_buffer bins;
};

static void add_range(void *context, unsigned worker, const void *voxels, size_t stride_bytes, uint64_t rows,
                      uint64_t width)
{
    struct pass *pass = context;
    pw_range_add(&pass->range[worker], pass->job->source->info.dtype, voxels, stride_bytes, rows, width);
}

static void add_counts(void *context, unsigned worker, const void *voxels, size_t stride_bytes, uint64_t rows,
                       uint64_t width)
{
    struct pass *pass = context;
    pw_histogram_add(&pass->histogram[worker], voxels, stride_bytes, rows, width);
}

static enum pw_status find_range(struct pass *pass, struct pw_range *range, struct pw_run_result *result,
                                 struct pw_error *error)
{
    enum pw_status status = pw_image_pass(pass->job, 0, 0, "otsu needs histograms", add_range, pass, result, error);
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
    status = pw_image_pass(pass->job, 0, pass->bins.bytes, "otsu needs histograms", add_counts, pass, result, error);
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
    struct pass pass = {.job = job};
    double threshold = 0;
    enum pw_status status = pw_measure_statistics(job, result, error);
    if (status == PW_OK && job->segmenter.needs_histogram) {
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
