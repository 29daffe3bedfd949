/*
 * Levels that are added to an image that has one.  They are built in a hidden directory in the image's group, renamed into the
 * group level by level, and listed last: whoever opens the image meanwhile sees it as it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "base/json_make.h"
#include "base/memory.h"
#include "store/ngff_multiscale.h"
#include "store/source.h"
#include "store/zarr_consolidated.h"
#include "store/zarr_image.h"
#include "store/zarr_node.h"
#include "sys/file.h"

typedef struct json_object json;

struct extension {
    struct pw_zarr_image image;
    struct pw_image_output_ops ops;
    const char *rule;
    uint64_t name[PW_MAX_LEVELS]; /* of each level's array in the group, a number */
};

static struct extension *of(struct pw_image_output *output)
{
    return (struct extension *)output;
}

/* ---- the metadata ------------------------------------------------------ */

static const char *metadata_file(int version)
{
    return version == 3 ? "zarr.json" : ".zattrs";
}

/* The lists of datasets in the group's metadata: NULL when there are none. */
static json *multiscales_of(int version, json *metadata)
{
    json *attributes = version == 3 ? pw_json_get_typed(metadata, "attributes", json_type_object) : metadata;
    json *ome = pw_json_get_typed(attributes, "ome", json_type_object);
    return pw_json_get_typed(ome != NULL ? ome : attributes, "multiscales", json_type_array);
}

/* The group's metadata, and within it the multiscale that is extended. */
static enum pw_status load_metadata(const struct pw_zarr_image *image, json **metadata, json **multiscale,
                                    struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES];
    enum pw_status status = pw_zarr_join(image->base.path, metadata_file(image->version), path, error);
    if (status == PW_OK)
        status = pw_json_load(path, metadata, error);
    if (status != PW_OK)
        return status;
    json *list = multiscales_of(image->version, *metadata);
    *multiscale = list != NULL && json_object_array_length(list) > 0 ? json_object_array_get_idx(list, 0) : NULL;
    if (*multiscale == NULL || pw_json_get_typed(*multiscale, "datasets", json_type_array) == NULL) {
        json_object_put(*metadata);
        return pw_fail(error, PW_E_FORMAT, "%s: has no multiscales with datasets", path);
    }
    return PW_OK;
}

/* ---- names ------------------------------------------------------------- */

static int is_listed(json *multiscales, const char *name)
{
    for (size_t m = 0; m < json_object_array_length(multiscales); m++) {
        json *datasets = pw_json_get_typed(json_object_array_get_idx(multiscales, m), "datasets", json_type_array);
        for (size_t d = 0; datasets != NULL && d < json_object_array_length(datasets); d++) {
            const char *path = pw_json_text(json_object_array_get_idx(datasets, d), "path");
            if (path != NULL && strcmp(path, name) == 0)
                return 1;
        }
    }
    return 0;
}

/*
 * Whether what has the name already is this level, left by a run that was killed before it could list it: an array that nobody
 * lists, with the same metadata to the last value.
 */
static int is_leftover(const struct pw_zarr_image *image, const char *made, const char *final)
{
    const char *file = image->version == 3 ? "zarr.json" : ".zarray";
    char ours[PW_TREE_PATH_BYTES], theirs[PW_TREE_PATH_BYTES];
    json *a = NULL, *b = NULL;
    int same = pw_zarr_join(made, file, ours, NULL) == PW_OK && pw_zarr_join(final, file, theirs, NULL) == PW_OK &&
               pw_json_load(ours, &a, NULL) == PW_OK && pw_json_load(theirs, &b, NULL) == PW_OK &&
               json_object_equal(a, b);
    json_object_put(a);
    json_object_put(b);
    return same;
}

/* The first number after that of the level before that no array, group or file has.  made: the new level. */
static enum pw_status choose_name(struct extension *extension, json *multiscales, int l, const char *made,
                                  char final[PW_TREE_PATH_BYTES], struct pw_error *error)
{
    const struct pw_zarr_image *image = &extension->image;
    for (uint64_t number = l > 1 ? extension->name[l - 1] + 1 : 1;; number++) {
        char name[24];
        struct stat st;
        (void)snprintf(name, sizeof name, "%llu", (unsigned long long)number);
        enum pw_status status = pw_zarr_join(image->base.path, name, final, error);
        if (status != PW_OK)
            return status;
        extension->name[l] = number;
        if (!is_listed(multiscales, name) && (lstat(final, &st) != 0 || is_leftover(image, made, final)))
            return PW_OK;
    }
}

