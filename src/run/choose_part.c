/* Which part of the volume is segmented: the box that the options name, else all. */
#include <string.h>

#include "base/error.h"
#include "run/job.h"
#include "store/crop_source.h"

static const char axis[3] = {'z', 'y', 'x'};

/* The box that the options name, in an image of shape. */
static enum pw_status find_box(const struct pw_run_options *options, const uint64_t shape[3], struct pw_box *box,
                               struct pw_error *error)
{
    for (int i = 0; i < 3; i++) {
        uint64_t extent = shape[i], start = options->roi_start[i];
        uint64_t end = options->roi_end[i] != 0 ? options->roi_end[i] : extent;
        if (start >= end || end > extent)
            return pw_fail(error, PW_E_ARGUMENT, "--roi %llu:%llu along %c: %s; the image has 0:%llu there",
                           (unsigned long long)start, (unsigned long long)end, axis[i],
                           start >= end ? "is empty" : "ends beyond the image", (unsigned long long)extent);
        box->start[i] = start;
        box->shape[i] = end - start;
    }
    return PW_OK;
}

/* With roi_alone: the source becomes the box, before anything else is asked of it. */
enum pw_status pw_job_crop(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    const struct pw_image_info *info = &job->source->info;
    struct pw_region region = {.rank = info->rank};
    struct pw_box box;
    if (!options->roi_alone)
        return PW_OK;
    if (options->output == NULL)
        return pw_fail(error, PW_E_ARGUMENT, "a box that is taken for the image needs an output of its own");
    enum pw_status status = find_box(options, job->volume.shape, &box, error);
    if (status != PW_OK)
        return status;
    memcpy(region.shape, info->shape, sizeof region.shape);
    for (int i = 0; i < 3; i++)
        if (job->volume.axis[i] >= 0) {
            region.start[job->volume.axis[i]] = box.start[i];
            region.shape[job->volume.axis[i]] = box.shape[i];
        }
    status = pw_crop_source(&job->source, &region, error);
    for (int i = 0; i < 3; i++)
        job->crop_start[i] = job->volume.axis[i] >= 0 ? region.start[job->volume.axis[i]] : 0;
    return status == PW_OK ? pw_volume_init_space(&job->volume, job->source, error) : status;
}

enum pw_status pw_job_choose_part(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    memset(&job->part, 0, sizeof job->part);
    memcpy(job->part.shape, job->volume.shape, sizeof job->part.shape);
    if (options->roi_alone)
        return PW_OK;
    enum pw_status status = find_box(options, job->volume.shape, &job->part, error);
    if (status == PW_OK && options->in_place && memcmp(job->part.shape, job->volume.shape, sizeof job->part.shape) != 0)
        return pw_fail(error, PW_E_ARGUMENT, "--roi: in place all labels are merged, or those outside would be lost");
    return status;
}
