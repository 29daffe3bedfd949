/* Which part of the volume is segmented: the box that the options name, else all. */
#include <string.h>

#include "base/error.h"
#include "run/job.h"

enum pw_status pw_job_choose_part(struct pw_job *job, struct pw_error *error)
{
    static const char axis[3] = {'z', 'y', 'x'};
    const struct pw_run_options *options = job->options;
    for (int i = 0; i < 3; i++) {
        uint64_t extent = job->volume.shape[i], start = options->roi_start[i];
        uint64_t end = options->roi_end[i] != 0 ? options->roi_end[i] : extent;
        if (start >= end || end > extent)
            return pw_fail(error, PW_E_ARGUMENT, "--roi %llu:%llu along %c: %s; the image has 0:%llu there",
                           (unsigned long long)start, (unsigned long long)end, axis[i],
                           start >= end ? "is empty" : "ends beyond the image", (unsigned long long)extent);
        job->part.start[i] = start;
        job->part.shape[i] = end - start;
    }
    if (options->in_place && memcmp(job->part.shape, job->volume.shape, sizeof job->part.shape) != 0)
        return pw_fail(error, PW_E_ARGUMENT, "--roi: in place all labels are merged, or those outside would be lost");
    return PW_OK;
}
