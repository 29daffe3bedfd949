#include "run/kept_stage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "codec/codec.h"
#include "sys/file.h"
#include "sys/tree.h"

#define PLAN_VERSION 2

typedef struct json_object json;

/* ---- keeping ----------------------------------------------------------- */

static enum pw_status checksum_file(const struct pw_scratch *file, uint32_t *checksum, uint64_t *bytes,
                                    struct pw_error *error)
{
    enum {
        PIECE = 1 << 20
    };
    unsigned char *buffer = pw_alloc(PIECE, 1, error);
    enum pw_status status = buffer == NULL ? PW_E_NOMEM : pw_scratch_bytes(file, bytes, error);
    *checksum = 0;
    for (uint64_t at = 0; status == PW_OK && at < *bytes; at += PIECE) {
        size_t n = (size_t)pw_min_u64(PIECE, *bytes - at);
        status = pw_file_read_exactly(file->fd, buffer, n, at, file->name, error);
        if (status == PW_OK)
            *checksum = pw_crc32c(*checksum, buffer, n);
    }
    free(buffer);
    return status;
}

static void put(json *object, const char *key, json *value)
{
    (void)json_object_object_add(object, key, value);
}

static json *list_of(const uint64_t value[3])
{
    json *list = json_object_new_array();
    for (int i = 0; i < 3; i++)
        (void)json_object_array_add(list, json_object_new_uint64(value[i]));
    return list;
}

static json *text_of(const char *text)
{
    return json_object_new_string(text);
}

static json *axes_of(const struct pw_axis *axis, int n)
{
    json *list = json_object_new_array();
    for (int i = 0; i < n; i++) {
        json *one = json_object_new_object();
        put(one, "name", text_of(axis[i].name));
        put(one, "unit", text_of(axis[i].unit));
        put(one, "scale", json_object_new_double(axis[i].scale));
        put(one, "translation", json_object_new_double(axis[i].translation));
        (void)json_object_array_add(list, one);
    }
    return list;
}

static json *segmenter_of(const struct pw_segmenter *segmenter)
{
    json *object = json_object_new_object();
    put(object, "text", text_of(segmenter->text));
    put(object, "name", text_of(segmenter->name));
    put(object, "components", json_object_new_boolean(segmenter->components));
    put(object, "connectivity", json_object_new_int(segmenter->connectivity));
    put(object, "labels_may_touch", json_object_new_boolean(segmenter->labels_may_touch));
    put(object, "joins_equal_only", json_object_new_boolean(segmenter->joins_equal_only));
    put(object, "labels_core_only", json_object_new_boolean(segmenter->labels_core_only));
    return object;
}

static json *rule_of(const struct pw_rule *rule)
{
    json *object = json_object_new_object();
    put(object, "merge", json_object_new_uint64(rule->merge));
    put(object, "connectivity", json_object_new_int(rule->connectivity));
    put(object, "metric", json_object_new_uint64(rule->metric));
    put(object, "tau", json_object_new_double(rule->tau));
    put(object, "min_contact", json_object_new_uint64(rule->min_contact));
    put(object, "context", list_of(rule->context));
    return object;
}

static json *reshape_of(const struct pw_run_options *options)
{
    json *object = json_object_new_object();
    put(object, "fill_holes", json_object_new_boolean(options->fill_holes));
    put(object, "dilate", json_object_new_double(options->dilate));
    put(object, "dilate_micrometers", json_object_new_boolean(options->dilate_micrometers));
    return object;
}

