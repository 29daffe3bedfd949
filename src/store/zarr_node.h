/*
 * store/zarr_node - a directory as a node of a zarr hierarchy: array or group, v2 or v3.
 *
 *     struct pw_zarr_node node = {0};
 *     status = pw_zarr_node_load(&node, directory, error);       PW_E_NOT_FOUND: no zarr metadata there
 *     status = pw_zarr_node_load_from(&node, kv, directory, error);      the same in any store of keys
 *     ... node.meta, pw_zarr_attribute(&node, "multiscales") ...
 *     pw_zarr_node_release(&node);                               safe on a zeroed node
 *
 * zarr.json comes first, then .zarray, then .zgroup, then a bare .zattrs, which is a
 * group too.  Consolidated metadata count where there is nothing else: store/zarr_inherited.h.
 */
#ifndef PW_STORE_ZARR_NODE_H
#define PW_STORE_ZARR_NODE_H

#include "base/json.h"
#include "store/kv.h"

struct pw_zarr_node {
    const struct pw_kv *kv; /* borrowed */
    int version;            /* 2 or 3 */
    int is_array;
    char directory[4096];
    char meta_path[4096];
    struct json_object *meta;           /* NULL for a bare .zattrs */
    struct json_object *own_attributes; /* v2: .zattrs */
    struct json_object *attributes;     /* either; NULL when there are none */
};

enum pw_status pw_zarr_node_load(struct pw_zarr_node *node, const char *directory, struct pw_error *error);
enum pw_status pw_zarr_node_load_from(struct pw_zarr_node *node, const struct pw_kv *kv, const char *directory,
                                      struct pw_error *error);
void pw_zarr_node_release(struct pw_zarr_node *node);

/* Whether directory holds zarr metadata of any kind. */
int pw_zarr_node_exists(const char *directory);
int pw_zarr_node_exists_in(const struct pw_kv *kv, const char *directory);

/* An OME-NGFF attribute: from attributes.ome (0.5) or the attributes themselves (0.4). */
struct json_object *pw_zarr_attribute(const struct pw_zarr_node *node, const char *key);

/*
 * The names of the nodes within directory, sorted, as "a, b, c" for a message; how
 * many there are is returned.  What does not fit ends in "...".
 */
int pw_zarr_children(const struct pw_kv *kv, const char *directory, char *out, size_t out_bytes);

/* Whether path, of a node relative to another, stays below it: not absolute, no "..", not empty. */
int pw_zarr_path_is_safe(const char *path);

/* directory/name into out of 4096 bytes.  PW_E_ARGUMENT when it does not fit. */
enum pw_status pw_zarr_join(const char *directory, const char *name, char *out, struct pw_error *error);

#endif
