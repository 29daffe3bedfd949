#include "store/zarr_place.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "store/ngff_metadata.h"
#include "store/zarr_consolidated.h"
#include "store/zarr_node.h"
#include "sys/file.h"

/* ---- names and paths ---- */

/* A name that is a directory's and cannot be taken for metadata or a hidden one. */
static enum pw_status take_name(struct pw_zarr_place *place, const char *name, struct pw_error *error)
{
    size_t n = name != NULL ? strlen(name) : 0;
    if (n == 0 || n > 200 || strchr(name, '/') != NULL || name[0] == '.' || strncmp(name, "__", 2) == 0 ||
        strcmp(name, "zarr.json") == 0)
        return pw_fail(error, PW_E_ARGUMENT,
                       "label name '%s': it must be 1 to 200 bytes, without '/', not begin with '.' or '__', nor be "
                       "zarr.json",
                       name != NULL ? name : "");
    memcpy(place->name, name, n + 1);
    return PW_OK;
}

/* path without slashes at its end; what a link leads to. */
static enum pw_status take_path(const char *path, char out[PW_TREE_PATH_BYTES], struct pw_error *error)
{
    struct stat st;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (n == 0 || n >= PW_TREE_PATH_BYTES - 64)
        return pw_fail(error, PW_E_ARGUMENT, "'%.100s': no path of a store, or too long a one", path);
    memcpy(out, path, n);
    out[n] = '\0';
    if (lstat(out, &st) == 0 && S_ISLNK(st.st_mode)) {
        char *target = realpath(out, NULL);
        int fits = target != NULL && strlen(target) < PW_TREE_PATH_BYTES - 64;
        if (fits)
            memcpy(out, target, strlen(target) + 1);
        free(target);
        if (!fits)
            return pw_fail(error, PW_E_ARGUMENT, "%s: a link that leads nowhere", out);
    }
    return PW_OK;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static enum pw_status check_writable(const char *directory, struct pw_error *error)
{
    struct stat st;
    if (stat(directory, &st) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: the directory of the output", directory);
    if (!S_ISDIR(st.st_mode))
        return pw_fail(error, PW_E_NOT_FOUND, "%s: not a directory, so no store can be made in it", directory);
    if (access(directory, W_OK | X_OK) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: the output cannot be made here", directory);
    return PW_OK;
}

/* ---- alone ---- */

/* Whether a directory holds nothing but a group and its labels. */
static int holds_labels_only(const char *path)
{
    static const char *const ours[] = {".", "..", "zarr.json", ".zgroup", ".zattrs", ".zmetadata", "labels"};
    DIR *directory = opendir(path);
    int labels = 0, foreign = directory == NULL;
    for (struct dirent *entry; !foreign && (entry = readdir(directory)) != NULL;) {
        size_t i = 0;
        while (i < sizeof ours / sizeof ours[0] && strcmp(entry->d_name, ours[i]) != 0)
            i++;
        foreign = i == sizeof ours / sizeof ours[0];
        labels = labels || strcmp(entry->d_name, "labels") == 0;
    }
    if (directory != NULL)
        (void)closedir(directory);
    return labels && !foreign;
}

static int is_label_store(const char *path)
{
    struct pw_zarr_node node = {0};
    int is = holds_labels_only(path) && pw_zarr_node_exists(path) && pw_zarr_node_load(&node, path, NULL) == PW_OK &&
             !node.is_array && pw_zarr_attribute(&node, "multiscales") == NULL;
    pw_zarr_node_release(&node);
    return is;
}

static enum pw_status init_alone(struct pw_zarr_place *place, const struct pw_sink_request *request,
                                 struct pw_error *error)
{
    char parent[PW_TREE_PATH_BYTES];
    struct stat st;
    if (request->ngff != NULL && strcmp(request->ngff, "0.5") != 0 && strcmp(request->ngff, "0.4") != 0)
        return pw_fail(error, PW_E_ARGUMENT, "NGFF version '%s': it is 0.5 or 0.4", request->ngff);
    place->version = request->ngff != NULL && strcmp(request->ngff, "0.4") == 0 ? 2 : 3;
    enum pw_status status = take_path(request->path, place->final, error);
    if (status != PW_OK)
        return status;
    const char *name = last_part(place->final);
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: not the name of a store", request->path);
    pw_file_parent(place->final, parent, sizeof parent);
    status = check_writable(parent, error);
    if (status != PW_OK)
        return status;
    pw_tree_recover(place->final);
    if (lstat(place->final, &st) == 0 && !place->overwrite)
        return pw_fail(error, PW_E_EXISTS, "%s: exists already; --overwrite replaces it", place->final);
    if (lstat(place->final, &st) == 0 && !is_label_store(place->final))
        return pw_fail(error, PW_E_EXISTS,
                       "%s: exists and is not a zarr store that holds labels only, which is all that is overwritten",
                       place->final);
    int n = snprintf(place->label_path, sizeof place->label_path, "%s/labels/%s", place->final, place->name);
    return n > 0 && (size_t)n < sizeof place->label_path
               ? PW_OK
               : pw_fail(error, PW_E_ARGUMENT, "%s: the path is too long", place->final);
}

/* ---- into an image ---- */

/* SpatialData opens nothing of a store any more when one of its images holds labels. */
static enum pw_status check_owner(const struct pw_zarr_node *image, struct pw_error *error)
{
    if (pw_zarr_attribute(image, "spatialdata_attrs") == NULL)
        return PW_OK;
    return pw_fail(
        error, PW_E_ARGUMENT,
        "%s: belongs to a SpatialData, which opens no image that holds labels; give -o, and add the labels with "
        "spatialdata",
        image->directory);
}

/* The group of the image at path: path itself, or the group above an array of it. */
static enum pw_status find_image(const char *path, char image[PW_TREE_PATH_BYTES], int *version, struct pw_error *error)
{
    enum pw_status status = take_path(path, image, error);
    for (int up = 0; status == PW_OK && up < 4; up++) {
        char parent[PW_TREE_PATH_BYTES];
        struct pw_zarr_node node = {0};
        status = pw_zarr_node_load(&node, image, error);
        int found = status == PW_OK && pw_zarr_attribute(&node, "multiscales") != NULL;
        *version = node.version;
        if (found)
            status = check_owner(&node, error);
        pw_zarr_node_release(&node);
        if (found || (status != PW_OK && (status != PW_E_NOT_FOUND || up == 0)))
            return status;
        status = PW_OK;
        pw_file_parent(image, parent, sizeof parent);
        memcpy(image, parent, sizeof parent);
    }
    return status != PW_OK
               ? status
               : pw_fail(error, PW_E_ARGUMENT, "%s: not an OME-Zarr image, so labels cannot go into it", path);
}

static enum pw_status check_old_label(const struct pw_zarr_place *place, struct pw_error *error)
{
    struct pw_zarr_node node = {0};
    struct stat st;
    pw_tree_recover(place->final);
    if (lstat(place->final, &st) != 0)
        return PW_OK;
    if (!place->overwrite)
        return pw_fail(error, PW_E_EXISTS, "%s: exists already; --overwrite replaces it", place->final);
    int is_label = S_ISDIR(st.st_mode) && pw_zarr_node_exists(place->final) &&
                   pw_zarr_node_load(&node, place->final, NULL) == PW_OK &&
                   pw_zarr_attribute(&node, "image-label") != NULL;
    pw_zarr_node_release(&node);
    return is_label ? PW_OK
                    : pw_fail(error, PW_E_EXISTS,
                              "%s: exists and is not a label image, which is all that is overwritten", place->final);
}

static enum pw_status init_into_image(struct pw_zarr_place *place, const struct pw_sink_request *request,
                                      struct pw_error *error)
{
    char image[PW_TREE_PATH_BYTES];
    char *listed;
    struct stat st;
    enum pw_status status = find_image(request->path, image, &place->version, error);
    if (status != PW_OK)
        return status;
    const char *ngff = place->version == 3 ? "0.5" : "0.4";
    if (request->ngff != NULL && strcmp(request->ngff, ngff) != 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: a zarr v%d store takes labels of NGFF %s, not %s", image,
                       place->version, ngff, request->ngff);
    status = pw_zarr_join(image, "labels", place->labels, error);
    if (status == PW_OK)
        status = pw_zarr_join(place->labels, place->name, place->final, error);
    if (status != PW_OK)
        return status;
    memcpy(place->label_path, place->final, sizeof place->final);
    status = check_writable(stat(place->labels, &st) == 0 ? place->labels : image, error);
    if (status == PW_OK)
        status = check_old_label(place, error);
    if (status != PW_OK)
        return status;
    /* Broken metadata is better found now than after hours. */
    status = pw_ngff_list_prepare(place->version, place->labels, place->name, &listed, error);
    free(listed);
    return status;
}

/* ---- in place ---- */

static enum pw_status init_in_place(struct pw_zarr_place *place, const struct pw_sink_request *request,
                                    struct pw_error *error)
{
    char parent[PW_TREE_PATH_BYTES];
    struct pw_zarr_node node = {0};
    enum pw_status status = take_path(request->path, place->final, error);
    if (status == PW_OK)
        status = pw_zarr_node_load(&node, place->final, error);
    if (status != PW_OK)
        return status;
    place->version = node.version;
    place->is_array = node.is_array;
    pw_zarr_node_release(&node);
    memcpy(place->label_path, place->final, sizeof place->final);
    pw_file_parent(place->final, parent, sizeof parent);
    return check_writable(parent, error);
}

enum pw_status pw_zarr_place_init(struct pw_zarr_place *place, const struct pw_sink_request *request,
                                  struct pw_error *error)
{
    memset(place, 0, sizeof *place);
    place->into_image = request->into_image;
    place->overwrite = request->overwrite || request->replaces;
    if (request->replaces) {
        (void)snprintf(place->name, sizeof place->name, "%.200s", last_part(request->path));
        return init_in_place(place, request, error);
    }
    enum pw_status status = take_name(place, request->label_name, error);
    if (status != PW_OK)
        return status;
    place->labels_alone = !request->into_image;
    return request->into_image ? init_into_image(place, request, error) : init_alone(place, request, error);
}

/* ---- making ---- */

/* hidden/labels/NAME, with the metadata of what is above the label image. */
static enum pw_status build_alone(struct pw_zarr_place *place, struct pw_error *error)
{
    char labels[PW_TREE_PATH_BYTES];
    char *listed = NULL;
    enum pw_status status = pw_zarr_join(place->hidden, "labels", labels, error);
    if (status == PW_OK)
        status = pw_zarr_join(labels, place->name, place->build, error);
    if (status == PW_OK)
        status = pw_tree_make(labels, error);
    if (status == PW_OK)
        status = pw_tree_make(place->build, error);
    if (status == PW_OK)
        status = pw_ngff_list_prepare(place->version, labels, place->name, &listed, error);
    if (status == PW_OK)
        status = pw_ngff_list_write(place->version, labels, listed, error);
    free(listed);
    return status == PW_OK ? pw_zarr_write_group(place->version, json_object_new_object(), place->hidden, error)
                           : status;
}

enum pw_status pw_zarr_place_start(struct pw_zarr_place *place, struct pw_error *error)
{
    char parent[PW_TREE_PATH_BYTES];
    if (place->into_image) {
        place->made_labels = mkdir(place->labels, 0777) == 0;
        if (!place->made_labels && errno != EEXIST)
            return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be made", place->labels);
    }
    pw_file_parent(place->final, parent, sizeof parent);
    char made[PW_TREE_PATH_BYTES];
    enum pw_status status = pw_tree_make_hidden(parent, last_part(place->final), made, &place->lock, error);
    if (status == PW_OK) {
        memcpy(place->hidden, made, sizeof made);
        memcpy(place->build, made, sizeof made);
        status = place->labels_alone ? build_alone(place, error) : PW_OK;
    }
    if (status != PW_OK)
        pw_zarr_place_abort(place);
    return status;
}

static void remove_hidden(struct pw_zarr_place *place)
{
    if (place->hidden[0] == '\0')
        return;
    pw_tree_remove(place->hidden);
    (void)close(place->lock);
    place->hidden[0] = '\0';
}

void pw_zarr_place_abort(struct pw_zarr_place *place)
{
    remove_hidden(place);
    if (place->made_labels)
        (void)rmdir(place->labels); /* another run may have put something there: then it stays */
    place->made_labels = 0;
}

/* ---- coming into view ---- */

/* Puts the label image in place and its name into the list; both or neither. */
static enum pw_status publish_listed(struct pw_zarr_place *place, struct pw_error *error)
{
    char *listed = NULL;
    enum pw_status status = pw_ngff_list_prepare(place->version, place->labels, place->name, &listed, error);
    if (status == PW_OK)
        status = pw_tree_publish(place->hidden, place->final, place->overwrite, error);
    if (status == PW_OK) {
        status = pw_ngff_list_write(place->version, place->labels, listed, error);
        if (status != PW_OK) {
            struct stat st;
            if (stat(place->hidden, &st) == 0)
                (void)pw_tree_publish(place->hidden, place->final, 1, NULL);
            else
                (void)rename(place->final, place->hidden);
        }
    }
    free(listed);
    return status;
}

/* Runs that add labels to one image at a time take turns. */
static enum pw_status publish_into_image(struct pw_zarr_place *place, struct pw_error *error)
{
    int lock;
    enum pw_status status = pw_tree_lock(place->labels, &lock, error);
    if (status != PW_OK)
        return status;
    status = publish_listed(place, error);
    if (status == PW_OK)
        status = pw_zarr_consolidate(place->labels, error);
    (void)close(lock);
    return status;
}

enum pw_status pw_zarr_place_commit(struct pw_zarr_place *place, struct pw_error *error)
{
    char parent[PW_TREE_PATH_BYTES];
    enum pw_status status = pw_tree_sync(place->hidden, error);
    if (status == PW_OK)
        status = place->into_image ? publish_into_image(place, error)
                                   : pw_tree_publish(place->hidden, place->final, place->overwrite, error);
    if (status != PW_OK)
        return status;
    pw_file_parent(place->final, parent, sizeof parent);
    (void)pw_tree_sync_directory(parent, NULL);
    remove_hidden(place); /* what was replaced, if anything */
    place->made_labels = 0;
    return place->into_image ? PW_OK : pw_zarr_consolidate(place->final, error);
}
