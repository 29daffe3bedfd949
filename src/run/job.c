/* Opening a job: input, volume, segmenter, output, scratch, and the plan over them. */
#include "run/job.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "run/journal.h"
#include "run/kept_maxima.h"
#include "run/kept_stage.h"
#include "run/mask_tiles.h"
#include "run/reshape.h"
#include "run/run_objects.h"
#include "run/scratch_place.h"
#include "run/skip_empty.h"

enum pw_status pw_job_choose_scratch(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    return pw_scratch_choose(options->scratch_dir, options->output != NULL ? options->output : options->input,
                             job->scratch_dir, sizeof job->scratch_dir, error);
}

static enum pw_status check_output_dtype(const struct pw_job *job, struct pw_error *error)
{
    enum pw_dtype dtype = job->options->output_dtype;
    if (dtype != PW_DTYPE_NONE && dtype != PW_U8 && dtype != PW_U16 && dtype != PW_U32 && dtype != PW_U64)
        return pw_fail(error, PW_E_ARGUMENT, "labels cannot be %s; use uint8, uint16, uint32 or uint64",
                       pw_dtype_name(dtype));
    return PW_OK;
}

enum pw_status pw_job_open_output(struct pw_job *job, struct pw_error *error)
{
    enum pw_status status = pw_job_choose_scratch(job, error);
    if (status == PW_OK)
        status = check_output_dtype(job, error);
    if (status == PW_OK)
        status = pw_job_choose_output(job, error);
    return status == PW_OK ? pw_job_check_inputs(job, error) : status;
}

void pw_job_init(struct pw_job *job, const struct pw_run_options *options)
{
    memset(job, 0, sizeof *job);
    job->options = options;
    job->stage.file.fd = job->edges.file.fd = job->map.file.fd = -1;
}

enum pw_status pw_job_open(struct pw_job *job, const struct pw_run_options *options, struct pw_error *error)
{
    pw_job_init(job, options);
    if (options->input == NULL)
        return pw_fail(error, PW_E_ARGUMENT, "no input image");
    if (options->output == NULL && !options->in_place && strcmp(options->input, "-") == 0)
        return pw_fail(error, PW_E_ARGUMENT, "an image from standard input needs an output; use -o");
    enum pw_status status = pw_job_choose_scratch(job, error);
    if (status == PW_OK)
        status = pw_source_open(options->input, &options->open, job->scratch_dir, &job->source, error);
    if (status == PW_OK)
        status = pw_volume_init_space(&job->volume, job->source, error);
    if (status == PW_OK)
        status = pw_job_crop(job, error);
    if (status == PW_OK)
        status = pw_volume_choose_time(&job->volume, options->time, options->n_times, error);
    if (status == PW_OK)
        status = pw_job_choose_part(job, error);
    if (status == PW_OK)
        status = pw_job_open_mask(job, error);
    if (status == PW_OK)
        status = pw_skip_check(job, error);
    if (status == PW_OK)
        status = pw_segmenter_open(&job->segmenter, options, &job->volume, error);
    if (status == PW_OK)
        status = pw_job_choose_channels(job, error);
    if (status == PW_OK)
        status = pw_job_suggest_tile(job, error);
    if (status == PW_OK)
        status = pw_job_check_halo(job, error);
    if (status == PW_OK)
        status = pw_job_choose_rule(job, error);
    if (status == PW_OK)
        status = pw_job_choose_filter(job, error);
    if (status == PW_OK && options->keep_stage != NULL)
        status = pw_kept_check(job, error);
    if (status == PW_OK)
        status = pw_journal_find(job, error);
    if (status == PW_OK)
        status = pw_job_choose_shape(job, error);
    if (status == PW_OK)
        status = pw_job_open_output(job, error);
    if (status == PW_OK && job->is_done)
        return PW_OK;
    if (status == PW_OK)
        status = pw_run_objects_open(job, error);
    if (status == PW_OK)
        status = pw_job_plan(job, error);
    if (status == PW_OK)
        status = pw_job_check_windows(job, error);
    if (status == PW_OK)
        status = pw_journal_check(job, error);
    if (status != PW_OK)
        pw_job_close(job);
    return status;
}

void pw_job_close(struct pw_job *job)
{
    pw_run_objects_close(job);
    if (job->sink != NULL)
        pw_sink_close(job->sink);
    job->sink = NULL;
    pw_journal_release(job);
    pw_id_map_release(&job->map);
    pw_edge_file_close(&job->edges);
    pw_stage_close(&job->stage);
    pw_segmenter_close(&job->segmenter);
    pw_mask_close(&job->mask);
    pw_maxima_close(job);
    pw_source_close(job->source);
    job->source = NULL;
}