static json *plan_of(const struct pw_job *job, uint64_t candidates_bytes, uint32_t checksum)
{
    char absolute[4096];
    json *plan = json_object_new_object();
    const char *given = job->source->group[0] != '\0' ? job->source->group : job->options->input;
    const char *image = realpath(given, absolute) != NULL ? absolute : given;
    put(plan, "patchworks_stage", json_object_new_int(PLAN_VERSION));
    put(plan, "image", text_of(image));
    put(plan, "rank", json_object_new_int(job->volume.rank));
    put(plan, "volume", list_of(job->grid.volume));
    put(plan, "part_start", list_of(job->part.start));
    put(plan, "part_shape", list_of(job->part.shape));
    put(plan, "axes", axes_of(job->volume.space, 3));
    put(plan, "times", json_object_new_uint64(job->grid.times));
    put(plan, "time_axis", axes_of(&job->volume.time, job->volume.keeps_time ? 1 : 0));
    put(plan, "tile", list_of(job->grid.tile));
    put(plan, "halo", list_of(job->grid.halo));
    put(plan, "segmenter", segmenter_of(&job->segmenter));
    put(plan, "rule", rule_of(&job->sizes.rule));
    put(plan, "reshape", reshape_of(job->options));
    put(plan, "candidates_bytes", json_object_new_uint64(candidates_bytes));
    put(plan, "candidates_crc32c", json_object_new_uint64(checksum));
    return plan;
}

enum pw_status pw_kept_commit(struct pw_job *job, struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES + 32];
    uint32_t checksum;
    uint64_t bytes = 0;
    enum pw_status status = checksum_file(&job->edges.file, &checksum, &bytes, error);
    if (status != PW_OK)
        return status;
    json *plan = plan_of(job, bytes, checksum);
    const char *text = json_object_to_json_string_ext(plan, JSON_C_TO_STRING_PRETTY);
    (void)snprintf(path, sizeof path, "%s/%s", job->journal.path, PW_KEPT_PLAN_FILE);
    status = pw_tree_put_file(path, text, strlen(text), 0, error);
    json_object_put(plan);
    if (status == PW_OK)
        status = pw_tree_sync(job->journal.path, error);
    if (status == PW_OK)
        status = pw_tree_publish(job->journal.path, job->kept_path, job->options->overwrite, error);
    if (status != PW_OK)
        return status;
    pw_tree_remove(job->journal.path); /* the one that was replaced, if any */
    (void)snprintf(job->journal.path, sizeof job->journal.path, "%s", job->kept_path);
    job->journal.is_kept = 1;
    return PW_OK;
}

/* ---- opening ----------------------------------------------------------- */

static enum pw_status wrong(const struct pw_json *plan, const char *key, struct pw_error *error)
{
    return pw_fail(error, PW_E_FORMAT, "%s: \"%s\" is missing or not what a stage has there", plan->path, key);
}

static enum pw_status take_box(const struct pw_json *plan, const char *key, uint64_t box[3], struct pw_error *error)
{
    int n = 0;
    enum pw_status status = pw_json_u64_list(plan, key, 3, box, &n, error);
    return status != PW_OK || n == 3 ? status : wrong(plan, key, error);
}

static int take_small(const json *object, const char *key, uint64_t most, int *out)
{
    uint64_t value;
    json *member = pw_json_get(object, key);
    if (json_object_is_type(member, json_type_boolean)) {
        *out = json_object_get_boolean(member);
        return 1;
    }
    if (!pw_json_to_u64(member, &value) || value > most)
        return 0;
    *out = (int)value;
    return 1;
}

static int take_text(const json *object, const char *key, char *out, size_t capacity)
{
    const char *text = pw_json_text(object, key);
    if (text == NULL || strlen(text) >= capacity)
        return 0;
    (void)snprintf(out, capacity, "%s", text);
    return 1;
}

static enum pw_status take_axes(const struct pw_json *plan, const char *key, size_t n, char kind, struct pw_axis *axis,
                                struct pw_error *error)
{
    json *list = pw_json_get_typed(plan->object, key, json_type_array);
    if (list == NULL || json_object_array_length(list) != n)
        return wrong(plan, key, error);
    for (size_t i = 0; i < n; i++) {
        const json *one = json_object_array_get_idx(list, i);
        axis[i].kind = kind;
        if (!take_text(one, "name", axis[i].name, sizeof axis[i].name) ||
            !take_text(one, "unit", axis[i].unit, sizeof axis[i].unit) ||
            !pw_json_to_double(pw_json_get(one, "scale"), &axis[i].scale) ||
            !pw_json_to_double(pw_json_get(one, "translation"), &axis[i].translation))
            return wrong(plan, key, error);
    }
    return PW_OK;
}

