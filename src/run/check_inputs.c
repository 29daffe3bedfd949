/* Whether a run would write over what it reads: --overwrite replaces results, never an input. */
#include <string.h>

#include "run/job.h"
#include "store/tiles_source.h"
#include "sys/same_file.h"

static enum pw_status keep_path(const char *input, const char *output, struct pw_error *error)
{
    return input != NULL && pw_file_is_within(input, output) ? pw_source_refuse_output(input, output, error) : PW_OK;
}

static enum pw_status keep_tiles(const struct pw_tile_list *tiles, const char *output, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (uint64_t i = 0; tiles != NULL && i < tiles->n_tiles && status == PW_OK; i++)
        status = keep_path(tiles->path[i], output, error);
    return status;
}

static enum pw_status keep_all(const struct pw_job *job, const char *output, struct pw_error *error)
{
    enum pw_status status = pw_source_keep(job->source, output, error);
    if (status == PW_OK && job->source == NULL) /* merged from a stage, which knows the image's name only */
        status = keep_path(job->options->input, output, error);
    if (status == PW_OK)
        status = pw_source_keep(job->mask.source, output, error);
    if (status == PW_OK)
        status = keep_path(job->segmenter.second_image, output, error);
    return status == PW_OK ? keep_tiles(job->segmenter.tiles, output, error) : status;
}

enum pw_status pw_job_check_inputs(const struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    if (options->in_place || !options->overwrite)
        return PW_OK;
    enum pw_status status = keep_all(job, job->sink->path, error);
    return status == PW_OK && options->output != NULL ? keep_all(job, options->output, error) : status;
}
