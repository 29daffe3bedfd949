#include "run/skip_empty.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "label/histogram.h"
#include "label/occupied.h"

/*
 * Samples are cubes about the points at a third, a half and two thirds of each axis, as the Python program of this
 * name takes them, so that its levels are these.
 */
enum {
    SAMPLES = 3,
    SAMPLE_EXTENT = 64
};
static const double sample_place[SAMPLES] = {0.33, 0.5, 0.66};

/* Values of integers wider than this leave the samples without a threshold. */
#define BINS_MOST ((uint64_t)1 << 20)

enum pw_status pw_skip_check(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    if (options->skip_empty == PW_SKIP_ABOVE && isnan(options->skip_level))
        return pw_fail(error, PW_E_ARGUMENT, "--skip-empty: a level that is not a number");
    return PW_OK;
}

static struct pw_box sample_box(const struct pw_job *job, uint64_t time, int sample)
{
    struct pw_box box;
    for (int i = 0; i < 3; i++) {
        uint64_t extent = job->part.shape[i];
        box.shape[i] = pw_min_u64(extent, SAMPLE_EXTENT);
        uint64_t centre = (uint64_t)((double)extent * sample_place[sample]);
        uint64_t start = centre - pw_min_u64(centre, box.shape[i] / 2);
        box.start[i] = job->part.start[i] + pw_min_u64(start, extent - box.shape[i]);
    }
    box.start[0] += time * job->volume.shape[0];
    return box;
}

static uint64_t sample_bytes(const struct pw_job *job)
{
    struct pw_box box = sample_box(job, 0, 0);
    return pw_box_voxels(&box) * job->volume.voxel_bytes;
}

/* Whether the function itself says what is empty. */
static int is_told(const struct pw_job *job, double *level)
{
    const struct pw_segmenter *segmenter = &job->segmenter;
    return segmenter->ops->empty_level != NULL && segmenter->ops->empty_level(segmenter, level);
}

uint64_t pw_skip_memory_bytes(const struct pw_job *job)
{
    double level;
    if (job->options->skip_empty != PW_SKIP_AUTO || is_told(job, &level))
        return 0;
    return SAMPLES * sample_bytes(job) + pw_region_reader_memory_bytes(job->source) + BINS_MOST * sizeof(uint64_t);
}

static enum pw_status read_samples(struct pw_job *job, struct pw_region_reader *reader, uint64_t time, uint32_t channel,
                                   unsigned char *voxels, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (int i = 0; i < SAMPLES && status == PW_OK; i++) {
        struct pw_box box = sample_box(job, time, i);
        struct pw_region region;
        pw_volume_region_of(&job->volume, &box, channel, &region);
        status = pw_region_reader_read(reader, &region, voxels + (uint64_t)i * sample_bytes(job), error);
    }
    return status;
}

/* Otsu's threshold of n voxels; 0 where there is none, as values are too far apart for a bin each. */
static enum pw_status otsu_of(enum pw_dtype dtype, const void *voxels, uint64_t n, double *level,
                              struct pw_error *error)
{
    struct pw_range range = {0};
    struct pw_histogram histogram = {0};
    pw_range_add(&range, dtype, voxels, 0, 1, n);
    uint64_t bins = range.seen ? pw_histogram_bins(dtype, &range) : 0;
    *level = 0;
    if (bins == 0 || bins > BINS_MOST)
        return PW_OK;
    histogram.count = pw_alloc(bins, sizeof *histogram.count, error);
    if (histogram.count == NULL)
        return PW_E_NOMEM;
    pw_histogram_init(&histogram, dtype, &range);
    pw_histogram_add(&histogram, voxels, 0, 1, n);
    *level = pw_histogram_otsu(&histogram);
    free(histogram.count);
    return PW_OK;
}

/* The least level of any channel at any time point: where one is dim, its tiles are not empty. */
static enum pw_status least_level(struct pw_job *job, struct pw_region_reader *reader, void *voxels, double *level,
                                  struct pw_error *error)
{
    uint64_t n = SAMPLES * sample_bytes(job) / job->volume.voxel_bytes;
    enum pw_status status = PW_OK;
    *level = INFINITY;
    for (uint64_t time = 0; time < job->volume.times; time++)
        for (uint32_t channel = 0; channel < job->volume.n_channels && status == PW_OK; channel++) {
            double own = 0;
            status = read_samples(job, reader, time, channel, voxels, error);
            if (status == PW_OK)
                status = otsu_of(job->source->info.dtype, voxels, n, &own, error);
            *level = own < *level ? own : *level;
        }
    return status;
}

static enum pw_status sample_level(struct pw_job *job, double *level, struct pw_error *error)
{
    struct pw_source *source = job->source;
    struct pw_region_reader *reader = NULL;
    struct pw_buffer voxels = {0};
    enum pw_status status = pw_buffer_init(&voxels, SAMPLES * sample_bytes(job), "samples of the image", error);
    if (status == PW_OK && (source->capabilities & PW_SOURCE_STREAM))
        status = source->ops->await(source, UINT64_MAX, error);
    if (status == PW_OK)
        status = pw_region_reader_new(source, &reader, error);
    if (status == PW_OK)
        status = least_level(job, reader, voxels.data, level, error);
    pw_region_reader_free(reader);
    pw_buffer_release(&voxels);
    return status;
}

enum pw_status pw_skip_find_level(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    double level = options->skip_level;
    enum pw_status status = PW_OK;
    if (options->skip_empty == PW_SKIP_NONE)
        return PW_OK;
    job->skip.is_guess = options->skip_empty == PW_SKIP_AUTO && !is_told(job, &level);
    if (job->skip.is_guess)
        status = sample_level(job, &level, error);
    job->skip.is_set = status == PW_OK;
    job->skip.level = level;
    pw_threshold_init(&job->skip.threshold, job->source->info.dtype, level);
    return status;
}

int pw_skip_is_empty(const struct pw_job *job, const struct pw_slot *slot)
{
    static const uint64_t one[3] = {1, 1, 1};
    static const size_t none[3] = {0, 0, 0};
    uint64_t fill;
    if (!job->skip.is_set)
        return 0;
    for (uint32_t channel = 0; channel < job->volume.n_channels && !slot->constant; channel++)
        if (pw_is_occupied(&job->skip.threshold,
                           (const unsigned char *)slot->voxels + channel * slot->channel_stride_bytes,
                           slot->stride_bytes, slot->window.shape))
            return 0;
    if (!slot->constant)
        return 1;
    pw_source_fill(job->source, &fill, 1);
    return !pw_is_occupied(&job->skip.threshold, &fill, none, one);
}
