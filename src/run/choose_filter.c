/* Which objects get no number: from the options and the calibration of the volume. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/length_unit.h"
#include "run/job.h"

/* Of a voxel in cubic micrometers, or of a pixel in square ones; 0 when that is not known. */
static double voxel_size(const struct pw_volume *volume)
{
    double size = 1;
    for (int i = 3 - volume->rank; i < 3; i++)
        size *= volume->space[i].scale * pw_micrometers_in(volume->space[i].unit);
    return size;
}

/* The least number of voxels whose size is at least, or the greatest whose size is at most, limit. */
static uint64_t least_voxels(double limit, double voxel)
{
    double n = ceil(limit / voxel); /* a quotient may be rounded over a whole number */
    while (n >= 1 && (n - 1) * voxel >= limit)
        n--;
    while (n * voxel < limit)
        n++;
    return (uint64_t)n;
}

static uint64_t most_voxels(double limit, double voxel)
{
    double n = floor(limit / voxel);
    while ((n + 1) * voxel <= limit)
        n++;
    while (n * voxel > limit)
        n--;
    return (uint64_t)n;
}

static enum pw_status take_sizes(struct pw_job *job, double voxel, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    struct pw_object_filter *filter = &job->filter;
    if (options->size_power != job->volume.rank)
        return pw_fail(error, PW_E_ARGUMENT,
                       "sizes of objects in um%d do not suit an image with %d axes of space: um%d", options->size_power,
                       job->volume.rank, job->volume.rank);
    if (!(voxel > 0 && isfinite(voxel)))
        return pw_fail(error, PW_E_ARGUMENT,
                       "sizes of objects in um%d need an image that says how large its voxels are, in a unit of "
                       "length; give them in voxels",
                       options->size_power);
    if (options->min_size > 0 && options->min_size / voxel < 1e18)
        filter->least_voxels = least_voxels(options->min_size, voxel);
    else if (options->min_size > 0)
        filter->least_voxels = UINT64_MAX;
    if (options->max_size > 0 && options->max_size < voxel)
        return pw_fail(error, PW_E_ARGUMENT, "objects of at most %g um%d: a voxel has %g", options->max_size,
                       options->size_power, voxel);
    if (options->max_size > 0 && options->max_size / voxel < 1e18)
        filter->most_voxels = most_voxels(options->max_size, voxel);
    return PW_OK;
}

enum pw_status pw_job_choose_filter(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    struct pw_object_filter *filter = &job->filter;
    enum pw_status status = PW_OK;
    *filter = (struct pw_object_filter){.drop_border = options->drop_border};
    if (options->min_size < 0 || options->max_size < 0 || isnan(options->min_size) || isnan(options->max_size))
        return pw_fail(error, PW_E_ARGUMENT, "a size of objects is not a size");
    if (options->min_size > 0 || options->max_size > 0)
        status = take_sizes(job, voxel_size(&job->volume), error);
    if (options->min_voxels > filter->least_voxels)
        filter->least_voxels = options->min_voxels;
    if (options->max_voxels > 0 && (filter->most_voxels == 0 || options->max_voxels < filter->most_voxels))
        filter->most_voxels = options->max_voxels;
    if (status == PW_OK && filter->most_voxels > 0 && filter->least_voxels > filter->most_voxels)
        status = pw_fail(error, PW_E_ARGUMENT, "no object has at least %llu and at most %llu voxels",
                         (unsigned long long)filter->least_voxels, (unsigned long long)filter->most_voxels);
    return status;
}
