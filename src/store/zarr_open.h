/*
 * store/zarr_open - from a path to the zarr array that it means.
 *
 * A path to an array is that array; a path to an OME-NGFF image is its level
 * `level`.  Any other group is refused with a message that says what to open instead.
 * Threads: no shared state.
 */
#ifndef PW_STORE_ZARR_OPEN_H
#define PW_STORE_ZARR_OPEN_H

#include "store/zarr_array.h"

/* What was found.  Release with pw_zarr_target_release(), safe on a zeroed one. */
struct pw_zarr_target {
    struct pw_zarr_array array;
    struct pw_image_info info; /* complete, but for chunk, shard and label_names */
    const struct pw_kv *kv;    /* borrowed */
    char directory[4096];      /* of the array */
    char **label_names;        /* info.n_labels of them */
    struct pw_names channel_names;
    struct pw_names channel_shows;
};

/* kv holds path, and outlives target. */
enum pw_status pw_zarr_target_open(const struct pw_kv *kv, const char *path, int level, struct pw_zarr_target *target,
                                   struct pw_error *error);
void pw_zarr_target_release(struct pw_zarr_target *target);

/* zarr_group.c: explains why group is no image, and what below it is.  Returns the status it fills in. */
enum pw_status pw_zarr_group_explain(const struct pw_zarr_node *group, struct pw_error *error);

#endif
