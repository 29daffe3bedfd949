#include "store/tiles_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "sys/file.h"

#define KEY "patchworks_tiles"

/* ---- the list ---------------------------------------------------------- */

void pw_tile_list_release(struct pw_tile_list *list)
{
    for (uint64_t i = 0; list->path != NULL && i < list->n_tiles; i++)
        free(list->path[i]);
    free(list->path);
    memset(list, 0, sizeof *list);
}

/* Three numbers, or two behind first. */
static enum pw_status take_extent(const struct pw_json *place, const char *key, uint64_t first, uint64_t out[3],
                                  int *rank, struct pw_error *error)
{
    uint64_t value[3];
    enum pw_status status = pw_json_u64_list(place, key, 3, value, rank, error);
    if (status != PW_OK)
        return status;
    if (*rank < 2)
        return pw_fail(error, PW_E_FORMAT, "%s: \"%s\" is not z, y, x or y, x", place->path, key);
    out[0] = *rank == 3 ? value[0] : first;
    out[1] = value[*rank - 2];
    out[2] = value[*rank - 1];
    return PW_OK;
}

static enum pw_status take_extents(struct pw_tile_list *list, const struct pw_json *place, struct pw_error *error)
{
    int rank[3];
    enum pw_status status = take_extent(place, "shape", 1, list->shape, &rank[0], error);
    if (status == PW_OK)
        status = take_extent(place, "tile", 1, list->tile, &rank[1], error);
    if (status == PW_OK)
        status = take_extent(place, "halo", 0, list->halo, &rank[2], error);
    if (status != PW_OK)
        return status;
    if (rank[0] != rank[1] || rank[0] != rank[2])
        return pw_fail(error, PW_E_FORMAT, "%s: \"shape\", \"tile\" and \"halo\" have %d, %d and %d axes", place->path,
                       rank[0], rank[1], rank[2]);
    list->rank = rank[0];
    list->n_tiles = 1;
    for (int i = 0; i < 3; i++)
        if (list->shape[i] == 0 || list->tile[i] == 0 || list->shape[i] > UINT32_MAX || list->halo[i] > UINT32_MAX ||
            !pw_mul_u64(list->n_tiles, pw_ceil_div(list->shape[i], list->tile[i]), &list->n_tiles))
            return pw_fail(error, PW_E_FORMAT, "%s: a \"shape\" of %llu with a \"tile\" of %llu", place->path,
                           (unsigned long long)list->shape[i], (unsigned long long)list->tile[i]);
    return PW_OK;
}

static enum pw_status take_paths(struct pw_tile_list *list, const struct pw_json *place, struct pw_error *error)
{
    char directory[4096], path[8192];
    struct json_object *tiles = pw_json_get_typed(place->object, "tiles", json_type_array);
    size_t n = tiles != NULL ? json_object_array_length(tiles) : 0;
    if (tiles == NULL || n != list->n_tiles)
        return pw_fail(error, PW_E_FORMAT, "%s: \"tiles\" lists %zu tiles of %llu", place->path, n,
                       (unsigned long long)list->n_tiles);
    list->path = pw_alloc(n, sizeof *list->path, error);
    if (list->path == NULL)
        return PW_E_NOMEM;
    pw_file_parent(place->path, directory, sizeof directory);
    for (size_t i = 0; i < n; i++) {
        struct json_object *entry = json_object_array_get_idx(tiles, i);
        if (entry == NULL)
            continue;
        if (!json_object_is_type(entry, json_type_string) || json_object_get_string_len(entry) == 0)
            return pw_fail(error, PW_E_FORMAT, "%s: tile %zu of \"tiles\" is neither a path nor null", place->path, i);
        const char *name = json_object_get_string(entry);
        (void)snprintf(path, sizeof path, "%s%s%s", name[0] == '/' ? "" : directory, name[0] == '/' ? "" : "/", name);
        list->path[i] = pw_strdup(path, error);
        if (list->path[i] == NULL)
            return PW_E_NOMEM;
    }
    return PW_OK;
}

