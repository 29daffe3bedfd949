#include "store/zarr_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/zarr_inherited.h"

enum {
    PATH_BYTES = 4096,
    LISTED_MAX = 64
};

enum pw_status pw_zarr_join(const char *directory, const char *name, char *out, struct pw_error *error)
{
    size_t n = strlen(directory);
    while (n > 1 && directory[n - 1] == '/')
        n--;
    int made = n < PATH_BYTES ? snprintf(out, PATH_BYTES, "%.*s/%s", (int)n, directory, name) : -1;
    if (made < 0 || made >= PATH_BYTES)
        return pw_fail(error, PW_E_ARGUMENT, "%.100s...: path is longer than %d bytes", directory, PATH_BYTES - 1);
    return PW_OK;
}

int pw_zarr_path_is_safe(const char *path)
{
    if (path[0] == '\0' || path[0] == '/')
        return 0;
    for (const char *part = path; part != NULL; part = strchr(part, '/')) {
        if (*part == '/')
            part++;
        if (part[0] == '.' && part[1] == '.' && (part[2] == '/' || part[2] == '\0'))
            return 0;
    }
    return 1;
}

int pw_zarr_node_exists(const char *directory)
{
    return pw_zarr_node_exists_in(&pw_kv_dir, directory);
}

int pw_zarr_node_exists_in(const struct pw_kv *kv, const char *directory)
{
    static const char *const names[] = {"zarr.json", ".zarray", ".zgroup", ".zattrs"};
    char path[PATH_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (pw_zarr_join(directory, names[i], path, NULL) == PW_OK && pw_kv_exists(kv, path))
            return 1;
    struct pw_zarr_inherited found;
    int is_inherited = pw_zarr_inherited_find(kv, directory, &found);
    pw_zarr_inherited_release(&found);
    return is_inherited;
}

/* Whether meta says that it is of this format; webknossos writes the number as a text. */
static int is_format(const struct json_object *meta, const char *digit)
{
    uint64_t format = 0;
    const char *text = pw_json_text(meta, "zarr_format");
    if (text != NULL)
        return strcmp(text, digit) == 0;
    return pw_json_to_u64(pw_json_get(meta, "zarr_format"), &format) && format == (uint64_t)(digit[0] - '0');
}

static enum pw_status load_v3(struct pw_zarr_node *node, struct pw_error *error)
{
    const char *type = pw_json_text(node->meta, "node_type");
    node->version = 3;
    if (pw_json_get(node->meta, "metadata_encoding") != NULL)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: a draft of zarr v3 from before 2023, which nothing reads today; convert it with the "
                       "zarrita or zarr-python release that wrote it",
                       node->meta_path);
    if (!is_format(node->meta, "3"))
        return pw_fail(error, PW_E_FORMAT, "%s: \"zarr_format\" is not 3", node->meta_path);
    if (type == NULL || (strcmp(type, "array") != 0 && strcmp(type, "group") != 0))
        return pw_fail(error, PW_E_FORMAT, "%s: \"node_type\" is neither \"array\" nor \"group\"", node->meta_path);
    node->is_array = type[0] == 'a';
    node->attributes = pw_json_get_typed(node->meta, "attributes", json_type_object);
    return PW_OK;
}

/* What a group above has of the node, of which there are attributes at most.  0 when none has it. */
static int load_inherited(struct pw_zarr_node *node)
{
    struct pw_zarr_inherited found;
    if (!pw_zarr_inherited_find(node->kv, node->directory, &found))
        return 0;
    node->version = found.version;
    node->is_array = found.is_array;
    memcpy(node->meta_path, found.path, sizeof node->meta_path);
    node->meta = json_object_get(found.meta);
    if (node->own_attributes == NULL)
        node->own_attributes = json_object_get(found.attributes);
    node->attributes = node->own_attributes;
    pw_zarr_inherited_release(&found);
    return 1;
}

/* Loads directory/name when it is there.  *object stays NULL when it is not. */
static enum pw_status load_if_there(const struct pw_zarr_node *node, const char *name, char *path,
                                    struct json_object **object, struct pw_error *error)
{
    enum pw_status status = pw_zarr_join(node->directory, name, path, error);
    if (status == PW_OK)
        status = pw_kv_load_json(node->kv, path, object, error);
    return status == PW_E_NOT_FOUND ? PW_OK : status;
}

