#include "store/zarr_open.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/linear_source.h"
#include "store/zarr_ngff.h"
#include "store/zarr_twin.h"

enum {
    ANCESTORS = 3
}; /* how far above an array its image may be: datasets have paths such as "scale0/image" */

void pw_zarr_target_release(struct pw_zarr_target *target)
{
    pw_ngff_labels_free(target->label_names, target->info.n_labels);
    pw_names_release(&target->channel_names);
    pw_names_release(&target->channel_shows);
    pw_zarr_array_release(&target->array);
    memset(target, 0, sizeof *target);
}

static int has_names(const struct pw_zarr_array *array)
{
    for (int i = 0; i < array->rank; i++)
        if (array->axis_name[i][0] != '\0')
            return 1;
    return 0;
}

static enum pw_status take_array(const struct pw_zarr_node *node, struct pw_zarr_target *target, struct pw_error *error)
{
    struct pw_image_info *info = &target->info;
    enum pw_status status = pw_zarr_array_parse(node, &target->array, error);
    if (status != PW_OK)
        return status;
    const struct pw_zarr_array *array = &target->array;
    pw_zarr_twin_compare(node, array, info->warning, sizeof info->warning);
    target->kv = node->kv;
    memcpy(target->directory, node->directory, sizeof target->directory);
    memcpy(info->path, node->directory, sizeof info->path);
    (void)snprintf(info->format, sizeof info->format, "zarr%d", array->version);
    (void)snprintf(info->codec, sizeof info->codec, "%s", array->codec_text);
    info->rank = array->rank;
    info->dtype = array->dtype;
    info->n_levels = 1;
    pw_linear_name_axes(info); /* an array without names counts as z y x, as raw and npy do */
    for (int i = 0; i < array->rank; i++) {
        info->shape[i] = info->level_shape[0][i] = array->shape[i];
        info->level_scale[0][i] = 1.0;
        if (has_names(array)) {
            memcpy(info->axis[i].name, array->axis_name[i], sizeof info->axis[i].name);
            info->axis[i].kind = pw_ngff_axis_kind(array->axis_name[i]);
        }
    }
    return PW_OK;
}

/* Takes what the image (a group with multiscales) says of the array that is its level. */
static enum pw_status take_image(const struct pw_zarr_node *group, int level, struct pw_zarr_target *target,
                                 struct pw_error *error)
{
    enum pw_status status = pw_ngff_describe(group, level, &target->info, error);
    if (status == PW_OK && !target->info.is_label)
        status = pw_ngff_labels(group, &target->label_names, &target->info.n_labels, error);
    return status == PW_OK ? pw_ngff_channels(group, &target->channel_names, &target->channel_shows, error) : status;
}

static enum pw_status open_image(const struct pw_zarr_node *group, int level, struct pw_zarr_target *target,
                                 struct pw_error *error)
{
    const struct json_object *multiscale = pw_ngff_multiscale(group);
    struct pw_zarr_node node = {0};
    char directory[4096];
    int count = pw_ngff_level_count(multiscale);
    if (count == 0)
        return pw_fail(error, PW_E_FORMAT, "%s: multiscales lists no datasets", group->meta_path);
    if (level >= count)
        return pw_fail(error, PW_E_ARGUMENT, "%s: has %d level%s, 0 to %d; there is no level %d", group->directory,
                       count, count > 1 ? "s" : "", count - 1, level);
    const char *path = pw_ngff_level_path(multiscale, level);
    if (path == NULL)
        return pw_fail(error, PW_E_FORMAT, "%s: level %d has no path below the image", group->meta_path, level);
    enum pw_status status = pw_zarr_join(group->directory, path, directory, error);
    if (status == PW_OK)
        status = pw_zarr_node_load_from(&node, group->kv, directory, error);
    if (status == PW_OK && !node.is_array)
        status = pw_fail(error, PW_E_FORMAT, "%s: level %d is a group, not an array", directory, level);
    if (status == PW_OK)
        status = take_array(&node, target, error);
    if (status == PW_OK)
        status = take_image(group, level, target, error);
    pw_zarr_node_release(&node);
    return status;
}

