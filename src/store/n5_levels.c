/* The conventions by which N5 data sets say what their axes, levels and scales are. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "store/linear_source.h"
#include "store/n5_array.h"
#include "store/tiff_stack.h"
#include "store/zarr_ngff.h"

enum {
    PATH_BYTES = 4096,
    ABOVE = 3 /* the data set, its group, and the group above, each of which may hold the attributes */
};

typedef struct json_object json;

int pw_n5_level_count(const char *group)
{
    char path[PATH_BYTES], name[40];
    int n = 0;
    for (; n < PW_MAX_LEVELS; n++) {
        (void)snprintf(name, sizeof name, "s%d/attributes.json", n);
        if (pw_zarr_join(group, name, path, NULL) != PW_OK || access(path, F_OK) != 0)
            break;
    }
    return n;
}

/* rank numbers, fastest axis first in the file, into out, slowest first.  Leaves out alone when list is another thing. */
static int read_reversed(const json *list, int rank, double *out)
{
    double values[PW_MAX_RANK];
    if (json_object_get_type(list) != json_type_array || json_object_array_length(list) < (size_t)rank)
        return 0;
    for (int i = 0; i < rank; i++)
        if (!pw_json_to_double(json_object_array_get_idx(list, (size_t)i), &values[i]))
            return 0;
    for (int i = 0; i < rank; i++)
        out[i] = values[rank - 1 - i];
    return 1;
}

/* The attributes key of the nearest of the data set and the groups above it that has it. */
static const json *nearest(json *const attributes[ABOVE], const char *key)
{
    for (int i = 0; i < ABOVE; i++)
        if (pw_json_get(attributes[i], key) != NULL)
            return pw_json_get(attributes[i], key);
    return NULL;
}

/* ---- units and names ---- */

static void set_unit(struct pw_image_info *info, int axis, const json *text)
{
    if (json_object_get_type(text) == json_type_string && info->axis[axis].kind == 's')
        (void)snprintf(info->axis[axis].unit, sizeof info->axis[axis].unit, "%s",
                       pw_tiff_unit(json_object_get_string((json *)(uintptr_t)text)));
}

/* "units": a list of one for each axis, or one text for all. */
static void read_units(const json *units, struct pw_image_info *info)
{
    size_t n = json_object_get_type(units) == json_type_array ? json_object_array_length(units) : 0;
    for (int i = 0; i < info->rank; i++)
        if (n == (size_t)info->rank)
            set_unit(info, i, json_object_array_get_idx(units, (size_t)(info->rank - 1 - i)));
        else if (n == 0)
            set_unit(info, i, units);
}

/* "axes" of n5-ij and others: letters, fastest first. */
static void read_names(const json *axes, struct pw_image_info *info)
{
    if (json_object_get_type(axes) != json_type_array || json_object_array_length(axes) != (size_t)info->rank)
        return;
    for (int i = 0; i < info->rank; i++) {
        json *entry = json_object_array_get_idx(axes, (size_t)(info->rank - 1 - i));
        if (json_object_get_type(entry) != json_type_string)
            return;
    }
    for (int i = 0; i < info->rank; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(axes, (size_t)(info->rank - 1 - i)));
        char low[2] = {(char)(name[0] | 0x20), '\0'};
        (void)snprintf(info->axis[i].name, sizeof info->axis[i].name, "%s", strlen(name) == 1 ? low : name);
        info->axis[i].kind = pw_ngff_axis_kind(info->axis[i].name);
    }
}

/* ---- scales ---- */

/* The factors of a level: its own "downsamplingFactors", or the level's entry of the group's "scales". */
static void read_factors(json *const attributes[ABOVE], int level, int rank, double *factor)
{
    for (int i = 0; i < rank; i++)
        factor[i] = 1.0;
    if (read_reversed(pw_json_get(attributes[0], "downsamplingFactors"), rank, factor))
        return;
    static const char *const lists[] = {"scales", "downsamplingFactors"};
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        const json *list = pw_json_get_typed(attributes[1], lists[k], json_type_array);
        if (list != NULL && json_object_array_length(list) > (size_t)level &&
            read_reversed(json_object_array_get_idx(list, (size_t)level), rank, factor))
            return;
    }
}

/* A voxel of level 0 (n5-viewer, Paintera) or of the level itself where it has no factors (COSEM). */
static void read_resolution(json *const attributes[ABOVE], struct pw_image_info *info, double *resolution)
{
    const json *pixel = nearest(attributes, "pixelResolution");
    for (int i = 0; i < info->rank; i++)
        resolution[i] = 1.0;
    if (pixel != NULL) {
        const json *list = pw_json_get(pixel, "dimensions");
        if (read_reversed(list != NULL ? list : pixel, info->rank, resolution) && pw_json_text(pixel, "unit") != NULL)
            for (int i = 0; i < info->rank; i++)
                set_unit(info, i, pw_json_get(pixel, "unit"));
    } else {
        (void)read_reversed(nearest(attributes, "resolution"), info->rank, resolution);
    }
    const json *units = nearest(attributes, "units");
    read_units(units != NULL ? units : nearest(attributes, "unit"), info);
}

