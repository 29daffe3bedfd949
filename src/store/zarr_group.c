/* Groups that are no image: the message says what they are and what to open. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/zarr_open.h"

enum {
    TEXT_BYTES = 300
};

/* Adds a name to a list for a message; the first that does not fit ends it. */
static void add_name(char *text, const char *name)
{
    size_t used = strlen(text);
    if (used >= 3 && strcmp(text + used - 3, "...") == 0)
        return;
    if (used + strlen(name) + 8 < TEXT_BYTES)
        (void)snprintf(text + used, TEXT_BYTES - used, "%s%s", used > 0 ? ", " : "", name);
    else
        (void)snprintf(text + used, TEXT_BYTES - used, ", ...");
}

/* The strings of list, or the member key of its objects. */
static void add_names(char *text, const struct json_object *list, const char *key)
{
    if (json_object_get_type(list) != json_type_array)
        return;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        const char *name = key != NULL                                       ? pw_json_text(entry, key)
                           : json_object_get_type(entry) == json_type_string ? json_object_get_string(entry)
                                                                             : NULL;
        if (name != NULL)
            add_name(text, name);
    }
}

/* The images of a bioformats2raw store: what its OME group lists, else the groups that are there. */
static void list_series(const struct pw_zarr_node *group, char *text)
{
    char directory[4096];
    struct pw_zarr_node ome = {0};
    text[0] = '\0';
    if (pw_zarr_join(group->directory, "OME", directory, NULL) == PW_OK &&
        pw_zarr_node_load_from(&ome, group->kv, directory, NULL) == PW_OK) {
        add_names(text, pw_zarr_attribute(&ome, "series"), NULL);
        pw_zarr_node_release(&ome);
    }
    if (text[0] == '\0')
        (void)pw_zarr_children(group->kv, group->directory, text, TEXT_BYTES);
}

static enum pw_status explain(const struct pw_zarr_node *group, const char *what, const char *advice, const char *names,
                              struct pw_error *error)
{
    if (names[0] == '\0')
        return pw_fail(error, PW_E_FORMAT, "%s: %s, and it is empty", group->directory, what);
    return pw_fail(error, PW_E_ARGUMENT, "%s: %s; %s: %s", group->directory, what, advice, names);
}

enum pw_status pw_zarr_group_explain(const struct pw_zarr_node *group, struct pw_error *error)
{
    char names[TEXT_BYTES] = "";
    const struct json_object *plate = pw_zarr_attribute(group, "plate"), *well = pw_zarr_attribute(group, "well");
    if (pw_zarr_attribute(group, "bioformats2raw.layout") != NULL && plate == NULL) {
        list_series(group, names);
        return explain(group, "a collection of images (bioformats2raw)", "open one series of it", names, error);
    }
    if (plate != NULL) {
        add_names(names, pw_json_get(plate, "wells"), "path");
        return explain(group, "a plate of many images", "open one field of a well, such as A/1/0; wells", names, error);
    }
    if (well != NULL) {
        add_names(names, pw_json_get(well, "images"), "path");
        return explain(group, "a well of several images", "open one of its fields", names, error);
    }
    add_names(names, pw_zarr_attribute(group, "labels"), NULL);
    if (names[0] != '\0')
        return explain(group, "a group of label images", "open one of them", names, error);
    (void)pw_zarr_children(group->kv, group->directory, names, sizeof names);
    return explain(group, "a zarr group that is no image (no multiscales)", "open what is in it", names, error);
}
