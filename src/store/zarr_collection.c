#include "store/zarr_collection.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/xml_scan.h"
#include "store/zarr_ngff.h"
#include "sys/file.h"

enum {
    XML_BYTES_MAX = 64 << 20,
    SERIES_MAX = 10000
};

/* ---- what a group is ------------------------------------------------------ */

static enum pw_collection_kind kind_of(const struct pw_zarr_node *node)
{
    if (node->is_array || pw_ngff_multiscale(node) != NULL)
        return PW_ONE_IMAGE;
    if (pw_zarr_attribute(node, "plate") != NULL)
        return PW_PLATE;
    if (pw_zarr_attribute(node, "well") != NULL)
        return PW_WELL;
    return pw_zarr_attribute(node, "bioformats2raw.layout") != NULL ? PW_SERIES : PW_ONE_IMAGE;
}

/* Adds path, where it stays in the store, without a "/" at its end. */
static enum pw_status take_path(const char *path, struct pw_names *paths, struct pw_error *error)
{
    char trimmed[PW_NAME_MAX];
    size_t n = path != NULL ? strlen(path) : 0;
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (n == 0 || n >= sizeof trimmed || !pw_zarr_path_is_safe(path))
        return PW_OK;
    memcpy(trimmed, path, n);
    trimmed[n] = '\0';
    return pw_names_add(paths, trimmed, error);
}

/* The path of each entry of list. */
static enum pw_status take_paths(const struct json_object *list, struct pw_names *paths, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    if (json_object_get_type(list) != json_type_array)
        return PW_OK;
    for (size_t i = 0; i < json_object_array_length(list) && status == PW_OK; i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        const char *path = json_object_get_type(entry) == json_type_string ? json_object_get_string(entry)
                                                                           : pw_json_text(entry, "path");
        status = take_path(path, paths, error);
    }
    return status;
}

/* ---- series ---------------------------------------------------------------- */

/* Groups 0, 1, .. as far as there are any: stores without a list of their series. */
static enum pw_status count_series(const struct pw_zarr_node *group, struct pw_names *paths, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (int i = 0; i < SERIES_MAX && status == PW_OK; i++) {
        char name[16], directory[4096];
        (void)snprintf(name, sizeof name, "%d", i);
        if (pw_zarr_join(group->directory, name, directory, NULL) != PW_OK ||
            !pw_zarr_node_exists_in(group->kv, directory))
            break;
        status = pw_names_add(paths, name, error);
    }
    return status;
}

/* The names of the images in OME-XML, in their order. */
static enum pw_status take_xml_names(const char *text, size_t n, struct pw_names *names, struct pw_error *error)
{
    struct pw_xml xml = {text, text + n};
    struct pw_xml_element element;
    enum pw_status status = PW_OK;
    while (status == PW_OK && pw_xml_next(&xml, &element)) {
        char name[PW_NAME_MAX] = "";
        if (element.closing || !pw_xml_is(&element, "Image"))
            continue;
        (void)pw_xml_attribute(&element, "Name", name, sizeof name);
        status = pw_names_add(names, name, error);
    }
    return status;
}

/* From OME/METADATA.ome.xml; none where it is not there, or names another number of images. */
static enum pw_status read_series_names(const struct pw_zarr_node *group, int n_series, struct pw_names *names,
                                        struct pw_error *error)
{
    char path[4200];
    struct stat st;
    int fd = -1;
    size_t got = 0;
    enum pw_status status = PW_OK;
    (void)snprintf(path, sizeof path, "%.4096s/OME/METADATA.ome.xml", group->directory);
    if (stat(path, &st) != 0 || st.st_size <= 0 || st.st_size > XML_BYTES_MAX ||
        pw_file_open_read(path, &fd, NULL) != PW_OK)
        return PW_OK;
    char *text = pw_alloc((size_t)st.st_size, 1, error);
    if (text == NULL)
        status = PW_E_NOMEM;
    else if (pw_file_read(fd, text, (size_t)st.st_size, 0, &got, path, NULL) == PW_OK)
        status = take_xml_names(text, got, names, error);
    free(text);
    (void)close(fd);
    if (status == PW_OK && names->n != n_series)
        pw_names_release(names);
    return status;
}

