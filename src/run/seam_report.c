/* pw_seams(): how good the seams of a kept stage are. */
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "merge/record_reader.h"
#include "qc/seam_pass.h"
#include "run/kept_merge.h"

static uint64_t look_bytes(const struct pw_job *job, const struct pw_record_limits *limits)
{
    uint64_t labels = pw_stage_most_labels(&job->stage), record = pw_stage_largest_record(&job->stage);
    if (job->sizes.rule.merge == PW_MERGE_WITNESS) { /* a painted core may have more labels and more runs */
        struct pw_record_limits painted = *limits;
        memcpy(painted.shape, job->grid.tile, sizeof painted.shape);
        labels = pw_max_u64(labels, pw_record_labels_max(&painted));
        record = pw_max_u64(record, pw_record_bytes_max(&painted));
    }
    return pw_kept_objects_memory_bytes(job->grid.n_tiles) +
           pw_seam_pass_memory_bytes(&job->grid, limits, &job->sizes.rule, labels, record);
}

static void describe(const struct pw_job *job, struct pw_seams_result *result)
{
    pw_rule_describe(&job->sizes.rule, result->merge, sizeof result->merge);
    result->rank = job->volume.rank;
    memcpy(result->volume, job->grid.volume, sizeof result->volume);
    result->times = job->grid.times;
    memcpy(result->tile, job->grid.tile, sizeof result->tile);
    memcpy(result->halo, job->grid.halo, sizeof result->halo);
    memcpy(result->grid, job->grid.count, sizeof result->grid);
}

enum pw_status pw_seams(const struct pw_run_options *given, pw_seam_fn each, void *user, struct pw_seams_result *result,
                        struct pw_error *error)
{
    struct pw_run_options options = *given;
    struct pw_kept kept;
    struct pw_job job;
    struct pw_kept_objects objects = {0};
    struct pw_record_limits limits;
    memset(result, 0, sizeof *result);
    pw_job_init(&job, &options);
    enum pw_status status = pw_kept_open_to_look(&job, &options, &kept, error);
    if (status != PW_OK)
        goto out;
    memset(&job.filter, 0, sizeof job.filter); /* what is left out has seams too */
    pw_job_record_limits(&job, &limits);
    status = pw_job_plan_look(&job, look_bytes(&job, &limits), error);
    if (status == PW_OK)
        status = pw_kept_find_candidates(&job, given->input, &kept, error);
    if (status == PW_OK)
        status = pw_kept_resolve(&job, &objects, error);
    if (status != PW_OK)
        goto out;
    struct pw_seam_pass pass = {.grid = &job.grid,
                                .seen = {&job.stage, &objects.parts},
                                .final = {objects.final_stage, objects.final_map},
                                .limits = &limits,
                                .rule = &job.sizes.rule,
                                .with_overlaps = job.sizes.keeps_rims,
                                .of_instances = !job.segmenter.components,
                                .memory_bytes = job.sizes.resolve_bytes,
                                .scratch_dir = job.scratch_dir,
                                .each = each,
                                .user = user};
    describe(&job, result);
    status = pw_seam_pass_run(&pass, result, error);
out:
    pw_kept_objects_release(&objects);
    pw_job_close(&job);
    return status;
}
