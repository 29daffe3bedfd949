#include "store/zarr_metadata.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_make.h"
#include "store/zarr_node.h"
#include "sys/tree.h"

typedef struct json_object json;

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

static json *axis_names(const struct pw_array_axes *axes)
{
    json *list = json_object_new_array();
    if (axes->has_time)
        pw_json_append(list, pw_json_make_text(axes->time.name));
    if (axes->has_channel)
        pw_json_append(list, pw_json_make_text(axes->channel.name));
    for (int i = 3 - axes->rank; i < 3; i++)
        pw_json_append(list, pw_json_make_text(axes->space[i].name));
    return list;
}

/* Of z y x, as many as there are, behind those of time and channel. */
static json *extents(const struct pw_array_axes *axes, uint64_t time, uint64_t channel, const uint64_t value[3])
{
    json *list = json_object_new_array();
    if (axes->has_time)
        pw_json_append(list, pw_json_make_whole(time));
    if (axes->has_channel)
        pw_json_append(list, pw_json_make_whole(channel));
    for (int i = 3 - axes->rank; i < 3; i++)
        pw_json_append(list, pw_json_make_whole(value[i]));
    return list;
}

/* {"name": name, "configuration": configuration}; without the latter when it is NULL. */
static json *extension(const char *name, json *configuration)
{
    json *object = json_object_new_object();
    pw_json_set(object, "name", pw_json_make_text(name));
    if (configuration != NULL)
        pw_json_set(object, "configuration", configuration);
    return object;
}

/* ---- arrays ---- */

/* The letter of a v2 dtype. */
static char kind_of(enum pw_dtype dtype)
{
    switch (dtype) {
    case PW_BOOL: return 'b';
    case PW_I8:
    case PW_I16:
    case PW_I32:
    case PW_I64: return 'i';
    case PW_F16:
    case PW_F32:
    case PW_F64: return 'f';
    default: return 'u';
    }
}

static json *zero_of(enum pw_dtype dtype)
{
    char kind = kind_of(dtype);
    return kind == 'b' ? json_object_new_boolean(0) : kind == 'f' ? pw_json_make_real(0) : pw_json_make_whole(0);
}

/* Of zarr v3. */
static json *compression_v3(const struct pw_output_codec *codec, json *blosc)
{
    json *configuration;
    switch (codec->compression) {
    case PW_COMPRESS_GZIP:
        return extension("gzip", pw_json_single("level", pw_json_make_whole((uint64_t)codec->level)));
    case PW_COMPRESS_BLOSC_LZ4:
    case PW_COMPRESS_BLOSC_ZSTD: return extension("blosc", blosc);
    default:
        configuration = pw_json_single("level", pw_json_make_whole((uint64_t)codec->level));
        pw_json_set(configuration, "checksum", json_object_new_boolean(0));
        return extension("zstd", configuration);
    }
}

static int is_blosc(const struct pw_output_codec *codec)
{
    return codec->compression == PW_COMPRESS_BLOSC_LZ4 || codec->compression == PW_COMPRESS_BLOSC_ZSTD;
}

/* What both versions of zarr say of blosc, added to object. */
static json *describe_blosc(const struct pw_output_codec *codec, json *object)
{
    const char *within = codec->compression == PW_COMPRESS_BLOSC_LZ4 ? "lz4" : "zstd";
    pw_json_set(object, "cname", pw_json_make_text(within));
    pw_json_set(object, "clevel", pw_json_make_whole((uint64_t)codec->level));
    pw_json_set(object, "blocksize", pw_json_make_whole(0));
    return object;
}

static void add_compression_v3(const struct pw_output_array *array, json *codecs)
{
    size_t bytes = pw_dtype_bytes(array->dtype);
    json *blosc = NULL;
    if (array->codec.compression == PW_COMPRESS_NONE)
        return;
    if (is_blosc(&array->codec)) {
        blosc = describe_blosc(&array->codec, pw_json_single("typesize", pw_json_make_whole(bytes)));
        pw_json_set(blosc, "shuffle", pw_json_make_text(bytes > 1 ? "shuffle" : "noshuffle"));
    }
    pw_json_append(codecs, compression_v3(&array->codec, blosc));
}

/* Other keys than these break older readers; NULL: none. */
static json *compressor_v2(const struct pw_output_array *array)
{
    const struct pw_output_codec *codec = &array->codec;
    json *object;
    if (codec->compression == PW_COMPRESS_NONE)
        return NULL;
    if (is_blosc(codec)) {
        object = describe_blosc(codec, pw_json_single("id", pw_json_make_text("blosc")));
        pw_json_set(object, "shuffle", pw_json_make_whole(pw_dtype_bytes(array->dtype) > 1));
        return object;
    }
    object = pw_json_single("id", pw_json_make_text(codec->compression == PW_COMPRESS_GZIP ? "gzip" : "zstd"));
    pw_json_set(object, "level", pw_json_make_whole((uint64_t)codec->level));
    return object;
}