static enum pw_status list_levels(struct extension *extension, struct pw_error *error)
{
    struct pw_zarr_image *image = &extension->image;
    const struct pw_level_shapes *levels = &image->base.levels;
    const struct pw_ngff_multiscale all = {
        .version = image->version,
        .axes = image->axes,
        .n_levels = levels->n,
        .scale = levels->scale,
        .translation = levels->translation,
    };
    char path[PW_TREE_PATH_BYTES];
    json *metadata, *multiscale;
    enum pw_status status = load_metadata(image, &metadata, &multiscale, error);
    if (status != PW_OK)
        return status;
    json *datasets = pw_json_get_typed(multiscale, "datasets", json_type_array);
    for (int l = 1; l < levels->n; l++) {
        char name[24];
        json *dataset = pw_ngff_dataset(&all, l);
        (void)snprintf(name, sizeof name, "%llu", (unsigned long long)extension->name[l]);
        pw_json_set(dataset, "path", pw_json_make_text(name));
        pw_json_append(datasets, dataset);
    }
    pw_json_set(multiscale, "type", pw_json_make_text(extension->rule));
    const char *text =
        json_object_to_json_string_ext(metadata, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
    status = pw_zarr_join(image->base.path, metadata_file(image->version), path, error);
    if (status == PW_OK)
        status = pw_tree_put_file(path, text, strlen(text), 1, error);
    json_object_put(metadata);
    return status;
}

/* ---- coming into view -------------------------------------------------- */

static enum pw_status publish_levels(struct extension *extension, json *multiscales, struct pw_error *error)
{
    const struct pw_zarr_image *image = &extension->image;
    enum pw_status status = pw_tree_sync(image->hidden, error);
    for (int l = 1; l < image->base.levels.n && status == PW_OK; l++) {
        char name[16], made[PW_TREE_PATH_BYTES], final[PW_TREE_PATH_BYTES];
        (void)snprintf(name, sizeof name, "%d", l);
        status = pw_zarr_join(image->hidden, name, made, error);
        if (status == PW_OK)
            status = choose_name(extension, multiscales, l, made, final, error);
        if (status == PW_OK)
            status = pw_tree_publish(made, final, 1, error);
    }
    return status;
}

static enum pw_status extend_commit(struct pw_image_output *output, const struct pw_image_window *window,
                                    struct pw_error *error)
{
    struct extension *extension = of(output);
    json *metadata, *multiscale;
    (void)window;
    enum pw_status status = load_metadata(&extension->image, &metadata, &multiscale, error);
    if (status != PW_OK)
        return status;
    status = publish_levels(extension, multiscales_of(extension->image.version, metadata), error);
    json_object_put(metadata);
    if (status == PW_OK)
        status = list_levels(extension, error);
    return status == PW_OK ? pw_zarr_consolidate(output->path, error) : status;
}

static enum pw_status extend_start(struct pw_image_output *output, struct pw_error *error)
{
    struct pw_zarr_image *image = &of(output)->image;
    char made[PW_TREE_PATH_BYTES];
    enum pw_status status = pw_tree_make_hidden(output->path, "levels", made, &image->lock, error);
    if (status == PW_OK)
        memcpy(image->hidden, made, sizeof made);
    return status;
}

/* ---- opening ----------------------------------------------------------- */

static enum pw_status check_source(const struct pw_source *source, struct pw_error *error)
{
    const struct pw_image_info *info = &source->info;
    char group[PW_TREE_PATH_BYTES];
    struct stat st;
    if (info->ngff_version[0] == '\0' || strncmp(info->format, "zarr", 4) != 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: levels can be added to an OME-Zarr image only; convert makes one",
                       source->path);
    /* Within a zip archive the group is no directory. */
    pw_file_parent(info->path, group, sizeof group);
    if (stat(group, &st) != 0 || !S_ISDIR(st.st_mode))
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: levels are not added to a zip archive; unpack it, or convert it",
                       source->path);
    if (info->n_levels != 1)
        return pw_fail(error, PW_E_EXISTS, "%s: has %d levels already", source->path, info->n_levels);
    return PW_OK;
}

