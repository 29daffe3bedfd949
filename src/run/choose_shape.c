/* What is done to the shapes of objects: from the options and the calibration of the volume. */
#include <math.h>

#include "base/error.h"
#include "run/reshape.h"
#include "segment/lengths.h"

/* Further than this the neighbourhood of a voxel is no neighbourhood any more. */
enum {
    RADIUS_MAX = 1000
};

enum pw_status pw_job_choose_shape(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    double step[3] = {1, 1, 1};
    enum pw_status status = PW_OK;
    job->shape = (struct pw_expand){0};
    if (!(options->dilate >= 0 && isfinite(options->dilate)))
        return pw_fail(error, PW_E_ARGUMENT, "--dilate %g is not a distance", options->dilate);
    if (options->dilate > 0 && options->dilate_micrometers)
        status = pw_voxel_micrometers(&job->volume, "--dilate", "in um", step, error);
    if (status != PW_OK || !(options->dilate > 0))
        return status;
    for (int i = 0; i < 3; i++) {
        step[i] = i < 3 - job->volume.rank ? 0 : step[i];
        if (step[i] > 0 && options->dilate / step[i] > RADIUS_MAX)
            return pw_fail(error, PW_E_ARGUMENT, "--dilate %g%s is %g voxels; at most %d", options->dilate,
                           options->dilate_micrometers ? "um" : "", options->dilate / step[i], RADIUS_MAX);
    }
    pw_expand_init(&job->shape, options->dilate, step);
    return PW_OK;
}

int pw_job_reshapes(const struct pw_job *job)
{
    return job->shape.distance > 0 || job->options->fill_holes;
}