/*
 * The image that an array is a level of lends it axes and scales.  An array alone is
 * fine too, and what is wrong with some group above it is no reason to refuse it.
 */
static enum pw_status adopt_parent(struct pw_zarr_target *target, struct pw_error *error)
{
    char resolved[PATH_MAX], parent[PATH_MAX];
    if (target->kv != &pw_kv_dir) /* within an archive there are no links, and no path to resolve */
        memcpy(resolved, target->directory, sizeof target->directory);
    else if (realpath(target->directory, resolved) == NULL)
        return PW_OK;
    memcpy(parent, resolved, sizeof parent);
    for (int up = 0; up < ANCESTORS; up++) {
        char *slash = strrchr(parent, '/');
        struct pw_zarr_node group = {0};
        if (slash == NULL || slash == parent)
            return PW_OK;
        *slash = '\0';
        if (pw_zarr_node_load_from(&group, target->kv, parent, NULL) != PW_OK)
            continue;
        const struct json_object *multiscale = pw_ngff_multiscale(&group);
        int level = multiscale != NULL ? pw_ngff_level_find(multiscale, resolved + strlen(parent) + 1) : -1;
        enum pw_status status = PW_OK;
        if (level >= 0 && pw_ngff_describe(&group, level, &target->info, NULL) == PW_OK && !target->info.is_label)
            status = pw_ngff_labels(&group, &target->label_names, &target->info.n_labels, error);
        if (level >= 0 && status == PW_OK)
            status = pw_ngff_channels(&group, &target->channel_names, &target->channel_shows, error);
        pw_zarr_node_release(&group);
        if (level >= 0)
            return status;
    }
    return PW_OK;
}

static enum pw_status open_array(const struct pw_zarr_node *node, int level, struct pw_zarr_target *target,
                                 struct pw_error *error)
{
    enum pw_status status = take_array(node, target, error);
    if (status == PW_OK)
        status = adopt_parent(target, error);
    if (status == PW_OK && level != 0 && level != target->info.level)
        return pw_fail(error, PW_E_ARGUMENT, "%s: is one array (level %d); give the image's group to choose level %d",
                       node->directory, target->info.level, level);
    return status;
}

/*
 * A store of labels without their image: a group whose labels/ lists one label image stands for it.
 */
static enum pw_status open_only_label(const struct pw_zarr_node *at, int level, struct pw_zarr_target *target,
                                      struct pw_error *error)
{
    char directory[4096], child[4096];
    char **names = NULL;
    int n = 0;
    struct pw_zarr_node label = {0};
    enum pw_status status = pw_ngff_labels(at, &names, &n, NULL);
    if (status != PW_OK || n != 1 || pw_zarr_join(at->directory, "labels", directory, NULL) != PW_OK ||
        pw_zarr_join(directory, names[0], child, NULL) != PW_OK ||
        pw_zarr_node_load_from(&label, at->kv, child, NULL) != PW_OK || pw_ngff_multiscale(&label) == NULL)
        status = pw_zarr_group_explain(at, error);
    else
        status = open_image(&label, level, target, error);
    pw_zarr_node_release(&label);
    pw_ngff_labels_free(names, n);
    return status;
}

enum pw_status pw_zarr_target_open(const struct pw_kv *kv, const char *path, int level, struct pw_zarr_target *target,
                                   struct pw_error *error)
{
    struct pw_zarr_node node = {0};
    memset(target, 0, sizeof *target);
    if (level < 0)
        return pw_fail(error, PW_E_ARGUMENT, "level %d is negative", level);
    enum pw_status status = pw_zarr_node_load_from(&node, kv, path, error);
    if (status != PW_OK)
        return status;
    if (node.is_array)
        status = open_array(&node, level, target, error);
    else if (pw_ngff_multiscale(&node) != NULL)
        status = open_image(&node, level, target, error);
    else
        status = open_only_label(&node, level, target, error);
    pw_zarr_node_release(&node);
    if (status != PW_OK)
        pw_zarr_target_release(target);
    return status;
}
