/* The .zarray of zarr v2 (zarr-specs, storage specification version 2). */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "store/zarr_array.h"
#include "store/zarr_fill.h"

#define HOST_IS_BIG (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

static enum pw_status refuse_dtype(const char *path, const struct json_object *value, struct pw_error *error)
{
    static const struct {
        char letter;
        const char *what;
    } kinds[] = {{'S', "byte strings"}, {'U', "unicode strings"}, {'O', "Python objects"}, {'V', "raw records"},
                 {'M', "datetime64"},   {'m', "timedelta64"},     {'c', "complex numbers"}};
    char text[64];
    const char *what = "elements of another kind";
    const char *code = json_object_get_type(value) == json_type_string
                           ? json_object_get_string((struct json_object *)(uintptr_t)value)
                           : "";
    if (json_object_get_type(value) == json_type_array)
        what = "structured records";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (code[0] != '\0' && code[1] == kinds[i].letter)
            what = kinds[i].what;
    pw_json_excerpt(value, text, sizeof text);
    return pw_fail(error, PW_E_UNSUPPORTED, "%s: dtype %s (%s) is not supported: only bool, integers and floats are",
                   path, text, what);
}

/* "<u2" and the like: byte order, then what numpy calls the type. */
static enum pw_status read_dtype(const char *path, const struct json_object *meta, enum pw_dtype *dtype, int *swap,
                                 struct pw_error *error)
{
    const struct json_object *value = pw_json_get(meta, "dtype");
    const char *code = pw_json_text(meta, "dtype");
    if (value == NULL)
        return pw_fail(error, PW_E_FORMAT, "%s: \"dtype\" is missing", path);
    *dtype = code != NULL && strlen(code) == 3 && strchr("<>|", code[0]) != NULL ? pw_dtype_parse(code) : PW_DTYPE_NONE;
    if (*dtype == PW_DTYPE_NONE)
        return refuse_dtype(path, value, error);
    if (pw_dtype_bytes(*dtype) > 1 && code[0] == '|')
        return pw_fail(error, PW_E_FORMAT, "%s: dtype \"%s\" has no byte order", path, code);
    *swap = pw_dtype_bytes(*dtype) > 1 && (code[0] == '>') != HOST_IS_BIG;
    return PW_OK;
}

static enum pw_status read_order(const char *path, const struct json_object *meta, struct pw_zarr_chain *chain,
                                 struct pw_error *error)
{
    const char *order = pw_json_text(meta, "order");
    if (order == NULL)
        order = "C";
    if (strcmp(order, "C") != 0 && strcmp(order, "F") != 0)
        return pw_fail(error, PW_E_FORMAT, "%s: \"order\" is \"%.20s\", neither \"C\" nor \"F\"", path, order);
    for (int i = 0; i < chain->rank; i++)
        chain->order[i] = order[0] == 'C' ? i : chain->rank - 1 - i;
    return PW_OK;
}

static enum pw_status add_codec(const struct pw_zarr_context *context, const struct json_object *value,
                                struct pw_zarr_chain *chain, struct pw_error *error)
{
    const char *id = pw_json_text(value, "id");
    if (id == NULL)
        return pw_fail(error, PW_E_FORMAT, "%s: a compressor or filter without an \"id\"", context->path);
    return pw_zarr_add_codec(context, id, value, chain, error);
}

static enum pw_status read_codecs(const struct pw_zarr_context *context, const struct json_object *meta,
                                  struct pw_zarr_chain *chain, struct pw_error *error)
{
    const struct json_object *filters = pw_json_get(meta, "filters"), *compressor = pw_json_get(meta, "compressor");
    if (filters != NULL && json_object_get_type(filters) != json_type_array)
        return pw_fail(error, PW_E_FORMAT, "%s: \"filters\" is no list", context->path);
    for (size_t i = 0; filters != NULL && i < json_object_array_length(filters); i++) {
        enum pw_status status = add_codec(context, json_object_array_get_idx(filters, i), chain, error);
        if (status != PW_OK)
            return status;
    }
    return compressor != NULL ? add_codec(context, compressor, chain, error) : PW_OK;
}

/* Whether the chunk 0 0 0 ... is stored under a key with this separator. */
static int first_chunk_exists(const struct pw_zarr_node *node, struct pw_zarr_array *array, char separator)
{
    static const uint64_t zeros[PW_MAX_RANK];
    char key[PW_ZARR_KEY_BYTES], path[4096];
    array->separator = separator;
    pw_zarr_array_key(array, zeros, key);
    return pw_zarr_join(node->directory, key, path, NULL) == PW_OK && pw_kv_exists(node->kv, path);
}

/* Old nested stores say nothing of their separator: then the first chunk tells, and else it is the default. */
static enum pw_status read_separator(const struct pw_zarr_node *node, struct pw_zarr_array *array,
                                     struct pw_error *error)
{
    const char *separator = pw_json_text(node->meta, "dimension_separator");
    if (separator == NULL) {
        int nested = array->rank > 1 && !first_chunk_exists(node, array, '.') && first_chunk_exists(node, array, '/');
        array->separator = nested ? '/' : '.';
        return PW_OK;
    }
    if (strcmp(separator, ".") != 0 && strcmp(separator, "/") != 0)
        return pw_fail(error, PW_E_FORMAT, "%s: \"dimension_separator\" is \"%.20s\", neither \".\" nor \"/\"",
                       node->meta_path, separator);
    array->separator = separator[0];
    return PW_OK;
}

enum pw_status pw_zarr_v2_parse(const struct pw_zarr_node *node, struct pw_zarr_array *array, struct pw_error *error)
{
    const struct pw_json place = {node->meta, node->meta_path};
    struct pw_zarr_chain *chain = &array->chain;
    struct pw_zarr_context context = {node->meta_path, PW_DTYPE_NONE, array->codec_text, sizeof array->codec_text};
    enum pw_status status = read_dtype(node->meta_path, node->meta, &array->dtype, &chain->swap, error);
    if (status == PW_OK)
        status = pw_json_u64_list(&place, "shape", PW_MAX_RANK, array->shape, &array->rank, error);
    if (status == PW_OK)
        status = pw_json_u64_list(&place, "chunks", PW_MAX_RANK, chain->shape, &chain->rank, error);
    if (status != PW_OK)
        return status;
    if (chain->rank != array->rank)
        return pw_fail(error, PW_E_FORMAT, "%s: \"shape\" has %d entries and \"chunks\" %d", node->meta_path,
                       array->rank, chain->rank);
    chain->element_bytes = pw_dtype_bytes(array->dtype);
    context.dtype = array->dtype;
    status = read_order(node->meta_path, node->meta, chain, error);
    if (status == PW_OK) {
        if (array->rank > 1 && chain->order[0] != 0)
            pw_zarr_describe(&context, "order:F");
        if (chain->element_bytes > 1)
            pw_zarr_describe(&context, "bytes:%s", chain->swap != HOST_IS_BIG ? "big" : "little");
        else
            pw_zarr_describe(&context, "bytes");
        status = read_codecs(&context, node->meta, chain, error);
    }
    if (status == PW_OK)
        status = pw_zarr_fill_parse(node->meta_path, pw_json_get(node->meta, "fill_value"), array->dtype, &array->fill,
                                    error);
    if (status == PW_OK)
        status = read_separator(node, array, error);
    return status;
}