/* COSEM: {"axes":["z","y","x"],"scale":[...],"translate":[...],"units":[...]}, in the order of its axes. */
static void read_transform(const json *transform, struct pw_image_info *info, double *scale, double *translation)
{
    const json *axes = pw_json_get_typed(transform, "axes", json_type_array);
    for (size_t k = 0; axes != NULL && k < json_object_array_length(axes); k++) {
        json *name = json_object_array_get_idx(axes, k);
        for (int i = 0; i < info->rank; i++) {
            double value;
            if (json_object_get_type(name) != json_type_string ||
                strcmp(json_object_get_string(name), info->axis[i].name) != 0)
                continue;
            if (pw_json_to_double(json_object_array_get_idx(pw_json_get(transform, "scale"), k), &value))
                scale[i] = value;
            if (pw_json_to_double(json_object_array_get_idx(pw_json_get(transform, "translate"), k), &value))
                translation[i] = value;
            set_unit(info, i, json_object_array_get_idx(pw_json_get(transform, "units"), k));
        }
    }
}

static int has_lists(const json *transform)
{
    static const char *const keys[] = {"axes", "scale", "translate", "units"};
    const json *axes = pw_json_get_typed(transform, "axes", json_type_array);
    for (size_t i = 0; axes != NULL && i < sizeof keys / sizeof keys[0]; i++) {
        const json *list = pw_json_get_typed(transform, keys[i], json_type_array);
        if (list == NULL || json_object_array_length(list) != json_object_array_length(axes))
            return 0;
    }
    return axes != NULL;
}

/* Scale and translation of one level, in units of the world; a level's voxel is the mean of those that it covers. */
static void read_level(json *const attributes[ABOVE], int level, struct pw_image_info *info)
{
    double factor[PW_MAX_RANK], resolution[PW_MAX_RANK], offset[PW_MAX_RANK] = {0};
    double *scale = info->level_scale[level], *translation = info->level_translation[level];
    read_resolution(attributes, info, resolution);
    read_factors(attributes, level, info->rank, factor);
    (void)read_reversed(nearest(attributes, "offset"), info->rank, offset);
    for (int i = 0; i < info->rank; i++) {
        scale[i] = resolution[i] * factor[i];
        translation[i] = offset[i] + (factor[i] - 1) / 2 * resolution[i];
    }
    const json *transform = pw_json_get(attributes[0], "transform");
    if (has_lists(transform))
        read_transform(transform, info, scale, translation);
    for (int i = 0; i < info->rank; i++) {
        if (!isfinite(scale[i]) || scale[i] <= 0)
            scale[i] = 1.0;
        if (!isfinite(translation[i]))
            translation[i] = 0.0;
    }
}

/* ---- the whole ---- */

static void load_above(const char *directory, json *attributes[ABOVE])
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s", directory);
    for (int i = 0; i < ABOVE; i++) {
        char *slash = strrchr(path, '/');
        attributes[i] = NULL;
        if (path[0] != '\0')
            (void)pw_n5_attributes(path, &attributes[i], NULL);
        if (slash != NULL)
            *slash = '\0';
        else
            path[0] = '\0';
    }
}

static void release_above(json *attributes[ABOVE])
{
    for (int i = 0; i < ABOVE; i++)
        json_object_put(attributes[i]);
}

static void read_level_shape(const json *meta, int level, struct pw_image_info *info)
{
    double extent[PW_MAX_RANK];
    if (read_reversed(pw_json_get(meta, "dimensions"), info->rank, extent))
        for (int i = 0; i < info->rank; i++)
            info->level_shape[level][i] = extent[i] > 0 ? (uint64_t)extent[i] : 0;
}

void pw_n5_describe(const char *directory, int level, int n, struct pw_image_info *info)
{
    json *attributes[ABOVE];
    load_above(directory, attributes);
    pw_linear_name_axes(info);
    read_names(nearest(attributes, "axes"), info);
    info->level = n > 0 ? level : 0;
    info->n_levels = n > 0 ? n : 1;
    for (int k = 0; k < info->n_levels && n > 0; k++) {
        char other[PATH_BYTES], name[16];
        const char *slash = strrchr(directory, '/');
        (void)snprintf(name, sizeof name, "s%d", k);
        int made =
            snprintf(other, sizeof other, "%.*s%s", slash != NULL ? (int)(slash - directory) + 1 : 0, directory, name);
        if (made < 0 || (size_t)made >= sizeof other)
            continue;
        json *theirs[ABOVE];
        load_above(other, theirs);
        read_level(theirs, k, info);
        read_level_shape(theirs[0], k, info);
        release_above(theirs);
    }
    if (n == 0)
        read_level(attributes, 0, info);
    memcpy(info->level_shape[info->level], info->shape, sizeof info->level_shape[0]);
    for (int i = 0; i < info->rank; i++) {
        info->axis[i].scale = info->level_scale[info->level][i];
        info->axis[i].translation = info->level_translation[info->level][i];
    }
    release_above(attributes);
}
