#include "store/ngff_metadata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "store/zarr_node.h"
#include "sys/tree.h"

typedef struct json_object json;

static int is_one_of(const char *unit, const char *const *known, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(unit, known[i]) == 0)
            return 1;
    return 0;
}

int pw_ngff_time_unit_is_known(const char *unit)
{
    static const char *const known[] = {"attosecond",  "centisecond", "day",         "decisecond", "exasecond",
                                        "femtosecond", "gigasecond",  "hectosecond", "hour",       "kilosecond",
                                        "megasecond",  "microsecond", "millisecond", "minute",     "nanosecond",
                                        "petasecond",  "picosecond",  "second",      "terasecond", "yoctosecond",
                                        "yottasecond", "zeptosecond", "zettasecond"};
    return is_one_of(unit, known, sizeof known / sizeof known[0]);
}

int pw_ngff_unit_is_known(const char *unit)
{
    static const char *const known[] = {
        "angstrom",  "attometer",  "centimeter", "decimeter",  "exameter",  "femtometer", "foot",
        "gigameter", "hectometer", "inch",       "kilometer",  "megameter", "meter",      "micrometer",
        "mile",      "millimeter", "nanometer",  "parsec",     "petameter", "picometer",  "terameter",
        "yard",      "yoctometer", "yottameter", "zeptometer", "zettameter"};
    return is_one_of(unit, known, sizeof known / sizeof known[0]);
}

/* ---- small things ---- */

static json *text(const char *value)
{
    return json_object_new_string(value);
}

/* The shortest decimal that reads back as value. */
static json *number(double value)
{
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    if (strpbrk(digits, ".eEn") == NULL)
        (void)snprintf(digits + strlen(digits), sizeof digits - strlen(digits), ".0");
    return json_object_new_double_s(value, digits);
}

static json *whole_number(uint64_t value)
{
    return json_object_new_uint64(value);
}

static void set(json *object, const char *key, json *value)
{
    (void)json_object_object_add(object, key, value);
}

static void append(json *list, json *value)
{
    (void)json_object_array_add(list, value);
}

static json *whole_numbers(const uint64_t *value, int n)
{
    json *list = json_object_new_array();
    for (int i = 0; i < n; i++)
        append(list, whole_number(value[i]));
    return list;
}

static json *axis_names(const struct pw_ngff_label *label)
{
    json *list = json_object_new_array();
    if (label->has_time)
        append(list, text(label->time.name));
    for (int i = 3 - label->rank; i < 3; i++)
        append(list, text(label->axis[i].name));
    return list;
}

/* Of z y x, as many as the labels have, behind that of time when they have it. */
static json *extents(const struct pw_ngff_label *label, uint64_t time, const uint64_t value[3])
{
    json *list = json_object_new_array();
    if (label->has_time)
        append(list, whole_number(time));
    for (int i = 3 - label->rank; i < 3; i++)
        append(list, whole_number(value[i]));
    return list;
}

/* {"name": name, "configuration": configuration}; without the latter when it is NULL. */
static json *extension(const char *name, json *configuration)
{
    json *object = json_object_new_object();
    set(object, "name", text(name));
    if (configuration != NULL)
        set(object, "configuration", configuration);
    return object;
}

static json *single(const char *key, json *value)
{
    json *object = json_object_new_object();
    set(object, key, value);
    return object;
}

/* Writes object to directory/name and gives it up. */
static enum pw_status write_json(json *object, const char *directory, const char *name, struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES];
    enum pw_status status = pw_zarr_join(directory, name, path, error);
    const char *written =
        object == NULL
            ? NULL
            : json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (status == PW_OK && written == NULL)
        status = pw_fail(error, PW_E_NOMEM, "%s: out of memory", path);
    if (status == PW_OK)
        status = pw_tree_put_file(path, written, strlen(written), 0, error);
    json_object_put(object);
    return status;
}

/* ---- arrays ---- */

static json *zstd_codec(void)
{
    json *configuration = json_object_new_object();
    set(configuration, "level", whole_number(1));
    set(configuration, "checksum", json_object_new_boolean(0));
    return extension("zstd", configuration);
}

/* One-byte elements have no byte order. */
static json *bytes_codec(int with_order)
{
    return extension("bytes", with_order ? single("endian", text("little")) : NULL);
}

