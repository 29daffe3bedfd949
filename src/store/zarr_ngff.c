#include "store/zarr_ngff.h"
#include "store/tiff_stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    LABELS_MAX = 4096
};

const struct json_object *pw_ngff_multiscale(const struct pw_zarr_node *group)
{
    const struct json_object *list = group->is_array ? NULL : pw_zarr_attribute(group, "multiscales");
    if (json_object_get_type(list) != json_type_array || json_object_array_length(list) == 0)
        return NULL;
    return json_object_array_get_idx(list, 0);
}

static const struct json_object *dataset(const struct json_object *multiscale, int level)
{
    const struct json_object *list = pw_json_get_typed(multiscale, "datasets", json_type_array);
    if (list == NULL || level < 0 || (size_t)level >= json_object_array_length(list))
        return NULL;
    return json_object_array_get_idx(list, (size_t)level);
}

int pw_ngff_level_count(const struct json_object *multiscale)
{
    const struct json_object *list = pw_json_get_typed(multiscale, "datasets", json_type_array);
    size_t n = list != NULL ? json_object_array_length(list) : 0;
    return n > PW_MAX_LEVELS ? PW_MAX_LEVELS + 1 : (int)n;
}

const char *pw_ngff_level_path(const struct json_object *multiscale, int level)
{
    const char *path = pw_json_text(dataset(multiscale, level), "path");
    return path != NULL && pw_zarr_path_is_safe(path) ? path : NULL;
}

int pw_ngff_level_find(const struct json_object *multiscale, const char *path)
{
    for (int level = 0; level < pw_ngff_level_count(multiscale); level++) {
        const char *other = pw_ngff_level_path(multiscale, level);
        size_t n = other != NULL ? strlen(other) : 0;
        while (n > 0 && other[n - 1] == '/')
            n--;
        if (n > 0 && strncmp(path, other, n) == 0 && path[n] == '\0')
            return level;
    }
    return -1;
}

/* ---- axes ---- */

char pw_ngff_axis_kind(const char *name)
{
    if (strcasecmp(name, "t") == 0 || strcasecmp(name, "time") == 0)
        return 't';
    if (strcasecmp(name, "c") == 0 || strcasecmp(name, "channel") == 0)
        return 'c';
    if (strcasecmp(name, "z") == 0 || strcasecmp(name, "y") == 0 || strcasecmp(name, "x") == 0)
        return 's';
    return '?';
}

static char kind_of(const char *type, const char *name)
{
    if (type != NULL && strcmp(type, "time") == 0)
        return 't';
    if (type != NULL && strcmp(type, "channel") == 0)
        return 'c';
    if (type != NULL && strcmp(type, "space") == 0)
        return 's';
    return pw_ngff_axis_kind(name);
}

static enum pw_status read_axes(const struct pw_zarr_node *group, const struct json_object *multiscale,
                                struct pw_image_info *info, struct pw_error *error)
{
    static const char order[] = "tczyx"; /* 0.1 and 0.2 have no axes: always these, and their end for fewer */
    const struct json_object *axes = pw_json_get_typed(multiscale, "axes", json_type_array);
    if (axes == NULL && pw_json_get(multiscale, "coordinateSystems") != NULL)
        return pw_fail(
            error, PW_E_UNSUPPORTED,
            "%s: OME-NGFF with coordinateSystems (0.6) is not supported, 0.1 to 0.5 are; write it as 0.5, or open the "
            "array alone: %s",
            group->meta_path, info->path);
    if (axes == NULL && info->rank > 5)
        return pw_fail(error, PW_E_FORMAT, "%s: multiscales without axes, and the array has %d", group->meta_path,
                       info->rank);
    if (axes != NULL && json_object_array_length(axes) != (size_t)info->rank)
        return pw_fail(error, PW_E_FORMAT, "%s: multiscales has %zu axes, its array %d", group->meta_path,
                       json_object_array_length(axes), info->rank);
    for (int i = 0; i < info->rank; i++) {
        struct json_object *entry = axes != NULL ? json_object_array_get_idx(axes, (size_t)i) : NULL;
        const char *name = json_object_get_type(entry) == json_type_string ? json_object_get_string(entry)
                                                                           : pw_json_text(entry, "name");
        const char *unit = pw_json_text(entry, "unit");
        /* "um" is what many write, and not what the specification knows. */
        if (unit != NULL && pw_tiff_unit(unit)[0] != '\0')
            unit = pw_tiff_unit(unit);
        char fallback[2] = {axes == NULL ? order[5 - info->rank + i] : '\0', '\0'};
        struct pw_axis *axis = &info->axis[i];
        (void)snprintf(axis->name, sizeof axis->name, "%s", name != NULL ? name : fallback);
        axis->kind = kind_of(pw_json_text(entry, "type"), axis->name);
        if (unit != NULL && strlen(unit) < sizeof axis->unit)
            memcpy(axis->unit, unit, strlen(unit) + 1);
    }
    return PW_OK;
}

