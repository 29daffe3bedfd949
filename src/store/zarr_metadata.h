/*
 * store/zarr_metadata - the metadata of arrays and groups that are written, in zarr v2 and v3.
 *
 * As the specifications want it and as viewers read it: object form for every codec, axis names as dimension names, in
 * v2 no other keys in the compressor than older readers know.
 *
 * Errors: those of writing.  Threads: no shared state.
 */
#ifndef PW_STORE_ZARR_METADATA_H
#define PW_STORE_ZARR_METADATA_H

#include <json-c/json.h>

#include "store/array_axes.h"
#include "store/zarr_output_array.h"

/* zarr.json, or .zarray and .zattrs, of array in directory; attributes of its own may be NULL, and are given away. */
enum pw_status pw_zarr_write_array(int version, const struct pw_array_axes *axes, const struct pw_output_array *array,
                                   struct json_object *attributes, const char *directory, struct pw_error *error);

/* A group with these attributes, which are given away. */
enum pw_status pw_zarr_write_group(int version, struct json_object *attributes, const char *directory,
                                   struct pw_error *error);

/* What such a group's zarr.json is. */
struct json_object *pw_zarr_group_v3(struct json_object *attributes);

#endif