static json *sharding_codec(const struct pw_ngff_label *label, const struct pw_label_array *array)
{
    json *sharding = json_object_new_object();
    json *codecs = json_object_new_array();
    json *index_codecs = json_object_new_array();
    append(codecs, bytes_codec(pw_dtype_bytes(array->dtype) > 1));
    append(codecs, zstd_codec());
    append(index_codecs, bytes_codec(1));
    append(index_codecs, extension("crc32c", NULL));
    set(sharding, "chunk_shape", extents(label, 1, array->layout.chunk));
    set(sharding, "codecs", codecs);
    set(sharding, "index_codecs", index_codecs);
    set(sharding, "index_location", text("end"));
    return extension("sharding_indexed", sharding);
}

static json *array_v3(const struct pw_ngff_label *label, const struct pw_label_array *array)
{
    json *object = json_object_new_object();
    json *codecs = json_object_new_array();
    append(codecs, sharding_codec(label, array));
    set(object, "zarr_format", whole_number(3));
    set(object, "node_type", text("array"));
    set(object, "shape", extents(label, label->times, array->shape));
    set(object, "data_type", text(pw_dtype_name(array->dtype)));
    set(object, "chunk_grid", extension("regular", single("chunk_shape", extents(label, 1, array->layout.unit))));
    set(object, "chunk_key_encoding", extension("default", single("separator", text("/"))));
    set(object, "fill_value", whole_number(0));
    set(object, "codecs", codecs);
    set(object, "attributes", json_object_new_object());
    set(object, "dimension_names", axis_names(label));
    return object;
}

/* Other keys in the compressor than these two break older readers. */
static json *array_v2(const struct pw_ngff_label *label, const struct pw_label_array *array)
{
    char dtype[8];
    size_t bytes = pw_dtype_bytes(array->dtype);
    json *object = json_object_new_object();
    json *compressor = single("id", text("zstd"));
    set(compressor, "level", whole_number(1));
    (void)snprintf(dtype, sizeof dtype, "%cu%d", bytes > 1 ? '<' : '|', (int)bytes);
    set(object, "zarr_format", whole_number(2));
    set(object, "shape", extents(label, label->times, array->shape));
    set(object, "chunks", extents(label, 1, array->layout.chunk));
    set(object, "dtype", text(dtype));
    set(object, "compressor", compressor);
    set(object, "fill_value", whole_number(0));
    set(object, "order", text("C"));
    set(object, "filters", NULL);
    set(object, "dimension_separator", text("/"));
    return object;
}

static json *own_attributes(const struct pw_ngff_label *label)
{
    json *object = single("n_objects", whole_number(label->n_objects));
    set(object, "version", text(pw_version()));
    if (label->segmenter != NULL)
        set(object, "segmenter", text(label->segmenter));
    return object;
}

enum pw_status pw_ngff_write_array(const struct pw_ngff_label *label, int level, const char *directory,
                                   struct pw_error *error)
{
    const struct pw_label_array *array = &label->level[level];
    if (label->version == 3)
        return write_json(array_v3(label, array), directory, "zarr.json", error);
    enum pw_status status = write_json(array_v2(label, array), directory, ".zarray", error);
    if (status == PW_OK) /* xarray takes the names of axes from here */
        status = write_json(single("_ARRAY_DIMENSIONS", axis_names(label)), directory, ".zattrs", error);
    return status;
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
    set(attributes, "patchworks", own_attributes(label));
    if (label->version == 3) {
        json *array = array_v3(label, label->level);
        set(array, "attributes", attributes);
        return write_json(array, directory, "zarr.json", error);
    }
    status = write_json(array_v2(label, label->level), directory, ".zarray", error);
    if (status == PW_OK)
        return write_json(attributes, directory, ".zattrs", error);
    json_object_put(attributes);
    return status;
}

/* ---- the label image ---- */

static json *axes(const struct pw_ngff_label *label)
{
    json *list = json_object_new_array();
    if (label->has_time) {
        json *time = single("name", text(label->time.name));
        set(time, "type", text("time"));
        if (pw_ngff_time_unit_is_known(label->time.unit))
            set(time, "unit", text(label->time.unit));
        append(list, time);
    }
    for (int i = 3 - label->rank; i < 3; i++) {
        json *axis = single("name", text(label->axis[i].name));
        set(axis, "type", text("space"));
        if (pw_ngff_unit_is_known(label->axis[i].unit))
            set(axis, "unit", text(label->axis[i].unit));
        append(list, axis);
    }
    return list;
}

