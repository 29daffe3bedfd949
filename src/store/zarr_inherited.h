/*
 * store/zarr_inherited - metadata of a node that only a group above it has.
 *
 * Consolidated metadata (.zmetadata of zarr v2, consolidated_metadata of a zarr v3 group) repeat those of all nodes below.
 * Where a node has its own, those count; copies that outlived a deleted node are not believed: its directory must be there.
 *
 *     struct pw_zarr_inherited found;
 *     if (pw_zarr_inherited_find(kv, directory, &found)) { ... }
 *     pw_zarr_inherited_release(&found);     safe after either
 *
 * Threads: as the kv.
 */
#ifndef PW_STORE_ZARR_INHERITED_H
#define PW_STORE_ZARR_INHERITED_H

#include "base/json.h"
#include "store/kv.h"

struct pw_zarr_inherited {
    int version;                    /* 2 or 3 */
    int is_array;                   /* of version 2 */
    char path[4096];                /* of the file that they are in */
    struct json_object *meta;       /* as zarr.json, .zarray or .zgroup would be */
    struct json_object *attributes; /* version 2: .zattrs, or NULL */
};

/* 1 when some were found for the node in directory, or for the group that it is. */
int pw_zarr_inherited_find(const struct pw_kv *kv, const char *directory, struct pw_zarr_inherited *found);
void pw_zarr_inherited_release(struct pw_zarr_inherited *found);

#endif