static enum pw_status load_v2(struct pw_zarr_node *node, struct pw_error *error)
{
    char path[PATH_BYTES];
    enum pw_status status = load_if_there(node, ".zarray", node->meta_path, &node->meta, error);
    node->version = 2;
    node->is_array = node->meta != NULL;
    if (status == PW_OK && node->meta == NULL)
        status = load_if_there(node, ".zgroup", node->meta_path, &node->meta, error);
    if (status == PW_OK)
        status = load_if_there(node, ".zattrs", path, &node->own_attributes, error);
    if (status != PW_OK)
        return status;
    node->attributes = node->own_attributes;
    if (node->meta == NULL && load_inherited(node))
        return node->version == 3 ? load_v3(node, error) : PW_OK;
    if (node->meta == NULL && node->own_attributes == NULL)
        return pw_fail(error, PW_E_NOT_FOUND, "%s: no zarr metadata (zarr.json, .zarray, .zgroup)", node->directory);
    if (node->meta == NULL)
        (void)snprintf(node->meta_path, sizeof node->meta_path, "%s", path);
    else if (!is_format(node->meta, "2"))
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: \"zarr_format\" is not 2", node->meta_path);
    return PW_OK;
}

enum pw_status pw_zarr_node_load(struct pw_zarr_node *node, const char *directory, struct pw_error *error)
{
    return pw_zarr_node_load_from(node, &pw_kv_dir, directory, error);
}

enum pw_status pw_zarr_node_load_from(struct pw_zarr_node *node, const struct pw_kv *kv, const char *directory,
                                      struct pw_error *error)
{
    memset(node, 0, sizeof *node);
    node->kv = kv;
    if (strlen(directory) >= sizeof node->directory)
        return pw_fail(error, PW_E_ARGUMENT, "%.100s...: path is longer than %d bytes", directory, PATH_BYTES - 1);
    memcpy(node->directory, directory, strlen(directory) + 1);
    enum pw_status status = load_if_there(node, "zarr.json", node->meta_path, &node->meta, error);
    if (status == PW_OK)
        status = node->meta != NULL ? load_v3(node, error) : load_v2(node, error);
    if (status != PW_OK)
        pw_zarr_node_release(node);
    return status;
}

void pw_zarr_node_release(struct pw_zarr_node *node)
{
    json_object_put(node->meta);
    json_object_put(node->own_attributes);
    memset(node, 0, sizeof *node);
}

struct json_object *pw_zarr_attribute(const struct pw_zarr_node *node, const char *key)
{
    struct json_object *value = pw_json_get(pw_json_get(node->attributes, "ome"), key);
    return value != NULL ? value : pw_json_get(node->attributes, key);
}

/* Numbers by value, then names. */
static int compare_names(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

int pw_zarr_children(const struct pw_kv *kv, const char *directory, char *out, size_t out_bytes)
{
    char *names[LISTED_MAX];
    char path[PATH_BYTES];
    size_t used = 0;
    int listed = kv->ops->children(kv, directory, names, LISTED_MAX), count = 0;
    out[0] = '\0';
    for (int i = 0; i < listed; i++) {
        if (pw_zarr_join(directory, names[i], path, NULL) == PW_OK && pw_zarr_node_exists_in(kv, path))
            names[count++] = names[i];
        else
            free(names[i]);
    }
    qsort(names, (size_t)count, sizeof names[0], compare_names);
    for (int i = 0; i < count; i++) {
        int fits = used + strlen(names[i]) + 8 < out_bytes;
        if (fits)
            used += (size_t)snprintf(out + used, out_bytes - used, "%s%s", i > 0 ? ", " : "", names[i]);
        else if (used + 6 < out_bytes)
            used += (size_t)snprintf(out + used, out_bytes - used, ", ...");
        free(names[i]);
        if (!fits)
            out_bytes = used + 1; /* nothing more is added */
    }
    return count;
}