static json *transformation(const struct pw_ngff_label *label, const char *type, double time, const double value[3])
{
    json *object = single("type", text(type)), *list = json_object_new_array();
    if (label->has_time)
        append(list, number(time));
    for (int i = 3 - label->rank; i < 3; i++)
        append(list, number(value[i]));
    set(object, type, list);
    return object;
}

static json *datasets(const struct pw_ngff_label *label)
{
    json *list = json_object_new_array();
    int skip = 3 - label->rank;
    for (int l = 0; l < label->n_levels; l++) {
        char path[16];
        int moved = 0;
        json *transformations = json_object_new_array();
        (void)snprintf(path, sizeof path, "%d", l);
        json *dataset = single("path", text(path));
        append(transformations, transformation(label, "scale", label->time.scale, label->scale[l]));
        if (label->has_time)
            moved = label->time.translation < 0 || label->time.translation > 0;
        for (int i = skip; i < 3; i++)
            moved = moved || label->translation[l][i] < 0 || label->translation[l][i] > 0;
        if (moved)
            append(transformations,
                   transformation(label, "translation", label->time.translation, label->translation[l]));
        set(dataset, "coordinateTransformations", transformations);
        append(list, dataset);
    }
    return list;
}

static json *multiscales(const struct pw_ngff_label *label)
{
    json *list = json_object_new_array();
    json *multiscale = single("name", text(label->name));
    set(multiscale, "axes", axes(label));
    set(multiscale, "datasets", datasets(label));
    /* With one level too: the strict schema wants both. */
    int nearest = label->rule == PW_PYRAMID_NEAREST;
    set(multiscale, "type", text(nearest ? "nearest" : "mode"));
    set(multiscale, "metadata",
        single("method",
               text(nearest ? "first voxel of the block"
                            : "most frequent label where at least half is labelled, ties to the smallest id")));
    if (label->version == 2)
        set(multiscale, "version", text("0.4"));
    append(list, multiscale);
    return list;
}

/* One colour satisfies the strict schema: a list of millions would not be read by any viewer. */
static json *image_label(const struct pw_ngff_label *label)
{
    json *object = json_object_new_object();
    json *colors = json_object_new_array();
    json *background = single("label-value", whole_number(0));
    static const uint64_t transparent[4] = {0, 0, 0, 0};
    set(background, "rgba", whole_numbers(transparent, 4));
    append(colors, background);
    if (label->version == 2)
        set(object, "version", text("0.4"));
    set(object, "source", single("image", text("../../")));
    set(object, "colors", colors);
    return object;
}

static json *group_v3(json *attributes)
{
    json *object = json_object_new_object();
    set(object, "zarr_format", whole_number(3));
    set(object, "node_type", text("group"));
    set(object, "attributes", attributes);
    return object;
}

enum pw_status pw_ngff_write_label(const struct pw_ngff_label *label, const char *directory, struct pw_error *error)
{
    json *attributes = json_object_new_object();
    json *ome = attributes;
    if (label->version == 3) {
        ome = single("version", text("0.5"));
        set(attributes, "ome", ome);
    }
    set(ome, "multiscales", multiscales(label));
    set(ome, "image-label", image_label(label));
    set(attributes, "patchworks", own_attributes(label));
    if (label->version == 3)
        return write_json(group_v3(attributes), directory, "zarr.json", error);
    enum pw_status status = write_json(attributes, directory, ".zattrs", error);
    return status == PW_OK ? pw_ngff_write_group(2, directory, error) : status;
}

enum pw_status pw_ngff_write_group(int version, const char *directory, struct pw_error *error)
{
    if (version == 3)
        return write_json(group_v3(json_object_new_object()), directory, "zarr.json", error);
    return write_json(single("zarr_format", whole_number(2)), directory, ".zgroup", error);
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
    set(object, key, value);
    return value;
}

/* Where the list is, within the metadata of labels/. */
static json *list_in(int version, json *metadata)
{
    json *attributes = metadata;
    if (version == 3) {
        attributes = member(member(metadata, "attributes", json_type_object), "ome", json_type_object);
        if (pw_json_text(attributes, "version") == NULL)
            set(attributes, "version", text("0.5"));
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
    append(list, text(name));
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
        metadata = version == 3 ? group_v3(json_object_new_object()) : json_object_new_object();
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
        status = pw_ngff_write_group(2, labels, error);
    if (status == PW_OK)
        status = pw_zarr_join(labels, list_file(version), path, error);
    return status == PW_OK ? pw_tree_put_file(path, written, strlen(written), 1, error) : status;
}
