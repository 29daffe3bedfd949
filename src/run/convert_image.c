/* Any image into another format: all its time points and channels, and in OME-Zarr smaller levels by mean. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "run/image_levels.h"
#include "sys/host.h"

static double value_of(enum pw_dtype dtype, const struct pw_range *range, int high)
{
    switch (dtype) {
    case PW_F16:
    case PW_F32:
    case PW_F64: return high ? range->max_f : range->min_f;
    case PW_I8:
    case PW_I16:
    case PW_I32:
    case PW_I64: return (double)(high ? range->max_i : range->min_i);
    default: return (double)(high ? range->max_u : range->min_u);
    }
}

/* The values of each channel, which viewers set their sliders by. */
static enum pw_status commit(struct pw_level_job *job, struct pw_error *error)
{
    enum pw_dtype dtype = job->source->info.dtype;
    uint64_t n = job->volume.image_channels;
    struct pw_image_window *window = pw_alloc(n, sizeof *window, error);
    if (window == NULL)
        return PW_E_NOMEM;
    for (uint64_t c = 0; c < n; c++) {
        struct pw_range range = {0};
        for (unsigned i = 0; i < job->threads; i++)
            pw_range_merge(&range, dtype, &job->worker[i].range[c]);
        window[c] = (struct pw_image_window){1, 0};
        if (range.seen)
            window[c] = (struct pw_image_window){value_of(dtype, &range, 0), value_of(dtype, &range, 1)};
    }
    enum pw_status status = job->output->ops->commit(job->output, window, error);
    free(window);
    return status;
}

static enum pw_status open_output(struct pw_level_job *job, const struct pw_convert_options *options,
                                  struct pw_error *error)
{
    const struct pw_image_info *info = &job->source->info;
    struct pw_image_request request = {
        .path = options->output,
        .overwrite = options->overwrite,
        .dtype = info->dtype,
        .ngff = options->ngff != NULL ? options->ngff : "0.5",
        .codec = options->codec,
        .pyramid = !options->no_pyramid,
    };
    if ((uint64_t)info->n_channel_names == job->volume.image_channels)
        request.channel_name = info->channel_names;
    if ((uint64_t)info->n_channel_shows == job->volume.image_channels)
        request.channel_show = info->channel_shows;
    pw_level_axes(&job->volume, &request.axes);
    request.axes.has_time = job->volume.keeps_time;
    request.axes.has_channel = job->volume.image_channels > 1;
    memcpy(request.shape, job->volume.shape, sizeof request.shape);
    memcpy(request.source_chunk, job->volume.chunk, sizeof request.source_chunk);
    memcpy(request.chunk, options->chunk, sizeof request.chunk);
    memcpy(request.shard, options->shard, sizeof request.shard);
    return pw_image_output_open(options->output_format, &request, &job->output, error);
}

static enum pw_status open_job(struct pw_level_job *job, const struct pw_convert_options *options,
                               struct pw_error *error)
{
    if (options->input == NULL || options->output == NULL)
        return pw_fail(error, PW_E_ARGUMENT, "convert: an input and an output are needed");
    int threads = options->threads > 0 ? options->threads : pw_host_cpus();
    job->threads = (unsigned)pw_min_u64((uint64_t)threads, 1024);
    job->budget_bytes = pw_host_budget_bytes(options->memory_bytes);
    job->io = options->io;
    job->progress = options->progress;
    job->progress_user = options->progress_user;
    enum pw_status status = pw_source_open(options->input, &options->open, options->scratch_dir, &job->source, error);
    if (status == PW_OK)
        status = pw_level_volume_init(&job->volume, job->source, error);
    if (status == PW_OK)
        status = open_output(job, options, error);
    if (status == PW_OK)
        status = pw_source_keep(job->source, options->output, error);
    return status == PW_OK ? pw_level_job_init(job, error) : status;
}

void pw_convert_options_init(struct pw_convert_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

enum pw_status pw_convert_image(const struct pw_convert_options *options, struct pw_convert_result *result,
                                struct pw_error *error)
{
    struct pw_level_job job = {.rule = PW_LEVELS_BY_MEAN};
    double began = pw_host_seconds();
    memset(result, 0, sizeof *result);
    enum pw_status status = open_job(&job, options, error);
    if (status == PW_OK)
        status = job.output->ops->start(job.output, error);
    if (status == PW_OK)
        status = pw_level_job_run(&job, 0, error);
    if (status == PW_OK)
        status = commit(&job, error);
    if (status == PW_OK) {
        result->n_levels = job.output->levels.n;
        result->bytes_written = atomic_load(&job.output->bytes_written);
    }
    result->bytes_read = job.bytes_read;
    result->planned_bytes = job.planned_bytes;
    pw_level_job_release(&job);
    if (job.output != NULL)
        job.output->ops->close(job.output);
    pw_source_close(job.source);
    result->seconds = pw_host_seconds() - began;
    result->peak_memory_bytes = pw_host_peak_memory_bytes();
    return status;
}
