/* pw-stream info: what an image is, for people or as JSON. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"

static void print_shape(const char *name, const uint64_t *shape, int rank)
{
    (void)printf("%-10s", name);
    for (int i = 0; i < rank; i++)
        (void)printf("%s%llu", i > 0 ? " x " : "", (unsigned long long)shape[i]);
    (void)printf("\n");
}

static void print_axes(const struct pw_image_info *info)
{
    for (int i = 0; i < info->rank; i++) {
        const struct pw_axis *axis = &info->axis[i];
        (void)printf("%-10s%-4s", i == 0 ? "axes" : "", axis->name[0] != '\0' ? axis->name : "?");
        (void)printf("%llu", (unsigned long long)info->shape[i]);
        if (axis->kind == 's' && (axis->scale != 1.0 || axis->unit[0] != '\0'))
            (void)printf(", step %g %s", axis->scale, axis->unit);
        (void)printf("\n");
    }
}

/* A level that the image lists, and that is not there or is broken, has no extents. */
static int is_nothing(const uint64_t *shape, int rank)
{
    for (int i = 0; i < rank; i++)
        if (shape[i] != 0)
            return 0;
    return 1;
}

static void print_levels(const struct pw_image_info *info)
{
    if (info->n_levels < 2)
        return;
    (void)printf("%-10s%d, this is %d\n", "levels", info->n_levels, info->level);
    for (int level = 0; level < info->n_levels; level++) {
        char name[16];
        (void)snprintf(name, sizeof name, "  %d", level);
        if (level != info->level && is_nothing(info->level_shape[level], info->rank))
            (void)printf("%-10scannot be read\n", name);
        else
            print_shape(name, info->level_shape[level], info->rank);
    }
}

static void print_text(const struct pw_image_info *info)
{
    (void)printf("%-10s%s\n", "path", info->path);
    (void)printf("%-10s%s", "format", info->format);
    if (info->ngff_version[0] != '\0')
        (void)printf(", OME-NGFF %s", info->ngff_version);
    (void)printf("\n");
    print_shape("shape", info->shape, info->rank);
    (void)printf("%-10s%s\n", "type", pw_dtype_name(info->dtype));
    print_axes(info);
    for (int i = 0; i < info->n_channel_names; i++)
        (void)printf("%-10s%d %s\n", i == 0 ? "channels" : "", i, info->channel_names[i]);
    if (info->n_series > 1)
        (void)printf("%-10s%d of %d%s%s\n", "series", info->series, info->n_series,
                     info->series_names != NULL ? ", " : "",
                     info->series_names != NULL ? info->series_names[info->series] : "");
    print_shape("chunk", info->chunk, info->rank);
    if (memcmp(info->chunk, info->shard, (size_t)info->rank * sizeof info->chunk[0]) != 0 && info->shard[0] != 0)
        print_shape("shard", info->shard, info->rank);
    if (info->codec[0] != '\0')
        (void)printf("%-10s%s\n", "codec", info->codec);
    print_levels(info);
    if (info->is_label)
        (void)printf("%-10s%s", "objects", info->n_objects > 0 ? "" : "unknown\n");
    if (info->is_label && info->n_objects > 0)
        (void)printf("%llu\n", (unsigned long long)info->n_objects);
    if (info->warning[0] != '\0')
        (void)printf("%-10s%s\n", "warning", info->warning);
    if (info->note[0] != '\0')
        (void)printf("%-10s%s\n", "note", info->note);
    for (int i = 0; i < info->n_labels; i++)
        (void)printf("%-10s%s\n", i == 0 ? "labels" : "", info->label_names[i]);
}

static struct json_object *json_shape(const uint64_t *shape, int rank)
{
    struct json_object *array = json_object_new_array();
    for (int i = 0; i < rank; i++)
        (void)json_object_array_add(array, json_object_new_uint64(shape[i]));
    return array;
}

static struct json_object *json_axes(const struct pw_image_info *info)
{
    struct json_object *array = json_object_new_array();
    for (int i = 0; i < info->rank; i++) {
        const struct pw_axis *axis = &info->axis[i];
        struct json_object *object = json_object_new_object();
        const char kind[2] = {axis->kind != '\0' ? axis->kind : '?', '\0'};
        (void)json_object_object_add(object, "name", json_object_new_string(axis->name));
        (void)json_object_object_add(object, "kind", json_object_new_string(kind));
        (void)json_object_object_add(object, "scale", json_object_new_double(axis->scale));
        (void)json_object_object_add(object, "translation", json_object_new_double(axis->translation));
        (void)json_object_object_add(object, "unit", json_object_new_string(axis->unit));
        (void)json_object_array_add(array, object);
    }
    return array;
}

static struct json_object *json_levels(const struct pw_image_info *info)
{
    struct json_object *array = json_object_new_array();
    for (int level = 0; level < info->n_levels; level++) {
        struct json_object *object = json_object_new_object(), *scale = json_object_new_array();
        for (int i = 0; i < info->rank; i++)
            (void)json_object_array_add(scale, json_object_new_double(info->level_scale[level][i]));
        (void)json_object_object_add(object, "shape", json_shape(info->level_shape[level], info->rank));
        (void)json_object_object_add(object, "scale", scale);
        (void)json_object_array_add(array, object);
    }
    return array;
}