/* Stages from before there were several time points say nothing of them. */
static enum pw_status take_times(const struct pw_json *plan, struct pw_volume *volume, struct pw_error *error)
{
    json *axis = pw_json_get_typed(plan->object, "time_axis", json_type_array);
    volume->times = 1;
    volume->time_axis = -1;
    volume->keeps_time = axis != NULL && json_object_array_length(axis) > 0;
    if (axis == NULL)
        return PW_OK;
    if (!pw_json_to_u64(pw_json_get(plan->object, "times"), &volume->times) ||
        (volume->times > 1 && !volume->keeps_time))
        return wrong(plan, "times", error);
    return volume->keeps_time ? take_axes(plan, "time_axis", 1, 't', &volume->time, error) : PW_OK;
}

static enum pw_status take_segmenter(const struct pw_json *plan, struct pw_segmenter *segmenter, struct pw_error *error)
{
    const json *object = pw_json_get_typed(plan->object, "segmenter", json_type_object);
    if (object == NULL || !take_text(object, "text", segmenter->text, sizeof segmenter->text) ||
        !take_text(object, "name", segmenter->name, sizeof segmenter->name) ||
        !take_small(object, "components", 1, &segmenter->components) ||
        !take_small(object, "connectivity", 3, &segmenter->connectivity) ||
        !take_small(object, "labels_may_touch", 1, &segmenter->labels_may_touch) ||
        !take_small(object, "joins_equal_only", 1, &segmenter->joins_equal_only) ||
        (pw_json_get(object, "labels_core_only") != NULL && /* a stage from before there was this */
         !take_small(object, "labels_core_only", 1, &segmenter->labels_core_only)))
        return wrong(plan, "segmenter", error);
    return PW_OK;
}

static enum pw_status take_rule(const struct pw_json *plan, struct pw_rule *rule, struct pw_error *error)
{
    struct pw_json place = {pw_json_get_typed(plan->object, "rule", json_type_object), plan->path};
    int merge, metric;
    uint64_t contact;
    if (place.object == NULL || !take_small(place.object, "merge", PW_MERGE_WITNESS, &merge) ||
        !take_small(place.object, "metric", PW_METRIC_IOMIN, &metric) ||
        !take_small(place.object, "connectivity", 3, &rule->connectivity) ||
        !pw_json_to_double(pw_json_get(place.object, "tau"), &rule->tau) ||
        !pw_json_to_u64(pw_json_get(place.object, "min_contact"), &contact) || contact > UINT32_MAX)
        return wrong(plan, "rule", error);
    rule->merge = (enum pw_merge)merge;
    rule->metric = (enum pw_metric)metric;
    rule->min_contact = (uint32_t)contact;
    return take_box(&place, "context", rule->context, error);
}

/* Stages from before it was written say nothing of it. */
static enum pw_status take_reshape(const struct pw_json *plan, struct pw_kept *kept, struct pw_error *error)
{
    const json *object = pw_json_get_typed(plan->object, "reshape", json_type_object);
    kept->fill_holes = kept->dilate_micrometers = 0;
    kept->dilate = 0;
    if (object != NULL && (!take_small(object, "fill_holes", 1, &kept->fill_holes) ||
                           !take_small(object, "dilate_micrometers", 1, &kept->dilate_micrometers) ||
                           !pw_json_to_double(pw_json_get(object, "dilate"), &kept->dilate)))
        return wrong(plan, "reshape", error);
    return PW_OK;
}

