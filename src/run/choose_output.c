/* Where the labels go: a place of their own, into the image's store, or in place of the labels that were merged. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "run/job.h"
#include "store/zarr_node.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/tree.h"

/* ---- in place ---------------------------------------------------------- */

/* "given, tile 64x256x256, face, tau 0.5, min-contact 1, 20 to 0 voxels": by it a second run knows that nothing is left to do. */
static void describe_merge(const struct pw_job *job, char *text, size_t capacity)
{
    char rule[80];
    const uint64_t *tile = job->grid.tile;
    pw_rule_describe(&job->sizes.rule, rule, sizeof rule);
    int n = snprintf(text, capacity, "%s, tile %llux%llux%llu, %s", job->segmenter.text, (unsigned long long)tile[0],
                     (unsigned long long)tile[1], (unsigned long long)tile[2], rule);
    const struct pw_object_filter *filter = &job->filter;
    if (n > 0 && (filter->least_voxels > 0 || filter->most_voxels > 0 || filter->drop_border))
        (void)snprintf(text + n, capacity - (size_t)n, ", %llu to %llu voxels%s",
                       (unsigned long long)filter->least_voxels, (unsigned long long)filter->most_voxels,
                       filter->drop_border ? ", none at the border" : "");
}

/* Whether the node at path says that it was merged so already; PW_E_ARGUMENT when it was merged otherwise. */
static enum pw_status check_merged(struct pw_job *job, const char *path, const char *text, struct pw_error *error)
{
    struct pw_zarr_node node = {0};
    enum pw_status status = pw_zarr_node_load(&node, path, error);
    if (status != PW_OK)
        return status;
    const struct json_object *own = pw_json_get_typed(node.attributes, "patchworks", json_type_object);
    const char *made = pw_json_text(own, "segmenter");
    if (made != NULL && strcmp(made, text) == 0 && pw_json_to_u64(pw_json_get(own, "n_objects"), &job->map.n_objects))
        job->is_done = 1;
    else if (made != NULL && strncmp(made, "given, ", 7) == 0)
        status = pw_fail(error, PW_E_ARGUMENT, "%s: was merged in place already, as '%s', and its tiles are gone", path,
                         made);
    pw_zarr_node_release(&node);
    return status;
}

/* Whether path is a label image that this program wrote, so that it can be written again as a whole. */
static int is_own_label(const char *path)
{
    struct pw_zarr_node node = {0};
    int own = pw_zarr_node_load(&node, path, NULL) == PW_OK && !node.is_array &&
              pw_zarr_attribute(&node, "image-label") != NULL &&
              pw_json_get_typed(node.attributes, "patchworks", json_type_object) != NULL;
    pw_zarr_node_release(&node);
    return own;
}

static enum pw_dtype unsigned_of(enum pw_dtype dtype)
{
    switch (pw_dtype_bytes(dtype)) {
    case 1: return PW_U8;
    case 2: return PW_U16;
    case 4: return PW_U32;
    default: return PW_U64;
    }
}

/* Whether the labels have the axes of the array that was read, and its shape. */
static int is_all_of_input(const struct pw_job *job)
{
    const struct pw_image_info *info = &job->source->info;
    const struct pw_volume *volume = &job->volume;
    int a = 0;
    if (volume->keeps_time && (volume->time_axis != a++ || volume->times != info->shape[0]))
        return 0;
    for (int i = 3 - volume->rank; i < 3; i++)
        if (volume->axis[i] != a++)
            return 0;
    return a == info->rank;
}

