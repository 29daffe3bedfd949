#include "store/ngff_metadata.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/json_make.h"
#include "base/memory.h"
#include "store/zarr_node.h"
#include "sys/tree.h"

typedef struct json_object json;

static json *own_attributes(const struct pw_ngff_label *label)
{
    json *object = pw_json_single("n_objects", pw_json_make_whole(label->n_objects));
    pw_json_set(object, "version", pw_json_make_text(pw_version()));
    if (label->segmenter != NULL)
        pw_json_set(object, "segmenter", pw_json_make_text(label->segmenter));
    return object;
}

enum pw_status pw_ngff_write_array(const struct pw_ngff_label *label, int level, const char *directory,
                                   struct pw_error *error)
{
    return pw_zarr_write_array(label->version, &label->axes, &label->level[level], NULL, directory, error);
}

enum pw_status pw_ngff_write_lone_array(const struct pw_ngff_label *label, const char *old, const char *directory,
                                        struct pw_error *error)
{
    struct pw_zarr_node node = {0};
    json *attributes = NULL;
    enum pw_status status = pw_zarr_node_load(&node, old, error);
    if (status != PW_OK)
        return status;
    if (node.attributes == NULL || json_object_deep_copy(node.attributes, &attributes, NULL) != 0)
        attributes = json_object_new_object();
    pw_zarr_node_release(&node);
    pw_json_set(attributes, "patchworks", own_attributes(label));
    return pw_zarr_write_array(label->version, &label->axes, label->level, attributes, directory, error);
}

/*
 * The strict schema asks for a colour, and viewers that find one leave all labels without one unseen (napari) or black
 * (vizarr), though a list of millions is read by none.  So the one is that of a label which they pass over, and then show
 * all in colours of their own: napari because the value is not written as an integer, vizarr because a table of so many
 * colours is too large.  It fits the int32 of others.
 */
static json *colour_that_is_passed_over(void)
{
    static const uint64_t white[4] = {255, 255, 255, 255};
    json *colour = pw_json_single("label-value", pw_json_make_real(2147483647.0));
    pw_json_set(colour, "rgba", pw_json_make_wholes(white, 4));
    return colour;
}

static json *image_label(const struct pw_ngff_label *label)
{
    json *object = json_object_new_object();
    json *colors = json_object_new_array();
    pw_json_append(colors, colour_that_is_passed_over());
    if (label->version == 2)
        pw_json_set(object, "version", pw_json_make_text("0.4"));
    pw_json_set(object, "source", pw_json_single("image", pw_json_make_text("../../")));
    pw_json_set(object, "colors", colors);
    return object;
}

enum pw_status pw_ngff_write_label(const struct pw_ngff_label *label, const char *directory, struct pw_error *error)
{
    int nearest = label->rule == PW_PYRAMID_NEAREST;
    const struct pw_ngff_multiscale multiscale = {
        .version = label->version,
        .name = label->name,
        .axes = label->axes,
        .n_levels = label->n_levels,
        .scale = label->scale,
        .translation = label->translation,
        .type = nearest ? "nearest" : "mode",
        .method = nearest ? "first voxel of the block"
                          : "most frequent label where at least half is labelled, ties to the smallest id",
    };
    json *ome, *attributes = pw_ngff_attributes(label->version, &ome);
    pw_json_set(ome, "multiscales", pw_ngff_multiscales(&multiscale));
    pw_json_set(ome, "image-label", image_label(label));
    pw_json_set(attributes, "patchworks", own_attributes(label));
    return pw_zarr_write_group(label->version, attributes, directory, error);
}

/* ---- the list of labels ---- */

static const char *list_file(int version)
{
    return version == 3 ? "zarr.json" : ".zattrs";
}

/* The member key of object, made as an empty object (or list) when it is not there. */
static json *member(json *object, const char *key, enum json_type type)
{
    json *value = pw_json_get_typed(object, key, type);
    if (value != NULL)
        return value;
    value = type == json_type_array ? json_object_new_array() : json_object_new_object();
    pw_json_set(object, key, value);
    return value;
}

/* Where the list is, within the metadata of labels/. */
static json *list_in(int version, json *metadata)
{
    json *attributes = metadata;
    if (version == 3) {
        attributes = member(member(metadata, "attributes", json_type_object), "ome", json_type_object);
        if (pw_json_text(attributes, "version") == NULL)
            pw_json_set(attributes, "version", pw_json_make_text("0.5"));
    }
    return member(attributes, "labels", json_type_array);
}

static void list_name(json *list, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json *entry = json_object_array_get_idx(list, i);
        if (json_object_get_type(entry) == json_type_string && strcmp(json_object_get_string(entry), name) == 0)
            return;
    }
    pw_json_append(list, pw_json_make_text(name));
}

enum pw_status pw_ngff_list_prepare(int version, const char *labels, const char *name, char **out,
                                    struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES];
    json *metadata = NULL;
    *out = NULL;
    enum pw_status status = pw_zarr_join(labels, list_file(version), path, error);
    if (status == PW_OK)
        status = pw_json_load(path, &metadata, error);
    if (status == PW_E_NOT_FOUND) {
        metadata = version == 3 ? pw_zarr_group_v3(json_object_new_object()) : json_object_new_object();
        status = PW_OK;
    }
    if (status == PW_OK && json_object_get_type(metadata) != json_type_object)
        status = pw_fail(error, PW_E_FORMAT, "%s: not a JSON object", path);
    if (status == PW_OK) {
        list_name(list_in(version, metadata), name);
        *out = pw_strdup(
            json_object_to_json_string_ext(metadata, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE), error);
        status = *out != NULL ? PW_OK : PW_E_NOMEM;
    }
    json_object_put(metadata);
    return status;
}

enum pw_status pw_ngff_list_write(int version, const char *labels, const char *written, struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES];
    enum pw_status status = version == 2 ? pw_zarr_join(labels, ".zgroup", path, error) : PW_OK;
    if (version == 2 && status == PW_OK && access(path, F_OK) != 0) /* one that is there is left as it is */
        status = pw_zarr_write_group(2, json_object_new_object(), labels, error);
    if (status == PW_OK)
        status = pw_zarr_join(labels, list_file(version), path, error);
    return status == PW_OK ? pw_tree_put_file(path, written, strlen(written), 1, error) : status;
}
