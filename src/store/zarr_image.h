/*
 * store/zarr_image - an OME-Zarr image in the making; what writing a new one and adding levels to one have in common.
 *
 * Internal to zarr_image.c and zarr_extend.c.
 */
#ifndef PW_STORE_ZARR_IMAGE_H
#define PW_STORE_ZARR_IMAGE_H

#include "store/image_output.h"
#include "store/zarr_metadata.h"
#include "sys/tree.h"

struct pw_zarr_image {
    struct pw_image_output base;
    int version; /* of zarr */
    int overwrite;
    struct pw_array_axes axes;
    const char *const *channel_name;
    const char *const *channel_show;
    struct pw_output_array level[PW_MAX_LEVELS];
    char hidden[PW_TREE_PATH_BYTES];
    int lock; /* of hidden, while there is one */
};

extern const struct pw_image_output_ops pw_zarr_image_ops;

/* Takes the axes of the image into its level l, whose shape, layout and type are set. */
void pw_zarr_image_finish_level(struct pw_zarr_image *image, int l);

/*
 * Makes shards that nobody asked for (shard 0) smaller, until what one of level l is made of takes about 32 MiB: all of it is in
 * memory at a time.  rows_last: they become narrower only when they are one chunk along z and y.
 */
void pw_zarr_image_shrink_unit(const struct pw_level_shapes *levels, int l, enum pw_dtype dtype,
                               const uint64_t shard[3], int rows_last, struct pw_zarr_layout *layout);

/*
 * Units as wide as the image, where the source has whole rows and one row of chunks of them is no larger than a unit: narrower
 * ones would have an uncompressed file read in very many small pieces.  Returns whether they are.
 */
int pw_zarr_image_widen_units(const struct pw_image_request *request, struct pw_zarr_layout *layout);

/* Removes the hidden directory with what is in it; nothing when there is none. */
void pw_zarr_image_remove_hidden(struct pw_zarr_image *image);

#endif