static enum pw_status list_series(const struct pw_zarr_node *group, struct pw_names *paths, struct pw_names *names,
                                  struct pw_error *error)
{
    char directory[4096];
    struct pw_zarr_node ome = {0};
    enum pw_status status = PW_OK;
    if (pw_zarr_join(group->directory, "OME", directory, NULL) == PW_OK &&
        pw_zarr_node_load_from(&ome, group->kv, directory, NULL) == PW_OK)
        status = take_paths(pw_zarr_attribute(&ome, "series"), paths, error);
    pw_zarr_node_release(&ome);
    if (status == PW_OK && paths->n == 0)
        status = count_series(group, paths, error);
    if (status == PW_OK)
        status = read_series_names(group, paths->n, names, error);
    for (int i = names->n; i < paths->n && status == PW_OK; i++) /* a path that is more than a number is a name */
        status = pw_names_add(
            names, strspn(paths->name[i], "0123456789") == strlen(paths->name[i]) ? "" : paths->name[i], error);
    return status;
}

/* ---- wells ----------------------------------------------------------------- */

/* The fields of a well as paths below it. */
static enum pw_status list_fields(const struct pw_kv *kv, const char *well, struct pw_names *fields,
                                  struct pw_error *error)
{
    struct pw_zarr_node node = {0};
    enum pw_status status = pw_zarr_node_load_from(&node, kv, well, error);
    if (status == PW_OK)
        status = take_paths(pw_json_get(pw_zarr_attribute(&node, "well"), "images"), fields, error);
    pw_zarr_node_release(&node);
    return status;
}

static enum pw_status list_wells(const struct pw_zarr_node *plate, struct pw_names *wells, struct pw_error *error)
{
    return take_paths(pw_json_get(pw_zarr_attribute(plate, "plate"), "wells"), wells, error);
}

/* "A/1" also answers to "A1". */
static int is_well(const char *path, const char *asked, size_t n)
{
    size_t i = 0;
    if (strlen(path) == n && strncmp(path, asked, n) == 0)
        return 1;
    for (; *path != '\0'; path++)
        if (*path != '/' && (i == n || asked[i++] != *path))
            return 0;
    return i == n;
}

/* "directory/name" into the caller's path. */
static enum pw_status append(char path[4096], const char *name, struct pw_error *error)
{
    char joined[4096];
    enum pw_status status = pw_zarr_join(path, name, joined, error);
    if (status == PW_OK)
        memcpy(path, joined, sizeof joined);
    return status;
}

static enum pw_status no_choice(const char *path, const char *what, const char *option, const struct pw_names *names,
                                struct pw_error *error)
{
    char text[400];
    pw_names_list((const char *const *)names->name, names->n, text, sizeof text);
    if (names->n == 0)
        return pw_fail(error, PW_E_FORMAT, "%s: %s, and it is empty", path, what);
    return pw_fail(error, PW_E_ARGUMENT, "%s: %s; choose with %s: %s", path, what, option, text);
}

/* The field of the well at member->path that asked names, or the only one. */
static enum pw_status choose_field(const struct pw_kv *kv, const char *asked, struct pw_zarr_member *member,
                                   struct pw_error *error)
{
    struct pw_names fields = {0};
    enum pw_status status = list_fields(kv, member->path, &fields, error);
    int found =
        asked == NULL ? (fields.n == 1 ? 0 : -1) : pw_names_find((const char *const *)fields.name, fields.n, asked);
    if (status == PW_OK && found < 0)
        status = no_choice(member->path, asked == NULL ? "a well of several images" : "has no such field",
                           "--well WELL/FIELD", &fields, error);
    if (status == PW_OK)
        status = append(member->path, fields.name[found], error);
    pw_names_release(&fields);
    return status;
}

