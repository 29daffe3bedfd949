/* pw_remerge(): passes 2 and 3 over a stage that was kept, under the same or another rule. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "merge/record_reader.h"
#include "merge/seams.h"
#include "run/job.h"
#include "run/kept_stage.h"
#include "sys/host.h"

/* Whether the candidates that were kept are those that rule is decided on. */
static int has_candidates(const struct pw_kept *kept, const struct pw_rule *rule)
{
    enum pw_rule_family family = pw_rule_family(rule);
    if (family != pw_rule_family(&kept->rule))
        return 0;
    if (family == PW_FAMILY_TOUCH)
        return rule->connectivity == kept->rule.connectivity;
    return 1; /* the context is the same */
}

/* Compares every tile with its neighbours anew. */
static enum pw_status match_again(struct pw_job *job, struct pw_error *error)
{
    struct pw_record_limits limits;
    struct pw_record_reader reader;
    struct pw_seams seams = {0};
    struct pw_stage seen = job->stage; /* grows tile by tile, so that each seam is matched once */
    pw_job_record_limits(job, &limits);
    seen.entry = pw_alloc(job->grid.n_tiles, sizeof *seen.entry, error);
    if (seen.entry == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_record_reader_init(&reader, &job->grid, &job->stage, error);
    if (status == PW_OK)
        status = pw_edge_file_open(&job->edges, job->scratch_dir, pw_rule_family(&job->sizes.rule), error);
    if (status == PW_OK)
        status = pw_seams_init(&seams, &job->grid, &limits, &seen, &job->sizes.rule, &job->edges, error);
    for (uint64_t tile = 0; tile < job->grid.n_tiles && status == PW_OK; tile++) {
        status = pw_record_reader_load(&reader, tile, error);
        seen.entry[tile] = job->stage.entry[tile];
        if (status == PW_OK)
            status = pw_seams_match(&seams, reader.record, error);
    }
    if (status == PW_OK)
        status = pw_edge_file_flush(&job->edges, error);
    pw_seams_release(&seams);
    pw_record_reader_release(&reader);
    free(seen.entry);
    return status;
}

/* Records keep what lies within the context of the run that made them, and number their labels there. */
static enum pw_status check_context(const struct pw_job *job, const struct pw_kept *kept, struct pw_error *error)
{
    for (int i = 0; i < 3; i++)
        if (job->grid.halo[i] > 0 && job->sizes.rule.context[i] != kept->rule.context[i])
            return pw_fail(error, PW_E_ARGUMENT,
                           "--context %llu: the stage was kept with a context of %llu, and is merged with no other",
                           (unsigned long long)job->sizes.rule.context[i], (unsigned long long)kept->rule.context[i]);
    return PW_OK;
}

/* What is not said is as it was when the stage was made. */
static void take_rule_options(struct pw_run_options *options, const struct pw_kept *kept)
{
    if (options->merge == PW_MERGE_AUTO) {
        options->merge = kept->rule.merge;
        options->metric = options->metric != PW_METRIC_IOU ? options->metric : kept->rule.metric;
    }
    if (options->connectivity == 0)
        options->connectivity = kept->rule.connectivity;
    if (options->context[0] == 0 && options->context[1] == 0 && options->context[2] == 0)
        memcpy(options->context, kept->rule.context, sizeof options->context);
}

static enum pw_status open_job(struct pw_job *job, struct pw_run_options *options, struct pw_kept *kept,
                               struct pw_error *error)
{
    const char *directory = options->input;
    enum pw_status status = pw_kept_open(job, directory, kept, error);
    if (status != PW_OK)
        return status;
    take_rule_options(options, kept);
    options->input = kept->image;
    if (options->output == NULL)
        status = pw_source_open(kept->image, &options->open, directory, &job->source, error);
    if (status == PW_OK)
        status = pw_job_choose_rule(job, error);
    if (status == PW_OK)
        status = pw_job_choose_filter(job, error);
    job->sizes.keeps_rims = job->grid.halo[0] != 0 || job->grid.halo[1] != 0 || job->grid.halo[2] != 0;
    if (status == PW_OK)
        status = check_context(job, kept, error);
    if (status == PW_OK)
        status = pw_job_open_output(job, error);
    return status == PW_OK ? pw_job_plan_merge(job, error) : status;
}

static enum pw_status merge(struct pw_job *job, const struct pw_kept *kept, const char *directory,
                            struct pw_run_result *result, struct pw_error *error)
{
    double began = pw_host_seconds();
    enum pw_status status = has_candidates(kept, &job->sizes.rule)
                                ? pw_kept_open_candidates(job, directory, kept, error)
                                : match_again(job, error);
    result->n_tiles = job->grid.n_tiles;
    result->threshold = NAN;
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
