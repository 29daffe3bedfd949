#include "store/zarr_twin.h"

#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "store/linear_source.h"

static int differ(const struct pw_zarr_array *a, const struct pw_zarr_array *b)
{
    return a->rank != b->rank || memcmp(a->shape, b->shape, (size_t)a->rank * sizeof a->shape[0]) != 0 ||
           a->dtype != b->dtype;
}

void pw_zarr_twin_compare(const struct pw_zarr_node *node, const struct pw_zarr_array *array, char *text,
                          size_t capacity)
{
    struct pw_zarr_node twin = {.kv = node->kv, .version = 2, .is_array = 1};
    struct pw_zarr_array other = {0};
    char shape[2][100];
    if (node->version != 3 || pw_zarr_join(node->directory, ".zarray", twin.meta_path, NULL) != PW_OK ||
        pw_kv_load_json(twin.kv, twin.meta_path, &twin.meta, NULL) != PW_OK)
        return;
    memcpy(twin.directory, node->directory, sizeof twin.directory);
    if (pw_zarr_array_parse(&twin, &other, NULL) == PW_OK && differ(array, &other))
        (void)snprintf(text, capacity, "%.*s: %s of %s, but .zarray beside it says %s of %s; the former was read", 100,
                       node->meta_path, pw_shape_text(shape[0], sizeof shape[0], array->shape, array->rank),
                       pw_dtype_name(array->dtype), pw_shape_text(shape[1], sizeof shape[1], other.shape, other.rank),
                       pw_dtype_name(other.dtype));
    pw_zarr_array_release(&other);
    pw_zarr_node_release(&twin);
}