/* The array that was read gives its place to the merged one, with its chunks and the width of its elements. */
static enum pw_status replace_input(struct pw_job *job, struct pw_sink_request *request, struct pw_error *error)
{
    const struct pw_image_info *info = &job->source->info;
    char group[4096], text[PW_NAME_MAX];
    if (strncmp(info->format, "zarr", 4) != 0)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: only zarr arrays are merged in place, not %s; use -o", info->path,
                       info->format);
    if (!is_all_of_input(job))
        return pw_fail(
            error, PW_E_UNSUPPORTED,
            "%s: has %d axes; in place needs an array of t, z, y and x alone, in this order and all of them; "
            "use -o",
            info->path, info->rank);
    pw_file_parent(info->path, group, sizeof group);
    int is_own = info->ngff_version[0] != '\0' && is_own_label(group);
    if (!is_own && info->n_levels > 1)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: has %d levels, of which only one would be merged in place; use -o",
                       info->path, info->n_levels);
    request->path = is_own ? group : info->path;
    request->image = is_own ? info : NULL;
    request->replaces = 1;
    for (int i = 0; i < 3; i++) {
        int axis = job->volume.axis[i];
        request->chunk[i] = axis >= 0 ? info->chunk[axis] : 1;
        request->shard[i] = axis >= 0 && strcmp(info->format, "zarr3") == 0 ? info->shard[axis] : 0;
    }
    job->in_place_dtype = unsigned_of(info->dtype);
    request->dtype_hint = job->in_place_dtype;
    describe_merge(job, text, sizeof text);
    request->segmenter = text;
    enum pw_status status = check_merged(job, request->path, text, error);
    (void)snprintf(job->in_place_path, sizeof job->in_place_path, "%s", request->path);
    if (status != PW_OK)
        return status;
    if (job->is_done) { /* but a run that was killed at its very end may have left the old labels beside it */
        char parent[4096];
        const char *name = strrchr(job->in_place_path, '/');
        pw_file_parent(job->in_place_path, parent, sizeof parent);
        pw_tree_remove_stale(parent, name != NULL ? name + 1 : job->in_place_path);
        return PW_OK;
    }
    return pw_sink_open("zarr", request, &job->sink, error);
}

/* ---- anywhere ---------------------------------------------------------- */

enum pw_status pw_job_choose_output(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    const struct pw_image_info *info = job->source != NULL ? &job->source->info : NULL; /* none: remerging elsewhere */
    int is_ngff = info != NULL && info->ngff_version[0] != '\0';
    int is_zarr = info != NULL && strncmp(info->format, "zarr", 4) == 0;
    struct pw_sink_request request = {
        .path = options->output != NULL                                ? options->output
                : job->source != NULL && job->source->group[0] != '\0' ? job->source->group
                                                                       : options->input,
        .rank = job->volume.rank,
        .times = job->volume.times,
        .has_time = job->volume.keeps_time,
        .time = job->volume.time,
        .overwrite = options->overwrite,
        .dtype_hint = options->output_dtype != PW_DTYPE_NONE ? options->output_dtype : PW_U32,
        .ngff = options->ngff != NULL ? options->ngff : "0.5",
        .label_name = options->label_name != NULL ? options->label_name : job->segmenter.name,
        .into_image = options->output == NULL && !options->in_place,
        .image = is_ngff || (info != NULL && info->n_levels > 1) ? info : NULL,
        .pyramid = options->pyramid,
        .scratch_dir = job->scratch_dir,
        .memory_bytes = pw_host_budget_bytes(options->memory_bytes),
        .segmenter = job->segmenter.text,
        .codec = options->codec,
    };
    const char *format = options->output == NULL ? "zarr" : options->output_format;
    if (options->output == NULL && !options->in_place && (!is_zarr || !is_ngff))
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s: no output given, and labels can only be put into an OME-Zarr image; use -o",
                       options->input);
    if (options->output == NULL && pw_kv_is_zip(info->path))
        return pw_fail(error, PW_E_ARGUMENT, "%s: no output given, and a zip archive is only read; use -o",
                       options->input);
    if (options->output == NULL && options->ngff == NULL)
        request.ngff = strcmp(info->format, "zarr3") == 0 ? "0.5" : "0.4";
    for (int i = 0; i < 3; i++) {
        request.shape[i] = job->volume.shape[i];
        request.axis[i] = job->volume.space[i];
        request.tile[i] = options->tile[i] != 0 ? options->tile[i] : job->grid.tile[i];
        request.chunk[i] = options->output_chunk[i];
        request.shard[i] = options->output_shard[i];
    }
    if (options->in_place)
        return replace_input(job, &request, error);
    return pw_sink_open(format, &request, &job->sink, error);
}
