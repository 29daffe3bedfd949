#include "table/anndata_nodes.h"

#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "sys/tree.h"

typedef struct json_object json;

/* ---- small things ------------------------------------------------------ */

static json *text(const char *value)
{
    return json_object_new_string(value);
}

static void set(json *object, const char *key, json *value)
{
    (void)json_object_object_add(object, key, value);
}

static json *single(const char *key, json *value)
{
    json *object = json_object_new_object();
    set(object, key, value);
    return object;
}

static json *named(const char *name, json *configuration)
{
    json *object = single("name", text(name));
    if (configuration != NULL)
        set(object, "configuration", configuration);
    return object;
}

static json *list_of(uint64_t value)
{
    json *list = json_object_new_array();
    (void)json_object_array_add(list, json_object_new_uint64(value));
    return list;
}

/* parent/name, parent/name/more */
static enum pw_status join(const char *parent, const char *name, const char *more, char out[PW_TREE_PATH_BYTES],
                           struct pw_error *error)
{
    int n = snprintf(out, PW_TREE_PATH_BYTES, "%s%s%s%s%s", parent, name != NULL ? "/" : "", name != NULL ? name : "",
                     more != NULL ? "/" : "", more != NULL ? more : "");
    return n > 0 && n < PW_TREE_PATH_BYTES ? PW_OK : pw_fail(error, PW_E_ARGUMENT, "%s: the path is too long", parent);
}

/* Writes object to a file and gives it up. */
static enum pw_status put_json(json *object, const char *parent, const char *name, const char *file,
                               struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES];
    const char *written =
        json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
    enum pw_status status = join(parent, name, file, path, error);
    if (status == PW_OK && written == NULL)
        status = pw_fail(error, PW_E_NOMEM, "%s: out of memory", path);
    if (status == PW_OK)
        status = pw_tree_put_file(path, written, strlen(written), 0, error);
    json_object_put(object);
    return status;
}

static enum pw_status make_directory(const char *parent, const char *name, const char *more, struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES];
    enum pw_status status = join(parent, name, more, path, error);
    return status == PW_OK ? pw_tree_make(path, error) : status;
}

json *pw_anndata_attributes(const char *type, const char *version)
{
    json *object = single("encoding-type", text(type));
    set(object, "encoding-version", text(version));
    return object;
}

/* ---- groups ------------------------------------------------------------ */

enum pw_status pw_anndata_group(const char *parent, const char *name, int version, json *attributes,
                                struct pw_error *error)
{
    enum pw_status status = name != NULL ? make_directory(parent, name, NULL, error) : PW_OK;
    json *object = single("zarr_format", json_object_new_int(version));
    if (version == 3) {
        set(object, "node_type", text("group"));
        set(object, "attributes", attributes);
        attributes = NULL;
    }
    if (status == PW_OK)
        status = put_json(object, parent, name, version == 3 ? "zarr.json" : ".zgroup", error);
    else
        json_object_put(object);
    if (attributes == NULL)
        return status;
    if (status == PW_OK)
        return put_json(attributes, parent, name, ".zattrs", error);
    json_object_put(attributes);
    return status;
}

/* ---- arrays ------------------------------------------------------------ */

static json *attributes_of(const struct pw_anndata_array *array)
{
    static const char *const type[] = {"array", "string-array", "string"};
    return pw_anndata_attributes(type[array->kind], "0.2.0");
}

/* 0, false, 0.0 or "" */
static json *fill_value(const struct pw_anndata_array *array)
{
    if (array->kind != PW_ANNDATA_NUMBERS)
        return text("");
    if (array->dtype == PW_BOOL)
        return json_object_new_boolean(0);
    return pw_dtype_is_float(array->dtype) ? json_object_new_double_s(0.0, "0.0") : json_object_new_int(0);
}

static json *shape_of(const struct pw_anndata_array *array, uint64_t length)
{
    return array->kind == PW_ANNDATA_STRING ? json_object_new_array() : list_of(length);
}

static json *codecs_v3(const struct pw_anndata_array *array)
{
    json *codecs = json_object_new_array(), *zstd = single("level", json_object_new_int(3));
    set(zstd, "checksum", json_object_new_boolean(0));
    if (array->kind != PW_ANNDATA_NUMBERS)
        (void)json_object_array_add(codecs, named("vlen-utf8", json_object_new_object()));
    else
        (void)json_object_array_add(
            codecs, named("bytes", pw_dtype_bytes(array->dtype) > 1 ? single("endian", text("little")) : NULL));
    (void)json_object_array_add(codecs, named("zstd", zstd));
    return codecs;
}