/* One-byte elements have no byte order. */
static json *bytes_codec(int with_order)
{
    return extension("bytes", with_order ? pw_json_single("endian", pw_json_make_text("little")) : NULL);
}

static json *sharding_codec(const struct pw_array_axes *axes, const struct pw_output_array *array)
{
    json *sharding = json_object_new_object();
    json *codecs = json_object_new_array();
    json *index_codecs = json_object_new_array();
    pw_json_append(codecs, bytes_codec(pw_dtype_bytes(array->dtype) > 1));
    add_compression_v3(array, codecs);
    pw_json_append(index_codecs, bytes_codec(1));
    pw_json_append(index_codecs, extension("crc32c", NULL));
    pw_json_set(sharding, "chunk_shape", extents(axes, 1, 1, array->layout.chunk));
    pw_json_set(sharding, "codecs", codecs);
    pw_json_set(sharding, "index_codecs", index_codecs);
    pw_json_set(sharding, "index_location", pw_json_make_text("end"));
    return extension("sharding_indexed", sharding);
}

static json *array_v3(const struct pw_array_axes *axes, const struct pw_output_array *array, json *attributes)
{
    json *object = json_object_new_object();
    json *codecs = json_object_new_array();
    pw_json_append(codecs, sharding_codec(axes, array));
    pw_json_set(object, "zarr_format", pw_json_make_whole(3));
    pw_json_set(object, "node_type", pw_json_make_text("array"));
    pw_json_set(object, "shape", extents(axes, axes->times, axes->channels, array->shape));
    pw_json_set(object, "data_type", pw_json_make_text(pw_dtype_name(array->dtype)));
    pw_json_set(object, "chunk_grid",
                extension("regular", pw_json_single("chunk_shape", extents(axes, 1, 1, array->layout.unit))));
    pw_json_set(object, "chunk_key_encoding",
                extension("default", pw_json_single("separator", pw_json_make_text("/"))));
    pw_json_set(object, "fill_value", zero_of(array->dtype));
    pw_json_set(object, "codecs", codecs);
    pw_json_set(object, "attributes", attributes != NULL ? attributes : json_object_new_object());
    pw_json_set(object, "dimension_names", axis_names(axes));
    return object;
}

static json *array_v2(const struct pw_array_axes *axes, const struct pw_output_array *array)
{
    char dtype[8];
    size_t bytes = pw_dtype_bytes(array->dtype);
    json *object = json_object_new_object();
    (void)snprintf(dtype, sizeof dtype, "%c%c%d", bytes > 1 ? '<' : '|', kind_of(array->dtype), (int)bytes);
    pw_json_set(object, "zarr_format", pw_json_make_whole(2));
    pw_json_set(object, "shape", extents(axes, axes->times, axes->channels, array->shape));
    pw_json_set(object, "chunks", extents(axes, 1, 1, array->layout.chunk));
    pw_json_set(object, "dtype", pw_json_make_text(dtype));
    pw_json_set(object, "compressor", compressor_v2(array));
    pw_json_set(object, "fill_value", zero_of(array->dtype));
    pw_json_set(object, "order", pw_json_make_text("C"));
    pw_json_set(object, "filters", NULL);
    pw_json_set(object, "dimension_separator", pw_json_make_text("/"));
    return object;
}

enum pw_status pw_zarr_write_array(int version, const struct pw_array_axes *axes, const struct pw_output_array *array,
                                   json *attributes, const char *directory, struct pw_error *error)
{
    if (version == 3)
        return write_json(array_v3(axes, array, attributes), directory, "zarr.json", error);
    enum pw_status status = write_json(array_v2(axes, array), directory, ".zarray", error);
    if (status != PW_OK) {
        json_object_put(attributes);
        return status;
    }
    if (attributes == NULL) /* xarray takes the names of axes from here */
        attributes = pw_json_single("_ARRAY_DIMENSIONS", axis_names(axes));
    return write_json(attributes, directory, ".zattrs", error);
}

/* ---- groups ---- */

json *pw_zarr_group_v3(json *attributes)
{
    json *object = json_object_new_object();
    pw_json_set(object, "zarr_format", pw_json_make_whole(3));
    pw_json_set(object, "node_type", pw_json_make_text("group"));
    pw_json_set(object, "attributes", attributes);
    return object;
}

enum pw_status pw_zarr_write_group(int version, json *attributes, const char *directory, struct pw_error *error)
{
    if (version == 3)
        return write_json(pw_zarr_group_v3(attributes), directory, "zarr.json", error);
    enum pw_status status = PW_OK;
    if (json_object_object_length(attributes) > 0)
        status = write_json(attributes, directory, ".zattrs", error);
    else
        json_object_put(attributes);
    if (status == PW_OK)
        status = write_json(pw_json_single("zarr_format", pw_json_make_whole(2)), directory, ".zgroup", error);
    return status;
}
