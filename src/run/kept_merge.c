#include "run/kept_merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "merge/leftovers.h"
#include "merge/record_reader.h"
#include "merge/repaint.h"
#include "merge/seams.h"
#include "run/reshape.h"

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

static void take_reshape_options(struct pw_run_options *options, const struct pw_kept *kept)
{
    if (options->reshape_is_said || options->fill_holes || options->dilate > 0)
        return;
    options->fill_holes = kept->fill_holes;
    options->dilate = kept->dilate;
    options->dilate_micrometers = kept->dilate_micrometers;
}

enum pw_status pw_kept_choose_rule(struct pw_job *job, struct pw_run_options *options, const struct pw_kept *kept,
                                   struct pw_error *error)
{
    take_rule_options(options, kept);
    take_reshape_options(options, kept);
    enum pw_status status = pw_job_choose_rule(job, error);
    if (status == PW_OK)
        status = pw_job_choose_filter(job, error);
    if (status == PW_OK)
        status = pw_job_choose_shape(job, error);
    job->sizes.keeps_rims = job->grid.halo[0] != 0 || job->grid.halo[1] != 0 || job->grid.halo[2] != 0;
    return status == PW_OK ? check_context(job, kept, error) : status;
}

enum pw_status pw_kept_open_to_look(struct pw_job *job, struct pw_run_options *options, struct pw_kept *kept,
                                    struct pw_error *error)
{
    memset(kept, 0, sizeof *kept);
    if (options->struct_size != sizeof *options)
        return pw_fail(error, PW_E_ARGUMENT, "struct pw_run_options of %zu bytes, this library has %zu",
                       options->struct_size, sizeof *options);
    if (options->input == NULL)
        return pw_fail(error, PW_E_ARGUMENT, "no kept stage");
    options->output = NULL; /* scratch files go beside the stage */
    enum pw_status status = pw_kept_open(job, options->input, kept, error);
    if (status == PW_OK)
        status = pw_kept_choose_rule(job, options, kept, error);
    return status == PW_OK ? pw_job_choose_scratch(job, error) : status;
}

enum pw_status pw_kept_find_candidates(struct pw_job *job, const char *directory, const struct pw_kept *kept,
                                       struct pw_error *error)
{
    return has_candidates(kept, &job->sizes.rule) ? pw_kept_open_candidates(job, directory, kept, error)
                                                  : match_again(job, error);
}

/* ---- objects ----------------------------------------------------------- */

static enum pw_status paint(struct pw_job *job, struct pw_kept_objects *o, struct pw_error *error)
{
    static const struct pw_rule certain = {.merge = PW_MERGE_TOUCH};
    const struct pw_resolve_watch watch = {job->options->progress, job->options->progress_user};
    struct pw_edge_file links = {.file.fd = -1};
    uint64_t memory = job->sizes.resolve_bytes;
    enum pw_status status = pw_witness_choose(&job->grid, &job->stage, &job->sizes.rule, &o->parts, memory,
                                              job->scratch_dir, &o->owners, error);
    if (status == PW_OK)
        status = pw_repaint(&job->grid, &job->stage, &o->owners, &o->parts, memory, job->scratch_dir, &o->painted,
                            &links, &o->origins, error);
    if (status == PW_OK)
        status = pw_resolve(&job->grid, &o->painted, &links, &certain, &job->filter, &watch, memory, job->scratch_dir,
                            &o->painted_map, error);
    pw_edge_file_close(&links);
    o->final_stage = &o->painted;
    o->final_map = &o->painted_map;
    o->is_painted = 1;
    return status;
}

/* The objects of the labels as tiles saw them; filter may be NULL. */
static enum pw_status join(struct pw_job *job, const struct pw_object_filter *filter, struct pw_id_map *map,
                           struct pw_error *error)
{
    struct pw_object_filter what = filter != NULL ? *filter : (struct pw_object_filter){0};
    const struct pw_resolve_watch watch = {job->options->progress, job->options->progress_user};
    struct pw_leftovers leftovers = {0};
    const struct pw_rule *rule = &job->sizes.rule;
    uint64_t memory = job->sizes.resolve_bytes;
    enum pw_status status = PW_OK;
    if (job->options->drop_covered) {
        status = pw_leftovers_find(&job->stage, &job->edges, rule, memory, job->scratch_dir, &leftovers, error);
        what.left_out = &leftovers;
    }
    if (status == PW_OK)
        status =
            pw_resolve(&job->grid, &job->stage, &job->edges, rule, &what, &watch, memory, job->scratch_dir, map, error);
    pw_leftovers_release(&leftovers);
    return status;
}

enum pw_status pw_kept_resolve(struct pw_job *job, struct pw_kept_objects *objects, struct pw_error *error)
{
    memset(objects, 0, sizeof *objects);
    objects->parts.file.fd = objects->painted_map.file.fd = objects->owners.file.fd = -1;
    objects->painted.file.fd = objects->origins.fd = -1;
    objects->final_stage = &job->stage;
    objects->final_map = &objects->parts;
    int paints = job->sizes.rule.merge == PW_MERGE_WITNESS; /* and objects are filtered as they are painted */
    enum pw_status status = join(job, paints ? NULL : &job->filter, &objects->parts, error);
    return status == PW_OK && paints ? paint(job, objects, error) : status;
}

void pw_kept_objects_release(struct pw_kept_objects *objects)
{
    pw_owners_release(&objects->owners);
    pw_id_map_release(&objects->parts);
    pw_id_map_release(&objects->painted_map);
    pw_stage_close(&objects->painted);
    if (objects->is_painted)
        pw_scratch_close(&objects->origins);
}

uint64_t pw_kept_objects_memory_bytes(uint64_t n_tiles)
{
    return 2 * pw_id_map_memory_bytes(n_tiles) + pw_stage_memory_bytes(n_tiles);
}
