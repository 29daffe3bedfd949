/* The zarr.json of a zarr v3 array (zarr-specs, core protocol version 3.1). */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "store/zarr_array.h"
#include "store/zarr_fill.h"

/* An unknown member changes the meaning of the array, unless it says that it does not. */
static enum pw_status check_members(const struct pw_zarr_node *node, struct pw_error *error)
{
    static const char *const known[] = {
        "zarr_format", "node_type",  "shape",      "data_type",       "chunk_grid",          "chunk_key_encoding",
        "codecs",      "fill_value", "attributes", "dimension_names", "storage_transformers"};
    struct json_object_iterator end = json_object_iter_end(node->meta);
    struct json_object_iterator at = json_object_iter_begin(node->meta);
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && strcmp(name, known[i]) != 0)
            i++;
        const struct json_object *must =
            pw_json_get_typed(json_object_iter_peek_value(&at), "must_understand", json_type_boolean);
        int is_null = json_object_iter_peek_value(&at) == NULL;
        if (i == sizeof known / sizeof known[0] && !is_null && (must == NULL || json_object_get_boolean(must)))
            return pw_fail(error, PW_E_UNSUPPORTED, "%s: \"%.60s\" is an extension that is not supported",
                           node->meta_path, name);
    }
    const struct json_object *transformers = pw_json_get(node->meta, "storage_transformers");
    if (transformers != NULL &&
        (json_object_get_type(transformers) != json_type_array || json_object_array_length(transformers) > 0)) {
        char text[80];
        pw_json_excerpt(transformers, text, sizeof text);
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: storage_transformers %s are not supported; write the array again without them",
                       node->meta_path, text);
    }
    return PW_OK;
}

static enum pw_status read_dtype(const struct pw_zarr_node *node, enum pw_dtype *dtype, struct pw_error *error)
{
    struct json_object *configuration;
    const struct json_object *value = pw_json_get(node->meta, "data_type");
    const char *name = pw_zarr_extension(value, &configuration);
    if (name == NULL)
        return pw_fail(error, PW_E_FORMAT, "%s: \"data_type\" is missing or has no name", node->meta_path);
    *dtype = pw_dtype_parse(name);
    /* pw_dtype_parse() knows other spellings as well; v3 has just one. */
    if (*dtype == PW_DTYPE_NONE || strcmp(pw_dtype_name(*dtype), name) != 0)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: data type \"%.60s\" is not supported: only bool, integers and floats are", node->meta_path,
                       name);
    return PW_OK;
}

static enum pw_status read_grid(const struct pw_zarr_node *node, struct pw_zarr_array *array, struct pw_error *error)
{
    struct json_object *configuration;
    const char *name = pw_zarr_extension(pw_json_get(node->meta, "chunk_grid"), &configuration);
    if (name == NULL)
        return pw_fail(error, PW_E_FORMAT, "%s: \"chunk_grid\" is missing or has no name", node->meta_path);
    if (strcmp(name, "regular") != 0)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: chunk grid \"%.60s\" is not supported, only \"regular\" is; write the array again in "
                       "chunks of one shape",
                       node->meta_path, name);
    const struct pw_json place = {configuration, node->meta_path};
    struct pw_zarr_chain *chain = &array->chain;
    enum pw_status status = pw_json_u64_list(&place, "chunk_shape", PW_MAX_RANK, chain->shape, &chain->rank, error);
    if (status == PW_OK && chain->rank != array->rank)
        return pw_fail(error, PW_E_FORMAT, "%s: \"shape\" has %d entries and \"chunk_shape\" %d", node->meta_path,
                       array->rank, chain->rank);
    return status;
}

static enum pw_status read_keys(const struct pw_zarr_node *node, struct pw_zarr_array *array, struct pw_error *error)
{
    struct json_object *configuration;
    const char *name = pw_zarr_extension(pw_json_get(node->meta, "chunk_key_encoding"), &configuration);
    const char *separator = pw_json_text(configuration, "separator");
    if (name == NULL)
        return pw_fail(error, PW_E_FORMAT, "%s: \"chunk_key_encoding\" is missing or has no name", node->meta_path);
    if (strcmp(name, "default") != 0 && strcmp(name, "v2") != 0)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: chunk key encoding \"%.60s\" is not supported, only \"default\" and \"v2\" are",
                       node->meta_path, name);
    array->key_prefix = name[0] == 'd';
    if (separator == NULL)
        separator = array->key_prefix ? "/" : ".";
    if (strcmp(separator, ".") != 0 && strcmp(separator, "/") != 0)
        return pw_fail(error, PW_E_FORMAT, "%s: chunk key separator \"%.20s\" is neither \".\" nor \"/\"",
                       node->meta_path, separator);
    array->separator = separator[0];
    return PW_OK;
}

enum pw_status pw_zarr_v3_parse(const struct pw_zarr_node *node, struct pw_zarr_array *array, struct pw_error *error)
{
    const struct pw_json place = {node->meta, node->meta_path};
    struct pw_zarr_context context = {node->meta_path, PW_DTYPE_NONE, array->codec_text, sizeof array->codec_text};
    enum pw_status status = read_dtype(node, &array->dtype, error);
    if (status == PW_OK)
        status = check_members(node, error);
    if (status == PW_OK)
        status = pw_json_u64_list(&place, "shape", PW_MAX_RANK, array->shape, &array->rank, error);
    if (status == PW_OK)
        status = read_grid(node, array, error);
    if (status == PW_OK)
        status = read_keys(node, array, error);
    if (status != PW_OK)
        return status;
    context.dtype = array->dtype;
    array->chain.element_bytes = pw_dtype_bytes(array->dtype);
    for (int i = 0; i < array->rank; i++)
        array->chain.order[i] = i;
    status = pw_zarr_v3_codecs(&context, pw_json_get(node->meta, "codecs"), 0, &array->chain, error);
    if (status == PW_OK)
        status = pw_zarr_fill_parse(node->meta_path, pw_json_get(node->meta, "fill_value"), array->dtype, &array->fill,
                                    error);
    return status;
}