/* ---- transformations ---- */

/* Reads rank numbers of the list called key into out; what is no list of so many numbers leaves it alone. */
static int read_numbers(const struct json_object *transformation, const char *key, int rank, double *out)
{
    const struct json_object *list = pw_json_get_typed(transformation, key, json_type_array);
    double values[PW_MAX_RANK];
    if (list == NULL || json_object_array_length(list) != (size_t)rank)
        return 0;
    for (int i = 0; i < rank; i++)
        if (!pw_json_to_double(json_object_array_get_idx(list, (size_t)i), &values[i]))
            return 0;
    memcpy(out, values, sizeof(double) * (size_t)rank);
    return 1;
}

/* Applies a coordinateTransformations list to x -> scale * x + translation. */
static void apply(const struct json_object *owner, int rank, double *scale, double *translation)
{
    const struct json_object *list = pw_json_get_typed(owner, "coordinateTransformations", json_type_array);
    for (size_t k = 0; list != NULL && k < json_object_array_length(list); k++) {
        struct json_object *entry = json_object_array_get_idx(list, k);
        const char *type = pw_json_text(entry, "type");
        double value[PW_MAX_RANK];
        if (type != NULL && strcmp(type, "scale") == 0 && read_numbers(entry, "scale", rank, value))
            for (int i = 0; i < rank; i++) {
                double factor = value[i] > 0 ? value[i] : 1.0;
                scale[i] *= factor;
                translation[i] *= factor;
            }
        else if (type != NULL && strcmp(type, "translation") == 0 && read_numbers(entry, "translation", rank, value))
            for (int i = 0; i < rank; i++)
                translation[i] += value[i];
    }
}

/* ---- levels ---- */

static void read_level_shape(const struct pw_zarr_node *group, const char *path, int rank, uint64_t *shape)
{
    struct pw_zarr_node node = {0};
    char directory[4096];
    int count = 0;
    uint64_t extents[PW_MAX_RANK];
    if (path == NULL || pw_zarr_join(group->directory, path, directory, NULL) != PW_OK ||
        pw_zarr_node_load_from(&node, group->kv, directory, NULL) != PW_OK)
        return;
    const struct pw_json place = {node.meta, node.meta_path};
    if (node.is_array && pw_json_u64_list(&place, "shape", PW_MAX_RANK, extents, &count, NULL) == PW_OK &&
        count == rank)
        memcpy(shape, extents, sizeof(uint64_t) * (size_t)rank);
    pw_zarr_node_release(&node);
}

static void read_version(const struct pw_zarr_node *group, const struct json_object *multiscale,
                         struct pw_image_info *info)
{
    const struct json_object *axes = pw_json_get_typed(multiscale, "axes", json_type_array);
    const char *version = pw_json_text(pw_json_get(group->attributes, "ome"), "version");
    if (version == NULL)
        version = pw_json_text(multiscale, "version");
    if (version == NULL && group->version == 3)
        version = "0.5";
    if (version == NULL) /* what the axes look like tells the rest */
        version = axes == NULL || json_object_array_length(axes) == 0                            ? "0.2"
                  : json_object_get_type(json_object_array_get_idx(axes, 0)) == json_type_string ? "0.3"
                                                                                                 : "0.4";
    (void)snprintf(info->ngff_version, sizeof info->ngff_version, "%s", version);
}

