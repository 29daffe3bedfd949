/* Smaller levels for an OME-Zarr image that has none: by mean, or of labels by mode. */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "run/image_levels.h"
#include "store/source.h"
#include "sys/host.h"

static enum pw_status choose_rule(struct pw_level_job *job, const struct pw_pyramid_options *options, const char **name,
                                  struct pw_error *error)
{
    static const char *const names[] = {
        [PW_LEVELS_BY_MEAN] = "mean", [PW_LEVELS_BY_MODE] = "mode", [PW_LEVELS_BY_NEAREST] = "nearest"};
    int is_label = job->source->info.is_label;
    enum pw_dtype dtype = job->source->info.dtype;
    job->rule = is_label ? PW_LEVELS_BY_MODE : PW_LEVELS_BY_MEAN;
    for (int i = 0; i < 3 && options->rule != NULL; i++)
        if (strcmp(options->rule, names[i]) == 0)
            job->rule = (enum pw_level_rule)i;
    if (is_label && job->rule == PW_LEVELS_BY_MEAN)
        return pw_fail(error, PW_E_ARGUMENT, "%s: labels have no mean; mode and nearest make levels of them",
                       job->source->path);
    if (job->rule == PW_LEVELS_BY_MODE && (dtype == PW_F16 || dtype == PW_F32 || dtype == PW_F64))
        return pw_fail(error, PW_E_ARGUMENT, "%s: mode is for labels, and these voxels are %s", job->source->path,
                       pw_dtype_name(dtype));
    job->counts_labels = is_label || job->rule == PW_LEVELS_BY_MODE;
    *name = names[job->rule];
    return PW_OK;
}

/* Levels get the axes that the image has, also those of one time point or channel. */
static void take_axes(const struct pw_volume *volume, struct pw_array_axes *axes)
{
    const struct pw_image_info *info = &volume->source->info;
    pw_level_axes(volume, axes);
    for (int a = 0; a < info->rank; a++) {
        axes->has_time |= info->axis[a].kind == 't';
        axes->has_channel |= info->axis[a].kind == 'c';
    }
}

static enum pw_status open_job(struct pw_level_job *job, const struct pw_pyramid_options *options,
                               struct pw_error *error)
{
    struct pw_array_axes axes;
    const char *rule = NULL;
    int threads = options->threads > 0 ? options->threads : pw_host_cpus();
    if (options->store == NULL)
        return pw_fail(error, PW_E_ARGUMENT, "pyramid: no store");
    job->threads = (unsigned)pw_min_u64((uint64_t)threads, 1024);
    job->budget_bytes = pw_host_budget_bytes(options->memory_bytes);
    job->io = options->io;
    job->progress = options->progress;
    job->progress_user = options->progress_user;
    enum pw_status status = pw_source_open(options->store, NULL, NULL, &job->source, error);
    if (status == PW_OK)
        status = pw_level_volume_init(&job->volume, job->source, error);
    if (status == PW_OK)
        status = choose_rule(job, options, &rule, error);
    if (status != PW_OK)
        return status;
    take_axes(&job->volume, &axes);
    status = pw_zarr_extend_open(job->source, &axes, job->volume.shape, rule, options->codec, &job->output, error);
    return status == PW_OK ? pw_level_job_init(job, error) : status;
}

/* Which objects the levels still have. */
static void count_labels(const struct pw_level_job *job, struct pw_convert_result *result)
{
    result->counted_labels = job->counts_labels && job->output->levels.n > 1;
    for (int l = 0; l < job->output->levels.n && result->counted_labels; l++)
        result->counted_labels = pw_distinct_count(&job->labels[l], &result->n_labels[l]);
}

void pw_pyramid_options_init(struct pw_pyramid_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

enum pw_status pw_pyramid(const struct pw_pyramid_options *options, struct pw_convert_result *result,
                          struct pw_error *error)
{
    struct pw_level_job job = {0};
    double began = pw_host_seconds();
    memset(result, 0, sizeof *result);
    enum pw_status status = open_job(&job, options, error);
    if (status == PW_OK && job.output->levels.n > 1) {
        status = job.output->ops->start(job.output, error);
        if (status == PW_OK)
            status = pw_level_job_run(&job, 1, error);
        if (status == PW_OK)
            status = job.output->ops->commit(job.output, NULL, error);
    }
    if (status == PW_OK) {
        result->n_levels = job.output->levels.n;
        result->bytes_written = atomic_load(&job.output->bytes_written);
        count_labels(&job, result);
    }
    result->planned_bytes = job.planned_bytes;
    pw_level_job_release(&job);
    if (job.output != NULL)
        job.output->ops->close(job.output);
    pw_source_close(job.source);
    result->seconds = pw_host_seconds() - began;
    result->peak_memory_bytes = pw_host_peak_memory_bytes();
    return status;
}
