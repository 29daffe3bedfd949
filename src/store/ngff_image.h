/*
 * store/ngff_image - the metadata of an image in OME-NGFF 0.4 and 0.5: levels, and how viewers show its channels.
 *
 * Errors: those of writing.  Threads: no shared state.
 */
#ifndef PW_STORE_NGFF_IMAGE_H
#define PW_STORE_NGFF_IMAGE_H

#include "store/image_output.h"
#include "store/ngff_multiscale.h"
#include "store/zarr_node.h"

struct pw_ngff_image {
    struct pw_ngff_multiscale multiscale;
    const char *const *channel_name;      /* one for each channel, or NULL; "" where it has none */
    const char *const *channel_show;      /* likewise: JSON of how the image that is converted shows it */
    const struct pw_image_window *window; /* likewise, or NULL */
    enum pw_dtype dtype;
};

/* The group of the levels, in directory. */
enum pw_status pw_ngff_write_image(const struct pw_ngff_image *image, const char *directory, struct pw_error *error);

/* Whether node is a group that pw_ngff_write_image() wrote. */
int pw_ngff_is_converted(const struct pw_zarr_node *node);

#endif