enum pw_status pw_ngff_describe(const struct pw_zarr_node *group, int level, struct pw_image_info *info,
                                struct pw_error *error)
{
    const struct json_object *multiscale = pw_ngff_multiscale(group);
    int count = pw_ngff_level_count(multiscale);
    if (count > PW_MAX_LEVELS)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: more than %d levels", group->meta_path, PW_MAX_LEVELS);
    enum pw_status status = read_axes(group, multiscale, info, error);
    if (status != PW_OK)
        return status;
    read_version(group, multiscale, info);
    info->level = level;
    info->n_levels = count;
    for (int k = 0; k < count; k++) {
        for (int i = 0; i < info->rank; i++) {
            info->level_scale[k][i] = 1.0;
            info->level_translation[k][i] = 0.0;
        }
        apply(dataset(multiscale, k), info->rank, info->level_scale[k], info->level_translation[k]);
        apply(multiscale, info->rank, info->level_scale[k], info->level_translation[k]);
        if (k == level)
            memcpy(info->level_shape[k], info->shape, sizeof info->shape);
        else
            read_level_shape(group, pw_ngff_level_path(multiscale, k), info->rank, info->level_shape[k]);
    }
    for (int i = 0; i < info->rank; i++) {
        info->axis[i].scale = info->level_scale[level][i];
        info->axis[i].translation = info->level_translation[level][i];
    }
    info->is_label = pw_zarr_attribute(group, "image-label") != NULL;
    if (!pw_json_to_u64(pw_json_get(pw_json_get(group->attributes, "patchworks"), "n_objects"), &info->n_objects))
        info->n_objects = 0;
    return PW_OK;
}

/* ---- labels ---- */

void pw_ngff_labels_free(char **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static enum pw_status copy_labels(const struct json_object *list, char ***names, int *count, struct pw_error *error)
{
    size_t n = json_object_array_length(list);
    if (n > LABELS_MAX)
        n = LABELS_MAX;
    *names = pw_alloc(n, sizeof **names, error);
    if (*names == NULL)
        return PW_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        const char *name = json_object_get_type(entry) == json_type_string ? json_object_get_string(entry) : "";
        if (!pw_zarr_path_is_safe(name))
            continue;
        (*names)[*count] = pw_strdup(name, error);
        if ((*names)[*count] == NULL)
            return PW_E_NOMEM;
        (*count)++;
    }
    return PW_OK;
}

enum pw_status pw_ngff_labels(const struct pw_zarr_node *group, char ***names, int *count, struct pw_error *error)
{
    char directory[4096];
    struct pw_zarr_node labels = {0};
    *names = NULL;
    *count = 0;
    enum pw_status status = pw_zarr_join(group->directory, "labels", directory, error);
    if (status != PW_OK || !pw_zarr_node_exists_in(group->kv, directory))
        return status;
    status = pw_zarr_node_load_from(&labels, group->kv, directory, error);
    if (status != PW_OK)
        return status;
    const struct json_object *list = pw_zarr_attribute(&labels, "labels");
    if (json_object_get_type(list) == json_type_array)
        status = copy_labels(list, names, count, error);
    pw_zarr_node_release(&labels);
    return status;
}

/* ---- channels ---- */

enum pw_status pw_ngff_channels(const struct pw_zarr_node *group, struct pw_names *names, struct pw_names *shows,
                                struct pw_error *error)
{
    const struct json_object *list = pw_json_get(pw_zarr_attribute(group, "omero"), "channels");
    enum pw_status status = PW_OK;
    if (json_object_get_type(list) != json_type_array)
        return PW_OK;
    for (size_t i = 0; i < json_object_array_length(list) && status == PW_OK; i++) {
        struct json_object *channel = json_object_array_get_idx(list, i);
        const char *label = pw_json_text(channel, "label");
        status = pw_names_add(names, label != NULL ? label : "", error);
        if (status == PW_OK)
            status = pw_names_add(shows, json_object_to_json_string_ext(channel, JSON_C_TO_STRING_PLAIN), error);
    }
    return status;
}
