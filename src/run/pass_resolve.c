/* Pass 2: from candidates to the final number of every local id. */
#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "merge/leftovers.h"
#include "merge/repaint.h"
#include "merge/witness.h"
#include "run/holes.h"
#include "run/reshape.h"

/* The narrowest type that was asked for, or that is usual, and holds n ids. */
static enum pw_status choose_dtype(const struct pw_job *job, enum pw_dtype *dtype, struct pw_error *error)
{
    uint64_t n = job->map.n_objects;
    *dtype = job->options->output_dtype;
    if (*dtype == PW_DTYPE_NONE)
        *dtype = job->in_place_dtype;
    if (*dtype == PW_DTYPE_NONE)
        *dtype = n > UINT32_MAX ? PW_U64 : PW_U32;
    if (n > pw_dtype_unsigned_max(*dtype))
        return pw_fail(error, PW_E_RANGE, "%llu objects do not fit %s labels; leave the type out or use a wider one",
                       (unsigned long long)n, pw_dtype_name(*dtype));
    return PW_OK;
}

/* Numbers the objects of what is in job->stage; filter may be NULL. */
static enum pw_status number(struct pw_job *job, const struct pw_rule *rule, const struct pw_object_filter *filter,
                             struct pw_run_result *result, struct pw_error *error)
{
    const struct pw_resolve_watch watch = {job->options->progress, job->options->progress_user};
    enum pw_status status = pw_resolve(&job->grid, &job->stage, &job->edges, rule, filter, &watch,
                                       job->sizes.resolve_bytes, job->scratch_dir, &job->map, error);
    result->resolve_bytes = pw_max_u64(result->resolve_bytes, job->map.scratch_bytes);
    return status;
}

/* The witness rule: objects that one tile saw whole are painted as it saw them, which makes a new stage. */
static enum pw_status repaint(struct pw_job *job, struct pw_error *error)
{
    struct pw_owners owners;
    struct pw_stage painted = {.file.fd = -1};
    struct pw_edge_file links = {.file.fd = -1};
    enum pw_status status = pw_witness_choose(&job->grid, &job->stage, &job->sizes.rule, &job->map,
                                              job->sizes.resolve_bytes, job->scratch_dir, &owners, error);
    if (status != PW_OK)
        return status;
    status = pw_repaint(&job->grid, &job->stage, &owners, &job->map, job->sizes.resolve_bytes, job->scratch_dir,
                        &painted, &links, NULL, error);
    pw_owners_release(&owners);
    pw_id_map_release(&job->map);
    pw_stage_close(&job->stage);
    pw_edge_file_close(&job->edges);
    job->stage = painted;
    job->edges = links;
    job->sizes.keeps_rims = 0;
    return status;
}

/* One step after the other, each over objects that are numbered; those that are left out are so in their last shape. */
static enum pw_status reshape(struct pw_job *job, const struct pw_rule *certain, struct pw_run_result *result,
                              struct pw_error *error)
{
    int dilates = job->shape.distance > 0;
    enum pw_status status = PW_OK;
    if (job->options->fill_holes) {
        struct pw_holes holes;
        status = pw_holes_find(job, &holes, error);
        job->holes = &holes;
        if (status == PW_OK)
            status = pw_reshape(job, &pw_fill_step, error);
        pw_holes_release(&holes);
        job->holes = NULL;
        if (status == PW_OK)
            status = number(job, certain, dilates ? NULL : &job->filter, result, error);
    }
    if (status == PW_OK && dilates) {
        status = pw_reshape(job, &pw_dilate_step, error);
        if (status == PW_OK)
            status = number(job, certain, &job->filter, result, error);
    }
    result->foreground_voxels = job->stage.n_voxels;
    return status;
}

enum pw_status pw_pass_resolve(struct pw_job *job, struct pw_run_result *result, struct pw_error *error)
{
    struct pw_progress progress = {.pass = PW_PASS_RESOLVE, .done = 0, .total = 1};
    if (job->options->progress != NULL && job->options->progress(&progress, job->options->progress_user) != 0)
        return pw_fail(error, PW_E_CANCELLED, "stopped");
    static const struct pw_rule certain = {.merge = PW_MERGE_TOUCH};
    int repaints = job->sizes.rule.merge == PW_MERGE_WITNESS; /* and objects are filtered as they are painted, */
    int reshapes = pw_job_reshapes(job);                      /* in their final shape */
    const struct pw_object_filter *last = reshapes ? NULL : &job->filter;
    struct pw_object_filter filter = {0};
    struct pw_leftovers leftovers = {0};
    enum pw_status status = PW_OK;
    if (!repaints && last != NULL)
        filter = *last;
    if (job->options->drop_covered) {
        status = pw_leftovers_find(&job->stage, &job->edges, &job->sizes.rule, job->sizes.resolve_bytes,
                                   job->scratch_dir, &leftovers, error);
        filter.left_out = &leftovers;
    }
    if (status == PW_OK)
        status = number(job, &job->sizes.rule, &filter, result, error);
    result->n_leftovers = leftovers.n;
    pw_leftovers_release(&leftovers);
    if (status != PW_OK)
        return status;
    result->n_edges = job->map.n_edges;
    result->stage_bytes = job->stage.end + job->edges.n_written * job->edges.record_bytes;
    if (repaints) {
        status = repaint(job, error);
        if (status == PW_OK)
            status = number(job, &certain, last, result, error);
        result->foreground_voxels = job->stage.n_voxels;
    }
    if (status == PW_OK && reshapes)
        status = reshape(job, &certain, result, error);
    if (status != PW_OK)
        return status;
    result->n_objects = job->map.n_objects;
    result->n_dropped = job->map.n_dropped;
    result->dropped_voxels = job->map.dropped_voxels;
    result->foreground_voxels -= job->map.dropped_voxels;
    return choose_dtype(job, &result->dtype, error);
}