enum pw_status pw_tile_list_read(struct pw_tile_list *list, const char *path, struct pw_error *error)
{
    struct json_object *meta;
    memset(list, 0, sizeof *list);
    enum pw_status status = pw_json_load(path, &meta, error);
    if (status != PW_OK)
        return status;
    struct pw_json place = {meta, path};
    uint64_t version;
    if (!pw_json_to_u64(pw_json_get(meta, KEY), &version) || version != 1)
        status = pw_fail(error, PW_E_FORMAT, "%s: not a list of tiles (\"" KEY "\": 1)", path);
    if (status == PW_OK)
        status = take_extents(list, &place, error);
    if (status == PW_OK)
        status = take_paths(list, &place, error);
    json_object_put(meta);
    if (status != PW_OK)
        pw_tile_list_release(list);
    return status;
}

/* ---- as a source ------------------------------------------------------- */

static enum pw_status locate_nothing(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                                     struct pw_error *error)
{
    (void)source;
    (void)chunk_index;
    (void)extent;
    (void)error;
    return PW_EMPTY;
}

static enum pw_status decode_nothing(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                                     const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    (void)source;
    (void)decoder;
    (void)chunk_index;
    (void)stored;
    (void)n;
    (void)voxels;
    (void)error;
    return PW_EMPTY;
}

static void tiles_close(struct pw_source *source)
{
    free(source);
}

static const struct pw_source_ops ops = {
    .format = "tiles",
    .locate = locate_nothing,
    .decode = decode_nothing,
    .close = tiles_close,
};

static enum pw_status tiles_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                 struct pw_error *error)
{
    static const char *const axis[3] = {"z", "y", "x"};
    struct pw_tile_list list;
    (void)options;
    enum pw_status status = pw_tile_list_read(&list, path, error);
    if (status != PW_OK)
        return status;
    struct pw_source *made = pw_alloc(1, sizeof *made, error);
    if (made != NULL) {
        struct pw_image_info *info = &made->info;
        made->ops = &ops;
        made->capabilities = PW_SOURCE_CHUNKED;
        made->stored_bytes_max = 1;
        (void)snprintf(made->path, sizeof made->path, "%s", path);
        (void)snprintf(info->format, sizeof info->format, "tiles");
        info->dtype = PW_U8; /* of voxels that are never looked at */
        info->rank = list.rank;
        info->n_levels = 1;
        memcpy(info->level_shape[0], list.shape + 3 - list.rank, (size_t)list.rank * sizeof list.shape[0]);
        for (int i = 0; i < list.rank; i++) {
            int k = 3 - list.rank + i;
            info->shape[i] = list.shape[k];
            info->chunk[i] = info->shard[i] = pw_min_u64(list.tile[k], list.shape[k]);
            (void)snprintf(info->axis[i].name, sizeof info->axis[i].name, "%s", axis[k]);
            info->axis[i].kind = 's';
            info->axis[i].scale = 1;
        }
    }
    pw_tile_list_release(&list);
    *source = made;
    return made != NULL ? PW_OK : PW_E_NOMEM;
}

/* A JSON object that names the key within what has been read of it. */
static int tiles_recognise(const char *path, const unsigned char *head, size_t n)
{
    (void)path;
    return n > 0 && head[0] == '{' && memmem(head, n, "\"" KEY "\"", strlen("\"" KEY "\"")) != NULL;
}

int pw_tile_list_is(const char *path)
{
    unsigned char head[512];
    size_t n = 0;
    int fd;
    if (pw_file_open_read(path, &fd, NULL) != PW_OK)
        return 0;
    int is = pw_file_read(fd, head, sizeof head, 0, &n, path, NULL) == PW_OK && tiles_recognise(path, head, n);
    (void)close(fd);
    return is;
}

const struct pw_format pw_format_tiles = {.name = "tiles", .recognise = tiles_recognise, .open = tiles_open};