static struct json_object *json_names(const char *const *name, int n)
{
    struct json_object *array = json_object_new_array();
    for (int i = 0; i < n; i++)
        (void)json_object_array_add(array, json_object_new_string(name[i]));
    return array;
}

static void print_json(const struct pw_image_info *info)
{
    struct json_object *object = json_object_new_object(), *labels = json_object_new_array();
    (void)json_object_object_add(object, "path", json_object_new_string(info->path));
    (void)json_object_object_add(object, "format", json_object_new_string(info->format));
    (void)json_object_object_add(object, "ngff",
                                 info->ngff_version[0] != '\0' ? json_object_new_string(info->ngff_version) : NULL);
    (void)json_object_object_add(object, "shape", json_shape(info->shape, info->rank));
    (void)json_object_object_add(object, "dtype", json_object_new_string(pw_dtype_name(info->dtype)));
    (void)json_object_object_add(object, "chunk", json_shape(info->chunk, info->rank));
    (void)json_object_object_add(object, "shard", json_shape(info->shard, info->rank));
    (void)json_object_object_add(object, "codec", json_object_new_string(info->codec));
    (void)json_object_object_add(object, "axes", json_axes(info));
    (void)json_object_object_add(object, "channels", json_names(info->channel_names, info->n_channel_names));
    (void)json_object_object_add(object, "series", json_object_new_int(info->series));
    (void)json_object_object_add(object, "series_names",
                                 json_names(info->series_names, info->series_names != NULL ? info->n_series : 0));
    (void)json_object_object_add(object, "level", json_object_new_int(info->level));
    (void)json_object_object_add(object, "levels", json_levels(info));
    for (int i = 0; i < info->n_labels; i++)
        (void)json_object_array_add(labels, json_object_new_string(info->label_names[i]));
    (void)json_object_object_add(object, "labels", labels);
    if (info->warning[0] != '\0')
        (void)json_object_object_add(object, "warning", json_object_new_string(info->warning));
    if (info->note[0] != '\0')
        (void)json_object_object_add(object, "note", json_object_new_string(info->note));
    (void)json_object_object_add(object, "is_label", json_object_new_boolean(info->is_label));
    if (info->is_label)
        (void)json_object_object_add(object, "n_objects", json_object_new_uint64(info->n_objects));
    (void)printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_PRETTY |
                                                                    JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(object);
}

/* ---- stores of several images ---- */

struct listing {
    struct json_object *images; /* NULL: text */
    uint64_t n;
};

static int tell_member(const char *path, const char *name, void *user)
{
    struct listing *listing = user;
    struct json_object *entry;
    listing->n++;
    if (listing->images == NULL) {
        const char *slash = strrchr(path, '/');
        (void)printf("%-10s%s\n", "", name[0] != '\0' ? name : slash != NULL ? slash + 1 : path);
        return 0;
    }
    entry = json_object_new_object();
    (void)json_object_object_add(entry, "name", json_object_new_string(name));
    (void)json_object_object_add(entry, "path", json_object_new_string(path));
    (void)json_object_array_add(listing->images, entry);
    return 0;
}

static int count_member(const char *path, const char *name, void *user)
{
    (void)path;
    (void)name;
    ++*(uint64_t *)user;
    return 0;
}

/* What is in a store of several images; negative for anything else. */
static int list_collection(const char *path, int json)
{
    static const char *const kind_name[] = {"image", "series", "plate", "well"};
    enum pw_collection_kind kind;
    struct pw_error error = {0};
    struct listing listing = {0};
    uint64_t n = 0;
    if (pw_collection_list(path, &kind, count_member, &n, &error) != PW_OK || kind == PW_ONE_IMAGE ||
        (kind != PW_PLATE && n == 1))
        return -1; /* and opening it says what is wrong, if anything is */
    if (!json) {
        (void)printf("%-10s%s\n%-10s%s of %llu images\n%-10s\n", "path", path, "format", kind_name[kind],
                     (unsigned long long)n, kind == PW_SERIES ? "series" : "fields");
        (void)pw_collection_list(path, &kind, tell_member, &listing, &error);
        return PW_EXIT_DONE;
    }
    struct json_object *object = json_object_new_object();
    listing.images = json_object_new_array();
    (void)pw_collection_list(path, &kind, tell_member, &listing, &error);
    (void)json_object_object_add(object, "path", json_object_new_string(path));
    (void)json_object_object_add(object, "kind", json_object_new_string(kind_name[kind]));
    (void)json_object_object_add(object, "images", listing.images);
    (void)printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_PRETTY |
                                                                    JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(object);
    return PW_EXIT_DONE;
}

int pw_cmd_info(int argc, char **argv)
{
    struct pw_image *image;
    int json = 0;
    int status = pw_argument_image_unless(argc, argv, "json", &json, list_collection, &image);
    if (status != PW_EXIT_DONE || image == NULL)
        return status;
    (json ? print_json : print_text)(pw_image_describe(image));
    pw_image_close(image);
    return PW_EXIT_DONE;
}
