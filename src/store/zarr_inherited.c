#include "store/zarr_inherited.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/zarr_node.h"

enum {
    PATH_BYTES = 4096,
    ABOVE_MAX = 8 /* groups that are asked, nearest first */
};

static int is_there(const struct pw_kv *kv, const char *directory)
{
    char *name[1];
    if (kv->ops->children(kv, directory, name, 1) < 1)
        return pw_kv_exists(kv, directory);
    free(name[0]);
    return 1;
}

/* A copy is one more owner of what the loaded file holds. */
static struct json_object *member(struct json_object *metadata, const char *key, const char *file)
{
    char name[PATH_BYTES];
    int n = snprintf(name, sizeof name, "%s%s%s", key, key[0] != '\0' && file[0] != '\0' ? "/" : "", file);
    if (n < 0 || n >= (int)sizeof name)
        return NULL;
    return json_object_get(pw_json_get_typed(metadata, name, json_type_object));
}

static void take_v2(struct json_object *loaded, const char *key, struct pw_zarr_inherited *found)
{
    struct json_object *metadata = pw_json_get_typed(loaded, "metadata", json_type_object);
    found->version = 2;
    found->meta = member(metadata, key, ".zarray");
    found->is_array = found->meta != NULL;
    if (found->meta == NULL)
        found->meta = member(metadata, key, ".zgroup");
    if (found->meta != NULL)
        found->attributes = member(metadata, key, ".zattrs");
}

static void take_v3(struct json_object *loaded, const char *key, struct pw_zarr_inherited *found)
{
    struct json_object *copies = pw_json_get_typed(loaded, "consolidated_metadata", json_type_object);
    found->version = 3;
    if (key[0] != '\0') /* its own are what does not exist */
        found->meta = member(pw_json_get_typed(copies, "metadata", json_type_object), key, "");
}

/* In the group at above, of which the node is key. */
static int look(const struct pw_kv *kv, const char *above, const char *key, struct pw_zarr_inherited *found)
{
    static const char *const file[] = {"zarr.json", ".zmetadata"};
    for (int i = 0; i < 2 && found->meta == NULL; i++) {
        struct json_object *loaded = NULL;
        if (pw_zarr_join(above, file[i], found->path, NULL) != PW_OK || !pw_kv_exists(kv, found->path) ||
            pw_kv_load_json(kv, found->path, &loaded, NULL) != PW_OK)
            continue;
        if (i == 0)
            take_v3(loaded, key, found);
        else
            take_v2(loaded, key, found);
        json_object_put(loaded);
    }
    return found->meta != NULL;
}

int pw_zarr_inherited_find(const struct pw_kv *kv, const char *directory, struct pw_zarr_inherited *found)
{
    char above[PATH_BYTES];
    size_t n = strlen(directory);
    memset(found, 0, sizeof *found);
    while (n > 1 && directory[n - 1] == '/')
        n--;
    if (n >= sizeof above || !is_there(kv, directory))
        return 0;
    memcpy(above, directory, n);
    above[n] = '\0';
    const char *key = directory + n; /* "" */
    size_t end = n;
    for (int i = 0; i < ABOVE_MAX; i++) {
        char relative[PATH_BYTES];
        (void)snprintf(relative, sizeof relative, "%.*s", (int)(directory + n - key), key);
        if (look(kv, above, relative, found))
            return 1;
        char *slash = strrchr(above, '/');
        if (slash == NULL || slash == above)
            return 0;
        end = (size_t)(slash - above);
        above[end] = '\0';
        key = directory + end + 1;
    }
    return 0;
}

void pw_zarr_inherited_release(struct pw_zarr_inherited *found)
{
    json_object_put(found->meta);
    json_object_put(found->attributes);
    memset(found, 0, sizeof *found);
}
