/* pw_remerge(): passes 2 and 3 over a stage that was kept, under the same or another rule. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "run/job.h"
#include "run/kept_merge.h"
#include "sys/host.h"

static enum pw_status open_job(struct pw_job *job, struct pw_run_options *options, struct pw_kept *kept,
                               struct pw_error *error)
{
    const char *directory = options->input;
    enum pw_status status = pw_kept_open(job, directory, kept, error);
    if (status != PW_OK)
        return status;
    options->input = kept->image;
    if (options->output == NULL)
        status = pw_source_open(kept->image, &options->open, directory, &job->source, error);
    if (status == PW_OK)
        status = pw_kept_choose_rule(job, options, kept, error);
    if (status == PW_OK)
        status = pw_job_open_output(job, error);
    return status == PW_OK ? pw_job_plan_merge(job, error) : status;
}

static enum pw_status merge(struct pw_job *job, const struct pw_kept *kept, const char *directory,
                            struct pw_run_result *result, struct pw_error *error)
{
    double began = pw_host_seconds();
    enum pw_status status = pw_kept_find_candidates(job, directory, kept, error);
    result->n_tiles = job->grid.n_tiles;
    result->threshold = result->skip_level = NAN;
    result->foreground_voxels = job->stage.n_voxels;
    for (uint64_t tile = 0; tile < job->grid.n_tiles; tile++) {
        result->n_tile_labels += job->stage.entry[tile].n_labels;
        result->n_empty_tiles += job->stage.entry[tile].n_labels == 0;
    }
    if (status == PW_OK)
        status = pw_pass_resolve(job, result, error);
    result->seconds[PW_PASS_RESOLVE] = pw_host_seconds() - began;
    began = pw_host_seconds();
    if (status == PW_OK)
        status = pw_pass_emit(job, result, error);
    result->seconds[PW_PASS_EMIT] = pw_host_seconds() - began;
    return status;
}

enum pw_status pw_remerge(const struct pw_run_options *given, struct pw_run_result *result, struct pw_error *error)
{
    struct pw_run_options options = *given;
    struct pw_kept kept;
    struct pw_job job;
    memset(result, 0, sizeof *result);
    memset(&kept, 0, sizeof kept);
    if (given->struct_size != sizeof *given)
        return pw_fail(error, PW_E_ARGUMENT, "struct pw_run_options of %zu bytes, this library has %zu",
                       given->struct_size, sizeof *given);
    if (given->input == NULL)
        return pw_fail(error, PW_E_ARGUMENT, "no kept stage");
    if (given->objects != NULL)
        return pw_fail(error, PW_E_ARGUMENT,
                       "a kept stage has no voxels to measure; use pw_measure() on the labels and the image");
    pw_job_init(&job, &options);
    enum pw_status status = open_job(&job, &options, &kept, error);
    if (status == PW_OK)
        status = merge(&job, &kept, given->input, result, error);
    if (job.sink != NULL)
        (void)snprintf(result->output, sizeof result->output, "%s", job.sink->path);
    pw_job_close(&job);
    result->peak_memory_bytes = pw_host_peak_memory_bytes();
    return status;
}
