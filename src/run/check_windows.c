/* Whether the windows of the planned tiles are such as the segmenter takes. */
#include "base/error.h"
#include "run/job.h"

static enum pw_status refuse(const struct pw_job *job, int i, uint64_t side, struct pw_error *error)
{
    static const char axis[3] = {'z', 'y', 'x'};
    const struct pw_segmenter *s = &job->segmenter;
    if (s->window_most[i] != 0 && side > s->window_most[i])
        return pw_fail(
            error, PW_E_UNSUPPORTED,
            "--fn %s: takes at most %llu voxels along %c, and a window has %llu; use a smaller --tile or --halo",
            s->name, (unsigned long long)s->window_most[i], axis[i], (unsigned long long)side);
    return pw_fail(
        error, PW_E_UNSUPPORTED,
        "--fn %s: takes multiples of %llu voxels along %c, and a window has %llu; --tile, --halo and the image "
        "have to be such multiples",
        s->name, (unsigned long long)s->window_unit[i], axis[i], (unsigned long long)side);
}

/* The windows in a row along axis i; those of other rows are as long. */
static enum pw_status check_axis(const struct pw_job *job, int i, struct pw_error *error)
{
    const struct pw_grid *grid = &job->grid;
    uint64_t most = job->segmenter.window_most[i], unit = job->segmenter.window_unit[i], step = 1;
    for (int k = i + 1; k < 3; k++)
        step *= grid->count[k];
    for (uint64_t t = 0; t < grid->count[i] && (most != 0 || unit > 1); t++) {
        uint64_t side = pw_grid_window(grid, t * step).shape[i];
        if ((most != 0 && side > most) || (unit > 1 && side % unit != 0))
            return refuse(job, i, side, error);
    }
    return PW_OK;
}

enum pw_status pw_job_check_windows(const struct pw_job *job, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (int i = 0; i < 3 && status == PW_OK; i++)
        status = check_axis(job, i, error);
    return status;
}
