/* Which channels of the image the segmenter gets. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "run/job.h"

/* What was asked for: channels by number or name, or nothing. */
static enum pw_status take_choice(const struct pw_job *job, uint64_t channel[PW_VOLUME_CHANNELS_MAX], uint32_t *n,
                                  struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    *n = 0;
    if (options->channels != NULL)
        return pw_volume_parse_channels(&job->volume, options->channels, channel, n, error);
    if (options->channel >= 0)
        channel[(*n)++] = (uint64_t)options->channel;
    return PW_OK;
}

/* All channels of the image, for a function that takes so many. */
static enum pw_status take_all(const struct pw_job *job, uint32_t wanted, uint64_t channel[PW_VOLUME_CHANNELS_MAX],
                               uint32_t *n, struct pw_error *error)
{
    const struct pw_volume *volume = &job->volume;
    if (wanted == 1 && volume->image_channels > 1)
        return pw_volume_no_channel(volume, error);
    if (wanted != PW_CHANNELS_ALL && volume->image_channels != wanted)
        return pw_fail(error, PW_E_ARGUMENT, "--fn %s: works on %u channels together, and %s has %llu%s",
                       job->segmenter.name, wanted, volume->source->path, (unsigned long long)volume->image_channels,
                       volume->image_channels > wanted ? "; choose them with --channel, such as --channel 0,1" : "");
    return pw_volume_parse_channels(volume, "all", channel, n, error);
}

enum pw_status pw_job_choose_channels(struct pw_job *job, struct pw_error *error)
{
    uint64_t channel[PW_VOLUME_CHANNELS_MAX] = {0};
    uint32_t wanted = job->segmenter.channels, n;
    enum pw_status status = take_choice(job, channel, &n, error);
    if (status != PW_OK)
        return status;
    if (n == 0)
        status = take_all(job, wanted, channel, &n, error);
    else if (job->options->segment == NULL && wanted != PW_CHANNELS_ALL && wanted != n)
        status = wanted == 1 ? pw_fail(error, PW_E_ARGUMENT, "--fn %s: takes one channel, and --channel %s are %u",
                                       job->segmenter.name, job->options->channels, n)
                             : pw_fail(error, PW_E_ARGUMENT, "--fn %s: works on %u channels together, and %u %s chosen",
                                       job->segmenter.name, wanted, n, n == 1 ? "is" : "are");
    return status == PW_OK ? pw_volume_choose_channels(&job->volume, channel, n, error) : status;
}
