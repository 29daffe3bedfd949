/* Which channels of the image the segmenter gets. */
#include <string.h>

#include "base/error.h"
#include "run/job.h"

enum pw_status pw_job_choose_channels(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    struct pw_volume *volume = &job->volume;
    uint64_t channel[PW_VOLUME_CHANNELS_MAX] = {0};
    uint32_t n = 1;
    enum pw_status status = PW_OK;
    if (options->channels != NULL)
        status = pw_volume_parse_channels(volume, options->channels, channel, &n, error);
    else if (options->channel >= 0)
        channel[0] = (uint64_t)options->channel;
    else if (volume->image_channels > 1)
        return pw_volume_no_channel(volume, error);
    if (status == PW_OK)
        status = pw_volume_choose_channels(volume, channel, n, error);
    if (status == PW_OK && n > 1)
        return pw_fail(error, PW_E_ARGUMENT, "--fn %s: takes one channel, and --channel %s are %u", job->segmenter.name,
                       options->channels, n);
    return status;
}