static enum pw_status choose_levels(struct pw_zarr_image *image, const struct pw_source *source,
                                    const struct pw_array_axes *axes, const uint64_t shape[3], const char *rule,
                                    const struct pw_output_codec *codec, struct pw_error *error)
{
    struct pw_sink_request request = {
        .path = image->base.path,
        .rank = axes->rank,
        .pyramid = strcmp(rule, "nearest") == 0 ? PW_PYRAMID_NEAREST : PW_PYRAMID_MODE,
    };
    struct pw_zarr_layout first, layout;
    memcpy(request.shape, shape, sizeof request.shape);
    /* Chunks like those of level 0, whose last axes are z y x. */
    for (int i = 3 - axes->rank; i < 3; i++) {
        int a = source->info.rank - 3 + i;
        request.chunk[i] = source->info.chunk[a];
    }
    enum pw_status status = pw_zarr_layout_choose(&request, image->version, &first, error);
    if (status == PW_OK)
        status = pw_level_shapes_choose(&image->base.levels, &request, axes->space, first.chunk, 0, error);
    for (int l = 1; l < image->base.levels.n && status == PW_OK; l++) {
        struct pw_output_array *array = &image->level[l];
        pw_zarr_layout_of_level(&first, image->base.levels.shape[l], &layout);
        pw_zarr_image_shrink_unit(&image->base.levels, l, source->info.dtype, request.shard, 0, &layout);
        pw_output_array_init(array, axes->rank, image->base.levels.shape[l], &layout);
        array->dtype = source->info.dtype;
        array->codec = *codec;
        pw_zarr_image_finish_level(image, l);
    }
    /* A writer's memory is that of the largest chunks. */
    if (image->base.levels.n > 1)
        image->level[0] = image->level[1];
    return status;
}

/* The names of the axes are what they are called in the image: z y x at least must be its last ones. */
static enum pw_status check_order(const struct pw_source *source, const struct pw_array_axes *axes,
                                  struct pw_error *error)
{
    const struct pw_image_info *info = &source->info;
    char order[PW_MAX_RANK + 1] = "", wanted[PW_MAX_RANK + 1] = "";
    size_t n = 0;
    for (int a = 0; a < info->rank; a++)
        order[a] = info->axis[a].name[0];
    if (axes->has_time)
        wanted[n++] = 't';
    if (axes->has_channel)
        wanted[n++] = 'c';
    memcpy(wanted + n, &"zyx"[3 - axes->rank], (size_t)axes -> rank + 1);
    if (strcmp(order, wanted) == 0)
        return PW_OK;
    return pw_fail(error, PW_E_UNSUPPORTED,
                   "%s: levels are added to axes in the order %s, and these are %s; convert puts them so", source->path,
                   wanted, order);
}

enum pw_status pw_zarr_extend_open(const struct pw_source *source, const struct pw_array_axes *axes,
                                   const uint64_t shape[3], const char *rule, const char *codec,
                                   struct pw_image_output **output, struct pw_error *error)
{
    const struct pw_output_codec usual = PW_ZARR_CODEC_USUAL;
    struct pw_output_codec chosen;
    enum pw_status status = check_source(source, error);
    if (status == PW_OK)
        status = pw_output_codec_choose(codec, PW_ZARR_CODECS, &usual, &chosen, "zarr", error);
    if (status == PW_OK)
        status = check_order(source, axes, error);
    struct extension *extension = status == PW_OK ? pw_alloc(1, sizeof *extension, error) : NULL;
    if (extension == NULL)
        return status == PW_OK ? PW_E_NOMEM : status;
    struct pw_zarr_image *image = &extension->image;
    json *metadata, *multiscale;
    extension->ops = pw_zarr_image_ops;
    extension->ops.start = extend_start;
    extension->ops.commit = extend_commit;
    extension->rule = rule;
    image->base.ops = &extension->ops;
    for (int l = 0; l < PW_MAX_LEVELS; l++)
        image->level[l].fd = -1;
    image->base.fills_zero = 1;
    image->version = strcmp(source->info.format, "zarr3") == 0 ? 3 : 2;
    image->axes = *axes;
    pw_file_parent(source->info.path, image->base.path, sizeof image->base.path);
    memcpy(image->base.level_path, source->info.path, sizeof image->base.level_path);
    status = load_metadata(image, &metadata, &multiscale, error);
    if (status == PW_OK) {
        json_object_put(metadata);
        status = choose_levels(image, source, axes, shape, rule, &chosen, error);
    }
    if (status != PW_OK) {
        free(extension);
        return status;
    }
    *output = &image->base;
    return PW_OK;
}