static enum pw_status choose_well(const struct pw_zarr_node *plate, const char *asked, struct pw_zarr_member *member,
                                  struct pw_error *error)
{
    struct pw_names wells = {0};
    const char *slash = asked != NULL ? strrchr(asked, '/') : NULL, *field = NULL;
    int found = -1;
    enum pw_status status = list_wells(plate, &wells, error);
    for (int i = 0; i < wells.n && found < 0 && asked != NULL; i++) {
        if (is_well(wells.name[i], asked, strlen(asked)))
            found = i;
        else if (slash != NULL && is_well(wells.name[i], asked, (size_t)(slash - asked))) {
            found = i;
            field = slash + 1;
        }
    }
    if (status == PW_OK && found < 0)
        status = no_choice(member->path, asked == NULL ? "a plate of many images" : "has no such well",
                           "--well A/1 or --well A/1/0; wells", &wells, error);
    if (status == PW_OK)
        status = append(member->path, wells.name[found], error);
    pw_names_release(&wells);
    return status == PW_OK ? choose_field(plate->kv, field, member, error) : status;
}

/* ---- series by number or name ------------------------------------------------ */

/* The number of the series that text names: by its name, or counted from 0. */
static int find_series(const struct pw_names *names, const char *text)
{
    int found = pw_names_find((const char *const *)names->name, names->n, text);
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 6 || text[digits] != '\0')
        return text[0] != '\0' ? found : -1;
    return atoi(text) < names->n ? atoi(text) : found;
}

/* "0 nuclei, 1 cells" for a message. */
static enum pw_status number_names(const struct pw_names *names, struct pw_names *out, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (int i = 0; i < names->n && status == PW_OK; i++) {
        char text[PW_NAME_MAX + 16];
        (void)snprintf(text, sizeof text, "%d%s%.255s", i, names->name[i][0] != '\0' ? " " : "", names->name[i]);
        status = pw_names_add(out, text, error);
    }
    return status;
}

static enum pw_status choose_series(const struct pw_zarr_node *group, const char *asked, struct pw_zarr_member *member,
                                    struct pw_error *error)
{
    struct pw_names paths = {0}, numbered = {0};
    enum pw_status status = list_series(group, &paths, &member->series_names, error);
    if (status == PW_OK)
        status = number_names(&member->series_names, &numbered, error);
    int found = asked != NULL ? find_series(&member->series_names, asked) : paths.n == 1 ? 0 : -1;
    if (status == PW_OK && found < 0)
        status = no_choice(member->path, asked == NULL ? "a collection of images (bioformats2raw)" : "no such series",
                           "--series", &numbered, error);
    if (status == PW_OK) {
        member->series = found;
        status = append(member->path, paths.name[found], error);
    }
    pw_names_release(&paths);
    pw_names_release(&numbered);
    return status;
}

/* ---- the two questions ------------------------------------------------------- */

void pw_zarr_member_release(struct pw_zarr_member *member)
{
    pw_names_release(&member->series_names);
}

static enum pw_status choose(const struct pw_zarr_node *node, const struct pw_open_options *options,
                             struct pw_zarr_member *member, struct pw_error *error)
{
    const char *series = options != NULL ? options->series : NULL, *well = options != NULL ? options->well : NULL;
    enum pw_collection_kind kind = kind_of(node);
    if (well != NULL && kind != PW_PLATE && kind != PW_WELL)
        return pw_fail(error, PW_E_ARGUMENT, "--well %s: %s is no plate", well, node->directory);
    if (series != NULL && kind != PW_SERIES && strcmp(series, "0") != 0)
        return pw_fail(error, PW_E_ARGUMENT, "--series %s: %s is no store of several series", series, node->directory);
    switch (kind) {
    case PW_PLATE: return choose_well(node, well, member, error);
    case PW_WELL: return choose_field(node->kv, well, member, error);
    case PW_SERIES: return choose_series(node, series, member, error);
    default: return PW_OK;
    }
}