/* The plan, into the job and kept. */
static enum pw_status take_plan(const struct pw_json *plan, struct pw_job *job, struct pw_kept *kept,
                                struct pw_error *error)
{
    uint64_t tile[3], halo[3], checksum;
    int version;
    if (!take_small(plan->object, "patchworks_stage", INT32_MAX, &version))
        return wrong(plan, "patchworks_stage", error);
    if (version != PLAN_VERSION)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: a stage of version %d; this program reads version %d", plan->path,
                       version, PLAN_VERSION);
    if (!take_small(plan->object, "rank", 3, &job->volume.rank) || job->volume.rank < 2)
        return wrong(plan, "rank", error);
    if (!pw_json_to_u64(pw_json_get(plan->object, "candidates_bytes"), &kept->candidates_bytes))
        return wrong(plan, "candidates_bytes", error);
    if (!pw_json_to_u64(pw_json_get(plan->object, "candidates_crc32c"), &checksum) || checksum > UINT32_MAX)
        return wrong(plan, "candidates_crc32c", error);
    kept->candidates_checksum = (uint32_t)checksum;
    if (!take_text(plan->object, "image", kept->image, sizeof kept->image))
        return wrong(plan, "image", error);
    enum pw_status status = take_box(plan, "volume", job->volume.shape, error);
    if (status == PW_OK)
        status = take_box(plan, "part_start", job->part.start, error);
    if (status == PW_OK)
        status = take_box(plan, "part_shape", job->part.shape, error);
    if (status == PW_OK)
        status = take_box(plan, "tile", tile, error);
    if (status == PW_OK)
        status = take_box(plan, "halo", halo, error);
    if (status == PW_OK)
        status = take_axes(plan, "axes", 3, 's', job->volume.space, error);
    if (status == PW_OK)
        status = take_times(plan, &job->volume, error);
    if (status == PW_OK)
        status = take_segmenter(plan, &job->segmenter, error);
    if (status == PW_OK)
        status = take_rule(plan, &kept->rule, error);
    if (status == PW_OK)
        status = take_reshape(plan, kept, error);
    memcpy(job->segmenter.halo, halo, sizeof job->segmenter.halo);
    return status == PW_OK
               ? pw_grid_init_times(&job->grid, job->volume.shape, job->volume.times, &job->part, tile, halo, error)
               : status;
}

enum pw_status pw_kept_open(struct pw_job *job, const char *directory, struct pw_kept *kept, struct pw_error *error)
{
    char path[4200];
    struct json_object *meta;
    (void)snprintf(path, sizeof path, "%.4096s/%s", directory, PW_KEPT_PLAN_FILE);
    enum pw_status status = pw_json_load(path, &meta, error);
    if (status == PW_E_NOT_FOUND)
        return pw_fail(error, PW_E_NOT_FOUND, "%s: not a kept stage (no %s)", directory, PW_KEPT_PLAN_FILE);
    if (status != PW_OK)
        return status;
    struct pw_json plan = {meta, path};
    status = take_plan(&plan, job, kept, error);
    json_object_put(meta);
    return status == PW_OK ? pw_stage_open_kept(&job->stage, directory, job->grid.n_tiles, error) : status;
}

enum pw_status pw_kept_open_candidates(struct pw_job *job, const char *directory, const struct pw_kept *kept,
                                       struct pw_error *error)
{
    uint64_t bytes = 0;
    uint32_t checksum;
    enum pw_status status = pw_edge_file_open_kept(&job->edges, directory, pw_rule_family(&kept->rule), error);
    if (status == PW_OK)
        status = checksum_file(&job->edges.file, &checksum, &bytes, error);
    if (status == PW_OK && (bytes != kept->candidates_bytes || checksum != kept->candidates_checksum))
        return pw_fail(error, PW_E_CHECKSUM, "%s: is not the file of %llu bytes that the plan names",
                       job->edges.file.name, (unsigned long long)kept->candidates_bytes);
    return status;
}