static json *array_v3(const struct pw_anndata_array *array)
{
    json *object = single("zarr_format", json_object_new_int(3));
    set(object, "node_type", text("array"));
    set(object, "shape", shape_of(array, array->length));
    set(object, "data_type", text(array->kind == PW_ANNDATA_NUMBERS ? pw_dtype_name(array->dtype) : "string"));
    set(object, "chunk_grid", named("regular", single("chunk_shape", shape_of(array, array->chunk))));
    set(object, "chunk_key_encoding", named("default", single("separator", text("/"))));
    set(object, "fill_value", fill_value(array));
    set(object, "codecs", codecs_v3(array));
    set(object, "attributes", attributes_of(array));
    return object;
}

static void dtype_v2(const struct pw_anndata_array *array, char out[8])
{
    size_t bytes = pw_dtype_bytes(array->dtype);
    char kind = array->dtype == PW_BOOL            ? 'b'
                : pw_dtype_is_float(array->dtype)  ? 'f'
                : pw_dtype_is_signed(array->dtype) ? 'i'
                                                   : 'u';
    if (array->kind != PW_ANNDATA_NUMBERS)
        (void)snprintf(out, 8, "|O");
    else
        (void)snprintf(out, 8, "%c%c%d", bytes > 1 ? '<' : '|', kind, (int)bytes);
}

static json *array_v2(const struct pw_anndata_array *array)
{
    char dtype[8];
    json *object = single("zarr_format", json_object_new_int(2)), *compressor = single("id", text("zstd"));
    json *filters = NULL;
    if (array->kind != PW_ANNDATA_NUMBERS) {
        filters = json_object_new_array();
        (void)json_object_array_add(filters, single("id", text("vlen-utf8")));
    }
    dtype_v2(array, dtype);
    set(compressor, "level", json_object_new_int(3));
    set(object, "shape", shape_of(array, array->length));
    set(object, "chunks", shape_of(array, array->chunk));
    set(object, "dtype", text(dtype));
    set(object, "compressor", compressor);
    set(object, "fill_value", fill_value(array));
    set(object, "order", text("C"));
    set(object, "filters", filters);
    set(object, "dimension_separator", text("."));
    return object;
}

enum pw_status pw_anndata_array_make(const char *parent, const char *name, int version, struct pw_error *error)
{
    enum pw_status status = make_directory(parent, name, NULL, error);
    return status == PW_OK && version == 3 ? make_directory(parent, name, "c", error) : status;
}

enum pw_status pw_anndata_array_describe(const char *parent, const char *name, int version,
                                         const struct pw_anndata_array *array, struct pw_error *error)
{
    if (version == 3)
        return put_json(array_v3(array), parent, name, "zarr.json", error);
    enum pw_status status = put_json(array_v2(array), parent, name, ".zarray", error);
    return status == PW_OK ? put_json(attributes_of(array), parent, name, ".zattrs", error) : status;
}

enum pw_status pw_anndata_chunk_put(const char *parent, const char *name, int version, uint64_t chunk,
                                    const void *encoded, size_t n, struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES], key[32];
    (void)snprintf(key, sizeof key, version == 3 ? "c/%llu" : "%llu", (unsigned long long)chunk);
    enum pw_status status = join(parent, name, key, path, error);
    return status == PW_OK ? pw_tree_put_file(path, encoded, n, 0, error) : status;
}

enum pw_status pw_anndata_array_put_one(const char *parent, const char *name, int version,
                                        const struct pw_anndata_array *array, const void *encoded, size_t n,
                                        struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES];
    int scalar_v3 = array->kind == PW_ANNDATA_STRING && version == 3;
    /* The only chunk of no axes is called c in version 3, and 0 in version 2 like that of one axis. */
    enum pw_status status = join(parent, name, version == 2 ? "0" : scalar_v3 ? "c" : "c/0", path, error);
    if (status == PW_OK)
        status = make_directory(parent, name, NULL, error);
    if (status == PW_OK && version == 3 && !scalar_v3)
        status = make_directory(parent, name, "c", error);
    if (status == PW_OK)
        status = pw_tree_put_file(path, encoded, n, 0, error);
    return status == PW_OK ? pw_anndata_array_describe(parent, name, version, array, error) : status;
}
