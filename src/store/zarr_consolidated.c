#include "store/zarr_consolidated.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/json_make.h"
#include "store/zarr_node.h"
#include "sys/file.h"
#include "sys/tree.h"

typedef struct json_object json;

enum {
    DEPTH_MAX = 16 /* of groups within groups */
};

/* The files of a node of zarr v2. */
static const char *const v2_files[] = {".zarray", ".zgroup", ".zattrs"};
enum {
    V2_FILES = sizeof v2_files / sizeof v2_files[0]
};

static int has_file(const char *directory, const char *file)
{
    char path[PW_TREE_PATH_BYTES];
    return pw_zarr_join(directory, file, path, NULL) == PW_OK && access(path, F_OK) == 0;
}

/* key/name, or name at the top. */
static enum pw_status join_key(const char *key, const char *name, char out[PW_TREE_PATH_BYTES], struct pw_error *error)
{
    if (key[0] != '\0')
        return pw_zarr_join(key, name, out, error);
    (void)snprintf(out, PW_TREE_PATH_BYTES, "%s", name);
    return PW_OK;
}

/* ---- copies ------------------------------------------------------------ */

/* zarr-python marks groups whose members are listed further up with an empty list of their own. */
static json *empty_copy(void)
{
    json *copy = pw_json_single("kind", pw_json_make_text("inline"));
    pw_json_set(copy, "must_understand", json_object_new_boolean(0));
    pw_json_set(copy, "metadata", json_object_new_object());
    return copy;
}

static enum pw_status copy_v3(json *copies, const char *directory, const char *key, int *is_array,
                              struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES];
    json *metadata;
    enum pw_status status = pw_zarr_join(directory, "zarr.json", path, error);
    if (status == PW_OK)
        status = pw_json_load(path, &metadata, error);
    if (status != PW_OK)
        return status;
    const char *type = pw_json_text(metadata, "node_type");
    *is_array = type != NULL && strcmp(type, "array") == 0;
    if (!*is_array)
        pw_json_set(metadata, "consolidated_metadata", empty_copy());
    if (key[0] != '\0')
        pw_json_set(copies, key, metadata);
    else
        json_object_put(metadata); /* the group itself: its metadata are where the copies are */
    return PW_OK;
}

static enum pw_status copy_v2(json *copies, const char *directory, const char *key, int *is_array,
                              struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES], name[PW_TREE_PATH_BYTES];
    enum pw_status status = PW_OK;
    *is_array = has_file(directory, ".zarray");
    for (int f = 0; f < V2_FILES && status == PW_OK; f++) {
        json *metadata;
        if (!has_file(directory, v2_files[f]))
            continue;
        status = pw_zarr_join(directory, v2_files[f], path, error);
        if (status == PW_OK)
            status = join_key(key, v2_files[f], name, error);
        if (status == PW_OK)
            status = pw_json_load(path, &metadata, error);
        if (status == PW_OK)
            pw_json_set(copies, name, metadata);
    }
    return status;
}

static int is_node(const char *directory, int version)
{
    return version == 3 ? has_file(directory, "zarr.json")
                        : has_file(directory, ".zgroup") || has_file(directory, ".zarray");
}

static enum pw_status copy_nodes(json *copies, const char *directory, const char *key, int version, int depth,
                                 struct pw_error *error);

static enum pw_status copy_children(json *copies, const char *directory, const char *key, int version, int depth,
                                    struct pw_error *error)
{
    DIR *entries = opendir(directory);
    enum pw_status status = PW_OK;
    if (entries == NULL)
        return PW_OK;
    for (struct dirent *entry; status == PW_OK && (entry = readdir(entries)) != NULL;) {
        char child[PW_TREE_PATH_BYTES], child_key[PW_TREE_PATH_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        status = pw_zarr_join(directory, entry->d_name, child, error);
        if (status == PW_OK && is_node(child, version))
            status = join_key(key, entry->d_name, child_key, error);
        else
            continue;
        if (status == PW_OK)
            status = copy_nodes(copies, child, child_key, version, depth + 1, error);
    }
    (void)closedir(entries);
    return status;
}

/* Adds copies of the node in directory, called key, and of all below it. */
static enum pw_status copy_nodes(json *copies, const char *directory, const char *key, int version, int depth,
                                 struct pw_error *error)
{
    int is_array = 0;
    if (depth > DEPTH_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: more than %d groups within each other", directory, DEPTH_MAX);
    enum pw_status status = version == 3 ? copy_v3(copies, directory, key, &is_array, error)
                                         : copy_v2(copies, directory, key, &is_array, error);
    if (status != PW_OK || is_array)
        return status;
    return copy_children(copies, directory, key, version, depth, error);
}

/* ---- one group --------------------------------------------------------- */

/* Takes out what was copied of the node called key and of all below it. */
static json *without(json *copies, const char *key)
{
    size_t n = strlen(key);
    json *kept = json_object_new_object();
    json_object_object_foreach(copies, name, value)
    {
        if (n > 0 && (strncmp(name, key, n) != 0 || (name[n] != '\0' && name[n] != '/')))
            pw_json_set(kept, name, json_object_get(value));
    }
    return kept;
}

static enum pw_status put(const char *path, json *object, struct pw_error *error)
{
    const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
    return text != NULL ? pw_tree_put_file(path, text, strlen(text), 1, error)
                        : pw_fail(error, PW_E_NOMEM, "%s: no memory for its text", path);
}

/* The group's file with the copies: owner is where "metadata" is in it, NULL when there are none. */
static enum pw_status load_copies(const char *group, int version, char path[PW_TREE_PATH_BYTES], json **file,
                                  json **owner, struct pw_error *error)
{
    *file = *owner = NULL;
    if (version == 2 && !has_file(group, ".zmetadata"))
        return PW_OK;
    enum pw_status status = pw_zarr_join(group, version == 3 ? "zarr.json" : ".zmetadata", path, error);
    if (status == PW_OK)
        status = pw_json_load(path, file, error);
    if (status == PW_OK)
        *owner = version == 3 ? pw_json_get_typed(*file, "consolidated_metadata", json_type_object) : *file;
    return status;
}

static enum pw_status consolidate_group(const char *group, const char *node, const char *key, int version,
                                        struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES];
    json *file, *owner;
    enum pw_status status = load_copies(group, version, path, &file, &owner, error);
    json *copies = status == PW_OK ? pw_json_get_typed(owner, "metadata", json_type_object) : NULL;
    if (copies != NULL) {
        json *made = without(copies, key);
        status = copy_nodes(made, node, key, version, 0, error);
        pw_json_set(owner, "metadata", made);
        if (status == PW_OK)
            status = put(path, file, error);
    }
    json_object_put(file);
    return status;
}

enum pw_status pw_zarr_consolidate(const char *node, struct pw_error *error)
{
    char whole[PATH_MAX], group[PW_TREE_PATH_BYTES], above[PW_TREE_PATH_BYTES];
    if (realpath(node, whole) == NULL)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", node);
    int version = has_file(whole, "zarr.json") ? 3 : 2;
    const char *key = "";
    enum pw_status status = PW_OK;
    (void)snprintf(group, sizeof group, "%s", whole);
    while (status == PW_OK && is_node(group, version)) {
        status = consolidate_group(group, whole, key, version, error);
        pw_file_parent(group, above, sizeof above);
        if (strcmp(above, "/") == 0)
            break;
        key = whole + strlen(above) + 1;
        memcpy(group, above, sizeof group);
    }
    return status;
}