enum pw_status pw_zarr_choose_member(const struct pw_kv *kv, const char *path, const struct pw_open_options *options,
                                     struct pw_zarr_member *member, struct pw_error *error)
{
    struct pw_zarr_node node = {0};
    memset(member, 0, sizeof *member);
    (void)snprintf(member->path, sizeof member->path, "%.4095s", path);
    enum pw_status status = pw_zarr_node_load_from(&node, kv, path, error);
    if (status == PW_OK)
        status = choose(&node, options, member, error);
    pw_zarr_node_release(&node);
    return status;
}

/* Adds the fields of a well that are there: those of an acquisition that was stopped may be listed and not written. */
static enum pw_status list_well(const struct pw_zarr_node *node, const char *path, struct pw_names *paths,
                                struct pw_names *names, struct pw_error *error)
{
    char well[4096], name[PW_NAME_MAX], image[4096];
    struct pw_names fields = {0};
    enum pw_status status = pw_zarr_join(node->directory, path, well, error);
    if (status == PW_OK && pw_zarr_node_exists_in(node->kv, well))
        status = list_fields(node->kv, well, &fields, error);
    for (int i = 0; i < fields.n && status == PW_OK; i++) {
        (void)snprintf(name, sizeof name, "%.120s/%.120s", path, fields.name[i]);
        status = pw_zarr_join(well, fields.name[i], image, error);
        if (status != PW_OK || !pw_zarr_node_exists_in(node->kv, image))
            continue;
        status = pw_names_add(paths, image, error);
        if (status == PW_OK)
            status = pw_names_add(names, name, error);
    }
    pw_names_release(&fields);
    return status;
}

/* The fields of every well of a plate, or of one. */
static enum pw_status list_plate(const struct pw_zarr_node *node, const struct pw_names *wells, struct pw_names *paths,
                                 struct pw_names *names, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (int w = 0; w < wells->n && status == PW_OK; w++)
        status = list_well(node, wells->name[w], paths, names, error);
    return status;
}

static enum pw_status list_below(const struct pw_zarr_node *node, struct pw_names *relative, struct pw_names *paths,
                                 struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (int i = 0; i < relative->n && status == PW_OK; i++) {
        char image[4096];
        status = pw_zarr_join(node->directory, relative->name[i], image, error);
        if (status == PW_OK)
            status = pw_names_add(paths, image, error);
    }
    return status;
}

enum pw_status pw_zarr_list_members(const struct pw_kv *kv, const char *path, enum pw_collection_kind *kind,
                                    struct pw_names *paths, struct pw_names *names, struct pw_error *error)
{
    struct pw_zarr_node node = {0};
    struct pw_names relative = {0};
    *kind = PW_ONE_IMAGE;
    enum pw_status status = pw_zarr_node_load_from(&node, kv, path, error);
    if (status == PW_OK)
        *kind = kind_of(&node);
    if (status == PW_OK && *kind == PW_PLATE) {
        status = list_wells(&node, &relative, error);
        if (status == PW_OK)
            status = list_plate(&node, &relative, paths, names, error);
    } else if (status == PW_OK && *kind == PW_WELL) {
        status = list_fields(kv, path, &relative, error);
        for (int i = 0; i < relative.n && status == PW_OK; i++)
            status = pw_names_add(names, relative.name[i], error);
        if (status == PW_OK)
            status = list_below(&node, &relative, paths, error);
    } else if (status == PW_OK && *kind == PW_SERIES) {
        status = list_series(&node, &relative, names, error);
        if (status == PW_OK)
            status = list_below(&node, &relative, paths, error);
    }
    pw_names_release(&relative);
    pw_zarr_node_release(&node);
    return status;
}
