#include "table/table_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"

#define NAME "objects"

typedef struct json_object json;

static enum pw_status name_places(struct pw_table_place *place, const char *labels, int version, struct pw_error *error)
{
    memset(place, 0, sizeof *place);
    place->version = version;
    place->lock = -1;
    int n = snprintf(place->final, sizeof place->final, "%s/tables/" NAME, labels);
    if (n < 0 || (size_t)n + 64 >= sizeof place->final)
        return pw_fail(error, PW_E_ARGUMENT, "%s: the path is too long", labels);
    (void)snprintf(place->tables, sizeof place->tables, "%.*s", n - (int)sizeof NAME, place->final);
    return PW_OK;
}

enum pw_status pw_table_place_init(struct pw_table_place *place, const char *labels, int version, int overwrite,
                                   struct pw_error *error)
{
    struct stat st;
    enum pw_status status = name_places(place, labels, version, error);
    if (status != PW_OK)
        return status;
    place->overwrite = overwrite;
    if (access(labels, W_OK | X_OK) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot make a table here", labels);
    pw_tree_recover(place->final);
    if (lstat(place->final, &st) == 0 && !overwrite)
        return pw_fail(error, PW_E_EXISTS, "%s: exists already; --overwrite replaces it", place->final);
    return PW_OK;
}

enum pw_status pw_table_place_inside(struct pw_table_place *place, const char *labels, int version,
                                     struct pw_error *error)
{
    enum pw_status status = name_places(place, labels, version, error);
    place->inside = 1;
    return status;
}

enum pw_status pw_table_place_start(struct pw_table_place *place, struct pw_error *error)
{
    char made[PW_TREE_PATH_BYTES];
    place->made_tables = mkdir(place->tables, 0777) == 0;
    if (!place->made_tables && errno != EEXIST)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be made", place->tables);
    if (place->inside) {
        enum pw_status made_inside = pw_tree_make(place->final, error);
        if (made_inside == PW_OK)
            memcpy(place->build, place->final, sizeof place->build);
        return made_inside;
    }
    enum pw_status status = pw_tree_make_hidden(place->tables, NAME, made, &place->lock, error);
    if (status == PW_OK)
        memcpy(place->build, made, sizeof made);
    else
        pw_table_place_abort(place);
    return status;
}

/* ---- the list of tables -------------------------------------------------- */

static json *member(json *object, const char *key, enum json_type type)
{
    json *value = pw_json_get_typed(object, key, type);
    if (value != NULL)
        return value;
    value = type == json_type_array ? json_object_new_array() : json_object_new_object();
    (void)json_object_object_add(object, key, value);
    return value;
}

static void add_name(json *list)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json *entry = json_object_array_get_idx(list, i);
        if (json_object_get_type(entry) == json_type_string && strcmp(json_object_get_string(entry), NAME) == 0)
            return;
    }
    (void)json_object_array_add(list, json_object_new_string(NAME));
}

/* The metadata of the tables group with our table in it; others that are there stay. */
static enum pw_status prepare_list(const struct pw_table_place *place, char *path, size_t path_bytes, json **metadata,
                                   struct pw_error *error)
{
    (void)snprintf(path, path_bytes, "%s/%s", place->tables, place->version == 3 ? "zarr.json" : ".zattrs");
    enum pw_status status = pw_json_load(path, metadata, error);
    if (status == PW_E_NOT_FOUND) {
        *metadata = json_object_new_object();
        if (place->version == 3) {
            (void)json_object_object_add(*metadata, "zarr_format", json_object_new_int(3));
            (void)json_object_object_add(*metadata, "node_type", json_object_new_string("group"));
        }
        status = PW_OK;
    }
    if (status == PW_OK && json_object_get_type(*metadata) != json_type_object)
        status = pw_fail(error, PW_E_FORMAT, "%s: not a JSON object", path);
    if (status != PW_OK)
        return status;
    json *attributes = place->version == 3 ? member(*metadata, "attributes", json_type_object) : *metadata;
    add_name(member(attributes, "tables", json_type_array));
    return PW_OK;
}

static enum pw_status put_text(const char *path, const char *text, struct pw_error *error)
{
    return pw_tree_put_file(path, text, strlen(text), 1, error);
}

static enum pw_status write_list(const struct pw_table_place *place, struct pw_error *error)
{
    char path[PW_TREE_PATH_BYTES + 16], group[PW_TREE_PATH_BYTES + 16];
    json *metadata = NULL;
    enum pw_status status = prepare_list(place, path, sizeof path, &metadata, error);
    (void)snprintf(group, sizeof group, "%s/.zgroup", place->tables);
    if (status == PW_OK && place->version == 2 && access(group, F_OK) != 0)
        status = put_text(group, "{\n  \"zarr_format\": 2\n}", error);
    if (status == PW_OK)
        status = put_text(
            path, json_object_to_json_string_ext(metadata, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE),
            error);
    json_object_put(metadata);
    return status;
}

/* ---- coming into view ---------------------------------------------------- */

static void remove_hidden(struct pw_table_place *place)
{
    if (place->build[0] == '\0' || place->inside)
        return;
    pw_tree_remove(place->build);
    (void)close(place->lock);
    place->build[0] = '\0';
}

void pw_table_place_abort(struct pw_table_place *place)
{
    if (place->inside) /* goes with the label image */
        return;
    remove_hidden(place);
    if (place->made_tables)
        (void)rmdir(place->tables); /* another run may have put something there: then it stays */
    place->made_tables = 0;
}

enum pw_status pw_table_place_commit(struct pw_table_place *place, struct pw_error *error)
{
    if (place->inside)
        return write_list(place, error);
    /* A reader that finds a name in the list must find the group; one that finds the group only loses nothing. */
    enum pw_status status = pw_tree_sync(place->build, error);
    if (status == PW_OK)
        status = pw_tree_publish(place->build, place->final, place->overwrite, error);
    if (status != PW_OK)
        return status;
    status = write_list(place, error);
    (void)pw_tree_sync_directory(place->tables, NULL);
    remove_hidden(place); /* what was replaced, if anything */
    place->made_tables = 0;
    return status;
}
