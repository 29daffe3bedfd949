#include "store/zarr_array.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/json.h"

#define EXTENT_MAX ((uint64_t)1 << 62) /* starts, extents and their sums stay far from overflow */

void pw_zarr_describe(const struct pw_zarr_context *context, const char *format, ...)
{
    size_t used = strlen(context->text);
    va_list args;
    if (used > 0 && used + 1 < context->text_bytes)
        context->text[used++] = ' ';
    va_start(args, format);
    (void)vsnprintf(context->text + used, context->text_bytes - used, format, args);
    va_end(args);
}

static enum pw_status check_shape(const char *path, const struct pw_zarr_array *array, struct pw_error *error)
{
    uint64_t bytes = pw_dtype_bytes(array->dtype);
    for (int i = 0; i < array->rank; i++) {
        if (array->chain.shape[i] == 0)
            return pw_fail(error, PW_E_FORMAT, "%s: chunk extent of axis %d is 0", path, i);
        if (array->shape[i] > EXTENT_MAX || array->chain.shape[i] > EXTENT_MAX ||
            !pw_mul_u64(bytes, pw_max_u64(array->shape[i], 1), &bytes) || bytes > (uint64_t)INT64_MAX)
            return pw_fail(error, PW_E_FORMAT, "%s: shape of more than 2^63 bytes (axis %d: %llu, chunk %llu)", path, i,
                           (unsigned long long)array->shape[i], (unsigned long long)array->chain.shape[i]);
    }
    return PW_OK;
}

/* Of v2 arrays xarray writes them. */
static void read_axis_names(const struct pw_zarr_node *node, struct pw_zarr_array *array)
{
    const struct json_object *names = node->version == 3
                                          ? pw_json_get_typed(node->meta, "dimension_names", json_type_array)
                                          : pw_json_get_typed(node->attributes, "_ARRAY_DIMENSIONS", json_type_array);
    if (names == NULL || json_object_array_length(names) != (size_t)array->rank)
        return;
    for (int i = 0; i < array->rank; i++) {
        struct json_object *name = json_object_array_get_idx(names, (size_t)i);
        if (json_object_get_type(name) == json_type_string)
            (void)snprintf(array->axis_name[i], sizeof array->axis_name[i], "%s", json_object_get_string(name));
    }
}

enum pw_status pw_zarr_array_parse(const struct pw_zarr_node *node, struct pw_zarr_array *array, struct pw_error *error)
{
    struct pw_error inner = {0};
    memset(array, 0, sizeof *array);
    array->version = node->version;
    enum pw_status status =
        node->version == 3 ? pw_zarr_v3_parse(node, array, error) : pw_zarr_v2_parse(node, array, error);
    if (status == PW_OK)
        read_axis_names(node, array);
    if (status == PW_OK)
        status = check_shape(node->meta_path, array, error);
    if (status == PW_OK && pw_zarr_chain_finish(&array->chain, &inner) != PW_OK)
        status = pw_fail(error, inner.status, "%s: %s", node->meta_path, inner.message);
    if (status != PW_OK)
        pw_zarr_array_release(array);
    return status;
}

void pw_zarr_array_release(struct pw_zarr_array *array)
{
    pw_zarr_chain_release(&array->chain);
}

void pw_zarr_array_key(const struct pw_zarr_array *array, const uint64_t *index, char key[PW_ZARR_KEY_BYTES])
{
    size_t used = 0;
    if (array->key_prefix)
        key[used++] = 'c';
    key[used] = '\0';
    for (int i = 0; i < array->rank; i++) {
        if (used > 0)
            key[used++] = array->separator;
        used += (size_t)snprintf(key + used, PW_ZARR_KEY_BYTES - used, "%llu", (unsigned long long)index[i]);
    }
    if (array->rank == 0 && !array->key_prefix)
        memcpy(key, "0", 2);
}
